//! `GET /kiosk`: the room for a screen on its wall, to be read across it: the verdict, what somebody must do, the next meeting.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use crate::domain::{Incident, Lang, Requirement, Verdict};

use super::coming::{Coming, coming};
use super::frame::{Frame, Renewed, html_answer};
use super::live::View;
use super::problem::Problem;
use super::sign_in::spoken;
use super::site::Site;
use super::telling::{clock, mark, on_the_clock, sentence};
use super::under_way::{self, under_way};
use super::words::words;

/// So many things to do fit on a screen; the room's page has all.
const TO_DO: usize = 3;

#[derive(Template)]
#[template(path = "kiosk.html")]
struct Wall {
    frame: Frame,
    state: &'static str,
    mark: &'static str,
    sentence: String,
    at: String,
    /// What somebody must go and do, the most pressing first.
    to_do: Vec<String>,
    /// What is practised or told to the room itself, and nobody sees to yet.
    told: Vec<String>,
    in_use: bool,
    kept_on_disk: bool,
    /// What is being done now.
    under_way: Vec<under_way::Line>,
    coming: Coming,
}

/// The room for a screen on its wall.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/kiosk", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses((status = 200, description = "The room for a screen on its wall.", body = String, content_type = "text/html")))]
pub(super) async fn kiosk(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let lang = spoken(&site, &uri, &headers)?;
    let html = site.pages.get(&site, View::Kiosk, lang, || {
        rendered(&wall(&site, lang, Frame::new(&site, "/kiosk", lang, Renewed::AtChanges), true))
    })?;
    Ok(html_answer(html, StatusCode::OK, lang))
}

/// What it shows, but for the moment at which it is shown.
pub(super) fn without_ages(site: &Site, lang: Lang) -> String {
    let mut wall = wall(site, lang, Frame::timeless(site, "/kiosk", lang, Renewed::AtChanges), false);
    wall.at.clear();
    rendered(&wall).unwrap_or_default()
}

fn rendered(wall: &Wall) -> Result<String, Problem> {
    wall.render().map_err(|error| Problem::internal(error.to_string()))
}

fn wall(site: &Site, lang: Lang, frame: Frame, aged: bool) -> Wall {
    let (rendered, voice, now) = (site.rendered(), site.voice(), site.now());
    let snapshot = &rendered.believed;
    let view = snapshot.current();
    let mut to_do: Vec<String> = Vec::new();
    let counted = view.components.iter().filter(|part| part.requirement == Requirement::Required && !part.absent);
    let others = counted.flat_map(|part| view.reasons_of(part)).filter(|reason| reason.blocked_by.is_none());
    for reason in
        view.main_reason(&snapshot.checks).into_iter().chain(others).filter(|one| one.verdict != Verdict::Ready)
    {
        let remedy = voice.remedy(reason, lang);
        if to_do.len() < TO_DO && !to_do.contains(&remedy) {
            to_do.push(remedy);
        }
    }
    let told = |incident: &Incident| {
        let drill = if incident.is_drill() { words(lang).drill } else { "" };
        let since = clock(site, lang, incident.opened_at);
        let title = incident.component.title(lang);
        format!("{drill}{title}: {} ({} {since})", incident.verdict.title(lang), words(lang).since)
    };
    Wall {
        frame,
        state: view.verdict.as_str(),
        mark: mark(view.verdict),
        sentence: sentence(snapshot, view, lang),
        at: on_the_clock(&voice, now.wall, lang, snapshot.at.wall, true),
        to_do: if view.verdict == Verdict::Ready { Vec::new() } else { to_do },
        told: site.state.handling.borrow().banner.iter().map(told).collect(),
        in_use: snapshot.in_use,
        kept_on_disk: site.state.own.now().store.healthy,
        // Nobody writes at a wall.
        under_way: under_way(site, lang, aged)
            .into_iter()
            .map(|line| under_way::Line { unseen: None, ..line })
            .collect(),
        coming: coming(site, lang),
    }
}
