//! What observations leave behind: minutes with quantiles, the newest observation of each check, and the history.
//!
//! Held in memory and taken by the writer every few seconds. A lock, not a channel: a channel would copy every observation
//! to fold most of them into a few numbers; the fold takes a microsecond, and the writer holds the lock only to swap.

use std::collections::HashMap;
use std::sync::Arc;

use super::history::{Keeper, Kept};
use super::hourly::{Packets, Watched, Watching};
use crate::domain::{CheckName, Figure, Measurement, Observation};

/// Values of one minute that are kept for its quantiles: two minutes' worth of the quickest poll (4 Hz).
const KEPT: usize = 480;
/// Series in one minute; a config of sixty checks makes about three hundred.
const MAX_SERIES: usize = 4096;
/// Finished minutes that wait for the disk: about half an hour of 300 series.
const MAX_WAITING: usize = 8192;

/// What tells one line of numbers from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Series {
    pub(super) check: CheckName,
    pub(super) quantity: &'static str,
    pub(super) part: Option<Arc<str>>,
}

/// One minute of one series, finished.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MinuteRow {
    pub(super) series: Series,
    /// What it says of the line, if anything: then it goes into its hour too.
    pub(super) figure: Option<Figure>,
    /// Minutes since 1970-01-01T00:00Z.
    pub(super) minute: i64,
    pub(super) count: i64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) mean: f64,
    pub(super) p50: f64,
    pub(super) p95: f64,
}

#[derive(Debug)]
struct Minute {
    figure: Option<Figure>,
    begins: i64,
    count: u32,
    min: f64,
    max: f64,
    sum: f64,
    kept: Vec<f64>,
    /// Every so many-th value is kept; doubled whenever `kept` is full, so that what is kept is spread over the minute.
    stride: u32,
}

impl Minute {
    fn begin(minute: i64, figure: Option<Figure>) -> Self {
        Self {
            figure,
            begins: minute,
            count: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: 0.0,
            kept: Vec::new(),
            stride: 1,
        }
    }

    fn add(&mut self, value: f64) {
        if self.count.is_multiple_of(self.stride) {
            if self.kept.len() == KEPT {
                let mut place = 0;
                self.kept.retain(|_| {
                    place += 1;
                    place % 2 == 1
                });
                self.stride = self.stride.saturating_mul(2);
            }
            if self.count.is_multiple_of(self.stride) {
                self.kept.push(value);
            }
        }
        self.count = self.count.saturating_add(1);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value;
    }

    fn finish(mut self, series: Series) -> MinuteRow {
        self.kept.sort_by(f64::total_cmp);
        MinuteRow {
            series,
            figure: self.figure,
            minute: self.begins,
            count: i64::from(self.count),
            min: self.min,
            max: self.max,
            // Rounding must not carry the mean out of the range of what it is the mean of.
            mean: (self.sum / f64::from(self.count)).clamp(self.min, self.max),
            p50: quantile(&self.kept, 50),
            p95: quantile(&self.kept, 95),
        }
    }
}

/// The nearest-rank quantile: the smallest value that `percent` of all do not exceed. Always a value that was measured.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

/// What waits for the writer.
#[derive(Debug, Default)]
pub(super) struct Feed {
    minutes: HashMap<Series, Minute>,
    finished: Vec<MinuteRow>,
    newest: HashMap<CheckName, Observation>,
    packets: Packets,
    watching: Watching,
    history: Keeper,
    overflowed: u64,
}

/// What the writer took.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) minutes: Vec<MinuteRow>,
    pub(super) newest: Vec<Observation>,
    pub(super) history: Vec<Kept>,
    pub(super) runs: Vec<Watched>,
}

impl Taken {
    pub(super) fn is_empty(&self) -> bool {
        self.minutes.is_empty() && self.newest.is_empty() && self.history.is_empty()
    }
}

impl Feed {
    /// What begins with a process.
    pub(super) fn since(opened: crate::domain::Now) -> Self {
        Self { watching: Watching::since(opened), ..Self::default() }
    }

    /// These spans are on the disk.
    pub(super) fn wrote(&mut self, runs: &[Watched]) {
        self.watching.wrote(runs);
    }

    /// When the newest span began that is on the disk, if any is.
    pub(super) fn written(&self) -> Option<jiff::Timestamp> {
        self.watching.written()
    }

    /// From when on nothing is known by the wall clock, once, since it was set back.
    pub(super) fn set_back(&mut self) -> Option<jiff::Timestamp> {
        self.watching.set_back()
    }

    /// A new file is begun, which knows nothing of what is on the disk.
    pub(super) fn begin_anew(&mut self) {
        self.watching.begin_anew();
    }

    /// Folds one observation in.
    pub(super) fn observe(&mut self, observation: &Observation) {
        let minute = observation.at.wall.as_second().div_euclid(60);
        for measurement in &observation.reading.measurements {
            self.add(&observation.check, measurement, minute);
        }
        if let Some(row) = self.packets.observe(observation, minute) {
            self.keep(row);
        }
        self.watching.observe(observation.at);
        self.history.observe(observation);
        let room = self.newest.len() < MAX_SERIES;
        match self.newest.get_mut(&observation.check) {
            Some(newest) => newest.clone_from(observation),
            // The checks of a config are few; a name that is new each time would be a bug, and must not eat memory.
            None if room => {
                self.newest.insert(observation.check.clone(), observation.clone());
            }
            None => self.overflowed += 1,
        }
    }

    fn add(&mut self, check: &CheckName, measurement: &Measurement, minute: i64) {
        let series =
            Series { check: check.clone(), quantity: measurement.quantity.name, part: measurement.part.clone() };
        let (room, figure) = (self.minutes.len() < MAX_SERIES, measurement.quantity.figure);
        match self.minutes.get_mut(&series) {
            Some(open) if open.begins == minute => open.add(measurement.value),
            Some(open) => {
                let mut next = Minute::begin(minute, figure);
                next.add(measurement.value);
                let done = std::mem::replace(open, next).finish(series);
                self.keep(done);
            }
            None if room => {
                let mut open = Minute::begin(minute, figure);
                open.add(measurement.value);
                self.minutes.insert(series, open);
            }
            None => self.overflowed += 1,
        }
    }

    fn keep(&mut self, done: MinuteRow) {
        if self.finished.len() < MAX_WAITING {
            self.finished.push(done);
        } else {
            self.overflowed += 1;
        }
    }

    /// Takes what is finished: minutes other than `now_minute`, or every one at a shutdown (`None`).
    pub(super) fn take(&mut self, now_minute: Option<i64>) -> Taken {
        let done: Vec<_> = self.minutes.extract_if(|_, open| Some(open.begins) != now_minute).collect();
        for (series, open) in done {
            self.keep(open.finish(series));
        }
        for row in self.packets.take(now_minute) {
            self.keep(row);
        }
        Taken {
            minutes: std::mem::take(&mut self.finished),
            newest: self.newest.drain().map(|(_, last)| last).collect(),
            history: self.history.take(now_minute),
            runs: self.watching.take(),
        }
    }

    /// Gives back what could not be written; what came meanwhile is newer and stays.
    pub(super) fn give_back(&mut self, taken: Taken) {
        for row in taken.minutes {
            self.keep(row);
        }
        for observation in taken.newest {
            self.newest.entry(observation.check.clone()).or_insert(observation);
        }
        self.history.give_back(taken.history);
        self.watching.give_back(taken.runs);
    }

    /// How much was left out because a bound was reached.
    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed + self.history.overflowed() + self.watching.overflowed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "exact by construction")]

    use super::*;
    use crate::domain::{Mono, Now, Quantity, Reading, Unit};

    static RTT: Quantity = Quantity::gauge("icmp_rtt_seconds", Unit::Seconds, "x");

    fn at(second: i64, value: f64) -> Observation {
        let mut reading = Reading::default();
        reading.measure(&RTT, value);
        let now = Now { mono: Mono::ZERO, wall: jiff::Timestamp::from_second(second).unwrap() };
        Observation::read("far-end".into(), now, std::time::Duration::ZERO, reading)
    }

    #[test]
    fn a_minute_holds_exactly_the_values_of_its_minute() {
        let mut feed = Feed::default();
        for (second, value) in [(0, 4.0), (30, 2.0), (59, 3.0), (60, 100.0)] {
            feed.observe(&at(second, value));
        }
        let rows = feed.take(Some(1)).minutes;
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!(
            (row.minute, row.count, row.min, row.max, row.mean, row.p50, row.p95),
            (0, 3, 2.0, 4.0, 3.0, 3.0, 4.0)
        );
        assert!(feed.take(Some(1)).minutes.is_empty(), "minute 1 is still open, minute 0 is gone");
        assert_eq!(feed.take(None).minutes[0].max, 100.0);
    }

    #[test]
    fn quantiles_are_right_to_two_percent_with_more_values_than_are_kept() {
        let mut feed = Feed::default();
        let total = 6000_u32;
        for i in 0..total {
            // In an order that has nothing to do with the size: 7919 is coprime to 6000.
            feed.observe(&at(i64::from(i) / 100, f64::from((i * 7919) % total)));
        }
        let row = feed.take(None).minutes.remove(0);
        assert_eq!(row.count, i64::from(total));
        assert_eq!((row.min, row.max), (0.0, f64::from(total - 1)));
        assert!((row.mean - f64::from(total - 1) / 2.0).abs() < 1e-9);
        assert!((row.p50 / f64::from(total) - 0.50).abs() < 0.02, "p50 {}", row.p50);
        assert!((row.p95 / f64::from(total) - 0.95).abs() < 0.02, "p95 {}", row.p95);
    }

    #[test]
    fn memory_is_bounded_and_what_is_left_out_is_counted() {
        let mut feed = Feed::default();
        for minute in 0..i64::try_from(MAX_WAITING).unwrap() + 11 {
            feed.observe(&at(minute * 60, 1.0));
        }
        assert_eq!(feed.finished.len(), MAX_WAITING);
        assert_eq!(feed.overflowed(), 20, "ten minutes, and ten observations of the history");
    }

    #[test]
    fn what_is_given_back_does_not_replace_what_is_newer() {
        let mut feed = Feed::default();
        feed.observe(&at(0, 1.0));
        let taken = feed.take(None);
        feed.observe(&at(60, 2.0));
        feed.give_back(taken);
        let again = feed.take(None);
        assert_eq!(again.minutes.len(), 2);
        assert_eq!(again.newest.len(), 1);
        assert_eq!(again.newest[0].at.wall.as_second(), 60);
    }
}
