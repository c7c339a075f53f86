//! When the next push may begin: after a failure later and later, otherwise at the rate of the config, and at two an interval while
//! the room is in use. Pure.

use std::time::Duration;

use rand::Rng as _;

use crate::domain::{Mono, Rate};

/// The first wait after a failure, and the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);
/// As long as a receiver's own wish (`Retry-After`) is followed.
const LONGEST_WISH: Duration = Duration::from_hours(1);
/// So many an interval there are at most while the room is in use: the one that it makes, and one of what waited. With one alone whatever
/// waited when a meeting began would wait until its end, and nobody far away would see the meeting.
const IN_USE: u32 = 2;
/// What a push costs beside its body, bytes: the request's head and the answer, and TCP/IP's own.
pub(super) const OVERHEAD: u64 = 1000;

/// The pace of pushes.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    rate: Rate,
    /// Failures in a row.
    failures: u32,
    /// The last failure or wish wants nothing before this; the rate nothing before that.
    wait: Mono,
    spent: Mono,
    began: Option<Mono>,
}

impl Pace {
    pub(super) fn new(interval: Duration, rate: Rate, now: Mono) -> Self {
        Self { interval, rate, failures: 0, wait: now, spent: now, began: None }
    }

    /// When the next one may begin.
    pub(super) fn ready_at(&self, in_use: bool) -> Mono {
        let paced = self.began.filter(|_| in_use).map_or(self.wait, |began| began.after(self.interval / IN_USE));
        self.wait.max(self.spent).max(paced)
    }

    /// One of so many bytes begins.
    pub(super) fn begun(&mut self, bytes: u64, now: Mono) {
        self.began = Some(now);
        #[allow(clippy::cast_precision_loss, reason = "a push has kilobytes")]
        let seconds = (bytes + OVERHEAD) as f64 * 8.0 / self.rate.0;
        self.spent = now.after(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST));
    }

    /// It was answered as it should be.
    pub(super) fn good(&mut self) {
        self.failures = 0;
    }

    /// It was not, and the receiver may have said when it wants to be asked again (RFC 9110 §10.2.3). No two rooms that lost the same
    /// receiver come back at the same moment.
    pub(super) fn bad(&mut self, wish: Option<Duration>, now: Mono) {
        let wait = FIRST.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let wait = wait.mul_f64(rand::rng().random_range(0.5..1.0));
        self.wait = now.after(wait.max(wish.unwrap_or_default().min(LONGEST_WISH)));
    }

    /// The line has no data left for now: later.
    pub(super) fn put_off(&mut self, by: Duration, now: Mono) {
        self.wait = now.after(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn failures_wait_longer_and_longer_and_a_wish_is_followed() {
        let now = Mono::from_elapsed(SECOND * 1000);
        let mut pace = Pace::new(SECOND * 30, Rate(128e3), now);
        let mut waits = Vec::new();
        for _ in 0..12 {
            pace.bad(None, now);
            waits.push(pace.ready_at(false).since(now));
        }
        assert!(waits[0] <= SECOND && waits[0] >= SECOND / 2, "{waits:?}");
        assert!(waits[11] <= LONGEST && waits[11] >= LONGEST / 2, "{waits:?}");
        pace.bad(Some(SECOND * 300), now);
        assert_eq!(pace.ready_at(false), now.after(SECOND * 300));
        pace.bad(Some(SECOND * 1_000_000), now);
        assert_eq!(pace.ready_at(false), now.after(LONGEST_WISH), "no receiver silences a room for days");
        pace.good();
        pace.bad(None, now);
        assert!(pace.ready_at(false).since(now) <= SECOND);
    }

    #[test]
    fn what_was_kept_goes_at_its_rate_and_in_a_meeting_at_two_an_interval() {
        let now = Mono::from_elapsed(SECOND * 1000);
        let mut pace = Pace::new(SECOND * 30, Rate(128e3), now);
        assert_eq!(pace.ready_at(true), now, "the first waits for nothing");
        pace.begun(15_000, now);
        assert_eq!(pace.ready_at(false), now.after(SECOND), "16 kB at 128 kbit/s");
        assert_eq!(pace.ready_at(true), now.after(SECOND * 15));
    }

    #[test]
    fn in_a_meeting_too_what_waited_is_over_at_some_time() {
        let mut now = Mono::from_elapsed(SECOND * 1000);
        let mut pace = Pace::new(SECOND * 30, Rate(128e3), now);
        // An hour's outage, and a meeting of three hours after it.
        let (mut waits, mut taken_at, end) = (120, now, now.after(SECOND * 3 * 3600));
        while waits > 0 && now < end {
            pace.begun(11_000, now);
            waits -= 1;
            now = pace.ready_at(true);
            while now.since(taken_at) >= SECOND * 30 {
                taken_at = taken_at.after(SECOND * 30);
                waits += 1;
            }
        }
        assert_eq!(waits, 0);
        assert!(now < end);
    }
}
