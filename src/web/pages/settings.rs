//! `GET /settings`: what the config says, each value with where it comes from. Nothing can be changed here, and no secret is shown.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::super::frame::{Frame, Renewed, answer};
use super::super::problem::Problem;
use super::super::sign_in::spoken;
use super::super::site::Site;
use super::super::telling::clock;
use crate::domain::Setting;

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    frame: Frame,
    version: &'static str,
    source: String,
    /// When it was last read, and whether the newest attempt to read it succeeded.
    read: String,
    well: bool,
    newest: bool,
    sections: Vec<(String, Vec<Setting>)>,
}

/// The settings for people.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/settings", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
pub(in super::super) async fn page(
    State(site): State<Arc<Site>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = spoken(&site, &uri, &headers)?;
    let frame = Frame::new(&site, "/settings", lang, Renewed::Every(30));
    let voice = site.voice();
    let reloaded = *site.state.reloaded.borrow();
    let mut sections: Vec<(String, Vec<Setting>)> = Vec::new();
    for setting in &voice.settings.all {
        match sections.last_mut().filter(|(section, _)| *section == setting.section) {
            Some((_, all)) => all.push(setting.clone()),
            None => sections.push((setting.section.clone(), vec![setting.clone()])),
        }
    }
    let page = Page {
        frame,
        version: site.state.info.version,
        source: voice.settings.source.clone(),
        read: clock(&site, lang, reloaded.at),
        well: reloaded.ok,
        newest: reloaded.newest,
        sections,
    };
    answer(&page, StatusCode::OK, lang)
}
