//! What the policy is told, and what it says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::Withheld;
use crate::domain::{Incident, Lang, Notification, Silence};
use crate::notify::routes::{Maintenance, Route};
use crate::notify::{Inbound, RollCall};

/// A change of an incident.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// It began.
    Opened(&'a Incident),
    /// Its verdict or its reasons are others now.
    Changed(&'a Incident),
    /// It is over.
    Closed(&'a Incident),
}

/// The room that is spoken for.
#[derive(Clone, Debug)]
pub struct Room {
    /// Its name, for programs.
    pub name: Arc<str>,
    /// Its name for people.
    pub title: Arc<str>,
}

/// What the config says of whom to tell what.
#[derive(Clone, Debug)]
pub struct House {
    /// For whom is spoken.
    pub room: Room,
    /// The room's time zone.
    pub zone: TimeZone,
    /// Who is told, by name and language.
    pub receivers: Vec<(Arc<str>, Lang)>,
    /// Which of them are the room itself: what they are told stands on its banner.
    pub rooms: Vec<Arc<str>>,
    /// Where what is told ends by itself after so long: an Alertmanager's alerts.
    pub stands_for: BTreeMap<Arc<str>, Duration>,
    /// Whom to tell what a radio could not say, by the radio's name.
    pub instead: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// What leads to whom; without any, every receiver hears everything.
    pub routes: Vec<Route>,
    /// When nothing does.
    pub maintenance: Vec<Maintenance>,
    /// When somebody is told that all is well.
    pub roll_call: Option<RollCall>,
    /// What of other systems' alerts is told.
    pub inbound: Option<Inbound>,
}

/// What an earlier process left.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// The incidents that are open.
    pub open: Vec<Incident>,
    /// Those that closed while their component went to and fro, so that their end is still to be told.
    pub closed: Vec<Incident>,
    /// What was told of them, by the incident's id, and how components go to and fro, as [`Decided::kept`] had it. An open one
    /// without is an older version's, which kept nothing where nobody had heard: what it is now was told to everybody, but for
    /// what was found while that version settled.
    pub kept: HashMap<String, String>,
    /// The silences that have not ended.
    pub silences: Vec<Silence>,
    /// The drill that was under way.
    pub drill: Option<super::Drill>,
}

/// What follows from one change, moment or order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decided {
    /// What is told.
    pub notifications: Vec<Notification>,
    /// Why somebody is not told, or nobody.
    pub withheld: BTreeSet<Withheld>,
    /// What is to be kept, by an incident's id or a component; nothing of what is over.
    pub kept: Vec<(String, Option<String>)>,
    /// Silences that were wished by a clock that was ahead, as they are by this one.
    pub silences: Vec<Silence>,
}

impl Decided {
    /// Keeps `state` under `key`, or nothing any more with `None`, whatever was to be kept there.
    pub(super) fn keep(&mut self, key: &str, state: Option<String>) {
        self.kept.retain(|(known, _)| known != key);
        self.kept.push((key.to_owned(), state));
    }
}
