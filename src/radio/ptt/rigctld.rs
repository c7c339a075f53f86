//! By Hamlib's `rigctld` (rigctld(1)): `T 1` keys, `T 0` releases, `t` asks whether it did, `\get_dcd` tells of the squelch.
//!
//! A connection a call: a server that was started anew is found again, which matters most when it must release.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a radio may take to do it. Old ones are asked at 4800 bit/s and answer in a few hundred milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// So often it is asked when it hangs up instead of an answer. Hamlib's (4.5) closes a client's descriptor twice when that one has gone; who
/// comes at that moment has the same number, and is hung up on in its place (some four in a hundred that follow at once). To be asked twice
/// changes nothing.
const TIMES: u32 = 5;

/// A radio that is keyed by its server.
#[derive(Debug)]
pub struct Key(SocketAddr);

impl Key {
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    pub(super) fn set(&self, pressed: bool) -> io::Result<()> {
        again(|| {
            let mut server = Server::connect(self.0)?;
            server.order(if pressed { "T 1\n" } else { "T 0\n" })?;
            // A radio that does not tell is believed; one that tells otherwise is not.
            match server.ask("t\n")?.parse::<u8>() {
                Ok(is) if (is != 0) != pressed => {
                    Err(io::Error::other(format!("the radio says that its key is at {is}")))
                }
                _ => Ok(()),
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
        let said = again(|| Server::connect(self.0)?.ask("\\get_dcd\n"))?;
        match said.as_str() {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(io::Error::other(format!("rigctld tells nothing of the squelch: {said:?}"))),
        }
    }
}

/// Asks, and asks again where it is hung up on.
fn again<T>(mut ask: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};

    let hung_up = |error: &io::Error| matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe);
    for _ in 1..TIMES {
        match ask() {
            Err(error) if hung_up(&error) => {}
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
            said => Err(io::Error::other(format!("rigctld refused {:?}: {said}", order.trim_end()))),
        }
    }
}
