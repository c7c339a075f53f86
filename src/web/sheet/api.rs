//! `/api/v1/sessions/{id}/runsheet`, `…/trial`, `…/override`: the run sheet for programs. To write into it needs a token for acting.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::domain::sheet::{SheetAct, SheetWish, Unwritten};
use crate::web::acts::to_its_end;
use crate::web::bookings::Bookings;
use crate::web::door::Caller;
use crate::web::problem::Problem;
use crate::web::query::{Query, once};
use crate::web::readiness::in_lang;
use crate::web::site::Site;
use crate::web::{given, lang};

use super::body::{OverrideWish, SheetBody, Telling, TickWish, TrialAct, TrialWish};
use super::{Sheet, reads_names};

/// The run sheet of a session: what is measured for it, as it stands now, what was checked by hand, the trials, and who says
/// otherwise until when.
///
/// # Errors
/// A query that is not understood; an unknown id; a disk that cannot be read.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/runsheet", params(
    ("id" = String, Path, description = "The scheduler's own id."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The sheet, whatever it says.", body = SheetBody),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no session of this id.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(in crate::web) async fn get(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let query = Query::read(&uri, &[once("lang")])?;
    let lang = lang::choose(&query, &headers, site.voice().lang)?;
    let body = told(&site, &caller, &id, lang).await?;
    Ok((in_lang(lang), Json(body)).into_response())
}

async fn told(site: &Site, caller: &Caller, id: &str, lang: crate::domain::Lang) -> Result<SheetBody, Problem> {
    let now = site.now();
    let sheet = Sheet::read(site, id, now).await?;
    let (rendered, voice) = (site.rendered(), site.voice());
    let telling = Telling { snapshot: &rendered.believed, voice: &voice, now, lang, named: reads_names(caller) };
    Ok(telling.sheet(&sheet))
}

/// Ticks a check, or takes its tick back. A tick that is made again holds from then on.
///
/// # Errors
/// Without a token for acting, or without a name; an item that is not on the sheet; a session that is over or cancelled.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/runsheet/{item}", security(("token" = ["operate"])), params(
    ("id" = String, Path, description = "The scheduler's own id."),
    ("item" = String, Path, description = "As the sheet names it: `room`, `attendance:Camat Badau`."),
), request_body = TickWish, responses(
    (status = 200, description = "It is on the disk; the sheet as it is now.", body = SheetBody),
    (status = 400, description = "The body is not understood, or has a passcode in it.", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "Without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for acting.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No such session, or no such item on its sheet.", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "The session is over or cancelled, or the sheet is full.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Nobody is named, or `done` is missing.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The disk does not take it now.", body = Problem, content_type = "application/problem+json"),
))]
pub(in crate::web) async fn tick(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path((id, item)) = path?;
    let who = caller.actor(&site, "tick", &id).await?;
    Query::read(request.uri(), &[])?;
    let TickWish { done, by } = given::json(request).await?;
    let done =
        done.ok_or_else(|| Problem::unprocessable("done is missing: true ticks it, false takes the tick back"))?;
    let act = if done { SheetAct::Tick { item } } else { SheetAct::Untick { item } };
    write(&site, &caller, who, SheetWish { session: id.into(), start: None, by, act }).await
}

/// Begins a trial, or ends the one that is under way.
///
/// # Errors
/// Without a token for acting, or without a name; a trial that is under way already, or none that is.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/trial", security(("token" = ["operate"])), params(
    ("id" = String, Path, description = "The scheduler's own id."),
), request_body = TrialWish, responses(
    (status = 200, description = "It is on the disk; the sheet as it is now.", body = SheetBody),
    (status = 400, description = "The body is not understood, or has a passcode in it.", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "Without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for acting.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no session of this id.", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "A trial is under way, or none is to be ended; or the session has begun.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Nobody is named, `act` is missing, or the findings are too long.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The disk does not take it now.", body = Problem, content_type = "application/problem+json"),
))]
pub(in crate::web) async fn trial(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let who = caller.actor(&site, "trial", &id).await?;
    Query::read(request.uri(), &[])?;
    let TrialWish { act, by, findings } = given::json(request).await?;
    let act = match act.ok_or_else(|| Problem::unprocessable("act is missing: begin or end"))? {
        TrialAct::Begin if findings.is_some() => {
            return Err(Problem::unprocessable("a trial that begins has found nothing yet"));
        }
        TrialAct::Begin => SheetAct::BeginTrial,
        TrialAct::End => SheetAct::EndTrial { findings: findings.unwrap_or_default() },
    };
    write(&site, &caller, who, SheetWish { session: id.into(), start: None, by, act }).await
}

/// Says for what the session is taken until then, whatever machine and hand say; or ends that. It is shown beside what they say,
/// and changes nothing of it.
///
/// # Errors
/// Without a token for acting, without a name, a reason or an end.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/override", security(("token" = ["operate"])), params(
    ("id" = String, Path, description = "The scheduler's own id."),
), request_body = OverrideWish, responses(
    (status = 200, description = "It is on the disk; the sheet as it is now.", body = SheetBody),
    (status = 400, description = "The body is not understood, or has a passcode in it.", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "Without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for acting.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no session of this id.", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "None holds that could be ended; or the session is over or cancelled.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Nobody is named, or there is no reason, or no end that can be.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The disk does not take it now.", body = Problem, content_type = "application/problem+json"),
))]
pub(in crate::web) async fn answer_for(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let who = caller.actor(&site, "override", &id).await?;
    Query::read(request.uri(), &[])?;
    let OverrideWish { verdict, by, reason, until } = given::json(request).await?;
    let act = match (verdict, until) {
        (Some(verdict), Some(until)) => SheetAct::Override { verdict, reason, until },
        (Some(_), None) => return Err(Problem::unwritten(&Unwritten::Until)),
        (None, None) => SheetAct::EndOverride { reason },
        (None, Some(_)) => return Err(Problem::unwritten(&Unwritten::Verdict)),
    };
    write(&site, &caller, who, SheetWish { session: id.into(), start: None, by, act }).await
}

async fn write(site: &Site, caller: &Caller, who: crate::domain::Actor, wish: SheetWish) -> Result<Response, Problem> {
    let id = Arc::clone(&wish.session);
    let now = site.now().wall;
    let order = move |bookings: Arc<dyn Bookings>| async move { bookings.note(who, wish, now).await };
    let written = to_its_end(&site.state.bookings, order).await.map_err(Problem::unable)?;
    written.map_err(|why| Problem::unwritten(&why))?;
    let lang = site.voice().lang;
    Ok((in_lang(lang), Json(told(site, caller, &id, lang).await?)).into_response())
}
