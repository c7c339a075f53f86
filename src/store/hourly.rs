//! What is kept longer than the minutes: the figures of the line by the hour, and when anybody watched.
//!
//! A minute that is finished goes into its hour in the same transaction. Loss has no quantity of a probe's; it is made here of
//! the packets that observations count. Packets of an outage are not among them: an outage is told as such, and the loss of the
//! line is what is lost while it is there.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::rollup::{MinuteRow, Series};
use super::rows::micros;
use crate::domain::past::{HOUR, UNWATCHED};
use crate::domain::{CheckName, Figure, Mono, Now, Observation, Quantity, Run, Sketch, Unit};

/// Checks of which packets are counted at a time; the checks of a config are few.
const MAX_CHECKS: usize = 4096;
/// Spans that wait for the disk; a clock would have to jump that often.
const MAX_RUNS: usize = 64;
/// Figures of one hour: some twenty far ends. Over 400 days some 120 MB, and 260 MB if no two minutes are alike, whatever a config
/// names.
const MAX_FIGURES: i64 = 64;

/// The share of packets that a check lost in a minute, of all that its observations counted.
pub(super) static LOSS: Quantity = Quantity::gauge("loss_ratio", Unit::Ratio, "Share of packets lost, outages aside.")
    .figure(Figure::Loss)
    .called("Paket hilang", "Packets lost");

/// Packets by the minute.
#[derive(Debug, Default)]
pub(super) struct Packets(HashMap<CheckName, (i64, u64, u64)>);

impl Packets {
    /// Takes an observation's packets in; gives the minute that is over with it.
    pub(super) fn observe(&mut self, observation: &Observation, minute: i64) -> Option<MinuteRow> {
        let sample = observation.reading.sample.filter(|sample| !sample.outage && sample.sent > 0)?;
        let (sent, lost) = (u64::from(sample.sent), u64::from(sample.lost.min(sample.sent)));
        let room = self.0.len() < MAX_CHECKS;
        match self.0.get_mut(&observation.check) {
            Some((open, all, gone)) if *open == minute => {
                *all += sent;
                *gone += lost;
                None
            }
            Some(open) => {
                let (before, all, gone) = std::mem::replace(open, (minute, sent, lost));
                Some(row(observation.check.clone(), before, all, gone))
            }
            None => {
                if room {
                    self.0.insert(observation.check.clone(), (minute, sent, lost));
                }
                None
            }
        }
    }

    /// Takes the minutes other than `now_minute`, or every one (`None`).
    pub(super) fn take(&mut self, now_minute: Option<i64>) -> Vec<MinuteRow> {
        let over = self.0.extract_if(|_, (open, ..)| Some(*open) != now_minute);
        over.map(|(check, (minute, sent, lost))| row(check, minute, sent, lost)).collect()
    }
}

#[allow(clippy::cast_precision_loss, reason = "packets of a minute are few")]
fn row(check: CheckName, minute: i64, sent: u64, lost: u64) -> MinuteRow {
    let ratio = lost as f64 / sent as f64;
    MinuteRow {
        series: Series { check, quantity: LOSS.name, part: None },
        figure: LOSS.figure,
        minute,
        count: i64::try_from(sent).unwrap_or(i64::MAX),
        min: ratio,
        max: ratio,
        mean: ratio,
        p50: ratio,
        p95: ratio,
    }
}

/// A span to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watched {
    pub(super) run: Run,
    /// When the span before it began, if the wall clock was set forward between them: what was said in that one still holds, unless
    /// others have watched in between by the clock.
    pub(super) after: Option<Timestamp>,
}

/// The spans in which observations came in. The newest goes on.
#[derive(Debug, Default)]
pub(super) struct Watching {
    /// When the process began, or the newest observation came.
    last: Option<Now>,
    /// When the newest observation came.
    newest: Option<Mono>,
    runs: Vec<Watched>,
    /// The newest that is on the disk, and until when.
    written: Option<Run>,
    /// When the newest span began that does so because the wall clock was set back, until somebody asks.
    set_back: Option<Timestamp>,
    /// Spans for which there was no room.
    overflowed: u64,
}

impl Watching {
    pub(super) fn since(opened: Now) -> Self {
        Self { last: Some(opened), ..Self::default() }
    }

    pub(super) fn observe(&mut self, at: Now) {
        // What is handed over late, by a probe that was stuck, says nothing of what the clock is now.
        if self.newest.is_some_and(|newest| at.mono < newest) {
            return;
        }
        self.newest = Some(at.mono);
        let wall = at.wall;
        let near = |from: Timestamp, to: Timestamp| to.duration_since(from).unsigned_abs() <= UNWATCHED;
        let last = self.last.replace(at).unwrap_or(at);
        let expected = last.wall.saturating_add(at.mono.since(last.mono)).unwrap_or(wall);
        let jumped = !near(expected, wall);
        let full = self.runs.len() >= MAX_RUNS;
        match self.runs.last_mut().map(|last| &mut last.run) {
            // A wall clock that was set back a little begins nothing new, and nothing was missed.
            Some(run) if !jumped && wall <= run.until => {}
            Some(run) if !jumped && near(run.until, wall) => run.until = wall,
            Some(_) if full => self.overflowed += 1,
            Some(before) => {
                // What was said before a wall clock was set back stands at a time that is still to come, and is not known yet.
                let (began, after) = (wall, (jumped && wall > expected).then_some(before.began));
                let fresh = jumped && after.is_none();
                self.set_back = if fresh { Some(wall) } else { self.set_back };
                self.runs.push(Watched { run: Run { began, until: wall, fresh }, after });
            }
            None => {
                // What a process says before its first observation belongs to it.
                let began = if !jumped && near(last.wall, wall) { last.wall.min(wall) } else { wall };
                self.runs.push(Watched { run: Run { began, until: wall, fresh: true }, after: None });
            }
        }
    }

    /// These are on the disk.
    pub(super) fn wrote(&mut self, runs: &[Watched]) {
        self.written = runs.last().map(|span| span.run).or(self.written);
    }

    /// When the newest span began that is on the disk, if any is.
    pub(super) fn written(&self) -> Option<Timestamp> {
        self.written.map(|run| run.began)
    }

    /// What was written lies in another file than what will be: for a new one it is as if a process began where that ends.
    pub(super) fn begin_anew(&mut self) {
        let Some(Run { until, .. }) = self.written.take() else { return };
        let newest = self.runs.last().map(|span| span.run.began);
        self.runs.retain(|span| span.run.until > until || Some(span.run.began) == newest);
        if let Some(first) = self.runs.first_mut() {
            let began = first.run.began.max(until);
            *first = Watched { run: Run { began, until: first.run.until.max(began), fresh: true }, after: None };
        }
    }

    /// From when on nothing is known by the wall clock, once, since it was set back.
    pub(super) fn set_back(&mut self) -> Option<Timestamp> {
        self.set_back.take()
    }

    /// How many spans were left out.
    pub(super) const fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// Takes what is to be written; the newest stays, to go on.
    pub(super) fn take(&mut self) -> Vec<Watched> {
        let all = self.runs.clone();
        self.runs.drain(..self.runs.len().saturating_sub(1));
        all
    }

    /// Gives back what could not be written. What came meanwhile is longer.
    pub(super) fn give_back(&mut self, mut runs: Vec<Watched>) {
        runs.retain(|span| !self.runs.iter().any(|known| known.run.began == span.run.began));
        runs.append(&mut self.runs);
        runs.drain(..runs.len().saturating_sub(MAX_RUNS));
        self.runs = runs;
    }
}

/// Whether a span that began then was written into this file.
pub(super) fn has_run(db: &Connection, began: Timestamp) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM runs WHERE began = ?1")?.exists([micros(began)])
}

/// Writes a span, or how long it has become.
pub(super) fn put_run(db: &Connection, Watched { run, after }: &Watched) -> rusqlite::Result<()> {
    let fresh = match after {
        None => run.fresh,
        Some(after) => {
            // Another's span between them, or one around the first: what was said before is not what was said last by the clock.
            db.prepare_cached(
                "SELECT 1 FROM runs WHERE began < ?1 AND (began > ?2 OR began < ?2 AND until > ?2) LIMIT 1",
            )?
            .exists([micros(run.began), micros(*after)])?
                || !has_run(db, *after)?
        }
    };
    db.prepare_cached(
        "INSERT INTO runs (began, until, fresh) VALUES (?1, ?2, ?3)
         ON CONFLICT (began) DO UPDATE SET until = max(until, excluded.until)",
    )?
    .execute(params![micros(run.began), micros(run.until), fresh])
    .map(drop)
}

/// Adds a minute to its hour, if it says something of the line; `false` if the hour has no room for another figure. A minute
/// that comes in two parts (a restart within it, a wall clock set back) counts as two in the quantiles.
pub(super) fn put_hour(db: &Connection, row: &MinuteRow, series: i64) -> rusqlite::Result<bool> {
    let Some(figure) = row.figure else { return Ok(true) };
    let hour = row.minute.div_euclid(HOUR / 60);
    let mut minutes = Sketch::of(if figure == Figure::RoundTrip { row.p50 } else { row.mean });
    let mut find =
        db.prepare_cached("SELECT count, mean, min, max, minutes FROM hours WHERE hour = ?1 AND series = ?2")?;
    let before = find.query_row([hour, series], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, f64>(1)?, row.get::<_, f64>(2)?, row.get::<_, f64>(3)?, row.get(4)?))
    });
    let (mut count, mut mean, mut min, mut max) = (row.count, row.mean, row.min, row.max);
    if let Some((known, known_mean, known_min, known_max, bytes)) = before.optional()? {
        let bytes: Vec<u8> = bytes;
        minutes.merge(&Sketch::from_bytes(&bytes));
        #[allow(clippy::cast_precision_loss, reason = "an hour's packets are far from 2^53")]
        let share = row.count as f64 / (known + row.count).max(1) as f64;
        (min, max) = (min.min(known_min), max.max(known_max));
        mean = (known_mean + (mean - known_mean) * share).clamp(min, max);
        count = count.saturating_add(known);
    } else {
        let figures = "SELECT count(*) FROM hours WHERE hour = ?1";
        if db.prepare_cached(figures)?.query_row([hour], |row| row.get::<_, i64>(0))? >= MAX_FIGURES {
            return Ok(false);
        }
    }
    db.prepare_cached(
        "INSERT OR REPLACE INTO hours (hour, series, count, mean, min, max, minutes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![hour, series, count, mean, min, max, minutes.to_bytes()])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A moment by both clocks: seconds of the wall, seconds of the process.
    fn at(wall: i64, mono: u64) -> Now {
        Now { wall: Timestamp::from_second(wall).unwrap(), mono: Mono::ZERO.after(Duration::from_secs(mono)) }
    }

    fn spans(watching: &mut Watching) -> Vec<(i64, i64, bool)> {
        let told = |span: &Watched| (span.run.began.as_second(), span.run.until.as_second(), span.run.fresh);
        watching.take().iter().map(told).collect()
    }

    #[test]
    fn a_silence_ends_a_span_and_the_next_observation_begins_another() {
        let mut watching = Watching::since(at(100, 0));
        for second in [3, 10, 150, 140, 301, 305] {
            watching.observe(at(100 + i64::try_from(second).unwrap(), second));
        }
        assert_eq!(spans(&mut watching), [(100, 250, true), (401, 405, false)], "151 seconds of silence");
        watching.observe(at(410, 310));
        assert_eq!(spans(&mut watching), [(401, 410, false)], "what was taken is done, and the newest goes on");
    }

    #[test]
    fn a_clock_that_was_wrong_at_the_start_is_no_span_of_years_and_nothing_is_carried_over_a_jump_back() {
        let mut watching = Watching::since(at(0, 0));
        watching.observe(at(10, 10));
        watching.observe(at(1_700_000_000, 11));
        assert_eq!(watching.runs[1].after, Some(at(0, 0).wall), "what was said goes on");
        assert_eq!(spans(&mut watching), [(0, 10, true), (1_700_000_000, 1_700_000_000, false)]);
        // Set back by an hour, and then it goes on there.
        watching.observe(at(1_699_996_400, 12));
        watching.observe(at(1_699_996_410, 22));
        assert_eq!(watching.runs[1].after, None);
        assert_eq!(spans(&mut watching)[1], (1_699_996_400, 1_699_996_410, true));
        // Set back by a minute: nothing new.
        watching.observe(at(1_699_996_351, 23));
        watching.observe(at(1_699_996_420, 92));
        assert_eq!(spans(&mut watching), [(1_699_996_400, 1_699_996_420, true)]);
        // It jumped before the first observation.
        let mut watching = Watching::since(at(0, 0));
        watching.observe(at(1_700_000_000, 1));
        assert_eq!(spans(&mut watching), [(1_700_000_000, 1_700_000_000, true)]);
    }

    #[test]
    fn what_is_handed_over_late_is_no_clock_that_was_set_back() {
        let mut watching = Watching::since(at(0, 0));
        for second in [10, 100, 200, 300, 20, 310] {
            watching.observe(at(second, u64::try_from(second).unwrap()));
        }
        assert_eq!(watching.set_back(), None);
        assert_eq!(spans(&mut watching), [(0, 310, true)]);
        watching.observe(at(30, 320));
        assert_eq!(watching.set_back(), Some(at(30, 0).wall));
    }

    #[test]
    fn what_is_given_back_is_written_later_and_bounded() {
        let mut watching = Watching::default();
        for second in 0..200 {
            watching.observe(at(second * 1000, u64::try_from(second).unwrap() * 1000));
        }
        assert_eq!(watching.overflowed(), 200 - MAX_RUNS as u64);
        let taken = watching.take();
        assert_eq!(taken.len(), MAX_RUNS);
        watching.observe(at(199_010, 199_010));
        watching.give_back(taken);
        let again = spans(&mut watching);
        assert_eq!((again.len(), again[63]), (MAX_RUNS, (199_010, 199_010, false)));
    }
}
