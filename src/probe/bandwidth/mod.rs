//! What the line sustains, down and up, by HTTP.
//!
//! The question is not how fast the line is but whether it carries the meeting, so a test stops as soon as that is
//! proven, and is capped in time, in bytes, and in bytes a day; one that somebody asks for goes on until the rate itself is
//! known. It disturbs a call, so it waits while the room is in use and ends at once when that begins. It takes turns with the
//! other tests of the line, and draws on one budget with them.
//!
//! What one connection brought is not always what the line carries: it may have been over too soon, or waited for a far server
//! or for lost packets on a long way. Then it is a bound, and proves or leaves open, but refutes nothing.

mod card;
mod catalogue;
mod counter;
mod meter;
mod pulse;
mod reasons;
mod talk;
#[cfg(test)]
mod tests;
mod transfer;
mod wire;

use std::time::Duration;

use serde::Deserializer;

use super::budget::Allowance;
use super::call::is_given_up;
use super::dial::FarUrl;
use super::gate::{Entry, Gate};
use super::range::within;
use super::{Context, Defaults, until};
use crate::domain::check::LossRule;
use crate::domain::{
    Arg, ErrorKind, Finding, Level, Limit, Mono, Observation, Period, ProbeError, ProfileLimit, Quantity, Rate,
    Reading, ReasonDef, Rule, Size, Test, Unit, Verdict,
};
pub(super) use catalogue::ACCOUNTS;
pub use catalogue::QUANTITIES;
use catalogue::{
    ADDED_GRADE, AT_LEAST, CAPACITY, CAPACITY_HIGH, CAPACITY_LOW, DOWN, DOWN_CONFIDENCE, IDLE_DELAY, LOADED_DELAY,
    ROUND_TRIPS, UP, UP_CONFIDENCE,
};
use meter::Rate as Told;
use pulse::Delay;
pub use reasons::{ERRORS, REASONS};
use transfer::{Measured, Transfer};

/// Four tests a day find a line that has become slow; two may fail or be late before the evidence is too old. There is
/// nothing to hold: the next word comes hours later.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_hours(6),
    fresh_for: Duration::from_hours(13),
    bad_for: Duration::ZERO,
    good_for: Duration::ZERO,
    active: true,
};

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What to download, `{bytes}` in it standing for the number of bytes wanted; or "self": the daemon's own far end
    /// on loopback (measured, but never ready).
    pub down_url: FarUrl,
    /// Where to upload by `POST`; or "self". The server must answer after it has read everything.
    pub up_url: FarUrl,
    /// How long each direction may take; the last step of an upload that turns out slow may take as long again.
    #[serde(deserialize_with = "duration_in_range")]
    pub duration: Period,
    /// How many bytes each direction may take.
    #[serde(deserialize_with = "bytes_in_range")]
    pub max_bytes: Size,
    /// A sustained rate that proves enough for every meeting: beyond it the test stops early, to save data.
    #[serde(deserialize_with = "rate_in_range")]
    pub enough: Rate,
    /// How far apart two tests are at least, whatever asks for them. A test that failed is tried again after this.
    pub min_gap: Period,
    /// How many bytes all tests of the line of one day (UTC) may take, whichever check made them. A test that might take
    /// more does not start.
    pub daily_budget: Size,
    /// What the line can carry at most: a result beyond it is rejected as impossible. Without it what the network card
    /// says of its own speed, where it says anything.
    #[serde(deserialize_with = "line_rate_in_range")]
    pub line_rate: Option<Rate>,
}

/// Shorter is over before TCP has found its rate; longer costs more than it tells.
fn duration_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_millis(500))..=Period(Duration::from_mins(1)))
}

fn bytes_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
    within(deserializer, Size(10_000)..=Size(10_000_000_000))
}

/// From a voice call's rate up.
fn rate_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
    within(deserializer, Rate(64e3)..=Rate(1e12))
}

fn line_rate_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rate>, D::Error> {
    rate_in_range(deserializer).map(Some)
}

impl Default for Config {
    fn default() -> Self {
        Self {
            down_url: FarUrl::Own,
            up_url: FarUrl::Own,
            duration: Period(Duration::from_secs(3)),
            max_bytes: Size(20_000_000),
            enough: Rate(20e6),
            min_gap: Period(Duration::from_mins(15)),
            daily_budget: Size(200_000_000),
            line_rate: None,
        }
    }
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn level(&self) -> Level {
        Level::FarEnd
    }

    /// The limits to which its measurements are held: the profile's.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub fn rules(&self) -> Vec<Rule> {
        use ProfileLimit::{DownFloor, DownNeed, UpFloor, UpNeed};
        let rule = |quantity, part, test, (need, floor), reason| Rule {
            quantity,
            part,
            test,
            degraded: Limit::Profile(need),
            not_ready: Limit::Profile(floor),
            reason,
        };
        // A bound is held to what is needed alone: where it falls short of that nothing is known, because it is told as the rate too.
        let open = |part, need| rule(&AT_LEAST, Some(part), Test::AtLeast, (need, need), &reasons::OPEN);
        vec![
            rule(&DOWN, None, Test::Below, (DownNeed, DownFloor), &reasons::DOWN_LOW),
            rule(&UP, None, Test::Below, (UpNeed, UpFloor), &reasons::UP_LOW),
            open("down", DownNeed),
            open("up", UpNeed),
        ]
    }

    /// It counts no packets.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn loss(&self) -> Option<LossRule> {
        None
    }

    /// How long one test may take: in each direction a connection, the transfer and the look at the delay after it, and an upload's
    /// last step.
    const fn longest(&self) -> Duration {
        let around = transfer::FIRST_ANSWER.saturating_add(pulse::PATIENCE);
        around.saturating_mul(2).saturating_add(self.duration.0.saturating_mul(3))
    }

    /// What one test may take at most, and all together.
    pub(super) const fn allowance(&self) -> Allowance {
        let worst = self.max_bytes.0.saturating_mul(2);
        Allowance { worst, min_gap: self.min_gap.0, daily_budget: self.daily_budget }
    }
}

/// A tester of the line.
pub struct Probe {
    config: Config,
    context: Context,
    gate: Gate,
}

/// Why a test has no result.
struct Failure {
    reason: &'static ReasonDef,
    error: ProbeError,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let gate = Gate::new(&context);
        Self { config, context, gate }
    }

    /// Waits until a test is due, the room is free and the ledger gives leave, and makes it. A test that the room's use
    /// cuts off is no observation: what was known before stands.
    pub async fn next(&mut self) -> Observation {
        let mut in_use = self.context.in_use.clone();
        loop {
            let (began, _turn) = match self.gate.enter(&self.config.allowance()).await {
                Entry::Now(began, turn) => (began, turn),
                Entry::Spent(began, error) => {
                    return self.failed(began, &Failure { reason: &reasons::BUDGET_SPENT, error });
                }
            };
            self.gate.begins(self.config.longest());
            let outcome = tokio::select! {
                biased;
                () = until(&mut in_use, true) => {
                    self.gate.cut_off();
                    continue;
                }
                outcome = self.test() => outcome,
            };
            match outcome {
                Ok(reading) => {
                    self.gate.made(began, self.context.interval);
                    return self.gate.accounted(self.context.read(began, reading), &ACCOUNTS);
                }
                Err(failure) if is_given_up(&failure.error) => {
                    let why = &failure.error.detail;
                    tracing::info!(check = %self.context.check, why, "a test was given up");
                    if self.gate.given_up(began, self.context.interval.min(self.config.min_gap.0)) {
                        return self.failed(began, &failure);
                    }
                }
                Err(failure) => {
                    self.gate.failed(began, self.context.interval, self.config.min_gap.0);
                    return self.failed(began, &failure);
                }
            }
        }
    }

    async fn test(&self) -> Result<Reading, Failure> {
        let failed = |reason| move |error| Failure { reason, error };
        let own = self.context.own_far_end.as_deref();
        let size = self.config.max_bytes.0;
        let gone = || ProbeError::new(ErrorKind::Gone, "this daemon runs no far end of its own");
        let down_url = self.config.down_url.of(own, &format!("/down?bytes={size}")).ok_or_else(gone);
        let up_url = self.config.up_url.of(own, "/up").ok_or_else(gone);
        let (down_url, up_url) = down_url.and_then(|down| Ok((down, up_url?))).map_err(failed(&reasons::FAILED))?;

        let (ledger, clock, thorough) = (&self.gate.ledger, self.context.clock, self.gate.is_asked());
        let transfer = Transfer { config: &self.config, ledger, egress: &self.context.egress, clock, thorough };
        self.gate.step(1, 2);
        let down = transfer.down(&down_url).await.map_err(failed(&reasons::FAILED))?;
        self.plausible("download", &down)?;
        self.gate.step(2, 2);
        let up = transfer.up(&up_url).await.map_err(failed(&reasons::HALF))?;
        self.plausible("upload", &up)?;

        let mut reading = Reading::default();
        for (direction, quantity, way) in [("down", &DOWN, &down), ("up", &UP, &up)] {
            self.tell_rate(&mut reading, direction, quantity, way, thorough);
        }
        tell_delays(&mut reading, down.delay, up.delay);
        if let Some(finding) = [down, up].iter().find_map(|way| super::far_end_is_self(way.peer?.ip())) {
            reading.find(finding);
        }
        Ok(reading)
    }

    /// A bound beyond `enough` is as good as the rate: nobody asks for more. Whoever asks for the rate itself is told that it was
    /// not found.
    fn tell_rate(
        &self,
        reading: &mut Reading,
        direction: &'static str,
        of: &'static Quantity,
        way: &Measured,
        thorough: bool,
    ) {
        match way.rate {
            Told::Known { rate, low, high } => {
                reading.measure(of, rate);
                for (quantity, rate) in [(&CAPACITY, rate), (&CAPACITY_LOW, low), (&CAPACITY_HIGH, high)] {
                    reading.measure_part(quantity, direction, rate * way.overhead);
                }
            }
            Told::AtLeast(rate) => {
                if rate >= self.config.enough.0 {
                    reading.measure(of, rate);
                }
                reading.measure_part(&AT_LEAST, direction, rate);
                if thorough {
                    let finding = Finding::new(&reasons::BEYOND, Verdict::Ready).with("direction", direction);
                    reading.find(finding.with("value", Arg::Number(rate, Unit::BitsPerSecond)));
                }
            }
        }
    }

    /// Speed tests have been seen to report 80 Gbit/s, or less than nothing, when half of them had failed.
    fn plausible(&self, way: &str, measured: &Measured) -> Result<(), Failure> {
        let bound = self.config.line_rate.or_else(|| measured.local.and_then(|local| card::speed(local.ip())));
        let rate = match measured.rate {
            Told::Known { rate, .. } | Told::AtLeast(rate) => rate,
        };
        if rate.is_finite() && rate > 0.0 && bound.is_none_or(|bound| rate <= bound.0) {
            return Ok(());
        }
        let detail = format!("{way} of {rate:.0} bit/s");
        Err(Failure { reason: &reasons::IMPLAUSIBLE, error: ProbeError::new(ErrorKind::Protocol, detail) })
    }

    /// One kind of error may stand for several reasons here, so the reason comes along.
    fn failed(&self, began: Mono, failure: &Failure) -> Observation {
        let mut observation = self.context.failed(began, failure.error.clone(), &ERRORS);
        let detail = Arg::Text(failure.error.detail.clone());
        observation.reading.findings = vec![Finding::new(failure.reason, Verdict::Unknown).with("detail", detail)];
        self.gate.accounted(observation, &ACCOUNTS)
    }
}

/// What the transfers did to the delay: published, and judged by nobody, since a call fills no queue (no more than the profile's
/// rates), and only other traffic would.
fn tell_delays(reading: &mut Reading, down: Option<Delay>, up: Option<Delay>) {
    for (direction, delay) in [("down", down), ("up", up)] {
        let Some(delay) = delay else { continue };
        reading.measure_part(&IDLE_DELAY, direction, delay.idle.as_secs_f64());
        reading.measure_part(&LOADED_DELAY, direction, delay.loaded.as_secs_f64());
        reading.measure_part(&ROUND_TRIPS, direction, delay.per_minute);
        let of = if direction == "down" { &DOWN_CONFIDENCE } else { &UP_CONFIDENCE };
        for level in pulse::LEVELS {
            reading.measure_part(of, level, f64::from(u8::from(level == delay.confidence.as_str())));
        }
    }
    if let (Some(down), Some(up)) = (down, up) {
        let given = pulse::grade((down.added() + up.added()) / 2);
        for grade in pulse::GRADES {
            reading.measure_part(&ADDED_GRADE, grade, f64::from(u8::from(grade == given)));
        }
    }
}
