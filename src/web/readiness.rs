//! `GET /api/v1/readiness`: the scheduler's question, and the answer with everything that it stands on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::record::Said;
use crate::domain::snapshot::ProfileView;
use crate::domain::{Booking, Component, Lang, Notice, Now, Occasion, Reason, Requirement, Session, Snapshot, Verdict};
use crate::engine::agenda::slot::{Known, Planned, Unread, with_agenda, with_battery};
use crate::engine::slot::{self, Basis, Decision, Question};

use super::body::{ComponentBody, Reader, ReasonBody};
use super::booked::HolderBody;
use super::outlook::OutlookBody;
use super::problem::Problem;
use super::query::{Query, once};
use super::sheet::{self, body::StandingBody};
use super::site::{Rendered, Site, put_evidence};
use super::{Voice, believe, cookies, lang, outlook, telling};

/// What the booked meetings say of the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgendaWord {
    /// They were not looked at, because no time was named: this says whether the room's equipment is ready.
    NotAsked,
    /// Nobody holds any of it.
    Free,
    /// Others hold some of it: `conflicts`.
    Taken,
    /// The agenda cannot be read.
    Unread,
}

/// Work that is planned in the slot.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlannedBody {
    /// What is done then.
    pub name: String,
    /// On which components; on all, if empty.
    pub components: Vec<Component>,
    /// From when.
    #[schema(format = DateTime)]
    pub from: String,
    /// Until when.
    #[schema(format = DateTime)]
    pub until: String,
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
    /// and in any case at most a day after `at`. Where nothing is known yet in a minute, and in a quarter of an hour where that is for
    /// another reason than a start.
    #[schema(format = DateTime)]
    pub recheck_at: Option<String>,
    /// Under which this answer can be looked up later.
    pub evidence_id: Option<String>,
    /// Why there is no `evidence_id`.
    pub evidence_error: Option<String>,
    /// The check that explains the verdict.
    pub root_cause: Option<String>,
    /// What the booked meetings say of the slot.
    pub agenda: AgendaWord,
    /// Who holds some of it, with the time that the room needs between two meetings.
    pub conflicts: Vec<HolderBody>,
    /// What is planned in it. Work on what the meeting needs makes the answer `not_ready`.
    pub planned: Vec<PlannedBody>,
    /// Whether the room is in use: a booked meeting is on, or it is seen (a camera or microphone is held, or traffic is that of a call).
    pub in_use: bool,
    /// Reasons of the room itself, which no check carries.
    pub reasons: Vec<ReasonBody>,
    /// The components, in the procedure's order.
    pub components: Vec<ComponentBody>,
    /// What was checked by hand for the session that was asked about, and who says otherwise; it does not count in `verdict`, which
    /// is of what is measured. Null where no session was named, or it is over.
    pub run_sheet: Option<StandingBody>,
    /// What the history says of these hours of the week, where `basis` is `outlook`; it does not count in `verdict`.
    pub outlook: Option<OutlookBody>,
}

/// Is the room ready for this meeting, from then until then, and if not, what must somebody go and do?
///
/// A meeting that begins within two hours is answered by the room as it is (`basis` is `live`); beyond that only reasons
/// that last count (`outlook`), and the answer is provisional. Then `outlook` tells, beside it, what the same hours of past
/// weeks were like. A slot that others hold, or in which something is worked on that the meeting needs, is not ready; while a
/// battery supplies the room, its usable runtime must reach to the meeting's end.
///
/// # Errors
/// A query that is not understood, an unknown profile, a window that is reversed or over, a session that was cancelled.
#[utoipa::path(get, path = "/api/v1/readiness", params(
    ("profile" = Option<String>, Query, description = "The kind of meeting; if not given the one in force, and of a slot more than two hours ahead the default one."),
    ("start" = Option<String>, Query, description = "When it begins, RFC 3339 with offset; now if not given."),
    ("end" = Option<String>, Query, description = "When it ends, RFC 3339 with offset."),
    ("session" = Option<String>, Query, description = "The id of a booked session instead: its profile, start and end. It is not in its own way."),
    ("strict" = Option<bool>, Query, description = "Answer a degraded room with 503."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "Ready or degraded.", body = Readiness),
    (status = 503, description = "Not ready or unknown (with `strict`: or degraded).", body = Readiness),
    (status = 400, description = "The question makes no sense.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "Unknown profile or session.", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "The session was cancelled.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn readiness(
    State(site): State<Arc<Site>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let keys = [once("profile"), once("start"), once("end"), once("session"), once("strict"), once("lang")];
    let query = Query::read(&uri, &keys)?;
    let voice = site.voice();
    let lang = lang::choose(&query, &headers, voice.lang)?;
    let strict = query.flag("strict")?.unwrap_or(false);
    let (mut start, mut end) = (query.moment("start")?, query.moment("end")?);
    let profile = query.get("profile");
    let (session, mut booked) = (query.get("session"), None);
    if let Some(id) = session {
        if start.is_some() || end.is_some() || profile.is_some() {
            return Err(Problem::query("session stands for profile, start and end; give either it or them"));
        }
        let found = site.state.bookings.session(id).await.map_err(Problem::agenda)?;
        let found = found.ok_or_else(|| Problem::not_found("there is no session of this id"))?;
        if found.booking == Booking::Cancelled {
            // Its slot is free for others, and whether they hold it says nothing of it.
            return Err(Problem::cancelled());
        }
        (start, end) = (Some(found.start), Some(found.end));
        booked = Some(found);
    }
    let rendered = site.rendered();
    let now = site.now();
    let question = match &booked {
        Some(found) => Question::of_session(&rendered.believed, &found.profile, start, end, now),
        None => Question::new(&rendered.believed, profile, start, end, now),
    }?;
    let asked = Asked { question, except: session, lang };
    let (mut body, _) = compose(&site.state, &rendered.believed, &asked, &voice, now).await;
    let standing = booked.and_then(|session| sheet::standing_in(&site.state, &rendered.believed, &session, now));
    body.run_sheet = standing.map(|(judged, _)| StandingBody::of(&judged, &voice));
    match serde_json::to_value(&body) {
        Ok(value) => {
            let mut question = as_asked(&body, strict, lang, &rendered.doubts(), session);
            if let Some(standing) = &body.run_sheet {
                question.insert("run_sheet", json!(standing));
            }
            let stored = if cookies::is_by_another_site(&headers) {
                // A page in a browser of this network may ask in a loop, and takes nobody's allowance.
                Err("asked by another site's page, for which nothing is stored".to_owned())
            } else {
                site.store(question, rendered.believed.seq, value).await
            };
            match stored {
                Ok(id) => body.evidence_id = Some(id),
                Err(error) => body.evidence_error = Some(error),
            }
        }
        Err(error) => body.evidence_error = Some(error.to_string()),
    }
    let usable = if strict { body.verdict == Verdict::Ready } else { body.verdict.is_usable() };
    let status = if usable { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, in_lang(lang), Json(body)).into_response())
}

/// What is asked, and of which session, which is not in its own way.
struct Asked<'a> {
    question: Question,
    except: Option<&'a str>,
    lang: Lang,
}

/// The answer, without its evidence, and what it was made of.
async fn compose(
    state: &super::State,
    snapshot: &Snapshot,
    asked: &Asked<'_>,
    voice: &Voice,
    now: Now,
) -> (Readiness, Arc<ProfileView>) {
    let Asked { question, except, lang } = *asked;
    let (known, word, conflicts) = booked(state, &question, except, voice, now);
    let answer = with_battery(slot::answer(snapshot, &question, now), snapshot, question.end(), now);
    let answer = with_agenda(answer, &known, now).until_known(snapshot.starting || !known.read, now);
    let reader = Reader { snapshot, now, lang, voice };
    let view = &answer.view;
    let outlook = match answer.basis {
        Basis::Live => None,
        Basis::Outlook => outlook::for_slot(state, snapshot, &view.profile, &question, (voice, lang), now).await,
    };
    let planned = |work: &Planned| PlannedBody {
        name: work.name.clone(),
        components: work.components.clone(),
        from: voice.stamp(work.from),
        until: voice.stamp(work.until),
    };
    let body = Readiness {
        room: snapshot.room.to_string(),
        room_title: voice.title.clone(),
        profile: view.profile.name.to_string(),
        verdict: view.verdict,
        summary: telling::sentence(snapshot, view, lang),
        decision: answer.decision,
        basis: answer.basis,
        start: question.start().map(|start| voice.stamp(start)),
        end: question.end().map(|end| voice.stamp(end)),
        at: voice.stamp(snapshot.at.wall),
        valid_until: voice.stamp(answer.valid_until),
        recheck_at: answer.recheck_at.map(|moment| voice.stamp(moment)),
        evidence_id: None,
        evidence_error: None,
        root_cause: view.root_cause.as_ref().map(ToString::to_string),
        agenda: word,
        conflicts,
        planned: known.planned.iter().map(planned).collect(),
        in_use: snapshot.in_use,
        reasons: reader.reasons(&view.reasons),
        components: view.components.iter().map(|component| reader.component(view, component)).collect(),
        run_sheet: None,
        outlook,
    };
    (body, answer.view)
}

/// What the agenda says of the slot of a question. One that names no time is of the equipment alone.
fn booked(
    state: &super::State,
    question: &Question,
    except: Option<&str>,
    voice: &Voice,
    now: Now,
) -> (Known, AgendaWord, Vec<HolderBody>) {
    if question.start().is_none() && question.end().is_none() {
        return (Known { read: true, ..Known::default() }, AgendaWord::NotAsked, Vec::new());
    }
    let start = question.start().unwrap_or(now.wall);
    // Of one without an end its beginning alone can be held against the agenda.
    let end =
        question.end().unwrap_or_else(|| start.saturating_add(std::time::Duration::from_secs(1)).unwrap_or(start));
    let agenda = state.bookings.agenda();
    let holders = agenda.holders(start, end, except);
    let named = |session: &Session| match &session.details.office {
        Some(office) => format!("{} ({office})", session.title),
        None => session.title.clone(),
    };
    let word = match (agenda.known, holders.is_empty()) {
        (_, false) => AgendaWord::Taken,
        (true, true) => AgendaWord::Free,
        (false, true) => AgendaWord::Unread,
    };
    // One clock's time for both languages.
    let told = |at: jiff::Timestamp| at.to_zoned_datetime(voice.zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string();
    let unread = state.bookings.feeds().into_iter().filter(|feed| feed.error.is_some());
    let known = Known {
        unread: unread.map(|feed| Unread { calendar: feed.name, read: feed.read_at.map(told) }).collect(),
        read: agenda.known,
        holders: holders.iter().map(|session| named(session)).collect(),
        // What is over stands in no meeting's way any more.
        planned: state.bookings.planned(start.max(now.wall), end),
    };
    (known, word, holders.into_iter().map(|session| HolderBody::of(session, voice)).collect())
}

/// What was found of a session, with what is told of it.
#[derive(Clone, Debug)]
pub struct Looked {
    /// For the rows.
    pub notice: Notice,
    /// The verdict as a sentence, in both languages: Bahasa Indonesia and English.
    pub summary: [String; 2],
}

/// Looks at the room for a session: the answer to its own question, stored as evidence.
pub async fn look(state: &super::State, session: &Session, occasion: Occasion) -> Looked {
    let now = state.clock.now();
    let raw = Arc::clone(&state.snapshot.borrow());
    let believed = believe::believe(&raw, now);
    look_at(state, &believed, session, occasion, now).await
}

/// What is found of a session that is about to be booked.
pub(super) async fn confirm(state: &super::State, rendered: &Rendered, session: &Session, now: Now) -> Notice {
    look_at(state, &rendered.believed, session, Occasion::Confirmed, now).await.notice
}

async fn look_at(state: &super::State, snapshot: &Snapshot, session: &Session, occasion: Occasion, now: Now) -> Looked {
    let voice = Arc::clone(&state.voice.borrow());
    let (start, end) = (Some(session.start), Some(session.end));
    // One that is over is judged by the room as it is.
    let question = Question::of_session(snapshot, &session.profile, start, end, now)
        .or_else(|_| Question::of_session(snapshot, &session.profile, None, None, now));
    let mut looked = Looked {
        notice: Notice {
            session: Arc::clone(&session.id),
            start: session.start,
            occasion,
            at: now.wall,
            verdict: Verdict::Unknown,
            codes: Vec::new(),
            evidence: None,
        },
        summary: Default::default(),
    };
    let Ok(question) = question else { return looked };
    let asked = Asked { question, except: Some(&session.id), lang: voice.lang };
    let (body, view) = compose(state, snapshot, &asked, &voice, now).await;
    looked.notice.verdict = body.verdict;
    looked.notice.codes = codes(&view);
    looked.summary = [Lang::Id, Lang::En].map(|lang| telling::sentence(snapshot, &view, lang));
    let mut question = as_asked(&body, false, voice.lang, &[], Some(&session.id));
    question.insert("occasion", json!(occasion.word()));
    if let Ok(mut value) = serde_json::to_value(&body) {
        // The report is read in both languages, and the answer is in one.
        value["said"] = json!(said(&view));
        let stored = put_evidence(&*state.booked_evidence, question, snapshot.seq, value).await;
        let failed = |error: &String| tracing::warn!(session = %session.id, error, "its evidence is not stored");
        looked.notice.evidence = stored.inspect_err(failed).ok();
    }
    looked
}

/// The codes of what keeps a room from being ready, sorted.
fn codes(view: &ProfileView) -> Vec<String> {
    let codes: BTreeSet<&str> = counted(view).map(|reason| reason.def.code).collect();
    codes.into_iter().map(str::to_owned).collect()
}

/// The same in words, in both languages: two checks may say one code of two things.
fn said(view: &ProfileView) -> BTreeSet<Said> {
    let said = |reason: &Reason| {
        let [id, en] = [Lang::Id, Lang::En].map(|lang| Some(reason.message(lang)));
        Said { code: reason.def.code.to_owned(), id, en }
    };
    counted(view).map(said).collect()
}

/// What keeps a room from being ready.
fn counted(view: &ProfileView) -> impl Iterator<Item = &Reason> {
    let counted = view.components.iter().filter(|component| {
        component.requirement == Requirement::Required && !component.absent && component.verdict != Verdict::Ready
    });
    let of_checks = counted.flat_map(move |component| {
        let checks = component.checks.iter().flat_map(|at| &view.checks[*at].reasons);
        component.reasons.iter().chain(checks)
    });
    view.reasons.iter().chain(of_checks).filter(|reason| reason.verdict != Verdict::Ready)
}

/// The question as it is stored: what was asked and not when, so that asking again and again is one question; and what
/// makes two answers from one snapshot differ.
fn as_asked(
    body: &Readiness,
    strict: bool,
    lang: Lang,
    doubts: &[&str],
    session: Option<&str>,
) -> BTreeMap<&'static str, Value> {
    let held_by: Vec<&str> = body.conflicts.iter().map(|holder| holder.id.as_str()).collect();
    let planned: Vec<&str> = body.planned.iter().map(|work| work.name.as_str()).collect();
    // Which calendars cannot be read, in their words.
    let noted = body.reasons.iter().filter(|reason| reason.code == crate::engine::agenda::slot::CALENDAR.code);
    let unread: Vec<&str> = noted.map(|reason| reason.message.as_str()).collect();
    let mut question = BTreeMap::from([
        ("profile", json!(body.profile)),
        ("start", json!(body.start)),
        ("end", json!(body.end)),
        ("strict", json!(strict)),
        ("lang", json!(lang.as_str())),
        ("basis", json!(body.basis)),
        ("doubts", json!(doubts)),
        ("session", json!(session)),
        ("held_by", json!(held_by)),
        ("planned", json!(planned)),
    ]);
    if !unread.is_empty() {
        question.insert("unread", json!(unread));
    }
    question
}

/// What an answer says of its language.
pub(super) fn in_lang(lang: Lang) -> [(header::HeaderName, HeaderValue); 2] {
    [
        (header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.as_str())),
        (header::VARY, HeaderValue::from_static("accept-language")),
    ]
}
