//! How long a reply took, from the kernel's stamp and two readings of our clocks. Pure.
//!
//! The kernel stamps what it receives by its wall clock (`SO_TIMESTAMPNS`, socket(7)), however late this process gets its
//! turn. Wall clocks are set; so a stamp counts only while both of our clocks agree on what passed.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::Now;
use crate::probe::datagrams::was_set;

/// The round trip of an echo: `sent` was read before it left, `heard` when its reply had been read, and the kernel may have
/// stamped that in between. It is never longer than the monotonic clock says. `None` if it would be zero: that is a clock
/// too coarse, no measurement.
pub(super) fn round_trip(sent: Now, heard: Now, stamp: Option<Timestamp>) -> Option<Duration> {
    let passed = heard.mono.since(sent.mono);
    let stamped = stamp
        .filter(|_| !was_set(passed, heard.wall.duration_since(sent.wall)))
        .and_then(|stamp| positive(stamp, sent.wall));
    Some(stamped.map_or(passed, |stamped| stamped.min(passed))).filter(|rtt| !rtt.is_zero())
}

fn positive(stamp: Timestamp, sent: Timestamp) -> Option<Duration> {
    Duration::try_from(stamp.duration_since(sent)).ok().filter(|rtt| !rtt.is_zero())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Mono;
    use crate::probe::datagrams::SET;

    const fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// Both clocks at the sending.
    fn sent() -> Now {
        Now { mono: Mono::from_elapsed(us(5_000_000)), wall: Timestamp::from_second(1_900_000_000).unwrap() }
    }

    /// The same clocks later, the wall clock set forward by so many microseconds.
    fn later(by: Duration, set: i64) -> Now {
        let now = sent().after(by);
        Now { wall: now.wall + SignedDuration::from_micros(set), ..now }
    }

    fn stamp(after: i64) -> Timestamp {
        sent().wall + SignedDuration::from_micros(after)
    }

    #[test]
    fn the_kernels_stamp_counts_however_late_it_is_read() {
        assert_eq!(round_trip(sent(), later(us(9_000), 0), Some(stamp(40))), Some(us(40)));
        assert_eq!(round_trip(sent(), later(us(60), 0), Some(stamp(40))), Some(us(40)));
    }

    #[test]
    fn without_a_stamp_that_can_be_the_monotonic_clock_counts() {
        for odd in [None, Some(stamp(0)), Some(stamp(-3)), Some(stamp(61)), Some(stamp(i64::from(i32::MAX)))] {
            assert_eq!(round_trip(sent(), later(us(60), 0), odd), Some(us(60)), "{odd:?}");
        }
    }

    #[test]
    fn a_wall_clock_that_was_set_meanwhile_is_not_believed() {
        // Back by 15 ms during a round trip of 20 ms: the stamp alone would look well.
        assert_eq!(round_trip(sent(), later(us(20_100), -15_000), Some(stamp(5_000))), Some(us(20_100)));
        assert_eq!(round_trip(sent(), later(us(20_100), 86_400_000_000), Some(stamp(20_000))), Some(us(20_100)));
    }

    #[test]
    fn zero_is_no_measurement() {
        assert_eq!(round_trip(sent(), sent(), Some(stamp(0))), None);
        assert_eq!(round_trip(sent(), sent(), None), None);
        assert_eq!(round_trip(sent(), later(Duration::from_nanos(1), 0), None), Some(Duration::from_nanos(1)));
    }

    proptest! {
        /// Whatever the clocks and the kernel say: positive, never longer than what passed, and wrong by no more than what
        /// cannot be seen of a clock's being set.
        #[test]
        fn whatever_the_clocks_say(
            truth in 1_u64..3_000_000, unread in 0_u64..50_000,
            set in prop_oneof![Just(0_i64), -2_000_i64..2_000, -90_000_000_000_i64..90_000_000_000],
            stamped_after_it: bool,
        ) {
            let heard = later(us(truth + unread), set);
            let shift = if stamped_after_it { set } else { 0 };
            let rtt = round_trip(sent(), heard, Some(stamp(i64::try_from(truth).unwrap() + shift))).unwrap();
            prop_assert!(!rtt.is_zero() && rtt <= us(truth + unread));
            if set == 0 {
                prop_assert_eq!(rtt, us(truth));
            }
            prop_assert!(rtt + SET >= us(truth), "{rtt:?} is too short for {truth} us");
        }

        /// Stamps that nothing explains.
        #[test]
        fn whatever_the_kernel_says(passed in 0_u64..5_000_000, set: i32, stamped: Option<i32>) {
            let heard = later(us(passed), i64::from(set));
            let rtt = round_trip(sent(), heard, stamped.map(|after| stamp(i64::from(after))));
            prop_assert_eq!(rtt.is_none(), passed == 0);
            prop_assert!(rtt.unwrap_or_default() <= us(passed));
        }
    }
}
