//! `siaga replay`: what the verdict would have been. The daemon's own judge over a scenario, in virtual time.

use std::fmt::Write as _;
use std::time::Duration;

use crate::domain::plan::Plan;
use crate::domain::{Lang, Mono, Now, Snapshot, Subject};
use crate::engine::{Engine, Event, Restored};
use crate::probe::replay::scenario::{Expectation, Scenario};

/// What a replay showed.
#[derive(Debug)]
pub struct Outcome {
    /// Every transition and incident, a line each.
    pub timeline: String,
    /// What was expected and not decided, a line each; empty when all was.
    pub unmet: Vec<String>,
    /// Checks of the scenario that the config does not have.
    pub unknown: Vec<String>,
    /// The state at the end.
    pub end: std::sync::Arc<Snapshot>,
}

/// Plays `scenario` to a judge of `plan`, from `zero` on. Every deadline of the judge is met to the nanosecond, so that the
/// same scenario gives the same timeline on any machine.
pub fn replay(plan: Plan, scenario: &Scenario, zero: Now, lang: Lang) -> Outcome {
    let mut engine = Engine::new(plan, Restored::default(), zero);
    let mut outcome =
        Outcome { timeline: String::new(), unmet: Vec::new(), unknown: Vec::new(), end: engine.snapshot() };
    let mut steps = scenario.steps.iter().peekable();
    let mut expectations = scenario.expectations.iter().peekable();
    let end = scenario.end();
    let mut at = Duration::ZERO;
    loop {
        let now = zero.after(at);
        while let Some(step) = steps.next_if(|step| step.at <= at) {
            if !engine.observe(step.observation(step.check.clone(), now), now) {
                let name = step.check.as_str().to_owned();
                if !outcome.unknown.contains(&name) {
                    outcome.unknown.push(name);
                }
            }
        }
        engine.tick(now);
        for event in engine.drain_events() {
            if let Some(line) = told(&event, lang) {
                _ = writeln!(outcome.timeline, "{:>9.3}s  {line}", at.as_secs_f64());
            }
        }
        while let Some(expectation) = expectations.next_if(|expectation| expectation.at <= at) {
            outcome.unmet.extend(unmet(&engine.snapshot(), expectation));
        }
        if at >= end {
            break;
        }
        let deadline = engine.next_deadline();
        let due = if deadline == Mono::NEVER { end } else { deadline.since(zero.mono) };
        let next = steps.peek().map(|step| step.at).into_iter().chain(expectations.peek().map(|next| next.at));
        at = next.chain([due, end]).filter(|next| *next > at).min().unwrap_or(end);
    }
    outcome.end = engine.snapshot();
    outcome
}

/// An event in one line; nothing of one that only the store needs.
pub(super) fn told(event: &Event, lang: Lang) -> Option<String> {
    let incident = |word: &str, incident: &crate::domain::Incident| {
        // Checks that share a reason without an argument share its sentence.
        let mut why: Vec<_> = incident.reasons.iter().map(|reason| reason.message(lang)).collect();
        let mut told = std::collections::BTreeSet::new();
        why.retain(|sentence| told.insert(sentence.clone()));
        format!("incident {word}: {} {} ({})", incident.component, incident.verdict, why.join("; "))
    };
    let line = match event {
        // Of a UPS on battery the ledger needs a row, and nobody a line.
        Event::Transition(transition) if transition.from == transition.to => return None,
        Event::Transition(transition) => {
            let subject = match &transition.subject {
                Subject::Room => "room".to_owned(),
                Subject::Component(component) => component.to_string(),
                Subject::Check(name) => format!("check {name}"),
            };
            format!("{subject}: {} → {} {}", transition.from, transition.to, transition.codes.join(" "))
        }
        Event::Stands(_) => return None,
        Event::IncidentOpened(opened) => incident("opened", opened),
        Event::IncidentChanged(changed) => incident("changed", changed),
        Event::IncidentClosed(closed) => incident("closed", closed),
    };
    Some(line.trim_end().to_owned())
}

fn unmet(snapshot: &Snapshot, expected: &Expectation) -> Vec<String> {
    let at = expected.at.as_secs_f64();
    let mut all = Vec::new();
    let view = match &expected.profile {
        Some(name) => match snapshot.profile(name) {
            Some(view) => view,
            None => return vec![format!("at {at} s: there is no profile {name:?}")],
        },
        None => snapshot.current(),
    };
    if let Some(room) = expected.room.filter(|room| *room != view.verdict) {
        all.push(format!("at {at} s: the room should be {room} and is {}", view.verdict));
    }
    for (name, verdict) in &expected.checks {
        match snapshot.checks.iter().position(|check| check.spec.name.as_str() == name) {
            None => all.push(format!("at {at} s: there is no check {name:?}")),
            Some(place) if view.checks[place].verdict != *verdict => {
                all.push(format!("at {at} s: {name} should be {verdict} and is {}", view.checks[place].verdict));
            }
            Some(_) => {}
        }
    }
    let told: std::collections::BTreeSet<&str> = view
        .checks
        .iter()
        .flat_map(|judged| &judged.reasons)
        .chain(view.components.iter().flat_map(|component| &component.reasons))
        .chain(&view.reasons)
        .map(|reason| reason.def.code)
        .collect();
    for code in expected.reasons.iter().filter(|code| !told.contains(code.as_str())) {
        all.push(format!(
            "at {at} s: {code} should be among the reasons, which are {}",
            told.iter().copied().collect::<Vec<_>>().join(" ")
        ));
    }
    let root = view.root_cause.as_ref().map(crate::domain::CheckName::as_str);
    if let Some(expected) = expected.root_cause.as_deref().filter(|expected| Some(*expected) != root) {
        let root = root.unwrap_or("none");
        all.push(format!("at {at} s: the root cause should be {expected} and is {root}"));
    }
    let open = snapshot.incidents.len();
    if let Some(expected) = expected.incidents.filter(|expected| *expected != open) {
        all.push(format!("at {at} s: open incidents should be {expected} and are {open}"));
    }
    all
}
