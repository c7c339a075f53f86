//! What nobody has heard yet is not taken for told, and is told when it may be.

use super::tests::{DOWN, at, house, incident, told};
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
