//! What the arrivals of a transfer say about the line's rate: pure.
//!
//! A line that is full passes bytes at its own pace, so that their arrivals lie on a straight line. The first half of them is
//! the first burst and the slow start (RFC 5681, §3.1) and is left out; a straight line is laid through the rest, and how far
//! the arrivals lie from it says how well the rate is known. Where the sender pauses between flights, as it does on a long way
//! until it has found the rate, each flight is a packet train, which the line lets through no faster than it is: a bound, since
//! the sender may have spread it. Where it goes on pausing it does not fill the line, and all that came is a bound.

use std::time::Duration;

/// A rate is said of no shorter time.
const LEAST_TIME: Duration = Duration::from_millis(50);
/// Nor of fewer arrivals.
const LEAST_ARRIVALS: usize = 8;
/// What is less well known than this is no rate.
const LEAST_SURE: f64 = 0.1;
/// A bound counts what came over at least so long: a bucket that was full may be empty after it.
pub(super) const SUSTAINED: Duration = Duration::from_millis(500);
/// A pause is longer than this, than a quarter of a round trip (a radio's own slots are shorter), and than so many usual distances
/// between arrivals.
const PAUSE: Duration = Duration::from_millis(10);
const USUAL: u32 = 20;
/// Unless a whole piece comes after it, as large as a kernel hands packets on together (64 KiB), for which the line itself needs that
/// long: shapers and radios pass them so. After so many round trips; a sender whose window is full pauses for less than one.
const PIECE: u64 = 65_536;
const TRIPS: u32 = 2;
/// A piece may come later than the line's pace has it, by the looks' distance and by what the shaper rounds.
const LATE: f64 = 1.25;
/// A sender that pauses for more than this share of the time does not fill the line …
const IDLE: f64 = 0.1;
/// … and for so many round trips it may be still finding the rate, also where it does not pause.
const FINDING: u32 = 8;
/// Arrivals late by the same cause come in a row: so many of them are as good as independent.
const INDEPENDENT: f64 = 8.0;
/// What a shaper makes up for after it had no turn for a while, s of the rate: nobody sees it from here.
const HICCUP: f64 = 1e-3;
/// So many times is a better line laid, without what is so many times farther from it than half of the arrivals are.
const ROUNDS: usize = 3;
const FAR: f64 = 4.0;

/// A rate of content, bit/s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rate {
    /// The line's, and about 95 times in a hundred between `low` and `high`.
    Known { rate: f64, low: f64, high: f64 },
    /// The line carries that much. How much more was not seen: it was over too soon, or something else held it back.
    AtLeast(f64),
}

impl Rate {
    /// One that may be wrong by that share of it.
    pub(super) fn about(rate: f64, unsure: f64) -> Self {
        Self::Known { rate, low: rate * (1.0 - unsure), high: rate * (1.0 + unsure) }
    }

    /// The same, but no bound below `bound`.
    pub(super) const fn or_at_least(self, bound: f64) -> Self {
        match self {
            Self::AtLeast(rate) => Self::AtLeast(rate.max(bound)),
            known @ Self::Known { .. } => known,
        }
    }

    /// The surer of both.
    pub(super) fn or_surer(self, other: Self) -> Self {
        match other {
            Self::AtLeast(bound) => self.or_at_least(bound),
            known @ Self::Known { .. } if known.unsure() < self.unsure() => known,
            Self::Known { .. } => self,
        }
    }

    /// What is certain of it.
    pub(super) const fn at_least(self) -> f64 {
        match self {
            Self::Known { low, .. } => low,
            Self::AtLeast(rate) => rate,
        }
    }

    /// By what share of itself it may be wrong; 1 where it is only a bound.
    pub(super) fn unsure(self) -> f64 {
        match self {
            Self::Known { rate, low, high } => (high - low) / 2.0 / rate,
            Self::AtLeast(_) => 1.0,
        }
    }
}

/// The arrivals of one transfer.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    arrivals: Vec<Point>,
    total: u64,
    /// The last look.
    looked: Duration,
}

/// Bytes that have come; all of it only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    /// The last look that had not found them yet. Where nobody looked for long, that is no pause of the sender's.
    since: Duration,
    /// The look that found them.
    at: Duration,
    /// All bytes by then.
    sum: u64,
}

impl Meter {
    /// Notes a look `at` this time, which found `bytes` more than the one before, or none.
    pub(super) fn look(&mut self, at: Duration, bytes: u64) {
        let since = std::mem::replace(&mut self.looked, at);
        if bytes > 0 {
            self.total += bytes;
            self.arrivals.push(Point { since, at, sum: self.total });
        }
    }

    /// All bytes so far.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// What they say of the rate, over a way with that round trip; `until` is when nothing more had come.
    pub(super) fn rate(&self, round_trip: Duration, until: Duration) -> Rate {
        let points = &self.arrivals;
        let Some((first, last)) = points.first().zip(points.last()) else { return Rate::AtLeast(0.0) };
        let late = later_half(points);
        let from = late.first().unwrap_or(first);
        let length = until.saturating_sub(from.at);
        let bound = bits(last.sum - from.sum, length.max(SUSTAINED));
        let pause = pause(points, round_trip);
        // A silence at the end has no arrival behind it.
        let tail = Some(until.saturating_sub(last.at)).filter(|tail| *tail > pause);
        let idle = paused(late, pause, round_trip) + tail.unwrap_or_default();
        let filled = idle.as_secs_f64() <= length.as_secs_f64() * IDLE;
        let finding = last.at.saturating_sub(first.at) < round_trip * FINDING;
        let steady = straight(late).filter(|known| filled && known.unsure() <= LEAST_SURE);
        if !finding {
            return steady.unwrap_or(Rate::AtLeast(bound));
        }
        let trains =
            points.chunk_by(|one, next| gap(one, next) <= PAUSE).filter_map(|train| straight(later_half(train)));
        let sure = trains.filter(|train| train.unsure() <= LEAST_SURE);
        Rate::AtLeast(sure.chain(steady).map(Rate::at_least).fold(bound, f64::max))
    }
}

/// From the arrival on by which half of the bytes had come.
fn later_half(points: &[Point]) -> &[Point] {
    let Some((first, last)) = points.first().zip(points.last()) else { return points };
    let half = first.sum + (last.sum - first.sum) / 2;
    &points[points.partition_point(|point| point.sum < half)..]
}

/// For how long it was seen that nothing came between two.
fn gap(one: &Point, next: &Point) -> Duration {
    next.since.saturating_sub(one.at)
}

fn gaps(points: &[Point]) -> impl Iterator<Item = Duration> {
    points.windows(2).map(|pair| gap(&pair[0], &pair[1]))
}

/// What is a pause among these.
fn pause(points: &[Point], round_trip: Duration) -> Duration {
    let mut all: Vec<Duration> = gaps(points).collect();
    all.sort_unstable();
    let usual = all.get(all.len() / 2).copied().unwrap_or_default();
    PAUSE.max(round_trip / 4).max(usual * USUAL)
}

/// How much of their time these pause, and nothing is on its way.
fn paused(points: &[Point], pause: Duration, round_trip: Duration) -> Duration {
    let Some((first, last)) = points.first().zip(points.last()) else { return Duration::ZERO };
    let pace = bits(last.sum - first.sum, last.at.saturating_sub(first.at));
    let carried = |one: &Point, next: &Point| {
        let (gap, piece) = (gap(one, next), next.sum - one.sum);
        piece <= PIECE
            && gap > round_trip * TRIPS
            && pace > 0.0
            && bits(piece, Duration::from_secs(1)) / pace * LATE >= gap.as_secs_f64()
    };
    let pairs = points.windows(2).map(|pair| (&pair[0], &pair[1]));
    pairs.filter(|(one, next)| gap(one, next) > pause && !carried(one, next)).map(|(one, next)| gap(one, next)).sum()
}

/// The rate by the straight line that lies nearest to the arrivals, in time; `None` where they are too few. Arrivals far from
/// it (found late, or by a shaper that was late) are left out of the next line, which is the better for it.
fn straight(points: &[Point]) -> Option<Rate> {
    let (first, last) = points.first().zip(points.last())?;
    let length = last.at.saturating_sub(first.at);
    let time = length.as_secs_f64();
    if length < LEAST_TIME || points.len() < LEAST_ARRIVALS {
        return None;
    }
    let second = Duration::from_secs(1);
    let all: Vec<(f64, f64)> = points
        .iter()
        .map(|point| (bits(point.sum - first.sum, second), point.at.saturating_sub(first.at).as_secs_f64()))
        .collect();
    let mut kept = all.clone();
    let mut line = Line::through(&kept)?;
    for _ in 0..ROUNDS {
        let mut away: Vec<f64> = all.iter().map(|point| line.away(*point).abs()).collect();
        away.sort_unstable_by(f64::total_cmp);
        let far = away[away.len() / 2] * FAR;
        kept = all.iter().copied().filter(|point| line.away(*point).abs() <= far).collect();
        line = Line::through(&kept)?;
    }
    // The slope's standard error, twice, for arrivals spread evenly.
    let count = count(&kept);
    let scatter = kept.iter().map(|point| line.away(*point).powi(2)).sum::<f64>() / count;
    let unsure = 2.0 * (12.0 * scatter / INDEPENDENT.min(count)).sqrt() / time;
    // Where first and last arrival say another rate than those between them, half of the difference is doubt.
    let ends = time / bits(last.sum - first.sum, second);
    let unsure = unsure.max((ends / line.pace - 1.0).abs() / 2.0).max(HICCUP / time);
    (line.pace > 0.0).then(|| Rate::about(1.0 / line.pace, unsure))
}

/// Moments over bits: the time that a bit takes, and where the line begins.
struct Line {
    pace: f64,
    begin: f64,
}

impl Line {
    /// The line with the least squares.
    fn through(points: &[(f64, f64)]) -> Option<Self> {
        let count = count(points);
        let sum = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        let mean = (sum.0 / count, sum.1 / count);
        let square: f64 = points.iter().map(|point| (point.0 - mean.0).powi(2)).sum();
        let product: f64 = points.iter().map(|point| (point.0 - mean.0) * (point.1 - mean.1)).sum();
        let pace = product / square;
        pace.is_finite().then_some(Self { pace, begin: mean.1 - mean.0 * pace })
    }

    /// How long after the line a point lies, s.
    fn away(&self, (bits, at): (f64, f64)) -> f64 {
        at - self.begin - bits * self.pace
    }
}

#[allow(clippy::cast_precision_loss, reason = "a few thousand")]
fn count(points: &[(f64, f64)]) -> f64 {
    points.len() as f64
}

/// bit/s; not finite where there was no time.
#[allow(clippy::cast_precision_loss, reason = "exact for nine thousand terabytes")]
pub(super) fn bits(bytes: u64, time: Duration) -> f64 {
    bytes as f64 * 8.0 / time.as_secs_f64()
}
