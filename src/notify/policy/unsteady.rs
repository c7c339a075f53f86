//! What is told of a component that goes to and fro: that it does, and how it comes to rest.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::state::{News, State, Told};
use super::{Decided, Policy, Withheld};
use crate::domain::Component;
use crate::notify::payload::Event;

impl Policy {
    /// A component goes to and fro: each who is to hear of it is told so once, and then nothing until it comes to rest. Whom a
    /// silence, a window or the hour kept from hearing it hears it when that is over, if it still does then.
    pub(super) fn tell_unstable(&mut self, id: &str, at: Timestamp, decided: &mut Decided) {
        let Some(open) = self.open.get(id) else { return };
        let (incident, mut state) = (open.incident.clone(), open.state.clone());
        let component = incident.component;
        let mut heard = self.flaps.get(&component).map(|flap| flap.heard.clone()).unwrap_or_default();
        if let Some(before) = self.closed.get(&component).filter(|_| !incident.is_drill()) {
            state.follow(&before.state);
        }
        for (receiver, _) in self.house.receivers.clone() {
            let knows = state.told.contains_key(&receiver);
            // A drill is no word of the component's own.
            // And whoever has heard of what is worse hears of its end.
            if heard.contains(&receiver) || incident.is_drill() || self.heard_beyond(component, &state, &receiver) {
                decided.withheld.insert(Withheld::Flapping);
            } else if knows || self.is_for(&receiver, &incident, &state, at) {
                if !knows && !self.is_led(&receiver, &incident, at) {
                    state.escalated_at.get_or_insert(at);
                }
                self.tell(&receiver, Event::Unstable, &incident, at, decided);
                state.tell(Arc::clone(&receiver), News::of(&incident), at);
                heard.insert(receiver);
            } else {
                decided.withheld.insert(Withheld::NoRoute);
            }
        }
        self.keep(id, state, decided);
        if let Some(flap) = self.flaps.get_mut(&component).filter(|flap| flap.heard != heard) {
            flap.heard = heard;
            self.keep_flap(component, decided);
        }
    }

    /// Whether a receiver has heard last of what is worse than all that goes to and fro.
    pub(super) fn heard_beyond(&self, component: Component, state: &State, receiver: &Arc<str>) -> bool {
        let held_back = |verdict| self.flaps.get(&component).is_some_and(|flap| flap.holds_back(verdict));
        state.told.get(receiver).is_some_and(|told| !held_back(told.news.verdict()))
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
            state.follow_verdict(incident.verdict, at);
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
        decided.keep(&flap_key(component), flap.and_then(|flap| serde_json::to_string(flap).ok()));
    }
}

/// Under which it is kept how a component goes to and fro; no incident has such an id.
pub(super) fn flap_key(component: Component) -> String {
    format!("flap:{component}")
}
