//! The only reader of clocks.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::domain::{Mono, Now};

/// A handle that reads both clocks. Cheap to copy; every copy made from one shares its zero.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Source);

#[derive(Clone, Copy, Debug)]
enum Source {
    Real { zero: Duration },
    Virtual { zero: Instant, wall: Timestamp },
}

/// Where a process's monotonic scale begins: far enough from zero that evidence from before the process has a place on it,
/// and so its true age. Longer than anything is kept.
const LEAD: Duration = Duration::from_hours(43800);

/// How late a moment may pass that came while the machine was suspended: whoever waits for longer looks at the clock so often.
const NAP: Duration = Duration::from_secs(30);

#[allow(clippy::disallowed_methods, reason = "the one place that reads clocks")]
impl Clock {
    /// A clock whose monotonic scale begins now.
    ///
    /// It reads `CLOCK_BOOTTIME` (`clock_gettime(2)`), so that time which the machine spent suspended counts: evidence from
    /// before a suspension is old. Tokio's timers do not count it; after a resume a deadline may pass half a minute late, but
    /// never unseen, because the first reading tells.
    pub fn start() -> Self {
        Self(Source::Real { zero: boottime() })
    }

    /// A clock on tokio's own time, for tests that pause it; its wall time begins at `wall` and moves along.
    pub fn on_tokio_time(wall: Timestamp) -> Self {
        Self(Source::Virtual { zero: Instant::now(), wall })
    }

    /// The same clock after somebody has set the wall clock by so much, for tests that pause tokio's time; the machine's own is not
    /// set by anybody here.
    #[must_use]
    pub fn set_by(self, step: SignedDuration) -> Self {
        match self.0 {
            Source::Real { .. } => self,
            Source::Virtual { zero, wall } => {
                Self(Source::Virtual { zero, wall: wall.saturating_add(step).unwrap_or(wall) })
            }
        }
    }

    /// Both clocks, now.
    pub fn now(&self) -> Now {
        let mono = self.mono();
        let wall = match self.0 {
            Source::Real { .. } => Timestamp::now(),
            Source::Virtual { wall, .. } => wall.saturating_add(self.elapsed()).unwrap_or(Timestamp::MAX),
        };
        Now { mono, wall }
    }

    /// The monotonic clock alone, for timing.
    pub fn mono(&self) -> Mono {
        Mono::from_elapsed(LEAD + self.elapsed())
    }

    /// The time since this clock began.
    pub fn elapsed(&self) -> Duration {
        match self.0 {
            Source::Real { zero } => boottime().saturating_sub(zero),
            Source::Virtual { zero, .. } => zero.elapsed(),
        }
    }

    /// How long the machine has been up: the same for every process of one boot, whatever the wall clock is set to. On tokio's
    /// time there is no machine.
    pub fn since_boot(&self) -> Option<Duration> {
        matches!(self.0, Source::Real { .. }).then(boottime)
    }

    /// Waits until `moment` by this clock; at once if it is past, for ever if it is [`Mono::NEVER`].
    pub async fn sleep_until(&self, moment: Mono) {
        if moment == Mono::NEVER {
            std::future::pending::<()>().await;
        }
        loop {
            let left = moment.since(self.mono());
            let nap = if let Source::Real { .. } = self.0 { left.min(NAP) } else { left };
            tokio::time::sleep(nap).await;
            if nap == left {
                return;
            }
        }
    }
}

fn boottime() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    // Seconds and nanoseconds of this clock are never negative.
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}
