//! What the agenda says, as metrics: the phase, when meetings begin and end, and how the calendars are that are followed. No meeting's id or title stands in a label.

use super::super::bookings::Feed;
use super::family::{Family, Samples};
use super::room::{count, flag, unix};
use crate::domain::{Phase, Snapshot};
use crate::engine::agenda::Agenda;

pub(super) static PHASE: Family = Family::gauge(
    "siaga_room_phase",
    &["room", "phase"],
    "What the agenda says of the room: 1 for the phase that holds; absent until the agenda could be read.",
);
pub(super) static START: Family = Family::gauge(
    "siaga_session_start_timestamp_seconds",
    &["session"],
    "When a meeting begins: the one whose phase it is (current), the one that begins next (next); absent without one.",
);
pub(super) static END: Family = Family::gauge(
    "siaga_session_end_timestamp_seconds",
    &["session"],
    "When a meeting ends: the one whose phase it is (current), the one that begins next (next); absent without one.",
);
pub(super) static BOOKED: Family = Family::gauge(
    "siaga_sessions_booked",
    &[],
    "Booked meetings that have not ended; absent until the agenda could be read.",
);

pub(super) static CALENDAR_READ: Family = Family::gauge(
    "siaga_calendar_last_read_timestamp_seconds",
    &["calendar"],
    "When a calendar of others was last read and followed; absent until it was, since the daemon's start.",
);
pub(super) static CALENDAR_OK: Family = Family::gauge(
    "siaga_calendar_last_read_successful",
    &["calendar"],
    "Whether the newest attempt to read a calendar of others succeeded and the agenda follows it: 1 or 0; absent before the first.",
);

/// The calendars of others, by their names in the config.
pub(super) fn calendars(out: &mut Samples, feeds: &[Feed]) {
    for feed in feeds {
        out.add(&CALENDAR_OK, &[&feed.name], flag(feed.error.is_none()));
        if let Some(at) = feed.read_at {
            out.add(&CALENDAR_READ, &[&feed.name], unix(at));
        }
    }
}

/// All series of the agenda, at the snapshot's moment as everything else.
pub(super) fn add(out: &mut Samples, snapshot: &Snapshot, agenda: &Agenda) {
    if !agenda.known {
        return;
    }
    let at = snapshot.at.wall;
    let now = agenda.phase(at);
    for phase in Phase::ALL {
        out.add(&PHASE, &[&*snapshot.room, phase.as_str()], flag(phase == now.phase));
    }
    let next = agenda.booked().find(|session| session.start > at);
    for (word, session) in [("current", now.session.as_ref()), ("next", next)] {
        let Some(session) = session else { continue };
        out.add(&START, &[word], unix(session.start));
        out.add(&END, &[word], unix(session.end));
    }
    let to_come = agenda.booked().filter(|session| session.end > at).count();
    out.add(&BOOKED, &[], count(u64::try_from(to_come).unwrap_or(u64::MAX)));
}
