//! A small client for upsd: reads only, one deadline a call, memory that cannot grow.
//!
//! It never logs in, sets or commands: reading needs none of that.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::protocol::{ErrWord, Line, MAX_LINE, MAX_LIST, ProtocolError, excerpt, parse, quoted};

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum NutError {
    /// The server's name did not resolve.
    #[error("{server} does not resolve")]
    Resolve {
        /// As configured.
        server: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// No connection.
    #[error("no connection to {server}")]
    Connect {
        /// As configured.
        server: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The connection broke in the middle.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The server closed the connection instead of answering.
    #[error("the server closed the connection")]
    Closed,
    /// No complete answer within the deadline.
    #[error("no complete answer within {0:?}")]
    Timeout(Duration),
    /// What came is not the protocol.
    #[error("not understood")]
    Protocol(#[from] ProtocolError),
    /// The server answered `ERR`.
    #[error("the server answered ERR {0}")]
    Err(ErrWord),
}

impl NutError {
    /// Whether the connection is still in step: an `ERR` is a whole answer, all else leaves one that may come later.
    const fn keeps_step(&self) -> bool {
        matches!(self, Self::Err(_))
    }
}

type Each<'a> = &'a mut (dyn FnMut(&str) -> Result<ControlFlow<()>, NutError> + Send);

/// A client of one upsd. It connects when first asked and keeps the connection while it is in step.
#[derive(Debug)]
pub struct Client {
    server: String,
    timeout: Duration,
    link: Option<Link>,
}

impl Client {
    /// A client that has not connected yet. `server` is `host:port`; `timeout` holds for a whole call, with resolving
    /// and connecting where that is needed.
    pub const fn new(server: String, timeout: Duration) -> Self {
        Self { server, timeout, link: None }
    }

    /// Whether a connection stands that the next call will use.
    pub const fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// The names of the server's UPSes (`LIST UPS`).
    ///
    /// # Errors
    /// See [`NutError`].
    pub async fn list_ups(&mut self) -> Result<Vec<String>, NutError> {
        let mut names = Vec::new();
        self.list("LIST UPS\n", |line| match line {
            // upsd takes some tens; what is told to people is bounded anyway.
            Line::Ups { name } => {
                if names.len() < 64 {
                    names.push(name.to_string());
                }
                true
            }
            _ => false,
        })
        .await?;
        Ok(names)
    }

    /// Shows every variable of a UPS to `each`, by name and value (`LIST VAR`). After an error, what was shown counts
    /// for nothing.
    ///
    /// # Errors
    /// See [`NutError`].
    pub async fn list_var(&mut self, ups: &str, mut each: impl FnMut(&str, &str) + Send) -> Result<(), NutError> {
        self.list(&format!("LIST VAR {}\n", quoted(ups)), |line| match line {
            Line::Var { ups: whose, name, value } if whose == ups => {
                each(name, value);
                true
            }
            _ => false,
        })
        .await
    }

    /// One variable of a UPS (`GET VAR`).
    ///
    /// # Errors
    /// See [`NutError`].
    pub async fn get_var(&mut self, ups: &str, name: &str) -> Result<String, NutError> {
        let mut found = String::new();
        self.call(&format!("GET VAR {} {}\n", quoted(ups), quoted(name)), &mut |text| match parse(text)? {
            Line::Var { ups: whose, name: which, value } if whose == ups && which == name => {
                found = value.into_owned();
                Ok(ControlFlow::Break(()))
            }
            Line::Err(word) => Err(NutError::Err(word)),
            _ => Err(ProtocolError::unexpected(text).into()),
        })
        .await?;
        Ok(found)
    }

    /// What the server says it is (`VER`): free text.
    ///
    /// # Errors
    /// See [`NutError`].
    pub async fn version(&mut self) -> Result<String, NutError> {
        let mut found = String::new();
        self.call("VER\n", &mut |text| {
            if let Ok(Line::Err(word)) = parse(text) {
                return Err(NutError::Err(word));
            }
            found = excerpt(text);
            Ok(ControlFlow::Break(()))
        })
        .await?;
        Ok(found)
    }

    /// A question whose answer is a list; `each` says whether a line belongs in it.
    async fn list(&mut self, request: &str, mut each: impl FnMut(&Line<'_>) -> bool + Send) -> Result<(), NutError> {
        let mut lines = 0_usize;
        self.call(request, &mut |text| {
            lines += 1;
            if lines > MAX_LIST {
                return Err(ProtocolError::LongList.into());
            }
            match parse(text)? {
                Line::Err(word) => Err(NutError::Err(word)),
                Line::Begin if lines == 1 => Ok(ControlFlow::Continue(())),
                Line::End if lines > 1 => Ok(ControlFlow::Break(())),
                line if lines > 1 && each(&line) => Ok(ControlFlow::Continue(())),
                _ => Err(ProtocolError::unexpected(text).into()),
            }
        })
        .await
    }

    /// One question and its whole answer under one deadline.
    ///
    /// The connection is taken out first and put back only in step, so that a call which times out, or is dropped in
    /// the middle, leaves none behind.
    async fn call(&mut self, request: &str, each: Each<'_>) -> Result<(), NutError> {
        let (kept, server) = (self.link.take(), self.server.as_str());
        let mut stage = Stage::Asks;
        let asked = tokio::time::timeout(self.timeout, exchange(kept, server, request, each, &mut stage)).await;
        let (link, answer) = asked.unwrap_or_else(|_| Err(self.late(stage)))?;
        // Bytes beyond the answer are nobody's: such a connection is not in step.
        if link.is_drained() && answer.as_ref().err().is_none_or(NutError::keeps_step) {
            self.link = Some(link);
        }
        answer
    }

    /// What a deadline that has passed says, by how far one had come.
    fn late(&self, stage: Stage) -> NutError {
        let (server, timeout) = (self.server.clone(), self.timeout);
        let source = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {timeout:?}"));
        match stage {
            Stage::Resolves => NutError::Resolve { server, source: source() },
            Stage::Connects => NutError::Connect { server, source: source() },
            Stage::Asks => NutError::Timeout(timeout),
        }
    }
}

/// How far a question has come: a server that is off, or behind a firewall that drops, is another trouble than one that says nothing.
#[derive(Clone, Copy)]
enum Stage {
    Resolves,
    Connects,
    Asks,
}

impl Stage {
    /// On its way there. On this very machine there is nothing between: who does not take a connection there has too many that wait.
    fn to(addresses: &[SocketAddr]) -> Self {
        if addresses.iter().all(|address| address.ip().is_loopback()) { Self::Asks } else { Self::Connects }
    }
}

impl Drop for Client {
    /// Takes leave if that can be done without waiting.
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            let _ = link.stream.try_write(b"LOGOUT\n");
        }
    }
}

/// Asks on the kept connection, or on a new one; the outer error means that there was no connection at all.
async fn exchange(
    kept: Option<Link>,
    server: &str,
    request: &str,
    each: Each<'_>,
    stage: &mut Stage,
) -> Result<(Link, Result<(), NutError>), NutError> {
    if let Some(mut link) = kept {
        match link.ask(request, each).await {
            // upsd was restarted, or shed us after its minute of idleness: that says nothing about now. A new
            // connection does, within the same deadline. Never after a part of an answer.
            Err(NutError::Closed | NutError::Broken(_)) if !link.heard => {}
            answer => return Ok((link, answer)),
        }
    }
    let mut link = Link::open(server, stage).await?;
    *stage = Stage::Asks;
    let answer = link.ask(request, each).await;
    Ok((link, answer))
}

/// A connection and the one buffer that all its lines pass through.
#[derive(Debug)]
struct Link {
    stream: TcpStream,
    buffer: Box<[u8]>,
    /// Where the bytes not yet read as lines begin and end.
    start: usize,
    end: usize,
    /// Whether anything of the present answer has come.
    heard: bool,
}

impl Link {
    async fn open(server: &str, stage: &mut Stage) -> Result<Self, NutError> {
        let connect = |source| NutError::Connect { server: server.to_owned(), source };
        // An address needs no resolver, and no thread of the blocking pool.
        let stream = if let Ok(address) = server.parse::<SocketAddr>() {
            *stage = Stage::to(&[address]);
            TcpStream::connect(address).await.map_err(connect)?
        } else {
            let resolve = |source| NutError::Resolve { server: server.to_owned(), source };
            *stage = Stage::Resolves;
            let addresses: Vec<_> = tokio::net::lookup_host(server).await.map_err(resolve)?.collect();
            *stage = Stage::to(&addresses);
            TcpStream::connect(addresses.as_slice()).await.map_err(connect)?
        };
        stream.set_nodelay(true).map_err(NutError::Broken)?;
        Ok(Self { stream, buffer: vec![0; MAX_LINE].into(), start: 0, end: 0, heard: false })
    }

    const fn is_drained(&self) -> bool {
        self.start == self.end
    }

    async fn ask(&mut self, request: &str, each: Each<'_>) -> Result<(), NutError> {
        self.heard = false;
        self.stream.write_all(request.as_bytes()).await.map_err(NutError::Broken)?;
        loop {
            let line = self.line().await?;
            if each(&line)?.is_break() {
                return Ok(());
            }
        }
    }

    /// The next line, without its end. A server's bytes need not be UTF-8: what is not is replaced, not refused.
    async fn line(&mut self) -> Result<std::borrow::Cow<'_, str>, NutError> {
        let mut searched = self.start;
        loop {
            if let Some(at) = self.buffer[searched..self.end].iter().position(|byte| *byte == b'\n') {
                let (from, to) = (self.start, searched + at);
                self.start = to + 1;
                let line = &self.buffer[from..to];
                return Ok(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)));
            }
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            searched = self.end;
            if self.end == self.buffer.len() {
                return Err(ProtocolError::LongLine.into());
            }
            // upsd writes a list line by line and leaves Nagle's algorithm on: without an ACK at once each list waits
            // for our delayed one (44 ms instead of 0.3 ms). The kernel forgets this setting (tcp(7)), so: every time.
            // Where it cannot be set, the list is only late.
            let _ = rustix::net::sockopt::set_tcp_quickack(&self.stream, true);
            let read = self.stream.read(&mut self.buffer[self.end..]).await.map_err(NutError::Broken)?;
            if read == 0 {
                return Err(NutError::Closed);
            }
            self.heard = true;
            self.end += read;
        }
    }
}
