//! Scenario files: recorded observations in, and the verdicts that they must give out.
//!
//! ```toml
//! title = "The gateway goes silent"
//!
//! [[observe]]                 # what a probe would have said
//! check = "gateway"
//! at = "0s"                   # since the scenario's beginning
//! every = "1s"                # repeated until
//! until = "9s"                # (before) this moment
//! measurements = { icmp_rtt_seconds = 0.02 }
//! sample = { sent = 1, lost = 0 }
//!
//! [[observe]]
//! check = "gateway"
//! at = "9s"
//! findings = [{ reason = "internet.target_silent", verdict = "not_ready", args = { target = "192.0.2.1" } }]
//!
//! [[expect]]                  # what is decided at that moment
//! at = "15s"
//! room = "not_ready"
//! checks = { gateway = "not_ready" }
//! reasons = ["internet.target_silent"]
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::domain::{
    Arg, CheckName, ErrorKind, Finding, Now, Observation, Period, ProbeError, Quantity, Reading, ReasonDef, Sample,
    Verdict,
};

/// A scenario, read and understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it shows.
    pub title: String,
    /// The observations, in the order of their moments.
    pub steps: Vec<Step>,
    /// What must be decided, in the order of its moments.
    pub expectations: Vec<Expectation>,
}

/// One observation of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Since the scenario's beginning.
    pub at: Duration,
    /// Whose.
    pub check: CheckName,
    reading: Reading,
    error: Option<ProbeError>,
}

impl Step {
    /// The observation, made at `now`, of the check `check`.
    pub fn observation(&self, check: CheckName, now: Now) -> Observation {
        Observation { check, at: now, took: Duration::ZERO, reading: self.reading.clone(), error: self.error.clone() }
    }
}

/// What must be decided at one moment. What is not named is not looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Since the scenario's beginning.
    pub at: Duration,
    /// Under which profile; `None`: the default one.
    pub profile: Option<String>,
    /// The room's verdict.
    pub room: Option<Verdict>,
    /// Checks' verdicts.
    pub checks: BTreeMap<String, Verdict>,
    /// Reasons that must be among those told, anywhere in the room.
    pub reasons: Vec<String>,
    /// The check that explains the room's verdict.
    pub root_cause: Option<String>,
    /// How many incidents are open.
    pub incidents: Option<usize>,
}

/// Why a text is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is not TOML of this shape; the message has the place.
    #[error("{0}")]
    Shape(Box<toml::de::Error>),
    /// A quantity that no probe declares.
    #[error("step {step} (check {check:?}): no probe measures {name:?}")]
    Quantity {
        /// Which `[[observe]]`, counted from one.
        step: usize,
        /// Its check.
        check: String,
        /// What was written.
        name: String,
    },
    /// A reason that is not in the catalogue.
    #[error("step {step} (check {check:?}): {code:?} is not in the catalogue; \"siaga reasons\" lists it")]
    Reason {
        /// Which `[[observe]]`, counted from one.
        step: usize,
        /// Its check.
        check: String,
        /// What was written.
        code: String,
    },
    /// A repetition without an end, or without a step.
    #[error("step {step} (check {check:?}): \"every\" and \"until\" go together, and \"every\" is at least 1ms")]
    Repetition {
        /// Which `[[observe]]`, counted from one.
        step: usize,
        /// Its check.
        check: String,
    },
}

/// How a scenario's words become the catalogue's own.
#[derive(Clone, Copy)]
pub struct Catalogue {
    /// The quantity of a name.
    pub quantity: fn(&str) -> Option<&'static Quantity>,
    /// The reason of a code.
    pub reason: fn(&str) -> Option<&'static ReasonDef>,
    /// The name of an argument, as the catalogue's messages write it.
    pub argument: fn(&str) -> Option<&'static str>,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The first thing that is not understood, with its place.
    pub fn parse(text: &str, catalogue: Catalogue) -> Result<Self, ScenarioError> {
        let file: File = toml::from_str(text).map_err(|error| ScenarioError::Shape(Box::new(error)))?;
        let mut steps = Vec::new();
        for (place, observe) in file.observe.iter().enumerate() {
            observe.expand(place + 1, catalogue, &mut steps)?;
        }
        steps.sort_by_key(|step| step.at);
        let mut expectations: Vec<_> = file.expect.into_iter().map(Expectation::from).collect();
        expectations.sort_by_key(|expectation| expectation.at);
        Ok(Self { title: file.title, steps, expectations })
    }

    /// When the last thing happens.
    pub fn end(&self) -> Duration {
        let step = self.steps.last().map(|step| step.at);
        step.into_iter().chain(self.expectations.last().map(|last| last.at)).max().unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    #[serde(default)]
    observe: Vec<Observe>,
    #[serde(default)]
    expect: Vec<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Observe {
    check: String,
    at: Period,
    every: Option<Period>,
    until: Option<Period>,
    #[serde(default)]
    measurements: BTreeMap<String, Value>,
    #[serde(default)]
    findings: Vec<Found>,
    sample: Option<Sampled>,
    in_use: Option<bool>,
    error: Option<Failed>,
}

/// A number, or a number a part.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    One(f64),
    Parts(BTreeMap<String, f64>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    reason: String,
    verdict: Verdict,
    #[serde(default)]
    args: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sampled {
    sent: u32,
    lost: u32,
    #[serde(default)]
    outage: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failed {
    kind: String,
    detail: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    at: Period,
    profile: Option<String>,
    room: Option<Verdict>,
    #[serde(default)]
    checks: BTreeMap<String, Verdict>,
    #[serde(default)]
    reasons: Vec<String>,
    root_cause: Option<String>,
    incidents: Option<usize>,
}

impl From<Expect> for Expectation {
    fn from(expect: Expect) -> Self {
        let Expect { at, profile, room, checks, reasons, root_cause, incidents } = expect;
        Self { at: at.0, profile, room, checks, reasons, root_cause, incidents }
    }
}

impl Observe {
    fn expand(&self, step: usize, catalogue: Catalogue, steps: &mut Vec<Step>) -> Result<(), ScenarioError> {
        let check = || self.check.clone();
        let mut reading = Reading {
            sample: self.sample.as_ref().map(|sample| Sample {
                sent: sample.sent,
                lost: sample.lost,
                outage: sample.outage,
            }),
            in_use: self.in_use,
            ..Reading::default()
        };
        for (name, value) in &self.measurements {
            let unknown = || ScenarioError::Quantity { step, check: check(), name: name.clone() };
            let quantity = (catalogue.quantity)(name).ok_or_else(unknown)?;
            match value {
                Value::One(value) => reading.measure(quantity, *value),
                Value::Parts(parts) => {
                    for (part, value) in parts {
                        reading.measure_part(quantity, part, *value);
                    }
                }
            }
        }
        for found in &self.findings {
            let unknown = || ScenarioError::Reason { step, check: check(), code: found.reason.clone() };
            let mut finding = Finding::new((catalogue.reason)(&found.reason).ok_or_else(unknown)?, found.verdict);
            for (name, value) in &found.args {
                if let Some(name) = (catalogue.argument)(name) {
                    finding = finding.with(name, Arg::Text(value.clone()));
                }
            }
            reading.find(finding);
        }
        let error = self.error.as_ref().map(|failed| {
            let kind = ErrorKind::ALL.into_iter().find(|kind| kind.as_str() == failed.kind);
            ProbeError::new(kind.unwrap_or(ErrorKind::Internal), failed.detail.clone())
        });
        let (every, until) = match (self.every, self.until) {
            (None, None) => (Duration::from_secs(1), self.at.0.saturating_add(Duration::from_nanos(1))),
            (Some(every), Some(until)) if every.0 >= Duration::from_millis(1) => (every.0, until.0),
            _ => return Err(ScenarioError::Repetition { step, check: check() }),
        };
        let mut at = self.at.0;
        while at < until {
            steps.push(Step { at, check: self.check.as_str().into(), reading: reading.clone(), error: error.clone() });
            at += every;
        }
        Ok(())
    }
}
