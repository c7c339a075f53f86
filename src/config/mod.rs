//! File shapes → domain: the one config file, all its errors at once.
//!
//! A text is parsed once into tables that know their places; each section is read by serde through [`reader`], which goes
//! on after an error; then come the rules between sections. A [`Config`] exists only if nothing at all is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::{Component, Plan, ReasonDef};
use crate::probe::{self, ProbeConfig};

mod checks;
pub mod init;
pub mod platforms;
mod problem;
mod profiles;
mod reader;
pub mod schema;
mod shape;
#[cfg(test)]
mod tests;

pub use problem::{Errors, Problem, Source};
pub use shape::{ReceiverConfig, ReceiverKind, Room, RoomName, Store, Url, Web, Zone};

use problem::{Problems, listed};
use reader::{Table, read, unknown_key};
use shape::{ComponentEntry, RemedyText};

/// The complete, commented example: what `siaga config print` prints.
pub const EXAMPLE: &str = include_str!("../../config/siaga.toml");
/// What is used when there is no file: it watches this machine and contacts nobody.
pub const DEFAULT: &str = include_str!("../../config/default.toml");
/// The shipped profiles.
pub const PROFILES: &str = include_str!("../../config/profiles.toml");
/// Where the file is looked for unless something else is said.
pub const DEFAULT_PATH: &str = "/etc/siaga/siaga.toml";
/// The environment's word for the file.
pub const PATH_VARIABLE: &str = "SIAGA_CONFIG";

const DEFAULT_PROFILE: &str = "zoom_group_720";
const SECTIONS: [&str; 10] =
    ["room", "web", "store", "profiles", "profile", "components", "check", "group", "receiver", "remedies"];

/// Everything that the config says, in the domain's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Whom it watches, and how it speaks of it.
    pub room: Room,
    /// The HTTP server.
    pub web: Web,
    /// How long things are kept.
    pub store: Store,
    /// What the judge is told.
    pub plan: Plan,
    /// What the probes are told: one for each of `plan.checks`, in their order.
    pub probes: Vec<ProbeConfig>,
    /// Who is notified.
    pub receivers: Vec<ReceiverConfig>,
    /// Remedies in the room's own words, by reason code.
    pub remedies: BTreeMap<&'static str, Remedy>,
}

/// A remedy in the room's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// Bahasa Indonesia.
    pub id: String,
    /// English.
    pub en: String,
}

/// Where a config comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The one in the binary, because there is no file.
    BuiltIn,
}

impl Origin {
    /// Where to look: what was asked for (`--config`), else what the environment says, else [`DEFAULT_PATH`] if it is
    /// there, else the binary. A file that was asked for and is missing is an error, not a reason to look elsewhere.
    pub fn find(asked: Option<PathBuf>, environment: Option<PathBuf>) -> Self {
        let usual = || Some(PathBuf::from(DEFAULT_PATH)).filter(|path| path.exists());
        asked.or(environment).or_else(usual).map_or(Self::BuiltIn, Self::File)
    }
}

/// Why there is no config.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something is wrong in it.
    #[error(transparent)]
    Wrong(#[from] Errors),
}

impl Config {
    /// Reads the config from where it stands.
    ///
    /// # Errors
    /// The file cannot be read, or something is wrong in it: everything that is wrong, at once.
    pub fn load(origin: &Origin) -> Result<Self, LoadError> {
        let source = match origin {
            Origin::BuiltIn => Source::new("default.toml (built in)", DEFAULT),
            Origin::File(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| LoadError::Read { path: path.clone(), source })?;
                Source::new(path.display().to_string(), text)
            }
        };
        Ok(Self::parse(source)?)
    }

    /// Reads the config in `source`. Touches no file but the one that `[profiles] file` names.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the text.
    pub fn parse(source: Arc<Source>) -> Result<Self, Errors> {
        let mut problems = Problems::new(Arc::clone(&source));
        let tree = tree(&source, &mut problems)?;
        let root = Table::new(tree.get_ref(), 0..0);
        for (key, span) in root.keys().filter(|(key, _)| !SECTIONS.contains(key)) {
            problems.say(span, unknown_key(key, SECTIONS));
        }

        let room: Room = section(root, "room", &mut problems);
        let web = section(root, "web", &mut problems);
        let store = section(root, "store", &mut problems);
        let (profiles, default_profile) = all_profiles(root, &source, &mut problems);
        let components = components(root, &mut problems);
        let checks = checks::read_checks(
            &list(root, "check", &mut problems),
            &list(root, "group", &mut problems),
            &mut problems,
        );
        let receivers = receivers(root, &mut problems);
        let remedies = remedies(root, &mut problems);

        let absent: BTreeSet<_> =
            components.iter().filter(|(_, (entry, _))| entry.absent).map(|(component, _)| *component).collect();
        for (component, (entry, table)) in &components {
            if !entry.absent {
                continue;
            }
            if let Some((check, _)) = checks.iter().find(|(check, _)| check.component == *component) {
                let message =
                    format!("{component} is said to be absent, and check {:?} watches it", check.name.as_str());
                problems.say(table.at("absent"), message);
            }
            if entry.requirement.is_some() {
                problems.say(
                    table.at("requirement"),
                    format!("{component} is said to be absent: it cannot be required or advisory"),
                );
            }
        }
        problems.finish()?;

        let profiles = profiles.into_iter().map(|mut profile| {
            let said = components.iter().filter_map(|(component, (entry, _))| Some((*component, entry.requirement?)));
            profile.components.extend(said);
            Arc::new(profile)
        });
        let profiles = profiles.collect();
        let (specs, probes) = checks.into_iter().unzip();
        let plan = Plan { room: Arc::clone(&room.name.0), checks: specs, profiles, default_profile, absent };
        Ok(Self { room, web, store, plan, probes, receivers, remedies })
    }
}

/// The tables of a text, or everything that is no TOML in it.
fn tree<'t>(source: &'t Source, problems: &mut Problems) -> Result<Spanned<DeTable<'t>>, Errors> {
    let (tree, errors) = DeTable::parse_recoverable(&source.text);
    let mut broken = Problems::new(Arc::clone(problems.source()));
    for error in errors {
        broken.say(error.span().unwrap_or(0..0), error.message());
    }
    // What could still be read of a broken text says little: only what breaks it is told.
    broken.finish().map(|()| tree)
}

/// The table of a section; its shape's defaults if it is not there.
fn section<'t, T: serde::Deserialize<'t> + Default>(root: Table<'t>, key: &str, problems: &mut Problems) -> T {
    let Some(value) = root.get(key) else { return T::default() };
    let Some(table) = Table::of(value) else {
        problems.say(value.span(), format!("{key} is a table; write [{key}]"));
        return T::default();
    };
    read(table, problems).unwrap_or_default()
}

/// The tables of a section that is a list of them.
fn list<'t>(root: Table<'t>, key: &str, problems: &mut Problems) -> Vec<Table<'t>> {
    let Some(value) = root.get(key) else { return Vec::new() };
    let DeValue::Array(items) = value.get_ref() else {
        problems.say(value.span(), format!("{key} is a list of tables; write [[{key}]]"));
        return Vec::new();
    };
    let tables = items.iter().filter_map(|item| {
        let table = Table::of(item);
        if table.is_none() {
            problems.say(item.span(), format!("{key} is a list of tables; write [[{key}]]"));
        }
        table
    });
    tables.collect()
}

fn all_profiles(root: Table<'_>, source: &Source, problems: &mut Problems) -> (Vec<crate::domain::Profile>, usize) {
    let said: shape::Profiles = section(root, "profiles", problems);
    let mut layers = profiles::Layers::default();
    lay_text(&mut layers, Source::new("profiles.toml (built in)", PROFILES), problems);
    if let Some(file) = &said.file {
        let path = Path::new(&source.path).parent().unwrap_or(Path::new("")).join(file);
        match std::fs::read_to_string(&path) {
            Ok(text) => lay_text(&mut layers, Source::new(path.display().to_string(), text), problems),
            Err(error) => {
                problems.say(at(root, "profiles", "file"), format!("cannot read {}: {error}", path.display()))
            }
        }
    }
    layers.lay(&list(root, "profile", problems), problems);
    let profiles = layers.finish();
    let default = said.default.as_deref().unwrap_or(DEFAULT_PROFILE);
    let place = profiles.iter().position(|profile| &*profile.name == default);
    if place.is_none() {
        let known = listed(profiles.iter().map(|profile| &*profile.name));
        problems.say(at(root, "profiles", "default"), format!("unknown profile {default:?}; known are {known}"));
    }
    (profiles, place.unwrap_or_default())
}

/// Lays the profiles of another text; its errors point into that text.
fn lay_text(layers: &mut profiles::Layers, source: Arc<Source>, problems: &mut Problems) {
    let mut found = Problems::new(Arc::clone(&source));
    match tree(&source, &mut found) {
        Ok(tree) => {
            let root = Table::new(tree.get_ref(), 0..0);
            for (key, span) in root.keys().filter(|(key, _)| *key != "profile") {
                found.say(span, unknown_key(key, ["profile"]));
            }
            let tables = list(root, "profile", &mut found);
            layers.lay(&tables, &mut found);
        }
        Err(errors) => found.take(errors),
    }
    problems.adopt(found);
}

/// Where a key of a section stands; the section, or the text's beginning, if it is not there.
fn at(root: Table<'_>, section: &str, key: &str) -> std::ops::Range<usize> {
    root.get(section).and_then(Table::of).map_or(0..0, |table| table.at(key))
}

fn components<'t>(root: Table<'t>, problems: &mut Problems) -> BTreeMap<Component, (ComponentEntry, Table<'t>)> {
    let mut all = BTreeMap::new();
    let Some(value) = root.get("components") else { return all };
    let Some(table) = Table::of(value) else {
        problems.say(value.span(), "components is a table; write [components.radio]");
        return all;
    };
    for (name, span) in table.keys() {
        let Some(component) = Component::ALL.into_iter().find(|component| component.as_str() == name) else {
            let known = listed(Component::ALL.map(Component::as_str));
            problems.say(span, format!("unknown component {name:?}; known are {known}"));
            continue;
        };
        match table.get(name).and_then(Table::of) {
            None => problems.say(table.at(name), format!("{name} is a table; write [components.{name}]")),
            Some(entry) => {
                if let Some(said) = read::<ComponentEntry>(entry, problems) {
                    all.insert(component, (said, entry));
                }
            }
        }
    }
    all
}

fn receivers(root: Table<'_>, problems: &mut Problems) -> Vec<ReceiverConfig> {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = Vec::new();
    for table in list(root, "receiver", problems) {
        let Some(receiver) = read::<ReceiverConfig>(table, problems) else { continue };
        let at = table.at("name");
        if let Some(line) = names.get(&receiver.name) {
            problems.say(at, format!("two receivers are named {:?}; the first is on line {line}", receiver.name));
            continue;
        }
        if let Err(message) = shape::word(&receiver.name) {
            problems.say(at.clone(), message);
        }
        if receiver.timeout.0.is_zero() {
            problems.say(table.at("timeout"), "timeout must be more than 0");
        }
        names.insert(receiver.name.clone(), problems.line(at.start));
        all.push(receiver);
    }
    all
}

fn remedies(root: Table<'_>, problems: &mut Problems) -> BTreeMap<&'static str, Remedy> {
    let mut all = BTreeMap::new();
    let Some(value) = root.get("remedies") else { return all };
    let Some(table) = Table::of(value) else {
        problems.say(value.span(), "remedies is a table; write [remedies]");
        return all;
    };
    let known: BTreeMap<&str, &ReasonDef> = probe::all_reasons().map(|reason| (reason.code, reason)).collect();
    let mut unknown = BTreeSet::new();
    for (code, span) in table.keys() {
        if known.contains_key(code) {
            continue;
        }
        unknown.insert(code);
        if table.get(code).and_then(Table::of).is_some() {
            problems.say(span, "a reason code is written in quotes, as in \"internet.far_end_is_self\" = \"…\"");
        } else {
            let component = code.split_once('.').map_or(code, |(component, _)| component);
            let near = known.keys().copied().filter(|known| known.split_once('.').is_some_and(|(c, _)| c == component));
            let near = listed(near);
            let hint = if near.is_empty() { "siaga reasons lists all".to_owned() } else { format!("there are {near}") };
            problems.say(span, format!("unknown reason code {code:?}; {hint}"));
        }
    }
    let texts: Option<BTreeMap<String, RemedyText>> = reader::read_some(
        table,
        |code| !unknown.contains(code),
        problems,
        |from| serde::Deserialize::deserialize(from),
    );
    for (code, text) in texts.unwrap_or_default() {
        let Some(reason) = known.get(code.as_str()) else { continue };
        let remedy = match text {
            RemedyText::Both(text) => Remedy { id: text.clone(), en: text },
            RemedyText::Each(texts) => Remedy { id: texts.id, en: texts.en },
        };
        all.insert(reason.code, remedy);
    }
    all
}
