//! Recorded observations from a scenario file, played in real time: the only fake, and the drill.

pub mod scenario;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use super::{Context, Defaults};
use crate::domain::check::LossRule;
use crate::domain::{
    Component, ErrorKind, ErrorTable, Level, Mono, Observation, ProbeError, Quantity, ReasonDef, Rule, Text,
};
use scenario::{Catalogue, Scenario, Step};

/// A drill has no holds of its own: what the file says is what is seen.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(1),
    fresh_for: Duration::from_secs(15),
    bad_for: Duration::ZERO,
    good_for: Duration::ZERO,
    active: false,
};

/// It measures what the file says, in other probes' quantities.
pub const QUANTITIES: &[&Quantity] = &[];

/// Why it says what it says, beside what the file says.
pub const REASONS: &[&ReasonDef] = &[&FAILED];

static FAILED: ReasonDef = ReasonDef::new(
    "siaga.replay_failed",
    Text::new("Berkas skenario tidak dapat diputar", "The scenario file cannot be played"),
    Text::new(
        "Minta petugas TI memperbaiki berkas skenario, lalu memuat ulang Siaga",
        "Mend the scenario file, then reload siaga",
    ),
);

/// Whatever goes wrong here speaks of our file, never of the equipment.
pub static ERRORS: ErrorTable = ErrorTable { rows: &[], otherwise: &FAILED };

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The scenario file.
    pub file: PathBuf,
    /// Which component the check speaks for.
    pub component: Component,
    /// Which of the scenario's checks is played; without it the one of this check's own name.
    #[serde(default)]
    pub plays: Option<String>,
    /// Whether it begins anew at its end. Otherwise the check goes stale then.
    #[serde(default)]
    pub repeat: bool,
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    pub fn level(&self) -> Level {
        match self.component {
            Component::Power => Level::Power,
            Component::Computer => Level::Computer,
            Component::Internet => Level::FarEnd,
            Component::Audio | Component::Video | Component::Radio => Level::Device,
        }
    }

    /// A scenario says its findings itself.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub fn rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// A scenario says its findings itself.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub fn loss(&self) -> Option<LossRule> {
        None
    }
}

/// A scenario's player.
pub struct Probe {
    config: Config,
    context: Context,
    /// What is still to be played, and when it began; `None` before the file was read.
    playing: Option<(Mono, VecDeque<Step>)>,
}

impl Probe {
    /// A player that has not opened its file yet.
    pub fn new(config: Config, context: Context) -> Self {
        Self { config, context, playing: None }
    }

    /// Waits for the next recorded observation and gives it; at the end, or without a usable file, waits and tries anew.
    pub async fn next(&mut self) -> Observation {
        loop {
            let (began, steps) = match &mut self.playing {
                Some(playing) => playing,
                None => match self.load().await {
                    Ok(steps) => self.playing.insert((self.context.clock.mono(), steps)),
                    Err(error) => {
                        // The file may be mended meanwhile: try again at the check's own pace.
                        let began = self.context.clock.mono();
                        let observation = self.context.failed(began, error, &ERRORS);
                        tokio::time::sleep(self.context.interval).await;
                        return observation;
                    }
                },
            };
            if let Some(step) = steps.pop_front() {
                self.context.clock.sleep_until(began.after(step.at)).await;
                return step.observation(self.context.check.clone(), self.context.clock.now());
            }
            if !self.config.repeat {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(self.context.interval).await;
            self.playing = None;
        }
    }

    async fn load(&self) -> Result<VecDeque<Step>, ProbeError> {
        let gone = |error: std::io::Error| {
            ProbeError::new(ErrorKind::Gone, format!("{}: {error}", self.config.file.display()))
        };
        let text = tokio::fs::read_to_string(&self.config.file).await.map_err(gone)?;
        let protocol = |error: scenario::ScenarioError| ProbeError::new(ErrorKind::Protocol, error.to_string());
        let scenario = Scenario::parse(&text, catalogue()).map_err(protocol)?;
        let name = self.config.plays.as_deref().unwrap_or(self.context.check.as_str());
        let steps: VecDeque<Step> = scenario.steps.into_iter().filter(|step| step.check.as_str() == name).collect();
        if steps.is_empty() {
            return Err(ProbeError::new(ErrorKind::Protocol, format!("it has no step of the check {name:?}")));
        }
        Ok(steps)
    }
}

/// The catalogue in the form that scenarios need.
pub fn catalogue() -> Catalogue {
    Catalogue { quantity: super::quantity, reason: super::reason, argument: super::argument }
}
