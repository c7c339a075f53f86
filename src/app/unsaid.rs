//! What no radio could say is told to others, in writing; who those are that speak, and who forgets by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::recorder::Recorder;
use crate::config::Config;
use crate::notify::policy::Decided;
use crate::notify::{Unsaid, Way};
use crate::store::Batch;

impl Recorder {
    /// Tells them, if it is news to them.
    pub(super) async fn tell_instead(&mut self, unsaid: &Unsaid) {
        self.follow();
        let decided = self.policy.tell_instead(unsaid, self.clock.now().wall);
        if decided == Decided::default() {
            return;
        }
        let told: Vec<_> = decided.notifications.iter().map(|one| &*one.receiver).collect();
        // In a silence nobody is, and that it is still to be told is kept all the same.
        if !told.is_empty() {
            let (radio, incident) = (&unsaid.receiver, &unsaid.incident);
            tracing::warn!(%radio, %incident, told = told.join(" "), "the radio could not say it; others are told");
        }
        self.store(Batch { notifications: decided.notifications, told: decided.kept, ..Batch::default() }).await;
    }
}

/// Who is told what each radio of a config could not say.
pub(super) fn instead(config: &Config) -> BTreeMap<Arc<str>, Vec<Arc<str>>> {
    let writes = |way: &Way| !matches!(way, Way::Radio(_) | Way::Room(_) | Way::Alertmanager(_));
    let all = || {
        let all = config.receivers.iter().filter(|other| writes(&other.way));
        all.map(|other| Arc::clone(&other.name)).collect()
    };
    let radios = config.receivers.iter().filter_map(|receiver| match &receiver.way {
        Way::Radio(radio) => Some((Arc::clone(&receiver.name), radio.instead.clone().unwrap_or_else(all))),
        _ => None,
    });
    radios.collect()
}

/// The receivers of a config that are the room itself.
pub(super) fn rooms(config: &Config) -> Vec<Arc<str>> {
    let rooms = config.receivers.iter().filter(|receiver| matches!(receiver.way, Way::Room(_)));
    rooms.map(|receiver| Arc::clone(&receiver.name)).collect()
}

/// How long what is told stands at those who end it by themselves.
pub(super) fn stands_for(config: &Config) -> BTreeMap<Arc<str>, Duration> {
    let ends = config.receivers.iter().filter_map(|receiver| match &receiver.way {
        Way::Alertmanager(way) => Some((Arc::clone(&receiver.name), way.stands_for.0)),
        _ => None,
    });
    ends.collect()
}
