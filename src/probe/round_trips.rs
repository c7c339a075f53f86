//! Round-trip statistics of one target. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// How many of the newest round trips are kept: 299 are the fewest whose largest is a distribution-free 95 % bound of
/// the 99th percentile (0.99²⁹⁹ < 0.05).
const KEPT: usize = 300;

/// The newest round trips of a target, and its jitter.
#[derive(Clone, Debug, Default)]
pub(super) struct RoundTrips {
    newest: VecDeque<Duration>,
    /// The same, kept in order of length.
    sorted: Vec<Duration>,
    jitter: Jitter,
}

/// What the round trips say, all in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) last: f64,
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) p95: f64,
    /// None until there are two round trips to compare.
    pub(super) jitter: Option<f64>,
}

impl RoundTrips {
    /// Takes one more round trip, in the order of arrival.
    pub(super) fn push(&mut self, rtt: Duration) {
        let place = |sorted: &[Duration], rtt| sorted.partition_point(|other| *other < rtt);
        if self.newest.len() == KEPT
            && let Some(oldest) = self.newest.pop_front()
        {
            self.sorted.remove(place(&self.sorted, oldest));
        }
        self.newest.push_back(rtt);
        self.sorted.insert(place(&self.sorted, rtt), rtt);
        self.jitter.push(rtt.as_secs_f64());
    }

    /// A gap in the series (an outage): what comes next is not compared with what came before.
    pub(super) fn gap(&mut self) {
        self.jitter.before = None;
    }

    /// What they say together; `None` while there are none.
    pub(super) fn summary(&self) -> Option<Summary> {
        let last = self.newest.back()?.as_secs_f64();
        let at = |share| percentile(&self.sorted, share).unwrap_or_default().as_secs_f64();
        Some(Summary { last, min: at(0.0), median: at(0.5), p95: at(0.95), jitter: self.jitter.seconds() })
    }

    /// The 99th percentile; `None` while there are none.
    pub(super) fn p99(&self) -> Option<Duration> {
        percentile(&self.sorted, 0.99)
    }
}

/// The nearest-rank percentile: the smallest value that at least `share` of all do not exceed.
fn percentile(sorted: &[Duration], share: f64) -> Option<Duration> {
    #[allow(clippy::cast_precision_loss, reason = "a few hundred at most")]
    let rank = (share * sorted.len() as f64).ceil();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the length")]
    let place = (rank as usize).saturating_sub(1);
    sorted.get(place).copied()
}

/// Interarrival jitter (RFC 3550 §6.4.1, appendix A.8): `J += (|D| - J) / 16`.
///
/// D is the difference of two packets' transit times. A round trip is a transit there and back, so the difference of two
/// round trips is the D of both ways together.
#[derive(Clone, Copy, Debug, Default)]
struct Jitter {
    estimate: f64,
    before: Option<f64>,
    compared: bool,
}

impl Jitter {
    fn push(&mut self, transit: f64) {
        if let Some(before) = self.before.replace(transit) {
            self.estimate += ((transit - before).abs() - self.estimate) / 16.0;
            self.compared = true;
        }
    }

    fn seconds(self) -> Option<f64> {
        self.compared.then_some(self.estimate)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jitter_of(transits: &[f64]) -> Vec<f64> {
        let mut jitter = Jitter::default();
        transits
            .iter()
            .filter_map(|transit| {
                jitter.push(*transit);
                jitter.seconds()
            })
            .collect()
    }

    #[test]
    fn jitter_agrees_with_computed_vectors() {
        let close = |got: f64, want: f64| assert!((got - want).abs() < 1e-6, "{got} is not {want}");
        let got = jitter_of(&[800.0, 960.0, 800.0, 800.0, 1040.0, 800.0]);
        let want = [10.0, 19.375, 18.164_062, 32.028_809, 45.027_008];
        assert_eq!(got.len(), want.len());
        got.iter().zip(want).for_each(|(got, want)| close(*got, want));

        let alternating: Vec<f64> = (0..=100).map(|n| if n % 2 == 0 { 50.0 } else { 60.0 }).collect();
        let got = jitter_of(&alternating);
        for (n, want) in
            [(1, 0.625), (2, 1.210_938), (3, 1.760_254), (16, 6.439_259), (48, 9.548_538), (100, 9.984_256)]
        {
            close(got[n - 1], want);
        }
        assert!(jitter_of(&[7.0; 50]).iter().all(|jitter| *jitter == 0.0));
    }

    #[test]
    fn one_round_trip_has_no_jitter_and_a_gap_is_not_compared_across() {
        let mut trips = RoundTrips::default();
        assert_eq!(trips.summary(), None);
        trips.push(Duration::from_millis(20));
        assert_eq!(trips.summary().unwrap().jitter, None);
        trips.gap();
        trips.push(Duration::from_millis(900));
        assert_eq!(trips.summary().unwrap().jitter, None);
        trips.push(Duration::from_millis(900));
        assert_eq!(trips.summary().unwrap().jitter, Some(0.0));
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let sorted: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        for (share, want) in [(0.0, 1), (0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)] {
            assert_eq!(percentile(&sorted, share), Some(Duration::from_millis(want)), "{share}");
        }
        assert_eq!(percentile(&sorted[..1], 0.99), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 0.5), None);
    }

    proptest! {
        #[test]
        fn the_summary_is_ordered_and_of_the_newest_only(millis in prop::collection::vec(1_u64..5000, 1..700)) {
            let mut trips = RoundTrips::default();
            for millis in &millis {
                trips.push(Duration::from_millis(*millis));
            }
            let newest = &millis[millis.len().saturating_sub(KEPT)..];
            let is = |seconds: f64, millis: &u64| Duration::from_secs_f64(seconds) == Duration::from_millis(*millis);
            let summary = trips.summary().unwrap();
            prop_assert!(is(summary.min, newest.iter().min().unwrap()));
            prop_assert!(is(summary.last, newest.last().unwrap()));
            prop_assert!(summary.min <= summary.median && summary.median <= summary.p95);
            prop_assert!(summary.p95 <= trips.p99().unwrap().as_secs_f64());
            prop_assert!(summary.jitter.unwrap_or(0.0) <= 5.0);
        }
    }
}
