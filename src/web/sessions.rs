//! `/api/v1/sessions`: meetings are booked, moved, cancelled and listed; `/api/v1/agenda` tells the phase.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::feed::{LeftOut, Why};
use crate::domain::session::Place;
use crate::domain::{Booking, Granted, Notice, Phase, Scope, Session, Wish};
use crate::engine::slot::Question;

use super::booked::{self, HolderBody, SessionBody, SessionMove, SessionWish};
use super::door::Caller;
use super::problem::Problem;
use super::query::{Query, once};
use super::readiness;
use super::site::Site;

/// So many sessions are listed at most in one answer.
const LISTED: usize = 1000;

/// What the agenda says of the room now.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgendaBody {
    /// The phase. That the room is seen to be in use is another thing.
    pub phase: Phase,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: Option<String>,
    /// Until when, as the agenda stands.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// Of which session.
    pub session: Option<HolderBody>,
    /// The one that begins next.
    pub next: Option<HolderBody>,
    /// Whether the agenda could be read; before that this says nothing.
    pub known: bool,
    /// The calendars of others that are followed, each as it said last.
    pub calendars: Vec<CalendarBody>,
}

/// A calendar of others that is followed.
#[derive(Debug, Serialize, ToSchema)]
pub struct CalendarBody {
    /// Its name in the config.
    pub name: String,
    /// When reading it was last tried.
    #[schema(format = DateTime)]
    pub at: String,
    /// When it was last read and followed: all below is of then. Null where it was not since the daemon's start.
    #[schema(format = DateTime)]
    pub read_at: Option<String>,
    /// Why it could not be read or followed at `at`; what it said before stands then.
    pub error: Option<String>,
    /// Its meetings to come.
    pub entries: usize,
    /// How many of its entries are not booked: they mean nothing here, or are more than the 3000 that are taken of one calendar.
    pub left_out: usize,
    /// Which of them and why: the first ten, a series once.
    pub left_out_entries: Vec<LeftOutBody>,
    /// Those that are not booked, or not booked for longer, because others hold the slot: when each begins, and its title.
    pub conflicts: Vec<String>,
}

/// An entry of a calendar that is not booked.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftOutBody {
    /// What it is called; (…) where a passcode stands in it.
    pub title: String,
    /// Why.
    pub why: Why,
}

/// The phase of the room, by the agenda alone.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/api/v1/agenda", responses(
    (status = 200, description = "The phase.", body = AgendaBody),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn agenda(State(site): State<Arc<Site>>, uri: Uri) -> Result<Json<AgendaBody>, Problem> {
    Query::read(&uri, &[])?;
    let (voice, now) = (site.voice(), site.now().wall);
    let agenda = site.state.bookings.agenda();
    let phase = agenda.phase(now);
    let next = agenda.booked().find(|session| session.start > now);
    Ok(Json(AgendaBody {
        phase: phase.phase,
        since: phase.since.map(|since| voice.stamp(since)),
        until: phase.until.map(|until| voice.stamp(until)),
        session: phase.session.map(|session| HolderBody::of(&session, &voice)),
        next: next.map(|session| HolderBody::of(session, &voice)),
        known: agenda.known,
        calendars: site
            .state
            .bookings
            .feeds()
            .into_iter()
            .map(|feed| CalendarBody {
                at: voice.stamp(feed.at),
                read_at: feed.read_at.map(|at| voice.stamp(at)),
                name: feed.name,
                error: feed.error,
                entries: feed.entries,
                left_out: feed.left_out,
                left_out_entries: feed
                    .which
                    .into_iter()
                    .map(|LeftOut { title, why }| LeftOutBody { title, why })
                    .collect(),
                conflicts: feed.conflicts.iter().map(|(at, title)| format!("{} {title}", voice.stamp(*at))).collect(),
            })
            .collect(),
    }))
}

/// Sessions in the order of their beginnings, cancelled ones too: those that have not ended, unless `since` says otherwise.
///
/// At most 1000 in one answer. Where there are more, its header `Link` (RFC 8288) has the address of the next ones, `rel="next"`,
/// relative to this path. What is booked or moved between two answers may be in both, or in none.
///
/// # Errors
/// A query that is not understood; a disk that cannot be read.
#[utoipa::path(get, path = "/api/v1/sessions", params(
    ("since" = Option<String>, Query, description = "Those that end after it, RFC 3339 with offset; now if not given."),
    ("until" = Option<String>, Query, description = "Those that begin before it."),
    ("after" = Option<String>, Query, description = "The next ones: a place in the list, as the `Link` of an earlier answer has it."),
), responses(
    (status = 200, description = "The sessions.", body = Vec<SessionBody>, headers(
        ("Link" = String, description = "The next ones, `<…>; rel=\"next\"` (RFC 8288); not there if these were the last."),
    )),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The agenda cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::read(&uri, &[once("since"), once("until"), once("after")])?;
    let since = query.moment("since")?.unwrap_or_else(|| site.now().wall);
    let until = query.moment("until")?.unwrap_or(Timestamp::MAX);
    let after = query.get("after").map(place).transpose()?;
    let named = caller.may(Scope::Schedule);
    // One more than is told says whether there are more.
    let wanted = u32::try_from(LISTED + 1).unwrap_or(u32::MAX);
    let all = site.state.bookings.sessions((since, until), after, wanted).await.map_err(Problem::agenda)?;
    let (shown, voice) = (&all[..all.len().min(LISTED)], site.voice());
    let found = found(&site, shown).await?;
    let told = shown.iter().zip(&found).map(|(one, found)| SessionBody::of(one, found, named, &voice));
    let told: Vec<_> = told.collect();
    let mut answer = Json(told).into_response();
    if all.len() > LISTED {
        // `since` as it was this time: now is another one at the next question.
        let until = query.moment("until")?.map(|until| format!("&until={until}")).unwrap_or_default();
        let next = format!("<?since={since}{until}&after={}>; rel=\"next\"", cursor(&all[LISTED - 1].place()));
        answer.headers_mut().insert(header::LINK, HeaderValue::try_from(next).map_err(|_| unlinked())?);
    }
    Ok(answer)
}

/// A place as an address can have it: what it is made of is ours to change.
pub(super) fn cursor(place: &Place) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {}", place.start.as_microsecond(), place.id))
}

/// The place that a [`cursor`] was made of.
pub(super) fn place(cursor: &str) -> Result<Place, Problem> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = text.as_deref().and_then(|text| text.split_once(' '));
    let place = parts.and_then(|(start, id)| {
        let start = Timestamp::from_microsecond(start.parse().ok()?).ok()?;
        Some(Place { start, id: id.into() })
    });
    place.ok_or_else(|| Problem::value("after is no place in this list; the Link of an answer before has it"))
}

fn unlinked() -> Problem {
    Problem::internal("the address of the next sessions cannot be written")
}

/// One session, a cancelled one too.
///
/// # Errors
/// An unknown id; a disk that cannot be read.
#[utoipa::path(get, path = "/api/v1/sessions/{id}", params(
    ("id" = String, Path, description = "The scheduler's own id."),
), responses(
    (status = 200, description = "The session.", body = SessionBody),
    (status = 404, description = "There is none of this id.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The agenda cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn get(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    Query::read(&uri, &[])?;
    let Path(id) = id?;
    let named = caller.may(Scope::Schedule);
    let found = site.state.bookings.session(&id).await.map_err(Problem::agenda)?;
    let session = found.ok_or_else(none_of_this_id)?;
    answer(&site, &session, StatusCode::OK, named).await
}

/// Books a session, or replaces what was booked under its id. The same again changes nothing.
///
/// What is answered with 200 or 201 is on the disk. `confirmed` in the answer is what was found of the room for this meeting, now:
/// that the slot is free says nothing of the equipment. A meeting begins at most 400 days ahead; one that an older version has booked
/// beyond them stands until it is moved or cancelled.
///
/// # Errors
/// A body that makes no sense or has a passcode in it; a slot that others hold; somebody who may not; a disk that does not take it.
#[utoipa::path(put, path = "/api/v1/sessions/{id}", params(
    ("id" = String, Path, description = "The scheduler's own id: 1 to 200 bytes, without blanks."),
), request_body = SessionWish, responses(
    (status = 200, description = "It is booked so, as it was before or in the place of what was.", body = SessionBody),
    (status = 201, description = "It is booked.", body = SessionBody),
    (status = 400, description = "The body makes no sense, or has a passcode in it.", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "No token, or one that is not in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for that, or a browser's page asks.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "Unknown profile.", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "Others hold the slot (`held_by`), it has begun and keeps its beginning (`begun`), or the meeting of this id is of a calendar that is followed: change it there.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The disk does not take it now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn put(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    Query::read(&uri, &[])?;
    let Path(id) = id?;
    allowed(&caller, &headers)?;
    let wish: SessionWish = booked::read(&body?)?;
    let now = site.now();
    let agenda = site.state.bookings.agenda();
    // Also where it is cancelled there: when the calendar has it again, it would take what was booked under its id.
    of_no_calendar(&site, agenda.get(&id).map(AsRef::as_ref))?;
    let session = wish.session(&id, &site.state.bookings.receivers(), now.wall)?;
    booked::within_reach(session.start, agenda.get(&id).map(AsRef::as_ref), now.wall)?;
    let rendered = site.rendered();
    // Whether there is such a profile.
    Question::new(&rendered.believed, Some(&session.profile), Some(session.start), Some(session.end), now)?;
    if let Some(same) = agenda.get(&session.id).filter(|known| known.says_what(&session)) {
        // Nothing is written, and no evidence stored: a scheduler may say the same again and again.
        return answer(&site, same, StatusCode::OK, true).await;
    }
    wished(&site, &caller, Wish::Book(Box::new(session.clone())), Some(session)).await
}

/// Gives a session another time: another beginning, another end, or both. What else is known of it stays.
///
/// # Errors
/// A body that makes no sense; a slot that others hold; somebody who may not; a disk that does not take it; an unknown id.
#[utoipa::path(patch, path = "/api/v1/sessions/{id}", params(
    ("id" = String, Path, description = "The scheduler's own id."),
), request_body = SessionMove, responses(
    (status = 200, description = "It is moved.", body = SessionBody),
    (status = 400, description = "The body makes no sense.", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "No token, or one that is not in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for that, or a browser's page asks.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none of this id.", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "Others hold the slot (`held_by`), it has begun and keeps its beginning (`begun`), it was cancelled, or it is of a calendar that is followed: change it there.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The disk does not take it now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn patch(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    Query::read(&uri, &[])?;
    let Path(id) = id?;
    allowed(&caller, &headers)?;
    let to: SessionMove = booked::read(&body?)?;
    let known = site.state.bookings.session(&id).await.map_err(Problem::agenda)?.ok_or_else(none_of_this_id)?;
    if known.booking == Booking::Cancelled {
        return Err(Problem::cancelled());
    }
    of_no_calendar(&site, Some(&known))?;
    let now = site.now().wall;
    let (start, end) = to.slot((known.start, known.end), now)?;
    booked::within_reach(start, Some(&known), now)?;
    // What is not said stays as it is then, and not as it was found here.
    let wish = Wish::Move { id: id.into(), start: to.start.map(|_| start), end: to.end.map(|_| end) };
    wished(&site, &caller, wish, Some(Session { start, end, ..known })).await
}

/// Cancels a session. It is remembered, and its slot is free. Again, it changes nothing.
///
/// One that has begun ends now, after a minute at the earliest: it stays booked, as it was held until then, its report is made, and
/// nobody is told that it was cancelled.
///
/// # Errors
/// An unknown id; a meeting of a calendar that is followed; one that is over and told of; somebody who may not; a disk that does not
/// take it.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", params(
    ("id" = String, Path, description = "The scheduler's own id."),
), responses(
    (status = 200, description = "It is cancelled, or where it had begun its end is now: `state` and `end` say which.", body = SessionBody),
    (status = 401, description = "No token, or one that is not in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for that, or a browser's page asks.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none of this id.", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It is of a calendar that is followed: delete it there. Or it is over, and its report is due: `begun`.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The disk does not take it now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn cancel(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Query::read(&uri, &[])?;
    let Path(id) = id?;
    allowed(&caller, &headers)?;
    let agenda = site.state.bookings.agenda();
    let booked = agenda.get(&id).filter(|known| known.booking == Booking::Booked);
    of_no_calendar(&site, booked.map(AsRef::as_ref))?;
    wished(&site, &caller, Wish::Cancel { id: id.into() }, None).await
}

/// Has a wish granted. `confirms` is the session as it would be, of which the room is asked first.
async fn wished(site: &Site, caller: &Caller, wish: Wish, confirms: Option<Session>) -> Result<Response, Problem> {
    let confirmed = match &confirms {
        Some(session) if session.booking == Booking::Booked => {
            Some(readiness::confirm(&site.state, &site.rendered(), session, site.now()).await)
        }
        _ => None,
    };
    // Of its own: what is granted is told to the agenda also where whoever asked has gone.
    let (bookings, booker) = (Arc::clone(&site.state.bookings), caller.booker());
    let granting = tokio::spawn(async move { bookings.wish(booker, wish, confirmed).await });
    let granted = granting.await.map_err(|_| Problem::internal("the booking ended in its middle"))?;
    match granted.map_err(Problem::agenda)? {
        Granted::Kept { session, created, .. } => {
            let status = if created { StatusCode::CREATED } else { StatusCode::OK };
            answer(site, &session, status, true).await
        }
        Granted::Same(session) => answer(site, &session, StatusCode::OK, true).await,
        Granted::Taken(holders) => {
            let voice = site.voice();
            Err(Problem::taken(holders.iter().map(|session| HolderBody::of(session, &voice)).collect()))
        }
        Granted::Unknown => Err(none_of_this_id()),
        Granted::Cancelled => Err(Problem::cancelled()),
        Granted::Begun => Err(Problem::begun()),
    }
}

async fn answer(site: &Site, session: &Session, status: StatusCode, named: bool) -> Result<Response, Problem> {
    let found = found(site, std::slice::from_ref(session)).await?.pop().unwrap_or_default();
    let body = SessionBody::of(session, &found, named, &site.voice());
    Ok((status, Json(body)).into_response())
}

/// What was found of each of these sessions: as memory has it, and of those that it has forgotten as the disk has it.
async fn found(site: &Site, sessions: &[Session]) -> Result<Vec<Vec<Notice>>, Problem> {
    let (bookings, agenda) = (&site.state.bookings, site.state.bookings.agenda());
    let forgotten: Vec<_> = sessions.iter().filter(|session| agenda.get(&session.id).is_none()).collect();
    let mut kept: HashMap<Arc<str>, Vec<Notice>> = HashMap::new();
    if !forgotten.is_empty() {
        let wanted = forgotten.iter().map(|session| (Arc::clone(&session.id), session.start)).collect();
        for notice in bookings.notices(wanted).await.map_err(Problem::agenda)? {
            kept.entry(Arc::clone(&notice.session)).or_default().push(notice);
        }
    }
    let of =
        |session: &Session| kept.remove(&session.id).unwrap_or_else(|| agenda.notices_of(session).cloned().collect());
    Ok(sessions.iter().map(of).collect())
}

/// That a meeting is of no calendar that is followed: what is changed of one here would be undone at the calendar's next reading.
fn of_no_calendar(site: &Site, known: Option<&Session>) -> Result<(), Problem> {
    match known.filter(|known| site.state.bookings.follows(&known.source)) {
        Some(known) => Err(Problem::of_calendar(&known.source)),
        None => Ok(()),
    }
}

fn none_of_this_id() -> Problem {
    Problem::not_found("there is no session of this id; GET /api/v1/sessions lists them")
}

/// Who may change the agenda: no page of somebody else's in a browser, and only whoever shows a token that is good for it.
fn allowed(caller: &Caller, headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        return Err(Problem::forbidden("a browser's page may not change the agenda"));
    }
    // A cookie goes with whatever a page makes its browser send: it is good for reading, and for forms of ours.
    if caller.may(Scope::Schedule) && caller.cookie().is_none() {
        Ok(())
    } else if caller.may(Scope::Read) {
        Err(Problem::scope(&[Scope::Schedule]))
    } else {
        Err(Problem::no_token(
            "show a token with the scope schedule: Authorization: Bearer …; siaga token add makes one",
        ))
    }
}
