//! The call of a working morning: all is ready, or what is not.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::state::News;
use super::{Decided, Event, Incident, LOOK, Policy, Withheld};
use crate::notify::roll_call::Due;

/// Under which it is kept of which days the call was made; no incident has such an id.
const KEY: &str = "roll_call";

/// So many dates are remembered: a clock that is set back further does worse things.
const REMEMBERED: usize = 64;

/// At most so many faults are said in one call: the worst first, the rest is on the page.
const FAULTS: usize = 3;

impl Policy {
    /// In how long a call may be due; `None` if the config wants none.
    pub fn roll_call_in(&self, at: Timestamp) -> Option<std::time::Duration> {
        let call = self.house.roll_call.as_ref()?;
        // No further than a moment ahead: a clock may be set.
        Some(match call.due(&self.called, at, &self.house.zone) {
            Due::Not(wait) => wait.unwrap_or(LOOK).min(LOOK),
            Due::Now(_) | Due::Missed(_) => std::time::Duration::from_secs(1),
        })
    }

    /// Makes the call, if one is due. `faults` is what keeps the room from being ready, none where it is; nobody knows it
    /// yet without it. `unusable` are the receivers that cannot say a thing when it is due.
    pub fn call_roll(&mut self, faults: Option<Vec<Incident>>, unusable: &[Arc<str>], at: Timestamp) -> Decided {
        let mut decided = Decided::default();
        let Some(call) = self.house.roll_call.clone() else { return decided };
        let date = match (call.due(&self.called, at, &self.house.zone), faults.is_some()) {
            (Due::Now(date), true) => date,
            (Due::Missed(date), _) => {
                decided.withheld.insert(Withheld::RollCallMissed);
                self.remember(date, &mut decided);
                return decided;
            }
            _ => return decided,
        };
        self.remember(date, &mut decided);
        let faults = faults.unwrap_or_default();
        let (mut loud, ready) = (Vec::new(), faults.is_empty());
        for fault in faults {
            match self.keeps_quiet(&fault, false, at) {
                Some(why) => _ = decided.withheld.insert(why),
                None => loud.push(fault),
            }
        }
        loud.sort_by_key(|fault| (std::cmp::Reverse(fault.verdict), fault.opened_at));
        loud.truncate(FAULTS);
        for receiver in &call.receivers {
            if unusable.contains(receiver) {
                decided.withheld.insert(Withheld::ReceiverFailing);
                continue;
            }
            if ready {
                self.call(receiver, None, at, &mut decided);
            }
            for fault in &loud {
                self.call(receiver, Some(fault), at, &mut decided);
            }
        }
        decided
    }

    fn call(&mut self, receiver: &Arc<str>, fault: Option<&Incident>, at: Timestamp, decided: &mut Decided) {
        let Some(known) = self.house.receivers.iter().find(|(name, _)| name == receiver).cloned() else { return };
        decided.notifications.push(self.notification(&known, Event::RollCall, fault, at));
        // Whoever has heard of it so hears of its end.
        if let Some(open) = fault.and_then(|fault| self.open.get(&fault.id)) {
            let mut state = open.state.clone();
            let (id, news) = (open.incident.id.clone(), News::of(&open.incident));
            state.tell(Arc::clone(receiver), news, at);
            self.keep(&id, state, decided);
        }
    }

    fn remember(&mut self, date: Date, decided: &mut Decided) {
        self.called.push(date);
        let surplus = self.called.len().saturating_sub(REMEMBERED);
        self.called.drain(..surplus);
        decided.kept.push((KEY.to_owned(), serde_json::to_string(&self.called).ok()));
    }
}

/// The dates of the calls that an earlier process made.
pub(super) fn called(kept: &std::collections::HashMap<String, String>) -> Vec<Date> {
    kept.get(KEY).and_then(|dates| serde_json::from_str(dates).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DOWN, at, house, incident, told};
    use super::*;
    use crate::domain::Verdict;
    use crate::notify::policy::{Change, Left};

    const CONFIG: &str = "[roll_call]\nreceivers = ['desk']\nat = '00:10'\ndays = ['thursday', 'friday']\n\
                          [[route]]\nreceivers = ['noc']";

    fn policy() -> Policy {
        Policy::new(house(CONFIG), Left::default())
    }

    #[test]
    fn it_is_made_once_a_day_over_restarts_and_clocks_that_are_set() {
        // 1970-01-01 is a Thursday.
        let mut policy = policy();
        let none = Decided::default();
        assert_eq!(policy.call_roll(Some(vec![]), &[], at(599)), none);
        assert_eq!(policy.call_roll(None, &[], at(600)), none, "nobody knows yet");
        let called = policy.call_roll(Some(vec![]), &[], at(610));
        assert_eq!(told(&called), ["desk roll_call"]);
        assert!(called.notifications[0].payload.contains("ruangan siap (diperiksa pukul 00.10"), "{called:?}");
        assert_eq!(policy.call_roll(Some(vec![]), &[], at(605)), none, "the clock was set back");

        let kept = called.kept.into_iter().map(|(key, state)| (key, state.unwrap())).collect();
        let mut after = Policy::new(house(CONFIG), Left { kept, ..Left::default() });
        assert_eq!(after.call_roll(Some(vec![]), &[], at(620)), none, "the daemon was started again");
        let tomorrow = after.call_roll(Some(vec![]), &[], at(86_400 + 600));
        assert_eq!(told(&tomorrow), ["desk roll_call"]);
        assert_eq!(after.call_roll(Some(vec![]), &[], at(2 * 86_400 + 600)), none, "it is Saturday");
    }

    #[test]
    fn what_is_wrong_is_said_instead_and_its_end_is_told_to_who_heard_of_it_so() {
        let mut policy = policy();
        let bad = incident(Verdict::NotReady, &[&DOWN]);
        assert_eq!(told(&policy.decide(Change::Opened(&bad), false, at(0))), ["noc opened"]);
        let called = policy.call_roll(Some(vec![bad.clone()]), &[], at(600));
        assert_eq!(told(&called), ["desk roll_call"]);
        assert!(!called.notifications[0].payload.contains("ruangan siap"), "{called:?}");
        assert_eq!(called.notifications[0].incident.as_deref(), Some("internet-1"));
        let over = Incident { verdict: Verdict::Ready, ..bad };
        let closed = policy.decide(Change::Closed(&over), false, at(700));
        assert_eq!(told(&closed), ["desk closed", "noc closed"]);
    }

    #[test]
    fn why_nobody_was_called_is_said() {
        let mut policy = policy();
        let why = |decided: Decided| (told(&decided).len(), decided.withheld.into_iter().collect::<Vec<_>>());
        let failing = [Arc::from("desk")];
        assert_eq!(why(policy.call_roll(Some(vec![]), &failing, at(600))), (0, vec![Withheld::ReceiverFailing]));
        assert_eq!(why(policy.call_roll(Some(vec![]), &[], at(86_400 + 1500))), (0, vec![Withheld::RollCallMissed]));
        assert_eq!(why(policy.call_roll(Some(vec![]), &[], at(86_400 + 1501))), (0, vec![]), "said once");
    }
}
