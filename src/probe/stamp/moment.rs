//! A moment as STAMP's packets carry it, and how good it is. Pure.

use std::time::Duration;

use jiff::Timestamp;

/// Between 1900, where NTP's seconds begin, and 1970 (RFC 5905 §6).
const NTP_BEFORE_UNIX: i64 = 2_208_988_800;
const NANOS: u128 = 1_000_000_000;

/// 64 bits of time, in the format that the [`Estimate`] beside it names. Seconds wrap in 2036, so only differences say
/// something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp(pub u64);

/// RFC 4656 §4.1.2 with RFC 8762 §4.2.1: bits S (follows a source of UTC), Z (format: PTP, else NTP), scale (6), and a
/// multiplier (8); the error is multiplier × 2^scale × 2^-32 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate(pub u16);

impl Stamp {
    /// That moment in NTP's format (RFC 5905 §6).
    pub fn ntp(wall: Timestamp) -> Self {
        // Euclid, because before 1970 both parts are negative.
        let nanos = wall.as_nanosecond().rem_euclid(1_000_000_000).unsigned_abs();
        let seconds = wall.as_nanosecond().div_euclid(1_000_000_000) + i128::from(NTP_BEFORE_UNIX);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the era is dropped on purpose")]
        let seconds = seconds as u32;
        // Rounded up, so that reading it gives the same nanosecond.
        #[allow(clippy::cast_possible_truncation, reason = "less than 2^32")]
        let fraction = (nanos << 32).div_ceil(NANOS) as u32;
        Self(u64::from(seconds) << 32 | u64::from(fraction))
    }

    /// The time since the beginning of its format's era; of PTP's format (IEEE 1588-2008, cut to 32 bits of seconds) or NTP's.
    pub fn elapsed(self, estimate: Estimate) -> Duration {
        let [seconds, rest] = [self.0 >> 32, self.0 & 0xFFFF_FFFF];
        let nanos = if estimate.is_ptp() { rest } else { (rest * 1_000_000_000) >> 32 };
        Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos))
    }
}

impl Estimate {
    /// Ours: NTP's format, of a clock of which we do not know whom it follows, so good to a second.
    pub const OURS: Self = Self(32 << 8 | 1);

    /// Whether the stamps beside it are in PTP's format.
    pub const fn is_ptp(self) -> bool {
        self.0 & 0x4000 != 0
    }

    /// Whether that clock follows a source of UTC.
    pub const fn is_synchronized(self) -> bool {
        self.0 & 0x8000 != 0
    }

    /// A multiplier of zero is none (RFC 4656 §4.1.2).
    pub(super) const fn is_corrupt(self) -> bool {
        self.0.trailing_zeros() >= 8
    }

    /// How far off the clock may be.
    pub fn error(self) -> Duration {
        let (scale, multiplier) = ((self.0 >> 8) & 0x3F, u128::from(self.0 & 0xFF));
        let nanos = ((multiplier * NANOS) << scale) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ntp(text: &str) -> u64 {
        Stamp::ntp(text.parse().unwrap()).0
    }

    /// By hand: 70 years with 17 leap days are 25567 days; half a second is the upper bit of the fraction; era 1 begins
    /// 2^32 s after 1900 (RFC 5905, figure 4).
    #[test]
    fn a_moment_is_seconds_since_1900_and_their_fraction() {
        assert_eq!(ntp("1970-01-01T00:00:00Z"), (25_567 * 86_400) << 32);
        assert_eq!(ntp("1970-01-01T00:00:00.5Z"), ((25_567 * 86_400) << 32) | 0x8000_0000);
        assert_eq!(ntp("1969-12-31T23:59:59.75Z"), ((25_567 * 86_400 - 1) << 32) | 0xC000_0000);
        assert_eq!(ntp("2036-02-07T06:28:15Z"), 0xFFFF_FFFF_0000_0000);
        assert_eq!(ntp("2036-02-07T06:28:16Z"), 0);
    }

    #[test]
    fn an_estimate_says_whom_the_clock_follows_and_how_far_it_may_be_off() {
        assert_eq!(Estimate::OURS.error(), Duration::from_secs(1));
        assert!(!Estimate::OURS.is_synchronized() && !Estimate::OURS.is_ptp() && !Estimate::OURS.is_corrupt());
        // S, Z, scale 22, multiplier 10: 10 × 2^-10 s.
        let other = Estimate(0b1101_0110_0000_1010);
        assert!(other.is_synchronized() && other.is_ptp());
        assert_eq!(other.error(), Duration::from_nanos(9_765_625));
        assert!(Estimate(0x9600).is_corrupt());
        assert_eq!(Estimate(0x3FFF).error(), Duration::from_nanos(u64::MAX), "more than can be held");
    }

    #[test]
    fn both_formats_are_read() {
        let moment = Stamp((7 << 32) + 250_000_000);
        assert_eq!(moment.elapsed(Estimate(0x4001)), Duration::from_millis(7250));
        assert_eq!(Stamp((7 << 32) + 0x4000_0000).elapsed(Estimate(0x0001)), Duration::from_millis(7250));
    }

    proptest! {
        #[test]
        fn a_nanosecond_comes_back_as_it_was(seconds in 0_i64..2_085_978_496, nanos in 0_i32..1_000_000_000) {
            let wall = Timestamp::new(seconds, nanos).unwrap();
            let elapsed = Stamp::ntp(wall).elapsed(Estimate::OURS);
            prop_assert_eq!(elapsed.as_nanos(), u128::try_from(wall.as_nanosecond()).unwrap() + 2_208_988_800 * NANOS);
        }

        #[test]
        fn any_bits_are_survived(stamp: u64, estimate: u16) {
            let estimate = Estimate(estimate);
            let _ = (Stamp(stamp).elapsed(estimate), estimate.error());
        }
    }
}
