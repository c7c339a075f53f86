//! What an incident is said to be, from its beginning to its end.

use super::super::edges::{settled, ups};
use super::super::rooms::*;
use super::super::{Engine, Event};
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
