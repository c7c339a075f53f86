//! The laws of the verdict, held against random histories in which time is one of the operations.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::rooms::*;
use super::*;
use crate::domain::{Reading, Requirement};

#[derive(Clone, Debug)]
enum Step {
    Says(usize, Verdict),
    Rate(f64),
    Use(bool),
    Agenda(bool),
    Profile(usize),
    Reload(usize),
    Wait(u64),
}

/// The plans that a reload finds.
const PLANS: usize = 5;

/// The room, one with a check less, one with a check changed, one without the eye that sees its use, and one with another profile.
fn plan_of(place: usize) -> Plan {
    let mut plan = room();
    match place {
        0 => {}
        1 => plan.checks.retain(|spec| spec.name != "ups".into()),
        2 => {
            for spec in plan.checks.iter_mut().filter(|spec| spec.name == "gateway".into()) {
                Arc::make_mut(spec).fresh_for = secs(9);
            }
        }
        3 => plan.checks.retain(|spec| spec.name != "camera".into()),
        _ => plan.profiles[1] = profile("large", 8e6, 2e6),
    }
    plan
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..NAMES.len(), 0..4_usize).prop_map(|(name, verdict)| Step::Says(name, Verdict::ALL[verdict])),
        2 => (1e5..1e7_f64).prop_map(Step::Rate),
        1 => any::<bool>().prop_map(Step::Use),
        1 => any::<bool>().prop_map(Step::Agenda),
        1 => (0..3_usize).prop_map(Step::Profile),
        1 => (0..PLANS).prop_map(Step::Reload),
        6 => (1..30_000_u64).prop_map(Step::Wait),
    ]
}

fn apply(engine: &mut Engine, step: &Step, now: Now) {
    match step {
        Step::Says(name, verdict) => _ = engine.observe(says(NAMES[*name], *verdict, now), now),
        Step::Rate(value) => _ = engine.observe(rate(*value, now), now),
        Step::Use(in_use) => {
            let reading = Reading { in_use: Some(*in_use), ..Reading::default() };
            engine.observe(Observation::read("camera".into(), now, Duration::ZERO, reading), now);
        }
        Step::Agenda(live) => engine.command(&Order::Agenda { live: *live }, now),
        Step::Profile(place) => engine.command(&Order::Profile(*place), now),
        Step::Reload(place) => engine.adopt(plan_of(*place), now),
        Step::Wait(_) => {}
    }
}

/// All that a reader can see of one profile's verdicts: the room's, each check's with its reasons, each component's.
type Seen = (Verdict, Vec<(Verdict, Vec<&'static str>)>, Vec<Verdict>);

fn seen(engine: &Engine) -> Vec<Seen> {
    let snapshot = engine.snapshot();
    let view = |view: &Arc<ProfileView>| {
        let checks = view
            .checks
            .iter()
            .map(|judged| (judged.verdict, judged.reasons.iter().map(|reason| reason.def.code).collect()));
        (view.verdict, checks.collect(), view.components.iter().map(|view| view.verdict).collect())
    };
    snapshot.profiles.iter().map(view).collect()
}

fn laws(engine: &Engine, now: Now) -> Result<(), TestCaseError> {
    let snapshot = engine.snapshot();
    for view in &snapshot.profiles {
        let counted = view.components.iter().filter(|view| view.requirement == Requirement::Required && !view.absent);
        let law = Verdict::worst(counted.map(|view| view.verdict)).unwrap();
        prop_assert_eq!(view.verdict, if snapshot.starting { Verdict::Unknown } else { law });
        for (judged, check) in view.checks.iter().zip(&snapshot.checks) {
            let fresh = check.held.is_some() || check.fresh_until.is_some_and(|until| until > now.mono);
            prop_assert!(fresh || judged.verdict == Verdict::Unknown, "{} is believed beyond its age", check.spec.name);
            let reasons = judged.reasons.iter().map(|reason| reason.verdict);
            prop_assert_eq!(judged.verdict, Verdict::worst(reasons).unwrap_or(Verdict::Ready));
            prop_assert!(judged.pending.is_none_or(|pending| pending.to != judged.verdict && pending.at > now.mono));
        }
        prop_assert_eq!(view.root_cause.is_some() && view.verdict == Verdict::Ready, false);
    }
    let components: BTreeSet<_> = snapshot.incidents.iter().map(|incident| incident.component).collect();
    prop_assert_eq!(components.len(), snapshot.incidents.len());
    prop_assert!(snapshot.next_deadline > now.mono, "a deadline that is past is a deadline missed");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    /// Whoever ticks only at the deadlines sees exactly what one sees who ticks all the time, and the laws hold at
    /// every moment.
    #[test]
    fn deadlines_tell_every_change(steps in prop::collection::vec(step(), 1..60)) {
        let mut lazy = Engine::new(room(), Restored::default(), zero());
        let mut eager = Engine::new(room(), Restored::default(), zero());
        let mut now = zero();
        for step in &steps {
            if let Step::Wait(millis) = step {
                let end = now.after(Duration::from_millis(*millis));
                while now.mono < end.mono {
                    let next = now.after(Duration::from_millis(250));
                    let next = if next.mono < end.mono { next } else { end };
                    while lazy.next_deadline() <= next.mono {
                        let due = now.after(lazy.next_deadline().since(now.mono));
                        lazy.tick(due);
                        laws(&lazy, due)?;
                    }
                    eager.tick(next);
                    prop_assert_eq!(seen(&lazy), seen(&eager));
                    now = next;
                }
            } else {
                let in_use = lazy.snapshot().in_use;
                apply(&mut lazy, step, now);
                apply(&mut eager, step, now);
                prop_assert!(!matches!(step, Step::Reload(_)) || lazy.snapshot().in_use == in_use, "a reload ends no use");
            }
            laws(&eager, now)?;
            prop_assert_eq!(seen(&lazy), seen(&eager));
            prop_assert_eq!(lazy.snapshot().in_use, eager.snapshot().in_use);
        }
    }

    /// Every transition starts where the one before it ended, and every incident that closes was open.
    #[test]
    fn transitions_form_an_unbroken_line(steps in prop::collection::vec(step(), 1..80)) {
        let mut engine = Engine::new(room(), Restored::default(), zero());
        let mut now = zero();
        let mut last: HashMap<Subject, Verdict> = HashMap::new();
        let mut open: BTreeSet<String> = BTreeSet::new();
        for step in &steps {
            if let Step::Wait(millis) = step {
                now = now.after(Duration::from_millis(*millis));
                engine.tick(now);
            } else {
                apply(&mut engine, step, now);
            }
            for event in engine.drain_events() {
                match event {
                    // Of a check that is there no more too: it ends its line, and should it come back, it begins another.
                    Event::Transition(transition) => {
                        let from = last.insert(transition.subject.clone(), transition.to).unwrap_or(Verdict::Unknown);
                        prop_assert_eq!(from, transition.from);
                        prop_assert_ne!(transition.from, transition.to);
                    }
                    Event::Stands(_) => {}
                    Event::IncidentOpened(incident) => prop_assert!(open.insert(incident.id)),
                    Event::IncidentChanged(incident) => prop_assert!(open.contains(&incident.id)),
                    Event::IncidentClosed(incident) => prop_assert!(open.remove(&incident.id)),
                }
            }
            let snapshot = engine.snapshot();
            for (subject, verdict) in &last {
                let Subject::Check(name) = subject else { continue };
                let is = snapshot.checks.iter().position(|check| check.spec.name == *name);
                let is = is.map_or(Verdict::Unknown, |place| snapshot.current().checks[place].verdict);
                prop_assert_eq!(*verdict, is, "what was said of {} last is not so", name);
            }
        }
        let still: BTreeSet<String> = engine.snapshot().incidents.iter().map(|incident| incident.id.clone()).collect();
        prop_assert_eq!(open, still);
    }
}
