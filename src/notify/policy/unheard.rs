//! What nobody has heard yet is not taken for told, and is told when it may be.

use super::tests::{DOWN, at, house, incident, to_and_fro, told};
use super::*;

/// What a process that takes over finds of it.
fn left(open: &[Incident], decided: Decided) -> Left {
    let kept = decided.kept.into_iter().filter_map(|(key, state)| Some((key, state?))).collect();
    Left { open: open.to_vec(), kept, ..Left::default() }
}

#[test]
fn what_begins_in_the_night_is_told_in_the_morning_by_a_process_that_was_started_meanwhile() {
    let config = "[[route]]\nreceivers = ['desk']\nhours = '07:00-17:00'\n\
                  [[route]]\nreceivers = ['noc']\nverdicts = ['degraded']";
    let bad = Incident { opened_at: at(3600), ..incident(Verdict::NotReady, &[&DOWN]) };
    let mut before = Policy::new(house(config), Left::default());
    let begun = before.decide(Change::Opened(&bad), false, at(3600));
    assert_eq!((told(&begun), begun.withheld.clone()), (vec![], [Withheld::NoRoute].into()));
    let mut after = Policy::new(house(config), left(std::slice::from_ref(&bad), begun));
    let over = Incident { verdict: Verdict::Ready, ..bad };
    let closed = after.clone().decide(Change::Closed(&over), false, at(7200));
    assert_eq!((told(&closed), closed.withheld), (vec![], [Withheld::NoRoute].into()), "as before the restart");
    let morning = 7 * 3600;
    assert!(told(&after.tick(false, at(morning - 1))).is_empty());
    assert_eq!(told(&after.tick(false, at(morning))), ["desk opened"]);
}

#[test]
fn of_what_came_and_went_nothing_is_kept() {
    let mut policy = Policy::new(house(""), Left::default());
    let over = incident(Verdict::Ready, &[]);
    let kept = policy.decide(Change::Closed(&over), false, at(0)).kept;
    let of_it: Vec<_> = kept.into_iter().filter(|(key, _)| *key == over.id).collect();
    assert_eq!(of_it, [(over.id, None)]);
}

/// A silence of the component that flaps, until then.
fn silence(until: i64) -> Silence {
    let (component, reason) = (Some(Component::Internet), "kabel diganti".to_owned());
    Silence { id: "s".into(), component, reason, from: at(0), until: at(until) }
}

/// One more outage of it, which begins then.
fn one_more(second: i64) -> Incident {
    Incident { id: "internet-last".to_owned(), opened_at: at(second), ..incident(Verdict::NotReady, &[&DOWN]) }
}

#[test]
fn what_began_to_go_to_and_fro_in_a_silence_and_outlasts_it_is_told_once() {
    let mut policy = Policy::new(house(""), Left::default());
    policy.silence(silence(1230));
    let all = to_and_fro(&mut policy, 10);
    assert_eq!(all, ["desk closed", "desk closed"], "the ends of before it did");
    let last = one_more(1200);
    let begun = policy.decide(Change::Opened(&last), false, at(1200));
    assert_eq!((told(&begun), begun.withheld), (vec![], [Withheld::Silenced].into()));
    let mut closes_first = policy.clone();
    let heard = policy.tick(false, at(1230));
    assert_eq!(told(&heard), ["desk unstable", "noc unstable"]);
    assert!(told(&policy.tick(false, at(1250))).is_empty(), "once");
    let over = Incident { verdict: Verdict::Ready, ..last.clone() };
    let closed = policy.decide(Change::Closed(&over), false, at(1260));
    assert_eq!((told(&closed), closed.withheld), (vec![], [Withheld::Flapping].into()));
    let again = Incident { id: "internet-again".to_owned(), ..one_more(1320) };
    let begun = policy.decide(Change::Opened(&again), false, at(1320));
    assert_eq!((told(&begun), begun.withheld), (vec![], [Withheld::Flapping].into()));
    let rest = (0..200).map(|minute| told(&policy.tick(false, at(1320 + minute * 60)))).find(|told| !told.is_empty());
    assert_eq!(rest.unwrap(), ["desk changed", "noc changed"], "the state in which it rests");

    // It is over before anybody looks.
    let closed = closes_first.decide(Change::Closed(&over), false, at(1231));
    assert_eq!(told(&closed), ["desk unstable", "noc unstable"]);
    assert!(told(&closes_first.decide(Change::Opened(&again), false, at(1320))).is_empty(), "once");

    // Who has heard it is known over a restart.
    let mut after = Policy::new(house(""), left(&[last], heard));
    assert!(told(&after.tick(false, at(1240))).is_empty());
}

#[test]
fn who_hears_of_it_in_hours_alone_hears_then_that_it_goes_to_and_fro() {
    let config = "[[route]]\nreceivers = ['desk']\nhours = '00:10-24:00'\n[[route]]\nreceivers = ['noc']";
    let mut policy = Policy::new(house(config), Left::default());
    assert_eq!(to_and_fro(&mut policy, 50), ["desk unstable"]);
    let rest = (0..200).map(|minute| told(&policy.tick(false, at(6000 + minute * 60)))).find(|told| !told.is_empty());
    assert_eq!(rest.unwrap(), ["desk closed", "noc closed"]);
}

#[test]
fn of_what_goes_to_and_fro_others_hear_when_nobody_sees_to_it() {
    let config = "[[route]]\nreceivers = ['desk']\nescalate_after = '10m'\nescalate_to = ['noc']";
    let mut policy = Policy::new(house(config), Left::default());
    let mut all = Vec::new();
    for minute in 0..=10 {
        let verdict = if minute % 2 == 0 { Verdict::NotReady } else { Verdict::Degraded };
        let now = incident(verdict, &[&DOWN]);
        let change = if minute == 0 { Change::Opened(&now) } else { Change::Changed(&now) };
        all.extend(told(&policy.decide(change, false, at(minute * 60))));
    }
    assert_eq!(all, ["desk opened", "desk unstable", "noc unstable"]);
    assert_eq!(policy.handling().of("internet-1").escalated_at, Some(at(600)));
}
