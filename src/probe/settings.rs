//! What whoever reads the config asks of a kind's part of it: rules that go beyond a single key.

use super::audio::Named;
use super::{ProbeConfig, budget, dial};
use crate::domain::{SecretFile, Uplink};

impl ProbeConfig {
    /// Whether it measures against the daemon's own far end.
    pub fn is_against_self(&self) -> bool {
        match self {
            Self::Http(config) => config.url == dial::FarUrl::Own,
            Self::Bandwidth(config) => [&config.down_url, &config.up_url].contains(&&dial::FarUrl::Own),
            Self::Stun(config) => config.server.is_none(),
            _ => false,
        }
    }

    /// Whether it measures how much comes in, whatever goes out.
    pub fn measures_way_in(&self) -> bool {
        matches!(self, Self::Bandwidth(config) if config.down_url != dial::FarUrl::Own)
    }

    /// The files that it names, with their keys. A credential is there only while the service runs.
    pub fn files(&mut self) -> Vec<(&'static str, &mut std::path::PathBuf)> {
        let files = match self {
            Self::Http(config) => [("ca_file", config.ca_file.as_mut()), ("", None)],
            Self::Tls(config) => [("ca_file", config.ca_file.as_mut()), ("", None)],
            Self::Replay(config) => [("file", Some(&mut config.file)), ("", None)],
            Self::Stamp(config) => [
                ("key_file", config.key_file.as_mut().and_then(SecretFile::path)),
                ("token_file", config.token_file.as_mut().and_then(SecretFile::path)),
            ],
            Self::Relay(config) => {
                [("password_file", config.password_file.path()), ("ca_file", config.ca_file.as_mut())]
            }
            _ => return Vec::new(),
        };
        files.into_iter().filter_map(|(key, file)| Some((key, file?))).collect()
    }

    /// What lies in a file that it names and cannot be the secret that it should be: the key, and why. Asked where the files are there.
    pub fn useless_secret(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Stamp(config) => config.useless_secret(),
            _ => None,
        }
    }

    /// Takes from the profiles what the config leaves to them: the largest rate that one needs, bit/s.
    pub fn fit(&mut self, need: f64) {
        match self {
            Self::Stamp(config) => config.fit(need),
            Self::Relay(config) => config.fit(need),
            _ => {}
        }
    }

    /// What one test of it may take, for the kinds that have a budget.
    pub fn allowance(&self) -> Option<budget::Allowance> {
        match self {
            Self::Bandwidth(config) => Some(config.allowance()),
            Self::Stamp(config) => Some(config.allowance()),
            Self::Relay(config) => Some(config.allowance()),
            _ => None,
        }
    }

    /// Has it look at that uplink. What has nothing to do with one says so: the key, and why.
    ///
    /// # Errors
    /// It cannot leave by it.
    pub fn leave_by(&mut self, uplink: &Uplink) -> Result<(), (&'static str, String)> {
        let (name, interface) = (&*uplink.name, uplink.interface.as_deref());
        if self.is_against_self() {
            return Err(("uplink", "its far end is this machine itself, to which no uplink leads".to_owned()));
        }
        match self {
            Self::Link(config) => {
                let Some(interface) = interface else {
                    return Err(("uplink", format!("uplink {name:?} names no interface that could be looked at")));
                };
                if config.interface != "auto" && config.interface != interface {
                    return Err(("interface", format!("uplink {name:?} leaves by {interface}; leave this out")));
                }
                interface.clone_into(&mut config.interface);
                Ok(())
            }
            Self::Icmp(config) if config.asks_gateway() && interface.is_none() => {
                Err(("target", format!("uplink {name:?} names no interface whose gateway could be known")))
            }
            Self::Icmp(_)
            | Self::Stun(_)
            | Self::Http(_)
            | Self::Tls(_)
            | Self::Dns(_)
            | Self::Bandwidth(_)
            | Self::Stamp(_)
            | Self::Relay(_)
            | Self::Ports(_) => Ok(()),
            _ => Err(("uplink", format!("a check of kind {} uses no uplink", self.kind()))),
        }
    }

    /// The sound cards that it names and opens for a test, with their keys.
    pub fn tests_sound_of(&self) -> Vec<(&'static str, Named)> {
        match self {
            Self::Microphone(config) => config.named(),
            Self::Loopback(config) => config.named(),
            _ => Vec::new(),
        }
    }

    /// Tells it the radio's sound cards, which are none of the room's.
    pub fn leave_out(&mut self, radio: &[Named]) {
        match self {
            Self::Audio(config) if config.card == "auto" => config.radio = radio.to_vec(),
            Self::Microphone(config) => config.radio = radio.to_vec(),
            Self::Loopback(config) => config.radio = radio.to_vec(),
            _ => {}
        }
    }

    /// What cannot be where a profile needs that rate (bit/s): the key, and why. Asked after [`ProbeConfig::fit`].
    pub fn misfit(&self, need: f64) -> Option<(&'static str, String)> {
        match self {
            Self::Stun(config) => config.misfit(),
            Self::Bandwidth(config) => config.allowance().misfit(),
            Self::Stamp(config) => config.misfit(need).or_else(|| config.allowance().misfit()),
            Self::Relay(config) => config.misfit(need).or_else(|| config.allowance().misfit()),
            Self::Ports(config) => config.misfit(),
            _ => None,
        }
    }

    /// Pairs of keys whose limits are in the wrong order: the milder one's, then the worse one's.
    pub fn crossed(&self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Computer(config) => config.crossed(),
            _ => Vec::new(),
        }
    }
}
