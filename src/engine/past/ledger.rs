//! The ledger of a month: when the internet was down or fell short, whose fault it was, and what was measured.

mod month;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::blame::{Cause, Witness, around, own, parts};
use super::spans::{Span, Times, known_since, spans};
use super::week::Quantiles;
use crate::domain::past::{HOUR, hour_begins, hour_of};
use crate::domain::time::told_length;
use crate::domain::{
    CheckName, CheckSpec, Component, Figure, Hour, Kind, Level, Past, Run, Sketch, Subject, Transition, Verdict, Wanted,
};
pub use month::Month;

/// Shorter spans are those of a judge that is still making up its mind.
const NOTICED: Duration = Duration::from_secs(1);

/// A check, as the ledger needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub name: CheckName,
    /// Its kind.
    pub kind: Kind,
    /// What it speaks for.
    pub component: Component,
    /// Where it stands.
    pub level: Level,
    /// Whether its figures speak for the line: a far end that is not this machine itself.
    pub far: bool,
    /// Whether it measures by a backup, which says nothing of whose fault it was that the line failed.
    pub backup: bool,
}

impl Seen {
    /// A check, and whether its figures speak for the line.
    pub fn of(spec: &CheckSpec, far: bool) -> Self {
        Self {
            name: spec.name.clone(),
            kind: spec.kind,
            component: spec.component,
            level: spec.level,
            far,
            backup: spec.backup().is_some(),
        }
    }
}

/// What is written down of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The internet was not ready.
    Outage(Cause),
    /// It was degraded.
    Shortfall(Cause),
    /// It was not known, though somebody watched.
    Unknown,
    /// Nobody watched.
    Unmeasured,
}

impl Entry {
    /// The word used in API and CSV.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outage(_) => "outage",
            Self::Shortfall(_) => "shortfall",
            Self::Unknown => "unknown",
            Self::Unmeasured => "not_measured",
        }
    }

    /// Whose fault, of what is one.
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::Outage(cause) | Self::Shortfall(cause) => Some(cause),
            Self::Unknown | Self::Unmeasured => None,
        }
    }
}

/// What was measured at the far ends in the hours that a span touches.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Share of packets lost, outages aside.
    pub loss: Option<f64>,
    /// The median round trip, s.
    pub round_trip: Option<f64>,
    /// The least download, bit/s.
    pub down: Option<f64>,
    /// The least upload, bit/s.
    pub up: Option<f64>,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What.
    pub entry: Entry,
    /// From when; within the month.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Whether it was so before the month began.
    pub from_before: bool,
    /// Whether it goes on after what is told: the month's end, or now.
    pub goes_on: bool,
    /// Why: codes of the internet's reasons, in the order in which they came.
    pub codes: Vec<&'static str>,
    /// The internet's checks that failed in it.
    pub failing: Vec<CheckName>,
    /// What was measured.
    pub measured: Measured,
}

impl Line {
    /// How long it lasted.
    pub fn length(&self) -> Duration {
        told_length(self.from, self.to)
    }
}

/// A rate that was agreed, and what the tests said of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLine {
    /// Which direction.
    pub figure: Figure,
    /// What was agreed, bit/s.
    pub agreed: Option<f64>,
    /// Tests.
    pub tests: u64,
    /// How the rates are spread; of several tests in one minute their mean.
    pub quantiles: Option<Quantiles>,
    /// The least, bit/s.
    pub least: Option<f64>,
}

/// An hour with a test below the agreed rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowHour {
    /// When it begins.
    pub begins: Timestamp,
    /// Which direction.
    pub figure: Figure,
    /// The least rate in it, bit/s.
    pub least: f64,
    /// Our own failure or weakness within it, which may have made the test slow: it is no evidence against the provider then.
    pub ours: Option<Cause>,
}

/// What was agreed with the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agreed {
    /// Download, bit/s.
    pub down: Option<f64>,
    /// Upload, bit/s.
    pub up: Option<f64>,
    /// Where a test stops because enough is proven, bit/s: a rate beyond it is no shortfall, whatever was agreed.
    pub enough: Option<f64>,
}

impl Agreed {
    fn of(&self, figure: Figure) -> Option<f64> {
        if figure == Figure::Down { self.down } else { self.up }
    }

    /// The rate below which a test falls short.
    pub fn limit(&self, figure: Figure) -> Option<f64> {
        self.of(figure).map(|agreed| self.enough.map_or(agreed, |enough| agreed.min(enough)))
    }
}

/// A month.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// Which.
    pub month: Month,
    /// From when until when is told: the month, up to now.
    pub span: (Timestamp, Timestamp),
    /// The lines, oldest first.
    pub lines: Vec<Line>,
    /// How long the internet was what.
    pub times: Times,
    /// The rates, down and up.
    pub rates: Vec<RateLine>,
    /// Hours with a test below the agreed rate, oldest first.
    pub slow: Vec<SlowHour>,
    /// Whether rows are missing because there were too many.
    pub cut: bool,
}

impl Ledger {
    /// How long outages of one kind of cause lasted together.
    pub fn outage(&self, of: impl Fn(Cause) -> bool) -> Duration {
        let lines = self.lines.iter().filter(|line| matches!(line.entry, Entry::Outage(cause) if of(cause)));
        lines.map(Line::length).sum()
    }

    /// The share of the measured time in which the internet was usable, whoever was at fault; `None` if none was measured.
    pub fn availability(&self) -> Option<f64> {
        let known = self.times.known();
        (!known.is_zero()).then(|| 1.0 - self.times.of(Verdict::NotReady).as_secs_f64() / known.as_secs_f64())
    }

    /// How long the provider's part could be measured: while our own part failed, or it was not to be told whose did, nothing is known
    /// of theirs.
    pub fn provider_known(&self) -> Duration {
        let others = self.outage(|cause| matches!(cause, Cause::Ours(_) | Cause::Unclear));
        self.times.known().saturating_sub(others)
    }

    /// The share of that time in which it was usable; none where nothing was measured.
    pub fn provider_availability(&self) -> Option<f64> {
        let known = self.provider_known();
        let down = self.outage(|cause| cause == Cause::Provider);
        (!known.is_zero()).then(|| 1.0 - down.as_secs_f64() / known.as_secs_f64())
    }
}

/// What is to be read of `subjects`, the internet and its checks, for a ledger from then until then: also what came shortly before and
/// after, which may say whose fault something was.
pub fn wanted(begin: Timestamp, until: Timestamp, subjects: Vec<Subject>) -> Wanted {
    let (since, after) = around((begin, until));
    Wanted { since, until: after, hours: vec![(hour_of(begin), hour_of(until) + 1)], subjects }
}

/// Writes the ledger of a month up to `now`, from what is remembered of it ([`wanted`]).
pub fn ledger(past: &Past, checks: &[Seen], agreed: &Agreed, month: Month, zone: &TimeZone, now: Timestamp) -> Ledger {
    let (begin, end) = month.span(zone);
    // An outage that goes on is not over, and nobody has ceased to look, because the newest seconds are not on the disk yet.
    let span = (begin, end.min(past.told_until(now)).max(begin));
    let internet = past.changes_of(&Subject::Component(Component::Internet));
    let all = spans(internet, &past.runs, span);
    let witnesses: Vec<Witness<'_>> = checks
        .iter()
        .map(|seen| {
            let changes = past.changes_of(&Subject::Check(seen.name.clone()));
            Witness::new((seen.name.as_str(), seen.kind, seen.level), changes, &past.runs, around(span))
        })
        .collect();
    let of_line = witnesses.iter().zip(checks).filter(|(_, seen)| !seen.backup);
    let of_line: Vec<Witness<'_>> = of_line.map(|(witness, _)| witness.clone()).collect();
    let faults = [false, true].map(|shortfall| own(&of_line, shortfall));
    let far: Vec<CheckName> = checks.iter().filter(|seen| seen.far).map(|seen| seen.name.clone()).collect();
    let mut times = Times::default();
    let mut lines = Vec::new();
    for (place, at) in all.iter().enumerate() {
        times.add(at.state, at.length());
        let cut = |shortfall: bool| parts(at.from, at.to, &of_line, &faults[usize::from(shortfall)], shortfall);
        let found: Vec<(Entry, Timestamp, Timestamp)> = match at.state {
            Some(Verdict::Ready) => continue,
            None => vec![(Entry::Unmeasured, at.from, at.to)],
            Some(Verdict::Unknown) => vec![(Entry::Unknown, at.from, at.to)],
            Some(Verdict::NotReady) => {
                cut(false).into_iter().map(|part| (Entry::Outage(part.cause), part.from, part.to)).collect()
            }
            Some(Verdict::Degraded) => {
                cut(true).into_iter().map(|part| (Entry::Shortfall(part.cause), part.from, part.to)).collect()
            }
        };
        for (entry, from, to) in found {
            let line = Line {
                entry,
                from,
                to,
                from_before: place == 0 && from == begin && was_so_before(internet, at, begin),
                goes_on: to == span.1,
                codes: codes(internet, &past.runs, from, to, at.state),
                failing: failing(&witnesses, checks, from, to, at.state),
                measured: measured(past, &far, from, to, at.state),
            };
            if Duration::try_from(to.duration_since(from)).unwrap_or_default() >= NOTICED {
                lines.push(line);
            }
        }
    }
    let rate = |figure| rate(past, &far, agreed, figure, span);
    let rates = [Figure::Down, Figure::Up].map(rate);
    let ours = |from, to| parts(from, to, &of_line, &faults[1], true).into_iter().map(|part| part.cause);
    let slow = slow(past, &far, agreed, span)
        .map(|slow| {
            let next = hour_begins(hour_of(slow.begins) + 1);
            SlowHour { ours: ours(slow.begins, next).find(|cause| cause.is_ours()), ..slow }
        })
        .collect();
    Ledger { month, span, lines, times, rates: rates.into(), slow, cut: past.cut }
}

fn was_so_before(internet: &[Transition], at: &Span, begin: Timestamp) -> bool {
    let before = internet.partition_point(|change| change.at < begin);
    internet[..before].last().is_some_and(|change| Some(change.to) == at.state)
}

/// The codes that were told of the internet when the span began, by the process that watched then, and within it.
fn codes(
    internet: &[Transition],
    runs: &[Run],
    from: Timestamp,
    to: Timestamp,
    state: Option<Verdict>,
) -> Vec<&'static str> {
    if state.is_none() {
        return Vec::new();
    }
    let begun = internet.partition_point(|change| change.at <= from);
    let known = known_since(runs, from);
    let before = internet[..begun].last().filter(|change| change.at >= known);
    let within = internet[begun..].iter().take_while(|change| change.at < to);
    let mut codes: Vec<&'static str> = Vec::new();
    for code in before.into_iter().chain(within).flat_map(|change| &change.codes) {
        if !codes.contains(code) {
            codes.push(code);
        }
    }
    codes
}

fn failing(
    witnesses: &[Witness<'_>],
    checks: &[Seen],
    from: Timestamp,
    to: Timestamp,
    state: Option<Verdict>,
) -> Vec<CheckName> {
    let Some(state) = state else { return Vec::new() };
    let bad = |witness: &Witness<'_>| witness.was(from, to, |verdict| verdict != Verdict::Ready && verdict >= state);
    let seen = witnesses.iter().zip(checks);
    let internet = seen.filter(|(witness, seen)| seen.component == Component::Internet && bad(witness));
    internet.map(|(_, seen)| seen.name.clone()).collect()
}

/// The figures of the hours that a span touches.
fn measured(past: &Past, far: &[CheckName], from: Timestamp, to: Timestamp, state: Option<Verdict>) -> Measured {
    if state.is_none() {
        return Measured::default();
    }
    let (first, last) = (hour_of(from), (to.as_second() - 1).div_euclid(HOUR));
    let of = |figure: Figure| {
        let begun = past.hours.partition_point(|hour| hour.hour < first);
        let within = past.hours[begun..].iter().take_while(move |hour| hour.hour <= last);
        within.filter(move |hour| hour.figure == figure && far.contains(&hour.check))
    };
    let smallest = |figure| of(figure).map(|hour| hour.min).min_by(f64::total_cmp);
    let mut trips = Sketch::default();
    of(Figure::RoundTrip).for_each(|hour| trips.merge(&hour.minutes));
    Measured {
        loss: mean(of(Figure::Loss)),
        round_trip: trips.quantile(50),
        down: smallest(Figure::Down),
        up: smallest(Figure::Up),
    }
}

#[allow(clippy::cast_precision_loss, reason = "packets of a month are far from 2^53")]
fn mean<'a>(hours: impl Iterator<Item = &'a Hour>) -> Option<f64> {
    let (sum, count) =
        hours.fold((0.0, 0), |(sum, count), hour| (sum + hour.mean * hour.count as f64, count + hour.count));
    (count > 0).then(|| sum / count as f64)
}

fn within<'a>(past: &'a Past, far: &'a [CheckName], span: (Timestamp, Timestamp)) -> impl Iterator<Item = &'a Hour> {
    let hours = past.hours.iter().filter(|hour| far.contains(&hour.check));
    hours.filter(move |hour| (span.0..span.1).contains(&hour_begins(hour.hour)))
}

fn rate(past: &Past, far: &[CheckName], agreed: &Agreed, figure: Figure, span: (Timestamp, Timestamp)) -> RateLine {
    let mut minutes = Sketch::default();
    let mut least: Option<f64> = None;
    let mut tests = 0;
    for hour in within(past, far, span).filter(|hour| hour.figure == figure) {
        minutes.merge(&hour.minutes);
        tests += hour.count;
        least = Some(least.map_or(hour.min, |least| least.min(hour.min)));
    }
    RateLine { figure, agreed: agreed.of(figure), tests, quantiles: Quantiles::of(figure, &minutes), least }
}

fn slow<'a>(
    past: &'a Past,
    far: &'a [CheckName],
    agreed: &'a Agreed,
    span: (Timestamp, Timestamp),
) -> impl Iterator<Item = SlowHour> {
    let below = |hour: &&Hour| agreed.limit(hour.figure).is_some_and(|limit| hour.min < limit);
    let rates = within(past, far, span).filter(|hour| matches!(hour.figure, Figure::Down | Figure::Up));
    let slow = rates.filter(below);
    slow.map(|hour| SlowHour { begins: hour_begins(hour.hour), figure: hour.figure, least: hour.min, ours: None })
}

#[cfg(test)]
mod edges;
#[cfg(test)]
pub(super) mod tests;
