//! Uplinks: ways out that checks name, each known by its interface or its source address.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::problem::{Problems, listed};
use super::reader::{Table, read};
use super::shape::word;
use crate::domain::{Size, Uplink, Verdict};
use crate::probe::ProbeConfig;
use crate::probe::dns::Resolver;

/// `IFNAMSIZ` of Linux, with its zero.
const LONGEST_INTERFACE: usize = 15;
/// What the tests by an uplink that is metered or a backup may take a day, unless said: half of what a check may elsewhere.
const SMALL_BUDGET: Size = Size(100_000_000);

/// A way out that checks name. One of `interface` and `source` it must have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct UplinkEntry {
    /// The word that checks give as `uplink`.
    pub(super) name: Option<String>,
    /// The interface by which it leaves.
    pub(super) interface: Option<String>,
    /// The address of this machine from which it leaves; without an interface the machine's rules must lead it out.
    pub(super) source: Option<IpAddr>,
    /// Who is asked for names over it, at most three; the machine's own resolvers, if left out.
    #[serde(deserialize_with = "resolvers")]
    pub(super) resolvers: Vec<ResolverAddress>,
    /// What the internet is while it stands by this uplink alone; no backup, if left out.
    pub(super) backup: Option<Backup>,
    /// Whether its bytes are paid for.
    pub(super) metered: bool,
    /// How many bytes all active tests by it may take a day (UTC), together; 100 MB where it is metered or a backup, if left
    /// out, and else what each check says.
    pub(super) daily_budget: Option<Size>,
}

/// What a room on its backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Backup {
    /// As good as on the main line; the reason is told all the same.
    Ready,
    /// Somebody should know.
    Degraded,
}

/// A resolver, with a port or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct ResolverAddress(pub(super) SocketAddr);

impl TryFrom<String> for ResolverAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse::<Resolver>() {
            Ok(Resolver::Named(address)) => Ok(Self(address)),
            _ => Err(format!("{text:?} is no resolver; write an address, such as \"192.0.2.53\"")),
        }
    }
}

fn resolvers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ResolverAddress>, D::Error> {
    let all: Vec<ResolverAddress> = Vec::deserialize(deserializer)?;
    if all.is_empty() || all.len() > 3 {
        return Err(D::Error::custom("1 to 3 resolvers; leave it out to ask the machine's own"));
    }
    Ok(all)
}

/// The uplinks by their names; one that is named and unsound is known and nothing else.
pub(super) struct Uplinks(BTreeMap<String, Option<Arc<Uplink>>>);

impl Uplinks {
    /// Reads the `[[uplink]]` tables.
    pub(super) fn read(tables: &[Table<'_>], problems: &mut Problems) -> Self {
        let mut all: BTreeMap<String, Option<Arc<Uplink>>> = BTreeMap::new();
        for table in tables {
            let Some(entry) = read::<UplinkEntry>(*table, problems) else { continue };
            let Some(name) = entry.name.clone() else {
                if table.get("name").is_none() {
                    problems.say(table.head(), "name is missing");
                }
                continue;
            };
            if let Err(message) = word(&name) {
                problems.say(table.at("name"), message);
            } else if let Entry::Vacant(place) = all.entry(name.clone()) {
                place.insert(entry.sound(*table, problems).map(Arc::new));
            } else {
                problems.say(table.at("name"), format!("two uplinks are named {name:?}"));
            }
        }
        Self(all)
    }

    /// All that are sound.
    pub(super) fn all(&self) -> Vec<Arc<Uplink>> {
        self.0.values().flatten().cloned().collect()
    }

    /// The uplink that a check names, and the check made to leave by it; says what cannot be.
    pub(super) fn lead(
        &self,
        name: &str,
        probe: Option<&mut ProbeConfig>,
        table: Table<'_>,
        problems: &mut Problems,
    ) -> Option<Arc<Uplink>> {
        let Some(known) = self.0.get(name) else {
            let known = listed(self.0.keys().map(String::as_str));
            let known =
                if known.is_empty() { "there is no [[uplink]]".to_owned() } else { format!("known are {known}") };
            problems.say(table.at("uplink"), format!("unknown uplink {name:?}; {known}"));
            return None;
        };
        let (uplink, probe) = (known.as_ref()?, probe?);
        if let Err((key, why)) = probe.leave_by(uplink) {
            problems.say(table.at(key), why);
        }
        let worst = probe.allowance().map(|allowance| Size(allowance.worst));
        if let Some((worst, budget)) = worst.zip(uplink.daily_budget).filter(|(worst, budget)| worst > budget) {
            let message =
                format!("uplink {name:?} has {budget} a day, which suffices for no test: one may take up to {worst}");
            problems.say(table.at("uplink"), message);
        }
        Some(Arc::clone(uplink))
    }
}

impl UplinkEntry {
    fn sound(self, table: Table<'_>, problems: &mut Problems) -> Option<Uplink> {
        let mut wrong = |key: &str, message: &str| {
            problems.say(if table.get(key).is_some() { table.at(key) } else { table.head() }, message);
        };
        let fits = |name: &String| {
            let letters = |c: char| !c.is_whitespace() && !c.is_control() && c != '/' && c != ':';
            (1..=LONGEST_INTERFACE).contains(&name.len()) && name.chars().all(letters)
        };
        if self.interface.as_ref().is_some_and(|name| !fits(name)) {
            wrong("interface", "an interface's name has 1 to 15 letters, none of them white space, a slash or a colon");
            return None;
        }
        if self.source.is_some_and(|source| source.is_unspecified() || source.is_loopback() || source.is_multicast()) {
            wrong("source", "source is an address of this machine on that uplink");
            return None;
        }
        if self.interface.is_none() && self.source.is_none() {
            // One that could not be read was told already.
            if table.get("interface").is_none() && table.get("source").is_none() {
                wrong("name", "an uplink is known by its interface or its source address; write one of them");
            }
            return None;
        }
        let small = (self.metered || self.backup.is_some()).then_some(SMALL_BUDGET);
        Some(Uplink {
            name: self.name?.into(),
            interface: self.interface.map(Arc::from),
            source: self.source,
            resolvers: self.resolvers.into_iter().map(|resolver| resolver.0).collect(),
            backup: self.backup.map(|backup| match backup {
                Backup::Ready => Verdict::Ready,
                Backup::Degraded => Verdict::Degraded,
            }),
            metered: self.metered,
            daily_budget: self.daily_budget.or(small),
        })
    }
}
