//! What the agenda and planned work add to the answer for a slot, and how long the battery must last for it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::snapshot::{CheckView, Judged, ProfileView};
use crate::domain::{Arg, Component, Now, ProfileLimit, Reason, ReasonDef, Requirement, Snapshot, Text, Unit, Verdict};
use crate::domain::{Limit, Test};
use crate::engine::past::blame::ON_BATTERY;
use crate::engine::revise::revise;
use crate::engine::slot::{Answer, Basis};

/// Another meeting holds some of the slot.
pub static TAKEN: ReasonDef = ReasonDef::new(
    "agenda.taken",
    Text::new(
        "Ruangan sudah dipesan untuk {holder}, termasuk waktu persiapan dan penutupan",
        "The room is booked for {holder}, the time to set up and tear down included",
    ),
    Text::new("Pilih waktu lain, atau sepakati dengan pemesan itu", "Choose another time, or agree with who holds it"),
)
.lasting();

/// Something that the meeting needs is worked on meanwhile.
pub static MAINTENANCE: ReasonDef = ReasonDef::new(
    "agenda.maintenance",
    Text::new("Pekerjaan terencana pada waktu itu: {work}", "Work is planned at that time: {work}"),
    Text::new("Pilih waktu lain, atau minta pekerjaan itu digeser", "Choose another time, or have the work moved"),
)
.lasting();

/// What was booked is not known.
pub static UNREAD: ReasonDef = ReasonDef::new(
    "agenda.unread",
    Text::new(
        "Agenda belum dapat dibaca, jadi tidak diketahui apakah ruangan kosong",
        "The agenda cannot be read yet, so nobody knows whether the room is free",
    ),
    Text::new(
        "Coba lagi sebentar lagi; bila tetap begini, minta petugas TI melihat log Siaga",
        "Try again in a moment; if it stays so, ask IT staff to read Siaga's log",
    ),
);

/// A calendar that is followed cannot be read: a note, since what was booked of it before is known and stands.
pub static CALENDAR: ReasonDef = ReasonDef::new(
    "agenda.calendar_unread",
    Text::new(
        "Kalender {calendar} tidak dapat dibaca (terakhir terbaca: {read}); rapat yang dipesan di sana sesudah itu belum diketahui",
        "The calendar {calendar} cannot be read (last read: {read}); what was booked there since is not known",
    ),
    Text::new(
        "Periksa juga kalender itu sebelum memesan; bila tetap begini, minta petugas TI melihat halaman agenda",
        "Look into that calendar too before you book; if it stays so, ask IT staff to look at the agenda's page",
    ),
);

/// A calendar of others that cannot be read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its name in the config.
    pub calendar: String,
    /// When it was last read, on the room's own clock; none where it was not since the daemon's start.
    pub read: Option<String>,
}

/// Work that is planned in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What is done then, for people.
    pub name: String,
    /// On which components; on all, if empty.
    pub components: Vec<Component>,
    /// From when in the slot.
    pub from: Timestamp,
    /// Until when in the slot.
    pub until: Timestamp,
}

/// What the agenda knows of a slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Whether it could be read.
    pub read: bool,
    /// The titles of the meetings that hold some of it, and since when each was known.
    pub holders: Vec<String>,
    /// What is planned in it.
    pub planned: Vec<Planned>,
    /// The calendars that may have more in it.
    pub unread: Vec<Unread>,
}

/// `answer` with what the agenda knows of the slot. What is held by others, or what the meeting needs and somebody works on, is
/// not ready.
pub fn with_agenda(answer: Answer, known: &Known, now: Now) -> Answer {
    let view = &answer.view;
    let reason = |def, verdict, args| Reason { def, verdict, args, since: now.wall, blocked_by: None };
    let mut reasons: Vec<Reason> = Vec::new();
    if !known.read {
        reasons.push(reason(&UNREAD, Verdict::Unknown, Vec::new()));
    }
    if !known.holders.is_empty() {
        reasons.push(reason(&TAKEN, Verdict::NotReady, vec![("holder", Arg::Text(known.holders.join(", ")))]));
    }
    for work in &known.planned {
        let needed = view.components.iter().any(|component| {
            let touched = work.components.is_empty() || work.components.contains(&component.component);
            touched && component.requirement == Requirement::Required && !component.absent
        });
        let verdict = if needed { Verdict::NotReady } else { Verdict::Ready };
        reasons.push(reason(&MAINTENANCE, verdict, vec![("work", Arg::Text(work.name.clone()))]));
    }
    for one in &known.unread {
        let read = one.read.clone().unwrap_or_else(|| "–".to_owned());
        let args = vec![("calendar", Arg::Text(one.calendar.clone())), ("read", Arg::Text(read))];
        reasons.push(reason(&CALENDAR, Verdict::Ready, args));
    }
    if reasons.is_empty() {
        return answer;
    }
    // The worst explains the verdict, and what the room says of itself comes before what is only noted.
    let mut all: Vec<Reason> = reasons.into_iter().chain(view.reasons.iter().cloned()).collect();
    all.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
    let worst = all.iter().map(|reason| reason.verdict).max().unwrap_or(Verdict::Ready);
    let view = ProfileView { verdict: view.verdict.max(worst), reasons: all, ..(**view).clone() };
    Answer { view: Arc::new(view), ..answer }
}

/// A live answer in which a battery that supplies the room lasts until the meeting's end, or does not: its usable runtime is held
/// to what remains until then instead of the policy's minutes. On mains the policy's minutes hold.
pub fn with_battery(answer: Answer, snapshot: &Snapshot, end: Option<Timestamp>, now: Now) -> Answer {
    let Some(end) = end.filter(|_| answer.basis == Basis::Live) else { return answer };
    let remaining = end.duration_since(now.wall).as_secs_f64().max(0.0);
    let see = |at: usize, judged: &Judged| Some(held_to(&snapshot.checks[at], judged, remaining, now));
    // Most rooms are on mains: nothing is rolled up anew for them.
    let touched = answer.view.checks.iter().enumerate().any(|(at, judged)| see(at, judged).as_ref() != Some(judged));
    if !touched {
        return answer;
    }
    let view = Arc::new(revise(snapshot, &answer.view, see));
    Answer { view, ..answer }
}

/// A check whose rule of the policy's runtime makes it not ready (that of a battery in use, not that of mains) is held to
/// `remaining` instead.
fn held_to(check: &CheckView, judged: &Judged, remaining: f64, now: Now) -> Judged {
    let is_runtime = |rule: &&crate::domain::Rule| {
        rule.not_ready == Limit::Profile(ProfileLimit::Runtime) && rule.test == Test::Below
    };
    let Some(rule) = check.spec.rules.iter().find(is_runtime) else { return judged.clone() };
    let Some(last) = check.last.as_ref().filter(|_| !check.stale) else { return judged.clone() };
    let of_rule = |measured: &&crate::domain::Measurement| {
        measured.quantity == rule.quantity && rule.part.is_none_or(|part| measured.part.as_deref() == Some(part))
    };
    let Some(usable) = last.reading.measurements.iter().find(of_rule) else { return judged.clone() };
    let before = judged.reasons.iter().find(|reason| reason.def == rule.reason);
    // A second of a brown-out is no outage yet: what has not lasted is not decided, though a UPS that is degraded by something else says
    // so at once. How long it has been so by a clock that was set back meanwhile nobody knows.
    let has_lasted = |reason: &Reason| {
        let lasts = now.wall.duration_since(reason.since);
        lasts.is_negative() || lasts.unsigned_abs() >= check.spec.holds.bad_for
    };
    if before.is_none() && !judged.reasons.iter().any(|reason| reason.def.code == ON_BATTERY && has_lasted(reason)) {
        return judged.clone();
    }
    let mut reasons: Vec<Reason> = judged.reasons.iter().filter(|reason| reason.def != rule.reason).cloned().collect();
    if usable.value < remaining {
        let reported = rule.quantity.reckoned_from.and_then(|from| {
            last.reading.measurements.iter().find(|other| other.quantity == from && other.part.is_none())
        });
        let reported = reported.map_or(Arg::from("–"), |other| Arg::Number(other.value, other.quantity.unit));
        let number = |value| Arg::Number(value, Unit::Seconds);
        let args = vec![("value", number(usable.value)), ("limit", number(remaining)), ("reported", reported)];
        let since = before.map_or(now.wall, |reason| reason.since);
        reasons.insert(0, Reason { def: rule.reason, verdict: Verdict::NotReady, args, since, blocked_by: None });
    } else if before.is_none() {
        return judged.clone();
    }
    let verdict = Verdict::worst(reasons.iter().map(|reason| reason.verdict)).unwrap_or(Verdict::Ready);
    Judged { verdict, reasons, ..judged.clone() }
}
