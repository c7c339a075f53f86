//! Rooms and observations for the judge's tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use crate::domain::plan::Plan;
use crate::domain::{
    CheckSpec, Component, Finding, Holds, Kind, Level, Mono, Now, Observation, Pair, Profile, Reading, ReasonDef,
    Requirement, Text, Unit, Verdict,
};

pub(super) static BROKEN: ReasonDef =
    ReasonDef::new("test.broken", Text::new("rusak", "broken"), Text::new("ganti", "replace"));
pub(super) static LOSS: ReasonDef = ReasonDef::new("test.loss", Text::new("hilang", "lost"), Text::new("cek", "check"));
pub(super) static LOSS_UNDECIDED: ReasonDef =
    ReasonDef::new("test.undecided", Text::new("?", "?"), Text::new("tunggu", "wait"));
pub(super) static RATE: crate::domain::Quantity =
    crate::domain::Quantity::gauge("test_rate_bits_per_second", Unit::BitsPerSecond, "A rate.");
pub(super) static RATE_LOW: ReasonDef =
    ReasonDef::new("test.rate_low", Text::new("{value} < {limit}", "{value} < {limit}"), Text::new("x", "x"));

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn zero() -> Now {
    Now { mono: Mono::from_elapsed(secs(1_000_000)), wall: "2026-11-23T02:00:00Z".parse().unwrap() }
}

pub(super) fn at(seconds: f64) -> Now {
    zero().after(Duration::from_secs_f64(seconds))
}

pub(super) fn spec(name: &str, kind: Kind, level: Level) -> CheckSpec {
    CheckSpec {
        name: name.into(),
        kind,
        component: kind.component().unwrap(),
        level,
        requirement: Requirement::Required,
        group: None,
        uplink: None,
        active: false,
        interval: secs(5),
        fresh_for: secs(20),
        holds: Holds { bad_for: secs(3), good_for: secs(60) },
        looks_at: 0,
        rules: Vec::new(),
        loss: None,
    }
}

/// A far end whose loss is judged.
pub(super) fn far() -> CheckSpec {
    let mut far = spec("far", Kind::Icmp, Level::FarEnd);
    far.loss = Some(crate::domain::check::LossRule {
        degraded: crate::domain::Limit::Profile(crate::domain::ProfileLimit::LossDegraded),
        not_ready: crate::domain::Limit::Profile(crate::domain::ProfileLimit::LossNotReady),
        reason: &LOSS,
        undecided: &LOSS_UNDECIDED,
        window: 600,
    });
    far
}

pub(super) fn profile(name: &str, need: f64, floor: f64) -> Arc<Profile> {
    let pair = |degraded, not_ready| Pair { degraded, not_ready };
    Arc::new(Profile {
        name: name.into(),
        title: (name.to_owned(), name.to_owned()),
        source: "a test".to_owned(),
        down: pair(need, floor),
        up: pair(need, floor),
        rtt: pair(0.3, 0.6),
        jitter_degraded: 0.04,
        loss: pair(0.02, 0.08),
        platform: None,
        udp: Requirement::Required,
        runtime: secs(900),
        components: BTreeMap::from([
            (Component::Audio, Requirement::Advisory),
            (Component::Radio, Requirement::Advisory),
            (Component::Computer, Requirement::Advisory),
        ]),
    })
}

pub(super) fn plan(checks: Vec<CheckSpec>) -> Plan {
    Plan {
        room: "media-center".into(),
        checks: checks.into_iter().map(Arc::new).collect(),
        profiles: vec![profile("small", 1e6, 5e5), profile("large", 4e6, 1e6)],
        default_profile: 0,
        absent: BTreeSet::from([Component::Radio]),
    }
}

/// A room with one check in each required component, and one active one.
pub(super) fn room() -> Plan {
    let mut bandwidth = spec("bandwidth", Kind::Bandwidth, Level::Platform);
    bandwidth.active = true;
    bandwidth.rules = vec![crate::domain::Rule {
        quantity: &RATE,
        part: None,
        test: crate::domain::Test::Below,
        degraded: crate::domain::Limit::Profile(crate::domain::ProfileLimit::DownNeed),
        not_ready: crate::domain::Limit::Profile(crate::domain::ProfileLimit::DownFloor),
        reason: &RATE_LOW,
    }];
    plan(vec![
        spec("link", Kind::Link, Level::Link),
        spec("gateway", Kind::Icmp, Level::Gateway),
        spec("ups", Kind::Ups, Level::Power),
        spec("camera", Kind::Camera, Level::Device),
        bandwidth,
    ])
}

/// The same with another test of a device, that is made seldom and counts for 35 minutes.
pub(super) fn room_with_test(name: &str, kind: Kind) -> Plan {
    let mut plan = room();
    let mut test = spec(name, kind, Level::Device);
    (test.active, test.fresh_for) = (true, secs(2100));
    plan.checks.push(Arc::new(test));
    plan
}

pub(super) fn says(name: &str, verdict: Verdict, now: Now) -> Observation {
    let mut reading = Reading::default();
    if verdict != Verdict::Ready {
        reading.find(Finding::new(&BROKEN, verdict));
    }
    Observation::read(name.into(), now, Duration::ZERO, reading)
}

pub(super) fn rate(value: f64, now: Now) -> Observation {
    let mut reading = Reading::default();
    reading.measure(&RATE, value);
    Observation::read("bandwidth".into(), now, Duration::ZERO, reading)
}

pub(super) const NAMES: [&str; 4] = ["link", "gateway", "ups", "camera"];

pub(super) fn all_good(engine: &mut Engine, now: Now) {
    for name in NAMES {
        engine.observe(says(name, Verdict::Ready, now), now);
    }
    engine.observe(rate(1e7, now), now);
}
