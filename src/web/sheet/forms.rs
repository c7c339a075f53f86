//! `POST /sessions/{id}`: what staff write into the sheet at its page, from a form of that page alone.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;

use crate::domain::Verdict;
use crate::domain::sheet::{SheetAct, SheetWish, Unwritten};
use crate::web::acts::to_its_end;
use crate::web::bookings::Bookings;
use crate::web::door::Caller;
use crate::web::problem::Problem;
use crate::web::sign_in::{field, onward, spoken};
use crate::web::site::Site;
use crate::web::words::words;
use crate::web::{cookies, given};

use super::page::{Shown, Written, path};
use super::words::Said;

/// Writes into the sheet. From a form of this page alone.
///
/// # Errors
/// A form that is not understood.
#[utoipa::path(post, path = "/sessions/{id}", params(
    ("id" = String, Path, description = "The scheduler's own id."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 303, description = "It is written down; back to the sheet."),
    (status = 400, description = "A passcode stands in it, or it is not understood; the page says which.", body = String, content_type = "text/html"),
    (status = 401, description = "Nobody has come in; the form to do so.", body = String, content_type = "text/html"),
    (status = 403, description = "A page of somebody else's asked, or a token that is not for acting.", body = String, content_type = "text/html"),
    (status = 404, description = "No such session, or no such check on its sheet.", body = String, content_type = "text/html"),
    (status = 409, description = "The sheet does not allow it now; the page says why.", body = String, content_type = "text/html"),
    (status = 415, description = "No form was sent.", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "A name, a reason or an end is missing; the page says which.", body = String, content_type = "text/html"),
    (status = 503, description = "It cannot be written down now.", body = String, content_type = "text/html"),
))]
pub(in crate::web) async fn write(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let lang = spoken(&site, request.uri(), request.headers())?;
    let (words, said) = (words(lang), Said(lang));
    let elsewhere = cookies::is_from_elsewhere(request.headers());
    let fields = given::form(request).await?;
    let shown = Shown { site: &site, caller: &caller, id: &id, lang };
    let text = |name: &str| field(&fields, name).replace("\r\n", "\n");
    let written = || Written { by: text("by"), findings: text("findings"), reason: text("reason") };
    if let Some((status, message)) = caller.turned_away(elsewhere, field(&fields, "key"), lang) {
        return shown.answer(status, Some(message.to_owned()), Written::default()).await;
    }
    let Ok(who) = caller.actor_at_the_page(&site, "run_sheet", &id).await else {
        return shown.answer(StatusCode::FORBIDDEN, Some(words.not_for_acting.to_owned()), Written::default()).await;
    };
    let start: Option<Timestamp> = field(&fields, "start").parse().ok();
    let act = match act(&site, &id, &fields).await {
        Ok(Some(act)) if start.is_some() => act,
        Err(why) => return shown.refused(&why, written()).await,
        Ok(_) => return shown.answer(StatusCode::BAD_REQUEST, Some(said.what().to_owned()), written()).await,
    };
    let wish = SheetWish { session: id.as_str().into(), start, by: text("by"), act };
    let now = site.now().wall;
    let order = move |bookings: Arc<dyn Bookings>| async move { bookings.note(who, wish, now).await };
    match to_its_end(&site.state.bookings, order).await {
        Ok(Ok(())) => Ok(onward(&path(&id), lang)),
        Ok(Err(why)) => shown.refused(&why, written()).await,
        Err(_) => shown.answer(StatusCode::SERVICE_UNAVAILABLE, Some(words.cannot_now.to_owned()), written()).await,
    }
}

/// What a form asks for; nothing where it is none of ours.
async fn act(site: &Site, id: &str, fields: &[(String, String)]) -> Result<Option<SheetAct>, Unwritten> {
    let text = |name: &str| field(fields, name).replace("\r\n", "\n");
    let said = field(fields, "act");
    let (act, item) = said.split_once(' ').unwrap_or((said, ""));
    Ok(Some(match act {
        "tick" => SheetAct::Tick { item: item.to_owned() },
        "untick" => SheetAct::Untick { item: item.to_owned() },
        "begin_trial" => SheetAct::BeginTrial,
        "end_trial" => SheetAct::EndTrial { findings: text("findings") },
        "end_override" => SheetAct::EndOverride { reason: text("reason") },
        "override" => {
            let verdict = Verdict::parse(field(fields, "verdict")).ok_or(Unwritten::Verdict)?;
            let found = site.state.bookings.session(id).await;
            let session = found.ok().flatten().ok_or(Unwritten::NoSession)?;
            let until = match field(fields, "until") {
                "start" => session.start,
                "end" => session.end,
                _ => return Err(Unwritten::Until),
            };
            SheetAct::Override { verdict, reason: text("reason"), until }
        }
        _ => return Ok(None),
    }))
}
