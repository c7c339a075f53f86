//! What the receivers that are reached by HTTP have in common: one request, and what its answer means.

use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, StatusCode};

use super::error::{DeliveryError, Failure, SetupError};
use super::secret;
use crate::domain::SecretFile;
use crate::outbound;

/// So much of an answer is read, bytes: what went wrong stands at its beginning.
const LONGEST: usize = 4096;

/// A client for one receiver. It contacts nobody yet.
///
/// # Errors
/// If the system's certificates cannot be loaded.
pub(super) fn client() -> Result<Client, SetupError> {
    outbound::client()
        .redirect(outbound::posts_stay_posts())
        .build()
        .map_err(|error| SetupError::new("the HTTP client cannot be made", error))
}

/// Makes a request. What it answers is the caller's to judge.
///
/// # Errors
/// If there is no answer.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, DeliveryError> {
    request.send().await.map_err(|error| {
        let failure = if error.is_timeout() {
            Failure::Timeout
        } else if error.is_connect() {
            Failure::Connect
        } else {
            Failure::Protocol
        };
        DeliveryError::new(failure, outbound::root(&error))
    })
}

/// The request with the bearer token (RFC 6750) that a file holds, where there is one.
///
/// # Errors
/// If the file cannot be read.
pub(super) async fn with_token(
    request: RequestBuilder,
    file: Option<&SecretFile>,
) -> Result<RequestBuilder, DeliveryError> {
    Ok(match file {
        Some(file) => request.bearer_auth(secret::read_text(file).await?),
        None => request,
    })
}

/// The beginning of an answer's body; nothing of one that breaks.
pub(super) async fn body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= LONGEST {
            body.truncate(LONGEST);
            break;
        }
    }
    body
}

/// What an answer means.
pub(super) fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), DeliveryError> {
    if status.is_success() {
        return Ok(());
    }
    let failure = match status.as_u16() {
        408 | 425 | 429 | 500.. => Failure::Unavailable,
        300..400 => Failure::Redirected,
        400 | 413 | 415 | 422 => Failure::Refused,
        _ => Failure::Denied,
    };
    Err(DeliveryError {
        failure,
        detail: format!("it answered {status}"),
        retry_after: outbound::retry_after(headers).filter(|_| failure.retryable()),
        withheld: None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::{HeaderValue, RETRY_AFTER};

    use super::*;

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
