//! The config as readers are shown it: each value with the line in which it stands, or that it is what holds where nothing is said.
//! What may be a secret, or lead to a person, is not shown.

use std::ops::Range;

use toml::de::DeValue;

use super::problem::Source;
use super::reader::Table;
use super::{Config, SECTIONS};
use crate::domain::{CheckSpec, OpenTo, Period, Requirement, Setting, Settings};

/// Sections in which secrets, addresses and telephone numbers stand, and the keys of them that are shown all the same.
const CLOSED: [&str; 4] = ["receiver", "inbound", "calendar", "remote_write"];
const OPEN_KEYS: [&str; 11] = [
    "name",
    "kind",
    "language",
    "timeout",
    "profile",
    "interval",
    "receivers",
    "instead",
    "rate",
    "buffer_size",
    "buffer_age",
];

/// Whether what stands there may be a secret, or lead to a person.
pub(super) fn is_hidden(section: &str, key: &str) -> bool {
    CLOSED.contains(&section) && !OPEN_KEYS.contains(&key)
}

/// All of a config that may be shown.
pub(super) fn shown(source: &Source, top: Table<'_>, config: &Config) -> Settings {
    let line = |span: Range<usize>| source.position(span.start).0;
    let mut all = Vec::new();
    for section in SECTIONS {
        let Some(value) = top.get(section) else {
            defaults(section, None, config, &mut all);
            continue;
        };
        match value.get_ref() {
            DeValue::Table(_) => {
                let Some(table) = Table::of(value) else { continue };
                entries(section, section, table, &line, &mut all);
                defaults(section, Some(table), config, &mut all);
            }
            DeValue::Array(items) => {
                for (place, table) in items.iter().filter_map(Table::of).enumerate() {
                    let name = table.get("name").and_then(|name| name.get_ref().as_str());
                    let entry =
                        name.map_or_else(|| format!("{section} {}", place + 1), |name| format!("{section} {name}"));
                    entries(section, &entry, table, &line, &mut all);
                    let named = |check: &&std::sync::Arc<CheckSpec>| Some(check.name.as_str()) == name;
                    if let Some(check) = config.plan.checks.iter().find(named).filter(|_| section == "check") {
                        of_check(&entry, table, check, &mut all);
                    }
                }
            }
            _ => {}
        }
    }
    Settings { source: source.path.clone(), all }
}

/// What stands in a table, in the order of the text.
fn entries(section: &str, entry: &str, table: Table<'_>, line: &dyn Fn(Range<usize>) -> usize, all: &mut Vec<Setting>) {
    let mut found: Vec<_> = table.keys().collect();
    found.sort_by_key(|(_, span)| span.start);
    for (key, span) in found {
        let Some(value) = table.get(key) else { continue };
        let hidden = is_hidden(section, key);
        all.push(Setting {
            section: entry.to_owned(),
            key: key.to_owned(),
            value: (!hidden).then(|| text(value.get_ref())),
            line: Some(line(span)),
        });
    }
}

/// A value as it may be shown: of a URL its scheme and its host alone, because the rest may be a key.
fn text(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => without_key(text),
        DeValue::Integer(digits) => digits.as_str().to_owned(),
        DeValue::Float(digits) => digits.as_str().to_owned(),
        DeValue::Boolean(word) => word.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| text(item.get_ref())).collect();
            items.join(", ")
        }
        DeValue::Table(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{} = {}", key.get_ref(), text(value.get_ref()))).collect();
            entries.join(", ")
        }
    }
}

/// The same of a text: of a URL in it its scheme and its host alone.
pub(super) fn without_key(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = place.rsplit('@').next().unwrap_or_default();
    let more = if host.len() == rest.len() { "" } else { "/…" };
    format!("{scheme}://{host}{more}")
}

/// What holds where a section, or a key of it, is left out.
fn defaults(section: &'static str, table: Option<Table<'_>>, config: &Config, all: &mut Vec<Setting>) {
    let period = |period: Period| period.to_string();
    let values: Vec<(&str, String)> = match section {
        "room" => vec![
            ("name", config.room.name.0.to_string()),
            ("title", config.room.title().to_owned()),
            ("language", config.room.language.as_str().to_owned()),
            ("time_zone", config.room.time_zone.0.iana_name().unwrap_or("UTC").to_owned()),
        ],
        "web" => vec![
            ("listen", config.web.listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
            ("open_to", open_to(config.web.open_to).to_owned()),
        ],
        "store" => {
            let store = &config.store;
            vec![
                ("retention_transitions", period(store.retention_transitions)),
                ("retention_evidence", period(store.retention_evidence)),
                ("retention_minutes", period(store.retention_minutes)),
                ("retention_observations", period(store.retention_observations)),
                ("retention_notifications", period(store.retention_notifications)),
                ("retention_audit", period(store.retention_audit)),
                ("retention_sessions", period(store.retention_sessions)),
            ]
        }
        "agenda" => {
            let agenda = &config.agenda;
            vec![
                ("set_up", period(agenda.set_up)),
                ("tear_down", period(agenda.tear_down)),
                ("preflight", period(agenda.preflight)),
                ("wrap_up", period(agenda.wrap_up)),
                ("rechecks", agenda.rechecks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
            ]
        }
        "remote_write" => match &config.remote_write {
            Some(push) => vec![
                ("interval", period(push.interval)),
                ("timeout", period(push.timeout)),
                ("rate", push.rate.to_string()),
                ("buffer_size", push.buffer_size.to_string()),
                ("buffer_age", period(push.buffer_age)),
            ],
            None => Vec::new(),
        },
        "profiles" => {
            let default = config.plan.profiles.get(config.plan.default_profile);
            vec![("default", default.map(|profile| profile.name.to_string()).unwrap_or_default())]
        }
        _ => Vec::new(),
    };
    left_out(section, table, values, all);
}

/// What holds of a check where it does not say so itself: its kind's own.
fn of_check(entry: &str, table: Table<'_>, check: &CheckSpec, all: &mut Vec<Setting>) {
    let period = |length| Period(length).to_string();
    let requirement = match check.requirement {
        Requirement::Required => Requirement::Required.as_str(),
        Requirement::Advisory => Requirement::Advisory.as_str(),
    };
    let values = vec![
        ("interval", period(check.interval)),
        ("fresh_for", period(check.fresh_for)),
        ("bad_for", period(check.holds.bad_for)),
        ("good_for", period(check.holds.good_for)),
        ("requirement", requirement.to_owned()),
    ];
    left_out(entry, Some(table), values, all);
}

fn left_out(section: &str, table: Option<Table<'_>>, values: Vec<(&str, String)>, all: &mut Vec<Setting>) {
    for (key, value) in values {
        if table.is_none_or(|table| table.get(key).is_none()) {
            all.push(Setting { section: section.to_owned(), key: key.to_owned(), value: Some(value), line: None });
        }
    }
}

const fn open_to(open: OpenTo) -> &'static str {
    match open {
        OpenTo::Everyone => "everyone",
        OpenTo::ThisMachine => "this_machine",
        OpenTo::Nobody => "nobody",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_shown_with_its_line_and_what_may_be_a_secret_is_not() {
        let text = "[room]\ntitle = \"Ruang A\"\n\n[[check]]\nname = \"pc\"\nkind = \"computer\"\ninterval = \"30s\"\n\n\
             [[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"https://example.org/hook?key=geheim\"\n";
        let config = Config::parse(&Source::new("siaga.toml", text)).unwrap();
        assert_eq!(config.shown.source, "siaga.toml");
        let find = |section: &str, key: &str| {
            let one = config.shown.all.iter().find(|one| one.section == section && one.key == key);
            one.map(|one| (one.value.as_deref(), one.line))
        };
        assert_eq!(find("room", "title"), Some((Some("Ruang A"), Some(2))));
        assert_eq!(find("room", "time_zone"), Some((Some("Asia/Pontianak"), None)));
        assert_eq!(find("agenda", "preflight"), Some((Some("150m"), None)));
        assert_eq!(find("check pc", "interval"), Some((Some("30s"), Some(7))));
        assert!(matches!(find("check pc", "fresh_for"), Some((Some(_), None))));
        assert_eq!(find("receiver desk", "url"), Some((None, Some(12))));
        assert!(!format!("{:?}", config.shown).contains("geheim"));
        assert_eq!(without_key("https://a:b@example.org/hook?key=geheim"), "https://example.org/…");
        assert_eq!(without_key("tcp://192.0.2.7:80"), "tcp://192.0.2.7:80");
    }
}
