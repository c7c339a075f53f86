//! What people do about alerts over HTTP: they acknowledge, they silence, they try whether a message arrives. All of it needs a
//! token for acting, and stands in the audit under its name.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{Component, Lang, Scope, Silence};

use super::acts::{Acts, How, to_its_end};
use super::door::Caller;
use super::lists::{IncidentBody, open_incident};
use super::problem::Problem;
use super::query::Query;
use super::site::Site;
use super::{Voice, given};

/// The longest word that names an incident, a silence or a receiver.
const LONGEST_ID: usize = 100;

/// As many receivers are named at once as an order over the control socket may name.
const RECEIVERS: usize = 64;

/// How an acknowledgement was received.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default, expecting = "an object")]
pub struct AcknowledgeBody {
    /// It was said by radio; then `by` is needed.
    pub radio: bool,
    /// Who said so, where the token's holder only writes it down. It stands in the audit and in the meeting's report.
    pub by: Option<String>,
}

/// Somebody sees to an incident: reminders and escalation end, and who heard of it hears that too. Said again it is the same act.
///
/// # Errors
/// Without a token for acting; an incident that is not open.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/ack", security(("token" = ["operate"])), params(
    ("id" = String, Path, description = "The incident's id."),
), request_body = Option<AcknowledgeBody>, responses(
    (status = 200, description = "It is noted.", body = IncidentBody),
    (status = 204, description = "It is noted, and the incident is a drill's or has ended since."),
    (status = 400, description = "The body is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "Without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for acting.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No such incident is open.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot be written down now; or (`not-kept`) it holds, and is not on the disk yet.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn acknowledge(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let id = known(id)?;
    let who = caller.actor(&site, "acknowledge", &id).await?;
    Query::read(request.uri(), &[])?;
    let AcknowledgeBody { radio, by } = given::json(request).await?;
    let by = by.map(|by| given::name(&by).ok_or_else(|| Problem::value("by is no name"))).transpose()?;
    if radio && by.is_none() {
        return Err(Problem::value("what was said by radio was said by somebody: by is missing"));
    }
    let incident = id.clone();
    let order =
        move |acts: Arc<dyn Acts>| async move { acts.acknowledge(who, incident, How { radio, by }, Lang::En).await };
    to_its_end(&site.state.acts, order).await?;
    let rendered = site.rendered();
    let incident = rendered.believed.incidents.iter().find(|incident| incident.id == id);
    match incident {
        Some(incident) => Ok(Json(open_incident(incident, &site)).into_response()),
        // A drill's is no incident of the room; another has ended in this moment.
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// What to silence.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct WishBody {
    /// Which component; all, if none is named.
    pub component: Option<Component>,
    /// Why.
    pub reason: String,
    /// Until when: a minute from now at least, and 31 days at most.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
}

/// A silence: until its end nobody is told of what it covers. What is measured, judged and shown stays.
#[derive(Serialize, ToSchema)]
pub struct SilenceBody {
    /// Unique for ever.
    pub id: String,
    /// Which component; all, if none.
    pub component: Option<Component>,
    /// Why.
    pub reason: String,
    /// When it was wished.
    #[schema(format = DateTime)]
    pub starts_at: String,
    /// Until when it holds.
    #[schema(format = DateTime)]
    pub ends_at: String,
    /// Who wished it; none, if the audit does not know any more.
    pub author: Option<String>,
}

fn body(silence: &Silence, author: Option<String>, voice: &Voice) -> SilenceBody {
    SilenceBody {
        id: silence.id.to_string(),
        component: silence.component,
        reason: silence.reason.clone(),
        starts_at: voice.stamp(silence.from),
        ends_at: voice.stamp(silence.until),
        author,
    }
}

async fn authored(site: &Site, silences: Vec<Silence>) -> Result<Vec<SilenceBody>, Problem> {
    let ids = silences.iter().map(|silence| silence.id.to_string()).collect();
    let mut authors = site.state.acts.authors(ids).await.map_err(Problem::history)?;
    let voice = site.voice();
    Ok(silences.iter().map(|silence| body(silence, authors.remove(&*silence.id), &voice)).collect())
}

/// The silences that hold.
///
/// # Errors
/// Without a token for acting; an audit that cannot be read.
#[utoipa::path(get, path = "/api/v1/silences", security(("token" = ["operate"])), responses(
    (status = 200, description = "The silences.", body = Vec<SilenceBody>),
    (status = 401, description = "Without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for acting.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Who wished them cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn silences(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    caller.needs(Scope::Operate)?;
    Query::read(request.uri(), &[])?;
    let now = site.now().wall;
    let holding = site.state.handling.borrow().holding(now).cloned().collect();
    Ok(Json(authored(&site, holding).await?).into_response())
}

/// Tells nobody of a component for a while. The same wished again is the one that holds.
///
/// # Errors
/// Without a token for acting; a silence without a reason or an end.
#[utoipa::path(post, path = "/api/v1/silences", security(("token" = ["operate"])), request_body = WishBody, responses(
    (status = 201, description = "It holds.", body = SilenceBody),
    (status = 200, description = "It held already.", body = SilenceBody),
    (status = 400, description = "The body is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "Without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for acting.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot be written down now; or (`not-kept`) it holds, and is not on the disk yet.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn silence(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let who = caller.actor(&site, "silence", "").await?;
    Query::read(request.uri(), &[])?;
    let wish: Option<WishBody> = given::json(request).await?;
    let WishBody { component, reason, ends_at } =
        wish.ok_or_else(|| Problem::value("the body says reason, ends_at and perhaps component"))?;
    let order = move |acts: Arc<dyn Acts>| async move { acts.silence(who, component, reason, ends_at, Lang::En).await };
    let (silence, new) = to_its_end(&site.state.acts, order).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let place = format!("/api/v1/silences/{}", silence.id);
    let made = authored(&site, vec![silence]).await?.into_iter().next();
    Ok((status, [(header::LOCATION, place)], Json(made)).into_response())
}

/// Ends a silence before its time.
///
/// # Errors
/// Without a token for acting; a silence that does not hold.
#[utoipa::path(delete, path = "/api/v1/silences/{id}", security(("token" = ["operate"])), params(
    ("id" = String, Path, description = "The silence's id."),
), responses(
    (status = 204, description = "It has ended."),
    (status = 401, description = "Without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for acting.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No such silence holds (any more).", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot be written down now; or (`not-kept`) it holds, and is not on the disk yet.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn end_silence(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let id = known(id)?;
    let who = caller.actor(&site, "end_silence", &id).await?;
    Query::read(request.uri(), &[])?;
    let order = move |acts: Arc<dyn Acts>| async move { acts.end_silence(who, id, Lang::En).await };
    to_its_end(&site.state.acts, order).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Whom to send a test message.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default, expecting = "an object")]
pub struct TestBody {
    /// These receivers, by their names in the config; all, if none is named.
    pub receivers: Vec<String>,
}

/// What became of the first attempt to tell a receiver.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttemptBody {
    /// Which.
    pub receiver: Option<String>,
    /// Whether it arrived.
    pub arrived: bool,
    /// Why not.
    pub failed: Option<String>,
    /// Whether it is tried again.
    pub again: bool,
}

/// Sends a test message, and waits for the first attempt at each receiver.
///
/// # Errors
/// Without a token for acting; a receiver that has not got it.
#[utoipa::path(post, path = "/api/v1/alerts/test", security(("token" = ["operate"])), request_body = TestBody, responses(
    (status = 200, description = "It has arrived at each receiver.", body = Vec<AttemptBody>),
    (status = 502, description = "A receiver has not got it; `attempts` says what became of each.", body = Problem, content_type = "application/problem+json"),
    (status = 400, description = "The body is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "Without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for acting.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn test_alert(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let who = caller.actor(&site, "test_alert", "").await?;
    Query::read(request.uri(), &[])?;
    let TestBody { receivers } = given::json(request).await?;
    if receivers.len() > RECEIVERS || receivers.iter().any(|name| name.len() > LONGEST_ID) {
        return Err(Problem::value(format!("{RECEIVERS} receivers at most, of {LONGEST_ID} bytes at most")));
    }
    let order = move |acts: Arc<dyn Acts>| async move { acts.test_alert(who, receivers, Lang::En).await };
    let attempts = to_its_end(&site.state.acts, order).await.into_iter().map(|attempt| AttemptBody {
        arrived: attempt.failed.is_none(),
        receiver: attempt.receiver,
        failed: attempt.failed,
        again: attempt.again,
    });
    let attempts: Vec<_> = attempts.collect();
    // A 200 in whose middle stands that nobody heard is read as "all is well".
    if attempts.iter().all(|attempt| attempt.arrived) {
        Ok(Json(attempts).into_response())
    } else {
        Err(Problem::undelivered(attempts))
    }
}

/// A word in the path that can be the name of something.
fn known(word: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    let Path(word) = word?;
    let fits = word.len() <= LONGEST_ID && !word.contains(char::is_control);
    if fits { Ok(word) } else { Err(Problem::not_found("that is no id")) }
}
