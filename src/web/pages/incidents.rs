//! `GET /incidents`: what is wrong and what was, newest first, each with a way to its own page.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::super::evidence::PastIncident;
use super::super::frame::{Frame, Renewed, answer};
use super::super::incident_page::handled;
use super::super::problem::Problem;
use super::super::sign_in::spoken;
use super::super::site::Site;
use super::super::telling::{clock, length, mark};
use super::in_time;
use crate::domain::time::told_length;
use crate::domain::{Incident, Lang};

/// So many that are over are shown.
const OVER: usize = 50;

#[derive(Template)]
#[template(path = "incidents.html")]
struct Page {
    frame: Frame,
    open: Vec<Line>,
    over: Vec<Line>,
    remembered: bool,
}

struct Line {
    id: String,
    title: &'static str,
    state: &'static str,
    mark: &'static str,
    /// From when until when, or since when.
    when: String,
    /// Why, or what is done about it.
    what: Vec<String>,
}

/// What is wrong and what was.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/incidents", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
pub(in super::super) async fn page(
    State(site): State<Arc<Site>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = spoken(&site, &uri, &headers)?;
    let frame = Frame::new(&site, "/incidents", lang, Renewed::AtChanges);
    let over = in_time(site.state.evidence.closed_incidents(OVER)).await;
    let open = site.rendered().believed.incidents.iter().rev().map(|incident| of_open(&site, incident, lang)).collect();
    let page = Page {
        frame,
        open,
        remembered: over.is_some(),
        over: over.unwrap_or_default().iter().map(|incident| of_over(&site, incident, lang)).collect(),
    };
    answer(&page, StatusCode::OK, lang)
}

fn of_open(site: &Site, incident: &Incident, lang: Lang) -> Line {
    let why = incident.reasons.first().map(|reason| reason.message(lang));
    Line {
        id: incident.id.clone(),
        title: incident.component.title(lang),
        state: incident.verdict.as_str(),
        mark: mark(incident.verdict),
        when: format!("{} {}", super::super::words::words(lang).since, clock(site, lang, incident.opened_at)),
        what: why.into_iter().chain([handled(site, incident, lang)]).collect(),
    }
}

fn of_over(site: &Site, incident: &PastIncident, lang: Lang) -> Line {
    let lasted = told_length(incident.opened_at, incident.closed_at);
    let (from, until) = (clock(site, lang, incident.opened_at), clock(site, lang, incident.closed_at));
    Line {
        id: incident.id.clone(),
        title: incident.component.title(lang),
        state: incident.worst.as_str(),
        mark: mark(incident.worst),
        when: format!("{from} – {until} ({})", length(lasted, lang)),
        what: incident.reasons.first().map(|reason| reason.message(lang)).into_iter().collect(),
    }
}
