//! What the agenda says, as metrics: the phase, and when meetings begin and end. No meeting's id or title stands in a label.

use crate::domain::{Phase, Snapshot};
use crate::engine::agenda::Agenda;

use super::family::{Family, Samples};
use super::room::{count, flag, unix};

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
