//! The request itself, step by step.

use std::net::IpAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::http::uri::Scheme;
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Config;
use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono, Period, ProbeError, in_full};
use crate::probe::Context;
use crate::probe::dial::{self, tls};
use crate::probe::egress::Egress;

/// How much of an answer's body is read: enough to see that content comes.
const BODY: usize = 16 * 1024;

/// Whom to ask for what.
pub(super) struct Target {
    uri: Uri,
    host: String,
    port: u16,
    egress: Egress,
    /// For `https`.
    settings: Option<rustls::ClientConfig>,
}

impl Target {
    /// # Errors
    /// There is no far end of our own, or nothing to check a certificate by.
    pub(super) async fn of(config: &Config, context: &Context) -> Result<Self, ProbeError> {
        let uri = config
            .url
            .of(context.own_far_end.as_deref(), "/")
            .ok_or_else(|| ProbeError::new(ErrorKind::Gone, "this daemon runs no far end of its own"))?;
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let settings = if secure {
            Some(tls::client(tls::verifier(config.ca_file.as_deref()).await?, context.clock, &[b"http/1.1"])?)
        } else {
            None
        };
        // An IPv6 address stands in brackets there (RFC 3986, 3.2.2).
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { uri, host, port, egress: context.egress.clone(), settings })
    }
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) peer: Option<IpAddr>,
}

/// The phases of a request, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Resolve,
    Connect,
    Tls,
    FirstByte,
    Body,
}

impl Phase {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::FirstByte => "first_byte",
            Self::Body => "body",
        }
    }
}

/// Which phase a request is in, and how long those before it took.
pub(super) struct Steps {
    clock: Clock,
    began: Mono,
    entered: Mono,
    now: Phase,
    pub(super) done: Vec<(Phase, Duration)>,
}

impl Steps {
    pub(super) const fn new(clock: Clock, began: Mono) -> Self {
        Self { clock, began, entered: began, now: Phase::Resolve, done: Vec::new() }
    }

    fn enter(&mut self, next: Phase) {
        let now = self.clock.mono();
        self.done.push((self.now, now.since(self.entered)));
        self.entered = now;
        self.now = next;
    }

    /// The time since the beginning.
    pub(super) fn took(&self) -> Duration {
        self.clock.mono().since(self.began)
    }

    fn left(&self, limit: Duration) -> Duration {
        limit.saturating_sub(self.took())
    }

    /// A name that does not resolve in time is a matter of DNS, whatever else would have come.
    pub(super) fn too_late(&self, limit: Duration) -> ProbeError {
        let kind = if self.now == Phase::Resolve { ErrorKind::Dns } else { ErrorKind::Timeout };
        ProbeError::new(kind, format!("{}: no end within {}", self.now.as_str(), Period(limit)))
    }
}

/// Makes the request; the deadline is the caller's.
///
/// # Errors
/// What stopped it.
pub(super) async fn exchange(target: Target, limit: Duration, steps: &mut Steps) -> Result<Answer, ProbeError> {
    let addresses = dial::resolve(&target.egress, &target.host, target.port).await?;
    steps.enter(Phase::Connect);
    let stream = dial::connect(&target.egress, &addresses, steps.left(limit)).await?;
    let peer = stream.peer_addr().ok().map(|peer| peer.ip());
    let status = if let Some(settings) = target.settings {
        steps.enter(Phase::Tls);
        let stream = tls::handshake(settings, tls::server_name(&target.host)?, stream).await?;
        steps.enter(Phase::FirstByte);
        get(&target.uri, stream, steps).await?
    } else {
        steps.enter(Phase::FirstByte);
        get(&target.uri, stream, steps).await?
    };
    Ok(Answer { status, peer })
}

/// One `GET` over a connection of its own (RFC 9112); returns the status.
async fn get<S: AsyncRead + AsyncWrite + Unpin>(uri: &Uri, stream: S, steps: &mut Steps) -> Result<u16, ProbeError> {
    let failed = |error: hyper::Error| {
        let io = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
        ProbeError::new(io.map_or(ErrorKind::Protocol, dial::kind_of), format!("HTTP: {}", in_full(&error)))
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(path)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, concat!("siaga/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| ProbeError::new(ErrorKind::Internal, error.to_string()))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let talk = async {
        let mut response = sender.send_request(request).await.map_err(failed)?;
        steps.enter(Phase::Body);
        let mut read = 0;
        while read < BODY {
            let Some(frame) = response.frame().await else { break };
            read += frame.map_err(failed)?.data_ref().map_or(0, Bytes::len);
        }
        Ok(response.status().as_u16())
    };
    // The connection is driven here and ends with this call; its own failure reaches `talk` too.
    let drive = async {
        _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        outcome = talk => outcome,
        () = drive => Err(ProbeError::new(ErrorKind::Internal, "the connection ended in silence")),
    }
}
