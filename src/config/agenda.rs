//! `[agenda]` and `[[calendar]]`: what the room needs around a booked meeting, when it is looked at again, who is told, and which
//! calendars of others are followed.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::beside::{Beside, Later};
use super::problem::{Problems, listed};
use super::reader::{Table, read};
use super::sections::list;
use super::shape::word;
use crate::calendar;
use crate::domain::session::SCHEDULER;
use crate::domain::{Margins, Period, SecretFile};
use crate::notify;

/// The booked meetings: what the room needs around them, when they are looked at again, and who is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Agenda {
    /// What the room needs before a meeting …
    pub set_up: Period,
    /// … and after it: two meetings are as far apart as both together.
    pub tear_down: Period,
    /// How long before a meeting its preflight opens, unless another meeting ends later.
    pub preflight: Period,
    /// How long after a meeting its wrap-up lasts.
    pub wrap_up: Period,
    /// So long before a meeting the room is looked at again; what changed since it was confirmed is told.
    pub rechecks: Vec<Period>,
    /// Who is told of meetings, by name; every receiver, if left out.
    #[schemars(with = "Option<Vec<String>>")]
    pub receivers: Option<Vec<Arc<str>>>,
}

impl Default for Agenda {
    fn default() -> Self {
        let minutes = |minutes: u64| Period(Duration::from_mins(minutes));
        Self {
            set_up: minutes(15),
            tear_down: minutes(15),
            preflight: minutes(150),
            wrap_up: minutes(30),
            rechecks: [24 * 60, 120, 30, 5].map(minutes).to_vec(),
            receivers: None,
        }
    }
}

impl Agenda {
    /// What lies between two meetings.
    pub fn margins(&self) -> Margins {
        Margins { set_up: self.set_up.0, tear_down: self.tear_down.0 }
    }

    /// How long before a meeting it is looked at again.
    pub fn offsets(&self) -> Vec<Duration> {
        self.rechecks.iter().map(|ahead| ahead.0).collect()
    }
}

/// The receivers that the agenda names must be there.
pub(super) fn look_beside(root: Table<'_>, agenda: &Agenda, receivers: &[notify::Config], problems: &mut Problems) {
    let Some(table) = root.get("agenda").and_then(Table::of) else { return };
    for name in agenda.receivers.iter().flatten() {
        if !receivers.iter().any(|receiver| receiver.name == *name) {
            problems.say(table.at("receivers"), format!("no receiver is named {name:?}"));
        }
    }
}

/// Reads the calendars of others: their names are unique, their profiles known, their files there.
pub(super) fn calendars(
    root: Table<'_>,
    profiles: &[&str],
    beside: &Beside<'_>,
    problems: &mut Problems,
) -> Vec<calendar::Config> {
    let mut all: Vec<calendar::Config> = Vec::new();
    for table in list(root, "calendar", problems) {
        let Some(mut feed) = read::<calendar::Config>(table, problems) else { continue };
        if let Err(message) = word(&feed.name) {
            problems.say(table.at("name"), message);
        }
        if &*feed.name == SCHEDULER || all.iter().any(|other| other.name == feed.name) {
            problems.say(table.at("name"), format!("{:?} is taken", &*feed.name));
        }
        if let Some(profile) = feed.profile.as_deref().filter(|profile| !profiles.contains(profile)) {
            let known = listed(profiles.iter().copied());
            problems.say(table.at("profile"), format!("unknown profile {profile:?}; known are {known}"));
        }
        if let Some((key, why)) = feed.misfit() {
            problems.say(table.at(key), why);
        }
        // A feed's file may come and go; that is told when it is read, and keeps nobody from starting.
        if let Some(file) = &mut feed.file {
            *file = beside.at(file);
            if let Some(why) = beside.doubt(file, Later::File) {
                problems
                    .doubt(table.at("file"), format!("{why}; until it can be read nothing of this calendar is booked"));
            }
        }
        if let Some(path) = feed.token_file.as_mut().and_then(SecretFile::path)
            && let Err(message) = beside.find(path)
        {
            problems.say(table.at("token_file"), message);
        }
        all.push(feed);
    }
    all
}
