//! Which path is answered by whom.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::routing::{delete, get, post};

use super::past::{ledger, week};
use super::problem::Problem;
use super::site::Site;
use super::{
    acting, daemon, ics, inbound, incident_page, kiosk, lists, live, openapi, page, pages, readiness, readyz, reported,
    sessions, sheet, sign_in, surveys, under_way,
};

/// The largest body that is read, bytes: a session's, or a message of an Alertmanager, whose `max_alerts` keeps it below.
pub(super) const BODY: usize = 64 * 1024;

/// All paths.
pub(super) fn router(site: Arc<Site>) -> Router {
    let session = get(sessions::get).put(sessions::put).patch(sessions::patch).delete(sessions::cancel);
    Router::new()
        .route("/", get(page::page))
        .route("/components/{component}", get(pages::component::page))
        .route("/incidents", get(pages::incidents::page))
        .route("/agenda", get(pages::agenda::page))
        .route("/radio", get(pages::radio::page))
        .route("/act", get(pages::act::page).post(pages::act::order))
        .route("/data", get(pages::data::page))
        .route("/surveys", get(pages::surveys::page))
        .route("/surveys/{id}", get(pages::surveys::one))
        .route("/settings", get(pages::settings::page))
        .route("/kiosk", get(kiosk::kiosk))
        .route("/live.js", get(live::script))
        .route("/events", get(live::events))
        .route("/incidents/{id}", get(incident_page::page))
        .route("/incidents/{id}/ack", post(incident_page::note))
        .route("/sessions/{id}", get(sheet::page::page).post(sheet::forms::write))
        .route("/login", get(sign_in::form).post(sign_in::come_in))
        .route("/logout", post(sign_in::go))
        .route("/readyz", get(readyz::readyz))
        .route("/metrics", get(daemon::metrics))
        .route("/api/v1/readiness", get(readiness::readiness))
        .route("/api/v1/sessions/{id}", session)
        .route("/api/v1/sessions/{id}/runsheet", get(sheet::api::get))
        .route("/api/v1/sessions/{id}/runsheet/{item}", post(sheet::api::tick))
        .route("/api/v1/sessions/{id}/trial", post(sheet::api::trial))
        .route("/api/v1/sessions/{id}/override", post(sheet::api::answer_for))
        .route("/api/v1/sessions/{id}/report", get(reported::json))
        .route("/api/v1/sessions/{id}/report.csv", get(reported::csv))
        .route("/api/v1/sessions/{id}/evaluation", post(reported::evaluate))
        .route("/sessions/{id}/report", get(reported::page))
        .route("/api/v1/sessions", get(sessions::list))
        .route("/api/v1/agenda", get(sessions::agenda))
        .route("/api/v1/agenda.ics", get(ics::offered))
        .route("/api/v1/checks", get(lists::checks))
        .route("/api/v1/checks/{name}", get(lists::check))
        .route("/api/v1/evidence/{id}", get(lists::evidence))
        .route("/api/v1/profiles", get(lists::profiles))
        .route("/api/v1/incidents", get(lists::incidents))
        .route("/api/v1/incidents/{id}/ack", post(acting::acknowledge))
        .route("/api/v1/silences", get(acting::silences).post(acting::silence))
        .route("/api/v1/silences/{id}", delete(acting::end_silence))
        .route("/api/v1/alerts/test", post(acting::test_alert))
        .route("/api/v1/surveys", get(surveys::list))
        .route("/api/v1/surveys/{id}", get(surveys::one))
        .route("/api/v1/running", get(under_way::running))
        .route("/api/v1/reasons", get(lists::reasons))
        .route("/api/v1/ledger", get(ledger::ledger))
        .route("/api/v1/ledger.csv", get(ledger::ledger))
        .route("/api/v1/outlook/week", get(week::week))
        .route("/api/v1/outlook/week.csv", get(week::week))
        .route("/api/v1/openapi.json", get(openapi::openapi))
        .route("/api/v1/alertmanager", post(inbound::alertmanager))
        .route("/-/healthy", get(daemon::healthy))
        .route("/-/ready", get(daemon::ready))
        .route("/-/reload", post(daemon::reload))
        .layer(DefaultBodyLimit::max(BODY))
        .fallback(nowhere)
        .method_not_allowed_fallback(other_method)
        .with_state(site)
}

async fn nowhere() -> Problem {
    Problem::not_found("nothing is here; /api/v1/openapi.json describes the API")
}

async fn other_method(method: Method, uri: Uri) -> Problem {
    Problem::method(format!("{} does not take {method}; the Allow header says what it takes", uri.path()))
}
