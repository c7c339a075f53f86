//! `[run_sheet]`: what staff check by hand before a meeting.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::problem::Problems;
use super::reader::{Table, read, unknown_key};
use super::sections::list;
use super::shape::word;
use crate::domain::sheet::Item;
use crate::domain::{Period, Requirement};

/// So many hand checks have room on a sheet.
const MOST: usize = 50;
/// The longest text of one, characters.
const LONGEST: usize = 200;

/// What staff check by hand before a meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSheet {
    /// The hand checks, in their order; those of the procedure, if left out.
    #[schemars(with = "Option<Vec<ItemEntry>>")]
    pub item: Option<Vec<ItemEntry>>,
}

/// A hand check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemEntry {
    /// Its name in rows and in the API: lower-case letters, digits, `_` and `-`.
    pub key: String,
    /// What is checked: Bahasa Indonesia.
    pub id: String,
    /// The same in English.
    pub en: String,
    /// How long a tick holds.
    pub holds: Period,
    /// So long before the start it is due.
    pub due: Period,
    /// The task of the crew whose receiver is told when it is late.
    #[serde(default)]
    pub task: Option<String>,
    /// `required`, or `advisory`: shown and never counted.
    #[serde(default)]
    pub requirement: Requirement,
    /// Whether it is checked of each of the session's sites.
    #[serde(default)]
    pub each_site: bool,
}

/// The hand checks of the procedure.
pub(super) fn procedure() -> Vec<Item> {
    use Requirement::{Advisory, Required};
    const HOUR: u64 = 60;
    let item = |key: &str, [id, en]: [&str; 2], (holds, due): (u64, u64), task: &str, requirement| Item {
        key: key.into(),
        id: id.to_owned(),
        en: en.to_owned(),
        holds: Duration::from_mins(holds),
        due: Duration::from_mins(due),
        task: Some(task.into()),
        requirement,
        each_site: false,
    };
    let attendance = ["Kehadiran peserta sudah dipastikan", "Attendance is confirmed"];
    let meeting = ["Meeting ID dan passcode sudah dimasukkan", "Meeting ID and passcode are entered"];
    vec![
        item("room", ["Ruangan sudah disiapkan", "The room is prepared"], (3 * HOUR, 45), "ruang", Required),
        Item { each_site: true, ..item("attendance", attendance, (24 * HOUR, 30), "peserta", Required) },
        item("meeting", meeting, (3 * HOUR, 15), "rapat", Required),
        item("trial", ["Uji coba sudah dilakukan", "A trial was held"], (3 * HOUR, 30), "uji_coba", Required),
        item("radio", ["HT sudah dicoba", "The two-way radios were tried"], (12 * HOUR, 45), "ht", Advisory),
        item(
            "spare",
            ["Alat cadangan ada di tempat", "Spare equipment is at hand"],
            (24 * HOUR, 45),
            "cadangan",
            Advisory,
        ),
        item(
            "stabilizer",
            ["Sakelar stabilizer menyala", "The stabilizer is switched on"],
            (12 * HOUR, 45),
            "listrik",
            Advisory,
        ),
    ]
}

/// Reads the hand checks: their names are unique, and each says what it is.
pub(super) fn items(root: Table<'_>, problems: &mut Problems) -> Vec<Item> {
    let Some(value) = root.get("run_sheet") else { return procedure() };
    let Some(table) = Table::of(value) else {
        problems.say(value.span(), "run_sheet is a table; write [[run_sheet.item]]");
        return procedure();
    };
    for (key, span) in table.keys().filter(|(key, _)| *key != "item") {
        problems.say(span, unknown_key(key, ["item"]));
    }
    if table.get("item").is_none() {
        return procedure();
    }
    let mut all: Vec<Item> = Vec::new();
    for entry in list(table, "item", problems) {
        let Some(said) = read::<ItemEntry>(entry, problems) else { continue };
        if let Err(message) = word(&said.key) {
            problems.say(entry.at("key"), message);
        }
        if all.iter().any(|other| *other.key == said.key) {
            problems.say(entry.at("key"), format!("{:?} is taken", said.key));
        }
        let texts = [("id", Some(&said.id)), ("en", Some(&said.en)), ("task", said.task.as_ref())];
        for (key, text) in texts.into_iter().filter_map(|(key, text)| Some((key, text?))) {
            if text.trim().is_empty() || text.contains(char::is_control) || text.chars().count() > LONGEST {
                problems.say(entry.at(key), format!("{key} is one line of 1 to {LONGEST} characters"));
            }
        }
        for (key, length) in [("holds", said.holds), ("due", said.due)] {
            if length.0.is_zero() {
                problems.say(entry.at(key), format!("{key} is no time at all"));
            }
        }
        if all.len() == MOST {
            problems.say(entry.head(), format!("a run sheet has at most {MOST} hand checks"));
        }
        all.push(Item {
            key: said.key.into(),
            id: said.id,
            en: said.en,
            holds: said.holds.0,
            due: said.due.0,
            task: said.task.map(Arc::from),
            requirement: said.requirement,
            each_site: said.each_site,
        });
    }
    all
}
