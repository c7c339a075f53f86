//! What nobody has heard yet is not taken for told, and is told when it may be.

use super::tests::{DOWN, at, house, incident, to_and_fro, told};
use super::*;
use crate::domain::Verdict;

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

/// Goes to and fro by incidents of their own, a minute bad and a minute good, from then on, as long as is said; who is told what.
fn outages(policy: &mut Policy, from: i64, until: i64) -> Vec<(i64, String)> {
    let mut all = Vec::new();
    for second in (from..until).step_by(120) {
        let bad = Incident { id: format!("internet-{second}"), ..one_more(second) };
        let over = Incident { verdict: Verdict::Ready, ..bad.clone() };
        for (change, moment) in [(Change::Opened(&bad), second), (Change::Closed(&over), second + 60)] {
            let said = told(&policy.decide(change, false, at(moment)));
            all.extend(said.into_iter().map(|line| (moment, line)));
        }
    }
    all
}

const ESCALATES: &str = "[[route]]\nreceivers = ['desk']\nescalate_after = '10m'\nescalate_to = ['noc']";

#[test]
fn of_what_goes_to_and_fro_by_one_incident_after_the_other_others_hear_when_nobody_sees_to_it() {
    let mut policy = Policy::new(house(ESCALATES), Left::default());
    let mut said = outages(&mut policy, 0, 480);
    said.retain(|(_, line)| line.ends_with("unstable"));
    assert_eq!(said, [(300, "desk unstable".to_owned())]);
    let mut seen_to = policy.clone();
    let mut older = policy.clone();
    // The one in which it began to was told at 240.
    assert_eq!(outages(&mut policy, 480, 1200), [(840, "noc unstable".to_owned())], "once");

    // Somebody sees to one of them, and so to what goes to and fro.
    seen_to.decide(Change::Opened(&one_more(480)), false, at(480));
    seen_to.acknowledge("internet-last", at(490)).unwrap();
    let over = Incident { verdict: Verdict::Ready, ..one_more(480) };
    seen_to.decide(Change::Closed(&over), false, at(540));
    assert!(outages(&mut seen_to, 600, 1800).is_empty());

    // What begins and ends in a silence does not make it forgotten since when somebody knows.
    older.silence(silence(700));
    outages(&mut older, 480, 600);
    assert_eq!(outages(&mut older, 720, 1200), [(840, "noc unstable".to_owned())]);
}

#[test]
fn a_restart_makes_nobody_wait_for_who_has_not_heard_yet_how_it_came_to_rest() {
    let mut policy = Policy::new(house(ESCALATES), Left::default());
    outages(&mut policy, 0, 480);
    policy.silence(silence(9000));
    let last = one_more(480);
    let mut kept: HashMap<String, String> = HashMap::new();
    let mut follow = |decided: Decided| {
        assert!(told(&decided).is_empty(), "{decided:?}");
        for (key, state) in decided.kept {
            match state {
                Some(state) => kept.insert(key, state),
                None => kept.remove(&key),
            };
        }
    };
    follow(policy.decide(Change::Opened(&last), false, at(480)));
    (0..100).for_each(|minute| follow(policy.tick(false, at(540 + 60 * minute))));
    let mut after = Policy::new(house(ESCALATES), Left { open: vec![last], kept, ..Left::default() });
    assert_eq!(told(&after.tick(false, at(9000))), ["desk changed"]);
    assert!(told(&after.tick(false, at(9599))).is_empty());
    assert_eq!(told(&after.tick(false, at(9600))), ["noc opened"]);
}

#[test]
fn of_an_outage_that_comes_and_goes_in_a_silence_while_something_milder_goes_to_and_fro_the_end_is_told() {
    let mut policy = Policy::new(house(""), Left::default());
    let outage = |policy: &mut Policy, verdict, second| {
        let bad = Incident { id: format!("internet-{second}"), ..incident(verdict, &[&DOWN]) };
        let mut said = told(&policy.decide(Change::Opened(&bad), false, at(second)));
        let over = Incident { verdict: Verdict::Ready, ..bad };
        said.extend(told(&policy.decide(Change::Closed(&over), false, at(second + 30))));
        said
    };
    let mut said = (0..4).flat_map(|time| outage(&mut policy, Verdict::Unknown, time * 60)).collect::<Vec<_>>();
    said.retain(|line| line == "desk unstable");
    assert_eq!(said.len(), 1);
    policy.silence(silence(900));
    assert_eq!(outage(&mut policy, Verdict::Unknown, 300), [""; 0], "a part of what goes to and fro");
    assert_eq!(outage(&mut policy, Verdict::NotReady, 360), ["desk closed", "noc closed"]);
    // They take it for mended.
    policy.silence(silence(400));
    assert_eq!(outage(&mut policy, Verdict::Unknown, 420), ["desk unstable", "noc unstable"]);
}

#[test]
fn what_was_a_part_of_what_goes_to_and_fro_is_no_fault_of_its_own_because_that_is_milder_by_its_end() {
    let mut policy = Policy::new(house(""), Left::default());
    let mut said = Vec::new();
    for time in 0..3 {
        let down = Incident { id: format!("internet-{time}"), ..incident(Verdict::NotReady, &[&DOWN]) };
        said.extend(told(&policy.decide(Change::Opened(&down), false, at(time * 120))));
        said.extend(told(&policy.decide(
            Change::Closed(&Incident { verdict: Verdict::Ready, ..down }),
            false,
            at(time * 120 + 60),
        )));
    }
    assert!(said.iter().any(|line| line == "desk unstable"), "{said:?}");
    let long =
        |verdict| Incident { id: "internet-9".to_owned(), worst: Verdict::NotReady, ..incident(verdict, &[&DOWN]) };
    let mut later = told(&policy.decide(Change::Opened(&long(Verdict::NotReady)), false, at(360)));
    for minute in 7..30 {
        let verdict = if minute % 2 == 0 { Verdict::Degraded } else { Verdict::Unknown };
        later.extend(told(&policy.decide(Change::Changed(&long(verdict)), false, at(minute * 60))));
        later.extend(told(&policy.tick(false, at(minute * 60 + 30))));
    }
    assert!(!policy.flaps[&Component::Internet].holds_back(Verdict::NotReady));
    later.extend(told(&policy.decide(Change::Closed(&long(Verdict::Ready)), false, at(1800))));
    assert_eq!(later, [""; 0]);
}

#[test]
fn the_end_of_an_outage_that_a_silence_kept_back_is_told_though_it_begins_to_go_to_and_fro_by_something_milder() {
    let mut policy = Policy::new(house(""), Left::default());
    policy.silence(silence(1000));
    let mut said = told(&policy.decide(Change::Opened(&incident(Verdict::NotReady, &[&DOWN])), false, at(10)));
    for (second, verdict) in [(40, Verdict::Unknown), (70, Verdict::Degraded), (100, Verdict::Unknown)] {
        let now = Incident { worst: Verdict::NotReady, ..incident(verdict, &[&DOWN]) };
        said.extend(told(&policy.decide(Change::Changed(&now), false, at(second))));
    }
    for (second, verdict) in [(130, Verdict::Degraded), (160, Verdict::Unknown)] {
        let now = Incident { worst: Verdict::NotReady, ..incident(verdict, &[&DOWN]) };
        said.extend(told(&policy.decide(Change::Changed(&now), false, at(second))));
    }
    assert_eq!(said, [""; 0]);
    let flap = &policy.flaps[&Component::Internet];
    assert!(flap.is_flapping() && !flap.holds_back(Verdict::NotReady));
    let over = Incident { worst: Verdict::NotReady, ..incident(Verdict::Ready, &[]) };
    let mut late = policy.clone();
    assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(190))), ["desk closed", "noc closed"]);
    // Also where the silence has just ended, and one word is enough.
    late.silence(silence(180));
    assert_eq!(told(&late.decide(Change::Closed(&over), false, at(190))), ["desk closed", "noc closed"]);
}

#[test]
fn whoever_heard_that_it_goes_to_and_fro_hears_the_end_of_what_was_worse_in_a_silence() {
    let mut policy = Policy::new(house(""), Left::default());
    let change = |policy: &mut Policy, verdict, second| {
        let now = incident(verdict, &[&DOWN]);
        told(&policy.decide(Change::Changed(&now), false, at(second)))
    };
    policy.decide(Change::Opened(&incident(Verdict::Unknown, &[&DOWN])), false, at(0));
    let mut said = Vec::new();
    for time in 1..8 {
        let verdict = if time % 2 == 0 { Verdict::Unknown } else { Verdict::Degraded };
        said.extend(change(&mut policy, verdict, time * 60));
    }
    assert!(said.iter().any(|line| line == "desk unstable"), "{said:?}");
    policy.silence(silence(900));
    assert_eq!(change(&mut policy, Verdict::NotReady, 480), [""; 0]);
    let over = Incident { worst: Verdict::NotReady, ..incident(Verdict::Ready, &[]) };
    assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(540))), ["desk closed", "noc closed"]);
}

#[test]
fn the_end_of_an_outage_that_was_heard_is_told_once_though_a_silence_fell_into_it() {
    let mut policy = Policy::new(house(""), Left::default());
    let mut said = told(&policy.decide(Change::Opened(&incident(Verdict::NotReady, &[&DOWN])), false, at(0)));
    assert_eq!(said, ["desk opened", "noc opened"]);
    policy.silence(Silence { from: at(10), ..silence(40) });
    said.extend(told(&policy.tick(false, at(20))));
    for minute in 1..12 {
        let verdict = if minute % 2 == 0 { Verdict::Unknown } else { Verdict::Degraded };
        let now = Incident { worst: Verdict::NotReady, ..incident(verdict, &[&DOWN]) };
        said.extend(told(&policy.decide(Change::Changed(&now), false, at(minute * 60))));
    }
    assert_eq!(said[2..], ["desk unstable", "noc unstable"]);
    let over = Incident { worst: Verdict::NotReady, ..incident(Verdict::Ready, &[]) };
    assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(720))), [""; 0]);
    let again = Incident { id: "internet-2".to_owned(), ..incident(Verdict::Degraded, &[&DOWN]) };
    assert_eq!(told(&policy.decide(Change::Opened(&again), false, at(780))), [""; 0]);
}
