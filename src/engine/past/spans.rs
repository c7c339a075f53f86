//! From changes of verdict to spans of time: what something was, from when until when, and when nobody looked.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::past::{hour_begins, hour_of};
use crate::domain::{Run, Transition, Verdict};

/// A span in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// What it was; `None` where nobody watched.
    pub state: Option<Verdict>,
}

impl Span {
    /// How long it is.
    pub fn length(&self) -> Duration {
        Duration::try_from(self.to.duration_since(self.from)).unwrap_or_default()
    }
}

/// The whole of `since <= at < until`, without gaps, oldest first. `changes` and `runs` are oldest first and those that hold
/// ([`super::in_force`]), with at most one change and one run from before it.
///
/// A process knows nothing when it begins: what another one said before it is not carried over. Time in which nobody watched
/// is not measured, whatever was said before and after.
pub fn spans(changes: &[Transition], runs: &[Run], (since, until): (Timestamp, Timestamp)) -> Vec<Span> {
    let mut all = Vec::new();
    let mut at = since;
    let mut known_since = Timestamp::MIN;
    for run in runs {
        if run.fresh {
            known_since = run.began;
        }
        let (from, to) = (run.began.max(at), run.until.min(until));
        if from >= to {
            continue;
        }
        push(&mut all, at, from, None);
        let said = changes.partition_point(|change| change.at <= from);
        let before = changes[..said].last().filter(|change| change.at >= known_since);
        let mut state = before.map_or(Verdict::Unknown, |change| change.to);
        at = from;
        for change in changes[said..].iter().take_while(|change| change.at < to) {
            push(&mut all, at, change.at, Some(state));
            (at, state) = (change.at.max(at), change.to);
        }
        push(&mut all, at, to, Some(state));
        at = to;
    }
    push(&mut all, at, until, None);
    all
}

/// Since when what was said counts at a moment: its process knew nothing when it began. `runs` are oldest first.
pub fn known_since(runs: &[Run], moment: Timestamp) -> Timestamp {
    let begun = runs.partition_point(|run| run.began <= moment);
    runs[..begun].iter().rev().find(|run| run.fresh).map_or(Timestamp::MIN, |run| run.began)
}

/// Adds a span that follows; one in the same state as the last makes that longer.
pub fn push(all: &mut Vec<Span>, from: Timestamp, to: Timestamp, state: Option<Verdict>) {
    if from >= to {
        return;
    }
    match all.last_mut() {
        Some(last) if last.state == state && last.to == from => last.to = to,
        _ => all.push(Span { from, to, state }),
    }
}

/// How long something was what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// In the order of [`Verdict::ALL`].
    pub verdicts: [Duration; 4],
    /// How long nobody watched.
    pub unmeasured: Duration,
}

impl Times {
    /// Adds a span.
    pub fn add(&mut self, state: Option<Verdict>, length: Duration) {
        match state {
            Some(verdict) => self.verdicts[verdict.rank()] += length,
            None => self.unmeasured += length,
        }
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.unmeasured += other.unmeasured;
        self.verdicts.iter_mut().zip(other.verdicts).for_each(|(own, other)| *own += other);
    }

    /// How long it was `verdict`.
    pub const fn of(&self, verdict: Verdict) -> Duration {
        self.verdicts[verdict.rank()]
    }

    /// How long it was known what it was: neither unknown nor unmeasured.
    pub fn known(&self) -> Duration {
        self.of(Verdict::Ready) + self.of(Verdict::Degraded) + self.of(Verdict::NotReady)
    }
}

/// The time of each hour (since 1970-01-01T00:00Z) that the spans touch.
pub fn by_hour(spans: &[Span]) -> BTreeMap<i64, Times> {
    let mut hours: BTreeMap<i64, Times> = BTreeMap::new();
    for span in spans {
        let mut from = span.from;
        while from < span.to {
            let hour = hour_of(from);
            let to = span.to.min(hour_begins(hour + 1));
            hours.entry(hour).or_default().add(span.state, Span { from, to, state: None }.length());
            if to <= from {
                break;
            }
            from = to;
        }
    }
    hours
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::{Component, Subject};
    use Verdict::{Degraded, NotReady, Ready, Unknown};

    pub(in crate::engine::past) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_400 + second).unwrap()
    }

    pub(in crate::engine::past) fn change(second: i64, to: Verdict) -> Transition {
        Transition {
            subject: Subject::Component(Component::Internet),
            profile: "x".into(),
            from: Unknown,
            to,
            at: at(second),
            codes: Vec::new(),
            settling: false,
        }
    }

    pub(in crate::engine::past) fn run(began: i64, until: i64, fresh: bool) -> Run {
        Run { began: at(began), until: at(until), fresh }
    }

    pub(in crate::engine::past) fn told(spans: &[Span]) -> Vec<(i64, i64, Option<Verdict>)> {
        let second = |moment: Timestamp| moment.as_second() - at(0).as_second();
        spans.iter().map(|span| (second(span.from), second(span.to), span.state)).collect()
    }

    #[test]
    fn what_nobody_watched_is_not_measured_and_a_new_process_knows_nothing() {
        let changes = [change(10, Ready), change(100, NotReady), change(130, Ready), change(320, Degraded)];
        let runs = [run(0, 200, true), run(300, 400, true), run(500, 600, false)];
        let all = spans(&changes, &runs, (at(-50), at(700)));
        assert_eq!(
            told(&all),
            [
                (-50, 0, None),
                (0, 10, Some(Unknown)),
                (10, 100, Some(Ready)),
                (100, 130, Some(NotReady)),
                (130, 200, Some(Ready)),
                (200, 300, None),
                // Not "ready": the process before said that.
                (300, 320, Some(Unknown)),
                (320, 400, Some(Degraded)),
                (400, 500, None),
                // The same process after a suspension: what it said stands until it says something else.
                (500, 600, Some(Degraded)),
                (600, 700, None),
            ]
        );
        let total: Duration = all.iter().map(Span::length).sum();
        assert_eq!(total, Duration::from_secs(750), "no second is missing and none is counted twice");
    }

    #[test]
    fn a_span_within_a_run_begins_with_what_was_said_before_it() {
        let runs = [run(0, 1000, true)];
        assert_eq!(told(&spans(&[change(5, Ready)], &runs, (at(50), at(60)))), [(50, 60, Some(Ready))]);
        // A change from before the process was another's.
        assert_eq!(told(&spans(&[change(-5, Ready)], &runs, (at(50), at(60)))), [(50, 60, Some(Unknown))]);
        assert_eq!(told(&spans(&[], &[], (at(0), at(9)))), [(0, 9, None)]);
        assert_eq!(told(&spans(&[], &runs, (at(9), at(9)))), []);
    }

    #[test]
    fn runs_that_overlap_because_a_clock_was_set_back_are_counted_once() {
        let runs = [run(0, 100, true), run(50, 150, false)];
        let all = spans(&[change(10, Ready)], &runs, (at(0), at(150)));
        assert_eq!(told(&all), [(0, 10, Some(Unknown)), (10, 150, Some(Ready))]);
    }

    #[test]
    fn what_is_known_is_all_but_unknown_and_unmeasured() {
        let mut times = Times::default();
        let lengths = [(Some(Ready), 10), (Some(Degraded), 5), (Some(NotReady), 1), (Some(Unknown), 70), (None, 700)];
        for (state, seconds) in lengths {
            times.add(state, Duration::from_secs(seconds));
        }
        assert_eq!(times.known(), Duration::from_secs(16));
    }

    #[test]
    fn an_hour_has_its_own_seconds() {
        // at(0) is 22:20:00 UTC: forty minutes are left of its hour.
        let all = spans(&[change(0, Ready), change(2700, NotReady)], &[run(0, 4000, true)], (at(0), at(9000)));
        let hours = by_hour(&all);
        let first = hour_of(at(0));
        let told: Vec<_> = hours
            .iter()
            .map(|(hour, times)| {
                let [ready, .., not_ready] = times.verdicts.map(|time| time.as_secs());
                (hour - first, ready, not_ready, times.unmeasured.as_secs())
            })
            .collect();
        assert_eq!(told, [(0, 2400, 0, 0), (1, 300, 1300, 2000), (2, 0, 0, 3000)]);
        // One that ends with its hour has no part of the next.
        let whole = [Span { from: at(2400), to: at(6000), state: Some(Ready) }];
        assert_eq!(by_hour(&whole).into_keys().collect::<Vec<_>>(), [first + 1]);
    }
}
