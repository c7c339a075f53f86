//! To whom a route leads an incident, to whom it goes because nobody sees to it, and what is said again.

use std::sync::Arc;

use jiff::Timestamp;

use super::flap::Flap;
use super::state::{News, Open, State, Told};
use super::{Decided, Event, House, Incident, Policy, Withheld, elapsed};
use crate::notify::routes::Route;

/// So often what ends by itself is told again before it does: a receiver that is away for long misses some.
const REFRESHED: u32 = 4;

impl Policy {
    /// Whether a route leads an incident to a receiver now, by itself.
    pub(super) fn is_led(&self, receiver: &Arc<str>, incident: &Incident, at: Timestamp) -> bool {
        let House { routes, .. } = &self.house;
        let leads = |route: &Route| route.receivers.contains(receiver) && route.fits(incident, self.when(at));
        routes.is_empty() || routes.iter().any(leads)
    }

    /// The same, or because nobody sees to it of those to whom a route leads it and who have heard of it.
    pub(super) fn is_for(&self, receiver: &Arc<str>, incident: &Incident, state: &State, at: Timestamp) -> bool {
        let House { routes, .. } = &self.house;
        let is_seen_to = state.acknowledged_at.is_some();
        let escalates = |route: &Route| {
            let after = route.escalate_after.filter(|_| !is_seen_to && route.escalate_to.contains(receiver));
            let told = state.first_told(&route.receivers);
            after.zip(told).is_some_and(|(after, told)| elapsed(told, at) >= after.0)
        };
        self.is_led(receiver, incident, at)
            || routes.iter().any(|route| route.fits(incident, self.when(at)) && escalates(route))
    }

    /// Says again what nobody sees to.
    pub(super) fn remind(&mut self, id: &str, settling: bool, at: Timestamp, decided: &mut Decided) {
        let Some(open) = self.open.get(id) else { return };
        if open.state.acknowledged_at.is_some() || self.keeps_quiet(&open.incident, settling, at).is_some() {
            return;
        }
        let (incident, mut state) = (open.incident.clone(), open.state.clone());
        let due = |receiver: &Arc<str>, told: &Told| {
            let routes = self.house.routes.iter().filter(|route| route.fits(&incident, self.when(at)));
            let every = routes
                .filter(|route| route.names().any(|name| name == receiver))
                .filter_map(|route| route.remind_every);
            every.min().is_some_and(|every| elapsed(told.at, at) >= every.0)
        };
        let due: Vec<_> =
            state.told.iter().filter(|(name, told)| due(name, told)).map(|(name, _)| Arc::clone(name)).collect();
        for receiver in due {
            self.tell(&receiver, Event::Reminder, &incident, at, decided);
            if let Some(told) = state.told.get_mut(&receiver) {
                told.at = at;
            }
        }
        self.keep(id, state, decided);
    }

    /// Tells it again where what was told would end by itself while it is still so, whoever sees to it. In a silence or a window that is
    /// what was told last: what has become of it meanwhile is still to be told when that has ended.
    pub(super) fn refresh(&mut self, id: &str, settling: bool, at: Timestamp, decided: &mut Decided) {
        let Some(open) = self.open.get(id).filter(|open| !settling && !open.incident.settling) else { return };
        let (incident, mut state) = (open.incident.clone(), open.state.clone());
        let quiet = self.keeps_quiet(&incident, settling, at);
        for (receiver, stands_for) in self.house.stands_for.clone() {
            let ends_soon = |told: &&mut Told| elapsed(told.at, at) >= stands_for / REFRESHED;
            let Some(told) = state.told.get_mut(&receiver).filter(ends_soon) else { continue };
            if matches!(quiet, None | Some(Withheld::Flapping)) {
                let news = if quiet.is_none() {
                    self.tell(&receiver, Event::Changed, &incident, at, decided);
                    News::of(&incident)
                } else {
                    self.say_unstable(&receiver, &incident, at, decided);
                    News::well()
                };
                state.tell(receiver, news, at);
            } else {
                told.at = at;
                let worst = self.flaps.get(&incident.component).and_then(Flap::worst);
                let as_told = told.news.as_told(&incident, worst);
                if told.news == News::well() {
                    // Of what went to and fro the rest is still to be told.
                    self.say_unstable(&receiver, &as_told, at, decided);
                } else {
                    self.tell(&receiver, Event::Changed, &as_told, at, decided);
                }
            }
        }
        self.keep(id, state, decided);
    }

    /// The same of what goes to and fro by one incident after the other: whoever heard so heard it of one that has closed.
    pub(super) fn refresh_closed(&mut self, settling: bool, at: Timestamp, decided: &mut Decided) {
        let all: Vec<_> = self.closed.iter().filter(|_| !settling).map(|(of, closed)| (*of, closed.clone())).collect();
        for (component, mut closed) in all {
            let before = closed.state.clone();
            for (receiver, stands_for) in self.house.stands_for.clone() {
                let is_told =
                    |open: &Open| open.incident.component == component && open.state.told.contains_key(&receiver);
                let told = closed.state.told.get_mut(&receiver).filter(|_| !self.open.values().any(is_told));
                if let Some(told) = told.filter(|told| elapsed(told.at, at) >= stands_for / REFRESHED) {
                    told.at = at;
                    self.say_unstable(&receiver, &closed.incident, at, decided);
                }
            }
            if closed.state != before {
                decided.keep(&closed.incident.id, Some(closed.state.json()));
                self.closed.insert(component, closed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::tests::{DOWN, LOSS, at, house, incident, told};
    use super::*;
    use crate::domain::Verdict;
    use crate::notify::policy::{Change, Left};

    const CONFIG: &str = "[[route]]\nreceivers = ['desk']\nhours = '07:00-17:00'\nescalate_after = '10m'\n\
                          escalate_to = ['noc']";
    const MORNING: i64 = 7 * 3600;

    fn bad() -> Incident {
        Incident { opened_at: at(2 * 3600), ..incident(Verdict::NotReady, &[&DOWN]) }
    }

    /// A process that takes over.
    fn after(kept: HashMap<String, String>) -> Policy {
        Policy::new(house(CONFIG), Left { open: vec![bad()], kept, ..Left::default() })
    }

    #[test]
    fn whoever_hears_of_it_in_the_morning_has_the_time_to_see_to_it_that_the_route_gives() {
        let mut policy = Policy::new(house(CONFIG), Left::default());
        // In whatever order the config names them.
        policy.house.receivers.reverse();
        assert!(told(&policy.decide(Change::Opened(&bad()), false, at(2 * 3600))).is_empty(), "it is night");
        let morning = policy.tick(false, at(MORNING));
        assert_eq!(told(&morning), ["desk opened"]);
        assert!(told(&policy.tick(false, at(MORNING + 599))).is_empty());
        assert_eq!(told(&policy.tick(false, at(MORNING + 600))), ["noc opened"]);

        // Over a restart too.
        let kept: HashMap<_, _> = morning.kept.into_iter().map(|(id, state)| (id, state.unwrap())).collect();
        let mut again = after(kept.clone());
        assert!(told(&again.tick(false, at(MORNING + 599))).is_empty());
        assert_eq!(told(&again.tick(false, at(MORNING + 600))), ["noc opened"]);

        // An older version kept it of the first of them alone, and one before it not at all: since it began, then.
        for (first, said) in [(Some(at(MORNING)), [].as_slice()), (None, ["noc opened"].as_slice())] {
            let older = kept.iter().map(|(id, state)| {
                let mut state: serde_json::Value = serde_json::from_str(state).unwrap();
                let all = state.as_object_mut().unwrap();
                assert!(all.remove("first_told").is_some());
                all.insert("first_told_at".to_owned(), serde_json::json!(first));
                (id.clone(), state.to_string())
            });
            assert_eq!(told(&after(older.collect()).tick(false, at(MORNING + 20))), said, "{first:?}");
        }
    }

    #[test]
    fn whom_another_route_told_before_is_not_waited_for() {
        let config = format!("{CONFIG}\n[[route]]\nreceivers = ['screen']");
        let mut policy = Policy::new(house(&config), Left::default());
        policy.house.receivers.push(("screen".into(), crate::domain::Lang::Id));
        assert_eq!(told(&policy.decide(Change::Opened(&bad()), false, at(2 * 3600))), ["screen opened"]);
        let morning = policy.tick(false, at(MORNING));
        assert_eq!(told(&morning), ["desk opened"], "who is to see to it has just heard of it");
        assert!(told(&policy.tick(false, at(MORNING + 599))).is_empty());
        assert_eq!(told(&policy.tick(false, at(MORNING + 600))), ["noc opened"]);
    }

    #[test]
    fn what_would_end_by_itself_is_told_again_before_it_does_whoever_sees_to_it() {
        let week = 7 * 86_400;
        let stands_for = [("noc".into(), std::time::Duration::from_hours(7 * 24))].into();
        let mut policy = Policy::new(House { stands_for, ..house("") }, Left::default());
        assert_eq!(told(&policy.decide(Change::Opened(&bad()), false, at(0))), ["desk opened", "noc opened"]);
        policy.acknowledge("internet-1", at(60)).unwrap();
        assert!(told(&policy.tick(false, at(week / 4 - 1))).is_empty());
        assert!(told(&policy.tick(true, at(week / 4))).is_empty(), "nobody knows yet how it is");
        assert_eq!(told(&policy.tick(false, at(week / 4))), ["noc changed"]);
        assert!(told(&policy.tick(false, at(week / 2 - 1))).is_empty());
        assert_eq!(told(&policy.tick(false, at(week / 2))), ["noc changed"]);
        let over = Incident { verdict: Verdict::Ready, ..bad() };
        assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(week))), ["desk closed", "noc closed"]);
        assert!(told(&policy.tick(false, at(2 * week))).is_empty());
    }

    #[test]
    fn what_is_told_again_in_a_silence_is_what_was_told_and_what_it_has_become_is_told_after_it() {
        let day = 86_400;
        let stands_for: std::collections::BTreeMap<Arc<str>, _> =
            [("desk".into(), std::time::Duration::from_hours(24))].into();
        let escalates = "[[route]]\nreceivers = ['desk']\nescalate_after = '10m'\nescalate_to = ['noc']";
        // A window of half a day, and a silence as long.
        let window =
            format!("{escalates}\n[[maintenance]]\nname = 'x'\nfrom = '1970-01-01T00:05'\nuntil = '1970-01-01T12:00'");
        for config in [escalates, &window] {
            let mut policy = Policy::new(House { stands_for: stands_for.clone(), ..house(config) }, Left::default());
            let mild = incident(Verdict::Degraded, &[&LOSS]);
            assert_eq!(told(&policy.decide(Change::Opened(&mild), false, at(0))), ["desk opened"]);
            assert_eq!(told(&policy.acknowledge("internet-1", at(60)).unwrap()), ["desk acknowledged"]);
            if config == escalates {
                let (id, component, reason) = ("s".into(), None, "kabel diganti".to_owned());
                policy.silence(crate::domain::Silence { id, component, reason, from: at(300), until: at(day / 2) });
            }
            let worse = incident(Verdict::NotReady, &[&DOWN, &LOSS]);
            assert!(told(&policy.decide(Change::Changed(&worse), false, at(3600))).is_empty());
            let again = policy.tick(false, at(day / 4));
            assert_eq!(told(&again), ["desk changed"]);
            let document: serde_json::Value = serde_json::from_str(&again.notifications[0].payload).unwrap();
            let incident = &document["incident"];
            assert_eq!((&incident["verdict"], &incident["worst"]), (&"degraded".into(), &"degraded".into()));
            let reasons = incident["reasons"].as_array().unwrap();
            assert_eq!(reasons.iter().map(|reason| &reason["code"]).collect::<Vec<_>>(), [LOSS.code]);

            // It was not told, and is when it may be; and nobody sees to that.
            assert_eq!(told(&policy.tick(false, at(day / 2))), ["desk changed"], "{config}");
            assert!(told(&policy.tick(false, at(day / 2 + 599))).is_empty());
            assert_eq!(told(&policy.tick(false, at(day / 2 + 600))), ["noc opened"]);
        }
    }

    #[test]
    fn what_goes_to_and_fro_by_one_incident_after_the_other_is_told_again_too() {
        let stands_for = [("desk".into(), std::time::Duration::from_hours(1))].into();
        let mut policy = Policy::new(House { stands_for, ..house("") }, Left::default());
        let all = super::super::tests::to_and_fro(&mut policy, 40);
        // Each quarter of an hour of the 75 minutes for which it goes to and fro.
        assert_eq!(all.iter().filter(|line| *line == "desk unstable").count(), 5, "{all:?}");
    }

    #[test]
    fn what_is_told_again_in_a_silence_of_what_went_to_and_fro_is_that_it_does() {
        let stands_for = [("desk".into(), std::time::Duration::from_hours(24))].into();
        let mut policy = Policy::new(House { stands_for, ..house("") }, Left::default());
        for minute in 0..=10 {
            let now = incident(if minute % 2 == 0 { Verdict::NotReady } else { Verdict::Degraded }, &[&DOWN]);
            policy.decide(
                if minute == 0 { Change::Opened(&now) } else { Change::Changed(&now) },
                false,
                at(minute * 60),
            );
        }
        let (id, component, reason) = ("s".into(), None, "kabel diganti".to_owned());
        policy.silence(crate::domain::Silence { id, component, reason, from: at(600), until: at(86_400) });
        // It comes to rest in it, and of that nobody hears yet.
        for hour in 1..6 {
            assert!(told(&policy.tick(false, at(hour * 3600))).is_empty());
        }
        assert_eq!(told(&policy.tick(false, at(7 * 3600))), ["desk unstable"]);
        assert_eq!(told(&policy.tick(false, at(86_400))), ["desk changed", "noc changed"]);
    }

    #[test]
    fn what_is_told_again_in_a_silence_of_what_goes_to_and_fro_is_no_worse_than_that() {
        let stands_for = [("desk".into(), std::time::Duration::from_mins(20))].into();
        let mut policy = Policy::new(House { stands_for, ..house("") }, Left::default());
        for minute in 0..=10 {
            let now = incident(if minute % 2 == 0 { Verdict::Degraded } else { Verdict::Unknown }, &[&LOSS]);
            let change = if minute == 0 { Change::Opened(&now) } else { Change::Changed(&now) };
            policy.decide(change, false, at(minute * 60));
        }
        assert_eq!(told(&policy.tick(false, at(670))), ["desk unstable"]);
        let (id, component, reason) = ("s".into(), None, "kabel diganti".to_owned());
        policy.silence(crate::domain::Silence { id, component, reason, from: at(680), until: at(86_400) });
        let worse = incident(Verdict::NotReady, &[&DOWN, &LOSS]);
        assert!(told(&policy.decide(Change::Changed(&worse), false, at(690))).is_empty());
        let again = policy.tick(false, at(970));
        assert_eq!(told(&again), ["desk unstable"]);
        let document: serde_json::Value = serde_json::from_str(&again.notifications[0].payload).unwrap();
        let incident = &document["incident"];
        assert_eq!((&incident["verdict"], &incident["worst"]), (&"unknown".into(), &"unknown".into()));
        assert_eq!(incident["reasons"], serde_json::json!([]), "what has come since is told after it");
    }

    #[test]
    fn a_clock_that_is_set_back_puts_it_off_by_no_more_than_had_passed() {
        let mut policy = after(HashMap::new());
        let told_at = MORNING + 86_400;
        policy.open.values_mut().for_each(|open| open.state = State::default());
        assert_eq!(told(&policy.tick(false, at(told_at))), ["desk opened"]);
        assert!(told(&policy.tick(false, at(MORNING))).is_empty());
        assert_eq!(told(&policy.tick(false, at(MORNING + 600))), ["noc opened"]);
    }
}
