//! `[agenda]`: what the room needs around a booked meeting, when it is looked at again, and who is told.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::beside::Beside;
use super::problem::Problems;
use super::reader::Table;
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
    /// A file with the token by which programs book (`Authorization: Bearer …`); without it, programs on this machine may.
    #[schemars(with = "Option<String>")]
    pub token_file: Option<SecretFile>,
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
            token_file: None,
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

/// What the agenda names must be there: receivers, and the token's file.
pub(super) fn look_beside(
    root: Table<'_>,
    agenda: &mut Agenda,
    receivers: &[notify::Config],
    beside: &Beside<'_>,
    problems: &mut Problems,
) {
    let Some(table) = root.get("agenda").and_then(Table::of) else { return };
    for name in agenda.receivers.iter().flatten() {
        if !receivers.iter().any(|receiver| receiver.name == *name) {
            problems.say(table.at("receivers"), format!("no receiver is named {name:?}"));
        }
    }
    if let Some(path) = agenda.token_file.as_mut().and_then(SecretFile::path)
        && let Err(message) = beside.find(path)
    {
        problems.say(table.at("token_file"), message);
    }
}
