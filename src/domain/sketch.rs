//! Many values in little room: their quantiles to one part in a hundred, and mergeable without losing that.
//!
//! Buckets whose bounds grow by a factor (as in `DDSketch`, Masson et al., VLDB 2019): a value is known to 1 % of itself.
//! Minutes of an hour, hours of a year and several far ends add up to one, and the order in which they do so is all the same.

/// Each bucket's bound over the one before.
const GROWTH: f64 = 1.02;
/// The bucket of zero, which has no logarithm.
const ZERO: i16 = i16::MIN;
/// Bytes of a bucket: its number and its count, little-endian.
const BUCKET: usize = 6;

/// How often values of which size came. No value is negative.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch(Vec<(i16, u32)>);

impl Sketch {
    /// The sketch of one value.
    pub fn of(value: f64) -> Self {
        let mut sketch = Self::default();
        sketch.add(value);
        sketch
    }

    /// Takes a value in. One that is not finite is none; one below zero counts as zero.
    pub fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.put(bucket(value), 1);
        }
    }

    /// Takes another's values in.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            self.put(*bucket, *count);
        }
    }

    fn put(&mut self, bucket: i16, count: u32) {
        match self.0.binary_search_by_key(&bucket, |(known, _)| *known) {
            Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(count),
            Err(at) => self.0.insert(at, (bucket, count)),
        }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// The nearest-rank quantile, to 1 % of itself: the smallest value that `percent` of 100 do not exceed.
    pub fn quantile(&self, percent: u64) -> Option<f64> {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.0.iter().find_map(|(bucket, count)| {
            seen += u64::from(*count);
            (seen >= rank).then(|| value(*bucket))
        })
    }

    /// As a row holds it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = |(bucket, count): &(i16, u32)| {
            let mut bytes = [0; BUCKET];
            bytes[..2].copy_from_slice(&bucket.to_le_bytes());
            bytes[2..].copy_from_slice(&count.to_le_bytes());
            bytes
        };
        self.0.iter().flat_map(bytes).collect()
    }

    /// What a row holds; what is no whole bucket is left out.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut sketch = Self::default();
        for bytes in bytes.chunks_exact(BUCKET) {
            if let (Some((bucket, _)), Some((_, count))) = (bytes.split_first_chunk(), bytes.split_last_chunk()) {
                sketch.put(i16::from_le_bytes(*bucket), u32::from_le_bytes(*count));
            }
        }
        sketch
    }
}

fn bucket(value: f64) -> i16 {
    if value <= 0.0 {
        return ZERO;
    }
    let place = (value.ln() / GROWTH.ln()).ceil().clamp(f64::from(ZERO + 1), f64::from(i16::MAX));
    #[allow(clippy::cast_possible_truncation, reason = "clamped to its range")]
    let place = place as i16;
    place
}

/// The value of which every other of the bucket is at most 1 % away.
fn value(bucket: i16) -> f64 {
    if bucket == ZERO { 0.0 } else { 2.0 * GROWTH.powi(i32::from(bucket)) / (GROWTH + 1.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_quantile_is_right_to_one_percent_however_the_values_were_put_together(
            values in prop::collection::vec(prop_oneof![Just(0.0), 1e-6..1e3_f64, 1e3..1e10_f64], 1..300),
            cut in 0_usize..300,
            percent in 1_u64..=100,
        ) {
            let cut = cut.min(values.len());
            let (mut left, mut right) = (Sketch::default(), Sketch::default());
            values[..cut].iter().for_each(|value| left.add(*value));
            values[cut..].iter().for_each(|value| right.add(*value));
            right.merge(&left);
            let back = Sketch::from_bytes(&right.to_bytes());
            prop_assert_eq!(&back, &right);
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let rank = (sorted.len() * usize::try_from(percent).unwrap()).div_ceil(100).max(1);
            let (exact, told) = (sorted[rank - 1], back.quantile(percent).unwrap());
            prop_assert!((told - exact).abs() <= exact * 0.01 + 1e-12, "{} for {}", told, exact);
            prop_assert_eq!(back.count(), values.len() as u64);
        }
    }

    #[test]
    fn nothing_has_no_quantile_and_half_a_bucket_is_none() {
        assert_eq!(Sketch::default().quantile(50), None);
        let mut sketch = Sketch::of(f64::NAN);
        sketch.add(f64::INFINITY);
        assert_eq!(sketch.count(), 0);
        assert_eq!(Sketch::of(-1.0).quantile(50), Some(0.0));
        let mut bytes = Sketch::of(1.0).to_bytes();
        bytes.extend([1, 2, 3]);
        assert_eq!(Sketch::from_bytes(&bytes), Sketch::of(1.0));
    }
}
