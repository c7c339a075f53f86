//! What the judge says of a room, moment by moment.

use std::sync::Arc;
use std::time::Duration;

use super::edges::{settled, ups};
use super::rooms::*;
use super::*;
use crate::domain::{Finding, Group, Kind, Level, Reading, Reason, Sample};

fn verdict(engine: &Engine) -> Verdict {
    engine.snapshot().current().verdict
}

#[test]
fn all_is_unknown_until_the_first_round_of_passive_checks_is_in() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    for name in NAMES {
        assert_eq!(verdict(&engine), Verdict::Unknown);
        assert_eq!(engine.snapshot().current().reasons[0].def.code, "siaga.starting");
        engine.observe(says(name, Verdict::Ready, at(0.1)), at(0.1));
    }
    assert!(!engine.snapshot().starting);
    assert_eq!(verdict(&engine), Verdict::Unknown, "the active check has no evidence yet");
    engine.observe(rate(1e7, at(0.2)), at(0.2));
    assert_eq!(verdict(&engine), Verdict::Ready);
}

#[test]
fn a_probe_that_never_answers_does_not_keep_the_room_in_the_dark() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    for name in &NAMES[..3] {
        engine.observe(says(name, Verdict::NotReady, at(0.1)), at(0.1));
    }
    assert!(engine.snapshot().starting);
    assert_eq!(engine.next_deadline(), at(15.0).mono);
    engine.tick(at(20.0));
    assert!(!engine.snapshot().starting);
    assert_eq!(engine.snapshot().profile("small").unwrap().checks[3].verdict, Verdict::Unknown);
}

#[test]
fn silence_itself_changes_the_verdict() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    assert_eq!(engine.snapshot().current().valid_until, at(20.0).mono);
    engine.tick(at(19.9));
    assert_eq!(verdict(&engine), Verdict::Ready);
    engine.tick(at(20.0));
    assert_eq!(verdict(&engine), Verdict::Unknown);
    assert_eq!(engine.snapshot().current().checks[0].reasons[0].def.code, "siaga.stale");
}

#[test]
fn every_profile_has_its_own_verdict_at_every_moment() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    engine.observe(rate(2e6, at(1.0)), at(1.0));
    engine.observe(rate(2e6, at(4.0)), at(4.0));
    let snapshot = engine.snapshot();
    assert_eq!(snapshot.profile("small").unwrap().verdict, Verdict::Ready);
    assert_eq!(snapshot.profile("large").unwrap().verdict, Verdict::Degraded);
    let reason = &snapshot.profile("large").unwrap().checks[4].reasons[0];
    assert_eq!(reason.message(crate::domain::Lang::Id), "2,0 Mbit/s < 4,0 Mbit/s");
    engine.command(&Order::Profile(1), at(5.0));
    assert_eq!(verdict(&engine), Verdict::Degraded);
}

#[test]
fn an_active_check_is_held_while_the_room_is_in_use() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    engine.command(&Order::Agenda { live: true }, at(1.0));
    assert!(engine.snapshot().in_use);
    for second in 1..60 {
        for name in NAMES {
            engine.observe(says(name, Verdict::Ready, at(f64::from(second))), at(f64::from(second)));
        }
    }
    let held = engine.snapshot();
    assert_eq!(held.current().verdict, Verdict::Ready, "its last state stands");
    assert_eq!(held.check("bandwidth").unwrap().held, Some(at(1.0).wall));
    engine.command(&Order::Agenda { live: false }, at(60.0));
    engine.tick(at(79.0));
    assert_eq!(engine.snapshot().current().checks[4].verdict, Verdict::Ready, "it has time to run again");
    engine.tick(at(80.0));
    assert_eq!(engine.snapshot().current().checks[4].verdict, Verdict::Unknown);
}

#[test]
fn one_test_that_found_fault_is_confirmed_by_another_and_not_by_waiting() {
    let mut plan = room_with_test("microphone", Kind::Microphone);
    plan.profiles = vec![profile("small", 1e6, 5e5)];
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    let shown = |engine: &Engine| engine.snapshot().current().checks[5].verdict;
    engine.observe(says("microphone", Verdict::Ready, at(0.0)), at(0.0));
    engine.observe(says("microphone", Verdict::NotReady, at(900.0)), at(900.0));
    // The hold of three seconds passes in a meeting, and is long over when the room is free again.
    engine.command(&Order::Agenda { live: true }, at(901.0));
    engine.tick(at(950.0));
    engine.command(&Order::Agenda { live: false }, at(1000.0));
    engine.tick(at(1001.0));
    assert_eq!(shown(&engine), Verdict::Ready, "one cough is no fault");
    assert!(engine.snapshot().current().checks[5].pending.is_some());
    engine.observe(says("microphone", Verdict::NotReady, at(1010.0)), at(1010.0));
    assert_eq!(shown(&engine), Verdict::NotReady);
}

#[test]
fn a_microphone_in_use_holds_the_active_checks_without_any_agenda() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    let reading = Reading { in_use: Some(true), ..Reading::default() };
    engine.observe(Observation::read("camera".into(), at(1.0), Duration::ZERO, reading), at(1.0));
    assert!(engine.snapshot().in_use);
    assert!(engine.snapshot().check("bandwidth").unwrap().held.is_some());
    engine.observe(says("camera", Verdict::Unknown, at(2.0)), at(2.0));
    assert!(engine.snapshot().in_use, "eyes that close do not end a meeting");
    let reading = Reading { in_use: Some(false), ..Reading::default() };
    engine.observe(Observation::read("camera".into(), at(3.0), Duration::ZERO, reading), at(3.0));
    assert!(!engine.snapshot().in_use);
    engine.tick(at(500.0));
    assert!(engine.drain_lapsed().is_empty(), "it was taken back");
}

#[test]
fn one_root_cause_opens_one_incident_and_its_return_closes_it() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    for second in 1..=20 {
        let now = at(f64::from(second));
        all_good(&mut engine, now);
    }
    engine.drain_events();
    for second in 21..=30 {
        let now = at(f64::from(second));
        for name in NAMES {
            let bad = name == "link" || name == "gateway";
            engine.observe(says(name, if bad { Verdict::NotReady } else { Verdict::Ready }, now), now);
        }
    }
    let snapshot = engine.snapshot();
    assert_eq!(snapshot.current().checks[1].blocked_by, Some("link".into()));
    assert_eq!(snapshot.current().root_cause, Some("link".into()));
    let opened: Vec<_> = engine
        .drain_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::IncidentOpened(incident) => Some(incident),
            _ => None,
        })
        .collect();
    assert_eq!(opened.len(), 1);
    assert_eq!(opened[0].component, Component::Internet);
    assert_eq!(opened[0].opened_at, at(24.0).wall);
    assert!(!opened[0].settling);
    for second in 31..=95 {
        all_good(&mut engine, at(f64::from(second)));
    }
    let closed = engine
        .drain_events()
        .into_iter()
        .any(|event| matches!(event, Event::IncidentClosed(ref incident) if incident.id == opened[0].id));
    assert!(closed && engine.snapshot().incidents.is_empty());
}

#[test]
fn what_is_found_at_a_start_is_recorded_as_settling() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    for name in NAMES {
        engine.observe(says(name, if name == "ups" { Verdict::NotReady } else { Verdict::Ready }, at(0.1)), at(0.1));
    }
    let incidents: Vec<_> = engine.snapshot().incidents.clone();
    assert_eq!(incidents.len(), 1);
    assert!(incidents[0].settling);
    engine.drain_events();
    // Still there when the settling is over: then it is told.
    assert_eq!(engine.next_deadline(), at(15.0).mono);
    engine.tick(at(15.0));
    let told = engine.drain_events();
    assert!(
        told.iter().any(|event| matches!(event, Event::IncidentChanged(incident) if !incident.settling)),
        "{told:?}"
    );
}

#[test]
fn an_open_incident_survives_a_restart_and_is_not_opened_again() {
    let mut first = Engine::new(room(), Restored::default(), at(0.0));
    for name in NAMES {
        first.observe(says(name, if name == "ups" { Verdict::NotReady } else { Verdict::Ready }, at(0.1)), at(0.1));
    }
    let left = first.snapshot().incidents.clone();
    let restored = Restored {
        incidents: left.clone(),
        observations: vec![says("ups", Verdict::NotReady, at(5.0))],
        ..Restored::default()
    };
    let mut second = Engine::new(room(), restored, at(10.0));
    assert_eq!(second.snapshot().check("ups").unwrap().age(at(10.0)), Some(secs(5)), "stored evidence keeps its age");
    for name in NAMES {
        second.observe(says(name, if name == "ups" { Verdict::NotReady } else { Verdict::Ready }, at(10.1)), at(10.1));
    }
    let opened = second.drain_events().iter().filter(|event| matches!(event, Event::IncidentOpened(_))).count();
    assert_eq!(opened, 0);
    assert_eq!(second.snapshot().incidents[0].id, left[0].id);
}

#[test]
fn an_open_incident_that_is_found_otherwise_at_a_start_is_told_of_when_the_settling_is_over() {
    let mut first = Engine::new(room(), Restored::default(), at(0.0));
    let look = |engine: &mut Engine, ups: Verdict, now: Now| {
        for name in NAMES {
            engine.observe(says(name, if name == "ups" { ups } else { Verdict::Ready }, now), now);
        }
    };
    look(&mut first, Verdict::NotReady, at(0.1));
    let incidents = vec![Incident { settling: false, ..first.snapshot().incidents[0].clone() }];
    let mut second = Engine::new(room(), Restored { incidents, ..Restored::default() }, at(100.0));
    look(&mut second, Verdict::Degraded, at(100.1));
    let changed = |engine: &mut Engine| -> Vec<Verdict> {
        let all = engine.drain_events().into_iter();
        all.filter_map(|event| match event {
            Event::IncidentChanged(incident) => Some(incident.verdict),
            _ => None,
        })
        .collect()
    };
    assert_eq!(changed(&mut second), [Verdict::Degraded]);
    second.tick(at(115.1));
    assert_eq!(changed(&mut second), [Verdict::Degraded], "once more");
    second.tick(at(116.0));
    assert_eq!(changed(&mut second), []);
}

#[test]
fn what_was_said_before_a_restart_is_said_since_then_if_it_is_still_so() {
    let found = |name: &str| if name == "ups" { Verdict::NotReady } else { Verdict::Ready };
    let mut first = Engine::new(room(), Restored::default(), at(0.0));
    for name in NAMES {
        first.observe(says(name, found(name), at(0.1)), at(0.1));
    }
    first.observe(rate(1e7, at(0.1)), at(0.1));
    let mut standings: Vec<Standing> = Vec::new();
    for event in first.drain_events() {
        if let Event::Stands(standing) = event {
            standings.retain(|older| older.subject != standing.subject);
            standings.push(standing);
        }
    }
    let began = at(0.1).wall;
    let restored = || Restored {
        standings: standings.clone(),
        // The newest of the process before; of the camera none was stored.
        observations: vec![says("ups", Verdict::NotReady, at(50.0)), says("link", Verdict::Ready, at(50.0))],
        ..Restored::default()
    };
    let judged = |engine: &Engine, name: &str| {
        let snapshot = engine.snapshot();
        let place = snapshot.checks.iter().position(|check| check.spec.name.as_str() == name).unwrap();
        snapshot.current().checks[place].clone()
    };

    let mut same = Engine::new(room(), restored(), at(60.0));
    assert_eq!(judged(&same, "ups").since, began, "at once, by what was stored");
    for name in NAMES {
        same.observe(says(name, found(name), at(60.1)), at(60.1));
    }
    for name in NAMES {
        assert_eq!(judged(&same, name).since, began, "{name}");
    }
    assert_eq!(judged(&same, "ups").reasons[0].since, began);
    let power = |engine: &Engine| {
        let snapshot = engine.snapshot();
        snapshot.current().components.iter().find(|view| view.component == Component::Power).unwrap().clone()
    };
    assert_eq!((power(&same).verdict, power(&same).since), (Verdict::NotReady, began));

    // What is otherwise now has begun now, and so has what comes again later.
    let observations = vec![says("link", Verdict::Ready, at(50.0))];
    let mut mended = Engine::new(room(), Restored { observations, ..restored() }, at(60.0));
    for name in NAMES {
        mended.observe(says(name, Verdict::Ready, at(60.1)), at(60.1));
    }
    assert_eq!(judged(&mended, "ups").since, at(60.1).wall);
    mended.observe(says("ups", Verdict::NotReady, at(70.0)), at(70.0));
    mended.observe(says("ups", Verdict::NotReady, at(74.0)), at(74.0));
    assert_eq!(judged(&mended, "ups").verdict, Verdict::NotReady);
    assert!(judged(&mended, "ups").since >= at(70.0).wall);
    assert!(judged(&mended, "ups").reasons[0].since >= at(70.0).wall);
    assert!(power(&mended).since >= at(70.0).wall);

    // Over a gap in which nobody watched for longer than evidence counts, it may have been otherwise in between.
    for (start, since) in [(70.0, began), (70.1, at(70.2).wall)] {
        let mut away = Engine::new(room(), restored(), at(start));
        for name in NAMES {
            away.observe(says(name, found(name), at(start + 0.1)), at(start + 0.1));
        }
        assert_eq!((judged(&away, "ups").since, power(&away).since), (since, since), "{start}");
        assert_eq!(judged(&away, "ups").reasons[0].since, since);
    }

    // Of a clock that was set back, and under a profile that is there no more: not believed.
    let ahead = |standing: &Standing| Standing { since: at(999.0).wall, ..standing.clone() };
    let why_ahead = |standing: &Standing| {
        let reasons = standing.reasons.iter().map(|why| Reason { since: at(999.0).wall, ..why.clone() });
        Standing { reasons: reasons.collect(), ..standing.clone() }
    };
    let other = |standing: &Standing| Standing { profile: "gone".into(), ..standing.clone() };
    let strange: [Vec<Standing>; 3] = [
        standings.iter().map(ahead).collect(),
        standings.iter().map(why_ahead).collect(),
        standings.iter().map(other).collect(),
    ];
    for strange in strange {
        let mut engine = Engine::new(room(), Restored { standings: strange, ..Restored::default() }, at(60.0));
        engine.observe(says("ups", Verdict::NotReady, at(60.1)), at(60.1));
        assert_eq!(judged(&engine, "ups").since, at(60.1).wall);
    }
}

#[test]
fn before_the_first_round_is_over_nothing_is_told() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    engine.observe(says("ups", Verdict::NotReady, at(0.1)), at(0.1));
    engine.observe(says("link", Verdict::Ready, at(0.2)), at(0.2));
    assert_eq!(engine.drain_events(), []);
    for name in ["gateway", "camera"] {
        engine.observe(says(name, Verdict::Ready, at(0.3)), at(0.3));
    }
    let told = engine.drain_events();
    assert!(told.iter().any(|event| matches!(event, Event::IncidentOpened(_))), "{told:?}");
}

#[test]
fn a_required_component_without_a_check_is_unknown_and_an_absent_one_is_excused() {
    let mut plan = room();
    plan.checks.retain(|check| check.component != Component::Power);
    let mut engine = Engine::new(plan.clone(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    assert_eq!(verdict(&engine), Verdict::Unknown);
    plan.absent.insert(Component::Power);
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    assert_eq!(verdict(&engine), Verdict::Ready);
    assert!(
        engine.snapshot().current().components.iter().any(|view| view.component == Component::Power && view.absent)
    );
}

#[test]
fn one_dead_target_of_a_group_is_not_a_dead_line() {
    let mut checks = Vec::new();
    for name in ["far-a", "far-b", "far-c"] {
        let mut far = spec(name, Kind::Icmp, Level::FarEnd);
        far.group = Some(Group { name: "far ends".into(), need: 2 });
        checks.push(far);
    }
    let mut engine = Engine::new(plan(checks), Restored::default(), at(0.0));
    let internet = |engine: &Engine| engine.snapshot().current().components[1].verdict;
    for (name, verdict) in [("far-a", Verdict::Ready), ("far-b", Verdict::NotReady), ("far-c", Verdict::Ready)] {
        engine.observe(says(name, verdict, at(0.0)), at(0.0));
    }
    assert_eq!(internet(&engine), Verdict::Ready);
    engine.observe(says("far-c", Verdict::NotReady, at(1.0)), at(1.0));
    engine.tick(at(4.0));
    assert_eq!(internet(&engine), Verdict::NotReady);
}

#[test]
fn loss_is_decided_by_confidence_and_an_outage_by_silence() {
    let mut far = spec("far", Kind::Icmp, Level::FarEnd);
    far.loss = Some(crate::domain::check::LossRule {
        degraded: crate::domain::Limit::Profile(crate::domain::ProfileLimit::LossDegraded),
        not_ready: crate::domain::Limit::Profile(crate::domain::ProfileLimit::LossNotReady),
        reason: &LOSS,
        undecided: &LOSS_UNDECIDED,
        window: 600,
    });
    let mut engine = Engine::new(plan(vec![far]), Restored::default(), at(0.0));
    let sample = |sent, lost, outage, now| {
        let mut reading = Reading { sample: Some(Sample { sent, lost, outage }), ..Reading::default() };
        if outage {
            reading.find(Finding::new(&BROKEN, Verdict::NotReady));
        }
        Observation::read("far".into(), now, Duration::ZERO, reading)
    };
    let judged = |engine: &Engine| engine.snapshot().current().checks[0].clone();
    engine.observe(sample(10, 0, false, at(0.0)), at(0.0));
    assert_eq!(judged(&engine).reasons[0].def.code, "test.undecided");
    engine.observe(sample(190, 0, false, at(4.0)), at(4.0));
    assert_eq!(judged(&engine).verdict, Verdict::Ready);
    engine.observe(sample(200, 20, false, at(8.0)), at(8.0));
    assert_eq!(judged(&engine).verdict, Verdict::Degraded, "near end beyond 2 %, without any hold");
    engine.observe(sample(600, 0, false, at(8.5)), at(8.5));
    assert_eq!(
        (judged(&engine).verdict, judged(&engine).since),
        (Verdict::Ready, at(8.5).wall),
        "it was not ready before"
    );
    engine.observe(sample(3, 3, true, at(9.0)), at(9.0));
    engine.observe(sample(1, 1, true, at(12.0)), at(12.0));
    assert_eq!(judged(&engine).verdict, Verdict::NotReady);
    assert_eq!(engine.snapshot().check("far").unwrap().loss, None, "the window starts anew after an outage");
}

#[test]
fn a_reload_keeps_what_is_known_of_the_checks_that_did_not_change() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    let mut plan = room();
    let mut ups = (*plan.checks[2]).clone();
    ups.interval = secs(1);
    plan.checks[2] = Arc::new(ups);
    plan.checks.swap(0, 3);
    engine.adopt(plan, at(1.0));
    let snapshot = engine.snapshot();
    let by_name = |name: &str| {
        let place = snapshot.checks.iter().position(|check| check.spec.name.as_str() == name).unwrap();
        snapshot.current().checks[place].verdict
    };
    assert_eq!(by_name("camera"), Verdict::Ready);
    assert_eq!(by_name("link"), Verdict::Ready);
    assert_eq!(by_name("ups"), Verdict::Unknown);
    assert!(!snapshot.starting);
    let now = at(2.0);
    engine.observe(says("ups", Verdict::Ready, now), now);
    assert_eq!(verdict(&engine), Verdict::Ready);
}

#[test]
fn a_change_of_the_room_names_the_reasons_of_what_is_required_alone() {
    let mut plan = room();
    plan.checks.push(Arc::new(spec("microphone", Kind::Audio, Level::Device)));
    let mut engine = settled(plan);
    for second in 21..=34 {
        let now = at(f64::from(second));
        let mut reading = Reading::default();
        reading.find(Finding::new(&LOSS, Verdict::NotReady));
        engine.observe(Observation::read("microphone".into(), now, Duration::ZERO, reading), now);
        ups(&mut engine, if second < 26 { Verdict::Ready } else { Verdict::NotReady }, second);
    }
    let of_the_room = |event: Event| match event {
        Event::Transition(told) if told.subject == Subject::Room && told.to == Verdict::NotReady => Some(told.codes),
        _ => None,
    };
    let told: Vec<_> = engine.drain_events().into_iter().filter_map(of_the_room).collect();
    assert_eq!(told, [[BROKEN.code]]);
}
