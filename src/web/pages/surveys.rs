//! `GET /surveys`, `GET /surveys/{id}`: surveys of places that were made before a meeting there, and each as its page to print.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use jiff::Timestamp;

use super::super::frame::{Frame, Renewed, answer, html_answer};
use super::super::problem::Problem;
use super::super::sign_in::spoken;
use super::super::site::Site;
use super::super::surveys::{self, MOST, SurveyForm, Surveyed, Unshown};
use super::super::telling::{clock, mark};
use super::in_time;
use crate::domain::Lang;

#[derive(Template)]
#[template(path = "surveys.html")]
struct Page {
    frame: Frame,
    all: Vec<Line>,
    older: usize,
    remembered: bool,
}

struct Line {
    id: String,
    /// Where; its own name where nobody said.
    title: String,
    state: &'static str,
    mark: &'static str,
    when: String,
    word: String,
    told: String,
    /// Why there is nothing else to say of it.
    wrong: Option<&'static str>,
    unfinished: bool,
}

/// The surveys of places for people.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/surveys", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
pub(in super::super) async fn page(
    State(site): State<Arc<Site>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = spoken(&site, &uri, &headers)?;
    let frame = Frame::new(&site, "/surveys", lang, Renewed::Every(30));
    let read = in_time(site.state.surveys.newest(MOST)).await;
    let remembered = read.is_some();
    let (all, older) = read.unwrap_or_default();
    let page = Page { frame, all: all.into_iter().map(|one| line(&site, one, lang)).collect(), older, remembered };
    answer(&page, StatusCode::OK, lang)
}

/// One survey as a page to print.
///
/// # Errors
/// A query that is not understood; a name that is none; what cannot be read.
#[utoipa::path(get, path = "/surveys/{id}", params(
    ("id" = String, Path, description = "The survey's own name."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The page.", body = String, content_type = "text/html"),
    (status = 404, description = "No survey of that name is kept.", body = Problem, content_type = "application/problem+json"),
    (status = 500, description = "What lies under that name is no survey.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(in super::super) async fn one(
    State(site): State<Arc<Site>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let lang = spoken(&site, &uri, &headers)?;
    let other = if lang == Lang::Id { Lang::En } else { Lang::Id };
    // What is no name becomes no link: it is not found, and no page is made.
    let form = SurveyForm::Page {
        lang,
        list: format!("/surveys?lang={}", lang.as_str()),
        other: format!("/surveys/{id}?lang={}", other.as_str()),
        json: format!("/api/v1/surveys/{id}"),
    };
    let html = surveys::open(&site, &id, form).await?;
    Ok(html_answer(html.into(), StatusCode::OK, lang))
}

fn line(site: &Site, one: Surveyed, lang: Lang) -> Line {
    let pick = |id, en| if lang == Lang::Id { id } else { en };
    match one.said {
        Ok(said) => {
            let [id, en] = said.told;
            let (word, told) = if lang == Lang::Id { id } else { en };
            Line {
                title: said.venue.unwrap_or_else(|| one.id.clone()),
                id: one.id,
                state: said.verdict.as_str(),
                mark: mark(said.verdict),
                when: said.began_at.parse::<Timestamp>().map_or(said.began_at, |at| clock(site, lang, at)),
                word,
                told,
                wrong: None,
                unfinished: !said.finished,
            }
        }
        Err(why) => Line {
            title: one.id.clone(),
            id: one.id,
            state: "unknown",
            mark: "?",
            when: String::new(),
            word: String::new(),
            told: String::new(),
            wrong: Some(match why {
                Unshown::Damaged(_) => pick(
                    "Berkas ini rusak atau bukan hasil survei; minta petugas TI melihatnya.",
                    "This file is damaged, or no survey; ask IT staff to look at it.",
                ),
                Unshown::Unread(_) => pick(
                    "Berkas ini tidak dapat dibaca sekarang; minta petugas TI melihatnya.",
                    "This file cannot be read now; ask IT staff to look at it.",
                ),
            }),
            unfinished: false,
        },
    }
}
