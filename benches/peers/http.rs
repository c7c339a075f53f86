//! The least HTTP/1.1 client that can hurry a server: one kept-open connection, no work of its own in between.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection that is used again and again.
pub(crate) struct Client {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self, String> {
        let open = || -> std::io::Result<TcpStream> {
            let stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = open().map_err(|error| format!("{address}: {error}"))?;
        Ok(Self { address, stream: BufReader::new(stream) })
    }

    /// Asks for a path and reads the whole answer.
    pub(crate) fn get(&mut self, path: &str) -> Result<Answer, String> {
        self.get_with(path, "")
    }

    /// The same with more headers, each with its line's end.
    pub(crate) fn get_with(&mut self, path: &str, headers: &str) -> Result<Answer, String> {
        let text = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\n{headers}\r\n", self.address);
        self.stream.get_mut().write_all(text.as_bytes()).map_err(|error| format!("{path}: {error}"))?;
        self.read().map_err(|error| format!("{path}: {error}"))
    }

    fn read(&mut self) -> std::io::Result<Answer> {
        let wrong = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
        let mut line = String::new();
        self.line(&mut line)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| wrong("no status line came back"))?;
        let mut length = None;
        let mut chunked = false;
        loop {
            self.line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse::<usize>().ok(),
                "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
                _ => {}
            }
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                self.line(&mut line)?;
                let size = usize::from_str_radix(line.trim(), 16).map_err(|_| wrong("a chunk without a size"))?;
                let end = body.len();
                body.resize(end + size, 0);
                self.stream.read_exact(&mut body[end..])?;
                self.line(&mut line)?;
                if size == 0 {
                    break;
                }
            }
        } else {
            body.resize(length.ok_or_else(|| wrong("neither a length nor chunks"))?, 0);
            self.stream.read_exact(&mut body)?;
        }
        Ok(Answer { status, body })
    }

    /// The next line without its end.
    fn line(&mut self, line: &mut String) -> std::io::Result<()> {
        line.clear();
        if self.stream.read_line(line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end().len());
        Ok(())
    }
}

/// One question over a connection of its own; `None` if it is not answered.
pub(crate) fn ask(address: SocketAddr, path: &str) -> Option<Answer> {
    Client::connect(address).ok()?.get(path).ok()
}
