//! The rest of the API: checks, profiles, reasons, incidents, and evidence of answers given.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::profile::Pair;
use crate::domain::{Component, Incident, Lang, Profile, ReasonDef, Requirement, Scope, Verdict};
use crate::engine::slot::Question;

use super::acts::seen_to_since;
use super::body::{CheckBody, Reader};
use super::door::Caller;
use super::evidence::{PastIncident, Stored};
use super::problem::Problem;
use super::query::{Query, once};
use super::readiness::in_lang;
use super::site::Site;
use super::{REASONS, Voice, lang};

/// How long history may take to read.
pub(super) const HISTORY_DEADLINE: Duration = Duration::from_secs(2);

/// How many closed incidents are told at most.
const CLOSED_INCIDENTS: usize = 200;

/// All checks under a profile, in the config's order.
///
/// # Errors
/// A query that is not understood, an unknown profile.
#[utoipa::path(get, path = "/api/v1/checks", params(
    ("profile" = Option<String>, Query, description = "The kind of meeting; the one in force if not given."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The checks.", body = Vec<CheckBody>),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "Unknown profile.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn checks(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let (lang, checks) = all_checks(&site, &uri, &headers)?;
    Ok((in_lang(lang), Json(checks)).into_response())
}

/// One check under a profile.
///
/// # Errors
/// A query that is not understood, an unknown profile, an unknown check.
#[utoipa::path(get, path = "/api/v1/checks/{name}", params(
    ("name" = String, Path, description = "The check's name."),
    ("profile" = Option<String>, Query, description = "The kind of meeting; the one in force if not given."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The check.", body = CheckBody),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "Unknown check or profile.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn check(
    State(site): State<Arc<Site>>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path(name) = name?;
    let (lang, checks) = all_checks(&site, &uri, &headers)?;
    let names: Vec<String> = checks.iter().map(|check| check.name.clone()).collect();
    let found = checks.into_iter().find(|check| check.name == name);
    let check = found.ok_or_else(|| Problem::not_found("there is no check of that name").allowing(names))?;
    Ok((in_lang(lang), Json(check)).into_response())
}

fn all_checks(site: &Site, uri: &Uri, headers: &HeaderMap) -> Result<(Lang, Vec<CheckBody>), Problem> {
    let query = Query::read(uri, &[once("profile"), once("lang")])?;
    let voice = site.voice();
    let lang = lang::choose(&query, headers, voice.lang)?;
    let rendered = site.rendered();
    let (snapshot, now) = (&rendered.believed, site.now());
    let question = Question::new(snapshot, query.get("profile"), None, None, now)?;
    let view = &snapshot.profiles[question.profile()];
    let reader = Reader { snapshot, now, lang, voice: &voice };
    let checks =
        snapshot.checks.iter().zip(view.checks.iter()).map(|(check, judged)| reader.check(check, judged)).collect();
    Ok((lang, checks))
}

/// Two limits of one quantity.
#[derive(Debug, Serialize, ToSchema)]
pub struct PairBody {
    /// Beyond it attention is due. For a bitrate: the rate for full quality.
    pub degraded: f64,
    /// Beyond it the meeting would fail. For a bitrate: the floor.
    pub not_ready: f64,
}

/// What a kind of meeting needs.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileBody {
    /// Unique; what `?profile=` takes.
    pub name: String,
    /// For people, in the language asked for.
    pub title: String,
    /// Where its figures come from, with a date.
    pub source: String,
    /// Whether it is in force now.
    pub in_force: bool,
    /// What is said of the room under it, now.
    pub verdict: Verdict,
    /// Download, bit/s.
    pub down_bits_per_second: PairBody,
    /// Upload, bit/s.
    pub up_bits_per_second: PairBody,
    /// Round trip, s.
    pub rtt_seconds: PairBody,
    /// Jitter (RFC 3550) that calls for attention, s.
    pub jitter_degraded_seconds: f64,
    /// Share of packets lost.
    pub loss_ratio: PairBody,
    /// Whether media must go by UDP.
    pub udp: Requirement,
    /// Usable runtime that the battery must have while mains is present, s.
    pub runtime_seconds: f64,
    /// Which components count.
    pub components: std::collections::BTreeMap<&'static str, Requirement>,
}

/// The kinds of meeting, in the config's order, each with its verdict now.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/api/v1/profiles", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The profiles.", body = Vec<ProfileBody>),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn profiles(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let query = Query::read(&uri, &[once("lang")])?;
    let lang = lang::choose(&query, &headers, site.voice().lang)?;
    let rendered = site.rendered();
    let snapshot = &rendered.believed;
    let all = snapshot.profiles.iter().enumerate();
    let all: Vec<_> =
        all.map(|(at, view)| profile(&view.profile, view.verdict, at == snapshot.current, lang)).collect();
    Ok((in_lang(lang), Json(all)).into_response())
}

fn profile(profile: &Profile, verdict: Verdict, in_force: bool, lang: Lang) -> ProfileBody {
    let pair = |pair: Pair| PairBody { degraded: pair.degraded, not_ready: pair.not_ready };
    ProfileBody {
        name: profile.name.to_string(),
        title: profile.title(lang).to_owned(),
        source: profile.source.clone(),
        in_force,
        verdict,
        down_bits_per_second: pair(profile.down),
        up_bits_per_second: pair(profile.up),
        rtt_seconds: pair(profile.rtt),
        jitter_degraded_seconds: profile.jitter_degraded,
        loss_ratio: pair(profile.loss),
        udp: profile.udp,
        runtime_seconds: profile.runtime.as_secs_f64(),
        components: Component::ALL
            .into_iter()
            .map(|component| (component.as_str(), profile.requirement(component)))
            .collect(),
    }
}

/// A reason as it stands in the catalogue. `{name}` stands for what is filled in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonDefBody {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong, in the language asked for.
    pub message: &'static str,
    /// What somebody must go and do, in the language asked for and the room's own words.
    pub remedy: String,
    /// Whether it would still hold for a meeting days from now.
    pub lasting: bool,
}

/// The closed list of reasons, by code.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/api/v1/reasons", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The reasons.", body = Vec<ReasonDefBody>),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn reasons(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let query = Query::read(&uri, &[once("lang")])?;
    let voice = site.voice();
    let lang = lang::choose(&query, &headers, voice.lang)?;
    let mut all: Vec<&ReasonDef> = site.state.info.reasons.iter().chain(REASONS).copied().collect();
    all.sort_by_key(|def| def.code);
    all.dedup_by_key(|def| def.code);
    let remedy = |def: &ReasonDef| match (voice.remedies.get(def.code), lang) {
        (Some((id, _)), Lang::Id) => id.clone(),
        (Some((_, en)), Lang::En) => en.clone(),
        (None, _) => def.remedy.in_lang(lang).to_owned(),
    };
    let all: Vec<_> = all
        .into_iter()
        .map(|def| ReasonDefBody {
            code: def.code,
            message: def.message.in_lang(lang),
            remedy: remedy(def),
            lasting: def.lasting,
        })
        .collect();
    Ok((in_lang(lang), Json(all)).into_response())
}

/// One root-cause component, from leaving ready to coming back.
#[derive(Serialize, ToSchema)]
pub struct IncidentBody {
    /// Unique and stable over restarts.
    pub id: String,
    /// Which component.
    pub component: Component,
    /// Whether it is not over yet.
    pub open: bool,
    /// The worst verdict it had.
    pub worst: Verdict,
    /// The codes of the reasons, worst first.
    pub codes: Vec<String>,
    /// When it began.
    #[schema(format = DateTime)]
    pub opened_at: String,
    /// When it ended.
    #[schema(format = DateTime)]
    pub closed_at: Option<String>,
    /// Since when somebody sees to it as it is: nothing where nobody does, or where it has become worse since they said so. Of one
    /// that is over: as its component was in the end, for which what was not known for minutes, or explained elsewhere, is worse too.
    #[schema(format = DateTime)]
    pub acknowledged_at: Option<String>,
    /// When somebody was first told because nobody saw to it; of one that is over it is not known.
    #[schema(format = DateTime)]
    pub escalated_at: Option<String>,
    /// Whether nobody is told of it now because somebody wished it so.
    pub silenced: bool,
    /// Who said that they see to it, oldest first: for those alone whose token is good for acting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledgements: Option<Vec<AcknowledgementBody>>,
}

/// That somebody said that they see to an incident.
#[derive(Serialize, ToSchema)]
pub struct AcknowledgementBody {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who wrote it down.
    pub by: String,
    /// How it was received, and who said so.
    pub how: String,
}

/// What is wrong now, oldest first, and then what was wrong before, newest first: the newest 200 of it.
///
/// # Errors
/// A query that is not understood; history that cannot be read (`?open=1` needs none).
#[utoipa::path(get, path = "/api/v1/incidents", params(
    ("open" = Option<bool>, Query, description = "Only those that are open, or only those that are over."),
), responses(
    (status = 200, description = "The incidents.", body = Vec<IncidentBody>),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "History cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn incidents(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    let open = Query::read(&uri, &[once("open")])?.flag("open")?;
    let voice = site.voice();
    let mut all: Vec<IncidentBody> = Vec::new();
    if open != Some(false) {
        all.extend(site.rendered().believed.incidents.iter().map(|incident| open_incident(incident, &site)));
    }
    let may_know = caller.may(Scope::Operate);
    let over = all.len();
    if open != Some(true) {
        let closed = within_deadline(site.state.evidence.closed_incidents(CLOSED_INCIDENTS)).await?;
        all.extend(closed.into_iter().map(|incident| past_incident(incident, &voice)));
    }
    if may_know || over < all.len() {
        let ids = all.iter().map(|incident| incident.id.clone()).collect();
        let mut said = within_deadline(site.state.acts.acknowledged(ids)).await?;
        for (place, incident) in all.iter_mut().enumerate() {
            let said = said.remove(&incident.id).unwrap_or_default();
            if place >= over {
                incident.acknowledged_at = seen_to_since(&said).map(|at| voice.stamp(at));
            }
            let told =
                said.into_iter().map(|one| AcknowledgementBody { at: voice.stamp(one.at), by: one.by, how: one.how });
            incident.acknowledgements = may_know.then(|| told.collect());
        }
    }
    Ok(Json(all).into_response())
}

/// What history answers, if it does in time.
pub(super) async fn within_deadline<T>(asked: impl Future<Output = Result<T, String>>) -> Result<T, Problem> {
    let answer = tokio::time::timeout(HISTORY_DEADLINE, asked).await;
    answer.map_err(|_| Problem::history("the store did not answer in time"))?.map_err(Problem::history)
}

pub(super) fn open_incident(incident: &Incident, site: &Site) -> IncidentBody {
    let (voice, handling) = (site.voice(), site.state.handling.borrow());
    let handled = handling.of(&incident.id);
    IncidentBody {
        id: incident.id.clone(),
        component: incident.component,
        open: incident.closed_at.is_none(),
        worst: incident.worst,
        codes: incident.reasons.iter().map(|reason| reason.def.code.to_owned()).collect(),
        opened_at: voice.stamp(incident.opened_at),
        closed_at: incident.closed_at.map(|moment| voice.stamp(moment)),
        acknowledged_at: handled.acknowledged_at.map(|moment| voice.stamp(moment)),
        escalated_at: handled.escalated_at.map(|moment| voice.stamp(moment)),
        silenced: handling.is_silenced(incident.component, site.now().wall),
        acknowledgements: None,
    }
}

fn past_incident(incident: PastIncident, voice: &Voice) -> IncidentBody {
    IncidentBody {
        id: incident.id,
        component: incident.component,
        open: false,
        worst: incident.worst,
        codes: incident.codes,
        opened_at: voice.stamp(incident.opened_at),
        closed_at: Some(voice.stamp(incident.closed_at)),
        acknowledged_at: None,
        escalated_at: None,
        silenced: false,
        acknowledgements: None,
    }
}

/// An answer as it was given, with its question.
///
/// # Errors
/// An id under which nothing is kept; history that cannot be read.
#[utoipa::path(get, path = "/api/v1/evidence/{id}", params(
    ("id" = String, Path, description = "An `evidence_id` that was given out."),
), responses(
    (status = 200, description = "The answer.", body = Stored),
    (status = 404, description = "Nothing is kept under this id (any more).", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "History cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn evidence(
    State(site): State<Arc<Site>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    Query::read(&uri, &[])?;
    let stored = within_deadline(site.state.evidence.get(&id)).await?;
    let stored = stored.ok_or_else(|| Problem::not_found("nothing is kept under this id, or not any more"))?;
    Ok(Json(stored).into_response())
}
