//! The beginning of a connection where TLS is spoken: what the first byte says, and the handshake.
//!
//! A handshake costs a signature, a tenth of a millisecond to some milliseconds of the one thread that serves. So they take turns, each
//! with whatever else is due in between, and those of this machine wait for nobody else's.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::Tls;

/// How long it may take from the connection to the end of the handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first byte of a handshake over TLS (RFC 8446 §5.1: content type 22); no method of HTTP begins with it.
const HANDSHAKE: u8 = 22;

/// A connection, in the clear or not.
pub(in crate::web) enum Wire {
    /// As it goes over the line.
    Plain(TcpStream),
    /// Within TLS.
    Sealed(Box<TlsStream<TcpStream>>),
}

/// Why nothing is said over a connection.
#[derive(Debug)]
pub(in crate::web) enum Unmet {
    /// It was not ready in time.
    Late,
    /// It ended, or what was said is no handshake of ours.
    Failed(io::Error),
}

/// Waits for the first byte, and shakes hands where that is what it begins.
pub(in crate::web) async fn meet(stream: TcpStream, tls: &Tls, turn: &Semaphore) -> Result<Wire, Unmet> {
    let met = async {
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first[0] != HANDSHAKE {
            return Ok(Wire::Plain(stream));
        }
        let settings = tls.settings.as_ref().ok_or_else(|| io::Error::other("there is no certificate to show"))?;
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let turn = turn.acquire().await.map_err(io::Error::other)?;
        let mut shaking = pin!(hello.into_stream(Arc::clone(settings)));
        // All of the work is in the first step; the rest waits for the other side.
        let first = poll_fn(|cx| Poll::Ready(shaking.as_mut().poll(cx))).await;
        tokio::task::yield_now().await;
        drop(turn);
        let sealed = match first {
            Poll::Ready(sealed) => sealed?,
            Poll::Pending => shaking.await?,
        };
        Ok(Wire::Sealed(Box::new(sealed)))
    };
    match tokio::time::timeout(PATIENCE, met).await {
        Ok(met) => met.map_err(Unmet::Failed),
        Err(_) => Err(Unmet::Late),
    }
}

impl Wire {
    /// The line itself, once everything was said.
    pub(in crate::web) fn into_line(self) -> TcpStream {
        match self {
            Self::Plain(line) => line,
            Self::Sealed(sealed) => sealed.into_inner().0,
        }
    }

    /// Whether it is within TLS.
    pub(in crate::web) const fn is_sealed(&self) -> bool {
        matches!(self, Self::Sealed(_))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(line) => Pin::new(line).poll_read(cx, buffer),
            Self::Sealed(sealed) => match ready!(Pin::new(sealed).poll_read(cx, buffer)) {
                // Many end without saying so first (RFC 8446 §6.1). A request has its own end, so that nothing is taken for whole.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                read => Poll::Ready(read),
            },
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(line) => Pin::new(line).poll_write(cx, bytes),
            Self::Sealed(sealed) => Pin::new(sealed).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(line) => Pin::new(line).poll_flush(cx),
            Self::Sealed(sealed) => Pin::new(sealed).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(line) => Pin::new(line).poll_shutdown(cx),
            Self::Sealed(sealed) => Pin::new(sealed).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(line) => Pin::new(line).poll_write_vectored(cx, bytes),
            Self::Sealed(sealed) => Pin::new(sealed).poll_write_vectored(cx, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(line) => line.is_write_vectored(),
            Self::Sealed(sealed) => sealed.is_write_vectored(),
        }
    }
}
