//! What was measured in a span: the same minutes that a report tells of, added up.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::Quantity;
use crate::domain::record::{Point, Series};

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// What was measured of one quantity of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// By which check.
    pub check: Arc<str>,
    /// What.
    pub quantity: &'static Quantity,
    /// Which part of it.
    pub part: Option<Arc<str>>,
    /// In so many minutes.
    pub minutes: u64,
    /// The smallest value.
    pub min: f64,
    /// The mean, each minute weighing as much as it has values.
    pub mean: f64,
    /// The greatest value.
    pub max: f64,
}

/// Of each series that has minutes which lie wholly in the span, what they add up to.
pub fn measured(series: &[Series], (from, to): (Timestamp, Timestamp)) -> Vec<Figures> {
    let within = |point: &&Point| point.at >= from && to.duration_since(point.at) >= MINUTE;
    let figures = series.iter().filter_map(|series| {
        let points: Vec<_> = series.points.iter().filter(within).collect();
        let weight: f64 = points.iter().map(|point| counted(point.count)).sum();
        let total: f64 = points.iter().map(|point| point.mean * counted(point.count)).sum();
        (weight > 0.0).then(|| Figures {
            check: Arc::clone(&series.check),
            quantity: series.quantity,
            part: series.part.clone(),
            minutes: u64::try_from(points.len()).unwrap_or(u64::MAX),
            min: points.iter().map(|point| point.min).fold(f64::INFINITY, f64::min),
            mean: total / weight,
            max: points.iter().map(|point| point.max).fold(f64::NEG_INFINITY, f64::max),
        })
    });
    figures.collect()
}

#[allow(clippy::cast_precision_loss, reason = "a minute has fewer values than a double counts exactly")]
const fn counted(count: u64) -> f64 {
    count as f64
}
