//! The two transfers themselves.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::Uri;
use hyper::body::Bytes;
use rand::RngCore as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Body, Client, ClientBuilder, Response, header};

use super::Config;
use super::meter::{Meter, rate};
use super::pulse::{Delay, Pulse};
use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono, Period, ProbeError, in_full};
use crate::probe::budget::Ledger;
use crate::probe::dial::{kind_of, tls};
use crate::probe::egress::Egress;
use crate::probe::lookup;

/// How long a connection and the first answer may take; not counted in the rate.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// Less than this within less than [`LONG`] is slow start alone, and says nothing of the line.
const LEAST: u64 = 256_000;
const LONG: Duration = Duration::from_secs(1);
/// The first step of an upload: about what TCP sends without waiting for anything (RFC 6928), so that even a line of
/// 50 kbit/s brings it over in time.
const FIRST_STEP: u64 = 16_000;
/// How much larger a step may be than the one before.
const GROWTH: u64 = 16;
/// A step that took this long has shown what there is.
const LONG_STEP: Duration = Duration::from_millis(500);
/// What an answer to an upload may hold.
const ANSWER: usize = 64 * 1024;

/// What one direction sustained.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) bits_per_second: f64,
    pub(super) peer: Option<SocketAddr>,
    /// What it did to the delay, where that could be measured.
    pub(super) delay: Option<Delay>,
}

/// One test's transfers.
pub(super) struct Transfer<'a> {
    pub(super) config: &'a Config,
    pub(super) ledger: &'a Ledger,
    pub(super) egress: &'a Egress,
    pub(super) clock: Clock,
}

impl Transfer<'_> {
    /// Downloads until the rate is proven, the time or the bytes are used up, or the server has no more.
    ///
    /// # Errors
    /// The transfer broke, or was too small to be one.
    pub(super) async fn down(&self, url: &Uri) -> Result<Measured, ProbeError> {
        let client = client(url, self.egress, self.clock)?;
        let url = url.to_string().replace("{bytes}", &self.config.max_bytes.0.to_string());
        let mut response = in_time(FIRST_ANSWER, client.get(url).send()).await?;
        good(&response)?;
        let peer = response.remote_addr();
        let began = self.clock.mono();
        let mut pulse = peer.map(|peer| Pulse::new(peer, self.egress.clone(), self.clock));
        let taken = self.take(&mut response, began);
        let (bits_per_second, took) = match &mut pulse {
            Some(pulse) => pulse.during(taken).await?,
            None => taken.await?,
        };
        // The rest that the server still has is not wanted: with the connection goes what is on its way.
        drop(response);
        let delay = match pulse {
            // As with the rate: the first third is the slow start.
            Some(pulse) => pulse.after(began.after(took / 3)).await,
            None => None,
        };
        Ok(Measured { bits_per_second, peer, delay })
    }

    /// Takes what comes down, as long as it tells something. Gives the rate, and how long that took.
    async fn take(&self, response: &mut Response, began: Mono) -> Result<(f64, Duration), ProbeError> {
        let limit = self.config.max_bytes.0;
        let mut meter = Meter::default();
        let mut whole = false;
        let took = loop {
            let now = self.clock.mono().since(began);
            let left = self.config.duration.0.saturating_sub(now);
            // Asked of the clock, not only of the timer: chunks that always wait would never let it fire.
            if left.is_zero() || meter.total() >= limit || meter.proven(now, self.config.enough.0) {
                break now;
            }
            match tokio::time::timeout(left, response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    let bytes = chunk.len() as u64;
                    self.ledger.spend(bytes);
                    meter.add(self.clock.mono().since(began), bytes);
                }
                Ok(Ok(None)) => {
                    whole = true;
                    break self.clock.mono().since(began);
                }
                Ok(Err(error)) => return Err(failed(error)),
                Err(_) => break self.clock.mono().since(began),
            }
        };
        if meter.total() == 0 && !whole {
            return Err(ProbeError::new(ErrorKind::Timeout, "nothing came down"));
        }
        if whole && meter.total() < LEAST.min(limit) && took < LONG {
            let detail = format!("the server gave only {} bytes, too few for a measurement", meter.total());
            return Err(ProbeError::new(ErrorKind::Protocol, detail));
        }
        Ok((meter.rate(took), took))
    }

    /// Uploads in growing steps over one connection. A step counts when the server has answered it, because what was
    /// only handed to the kernel has not been sent: its buffer alone would hold megabytes. Early steps are the slow
    /// start; the last is the result.
    ///
    /// # Errors
    /// A step failed, or did not end in time.
    pub(super) async fn up(&self, url: &Uri) -> Result<Measured, ProbeError> {
        let client = client(url, self.egress, self.clock)?;
        let url = url.to_string();
        let (_, peer) = self.step(&client, &url, 1, FIRST_ANSWER).await?;
        let mut pulse = peer.map(|peer| Pulse::new(peer, self.egress.clone(), self.clock));
        let given = self.give(&client, &url);
        let (bits_per_second, last) = match &mut pulse {
            Some(pulse) => pulse.during(given).await?,
            None => given.await?,
        };
        let delay = match pulse {
            Some(pulse) => pulse.after(last).await,
            None => None,
        };
        Ok(Measured { bits_per_second, peer, delay })
    }

    /// The steps, over a connection that is open. Gives the rate, and when the step began that showed it.
    async fn give(&self, client: &Client, url: &str) -> Result<(f64, Mono), ProbeError> {
        let began = self.clock.mono();
        let limit = self.config.duration.0;
        // On an open connection a single byte costs one round trip and the server's own time: no part of a transfer.
        let (idle, _) = self.step(client, url, 1, limit).await?;
        let (mut size, mut sent) = (FIRST_STEP.min(self.config.max_bytes.0), 0);
        loop {
            let step = self.clock.mono();
            let (took, _) = self.step(client, url, size, limit).await?;
            sent += size;
            // Never less than a quarter of what was seen: the idle trip itself may have been a slow one.
            let moving = took.saturating_sub(idle).max(took / 4);
            let bits_per_second = rate(size, moving);
            let left = limit.saturating_sub(self.clock.mono().since(began));
            // What would fill half of the time that is left, at the rate seen.
            let fits = bits_per_second / 8.0 * (left / 2).saturating_sub(idle).as_secs_f64();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float is cut to the range")]
            let next = (fits as u64).min(size * GROWTH).min(self.config.max_bytes.0.saturating_sub(sent));
            let proven = moving >= LONG_STEP || (bits_per_second >= self.config.enough.0 && moving >= LONG_STEP / 2);
            if proven || next < size * 2 {
                return Ok((bits_per_second, step));
            }
            size = next;
        }
    }

    /// One `POST` of `size` bytes, from its beginning to the end of the answer.
    async fn step(
        &self,
        client: &Client,
        url: &str,
        size: u64,
        limit: Duration,
    ) -> Result<(Duration, Option<SocketAddr>), ProbeError> {
        let handed = Arc::new(AtomicU64::new(0));
        let began = self.clock.mono();
        let request = client
            .post(url)
            .header(header::CONTENT_LENGTH, size)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(content(size, Arc::clone(&handed)))
            .send();
        let exchange = async {
            let mut response = request.await?;
            let peer = response.remote_addr();
            let outcome = good(&response).and_then(|()| {
                let all = handed.load(Ordering::Relaxed) == size;
                let early = || ProbeError::new(ErrorKind::Protocol, "the server answered before it had read everything");
                if all { Ok(peer) } else { Err(early()) }
            });
            let mut read = 0;
            while read < ANSWER
                && let Some(chunk) = response.chunk().await?
            {
                read += chunk.len();
            }
            Ok(outcome)
        };
        let outcome = in_time(limit, exchange).await;
        self.ledger.spend(handed.load(Ordering::Relaxed));
        let peer = outcome??;
        Ok((self.clock.mono().since(began), peer))
    }
}

/// Content that no device on the way can compress; `handed` counts what was taken of it.
fn content(size: u64, handed: Arc<AtomicU64>) -> Body {
    static NOISE: OnceLock<Bytes> = OnceLock::new();
    let noise = NOISE.get_or_init(|| {
        let mut noise = vec![0; 64 * 1024];
        rand::rng().fill_bytes(&mut noise);
        noise.into()
    });
    let mut left = size;
    let chunks = std::iter::from_fn(move || {
        let next = usize::try_from(left).unwrap_or(usize::MAX).min(noise.len());
        left -= next as u64;
        handed.fetch_add(next as u64, Ordering::Relaxed);
        (next > 0).then(|| Ok::<_, std::io::Error>(noise.slice(..next)))
    });
    Body::wrap_stream(futures_util::stream::iter(chunks))
}

/// The process's client for this URL's scheme, made when first needed: for https it holds the root certificates, which take
/// time to load and 0.8 MB to keep. No proxy is taken from the environment, and no redirection followed: nobody is contacted
/// whom the config does not name.
fn client(url: &Uri, egress: &Egress, clock: Clock) -> Result<Client, ProbeError> {
    static SECURE: OnceLock<Client> = OnceLock::new();
    static CLEAR: OnceLock<Client> = OnceLock::new();
    let clear = url.scheme_str() == Some("http");
    // By an uplink it is made for each test, since the config may change under its name.
    if *egress != Egress::default() {
        return by_uplink(settings_for(clear, clock)?, egress);
    }
    let kept = if clear { &CLEAR } else { &SECURE };
    if let Some(client) = kept.get() {
        return Ok(client.clone());
    }
    let client = finished(builder(settings_for(clear, clock)?))?;
    Ok(kept.get_or_init(|| client).clone())
}

fn by_uplink(settings: rustls::ClientConfig, egress: &Egress) -> Result<Client, ProbeError> {
    let mut builder = builder(settings).local_address(egress.fixed_source()).dns_resolver(Names(egress.clone()));
    if let Some(interface) = egress.interface() {
        builder = builder.interface(interface);
    }
    finished(builder)
}

fn settings_for(clear: bool, clock: Clock) -> Result<rustls::ClientConfig, ProbeError> {
    if clear { tls::without_roots(clock) } else { tls::client(tls::verifier(None)?, clock, &[b"http/1.1"]) }
}

fn finished(builder: ClientBuilder) -> Result<Client, ProbeError> {
    builder.build().map_err(|error| ProbeError::new(ErrorKind::Internal, in_full(&error)))
}

/// Names, looked up over an uplink.
struct Names(Egress);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = self.0.clone();
        Box::pin(async move {
            let found = lookup::addresses(&egress, name.as_str()).await?;
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

fn builder(settings: rustls::ClientConfig) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(settings)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("siaga/", env!("CARGO_PKG_VERSION")))
        .tcp_nodelay(true)
        // Kept open between the steps of one test, not between tests.
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(Duration::from_secs(2))
}

async fn in_time<T>(limit: Duration, what: impl Future<Output = reqwest::Result<T>>) -> Result<T, ProbeError> {
    match tokio::time::timeout(limit, what).await {
        Ok(outcome) => outcome.map_err(failed),
        Err(_) => Err(ProbeError::new(ErrorKind::Timeout, format!("no answer within {}", Period(limit)))),
    }
}

fn good(response: &Response) -> Result<(), ProbeError> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    Err(ProbeError::new(ErrorKind::Protocol, format!("the server answered {}", status.as_u16())))
}

fn failed(error: reqwest::Error) -> ProbeError {
    // The address stands in the config; with it the sentence would be too long for a page.
    let error = error.without_url();
    let detail = in_full(&error);
    let mut kind = if detail.contains("dns error") { ErrorKind::Dns } else { ErrorKind::Protocol };
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && kind != ErrorKind::Dns
        {
            let by_tls = io.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
            kind = if by_tls { ErrorKind::Tls } else { kind_of(io) };
        }
        source = inner.source();
    }
    ProbeError::new(kind, detail)
}
