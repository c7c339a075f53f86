//! How often a receiver was tried in vain. Pure.

use std::time::Duration;

use crate::domain::Now;

/// A wall clock that has gone by so much more or less than the time that has passed was set.
const SET: Duration = Duration::from_hours(1);

/// The attempts since something arrived at a receiver last, whichever notification they were for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tries {
    failures: u32,
    /// Those of them since the wall clock was set: what is given up for its age is given up by that clock.
    since_set: u32,
    looked: Option<Now>,
}

impl Tries {
    /// What an earlier process left of them. By which clock they were is not known: it may have been set since.
    pub(super) fn left(failures: u32) -> Self {
        Self { failures, since_set: 0, looked: None }
    }

    /// Looks at the clocks. To be done often.
    pub(super) fn look(&mut self, now: Now) {
        let should_be = self.looked.map_or(now.wall, |before| before.wall_at(now.mono));
        if now.wall.duration_since(should_be).unsigned_abs() > SET {
            self.since_set = 0;
        }
        self.looked = Some(now);
    }

    /// Another one failed.
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.since_set = self.since_set.saturating_add(1);
    }

    /// Something arrived.
    pub(super) fn arrived(&mut self) {
        (self.failures, self.since_set) = (0, 0);
    }

    /// Failures in a row.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Failures in a row by a wall clock that nobody has set meanwhile.
    pub(super) const fn since_set(&self) -> u32 {
        self.since_set
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::domain::Mono;

    #[test]
    fn a_wall_clock_that_was_set_begins_the_count_anew_and_one_that_drifts_does_not() {
        let mut now = Now { mono: Mono::from_elapsed(Duration::from_hours(1)), wall: Timestamp::UNIX_EPOCH };
        let mut tries = Tries::left(3);
        tries.look(now);
        for _ in 0..100 {
            now = now.after(Duration::from_mins(5));
            now.wall += SignedDuration::from_secs(9);
            tries.failed();
            tries.look(now);
        }
        assert_eq!((tries.failures(), tries.since_set()), (103, 100));
        for step in [SignedDuration::from_hours(24), SignedDuration::from_hours(-24)] {
            now.wall += step;
            tries.look(now);
            assert_eq!((tries.failures(), tries.since_set()), (103, 0), "{step:?}");
            tries.failed();
            tries.look(now);
            assert_eq!(tries.since_set(), 1);
            tries = Tries { failures: 103, ..tries };
        }
        tries.arrived();
        assert_eq!((tries.failures(), tries.since_set()), (0, 0));
    }
}
