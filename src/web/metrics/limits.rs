//! The limits by which checks are judged, as metrics: a graph draws them, and no dashboard writes a number a second time.
//!
//! The limits of `siaga_icmp_jitter_seconds` are `siaga_limit_icmp_jitter_seconds`, of its unit, under the profile in force.

use std::borrow::Cow;

use crate::domain::snapshot::CheckView;
use crate::domain::{Profile, Quantity, Test, Unit, Verdict};
use crate::engine::judge::Limits;

use super::family::{Family, Samples};

pub(super) static LOSS: Family = Family::gauge(
    "siaga_limit_check_loss_ratio",
    &["check", "side", "state"],
    "Share of lost packets beyond which a check is of that state, under the profile in force.",
);

/// The metric of a quantity's limits; none for what is no number on a scale (flags), or only counts.
pub(super) fn family(quantity: &Quantity) -> Option<Family> {
    if quantity.counter || matches!(quantity.unit, Unit::Flag | Unit::Timestamp) {
        return None;
    }
    let measured = Family::of_quantity(quantity);
    let stem = measured.name.strip_prefix("siaga_")?;
    let labels: Vec<_> = measured.labels.iter().copied().chain(["side", "state"]).collect();
    Some(Family {
        name: Cow::Owned(format!("siaga_limit_{stem}")),
        help: "Limit of the quantity of that name: on its side a check is of that state, under the profile in force.",
        labels: labels.into(),
        ..measured
    })
}

/// The limits of one check. A limit that a lower bound is held to is that of its quantity too, and is there once.
pub(super) fn add(out: &mut Samples, check: &CheckView, profile: &Profile) {
    let name = check.spec.name.as_str();
    let limits = Limits::of(&check.spec, profile);
    for (rule, degraded, not_ready) in limits.each().filter(|(rule, ..)| rule.test != Test::AtLeast) {
        let Some(family) = family(rule.quantity) else { continue };
        let side = if rule.test == Test::Above { "above" } else { "below" };
        for (limit, state) in [(degraded, Verdict::Degraded), (not_ready, Verdict::NotReady)] {
            let Some(limit) = limit else { continue };
            // A rule over every part has no part of its own: an empty label, which to Prometheus is none.
            let part = rule.quantity.part.map(|_| rule.part.unwrap_or_default());
            let values: Vec<_> = [Some(name), part, Some(side), Some(state.as_str())].into_iter().flatten().collect();
            out.add_once(&family, &values, limit);
        }
    }
    let (degraded, not_ready) = limits.loss.unwrap_or_default();
    for (limit, state) in [(degraded, Verdict::Degraded), (not_ready, Verdict::NotReady)] {
        if let Some(limit) = limit {
            out.add(&LOSS, &[name, "above", state.as_str()], limit);
        }
    }
}
