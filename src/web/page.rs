//! `GET /`: the page that the staff of the media center look at. No script; it loads itself anew.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use crate::domain::snapshot::{ComponentView, ProfileView};
use crate::domain::{Component, Incident, Lang, Now, Reason, Requirement, Snapshot, Unit, Verdict};
use crate::engine::slot::Question;

use super::problem::Problem;
use super::query::{Query, once};
use super::readiness::in_lang;
use super::site::Site;
use super::words::{Words, words};
use super::{Voice, incident_page, lang};

#[derive(Template)]
#[template(path = "room.html")]
struct Page<'a> {
    words: &'static Words,
    lang: &'static str,
    other_lang: &'static str,
    room: &'a str,
    profile: &'a str,
    /// What keeps the profile asked for in the link to the other language.
    kept: String,
    state: &'static str,
    mark: &'static str,
    sentence: String,
    at: String,
    in_use: bool,
    /// Whether what is seen and done reaches the disk.
    kept_on_disk: bool,
    /// Somebody's word on the meeting that is held or prepared for, while it holds.
    overridden: Option<String>,
    banner: Vec<Notice>,
    reasons: Vec<Told>,
    incidents: Vec<Open>,
    components: Vec<Part>,
}

/// What the room itself is told, on its banner.
struct Notice {
    /// Empty where it is only practised: a drill is no incident of the history.
    id: String,
    state: &'static str,
    mark: &'static str,
    /// What begins it where it is only practised.
    drill: &'static str,
    title: &'static str,
    word: &'static str,
    message: Option<String>,
    since: String,
    remedy: Option<String>,
}

/// An incident that is open, on the page.
struct Open {
    id: String,
    title: &'static str,
    since: String,
    handled: String,
    seen_to: bool,
}

/// A component on the page.
struct Part {
    title: &'static str,
    state: &'static str,
    mark: &'static str,
    word: &'static str,
    since: String,
    advisory: bool,
    absent: bool,
    /// No check is configured for it, and nothing else is to be said of it.
    unwatched: bool,
    reasons: Vec<Told>,
    checks: Vec<Row>,
    /// What else is known of the internet: its uplinks and their budgets, the delay under load; a sentence each.
    lines: Vec<String>,
}

/// A reason on the page.
struct Told {
    message: String,
    detail: Option<String>,
    /// What to do; none for a note.
    remedy: Option<String>,
    since: String,
    /// Whose failure explains it.
    because: Option<String>,
}

impl Told {
    /// Whether both say the same, whenever each began.
    fn says(&self, other: &Self) -> bool {
        let said = |told: &Self| (told.message.clone(), told.detail.clone(), told.remedy.clone(), told.because.clone());
        said(self) == said(other)
    }
}

/// A check on the page.
struct Row {
    name: String,
    uplink: Option<String>,
    state: &'static str,
    mark: &'static str,
    word: &'static str,
    age: String,
    advisory: bool,
    pending: Option<&'static str>,
    held: bool,
}

/// The page.
///
/// # Errors
/// A query that is not understood, an unknown profile.
#[utoipa::path(get, path = "/", params(
    ("profile" = Option<String>, Query, description = "The kind of meeting; the one in force if not given."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses((status = 200, description = "The room for people.", body = String, content_type = "text/html")))]
pub(super) async fn page(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let query = Query::read(&uri, &[once("profile"), once("lang")])?;
    let voice = site.voice();
    let lang = lang::choose(&query, &headers, voice.lang)?;
    let rendered = site.rendered();
    let (snapshot, now) = (&rendered.believed, site.now());
    let question = Question::new(snapshot, query.get("profile"), None, None, now)?;
    let view = &snapshot.profiles[question.profile()];
    let teller = Teller { snapshot, view, lang, voice: &voice, now };
    let kept = if query.get("profile").is_some() { view.profile.name.to_string() } else { String::new() };
    let incidents = rendered.believed.incidents.iter().map(|incident| Open {
        id: incident.id.clone(),
        title: Component::title(incident.component, lang),
        since: clock(&site, lang, incident.opened_at),
        handled: incident_page::handled(&site, incident, lang),
        seen_to: site.state.handling.borrow().of(&incident.id).acknowledged_at.is_some(),
    });
    let incidents = incidents.collect();
    let banner = site.state.handling.borrow().banner.iter().map(|incident| teller.notice(incident)).collect();
    let overridden = super::sheet::overridden_now(&site, lang);
    let page =
        Page { banner, kept_on_disk: site.state.own.now().store.healthy, overridden, ..teller.page(kept, incidents) };
    let html = page.render().map_err(|error| Problem::internal(error.to_string()))?;
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    Ok((StatusCode::OK, in_lang(lang), kind, html).into_response())
}

/// The room in one sentence: the verdict, and the reason that explains it.
pub(super) fn sentence(snapshot: &Snapshot, view: &ProfileView, lang: Lang) -> String {
    let title = view.verdict.title(lang);
    match main_reason(snapshot, view) {
        _ if view.verdict == Verdict::Ready => format!("{title}: {}", words(lang).all_well),
        Some(reason) => format!("{title}: {}", within(&reason.message(lang))),
        None => title.to_owned(),
    }
}

/// The reason that explains the room's verdict: the room's own, else the root cause's, else the worst component's.
fn main_reason<'a>(snapshot: &Snapshot, view: &'a ProfileView) -> Option<&'a Reason> {
    let caused = || {
        let cause = view.root_cause.as_ref()?;
        let at = snapshot.checks.iter().position(|check| check.spec.name == *cause)?;
        view.checks[at].reasons.iter().find(|reason| reason.verdict != Verdict::Ready)
    };
    let worst = || {
        let counted = view.components.iter().filter(|view| view.requirement == Requirement::Required && !view.absent);
        let worst = counted.filter(|component| component.verdict == view.verdict);
        worst.flat_map(|component| reasons_of(view, component)).find(|reason| reason.verdict == view.verdict)
    };
    // The cause may be of another component than the worst (a dead camera beside a slow line): it goes first only where it
    // is as bad as what it explains.
    let caused = caused().filter(|reason| reason.verdict == view.verdict);
    view.reasons.first().or(caused).or_else(worst)
}

/// A component's reasons: its own, then its checks'.
fn reasons_of<'a>(view: &'a ProfileView, component: &'a ComponentView) -> impl Iterator<Item = &'a Reason> {
    component.reasons.iter().chain(component.checks.iter().flat_map(|at| &view.checks[*at].reasons))
}

/// A message within a sentence: its first letter small, unless it begins with an abbreviation.
fn within(message: &str) -> String {
    let mut letters = message.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => message.to_owned(),
    }
}

struct Teller<'a> {
    snapshot: &'a Snapshot,
    view: &'a ProfileView,
    lang: Lang,
    voice: &'a Voice,
    now: Now,
}

impl<'a> Teller<'a> {
    fn page(&self, kept: String, incidents: Vec<Open>) -> Page<'a> {
        let other = if self.lang == Lang::Id { Lang::En } else { Lang::Id };
        Page {
            words: words(self.lang),
            lang: self.lang.as_str(),
            other_lang: other.as_str(),
            room: &self.voice.title,
            profile: self.view.profile.title(self.lang),
            kept,
            state: self.view.verdict.as_str(),
            mark: mark(self.view.verdict),
            sentence: sentence(self.snapshot, self.view, self.lang),
            at: self.clock(self.snapshot.at.wall, true),
            in_use: self.snapshot.in_use,
            kept_on_disk: true,
            overridden: None,
            banner: Vec::new(),
            reasons: self.view.reasons.iter().map(|reason| self.told(reason)).collect(),
            incidents,
            components: self.view.components.iter().map(|component| self.part(component)).collect(),
        }
    }

    fn notice(&self, incident: &Incident) -> Notice {
        let drill = incident.is_drill();
        let reason = incident.reasons.iter().find(|reason| reason.verdict != Verdict::Ready);
        Notice {
            id: if drill { String::new() } else { incident.id.clone() },
            state: incident.verdict.as_str(),
            mark: mark(incident.verdict),
            drill: if drill { words(self.lang).drill } else { "" },
            title: incident.component.title(self.lang),
            word: incident.verdict.title(self.lang),
            message: reason.map(|reason| reason.message(self.lang)),
            since: self.clock(incident.opened_at, false),
            remedy: reason.map(|reason| self.voice.remedy(reason, self.lang)),
        }
    }

    fn part(&self, component: &ComponentView) -> Part {
        // What several checks find in the same words is said once.
        let mut reasons: Vec<Told> = Vec::new();
        for told in reasons_of(self.view, component).map(|reason| self.told(reason)) {
            if !reasons.iter().any(|known| known.says(&told)) {
                reasons.push(told);
            }
        }
        Part {
            title: Component::title(component.component, self.lang),
            state: component.verdict.as_str(),
            mark: mark(component.verdict),
            word: component.verdict.title(self.lang),
            since: self.clock(component.since, false),
            advisory: component.requirement == Requirement::Advisory,
            absent: component.absent,
            unwatched: component.checks.is_empty() && reasons.is_empty() && !component.absent,
            reasons,
            checks: component.checks.iter().map(|at| self.row(*at)).collect(),
            lines: if component.component == Component::Internet {
                self.uplinks().into_iter().chain(self.under_load()).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// Each uplink, and what tests by it have taken today of what they may.
    fn uplinks(&self) -> Vec<String> {
        let words = words(self.lang);
        let bytes = |value| crate::domain::reason::number(value, Unit::Bytes, self.lang);
        let all = self.snapshot.uplinks().into_iter().map(|(uplink, used)| {
            let kind = if uplink.backup.is_some() { words.backup } else { words.line };
            #[allow(clippy::cast_precision_loss, reason = "exact for nine thousand terabytes")]
            let budget = uplink.daily_budget.map(|budget| format!(" {} {}", words.of, bytes(budget.0 as f64)));
            format!("{kind} {}: {} {}{}", uplink.name, words.used_today, bytes(used), budget.unwrap_or_default())
        });
        all.collect()
    }

    /// Round trips a minute while a test fills the line, with their confidence (draft-ietf-ippm-responsiveness), of each check
    /// that has measured them and is not too old.
    fn under_load(&self) -> Vec<String> {
        let words = words(self.lang);
        let fresh = self.snapshot.checks.iter().filter(|check| !check.stale);
        let all = fresh.filter_map(|check| {
            let measured = &check.last.as_ref()?.reading.measurements;
            let ways = [("down", words.down), ("up", words.up)].into_iter().filter_map(|(way, word)| {
                let of = |ending: &'static str| measured.iter().filter(move |one| one.quantity.name.ends_with(ending));
                let rate = of("_round_trips_per_minute").find(|one| one.part.as_deref() == Some(way))?.value;
                let confidence = of(if way == "down" { "_down_confidence" } else { "_up_confidence" });
                let level = confidence.into_iter().find(|one| one.value > 0.5)?.part.as_deref()?;
                let level = words.confidence[["low", "medium", "high"].iter().position(|known| *known == level)?];
                let rate = crate::domain::reason::number(rate.round(), Unit::Count, self.lang);
                Some(format!("{word} {} ({level})", rate.trim_end()))
            });
            let ways: Vec<String> = ways.collect();
            (!ways.is_empty()).then(|| format!("{} ({}): {}", words.under_load, check.spec.name, ways.join(", ")))
        });
        all.collect()
    }

    fn told(&self, reason: &Reason) -> Told {
        let note = reason.verdict == Verdict::Ready;
        Told {
            message: reason.message(self.lang),
            detail: reason.detail().map(str::to_owned),
            remedy: (!note).then(|| self.voice.remedy(reason, self.lang)),
            since: self.clock(reason.since, false),
            because: reason.blocked_by.as_ref().map(ToString::to_string),
        }
    }

    fn row(&self, at: usize) -> Row {
        let (check, judged) = (&self.snapshot.checks[at], &self.view.checks[at]);
        let words = words(self.lang);
        let age = check
            .age(self.now)
            .map_or_else(|| words.never_measured.to_owned(), |age| format!("{} {}", self.length(age), words.ago));
        Row {
            name: check.spec.name.to_string(),
            uplink: check.spec.uplink.as_ref().map(|uplink| uplink.name.to_string()),
            state: judged.verdict.as_str(),
            mark: mark(judged.verdict),
            word: judged.verdict.title(self.lang),
            age,
            advisory: check.spec.requirement == Requirement::Advisory,
            pending: judged.pending.map(|pending| pending.to.title(self.lang)),
            held: check.held.is_some(),
        }
    }

    /// A length of time in whole seconds or minutes.
    fn length(&self, length: Duration) -> String {
        let whole = Duration::from_secs(length.as_secs()).as_secs_f64();
        match (length.as_secs(), self.lang) {
            (0, Lang::Id) => "kurang dari 1 detik".to_owned(),
            (0, Lang::En) => "less than 1 s".to_owned(),
            _ => crate::domain::reason::number(whole, Unit::Seconds, self.lang),
        }
    }

    fn clock(&self, moment: Timestamp, seconds: bool) -> String {
        on_the_clock(self.voice, self.now.wall, self.lang, moment, seconds)
    }
}

/// A moment on the room's own clock, told now.
pub(super) fn clock(site: &Site, lang: Lang, moment: Timestamp) -> String {
    on_the_clock(&site.voice(), site.now().wall, lang, moment, false)
}

/// A moment on the room's own clock: "pukul 09.30 WIB", with the day where it is not today.
fn on_the_clock(voice: &Voice, now: Timestamp, lang: Lang, moment: Timestamp, seconds: bool) -> String {
    let then = moment.to_zoned_datetime(voice.zone.clone());
    let today = now.to_zoned_datetime(voice.zone.clone()).date();
    let time = match (lang, seconds) {
        (Lang::Id, true) => "pukul %H.%M.%S %Z",
        (Lang::Id, false) => "pukul %H.%M %Z",
        (Lang::En, true) => "%H:%M:%S %Z",
        (Lang::En, false) => "%H:%M %Z",
    };
    let time = then.strftime(time);
    if then.date() == today {
        return time.to_string();
    }
    let month = words(lang).months[usize::from(then.month().unsigned_abs()).saturating_sub(1) % 12];
    format!("{} {month} {} {time}", then.day(), then.year())
}

/// A sign beside the word, so that nothing is told by colour alone.
const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ready => "✓",
        Verdict::Degraded => "!",
        Verdict::Unknown => "?",
        Verdict::NotReady => "✕",
    }
}
