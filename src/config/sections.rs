//! The file's sections, one function each, on the way from tables to shapes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Remedy;
use super::problem::{Errors, Problems, Source, listed};
use super::profiles;
use super::reader::{Table, read, read_some, unknown_key};
use super::shape::{ComponentEntry, Profiles, RemedyText};
use crate::domain::{Component, ReasonDef};
use crate::named_file;
use crate::probe;

/// The tables of a text, or everything that is no TOML in it.
pub(super) fn tree<'t>(source: &'t Source, problems: &mut Problems) -> Result<Spanned<DeTable<'t>>, Errors> {
    let (tree, errors) = DeTable::parse_recoverable(&source.text);
    let mut broken = Problems::new(Arc::clone(problems.source()));
    for error in errors {
        broken.say(error.span().unwrap_or(0..0), error.message());
    }
    // What could still be read of a broken text says little: only what breaks it is told.
    broken.finish().map(|_| tree)
}

/// The table of a section; its shape's defaults if it is not there.
pub(super) fn section<'t, T: serde::Deserialize<'t> + Default>(
    root: Table<'t>,
    key: &str,
    problems: &mut Problems,
) -> T {
    let Some(value) = root.get(key) else { return T::default() };
    let Some(table) = Table::of(value) else {
        problems.say(value.span(), format!("{key} is a table; write [{key}]"));
        return T::default();
    };
    read(table, problems).unwrap_or_default()
}

/// The tables of a section that is a list of them.
pub(super) fn list<'t>(root: Table<'t>, key: &str, problems: &mut Problems) -> Vec<Table<'t>> {
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

pub(super) fn all_profiles(
    root: Table<'_>,
    source: &Source,
    problems: &mut Problems,
) -> (Vec<crate::domain::Profile>, usize) {
    let said: Profiles = section(root, "profiles", problems);
    let mut layers = profiles::Layers::default();
    lay_text(&mut layers, &Source::new("profiles.toml (built in)", super::PROFILES), problems);
    if let Some(file) = &said.file {
        let path = Path::new(&source.path).parent().unwrap_or(Path::new("")).join(file);
        match named_file::text(&path) {
            Ok(text) => lay_text(&mut layers, &Source::new(path.display().to_string(), text), problems),
            Err(error) => {
                problems.say(at(root, "profiles", "file"), format!("cannot read {}: {error}", path.display()));
            }
        }
    }
    layers.lay(&list(root, "profile", problems), problems);
    let profiles = layers.finish();
    let default = said.default.as_deref().unwrap_or(super::DEFAULT_PROFILE);
    let place = profiles.iter().position(|profile| &*profile.name == default);
    if place.is_none() {
        let known = listed(profiles.iter().map(|profile| &*profile.name));
        problems.say(at(root, "profiles", "default"), format!("unknown profile {default:?}; known are {known}"));
    }
    (profiles, place.unwrap_or_default())
}

/// Lays the profiles of another text; its errors point into that text.
fn lay_text(layers: &mut profiles::Layers, source: &Arc<Source>, problems: &mut Problems) {
    let mut found = Problems::new(Arc::clone(source));
    match tree(source, &mut found) {
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

pub(super) fn components<'t>(
    root: Table<'t>,
    problems: &mut Problems,
) -> BTreeMap<Component, (ComponentEntry, Table<'t>)> {
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

/// The words that somebody may have meant: at most three, the nearest first, none of which a quarter is other letters.
fn nearest<'a>(said: &str, known: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let distances = known.map(|word| (distance(said, word), word));
    let mut near: Vec<_> = distances.filter(|(distance, word)| distance * 4 < word.len()).collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, word)| word)
}

/// How many letters must be added, taken away or changed to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], place + 1);
        for (at, known) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *known);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

pub(super) fn remedies(root: Table<'_>, problems: &mut Problems) -> BTreeMap<&'static str, Remedy> {
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
            let near = listed(nearest(code, known.keys().copied()));
            let hint = if near.is_empty() { String::new() } else { format!("do you mean {near}? ") };
            problems.say(span, format!("unknown reason code {code:?}; {hint}siaga reasons lists all"));
        }
    }
    let texts: Option<BTreeMap<String, RemedyText>> =
        read_some(table, |code| !unknown.contains(code), problems, |from| serde::Deserialize::deserialize(from));
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
