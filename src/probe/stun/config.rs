//! The keys of a `stun` check.

use std::net::Ipv6Addr;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::catalogue::{DELAY_HIGH, LOSS_HIGH, LOSS_UNDECIDED, RTT, UDP_BLOCKED, UDP_BLOCKED_FLAG};
use crate::domain::check::LossRule;
use crate::domain::{Level, Limit, Period, ProfileLimit, Rule, Test};
use crate::probe::host;
use crate::probe::range::within;

/// RFC 8489 §18.6.
const STUN_PORT: u16 = 3478;

/// Where TCP is let through when nothing else is.
const HTTPS_PORT: u16 = 443;

/// No further apart, and datagrams come as often as those of a call.
const CALL_LIKE: Period = Period(Duration::from_millis(50));

/// No longer, and with the rounds beside it a burst is still none.
const LONGEST_BURST: Period = Period(Duration::from_secs(10));

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who is asked: "host" or "host:port" (3478 unless said); or "self", as unless said: the daemon's own far end on
    /// loopback (measured, but never ready).
    #[serde(default, deserialize_with = "server_or_self")]
    pub server: Option<Server>,
    /// Requests in a round; a round that is silent altogether is an outage, a part of it is loss.
    #[serde(default = "requests", deserialize_with = "requests_in_range")]
    #[schemars(range(min = 3, max = 50))]
    pub requests: u32,
    /// Between two requests; 20 ms is the pace of voice packets.
    #[serde(default = "spacing", deserialize_with = "spacing_in_range")]
    pub spacing: Period,
    /// An answer later than this is lost. Nothing is sent again: a retransmission would hide the loss.
    #[serde(default = "timeout", deserialize_with = "timeout_in_range")]
    pub timeout: Period,
    /// How many requests, at the start and after an outage, decide about loss; 0 for none.
    #[serde(default = "burst", deserialize_with = "burst_in_range")]
    #[schemars(range(min = 0, max = 1000))]
    pub burst: u32,
    /// Which TCP port tells a blocked UDP from a dead line. Unless said: the server's own, and 443.
    #[serde(default)]
    pub tcp_port: Option<u16>,
}

/// A server's name or address, and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// A name, or an address without brackets.
    pub host: String,
    /// UDP port.
    pub port: u16,
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, STUN_PORT)
    }
}

impl Server {
    /// The same for another protocol, whose port is `usual` unless said.
    pub(crate) fn read(text: &str, usual: u16) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || format!(r#"{text:?} is no server; write "host" or "host:port", such as "far.example:{usual}""#);
        let (host, port) = if text.parse::<Ipv6Addr>().is_ok() || text.ends_with(']') {
            (text, None)
        } else {
            match text.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?,
            None => usual,
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Some(why) = host::fault(bare) {
            return Err(format!("{} ({bare:?} {why})", wrong()));
        }
        Ok(Self { host: bare.to_owned(), port })
    }
}

impl<'de> Deserialize<'de> for Server {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl schemars::JsonSchema for Server {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Server".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "host or host:port", "examples": ["stun.example:3478"] })
    }
}

/// The same word as in an `http` or `bandwidth` check.
fn server_or_self<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Server>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "self" { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
}

const fn requests() -> u32 {
    5
}

const fn spacing() -> Period {
    Period(Duration::from_millis(20))
}

const fn timeout() -> Period {
    Period(Duration::from_secs(1))
}

/// 94 without a loss are the fewest for which Wilson's interval ends below 3.96 % (2 % each way); 250 leave room for three.
const fn burst() -> u32 {
    250
}

fn requests_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 3..=50)
}

fn spacing_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_millis(5))..=Period(Duration::from_secs(1)))
}

fn timeout_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_millis(100))..=Period(Duration::from_secs(10)))
}

fn burst_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 0..=1000)
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    pub fn level(&self) -> Level {
        Level::FarEnd
    }

    /// The limits to which its measurements are held.
    pub fn rules(&self) -> Vec<Rule> {
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
            above(&RTT, Limit::Profile(degraded), Limit::Profile(not_ready), &DELAY_HIGH),
            // Every platform falls back to TCP with lower quality: it is for the profile to say whether that will do.
            above(&UDP_BLOCKED_FLAG, Limit::Profile(ProfileLimit::UdpRequired), Limit::None, &UDP_BLOCKED),
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

    /// A burst that would pass for a call, by which tests would be held back (`link::calls`: 20 a second for 15 s): the key, and why.
    pub(in crate::probe) fn misfit(&self) -> Option<(&'static str, String)> {
        let lasts = self.spacing.0 * self.burst;
        (self.spacing <= CALL_LIKE && lasts > LONGEST_BURST.0).then(|| {
            let (burst, spacing, lasts) = (self.burst, self.spacing, Period(lasts));
            (
                "burst",
                format!(
                    "{burst} requests each {spacing} take {lasts}; {LONGEST_BURST} at most, or they pass for a call"
                ),
            )
        })
    }

    /// The TCP ports that are tried when UDP is silent.
    pub(super) fn tcp_ports(&self, udp: u16) -> Vec<u16> {
        match self.tcp_port {
            Some(port) => vec![port],
            None if udp == HTTPS_PORT => vec![HTTPS_PORT],
            None => vec![udp, HTTPS_PORT],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_and_perhaps_a_port() {
        for (text, host, port) in [
            ("stun.example", "stun.example", 3478),
            ("stun.example:19302", "stun.example", 19302),
            ("192.0.2.1", "192.0.2.1", 3478),
            ("192.0.2.1:1", "192.0.2.1", 1),
            ("2001:db8::1", "2001:db8::1", 3478),
            ("[2001:db8::1]", "2001:db8::1", 3478),
            ("[2001:db8::1]:5349", "2001:db8::1", 5349),
        ] {
            assert_eq!(text.parse(), Ok(Server { host: host.to_owned(), port }), "{text}");
        }
        for text in ["", ":3478", "stun.example:", "stun.example:0", "stun.example:70000", "stun://example", "a:b:c"] {
            assert!(text.parse::<Server>().unwrap_err().contains("is no server; write"), "{text}");
        }
    }

    #[test]
    fn nothing_must_be_written_and_what_cannot_be_meant_is_told() {
        let read = |text: &str| toml::from_str::<Config>(text).map_err(|error| error.message().to_owned());
        let config = read("").unwrap();
        assert_eq!((config.server, config.requests, config.burst), (None, 5, 250));
        assert_eq!(read("server = \"self\"").unwrap().server, None);
        assert_eq!(read("tcp_port = 8443").unwrap().tcp_ports(3478), [8443]);
        assert_eq!(read("").unwrap().tcp_ports(3478), [3478, 443]);
        for (text, told) in [
            ("requests = 1", "1 is out of range; allowed is 3 to 50"),
            ("timeout = \"60s\"", "out of range; allowed is 100ms to 10s"),
            ("server = \"a:b:c\"", "is no server"),
            ("host = \"stun.example\"", "unknown field `host`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn a_burst_is_too_short_to_pass_for_a_call() {
        let misfit = |text: &str| toml::from_str::<Config>(text).unwrap().misfit();
        for text in ["", "burst = 500", "burst = 1000\nspacing = '10ms'", "burst = 1000\nspacing = '100ms'"] {
            assert_eq!(misfit(text), None, "{text}");
        }
        let told = "501 requests each 20ms take 10020ms; 10s at most, or they pass for a call";
        assert_eq!(misfit("burst = 501"), Some(("burst", told.to_owned())));
    }
}
