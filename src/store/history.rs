//! What is kept of all observations, so that the past can be judged again under another config.
//!
//! ```text
//!  seen   ● ● ● ● ● │ ● ● ● ● ● │ ● ● ○ ○ ○ │ ○ …      ● and ○ say different things, │ is a minute's end
//!  kept   ●       ● │         ● │   ● ○   ○ │
//! ```
//!
//! Of those that say the same, the newest of each minute; and besides both sides of every change. What is left out is not
//! forgotten: its packets are added to the next one that is kept, with how many they were and the longest silence among
//! them, so that loss and staleness come out the same. Lost are only the numbers measured between two that are kept.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{CheckName, ErrorKind, Observation, Sample, Verdict};

/// Checks that are followed; the checks of a config are few.
const MAX_CHECKS: usize = 4096;
/// What waits for the disk: an hour and a half of sixty steady checks that a disk refuses, some 8 MB.
const MAX_WAITING: usize = 8192;

/// An observation that is kept, and what it stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    /// With the packets of those left out since the one kept before.
    pub(super) observation: Observation,
    /// How many were left out.
    pub(super) left_out: u32,
    /// The longest time without any since the one kept before; from and to its own moment for the first of a process.
    pub(super) quiet: (Timestamp, Timestamp),
}

/// Decides what is kept, and holds it until the disk takes it.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    lines: HashMap<CheckName, Line>,
    kept: Vec<Kept>,
    overflowed: u64,
}

/// One check.
#[derive(Debug)]
struct Line {
    /// What the one kept last says.
    says: Says,
    /// When it was last seen.
    seen: Timestamp,
    /// The newest since, which says the same, and will be kept unless a newer one of its minute comes.
    newest: Option<Kept>,
}

/// What an observation says, its numbers aside.
#[derive(Debug, PartialEq, Eq)]
struct Says {
    findings: Vec<(&'static str, Verdict)>,
    error: Option<ErrorKind>,
    in_use: Option<bool>,
    outage: bool,
}

impl Says {
    fn of(observation: &Observation) -> Self {
        let reading = &observation.reading;
        Self {
            findings: reading.findings.iter().map(|finding| (finding.reason.code, finding.verdict)).collect(),
            error: observation.error.as_ref().map(|error| error.kind),
            in_use: reading.in_use,
            outage: reading.sample.is_some_and(|sample| sample.outage),
        }
    }
}

impl Keeper {
    /// Takes one observation in.
    pub(super) fn observe(&mut self, observation: &Observation) {
        let (says, at) = (Says::of(observation), observation.at.wall);
        let room = self.lines.len() < MAX_CHECKS;
        let Some(line) = self.lines.get_mut(&observation.check) else {
            if room {
                self.lines.insert(observation.check.clone(), Line { says, seen: at, newest: None });
                self.keep(Kept { observation: observation.clone(), left_out: 0, quiet: (at, at) });
            } else {
                self.overflowed += 1;
            }
            return;
        };
        let mut next = Kept { observation: observation.clone(), left_out: 0, quiet: (line.seen, at) };
        line.seen = at;
        let before = line.newest.take();
        if says == line.says {
            let done = match before {
                Some(before) if minute(before.observation.at.wall) == minute(at) => {
                    next.stand_for(&before);
                    None
                }
                other => other,
            };
            line.newest = Some(next);
            if let Some(done) = done {
                self.keep(done);
            }
        } else {
            line.says = says;
            for kept in before.into_iter().chain([next]) {
                self.keep(kept);
            }
        }
    }

    fn keep(&mut self, kept: Kept) {
        if self.kept.len() < MAX_WAITING {
            self.kept.push(kept);
        } else {
            self.overflowed += 1;
        }
    }

    /// Takes what is to be written: all but what `now_minute` may still replace; at a shutdown (`None`) everything.
    pub(super) fn take(&mut self, now_minute: Option<i64>) -> Vec<Kept> {
        let done: Vec<Kept> = self
            .lines
            .values_mut()
            .filter_map(|line| line.newest.take_if(|kept| Some(minute(kept.observation.at.wall)) != now_minute))
            .collect();
        for done in done {
            self.keep(done);
        }
        std::mem::take(&mut self.kept)
    }

    /// Gives back what could not be written.
    pub(super) fn give_back(&mut self, kept: Vec<Kept>) {
        for kept in kept {
            self.keep(kept);
        }
    }

    /// How much was left out because a bound was reached.
    pub(super) const fn overflowed(&self) -> u64 {
        self.overflowed
    }
}

impl Kept {
    /// Lets `older`, which says the same, be left out.
    fn stand_for(&mut self, older: &Self) {
        self.left_out = older.left_out.saturating_add(1);
        if length(older.quiet) >= length(self.quiet) {
            self.quiet = older.quiet;
        }
        let sample = &mut self.observation.reading.sample;
        if let Some(older) = older.observation.reading.sample {
            let own = sample.unwrap_or(Sample { outage: older.outage, ..Sample::default() });
            *sample = Some(Sample {
                sent: own.sent.saturating_add(older.sent),
                lost: own.lost.saturating_add(older.lost),
                outage: own.outage,
            });
        }
    }
}

fn length((from, to): (Timestamp, Timestamp)) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Finding, Mono, Now, ProbeError, Reading, ReasonDef, Text};

    static LOSS: ReasonDef = ReasonDef::new("internet.loss_high", Text::new("x", "x"), Text::new("x", "x"));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seen(second: i64, change: impl FnOnce(&mut Observation)) -> Observation {
        let now = Now { mono: Mono::ZERO, wall: at(second) };
        let mut seen = Observation::read("line".into(), now, Duration::ZERO, Reading::default());
        seen.reading.sample = Some(Sample { sent: 10, lost: 1, outage: false });
        change(&mut seen);
        seen
    }

    /// Second, left out, sent, longest silence.
    fn rows(kept: &[Kept]) -> Vec<(i64, u32, u32, u64)> {
        let sent = |kept: &Kept| kept.observation.reading.sample.map_or(0, |sample| sample.sent);
        kept.iter()
            .map(|kept| (kept.observation.at.wall.as_second(), kept.left_out, sent(kept), length(kept.quiet).as_secs()))
            .collect()
    }

    #[test]
    fn of_the_same_the_newest_of_each_minute_is_kept_with_the_packets_of_all() {
        let mut keeper = Keeper::default();
        for second in (0..150).step_by(10).filter(|second| !(80..100).contains(second)) {
            keeper.observe(&seen(second, |_| {}));
        }
        let first = [(0, 0, 10, 0), (50, 4, 50, 10), (110, 3, 40, 30)];
        assert_eq!(rows(&keeper.take(Some(2))), first, "the running minute waits");
        assert_eq!(rows(&keeper.take(Some(2))), []);
        assert_eq!(rows(&keeper.take(None)), [(140, 2, 30, 10)]);
        // No packet is counted twice or not at all: 13 observations of ten.
        assert_eq!(keeper.overflowed(), 0);
    }

    #[test]
    fn both_sides_of_every_change_are_kept() {
        let changes: [fn(&mut Observation); 5] = [
            |seen| seen.reading.find(Finding::new(&LOSS, Verdict::Degraded)),
            |seen| seen.reading.find(Finding::new(&LOSS, Verdict::NotReady)),
            |seen| seen.error = Some(ProbeError::new(ErrorKind::Timeout, "x")),
            |seen| seen.reading.in_use = Some(true),
            |seen| seen.reading.sample = Some(Sample { sent: 10, lost: 10, outage: true }),
        ];
        for change in changes {
            let mut keeper = Keeper::default();
            for second in 0..5 {
                keeper.observe(&seen(second, |_| {}));
            }
            for second in 5..9 {
                keeper.observe(&seen(second, change));
            }
            keeper.observe(&seen(9, |_| {}));
            let expected = [(0, 0, 10, 0), (4, 3, 40, 1), (5, 0, 10, 1), (8, 2, 30, 1), (9, 0, 10, 1)];
            assert_eq!(rows(&keeper.take(None)), expected);
        }
    }

    #[test]
    fn what_changes_with_every_measurement_is_no_change() {
        let mut keeper = Keeper::default();
        for second in 0_u32..30 {
            keeper.observe(&seen(i64::from(second), |seen| {
                seen.reading.find(Finding::new(&LOSS, Verdict::Degraded).with("value", second.to_string()));
                seen.error = Some(ProbeError::new(ErrorKind::Timeout, second.to_string()));
            }));
        }
        assert_eq!(rows(&keeper.take(None)), [(0, 0, 10, 0), (29, 28, 290, 1)]);
    }

    #[test]
    fn memory_is_bounded_and_what_is_left_out_is_counted() {
        let mut keeper = Keeper::default();
        for second in 0..i64::try_from(MAX_WAITING).unwrap() + 10 {
            keeper.observe(&seen(second, |seen| seen.reading.in_use = Some(second % 2 == 0)));
        }
        let kept = keeper.take(None);
        assert_eq!((kept.len(), keeper.overflowed()), (MAX_WAITING, 10));
        keeper.give_back(kept);
        assert_eq!(keeper.take(None).len(), MAX_WAITING);
    }
}
