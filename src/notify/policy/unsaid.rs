//! What could not be said on the radio's channel is told to others in writing.

use std::sync::Arc;

use jiff::Timestamp;

use super::state::News;
use super::{Decided, Event, Policy, foreign};

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
        let Some(open) = self.open.get(&unsaid.incident) else { return decided };
        let (incident, mut state) = (open.incident.clone(), open.state.clone());
        if state.acknowledged_at.is_some() || self.keeps_quiet(&incident, false, at).is_some() {
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
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DOWN, at, house, incident, told};
    use super::*;
    use crate::domain::{Incident, Silence, Verdict};
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
    fn what_is_silenced_or_seen_to_meanwhile_or_another_receivers_is_not() {
        let bad = incident(Verdict::NotReady, &[&DOWN]);
        let mut silenced = policy("");
        silenced.decide(Change::Opened(&bad), false, at(0));
        let mut seen_to = silenced.clone();
        let silence = Silence { id: "s".into(), component: None, reason: "x".into(), from: at(0), until: at(100) };
        silenced.silence(silence);
        assert_eq!(silenced.tell_instead(&unsaid("internet-1"), at(60)), Decided::default());
        assert_eq!(told(&silenced.tell_instead(&unsaid("internet-1"), at(101))), ["noc opened"]);
        let other = Unsaid { receiver: "noc".into(), incident: "internet-1".to_owned() };
        assert_eq!(seen_to.tell_instead(&other, at(60)), Decided::default());
        seen_to.acknowledge("internet-1", at(61)).unwrap();
        assert_eq!(seen_to.tell_instead(&unsaid("internet-1"), at(62)), Decided::default());
    }
}
