//! The keys of an `icmp` check.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::catalogue::{DELAY_HIGH, JITTER_HIGH, LOSS_HIGH, LOSS_UNDECIDED, RTT_JITTER, RTT_MEDIAN};
use super::target::is_gateway;
use super::words::Plan;
use crate::domain::check::LossRule;
use crate::domain::{Level, Limit, Period, ProfileLimit, Rule, Test};
use crate::probe::host;
use crate::probe::range::within;

/// What stands at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The first router.
    Gateway,
    /// Somebody far away: an operator's anycast address, a resolver.
    FarEnd,
    /// The meeting platform itself.
    Platform,
}

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who is asked: an IP address, a name, or "gateway" (the same as "auto") for the default gateway of the moment.
    #[serde(deserialize_with = "target")]
    pub target: String,
    /// What stands there: "gateway", "`far_end`" or "platform". Unless said: "gateway" for the gateway, else "`far_end`".
    #[serde(default)]
    pub role: Option<Role>,
    /// Payload of an echo, bytes; 56 makes the packet of 84 that everybody's ping sends.
    #[serde(default = "size", deserialize_with = "size_in_range")]
    #[schemars(range(min = 0, max = 1472))]
    pub size: u16,
    /// A reply later than this is lost (RFC 7680 asks that the waiting time be stated).
    #[serde(default = "timeout", deserialize_with = "timeout_in_range")]
    pub timeout: Period,
    /// How many quick echoes confirm that a silent target is silent.
    #[serde(default = "confirm", deserialize_with = "confirm_in_range")]
    #[schemars(range(min = 1, max = 10))]
    pub confirm: u32,
    /// How many echoes, in quick succession at the start and after an outage, decide about loss; 0 for none.
    #[serde(default = "burst", deserialize_with = "burst_in_range")]
    #[schemars(range(min = 0, max = 1000))]
    pub burst: u32,
    /// Between two echoes of the burst; 20 ms is the pace of voice packets.
    #[serde(default = "burst_spacing", deserialize_with = "spacing_in_range")]
    pub burst_spacing: Period,
}

const fn size() -> u16 {
    56
}

const fn timeout() -> Period {
    Period(Duration::from_secs(2))
}

const fn confirm() -> u32 {
    3
}

/// 94 without a loss are the fewest for which Wilson's interval ends below 3.96 % (2 % each way); 250 leave room for three.
const fn burst() -> u32 {
    250
}

const fn burst_spacing() -> Period {
    Period(Duration::from_millis(20))
}

/// An empty target, or one that is no host, would be asked of the resolver for ever.
fn target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let target = String::deserialize(deserializer)?;
    let word = target.trim();
    let example = r#"an IP address, a name, or "gateway", such as "192.0.2.1""#;
    if word.is_empty() {
        return Err(serde::de::Error::custom(format!("{target:?} is no target; write {example}")));
    }
    if let Some(why) = host::fault(word) {
        return Err(serde::de::Error::custom(format!("{target:?} {why}; write {example}")));
    }
    Ok(word.to_owned())
}

/// More would be cut into fragments on an Ethernet, and measure something else.
fn size_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    within(deserializer, 0..=1472)
}

fn timeout_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_millis(100))..=Period(Duration::from_secs(10)))
}

fn confirm_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1..=10)
}

fn burst_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 0..=1000)
}

fn spacing_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_millis(5))..=Period(Duration::from_secs(1)))
}

impl Config {
    /// What stands at the other end.
    pub fn role(&self) -> Role {
        self.role.unwrap_or(if is_gateway(&self.target) { Role::Gateway } else { Role::FarEnd })
    }

    /// Whether the default gateway of the moment is meant.
    pub(in crate::probe) fn asks_gateway(&self) -> bool {
        is_gateway(&self.target)
    }

    /// Where such a check stands in the tree of root causes.
    pub fn level(&self) -> Level {
        match self.role() {
            Role::Gateway => Level::Gateway,
            Role::FarEnd => Level::FarEnd,
            Role::Platform => Level::Platform,
        }
    }

    /// The limits to which its measurements are held. A gateway has none: the profiles' figures are of the whole way, and
    /// a router answers echoes when it has nothing better to do.
    pub fn rules(&self) -> Vec<Rule> {
        if self.role() == Role::Gateway {
            return Vec::new();
        }
        let above = |quantity, degraded, not_ready, reason| Rule {
            quantity,
            part: None,
            test: Test::Above,
            degraded,
            not_ready,
            reason,
        };
        let (degraded, not_ready) = (ProfileLimit::RttDegraded, ProfileLimit::RttNotReady);
        vec![
            above(&RTT_MEDIAN, Limit::Profile(degraded), Limit::Profile(not_ready), &DELAY_HIGH),
            above(&RTT_JITTER, Limit::Profile(ProfileLimit::JitterDegraded), Limit::None, &JITTER_HIGH),
        ]
    }

    /// The loss decision.
    pub fn loss(&self) -> Option<LossRule> {
        Some(LossRule {
            degraded: Limit::ThereAndBack(ProfileLimit::LossDegraded),
            not_ready: Limit::ThereAndBack(ProfileLimit::LossNotReady),
            reason: &LOSS_HIGH,
            undecided: &LOSS_UNDECIDED,
            window: 600,
        })
    }

    pub(super) fn plan(&self, interval: Duration, hold: Duration) -> Plan {
        Plan {
            interval: interval.max(Duration::from_millis(5)),
            timeout: self.timeout.0,
            confirm: self.confirm,
            burst: self.burst,
            burst_spacing: self.burst_spacing.0,
            hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn the_target_is_all_that_must_be_written() {
        let config = read(r#"target = "192.0.2.1""#).unwrap();
        assert_eq!((config.size, config.confirm, config.burst), (56, 3, 250));
        assert_eq!(config.level(), Level::FarEnd);
        assert_eq!(config.rules().len(), 2);
        for word in ["gateway", "auto"] {
            let config = read(&format!("target = {word:?}")).unwrap();
            assert_eq!(config.level(), Level::Gateway);
            assert!(config.rules().is_empty());
        }
        let config = read("target = \"meet.example\"\nrole = \"platform\"").unwrap();
        assert_eq!(config.level(), Level::Platform);
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        for (text, told) in [
            ("", "missing field `target`"),
            ("target = \" \"", r#"" " is no target"#),
            ("target = \"192.0.2.1\"\nconfirm = 0", "0 is out of range; allowed is 1 to 10"),
            ("target = \"192.0.2.1\"\nsize = 9000", "9000 is out of range; allowed is 0 to 1472"),
            ("target = \"192.0.2.1\"\ntimeout = \"1m\"", "1m is out of range; allowed is 100ms to 10s"),
            ("target = \"192.0.2.1\"\nburst_spacing = \"0s\"", "out of range; allowed is 5ms to 1s"),
            ("target = \"192.0.2.1\"\nrole = \"router\"", "unknown variant `router`"),
            ("target = \"192.0.2.1\"\ntimout = \"1s\"", "unknown field `timout`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
