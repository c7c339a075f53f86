//! The keys of a `relay` check.

use std::path::PathBuf;

use serde::{Deserialize as _, Deserializer, de::Error as _};

use super::catalogue::{
    BURSTS, BURSTS_HIGH, CARRIED, DELAY_HIGH, LOSS_HIGH, LOSS_UNDECIDED, OVERTAKEN, OVERTAKING, RATE_LOW, RTT,
    TCP_ONLY, UDP_BLOCKED,
};
use super::reach::Transport;
use crate::domain::check::LossRule;
use crate::domain::{Level, Limit, Period, ProfileLimit, Rate, Rule, SecretFile, Size, Test};
use crate::probe::budget::Allowance;
use crate::probe::call::{offer, plan};
use crate::probe::stun::Server;

/// RFC 8489 §14.3: a user's name is shorter than 509 bytes; some are for the hour until which it is good.
const NAME: usize = 480;
/// Each takes seconds where a firewall is silent.
const PORTS: usize = 4;
/// What firewalls let through that let anything through, and where TURN over TLS is at home (RFC 8656 §4).
const HTTPS: u16 = 443;
const TURNS: u16 = 5349;
/// What all questions and answers of one test may take, each sent as often as it is at most, bytes.
const TALK: u64 = 20_000;

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The TURN server: "host" or "host:port" (3478 unless said).
    pub server: Server,
    /// For whom it relays.
    #[serde(deserialize_with = "name")]
    pub username: String,
    /// A file with the password; `credential:NAME` is a credential of systemd.
    #[schemars(with = "String")]
    pub password_file: SecretFile,
    /// Whether that is no password but the secret that the server shares with whoever may make users (coturn's
    /// `static-auth-secret`, as Jitsi and `BigBlueButton` set it up): each test then makes one, for an hour.
    #[serde(default)]
    pub shared_secret: bool,
    /// The TCP ports that are tried, in this order, where UDP gets no answer. Unless said: the server's own and 443.
    #[serde(default, deserialize_with = "ports")]
    pub tcp_ports: Option<Vec<u16>>,
    /// The ports that are tried with TLS after these. Unless said: 443 and 5349.
    #[serde(default, deserialize_with = "ports")]
    pub tls_ports: Option<Vec<u16>>,
    /// A PEM file with the certificates to trust instead of the machine's own.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The rate to be proven. Unless said: what the most demanding profile needs, and a tenth more.
    #[serde(default, deserialize_with = "offer::rate_in_range")]
    pub rate: Option<Rate>,
    /// How far apart two tests are at least, whatever asks for them. A test that failed is tried again after this.
    #[serde(default = "offer::min_gap")]
    pub min_gap: Period,
    /// How many bytes all tests of the line of one day (UTC) may take, whichever check made them. A test that might take
    /// more does not start.
    #[serde(default = "offer::daily_budget")]
    pub daily_budget: Size,
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.is_empty() || name.len() >= NAME {
        return Err(D::Error::custom(format!("a user's name has 1 to {} bytes", NAME - 1)));
    }
    Ok(name)
}

fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u16>>, D::Error> {
    let ports: Vec<u16> = Vec::deserialize(deserializer)?;
    if ports.len() > PORTS || ports.contains(&0) {
        return Err(D::Error::custom(format!("at most {PORTS} ports, each from 1 to 65535")));
    }
    Ok(Some(ports))
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn level(&self) -> Level {
        Level::FarEnd
    }

    /// The limits to which its measurements are held: those of `stamp`, on the way there and back together.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub fn rules(&self) -> Vec<Rule> {
        let rule = |quantity, test, degraded, not_ready, reason| Rule {
            quantity,
            part: None,
            test,
            degraded,
            not_ready,
            reason,
        };
        let above = |quantity, degraded, not_ready, reason| rule(quantity, Test::Above, degraded, not_ready, reason);
        let (need, floor) = (Limit::Profile(ProfileLimit::EitherNeed), Limit::Profile(ProfileLimit::EitherFloor));
        let (slow, too_slow) = (ProfileLimit::RttDegraded, ProfileLimit::RttNotReady);
        vec![
            above(&UDP_BLOCKED, Limit::Profile(ProfileLimit::UdpRequired), Limit::None, &TCP_ONLY),
            rule(&CARRIED, Test::Below, need, floor, &RATE_LOW),
            above(&RTT, Limit::Profile(slow), Limit::Profile(too_slow), &DELAY_HIGH),
            above(&BURSTS, Limit::Fixed(0.01), Limit::Fixed(0.03), &BURSTS_HIGH),
            above(&OVERTAKEN, Limit::Fixed(0.005), Limit::Fixed(0.05), &OVERTAKING),
        ]
    }

    /// The loss decision, on both ways together.
    pub fn loss(&self) -> Option<LossRule> {
        Some(LossRule {
            degraded: Limit::ThereAndBack(ProfileLimit::LossDegraded),
            not_ready: Limit::ThereAndBack(ProfileLimit::LossNotReady),
            reason: &LOSS_HIGH,
            undecided: &LOSS_UNDECIDED,
            // The newest third is one test, which decides where it can. Where it cannot, more of them follow soon.
            window: plan::packets(self.rate()).saturating_mul(3),
        })
    }

    /// The ways of reaching the server, in the order in which they are tried.
    pub(super) fn transports(&self) -> Vec<Transport> {
        let own = self.server.port;
        let usual = if own == HTTPS { vec![HTTPS] } else { vec![own, HTTPS] };
        let tcp = self.tcp_ports.clone().unwrap_or(usual);
        let tls = self.tls_ports.clone().unwrap_or_else(|| vec![HTTPS, TURNS]);
        let (tcp, tls) = (tcp.into_iter().map(Transport::Tcp), tls.into_iter().map(Transport::Tls));
        std::iter::once(Transport::Udp(own)).chain(tcp).chain(tls).collect()
    }

    /// Takes the rate from what the most demanding profile needs (bit/s), unless the config says one.
    pub fn fit(&mut self, need: f64) {
        self.rate = offer::fitted(self.rate, need);
    }

    /// Why the rate does not do where a profile needs `need` (bit/s).
    pub(in crate::probe) fn misfit(&self, need: f64) -> Option<(&'static str, String)> {
        offer::misfit(self.rate, need)
    }

    /// What is to be proven, bit/s.
    pub(super) fn rate(&self) -> f64 {
        offer::offered(self.rate).0
    }

    /// What one test may take at most, and all together: each packet crosses the line twice.
    pub(in crate::probe) fn allowance(&self) -> Allowance {
        let worst = plan::bytes(self.rate()).saturating_mul(2).saturating_add(TALK);
        Allowance { worst, min_gap: self.min_gap.0, daily_budget: self.daily_budget }
    }
}

#[cfg(test)]
mod tests {
    use Transport::{Tcp, Tls, Udp};

    use super::*;

    #[test]
    fn server_user_and_password_must_be_named_and_the_rate_is_what_profiles_need() {
        let read = |text: &str| toml::from_str::<Config>(text).map_err(|error| error.message().to_owned());
        let least = "server = 'turn.example'\nusername = 'room'\npassword_file = '/etc/siaga/turn'";
        let mut config = read(least).unwrap();
        assert_eq!((config.server.port, config.rate), (3478, None));
        config.fit(4e6);
        assert!((config.rate() - 4.4e6).abs() < 1.0);
        assert_eq!(config.misfit(4e6), None);
        assert_eq!(config.misfit(8e6).map(|(key, _)| key), Some("rate"));
        assert_eq!(config.misfit(2e9).map(|(key, _)| key), Some("kind"));
        // Four and a half seconds of sound, three of everything, there and back.
        assert!((3_000_000..4_000_000).contains(&config.allowance().worst), "{}", config.allowance().worst);
        assert_eq!(config.transports(), [Udp(3478), Tcp(3478), Tcp(443), Tls(443), Tls(5349)]);
        let few = read(&format!("{least}\ntcp_ports = []\ntls_ports = [8443]")).unwrap();
        assert_eq!(few.transports(), [Udp(3478), Tls(8443)]);
        for key in ["server", "username", "password_file"] {
            let without: Vec<&str> = least.lines().filter(|line| !line.starts_with(key)).collect();
            assert!(read(&without.join("\n")).unwrap_err().contains(&format!("missing field `{key}`")), "{key}");
        }
        for (text, told) in [
            (least.replace("'room'", "''"), "a user's name has 1 to 479 bytes"),
            (least.replace("turn.example'", "turn.example:0'"), "is no server"),
            (least.replace("/etc/siaga/turn", "credential:a/b"), "without slashes"),
            (format!("{least}\nrate = '1 kbit/s'"), "out of range"),
            (format!("{least}\ntcp_ports = [0]"), "at most 4 ports"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
