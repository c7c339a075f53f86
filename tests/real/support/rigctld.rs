//! A real `rigctld` with Hamlib's dummy radio: it keeps what it is told of its key, and
//! its squelch is another at each question. Debian package: `libhamlib-utils`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use tempfile::TempDir;

use super::child::{Child, PATIENCE, free_port};

/// A running server.
pub(crate) struct Rigctld {
    pub(crate) address: SocketAddr,
    _server: Child,
    _folder: TempDir,
}

impl Rigctld {
    pub(crate) fn start() -> Self {
        Self::start_at(Self::nobody())
    }

    /// Where no server listens yet.
    pub(crate) fn nobody() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))
    }

    /// The same, at an address of the loopback.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Child::start("rigctld", "libhamlib-utils", &folder.path().join("log"), |command| {
            command.args(["-m", "1", "-P", "RIG", "-D", "RIG", "-T", "127.0.0.1", "-t", &address.port().to_string()]);
        });
        server.wait_until(|| TcpStream::connect(address).is_ok());
        Self { address, _server: server, _folder: folder }
    }

    /// Somebody who looks at the radio from aside.
    pub(crate) fn onlooker(&self) -> Onlooker {
        Onlooker { address: self.address, server: connect(self.address) }
    }
}

fn connect(address: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(stream)
}

/// A connection of one's own to the radio's server.
pub(crate) struct Onlooker {
    address: SocketAddr,
    server: BufReader<TcpStream>,
}

impl Onlooker {
    /// Whether the radio transmits now.
    pub(crate) fn keyed(&mut self) -> bool {
        match self.ask("t").as_str() {
            "0" => false,
            "1" => true,
            other => panic!("the dummy radio said {other:?}"),
        }
    }

    /// Presses its key from aside.
    pub(crate) fn press(&mut self) {
        assert_eq!(self.ask("T 1"), "RPRT 0");
    }

    fn ask(&mut self, what: &str) -> String {
        loop {
            let mut line = String::new();
            let asked = self.server.get_mut().write_all(format!("{what}\n").as_bytes());
            match asked.and_then(|()| self.server.read_line(&mut line)) {
                Ok(1..) => return line.trim_end().to_owned(),
                Ok(0) => {}
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
            }
            // The server hangs up now and then on one client while another goes; one that has gone itself takes no call.
            self.server = connect(self.address);
        }
    }
}
