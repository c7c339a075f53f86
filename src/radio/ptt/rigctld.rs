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

/// An answer has a few bytes; what is longer is none.
const LONGEST: u64 = 256;

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
            let order = if pressed { "T 1" } else { "T 0" };
            is_done(order, &server.ask(order)?)?;
            // One that tells otherwise may be on the air all the same: it is asked once more and no oftener.
            is_at(pressed, &server.ask("t")?).map_err(|error| {
                let is_first = error.kind() == io::ErrorKind::Other && !std::mem::replace(&mut contradicted, true);
                if is_first { not_to_this(error.to_string()) } else { error }
            })
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
        again(|| is_open(&Server::connect(self.0)?.ask("\\get_dcd")?))
    }
}

/// Whether an order was carried out.
fn is_done(order: &str, said: &str) -> io::Result<()> {
    match said {
        "RPRT 0" => Ok(()),
        _ if is_refusal(said) => Err(io::Error::other(format!("rigctld refused {order:?}: {said}"))),
        _ => Err(not_to_this(format!("rigctld answered {order:?} by {said:?}"))),
    }
}

/// Whether the key is as it should be. A radio that does not tell is believed; one that tells otherwise is not.
fn is_at(pressed: bool, said: &str) -> io::Result<()> {
    match said.parse::<u8>() {
        Ok(is) if (is != 0) == pressed => Ok(()),
        Ok(is) => Err(io::Error::other(format!("the radio says that its key is at {is}"))),
        Err(_) if is_refusal(said) => Ok(()),
        Err(_) => Err(not_to_this(format!("rigctld answered \"t\" by {said:?}"))),
    }
}

/// What is said of the squelch.
fn is_open(said: &str) -> io::Result<bool> {
    match said {
        "0" => Ok(false),
        "1" => Ok(true),
        _ if is_refusal(said) => Err(io::Error::other(format!("rigctld tells nothing of the squelch: {said:?}"))),
        _ => Err(not_to_this(format!("rigctld tells nothing of the squelch: {said:?}"))),
    }
}

/// Hamlib's way to say no, by a number.
fn is_refusal(said: &str) -> bool {
    said.strip_prefix("RPRT -").is_some_and(|number| number.parse::<u32>().is_ok())
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
        self.0.get_mut().write_all(format!("{question}\n").as_bytes())?;
        line(&mut self.0)
    }
}

/// A line of an answer, without its end.
fn line(from: impl io::BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.take(LONGEST).read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// What `make fuzz` holds them to. Compiled where assertions are.
#[cfg(debug_assertions)]
pub mod fuzz {
    use std::io;

    use super::{LONGEST, is_at, is_done, is_open, is_refusal, line};

    /// Whatever a server says, or whoever has its port: its lines as answers to each question.
    ///
    /// # Panics
    /// Where a reader does; where what is no answer is taken for one, or one answer for two different things; where what is told of it
    /// is not one line.
    pub fn answers(mut bytes: &[u8]) {
        while let Ok(said) = line(&mut bytes) {
            assert!(said.len() as u64 <= LONGEST);
            let (down, up) = (is_at(true, &said).is_ok(), is_at(false, &said).is_ok());
            assert!(!(down && up) || is_refusal(&said), "{said:?}");
            if is_done("T 1", &said).is_ok() {
                assert!(!down && !up && is_open(&said).is_err(), "{said:?}");
            }
            if let Ok(open) = is_open(&said) {
                assert_eq!((down, up), (open, !open), "{said:?}");
            }
            let all = [is_done("T 1", &said), is_at(true, &said), is_at(false, &said), is_open(&said).map(drop)];
            for error in all.into_iter().filter_map(io::Result::err) {
                let told = error.to_string();
                assert!(!told.chars().any(char::is_control), "{told:?}");
            }
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
    fn what_begins_as_a_refusal_and_has_no_number_is_none_and_is_told_on_one_line() {
        for said in ["RPRT -", "RPRT -\u{1b}[31m", "RPRT -11 0"] {
            let told = is_done("T 0", said).expect_err("not done").to_string();
            assert!(is_at(true, said).is_err() && !told.contains(char::is_control), "{told:?}");
        }
        assert!(is_at(true, "RPRT -11").is_ok(), "a radio that does not tell is believed");
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
