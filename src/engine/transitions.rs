//! Which verdicts are others than were told last.

use std::sync::Arc;

use super::{Engine, Event};
use crate::domain::snapshot::ProfileView;
use crate::domain::{Now, Reason, Requirement, Subject, Transition, Verdict};

impl Engine {
    /// Tells what has another verdict than was told last: checks, components, the room.
    pub(super) fn tell_transitions(&mut self, view: &ProfileView, settling: bool, now: Now, events: &mut Vec<Event>) {
        let mut all: Vec<(Subject, Verdict, Vec<&'static str>)> = Vec::new();
        let codes = |reasons: &[Reason]| -> Vec<&'static str> {
            reasons.iter().filter(|reason| reason.verdict != Verdict::Ready).map(|reason| reason.def.code).collect()
        };
        for (judged, check) in view.checks.iter().zip(&self.checks) {
            all.push((Subject::Check(check.spec().name.clone()), judged.verdict, codes(&judged.reasons)));
        }
        for component in view.components.iter() {
            let mut why = codes(&component.reasons);
            for at in &component.checks {
                why.extend(codes(&view.checks[*at].reasons));
            }
            all.push((Subject::Component(component.component), component.verdict, why));
        }
        let mut why = codes(&view.reasons);
        for component in view.components.iter() {
            if component.requirement == Requirement::Required && component.verdict != Verdict::Ready {
                why.extend(codes(&component.reasons));
                for at in &component.checks {
                    why.extend(codes(&view.checks[*at].reasons));
                }
            }
        }
        all.push((Subject::Room, view.verdict, why));
        for (subject, to, mut why) in all {
            // Before the first round nothing was known of anything.
            let from = self.told.insert(subject.clone(), to).unwrap_or(Verdict::Unknown);
            if from == to {
                continue;
            }
            why.dedup();
            let profile = Arc::clone(&view.profile.name);
            events.push(Event::Transition(Transition {
                subject,
                profile,
                from,
                to,
                at: now.wall,
                codes: why,
                settling,
            }));
        }
    }
}
