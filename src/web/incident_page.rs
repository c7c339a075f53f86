//! `GET /incidents/{id}`: one incident for people, with the button "diterima lewat HT". Its script never touches a form in which somebody writes.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;

use crate::domain::handling::Practised;
use crate::domain::{Component, Handled, Incident, Lang, Scope, Story, Verdict};

use super::acts::{Acknowledgement, Acts, Declined, How, seen_to_since, to_its_end};
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
use super::under_way;
use super::words::words;

/// A page with a form on it.
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
    /// What they come in for.
    pub(super) sign_in_for: &'static str,
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
    pub(super) fn new(title: String, verdict: Verdict, frame: Frame) -> Self {
        let lang = frame.lang;
        Self {
            frame,
            title,
            state: verdict.as_str(),
            message: None,
            lines: Vec::new(),
            acknowledgements: Vec::new(),
            story: Vec::new(),
            note: None,
            sign_out: None,
            sign_in: None,
            sign_in_for: words(lang).sign_in_first,
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

/// One incident for people, with its time line; for those who have come in by a token for acting, who sees to it, and of one that is open
/// the form to note that somebody said so by radio. A drill's too, while it is under way.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/incidents/{id}", params(
    ("id" = String, Path, description = "The incident's id."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The page.", body = String, content_type = "text/html"),
    (status = 404, description = "There is no such incident, or no more.", body = String, content_type = "text/html"),
    (status = 503, description = "It is not open, and the history cannot be read now.", body = String, content_type = "text/html"),
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
    let (incident, how) = (id.clone(), How { radio: true, by: Some(by) });
    let order = move |acts: Arc<dyn Acts>| async move { acts.acknowledge(who, incident, how, lang).await };
    match to_its_end(&site.state.acts, order).await {
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
        // What was refused stands at an address that is not read. Whom word has reached is no part of how the room looks.
        let renewed = if wrong.is_some() { Renewed::Never } else { Renewed::Every(10) };
        let frame = Frame::new(site, &format!("/incidents/{id}"), lang, renewed);
        let rendered = site.rendered();
        let drill = site.state.handling.borrow().drill.clone().filter(|drill| drill.incident.id == id);
        let open = rendered.believed.incidents.iter().find(|incident| incident.id == id);
        // Of a drill nothing is kept.
        let remembered = if drill.is_some() { Some(None) } else { pages::in_time(site.state.history.story(id)).await };
        let Some(incident) = open.or(drill.as_ref().map(|drill| &drill.incident)) else {
            return self.over(frame, remembered.is_some(), remembered.flatten()).await;
        };
        let title = Component::title(incident.component, lang);
        let title = if drill.is_some() { format!("{}{title}", words.drill) } else { title.to_owned() };
        let mut sheet = Sheet::new(title, incident.verdict, frame);
        sheet.lines = drill.iter().map(|drill| practised(site, drill, lang)).collect();
        sheet.lines.extend(lines(site, incident, lang));
        let handled = site.state.handling.borrow().of(id);
        sheet.story = remembered.flatten().map(|story| told(site, &story, handled, lang)).unwrap_or_default();
        sheet.message = wrong.map(|(_, message)| message);
        sheet.sign_out = caller.cookie().map(cookies::form_key);
        if caller.may(Scope::Operate) {
            sheet.acknowledgements = self.lines(&self.acknowledgements().await);
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

    /// Who sees to it, oldest first: good to know here, and where it cannot be read no reason to withhold the form.
    async fn acknowledgements(&self) -> Vec<Acknowledgement> {
        let asked = self.site.state.acts.acknowledged(vec![self.id.to_owned()]);
        let told = tokio::time::timeout(HISTORY_DEADLINE, asked).await;
        told.ok().and_then(Result::ok).and_then(|mut told| told.remove(self.id)).unwrap_or_default()
    }

    /// The same, a line each.
    fn lines(&self, acknowledgements: &[Acknowledgement]) -> Vec<String> {
        let line =
            |one: &Acknowledgement| format!("{}: {}", clock(self.site, self.lang, one.at), seen_by(one, self.lang));
        acknowledgements.iter().map(line).collect()
    }

    /// One that is over, if it is remembered; else why there is nothing to show. `read` says whether the history could be.
    async fn over(&self, frame: Frame, read: bool, story: Option<Story>) -> Result<Response, Problem> {
        let Self { site, caller, id, lang } = *self;
        let words = words(lang);
        let (status, why) = match story {
            Some(story) if story.incident.closed_at.is_some() => {
                let incident = &story.incident;
                let title = format!("{}: {}", Component::title(incident.component, lang), words.over);
                let mut sheet = Sheet::new(title, Verdict::Ready, frame);
                let seen = self.acknowledgements().await;
                // Whom it was passed on to then is not kept apart: it is among those who were told.
                let handled = Handled { acknowledged_at: seen_to_since(&seen), escalated_at: None };
                sheet.lines = incident.reasons.iter().map(|reason| reason.message(lang)).collect();
                sheet.story = told(site, &story, handled, lang);
                sheet.acknowledgements = if caller.may(Scope::Operate) { self.lines(&seen) } else { Vec::new() };
                sheet.sign_out = caller.cookie().map(cookies::form_key);
                return sheet.answer(StatusCode::OK, lang);
            }
            // It has ended in this moment.
            Some(_) => (StatusCode::NOT_FOUND, words.over),
            None if !read => (StatusCode::SERVICE_UNAVAILABLE, words.no_history),
            None if id.starts_with(Incident::DRILL) => (StatusCode::NOT_FOUND, words.no_drill),
            None => (StatusCode::NOT_FOUND, words.no_incident),
        };
        Sheet::new(why.to_owned(), Verdict::Unknown, frame.at_page("/incidents")).answer(status, lang)
    }
}

/// Who sees to it, and who wrote that down where it was another.
fn seen_by(one: &Acknowledgement, lang: Lang) -> String {
    let pick = |id, en| if lang == Lang::Id { id } else { en };
    let who = one.said_by.as_ref().unwrap_or(&one.by);
    let radio = if one.radio { pick(" lewat HT", " by radio") } else { "" };
    let writer = one.said_by.as_ref().filter(|said| **said != one.by).map(|_| &one.by);
    let writer = writer.map(|by| format!(" ({} {by})", pick("dicatat oleh", "written down by"))).unwrap_or_default();
    format!("{who}{radio}{writer}")
}

/// That it is a drill, of what and until when.
fn practised(site: &Site, drill: &Practised, lang: Lang) -> String {
    let (scene, until) = (under_way::scene(site, drill, lang), clock(site, lang, drill.until));
    match lang {
        Lang::Id => format!(
            "Ini latihan: {scene}. Keadaan ruangan yang sebenarnya tidak berubah. Berakhir paling lambat {until}."
        ),
        Lang::En => format!(
            "This is a drill: {scene}. The room's real state does not change. It ends at {until} at the latest."
        ),
    }
}

/// What happened from its beginning on, oldest first.
fn told(site: &Site, story: &Story, handled: Handled, lang: Lang) -> Vec<String> {
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
    all.extend(handled.acknowledged_at.map(|at| (at, pick("ada yang menerima", "somebody sees to it").to_owned())));
    all.extend(handled.escalated_at.map(|at| (at, pick("diteruskan", "told to the next receiver").to_owned())));
    let over = if story.incident.is_not_needed() {
        pick("tidak diperlukan lagi", "not needed any more")
    } else {
        pick("gangguan selesai", "it is over")
    };
    all.extend(story.incident.closed_at.map(|at| (at, over.to_owned())));
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
