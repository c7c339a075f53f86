//! What is done about open incidents, as readers see it. Who did it stands in the audit.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::component::Component;
use super::incident::Incident;
use super::silence::Silence;

/// What is done about the incidents that are open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handling {
    /// By the incident's id.
    pub incidents: BTreeMap<String, Handled>,
    /// The silences; those that have ended may still be among them.
    pub silences: Vec<Silence>,
    /// What stands on the banner of the room's page, oldest first: of what the room itself was told, what nobody sees to yet.
    pub banner: Vec<Incident>,
    /// What is practised.
    pub drill: Option<Practised>,
}

/// A drill that is under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Practised {
    /// Which, by its name.
    pub scene: Arc<str>,
    /// What it looks like: no incident of the room's, but somebody can see to it by its id.
    pub incident: Incident,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// What is done about one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// Since when somebody sees to it as it is: nothing where it has become worse since they said so.
    pub acknowledged_at: Option<Timestamp>,
    /// When somebody was first told because nobody saw to it.
    pub escalated_at: Option<Timestamp>,
}

impl Handling {
    /// What is done about an incident.
    pub fn of(&self, incident: &str) -> Handled {
        self.incidents.get(incident).copied().unwrap_or_default()
    }

    /// Whether nobody is told of a component at `at`, because somebody wished it so.
    pub fn is_silenced(&self, component: Component, at: Timestamp) -> bool {
        self.holding(at).any(|silence| silence.component.is_none_or(|one| one == component))
    }

    /// The silences that hold at `at`.
    pub fn holding(&self, at: Timestamp) -> impl Iterator<Item = &Silence> {
        self.silences.iter().filter(move |silence| silence.until > at)
    }
}
