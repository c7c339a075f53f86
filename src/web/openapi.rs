//! The API's own description, made from the handlers and bodies that serve it.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::{daemon, lists, page, readiness, readyz};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Siaga",
        description = "Is this room ready for this meeting, from then until then, and if not, what must somebody go and do?"
    ),
    servers((url = "/")),
    paths(
        readyz::readyz,
        readiness::readiness,
        lists::checks,
        lists::check,
        lists::evidence,
        lists::profiles,
        lists::incidents,
        lists::reasons,
        daemon::metrics,
        daemon::healthy,
        daemon::ready,
        daemon::reload,
        page::page,
    )
)]
struct Api;

/// The description as an `OpenAPI` 3.1 document, in JSON.
///
/// # Errors
/// What cannot be written as JSON; nothing should be.
pub fn document() -> Result<String, serde_json::Error> {
    let mut text = Api::openapi().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

pub(super) async fn openapi() -> Response {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let bytes = match DOCUMENT.get() {
        Some(bytes) => bytes.clone(),
        None => match document() {
            Ok(text) => DOCUMENT.get_or_init(|| Bytes::from(text)).clone(),
            Err(error) => return super::problem::Problem::internal(error.to_string()).into_response(),
        },
    };
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response()
}
