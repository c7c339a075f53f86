//! A table that never grows: whoever comes takes the place of the one that is missed least.
//!
//! Each key has a few places, found by a hash that nobody outside can foretell. The search is as short for a full table as for
//! an empty one.

use std::hash::{BuildHasher as _, Hash, RandomState};

use crate::domain::Mono;

/// Places of a key.
const WAYS: usize = 8;

pub(super) struct Table<K, V> {
    places: Box<[Option<Entry<K, V>>]>,
    hash: RandomState,
}

struct Entry<K, V> {
    key: K,
    used: Mono,
    value: V,
}

impl<K: Hash + Eq, V> Table<K, V> {
    /// A table of `sets` times [`WAYS`] places.
    pub(super) fn new(sets: usize) -> Self {
        let places = std::iter::repeat_with(|| None).take(sets.max(1) * WAYS).collect();
        Self { places, hash: RandomState::new() }
    }

    /// What is known of `key`, if it was used at or after `since`.
    pub(super) fn get(&mut self, key: &K, since: Mono) -> Option<&mut V> {
        let set = self.set(key).iter_mut().flatten();
        set.filter(|entry| entry.used >= since).find(|entry| entry.key == *key).map(|entry| &mut entry.value)
    }

    /// The same, as used at `now`; made by `fresh` where there is none or it is older than `since`. Where there is no room,
    /// the one goes that was not used for longest, and of those that `stays` names only if there is no other.
    pub(super) fn take(
        &mut self,
        key: K,
        now: Mono,
        since: Mono,
        stays: impl Fn(&V) -> bool,
        fresh: impl FnOnce() -> V,
    ) -> &mut V {
        let set = self.set(&key);
        let own = set.iter().position(|place| place.as_ref().is_some_and(|entry| entry.key == key));
        let worth = |place: &Option<Entry<K, V>>| {
            place.as_ref().map(|entry| (entry.used >= since && stays(&entry.value), entry.used))
        };
        let least = || (0..WAYS).min_by_key(|at| worth(&set[*at])).unwrap_or(0);
        let place = &mut set[own.unwrap_or_else(least)];
        let kept = place.take().filter(|entry| own.is_some() && entry.used >= since).map(|entry| entry.value);
        &mut place.insert(Entry { key, used: now, value: kept.unwrap_or_else(fresh) }).value
    }

    fn set(&mut self, key: &K) -> &mut [Option<Entry<K, V>>] {
        let sets = self.places.len() / WAYS;
        #[allow(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let first = self.hash.hash_one(key) as usize % sets * WAYS;
        &mut self.places[first..first + WAYS]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: u64) -> Mono {
        Mono::from_elapsed(Duration::from_secs(second))
    }

    /// Puts `key` in, worth staying if it is even.
    fn put(table: &mut Table<u32, u32>, key: u32, second: u64) {
        table.take(key, at(second), at(0), |value| value.is_multiple_of(2), || key);
    }

    #[test]
    fn whoever_was_not_used_for_longest_goes_and_those_that_stay_go_last() {
        let mut table = Table::new(1);
        for key in 0..8 {
            put(&mut table, key, u64::from(key));
        }
        put(&mut table, 1, 100);
        put(&mut table, 100, 101);
        assert!(table.get(&3, at(0)).is_none(), "0 and 2 stay, 1 was used anew");
        for (key, second) in [(101, 102), (103, 103), (105, 104), (107, 105), (109, 106)] {
            put(&mut table, key, second);
        }
        for key in [0, 2, 4, 6, 100] {
            assert_eq!(table.get(&key, at(0)), Some(&mut { key }), "{key}");
        }
        // Nobody else is left: now one of those.
        for (key, second) in [(200, 107), (202, 108), (204, 109), (206, 110)] {
            put(&mut table, key, second);
        }
        assert!(table.get(&0, at(0)).is_none() && table.get(&206, at(0)).is_some());
    }

    #[test]
    fn what_is_too_old_is_nothing() {
        let mut table = Table::new(4);
        put(&mut table, 7, 10);
        assert_eq!(table.get(&7, at(10)), Some(&mut 7));
        assert_eq!(table.get(&7, at(11)), None);
        assert_eq!(table.take(7, at(20), at(11), |_| true, || 70), &mut 70, "made anew");
        assert_eq!(table.take(7, at(21), at(20), |_| true, || 71), &mut 70);
    }

    #[test]
    fn it_never_grows() {
        let mut table = Table::new(4);
        (0..10_000).for_each(|key| put(&mut table, key, u64::from(key)));
        assert_eq!(table.places.len(), 4 * WAYS);
        assert_eq!((0..10_000).filter(|key| table.get(key, at(0)).is_some()).count(), 4 * WAYS);
    }
}
