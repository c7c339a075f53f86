//! What is remembered of the past: hours of measurements, changes of verdict, and when anybody watched at all.

use std::time::Duration;

use jiff::Timestamp;

use super::check::CheckName;
use super::incident::{Subject, Transition};
use super::quantity::Figure;
use super::sketch::Sketch;

/// Without any observation of any check for this long, nobody watched: a suspended machine, a stopped process.
pub const UNWATCHED: Duration = Duration::from_secs(150);

/// Seconds of an hour.
pub const HOUR: i64 = 3600;

/// A span in which observations came in: nobody watched between two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its first observation; of the first of a process, the process's own beginning.
    pub began: Timestamp,
    /// Its newest observation.
    pub until: Timestamp,
    /// Whether a process begins with it, or the clock was set back: then nothing was known at its beginning.
    pub fresh: bool,
}

/// One hour of one figure of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct Hour {
    /// Hours since 1970-01-01T00:00Z.
    pub hour: i64,
    /// Of which check.
    pub check: CheckName,
    /// What was measured.
    pub figure: Figure,
    /// How many packets (of loss) or values.
    pub count: u64,
    /// Their mean; of loss, lost over sent.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The minutes of the hour: each minute's median round trip, its share of packets lost, its mean rate.
    pub minutes: Sketch,
}

/// What is asked of the past. Whoever answers bounds the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// From when.
    pub since: Timestamp,
    /// Until when, itself not in it.
    pub until: Timestamp,
    /// Of which hours measurements are wanted: spans of hours since 1970-01-01T00:00Z, the end not in it.
    pub hours: Vec<(i64, i64)>,
    /// Whose changes of verdict.
    pub subjects: Vec<Subject>,
}

/// What is remembered of what was asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// When anybody watched, oldest first.
    pub runs: Vec<Run>,
    /// The hours' measurements, oldest first.
    pub hours: Vec<Hour>,
    /// Each subject's changes that hold, oldest first: at most one of them from before the span.
    pub changes: Vec<(Subject, Vec<Transition>)>,
    /// Whether there was more than is read at once, so that this is not all.
    pub cut: bool,
}

impl Past {
    /// Until when it can be told what was: `now`, or while somebody watches, the newest observation that is written down.
    /// What came in since then is not unwatched, it is on its way to the disk.
    pub fn told_until(&self, now: Timestamp) -> Timestamp {
        let goes_on = |run: &&Run| run.until <= now && now.duration_since(run.until).unsigned_abs() <= UNWATCHED;
        self.runs.last().filter(goes_on).map_or(now, |run| run.until)
    }

    /// A subject's changes.
    pub fn changes_of(&self, subject: &Subject) -> &[Transition] {
        self.changes.iter().find(|(known, _)| known == subject).map_or(&[], |(_, changes)| changes)
    }
}

/// The hour in which a moment lies.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(HOUR)
}

/// When an hour begins.
pub fn hour_begins(hour: i64) -> Timestamp {
    let edge = if hour < 0 { Timestamp::MIN } else { Timestamp::MAX };
    hour.checked_mul(HOUR).and_then(|second| Timestamp::from_second(second).ok()).unwrap_or(edge)
}
