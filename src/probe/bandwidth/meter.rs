//! What a transfer's arrivals say about the rate: pure.

use std::time::Duration;

/// How fine the record of arrivals is, at most.
const GRAIN: Duration = Duration::from_millis(2);
/// The slots by which a rate is found to be settled: four of them, each within a twentieth of their mean.
const SLOT: Duration = Duration::from_millis(250);
const SLOTS: u32 = 4;
const EVEN: f64 = 0.05;
/// How long a rate must be sustained to prove anything.
const PROOF: Duration = Duration::from_millis(500);

/// The arrivals of one transfer.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// When, since the beginning, and how many bytes had come by then; both only grow.
    arrivals: Vec<(Duration, u64)>,
    total: u64,
}

impl Meter {
    /// Notes `bytes` that came `at` this time since the beginning.
    pub(super) fn add(&mut self, at: Duration, bytes: u64) {
        self.total += bytes;
        match &mut self.arrivals[..] {
            // Arrivals within one grain are one, at the later time.
            [.., (before, _), (last, sum)] if at.saturating_sub(*before) < GRAIN => (*last, *sum) = (at, self.total),
            _ => self.arrivals.push((at, self.total)),
        }
    }

    /// All bytes so far.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// The rate from the first third of the time until `end`, in bit/s. The first third is left out, because a TCP
    /// connection begins slowly (RFC 5681, 3.1), and with it whatever had been under way before we looked.
    pub(super) fn rate(&self, end: Duration) -> f64 {
        // From an arrival to the end: bytes before it are of another time. With few arrivals the first stands for all.
        let third = end / 3;
        let at = self.arrivals.partition_point(|(at, _)| *at < third).min(self.arrivals.len().saturating_sub(2));
        let Some((from, before)) = self.arrivals.get(at) else { return 0.0 };
        rate(self.total - before, end.saturating_sub(*from))
    }

    /// Whether more would not tell more: the rate is beyond `enough`, or settled.
    pub(super) fn proven(&self, now: Duration, enough: f64) -> bool {
        (now * 2 / 3 >= PROOF && self.rate(now) >= enough) || self.settled(now)
    }

    fn settled(&self, now: Duration) -> bool {
        let Some(start) = now.checked_sub(SLOT * SLOTS) else { return false };
        if start < now / 3 {
            return false;
        }
        let rates: Vec<f64> = (0..SLOTS)
            .map(|slot| start + SLOT * slot)
            .map(|from| rate(self.by(from + SLOT) - self.by(from), SLOT))
            .collect();
        let mean = rates.iter().sum::<f64>() / f64::from(SLOTS);
        mean > 0.0 && rates.iter().all(|rate| (rate - mean).abs() <= mean * EVEN)
    }

    /// Bytes that had come by `moment`.
    fn by(&self, moment: Duration) -> u64 {
        let after = self.arrivals.partition_point(|(at, _)| *at <= moment);
        after.checked_sub(1).map_or(0, |last| self.arrivals[last].1)
    }
}

/// bit/s; not finite where there was no time.
#[allow(clippy::cast_precision_loss, reason = "exact for nine thousand terabytes")]
pub(super) fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 * 8.0 / time.as_secs_f64()
}
