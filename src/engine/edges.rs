//! Edges of the judge that no other test stood on: each of these lets a wrong sign or a wrong connective pass without it.

use super::rooms::*;
use super::*;
use crate::domain::{Component, ErrorKind, Finding, Kind, Level, ProbeError, Reading, ReasonDef, Sample, Text};

/// How often incidents were opened, changed and closed since this was last asked.
fn incidents(engine: &mut Engine) -> [usize; 3] {
    let events = engine.drain_events();
    let count = |which: fn(&Event) -> bool| events.iter().filter(|event| which(event)).count();
    [
        count(|event| matches!(event, Event::IncidentOpened(_))),
        count(|event| matches!(event, Event::IncidentChanged(_))),
        count(|event| matches!(event, Event::IncidentClosed(_))),
    ]
}

/// All good but the UPS, which says that.
pub(super) fn ups(engine: &mut Engine, verdict: Verdict, second: u32) {
    let now = at(f64::from(second));
    for name in NAMES {
        engine.observe(says(name, if name == "ups" { verdict } else { Verdict::Ready }, now), now);
    }
    engine.observe(rate(1e7, now), now);
}

/// A room that was good for so long that it has settled.
pub(super) fn settled(plan: Plan) -> Engine {
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    for second in 0..=20 {
        ups(&mut engine, Verdict::Ready, second);
    }
    engine.drain_events();
    engine
}

#[test]
fn what_is_unknown_is_an_incident_after_as_long_as_evidence_counts_and_not_before() {
    let mut engine = settled(room());
    // Decided after its hold of 3 s, at 24; unknown for 20 s then.
    for second in 21..44 {
        ups(&mut engine, Verdict::Unknown, second);
        assert_eq!(incidents(&mut engine), [0; 3], "{second}");
    }
    ups(&mut engine, Verdict::Unknown, 44);
    assert_eq!(incidents(&mut engine), [1, 0, 0]);
}

#[test]
fn the_patience_with_the_unknown_is_that_of_what_is_required() {
    let mut plan = room();
    let mut spare = spec("spare", Kind::Ups, Level::Power);
    (spare.requirement, spare.fresh_for) = (Requirement::Advisory, secs(2));
    plan.checks.push(Arc::new(spare));
    let mut engine = settled(plan);
    for second in 21..44 {
        let now = at(f64::from(second));
        engine.observe(says("spare", Verdict::NotReady, now), now);
        ups(&mut engine, Verdict::Unknown, second);
        assert_eq!(incidents(&mut engine), [0; 3], "{second}");
    }
}

#[test]
fn the_patience_with_the_unknown_is_that_of_what_is_unknown_and_is_over_with_its_evidence() {
    use Verdict::{Ready, Unknown};

    // A driver that is asked often beside one that is asked seldom, and far ends of which one is enough.
    let mut plan = room();
    plan.checks.push(Arc::new(CheckSpec { fresh_for: secs(2100), ..spec("battery", Kind::Ups, Level::Power) }));
    for name in ["first", "second"] {
        plan.checks.push(Arc::new(CheckSpec { fresh_for: secs(200), ..spec(name, Kind::Ups, Level::Power) }));
    }
    let far_ends = Some(crate::domain::Group { name: "far_ends".into(), need: 1 });
    for name in ["dead", "alive"] {
        plan.checks.push(Arc::new(CheckSpec { group: far_ends.clone(), ..spec(name, Kind::Icmp, Level::FarEnd) }));
    }
    let open = |said: &dyn Fn(&str, u32) -> Option<Verdict>, until: u32| {
        let mut engine = Engine::new(plan.clone(), Restored::default(), at(0.0));
        let opened = (0..=until).find(|second| {
            let now = at(f64::from(*second));
            let names = NAMES.into_iter().chain(["battery", "first", "second", "dead", "alive"]);
            let seen = names.filter_map(|name| Some(says(name, said(name, *second)?, now)));
            engine.observe_all(seen.chain([rate(1e7, now)]), now);
            incidents(&mut engine)[0] > 0
        });
        (opened, engine.snapshot().incidents.first().map(|incident| incident.component))
    };
    let power = |second| (Some(second), Some(Component::Power));
    // Seen last at 20, believed for 20 s: what is asked seldom, and is good, gives it no more time.
    let silent = |name: &str, second| (name != "ups" || second <= 20).then_some(Ready);
    assert_eq!(open(&silent, 100), power(40));
    // Nor does what is asked often, and is good, take any away from the other, unknown since 24.
    let blind = |name: &str, second| Some(if name == "battery" && second > 20 { Unknown } else { Ready });
    assert_eq!(open(&blind, 2123), (None, None));
    assert_eq!(open(&blind, 2124), power(2124));
    // What another stands in for makes nothing unknown, and hastens nothing: the router is unknown since 44.
    let beside = |name: &str, second| match name {
        "dead" => (second <= 20).then_some(Ready),
        "gateway" if second > 40 => Some(Unknown),
        _ => Some(Ready),
    };
    assert_eq!(open(&beside, 63), (None, None));
    assert_eq!(open(&beside, 64), (Some(64), Some(Component::Internet)));
    // Where none of them is left it is unknown for as long as evidence counts, since 24.
    let none =
        |name: &str, second| Some(if ["dead", "alive"].contains(&name) && second > 20 { Unknown } else { Ready });
    assert_eq!([43, 44].map(|until| open(&none, until).0), [None, Some(44)]);
    // One that was unknown for long while another stood in for it has had its time when that is unknown too.
    let stood_in_for = |name: &str, second| match name {
        "dead" if second > 20 => Some(Unknown),
        "alive" if second > 100 => Some(Unknown),
        _ => Some(Ready),
    };
    assert_eq!([103, 104].map(|until| open(&stood_in_for, until).0), [None, Some(104)]);
    // Each has its own time from when it became so: the one that is asked often counts from 1004, and not from the other's 24.
    let both = |name: &str, second| match name {
        "battery" if second > 20 => Some(Unknown),
        "ups" if second > 1000 => Some(Unknown),
        _ => Some(Ready),
    };
    assert_eq!(open(&both, 1023), (None, None));
    assert_eq!(open(&both, 1024), power(1024));
    // By turns, and yet without a break since 24: the one until it has been good for its minute, the other from before that on.
    let by_turns = |name: &str, second| match name {
        // Of one that may be unknown for longer nobody has to wait for them.
        "battery" if (21..30).contains(&second) => Some(Unknown),
        "first" if (21..40).contains(&second) => Some(Unknown),
        "second" if second > 90 => Some(Unknown),
        _ => Some(Ready),
    };
    assert_eq!(open(&by_turns, 223), (None, None));
    assert_eq!(open(&by_turns, 224), power(224));
}

#[test]
fn what_was_too_old_at_a_start_has_its_time_to_be_looked_at() {
    let plan = room_with_test("frames", Kind::Frames);
    let observations = vec![says("frames", Verdict::Ready, Now { mono: at(0.0).mono.before(secs(9000)), ..at(0.0) })];
    let mut engine = Engine::new(plan, Restored { observations, ..Restored::default() }, at(0.0));
    for second in 0..100 {
        ups(&mut engine, Verdict::Ready, second);
        assert_eq!(incidents(&mut engine), [0; 3], "{second}");
    }
    assert_eq!(engine.snapshot().current().checks[5].reasons[0].def.code, "siaga.stale");
}

#[test]
fn what_goes_on_as_it_was_is_no_news_and_what_becomes_worse_is_told_once() {
    let mut engine = settled(room());
    for second in 21..=24 {
        ups(&mut engine, Verdict::Degraded, second);
    }
    assert_eq!(incidents(&mut engine), [1, 0, 0]);
    // Another value in the same words is no news.
    for second in 25..30 {
        let mut said = says("ups", Verdict::Degraded, at(f64::from(second)));
        said.reading.findings = vec![Finding::new(&BROKEN, Verdict::Degraded).with("value", second.to_string())];
        engine.observe(said, at(f64::from(second)));
        assert_eq!(incidents(&mut engine), [0; 3], "{second}");
    }
    for second in 30..=40 {
        ups(&mut engine, Verdict::NotReady, second);
        assert_eq!(incidents(&mut engine), [0, usize::from(second == 33), 0], "{second}");
    }
    for second in 41..=101 {
        ups(&mut engine, Verdict::Ready, second);
        assert_eq!(incidents(&mut engine), [0, 0, usize::from(second == 101)], "{second}");
    }
}

#[test]
fn what_is_only_advised_is_no_incident_and_no_part_of_one() {
    let mut plan = room();
    plan.checks.push(Arc::new(spec("microphone", Kind::Audio, Level::Device)));
    let mut spare = spec("spare", Kind::Ups, Level::Power);
    spare.requirement = Requirement::Advisory;
    plan.checks.push(Arc::new(spare));
    let mut engine = settled(plan);
    for second in 21..=30 {
        let now = at(f64::from(second));
        for name in ["microphone", "spare"] {
            engine.observe(says(name, Verdict::NotReady, now), now);
        }
        ups(&mut engine, Verdict::Ready, second);
    }
    assert_eq!(incidents(&mut engine), [0; 3]);
    for second in 31..=34 {
        ups(&mut engine, Verdict::NotReady, second);
    }
    let open = engine.snapshot().incidents.clone();
    assert_eq!((open.len(), open[0].component), (1, Component::Power));
    // The component's own word, and the UPS's; neither the spare one's nor the microphone's.
    let power = engine.snapshot().current().components.iter().find(|it| it.component == Component::Power).cloned();
    assert_eq!(open[0].reasons.len(), power.unwrap().reasons.len() + 1, "{open:#?}");
}

#[test]
fn observations_of_nobody_are_counted() {
    let mut engine = settled(room());
    let now = at(21.0);
    let all = ["link", "nobody", "ups", "no one"].map(|name| says(name, Verdict::Ready, now));
    let before = engine.snapshot().seq;
    assert_eq!(engine.observe_all(all, now), 2);
    assert_eq!(engine.snapshot().seq, before + 1, "one turn for all of them");
}

#[test]
fn a_reload_that_changes_no_profile_keeps_what_is_not_decided_yet_and_since_when_all_is() {
    let mut engine = settled(room());
    let since = |engine: &Engine| -> Vec<_> {
        engine.snapshot().current().components.iter().map(|component| component.since).collect()
    };
    let before = since(&engine);
    engine.observe(says("ups", Verdict::NotReady, at(21.0)), at(21.0));
    engine.adopt(room(), at(22.0));
    assert_eq!(since(&engine), before);
    assert_eq!(engine.snapshot().check("ups").unwrap().runs, 22);
    engine.tick(at(23.9));
    assert_eq!(engine.snapshot().current().checks[2].verdict, Verdict::Ready);
    engine.tick(at(24.0));
    assert_eq!(engine.snapshot().current().checks[2].verdict, Verdict::NotReady);
}

#[test]
fn profiles_may_become_alike_and_differ_again() {
    let mut engine = settled(room());
    let mut alike = room();
    alike.profiles[1] = profile("large", 1e6, 5e5);
    engine.observe(rate(2e6, at(21.0)), at(21.0));
    engine.observe(rate(2e6, at(25.0)), at(25.0));
    let large = |engine: &Engine| engine.snapshot().profile("large").unwrap().checks[4].verdict;
    assert_eq!(large(&engine), Verdict::Degraded);
    engine.adopt(alike, at(26.0));
    assert_eq!(large(&engine), Verdict::Ready);
    engine.adopt(room(), at(27.0));
    assert_eq!(large(&engine), Verdict::Degraded);
}

#[test]
fn what_is_held_back_shortens_no_word_of_the_room() {
    let mut engine = settled(room());
    engine.command(&Order::Agenda { live: true }, at(21.0));
    for second in 22..=30 {
        let now = at(f64::from(second));
        for name in NAMES {
            engine.observe(says(name, Verdict::Ready, now), now);
        }
    }
    // The bandwidth's evidence of second 20 is held; the others' counts for 20 s.
    assert_eq!(engine.snapshot().current().valid_until, at(50.0).mono);
}

#[test]
fn failures_are_counted_by_their_kind() {
    let mut engine = settled(room());
    for (second, kind) in [(21.0, ErrorKind::Timeout), (22.0, ErrorKind::Timeout), (23.0, ErrorKind::Permission)] {
        let mut blind = says("ups", Verdict::Unknown, at(second));
        blind.error = Some(ProbeError::new(kind, "not seen"));
        engine.observe(blind, at(second));
    }
    let failures = engine.snapshot().check("ups").unwrap().failures.clone();
    assert_eq!((failures[&ErrorKind::Timeout], failures[&ErrorKind::Permission], failures.len()), (2, 1, 2));
}

#[test]
fn a_look_without_packets_forgets_none_and_one_that_failed_forgets_all() {
    let mut engine = lossy();
    let seen = |engine: &Engine| format!("{:?}", engine.snapshot().check("far").unwrap().loss);
    let nothing = seen(&engine);
    let reading = Reading { sample: Some(Sample { sent: 100, lost: 50, outage: false }), ..Reading::default() };
    engine.observe(Observation::read("far".into(), at(1.0), Duration::ZERO, reading), at(1.0));
    let packets = seen(&engine);
    assert_ne!(packets, nothing);
    engine.observe(says("far", Verdict::Ready, at(2.0)), at(2.0));
    assert_eq!(seen(&engine), packets);
    let mut blind = says("far", Verdict::Unknown, at(3.0));
    blind.error = Some(ProbeError::new(ErrorKind::Permission, "not allowed"));
    engine.observe(blind, at(3.0));
    assert_eq!(seen(&engine), nothing);
}

/// A line whose loss is judged.
fn lossy() -> Engine {
    Engine::new(plan(vec![far()]), Restored::default(), at(0.0))
}

#[test]
fn a_loss_names_the_limit_that_it_is_beyond_and_is_no_news_where_there_is_none_or_nobody_answers() {
    let said = |lost: u32, outage: bool, verdict: Verdict| {
        let mut engine = lossy();
        let mut look = says("far", verdict, at(1.0));
        look.reading.sample = Some(Sample { sent: 600, lost, outage });
        engine.observe(look, at(1.0));
        let judged = engine.snapshot().current().checks[0].clone();
        let limit = |reason: &crate::domain::Reason| {
            reason.args.iter().find(|(name, _)| *name == "limit").map(|(_, limit)| limit.clone())
        };
        judged.reasons.iter().map(|reason| (reason.def.code, limit(reason))).collect::<Vec<_>>()
    };
    let share = |share| Some(crate::domain::Arg::Number(share, crate::domain::Unit::Ratio));
    assert_eq!(said(0, false, Verdict::Ready), []);
    assert_eq!(said(30, false, Verdict::Ready), [(LOSS.code, share(0.02))]);
    assert_eq!(said(150, false, Verdict::Ready), [(LOSS.code, share(0.08))]);
    assert_eq!(said(600, true, Verdict::NotReady), [(BROKEN.code, None)]);
}

#[test]
fn a_bus_explains_what_hung_on_it_also_while_both_are_on_their_way_back() {
    let mut bus = spec("bus", Kind::Usb, Level::UsbBus);
    (bus.holds.bad_for, bus.fresh_for) = (Duration::ZERO, secs(1000));
    let camera = |name: &str| {
        let mut camera = spec(name, Kind::Camera, Level::Device);
        (camera.holds.bad_for, camera.holds.good_for, camera.fresh_for) = (Duration::ZERO, secs(10), secs(1000));
        camera
    };
    let mut plan = plan(vec![bus, camera("on_it"), camera("beside")]);
    // Only what counts explains what does.
    Arc::make_mut(&mut plan.profiles[0]).components.insert(Component::Computer, Requirement::Required);
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    let mut see = |name: &str, verdict: Verdict, place: Option<&str>, second: f64| {
        let mut seen = says(name, verdict, at(second));
        let named = place.map(str::to_owned).into_iter().collect();
        *(if name == "bus" { &mut seen.reading.gone } else { &mut seen.reading.places }) = named;
        engine.observe(seen, at(second));
        let snapshot = engine.snapshot();
        let explained = |at: usize| snapshot.current().checks[at].blocked_by.as_ref().map(ToString::to_string);
        (explained(1), explained(2))
    };
    see("bus", Verdict::Ready, None, 1.0);
    see("on_it", Verdict::Ready, Some("usb-0000:00:14.0-2.1"), 1.0);
    see("beside", Verdict::Ready, Some("usb-0000:00:14.0-3"), 1.0);
    // What is unplugged stands nowhere: the last word of where it was counts.
    see("on_it", Verdict::NotReady, None, 10.0);
    see("beside", Verdict::NotReady, None, 10.0);
    assert_eq!(see("bus", Verdict::NotReady, Some("usb-0000:00:14.0-2"), 10.0), (Some("bus".to_owned()), None));
    // It is back and has not lasted; what hung on it works half way since then.
    see("bus", Verdict::Ready, None, 40.0);
    see("on_it", Verdict::Degraded, Some("usb-0000:00:14.0-2.1"), 45.0);
    assert_eq!(see("on_it", Verdict::Degraded, Some("usb-0000:00:14.0-2.1"), 56.0), (Some("bus".to_owned()), None));
}

#[test]
fn the_reasons_are_those_of_what_is_decided() {
    use Verdict::{Degraded, NotReady, Ready, Unknown};

    type Found = [(&'static crate::domain::ReasonDef, Verdict)];
    let mut engine = settled(room());
    let mut see = |found: &Found, second: f64| {
        let mut seen = says("ups", Verdict::Ready, at(second));
        seen.reading.findings = found.iter().map(|(reason, verdict)| Finding::new(reason, *verdict)).collect();
        engine.observe(seen, at(second));
        let judged = engine.snapshot().current().checks[2].clone();
        (judged.verdict, judged.reasons.iter().map(|reason| (reason.def.code, reason.verdict)).collect::<Vec<_>>())
    };
    // What is not decided yet has no reason yet.
    assert_eq!(see(&[(&BROKEN, NotReady)], 21.0), (Ready, vec![]));
    assert_eq!(see(&[(&BROKEN, NotReady)], 24.0), (NotReady, vec![(BROKEN.code, NotReady)]));
    // What made it bad stands until it has been better for long enough, beside what is said now; once each.
    let both = vec![(BROKEN.code, NotReady), (RATE_LOW.code, Degraded)];
    assert_eq!(see(&[(&RATE_LOW, Degraded)], 25.0), (NotReady, both));
    assert_eq!(see(&[(&BROKEN, Degraded)], 26.0), (NotReady, vec![(BROKEN.code, NotReady)]), "as it was, once");
    for second in [27.0, 45.0, 65.0] {
        see(&[], second);
    }
    assert_eq!(see(&[], 87.0), (Ready, vec![]));
    // Decided in steps: at least unknown for three seconds, not ready for one.
    see(&[(&LOSS, Unknown)], 88.0);
    assert_eq!(see(&[(&LOSS, Unknown), (&BROKEN, NotReady)], 91.0), (Unknown, vec![(LOSS.code, Unknown)]));
    for second in [92.0, 110.0, 130.0, 152.0] {
        see(&[], second);
    }
    see(&[(&LOSS, Unknown)], 153.0);
    assert_eq!(
        see(&[(&BROKEN, NotReady)], 156.0),
        (Unknown, vec![(BROKEN.code, Unknown)]),
        "the worse one, for want of another"
    );
    for second in 157..219 {
        see(&[(&RATE_LOW, Degraded)], f64::from(second));
    }
    // What it was decided by stands until what is worse is decided, or not.
    let slow = (Degraded, vec![(RATE_LOW.code, Degraded)]);
    assert_eq!(see(&[(&RATE_LOW, Degraded)], 219.0), slow);
    assert_eq!(see(&[(&BROKEN, NotReady)], 220.0), slow);
    assert_eq!(see(&[(&RATE_LOW, Degraded)], 221.0), slow);
    // What gets better in steps is as bad as is decided, by what it was worse by.
    for second in 222..290 {
        see(&[(&BROKEN, if second < 226 { NotReady } else { Degraded })], f64::from(second));
    }
    assert_eq!(see(&[], 290.0), (Degraded, vec![(BROKEN.code, Degraded)]));
}

#[test]
fn what_does_not_count_shortens_no_word_of_the_room_and_is_no_cause() {
    let short = |name: &str, kind, level| CheckSpec { fresh_for: secs(10), ..spec(name, kind, level) };
    let spare = CheckSpec { requirement: Requirement::Advisory, ..short("spare", Kind::Ups, Level::Power) };
    // Sound is advisory in these profiles, and there is no radio.
    let (sound, set) = (short("sound", Kind::Audio, Level::Device), short("set", Kind::Radio, Level::Device));
    // One of two that stand for the same.
    let far_ends = Some(crate::domain::Group { name: "far_ends".into(), need: 1 });
    let far = |name: &str| CheckSpec { group: far_ends.clone(), ..spec(name, Kind::Icmp, Level::FarEnd) };
    let first = [spare, sound, set, far("dead"), far("alive")];
    let mut plan = room();
    plan.checks.splice(0..0, first.map(Arc::new));
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    let mut all = |bad: &[&str], second: f64| {
        let now = at(second);
        for name in ["spare", "sound", "set", "dead", "alive"].into_iter().chain(NAMES) {
            let verdict = if bad.contains(&name) { Verdict::NotReady } else { Verdict::Ready };
            engine.observe(says(name, verdict, now), now);
        }
        engine.observe(rate(1e7, now), now);
        let snapshot = engine.snapshot();
        let view = snapshot.current();
        (view.verdict, view.root_cause.as_ref().map(ToString::to_string), view.valid_until)
    };
    assert_eq!(all(&[], 1.0), (Verdict::Ready, None, at(21.0).mono));
    let none_counts = ["spare", "sound", "set", "dead"];
    all(&none_counts, 2.0);
    assert_eq!(all(&none_counts, 5.0), (Verdict::Ready, None, at(25.0).mono));
    let and_the_camera = [&none_counts[..], &["camera"]].concat();
    all(&and_the_camera, 6.0);
    assert_eq!(all(&and_the_camera, 9.0), (Verdict::NotReady, Some("camera".to_owned()), at(29.0).mono));
}

#[test]
fn a_ups_that_is_degraded_already_tells_that_it_goes_on_battery_and_comes_from_it() {
    static VOLTAGE: ReasonDef = ReasonDef::new("power.voltage_low", Text::new("x", "x"), Text::new("x", "x"));
    static BATTERY: ReasonDef = ReasonDef::new("power.on_battery", Text::new("x", "x"), Text::new("x", "x"));
    let mut engine = settled(room());
    let mut say = |second: u32, reasons: &[&'static ReasonDef]| {
        let now = at(f64::from(second));
        // Of anything but a UPS the same words make no row.
        for name in ["ups", "gateway"] {
            let mut reading = Reading::default();
            for reason in reasons {
                reading.find(Finding::new(reason, Verdict::Degraded));
            }
            engine.observe(Observation::read(name.into(), now, Duration::ZERO, reading), now);
        }
        let told = engine.drain_events().into_iter().filter_map(|event| match event {
            Event::Transition(Transition { subject: Subject::Check(name), from, to, codes, .. }) => {
                Some((name.to_string(), from, to, codes))
            }
            _ => None,
        });
        told.filter(|(name, from, to, _)| name == "ups" || from == to).collect::<Vec<_>>()
    };
    let (low, mains_out) = ([&VOLTAGE], [&VOLTAGE, &BATTERY]);
    let row = |from, codes: &[&'static str]| vec![("ups".to_owned(), from, Verdict::Degraded, codes.to_vec())];
    assert_eq!(say(21, &low), []);
    assert_eq!(say(25, &low), row(Verdict::Ready, &["power.voltage_low"]));
    assert_eq!(say(26, &low), []);
    assert_eq!(say(27, &mains_out), row(Verdict::Degraded, &["power.voltage_low", "power.on_battery"]));
    assert_eq!(say(28, &mains_out), [], "once");
    assert_eq!(say(29, &[&BATTERY]), [], "other reasons are no news");
    assert_eq!(say(30, &low), row(Verdict::Degraded, &["power.voltage_low"]));
}

#[test]
fn what_several_checks_of_a_component_say_alike_is_told_once() {
    let mut plan = room();
    for name in ["far-a", "far-b"] {
        plan.checks.push(Arc::new(spec(name, Kind::Icmp, Level::FarEnd)));
    }
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    for second in 0..=30 {
        let now = at(f64::from(second));
        let all = ["far-a", "far-b"].map(|name| {
            let mut reading = Reading::default();
            if second > 20 {
                reading.find(Finding::new(&LOSS, Verdict::NotReady));
                reading.find(Finding::new(&BROKEN, Verdict::NotReady));
            }
            Observation::read(name.into(), now, Duration::ZERO, reading)
        });
        // Both at once, so that the component changes by both.
        engine.observe_all(all, now);
        ups(&mut engine, Verdict::Ready, second);
    }
    let worse = |subject: Subject| {
        move |event: &Event| match event {
            Event::Transition(told) if told.subject == subject && told.to == Verdict::NotReady => {
                Some(told.codes.clone())
            }
            _ => None,
        }
    };
    let events = engine.drain_events();
    for subject in [Subject::Component(Component::Internet), Subject::Room] {
        let told: Vec<_> = events.iter().filter_map(worse(subject.clone())).collect();
        assert_eq!(told, [[LOSS.code, BROKEN.code]], "{subject:?}");
    }
}
