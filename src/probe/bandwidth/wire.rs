//! A TCP connection whose content nobody needs.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use nix::sys::socket::{MsgFlags, getsockopt, recv, sockopt};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// An Ethernet header: what shapers count of a packet beside the packet.
const ETHERNET: f64 = 14.0;
/// Headers of IPv6 and TCP with its stamps.
const LARGE_HEADERS: f64 = 72.0;

/// One connection; every copy is the same.
#[derive(Clone)]
pub(super) struct Wire(Arc<Shared>);

struct Shared {
    stream: TcpStream,
    taken: AtomicU64,
    given: AtomicU64,
    noted: Arc<AtomicU64>,
    paid: AtomicU64,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self::noting(stream, Arc::default())
    }

    /// Another connection of the same test: what is noted of it counts with what was.
    pub(super) fn and(&self, stream: TcpStream) -> Self {
        Self::noting(stream, Arc::clone(&self.0.noted))
    }

    fn noting(stream: TcpStream, noted: Arc<AtomicU64>) -> Self {
        let [taken, given, paid] = std::array::from_fn(|_| AtomicU64::new(0));
        Self(Arc::new(Shared { stream, taken, given, noted, paid }))
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.0.stream.peer_addr().ok()
    }

    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.0.stream.local_addr().ok()
    }

    /// Bytes that have been taken from it.
    pub(super) fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// Bytes that have been given to the kernel, to be sent.
    pub(super) fn given(&self) -> u64 {
        self.0.given.load(Ordering::Relaxed)
    }

    /// Bytes of content both ways.
    pub(super) fn content(&self) -> u64 {
        self.taken() + self.given()
    }

    /// Notes that so many bytes more have come over the line, whichever way is tested.
    pub(super) fn note(&self, bytes: u64) {
        self.0.noted.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes that were noted.
    pub(super) fn noted(&self) -> u64 {
        self.0.noted.load(Ordering::Relaxed)
    }

    /// Notes what the connection has cost by now, and gives what of it is new.
    pub(super) fn owed(&self, cost: u64) -> u64 {
        cost.saturating_sub(self.0.paid.fetch_max(cost, Ordering::Relaxed))
    }

    /// What it has cost, as far as it was noted.
    pub(super) fn paid(&self) -> u64 {
        self.0.paid.load(Ordering::Relaxed)
    }

    /// What the line carries for a byte of content: with the headers of TCP, IP and Ethernet.
    pub(super) fn overhead(&self) -> f64 {
        let Ok(segment) = getsockopt(&self.0.stream, sockopt::TcpMaxSeg) else { return 1.0 };
        let segment = f64::from(segment);
        let packet = getsockopt(&self.0.stream, sockopt::IpMtu).map_or(segment + LARGE_HEADERS, f64::from);
        // A segment may be shorter than the path takes (never more than half of the other's window): then its packet is too.
        let headers = (packet - segment).min(LARGE_HEADERS);
        if segment > 0.0 && headers > 0.0 { (segment + headers + ETHERNET) / segment } else { 1.0 }
    }

    /// Waits until something has come, throws away some of it in the kernel, where it is neither copied nor decrypted
    /// (`MSG_TRUNC`, tcp(7)), and gives how many bytes there were; none at the end of the connection. `nowhere` says how many at
    /// most, and is left as it is.
    ///
    /// # Errors
    /// The connection broke.
    pub(super) async fn gulp(&self, nowhere: &mut [u8]) -> io::Result<u64> {
        let stream = &self.0.stream;
        let take = || Ok(recv(stream.as_raw_fd(), nowhere, MsgFlags::MSG_TRUNC)?);
        let bytes = stream.async_io(Interest::READABLE, take).await? as u64;
        self.0.taken.fetch_add(bytes, Ordering::Relaxed);
        Ok(bytes)
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.stream.poll_read_ready(cx))?;
            match self.0.stream.try_read(buffer.initialize_unfilled()) {
                Ok(length) => {
                    buffer.advance(length);
                    self.0.taken.fetch_add(length as u64, Ordering::Relaxed);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.stream.poll_write_ready(cx))?;
            match self.0.stream.try_write(bytes) {
                Ok(length) => {
                    self.0.given.fetch_add(length as u64, Ordering::Relaxed);
                    return Poll::Ready(Ok(length));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The connection ends with its last copy.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
