//! By Hamlib's `rigctld` (rigctld(1)): `T 1` keys, `T 0` releases, `t` asks whether it did, `\get_dcd` tells of the squelch.
//!
//! A connection a call: a server that was started anew is found again, which matters most when it must release.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a radio may take to do it. Old ones are asked at 4800 bit/s and answer in a few hundred milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// So often it is asked where what comes is no answer to what was asked. Hamlib's (4.5) closes a client's descriptor twice when that one has
/// gone; who comes at that moment has the same number, and is hung up on in its place (some four in a hundred that follow at once) or, far
/// more rarely, reads what that one was answered. To be asked twice changes nothing.
const TIMES: u32 = 5;

/// A radio that is keyed by its server.
#[derive(Debug)]
pub struct Key(SocketAddr);

impl Key {
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    pub(super) fn set(&self, pressed: bool) -> io::Result<()> {
        let mut contradicted = false;
        again(|| {
            let mut server = Server::connect(self.0)?;
            server.order(if pressed { "T 1\n" } else { "T 0\n" })?;
            // A radio that does not tell is believed; one that tells otherwise is not. It may be on the air all the same, so that it is asked
            // once more and no oftener.
            let said = server.ask("t\n")?;
            match said.parse::<u8>() {
                Ok(is) if (is != 0) == pressed => Ok(()),
                Ok(is) => {
                    let why = format!("the radio says that its key is at {is}");
                    Err(if std::mem::replace(&mut contradicted, true) {
                        io::Error::other(why)
                    } else {
                        not_to_this(why)
                    })
                }
                Err(_) if is_refusal(&said) => Ok(()),
                Err(_) => Err(not_to_this(format!("rigctld answered \"t\" by {said:?}"))),
            }
        })
    }
}

/// A radio whose server tells of its squelch.
#[derive(Debug)]
pub struct Squelch(SocketAddr);

impl Squelch {
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    pub(super) fn is_open(&self) -> io::Result<bool> {
        again(|| {
            let said = Server::connect(self.0)?.ask("\\get_dcd\n")?;
            match said.as_str() {
                "0" => Ok(false),
                "1" => Ok(true),
                _ if is_refusal(&said) => {
                    Err(io::Error::other(format!("rigctld tells nothing of the squelch: {said:?}")))
                }
                _ => Err(not_to_this(format!("rigctld tells nothing of the squelch: {said:?}"))),
            }
        })
    }
}

fn is_refusal(said: &str) -> bool {
    said.starts_with("RPRT -")
}

/// An answer that may have been another's.
fn not_to_this(said: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, said)
}

/// Asks, and asks again where it is hung up on or hears what may have been said to another.
fn again<T>(mut ask: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, InvalidData, UnexpectedEof};

    let is_none =
        |error: &io::Error| matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe | InvalidData);
    for _ in 1..TIMES {
        match ask() {
            Err(error) if is_none(&error) => {}
            answered => return answered,
        }
    }
    ask()
}

struct Server(BufReader<TcpStream>);

impl Server {
    fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    fn ask(&mut self, question: &str) -> io::Result<String> {
        self.0.get_mut().write_all(question.as_bytes())?;
        let mut line = String::new();
        // An answer has a few bytes; what is longer is none.
        io::Read::take(&mut self.0, 256).read_line(&mut line)?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn order(&mut self, order: &str) -> io::Result<()> {
        match self.ask(order)?.as_str() {
            "RPRT 0" => Ok(()),
            said if is_refusal(said) => {
                Err(io::Error::other(format!("rigctld refused {:?}: {said}", order.trim_end())))
            }
            said => Err(not_to_this(format!("rigctld answered {:?} by {said:?}", order.trim_end()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// What a real one was heard to say, a connection a row: to what it is said, and what.
    fn saying(rows: Vec<Vec<(&'static str, &'static str)>>) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let said = std::thread::spawn(move || {
            for row in rows {
                let mut client = BufReader::new(listener.accept().expect("a client").0);
                for (asked, answer) in row {
                    let mut line = String::new();
                    client.read_line(&mut line).expect("a question");
                    assert_eq!(line.trim_end(), asked);
                    client.get_mut().write_all(answer.as_bytes()).expect("a listener");
                }
            }
        });
        (address, said)
    }

    #[test]
    fn what_was_said_to_another_is_no_answer() {
        let (address, said) = saying(vec![
            vec![("T 1", "1\n")],
            vec![("T 1", "RPRT 0\n"), ("t", "RPRT 0\n")],
            vec![("T 1", "RPRT 0\n"), ("t", "0\n")],
            vec![("T 1", "")],
            vec![("T 1", "RPRT 0\n"), ("t", "1\n")],
            vec![("\\get_dcd", "RPRT 0\n")],
            vec![("\\get_dcd", "1\n")],
        ]);
        Key::new(address).set(true).expect("pressed in the end");
        assert!(Squelch::new(address).is_open().expect("told in the end"));
        said.join().expect("all was asked");
    }

    #[test]
    fn a_refusal_is_one_at_once_and_a_radio_that_says_otherwise_is_not_believed() {
        let otherwise = vec![("T 0", "RPRT 0\n"), ("t", "1\n")];
        let (address, said) =
            saying([vec![vec![("T 1", "RPRT -11\n")], vec![("\\get_dcd", "RPRT -11\n")]], vec![otherwise; 2]].concat());
        let (key, squelch) = (Key::new(address), Squelch::new(address));
        assert_eq!(key.set(true).expect_err("refused").to_string(), "rigctld refused \"T 1\": RPRT -11");
        assert!(squelch.is_open().is_err());
        assert_eq!(key.set(false).expect_err("it is down").to_string(), "the radio says that its key is at 1");
        said.join().expect("all was asked");
    }

    #[test]
    fn a_radio_that_does_not_tell_of_its_key_is_believed() {
        let (address, said) = saying(vec![vec![("T 1", "RPRT 0\n"), ("t", "RPRT -11\n")]]);
        Key::new(address).set(true).expect("believed");
        said.join().expect("all was asked");
    }
}
