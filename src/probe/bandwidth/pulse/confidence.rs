//! How far a responsiveness may be relied on, by draft-ietf-ippm-responsiveness, "Confidence of Test-Results": by whether its
//! moving average had its whole window, and came to rest. Pure.

use std::time::Duration;

use super::per_minute;

/// The draft's defaults ("Test Parameters"): how long an interval is (ID), how many are averaged over (MAD), and how far the
/// averages may differ that count as at rest (SDT).
const INTERVAL: Duration = Duration::from_secs(1);
const DISTANCE: u8 = 4;
const TOLERANCE: f64 = 0.05;

/// The draft's three words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Confidence {
    /// The line was not full for as many intervals as are averaged over.
    Low,
    /// It was, and the average did not come to rest.
    Medium,
    /// It came to rest.
    High,
}

/// All levels.
pub(in super::super) const LEVELS: [&str; 3] = ["low", "medium", "high"];

impl Confidence {
    /// The label value.
    pub(in super::super) const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// Of handshakes on the full line: when each began since it was full, and how long it took. An interval counts that was full
    /// to its end, as far as handshakes show it.
    pub(super) fn of(busy: &[(Duration, Duration)]) -> Self {
        let last = busy.iter().map(|(began, _)| *began).max().unwrap_or_default();
        let (mut averages, mut end) = (Vec::new(), INTERVAL);
        while end <= last {
            let from = end.saturating_sub(INTERVAL.saturating_mul(DISTANCE.into()));
            let window = busy.iter().filter(|(began, _)| (from..end).contains(began)).map(|(_, took)| *took).collect();
            averages.extend(per_minute(window));
            end += INTERVAL;
        }
        let (Some(first), Some(last)) = (averages.len().checked_sub(DISTANCE.into()), averages.last()) else {
            return Self::Low;
        };
        if deviation(&averages[first..]) <= TOLERANCE * last { Self::High } else { Self::Medium }
    }
}

/// The standard deviation.
#[allow(clippy::cast_precision_loss, reason = "a handful")]
fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A handshake each 100 ms for so many, the n-th as long as said.
    fn over(count: u32, took: impl Fn(u32) -> u64) -> Confidence {
        let beat = |n| (Duration::from_millis(100) * n, Duration::from_millis(took(n)));
        Confidence::of(&(0..count).map(beat).collect::<Vec<_>>())
    }

    #[test]
    fn short_is_low_restless_is_medium_and_at_rest_is_high() {
        assert_eq!(Confidence::of(&[]), Confidence::Low);
        assert_eq!(over(40, |_| 100), Confidence::Low, "the fourth interval was not whole");
        assert_eq!(over(41, |_| 100), Confidence::High);
        assert_eq!(over(41, |n| 50 + u64::from(n) * 5), Confidence::Medium, "the queue still fills");
        // It filled for two seconds and was full for ten.
        assert_eq!(over(121, |n| if n < 20 { 50 + u64::from(n) * 5 } else { 150 }), Confidence::High);
        // One of twenty is slow by chance, and no part of the best 95 in a hundred.
        assert_eq!(over(81, |n| if n % 20 == 7 { 1000 } else { 100 }), Confidence::High);
    }
}
