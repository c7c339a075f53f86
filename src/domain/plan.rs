//! What the judge is told to watch: the engine's part of a config.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::check::{CheckName, CheckSpec};
use super::component::Component;
use super::profile::Profile;

/// The engine's part of a config. Whoever makes one sees to it that names are unique and `default_profile` is a place
/// in `profiles`, of which there is at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The room's name.
    pub room: Arc<str>,
    /// What is watched, in the config's order.
    pub checks: Vec<Arc<CheckSpec>>,
    /// The kinds of meeting, in the config's order; what the config says of a component is already in each.
    pub profiles: Vec<Arc<Profile>>,
    /// The place in `profiles` of the one in force when no session says otherwise.
    pub default_profile: usize,
    /// Components that the room does without on purpose: excused, and shown so.
    pub absent: BTreeSet<Component>,
}

impl Plan {
    /// The place of a check in `checks`, by its name.
    pub fn check(&self, name: &CheckName) -> Option<usize> {
        self.checks.iter().position(|check| check.name == *name)
    }

    /// The place of a profile in `profiles`, by its name.
    pub fn profile(&self, name: &str) -> Option<usize> {
        self.profiles.iter().position(|profile| &*profile.name == name)
    }
}
