//! What is told of other systems' alerts, and how often.

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
    let (taken, said, decided) = take(&mut after, &[over.clone(), hot, alert("c", "critical", true), over], 61);
    assert_eq!((taken.known, said, decided.withheld), (4, vec![], BTreeSet::new()), "late, and never heard of");
    assert_eq!(take(&mut after, &[], 61 + 86_401).2.kept, [("alert-a".to_owned(), None)]);
}

/// A silence of everything, until then.
fn silence(until: i64) -> crate::domain::Silence {
    crate::domain::Silence { id: "s".into(), component: None, reason: "x".into(), from: at(0), until: at(until) }
}

#[test]
fn what_begins_in_a_silence_and_outlasts_it_is_told_once_then() {
    let mut policy = Policy::new(house(CONFIG), Left::default());
    policy.silence(silence(100));
    let (hot, mild) = (alert("a", "critical", false), alert("b", "critical", false));
    let begun = take(&mut policy, std::slice::from_ref(&hot), 10);
    assert_eq!((begun.0.begun, begun.1, begun.2.withheld), (1, vec![], [Withheld::Silenced].into()));
    assert!(take(&mut policy, std::slice::from_ref(&hot), 20).1.is_empty());
    assert!(told(&policy.tick(false, at(99))).is_empty());
    // A process that takes over after the silence looks by itself.
    let kept = begun.2.kept.into_iter().map(|(key, state)| (key, state.unwrap())).collect();
    let mut after = Policy::new(house(CONFIG), Left { kept, ..Left::default() });
    assert!(after.next_look().is_some());
    assert_eq!(told(&after.tick(false, at(120))), ["desk alert_began"]);
    assert_eq!(after.next_look(), None);
    let mut again = policy.clone();
    assert_eq!(take(&mut again, std::slice::from_ref(&hot), 100).1, ["desk alert_began"], "it is sent again");

    take(&mut policy, std::slice::from_ref(&mild), 30);
    let over = take(&mut policy, &[alert("b", "critical", true)], 50);
    assert_eq!((over.1, over.2.withheld), (vec![], [Withheld::Silenced].into()), "nobody had heard of it");
    assert_eq!(told(&policy.tick(false, at(100))), ["desk alert_began"]);
    assert!(told(&policy.tick(false, at(120))).is_empty(), "once");
    assert!(take(&mut policy, std::slice::from_ref(&hot), 130).1.is_empty(), "once");
    assert_eq!(take(&mut policy, &[alert("a", "critical", true)], 140).1, ["desk alert_ended"]);
}

#[test]
fn what_an_older_version_knew_was_told() {
    let mut policy = Policy::new(house(CONFIG), Left::default());
    let (_, _, decided) = take(&mut policy, &[alert("a", "critical", false)], 10);
    let older = decided.kept.into_iter().map(|(key, state)| {
        let mut state: serde_json::Value = serde_json::from_str(&state.unwrap()).unwrap();
        for later in ["told", "anew", "ended"] {
            assert!(state.as_object_mut().unwrap().remove(later).is_some(), "{later}");
        }
        (key, state.to_string())
    });
    let mut after = Policy::new(house(CONFIG), Left { kept: older.collect(), ..Left::default() });
    assert!(told(&after.tick(false, at(20))).is_empty());
    assert_eq!(take(&mut after, &[alert("a", "critical", true)], 30).1, ["desk alert_ended"]);
}

#[test]
fn what_was_lost_sight_of_and_fires_again_as_it_did_begins_anew_under_other_keys() {
    let mut policy = Policy::new(house(CONFIG), Left::default());
    let (hot, over) = (alert("a", "critical", false), alert("a", "critical", true));
    let mut keys = BTreeSet::new();
    let mut said = |policy: &mut Policy, alert: &ForeignAlert, second: i64| {
        let (_, said, decided) = take(policy, std::slice::from_ref(alert), second);
        for one in &decided.notifications {
            // The outbox drops what comes under a key that it has.
            assert!(keys.insert(Arc::clone(&one.key)), "{} twice", one.key);
        }
        (said, decided)
    };
    assert_eq!(said(&mut policy, &hot, 0).0, ["desk alert_began"]);
    let (ended, decided) = said(&mut policy, &over, 60);
    assert_eq!(ended, ["desk alert_ended"]);
    assert!(said(&mut policy, &hot, 60 + 45).0.is_empty(), "a late word");
    let kept = decided.kept.into_iter().map(|(key, state)| (key, state.unwrap())).collect();
    let mut policy = Policy::new(house(CONFIG), Left { kept, ..Left::default() });
    assert_eq!(said(&mut policy, &hot, 60 + 46).0, ["desk alert_began"]);
    assert!(said(&mut policy, &hot, 300).0.is_empty());
    assert_eq!(said(&mut policy, &over, 400).0, ["desk alert_ended"]);
    // After so long that the end before is forgotten, too.
    assert_eq!(said(&mut policy, &hot, 400 + 90_000).0, ["desk alert_began"]);
}

#[test]
fn what_fires_again_soon_after_its_end_is_told_unless_it_ends_again() {
    let mut policy = Policy::new(house(CONFIG), Left::default());
    let (hot, over) = ([alert("a", "critical", false)], [alert("a", "critical", true)]);
    let first = take(&mut policy, &hot, 0).2.notifications.remove(0).key;
    take(&mut policy, &over, 60);
    assert_eq!(policy.next_look(), None);
    let (taken, said, decided) = take(&mut policy, &hot, 90);
    assert_eq!((taken.known, said), (1, vec![]), "it may be a late word of before");
    let kept = decided.kept.into_iter().map(|(key, state)| (key, state.unwrap())).collect();
    let after = Policy::new(house(CONFIG), Left { kept, ..Left::default() });
    for mut policy in [policy.clone(), after] {
        assert!(policy.next_look().is_some());
        assert!(take(&mut policy, &hot, 95).1.is_empty());
        assert!(told(&policy.tick(false, at(105))).is_empty());
        let again = policy.tick(false, at(106));
        assert_eq!(told(&again), ["desk alert_began"]);
        assert_ne!(again.notifications[0].key, first, "the outbox drops what comes under a key that it has");
        assert_eq!(policy.next_look(), None);
        assert_eq!(take(&mut policy, &over, 200).1, ["desk alert_ended"]);
    }
    let mut set_back = policy.clone();
    assert!(told(&set_back.tick(false, at(10))).is_empty());
    assert_eq!(told(&set_back.tick(false, at(56))), ["desk alert_began"]);

    // It was a late word.
    let (taken, said, decided) = take(&mut policy, &over, 100);
    assert_eq!((taken.known, said, decided.withheld), (1, vec![], BTreeSet::new()));
    assert_eq!(policy.next_look(), None);
    assert!(told(&policy.tick(false, at(300))).is_empty());
}

#[test]
fn what_was_forgotten_for_want_of_room_and_fires_again_has_other_keys() {
    let mut policy = Policy::new(house(&CONFIG.replace("most = 2", "most = 300")), Left::default());
    let mut keys = BTreeSet::new();
    for second in 0..=200 {
        for ended in [false, true] {
            let decided = take(&mut policy, &[alert(&second.to_string(), "critical", ended)], second).2;
            keys.extend(decided.notifications.into_iter().map(|one| one.key));
        }
    }
    assert_eq!(keys.len(), 402);
    let (taken, _, decided) = take(&mut policy, &[alert("0", "critical", false)], 300);
    assert_eq!(taken.begun, 1);
    assert!(!keys.contains(&decided.notifications[0].key), "{keys:?}");
}

#[test]
fn a_storm_is_bounded_and_a_silence_keeps_back_no_end() {
    let mut policy = Policy::new(house(CONFIG), Left::default());
    let storm: Vec<_> = (0..9).map(|one| alert(&one.to_string(), "critical", false)).collect();
    let (taken, said, _) = take(&mut policy, &storm, 0);
    assert_eq!((taken.begun, taken.refused, said.len()), (2, 7, 2));
    assert_eq!(take(&mut policy, &[alert("0", "critical", true)], 1).0.ended, 1);
    assert_eq!(take(&mut policy, &storm[8..], 2).0.begun, 1, "there is room again");
    policy.silence(silence(100));
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
    assert_eq!(take(&mut policy, &[c, d], 8 * DAY + 60).0, TakenAlerts { begun: 1, refused: 1, ..Default::default() });
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
