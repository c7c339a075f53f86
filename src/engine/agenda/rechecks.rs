//! When a booked meeting is looked at again, and what of it is news.

use std::time::Duration;

use jiff::Timestamp;

use super::Agenda;
use crate::domain::{Notice, Occasion, Phase, Session, Verdict};

/// How long before a meeting its crew is called at the latest: where another lasts until it begins, no preflight opens.
const CALL: Duration = Duration::from_mins(30);

/// What is due for a session at `now`; nothing where it has begun.
///
/// What was written down of it ([`Agenda::note`]) is done: an occasion is never met twice, whatever the clock does. Of rechecks that were missed
/// (the daemon was off, the clock leapt) the last alone is made: what the room was like two hours ago nobody can see any more.
pub fn due(agenda: &Agenda, session: &Session, offsets: &[Duration], now: Timestamp) -> Vec<Occasion> {
    // A calendar may have thousands that are far, and this is asked again and again.
    let first = offsets.iter().copied().chain([call(agenda), agenda.lengths.preflight]).max().unwrap_or_default();
    if now >= session.start || !reached(session.start, first, now) {
        return Vec::new();
    }
    let mut due = Vec::new();
    let of_this = || agenda.notices_of(session);
    let confirmed = agenda.confirmed(session).map(|notice| notice.at);
    // The smallest that has come is the last one; those before it are past.
    let last = offsets.iter().copied().filter(|ahead| reached(session.start, *ahead, now)).min();
    if let Some(ahead) = last {
        let met = of_this().any(|notice| matches!(notice.occasion, Occasion::Before(other) if other <= ahead));
        // Booked later than that moment: the confirmation has just said it.
        let said = confirmed.is_some_and(|at| reached(session.start, ahead, at));
        if !met && !said {
            due.push(Occasion::Before(ahead));
        }
    }
    let phase = agenda.phase(now);
    let open = phase.phase == Phase::Preflight && phase.session.is_some_and(|of| of.id == session.id);
    let called = open || reached(session.start, call(agenda), now);
    if called && !of_this().any(|notice| notice.occasion == Occasion::Preflight) {
        due.push(Occasion::Preflight);
    }
    due
}

/// When something becomes due for a session after `now`, by time alone.
pub fn next(agenda: &Agenda, session: &Session, offsets: &[Duration], now: Timestamp) -> Option<Timestamp> {
    let all = offsets.iter().copied().chain([call(agenda)]);
    all.filter_map(|ahead| session.start.checked_sub(ahead).ok()).filter(|moment| *moment > now).min()
}

/// Nobody is called before preflight would open in a room that is free, if one opens.
fn call(agenda: &Agenda) -> Duration {
    let preflight = agenda.lengths.preflight;
    if preflight.is_zero() { CALL } else { CALL.min(preflight) }
}

/// The newest that was told of a session: at its confirmation, with its hour, or at a recheck since.
pub fn last_told<'a>(agenda: &'a Agenda, session: &'a Session) -> Option<&'a Notice> {
    let placed = agenda.notices_of(session).find(|notice| notice.occasion == Occasion::Placed).map(|notice| notice.at);
    // A recheck of before the hour was left and taken again is not what people have heard last.
    let since = |notice: &Notice| placed.is_none_or(|placed| placed <= notice.at);
    // Else by the occasion and not by the clock, which may have been set: a smaller offset is later.
    agenda
        .notices_of(session)
        .filter(|notice| match notice.occasion {
            Occasion::Confirmed | Occasion::Placed => true,
            Occasion::Before(_) => since(notice),
            Occasion::Preflight | Occasion::Reported | Occasion::Withdrawn => false,
        })
        .min_by_key(|notice| match notice.occasion {
            Occasion::Before(ahead) => (ahead, false),
            // With its hour people were told what was found for it.
            other => (Duration::MAX, other != Occasion::Placed),
        })
}

/// Whether what is found now is another thing than was told.
pub fn is_news(told: Option<&Notice>, verdict: Verdict, codes: &[String]) -> bool {
    match told {
        Some(told) => told.verdict != verdict || told.codes != codes,
        // Nobody was told anything yet (a meeting from a calendar): what is well needs no word.
        None => verdict != Verdict::Ready,
    }
}

fn reached(start: Timestamp, ahead: Duration, now: Timestamp) -> bool {
    start.checked_sub(ahead).is_ok_and(|moment| moment <= now)
}
