//! The daemon's own health, which is not the room's: a broken camera must not make a supervisor restart us.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::acts::NotReloaded;
use super::door::Caller;
use super::problem::Problem;
use super::site::Site;

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
    (status = 200, description = "The new config runs; what of it waits for the next start is named.", body = String),
    (status = 401, description = "From another machine without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for acting; or (in plain text) a page of somebody else's asked, by a browser.", body = Problem, content_type = "application/problem+json"),
    (status = 500, description = "The new config is bad and the old one runs on; the text says what is wrong.", body = String),
    (status = 503, description = "Too many ask at once, or somebody without a token too often; `Retry-After` says when to come again.", body = String),
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
    let acts = Arc::clone(&site.state.acts);
    // Of its own: it is written down how it ended also where whoever asked has gone.
    let outcome = tokio::spawn(async move { acts.reload(who).await }).await;
    match outcome {
        Ok(Ok(waiting)) if waiting.0.is_empty() => "reloaded\n".into_response(),
        Ok(Ok(waiting)) => format!("reloaded; from the next start on: {waiting}\n").into_response(),
        Ok(Err(NotReloaded::Refused(text))) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{text}\n")).into_response(),
        Ok(Err(NotReloaded::Busy(wait))) => {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let again = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
            let text = format!("busy: try again in {seconds} s, or by siaga reload\n");
            (StatusCode::SERVICE_UNAVAILABLE, again, text).into_response()
        }
        Ok(Err(NotReloaded::Untold)) | Err(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "the reload was begun and nobody said how it ended\n").into_response()
        }
    }
}
