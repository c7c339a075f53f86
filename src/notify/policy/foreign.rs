//! Alerts of other systems: told once when they begin and once when they end, however often they are sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Decided, Event, Notification, Policy, Withheld, elapsed};
use crate::domain::{ForeignAlert, TakenAlerts};
use crate::notify::payload::{Addressed, Letter};

/// Before the id under which one is kept; no incident's id begins so.
const KEY: &str = "alert-";

/// One that has ended is remembered so long: whoever sends it again by mistake is not heard twice.
const REMEMBERED: Duration = Duration::from_hours(24);

/// One of whose end nobody tells is taken to be over there when it was not sent again for so long (its sender is gone, or has
/// regrouped its alerts), so that it keeps no other from being told: it counts as open no more …
const UNHEARD: Duration = Duration::from_hours(7 * 24);

/// … and is forgotten after so long. Until then its end is told if it comes.
const FORGOTTEN: Duration = Duration::from_hours(31 * 24);

/// That it was sent again is noted no more often than this.
const NOTED: Duration = Duration::from_hours(1);

/// So many that have ended are remembered; then the oldest are forgotten.
const MOST_ENDED: usize = 200;

/// One that is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    alert: ForeignAlert,
    /// When it was heard of last.
    at: Timestamp,
    /// Who was told because a radio did not say it.
    #[serde(default)]
    instead: BTreeSet<Arc<str>>,
}

impl Known {
    /// Whether it goes on, as far as is heard.
    fn is_heard_of(&self, at: Timestamp) -> bool {
        self.alert.ended_at.is_none() && elapsed(self.at, at) <= UNHEARD
    }
}

impl Policy {
    /// Takes what another system sends.
    pub fn take_alerts(&mut self, alerts: Vec<ForeignAlert>, at: Timestamp) -> (TakenAlerts, Decided) {
        let (mut taken, mut decided) = (TakenAlerts::default(), Decided::default());
        let Some(inbound) = self.house.inbound.clone() else { return (taken, decided) };
        self.forget_alerts(at, &mut decided);
        for alert in alerts {
            let known = self.alerts.get(&alert.id);
            let instead = known.map(|known| known.instead.clone()).unwrap_or_default();
            let open = self.alerts.values().filter(|known| known.is_heard_of(at)).count();
            let event = match (known.map(|known| known.alert.ended_at.is_some()), alert.ended_at.is_some()) {
                (None, false) if !inbound.severities.contains(&alert.severity) => {
                    decided.withheld.insert(Withheld::NoRoute);
                    taken.known += 1;
                    continue;
                }
                (None, false) if open >= inbound.most => {
                    taken.refused += 1;
                    continue;
                }
                (None, false) => Event::AlertBegan,
                (Some(false), true) => Event::AlertEnded,
                (Some(false), false) => {
                    self.heard_again(&alert.id, at, &mut decided);
                    taken.known += 1;
                    continue;
                }
                // Sent again, or over before anybody heard of it.
                _ => {
                    taken.known += 1;
                    continue;
                }
            };
            // A beginning is silenced with everything else; an end never is.
            let silenced = event == Event::AlertBegan && self.silences(at).any(|silence| silence.component.is_none());
            if silenced {
                decided.withheld.insert(Withheld::Silenced);
            } else {
                let all =
                    inbound.receivers.iter().chain(&instead).filter_map(|name| self.alert_for(name, event, &alert, at));
                decided.notifications.extend(all);
            }
            if event == Event::AlertBegan {
                taken.begun += 1;
            } else {
                taken.ended += 1;
            }
            let known = Known { alert, at, instead };
            decided.kept.push((key(&known.alert.id), serde_json::to_string(&known).ok()));
            self.alerts.insert(known.alert.id.clone(), known);
        }
        (taken, decided)
    }

    /// Tells its beginning to `others`, who have not heard of it, unless it has ended.
    pub(super) fn tell_alert_instead(&mut self, id: &str, others: &[Arc<str>], at: Timestamp, decided: &mut Decided) {
        let silenced = self.silences(at).any(|silence| silence.component.is_none());
        let Some(known) = self.alerts.get(id).filter(|known| known.alert.ended_at.is_none() && !silenced) else {
            return;
        };
        let heard = self.house.inbound.as_ref().map(|inbound| &inbound.receivers);
        let has_heard =
            |other: &Arc<str>| known.instead.contains(other) || heard.is_some_and(|all| all.contains(other));
        let news: Vec<Arc<str>> = others.iter().filter(|other| !has_heard(other)).cloned().collect();
        if news.is_empty() {
            return;
        }
        let all = news.iter().filter_map(|name| self.alert_for(name, Event::AlertBegan, &known.alert, at));
        decided.notifications.extend(all);
        let known = Known { instead: known.instead.iter().cloned().chain(news).collect(), ..known.clone() };
        decided.kept.push((key(id), serde_json::to_string(&known).ok()));
        self.alerts.insert(id.to_owned(), known);
    }

    fn alert_for(&self, name: &str, event: Event, alert: &ForeignAlert, at: Timestamp) -> Option<Notification> {
        let (receiver, lang) = self.house.receivers.iter().find(|(known, _)| **known == *name)?;
        let about = key(&alert.id);
        // The same for ever, so that a restart between two messages tells it once.
        let id = format!("{about}.{}.{receiver}", event.as_str());
        let room = Addressed { name: &self.house.room.name, title: &self.house.room.title };
        let zone = &self.house.zone;
        let letter = Letter { id: &id, event, room, at, zone, lang: *lang, incident: None, alert: Some(alert) };
        Some(Notification {
            payload: letter.json().into(),
            key: id.into(),
            receiver: Arc::clone(receiver),
            incident: Some(about),
            created_at: at,
            attempts: 0,
            next_attempt_at: at,
        })
    }

    /// One that is open is sent again: whoever sends it still has it.
    fn heard_again(&mut self, id: &str, at: Timestamp, decided: &mut Decided) {
        if let Some(known) = self.alerts.get_mut(id).filter(|known| elapsed(known.at, at) >= NOTED) {
            known.at = at;
            decided.kept.push((key(id), serde_json::to_string(known).ok()));
        }
    }

    fn forget_alerts(&mut self, at: Timestamp, decided: &mut Decided) {
        let mut ended: Vec<_> = self.alerts.values().filter(|known| known.alert.ended_at.is_some()).collect();
        ended.sort_by_key(|known| known.at);
        let surplus = ended.len().saturating_sub(MOST_ENDED);
        let old = |known: &Known| elapsed(known.at, at) > REMEMBERED;
        let gone = ended.into_iter().enumerate().filter(|(place, known)| *place < surplus || old(known));
        let open = self.alerts.values().filter(|known| known.alert.ended_at.is_none());
        let unheard = open.filter(|known| elapsed(known.at, at) > FORGOTTEN);
        let gone: Vec<_> = gone.map(|(_, known)| known).chain(unheard).map(|known| known.alert.id.clone()).collect();
        for id in gone {
            self.alerts.remove(&id);
            decided.kept.push((key(&id), None));
        }
    }
}

fn key(id: &str) -> String {
    format!("{KEY}{id}")
}

/// The id of the alert that is kept under `key`; none if that is an incident's.
pub(super) fn id_of(key: &str) -> Option<&str> {
    key.strip_prefix(KEY)
}

/// Those that an earlier process knew.
pub(super) fn known(kept: &HashMap<String, String>) -> BTreeMap<String, Known> {
    let all = kept.iter().filter(|(key, _)| key.starts_with(KEY));
    let all = all.filter_map(|(_, state)| serde_json::from_str::<Known>(state).ok());
    all.map(|known| (known.alert.id.clone(), known)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, house, told};
    use super::*;
    use crate::notify::policy::{House, Left, Unsaid};

    const CONFIG: &str = "[inbound]\nreceivers = ['desk']\nsecret_file = '/x'\nseverities = ['critical']\nmost = 2";

    fn alert(id: &str, severity: &str, ended: bool) -> ForeignAlert {
        ForeignAlert {
            id: id.to_owned(),
            name: "SuhuTinggi".to_owned(),
            severity: severity.to_owned(),
            text: "suhu ruang server tinggi".to_owned(),
            since: at(0),
            ended_at: ended.then(|| at(50)),
        }
    }

    fn take(policy: &mut Policy, alerts: &[ForeignAlert], second: i64) -> (TakenAlerts, Vec<String>, Decided) {
        let (taken, decided) = policy.take_alerts(alerts.to_vec(), at(second));
        (taken, told(&decided), decided)
    }

    #[test]
    fn each_is_told_once_and_its_end_once_over_restarts_and_others_not_at_all() {
        let mut policy = Policy::new(house(CONFIG), Left::default());
        let (hot, mild) = (alert("a", "critical", false), alert("b", "info", false));
        let (taken, said, decided) = take(&mut policy, &[hot.clone(), hot.clone(), mild], 10);
        assert_eq!(
            (taken, said),
            (TakenAlerts { begun: 1, known: 2, ..Default::default() }, vec!["desk alert_began".into()])
        );
        let payload = &decided.notifications[0].payload;
        assert!(payload.contains("suhu ruang server tinggi") && payload.contains("pukul 00.00"), "{payload}");

        let kept = decided.kept.into_iter().map(|(key, state)| (key, state.unwrap())).collect();
        let mut after = Policy::new(house(CONFIG), Left { kept, ..Left::default() });
        assert_eq!(take(&mut after, std::slice::from_ref(&hot), 20).0.known, 1);
        let over = alert("a", "critical", true);
        assert_eq!(take(&mut after, std::slice::from_ref(&over), 60).1, ["desk alert_ended"]);
        assert_eq!(
            take(&mut after, &[over, hot, alert("c", "critical", true)], 61).0.known,
            3,
            "late, and never heard of"
        );
        assert_eq!(take(&mut after, &[], 60 + 86_401).2.kept, [("alert-a".to_owned(), None)]);
    }

    #[test]
    fn a_storm_is_bounded_and_a_silence_keeps_back_no_end() {
        let mut policy = Policy::new(house(CONFIG), Left::default());
        let storm: Vec<_> = (0..9).map(|one| alert(&one.to_string(), "critical", false)).collect();
        let (taken, said, _) = take(&mut policy, &storm, 0);
        assert_eq!((taken.begun, taken.refused, said.len()), (2, 7, 2));
        assert_eq!(take(&mut policy, &[alert("0", "critical", true)], 1).0.ended, 1);
        assert_eq!(take(&mut policy, &storm[8..], 2).0.begun, 1, "there is room again");
        policy.silence(crate::domain::Silence {
            id: "s".into(),
            component: None,
            reason: "x".into(),
            from: at(0),
            until: at(100),
        });
        assert_eq!(take(&mut policy, &[alert("1", "critical", true)], 3).1, ["desk alert_ended"]);
        let (_, said, decided) = take(&mut policy, &[alert("z", "critical", false)], 4);
        assert_eq!((said, decided.withheld), (vec![], [Withheld::Silenced].into()));
    }

    #[test]
    fn those_of_which_nothing_is_heard_any_more_keep_no_other_out() {
        const DAY: i64 = 86_400;
        let mut policy = Policy::new(house(CONFIG), Left::default());
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|id| alert(id, "critical", false));
        assert_eq!(take(&mut policy, &[a.clone(), b.clone(), c.clone()], 0).0.refused, 1);
        // The one is sent again each day, the other never.
        for day in 1..=8 {
            let (taken, _, decided) = take(&mut policy, std::slice::from_ref(&a), day * DAY);
            assert_eq!((taken.known, decided.kept.len()), (1, 1), "noted, so that a restart knows it");
            let (taken, _, decided) = take(&mut policy, std::slice::from_ref(&a), day * DAY + 60);
            assert_eq!((taken.known, decided.kept.len()), (1, 0));
        }
        assert_eq!(
            take(&mut policy, &[c, d], 8 * DAY + 60).0,
            TakenAlerts { begun: 1, refused: 1, ..Default::default() }
        );
        assert_eq!(
            take(&mut policy, &[alert("b", "critical", true)], 9 * DAY).1,
            ["desk alert_ended"],
            "it came after all"
        );
        let kept = take(&mut policy, &[], 60 * DAY).2.kept;
        assert!(kept.iter().any(|row| *row == ("alert-a".to_owned(), None)), "{kept:?}");
    }

    #[test]
    fn what_a_radio_did_not_say_is_told_others_once_and_its_end_too() {
        let instead = [("desk".into(), vec!["noc".into()])].into();
        let house = House { instead, ..house(CONFIG) };
        let unsaid = Unsaid { receiver: "desk".into(), incident: "alert-a".to_owned() };
        let mut policy = Policy::new(house.clone(), Left::default());
        assert_eq!(policy.tell_instead(&unsaid, at(5)), Decided::default(), "nobody knows of it");
        take(&mut policy, &[alert("a", "critical", false)], 10);
        let decided = policy.tell_instead(&unsaid, at(70));
        assert_eq!(told(&decided), ["noc alert_began"]);
        let kept = decided.kept.into_iter().map(|(key, state)| (key, state.unwrap())).collect();
        let mut after = Policy::new(house, Left { kept, ..Left::default() });
        assert_eq!(after.tell_instead(&unsaid, at(130)), Decided::default());
        let over = alert("a", "critical", true);
        assert_eq!(take(&mut after, &[over], 140).1, ["desk alert_ended", "noc alert_ended"]);
        assert_eq!(after.tell_instead(&unsaid, at(200)), Decided::default());
    }
}
