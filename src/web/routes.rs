//! Which path is answered by whom.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::routing::{get, post};

use super::past::{ledger, week};
use super::problem::Problem;
use super::site::Site;
use super::{daemon, inbound, lists, openapi, page, readiness, readyz};

/// All paths.
pub(super) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/readyz", get(readyz::readyz))
        .route("/metrics", get(daemon::metrics))
        .route("/api/v1/readiness", get(readiness::readiness))
        .route("/api/v1/checks", get(lists::checks))
        .route("/api/v1/checks/{name}", get(lists::check))
        .route("/api/v1/evidence/{id}", get(lists::evidence))
        .route("/api/v1/profiles", get(lists::profiles))
        .route("/api/v1/incidents", get(lists::incidents))
        .route("/api/v1/reasons", get(lists::reasons))
        .route("/api/v1/ledger", get(ledger::ledger))
        .route("/api/v1/ledger.csv", get(ledger::ledger))
        .route("/api/v1/outlook/week", get(week::week))
        .route("/api/v1/outlook/week.csv", get(week::week))
        .route("/api/v1/openapi.json", get(openapi::openapi))
        .route("/api/v1/alertmanager", post(inbound::alertmanager).layer(DefaultBodyLimit::max(inbound::BODY)))
        .route("/-/healthy", get(daemon::healthy))
        .route("/-/ready", get(daemon::ready))
        .route("/-/reload", post(daemon::reload))
        .fallback(nowhere)
        .method_not_allowed_fallback(other_method)
        .with_state(site)
}

async fn nowhere() -> Problem {
    Problem::not_found("nothing is here; /api/v1/openapi.json lists all paths")
}

async fn other_method(method: Method, uri: Uri) -> Problem {
    Problem::method(format!("{} does not take {method}; the Allow header says what it takes", uri.path()))
}
