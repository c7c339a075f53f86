//! Lengths of time that can only be a slip of the pen: with them the room's past is gone by itself, or a meeting holds it for days.

use std::time::Duration;

use super::agenda::Agenda;
use super::problem::Problems;
use super::reader::Table;
use super::shape::Store;
use crate::domain::Period;

const DAY: Duration = Duration::from_hours(24);
/// Nothing is kept for less: it is cleared by the day.
const SHORTEST_KEPT: Duration = DAY;
/// The most around a meeting, each.
const LONGEST_AROUND: Duration = DAY;
/// Of a look before a meeting: one at its very start would tell nobody in time, and one beyond this is of another month.
const NEAREST_RECHECK: Duration = Duration::from_secs(1);
const FURTHEST_RECHECK: Duration = Duration::from_hours(31 * 24);

/// Of `[store]`.
pub(super) fn of_store(root: Table<'_>, store: &Store, problems: &mut Problems) {
    for (key, kept) in [
        ("retention_transitions", store.retention_transitions),
        ("retention_evidence", store.retention_evidence),
        ("retention_minutes", store.retention_minutes),
        ("retention_observations", store.retention_observations),
        ("retention_notifications", store.retention_notifications),
        ("retention_audit", store.retention_audit),
        ("retention_sessions", store.retention_sessions),
    ] {
        hold(root, ("store", key), kept, (SHORTEST_KEPT, Duration::MAX), problems);
    }
}

/// Of `[agenda]`.
pub(super) fn of_agenda(root: Table<'_>, agenda: &Agenda, problems: &mut Problems) {
    for (key, around) in [
        ("set_up", agenda.set_up),
        ("tear_down", agenda.tear_down),
        ("preflight", agenda.preflight),
        ("wrap_up", agenda.wrap_up),
    ] {
        hold(root, ("agenda", key), around, (Duration::ZERO, LONGEST_AROUND), problems);
    }
    for ahead in &agenda.rechecks {
        hold(root, ("agenda", "rechecks"), *ahead, (NEAREST_RECHECK, FURTHEST_RECHECK), problems);
    }
}

/// Says so where what stands under that key is beyond its bounds.
fn hold(
    root: Table<'_>,
    (section, key): (&str, &str),
    said: Period,
    (least, most): (Duration, Duration),
    problems: &mut Problems,
) {
    let Some(table) = root.get(section).and_then(Table::of) else { return };
    if said.0 < least {
        problems.say(table.at(key), format!("{key} must be at least {}", Period(least)));
    } else if said.0 > most {
        problems.say(table.at(key), format!("{said} is out of range; {key} is at most {}", Period(most)));
    }
}
