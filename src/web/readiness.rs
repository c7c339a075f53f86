//! `GET /api/v1/readiness`: the scheduler's question, and the answer with everything that it stands on.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::{Lang, Verdict};
use crate::engine::slot::{self, Basis, Decision, Question};

use super::body::{ComponentBody, Reader, ReasonBody};
use super::outlook::OutlookBody;
use super::problem::Problem;
use super::query::{Query, once};
use super::site::Site;
use super::{lang, outlook, page};

/// Whether the booked meetings were looked at for this answer.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Agenda {
    /// No: this says whether the room's equipment is ready, not whether the room is free.
    NotAsked,
}

/// The answer to a scheduler.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// The room.
    pub room: String,
    /// Its name for people.
    pub room_title: String,
    /// The kind of meeting that was asked about.
    pub profile: String,
    /// What is said of the room.
    pub verdict: Verdict,
    /// The same as a sentence, in the language asked for.
    #[schema(example = "Tidak siap: kamera tidak terpasang")]
    pub summary: String,
    /// Whether this can be relied upon, or must be asked again at `recheck_at`.
    pub decision: Decision,
    /// Whether this is the room as it is, or only what lasts until then.
    pub basis: Basis,
    /// When the meeting begins, as it was asked.
    #[schema(format = DateTime)]
    pub start: Option<String>,
    /// When the meeting ends, as it was asked.
    #[schema(format = DateTime)]
    pub end: Option<String>,
    /// When the room was so.
    #[schema(format = DateTime)]
    pub at: String,
    /// When evidence that this stands on becomes too old. Past, if there is none. Of an outlook: `recheck_at`.
    #[schema(format = DateTime)]
    pub valid_until: String,
    /// When to ask again; null for a meeting that has begun. Of an outlook: a day before the meeting, or two hours before it,
    /// and in any case at most a day after `at`.
    #[schema(format = DateTime)]
    pub recheck_at: Option<String>,
    /// Under which this answer can be looked up later.
    pub evidence_id: Option<String>,
    /// Why there is no `evidence_id`.
    pub evidence_error: Option<String>,
    /// The check that explains the verdict.
    pub root_cause: Option<String>,
    /// Whether the booked meetings were looked at.
    pub agenda: Agenda,
    /// Whether the room is seen to be in use.
    pub in_use: bool,
    /// Reasons of the room itself, which no check carries.
    pub reasons: Vec<ReasonBody>,
    /// The components, in the procedure's order.
    pub components: Vec<ComponentBody>,
    /// What the history says of these hours of the week, where `basis` is `outlook`; it does not count in `verdict`.
    pub outlook: Option<OutlookBody>,
}

/// Is the room ready for this meeting, from then until then, and if not, what must somebody go and do?
///
/// A meeting that begins within two hours is answered by the room as it is (`basis` is `live`); beyond that only reasons
/// that last count (`outlook`), and the answer is provisional. Then `outlook` tells, beside it, what the same hours of past
/// weeks were like.
///
/// # Errors
/// A query that is not understood, an unknown profile, a window that is reversed or over.
#[utoipa::path(get, path = "/api/v1/readiness", params(
    ("profile" = Option<String>, Query, description = "The kind of meeting; the one in force if not given."),
    ("start" = Option<String>, Query, description = "When it begins, RFC 3339 with offset; now if not given."),
    ("end" = Option<String>, Query, description = "When it ends, RFC 3339 with offset."),
    ("strict" = Option<bool>, Query, description = "Answer a degraded room with 503."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "Ready or degraded.", body = Readiness),
    (status = 503, description = "Not ready or unknown (with `strict`: or degraded).", body = Readiness),
    (status = 400, description = "The question makes no sense.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "Unknown profile.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn readiness(
    State(site): State<Arc<Site>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::read(&uri, &[once("profile"), once("start"), once("end"), once("strict"), once("lang")])?;
    let voice = site.voice();
    let lang = lang::choose(&query, &headers, voice.lang)?;
    let strict = query.flag("strict")?.unwrap_or(false);
    let (start, end) = (query.moment("start")?, query.moment("end")?);
    let rendered = site.rendered();
    let snapshot = &rendered.believed;
    let now = site.now();
    let question = Question::new(snapshot, query.get("profile"), start, end, now)?;
    let answer = slot::answer(snapshot, &question, now);
    let reader = Reader { snapshot, now, lang, voice: &voice };
    let view = &answer.view;
    let outlook = match answer.basis {
        Basis::Live => None,
        Basis::Outlook => outlook::for_slot(&site, snapshot, &view.profile, &question, (&voice, lang), now).await,
    };
    let mut body = Readiness {
        room: snapshot.room.to_string(),
        room_title: voice.title.clone(),
        profile: view.profile.name.to_string(),
        verdict: view.verdict,
        summary: page::sentence(snapshot, view, lang),
        decision: answer.decision,
        basis: answer.basis,
        start: start.map(|start| voice.stamp(start)),
        end: end.map(|end| voice.stamp(end)),
        at: voice.stamp(snapshot.at.wall),
        valid_until: voice.stamp(answer.valid_until),
        recheck_at: answer.recheck_at.map(|moment| voice.stamp(moment)),
        evidence_id: None,
        evidence_error: None,
        root_cause: view.root_cause.as_ref().map(ToString::to_string),
        agenda: Agenda::NotAsked,
        in_use: snapshot.in_use,
        reasons: reader.reasons(&view.reasons),
        components: view.components.iter().map(|component| reader.component(view, component)).collect(),
        outlook,
    };
    match serde_json::to_value(&body) {
        Ok(value) => match site.store(asked(&body, strict, lang, &rendered.doubts()), snapshot.seq, value).await {
            Ok(id) => body.evidence_id = Some(id),
            Err(error) => body.evidence_error = Some(error),
        },
        Err(error) => body.evidence_error = Some(error.to_string()),
    }
    let usable = if strict { view.verdict == Verdict::Ready } else { view.verdict.is_usable() };
    let status = if usable { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, in_lang(lang), Json(body)).into_response())
}

/// The question as it is stored: what was asked and not when, so that asking again and again is one question; and what
/// makes two answers from one snapshot differ.
fn asked(body: &Readiness, strict: bool, lang: Lang, doubts: &[&str]) -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("profile", json!(body.profile)),
        ("start", json!(body.start)),
        ("end", json!(body.end)),
        ("strict", json!(strict)),
        ("lang", json!(lang.as_str())),
        ("basis", json!(body.basis)),
        ("doubts", json!(doubts)),
    ])
}

/// What an answer says of its language.
pub(super) fn in_lang(lang: Lang) -> [(header::HeaderName, HeaderValue); 2] {
    [
        (header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.as_str())),
        (header::VARY, HeaderValue::from_static("accept-language")),
    ]
}
