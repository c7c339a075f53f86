//! A wall clock that is set back puts nothing off but by what had passed already.

use super::tests::{DOWN, at, house, incident, told};
use super::*;
use crate::domain::Verdict;

/// A day, by which a computer whose battery is empty is set when the network tells it the time.
const DAY: i64 = 86_400;

#[test]
fn what_goes_to_and_fro_comes_to_rest_within_its_time() {
    let mut policy = Policy::new(house(""), Left::default());
    let mut said = Vec::new();
    for time in 0..4 {
        let bad = Incident { id: format!("internet-{time}"), ..incident(Verdict::NotReady, &[&DOWN]) };
        let over = Incident { verdict: Verdict::Ready, ..bad.clone() };
        for (change, moment) in [(Change::Opened(&bad), 2 * time), (Change::Closed(&over), 2 * time + 1)] {
            said.extend(told(&policy.decide(change, false, at(DAY + 60 * moment))));
        }
    }
    assert!(said.iter().any(|line| line == "desk unstable"), "{said:?}");
    // Set back by a day; looked at as often as the daemon does.
    let rest = (0..1000).map(|look| 20 * look).find(|second| !told(&policy.tick(false, at(*second))).is_empty());
    let rest = rest.unwrap();
    // The window of twenty minutes, and the next look.
    assert!(rest <= 20 * 60 + 20, "{rest} s");
}

#[test]
fn what_is_no_worse_is_told_when_it_has_lasted() {
    let mut policy = Policy::new(house(""), Left::default());
    policy.decide(Change::Opened(&incident(Verdict::NotReady, &[&DOWN])), false, at(DAY));
    let milder = incident(Verdict::Degraded, &[&DOWN]);
    assert!(told(&policy.decide(Change::Changed(&milder), false, at(DAY + 1))).is_empty());
    assert!(told(&policy.tick(false, at(0))).is_empty());
    assert_eq!(told(&policy.tick(false, at(120))), ["desk changed", "noc changed"]);
}

#[test]
fn what_nobody_sees_to_is_said_again_and_to_others() {
    let config = "[[route]]\nreceivers = ['desk']\nremind_every = '10m'\nescalate_after = '5m'\nescalate_to = ['noc']";
    let mut policy = Policy::new(house(config), Left::default());
    let bad = Incident { opened_at: at(DAY), ..incident(Verdict::NotReady, &[&DOWN]) };
    assert_eq!(told(&policy.decide(Change::Opened(&bad), false, at(DAY))), ["desk opened"]);
    assert!(told(&policy.tick(false, at(0))).is_empty());
    assert_eq!(told(&policy.tick(false, at(300))), ["noc opened"]);
    assert_eq!(told(&policy.tick(false, at(600))), ["desk reminder"]);
}

#[test]
fn a_silence_lasts_no_longer_than_was_wished() {
    let mut policy = Policy::new(house(""), Left::default());
    let (from, until) = (at(DAY), at(DAY + 3600));
    policy.silence(Silence { id: "s".into(), component: None, reason: "perawatan".to_owned(), from, until });
    assert!(policy.next_look().is_some(), "the clock is looked at while one is there");
    let corrected = policy.tick(false, at(0)).silences;
    // The next process is to find it as it is now, and not as it was wished.
    assert_eq!(corrected.iter().map(|silence| (silence.from, silence.until)).collect::<Vec<_>>(), [(at(0), at(3600))]);
    assert_eq!(policy.tick(false, at(20)).silences, []);
    assert_eq!([3599, 3600].map(|second| policy.silences(at(second)).count()), [1, 0]);
    policy.tick(false, at(3590));
    policy.tick(false, at(3600));
    assert_eq!(policy.next_look(), None);
}

#[test]
fn what_would_end_by_itself_is_told_again_while_it_goes_to_and_fro_by_one_incident_after_the_other() {
    let stands_for = [("desk".into(), Duration::from_hours(1))].into();
    let mut policy = Policy::new(House { stands_for, ..house("") }, Left::default());
    let mut outages = |from: i64, times: i64| {
        let mut said = Vec::new();
        for time in 0..times {
            let (begun, ended) = (from + time * 120, from + time * 120 + 60);
            let bad = Incident { id: format!("internet-{begun}"), ..incident(Verdict::NotReady, &[&DOWN]) };
            said.extend(told(&policy.decide(Change::Opened(&bad), false, at(begun))));
            let over = Incident { verdict: Verdict::Ready, ..bad };
            said.extend(told(&policy.decide(Change::Closed(&over), false, at(ended))));
            said.extend(told(&policy.tick(false, at(ended + 20))));
        }
        said.iter().filter(|line| *line == "desk unstable").count()
    };
    assert_eq!(outages(DAY, 5), 1);
    // Each quarter of an hour, from when it was set back.
    assert_eq!(outages(0, 30), 3);
}
