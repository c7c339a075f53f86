//! One push over HTTP, and what its answer means.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, RequestBuilder, StatusCode};
use tokio::sync::Mutex;

use super::Config;
use crate::clock::Clock;
use crate::domain::{Mono, SecretFile};
use crate::outbound;

/// So much of an answer is read, bytes, and so much of that is told, characters: why, stands at its beginning.
const LONGEST: usize = 1024;
const LONGEST_TOLD: usize = 160;
/// A connection without use is kept for so long: three usual intervals, so that one handshake serves a day.
const IDLE: Duration = Duration::from_secs(90);
/// Certificates of the system are read again after a failure to connect, but not more often than this.
const RENEWED_FOR: Duration = Duration::from_mins(1);

/// Why a push failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// Nothing was answered in time.
    Timeout,
    /// The name, the way there, or the far end's certificate failed; or this machine knows no authority of certificates at all.
    Connect,
    /// The connection broke, or what came back is not HTTP.
    Protocol,
    /// It answered that it cannot now (429, 5xx).
    Unavailable,
    /// It answered that this push is at fault (400 and others).
    Refused,
    /// It answered that we, or the place, are at fault (401, 403, 404, 405, 407).
    Denied,
    /// It sent us elsewhere: to another host, or in a way that would lose the push.
    Redirected,
    /// The secret cannot be read.
    Secret,
    /// The uplink's budget of data is spent; nothing was sent.
    Budget,
}

impl Failure {
    /// All, in the order of metrics.
    pub const ALL: [Self; 9] = [
        Self::Timeout,
        Self::Connect,
        Self::Protocol,
        Self::Unavailable,
        Self::Refused,
        Self::Denied,
        Self::Redirected,
        Self::Secret,
        Self::Budget,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Protocol => "protocol",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Redirected => "redirected",
            Self::Secret => "secret",
            Self::Budget => "budget",
        }
    }

    /// Whether the same push is tried again. Of what was answered only 429 and 5xx are ("Retries & Backoff", Remote-Write 1.0).
    pub(super) const fn retried(self) -> bool {
        !matches!(self, Self::Refused | Self::Denied)
    }
}

/// Why a push failed, for IT staff, without the URL and without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotTaken {
    pub(super) failure: Failure,
    pub(super) detail: String,
    pub(super) retry_after: Option<Duration>,
}

impl NotTaken {
    fn new(failure: Failure, detail: impl Into<String>) -> Self {
        Self { failure, detail: detail.into(), retry_after: None }
    }
}

/// Whoever takes pushes. It was not contacted yet.
#[derive(Clone, Debug)]
pub(super) struct Far {
    config: Arc<Config>,
    clock: Clock,
    made: Arc<Mutex<Made>>,
}

/// What asks it.
#[derive(Debug)]
struct Made {
    /// Or why there is none: what is missing on this machine may come.
    client: Result<Client, NotTaken>,
    /// It is to be made anew: it knows the authorities of the moment at which it was made, and those of today may be others.
    is_stale: bool,
    /// When that was found last.
    renewed_at: Option<Mono>,
}

impl Far {
    pub(super) fn new(config: Arc<Config>, clock: Clock) -> Self {
        let client = Err(NotTaken::new(Failure::Connect, "it has not begun yet"));
        Self { config, clock, made: Arc::new(Mutex::new(Made { client, is_stale: false, renewed_at: None })) }
    }

    /// Pushes once.
    ///
    /// # Errors
    /// Why it was not taken.
    pub(super) async fn push(self, body: Arc<[u8]>) -> Result<(), NotTaken> {
        let timeout = self.config.timeout.0;
        let late = NotTaken::new(Failure::Timeout, format!("nothing was answered within {}", self.config.timeout));
        let pushed = tokio::time::timeout(timeout, self.attempt(body)).await.unwrap_or(Err(late));
        if pushed.as_ref().is_err_and(|not| not.failure == Failure::Connect) {
            let (mut made, now) = (self.made.lock().await, self.clock.mono());
            if made.renewed_at.is_none_or(|at| now.since(at) >= RENEWED_FOR) {
                (made.is_stale, made.renewed_at) = (true, Some(now));
            }
        }
        pushed
    }

    async fn attempt(&self, body: Arc<[u8]>) -> Result<(), NotTaken> {
        let request = self
            .client()
            .await?
            .post(self.config.url.clone())
            .header(CONTENT_ENCODING, "snappy")
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0")
            .body(body.to_vec());
        let mut response = self.known(request).await?.send().await.map_err(|error| no_answer(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        // To its end, so that the connection can be used again.
        let mut said = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            said.extend_from_slice(&chunk[..chunk.len().min(LONGEST - said.len().min(LONGEST))]);
        }
        judge(status, &headers, &said)
    }

    /// The client that there is, or one that can be made now.
    async fn client(&self) -> Result<Client, NotTaken> {
        let mut made = self.made.lock().await;
        if made.is_stale || made.client.is_err() {
            // The system's certificates are files, whose disk may not answer.
            // The old one is used meanwhile, should the time be over before this one is there.
            made.is_stale = false;
            let timeout = self.config.timeout.0;
            let new = outbound::certified(move || client(timeout)).await;
            let failed =
                |what: String| NotTaken::new(Failure::Connect, format!("the HTTP client cannot be made: {what}"));
            let new = new.map_err(failed);
            // The old one is better than none.
            if new.is_ok() || made.client.is_err() {
                made.client = new;
            }
        }
        made.client.clone()
    }

    async fn known(&self, request: RequestBuilder) -> Result<RequestBuilder, NotTaken> {
        Ok(match (&self.config.token_file, &self.config.user, &self.config.password_file) {
            (Some(file), ..) => request.bearer_auth(secret(file).await?),
            (None, Some(user), Some(file)) => request.basic_auth(user, Some(secret(file).await?)),
            _ => request,
        })
    }
}

/// One for pushes that may take so long. Half of that for the connection: where a line swallows what asks for one, nothing of the push has
/// left, which is told by the failure.
///
/// # Errors
/// If the system's certificates cannot be loaded.
fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    outbound::client()
        .redirect(outbound::posts_stay_posts())
        .connect_timeout(timeout / 2)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(IDLE)
        .build()
}

async fn secret(said: &SecretFile) -> Result<String, NotTaken> {
    outbound::secret_text(said).await.map_err(|what| NotTaken::new(Failure::Secret, what))
}

/// What an answer means.
fn judge(status: StatusCode, headers: &HeaderMap, said: &[u8]) -> Result<(), NotTaken> {
    if status.is_success() {
        return Ok(());
    }
    let failure = match status.as_u16() {
        429 | 500.. => Failure::Unavailable,
        300..=399 => Failure::Redirected,
        401 | 403 | 404 | 405 | 407 => Failure::Denied,
        _ => Failure::Refused,
    };
    let retry_after = outbound::retry_after(headers).filter(|_| failure == Failure::Unavailable);
    let said: String =
        String::from_utf8_lossy(said).chars().take_while(|c| !c.is_control()).take(LONGEST_TOLD).collect();
    Err(NotTaken { failure, detail: format!("it answered {status}: {said}"), retry_after })
}

fn no_answer(error: &reqwest::Error) -> NotTaken {
    let failure = if error.is_connect() { Failure::Connect } else { Failure::Protocol };
    NotTaken::new(failure, outbound::root(error))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderValue, RETRY_AFTER};

    use super::*;

    #[test]
    fn each_answer_is_judged_as_the_protocol_wants() {
        let judged = |status: u16| judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), b"");
        for status in [200, 202, 204] {
            assert_eq!(judged(status), Ok(()));
        }
        for status in [400, 401, 403, 404, 408, 409, 413, 415, 422] {
            assert!(!judged(status).unwrap_err().failure.retried(), "{status}");
        }
        for status in [429, 500, 502, 503, 504, 307, 302] {
            assert!(judged(status).unwrap_err().failure.retried(), "{status}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("120"));
        let wish = |status, headers: &HeaderMap| judge(status, headers, b"").unwrap_err().retry_after;
        assert_eq!(wish(StatusCode::SERVICE_UNAVAILABLE, &headers), Some(Duration::from_mins(2)));
        assert_eq!(wish(StatusCode::BAD_REQUEST, &headers), None);
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Fri, 31 Dec 2027 23:59:59 GMT"));
        assert_eq!(wish(StatusCode::TOO_MANY_REQUESTS, &headers), None);
    }
}
