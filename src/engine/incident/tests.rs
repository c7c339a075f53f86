//! What an incident is said to be, from its beginning to its end.

use super::super::edges::{settled, ups};
use super::super::rooms::*;
use super::super::{Engine, Event, Order};
use super::*;

/// How often incidents were opened, changed and closed since this was last asked.
fn happened(engine: &mut Engine) -> [usize; 3] {
    let mut all = [0; 3];
    for event in engine.drain_events() {
        match event {
            Event::IncidentOpened(_) => all[0] += 1,
            Event::IncidentChanged(_) => all[1] += 1,
            Event::IncidentClosed(_) => all[2] += 1,
            _ => {}
        }
    }
    all
}

#[test]
fn within_an_incident_it_is_waited_for_what_is_not_known_as_before_one() {
    let mut engine = settled(room());
    let verdict = |engine: &Engine| engine.snapshot().incidents.first().map(|incident| incident.verdict);
    for second in 21..60 {
        ups(&mut engine, Verdict::Degraded, second);
    }
    assert_eq!(happened(&mut engine), [1, 0, 0]);
    // Decided after its hold of 3 s, at 63; unknown for 20 s then.
    for second in 60..83 {
        ups(&mut engine, Verdict::Unknown, second);
        assert_eq!((happened(&mut engine), verdict(&engine)), ([0; 3], Some(Verdict::Degraded)), "{second}");
    }
    let now = at(83.0);
    assert_eq!(engine.next_deadline().min(now.mono), now.mono);
    engine.tick(now);
    assert_eq!((happened(&mut engine), verdict(&engine)), ([0, 1, 0], Some(Verdict::Unknown)));
}

#[test]
fn what_is_not_needed_any_more_is_over_and_has_not_come_back() {
    let mut plan = room();
    Arc::make_mut(&mut plan.profiles[1]).components.insert(Component::Power, Requirement::Advisory);
    let mut engine = settled(plan);
    for second in 21..60 {
        ups(&mut engine, Verdict::NotReady, second);
    }
    assert_eq!(happened(&mut engine), [1, 0, 0]);
    let closed = |engine: &mut Engine| {
        let closed = engine.drain_events().into_iter().find_map(|event| match event {
            Event::IncidentClosed(closed) => Some(closed),
            _ => None,
        });
        closed.map(|closed| (closed.verdict, closed.is_not_needed()))
    };
    engine.command(&Order::Profile(1), at(60.0));
    assert_eq!(closed(&mut engine), Some((Verdict::NotReady, true)));
    engine.command(&Order::Profile(0), at(61.0));
    assert_eq!(happened(&mut engine), [1, 0, 0], "it is needed again");
    for second in 61..200 {
        ups(&mut engine, Verdict::Ready, second);
    }
    assert_eq!(closed(&mut engine), Some((Verdict::Ready, false)));
}
