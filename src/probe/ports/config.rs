//! The keys of a `ports` check.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::catalogue::{BLOCKED, UDP_BLOCKED};
use super::platforms::{Platform, platform, platforms};
use crate::domain::check::LossRule;
use crate::domain::{Level, Limit, Period, ProfileLimit, Rule, Test};
use crate::probe::host;
use crate::probe::range::within;

/// No scan of anybody's ports.
const MOST: usize = 32;

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whose ports: names of `siaga platforms`.
    #[serde(deserialize_with = "names")]
    #[schemars(with = "Vec<String>")]
    pub platforms: Vec<&'static Platform>,
    /// Who answers STUN binding requests (RFC 8489) at these UDP ports: a name or an address.
    #[serde(deserialize_with = "one_host")]
    pub far_end: String,
    /// At which of them it does. Unless said: at all; of those from one to another, both ends are looked at.
    #[serde(default, deserialize_with = "ports")]
    pub udp_ports: Option<Vec<u16>>,
    /// Which TCP ports of the far end tell a blocked UDP from a dead line. Unless said: the platforms' own.
    #[serde(default, deserialize_with = "ports")]
    pub tcp_ports: Option<Vec<u16>>,
    /// How long a port may take: a request is sent three times within it.
    #[serde(default = "timeout", deserialize_with = "timeout_in_range")]
    pub timeout: Period,
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'static Platform>, D::Error> {
    let said: Vec<String> = Vec::deserialize(deserializer)?;
    if said.is_empty() {
        return Err(D::Error::custom("the list is empty; name one platform at least"));
    }
    let mut all: Vec<&'static Platform> = Vec::new();
    for name in said {
        let with_media = || platforms().iter().filter(|known| !known.media().is_empty());
        let Some(known) = platform(&name).filter(|known| !known.media().is_empty()) else {
            let known: Vec<_> = with_media().map(|known| known.name.as_str()).collect();
            let message = format!("{name:?} is no platform whose UDP ports are known; known are {}", known.join(", "));
            return Err(D::Error::custom(message));
        };
        if all.contains(&known) {
            return Err(D::Error::custom(format!("{name:?} stands there twice; leave one out")));
        }
        all.push(known);
    }
    Ok(all)
}

fn one_host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let host = String::deserialize(deserializer)?;
    match host::fault(&host) {
        Some(why) => Err(D::Error::custom(format!("{host:?} {why}; write a name or an address, without a port"))),
        None => Ok(host),
    }
}

fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u16>>, D::Error> {
    let ports: Vec<u16> = Vec::deserialize(deserializer)?;
    if ports.is_empty() || ports.len() > MOST || ports.contains(&0) {
        return Err(D::Error::custom(format!("1 to {MOST} ports, each from 1 to 65535")));
    }
    Ok(Some(ports))
}

const fn timeout() -> Period {
    Period(Duration::from_secs(2))
}

fn timeout_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_millis(300))..=Period(Duration::from_secs(10)))
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn level(&self) -> Level {
        Level::FarEnd
    }

    /// A platform's UDP is the business of the profiles that are of that platform.
    pub fn rules(&self) -> Vec<Rule> {
        let rule = |platform: &&'static Platform| Rule {
            quantity: &UDP_BLOCKED,
            part: Some(&platform.name),
            test: Test::Above,
            // Every platform falls back to TCP with lower quality: it is for the profile to say whether that will do.
            degraded: Limit::Profile(ProfileLimit::UdpRequiredBy(&platform.name)),
            not_ready: Limit::None,
            reason: &BLOCKED,
        };
        self.platforms.iter().map(rule).collect()
    }

    /// It counts no packets.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn loss(&self) -> Option<LossRule> {
        None
    }

    /// The UDP ports that are looked at for one of its platforms.
    pub(super) fn media(&self, platform: &Platform) -> Vec<u16> {
        let Some(said) = &self.udp_ports else { return platform.media() };
        let lists = || platform.ports.iter().filter(|list| list.is_judged()).flat_map(|list| &list.ports);
        let within = |port: &&u16| lists().any(|ports| (ports.first..=ports.last).contains(*port));
        said.iter().filter(within).copied().collect()
    }

    /// All UDP ports that are looked at.
    pub(super) fn udp(&self) -> BTreeSet<u16> {
        self.platforms.iter().flat_map(|platform| self.media(platform)).collect()
    }

    /// All TCP ports.
    pub(super) fn tcp(&self) -> BTreeSet<u16> {
        match &self.tcp_ports {
            Some(said) => said.iter().copied().collect(),
            None => self.platforms.iter().flat_map(|platform| platform.tcp()).collect(),
        }
    }

    /// What of `udp_ports` cannot be: the key, and why.
    pub(in crate::probe) fn misfit(&self) -> Option<(&'static str, String)> {
        let said = self.udp_ports.iter().flatten();
        let all = self.udp();
        if let Some(port) = said.into_iter().find(|port| !all.contains(port)) {
            let known: Vec<_> = self.platforms.iter().map(|platform| platform.words()).collect();
            let message = format!("{port} is no UDP port for media of these platforms ({})", known.join("; "));
            return Some(("udp_ports", message));
        }
        let bare = self.platforms.iter().find(|platform| self.media(platform).is_empty())?;
        Some(("udp_ports", format!("none of these is a port of {:?}: nothing would be known of it", bare.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_and_a_far_end_must_be_named_and_ports_must_be_theirs() {
        let read = |text: &str| toml::from_str::<Config>(text).map_err(|error| error.message().to_owned());
        let of =
            |platforms: &str, more: &str| read(&format!("platforms = {platforms}\nfar_end = 'far.example'\n{more}"));
        let config = of("['zoom', 'jitsi']", "").unwrap();
        assert_eq!(config.udp().into_iter().collect::<Vec<_>>(), [3478, 3479, 8801, 10000]);
        assert_eq!(config.tcp().into_iter().collect::<Vec<_>>(), [443, 5349]);
        assert_eq!((config.misfit(), config.rules().len()), (None, 2));
        let fewer = of("['bigbluebutton']", "udp_ports = [20000]\ntcp_ports = [3478]").unwrap();
        assert_eq!((fewer.udp(), fewer.tcp(), fewer.misfit()), ([20000].into(), [3478].into(), None));
        let misfit = |platforms, more| of(platforms, more).unwrap().misfit().map(|(_, why)| why).unwrap_or_default();
        assert!(misfit("['zoom']", "udp_ports = [10000]").contains("10000 is no UDP port for media"));
        assert!(misfit("['zoom', 'jitsi']", "udp_ports = [8801]").contains("none of these is a port of \"jitsi\""));
        for (text, told) in [
            (of("[]", ""), "the list is empty"),
            (of("['zoom', 'zoom']", ""), "stands there twice"),
            (of("['skype']", ""), "known are zoom, teams, meet, webex, jitsi, bigbluebutton"),
            (of("['h323']", ""), "no platform whose UDP ports are known"),
            (of("['zoom']", "udp_ports = [0]"), "each from 1 to 65535"),
            (of("['zoom']", "timeout = '1m'"), "out of range"),
            (read("platforms = ['zoom']\nfar_end = 'far.example:3478'"), "without a port"),
            (read("platforms = ['zoom']"), "missing field `far_end`"),
        ] {
            let error = text.unwrap_err();
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}
