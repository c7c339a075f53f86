//! The daemon's own health, which is not the room's: a broken camera must not make a supervisor restart us.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::door::Caller;
use super::problem::Problem;
use super::site::Site;

/// How long whoever asks for a reload is kept waiting: more than twice what reading a config may take, for another may be under way.
pub const RELOAD_DEADLINE: Duration = Duration::from_secs(15);

/// The process serves.
#[utoipa::path(get, path = "/-/healthy", responses((status = 200, description = "It does.", body = String)))]
pub(super) async fn healthy() -> &'static str {
    "healthy\n"
}

/// The first round is done, so that verdicts are founded.
#[utoipa::path(get, path = "/-/ready", responses(
    (status = 200, description = "It is.", body = String),
    (status = 503, description = "Not yet.", body = String),
))]
pub(super) async fn ready(State(site): State<Arc<Site>>) -> Response {
    if site.state.snapshot.borrow().starting {
        (StatusCode::SERVICE_UNAVAILABLE, "starting\n").into_response()
    } else {
        "ready\n".into_response()
    }
}

/// All metrics, in Prometheus' text format. Always 200; a scrape triggers no work.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "The metrics.", body = String)))]
pub(super) async fn metrics(State(site): State<Arc<Site>>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], site.exposition()).into_response()
}

/// Reads the config anew. A bad one leaves the old one running. From another machine it needs a token for acting, whoever may read.
#[utoipa::path(post, path = "/-/reload", security((), ("token" = ["operate"])), responses(
    (status = 200, description = "The new config runs.", body = String),
    (status = 401, description = "From another machine without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for acting; or (in plain text) a page of somebody else's asked, by a browser.", body = Problem, content_type = "application/problem+json"),
    (status = 500, description = "The new config is bad and the old one runs on; the text says what is wrong.", body = String),
    (status = 503, description = "A reload is under way.", body = String),
))]
pub(super) async fn reload(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Response {
    let who = match caller.may_reload() {
        Ok(who) => who,
        Err(problem) => return problem.into_response(),
    };
    // Only a browser sends these, and no page of ours asks for this: whoever else's does is refused.
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        return (StatusCode::FORBIDDEN, "not from a browser\n").into_response();
    }
    let (answer, outcome) = oneshot::channel();
    match site.state.reload.try_send(answer) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => {
            return (StatusCode::SERVICE_UNAVAILABLE, "a reload is under way\n").into_response();
        }
        Err(TrySendError::Closed(_)) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "this process cannot reload\n").into_response();
        }
    }
    let outcome = tokio::time::timeout(RELOAD_DEADLINE, outcome).await;
    site.state.acts.note_reload(who, matches!(outcome, Ok(Ok(Ok(()))))).await;
    match outcome {
        Ok(Ok(Ok(()))) => "reloaded\n".into_response(),
        Ok(Ok(Err(text))) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{text}\n")).into_response(),
        Ok(Err(_)) | Err(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "the reload was begun and nobody said how it ended\n").into_response()
        }
    }
}
