//! What could not be said on the radio's channel is told to others in writing.

use std::sync::Arc;

use jiff::Timestamp;

use super::flap::Flap;
use super::state::{News, Open, State};
use super::{Decided, Event, Policy, Withheld, foreign};
use crate::domain::Incident;

/// A notification that a radio did not say in its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaid {
    /// Which radio's.
    pub receiver: Arc<str>,
    /// Of which incident, or of which alert of another system.
    pub incident: String,
}

impl Policy {
    /// Tells the others what a radio did not say: once, and from then on as whoever heard of it. What is over, seen to, silenced
    /// or under maintenance meanwhile is not told.
    pub fn tell_instead(&mut self, unsaid: &Unsaid, at: Timestamp) -> Decided {
        let mut decided = Decided::default();
        let mut others = self.house.instead.get(&unsaid.receiver).cloned().unwrap_or_default();
        if let Some(alert) = foreign::id_of(&unsaid.incident) {
            self.tell_alert_instead(alert, &others, at, &mut decided);
            return decided;
        }
        // Of a component that goes to and fro it is mostly an end by which that was seen, and another one may have come and gone since: an
        // incident's id begins with its component.
        let flaps = |one: &&Open| {
            let component = one.incident.component;
            let is_it = unsaid.incident.strip_prefix(component.as_str()).is_some_and(|rest| rest.starts_with('-'));
            is_it && !one.incident.is_drill() && self.flaps.get(&component).is_some_and(Flap::is_flapping)
        };
        let newest = || self.open.values().chain(self.closed.values()).find(flaps);
        let Some(found) = self.open.get(&unsaid.incident).or_else(newest) else { return decided };
        let (incident, mut state) = (found.incident.clone(), found.state.clone());
        let quiet = self.keeps_quiet(&incident, false, at);
        if state.acknowledged_at.is_none() && quiet == Some(Withheld::Flapping) && !incident.is_drill() {
            self.tell_unstable_instead(&incident, state, &others, at, &mut decided);
            return decided;
        }
        let is_for_later = matches!(quiet, Some(Withheld::Silenced | Withheld::Maintenance));
        // Nor has the radio said that it goes to and fro: after the silence that is told anew, if it still does.
        if is_for_later
            && !incident.is_drill()
            && let Some(flap) = self.flaps.get_mut(&incident.component)
            && flap.heard.remove(&unsaid.receiver)
        {
            self.keep_flap(incident.component, &mut decided);
        }
        if state.acknowledged_at.is_some() || !self.open.contains_key(&unsaid.incident) {
            return decided;
        }
        if quiet.is_some() {
            // After the silence or the window it is told anew: by then nobody may try to say it any more. What was said before that word
            // is not forgotten: who heard it hears the end.
            if is_for_later {
                if let Some(told) = state.told.get_mut(&unsaid.receiver) {
                    told.news = News::well();
                }
                // It may be over before anybody looks again.
                let flap = self.flaps.get(&incident.component);
                state.kept_back |= !incident.is_drill() && flap.is_none_or(|flap| !flap.holds_back(incident.verdict));
                self.keep(&unsaid.incident, state, &mut decided);
            }
            return decided;
        }
        others.retain(|other| !state.told.contains_key(other));
        for other in others {
            self.tell(&other, Event::Opened, &incident, at, &mut decided);
            state.tell(other, News::of(&incident), at);
        }
        self.keep(&unsaid.incident, state, &mut decided);
        decided
    }

    /// The same of a component that goes to and fro, of which nothing else is told until it comes to rest.
    fn tell_unstable_instead(
        &mut self,
        incident: &Incident,
        mut state: State,
        others: &[Arc<str>],
        at: Timestamp,
        decided: &mut Decided,
    ) {
        let component = incident.component;
        let mut heard = self.flaps.get(&component).map(|flap| flap.heard.clone()).unwrap_or_default();
        for other in others {
            if heard.insert(Arc::clone(other)) {
                self.say_unstable(other, incident, at, decided);
                state.tell(Arc::clone(other), News::well(), at);
            }
        }
        if let Some(closed) = self.closed.get_mut(&component).filter(|closed| closed.incident.id == incident.id)
            && closed.state != state
        {
            decided.keep(&incident.id, Some(state.json()));
            closed.state = state;
        } else {
            self.keep(&incident.id, state, decided);
        }
        if let Some(flap) = self.flaps.get_mut(&component).filter(|flap| flap.heard != heard) {
            flap.heard = heard;
            self.keep_flap(component, decided);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DOWN, at, house, incident, to_and_fro, told};
    use super::*;
    use crate::domain::{Component, Silence, Verdict};
    use crate::notify::policy::{Change, House, Left};

    /// A room in which "desk" is a radio that everything leads to, and nothing leads to "noc".
    fn policy(rest: &str) -> Policy {
        let instead = [("desk".into(), vec!["noc".into()])].into();
        let house = House { instead, ..house(&format!("{rest}\n[[route]]\nreceivers = ['desk']")) };
        Policy::new(house, Left::default())
    }

    fn unsaid(incident: &str) -> Unsaid {
        Unsaid { receiver: "desk".into(), incident: incident.to_owned() }
    }

    #[test]
    fn what_the_radio_did_not_say_is_told_once_and_followed_to_its_end() {
        let mut policy = policy("");
        let bad = incident(Verdict::NotReady, &[&DOWN]);
        assert_eq!(told(&policy.decide(Change::Opened(&bad), false, at(0))), ["desk opened"]);
        let first = policy.tell_instead(&unsaid("internet-1"), at(60));
        assert_eq!(told(&first), ["noc opened"]);
        assert_eq!(policy.tell_instead(&unsaid("internet-1"), at(120)), Decided::default(), "each attempt tells so");
        // Over a restart too.
        let kept = first.kept.into_iter().map(|(key, state)| (key, state.unwrap())).collect();
        let house = policy.house.clone();
        let mut after = Policy::new(house, Left { open: vec![bad.clone()], kept, ..Left::default() });
        assert_eq!(after.tell_instead(&unsaid("internet-1"), at(180)), Decided::default());
        let closed = after.decide(Change::Closed(&Incident { verdict: Verdict::Ready, ..bad }), false, at(200));
        assert_eq!(told(&closed), ["desk closed", "noc closed"]);
        assert_eq!(after.tell_instead(&unsaid("internet-1"), at(260)), Decided::default(), "it is over");
    }

    #[test]
    fn that_a_component_goes_to_and_fro_is_told_instead_too_and_in_what_state_it_rests() {
        let mut policy = policy("");
        to_and_fro(&mut policy, 3);
        let mut later = policy.clone();
        assert_eq!(told(&policy.tell_instead(&unsaid("internet-2"), at(370))), ["noc unstable"]);
        // Another one had begun and ended before the channel was free.
        let next = Incident { id: "internet-3".to_owned(), ..incident(Verdict::NotReady, &[&DOWN]) };
        later.decide(Change::Opened(&next), false, at(375));
        later.decide(Change::Closed(&Incident { verdict: Verdict::Ready, ..next }), false, at(380));
        assert_eq!(told(&later.tell_instead(&unsaid("internet-2"), at(390))), ["noc unstable"]);
        assert_eq!(policy.tell_instead(&unsaid("internet-2"), at(380)), Decided::default(), "once");
        let bad = Incident { id: "internet-9".to_owned(), ..incident(Verdict::NotReady, &[&DOWN]) };
        assert!(told(&policy.decide(Change::Opened(&bad), false, at(400))).is_empty());
        let over = Incident { verdict: Verdict::Ready, ..bad };
        assert!(told(&policy.decide(Change::Closed(&over), false, at(430))).is_empty());
        let rest =
            (0..200).map(|minute| told(&policy.tick(false, at(430 + minute * 60)))).find(|told| !told.is_empty());
        assert_eq!(rest.unwrap(), ["desk closed", "noc closed"]);
    }

    #[test]
    fn what_is_silenced_or_seen_to_meanwhile_or_another_receivers_is_not() {
        let bad = incident(Verdict::NotReady, &[&DOWN]);
        let mut silenced = policy("");
        silenced.decide(Change::Opened(&bad), false, at(0));
        let mut seen_to = silenced.clone();
        let silence = Silence { id: "s".into(), component: None, reason: "x".into(), from: at(0), until: at(100) };
        silenced.silence(silence);
        assert!(told(&silenced.tell_instead(&unsaid("internet-1"), at(60))).is_empty());
        assert_eq!(
            told(&silenced.clone().tick(false, at(101))),
            ["desk changed"],
            "that it was not said is not forgotten"
        );
        assert_eq!(told(&silenced.tell_instead(&unsaid("internet-1"), at(101))), ["noc opened"]);
        let other = Unsaid { receiver: "noc".into(), incident: "internet-1".to_owned() };
        assert_eq!(seen_to.tell_instead(&other, at(60)), Decided::default());
        seen_to.acknowledge("internet-1", at(61)).unwrap();
        assert_eq!(seen_to.tell_instead(&unsaid("internet-1"), at(62)), Decided::default());
    }

    #[test]
    fn who_was_told_before_hears_that_it_is_over_though_a_later_word_was_not_said_before_a_silence() {
        let config = "[[route]]\nreceivers = ['noc']\nescalate_after = '5m'\nescalate_to = ['desk']";
        let instead = [("desk".into(), vec!["noc".into()])].into();
        let mut policy = Policy::new(House { instead, ..house(config) }, Left::default());
        let bad = incident(Verdict::NotReady, &[&DOWN]);
        assert_eq!(told(&policy.decide(Change::Opened(&bad), false, at(0))), ["noc opened"]);
        assert_eq!(told(&policy.tick(false, at(300))), ["desk opened"]);
        let silence = Silence { id: "s".into(), component: None, reason: "x".into(), from: at(400), until: at(900) };
        policy.silence(silence);
        assert!(told(&policy.tell_instead(&unsaid("internet-1"), at(410))).is_empty());
        let over = Incident { verdict: Verdict::Ready, ..bad };
        assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(500))), ["desk closed", "noc closed"]);
    }

    #[test]
    fn that_it_goes_to_and_fro_is_told_after_a_silence_where_the_radio_could_not_say_it_before() {
        let mut policy = policy("");
        to_and_fro(&mut policy, 3);
        let heard = policy.flaps[&Component::Internet].heard.clone();
        assert!(heard.contains("desk"), "{heard:?}");
        let silence = Silence { id: "s".into(), component: None, reason: "x".into(), from: at(300), until: at(400) };
        policy.silence(silence);
        let decided = policy.tell_instead(&unsaid("internet-1"), at(310));
        assert!(told(&decided).is_empty() && !decided.kept.is_empty(), "{decided:?}");
        let id = "internet-9".to_owned();
        policy.decide(Change::Opened(&Incident { id, ..incident(Verdict::NotReady, &[&DOWN]) }), false, at(320));
        assert_eq!(told(&policy.tick(false, at(401))), ["desk unstable"]);
    }

    #[test]
    fn the_end_of_a_fault_is_told_in_a_silence_before_which_a_word_of_it_was_not_said_though_something_milder_flaps() {
        let mut policy = policy("");
        policy.decide(Change::Opened(&incident(Verdict::Unknown, &[&DOWN])), false, at(0));
        for minute in 1..8 {
            let verdict = if minute % 2 == 0 { Verdict::Unknown } else { Verdict::Degraded };
            policy.decide(Change::Changed(&incident(verdict, &[&DOWN])), false, at(minute * 60));
        }
        assert!(policy.flaps[&Component::Internet].heard.contains("desk"));
        let bad = Incident { worst: Verdict::NotReady, ..incident(Verdict::NotReady, &[&DOWN]) };
        assert_eq!(told(&policy.decide(Change::Changed(&bad), false, at(480))), ["desk changed"]);
        let silence = Silence { id: "s".into(), component: None, reason: "x".into(), from: at(490), until: at(900) };
        policy.silence(silence);
        assert!(told(&policy.tell_instead(&unsaid("internet-1"), at(500))).is_empty());
        let over = Incident { verdict: Verdict::Ready, ..bad };
        assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(510))), ["desk closed"]);
    }
}
