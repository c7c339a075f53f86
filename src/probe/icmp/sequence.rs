//! Sequence numbers of echo requests. Pure.
//!
//! A late reply is matched to whatever request carries its number now, with a wrong round trip. So no number comes back
//! until any reply to it would be long lost, and all probes of one address draw from one counter: on an unprivileged
//! socket the kernel sets the identifier, and address and number are all that tells two echoes apart.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use crate::domain::Mono;

/// One counter an address.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    of: BTreeMap<IpAddr, Counter>,
}

#[derive(Debug, Default)]
struct Counter {
    next: u16,
    /// When each number that may not be used again yet is free, oldest first.
    busy: VecDeque<Mono>,
}

impl Sequences {
    /// A number for an echo to `address` whose reply counts for `timeout`; it does not come back within twice that time.
    /// `None` when all 65 536 are on their way, which no schedule allowed by the config can reach.
    pub(super) fn draw(&mut self, address: IpAddr, timeout: Duration, now: Mono) -> Option<u16> {
        if !self.of.contains_key(&address) {
            // Addresses that nobody asks for any more are forgotten when a new one comes.
            self.of.retain(|_, counter| counter.busy.back().is_some_and(|free| *free > now));
        }
        let counter = self.of.entry(address).or_default();
        // Numbers are drawn in order, so the oldest is the next to come round. One with a longer timeout keeps those
        // behind it a little longer than they need.
        while counter.busy.front().is_some_and(|free| *free <= now) {
            counter.busy.pop_front();
        }
        if counter.busy.len() > usize::from(u16::MAX) {
            return None;
        }
        let drawn = counter.next;
        counter.next = drawn.wrapping_add(1);
        counter.busy.push_back(now.after(timeout * 2));
        Some(drawn)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn addresses_do_not_share_and_probes_of_one_address_do() {
        let mut sequences = Sequences::default();
        let two = Duration::from_secs(2);
        assert_eq!(sequences.draw(HERE, two, Mono::ZERO), Some(0));
        assert_eq!(sequences.draw(HERE, two, Mono::ZERO), Some(1));
        assert_eq!(sequences.draw(THERE, two, Mono::ZERO), Some(0));
        assert_eq!(sequences.draw(HERE, two, Mono::ZERO), Some(2));
    }

    #[test]
    fn when_all_are_on_their_way_none_is_given_until_the_first_is_free() {
        let mut sequences = Sequences::default();
        let two = Duration::from_secs(2);
        for expected in 0..=u16::MAX {
            assert_eq!(sequences.draw(HERE, two, Mono::ZERO), Some(expected));
        }
        assert_eq!(sequences.draw(HERE, two, Mono::ZERO.after(two)), None);
        assert_eq!(sequences.draw(HERE, two, Mono::ZERO.after(two * 2)), Some(0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// Whatever the pace: a number that comes back was last drawn at least twice its timeout ago.
        #[test]
        fn no_number_comes_back_within_twice_its_timeout(
            steps in prop::collection::vec((0_u64..2000, 1_u64..2000, 1_usize..20_000), 8..16),
        ) {
            let mut sequences = Sequences::default();
            let mut now = Mono::ZERO;
            let mut free: HashMap<u16, Mono> = HashMap::new();
            for (wait, timeout, draws) in steps {
                now = now.after(Duration::from_millis(wait));
                let timeout = Duration::from_millis(timeout);
                for _ in 0..draws {
                    let Some(drawn) = sequences.draw(HERE, timeout, now) else { break };
                    let before = free.insert(drawn, now.after(timeout * 2));
                    prop_assert!(before.is_none_or(|free| free <= now), "{drawn} came back too soon");
                }
            }
        }
    }
}
