//! Histories that once went wrong: each is a room's day that somebody could have had.

use super::rooms::*;
use super::*;
use crate::domain::{Finding, Group, Kind, Level, Reading, Requirement, Sample};

fn outage(verdict: Verdict, now: Now) -> Observation {
    let mut reading = Reading { sample: Some(Sample { sent: 3, lost: 3, outage: true }), ..Reading::default() };
    if verdict != Verdict::Ready {
        reading.find(Finding::new(&BROKEN, verdict));
    }
    Observation::read("far".into(), now, Duration::ZERO, reading)
}

#[test]
fn a_reload_of_a_figure_forgets_nothing_that_was_seen() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    let reading = Reading { in_use: Some(true), ..Reading::default() };
    engine.observe(Observation::read("camera".into(), at(1.0), Duration::ZERO, reading), at(1.0));
    let mut plan = room();
    plan.profiles[0] = profile("small", 2e7, 5e5);
    engine.adopt(plan, at(2.0));
    let snapshot = engine.snapshot();
    assert!(snapshot.in_use, "a reload ends no meeting");
    assert_eq!(snapshot.current().checks[0].verdict, Verdict::Ready);
    assert_eq!(snapshot.current().checks[4].verdict, Verdict::Degraded, "judged by the new figure");
    assert!(snapshot.check("bandwidth").unwrap().held.is_some());
}

#[test]
fn a_word_of_use_that_nobody_renews_or_takes_back_ends_with_its_age() {
    let used = |now| {
        let reading = Reading { in_use: Some(true), ..Reading::default() };
        Observation::read("camera".into(), now, Duration::ZERO, reading)
    };
    // Looks that fail from then on, through a reload; as `spec` says, evidence counts for 20 s.
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    engine.observe(used(at(1.0)), at(1.0));
    let mut looks_elsewhere = room();
    Arc::make_mut(&mut looks_elsewhere.checks[3]).looks_at += 1;
    assert_eq!(looks_elsewhere.checks[3].name, "camera".into());
    engine.adopt(looks_elsewhere, at(10.0));
    for second in 2..=20 {
        engine.observe(says("camera", Verdict::Unknown, at(f64::from(second))), at(f64::from(second)));
        assert!(engine.snapshot().in_use, "{second}");
    }
    assert_eq!(engine.next_deadline(), at(21.0).mono);
    engine.tick(at(21.0));
    let snapshot = engine.snapshot();
    assert!(!snapshot.in_use && snapshot.check("bandwidth").unwrap().held.is_none());
    assert_eq!(engine.drain_lapsed(), ["camera".into()]);
    // What an earlier process saw is as old as it is.
    for (began, in_use) in [(20.9, true), (21.0, false)] {
        let restored = Restored { observations: vec![used(at(1.0))], ..Restored::default() };
        assert_eq!(Engine::new(room(), restored, at(began)).snapshot().in_use, in_use, "{began}");
    }
}

#[test]
fn a_reload_that_renames_or_drops_the_eye_that_sees_a_meeting_ends_no_meeting() {
    let used = |name: &str, in_use, now| {
        let reading = Reading { in_use: Some(in_use), ..Reading::default() };
        Observation::read(name.into(), now, Duration::ZERO, reading)
    };
    let renamed = |name: Option<&str>| {
        let mut plan = room();
        match name {
            Some(name) => Arc::make_mut(&mut plan.checks[3]).name = name.into(),
            None => _ = plan.checks.remove(3),
        }
        plan
    };
    let held = |engine: &Engine| {
        let snapshot = engine.snapshot();
        assert_eq!(snapshot.check("bandwidth").unwrap().held.is_some(), snapshot.in_use);
        snapshot.in_use
    };
    for name in [Some("front camera"), None] {
        let mut engine = Engine::new(room(), Restored::default(), at(0.0));
        all_good(&mut engine, at(0.0));
        engine.observe(used("camera", true, at(1.0)), at(1.0));
        engine.adopt(renamed(name), at(5.0));
        assert!(held(&engine), "{name:?}");
        // And by the next reload too, as long as the word would have counted.
        engine.adopt(renamed(None), at(6.0));
        assert_eq!((held(&engine), engine.next_deadline() <= at(21.0).mono), (true, true));
        engine.tick(at(20.9));
        assert!(held(&engine));
        engine.tick(at(21.0));
        assert!(!held(&engine));
        assert!(engine.drain_lapsed().is_empty(), "nobody can be asked about it");
    }
    // What the new eye sees goes on by its own word.
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    engine.observe(used("camera", true, at(1.0)), at(1.0));
    engine.adopt(renamed(Some("front camera")), at(5.0));
    engine.observe(used("front camera", true, at(7.0)), at(7.0));
    engine.tick(at(21.0));
    assert!(held(&engine));
    engine.observe(used("front camera", false, at(22.0)), at(22.0));
    assert!(!held(&engine));
    // What was not in use is not by a reload; nor is what a word of before a suspension said.
    engine.adopt(renamed(None), at(23.0));
    assert!(!held(&engine));
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    engine.observe(used("camera", true, at(1.0)), at(1.0));
    engine.adopt(renamed(None), at(5000.0));
    assert!(!held(&engine));
}

#[test]
fn a_restart_in_a_meeting_finds_what_was_held_held_still() {
    let plan = room_with_test("microphone", Kind::Microphone);
    let began = at(0.0);
    // Seen so long before the meeting or into it; the daemon starts an hour into it.
    let now = began.after(secs(3600));
    let ago = |seconds| Now { mono: now.mono.before(secs(seconds)), wall: now.wall - secs(seconds) };
    for (seen, live, verdict) in [
        (3600 + 600, true, Verdict::Ready),
        (3600 + 2099, true, Verdict::Ready),
        (3600 + 2100, true, Verdict::Unknown),
        (3000, true, Verdict::Ready),
        (3600 + 600, false, Verdict::Unknown),
    ] {
        let observations = vec![says("microphone", Verdict::Ready, ago(seen)), says("link", Verdict::Ready, ago(seen))];
        let live = live.then_some(began.wall);
        let mut engine = Engine::new(plan.clone(), Restored { observations, live, ..Restored::default() }, now);
        let said = |engine: &Engine| [0, 5].map(|at| engine.snapshot().current().checks[at].verdict);
        assert_eq!(said(&engine), [Verdict::Unknown, verdict], "{seen}");
        assert_eq!(engine.snapshot().in_use, live.is_some());
        if verdict == Verdict::Unknown {
            continue;
        }
        let held = engine.snapshot().check("microphone").unwrap().held;
        assert_eq!(held, Some(began.wall.max(ago(seen).wall)));
        engine.command(&Order::Agenda { live: true }, now);
        let later = now.after(secs(3000));
        engine.tick(later);
        assert_eq!(said(&engine)[1], Verdict::Ready, "{seen}: to the meeting's end");
        engine.command(&Order::Agenda { live: false }, later);
        engine.tick(later.after(secs(299)));
        assert_eq!(said(&engine)[1], Verdict::Ready, "{seen}: it has its time to run again");
        engine.tick(later.after(secs(300)));
        assert_eq!(said(&engine)[1], Verdict::Unknown);
    }
}

#[test]
fn evidence_that_was_too_old_at_a_restart_makes_the_first_look_no_recovery() {
    let restored = Restored {
        observations: NAMES.map(|name| says(name, Verdict::Ready, at(0.0))).to_vec(),
        ..Restored::default()
    };
    let mut engine = Engine::new(room(), restored, at(100.0));
    assert_eq!(engine.snapshot().current().checks[0].reasons[0].def.code, "siaga.stale");
    all_good(&mut engine, at(100.1));
    assert_eq!(engine.snapshot().current().verdict, Verdict::Ready);
    assert!(engine.snapshot().incidents.is_empty());
}

#[test]
fn a_silent_target_is_judged_by_its_silence_and_not_by_loss_that_nobody_could_count() {
    let mut engine = Engine::new(plan(vec![far()]), Restored::default(), at(0.0));
    for second in 0..100 {
        engine.observe(outage(Verdict::Degraded, at(f64::from(second))), at(f64::from(second)));
    }
    let judged = engine.snapshot().current().checks[0].clone();
    assert_eq!(judged.verdict, Verdict::Degraded);
    assert!(judged.reasons.iter().all(|reason| reason.def.code != "test.undecided"), "{judged:?}");
}

#[test]
fn loss_of_before_is_not_held_against_a_line_that_nobody_sees_any_more() {
    let mut engine = Engine::new(plan(vec![far()]), Restored::default(), at(0.0));
    let reading = Reading { sample: Some(Sample { sent: 600, lost: 300, outage: false }), ..Reading::default() };
    engine.observe(Observation::read("far".into(), at(0.0), Duration::ZERO, reading), at(0.0));
    assert_eq!(engine.snapshot().current().checks[0].verdict, Verdict::NotReady);
    for second in 1..100 {
        let mut blind = says("far", Verdict::Unknown, at(f64::from(second)));
        blind.error = Some(crate::domain::ProbeError::new(crate::domain::ErrorKind::Permission, "not allowed"));
        engine.observe(blind, at(f64::from(second)));
    }
    assert_eq!(engine.snapshot().current().checks[0].verdict, Verdict::Unknown);
}

#[test]
fn one_power_failure_is_one_incident_however_long_the_chain() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    for second in 0..20 {
        all_good(&mut engine, at(f64::from(second)));
    }
    for second in 20..60 {
        let now = at(f64::from(second));
        for name in NAMES {
            engine.observe(says(name, Verdict::NotReady, now), now);
        }
        engine.observe(rate(1.0, now), now);
    }
    let incidents = engine.snapshot().incidents.clone();
    let components: Vec<_> = incidents.iter().map(|incident| incident.component).collect();
    assert_eq!(components, [Component::Power], "{incidents:#?}");
}

#[test]
fn the_root_cause_is_not_a_dead_member_that_others_stand_in_for() {
    let mut checks = vec![spec("ups", Kind::Ups, Level::Power)];
    for name in ["far-a", "far-b"] {
        let mut far = spec(name, Kind::Icmp, Level::FarEnd);
        far.group = Some(Group { name: "far ends".into(), need: 1 });
        checks.insert(0, far);
    }
    let mut plan = plan(checks);
    plan.absent.insert(Component::Video);
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    for (name, verdict) in [("far-a", Verdict::Ready), ("far-b", Verdict::NotReady), ("ups", Verdict::Degraded)] {
        engine.observe(says(name, verdict, at(0.0)), at(0.0));
    }
    let snapshot = engine.snapshot();
    assert_eq!(snapshot.current().verdict, Verdict::Degraded);
    assert_eq!(snapshot.current().root_cause, Some("ups".into()));
}

#[test]
fn a_wall_clock_that_is_set_back_puts_no_incident_off() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    let set_back = |seconds: f64| Now { wall: at(seconds).wall - Duration::from_hours(24), ..at(seconds) };
    for second in 20..90 {
        let now = if second < 30 { at(f64::from(second)) } else { set_back(f64::from(second)) };
        for name in NAMES {
            engine.observe(says(name, if name == "ups" { Verdict::Unknown } else { Verdict::Ready }, now), now);
        }
    }
    assert!(engine.snapshot().incidents.iter().any(|incident| incident.component == Component::Power));
}

#[test]
fn a_room_that_is_used_now_and_then_does_not_keep_old_evidence_alive() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    for minute in 1..20 {
        let now = at(f64::from(minute) * 15.0);
        engine.command(&Order::Agenda { live: minute % 2 == 1 }, now);
    }
    engine.command(&Order::Agenda { live: false }, at(300.0));
    engine.tick(at(400.0));
    assert_eq!(engine.snapshot().current().checks[4].verdict, Verdict::Unknown);
}

#[test]
fn a_short_use_before_a_meeting_takes_no_time_away_after_it() {
    let minute = |minute: u32| at(f64::from(60 * minute));
    let mut plan = room();
    Arc::make_mut(&mut plan.checks[4]).fresh_for = secs(35 * 60);
    let mut engine = Engine::new(plan, Restored::default(), minute(0));
    all_good(&mut engine, minute(0));
    // Somebody tries the camera; the meeting is from ten past until ten.
    for (at, live) in [(5, true), (6, false), (10, true), (120, false)] {
        engine.command(&Order::Agenda { live }, minute(at));
    }
    let tested = |engine: &Engine| engine.snapshot().current().checks[4].verdict;
    engine.tick(minute(124));
    assert_eq!(tested(&engine), Verdict::Ready, "it has time to be tested again");
    // Once: the next use gives none.
    engine.command(&Order::Agenda { live: true }, minute(124));
    engine.command(&Order::Agenda { live: false }, minute(126));
    engine.tick(minute(126));
    assert_eq!(tested(&engine), Verdict::Unknown);
}

#[test]
fn what_became_too_old_while_nobody_looked_is_not_held_as_good() {
    let used = |second| {
        let reading = Reading { in_use: Some(true), ..Reading::default() };
        Observation::read("camera".into(), at(second), Duration::ZERO, reading)
    };
    let tested = |engine: &Engine| {
        let snapshot = engine.snapshot();
        assert!(snapshot.in_use && snapshot.check("bandwidth").unwrap().held.is_some());
        snapshot.current().checks[4].verdict
    };
    // Suspended overnight; the first that is heard is that the room is in use.
    for (woken, verdict) in [(19.9, Verdict::Ready), (50_000.0, Verdict::Unknown)] {
        let mut by_agenda = Engine::new(room(), Restored::default(), at(0.0));
        all_good(&mut by_agenda, at(0.0));
        by_agenda.command(&Order::Agenda { live: true }, at(woken));
        assert_eq!(tested(&by_agenda), verdict, "{woken}");
        let mut by_sight = Engine::new(room(), Restored::default(), at(0.0));
        all_good(&mut by_sight, at(0.0));
        by_sight.observe(used(woken), at(woken));
        assert_eq!(tested(&by_sight), verdict, "{woken}");
        // Used in the evening too, of which the word is as old.
        for agenda in [true, false] {
            let mut again = Engine::new(room(), Restored::default(), at(0.0));
            all_good(&mut again, at(0.0));
            again.observe(used(1.0), at(1.0));
            if agenda {
                again.command(&Order::Agenda { live: true }, at(woken));
            } else {
                again.observe(used(woken), at(woken));
            }
            assert_eq!(tested(&again), verdict, "{woken}");
        }
    }
}

#[test]
fn of_what_was_seen_before_a_night_asleep_nothing_has_lasted_until_the_first_look_after_it() {
    use Verdict::{NotReady, Ready, Unknown};

    let morning = 50_000.0;
    let asleep = |before: &[(Verdict, f64)]| {
        let mut engine = Engine::new(room(), Restored::default(), at(0.0));
        all_good(&mut engine, at(0.0));
        for (verdict, second) in before {
            engine.observe(says("ups", *verdict, at(*second)), at(*second));
        }
        engine
    };
    let ups = |engine: &mut Engine, verdict, second| {
        engine.observe(says("ups", verdict, at(second)), at(second));
        let judged = engine.snapshot().current().checks[2].clone();
        (judged.verdict, judged.since)
    };
    // It had begun to fail in the evening, and fails now.
    let mut engine = asleep(&[(NotReady, 10.0)]);
    assert_eq!(ups(&mut engine, NotReady, morning), (Unknown, at(morning).wall));
    assert_eq!(ups(&mut engine, NotReady, morning + 2.0).0, Unknown, "it has to last");
    assert_eq!(ups(&mut engine, NotReady, morning + 3.0), (NotReady, at(morning).wall));
    // It was on its way back.
    let mut engine = asleep(&[(NotReady, 1.0), (NotReady, 5.0), (Ready, 10.0)]);
    for second in [0.0, 15.0, 30.0, 45.0, 59.0] {
        assert_eq!(ups(&mut engine, Ready, morning + second), (Unknown, at(morning).wall), "{second}");
    }
    assert_eq!(engine.snapshot().current().checks[2].reasons[0].def.code, "siaga.stale");
    assert_eq!(ups(&mut engine, Ready, morning + 60.0), (Ready, at(morning).wall));
    // What is as late as a driver may be puts it off.
    for (second, verdict) in [(20.0, Ready), (25.0, Ready), (25.1, Unknown)] {
        assert_eq!(ups(&mut asleep(&[]), Ready, second).0, verdict, "{second}");
    }
    // Packets of yesterday say nothing of the line today.
    let mut engine = Engine::new(plan(vec![far()]), Restored::default(), at(0.0));
    for (sent, lost, second) in [(600, 300, 0.0), (10, 0, morning)] {
        let reading = Reading { sample: Some(Sample { sent, lost, outage: false }), ..Reading::default() };
        engine.observe(Observation::read("far".into(), at(second), Duration::ZERO, reading), at(second));
    }
    let (snapshot, far) = (engine.snapshot(), engine.snapshot().current().checks[0].clone());
    assert_eq!(snapshot.check("far").unwrap().loss.map(|loss| (loss.sent, loss.lost)), Some((10, 0)));
    assert_eq!((far.verdict, far.since), (Unknown, at(morning).wall));
}

#[test]
fn a_night_asleep_is_no_incident_in_the_morning_and_what_is_not_seen_then_is_one_in_its_time() {
    use Verdict::{NotReady, Ready};

    // The incidents of a morning, by when they begin, change and end; at night the UPS was as said, in the morning as said of each second.
    let morning = |at_night: Verdict, ups: &dyn Fn(u32) -> Option<Verdict>| {
        let mut plan = room();
        // A test, which another one has to confirm, has its time for that.
        Arc::make_mut(&mut plan.checks[4]).fresh_for = secs(2100);
        let mut engine = Engine::new(plan, Restored::default(), at(0.0));
        let look = |engine: &mut Engine, ups: Option<Verdict>, now: Now| {
            let others = ["link", "gateway", "camera"].map(|name| says(name, Ready, now));
            let ups = ups.map(|verdict| says("ups", verdict, now));
            engine.observe_all(others.into_iter().chain(ups).chain([rate(1e7, now)]), now);
        };
        for second in 0..30 {
            look(&mut engine, Some(at_night), at(f64::from(second)));
        }
        engine.drain_events();
        let mut told = Vec::new();
        for second in 0..100 {
            let now = at(50_000.0 + f64::from(second));
            engine.tick(now);
            if second > 1 {
                look(&mut engine, ups(second), now);
            }
            told.extend(engine.drain_events().into_iter().filter_map(|event| match event {
                Event::IncidentOpened(one) => Some((second, "begins", one.component)),
                Event::IncidentChanged(one) => Some((second, "changes", one.component)),
                Event::IncidentClosed(one) => Some((second, "ends", one.component)),
                _ => None,
            }));
        }
        told
    };
    assert_eq!(morning(Ready, &|_| Some(Ready)), []);
    // Nothing is heard of it, or its looks fail: it has its twenty seconds, as after a start.
    for unseen in [None, Some(Verdict::Unknown)] {
        assert_eq!(morning(Ready, &|_| unseen), [(20, "begins", Component::Power)]);
    }
    // Heard of once, and no more: that is too old in its own time.
    assert_eq!(morning(Ready, &|second| (second < 9).then_some(Ready)), [(28, "begins", Component::Power)]);
    // What is bad is so as soon as it is certain, and what was bad at night is what it was.
    assert_eq!(morning(Ready, &|_| Some(NotReady)), [(5, "begins", Component::Power)]);
    assert_eq!(morning(NotReady, &|_| Some(NotReady)), []);
    assert_eq!(morning(NotReady, &|_| Some(Ready)), [(62, "ends", Component::Power)]);
}

#[test]
fn what_cannot_be_seen_now_is_not_ready_tomorrow() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    for name in NAMES {
        let verdict = if name == "camera" { Verdict::Unknown } else { Verdict::Ready };
        engine.observe(says(name, verdict, at(0.0)), at(0.0));
    }
    engine.observe(rate(1e7, at(0.0)), at(0.0));
    let snapshot = engine.snapshot();
    let tomorrow = at(86_400.0 * 2.0).wall;
    let question = slot::Question::new(&snapshot, None, Some(tomorrow), None, at(1.0)).unwrap();
    assert_eq!(slot::answer(&snapshot, &question, at(1.0)).view.verdict, Verdict::Unknown);
}

#[test]
fn what_does_not_count_explains_nothing_away_that_does() {
    use Requirement::{Advisory, Required};

    // The hub dies and takes the camera along: the check of the hub is advisory, or its component is, or both count.
    for (hub, computer, told, above) in [
        (Advisory, Required, Component::Video, "computer"),
        (Required, Advisory, Component::Video, "ups"),
        (Required, Required, Component::Computer, "usb"),
    ] {
        let mut plan = room();
        plan.checks.push(Arc::new(spec("computer", Kind::Computer, Level::Computer)));
        plan.checks.push(Arc::new(CheckSpec { requirement: hub, ..spec("usb", Kind::Usb, Level::UsbBus) }));
        for profile in &mut plan.profiles {
            Arc::make_mut(profile).components.insert(Component::Computer, computer);
        }
        let mut engine = Engine::new(plan, Restored::default(), at(0.0));
        let mut look = |bad: &[&str], seconds: std::ops::RangeInclusive<u32>| {
            for second in seconds {
                let now = at(f64::from(second));
                let names = NAMES.into_iter().chain(["computer", "usb"]);
                let verdict = |name: &str| if bad.contains(&name) { Verdict::NotReady } else { Verdict::Ready };
                let passive = names.map(|name| says(name, verdict(name), now));
                let test = rate(if bad.len() > 2 { 1.0 } else { 1e7 }, now);
                engine.observe_all(passive.chain([test]), now);
            }
            let snapshot = engine.snapshot();
            let view = snapshot.current();
            let name = |name: &Option<CheckName>| name.as_ref().map(ToString::to_string).unwrap_or_default();
            let open: Vec<_> = snapshot.incidents.iter().map(|incident| incident.component).collect();
            (view.verdict, open, name(&view.checks[3].blocked_by), name(&view.root_cause))
        };
        assert_eq!(look(&[], 0..=20), (Verdict::Ready, vec![], String::new(), String::new()));
        let (by, root) = if told == Component::Computer { ("usb", "usb") } else { ("", "camera") };
        assert_eq!(look(&["camera", "usb"], 21..=30), (Verdict::NotReady, vec![told], by.to_owned(), root.to_owned()));
        look(&[], 31..=100);
        // What counts above it explains it still.
        let all = ["link", "gateway", "ups", "camera", "computer", "usb"];
        let (.., by, root) = look(&all, 101..=110);
        assert_eq!((by.as_str(), root.as_str()), (above, "ups"));
    }
}
