//! `GET /act`, `POST /act`: what staff order at the page: a test, a message, a radio check, a silence, a drill. From forms of this page
//! alone; one order at a time, and what became of the last.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;

use super::super::acts::{Choices, Line, Ordered};
use super::super::cookies;
use super::super::door::Caller;
use super::super::frame::{Frame, Renewed, answer};
use super::super::given;
use super::super::problem::Problem;
use super::super::sign_in::{asking, field, onward, spoken};
use super::super::site::Site;
use super::super::telling::clock;
use super::super::under_way;
use super::super::words::words;
use crate::domain::{Component, Lang, Scope};

/// How long an answer waits for an order's end, so that what is done at once is told at once.
const AT_ONCE: Duration = Duration::from_secs(2);

/// How often a page is fetched anew on which an order is under way, s.
const SOON: u32 = 2;

/// What was ordered last. Has no `Debug`: what is debugged ends in a log.
pub(in super::super) struct Last {
    at: Timestamp,
    what: String,
    /// None while it is under way.
    said: Option<Vec<Line>>,
}

#[derive(Template)]
#[template(path = "act.html")]
struct Page {
    frame: Frame,
    /// What was wrong with what was sent.
    message: Option<&'static str>,
    last: Option<Told>,
    /// What is being done now, while an order is under way.
    under_way: Vec<under_way::Line>,
    /// The forms, for those who may; not while an order is under way.
    forms: Option<Forms>,
    sign_out: Option<String>,
}

struct Told {
    what: String,
    at: String,
    under_way: bool,
    lines: Vec<Line>,
}

struct Forms {
    key: String,
    name: String,
    choices: Choices,
    components: Vec<(&'static str, &'static str)>,
    silences: Vec<(String, String)>,
}

/// The forms, and what became of the last order; for those who have come in by a token for acting.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/act", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The page.", body = String, content_type = "text/html"),
    (status = 401, description = "Nobody has come in; the form to do so.", body = String, content_type = "text/html"),
))]
pub(in super::super) async fn page(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let lang = spoken(&site, request.uri(), request.headers())?;
    shown(&site, &caller, lang, None)
}

/// Orders something. A test goes on for minutes; the page tells how it goes.
///
/// # Errors
/// A form that is not understood.
#[utoipa::path(post, path = "/act", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 303, description = "It is ordered; back to the page, which says what became of it."),
    (status = 400, description = "What is ordered is not understood; the page again.", body = String, content_type = "text/html"),
    (status = 401, description = "Nobody has come in; the form to do so.", body = String, content_type = "text/html"),
    (status = 403, description = "A page of somebody else's asked, or a token that is not for acting.", body = String, content_type = "text/html"),
    (status = 409, description = "Another order is under way.", body = String, content_type = "text/html"),
    (status = 415, description = "No form was sent.", body = Problem, content_type = "application/problem+json"),
))]
pub(in super::super) async fn order(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let lang = spoken(&site, request.uri(), request.headers())?;
    let elsewhere = cookies::is_from_elsewhere(request.headers());
    let fields = given::form(request).await?;
    let again = |status, message| shown(&site, &caller, lang, Some((status, message)));
    if let Some((status, message)) = caller.turned_away(elsewhere, field(&fields, "key"), lang) {
        return again(status, message);
    }
    let Some((ordered, what)) = ordered(&fields, &site.state.acts.choices(lang), lang) else {
        return again(
            StatusCode::BAD_REQUEST,
            pick(lang, "Isian belum lengkap atau tidak dimengerti.", "The form is not complete, or not understood."),
        );
    };
    let Ok(who) = caller.actor_at_the_page(&site, action(&ordered), &what).await else {
        return again(StatusCode::FORBIDDEN, words(lang).not_for_acting);
    };
    {
        let mut last = site.state.staff.ordered.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(|last| last.said.is_none()) {
            drop(last);
            return again(
                StatusCode::CONFLICT,
                pick(lang, "Perintah lain masih berjalan.", "Another order is under way."),
            );
        }
        *last = Some(Last { at: site.now().wall, what, said: None });
    }
    let carrying = {
        let site = Arc::clone(&site);
        // Of its own: whoever closes the page does not end the test.
        tokio::spawn(async move {
            let ended = Ended(&site, lang);
            let lines = site.state.acts.carry_out(who, ordered, lang).await;
            ended.say(lines);
        })
    };
    _ = tokio::time::timeout(AT_ONCE, carrying).await;
    Ok(onward("/act", lang))
}

/// Sees to it that an order has an end, whatever it meets.
struct Ended<'a>(&'a Site, Lang);

impl Ended<'_> {
    fn say(&self, lines: Vec<Line>) {
        let mut last = self.0.state.staff.ordered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_mut().filter(|last| last.said.is_none()) {
            last.said = Some(lines);
        }
    }
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let text =
            pick(self.1, "terhenti di tengah jalan; lihat log", "it ended in its middle; see the log").to_owned();
        self.say(vec![Line { well: false, text, detail: None }]);
    }
}

fn shown(
    site: &Site,
    caller: &Caller,
    lang: Lang,
    wrong: Option<(StatusCode, &'static str)>,
) -> Result<Response, Problem> {
    let (Some(said), Some(name)) = (caller.cookie(), caller.name()) else {
        return asking(
            site,
            caller.reads_unknown(site),
            "/act",
            wrong.map(|(_, message)| message),
            lang,
            StatusCode::UNAUTHORIZED,
        );
    };
    let may = caller.may(Scope::Operate);
    let last = {
        let last = site.state.staff.ordered.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|_| may).map(|last| Told {
            what: last.what.clone(),
            at: clock(site, lang, last.at),
            under_way: last.said.is_none(),
            lines: last.said.clone().unwrap_or_default(),
        })
    };
    let under_way = last.as_ref().is_some_and(|last| last.under_way);
    let renewed = if under_way { Renewed::Every(SOON) } else { Renewed::AtChanges };
    let key = cookies::form_key(said);
    let silences = || {
        let now = site.now().wall;
        let handling = site.state.handling.borrow();
        let holding = handling.silences.iter().filter(|silence| silence.until > now);
        let told = holding.map(|silence| {
            let what = silence.component.map_or(pick(lang, "semua", "all"), |component| component.title(lang));
            let text = format!(
                "{what}, {} {}: {}",
                pick(lang, "sampai", "until"),
                clock(site, lang, silence.until),
                silence.reason
            );
            (silence.id.to_string(), text)
        });
        told.collect()
    };
    let page = Page {
        frame: Frame::new(site, "/act", lang, renewed),
        message: wrong.map(|(_, message)| message).or((!may).then_some(words(lang).not_for_acting)),
        last,
        under_way: if may && under_way { under_way::under_way(site, lang, true) } else { Vec::new() },
        forms: (may && !under_way).then(|| Forms {
            key: key.clone(),
            name: name.to_owned(),
            choices: site.state.acts.choices(lang),
            components: Component::ALL.map(|component| (component.as_str(), component.title(lang))).to_vec(),
            silences: silences(),
        }),
        sign_out: Some(key),
    };
    answer(&page, wrong.map_or(StatusCode::OK, |(status, _)| status), lang)
}

const fn pick(lang: Lang, id: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Id => id,
        Lang::En => en,
    }
}

/// As the audit calls it.
const fn action(ordered: &Ordered) -> &'static str {
    match ordered {
        Ordered::Test(_) => "test",
        Ordered::Silence { .. } => "silence",
        Ordered::EndSilence(_) => "end_silence",
        Ordered::Drill(..) => "drill",
        Ordered::EndDrill => "end_drill",
        Ordered::Message(_) => "test_alert",
        Ordered::Heard(_) => "radio_check",
    }
}

/// What a form orders, and the same in words; nothing where it is none of ours, or not filled in.
pub(in super::super) fn ordered(
    fields: &[(String, String)],
    choices: &Choices,
    lang: Lang,
) -> Option<(Ordered, String)> {
    let text = |name: &str| Some(field(fields, name).trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    let minutes = || field(fields, "minutes").trim().parse::<u32>().ok().map(|minutes| u64::from(minutes) * 60);
    Some(match field(fields, "order") {
        "test" => {
            let check = text("check")?;
            let what = format!("{} {check}", pick(lang, "uji", "test of"));
            (Ordered::Test(check), what)
        }
        "message" => {
            let receiver = text("receiver")?;
            let what = format!("{} {receiver}", pick(lang, "pesan uji ke", "test message to"));
            (Ordered::Message(receiver), what)
        }
        // Who heard it stands in the audit alone.
        "heard" => (Ordered::Heard(given::name(&text("by")?)?), pick(lang, "uji suara HT", "radio check").to_owned()),
        "silence" => {
            let component = match field(fields, "component") {
                "" => None,
                word => Some(Component::ALL.into_iter().find(|component| component.as_str() == word)?),
            };
            let title = component.map_or(pick(lang, "semua", "all"), |component| component.title(lang));
            let what = format!("{} {title}", pick(lang, "membisukan", "silence for"));
            (Ordered::Silence { component, seconds: minutes()?, reason: text("reason")? }, what)
        }
        "end_silence" => {
            (Ordered::EndSilence(text("id")?), pick(lang, "akhiri pembisuan", "end of a silence").to_owned())
        }
        "drill" => {
            let scene = text("scene")?;
            let title = choices.scenes.iter().find(|(name, _)| *name == scene).map_or(&*scene, |(_, title)| *title);
            let what = format!("{}: {title}", pick(lang, "latihan", "drill"));
            (Ordered::Drill(scene, minutes()?), what)
        }
        "end_drill" => (Ordered::EndDrill, pick(lang, "akhiri latihan", "end of the drill").to_owned()),
        _ => return None,
    })
}
