//! Who said that they see to an incident, and whether that still held when it was looked at last.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::asked::{self, Asked};
use super::rows::{micros, moment};
use super::story::LEAD;
use crate::domain::Verdict;
use crate::engine::SETTLING;

/// What was milder for less than this, nobody was told yet: who said so then saw to what it was before (notify/policy).
const LASTS: Duration = Duration::from_mins(2);

/// What the component became. Without a limit, from the last change that was told for sure before somebody said so first: what
/// drops out all the time has hundreds a day, for months perhaps. That may be one of before the incident began, where something else
/// explains it.
const CHANGES: &str = "SELECT at, old, new, settling FROM transitions
     WHERE subject = 'component' AND name = ?1 AND at <= ?3 AND at >= coalesce((
         SELECT max(at) FROM transitions
         WHERE subject = 'component' AND name = ?1 AND at <= ?4 AND NOT settling), (
         SELECT max(at) FROM transitions
         WHERE subject = 'component' AND name = ?1 AND at <= ?2 AND NOT settling), ?2)
     ORDER BY at, id";

/// That somebody said that they see to an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTo {
    /// The row of the audit.
    pub asked: Asked,
    /// Whether the component became worse after that than it was then, as far as the changes that are kept tell. What is made of a change
    /// no row says: what was not known for minutes, or is explained by another component, may have been no news of the incident.
    pub is_outgrown: bool,
}

/// A change of the incident's component: to what, and from what.
struct Change {
    at: Timestamp,
    from: Verdict,
    to: Verdict,
    settling: bool,
}

/// Of each of these incidents, who said that they see to it, oldest first; of one to which nobody does, nothing.
pub(super) fn seen_to(db: &Connection, incidents: &[String]) -> rusqlite::Result<HashMap<String, Vec<SeenTo>>> {
    let mut all = HashMap::new();
    for (incident, rows) in asked::acknowledged(db, incidents)? {
        let moments: Vec<_> = rows.iter().map(|row| row.at).collect();
        let counts_from = counts_from(&moments, &changes(db, &incident, moments.first())?);
        let row = |(place, asked)| SeenTo { asked, is_outgrown: place < counts_from };
        all.insert(incident, rows.into_iter().enumerate().map(row).collect());
    }
    Ok(all)
}

/// What its component became until it ended, as far as it matters to whoever said so at `first`, or later.
fn changes(db: &Connection, incident: &str, first: Option<&Timestamp>) -> rusqlite::Result<Vec<Change>> {
    let mut statement = db.prepare_cached("SELECT component, opened_at, closed_at FROM incidents WHERE id = ?1")?;
    let found = statement.query_row([incident], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    // Of a drill nothing is kept.
    let Some((component, opened_at, closed_at)): Option<(String, i64, Option<i64>)> = found else {
        return Ok(Vec::new());
    };
    let mut statement = db.prepare_cached(CHANGES)?;
    let (since, until) = (opened_at.saturating_sub(LEAD), closed_at.unwrap_or(i64::MAX));
    let stood_by = first.map_or(i64::MIN, |first| micros(*first).saturating_sub(lasts()));
    let mut rows = statement.query(params![component, since, until, stood_by])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let (from, to): (String, String) = (row.get(1)?, row.get(2)?);
        let read = Verdict::parse(&from).zip(Verdict::parse(&to));
        let Some((from, to)) = read else { continue };
        let at: i64 = row.get(0)?;
        let change = Change { at: moment(at), from, to, settling: row.get(3)? };
        if at <= opened_at {
            // What it was before, by the incident before this one or by what something else explained, is nothing of this one.
            changes = vec![Change { from: Verdict::Ready, ..change }];
        } else {
            changes.push(change);
        }
    }
    Ok(changes)
}

/// The first of those who said so, oldest first, who saw to it as it was in the end; one beyond the last if none did. Both in the order
/// of time.
///
/// As the policy has it (notify/policy/state.rs), but for what no row says: who sees to what goes to and fro sees to all of it, and what
/// the judge makes of a change (engine/incident.rs): the rows are the component's, of which the incident waits for what is not known,
/// and leaves to another what that explains.
fn counts_from(moments: &[Timestamp], changes: &[Change]) -> usize {
    // Before its first round a process knew nothing, and nobody was told so.
    let begun = changes.first().filter(|first| !first.settling).map_or(Verdict::Ready, |first| first.from);
    let (mut stands, mut told) = (begun, begun);
    let (mut next, mut seen_to, mut counts_from) = (changes.iter().peekable(), None, 0);
    // What was told before it became milder, and until when.
    let mut before: Vec<(Timestamp, Verdict)> = Vec::new();
    for (place, at) in moments.iter().map(Some).chain([None]).enumerate() {
        while let Some(change) = next.next_if(|change| at.is_none_or(|at| change.at <= *at)) {
            stands = change.to;
            if !is_told(change, next.peek().copied()) {
                continue;
            }
            before.push((change.at, std::mem::replace(&mut told, stands)));
            if seen_to.is_some_and(|seen_to| stands > seen_to) {
                (seen_to, counts_from) = (None, place);
            }
        }
        let Some(at) = at else { break };
        before.retain(|(until, _)| micros(*at) - micros(*until) < lasts());
        let known = before.iter().map(|(_, verdict)| *verdict).fold(stands, Verdict::max);
        seen_to = seen_to.max(Some(known));
    }
    counts_from
}

/// Whether a change was told. How it looks at a start is not how it is, but what is still there when the settling is over is: no other
/// row says so, and the next one is of another start at most.
fn is_told(change: &Change, next: Option<&Change>) -> bool {
    let settled = micros(change.at).saturating_add(i64::try_from(SETTLING.as_micros()).unwrap_or(i64::MAX));
    !change.settling || next.is_none_or(|next| !next.settling || micros(next.at) >= settled)
}

fn lasts() -> i64 {
    i64::try_from(LASTS.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Degraded, NotReady, Ready, Unknown};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    /// From which on they count who said so at these minutes, of what became this at those.
    fn first(moments: &[i64], became: &[(i64, Verdict)]) -> usize {
        let mut from = Ready;
        let change = |(minute, to): &(i64, Verdict)| Change {
            at: at(*minute),
            from: std::mem::replace(&mut from, *to),
            to: *to,
            settling: false,
        };
        let changes: Vec<_> = became.iter().map(change).collect();
        counts_from(&moments.iter().map(|minute| at(*minute)).collect::<Vec<_>>(), &changes)
    }

    #[test]
    fn what_became_worse_nobody_saw_to_who_had_said_so_before() {
        let worse = [(0, Degraded), (60, NotReady), (90, Ready)];
        assert_eq!(first(&[10, 20], &[(0, Degraded), (90, Ready)]), 0, "the first of all");
        assert_eq!(first(&[10, 20], &worse), 2, "nobody has said so of that");
        assert_eq!(first(&[10, 20, 70, 80], &worse), 2, "the first who did");
        assert_eq!(first(&[60], &worse), 0, "as it is in that moment");
        assert_eq!(first(&[10], &[(0, NotReady), (30, Degraded), (60, NotReady)]), 0, "no worse than it was");
        assert_eq!(first(&[10], &[(0, Degraded), (30, Unknown)]), 1);
        assert_eq!(first(&[10], &[]), 0, "no change is kept any more");
    }

    #[test]
    fn what_was_milder_for_a_moment_was_seen_to_as_it_was_told() {
        let back = |milder| [(0, NotReady), (milder, Degraded), (60, NotReady)];
        assert_eq!(first(&[11], &back(10)), 0);
        assert_eq!(first(&[12], &back(10)), 1);
    }

    /// The same, of what was found at starts too: at these minutes, from what, to what, and whether while it settled.
    fn first_at_starts(moments: &[i64], became: &[(i64, Verdict, Verdict, bool)]) -> usize {
        let change =
            |(minute, from, to, settling): &_| Change { at: at(*minute), from: *from, to: *to, settling: *settling };
        let changes: Vec<_> = became.iter().map(change).collect();
        counts_from(&moments.iter().map(|minute| at(*minute)).collect::<Vec<_>>(), &changes)
    }

    #[test]
    fn a_look_at_a_start_outgrows_nothing() {
        let started = [(0, Ready, Degraded, false), (20, Unknown, NotReady, true)];
        let mut changes: Vec<_> =
            started.map(|(minute, from, to, settling)| Change { at: at(minute), from, to, settling }).into();
        let seconds = |seconds| at(20) + jiff::SignedDuration::from_secs(seconds);
        for (after, counts) in [(14, 0), (15, 1)] {
            changes.push(Change { at: seconds(after), from: NotReady, to: Degraded, settling: true });
            assert_eq!(counts_from(&[at(10)], &changes), counts, "it was that for {after} s, and then better");
            changes.pop();
        }
    }

    #[test]
    fn what_is_found_worse_at_a_start_and_stays_so_nobody_saw_to() {
        let stays = [(0, Ready, Degraded, false), (20, Unknown, NotReady, true)];
        assert_eq!(first_at_starts(&[10], &stays), 1);
        assert_eq!(first_at_starts(&[10, 30], &stays), 1, "who said so then did");
        let over = [stays[0], stays[1], (90, NotReady, Ready, false)];
        assert_eq!(first_at_starts(&[10], &over), 1);
        let again = [stays[0], stays[1], (40, Unknown, Degraded, true)];
        assert_eq!(first_at_starts(&[10], &again), 1, "until another start");
    }

    #[test]
    fn before_a_start_it_was_what_was_told_and_not_what_nobody_knew() {
        let started = |before| [(0, Ready, before, false), (20, Unknown, Degraded, true)];
        let then = |before, verdict| [started(before)[0], started(before)[1], (60, Degraded, verdict, false)];
        assert_eq!(first_at_starts(&[21], &then(Degraded, Unknown)), 1);
        assert_eq!(first_at_starts(&[21], &then(NotReady, NotReady)), 0, "as it was told before the start");
        assert_eq!(first_at_starts(&[1], &[(0, Unknown, Degraded, true), (60, Degraded, Unknown, false)]), 1);
    }
}
