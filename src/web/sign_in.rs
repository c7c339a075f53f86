//! Coming in at the page by a token, and going: small forms that need no script.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::domain::{Lang, Scope, Verdict};

use super::cookies;
use super::door::{Caller, Unadmitted};
use super::frame::{Frame, Renewed, local};
use super::incident_page::Sheet;
use super::problem::Problem;
use super::query::{Query, once};
use super::site::Site;
use super::words::words;
use super::{given, lang};

/// The form to come in by.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/login", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses((status = 200, description = "The form.", body = String, content_type = "text/html")))]
pub(super) async fn form(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = spoken(&site, &uri, &headers)?;
    asking(&site, caller.reads_unknown(&site), "/", None, lang, StatusCode::OK)
}

/// Comes in: whoever shows a token that is in force gets a cookie for a shift.
///
/// # Errors
/// A form that is not understood.
#[utoipa::path(post, path = "/login", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 303, description = "In; on to the page that was wanted, with a cookie."),
    (status = 401, description = "The token is not in force; the form again.", body = String, content_type = "text/html"),
    (status = 403, description = "A page of somebody else's asked.", body = String, content_type = "text/html"),
    (status = 415, description = "No form was sent.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn come_in(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let lang = spoken(&site, request.uri(), request.headers())?;
    if cookies::is_from_elsewhere(request.headers()) {
        return from_elsewhere(&site, &caller, lang);
    }
    let fields = given::form(request).await?;
    let next = local(field(&fields, "next"));
    let holder = match site.state.door.admit(field(&fields, "token").trim()).await {
        Ok(holder) if Scope::Read.is_in(&holder.scopes) => holder,
        unadmitted => {
            let (status, said) = match unadmitted {
                Err(Unadmitted::Unreadable) => (StatusCode::SERVICE_UNAVAILABLE, words(lang).tokens_unread),
                // A reflector's token is for another machine.
                _ => (StatusCode::UNAUTHORIZED, words(lang).not_known),
            };
            return asking(&site, caller.reads_unknown(&site), next, Some(said), lang, status);
        }
    };
    let begun = site.state.staff.cookies.begin(holder.mark, site.state.clock.mono());
    let said = begun.ok_or_else(|| Problem::internal("the kernel gives no random numbers"))?;
    Ok(([(header::SET_COOKIE, cookies::set_cookie(Some(&said), caller.is_within_tls()))], onward(next, lang))
        .into_response())
}

/// Goes.
///
/// # Errors
/// A form that is not understood.
#[utoipa::path(post, path = "/logout", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 303, description = "Out; on to the room's page."),
    (status = 403, description = "A page of somebody else's asked.", body = String, content_type = "text/html"),
    (status = 415, description = "No form was sent.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn go(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let lang = spoken(&site, request.uri(), request.headers())?;
    // A browser sends no cookie for a page of somebody else's, and would take the one that ends it all the same.
    if cookies::is_from_elsewhere(request.headers()) {
        return from_elsewhere(&site, &caller, lang);
    }
    let said = cookies::cookie(request.headers()).map(str::to_owned);
    let fields = given::form(request).await?;
    // Also of one whose token cannot be read now.
    if let Some(said) = &said {
        if !cookies::is_form_key(field(&fields, "key"), said) {
            return from_elsewhere(&site, &caller, lang);
        }
        site.state.staff.cookies.end(said);
    }
    Ok(([(header::SET_COOKIE, cookies::set_cookie(None, caller.is_within_tls()))], onward("/", lang)).into_response())
}

/// Refuses a form that no page of ours has sent: whoever meant it sends it from here.
fn from_elsewhere(site: &Site, caller: &Caller, lang: Lang) -> Result<Response, Problem> {
    let said = Some(words(lang).from_elsewhere);
    asking(site, caller.reads_unknown(site), "/", said, lang, StatusCode::FORBIDDEN)
}

/// The form to come in by, and on to `next`; for somebody who `reads` there already, or not.
pub(super) fn asking(
    site: &Site,
    reads: bool,
    next: &str,
    message: Option<&'static str>,
    lang: Lang,
    status: StatusCode,
) -> Result<Response, Problem> {
    // Where somebody comes in nothing is said of the room.
    let frame = Frame::new(site, "/login", lang, Renewed::Never);
    let mut sheet = Sheet::new(words(lang).sign_in.to_owned(), Verdict::Unknown, frame);
    sheet.message = message;
    sheet.sign_in = Some(next.to_owned());
    if !reads {
        sheet.sign_in_for = words(lang).sign_in_to_read;
    }
    sheet.answer(status, lang)
}

/// Instead of a page that may not be read without a token.
pub(super) fn instead(site: &Site, uri: &Uri, headers: &HeaderMap) -> Result<Response, Problem> {
    let lang = lang::asked(uri, headers, site.voice().lang);
    asking(site, false, wanted(uri), None, lang, StatusCode::UNAUTHORIZED)
}

/// The page that was asked for, with what was chosen of it.
fn wanted(uri: &Uri) -> &str {
    local(uri.path_and_query().map_or("/", PathAndQuery::as_str))
}

/// The language of a page that takes no other key.
pub(super) fn spoken(site: &Site, uri: &Uri, headers: &HeaderMap) -> Result<Lang, Problem> {
    let query = Query::of_page(uri, &[once("lang")])?;
    lang::choose(&query, headers, site.voice().lang)
}

/// On to a page, which is then fetched as if it had been gone to. What was chosen of it is kept, but for the language: a page takes
/// that once.
pub(super) fn onward(next: &str, lang: Lang) -> Response {
    let (path, choices) = next.split_once('?').unwrap_or((next, ""));
    let mut place = format!("{path}?");
    for choice in choices.split('&') {
        let (key, _) = choice.split_once('=').unwrap_or((choice, ""));
        if !matches!(key, "" | "lang") {
            place.push_str(choice);
            place.push('&');
        }
    }
    (StatusCode::SEE_OTHER, [(header::LOCATION, format!("{place}lang={}", lang.as_str()))]).into_response()
}

/// What a form says in a field; nothing where it has none.
pub(super) fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_in_finds_the_page_as_it_was_asked_for() {
        for (asked, place) in [
            ("/components/internet?check=far", "/components/internet?check=far&lang=id"),
            ("/?profile=rapat%20besar&lang=en", "/?profile=rapat%20besar&lang=id"),
            ("/agenda?lang=en", "/agenda?lang=id"),
            ("/agenda?", "/agenda?lang=id"),
            ("/settings", "/settings?lang=id"),
            ("/nowhere?check=far", "/?lang=id"),
            ("//evil.example/agenda?check=far", "/?lang=id"),
            ("http://evil.example/agenda?check=far", "/agenda?check=far&lang=id"),
        ] {
            let uri: Uri = asked.parse().unwrap();
            let answer = onward(wanted(&uri), Lang::Id);
            assert_eq!(answer.status(), StatusCode::SEE_OTHER);
            assert_eq!(answer.headers()[header::LOCATION], place, "{asked}");
        }
    }
}
