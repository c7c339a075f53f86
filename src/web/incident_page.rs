//! `GET /incidents/{id}`: one incident for people, with the button "diterima lewat HT". Its script never touches a form in which somebody writes.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;

use crate::domain::{Component, Incident, Lang, Scope, Story, Verdict};

use super::acts::{Acknowledgement, Declined, How};
use super::cookies;
use super::door::Caller;
use super::frame::{Frame, Renewed, answer};
use super::given;
use super::lists::HISTORY_DEADLINE;
use super::pages;
use super::problem::{CHALLENGE, Problem};
use super::sign_in::{field, onward, spoken};
use super::site::Site;
use super::telling::{clock, on_the_clock};
use super::words::words;

/// A page with a form on it; unlike the room's page it does not load itself anew, because somebody writes there.
#[derive(Template)]
#[template(path = "incident.html")]
pub(super) struct Sheet {
    frame: Frame,
    title: String,
    state: &'static str,
    /// What was wrong with what was sent.
    pub(super) message: Option<&'static str>,
    lines: Vec<String>,
    acknowledgements: Vec<String>,
    /// What happened, oldest first.
    story: Vec<String>,
    note: Option<Note>,
    /// What the form to go has in it.
    sign_out: Option<String>,
    /// Where somebody goes on who comes in.
    pub(super) sign_in: Option<String>,
}

/// The form that notes who said that they see to it.
struct Note {
    key: String,
    /// Who said so, as it was written before.
    by: String,
    /// Who writes it down.
    name: String,
}

impl Sheet {
    pub(super) fn new(site: &Site, title: String, verdict: Verdict, here: &str, lang: Lang) -> Self {
        // Where somebody comes in nothing is said of the room.
        let renewed = if here == "/login" { Renewed::Never } else { Renewed::AtChanges };
        Self {
            frame: Frame::new(site, here, lang, renewed),
            title,
            state: verdict.as_str(),
            message: None,
            lines: Vec::new(),
            acknowledgements: Vec::new(),
            story: Vec::new(),
            note: None,
            sign_out: None,
            sign_in: None,
        }
    }

    pub(super) fn answer(&self, status: StatusCode, lang: Lang) -> Result<Response, Problem> {
        let mut response = answer(self, status, lang)?;
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        Ok(response)
    }
}

/// One incident for people, with its time line; of one that is open, for those who have come in by a token for acting, who sees to it, and the form to note
/// that somebody said so by radio.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/incidents/{id}", params(
    ("id" = String, Path, description = "The incident's id."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The page.", body = String, content_type = "text/html"),
    (status = 404, description = "There is no such incident, or no more.", body = String, content_type = "text/html"),
))]
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let lang = spoken(&site, request.uri(), request.headers())?;
    Shown { site: &site, caller: &caller, id: &id, lang }.answer(None, "").await
}

/// Notes that somebody said by radio that they see to it. From a form of this page alone.
///
/// # Errors
/// A form that is not understood.
#[utoipa::path(post, path = "/incidents/{id}/ack", params(
    ("id" = String, Path, description = "The incident's id."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 303, description = "It is noted; back to the incident."),
    (status = 400, description = "Who said so is missing; the form again.", body = String, content_type = "text/html"),
    (status = 401, description = "Nobody has come in; the form to do so.", body = String, content_type = "text/html"),
    (status = 403, description = "A page of somebody else's asked, or a token that is not for acting.", body = String, content_type = "text/html"),
    (status = 404, description = "No such incident is open.", body = String, content_type = "text/html"),
    (status = 415, description = "No form was sent.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot be written down now, or holds and is not on the disk yet; the page says which.", body = String, content_type = "text/html"),
))]
pub(super) async fn note(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let lang = spoken(&site, request.uri(), request.headers())?;
    let words = words(lang);
    let elsewhere = cookies::is_from_elsewhere(request.headers());
    let fields = given::form(request).await?;
    let shown = Shown { site: &site, caller: &caller, id: &id, lang };
    if let Some((status, message)) = caller.turned_away(elsewhere, field(&fields, "key"), lang) {
        return shown.again(status, message, "").await;
    }
    let given = field(&fields, "by");
    let Ok(who) = caller.actor_at_the_page(&site, "acknowledge", &id).await else {
        return shown.again(StatusCode::FORBIDDEN, words.not_for_acting, "").await;
    };
    let Some(by) = given::name(given) else {
        return shown.again(StatusCode::BAD_REQUEST, words.say_who, given).await;
    };
    match site.state.acts.acknowledge(who, id.clone(), How { radio: true, by: Some(by) }, lang).await {
        Ok(()) => Ok(onward(&format!("/incidents/{id}"), lang)),
        Err(Declined::NotThere { .. }) => shown.again(StatusCode::NOT_FOUND, words.over, "").await,
        Err(Declined::Wrong(_)) => shown.again(StatusCode::BAD_REQUEST, words.say_who, given).await,
        Err(Declined::Unable(_)) => shown.again(StatusCode::SERVICE_UNAVAILABLE, words.cannot_now, given).await,
        Err(Declined::NotKept(_)) => shown.again(StatusCode::SERVICE_UNAVAILABLE, words.not_kept, given).await,
    }
}

/// What a page is made of.
struct Shown<'a> {
    site: &'a Site,
    caller: &'a Caller,
    id: &'a str,
    lang: Lang,
}

impl Shown<'_> {
    /// The page once more, with what was wrong with what was sent.
    async fn again(&self, status: StatusCode, message: &'static str, by: &str) -> Result<Response, Problem> {
        self.answer(Some((status, message)), by).await
    }

    async fn answer(&self, wrong: Option<(StatusCode, &'static str)>, by: &str) -> Result<Response, Problem> {
        let Self { site, caller, id, lang } = *self;
        let words = words(lang);
        let frame = Frame::new(site, &format!("/incidents/{id}"), lang, Renewed::AtChanges);
        let rendered = site.rendered();
        let story = pages::in_time(site.state.history.story(id)).await.flatten();
        let Some(incident) = rendered.believed.incidents.iter().find(|incident| incident.id == id) else {
            return over(site, story.as_ref(), lang);
        };
        let title = Component::title(incident.component, lang);
        let mut sheet = Sheet::new(site, title.to_owned(), incident.verdict, &format!("/incidents/{id}"), lang);
        sheet.frame = frame;
        sheet.lines = lines(site, incident, lang);
        sheet.story = story.map(|story| told(site, &story, lang)).unwrap_or_default();
        sheet.message = wrong.map(|(_, message)| message);
        sheet.sign_out = caller.cookie().map(cookies::form_key);
        if caller.may(Scope::Operate) {
            sheet.acknowledgements = self.acknowledgements().await;
            if let (Some(said), Some(name)) = (caller.cookie(), caller.name()) {
                sheet.note = Some(Note { key: cookies::form_key(said), by: by.to_owned(), name: name.to_owned() });
            }
        } else if caller.cookie().is_none() {
            sheet.sign_in = Some(format!("/incidents/{id}"));
        } else if wrong.is_none() {
            sheet.message = Some(words.not_for_acting);
        }
        sheet.answer(wrong.map_or(StatusCode::OK, |(status, _)| status), lang)
    }

    /// Who sees to it, a line each: good to know here, and where it cannot be read no reason to withhold the form.
    async fn acknowledgements(&self) -> Vec<String> {
        let asked = self.site.state.acts.acknowledged(vec![self.id.to_owned()]);
        let told = tokio::time::timeout(HISTORY_DEADLINE, asked).await;
        let told = told.ok().and_then(Result::ok).and_then(|mut told| told.remove(self.id)).unwrap_or_default();
        let line = |one: &Acknowledgement| {
            format!("{}: {} {}", clock(self.site, self.lang, one.at), one.by, one.how).trim_end().to_owned()
        };
        told.iter().map(line).collect()
    }
}

/// One that is over, if it is remembered.
fn over(site: &Site, story: Option<&Story>, lang: Lang) -> Result<Response, Problem> {
    let Some(story) = story.filter(|story| story.incident.closed_at.is_some()) else {
        let sheet = Sheet::new(site, words(lang).over.to_owned(), Verdict::Unknown, "/", lang);
        return sheet.answer(StatusCode::NOT_FOUND, lang);
    };
    let incident = &story.incident;
    let title = format!("{}: {}", Component::title(incident.component, lang), words(lang).over);
    let mut sheet = Sheet::new(site, title, Verdict::Ready, &format!("/incidents/{}", incident.id), lang);
    sheet.lines = incident.reasons.iter().map(|reason| reason.message(lang)).collect();
    sheet.story = told(site, story, lang);
    sheet.answer(StatusCode::OK, lang)
}

/// What happened from its beginning on, oldest first.
fn told(site: &Site, story: &Story, lang: Lang) -> Vec<String> {
    let pick = |id, en| if lang == Lang::Id { id } else { en };
    let mut all = vec![(story.incident.opened_at, pick("gangguan mulai", "it began").to_owned())];
    let codes =
        |codes: &[&'static str]| if codes.is_empty() { String::new() } else { format!(" ({})", codes.join(", ")) };
    all.extend(story.changes.iter().map(|change| {
        (change.at, format!("{} → {}{}", change.from.title(lang), change.to.title(lang), codes(&change.codes)))
    }));
    all.extend(story.told.iter().map(|told| {
        (
            told.at,
            format!(
                "{} {}: {}",
                pick("kabar untuk", "word for"),
                told.receiver,
                pages::radio::became(site, told, lang)
            ),
        )
    }));
    let handled = site.state.handling.borrow().of(&story.incident.id);
    all.extend(handled.acknowledged_at.map(|at| (at, pick("ada yang menerima", "somebody sees to it").to_owned())));
    all.extend(handled.escalated_at.map(|at| (at, pick("diteruskan", "told to the next receiver").to_owned())));
    all.extend(story.incident.closed_at.map(|at| (at, pick("gangguan selesai", "it is over").to_owned())));
    // Of the same moment in the order of cause and effect.
    all.sort_by_key(|(at, _)| *at);
    all.into_iter()
        .map(|(at, what)| format!("{}: {what}", on_the_clock(&site.voice(), site.now().wall, lang, at, true)))
        .collect()
}

/// What there is to say of an incident, a line each.
fn lines(site: &Site, incident: &Incident, lang: Lang) -> Vec<String> {
    let (words, voice) = (words(lang), site.voice());
    let mut lines = vec![format!("{} {}", words.since, clock(site, lang, incident.opened_at))];
    for reason in incident.reasons.iter().filter(|reason| reason.verdict != Verdict::Ready) {
        lines.push(reason.message(lang));
        lines.push(format!("{}: {}", words.to_do, voice.remedy(reason, lang)));
    }
    lines.push(handled(site, incident, lang));
    lines
}

/// What is done about an incident, in a few words.
pub(super) fn handled(site: &Site, incident: &Incident, lang: Lang) -> String {
    let (words, handling) = (words(lang), site.state.handling.borrow().clone());
    let handled = handling.of(&incident.id);
    let mut said = match handled.acknowledged_at {
        Some(at) => format!("{} {}", words.seen_to, clock(site, lang, at)),
        None => words.not_seen_to.to_owned(),
    };
    if let Some(at) = handled.escalated_at {
        said = format!("{said}; {} {}", words.escalated, clock(site, lang, at));
    }
    if handling.is_silenced(incident.component, site.now().wall) {
        said = format!("{said}; {}", words.silenced);
    }
    said
}
