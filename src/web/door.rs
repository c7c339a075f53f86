//! Who asks, by the token that they show, and whether they may.
//!
//! Tokens are kept by another hand of the house; the shell hands over who knows them.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::domain::{Actor, Lang, Scope, Via};

use super::cookies;
use super::problem::Problem;
use super::site::Site;
use super::words::words;

/// Who knows those who show a token.
pub trait Door: Send + Sync {
    /// Whose token that is.
    fn admit<'a>(&'a self, shown: &'a str) -> BoxFuture<'a, Result<Holder, Unadmitted>>;

    /// The same for somebody who has come in before: whether their token is still in force.
    fn still(&self, mark: Mark) -> BoxFuture<'_, Result<Holder, Unadmitted>>;

    /// When the tokens end that were made to last and end at all, as they were read last.
    fn ends(&self) -> Vec<Timestamp>;
}

/// By what a token is known again without it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub [u8; 32]);

/// Who holds a token that is in force. Has no `Debug`: what is debugged ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    /// Their name.
    pub name: Arc<str>,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// By what it is known again.
    pub mark: Mark,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unadmitted {
    /// No such token: it was never made, or is revoked.
    Unknown,
    /// Its time is over.
    Expired,
    /// The tokens cannot be read, and among those read before there is none such.
    Unreadable,
}

impl From<Unadmitted> for Problem {
    fn from(why: Unadmitted) -> Self {
        match why {
            Unadmitted::Unknown => Self::no_token("this token is not known here, or is revoked"),
            Unadmitted::Expired => Self::no_token("this token has expired (siaga token add makes another)"),
            Unadmitted::Unreadable => Self::tokens(),
        }
    }
}

/// Who asks, for the handlers: nobody in particular, or the holder of a token.
#[derive(Clone, Default)]
pub(super) struct Caller {
    holder: Option<Holder>,
    /// What their cookie says, if it is by that that they are known.
    cookie: Option<String>,
    /// Whether they come by loopback.
    here: bool,
    /// Whether they come within TLS.
    within_tls: bool,
}

impl Caller {
    /// The same, who comes by loopback or not.
    pub(super) fn here(self, here: bool) -> Self {
        Self { here, ..self }
    }

    /// The same, who comes within TLS or not.
    pub(super) fn within_tls(self, within_tls: bool) -> Self {
        Self { within_tls, ..self }
    }

    /// Whether they come within TLS.
    pub(super) const fn is_within_tls(&self) -> bool {
        self.within_tls
    }

    /// Whether they may have the daemon read its config anew: whoever is on this machine, as far as the door is open to them; from
    /// elsewhere a token for acting, even where everybody may read. Gives who they are, if that is known.
    pub(super) fn may_reload(&self) -> Result<Option<Actor>, Problem> {
        match self.needs(Scope::Operate) {
            Ok(holder) => Ok(Some(Actor { name: Arc::clone(&holder.name), via: Via::Token })),
            Err(_) if self.here => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Whether they may read without being known.
    pub(super) fn reads_unknown(&self, site: &Site) -> bool {
        site.voice().open_to.is_open(self.here)
    }

    /// Whether they may do what asks for `scope`.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.holder.as_ref().is_some_and(|holder| scope.is_in(&holder.scopes))
    }

    /// The same, or why not.
    pub(super) fn needs(&self, scope: Scope) -> Result<&Holder, Problem> {
        self.needs_one_of(&[scope])
    }

    /// Who they are, if their token is good for one of these; else why not.
    pub(super) fn needs_one_of(&self, scopes: &[Scope]) -> Result<&Holder, Problem> {
        match &self.holder {
            Some(holder) if scopes.iter().any(|scope| scope.is_in(&holder.scopes)) => Ok(holder),
            Some(_) => Err(Problem::scope(scopes)),
            None => Err(unnamed()),
        }
    }

    /// What their cookie says, if they have come in at the page.
    pub(super) fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// With what a form is turned away that is none of ours, or is nobody's who has come in: a page of somebody else's may make a browser
    /// send one with its cookie.
    pub(super) fn turned_away(&self, elsewhere: bool, key: &str, lang: Lang) -> Option<(StatusCode, &'static str)> {
        let words = words(lang);
        match self.cookie() {
            None => Some((StatusCode::UNAUTHORIZED, words.sign_in_first)),
            Some(said) if elsewhere || !cookies::is_form_key(key, said) => {
                Some((StatusCode::FORBIDDEN, words.from_elsewhere))
            }
            Some(_) => None,
        }
    }

    /// Their name.
    pub(super) fn name(&self) -> Option<&str> {
        self.holder.as_ref().map(|holder| &*holder.name)
    }

    /// Who changes the agenda, if they are known and may.
    pub(super) fn booker(&self) -> Option<Actor> {
        let holder = self.needs(Scope::Schedule).ok()?;
        Some(Actor { name: Arc::clone(&holder.name), via: Via::Token })
    }

    /// Who orders an act over the API, where a program shows the token itself: a cookie goes with whatever a page makes its
    /// browser send.
    pub(super) async fn actor(&self, site: &Site, action: &'static str, subject: &str) -> Result<Actor, Problem> {
        if self.cookie.is_some() { Err(unnamed()) } else { self.known_actor(site, action, subject).await }
    }

    /// Who orders an act by a form of ours.
    pub(super) async fn actor_at_the_page(
        &self,
        site: &Site,
        action: &'static str,
        subject: &str,
    ) -> Result<Actor, Problem> {
        if self.cookie.is_none() { Err(unnamed()) } else { self.known_actor(site, action, subject).await }
    }

    /// Who orders an act. That somebody has tried whose token is not good for acting goes into the audit.
    async fn known_actor(&self, site: &Site, action: &'static str, subject: &str) -> Result<Actor, Problem> {
        let named = |holder: &Holder| Actor { name: Arc::clone(&holder.name), via: Via::Token };
        match (self.needs(Scope::Operate), &self.holder) {
            (Ok(holder), _) => Ok(named(holder)),
            (Err(problem), Some(holder)) => {
                site.state.acts.turn_away(named(holder), action, subject.to_owned()).await;
                Err(problem)
            }
            (Err(problem), None) => Err(problem),
        }
    }
}

/// Paths at which nothing is told of the room: for whoever supervises the daemon, and to come in and go.
const OPEN: [&str; 4] = ["/-/healthy", "/-/ready", "/login", "/logout"];

/// Where alerts of other systems come in, by a token of their own.
const INBOUND: &str = "/api/v1/alertmanager";

/// The feed for calendar programs. They know a user and a password alone (RFC 7617): here, and nowhere else, the password is a token.
const FEED: &str = "/api/v1/agenda.ics";

/// Whether this door is the one that a request has to pass.
pub(super) fn guards(method: &Method, path: &str) -> bool {
    method != Method::POST || path != INBOUND
}

/// What a request asks for where it is not open to everybody.
fn asked_for(method: &Method, path: &str) -> Scope {
    if method.is_safe() {
        Scope::Read
    } else if path.strip_prefix("/api/v1/sessions/").is_some_and(|id| !id.contains('/')) {
        // The booking itself; what is done in and about a meeting is the room's people's.
        Scope::Schedule
    } else {
        Scope::Operate
    }
}

/// Whether a request shows anything by which somebody could be known.
pub(super) fn shows_something(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || headers.contains_key(header::COOKIE)
}

/// Who asks, and whether they may; `open` where they may without being known.
pub(super) async fn know(
    site: &Site,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    open: bool,
) -> Result<Caller, Problem> {
    // Whoever supervises the daemon with a token that has run out, or with what is none, shall not take it for dead.
    let is_open = OPEN.contains(&uri.path());
    let caller = match shown(method, uri.path(), headers) {
        Ok(Some(shown)) => match site.state.door.admit(&shown).await {
            Ok(holder) => Caller { holder: Some(holder), ..Caller::default() },
            Err(_) if is_open => Caller::default(),
            Err(why) => return Err(why.into()),
        },
        Ok(None) => by_cookie(site, headers).await,
        Err(_) if is_open => Caller::default(),
        Err(why) => return Err(why),
    };
    let scope = asked_for(method, uri.path());
    if open || caller.may(scope) || is_open {
        return Ok(caller);
    }
    Err(if caller.holder.is_some() { Problem::scope(&[scope]) } else { unnamed() })
}

/// Who has come in at the page, while their token is in force. A cookie that lets in nobody is no reason to refuse.
async fn by_cookie(site: &Site, headers: &HeaderMap) -> Caller {
    let Some(said) = cookies::cookie(headers) else { return Caller::default() };
    let Some(mark) = site.state.staff.cookies.find(said, site.state.clock.mono()) else { return Caller::default() };
    match site.state.door.still(mark).await {
        Ok(holder) => Caller { holder: Some(holder), cookie: Some(said.to_owned()), ..Caller::default() },
        Err(_) => Caller::default(),
    }
}

fn unnamed() -> Problem {
    Problem::no_token("show a token: Authorization: Bearer …; siaga token add makes one")
}

/// What is answered to whoever is not let in. Calendar programs ask for the password where they hear that one is taken.
pub(super) fn refuse(path: &str, problem: Problem) -> Response {
    let asks = problem.status == 401 && path == FEED;
    let mut response = problem.into_response();
    if asks {
        let basic = HeaderValue::from_static("Basic realm=\"siaga\", charset=\"UTF-8\"");
        response.headers_mut().append(header::WWW_AUTHENTICATE, basic);
    }
    response
}

/// The token in `Authorization: Bearer …` (RFC 6750 §2.1), or at the feed for calendars the password of `Basic …` (RFC 7617 §2),
/// whatever the user is called.
fn shown<'h>(method: &Method, path: &str, headers: &'h HeaderMap) -> Result<Option<Cow<'h, str>>, Problem> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = shown.next() else { return Ok(None) };
    let said = first.to_str().ok().and_then(|text| text.split_once(' ')).filter(|_| shown.next().is_none());
    // A browser that answered there shows it at what is beside it, too (RFC 7617 §2.2): it is nothing shown.
    let is_elsewhere = !method.is_safe() || path != FEED;
    if is_elsewhere && said.is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("basic")) {
        return Ok(None);
    }
    let token = said.and_then(|(scheme, said)| match scheme {
        bearer if bearer.eq_ignore_ascii_case("bearer") => Some(Cow::Borrowed(said.trim())),
        basic if basic.eq_ignore_ascii_case("basic") => password(said.trim()),
        _ => None,
    });
    token.map(Some).ok_or_else(|| Problem::no_token("one token is shown, as Authorization: Bearer …"))
}

/// The token of whoever sends other systems' alerts, if one is shown.
pub(super) fn shown_by_sender(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    shown(&Method::POST, INBOUND, headers).ok().flatten()
}

fn password(said: &str) -> Option<Cow<'static, str>> {
    let text = String::from_utf8(STANDARD.decode(said).ok()?).ok()?;
    Some(Cow::Owned(text.split_once(':')?.1.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_elsewhere_a_token_for_acting_is_needed_to_reload() {
        let with = |scopes: &[Scope]| Caller {
            holder: Some(Holder { name: "rani".into(), scopes: scopes.to_vec(), mark: Mark([0; 32]) }),
            ..Caller::default()
        };
        assert!(Caller::default().here(true).may_reload().is_ok());
        assert_eq!(Caller::default().may_reload().err().unwrap().status, 401);
        assert_eq!(with(&[Scope::Schedule]).may_reload().err().unwrap().status, 403);
        assert!(with(&[Scope::Operate]).may_reload().is_ok());
    }

    #[test]
    fn reading_the_agenda_and_acting_ask_for_different_things() {
        for (method, path, scope) in [
            (Method::GET, "/api/v1/readiness", Scope::Read),
            (Method::HEAD, "/", Scope::Read),
            (Method::GET, "/api/v1/sessions/7", Scope::Read),
            (Method::PUT, "/api/v1/sessions/7", Scope::Schedule),
            (Method::POST, "/api/v1/sessions/7/evaluation", Scope::Operate),
            (Method::DELETE, "/api/v1/sessionsx", Scope::Operate),
            (Method::POST, "/api/v1/sessions/7/runsheet/room", Scope::Operate),
            (Method::GET, "/api/v1/sessions/7/runsheet", Scope::Read),
            (Method::POST, "/-/reload", Scope::Operate),
        ] {
            assert_eq!(asked_for(&method, path), scope, "{method} {path}");
            assert!(guards(&method, path), "{method} {path}");
        }
        assert!(!guards(&Method::POST, INBOUND) && guards(&Method::GET, INBOUND));
    }

    #[test]
    fn one_token_is_shown_in_one_way() {
        let told = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            let at = |path| shown(&Method::GET, path, &headers).map(|shown| shown.map(Cow::into_owned));
            (at("/api/v1/checks").map_err(|problem| problem.status), at(FEED).map_err(|problem| problem.status))
        };
        let twice = |both: Result<Option<String>, u16>| (both.clone(), both);
        assert_eq!(told(&[]), twice(Ok(None)));
        assert_eq!(told(&["Bearer abc"]), twice(Ok(Some("abc".to_owned()))));
        assert_eq!(told(&["bearer  abc "]), twice(Ok(Some("abc".to_owned()))));
        // "a:b" and ":b:c": a password for calendars alone, and only to read.
        assert_eq!(told(&["Basic YTpi"]), (Ok(None), Ok(Some("b".to_owned()))));
        assert_eq!(told(&["basic OmI6Yw=="]), (Ok(None), Ok(Some("b:c".to_owned()))));
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "Basic YTpi".parse().unwrap());
        assert_eq!(shown(&Method::POST, FEED, &headers).unwrap(), None);
        assert_eq!(shown_by_sender(&headers), None);
        headers.insert(header::AUTHORIZATION, "bearer abc".parse().unwrap());
        assert_eq!(shown_by_sender(&headers).as_deref(), Some("abc"));
        for wrong in [&["abc"][..], &["Bearer a", "Bearer b"], &["Bearer"]] {
            assert_eq!(told(wrong), twice(Err(401)), "{wrong:?}");
        }
        for wrong in ["Basic YQ==", "Basic !", "Basic YTr/"] {
            assert_eq!(told(&[wrong]), (Ok(None), Err(401)), "{wrong:?}");
        }
    }
}
