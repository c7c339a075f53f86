//! What is told of a component that goes to and fro: that it does, and how it comes to rest.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::state::{News, Told};
use super::{Decided, Policy};
use crate::domain::Component;
use crate::notify::payload::Event;

impl Policy {
    /// A component begins to go to and fro: that is said once, and then nothing until it comes to rest.
    pub(super) fn tell_unstable(&mut self, id: &str, at: Timestamp, decided: &mut Decided) {
        let Some(open) = self.open.get(id) else { return };
        let (incident, mut state) = (open.incident.clone(), open.state.clone());
        // A window or a silence holds for this too.
        let quiet = self.silences(at).any(|silence| silence.component.is_none_or(|one| one == incident.component))
            || self.house.maintenance.iter().any(|window| window.covers(incident.component, at, &self.house.zone));
        for (receiver, _) in self.house.receivers.clone() {
            if !quiet && (state.told.contains_key(&receiver) || self.is_for(&receiver, &incident, &state, at)) {
                self.tell(&receiver, Event::Unstable, &incident, at, decided);
                state.tell(receiver, News::of(&incident), at);
            }
        }
        self.keep(id, state, decided);
    }

    /// A component has come to rest: the state in which it did is told, whatever was told before.
    pub(super) fn tell_rest(&mut self, component: Component, at: Timestamp, decided: &mut Decided) {
        let closed = self.closed.remove(&component);
        decided.kept.extend(closed.iter().map(|closed| (closed.incident.id.clone(), None)));
        if let Some((id, open)) =
            self.open.iter().find(|(_, open)| open.incident.component == component && !open.incident.is_drill())
        {
            let (id, mut state) = (id.clone(), open.state.clone());
            let heard = closed.map(|closed| closed.state.told).unwrap_or_default();
            let incident = open.incident.clone();
            // A silence or a window holds for this too; what is kept back is told when that has ended.
            let quiet = self.keeps_quiet(&incident, false, at).is_some();
            for receiver in heard.keys().chain(open.state.told.keys()).cloned().collect::<BTreeSet<_>>() {
                if quiet {
                    state.told.insert(receiver, Told { news: News::well(), at });
                } else {
                    self.tell(&receiver, Event::Changed, &incident, at, decided);
                    state.tell(receiver, News::of(&incident), at);
                }
            }
            self.keep(&id, state, decided);
        } else if let Some(closed) = closed {
            for receiver in closed.state.told.keys() {
                self.tell(receiver, Event::Closed, &closed.incident, at, decided);
            }
        }
    }

    pub(super) fn keep_flap(&self, component: Component, decided: &mut Decided) {
        let flap = self.flaps.get(&component);
        decided.kept.push((flap_key(component), flap.and_then(|flap| serde_json::to_string(flap).ok())));
    }
}

/// Under which it is kept how a component goes to and fro; no incident has such an id.
pub(super) fn flap_key(component: Component) -> String {
    format!("flap:{component}")
}
