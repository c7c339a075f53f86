//! A UPS as NUT's upsd reports it: one `LIST VAR` a poll on a connection that is kept.
//!
//! Why the whole list each time, and not `GET VAR ups.status` with the list now and then: every observation is one
//! consistent picture of one moment, with no number in it that is older. With upsd 2.8.0 and 58 variables a list takes
//! 0.30 ms and a `GET` 0.04 ms (CPU of both sides together, a debug build), so that at four polls a second the picture
//! costs a thousandth of one core (`tests/real/ups/cost.rs` measures both).

pub mod client;
mod failure;
#[cfg(debug_assertions)]
pub mod fuzz;
pub mod protocol;
mod quantities;
mod reasons;
mod status;
mod testing;
mod variables;

use std::time::Duration;

use serde::de::Error as _;

pub use failure::ERRORS;

use self::client::Client;
use self::failure::Failure;
use self::status::{Believed, Flag, Policy, Status};
use self::testing::Testing;
use self::variables::{Variable, Variables};
use super::range::patience;
use super::{Context, Defaults};
use crate::domain::check::LossRule;
use crate::domain::{
    Level, Limit, Observation, Period, ProbeError, ProfileLimit, Quantity, Reading, ReasonDef, Rule, Test,
};

/// What this kind does unless the config says otherwise.
///
/// - `interval`: NUT's drivers ask the UPS every 2 s (`pollinterval`), so that asking upsd more often finds nothing new
///   on most units. 250 ms costs next to nothing too, and is right for a driver that is told at once (USB HID).
/// - `fresh_for`: upsd itself calls data stale after 15 s (`MAXAGE`), and upsmon gives up after as many (`DEADTIME`).
/// - `bad_for`: refrigerators, brown-outs and self-tests put a UPS on battery for a second or two
///   (networkupstools/nut#321), and none of that may end a meeting. A hold is one for the whole check, so it also holds
///   back LB; units give that with two minutes and more left (`battery.runtime.low`), of which 5 s is little.
/// - `good_for`: mains that is back often fails again within seconds; half a minute of it is believed.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(2),
    fresh_for: Duration::from_secs(15),
    bad_for: Duration::from_secs(5),
    good_for: Duration::from_secs(30),
    active: false,
};

/// What it measures.
pub const QUANTITIES: &[&Quantity] = quantities::ALL;

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = reasons::ALL;

/// What is good at the input, V: 220 V by SPLN 1:1995, +5 % and −10 %. Outside it, attention is due, and no more: whether
/// the UPS still copes is for its own words to say.
const GOOD_VOLTS: (f64, f64) = (198.0, 231.0);

/// A lead battery's life halves with every 8 to 10 °C above 25 °C; at this one it lasts about a year.
const HOT_CELSIUS: f64 = 40.0;

/// What a UPS is rated for, ratio. Above it many units switch their output off on battery, and some do not say OVER before.
const FULL_LOAD: f64 = 1.0;

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where upsd listens, `host:port`; NUT's port is 3493.
    #[serde(deserialize_with = "server")]
    pub server: String,
    /// The UPS's name in ups.conf; "auto" takes the only one that the server has.
    #[serde(deserialize_with = "word")]
    pub ups: String,
    /// How long a question may take, connecting included.
    #[serde(deserialize_with = "patience")]
    pub timeout: Period,
    /// The share of the reported runtime that is believed, above 0 and up to 1: units estimate it for a battery that is
    /// still as good as new.
    #[serde(deserialize_with = "share")]
    pub usable_share: f64,
    /// What must be left on battery after the meeting, for an orderly end.
    pub margin: Period,
    /// From which age on a battery should be replaced. Three years is common for lead; in a room without cooling, less.
    pub battery_max_age: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: "127.0.0.1:3493".to_owned(),
            ups: AUTO.to_owned(),
            timeout: Period(Duration::from_secs(2)),
            usable_share: 0.8,
            margin: Period(Duration::from_mins(5)),
            battery_max_age: Period(Duration::from_hours(1095 * 24)),
        }
    }
}

const AUTO: &str = "auto";

fn server<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text: String = serde::Deserialize::deserialize(deserializer)?;
    match text.rsplit_once(':') {
        // An IPv6 address stands in brackets, or its last part would be taken for the port.
        Some((host, port))
            if !host.is_empty()
                && port.parse::<u16>().is_ok_and(|port| port != 0)
                && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']'))) =>
        {
            Ok(text)
        }
        _ => Err(D::Error::custom(format!("{text:?} is not host:port; write \"127.0.0.1:3493\" or \"[::1]:3493\""))),
    }
}

fn word<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text: String = serde::Deserialize::deserialize(deserializer)?;
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(D::Error::custom(format!("{text:?} is not a UPS's name; write the one in ups.conf, or \"auto\"")));
    }
    Ok(text)
}

fn share<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value: f64 = serde::Deserialize::deserialize(deserializer)?;
    if value > 0.0 && value <= 1.0 {
        return Ok(value);
    }
    Err(D::Error::custom(format!("{value} is no share; write a number above 0 and up to 1, such as 0.8")))
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    pub fn level(&self) -> Level {
        Level::Power
    }

    /// The limits to which its measurements are held.
    pub fn rules(&self) -> Vec<Rule> {
        let fixed = |quantity, test, limit, reason| Rule {
            quantity,
            part: None,
            test,
            degraded: Limit::Fixed(limit),
            not_ready: Limit::None,
            reason,
        };
        let runtime = Limit::Profile(ProfileLimit::Runtime);
        let usable = |part, degraded, not_ready, reason| Rule {
            quantity: &quantities::USABLE_RUNTIME,
            part: Some(part),
            test: Test::Below,
            degraded,
            not_ready,
            reason,
        };
        vec![
            usable("mains", runtime, Limit::None, &reasons::RUNTIME_SHORT),
            usable("battery", Limit::None, runtime, &reasons::RUNTIME_SHORT_ON_BATTERY),
            fixed(&quantities::INPUT_VOLTS, Test::Below, GOOD_VOLTS.0, &reasons::VOLTAGE_LOW),
            fixed(&quantities::INPUT_VOLTS, Test::Above, GOOD_VOLTS.1, &reasons::VOLTAGE_HIGH),
            fixed(&quantities::LOAD, Test::Above, FULL_LOAD, &reasons::LOAD_HIGH),
            fixed(&quantities::TEMPERATURE, Test::Above, HOT_CELSIUS, &reasons::HOT),
            fixed(&quantities::BATTERY_AGE, Test::Above, self.battery_max_age.0.as_secs_f64(), &reasons::BATTERY_OLD),
        ]
    }

    /// The loss decision.
    pub fn loss(&self) -> Option<LossRule> {
        None
    }
}

/// A probe of this kind.
pub struct Probe {
    context: Context,
    policy: Policy,
    configured: Option<String>,
    /// What "auto" found, for as long as the connection on which it was found stands.
    found: Option<String>,
    client: Client,
    testing: Testing,
    calibrating: Testing,
    ticker: Option<tokio::time::Interval>,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        Self {
            context,
            policy: Policy { usable_share: config.usable_share, margin: config.margin.0.as_secs_f64() },
            configured: (config.ups != AUTO).then_some(config.ups),
            found: None,
            client: Client::new(config.server, config.timeout.0),
            testing: Testing::itself(),
            calibrating: Testing::its_battery(),
            ticker: None,
        }
    }

    /// Waits until the next observation is due and makes it.
    pub async fn next(&mut self) -> Observation {
        self.ticker.get_or_insert_with(|| self.context.ticker()).tick().await;
        let began = self.context.clock.mono();
        match self.poll().await {
            Ok(reading) => self.context.read(began, reading),
            Err(failure) => {
                let mut observation = self.context.failed(began, failure.error(), &ERRORS);
                if let Some(finding) = failure.finding() {
                    observation.reading.findings = vec![finding];
                }
                observation
            }
        }
    }

    async fn poll(&mut self) -> Result<Reading, Failure> {
        if !self.client.is_connected() {
            self.found = None;
        }
        let name = match (&self.configured, &self.found) {
            (Some(name), _) | (None, Some(name)) => name,
            (None, None) => {
                let mut names = self.client.list_ups().await?;
                match (names.pop(), names.is_empty()) {
                    (None, _) => return Err(Failure::None),
                    (Some(only), true) => self.found.insert(only),
                    (Some(last), false) => {
                        names.push(last);
                        return Err(Failure::Several(names));
                    }
                }
            }
        };
        let mut variables = Variables::default();
        let listed = self.client.list_var(name, |name, value| variables.put(name, value)).await;
        if let Err(error) = listed {
            // Whatever it was, "auto" looks again: the UPS may have another name by then.
            self.found = None;
            return Err(error.into());
        }
        let status = Status::parse(variables.text(Variable::Status).unwrap_or_default());
        if status.waits() {
            return Err(Failure::Waits);
        }
        let now = self.context.clock.now();
        let believed = Believed {
            test: self.testing.is_believed(status::says_testing(&variables, &status), now.mono),
            calibration: self.calibrating.is_believed(status.has(Flag::Cal), now.mono),
        };
        Ok(status::judge(&variables, &status, believed, self.policy, now.wall))
    }
}

/// A UPS as `siaga enroll` records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Present {
    /// Maker and model, as far as it tells them; else its name in ups.conf.
    pub(crate) model: String,
    /// Its serial number, if it tells one.
    pub(crate) serial: Option<String>,
    /// Its name in ups.conf and its server: `ups@127.0.0.1:3493`.
    pub(crate) place: String,
}

/// The UPSes that a check means, for `siaga enroll`.
///
/// # Errors
/// Why upsd does not tell.
pub(crate) async fn present(config: &Config) -> Result<Vec<Present>, ProbeError> {
    let told = |error| Failure::Nut(error).error();
    let mut client = Client::new(config.server.clone(), config.timeout.0);
    let names = match config.ups.as_str() {
        AUTO => client.list_ups().await.map_err(told)?,
        named => vec![named.to_owned()],
    };
    let mut upses = Vec::new();
    for name in names {
        let (mut maker, mut model, mut serial) = (String::new(), String::new(), String::new());
        let each = |variable: &str, value: &str| {
            // The driver's word on the whole device, else the older names (docs/nut-names.txt).
            let to = match variable {
                "device.mfr" | "ups.mfr" => &mut maker,
                "device.model" | "ups.model" => &mut model,
                "device.serial" | "ups.serial" => &mut serial,
                _ => return,
            };
            value.trim().clone_into(to);
        };
        client.list_var(&name, each).await.map_err(told)?;
        let known = [maker, model].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        upses.push(Present {
            model: if known.is_empty() { name.clone() } else { known },
            serial: Some(serial).filter(|serial| !serial.is_empty()),
            place: format!("{name}@{}", config.server),
        });
    }
    Ok(upses)
}

#[cfg(test)]
mod tests;
