//! What a request brings along: a body, read to a limit and within a deadline.

use std::time::Duration;

use axum::Form;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Request};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use crate::domain::plain::is_unseen;

use super::problem::Problem;

/// The largest body that is read, bytes: names, a reason, a handful of receivers.
const LARGEST: usize = 16 * 1024;

/// How long it may take to come: whoever sends it has it already.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest name of a person, characters.
const LONGEST_NAME: usize = 64;

/// A body of JSON; nothing at all is what stands for nothing said.
pub(super) async fn json<T: DeserializeOwned + Default>(request: Request) -> Result<T, Problem> {
    let is_json = is(request.headers(), "application/json");
    let bytes = bytes(request.into_body()).await?;
    if bytes.is_empty() {
        return Ok(T::default());
    }
    if !is_json {
        return Err(Problem::media("the body is JSON, and Content-Type says application/json"));
    }
    object(&bytes)
}

/// What stands in a body of JSON.
pub(super) fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if is_array(bytes) {
        return Err(Problem::value(format!("the body is not understood: {ARRAY}")));
    }
    serde_json::from_slice(bytes).map_err(|error| Problem::value(format!("the body is not understood: {error}")))
}

/// What is said to who sends an array: serde would take its values for the fields in their order.
pub(super) const ARRAY: &str = "it is an array, and an object is expected";

/// Whether a body of JSON is one.
pub(super) fn is_array(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'[')
}

/// The fields of a form, as a page sends them.
pub(super) async fn form(request: Request) -> Result<Vec<(String, String)>, Problem> {
    if !is(request.headers(), "application/x-www-form-urlencoded") {
        return Err(Problem::media("a form is sent as application/x-www-form-urlencoded"));
    }
    let (head, body) = request.into_parts();
    fields(Request::from_parts(head, Body::from(bytes(body).await?))).await
}

/// Those of a form that is here whole.
pub(super) async fn fields(request: Request) -> Result<Vec<(String, String)>, Problem> {
    let read = Form::<Vec<(String, String)>>::from_request(request, &()).await;
    read.map(|Form(fields)| fields).map_err(|error| Problem::value(error.body_text()))
}

fn is(headers: &HeaderMap, kind: &str) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.split(';').next().is_some_and(|said| said.trim().eq_ignore_ascii_case(kind))
}

async fn bytes(body: Body) -> Result<Bytes, Problem> {
    match tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, LARGEST)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Problem::too_large(format!("the body is not whole, or is over {LARGEST} bytes"))),
        Err(_) => Err(Problem::slow(format!("the body did not come within {} s", PATIENCE.as_secs()))),
    }
}

/// Somebody's name as it was given, without what cannot be in one; none if nothing is left, or too much.
pub(super) fn name(given: &str) -> Option<String> {
    let name: String = given.chars().filter(|c| !is_unseen(*c)).collect();
    let name = name.trim();
    (1..=LONGEST_NAME).contains(&name.chars().count()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_no_object() {
        assert!(is_array(b" \n[]"));
        for other in [&b"{}"[..], b"", b" {\"a\": []}"] {
            assert!(!is_array(other));
        }
    }

    #[test]
    fn a_name_is_one_line_and_has_an_end() {
        assert_eq!(name(" Operator Satu\n").as_deref(), Some("Operator Satu"));
        assert_eq!(name("a\u{1b}[31mb\r\nc").as_deref(), Some("a[31mbc"));
        for none in ["", " ", "\n\t", &"x".repeat(65)] {
            assert_eq!(name(none), None, "{none:?}");
        }
    }
}
