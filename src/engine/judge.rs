//! What one reading makes of a check, under one set of limits.

use crate::domain::{Arg, CheckSpec, Finding, Limit, Measurement, Profile, ReasonDef, Rule, Test, Verdict};

/// A rule with its limits resolved for a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    rule: Rule,
    degraded: Option<f64>,
    not_ready: Option<f64>,
}

/// The limits of a check under one profile. Two profiles that agree on them share the decision.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Limits {
    rules: Vec<Resolved>,
    /// Loss: degraded and not-ready limits.
    pub loss: Option<(Option<f64>, Option<f64>)>,
}

impl Limits {
    /// The limits of `spec` under `profile`.
    pub fn of(spec: &CheckSpec, profile: &Profile) -> Self {
        let resolve = |limit: Limit| match limit {
            Limit::None => None,
            Limit::Fixed(value) => Some(value),
            Limit::Profile(limit) => profile.limit(limit),
        };
        let rules = spec
            .rules
            .iter()
            .map(|rule| Resolved { rule: *rule, degraded: resolve(rule.degraded), not_ready: resolve(rule.not_ready) })
            .collect();
        let loss = spec.loss.map(|loss| (resolve(loss.degraded), resolve(loss.not_ready)));
        Self { rules, loss }
    }

    /// The findings that `measurements` give under these limits.
    pub fn findings<'a>(&'a self, measurements: &'a [Measurement]) -> impl Iterator<Item = Finding> + 'a {
        self.rules.iter().flat_map(move |resolved| {
            measurements.iter().filter(|measurement| resolved.speaks_of(measurement)).filter_map(|measurement| {
                let finding = resolved.judge(measurement)?;
                let reported = measurement
                    .quantity
                    .reckoned_from
                    .and_then(|from| measurements.iter().find(|other| other.quantity == from && other.part.is_none()));
                Some(match (measurement.quantity.reckoned_from, reported) {
                    (Some(_), Some(other)) => finding.with("reported", Arg::Number(other.value, other.quantity.unit)),
                    (Some(_), None) => finding.with("reported", "–"),
                    (None, _) => finding,
                })
            })
        })
    }
}

impl Resolved {
    fn speaks_of(&self, measurement: &Measurement) -> bool {
        measurement.quantity == self.rule.quantity
            && self.rule.part.is_none_or(|part| measurement.part.as_deref() == Some(part))
    }

    fn judge(&self, measurement: &Measurement) -> Option<Finding> {
        let beyond = |limit: Option<f64>| {
            limit.filter(|limit| match self.rule.test {
                Test::Above => measurement.value > *limit,
                Test::Below | Test::AtLeast => measurement.value < *limit,
            })
        };
        let (verdict, limit) = beyond(self.not_ready)
            .map(|limit| (Verdict::NotReady, limit))
            .or_else(|| beyond(self.degraded).map(|limit| (Verdict::Degraded, limit)))?;
        let verdict = if self.rule.test == Test::AtLeast { Verdict::Unknown } else { verdict };
        let unit = self.rule.quantity.unit;
        let finding = Finding::new(self.rule.reason, verdict)
            .with("value", Arg::Number(measurement.value, unit))
            .with("limit", Arg::Number(limit, unit));
        Some(match &measurement.part {
            Some(part) => finding.with("part", &**part),
            None => finding,
        })
    }
}

/// The verdict of all findings together; notes and nothing are ready.
pub fn worst(findings: &[Finding]) -> Verdict {
    Verdict::worst(findings.iter().map(|finding| finding.verdict)).unwrap_or(Verdict::Ready)
}

/// Whether a list of findings names `reason`.
pub fn names(findings: &[Finding], reason: &ReasonDef) -> bool {
    findings.iter().any(|finding| finding.reason == reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Quantity, Text, Unit};

    static RATE: Quantity = Quantity::gauge("some_bits_per_second", Unit::BitsPerSecond, "A test's own.");
    static LOW: ReasonDef = ReasonDef::new("a.low", Text::new("{value}", "{value}"), Text::new("-", "-"));

    #[test]
    fn a_bound_that_falls_short_refutes_nothing() {
        let judged = |test, value| {
            let (degraded, not_ready) = (Some(4e6), Some(2e6));
            let rule =
                Rule { quantity: &RATE, part: None, test, degraded: Limit::None, not_ready: Limit::None, reason: &LOW };
            let limits = Limits { rules: vec![Resolved { rule, degraded, not_ready }], loss: None };
            let measured = [Measurement { quantity: &RATE, part: None, value }];
            worst(&limits.findings(&measured).collect::<Vec<_>>())
        };
        for (value, by_rate, by_bound) in [
            (5e6, Verdict::Ready, Verdict::Ready),
            (3e6, Verdict::Degraded, Verdict::Unknown),
            (1e6, Verdict::NotReady, Verdict::Unknown),
        ] {
            assert_eq!((judged(Test::Below, value), judged(Test::AtLeast, value)), (by_rate, by_bound), "{value}");
        }
    }
}
