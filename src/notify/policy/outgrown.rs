//! What somebody sees to becomes worse than it was when they said so: of that nobody has said so.

use super::tests::{DOWN, at, house, incident, told};
use super::*;
use crate::domain::{ReasonDef, Text, Verdict};

static OLD: ReasonDef = ReasonDef::new("power.battery_old", Text::new("x", "x"), Text::new("x", "x"));

const CONFIG: &str = "[[route]]\nreceivers = ['desk']\nremind_every = '10m'\n\
                      [[route]]\nreceivers = ['desk']\nverdicts = ['not_ready']\nescalate_after = '5m'\nescalate_to = ['noc']";

fn mild() -> Incident {
    incident(Verdict::Degraded, &[&OLD])
}

fn bad() -> Incident {
    incident(Verdict::NotReady, &[&DOWN])
}

/// A policy to which a battery has been old for a month, and somebody knows.
fn known_for_a_month() -> (Policy, i64) {
    let mut policy = Policy::new(House { rooms: vec!["desk".into()], ..house(CONFIG) }, Left::default());
    assert_eq!(told(&policy.decide(Change::Opened(&mild()), false, at(0))), ["desk opened"]);
    assert_eq!(told(&policy.acknowledge("internet-1", at(60)).unwrap()), ["desk acknowledged"]);
    let month = 30 * 86_400;
    assert!(told(&policy.tick(false, at(month))).is_empty());
    assert!(policy.handling().banner.is_empty());
    (policy, month)
}

#[test]
fn of_what_becomes_worse_nobody_has_said_that_they_see_to_it() {
    let (mut policy, month) = known_for_a_month();
    let worse = policy.decide(Change::Changed(&bad()), false, at(month));
    assert_eq!(told(&worse), ["desk changed"]);
    assert_eq!(policy.handling().of("internet-1"), Handled::default());
    assert_eq!(
        (policy.open()[0].1, policy.handling().banner.len()),
        (false, 1),
        "no drill begins, and the room says so"
    );
    assert_eq!(policy.outgrown_at("internet-1"), Some(at(month)));
    // Whoever heard of it now has the time to see to it.
    assert!(told(&policy.tick(false, at(month + 299))).is_empty());
    assert_eq!(told(&policy.tick(false, at(month + 300))), ["noc opened"]);
    assert_eq!(told(&policy.tick(false, at(month + 600))), ["desk reminder"]);
    // Over a restart too.
    let kept = worse.kept.into_iter().filter_map(|(key, state)| Some((key, state?))).collect();
    let mut after = Policy::new(house(CONFIG), Left { open: vec![bad()], kept, ..Left::default() });
    assert_eq!(told(&after.tick(false, at(month + 300))), ["noc opened"]);

    // Somebody sees to that, and to what is left of it.
    assert_eq!(told(&policy.acknowledge("internet-1", at(month + 700)).unwrap()).len(), 2);
    policy.decide(Change::Changed(&mild()), false, at(month + 800));
    assert_eq!(told(&policy.tick(false, at(month + 920))), ["desk changed", "noc changed"]);
    policy.decide(Change::Changed(&bad()), false, at(month + 1000));
    assert!(told(&policy.tick(false, at(month + 90_000))).is_empty(), "it is no worse than what was seen to");
}

#[test]
fn who_hears_of_it_for_the_first_time_is_not_told_that_somebody_sees_to_it() {
    let config = "[[route]]\nreceivers = ['desk']\n[[route]]\nreceivers = ['noc']\nverdicts = ['not_ready']";
    let mut policy = Policy::new(house(config), Left::default());
    policy.decide(Change::Opened(&mild()), false, at(0));
    policy.acknowledge("internet-1", at(60)).unwrap();
    let unsaid = Unsaid { receiver: "noc".into(), incident: "internet-1".to_owned() };
    policy.house.instead = [("noc".into(), vec!["letters".into()])].into();
    policy.house.receivers.push(("letters".into(), Lang::Id));
    assert_eq!(told(&policy.decide(Change::Changed(&bad()), false, at(3600))), ["desk changed", "noc opened"]);
    assert_eq!(told(&policy.tell_instead(&unsaid, at(3660))), ["letters opened"], "the radio could not say it");
}

#[test]
fn what_was_told_to_be_worse_was_seen_to_as_that_and_a_look_at_a_start_is_none() {
    let mut policy = Policy::new(house(CONFIG), Left::default());
    policy.decide(Change::Opened(&bad()), false, at(0));
    // Milder for a moment, of which nobody is told yet.
    policy.decide(Change::Changed(&mild()), false, at(60));
    policy.acknowledge("internet-1", at(61)).unwrap();
    policy.decide(Change::Changed(&bad()), false, at(62));
    assert!(told(&policy.tick(false, at(9000))).is_empty());

    let (mut policy, month) = known_for_a_month();
    let blind = incident(Verdict::Unknown, &[&DOWN]);
    policy.decide(Change::Changed(&blind), true, at(month));
    policy.tick(true, at(month + 5));
    policy.decide(Change::Changed(&mild()), true, at(month + 10));
    assert!(told(&policy.tick(false, at(month + 9000))).is_empty());
    assert!(policy.open()[0].1);
}

#[test]
fn what_an_older_version_kept_was_seen_to_as_it_is() {
    let (mut policy, month) = known_for_a_month();
    let kept = policy.acknowledge("internet-1", at(month)).unwrap();
    assert_eq!(kept, Decided::default(), "it is no news");
    let state = policy.open["internet-1"].state.json();
    let mut state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let all = state.as_object_mut().unwrap();
    assert!(all.remove("acknowledged").is_some() && all.remove("outgrown_at").is_some());
    let kept: HashMap<_, _> = [("internet-1".to_owned(), state.to_string())].into();
    let mut after = Policy::new(house(CONFIG), Left { open: vec![mild()], kept, ..Left::default() });
    assert!(told(&after.tick(false, at(month + 9000))).is_empty());
    assert_eq!(told(&after.decide(Change::Changed(&bad()), false, at(month + 9001))), ["desk changed"]);
    assert_eq!(told(&after.tick(false, at(month + 9601))), ["noc opened", "desk reminder"]);
}

#[test]
fn an_outage_with_which_it_begins_to_go_to_and_fro_is_not_seen_to_because_something_milder_was() {
    let config = "[[route]]\nreceivers = ['desk']\nescalate_after = '200s'\nescalate_to = ['noc']";
    // Where something milder went to and fro before, too: who heard of that has not had that long to see to the outage.
    for before in [false, true] {
        let mut policy = Policy::new(House { rooms: vec!["desk".into()], ..house(config) }, Left::default());
        let outage = |policy: &mut Policy, verdict, second| {
            let bad = Incident { id: format!("internet-{second}"), ..incident(verdict, &[&DOWN]) };
            policy.decide(Change::Opened(&bad), false, at(second));
            policy.decide(Change::Closed(&Incident { verdict: Verdict::Ready, ..bad }), false, at(second + 60));
        };
        outage(&mut policy, Verdict::NotReady, 0);
        outage(&mut policy, Verdict::NotReady, 120);
        if before {
            outage(&mut policy, Verdict::Degraded, 240);
        }
        policy.decide(Change::Opened(&bad()), false, at(960));
        policy.decide(Change::Changed(&mild()), false, at(1020));
        policy.tick(false, at(1140));
        assert_eq!(told(&policy.acknowledge("internet-1", at(1150)).unwrap()), ["desk acknowledged"]);
        let worse = policy.decide(Change::Changed(&bad()), false, at(1160));
        assert_eq!(told(&worse), ["desk unstable"], "{before}");
        assert_eq!(policy.outgrown_at("internet-1"), Some(at(1160)), "{before}");
        assert_eq!((policy.open()[0].1, policy.handling().banner.len()), (false, 1), "{before}");
        let kept: HashMap<_, _> = worse.kept.into_iter().filter_map(|(key, state)| Some((key, state?))).collect();
        assert!(kept["internet-1"].contains("1970-01-01T00:19:20Z"), "a restart knows it: {kept:?}");
        assert!(told(&policy.tick(false, at(1359))).is_empty(), "{before}");
        assert_eq!(told(&policy.tick(false, at(1360))), ["noc unstable"], "{before}");
        // Who sees to it while it goes to and fro sees to all of it.
        policy.acknowledge("internet-1", at(1361)).unwrap();
        policy.decide(Change::Changed(&mild()), false, at(1362));
        policy.decide(Change::Changed(&bad()), false, at(1363));
        assert!(policy.open()[0].1, "{before}");
    }
}

#[test]
fn what_outgrew_in_a_silence_what_somebody_saw_to_is_escalated_though_only_something_milder_goes_to_and_fro() {
    let config = "[[route]]\nreceivers = ['desk']\nescalate_after = '200s'\nescalate_to = ['noc']";
    let mut policy = Policy::new(house(config), Left::default());
    for time in 0..4 {
        let blind = Incident { id: format!("internet-{time}0"), ..incident(Verdict::Unknown, &[&DOWN]) };
        policy.decide(Change::Opened(&blind), false, at(time * 60));
        policy.decide(Change::Closed(&Incident { verdict: Verdict::Ready, ..blind }), false, at(time * 60 + 30));
    }
    let now = |verdict| incident(verdict, &[&DOWN]);
    policy.decide(Change::Opened(&now(Verdict::Unknown)), false, at(300));
    policy.acknowledge("internet-1", at(310)).unwrap();
    let silence = |until: i64| crate::domain::Silence {
        id: "s".into(),
        component: None,
        reason: "x".to_owned(),
        from: at(320),
        until: at(until),
    };
    policy.silence(silence(400));
    policy.decide(Change::Changed(&now(Verdict::NotReady)), false, at(330));
    policy.decide(Change::Changed(&now(Verdict::Unknown)), false, at(360));
    assert_eq!(policy.outgrown_at("internet-1"), Some(at(330)));
    let said: Vec<_> = (40..62).flat_map(|look| told(&policy.tick(false, at(look * 10)))).collect();
    assert_eq!(said, ["noc unstable"]);
}

#[test]
fn what_was_worse_in_a_silence_and_is_not_any_more_nobody_sees_to_after_it() {
    let (mut policy, month) = known_for_a_month();
    policy.house.routes[1].verdicts = None;
    let silence = Silence {
        id: "s".into(),
        component: None,
        reason: "kabel diganti".to_owned(),
        from: at(month),
        until: at(month + 900),
    };
    policy.silence(silence);
    assert!(told(&policy.decide(Change::Changed(&bad()), false, at(month + 60))).is_empty());
    let worse = Incident { worst: Verdict::NotReady, ..mild() };
    assert!(told(&policy.decide(Change::Changed(&worse), false, at(month + 120))).is_empty());
    assert_eq!(told(&policy.tick(false, at(month + 900))), ["desk reminder"], "they have heard what it is");
    // That nobody sees to it any more is theirs from now on.
    assert!(told(&policy.tick(false, at(month + 1199))).is_empty());
    assert_eq!(told(&policy.tick(false, at(month + 1200))), ["noc opened"]);
}
