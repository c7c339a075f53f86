//! Who said that they see to an incident, and whether that still held when it was looked at last.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::asked::{self, Asked};
use super::rows::{micros, moment};
use super::story::{CHANGES_OF, LEAD, MOST};
use crate::domain::Verdict;

/// What was milder for less than this, nobody was told yet: who said so then saw to what it was before (notify/policy).
const LASTS: Duration = Duration::from_mins(2);

/// That somebody said that they see to an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTo {
    /// The row of the audit.
    pub asked: Asked,
    /// Whether it became worse after that than it was then, as far as the changes that are kept tell.
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
        let counts_from = counts_from(&moments, &changes(db, &incident)?);
        let row = |(place, asked)| SeenTo { asked, is_outgrown: place < counts_from };
        all.insert(incident, rows.into_iter().enumerate().map(row).collect());
    }
    Ok(all)
}

/// What its component became from just before it began until it ended.
fn changes(db: &Connection, incident: &str) -> rusqlite::Result<Vec<Change>> {
    let mut statement = db.prepare_cached("SELECT component, opened_at, closed_at FROM incidents WHERE id = ?1")?;
    let found = statement.query_row([incident], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    // Of a drill nothing is kept.
    let Some((component, opened_at, closed_at)): Option<(String, i64, Option<i64>)> = found else {
        return Ok(Vec::new());
    };
    let mut statement = db.prepare_cached(CHANGES_OF)?;
    let until = closed_at.unwrap_or(i64::MAX);
    let mut rows = statement.query(params![component, opened_at.saturating_sub(LEAD), until, MOST])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let (from, to): (String, String) = (row.get(2)?, row.get(3)?);
        let read = Verdict::parse(&from).zip(Verdict::parse(&to));
        // The end of the one before it is no part of it.
        if let Some((from, to)) = read.filter(|(_, to)| !changes.is_empty() || *to != Verdict::Ready) {
            changes.push(Change { at: moment(row.get(0)?), from, to, settling: row.get(5)? });
        }
    }
    Ok(changes)
}

/// The first of those who said so, oldest first, who saw to it as it was in the end; one beyond the last if none did. Both in the order
/// of time.
///
/// As the policy has it (notify/policy/state.rs), but for what no row says: who sees to what goes to and fro sees to all of it.
fn counts_from(moments: &[Timestamp], changes: &[Change]) -> usize {
    let mut stands = changes.first().map_or(Verdict::Ready, |first| first.from);
    let (mut next, mut seen_to, mut counts_from) = (changes.iter().peekable(), None, 0);
    for (place, at) in moments.iter().map(Some).chain([None]).enumerate() {
        while let Some(change) = next.next_if(|change| at.is_none_or(|at| change.at <= *at)) {
            stands = change.to;
            // How it looks at a start is not how it is.
            if !change.settling && seen_to.is_some_and(|seen_to| stands > seen_to) {
                (seen_to, counts_from) = (None, place);
            }
        }
        let Some(at) = at else { break };
        let lately = changes.iter().filter(|change| change.at <= *at && micros(*at) - micros(change.at) < lasts());
        let known = lately.map(|change| change.from).fold(stands, Verdict::max);
        seen_to = seen_to.max(Some(known));
    }
    counts_from
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

    #[test]
    fn a_look_at_a_start_outgrows_nothing() {
        let change = |minute, from, to, settling| Change { at: at(minute), from, to, settling };
        let started = [
            change(0, Ready, Degraded, false),
            change(20, Degraded, Unknown, true),
            change(21, Unknown, Degraded, true),
        ];
        assert_eq!(counts_from(&[at(10)], &started), 0);
    }
}
