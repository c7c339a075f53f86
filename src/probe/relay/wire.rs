//! How messages reach the server, one at a time: as datagrams, or in a stream in which each says its own length.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::clock::Clock;
use crate::probe::datagrams::Datagrams;
use crate::probe::egress::Egress;

/// Longer than any message here.
pub(super) const MESSAGE: usize = 2048;
/// A stream that is so far behind, bytes: what is sent then is dropped, as a call would drop it.
const BEHIND: usize = 1 << 20;
/// RFC 8446 §5.2: what TLS 1.3 adds to a record (header, kind, AEAD's tag), bytes.
const RECORD: usize = 22;

/// A way to one server.
pub(super) struct Wire {
    carrier: Carrier,
    /// What the layers below add to each message, bytes: IP with UDP; or with TCP, its timestamps, and TLS.
    pub(super) headers: usize,
    clock: Clock,
}

enum Carrier {
    Datagrams(Datagrams),
    Stream(Stream),
}

impl Wire {
    /// By datagrams, with one server only.
    pub(super) async fn udp(egress: &Egress, to: SocketAddr, clock: Clock) -> io::Result<Self> {
        let socket = Datagrams::open(egress, to, clock).await?;
        Ok(Self { carrier: Carrier::Datagrams(socket), headers: ip(to) + 8, clock })
    }

    /// By a connection to `to`.
    pub(super) fn tcp(stream: TcpStream, to: SocketAddr, clock: Clock) -> Self {
        Self { carrier: Carrier::Stream(Stream::new(Box::new(stream))), headers: ip(to) + 32, clock }
    }

    /// By one that is encrypted.
    pub(super) fn tls(stream: TlsStream<TcpStream>, to: SocketAddr, clock: Clock) -> Self {
        Self { carrier: Carrier::Stream(Stream::new(Box::new(stream))), headers: ip(to) + 32 + RECORD, clock }
    }

    /// Whether what is sent arrives, or the connection is over; its end is the end of an allocation too.
    pub(super) const fn is_stream(&self) -> bool {
        matches!(self.carrier, Carrier::Stream(_))
    }

    /// What a message of that length costs, bytes of IP packets; acknowledgements and repeats are not seen from here.
    pub(super) const fn cost(&self, length: usize) -> u64 {
        (self.headers + if self.is_stream() { length.next_multiple_of(4) } else { length }) as u64
    }

    /// Sends a message; into a stream, as soon as something is next waited for.
    pub(super) async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match &mut self.carrier {
            Carrier::Datagrams(socket) => socket.send(message).await,
            Carrier::Stream(stream) => {
                stream.send(message);
                Ok(())
            }
        }
    }

    /// Sends a datagram if that can be done at once.
    pub(super) fn send_now(&self, message: &[u8]) {
        if let Carrier::Datagrams(socket) = &self.carrier {
            socket.send_now(message);
        }
    }

    /// Waits for a message; gives its length, and when it came by the clock's `elapsed`: a datagram by the kernel, a stream's when
    /// it was read. Safe to drop and call again.
    pub(super) async fn hear(&mut self, buffer: &mut [u8; MESSAGE]) -> io::Result<(usize, Duration)> {
        match &mut self.carrier {
            Carrier::Datagrams(socket) => socket.receive(buffer).await,
            Carrier::Stream(stream) => {
                let length = poll_fn(|cx| stream.poll_hear(cx, buffer)).await?;
                Ok((length, self.clock.elapsed()))
            }
        }
    }
}

const fn ip(to: SocketAddr) -> usize {
    if to.is_ipv4() { 20 } else { 40 }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

struct Stream {
    duplex: Box<dyn Duplex>,
    waiting: VecDeque<u8>,
    flushed: bool,
    /// The beginning of a message, or of several.
    heard: Vec<u8>,
}

impl Stream {
    fn new(duplex: Box<dyn Duplex>) -> Self {
        Self { duplex, waiting: VecDeque::new(), flushed: true, heard: Vec::new() }
    }

    fn send(&mut self, message: &[u8]) {
        if self.waiting.len() < BEHIND {
            self.waiting.extend(message);
            // RFC 8656 §12.5: in a stream a channel's message is padded, and its length does not say so.
            self.waiting.extend(std::iter::repeat_n(0, message.len().next_multiple_of(4) - message.len()));
        }
    }

    fn poll_hear(&mut self, cx: &mut Context<'_>, buffer: &mut [u8; MESSAGE]) -> Poll<io::Result<usize>> {
        self.push(cx)?;
        loop {
            if let Some(length) = framed(&mut self.heard, buffer)? {
                return Poll::Ready(Ok(length));
            }
            let mut chunk = [0; MESSAGE];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut self.duplex).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server has hung up")));
            }
            self.heard.extend_from_slice(read.filled());
        }
    }

    /// Sends what can be sent now; whoever polls is woken when there is room for more.
    fn push(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while !self.waiting.is_empty() {
            match Pin::new(&mut self.duplex).poll_write(cx, self.waiting.as_slices().0) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => drop(self.waiting.drain(..written?)),
                Poll::Pending => return Ok(()),
            }
            self.flushed = false;
        }
        if !self.flushed {
            self.flushed = match Pin::new(&mut self.duplex).poll_flush(cx) {
                Poll::Ready(done) => done.map(|()| true)?,
                Poll::Pending => false,
            };
        }
        Ok(())
    }
}

/// Takes the first whole message out of a stream's bytes.
pub(super) fn framed(heard: &mut Vec<u8>, buffer: &mut [u8; MESSAGE]) -> io::Result<Option<usize>> {
    let Some(&[kind, _, high, low]) = heard.first_chunk::<4>() else { return Ok(None) };
    let said = usize::from(u16::from_be_bytes([high, low]));
    // RFC 8656 §12: the first two bits tell a channel's message (01) from STUN's (00), whose header is longer.
    let length = match kind >> 6 {
        0 => said + 20,
        1 => said + 4,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "neither STUN nor a channel's")),
    };
    let into = buffer
        .get_mut(..length)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a message longer than any of ours"))?;
    let whole = length.next_multiple_of(4);
    if heard.len() < whole {
        return Ok(None);
    }
    into.copy_from_slice(&heard[..length]);
    heard.drain(..whole);
    Ok(Some(length))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn messages_are_told_apart_whatever_pieces_they_come_in() {
        let channel = [&[0x40, 0, 0, 5][..], &[1, 2, 3, 4, 5], &[0, 0, 0]].concat();
        let stun = [&[0, 1, 0, 4][..], &[9; 16], &[7; 4]].concat();
        let all = [channel, stun].concat();
        let mut buffer = [0; MESSAGE];
        for piece in 1..all.len() {
            let (mut heard, mut lengths) = (Vec::new(), Vec::new());
            for part in all.chunks(piece) {
                heard.extend(part);
                while let Some(length) = framed(&mut heard, &mut buffer).unwrap() {
                    lengths.push(length);
                }
            }
            assert_eq!((lengths.as_slice(), heard.len()), ([9, 24].as_slice(), 0), "in pieces of {piece}");
        }
        assert!(framed(&mut b"HTTP/1.1 400 Bad Request".to_vec(), &mut buffer).is_err());
        assert!(framed(&mut vec![0x80; 4], &mut buffer).is_err());
    }

    #[tokio::test]
    async fn a_stream_that_is_full_goes_on_when_there_is_room() {
        let (near, mut far) = tokio::io::duplex(64);
        let stream = Stream::new(Box::new(near));
        let mut wire = Wire { carrier: Carrier::Stream(stream), headers: 52, clock: Clock::start() };
        let message = [&[0x40, 0, 0, 97][..], &[5; 97]].concat();
        for _ in 0..10 {
            wire.send(&message).await.unwrap();
        }
        assert_eq!((wire.cost(101), wire.is_stream()), (156, true));
        let echo = async {
            let mut bytes = [0; 1040];
            far.read_exact(&mut bytes).await.unwrap();
            far.write_all(&bytes[..104]).await.unwrap();
            far
        };
        let mut buffer = [0; MESSAGE];
        let (heard, far) = tokio::join!(wire.hear(&mut buffer), echo);
        assert_eq!(heard.unwrap().0, 101);
        assert_eq!(buffer[..101], message);
        drop(far);
        assert!(wire.hear(&mut buffer).await.unwrap_err().to_string().contains("hung up"));
    }
}
