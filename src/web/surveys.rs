//! Surveys of places that are kept in the state folder: who reads them, and the same for programs.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Lang, Session, Verdict};

use super::lists::within_deadline;
use super::pages::in_time;
use super::past::words::pick;
use super::problem::Problem;
use super::query::Query;
use super::site::Site;

/// So many are listed, the newest.
pub(super) const MOST: usize = 200;

/// Who has them. The callers bound how long they wait; each error is a text for a person.
pub trait Surveys: Send + Sync {
    /// The newest, at most so many, and how many older ones there are.
    fn newest(&self, most: usize) -> BoxFuture<'_, Result<(Vec<Surveyed>, usize), String>>;

    /// Which of these are there, whatever lies under their names. Nothing of them is read.
    fn there(&self, ids: Vec<String>) -> BoxFuture<'_, Result<HashSet<String>, String>>;

    /// One of them, in that form; nothing if there is none of that name.
    fn open<'a>(&'a self, id: &'a str, form: SurveyForm) -> BoxFuture<'a, Result<Option<String>, Unshown>>;
}

/// In what form one is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SurveyForm {
    /// JSON, schema `siaga.survey`.
    Json,
    /// A page to print.
    Page {
        /// In which language.
        lang: Lang,
        /// Where all of them are listed.
        list: String,
        /// Where it is in the other language.
        other: String,
        /// Where it is for programs.
        json: String,
    },
}

/// Why one that is there cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unshown {
    /// What lies there is no survey, or another version's.
    Damaged(String),
    /// It cannot be read now.
    Unread(String),
}

/// A survey in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// Its own name.
    pub id: String,
    /// What it says; nothing where it cannot be read.
    pub said: Result<Said, Unshown>,
}

/// What a survey says, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Where, in its people's words.
    pub venue: Option<String>,
    /// When it began (RFC 3339).
    pub began_at: String,
    /// Whether all that was to be done was done.
    pub finished: bool,
    /// The kind of meeting that the verdict is of.
    pub profile: String,
    /// Whether it can be held there.
    pub verdict: Verdict,
    /// The verdict's word and the answer as a sentence, Bahasa Indonesia and English.
    pub told: [(String, String); 2],
}

/// A survey in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SurveyBody {
    /// Its own name, which a session's `venue.survey` may have.
    pub id: String,
    /// Where, in its people's words.
    pub venue: Option<String>,
    /// When it began (RFC 3339); null where it cannot be read, as all that follows.
    pub began_at: Option<String>,
    /// The kind of meeting that `verdict` is of.
    pub profile: Option<String>,
    /// Whether it can be held there.
    pub verdict: Option<Verdict>,
    /// Whether all that was to be done was done.
    pub finished: Option<bool>,
    /// Why it cannot be shown.
    pub error: Option<String>,
}

/// Surveys of places.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SurveysBody {
    /// The newest 200, newest first.
    pub surveys: Vec<SurveyBody>,
    /// How many older ones are kept.
    pub older: usize,
}

/// The surveys of places that are kept, newest first.
///
/// # Errors
/// A query; a folder that cannot be read.
#[utoipa::path(get, path = "/api/v1/surveys", responses(
    (status = 200, description = "The surveys; one that cannot be read is among them, with why.", body = SurveysBody),
    (status = 503, description = "The folder cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(State(site): State<Arc<Site>>, uri: Uri) -> Result<Json<SurveysBody>, Problem> {
    Query::read(&uri, &[])?;
    let (all, older) = within_deadline(site.state.surveys.newest(MOST)).await?;
    let body = |one: Surveyed| {
        let (said, error) = match one.said {
            Ok(said) => (Some(said), None),
            Err(Unshown::Damaged(why) | Unshown::Unread(why)) => (None, Some(why)),
        };
        SurveyBody {
            id: one.id,
            began_at: said.as_ref().map(|said| said.began_at.clone()),
            profile: said.as_ref().map(|said| said.profile.clone()),
            verdict: said.as_ref().map(|said| said.verdict),
            finished: said.as_ref().map(|said| said.finished),
            venue: said.and_then(|said| said.venue),
            error,
        }
    };
    Ok(Json(SurveysBody { surveys: all.into_iter().map(body).collect(), older }))
}

/// One survey, as `siaga survey` wrote it (schema `siaga.survey`).
///
/// # Errors
/// A query; a name that is none; what cannot be read.
#[utoipa::path(get, path = "/api/v1/surveys/{id}", params(
    ("id" = String, Path, description = "The survey's own name."),
), responses(
    (status = 200, description = "The survey.", body = Object),
    (status = 404, description = "No survey of that name is kept.", body = Problem, content_type = "application/problem+json"),
    (status = 500, description = "What lies under that name is no survey.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn one(
    State(site): State<Arc<Site>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    Query::read(&uri, &[])?;
    let text = open(&site, &id, SurveyForm::Json).await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response())
}

/// Which of the surveys that these meetings name are there; nothing where that cannot be read now.
pub(super) async fn named(site: &Site, sessions: impl Iterator<Item = &Session>) -> Option<HashSet<String>> {
    let ids: Vec<String> = sessions.filter_map(of_place).map(str::to_owned).collect();
    if ids.is_empty() {
        return Some(HashSet::new());
    }
    in_time(site.state.surveys.there(ids)).await
}

/// The survey that was made where a meeting is held, as it names it.
fn of_place(session: &Session) -> Option<&str> {
    session.details.venue.as_ref()?.survey.as_deref()
}

/// The survey of a meeting's place, on a page about the meeting.
pub(super) struct OfPlace {
    pub(super) label: &'static str,
    pub(super) id: String,
    /// Where it is.
    pub(super) path: Option<String>,
    /// Why it is nowhere.
    pub(super) gone: Option<&'static str>,
}

impl OfPlace {
    /// That of this meeting, if it names one, where these are there.
    pub(super) fn of(session: &Session, there: Option<&HashSet<String>>, lang: Lang) -> Option<Self> {
        let id = of_place(session)?.to_owned();
        let is_there = there.map(|there| there.contains(&id));
        Some(Self {
            label: pick(lang, "Survei lokasi", "Site survey"),
            // What is there has a name of which nothing is to be encoded.
            path: (is_there == Some(true)).then(|| format!("/surveys/{id}?lang={}", lang.as_str())),
            gone: match is_there {
                Some(true) => None,
                Some(false) => Some(pick(lang, "tidak disimpan di Siaga ini", "not kept by this siaga")),
                None => Some(pick(lang, "tidak dapat dibaca sekarang", "cannot be read now")),
            },
            id,
        })
    }
}

/// One of them, or why not.
pub(super) async fn open(site: &Site, id: &str, form: SurveyForm) -> Result<String, Problem> {
    let asked = async {
        Ok(match site.state.surveys.open(id, form).await {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(Problem::not_found("no survey of that name is kept; GET /api/v1/surveys lists them")),
            Err(Unshown::Damaged(why)) => Err(Problem::internal(why)),
            Err(Unshown::Unread(why)) => return Err(why),
        })
    };
    within_deadline(asked).await?
}
