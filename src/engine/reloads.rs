//! What a reload of the config leaves as it was, and what a restart finds again: for tests alone.

use super::rooms::*;
use super::*;
use crate::domain::{Component, Group, Holds, Kind, Level, Reading, Requirement, Sample, Subject};

/// The same plan, in which a figure of one profile is another: how long the battery must last.
fn other_figure(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    Arc::make_mut(&mut plan.profiles[1]).runtime = secs(1200);
    plan
}

fn judged(engine: &Engine, name: &str) -> Judged {
    let snapshot = engine.snapshot();
    let place = snapshot.checks.iter().position(|check| check.spec.name.as_str() == name).unwrap();
    snapshot.current().checks[place].clone()
}

#[test]
fn what_was_decided_of_loss_stands_while_packets_leave_it_open() {
    let mut engine = Engine::new(plan(vec![far()]), Restored::default(), at(0.0));
    let look = |engine: &mut Engine, sent, lost, second| {
        let reading = Reading { sample: Some(Sample { sent, lost, outage: false }), ..Reading::default() };
        engine.observe(Observation::read("far".into(), at(second), Duration::ZERO, reading), at(second));
    };
    look(&mut engine, 600, 0, 0.0);
    // 2 %, which is the limit: by these packets alone nothing could be decided.
    for second in [1.0, 2.0, 3.0] {
        look(&mut engine, 200, 4, second);
    }
    assert_eq!(judged(&engine, "far").verdict, Verdict::Ready);
    engine.adopt(other_figure(&engine.plan), at(4.0));
    assert_eq!((judged(&engine, "far").verdict, judged(&engine, "far").since), (Verdict::Ready, at(0.0).wall));
    // So it is where the figure is that of the loss itself, …
    let mut looser = engine.plan.clone();
    Arc::make_mut(&mut looser.profiles[0]).loss.not_ready = 0.1;
    engine.adopt(looser, at(5.0));
    assert_eq!((judged(&engine, "far").verdict, judged(&engine, "far").since), (Verdict::Ready, at(0.0).wall));
    // … unless the packets decide by the new one.
    let mut stricter = engine.plan.clone();
    Arc::make_mut(&mut stricter.profiles[0]).loss.degraded = 0.005;
    engine.adopt(stricter, at(6.0));
    assert_eq!((judged(&engine, "far").verdict, judged(&engine, "far").since), (Verdict::Degraded, at(6.0).wall));
}

#[test]
fn a_rule_that_comes_or_goes_with_other_checks_leaves_what_was_seen() {
    use crate::domain::{Limit, Rule, Test};
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    let rule = Rule {
        quantity: &RATE,
        part: None,
        test: Test::AtLeast,
        degraded: Limit::Fixed(1e12),
        not_ready: Limit::None,
        reason: &RATE_LOW,
    };
    let mut stricter = engine.plan.clone();
    let place = stricter.checks.iter().position(|spec| spec.name.as_str() == "bandwidth").unwrap();
    Arc::make_mut(&mut stricter.checks[place]).rules.push(rule);
    let before = (engine.plan.clone(), engine.snapshot().checks[place].last.clone());
    for (plan, verdict, second) in [(stricter, Verdict::Unknown, 1.0), (before.0, Verdict::Ready, 2.0)] {
        engine.adopt(plan, at(second));
        assert_eq!(engine.snapshot().checks[place].last, before.1, "what was seen is seen");
        assert_eq!(judged(&engine, "bandwidth").verdict, verdict);
        assert_eq!(engine.snapshot().checks[place].spec, engine.plan.checks[place]);
    }
}

#[test]
fn what_a_check_counts_for_and_waits_for_is_changed_in_a_meeting_and_what_was_seen_is_seen() {
    let plan = room_with_test("microphone", Kind::Microphone);
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    engine.observe(says("microphone", Verdict::Ready, at(0.0)), at(0.0));
    engine.command(&Order::Agenda { live: true }, at(1.0));
    engine.observe(says("ups", Verdict::NotReady, at(2.0)), at(2.0));
    let before = engine.snapshot();
    let mut other = engine.plan.clone();
    for spec in other.checks.iter_mut().map(Arc::make_mut) {
        spec.holds = Holds { bad_for: secs(8), good_for: secs(30) };
        spec.fresh_for *= 2;
        spec.group = Some(Group { name: spec.name.as_str().into(), need: 1 });
    }
    Arc::make_mut(&mut other.checks[5]).requirement = Requirement::Advisory;
    engine.adopt(other, at(3.0));
    for (place, (check, before)) in engine.snapshot().checks.iter().zip(&before.checks).enumerate() {
        assert_eq!((&check.last, check.runs), (&before.last, before.runs), "{}", check.spec.name);
        assert_eq!(check.held, before.held);
        assert_eq!(check.spec, engine.plan.checks[place]);
    }
    // The test stands until it is over; what is pending waits by the new hold, and counts by the new age.
    let pending = judged(&engine, "ups").pending.unwrap();
    assert_eq!((pending.since, pending.at), (at(2.0).mono, at(10.0).mono));
    engine.tick(at(9.9));
    assert_eq!(judged(&engine, "ups").verdict, Verdict::Ready);
    engine.tick(at(10.0));
    assert_eq!(judged(&engine, "ups").verdict, Verdict::NotReady);
    engine.tick(at(39.9));
    assert_eq!(
        (judged(&engine, "link").verdict, judged(&engine, "microphone").verdict),
        (Verdict::Ready, Verdict::Ready)
    );
    engine.tick(at(40.0));
    assert_eq!(
        (judged(&engine, "link").verdict, judged(&engine, "microphone").verdict),
        (Verdict::Unknown, Verdict::Ready)
    );
}

#[test]
fn what_had_not_lasted_yet_has_to_last_still() {
    let plan = room_with_test("microphone", Kind::Microphone);
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    engine.observe(says("microphone", Verdict::Ready, at(0.0)), at(0.0));
    // A cough, a slow test, and a UPS that comes back.
    engine.observe(says("ups", Verdict::NotReady, at(1.0)), at(1.0));
    engine.observe(says("ups", Verdict::NotReady, at(5.0)), at(5.0));
    engine.observe(says("microphone", Verdict::NotReady, at(6.0)), at(6.0));
    engine.observe(rate(3e5, at(6.0)), at(6.0));
    engine.observe(says("ups", Verdict::Ready, at(10.0)), at(10.0));
    let verdicts = |engine: &Engine| ["microphone", "bandwidth", "ups"].map(|name| judged(engine, name).verdict);
    let before = [Verdict::Ready, Verdict::Ready, Verdict::NotReady];
    assert_eq!(verdicts(&engine), before);
    engine.adopt(other_figure(&engine.plan), at(15.0));
    assert_eq!(verdicts(&engine), before);
    // By other limits of the rate itself that test stays one that nobody has confirmed, for however long it waits: by the first it is
    // not ready as before, by the second degraded.
    for (floor, second) in [(4e5, 16.0), (2e5, 16.5)] {
        let mut other = engine.plan.clone();
        other.profiles[0] = profile("small", 1.1e6, floor);
        engine.adopt(other, at(second));
        assert_eq!(verdicts(&engine), before, "{floor}");
    }
    engine.observe(says("ups", Verdict::Ready, at(17.0)), at(17.0));
    engine.tick(at(19.0));
    assert_eq!(verdicts(&engine), before);
    engine.observe(says("microphone", Verdict::NotReady, at(19.5)), at(19.5));
    engine.observe(rate(3e5, at(19.5)), at(19.5));
    assert_eq!(verdicts(&engine), [Verdict::NotReady, Verdict::Degraded, Verdict::NotReady]);
    for second in [25.0, 40.0, 55.0, 69.9] {
        engine.observe(says("ups", Verdict::Ready, at(second)), at(second));
        assert_eq!(judged(&engine, "ups").verdict, Verdict::NotReady, "{second}");
    }
    engine.observe(says("ups", Verdict::Ready, at(70.0)), at(70.0));
    assert_eq!(judged(&engine, "ups").verdict, Verdict::Ready, "a minute after it came back");
}

#[test]
fn what_is_as_before_is_so_since_then_and_what_the_new_figure_makes_of_it_since_the_reload() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    engine.observe(says("ups", Verdict::NotReady, at(1.0)), at(1.0));
    engine.observe(says("ups", Verdict::NotReady, at(4.0)), at(4.0));
    let power = |engine: &Engine| {
        let snapshot = engine.snapshot();
        snapshot.current().components.iter().find(|view| view.component == Component::Power).unwrap().since
    };
    let since = |engine: &Engine| {
        let ups = judged(engine, "ups");
        (ups.since, ups.reasons[0].since, power(engine))
    };
    let began = since(&engine);
    assert_eq!(began, (at(1.0).wall, at(4.0).wall, at(4.0).wall));
    // The profiles change places too: they are known by their names.
    let mut other = other_figure(&room());
    other.profiles[0] = profile("small", 2e7, 5e5);
    other.profiles.swap(0, 1);
    other.default_profile = 1;
    engine.adopt(other, at(5.0));
    assert_eq!(&*engine.snapshot().current().profile.name, "small");
    assert_eq!(since(&engine), began);
    assert_eq!(
        (judged(&engine, "bandwidth").verdict, judged(&engine, "bandwidth").since),
        (Verdict::Degraded, at(5.0).wall)
    );
    assert_eq!(judged(&engine, "link").since, at(0.0).wall);
}

#[test]
fn what_is_too_old_or_was_never_seen_is_so_by_any_figure_and_under_a_profile_that_is_new() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    engine.tick(at(30.0));
    let mut other = room();
    other.profiles[0] = profile("small", 2e6, 5e5);
    other.profiles.push(profile("new", 3e6, 5e5));
    other.checks.push(Arc::new(far()));
    engine.adopt(other.clone(), at(40.0));
    other.profiles.push(profile("newer", 5e6, 5e5));
    Arc::make_mut(other.profiles.last_mut().unwrap()).loss.degraded = 0.01;
    engine.adopt(other, at(50.0));
    for view in &engine.snapshot().profiles {
        let said = |at: usize| (view.checks[at].reasons[0].def.code, view.checks[at].since);
        assert_eq!(said(4), ("siaga.stale", at(30.0).wall), "{}", view.profile.name);
        assert_eq!(said(5), ("siaga.no_evidence", at(40.0).wall), "{}", view.profile.name);
    }
    // What comes back from there has to last.
    engine.observe(rate(1e7, at(51.0)), at(51.0));
    assert_eq!(judged(&engine, "bandwidth").verdict, Verdict::Unknown);
}

#[test]
fn a_reload_in_a_meeting_judges_it_by_its_own_profile_and_keeps_its_incidents() {
    // A meeting by sound alone, and one with pictures.
    let plan_of = |default: &str| {
        let mut plan = room();
        plan.profiles = vec![profile("pictures", 1e6, 5e5), profile("sound", 1e6, 5e5)];
        Arc::make_mut(&mut plan.profiles[1]).components.insert(Component::Video, Requirement::Advisory);
        plan.default_profile = plan.profile(default).unwrap();
        plan
    };
    for (default, own, open) in [("pictures", "sound", 0), ("sound", "pictures", 1)] {
        let mut engine = Engine::new(plan_of(default), Restored::default(), at(0.0));
        engine.command(&Order::Profile(engine.plan.profile(own).unwrap()), at(0.0));
        for second in 0..=24 {
            let now = at(f64::from(second));
            for name in NAMES {
                let bad = name == "camera" && second > 20;
                engine.observe(says(name, if bad { Verdict::NotReady } else { Verdict::Ready }, now), now);
            }
            engine.observe(rate(1e7, now), now);
        }
        let incidents = engine.snapshot().incidents.clone();
        assert_eq!(incidents.len(), open, "{own}");
        engine.drain_events();
        // The profiles change places.
        let mut other = other_figure(&plan_of(default));
        other.profiles.swap(0, 1);
        other.default_profile = other.profile(default).unwrap();
        engine.adopt(other, at(25.0));
        assert_eq!(&*engine.snapshot().current().profile.name, own);
        assert_eq!(engine.snapshot().incidents, incidents, "{own}");
        assert_eq!(engine.drain_events(), [], "{own}");
        // Where there is none of its name any more, the default holds.
        let mut without = plan_of(default);
        without.profiles.retain(|profile| &*profile.name == default);
        without.default_profile = 0;
        engine.adopt(without, at(26.0));
        assert_eq!(&*engine.snapshot().current().profile.name, default);
    }
}

#[test]
fn a_restart_in_a_meeting_knows_since_when_what_is_said_under_its_profile_holds() {
    let mut first = Engine::new(room(), Restored::default(), at(0.0));
    first.command(&Order::Profile(1), at(0.0));
    let look = |engine: &mut Engine, second: f64| {
        for name in NAMES {
            engine.observe(says(name, Verdict::Ready, at(second)), at(second));
        }
        engine.observe(rate(2e6, at(second)), at(second));
    };
    look(&mut first, 1.0);
    let told = first.drain_events().into_iter().filter_map(|event| match event {
        Event::Stands(standing) => Some(standing),
        _ => None,
    });
    let observations = vec![rate(2e6, at(5.0))];
    let restored = Restored { standings: told.collect(), observations, ..Restored::default() };
    let mut second = Engine::new(room(), restored, at(10.0));
    second.command(&Order::Profile(1), at(10.0));
    look(&mut second, 10.5);
    // The rate is not what this profile needs, and is what the other one needs: of that nothing was told.
    let snapshot = second.snapshot();
    let internet = |name: &str| {
        let view = snapshot.profile(name).unwrap();
        let line = view.components.iter().find(|view| view.component == Component::Internet).unwrap();
        (view.checks[4].verdict, view.checks[4].since, line.verdict, line.since)
    };
    let began = at(1.0).wall;
    assert_eq!(internet("large"), (Verdict::Degraded, began, Verdict::Degraded, began));
    let now = internet("small");
    assert_eq!((now.0, now.2), (Verdict::Ready, Verdict::Ready));
    assert!(now.1 >= at(10.0).wall && now.3 >= at(10.0).wall, "{now:?}");
}

#[test]
fn what_was_said_lasts_over_a_pause_as_long_as_evidence_of_that_very_thing_counts() {
    let mut plan = room();
    for (check, fresh_for) in plan.checks.iter_mut().zip([40, 30, 20, 50, 60]) {
        Arc::make_mut(check).fresh_for = secs(fresh_for);
    }
    let mut spare = spec("spare", Kind::Ups, Level::Power);
    (spare.requirement, spare.fresh_for) = (Requirement::Advisory, secs(10));
    plan.checks.push(Arc::new(spare));
    let check = |name: &str| bridges(&plan, &Subject::Check(name.into()));
    assert_eq!([check("link"), check("ups"), check("spare")], [40, 20, 10].map(secs));
    let component = |component| bridges(&plan, &Subject::Component(component));
    // Of the line its shortest; of the power what is required alone.
    assert_eq!([component(Component::Internet), component(Component::Power)], [30, 20].map(secs));
    assert_eq!((component(Component::Radio), bridges(&plan, &Subject::Room)), (Duration::MAX, secs(10)));
}

#[test]
fn of_a_check_that_goes_nothing_is_known_from_then_on() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    for second in 0..=20 {
        let now = at(f64::from(second));
        for name in NAMES {
            let bad = name == "ups" && second > 10;
            engine.observe(says(name, if bad { Verdict::NotReady } else { Verdict::Ready }, now), now);
        }
    }
    let told = |engine: &mut Engine| {
        let events = engine.drain_events().into_iter();
        let of_checks = events.filter_map(|event| match event {
            Event::Transition(Transition { subject: Subject::Check(name), from, to, at, settling, .. }) => {
                Some((name.to_string(), from, to, at, settling))
            }
            _ => None,
        });
        of_checks.collect::<Vec<_>>()
    };
    told(&mut engine);
    // One goes, one has another name, and what was never known of the third ends nothing.
    let mut other = room();
    other.checks.push(Arc::new(far()));
    engine.adopt(other.clone(), at(21.0));
    assert_eq!(told(&mut engine), []);
    other.checks.retain(|spec| !["ups", "far"].contains(&spec.name.as_str()));
    Arc::make_mut(&mut other.checks[0]).name = "cable".into();
    engine.adopt(other, at(22.0));
    let gone = |name: &str, from| (name.to_owned(), from, Verdict::Unknown, at(22.0).wall, false);
    assert_eq!(told(&mut engine), [gone("link", Verdict::Ready), gone("ups", Verdict::NotReady)]);
    // Should they come back, they are known anew.
    engine.adopt(room(), at(23.0));
    assert_eq!(told(&mut engine), []);
    engine.observe(says("ups", Verdict::NotReady, at(24.0)), at(24.0));
    assert_eq!(told(&mut engine), [("ups".to_owned(), Verdict::Unknown, Verdict::NotReady, at(24.0).wall, false)]);
}

#[test]
fn a_check_that_goes_before_a_start_has_settled_is_told_so() {
    for (second, settling) in [(14.0, true), (15.0, false)] {
        let mut engine = Engine::new(room(), Restored::default(), at(0.0));
        for moment in [0.0, second - 1.0] {
            all_good(&mut engine, at(moment));
        }
        engine.drain_events();
        let mut other = room();
        other.checks.retain(|spec| spec.name.as_str() != "ups");
        engine.adopt(other, at(second));
        let told = engine.drain_events().into_iter().filter_map(|event| match event {
            Event::Transition(told) if told.subject == Subject::Check("ups".into()) => Some((told.to, told.settling)),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), [(Verdict::Unknown, settling)], "{second}");
    }
}
