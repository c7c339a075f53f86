//! How much is answered: to one source, to newcomers, and in all. Pure.
//!
//! A forged source address costs its sender nothing, so whoever is not known yet shares a half with all others that are not;
//! the other half is for those that have been answered for a while.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::table::Table;
use crate::domain::{Mono, Rate};

/// A source is known when it has been answered so often, over so long.
const KNOWN_AFTER: (u32, Duration) = (50, Duration::from_secs(1));
/// One that was away so long is a newcomer.
const FORGOTTEN: Duration = Duration::from_mins(10);
/// Sets of the table of sources.
const SETS: usize = 512;
/// What may come at once: a quarter of a second of the rate.
const DEPTH: f64 = 0.25;
/// A packet costs at least so much: smaller ones are as much work.
const LEAST: usize = 200;

/// Why nothing more is answered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limited {
    /// That source has had its share.
    Source,
    /// Newcomers have had theirs.
    Newcomers,
    /// All have.
    All,
}

pub(super) struct Limits {
    per_source: f64,
    all: Bucket,
    newcomers: Bucket,
    sources: Table<IpAddr, Source>,
}

struct Source {
    bucket: Bucket,
    since: Mono,
    packets: u32,
}

/// A token bucket, in bits.
struct Bucket {
    rate: f64,
    left: f64,
    at: Mono,
}

impl Limits {
    pub(super) fn new(all: Rate, per_source: Rate, now: Mono) -> Self {
        Self {
            per_source: per_source.0,
            all: Bucket::new(all.0, now),
            newcomers: Bucket::new(all.0 / 2.0, now),
            sources: Table::new(SETS),
        }
    }

    /// Whether a packet of `bytes` (IP and all) from there may be answered now; it is counted if so.
    ///
    /// # Errors
    /// Whose limit is reached.
    pub(super) fn admit(&mut self, from: IpAddr, bytes: usize, now: Mono) -> Result<(), Limited> {
        #[allow(clippy::cast_precision_loss, reason = "a packet's size")]
        let bits = bytes.max(LEAST) as f64 * 8.0;
        let (source, since) = (network(from), now.before(FORGOTTEN));
        let mut known = false;
        if let Some(source) = self.sources.get(&source, since) {
            if !source.bucket.has(bits, now) {
                return Err(Limited::Source);
            }
            known = source.is_known(now);
        }
        if !self.all.has(bits, now) {
            return Err(Limited::All);
        }
        if !known && !self.newcomers.has(bits, now) {
            return Err(Limited::Newcomers);
        }
        self.all.left -= bits;
        if !known {
            self.newcomers.left -= bits;
        }
        // Only who is answered gets a place: a flood of addresses drives nobody out faster than newcomers are answered.
        let fresh = || Source { bucket: Bucket::new(self.per_source, now), since: now, packets: 0 };
        let source = self.sources.take(source, now, since, |source| source.is_known(now), fresh);
        source.bucket.left -= bits;
        source.packets = source.packets.saturating_add(1);
        Ok(())
    }
}

impl Source {
    fn is_known(&self, now: Mono) -> bool {
        self.packets >= KNOWN_AFTER.0 && now.since(self.since) >= KNOWN_AFTER.1
    }
}

impl Bucket {
    fn new(rate: f64, now: Mono) -> Self {
        Self { rate, left: rate * DEPTH, at: now }
    }

    fn has(&mut self, bits: f64, now: Mono) -> bool {
        let filled = self.left + self.rate * now.since(self.at).as_secs_f64();
        self.left = filled.min(self.rate * DEPTH);
        self.at = now;
        self.left >= bits
    }
}

/// Who is one source: an IPv4 address, a /64 of IPv6.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const GOOD: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn begin() -> Mono {
        Mono::from_elapsed(Duration::from_hours(1))
    }

    fn limits() -> Limits {
        Limits::new(Rate(8e6), Rate(2e6), begin())
    }

    #[test]
    fn one_source_gets_its_share_and_no_more() {
        let mut limits = limits();
        // 1000 bytes each millisecond is 8 Mbit/s.
        let answered = (0..4000).filter(|ms| limits.admit(GOOD, 1000, begin().after(MS * *ms)).is_ok()).count();
        // 4 s at 2 Mbit/s are 1000 packets, and the quarter of a second at the beginning.
        assert!((1000..1070).contains(&answered), "{answered}");
        assert_eq!(limits.admit(GOOD, 1000, begin().after(MS * 4000)), Err(Limited::Source));
        let other = "192.0.2.2".parse().unwrap();
        assert_eq!(limits.admit(other, 1000, begin().after(MS * 4000)), Ok(()));
        // A neighbour in the same /64 is the same source.
        let v6 = |host: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]);
        let then = begin().after(MS * 5000);
        let first = (0..100).filter(|_| limits.admit(v6(1), 1000, then).is_ok()).count();
        assert!(first > 50 && limits.admit(v6(2), 1000, then) == Err(Limited::Source), "{first}");
    }

    #[test]
    fn a_flood_of_addresses_gets_half_and_who_is_known_goes_on() {
        let mut limits = limits();
        // Known by a second and a half of sound.
        for n in 0..150 {
            assert_eq!(limits.admit(GOOD, 160, begin().after(MS * 10 * n)), Ok(()));
        }
        let (mut forged, mut address) = (0_usize, u32::from(Ipv4Addr::new(198, 18, 0, 0)));
        for ms in 1500..5500 {
            let now = begin().after(MS * ms);
            for _ in 0..20 {
                address += 1;
                forged += 1000 * usize::from(limits.admit(Ipv4Addr::from(address).into(), 1000, now).is_ok());
            }
            if ms % 10 == 0 {
                assert_eq!(limits.admit(GOOD, 160, now), Ok(()), "at {ms} ms");
            }
        }
        // Four seconds of 4 Mbit/s, and what was saved up.
        assert!((1_900_000..2_200_000).contains(&forged), "{forged}");
    }

    #[test]
    fn who_was_away_for_long_is_a_newcomer() {
        let mut limits = limits();
        for n in 0..150 {
            limits.admit(GOOD, 160, begin().after(MS * 10 * n)).unwrap();
        }
        let is_known = |limits: &mut Limits, now: Mono| {
            limits.sources.get(&GOOD, now.before(FORGOTTEN)).is_some_and(|source| source.is_known(now))
        };
        let soon = begin().after(FORGOTTEN);
        assert!(is_known(&mut limits, soon));
        assert!(!is_known(&mut limits, soon.after(MS * 1500)));
    }
}
