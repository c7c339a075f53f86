//! The keys of a `stamp` check.

use serde::{Deserialize as _, Deserializer, de::Error as _};

use super::catalogue::{
    BURSTS, BURSTS_HIGH, DELAY_HIGH, DOWN, DOWN_AT_LEAST, DOWN_LOW, LOSS_HIGH, LOSS_UNDECIDED, OVERTAKEN, OVERTAKING,
    RTT, UP, UP_LOW, WAY_IN_OPEN,
};
use super::codec::Key;
use super::key;
use crate::domain::check::LossRule;
use crate::domain::{Level, Limit, Period, ProfileLimit, Rate, Rule, SecretFile, Size, Test};
use crate::probe::budget::Allowance;
use crate::probe::call::{offer, plan};
use crate::probe::stun::Server;

/// Where `siaga reflect` listens.
const PORT: u16 = 10862;

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who reflects: "host" or "host:port" (10862 unless said), such as a `siaga reflect`.
    #[serde(deserialize_with = "reflector")]
    pub reflector: Server,
    /// A file with the secret that both ends know, of at least 16 bytes; `credential:NAME` is a credential of systemd. Without
    /// it, and without a token, packets are not signed.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub key_file: Option<SecretFile>,
    /// A file with the token by which the reflector knows this room (`siaga token --tokens FILE add … --scope reflect` there), instead of a key;
    /// `credential:NAME` is a credential of systemd.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token_file: Option<SecretFile>,
    /// The rate to be proven, both ways. Unless said: what the most demanding profile needs, and a tenth more.
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

fn reflector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Server, D::Error> {
    Server::read(&String::deserialize(deserializer)?, PORT).map_err(D::Error::custom)
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn level(&self) -> Level {
        Level::FarEnd
    }

    /// The limits to which its measurements are held. Delay variation and the delay under load are not: jitter that keeps
    /// order, and a deep queue alone, leave a call whole.
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
        let below = |quantity, need, floor, reason| {
            rule(quantity, Test::Below, Limit::Profile(need), Limit::Profile(floor), reason)
        };
        vec![
            below(&DOWN, ProfileLimit::DownNeed, ProfileLimit::DownFloor, &DOWN_LOW),
            below(&UP, ProfileLimit::UpNeed, ProfileLimit::UpFloor, &UP_LOW),
            above(
                &RTT,
                Limit::Profile(ProfileLimit::RttDegraded),
                Limit::Profile(ProfileLimit::RttNotReady),
                &DELAY_HIGH,
            ),
            // Measured on real calls: the same loss in bursts is clearly worse, and packets that overtake each other make a
            // sender repeat a third of them.
            above(&BURSTS, Limit::Fixed(0.01), Limit::Fixed(0.03), &BURSTS_HIGH),
            above(&OVERTAKEN, Limit::Fixed(0.005), Limit::Fixed(0.05), &OVERTAKING),
        ]
    }

    /// What the bound of the way in is held to where no other check measures that way: an answer is as large as its question, so a
    /// narrow way out hides how much more comes in. Where another check tells, this one's not knowing is no matter.
    pub(crate) const fn rule_alone() -> Rule {
        Rule {
            quantity: &DOWN_AT_LEAST,
            part: None,
            test: Test::AtLeast,
            degraded: Limit::Profile(ProfileLimit::DownNeed),
            not_ready: Limit::Profile(ProfileLimit::DownFloor),
            reason: &WAY_IN_OPEN,
        }
    }

    /// The loss decision, on the worse of the two ways.
    pub fn loss(&self) -> Option<LossRule> {
        Some(LossRule {
            degraded: Limit::Profile(ProfileLimit::LossDegraded),
            not_ready: Limit::Profile(ProfileLimit::LossNotReady),
            reason: &LOSS_HIGH,
            undecided: &LOSS_UNDECIDED,
            // The newest third is one test, which decides where it can. Where it cannot, more of them follow soon.
            window: plan::packets(self.rate()).saturating_mul(3),
        })
    }

    /// Takes the rate from what the most demanding profile needs (bit/s), unless the config says one.
    pub fn fit(&mut self, need: f64) {
        self.rate = offer::fitted(self.rate, need);
    }

    /// Why the rate does not do where a profile needs `need` (bit/s), or that it would sign by two things.
    pub(in crate::probe) fn misfit(&self, need: f64) -> Option<(&'static str, String)> {
        let two =
            || ("token_file", "a packet is signed by a key or by a token: leave out key_file or token_file".to_owned());
        offer::misfit(self.rate, need).or_else(|| (self.key_file.is_some() && self.token_file.is_some()).then(two))
    }

    /// By what packets are signed, read anew.
    pub(super) async fn key(&self) -> Result<Option<Key>, String> {
        match (&self.token_file, &self.key_file) {
            (Some(token), _) => key::read_token_in_time(token).await.map(Some),
            (None, Some(file)) => key::read_in_time(file).await.map(Some),
            (None, None) => Ok(None),
        }
    }

    /// What lies in its file of a key or a token and is none: the config's key, and why. A credential is there only while the service
    /// runs.
    pub(in crate::probe) fn useless_secret(&self) -> Option<(&'static str, String)> {
        let of_file = |said: &Option<SecretFile>| said.clone().filter(|said| matches!(said, SecretFile::Path(_)));
        let token = of_file(&self.token_file).and_then(|file| Some(("token_file", key::read_token(&file).err()?)));
        token.or_else(|| of_file(&self.key_file).and_then(|file| Some(("key_file", key::read(&file).err()?))))
    }

    /// What is to be proven, bit/s.
    pub(super) fn rate(&self) -> f64 {
        offer::offered(self.rate).0
    }

    /// What one test may take at most, and all together.
    pub(in crate::probe) fn allowance(&self) -> Allowance {
        let worst = plan::bytes(self.rate()).saturating_mul(2);
        Allowance { worst, min_gap: self.min_gap.0, daily_budget: self.daily_budget }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named_file::tests::leaves_the_thread;

    #[test]
    fn what_it_signs_by_is_read_while_others_go_on() {
        for named in ["key_file", "token_file"] {
            assert!(leaves_the_thread(|file| async move {
                let text = format!("reflector = 'far.example'\n{named} = '{}'", file.display());
                toml::from_str::<Config>(&text).unwrap().key().await
            }));
        }
    }

    #[test]
    fn a_reflector_must_be_named_and_the_rate_is_what_profiles_need() {
        let read = |text: &str| toml::from_str::<Config>(text).map_err(|error| error.message().to_owned());
        assert!(read("").unwrap_err().contains("missing field `reflector`"));
        let mut config = read("reflector = 'far.example'").unwrap();
        assert_eq!((config.reflector.port, config.rate), (10862, None));
        config.fit(4e6);
        assert!((config.rate() - 4.4e6).abs() < 1.0);
        assert_eq!(config.misfit(4e6), None);
        config.fit(8e6);
        assert!((config.rate() - 4.4e6).abs() < 1.0, "what is said is said");
        assert_eq!(config.misfit(8e6).map(|(key, _)| key), Some("rate"));
        assert_eq!(config.misfit(2e9).map(|(key, _)| key), Some("kind"));
        let both = read("reflector = 'far.example'\nkey_file = 'a'\ntoken_file = 'b'").unwrap();
        assert_eq!(both.misfit(1e6).map(|(key, _)| key), Some("token_file"));
        // Four and a half seconds of sound, three of everything, both ways.
        assert!((3_000_000..4_000_000).contains(&config.allowance().worst), "{}", config.allowance().worst);
        for (text, told) in [
            ("reflector = 'far.example:0'", "is no server"),
            ("reflector = 'far.example'\nrate = '1 kbit/s'", "out of range"),
            ("reflector = 'far.example'\nkey_file = 'credential:a/b'", "without slashes"),
            ("reflector = 'far.example'\ntoken_file = 'credential:a/b'", "without slashes"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
