//! SKELETON: to be written.

use std::time::Duration;

use crate::probe::{Context, Defaults};
use crate::domain::check::LossRule;
use crate::domain::{ErrorTable, Level, Observation, Quantity, ReasonDef, Rule, Text};

/// What this kind does unless the config says otherwise.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(5),
    fresh_for: Duration::from_secs(20),
    bad_for: Duration::from_secs(3),
    good_for: Duration::from_secs(15),
    active: false,
};

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[];

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[&FAILED];

static FAILED: ReasonDef = ReasonDef::new("stun.failed", Text::new("x", "x"), Text::new("x", "x"));

/// Which failures speak of the equipment, and which of our eyes.
pub static ERRORS: ErrorTable = ErrorTable { rows: &[], otherwise: &FAILED };

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl Config {
    /// Where such a check stands in the tree of root causes.
    pub fn level(&self) -> Level {
        Level::FarEnd
    }

    /// The limits to which its measurements are held.
    pub fn rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// The loss decision.
    pub fn loss(&self) -> Option<LossRule> {
        None
    }
}

/// A probe of this kind.
pub struct Probe {
    context: Context,
    ticker: Option<tokio::time::Interval>,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(_config: Config, context: Context) -> Self {
        Self { context, ticker: None }
    }

    /// Waits until the next observation is due and makes it.
    pub async fn next(&mut self) -> Observation {
        self.ticker.get_or_insert_with(|| self.context.ticker()).tick().await;
        let began = self.context.clock.mono();
        self.context.read(began, crate::domain::Reading::default())
    }
}
