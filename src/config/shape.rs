//! The shapes of the file's sections, as people write them. Their comments are the JSON schema's descriptions.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::domain::{Component, Kind, Lang, Level, OpenTo, Period, Rate, Requirement};
use crate::web::tls;

/// The room that is watched.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Room {
    /// A short word for it, used in the API and as a metric's label: lower-case letters, digits, `_` and `-`.
    pub name: RoomName,
    /// Its name for people; `name` if not given.
    #[serde(deserialize_with = "title")]
    pub title: Option<String>,
    /// The language of pages and messages where nobody asks for another.
    pub language: Lang,
    /// The IANA name of the time zone in which times are told to people, such as `Asia/Pontianak`.
    pub time_zone: Zone,
}

/// The longest title, characters.
pub(super) const LONGEST_TITLE: usize = 200;

/// It stands in pages, messages and terminals.
fn title<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let title = String::deserialize(deserializer)?;
    is_title(&title).map_err(D::Error::custom)?;
    Ok(Some(title))
}

/// Whether a room can be called so.
///
/// # Errors
/// Why not.
pub fn is_title(title: &str) -> Result<(), String> {
    let length = title.chars().count();
    if length > LONGEST_TITLE {
        return Err(format!("a title has at most {LONGEST_TITLE} characters, and this one {length}"));
    }
    if title.trim().is_empty() || title.contains(char::is_control) {
        return Err(format!("{title:?} is no title: it has nothing, or a control character, in it"));
    }
    Ok(())
}

impl Default for Room {
    fn default() -> Self {
        Self { name: RoomName::default(), title: None, language: Lang::Id, time_zone: Zone::default() }
    }
}

impl Room {
    /// Its name for people.
    pub fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name.0)
    }
}

/// A room's short name: lower-case letters, digits, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct RoomName(pub Arc<str>);

impl Default for RoomName {
    fn default() -> Self {
        Self("media_center".into())
    }
}

impl TryFrom<String> for RoomName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        word(&name).map(|()| Self(name.as_str().into()))
    }
}

/// Whether `name` is one that API paths and metric labels take as it is.
pub(super) fn word(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if !name.is_empty() && name.len() <= 63 && name.chars().all(fits) {
        return Ok(());
    }
    Err(format!("{name:?} is no name; write 1 to 63 lower-case letters, digits, _ and -"))
}

/// A time zone, always with its IANA name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Zone(pub TimeZone);

impl Default for Zone {
    /// West Kalimantan's (WIB, UTC+7 without daylight saving); UTC on a machine whose zone database lacks it.
    fn default() -> Self {
        Self(TimeZone::get("Asia/Pontianak").unwrap_or(TimeZone::UTC))
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        TimeZone::get(&name)
            .map(Self)
            .map_err(|_| format!("unknown time zone {name:?}; write an IANA name such as \"Asia/Pontianak\""))
    }
}

/// The HTTP server: page, API, metrics.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// The address, or the list of addresses, to listen on.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(schema_with = "one_or_many_schema")]
    pub listen: Vec<SocketAddr>,
    /// Names by which it may be asked, beside its addresses, `localhost` and the machine's own host name. A request for
    /// any other name is refused, because a web page can point a name of its own at this machine.
    pub hosts: Vec<HostName>,
    /// Who may read without a token: `everyone` who reaches the address, `this_machine` (by loopback), or `nobody`. To act needs
    /// a token always.
    pub open_to: OpenTo,
    /// The file of tokens, relative to this one; tokens.toml in the state folder, if left out.
    pub tokens: Option<PathBuf>,
    /// With what it is served over TLS; in the clear, if left out.
    pub tls: Option<tls::Config>,
}

impl Default for Web {
    fn default() -> Self {
        let listen = vec![SocketAddr::from(([127, 0, 0, 1], 10153))];
        Self { listen, hosts: Vec::new(), open_to: OpenTo::default(), tokens: None, tls: None }
    }
}

/// A host's name, without scheme and port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct HostName(pub String);

impl TryFrom<String> for HostName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        // RFC 1035 §2.3.4.
        if !name.is_empty() && name.len() <= 253 && name.chars().all(fits) && !name.starts_with('.') {
            return Ok(Self(name));
        }
        Err(format!("{name:?} is no host name; write it without scheme and port, such as \"siaga.example.net\""))
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
    struct Addresses;
    impl<'de> Visitor<'de> for Addresses {
        type Value = Vec<SocketAddr>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an address with a port, such as \"127.0.0.1:10153\", or a list of them")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<SocketAddr>, E> {
            Address::try_from(text.to_owned()).map(|address| vec![address.0]).map_err(E::custom)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<SocketAddr>, A::Error> {
            let mut all = Vec::new();
            while let Some(Address(address)) = list.next_element()? {
                all.push(address);
            }
            if all.is_empty() {
                return Err(de::Error::custom("the list is empty; name one address at least"));
            }
            if let Some((address, other)) = clash(&all) {
                let taken = if address == other {
                    format!("{address} stands there twice; leave one out")
                } else {
                    format!("{address} and {other} cannot both be listened on: one is in the other; leave one out")
                };
                return Err(de::Error::custom(taken));
            }
            Ok(all)
        }
    }
    deserializer.deserialize_any(Addresses)
}

/// The first address that another one has taken already: the same, or that of every address. Port 0 is a new one each time.
fn clash(all: &[SocketAddr]) -> Option<(SocketAddr, SocketAddr)> {
    let takes = |wide: &SocketAddr, address: &SocketAddr| {
        let same_family = wide.is_ipv4() == address.is_ipv4();
        wide.port() == address.port() && same_family && (wide.ip() == address.ip() || wide.ip().is_unspecified())
    };
    all.iter().enumerate().find_map(|(place, address)| {
        let other = all[..place].iter().find(|other| takes(other, address) || takes(address, other))?;
        (address.port() != 0).then_some((*address, *other))
    })
}

fn one_or_many_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "description": "The address, or the list of addresses, to listen on.",
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
        "examples": ["127.0.0.1:10153"],
    })
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Address(SocketAddr);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            format!("{text:?} is no address to listen on; write an IP address and a port, such as \"127.0.0.1:10153\"")
        })
    }
}

/// How long things are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Changes of verdict.
    pub retention_transitions: Period,
    /// The evidence behind answers that were given.
    pub retention_evidence: Period,
    /// Measurements by the minute.
    pub retention_minutes: Period,
    /// Observations, which `siaga replay --history` judges again.
    pub retention_observations: Period,
    /// Notifications that were delivered or given up.
    pub retention_notifications: Period,
    /// Who asked for what, with their names.
    pub retention_audit: Period,
    /// Sessions after their end, with the names of who was assigned to them.
    pub retention_sessions: Period,
}

const DAY: Duration = Duration::from_hours(24);

impl Default for Store {
    fn default() -> Self {
        Self {
            retention_transitions: Period(DAY * 400),
            retention_evidence: Period(DAY * 90),
            retention_minutes: Period(DAY * 30),
            retention_observations: Period(DAY * 7),
            retention_notifications: Period(DAY * 90),
            retention_audit: Period(DAY * 400),
            retention_sessions: Period(DAY * 400),
        }
    }
}

/// Who may give orders on this machine (`siaga test`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// Where the daemon listens for them: a unix socket.
    #[serde(deserialize_with = "socket")]
    pub socket: Option<PathBuf>,
    /// A group of this machine whose members may, beside root and the daemon's own user.
    pub group: Option<String>,
}

fn socket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    crate::domain::socket::place(deserializer).map(Some)
}

/// Kinds of meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Profiles {
    /// The profile in force when no session says otherwise.
    pub(super) default: Option<String>,
    /// A file of `[[profile]]` tables, relative to this one.
    pub(super) file: Option<PathBuf>,
}

/// What is said of a component as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ComponentEntry {
    /// The room does without it on purpose: it is excused for good, and shown so.
    pub(super) absent: bool,
    /// Whether it counts, whatever the profile says.
    pub(super) requirement: Option<Requirement>,
}

/// What every check has, whatever its kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub(super) struct CheckCommon {
    /// Unique in the room; used in the API and as a metric's label.
    pub(super) name: Option<String>,
    /// Which probe.
    pub(super) kind: Option<Kind>,
    /// How often it is observed.
    pub(super) interval: Option<Period>,
    /// How old its evidence may be before nothing is known.
    pub(super) fresh_for: Option<Period>,
    /// How long it must be worse before that is decided.
    pub(super) bad_for: Option<Period>,
    /// How long it must be better before that is decided.
    pub(super) good_for: Option<Period>,
    /// Whether it counts.
    pub(super) requirement: Requirement,
    /// The group of checks that stand for one thing together.
    pub(super) group: Option<String>,
    /// How many of its group must be good; may stand on the `[[group]]` instead.
    pub(super) need: Option<usize>,
    /// By which uplink it measures; the machine's routes choose, if left out.
    pub(super) uplink: Option<String>,
    /// Where it stands in the tree of root causes, if not where its kind stands.
    pub(super) level: Option<Level>,
    /// What it speaks for; only for a kind that does not say so itself (`replay`).
    pub(super) component: Option<Component>,
}

/// Checks that stand for one thing together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GroupEntry {
    /// The word that its members give as `group`.
    pub(super) name: Option<String>,
    /// How many members must be good.
    pub(super) need: Option<usize>,
}

/// A remedy in the room's own words: one text for every reader, or one for each language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(untagged, expecting = "expected a text, or a table { id = \"…\", en = \"…\" }")]
pub(super) enum RemedyText {
    /// For every reader.
    Both(String),
    /// For each language.
    Each(Titles),
}

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Titles {
    /// Bahasa Indonesia.
    pub(super) id: String,
    /// English.
    pub(super) en: String,
}

/// A kind of meeting and what it needs. A profile of a known name replaces only the figures that it gives.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ProfileEntry {
    /// Unique; the word used in config and API.
    pub(super) name: Option<String>,
    /// For people, in both languages.
    pub(super) title: Option<Titles>,
    /// Where the figures come from, with a date.
    pub(super) source: Option<String>,
    /// Download for full quality; below it the room is degraded.
    pub(super) down_need: Option<Rate>,
    /// Download under which no call survives; below it the room is not ready.
    pub(super) down_floor: Option<Rate>,
    /// Upload for full quality; below it the room is degraded.
    pub(super) up_need: Option<Rate>,
    /// Upload under which no call survives; below it the room is not ready.
    pub(super) up_floor: Option<Rate>,
    /// Round trip beyond which conversation suffers.
    pub(super) rtt_degraded: Option<Period>,
    /// Round trip beyond which no conversation is held.
    pub(super) rtt_not_ready: Option<Period>,
    /// Jitter (RFC 3550) that calls for attention.
    pub(super) jitter_degraded: Option<Period>,
    /// Share of packets lost that calls for attention, from 0 to 1.
    pub(super) loss_degraded: Option<f64>,
    /// Share of packets lost that no call survives, from 0 to 1.
    pub(super) loss_not_ready: Option<f64>,
    /// The platform that such a meeting is held on: a name of `siaga platforms`; any, if left out.
    pub(super) platform: Option<String>,
    /// Whether media must go by UDP.
    pub(super) udp: Option<Requirement>,
    /// Usable runtime that the battery must have while mains is present.
    pub(super) runtime: Option<Period>,
    /// Which components count; one that is not named is required.
    pub(super) components: Option<std::collections::BTreeMap<Component, Requirement>>,
}
