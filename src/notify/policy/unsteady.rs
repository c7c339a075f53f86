//! What is told of a component that goes to and fro: that it does, and how it comes to rest.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::flap::Flap;
use super::state::{News, State, Told};
use super::{Decided, Policy, Withheld};
use crate::domain::{Component, Incident, Verdict};
use crate::notify::payload::Event;

impl Policy {
    /// A component goes to and fro: each who is to hear of it is told so once, and then nothing until it comes to rest. Whom a
    /// silence, a window or the hour kept from hearing it hears it when that is over, if it still does then.
    pub(super) fn tell_unstable(&mut self, id: &str, at: Timestamp, decided: &mut Decided) {
        let Some(open) = self.open.get(id) else { return };
        let (incident, mut state) = (open.incident.clone(), open.state.clone());
        let (component, is_over) =
            (incident.component, incident.verdict == Verdict::Ready || incident.closed_at.is_some());
        let mut heard = self.flaps.get(&component).map(|flap| flap.heard.clone()).unwrap_or_default();
        if let Some(before) = self.closed.get(&component).filter(|_| !incident.is_drill()) {
            state.follow(&before.state);
        }
        for (receiver, _) in self.house.receivers.clone() {
            let knows = state.told.contains_key(&receiver);
            // Whoever has heard of what is worse than all of it, and so took it for a fault as any other, hears what became of that: here,
            // or that it is over.
            let beyond = self.heard_beyond(component, &state, &receiver);
            let is_owed = beyond && !is_over;
            // A drill is no word of the component's own.
            if incident.is_drill() || !is_owed && (beyond || heard.contains(&receiver)) {
                state.hears_nothing_new(&receiver, at);
                decided.withheld.insert(Withheld::Flapping);
            } else if knows || self.is_for(&receiver, &incident, &state, at) {
                if !knows && !self.is_led(&receiver, &incident, at) {
                    state.escalated_at.get_or_insert(at);
                }
                self.say_unstable(&receiver, &incident, at, decided);
                state.tell(Arc::clone(&receiver), News::well(), at);
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

    /// Says that it goes to and fro, and how bad it is that does: the incident itself may have been worse before, or be milder yet.
    pub(super) fn say_unstable(
        &mut self,
        receiver: &Arc<str>,
        incident: &Incident,
        at: Timestamp,
        decided: &mut Decided,
    ) {
        let worst = self.flaps.get(&incident.component).and_then(Flap::worst).unwrap_or(incident.worst);
        self.tell(receiver, Event::Unstable, &Incident { worst, ..incident.clone() }, at, decided);
    }

    /// Whether a receiver has heard last of a fault that is worse than all that goes to and fro, and not that it does.
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
                    // Who heard that it goes to and fro is owed how it rests, and who heard of a fault what has become of that.
                    state.told.entry(receiver).or_insert(Told { news: News::well(), at });
                } else if state.told.get(&receiver).is_none_or(|told| told.news != News::of(&incident)) {
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

#[cfg(test)]
mod tests {
    use super::super::tests::{DOWN, LOSS, at, house, incident, told};
    use super::*;
    use crate::notify::policy::{Change, Left};

    /// A component that is degraded for months, and goes unknown and back each minute.
    fn unseen_again_and_again(policy: &mut Policy) -> Vec<String> {
        let mut all = Vec::new();
        for minute in 0..12 {
            let verdict = if minute % 2 == 0 { Verdict::Degraded } else { Verdict::Unknown };
            let now = incident(verdict, &[&LOSS]);
            let change = if minute == 0 { Change::Opened(&now) } else { Change::Changed(&now) };
            all.extend(told(&policy.decide(change, false, at(minute * 60))));
        }
        all.retain(|line| line.starts_with("desk"));
        all
    }

    #[test]
    fn who_heard_of_what_is_worse_hears_what_became_of_it_though_the_incident_goes_on() {
        let mut policy = Policy::new(house(""), Left::default());
        assert_eq!(unseen_again_and_again(&mut policy), ["desk opened", "desk changed", "desk unstable"]);
        let (bad, mild) = (incident(Verdict::NotReady, &[&DOWN]), incident(Verdict::Degraded, &[&LOSS]));
        assert_eq!(told(&policy.decide(Change::Changed(&bad), false, at(720))), ["desk changed", "noc changed"]);
        assert_eq!(told(&policy.decide(Change::Changed(&mild), false, at(780))), ["desk unstable", "noc unstable"]);
        assert!(told(&policy.tick(false, at(800))).is_empty(), "once");
        // Who sees to it now sees to all of it.
        policy.acknowledge("internet-1", at(810)).unwrap();
        let rest =
            (0..200).map(|minute| told(&policy.tick(false, at(840 + minute * 60)))).find(|told| !told.is_empty());
        assert_eq!(rest.unwrap(), ["desk changed", "noc changed"]);
        assert!(policy.handling().incidents["internet-1"].acknowledged_at.is_some());
    }

    #[test]
    fn who_heard_of_the_worst_before_it_went_to_and_fro_hears_that_it_does() {
        let mut policy = Policy::new(house(""), Left::default());
        let bad = incident(Verdict::NotReady, &[&DOWN]);
        assert_eq!(told(&policy.decide(Change::Opened(&bad), false, at(0))), ["desk opened", "noc opened"]);
        let mut all = Decided::default();
        for minute in 1..12 {
            let verdict = if minute % 2 == 0 { Verdict::Degraded } else { Verdict::Unknown };
            let now = Incident { worst: Verdict::NotReady, ..incident(verdict, &[&LOSS]) };
            all.notifications.extend(policy.decide(Change::Changed(&now), false, at(minute * 60)).notifications);
        }
        assert_eq!(told(&all), ["desk unstable", "noc unstable"]);
        assert!(all.notifications[1].payload.contains("cannot be seen again and again"), "it failed once");
    }

    #[test]
    fn who_heard_that_what_is_worse_is_over_hears_once_that_the_rest_goes_to_and_fro() {
        let mut policy = Policy::new(house(""), Left::default());
        let mut all = Vec::new();
        for time in 0..60 {
            // A minute bad and a minute good, each an incident of its own; one of them is worse.
            let verdict = if time == 3 { Verdict::NotReady } else { Verdict::Degraded };
            let bad = Incident { id: format!("internet-{time}"), ..incident(verdict, &[&LOSS]) };
            all.extend(told(&policy.decide(Change::Opened(&bad), false, at(time * 120))));
            let over = Incident { verdict: Verdict::Ready, ..bad };
            all.extend(told(&policy.decide(Change::Closed(&over), false, at(time * 120 + 60))));
        }
        all.retain(|line| line.starts_with("desk"));
        let twice = ["desk opened", "desk closed"].repeat(2);
        let expected =
            [&twice[..], &["desk opened", "desk unstable", "desk opened", "desk closed", "desk unstable"]].concat();
        assert_eq!(all, expected);
    }

    #[test]
    fn whoever_is_owed_how_it_came_to_rest_is_told_where_nobody_knows_any_more_that_it_flapped() {
        let mut policy = Policy::new(house(""), Left::default());
        super::super::tests::to_and_fro(&mut policy, 10);
        policy.flaps.clear();
        assert!(policy.next_look().is_some());
        assert!(told(&policy.tick(true, at(1300))).is_empty());
        assert_eq!(told(&policy.tick(false, at(1300))), ["desk closed", "noc closed"]);
        assert_eq!(policy.next_look(), None);
    }

    #[test]
    fn who_heard_of_a_fault_that_is_worse_does_not_hear_it_again_when_the_rest_comes_to_rest() {
        let mut policy = Policy::new(house(""), Left::default());
        for time in 0..8 {
            let blind = Incident { id: format!("internet-{time}"), ..incident(Verdict::Unknown, &[&LOSS]) };
            policy.decide(Change::Opened(&blind), false, at(time * 120));
            policy.decide(Change::Closed(&Incident { verdict: Verdict::Ready, ..blind }), false, at(time * 120 + 30));
        }
        let down = Incident { id: "internet-9".to_owned(), ..incident(Verdict::NotReady, &[&DOWN]) };
        assert_eq!(told(&policy.decide(Change::Opened(&down), false, at(1000))), ["desk opened", "noc opened"]);
        policy.acknowledge("internet-9", at(1010)).unwrap();
        let later = (0..100).flat_map(|look| told(&policy.tick(false, at(1020 + look * 20))));
        assert_eq!(later.collect::<Vec<_>>(), [""; 0]);
        assert!(!policy.flaps[&Component::Internet].is_flapping());
        let over = Incident { verdict: Verdict::Ready, ..down };
        assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(3100))), ["desk closed", "noc closed"]);
    }
}
