//! The battery against the meeting's length, by the worked examples, and what the agenda adds to an answer.

use std::time::Duration;

use super::slot::{Known, Planned, Unread, with_agenda, with_battery};
use crate::domain::{
    Arg, Component, Finding, Kind, Limit, Now, Observation, ProfileLimit, Quantity, Reading, ReasonDef, Rule, Snapshot,
    Test, Text, Unit, Verdict,
};
use crate::engine::rooms::{all_good, at, rate, room, says};
use crate::engine::slot::{Answer, Question, answer};
use crate::engine::{Engine, Restored};

static USABLE: Quantity = Quantity::gauge("ups_usable_runtime_seconds", Unit::Seconds, "x").by("source");
static SHORT: ReasonDef =
    ReasonDef::new("power.short_on_battery", Text::new("{value} {limit}", "{value} {limit}"), Text::new("x", "x"));

static OLD: ReasonDef = ReasonDef::new("power.battery_old", Text::new("x", "x"), Text::new("x", "x"));
static OUT: ReasonDef = ReasonDef::new("power.on_battery", Text::new("x", "x"), Text::new("x", "x"));

/// A room whose battery supplies it with what `runtime` (s, as the UPS reports it) leaves; its policy asks for 15 minutes.
fn on_battery(runtime: f64) -> std::sync::Arc<Snapshot> {
    on_battery_for(runtime, Duration::ZERO)
}

/// The same, where an outage must last so long before it is one.
fn on_battery_for(runtime: f64, bad_for: Duration) -> std::sync::Arc<Snapshot> {
    let mut engine = on_mains(bad_for);
    engine.observe(supplies(runtime, &[&OUT], at(1.0)), at(1.0));
    engine.snapshot()
}

/// The same room on mains.
fn on_mains(bad_for: Duration) -> Engine {
    let mut plan = room();
    for check in &mut plan.checks {
        if check.kind == Kind::Ups {
            let mut spec = (**check).clone();
            spec.holds.bad_for = bad_for;
            spec.rules = vec![Rule {
                quantity: &USABLE,
                part: Some("battery"),
                test: Test::Below,
                degraded: Limit::None,
                not_ready: Limit::Profile(ProfileLimit::Runtime),
                reason: &SHORT,
            }];
            *check = std::sync::Arc::new(spec);
        }
    }
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    engine
}

fn supplies(runtime: f64, found: &[&'static ReasonDef], now: Now) -> Observation {
    let findings = found.iter().map(|reason| Finding::new(reason, Verdict::Degraded)).collect();
    let mut reading = Reading { findings, ..Reading::default() };
    // As the probe reckons it (`probe/ups/status.rs`): four fifths are believed, five minutes are kept for the end.
    reading.measure_part(&USABLE, "battery", (0.8 * runtime - 300.0).max(0.0));
    Observation::read("ups".into(), now, Duration::ZERO, reading)
}

fn asked(snapshot: &Snapshot, minutes: u64, now: Now) -> Answer {
    let end = now.after(Duration::from_mins(minutes)).wall;
    let question = Question::new(snapshot, None, None, Some(end), now).unwrap();
    with_battery(answer(snapshot, &question, now), snapshot, Some(end), now)
}

#[test]
fn the_battery_must_last_until_the_meeting_ends_by_the_worked_examples() {
    for (runtime, minutes, lasts) in [
        (5400.0, 60, true),
        (4950.0, 60, true),
        (4500.0, 60, false),
        (1080.0, 30, false),
        // The rule's own edge: 0.8 × 4875 − 300 is an hour.
        (4875.0, 60, true),
        (4874.0, 60, false),
        // Less than the policy's 15 minutes, and enough for what is left of the meeting.
        (1080.0, 9, true),
        (400.0, 1, false),
    ] {
        let snapshot = on_battery(runtime);
        let answer = asked(&snapshot, minutes, at(1.0));
        let expected = if lasts { Verdict::Degraded } else { Verdict::NotReady };
        assert_eq!(answer.view.verdict, expected, "{runtime} s for {minutes} min");
        let codes: Vec<_> = answer.view.checks[2].reasons.iter().map(|reason| reason.def.code).collect();
        assert_eq!(codes.contains(&SHORT.code), !lasts, "{runtime} s for {minutes} min: {codes:?}");
    }
}

#[test]
fn a_second_of_a_brown_out_is_no_outage_that_a_meeting_would_not_outlast() {
    let snapshot = on_battery_for(1080.0, Duration::from_secs(5));
    assert_eq!(asked(&snapshot, 60, at(1.0)).view.verdict, Verdict::Ready, "it has not lasted yet");
    // Nor where the battery is old, so that all that is found is said at once.
    let mut engine = on_mains(Duration::from_secs(5));
    for second in [1.0, 7.0] {
        engine.observe(supplies(9000.0, &[&OLD], at(second)), at(second));
    }
    for (second, verdict) in [(8.0, Verdict::Degraded), (12.0, Verdict::Degraded), (14.0, Verdict::NotReady)] {
        engine.observe(supplies(1080.0, &[&OLD, &OUT], at(second)), at(second));
        assert_eq!(asked(&engine.snapshot(), 60, at(second)).view.verdict, verdict, "{second}");
    }
}

#[test]
fn on_mains_nothing_is_rolled_up_anew() {
    let snapshot = on_mains(Duration::ZERO).snapshot();
    let end = Some(at(3600.0).wall);
    let question = Question::new(&snapshot, None, None, end, at(1.0)).unwrap();
    let before = answer(&snapshot, &question, at(1.0));
    let after = with_battery(before.clone(), &snapshot, end, at(1.0));
    assert!(std::sync::Arc::ptr_eq(&before.view, &after.view));
}

#[test]
fn it_is_the_batterys_own_runtime_that_counts_whatever_else_is_measured_and_held_to_a_limit() {
    static CHARGE: Quantity = Quantity::gauge("ups_charge_ratio", Unit::Ratio, "x");
    static RUNTIME: Quantity = Quantity::gauge("ups_runtime_seconds", Unit::Seconds, "x");
    static RECKONED: Quantity =
        Quantity::gauge("ups_usable_runtime_seconds", Unit::Seconds, "x").by("source").reckoned_from(&RUNTIME);

    let mut plan = room();
    let ups = plan.checks.iter_mut().find(|check| check.kind == Kind::Ups).unwrap();
    let below = |quantity, part, not_ready| Rule {
        quantity,
        part,
        test: Test::Below,
        degraded: Limit::None,
        not_ready,
        reason: &SHORT,
    };
    let runtime = Limit::Profile(ProfileLimit::Runtime);
    let on_mains = Rule { test: Test::Above, ..below(&RUNTIME, Some("mains"), runtime) };
    let ups = std::sync::Arc::make_mut(ups);
    ups.holds.bad_for = Duration::ZERO;
    ups.rules = vec![below(&CHARGE, None, Limit::Fixed(0.1)), on_mains, below(&RECKONED, Some("battery"), runtime)];
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    let mut reading = Reading { findings: vec![Finding::new(&OUT, Verdict::Degraded)], ..Reading::default() };
    // Of the wrong quantity, of the wrong part, and what is meant.
    reading.measure_part(&RUNTIME, "battery", 20_000.0);
    reading.measure_part(&RECKONED, "spare", 30_000.0);
    reading.measure_part(&RECKONED, "battery", 1200.0);
    reading.measure(&CHARGE, 0.9);
    reading.measure(&RUNTIME, 1875.0);
    engine.observe(Observation::read("ups".into(), at(1.0), Duration::ZERO, reading), at(1.0));
    let snapshot = engine.snapshot();
    assert_eq!(asked(&snapshot, 20, at(1.0)).view.verdict, Verdict::Degraded);
    let short = asked(&snapshot, 21, at(1.0));
    let reason = short.view.checks[2].reasons[0].clone();
    assert_eq!((short.view.verdict, reason.def.code), (Verdict::NotReady, SHORT.code));
    let number = |seconds| Arg::Number(seconds, Unit::Seconds);
    assert_eq!(reason.args, [("value", number(1200.0)), ("limit", number(1260.0)), ("reported", number(1875.0))]);
}

#[test]
fn without_an_end_the_policys_minutes_hold_as_before() {
    let snapshot = on_battery(1080.0);
    let question = Question::new(&snapshot, None, None, None, at(1.0)).unwrap();
    let before = answer(&snapshot, &question, at(1.0));
    assert_eq!(before.view.verdict, Verdict::NotReady, "564 s are less than 15 minutes");
    let after = with_battery(before.clone(), &snapshot, None, at(1.0));
    assert!(std::sync::Arc::ptr_eq(&before.view, &after.view));
}

#[test]
fn what_is_only_noted_does_not_explain_what_is_worse() {
    let snapshot = on_battery(400.0);
    let question = Question::new(&snapshot, None, None, None, at(1.0)).unwrap();
    let unread = vec![Unread { calendar: "kantor".to_owned(), read: None }];
    for known in [Known { read: true, unread, ..Known::default() }, Known::default()] {
        let answer = with_agenda(answer(&snapshot, &question, at(1.0)), &known, at(1.0));
        assert_eq!((answer.view.verdict, answer.view.reasons.is_empty()), (Verdict::NotReady, false));
        let main = answer.view.main_reason(&snapshot.checks).unwrap();
        assert_eq!((main.def.code, main.verdict), (SHORT.code, Verdict::NotReady));
    }
}

#[test]
fn a_slot_that_others_hold_or_in_which_somebody_works_on_what_it_needs_is_not_ready() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    let snapshot = engine.snapshot();
    let question = Question::new(&snapshot, None, None, None, at(1.0)).unwrap();
    let said = |known: &Known| {
        let answer = with_agenda(answer(&snapshot, &question, at(1.0)), known, at(1.0));
        let codes: Vec<_> = answer.view.reasons.iter().map(|reason| reason.def.code).collect();
        (answer.view.verdict, codes.join(" "))
    };
    let known = Known { read: true, ..Known::default() };
    assert_eq!(said(&known), (Verdict::Ready, String::new()));
    assert_eq!(said(&Known { read: false, ..known.clone() }), (Verdict::Unknown, "agenda.unread".to_owned()));
    // A calendar that cannot be read is told, and what was booked of it counts.
    let unread = vec![Unread { calendar: "kantor".to_owned(), read: None }];
    let noted = Known { unread, ..known.clone() };
    assert_eq!(said(&noted), (Verdict::Ready, "agenda.calendar_unread".to_owned()));
    let held = Known { holders: vec!["Rapat".to_owned()], ..known.clone() };
    assert_eq!(said(&held), (Verdict::NotReady, "agenda.taken".to_owned()));
    let work = |components: &[Component]| Known {
        planned: vec![Planned {
            name: "kabel".to_owned(),
            components: components.to_vec(),
            from: at(0.0).wall,
            until: at(9.0).wall,
        }],
        ..known.clone()
    };
    let told = "agenda.maintenance".to_owned();
    assert_eq!(said(&work(&[Component::Internet])), (Verdict::NotReady, told.clone()));
    assert_eq!(said(&work(&[])), (Verdict::NotReady, told.clone()));
    assert_eq!(said(&work(&[Component::Audio])), (Verdict::Ready, told.clone()), "advisory: shown, and no more");
    assert_eq!(said(&work(&[Component::Radio])), (Verdict::Ready, told), "absent");
}

#[test]
fn a_fault_that_has_lasted_a_day_counts_for_a_meeting_far_away_and_a_young_one_does_not() {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    let day = 86_400.0;
    let said = |engine: &Engine, now: Now| {
        let start = now.after(Duration::from_hours(72)).wall;
        let question = Question::new(&engine.snapshot(), None, Some(start), None, now).unwrap();
        answer(&engine.snapshot(), &question, now).view.verdict
    };
    // Watched all the time: what nobody looked at has not lasted.
    let mut seconds = 1.0;
    let mut turned = None;
    while seconds < day + 60.0 {
        let now = at(seconds);
        for name in ["link", "ups", "camera"] {
            engine.observe(says(name, Verdict::Ready, now), now);
        }
        engine.observe(rate(1e7, now), now);
        engine.observe(says("gateway", Verdict::NotReady, now), now);
        match said(&engine, now) {
            Verdict::NotReady => turned = turned.or(Some(seconds)),
            verdict => assert_eq!((verdict, turned), (Verdict::Ready, None), "after {seconds} s"),
        }
        seconds += 15.0;
    }
    let turned = turned.expect("it counts at last");
    assert!((day..day + 60.0).contains(&turned), "after {turned} s");
}
