//! A receiver that is reached by an HTTP POST of JSON.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, StatusCode, Url};
use ring::hmac;

use super::config::Config;
use super::error::{DeliveryError, Failure};
use crate::domain::{Notification, SecretFile};

/// Redirects followed on the same host.
const MAX_REDIRECTS: usize = 3;

/// Why a webhook could not be made ready.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be made")]
pub struct SetupError(#[source] reqwest::Error);

/// A webhook, ready to deliver. It has contacted nobody yet.
#[derive(Clone, Debug)]
pub struct Webhook {
    name: Arc<str>,
    url: Url,
    secret_file: Option<SecretFile>,
    timeout: Duration,
    client: Client,
}

impl Webhook {
    /// Makes one ready.
    ///
    /// # Errors
    /// If the system's certificates cannot be loaded.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        // The one crypto provider of this program; whoever comes second finds it installed, which is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("siaga/", env!("CARGO_PKG_VERSION")))
            .timeout(config.timeout.0)
            // A notification names its receiver; the environment has no say in who reads it.
            .no_proxy()
            .redirect(Policy::custom(follow))
            // Alerts are hours apart; a kept connection would be found dead just when it is needed.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(SetupError)?;
        Ok(Self {
            name: Arc::clone(&config.name),
            url: config.url.clone(),
            secret_file: config.secret_file.clone(),
            timeout: config.timeout.0,
            client,
        })
    }

    /// Its name in the config.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Makes one attempt. It has arrived when the far end answers 2xx.
    ///
    /// # Errors
    /// Why it has not, and whether another attempt makes sense.
    pub async fn deliver(&self, notification: &Notification) -> Result<(), DeliveryError> {
        // The client's own limit begins after the secret is read, and a file may lie on a dead mount.
        tokio::time::timeout(self.timeout, self.post(notification))
            .await
            .unwrap_or_else(|_| Err(DeliveryError::new(Failure::Timeout, self.took_too_long())))
    }

    async fn post(&self, notification: &Notification) -> Result<(), DeliveryError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let key = HeaderValue::from_str(&notification.key)
            .map_err(|_| DeliveryError::new(Failure::Refused, "its key cannot stand in a header"))?;
        headers.insert("Idempotency-Key", key);
        if let Some(file) = &self.secret_file {
            headers.insert("X-Siaga-Signature", signature(&secret(file).await?, notification.payload.as_bytes())?);
        }
        let request = self.client.post(self.url.clone()).headers(headers).body(notification.payload.to_string());
        match request.send().await {
            Ok(response) => judge(response.status(), response.headers()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &reqwest::Error) -> DeliveryError {
        let (failure, detail) = if error.is_timeout() {
            (Failure::Timeout, self.took_too_long())
        } else if error.is_connect() {
            (Failure::Connect, root(error))
        } else {
            (Failure::Protocol, root(error))
        };
        DeliveryError::new(failure, detail)
    }

    fn took_too_long(&self) -> String {
        format!("no answer within {}", crate::domain::Period(self.timeout))
    }
}

/// The innermost cause: what happened, without the URL, which may hold a token.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if std::ptr::addr_eq(std::ptr::from_ref(cause), std::ptr::from_ref(error)) {
        return "the connection failed".to_owned();
    }
    cause.to_string()
}

/// What an answer means.
fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), DeliveryError> {
    if status.is_success() {
        return Ok(());
    }
    let failure = match status.as_u16() {
        408 | 425 | 429 | 500.. => Failure::Unavailable,
        300..400 => Failure::Redirected,
        400 | 413 | 415 | 422 => Failure::Refused,
        _ => Failure::Denied,
    };
    // RFC 9110 §10.2.3; the other form, a date, is left aside: it would trust two clocks to agree.
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Err(DeliveryError {
        failure,
        detail: format!("it answered {status}"),
        retry_after: retry_after.map(Duration::from_secs).filter(|_| failure.retryable()),
    })
}

/// Follows only what keeps the message a POST (RFC 9110 §15.4.8 and §15.4.9: 307, 308) and stays at the same host, scheme
/// and port: after a 302 the client would ask with a GET, and its 200 would pass for a delivery.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let keeps = matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if keeps && same && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
}

async fn secret(said: &SecretFile) -> Result<Vec<u8>, DeliveryError> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let file = &said.place(folder.as_deref()).map_err(|what| DeliveryError::new(Failure::Secret, what))?;
    let failed = |what: String| DeliveryError::new(Failure::Secret, format!("{}: {what}", file.display()));
    let mut secret = tokio::fs::read(file).await.map_err(|error| failed(error.to_string()))?;
    secret.truncate(secret.trim_ascii_end().len());
    if secret.is_empty() { Err(failed("it is empty".to_owned())) } else { Ok(secret) }
}

fn signature(secret: &[u8], body: &[u8]) -> Result<HeaderValue, DeliveryError> {
    use std::fmt::Write as _;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
    let text = tag.as_ref().iter().fold("sha256=".to_owned(), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    });
    HeaderValue::from_str(&text).map_err(|error| DeliveryError::new(Failure::Secret, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // RFC 4231 §4.3, test case 2.
        assert_eq!(
            signature(b"Jefe", b"what do ya want for nothing?").unwrap(),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn each_answer_is_judged() {
        let judged = |status: u16| judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::new());
        for status in [200, 201, 202, 204] {
            assert_eq!(judged(status), Ok(()));
        }
        for (status, failure, again) in [
            (400, Failure::Refused, false),
            (413, Failure::Refused, false),
            (415, Failure::Refused, false),
            (422, Failure::Refused, false),
            (401, Failure::Denied, true),
            (403, Failure::Denied, true),
            (404, Failure::Denied, true),
            (410, Failure::Denied, true),
            (408, Failure::Unavailable, true),
            (425, Failure::Unavailable, true),
            (429, Failure::Unavailable, true),
            (500, Failure::Unavailable, true),
            (503, Failure::Unavailable, true),
            (302, Failure::Redirected, true),
            (308, Failure::Redirected, true),
        ] {
            let error = judged(status).unwrap_err();
            assert_eq!((error.failure, error.retryable()), (failure, again), "{status}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("120"));
        let error = judge(StatusCode::TOO_MANY_REQUESTS, &headers).unwrap_err();
        assert_eq!(error.retry_after, Some(Duration::from_mins(2)));
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Fri, 31 Dec 2027 23:59:59 GMT"));
        assert_eq!(judge(StatusCode::TOO_MANY_REQUESTS, &headers).unwrap_err().retry_after, None);
    }
}
