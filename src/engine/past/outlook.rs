//! The outlook: what the history says of the hours of the week in which a meeting lies.
//!
//! It is said beside the answer and never changes it: what was measured last Tuesday is no evidence of next Tuesday's line.
//! Beyond the horizon only lasting reasons count.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::spans::{Times, by_hour, spans};
use super::week::{HOURS, HourOfWeek, Quantiles};
use crate::domain::past::{HOUR, hour_of};
use crate::domain::{CheckName, CheckSpec, Component, Figure, Hour, Pair, Past, Profile, Sketch, Subject, Verdict};
use crate::engine::judge::Limits;

/// How far back it looks: a quarter. The line of another season says less.
pub const WEEKS: i64 = 13;
/// In fewer weeks than this, one bad day would decide.
pub const ENOUGH: usize = 4;
/// An hour counts as measured if at least this much of it is known.
const MEASURED: Duration = Duration::from_mins(30);
/// This much of an outage spoils a meeting.
const OUTAGE: Duration = Duration::from_mins(1);

/// What was wrong in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shortfall {
    /// The internet was not ready for a minute or more.
    Outage,
    /// More packets were lost than the profile allows.
    Loss,
    /// The median round trip was longer than it allows.
    RoundTrip,
    /// A test's download was less than it needs.
    Down,
    /// A test's upload was less than it needs.
    Up,
}

impl Shortfall {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Loss => "loss",
            Self::RoundTrip => "round_trip",
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}

/// A far end whose figures speak for the line.
#[derive(Clone, Debug, PartialEq)]
pub struct FarEnd {
    /// Its check.
    pub name: CheckName,
    /// The shares of its packets beyond which it is degraded and not ready, as the judge holds them: of echoes, there and back. `None`
    /// where nobody judges its loss.
    pub loss: Option<Pair>,
}

impl FarEnd {
    /// A check under a profile.
    pub fn of(spec: &CheckSpec, profile: &Profile) -> Self {
        let limits = Limits::of(spec, profile).loss.and_then(|(degraded, not_ready)| degraded.zip(not_ready));
        let loss = limits.map(|(degraded, not_ready)| Pair { degraded, not_ready });
        Self { name: spec.name.clone(), loss }
    }
}

/// The limits beside which the loss of several far ends is shown: the middle one's, of two the stricter's.
pub fn loss_limits(far_ends: &[FarEnd]) -> Option<Pair> {
    let mut all: Vec<Pair> = far_ends.iter().filter_map(|far| far.loss).collect();
    all.sort_by(|one, other| other.degraded.total_cmp(&one.degraded));
    all.get(all.len() / 2).copied()
}

/// What the history says of a slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// In how many weeks at least one of these hours was measured; no more than are looked at.
    pub weeks: usize,
    /// Hours in which the profile would have been ready, by its limits.
    pub ready: usize,
    /// Hours in which it would have been degraded.
    pub degraded: usize,
    /// Hours in which it would not have been ready.
    pub not_ready: usize,
    /// Hours of which it is not known, though somebody watched: nothing could be seen, or no far end was measured.
    pub unknown: usize,
    /// Hours in which nobody watched, since the first that was measured.
    pub unmeasured: usize,
    /// What was wrong, the worst first, and in how many hours.
    pub shortfalls: Vec<(Shortfall, Verdict, usize)>,
    /// How long the internet was what in the measured hours, under the profile that was in force then.
    pub times: Times,
    /// How loss, round trip, download and upload were spread over the minutes of the measured hours.
    pub figures: [Option<Quantiles>; 4],
}

impl Outlook {
    /// Comparable hours that were measured.
    pub const fn measured(&self) -> usize {
        self.ready + self.degraded + self.not_ready
    }

    /// Whether enough is known to say anything by: several weeks, and more hours measured than missed, because those that were
    /// missed may have been the bad ones (who loses power does not watch).
    pub const fn is_enough(&self) -> bool {
        self.weeks >= ENOUGH && self.measured() > self.unknown + self.unmeasured
    }

    /// What nine in ten of these hours were, or better; unknown where too little is known.
    pub const fn nine_in_ten(&self) -> Verdict {
        if !self.is_enough() {
            return Verdict::Unknown;
        }
        let rank = (self.measured() * 9).div_ceil(10);
        if self.ready >= rank {
            Verdict::Ready
        } else if self.ready + self.degraded >= rank {
            Verdict::Degraded
        } else {
            Verdict::NotReady
        }
    }

    /// The share of the measured time in which the internet was not ready.
    pub fn outage_share(&self) -> Option<f64> {
        let known = self.times.known();
        (!known.is_zero()).then(|| self.times.of(Verdict::NotReady).as_secs_f64() / known.as_secs_f64())
    }

    /// How a figure was spread.
    pub const fn figure(&self, figure: Figure) -> Option<&Quantiles> {
        self.figures[figure as usize].as_ref()
    }
}

/// The hours of the week in which a meeting lies. One without an end is taken to last an hour.
pub fn hours_of_slot(start: Timestamp, end: Option<Timestamp>, zone: &TimeZone) -> BTreeSet<HourOfWeek> {
    let first = hour_of(start);
    let last = end.map_or(first, |end| (end.as_second() - 1).div_euclid(HOUR).max(first));
    // Beyond a week they are the same again.
    (first..=last).take(usize::from(HOURS)).map(|hour| HourOfWeek::of(hour, zone)).collect()
}

/// The past hours that are comparable, as spans whose end is not in them, oldest first.
pub fn comparable(slot: &BTreeSet<HourOfWeek>, now: Timestamp, zone: &TimeZone) -> Vec<(i64, i64)> {
    let mut all: Vec<(i64, i64)> = Vec::new();
    for hour in hour_of(now) - WEEKS * i64::from(HOURS)..hour_of(now) {
        if slot.contains(&HourOfWeek::of(hour, zone)) {
            match all.last_mut() {
                Some((_, end)) if *end == hour => *end = hour + 1,
                _ => all.push((hour, hour + 1)),
            }
        }
    }
    all
}

/// What the history says of the hours that are comparable to a slot whose first hour is `first`, under a profile. `past` is of the time
/// up to now.
pub fn outlook(
    past: &Past,
    (first, comparable): (i64, &[(i64, i64)]),
    far_ends: &[FarEnd],
    profile: &Profile,
    span: (Timestamp, Timestamp),
) -> Outlook {
    let internet = past.changes_of(&Subject::Component(Component::Internet));
    let times = by_hour(&spans(internet, &past.runs, span));
    let names: Vec<CheckName> = far_ends.iter().map(|far| far.name.clone()).collect();
    let figures = super::by_hour(past, &names);
    let mut outlook = Outlook::default();
    let mut weeks = BTreeSet::new();
    let mut shortfalls = std::collections::BTreeMap::new();
    let mut sketches = <[Sketch; 4]>::default();
    let mut silent = 0;
    for hour in comparable.iter().flat_map(|(from, to)| *from..*to) {
        let of_hour = times.get(&hour).copied().unwrap_or_default();
        // An outage that was seen is known, however little else of its hour is.
        let out = of_hour.of(Verdict::NotReady) >= OUTAGE;
        // Without a figure of any far end nothing was learnt of the line, whatever else was well.
        let seen_far = Figure::ALL.iter().any(|figure| figures.contains_key(&(hour, *figure)));
        let known = of_hour.known() >= MEASURED;
        if !(out || known && seen_far) {
            if known || of_hour.of(Verdict::Unknown) >= MEASURED {
                outlook.unknown += 1;
            } else {
                silent += 1;
            }
            continue;
        }
        // From the first that was measured on, silence is a gap; before it Siaga was not there.
        if weeks.is_empty() {
            silent = 0;
        }
        // Counted from the slot's first hour, so that a slot over midnight is not in two, nor one within whose hours it is asked.
        weeks.insert((hour - first).div_euclid(i64::from(HOURS)));
        outlook.times.merge(&of_hour);
        for figure in Figure::ALL {
            let of = figures.get(&(hour, figure)).into_iter().flatten();
            of.for_each(|hour| sketches[figure as usize].merge(&hour.minutes));
        }
        let of = |figure| figures.get(&(hour, figure)).map_or(&[][..], Vec::as_slice);
        let short = judge(&of_hour, of, far_ends, profile);
        match short.iter().map(|(_, verdict)| *verdict).max() {
            None => outlook.ready += 1,
            Some(Verdict::NotReady) => outlook.not_ready += 1,
            Some(_) => outlook.degraded += 1,
        }
        for found in short {
            *shortfalls.entry(found).or_insert(0) += 1;
        }
    }
    // Asked within the slot's hours, the first and the last of them are the two parts of one.
    outlook.weeks = weeks.len().min(usize::try_from(WEEKS).unwrap_or(usize::MAX));
    outlook.figures = Figure::ALL.map(|figure| Quantiles::of(figure, &sketches[figure as usize]));
    outlook.unmeasured = if weeks.is_empty() { 0 } else { silent };
    outlook.shortfalls = shortfalls.into_iter().map(|((what, verdict), hours)| (what, verdict, hours)).collect();
    outlook
        .shortfalls
        .sort_by_key(|(what, verdict, hours)| std::cmp::Reverse((*verdict, *hours, std::cmp::Reverse(*what))));
    outlook
}

/// What an hour lacked for a profile.
fn judge<'a>(
    times: &Times,
    of: impl Fn(Figure) -> &'a [&'a Hour],
    far_ends: &[FarEnd],
    profile: &Profile,
) -> Vec<(Shortfall, Verdict)> {
    let mut short = Vec::new();
    if times.of(Verdict::NotReady) >= OUTAGE {
        short.push((Shortfall::Outage, Verdict::NotReady));
    }
    let mut hold = |what, verdict: Option<Verdict>| short.extend(verdict.map(|verdict| (what, verdict)));
    let above = |value: Option<f64>, limit: Pair| match value {
        Some(value) if value > limit.not_ready => Some(Verdict::NotReady),
        Some(value) if value > limit.degraded => Some(Verdict::Degraded),
        _ => None,
    };
    let below = |value: Option<f64>, limit: Pair| match value {
        Some(value) if value < limit.not_ready => Some(Verdict::NotReady),
        Some(value) if value < limit.degraded => Some(Verdict::Degraded),
        _ => None,
    };
    // Each by its own limits: an echo may be lost on either way.
    let lost = of(Figure::Loss).iter().filter_map(|hour| {
        let limits = far_ends.iter().find(|far| far.name == hour.check)?.loss?;
        Some(above(Some(hour.mean), limits))
    });
    hold(Shortfall::Loss, middle(lost, Ord::cmp).flatten());
    let trips = of(Figure::RoundTrip).iter().filter_map(|hour| hour.minutes.quantile(50));
    hold(Shortfall::RoundTrip, above(middle(trips, f64::total_cmp), profile.rtt));
    let least = |figure| of(figure).iter().map(|hour| hour.min).min_by(f64::total_cmp);
    hold(Shortfall::Down, below(least(Figure::Down), profile.down));
    hold(Shortfall::Up, below(least(Figure::Up), profile.up));
    short
}

/// Of several far ends the middle one, of two the worse: one bad far end of three is not a bad line.
fn middle<T: Copy>(values: impl Iterator<Item = T>, order: impl Fn(&T, &T) -> Ordering) -> Option<T> {
    let mut all: Vec<T> = values.collect();
    all.sort_by(order);
    all.get(all.len() / 2).copied()
}

#[cfg(test)]
mod edges;
#[cfg(test)]
mod tests;
