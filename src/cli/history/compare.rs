//! Where what would have been is not what was.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{Transition, Verdict};

/// Shorter differences are those between two runs of the same judge: the time an observation waits for it, and the
/// microseconds that rows cut off.
const NOTICED: Duration = Duration::from_secs(1);

/// A span in which the room would have been something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// `None`: nothing was recorded yet.
    pub(super) recorded: Option<Verdict>,
    pub(super) replayed: Verdict,
}

/// Where the two differ between `begin` and `end`, the spans in which nobody watched left out.
pub(super) fn differences(
    recorded: &[Transition],
    replayed: &[(Timestamp, Verdict)],
    (begin, end): (Timestamp, Timestamp),
    unwatched: &[(Timestamp, Timestamp)],
) -> Vec<Difference> {
    let mut moments: Vec<Timestamp> = recorded.iter().map(|change| change.at).collect();
    moments.extend(replayed.iter().map(|(at, _)| *at));
    moments.extend(unwatched.iter().flat_map(|(from, to)| [*from, *to]));
    moments.extend([begin, end]);
    moments.retain(|at| (begin..=end).contains(at));
    moments.sort_unstable();
    let mut all: Vec<Difference> = Vec::new();
    for span in moments.windows(2) {
        let (from, to) = (span[0], span[1]);
        let was = recorded.iter().rev().find(|change| change.at <= from).map(|change| change.to);
        // Before its first word a judge knows nothing; so it is told in rows.
        let was = was.or_else(|| recorded.first().map(|first| first.from));
        let would = replayed.iter().rev().find(|(at, _)| *at <= from).map_or(Verdict::Unknown, |(_, to)| *to);
        if was == Some(would) || unwatched.iter().any(|(begin, end)| *begin <= from && to <= *end) {
            continue;
        }
        match all.last_mut() {
            Some(last) if (last.to, last.recorded, last.replayed) == (from, was, would) => last.to = to,
            _ => all.push(Difference { from, to, recorded: was, replayed: would }),
        }
    }
    all.retain(|difference| difference.to.duration_since(difference.from).unsigned_abs() >= NOTICED);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Subject;
    use Verdict::{Degraded, NotReady, Ready, Unknown};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn told(second: i64, from: Verdict, to: Verdict) -> Transition {
        let (profile, codes) = ("standard".into(), Vec::new());
        Transition { subject: Subject::Room, profile, from, to, at: at(second), codes, settling: false }
    }

    #[test]
    fn spans_are_found_where_they_are_and_only_there() {
        let recorded = [told(0, Unknown, Ready), told(100, Ready, NotReady), told(200, NotReady, Ready)];
        let replayed = [(at(0), Ready), (at(110), Degraded), (at(200), Ready), (at(400), Unknown)];
        let span = (at(0), at(500));
        let difference =
            |from, to, was, replayed| Difference { from: at(from), to: at(to), recorded: Some(was), replayed };
        let expected = [
            difference(100, 110, NotReady, Ready),
            difference(110, 200, NotReady, Degraded),
            difference(400, 500, Ready, Unknown),
        ];
        assert_eq!(differences(&recorded, &replayed, span, &[]), expected);
        assert_eq!(differences(&recorded, &replayed, span, &[(at(400), at(500))]), expected[..2]);
        let same = [(at(0), Ready), (at(100), NotReady), (at(200), Ready)];
        assert_eq!(differences(&recorded, &same, span, &[]), []);
    }

    #[test]
    fn what_was_never_recorded_is_said_to_be_so() {
        let found = differences(&[], &[(at(0), Ready)], (at(0), at(9)), &[]);
        assert_eq!(found, [Difference { from: at(0), to: at(9), recorded: None, replayed: Ready }]);
    }
}
