//! What one reading makes of a check, under one set of limits.

use crate::domain::{Arg, CheckSpec, Finding, Limit, Measurement, Profile, ReasonDef, Rule, Test, Verdict};

/// A measurement beside the limits that it is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin<'a> {
    /// What was measured.
    pub measurement: &'a Measurement,
    /// The rule that holds it to them.
    pub rule: &'a Rule,
    /// Beyond this it is degraded, in the quantity's unit.
    pub degraded: Option<f64>,
    /// Beyond this it is not ready.
    pub not_ready: Option<f64>,
}

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
            Limit::ThereAndBack(limit) => profile.limit(limit).map(|share| 1.0 - (1.0 - share).powi(2)),
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
                if resolved.is_usable_at_least(measurement) && self.is_short(measurements) {
                    return None;
                }
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

impl Limits {
    /// Each rule with its limits, degraded and not ready, in its quantity's unit.
    pub fn each(&self) -> impl Iterator<Item = (&Rule, Option<f64>, Option<f64>)> {
        self.rules.iter().map(|resolved| (&resolved.rule, resolved.degraded, resolved.not_ready))
    }

    /// Whether something measured, and not bounded alone, is beyond its limit.
    fn is_short(&self, measurements: &[Measurement]) -> bool {
        let measured = self.rules.iter().filter(|resolved| resolved.rule.test != Test::AtLeast);
        let mut held = measured.flat_map(|resolved| measurements.iter().map(move |one| (resolved, one)));
        held.any(|(resolved, one)| resolved.speaks_of(one) && resolved.judge(one).is_some())
    }

    /// How far `measurements` are from these limits, on whichever side.
    pub fn margins<'a>(&'a self, measurements: &'a [Measurement]) -> impl Iterator<Item = Margin<'a>> + 'a {
        self.rules.iter().flat_map(move |resolved| {
            let held = measurements.iter().filter(|measurement| resolved.speaks_of(measurement));
            held.map(|measurement| Margin {
                measurement,
                rule: &resolved.rule,
                degraded: resolved.degraded,
                not_ready: resolved.not_ready,
            })
        })
    }
}

impl Resolved {
    fn speaks_of(&self, measurement: &Measurement) -> bool {
        measurement.quantity == self.rule.quantity
            && self.rule.part.is_none_or(|part| measurement.part.as_deref() == Some(part))
    }

    /// Whether it is a bound that proves as much as a meeting cannot be held without: what lies beyond can make it degraded and no
    /// worse, which it is already where something else is.
    fn is_usable_at_least(&self, measurement: &Measurement) -> bool {
        self.rule.test == Test::AtLeast && self.not_ready.is_some_and(|floor| measurement.value >= floor)
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
        // What was to be proven is what is needed: the lower limit says only whether a meeting may fail.
        let (verdict, limit) = match self.rule.test {
            Test::AtLeast => (Verdict::Unknown, self.degraded.unwrap_or(limit)),
            Test::Above | Test::Below => (verdict, limit),
        };
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
    use std::sync::Arc;

    use super::super::rooms::{BROKEN, at, plan, profile, spec};
    use super::super::{Engine, Restored};
    use super::*;
    use crate::domain::{
        Holds, Kind, Level, Observation, ProfileLimit, Quantity, Reading, Requirement, Test, Text, Unit,
    };

    static BLOCKED: Quantity = Quantity::gauge("test_blocked", Unit::Flag, "Whether it is blocked.").by("platform");

    /// Of a platform, and of any; UDP required, and advisory.
    const MEETINGS: [(Option<&str>, Requirement); 4] = [
        (Some("one"), Requirement::Required),
        (Some("other"), Requirement::Required),
        (None, Requirement::Required),
        (Some("one"), Requirement::Advisory),
    ];

    #[test]
    fn blocked_udp_is_degraded_at_worst_and_only_where_that_platform_requires_it() {
        let rule = |platform| Rule {
            quantity: &BLOCKED,
            part: Some(platform),
            test: Test::Above,
            degraded: Limit::Profile(ProfileLimit::UdpRequiredBy(platform)),
            not_ready: Limit::None,
            reason: &BROKEN,
        };
        let mut ports = spec("ports", Kind::Ports, Level::FarEnd);
        ports.holds = Holds { bad_for: std::time::Duration::ZERO, good_for: std::time::Duration::ZERO };
        ports.rules = vec![rule("one"), rule("other")];
        let mut plan = plan(vec![ports]);
        let meeting = |(platform, udp): (Option<&str>, Requirement)| {
            let base = (*profile("meeting", 1e6, 5e5)).clone();
            Arc::new(crate::domain::Profile { platform: platform.map(Arc::from), udp, ..base })
        };
        plan.profiles = MEETINGS.into_iter().map(meeting).collect();
        let verdicts = |one: f64, other: f64| {
            let mut engine = Engine::new(plan.clone(), Restored::default(), at(0.0));
            let mut reading = Reading::default();
            reading.measure_part(&BLOCKED, "one", one);
            reading.measure_part(&BLOCKED, "other", other);
            engine.observe(Observation::read("ports".into(), at(0.0), std::time::Duration::ZERO, reading), at(0.0));
            engine.snapshot().profiles.iter().map(|view| view.checks[0].verdict).collect::<Vec<_>>()
        };
        let (yes, no) = (Verdict::Degraded, Verdict::Ready);
        assert_eq!(verdicts(0.0, 0.0), [no; 4]);
        assert_eq!(verdicts(1.0, 0.0), [yes, no, yes, no]);
        assert_eq!(verdicts(0.0, 1.0), [no, yes, yes, no]);
    }

    #[test]
    fn loss_there_and_back_is_held_to_what_each_way_may_lose() {
        let mut far = spec("far", Kind::Icmp, Level::FarEnd);
        far.loss = Some(crate::domain::check::LossRule {
            degraded: Limit::ThereAndBack(ProfileLimit::LossDegraded),
            not_ready: Limit::ThereAndBack(ProfileLimit::LossNotReady),
            reason: &BROKEN,
            undecided: &BROKEN,
            window: 600,
        });
        let base = (*profile("meeting", 1e6, 5e5)).clone();
        let meeting =
            crate::domain::Profile { loss: crate::domain::profile::Pair { degraded: 0.02, not_ready: 0.05 }, ..base };
        let Some((Some(degraded), Some(not_ready))) = Limits::of(&far, &meeting).loss else { panic!("no limits") };
        assert!((degraded - 0.0396).abs() < 1e-9 && (not_ready - 0.0975).abs() < 1e-9, "{degraded} {not_ready}");
        // 3 % each way is 5.9 % of echoes: worth attention, and no more.
        let echoes = 1.0 - 0.97_f64.powi(2);
        assert!(degraded < echoes && echoes < not_ready);
    }

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

    #[test]
    fn a_bound_leaves_degraded_what_is_so_already_and_cannot_be_worse() {
        use Verdict::{Degraded, NotReady, Ready, Unknown};
        let limits =
            Limits { rules: vec![rule(&OTHER, None, Test::Below), rule(&RATE, None, Test::AtLeast)], loss: None };
        let of = |quantity, value| Measurement { quantity, part: None, value };
        for (other, bound, verdict, told) in [
            (5e6, 5e6, Ready, 0),
            (5e6, 3e6, Unknown, 1),
            // Short by itself, and the bound may be degraded and no worse.
            (3e6, 3e6, Degraded, 1),
            (3e6, 2e6, Degraded, 1),
            (3e6, 1e6, Unknown, 2),
            (1e6, 3e6, NotReady, 1),
            (1e6, 1e6, NotReady, 2),
        ] {
            let findings: Vec<_> = limits.findings(&[of(&OTHER, other), of(&RATE, bound)]).collect();
            assert_eq!((worst(&findings), findings.len()), (verdict, told), "{other} {bound}");
            let limit =
                |finding: &Finding| finding.args.iter().any(|(_, arg)| *arg == Arg::Number(4e6, Unit::BitsPerSecond));
            assert!(findings.iter().filter(|finding| finding.verdict == Unknown).all(limit), "what is needed is told");
        }
    }

    static OTHER: Quantity = Quantity::gauge("other_bits_per_second", Unit::BitsPerSecond, "A test's own.");
    static RECKONED: Quantity =
        Quantity::gauge("some_reckoned_bits_per_second", Unit::BitsPerSecond, "A test's own.").reckoned_from(&RATE);

    fn rule(quantity: &'static Quantity, part: Option<&'static str>, test: Test) -> Resolved {
        let rule = Rule { quantity, part, test, degraded: Limit::None, not_ready: Limit::None, reason: &LOW };
        Resolved { rule, degraded: Some(4e6), not_ready: Some(2e6) }
    }

    #[test]
    fn the_limit_itself_is_within_it() {
        for (test, degraded, not_ready) in [(Test::Below, 4e6, 2e6), (Test::Above, 2e6, 4e6)] {
            let limits = Resolved { degraded: Some(degraded), not_ready: Some(not_ready), ..rule(&RATE, None, test) };
            let judged = |value| limits.judge(&Measurement { quantity: &RATE, part: None, value }).map(|it| it.verdict);
            assert_eq!((judged(degraded), judged(not_ready)), (None, Some(Verdict::Degraded)), "{test:?}");
        }
    }

    #[test]
    fn each_measurement_is_shown_beside_the_limits_that_hold_it() {
        let limits = Limits {
            rules: vec![rule(&RATE, Some("up"), Test::Below), rule(&RECKONED, None, Test::Below)],
            loss: None,
        };
        let both: Vec<_> = limits.each().map(|(rule, degraded, not_ready)| (rule.part, degraded, not_ready)).collect();
        assert_eq!(both, [(Some("up"), Some(4e6), Some(2e6)), (None, Some(4e6), Some(2e6))]);
        let of = |quantity, part: Option<&str>, value| Measurement { quantity, part: part.map(Into::into), value };
        let measured = [of(&RATE, Some("up"), 3e6), of(&RATE, Some("down"), 1e6), of(&RECKONED, None, 5e6)];
        let margins: Vec<_> = limits
            .margins(&measured)
            .map(|margin| (margin.measurement.value, margin.degraded, margin.not_ready))
            .collect();
        assert_eq!(margins, [(3e6, Some(4e6), Some(2e6)), (5e6, Some(4e6), Some(2e6))]);
    }

    #[test]
    fn what_is_reckoned_is_told_beside_what_was_reported_of_the_whole() {
        let limits = Limits { rules: vec![rule(&RECKONED, None, Test::Below)], loss: None };
        let of = |quantity, part: Option<&str>, value| Measurement { quantity, part: part.map(Into::into), value };
        let reckoned = || of(&RECKONED, None, 1e6);
        for (measured, reported) in [
            (vec![reckoned()], None),
            (vec![of(&RATE, None, 3e6), reckoned()], Some(3e6)),
            // Of a part, or another quantity: nothing was reported of the whole.
            (vec![of(&RATE, Some("up"), 3e6), reckoned()], None),
            (vec![of(&BLOCKED, None, 3e6), reckoned()], None),
        ] {
            let finding = limits.findings(&measured).next().unwrap();
            let said = finding.args.iter().find(|(name, _)| *name == "reported").map(|(_, arg)| arg.clone());
            let wished = reported.map_or(Arg::Text("–".to_owned()), |value| Arg::Number(value, Unit::BitsPerSecond));
            assert_eq!(said, Some(wished), "{measured:?}");
        }
        let findings: Vec<_> = limits.findings(&[of(&RECKONED, None, 1e6)]).collect();
        assert!(names(&findings, &LOW) && !names(&findings, &BROKEN) && !names(&[], &LOW));
    }
}
