//! Chance that a seed draws again.

/// Steele, Lea and Flood's `SplitMix64`: the same on every machine and in every version of every crate.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// The one of a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number under `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// Any place in a list of so many.
    pub(super) fn pick(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(u64::try_from(bound).unwrap())).unwrap()
    }

    /// Any number of `from..until`.
    pub(super) fn between(&mut self, from: u64, until: u64) -> u64 {
        from + self.below(until - from)
    }
}
