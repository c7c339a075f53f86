//! Meeting platforms as dated data: which ports they use, who said so and when, and when that should be read again.

use std::fmt;
use std::sync::OnceLock;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

const TEXT: &str = include_str!("../../../config/platforms.toml");

/// A platform, as of the days that its lists name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// The word in configs.
    pub name: String,
    /// For people.
    pub title: String,
    /// The name of its HTTPS front; empty where it stands in the room's own house.
    pub web: String,
    /// Hosts with a port that answer STUN binding requests (RFC 8489).
    pub stun: Vec<String>,
    /// The profile that such a meeting is held to unless another is chosen.
    pub profile: String,
    /// Its ports.
    #[serde(default)]
    pub ports: Vec<PortList>,
}

/// Ports that one source names for one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortList {
    /// What goes there.
    pub purpose: Purpose,
    /// By what.
    pub transport: Transport,
    /// Which.
    pub ports: Vec<Ports>,
    /// Where the vendor says that they are, as it writes them.
    #[serde(default)]
    pub networks: Vec<String>,
    /// How well it is known.
    pub known: Known,
    /// Who says so.
    pub source: String,
    /// The day on which that was read.
    pub read: Date,
    /// The day by which it should be read again.
    pub check_by: Date,
}

/// What goes to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Sound and pictures, straight.
    Media,
    /// The same, through a TURN server.
    Relay,
    /// Who calls whom.
    Signalling,
    /// Sound and pictures where the better way is closed.
    Fallback,
}

/// By what a port is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// UDP
    Udp,
    /// TCP
    Tcp,
}

/// How well a list is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// It was read in its source.
    Document,
    /// It was not: shown, and never judged.
    Memory,
}

/// A port, or those from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port != 0);
        let ends = port(first).zip(port(last)).filter(|(first, last)| first <= last);
        let (first, last) = ends.ok_or_else(|| serde::de::Error::custom(format!("{text:?} are no ports")))?;
        Ok(Self { first, last })
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

impl PortList {
    /// "UDP 8801, 3478".
    pub fn words(&self) -> String {
        let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
        format!("{} {}", self.transport, ports.join(", "))
    }

    /// Whether it should have been read again by `today`.
    pub fn is_overdue(&self, today: Date) -> bool {
        today > self.check_by
    }

    /// Whether what it says is held against a line.
    pub fn is_judged(&self) -> bool {
        self.transport == Transport::Udp && self.purpose == Purpose::Media && self.known == Known::Document
    }
}

impl Platform {
    /// The UDP ports of its media that are looked at: of those from one to another, both ends.
    pub fn media(&self) -> Vec<u16> {
        let judged = self.ports.iter().filter(|list| list.is_judged()).flat_map(|list| &list.ports);
        sorted(judged.flat_map(|ports| [ports.first, ports.last]))
    }

    /// Its TCP ports, as far as they were read in a document.
    pub fn tcp(&self) -> Vec<u16> {
        let tcp = |list: &&PortList| list.transport == Transport::Tcp && list.known == Known::Document;
        let lists = self.ports.iter().filter(tcp).flat_map(|list| &list.ports);
        sorted(lists.flat_map(|ports| [ports.first, ports.last]))
    }

    /// All its ports, for people and firewalls; empty where none is known.
    pub fn words(&self) -> String {
        self.ports.iter().map(PortList::words).collect::<Vec<_>>().join("; ")
    }

    /// Those that were read in their source, or those that were not.
    pub fn words_of(&self, known: Known) -> String {
        self.ports.iter().filter(|list| list.known == known).map(PortList::words).collect::<Vec<_>>().join("; ")
    }

    /// Who says so of those that were read, with the days.
    pub fn sources(&self) -> String {
        let mut all: Vec<String> = Vec::new();
        for list in self.ports.iter().filter(|list| list.known == Known::Document) {
            let source = format!("{}, {}", list.source, list.read);
            if !all.contains(&source) {
                all.push(source);
            }
        }
        all.join("; ")
    }

    /// Its oldest day by which something of it should be read again.
    pub fn check_by(&self) -> Option<Date> {
        self.ports.iter().map(|list| list.check_by).min()
    }
}

fn sorted(ports: impl Iterator<Item = u16>) -> Vec<u16> {
    let mut all: Vec<u16> = ports.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The platforms known to this binary. A test sees to it that the shipped file is sound.
pub fn platforms() -> &'static [Platform] {
    #[derive(Deserialize)]
    struct File {
        platform: Vec<Platform>,
    }
    static ALL: OnceLock<Vec<Platform>> = OnceLock::new();
    ALL.get_or_init(|| toml::from_str::<File>(TEXT).map(|file| file.platform).unwrap_or_default())
}

/// The platform of that name.
pub fn platform(name: &str) -> Option<&'static Platform> {
    platforms().iter().find(|platform| platform.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_a_source_with_a_day_and_a_day_to_read_it_again() {
        let names: Vec<_> = platforms().iter().map(|platform| platform.name.as_str()).collect();
        assert_eq!(names, ["zoom", "teams", "meet", "webex", "jitsi", "bigbluebutton", "h323", "audio_only"]);
        for platform in platforms() {
            for list in &platform.ports {
                assert!(!list.source.is_empty() && !list.ports.is_empty(), "{}", platform.name);
                let days = (list.check_by - list.read).get_days();
                let most = if list.known == Known::Memory { 92 } else { 184 };
                assert!((1..=most).contains(&days), "{}: {} to {}", platform.name, list.read, list.check_by);
                assert!(!list.is_overdue(list.check_by) && list.is_overdue(list.check_by.tomorrow().unwrap()));
            }
            for stun in &platform.stun {
                assert!(stun.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()), "{stun}");
            }
        }
    }

    #[test]
    fn what_is_looked_at_is_media_by_udp_that_was_read_in_a_document() {
        let media = |name| platform(name).unwrap().media();
        // Not 8802-8810, which are from memory; not UDP 443, which is no more than a way out.
        assert_eq!((media("zoom"), media("meet")), (vec![3478, 3479, 8801], vec![3478, 19302, 19309]));
        assert_eq!((media("jitsi"), media("h323")), (vec![10000], vec![]));
        assert_eq!((platform("teams").unwrap().tcp(), platform("webex").unwrap().tcp()), (vec![80, 443], vec![]));
        assert_eq!(platform("jitsi").unwrap().words(), "UDP 10000; UDP 3478; TCP 5349; TCP 443");
        assert_eq!(platform("nobody"), None);
    }
}
