//! Receivers: what all have in common, what belongs to the kind, and the rules between them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize as _;

use super::beside::{Beside, Files, Later};
use super::problem::Problems;
use super::reader::{Table, fields, read, read_some, unknown_key};
use super::sections::list;
use crate::domain::{Period, SecretFile};
use crate::notify::config::Shared;
use crate::notify::routes::{Maintenance, Route};
use crate::notify::{self, Way};

/// Reads all receivers; those that are sound, in the file's order.
pub(super) fn receivers(root: Table<'_>, beside: &Beside<'_>, problems: &mut Problems) -> Vec<notify::Config> {
    let mut names: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    let mut all = Vec::new();
    for table in list(root, "receiver", problems) {
        let Some(receiver) = receiver(table, beside, problems) else { continue };
        let at = table.at("name");
        if let Some(line) = names.get(&receiver.name) {
            problems.say(at, format!("two receivers are named {:?}; the first is on line {line}", receiver.name));
            continue;
        }
        names.insert(Arc::clone(&receiver.name), problems.line(at.start));
        all.push((receiver, table));
    }
    for (receiver, table) in &all {
        for name in instead(receiver) {
            let why = match all.iter().find(|(other, _)| other.name == *name).map(|(other, _)| &other.way) {
                None => format!("no receiver is named {name:?}"),
                Some(Way::Radio(_) | Way::Room(_) | Way::Alertmanager(_)) => {
                    format!("{name:?} writes to nobody: a radio and a room speak, and an Alertmanager tells others")
                }
                Some(_) => continue,
            };
            problems.say(table.at("instead"), why);
        }
    }
    all.into_iter().map(|(receiver, _)| receiver).collect()
}

/// Whom a receiver names that are told what it could not say.
fn instead(receiver: &notify::Config) -> &[Arc<str>] {
    match &receiver.way {
        Way::Radio(radio) => radio.instead.as_deref().unwrap_or_default(),
        _ => &[],
    }
}

/// Reads the routes: whom they name must be a receiver, and every receiver must be named by one, if there is one, or is among those
/// who are `told` of something else (meetings, the morning's call, other systems' alerts).
pub(super) fn routes(
    root: Table<'_>,
    receivers: &[notify::Config],
    told: &[&Arc<str>],
    problems: &mut Problems,
) -> Vec<Route> {
    let mut all = Vec::new();
    for table in list(root, "route", problems) {
        let Some(route) = read::<Route>(table, problems) else { continue };
        if let Some((key, why)) = route.misfit() {
            problems.say(table.at(key), why);
        }
        for (key, names) in [("receivers", &route.receivers), ("escalate_to", &route.escalate_to)] {
            for name in names {
                if !receivers.iter().any(|receiver| receiver.name == *name) {
                    problems.say(table.at(key), format!("no receiver is named {name:?}"));
                }
            }
        }
        all.push((route, table));
    }
    if let Some((_, first)) = all.first() {
        for receiver in receivers {
            let led = all.iter().any(|(route, _)| route.names().any(|name| *name == receiver.name));
            let led = led || told.contains(&&receiver.name);
            if !led && !receivers.iter().any(|other| instead(other).contains(&receiver.name)) {
                let message = format!("no route leads to receiver {:?}, so that it is never told", &*receiver.name);
                problems.say(first.head(), message);
            }
        }
    }
    all.into_iter().map(|(route, _)| route).collect()
}

/// Reads the maintenance windows.
pub(super) fn maintenance(root: Table<'_>, problems: &mut Problems) -> Vec<Maintenance> {
    let mut all = Vec::new();
    for table in list(root, "maintenance", problems) {
        let Some(window) = read::<Maintenance>(table, problems) else { continue };
        if let Some((key, why)) = window.misfit() {
            problems.say(table.get(key).map_or_else(|| table.head(), |_| table.at(key)), why);
        }
        all.push(window);
    }
    all
}

/// Reads the morning's call, if there is one.
pub(super) fn roll_call(
    root: Table<'_>,
    receivers: &[notify::Config],
    problems: &mut Problems,
) -> Option<notify::RollCall> {
    let value = root.get("roll_call")?;
    let Some(table) = Table::of(value) else {
        problems.say(value.span(), "roll_call is a table; write [roll_call]");
        return None;
    };
    let call: notify::RollCall = read(table, problems)?;
    if let Some((key, why)) = call.misfit() {
        problems.say(table.at(key), why);
    }
    named(&call.receivers, receivers, table, problems);
    Some(call)
}

/// Reads what is told of other systems' alerts, if anything is.
pub(super) fn inbound(
    root: Table<'_>,
    receivers: &[notify::Config],
    beside: &Beside<'_>,
    problems: &mut Problems,
) -> Option<notify::Inbound> {
    let value = root.get("inbound")?;
    let Some(table) = Table::of(value) else {
        problems.say(value.span(), "inbound is a table; write [inbound]");
        return None;
    };
    let mut inbound: notify::Inbound = read(table, problems)?;
    if let Some((key, why)) = inbound.misfit() {
        problems.say(table.at(key), why);
    }
    let found = inbound.secret_file.path().map_or(Ok(()), |file| beside.find(file));
    // With such a token nobody is ever let in, and whoever sends is the only one to see it.
    let useless = || if beside.asks() == Files::NotAsked { None } else { inbound.useless_secret() };
    if let Some(message) = found.err().or_else(useless) {
        problems.say(table.at("secret_file"), message);
    }
    named(&inbound.receivers, receivers, table, problems);
    let managers = receivers.iter().filter(|receiver| matches!(receiver.way, Way::Alertmanager(_)));
    for manager in managers.filter(|manager| inbound.receivers.contains(&manager.name)) {
        let message = format!("{:?} is an Alertmanager: what comes from one would go back to one", &*manager.name);
        problems.say(table.at("receivers"), message);
    }
    Some(inbound)
}

/// Who is named must be a receiver.
fn named(names: &[Arc<str>], receivers: &[notify::Config], table: Table<'_>, problems: &mut Problems) {
    for name in names {
        if !receivers.iter().any(|receiver| receiver.name == *name) {
            problems.say(table.at("receivers"), format!("no receiver is named {name:?}"));
        }
    }
}

fn receiver(table: Table<'_>, beside: &Beside<'_>, problems: &mut Problems) -> Option<notify::Config> {
    let shared_keys = fields(|asking| Shared::deserialize(asking).map(drop)).unwrap_or_default();
    let is_shared = |key: &str| shared_keys.contains(&key);
    let shared = read_some(table, is_shared, problems, |from| Shared::deserialize(from)).unwrap_or_default();
    for key in ["name", "kind"] {
        if table.get(key).is_none() {
            problems.say(table.head(), format!("{key} is missing"));
        }
    }
    if shared.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
        problems.say(table.at("timeout"), "timeout must be more than 0");
    }
    let kind = shared.kind?;
    let own_keys = fields(|asking| Way::deserialize_as(kind, asking).map(drop)).unwrap_or_default();
    for (key, span) in table.keys() {
        if !own_keys.contains(&key) && !is_shared(key) {
            problems.say(span, unknown_key(key, shared_keys.iter().chain(own_keys).copied()));
        }
    }
    let is_own = |key: &str| own_keys.contains(&key);
    let mut way = read_some(table, is_own, problems, |from| Way::deserialize_as(kind, from))?;
    // A credential is there only while the service runs: a missing one is told at the first delivery.
    for (key, secret) in way.secrets() {
        if let SecretFile::Path(file) = secret
            && let Err(message) = beside.find(file)
        {
            problems.say(table.at(key), message);
        }
    }
    if let Some(folder) = way.folders() {
        *folder = beside.at(folder);
    }
    // Installed after Siaga, as it may be: until then each message to it fails.
    let needs = match &way {
        Way::Command(command) => command.command.first().map(|program| ("command", Path::new(program), Later::Program)),
        Way::Sms(sms) => Some(("outbox", sms.outbox.as_path(), Later::Folder)),
        _ => None,
    };
    if let Some((key, path, what)) = needs
        && let Some(why) = beside.doubt(path, what)
    {
        problems.doubt(table.at(key), format!("{why}; where the daemon finds the same nobody is told this way"));
    }
    if let Some((key, why)) = way.misfit() {
        problems.say(table.at(key), why);
    }
    if let (Way::Radio(radio), Some(timeout), least) = (&way, shared.timeout, Period(way.patience()))
        && !timeout.0.is_zero()
        && timeout.0 < least.0
    {
        let needs = format!("wait = {} before each transmission and two minutes to speak need {least}", radio.wait);
        problems.say(table.at("timeout"), format!("timeout = {timeout} would cut a message off: {needs}"));
    }
    shared.with(way)
}
