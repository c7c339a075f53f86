//! `GET /agenda`: which meetings are booked, in which phase the room is, and how the calendars are that are followed. No person's name.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};

use super::super::bookings::Feed as Followed;
use super::super::frame::{Frame, Renewed, answer};
use super::super::problem::Problem;
use super::super::sheet;
use super::super::sign_in::spoken;
use super::super::site::Site;
use super::super::surveys::{self, OfPlace};
use super::super::telling::{clock, mark};
use super::in_time;
use crate::domain::feed::LeftOut;
use crate::domain::{Booking, Lang, Phase, Session};
use crate::engine::agenda::Agenda;

/// So many that are to come are shown.
const TO_COME: usize = 50;

/// For so long those that are over are shown, and so many of them.
const BACK: SignedDuration = SignedDuration::from_hours(14 * 24);
const OVER: usize = 20;
/// More than a room holds in that time: the newest are wanted, and the oldest are given first.
const READ: u32 = 1000;

/// So many of a calendar's meetings that are not booked because others hold the slot.
const NOT_BOOKED: usize = 10;

#[derive(Template)]
#[template(path = "agenda.html")]
struct Page {
    frame: Frame,
    known: bool,
    phase: String,
    sessions: Vec<Line>,
    /// How many later ones are not shown, and when the last of those shown begins.
    later: Option<(usize, String)>,
    /// Those that are over, the newest first, and how many older ones are not shown; nothing where they cannot be read now.
    over: Option<(Vec<Over>, usize)>,
    feeds: Vec<Feed>,
}

struct Over {
    /// Where its run sheet is; its report is beneath.
    sheet: String,
    title: String,
    when: String,
}

struct Line {
    /// Where its run sheet is.
    sheet: String,
    title: String,
    /// The phase, where it is this meeting's.
    now: Option<&'static str>,
    when: String,
    kind: String,
    /// What else is known of it.
    more: Vec<String>,
    /// The survey of its place.
    survey: Option<OfPlace>,
    /// When each phase begins.
    phases: String,
    /// What was found of the room for it last.
    found: Option<(&'static str, String)>,
}

struct Feed {
    name: String,
    told: String,
    problems: Vec<String>,
    /// Why it cannot be read, in English, for IT staff.
    detail: Option<String>,
}

/// The booked meetings for people.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/agenda", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
pub(in super::super) async fn page(
    State(site): State<Arc<Site>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = spoken(&site, &uri, &headers)?;
    // How calendars were read, what was found for a meeting and what is over are no part of how the room looks.
    let frame = Frame::new(&site, "/agenda", lang, Renewed::Every(30));
    let (agenda, now) = (site.state.bookings.agenda(), site.now().wall);
    let phase = agenda.phase(now);
    let mut told = title(phase.phase, lang).to_owned();
    if let Some(session) = &phase.session {
        told = format!("{told}: {}", session.title);
    }
    if let Some(until) = phase.until {
        told = format!("{told} ({} {})", if lang == Lang::Id { "sampai" } else { "until" }, clock(&site, lang, until));
    }
    let own = phase.session.as_ref().map(|session| Arc::clone(&session.id));
    let shown = |session: &&Arc<Session>| session.end > now || own.as_ref() == Some(&session.id);
    let mut sessions: Vec<_> = agenda.booked().filter(shown).collect();
    let hidden = sessions.len().saturating_sub(TO_COME);
    sessions.truncate(TO_COME);
    let later = sessions.last().filter(|_| hidden > 0).map(|last| (hidden, clock(&site, lang, last.start)));
    let there = surveys::named(&site, sessions.iter().map(|session| &***session)).await;
    let back = now.saturating_sub(BACK).unwrap_or(Timestamp::MIN);
    let over = in_time(site.state.bookings.sessions((back, now), None, READ)).await.map(|all| {
        let held = all.into_iter().rev().filter(|one| one.booking == Booking::Booked && one.end <= now);
        let held: Vec<Session> = held.filter(|one| own.as_ref() != Some(&one.id)).collect();
        let at = |moment: Timestamp| clock(&site, lang, moment);
        let older = held.len().saturating_sub(OVER);
        let shown = held.into_iter().take(OVER).map(|one| Over {
            sheet: sheet::page::path(&one.id),
            when: format!("{} – {}", at(one.start), at(one.end)),
            title: one.title,
        });
        (shown.collect(), older)
    });
    let page = Page {
        frame,
        known: agenda.known,
        phase: told,
        sessions: sessions
            .into_iter()
            .map(|session| {
                let now = (own.as_ref() == Some(&session.id)).then(|| title(phase.phase, lang));
                let survey = OfPlace::of(session, there.as_ref(), lang);
                Line { survey, ..line(&site, &agenda, session, now, lang) }
            })
            .collect(),
        later,
        over,
        feeds: feeds(&site, lang),
    };
    answer(&page, StatusCode::OK, lang)
}

const fn title(phase: Phase, lang: Lang) -> &'static str {
    match (phase, lang) {
        (Phase::Idle, Lang::Id) => "Tidak ada rapat",
        (Phase::Idle, Lang::En) => "No meeting",
        (Phase::Preflight, Lang::Id) => "Persiapan",
        (Phase::Preflight, Lang::En) => "Preparation",
        (Phase::Live, Lang::Id) => "Sedang berlangsung",
        (Phase::Live, Lang::En) => "Under way",
        (Phase::WrapUp, Lang::Id) => "Penutupan",
        (Phase::WrapUp, Lang::En) => "Wrap-up",
    }
}

fn line(site: &Site, agenda: &Agenda, session: &Session, now: Option<&'static str>, lang: Lang) -> Line {
    let at = |moment: Timestamp| clock(site, lang, moment);
    let pick = |id, en| if lang == Lang::Id { id } else { en };
    let profile = site.rendered().believed.profile(&session.profile).map(|view| view.profile.title(lang).to_owned());
    let details = &session.details;
    let venue = details.venue.as_ref().map(|venue| &venue.name);
    let more = [
        (pick("Instansi pemohon", "Office"), details.office.as_ref()),
        (pick("Aplikasi", "Platform"), details.platform.as_ref()),
        (pick("Tempat", "Place"), venue),
    ];
    let over = session.end.saturating_add(agenda.lengths.wrap_up).unwrap_or(session.end);
    let notice = agenda.notices_of(session).max_by_key(|notice| notice.at);
    Line {
        sheet: sheet::page::path(&session.id),
        title: session.title.clone(),
        now,
        when: format!("{} – {}", at(session.start), at(session.end)),
        kind: profile.unwrap_or_else(|| session.profile.to_string()),
        survey: None,
        more: more.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}", value?))).collect(),
        phases: format!(
            "{} {}; {} {}",
            pick("persiapan mulai", "preparation from"),
            at(agenda.opens(session)),
            pick("penutupan sampai", "wrap-up until"),
            at(over)
        ),
        found: notice.map(|notice| {
            let told = format!("{} {} ({})", mark(notice.verdict), notice.verdict.title(lang), at(notice.at));
            (notice.verdict.as_str(), told)
        }),
    }
}

/// What of a calendar is not booked, and why.
fn problems(site: &Site, feed: &Followed, lang: Lang) -> Vec<String> {
    let pick = |id, en| if lang == Lang::Id { id } else { en };
    let more = |all: usize, told: usize| {
        (all > told).then(|| format!("{} {} {}", pick("dan", "and"), all - told, pick("lainnya", "more")))
    };
    let mut all = Vec::new();
    if feed.error.is_some() {
        let told = pick("tidak dapat dibaca sekarang; terakhir dicoba", "cannot be read now; last tried");
        all.push(format!("{told} {}", clock(site, lang, feed.at)));
    }
    let conflicts = feed.conflicts.iter().take(NOT_BOOKED);
    all.extend(
        conflicts.map(|(at, title)| format!("{}: {}, {title}", pick("bentrok", "conflict"), clock(site, lang, *at))),
    );
    all.extend(more(feed.conflicts.len(), NOT_BOOKED));
    let told = feed.which.iter().map(|LeftOut { title, why }| {
        format!("{}: {title} ({})", pick("tidak dipesan", "not booked"), why.told().in_lang(lang))
    });
    all.extend(told);
    all.extend(more(feed.left_out, feed.which.len()));
    all
}

fn feeds(site: &Site, lang: Lang) -> Vec<Feed> {
    let pick = |id, en| if lang == Lang::Id { id } else { en };
    let told = |feed: &Followed| {
        let Some(at) = feed.read_at else {
            return pick("belum terbaca sejak Siaga dimulai", "not read since Siaga was started").to_owned();
        };
        let read = if feed.error.is_some() { pick("terakhir terbaca", "last read") } else { pick("dibaca", "read") };
        let to_come = pick("rapat yang akan datang", "meetings to come");
        format!("{read} {}; {} {to_come}", clock(site, lang, at), feed.entries)
    };
    let all = site.state.bookings.feeds().into_iter().map(|feed| Feed {
        told: told(&feed),
        problems: problems(site, &feed, lang),
        detail: feed.error,
        name: feed.name,
    });
    all.collect()
}
