//! `GET /`: the page that the staff of the media center look at. It keeps itself true by a script, and without one loads itself anew.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use jiff::Timestamp;

use crate::domain::reason::fill;
use crate::domain::snapshot::{ComponentView, ProfileView};
use crate::domain::{Component, Incident, Lang, Now, Reason, Requirement, Silence, Snapshot, Text, Unit, Verdict};
use crate::engine::slot::Question;

use super::coming::{Coming, coming};
use super::frame::{Frame, Renewed, html_answer};
use super::live::View;
use super::own::SetAside;
use super::problem::Problem;
use super::query::{Query, once};
use super::site::Site;
use super::telling::{clock, length, mark, on_the_clock, sentence};
use super::under_way::{self, under_way};
use super::words::words;
use super::{Voice, incident_page, lang};

#[derive(Template)]
#[template(path = "room.html")]
struct Page<'a> {
    frame: Frame,
    profile: &'a str,
    state: &'static str,
    mark: &'static str,
    sentence: String,
    at: String,
    in_use: bool,
    /// Whether what is seen and done reaches the disk.
    kept_on_disk: bool,
    /// What was booked and kept before is not here: since when, and where it is.
    set_aside: Option<String>,
    /// What of the daemon's own runs out soon.
    expiring: Vec<String>,
    /// Whether the newest config is the one that holds.
    newest_config: bool,
    /// Somebody's word on the meeting that is held or prepared for, while it holds.
    overridden: Option<String>,
    /// Of what nobody is told now because somebody wished it so, and until when: a line each.
    silenced: Vec<String>,
    /// What is being done now.
    under_way: Vec<under_way::Line>,
    coming: Coming,
    banner: Vec<Notice>,
    reasons: Vec<Told>,
    incidents: Vec<Open>,
    components: Vec<Part>,
}

/// What the room itself is told, on its banner.
struct Notice {
    /// By which somebody can say that they see to it, a drill too.
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
pub(super) struct Part {
    /// What leads to its own page.
    pub(super) word_of: &'static str,
    pub(super) title: &'static str,
    pub(super) state: &'static str,
    pub(super) mark: &'static str,
    pub(super) word: &'static str,
    pub(super) since: String,
    pub(super) advisory: bool,
    pub(super) absent: bool,
    /// No check is configured for it, and nothing else is to be said of it.
    pub(super) unwatched: bool,
    pub(super) reasons: Vec<Told>,
    pub(super) checks: Vec<Row>,
    /// What else is known of the internet: its uplinks and their budgets, the delay under load; a sentence each.
    pub(super) lines: Vec<String>,
}

/// A reason on the page.
pub(super) struct Told {
    pub(super) message: String,
    pub(super) detail: Option<String>,
    /// What to do; none for a note.
    pub(super) remedy: Option<String>,
    pub(super) since: String,
    /// Whose failure explains it.
    pub(super) because: Option<String>,
}

impl Told {
    /// Whether both say the same, whenever each began.
    fn says(&self, other: &Self) -> bool {
        let said = |told: &Self| (told.message.clone(), told.detail.clone(), told.remedy.clone(), told.because.clone());
        said(self) == said(other)
    }
}

/// A check on the page.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) uplink: Option<String>,
    pub(super) state: &'static str,
    pub(super) mark: &'static str,
    pub(super) word: &'static str,
    pub(super) age: String,
    /// The same in seconds, from which the page counts on.
    pub(super) seconds: Option<String>,
    pub(super) advisory: bool,
    pub(super) pending: Option<&'static str>,
    pub(super) held: bool,
}

/// The page.
///
/// # Errors
/// A query that is not understood, an unknown profile.
#[utoipa::path(get, path = "/", params(
    ("profile" = Option<String>, Query, description = "The kind of meeting; the one in force if not given."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The room for people.", body = String, content_type = "text/html"),
    (status = 404, description = "Unknown profile.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn page(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let query = Query::of_page(&uri, &[once("profile"), once("lang")])?;
    let voice = site.voice();
    let lang = lang::choose(&query, &headers, voice.lang)?;
    let question = Question::new(&site.rendered().believed, query.get("profile"), None, None, site.now())?;
    let kept = query.get("profile").unwrap_or_default();
    // Under a profile that is asked for by its name the link to the other language keeps it.
    let make = || {
        let frame = Frame::new(&site, "/", lang, Renewed::AtChanges).keeping(kept);
        made(&site, Some(question.profile()), frame, lang, true)
    };
    let html = if kept.is_empty() {
        site.pages.get(&site, View::Room(question.profile()), lang, make)?
    } else {
        make()?.into()
    };
    Ok(html_answer(html, StatusCode::OK, lang))
}

/// What it shows under the profile in force, but for the ages.
pub(super) fn without_ages(site: &Site, lang: Lang) -> String {
    made(site, None, Frame::timeless(site, "/", lang, Renewed::AtChanges), lang, false).unwrap_or_default()
}

fn made(site: &Site, profile: Option<usize>, frame: Frame, lang: Lang, aged: bool) -> Result<String, Problem> {
    let (rendered, voice, now) = (site.rendered(), site.voice(), site.now());
    let snapshot = &rendered.believed;
    // The config may have been read anew since the profile was found.
    let view = profile.and_then(|at| snapshot.profiles.get(at)).map_or_else(|| snapshot.current(), AsRef::as_ref);
    let teller = Teller { snapshot, view, lang, voice: &voice, now, state: &site.state };
    let incidents = rendered.believed.incidents.iter().map(|incident| Open {
        id: incident.id.clone(),
        title: Component::title(incident.component, lang),
        since: clock(site, lang, incident.opened_at),
        handled: incident_page::handled(site, incident, lang),
        seen_to: site.state.handling.borrow().of(&incident.id).acknowledged_at.is_some(),
    });
    let store = site.state.own.now().store;
    let mut page = Page {
        frame,
        profile: view.profile.title(lang),
        state: view.verdict.as_str(),
        mark: mark(view.verdict),
        sentence: sentence(snapshot, view, lang),
        at: teller.clock(snapshot.at.wall, true),
        in_use: snapshot.in_use,
        kept_on_disk: store.healthy,
        set_aside: store.set_aside.map(|aside| set_aside(site, lang, &aside)),
        expiring: super::expiring::expiring(site, lang),
        newest_config: site.state.reloaded.borrow().newest,
        overridden: super::sheet::overridden_now(site, lang),
        silenced: silenced(site, lang),
        under_way: under_way(site, lang, aged),
        coming: coming(site, lang),
        banner: site.state.handling.borrow().banner.iter().map(|incident| teller.notice(incident)).collect(),
        reasons: view.reasons.iter().map(|reason| teller.told(reason)).collect(),
        incidents: incidents.collect(),
        components: view.components.iter().map(|component| teller.part(component)).collect(),
    };
    if !aged {
        page.at.clear();
        page.components
            .iter_mut()
            .flat_map(|part| &mut part.checks)
            .for_each(|row| (row.age, row.seconds) = (String::new(), None));
    }
    page.render().map_err(|error| Problem::internal(error.to_string()))
}

/// The silences that hold, without who wished them and why.
fn silenced(site: &Site, lang: Lang) -> Vec<String> {
    let now = site.now().wall;
    let told = |silence: &Silence| {
        let what = silence.component.map_or_else(|| EVERYTHING.in_lang(lang), |component| component.title(lang));
        let args = [("until", clock(site, lang, silence.until).into()), ("what", what.into())];
        fill(SILENCED.in_lang(lang), &args, lang)
    };
    site.state.handling.borrow().holding(now).map(told).collect()
}

static EVERYTHING: Text = Text::new("semua bagian", "everything");
static SILENCED: Text =
    Text::new("Pemberitahuan dibisukan sampai {until}: {what}.", "Notifications are silenced until {until}: {what}.");

/// What is missing because a database was set aside, and what to do about it.
fn set_aside(site: &Site, lang: Lang, aside: &SetAside) -> String {
    let text = if aside.newer { &NEWER } else { &DAMAGED };
    let args = [("when", clock(site, lang, aside.at).into()), ("file", aside.file.clone().into())];
    fill(text.in_lang(lang), &args, lang)
}

static NEWER: Text = Text::new(
    "Database dari siaga yang lebih baru disisihkan {when}, dan yang baru dimulai: pesanan, catatan, dan riwayat sebelum itu tidak ada di sini. \
     Minta petugas TI memasang kembali siaga yang lebih baru, lalu mengembalikan berkas {file}.",
    "A newer siaga's database was set aside {when} and a new one begun: what was booked, noted and seen before is not here. Ask IT staff to \
     install the newer siaga again and to put back the file {file}.",
);
static DAMAGED: Text = Text::new(
    "Database rusak dan disisihkan {when}, dan yang baru dimulai: pesanan, catatan, dan riwayat sebelum itu tidak ada di sini. Minta petugas TI \
     memeriksa disk dan menyelamatkan isi berkas {file}.",
    "The database was damaged and set aside {when}, and a new one begun: what was booked, noted and seen before is not here. Ask IT staff to \
     look at the disk and to save what is in the file {file}.",
);

pub(super) struct Teller<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) view: &'a ProfileView,
    pub(super) lang: Lang,
    pub(super) voice: &'a Voice,
    pub(super) now: Now,
    pub(super) state: &'a super::State,
}

impl Teller<'_> {
    fn notice(&self, incident: &Incident) -> Notice {
        let drill = incident.is_drill();
        let reason = incident.reasons.iter().find(|reason| reason.verdict != Verdict::Ready);
        Notice {
            id: incident.id.clone(),
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

    pub(super) fn part(&self, component: &ComponentView) -> Part {
        // What several checks find in the same words is said once.
        let mut reasons: Vec<Told> = Vec::new();
        for told in self.view.reasons_of(component).map(|reason| self.told(reason)) {
            if !reasons.iter().any(|known| known.says(&told)) {
                reasons.push(told);
            }
        }
        Part {
            word_of: component.component.as_str(),
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

    /// Each uplink, and what has gone by it today of what they may.
    fn uplinks(&self) -> Vec<String> {
        let words = words(self.lang);
        let bytes = |value| crate::domain::reason::number(value, Unit::Bytes, self.lang);
        let all = self.state.uplinks(self.snapshot).into_iter().map(|(uplink, used)| {
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

    pub(super) fn told(&self, reason: &Reason) -> Told {
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
            .map_or_else(|| words.never_measured.to_owned(), |age| format!("{} {}", length(age, self.lang), words.ago));
        Row {
            name: check.spec.name.to_string(),
            uplink: check.spec.uplink.as_ref().map(|uplink| uplink.name.to_string()),
            state: judged.verdict.as_str(),
            mark: mark(judged.verdict),
            word: judged.verdict.title(self.lang),
            age,
            seconds: check.age(self.now).map(|age| format!("{:.1}", age.as_secs_f64())),
            advisory: check.spec.requirement == Requirement::Advisory,
            pending: judged.pending.map(|pending| pending.to.title(self.lang)),
            held: check.held.is_some(),
        }
    }

    pub(super) fn clock(&self, moment: Timestamp, seconds: bool) -> String {
        on_the_clock(self.voice, self.now.wall, self.lang, moment, seconds)
    }
}
