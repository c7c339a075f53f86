//! Medians and quantiles of what was measured, with how much it scattered.

use serde::Serialize;

/// What came of measuring one thing several times.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// In the figure's unit.
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    /// How many values there were.
    pub(crate) count: usize,
}

/// A sample, or why there is none.
pub(crate) type Measured = Result<Sample, String>;

/// The sample of several values; none of none.
pub(crate) fn sample(mut values: Vec<f64>) -> Measured {
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first(), values.last()) else {
        return Err("no value was measured".to_owned());
    };
    Ok(Sample { median: quantile(&values, 0.5), least: *least, most: *most, count: values.len() })
}

/// A value that was measured once, over a long time or many events.
pub(crate) fn once(value: f64) -> Measured {
    sample(vec![value])
}

/// The quantile of sorted values, between neighbours in proportion (Hyndman and Fan's type 7); NaN of none.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    #[allow(clippy::cast_precision_loss, reason = "a few thousand values at most")]
    let place = share * last as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    let part = place - place.floor();
    sorted[below] * (1.0 - part) + sorted[above] * part
}
