//! HTTP over a watched connection: requests and their answers, one after another.

use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::SendRequest;
use hyper::http::uri::Scheme;
use hyper::{Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use rand::RngCore as _;
use tokio::io::{AsyncRead, AsyncWrite};

use super::counter::{Counter, Way};
use super::wire::Wire;
use crate::clock::Clock;
use crate::domain::{ErrorKind, ProbeError, in_full};
use crate::probe::budget::Ledger;
use crate::probe::dial::{self, tls};
use crate::probe::egress::Egress;

/// How much of an answer to an upload is read.
const ANSWER: usize = 64 * 1024;

/// A connection with an HTTP server.
pub(super) struct Talk {
    /// Ends first, while the kernel still knows the connection.
    _bill: Bill,
    pub(super) wire: Wire,
    /// How long the TCP handshake took.
    pub(super) round_trip: Duration,
    to: Place,
    sender: SendRequest<Noise>,
    /// What moves the bytes; none once the connection has ended.
    connection: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
}

/// Where a connection leads, and how.
#[derive(Clone)]
struct Place {
    url: Uri,
    host: String,
    path: String,
    egress: Egress,
    ledger: Ledger,
    limit: Duration,
    clock: Clock,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Talk {
    /// Connects, within `limit`. No proxy is taken from the environment, and no redirection followed: nobody is contacted
    /// whom the config does not name.
    ///
    /// # Errors
    /// What stopped it.
    pub(super) async fn begin(
        url: &Uri,
        egress: &Egress,
        ledger: &Ledger,
        limit: Duration,
        clock: Clock,
    ) -> Result<Self, ProbeError> {
        let host = url.authority().map_or_else(String::new, ToString::to_string);
        let path = url.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        let (url, egress, ledger) = (url.clone(), egress.clone(), ledger.clone());
        Self::at(Place { url, host, path, egress, ledger, limit, clock }, None).await
    }

    /// Connects anew where the server has closed the connection after its last answer (RFC 9112 §9.6).
    ///
    /// # Errors
    /// What stopped it.
    pub(super) async fn reopen_if_closed(&mut self) -> Result<(), ProbeError> {
        if moved(&mut self.connection, self.sender.ready()).await.is_err() {
            *self = Self::at(self.to.clone(), Some(&self.wire)).await?;
        }
        Ok(())
    }

    async fn at(to: Place, before: Option<&Wire>) -> Result<Self, ProbeError> {
        let Place { url, egress, clock, .. } = &to;
        let secure = url.scheme() == Some(&Scheme::HTTPS);
        let name = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let addresses = dial::resolve(egress, &name, port).await?;
        let began = clock.mono();
        let stream = dial::connect(egress, &addresses, to.limit).await?;
        // What still lies in the kernel's buffer would else be sent into the meeting that has begun.
        dial::ends_at_once(&stream).map_err(|error| ProbeError::new(dial::kind_of(&error), error.to_string()))?;
        let round_trip = clock.mono().since(began);
        let wire = match before {
            None => Wire::new(stream),
            Some(before) => before.and(stream),
        };
        let bill = Bill::of(&wire, &to.ledger);
        let stream: Box<dyn Stream> = if secure {
            let settings = tls::client(tls::verifier(None).await?, *clock, &[b"http/1.1"])?;
            Box::new(tls::handshake(settings, tls::server_name(&name)?, wire.clone()).await?)
        } else {
            Box::new(wire.clone())
        };
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        Ok(Self { _bill: bill, wire, round_trip, to, sender, connection: Some(Box::pin(connection)) })
    }

    /// Asks for content; the answer's head is all that is read of it here, or little more.
    ///
    /// # Errors
    /// What stopped it, an answer that is none among that.
    pub(super) async fn get(&mut self) -> Result<Response<Incoming>, ProbeError> {
        let request = Request::get(&self.to.path).header(header::CONNECTION, "close");
        let answer = self.ask(request, 0).await?;
        good(&answer)?;
        Ok(answer)
    }

    /// Sends `size` bytes of noise, and waits for the answer's end.
    ///
    /// # Errors
    /// What stopped it, an answer that is none or that came too early among that.
    pub(super) async fn post(&mut self, size: u64) -> Result<(), ProbeError> {
        let request = Request::post(&self.to.path).header(header::CONTENT_TYPE, "application/octet-stream");
        let before = self.wire.given();
        let mut answer = self.ask(request, size).await?;
        good(&answer)?;
        if self.wire.given() - before < size {
            return Err(ProbeError::new(ErrorKind::Protocol, "the server answered before it had read everything"));
        }
        let mut read = 0;
        while read < ANSWER
            && let Some(frame) = self.moved(answer.frame()).await
        {
            read += frame.map_err(|error| failed(&error))?.data_ref().map_or(0, Bytes::len);
        }
        Ok(())
    }

    async fn ask(
        &mut self,
        request: hyper::http::request::Builder,
        size: u64,
    ) -> Result<Response<Incoming>, ProbeError> {
        let request = request
            .header(header::HOST, &self.to.host)
            .header(header::USER_AGENT, concat!("siaga/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT, "*/*")
            .body(Noise { left: size })
            .map_err(|error| ProbeError::new(ErrorKind::Internal, error.to_string()))?;
        let answer = self.sender.send_request(request);
        moved(&mut self.connection, answer).await.map_err(|error| failed(&error))
    }

    async fn moved<T>(&mut self, what: impl Future<Output = T>) -> T {
        moved(&mut self.connection, what).await
    }
}

/// Puts a connection's cost into the books when it ends, however that comes about.
struct Bill {
    wire: Wire,
    counter: Option<Counter>,
    ledger: Ledger,
}

impl Bill {
    fn of(wire: &Wire, ledger: &Ledger) -> Self {
        let ends = wire.local().zip(wire.peer());
        // Either way tells the cost.
        let counter = ends.and_then(|(local, peer)| Counter::of(Way::Up, local, peer).ok());
        Self { wire: wire.clone(), counter, ledger: ledger.clone() }
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        let counts = self.counter.as_ref().and_then(|counter| counter.counts().ok());
        let cost = counts.map_or_else(|| self.wire.content(), |counts| counts.cost);
        self.ledger.spend(self.wire.owed(cost));
    }
}

/// Waits for `what` while the connection moves its bytes.
async fn moved<T, C: Future + Unpin>(connection: &mut Option<C>, what: impl Future<Output = T>) -> T {
    let mut what = std::pin::pin!(what);
    if let Some(moving) = connection {
        tokio::select! {
            biased;
            outcome = &mut what => return outcome,
            // What it has brought, or its failure, has reached the other end.
            _ = moving => {}
        }
        *connection = None;
    }
    what.await
}

/// Content that no device on the way can compress.
struct Noise {
    left: u64,
}

impl Body for Noise {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        static NOISE: OnceLock<Bytes> = OnceLock::new();
        let noise = NOISE.get_or_init(|| {
            let mut noise = vec![0; 64 * 1024];
            rand::rng().fill_bytes(&mut noise);
            noise.into()
        });
        let next = usize::try_from(self.left).unwrap_or(usize::MAX).min(noise.len());
        self.left -= next as u64;
        Poll::Ready((next > 0).then(|| Ok(Frame::data(noise.slice(..next)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn good(answer: &Response<Incoming>) -> Result<(), ProbeError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    Err(ProbeError::new(ErrorKind::Protocol, format!("the server answered {}", status.as_u16())))
}

fn failed(error: &hyper::Error) -> ProbeError {
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    ProbeError::new(io.map_or(ErrorKind::Protocol, dial::kind_of), format!("HTTP: {}", in_full(error)))
}
