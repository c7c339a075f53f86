//! Which verdicts are others than were told last.

use std::collections::HashSet;
use std::sync::Arc;

use super::past::blame::ON_BATTERY;
use super::{Engine, Event, SETTLING};
use crate::domain::snapshot::ProfileView;
use crate::domain::{CheckName, Level, Now, Reason, Requirement, Subject, Transition, Verdict};

impl Engine {
    /// Tells what has another verdict than was told last: checks, components, the room. Of a UPS also that it went on battery, or
    /// came from it: one that was degraded already is no worse by that, and whoever asks whose fault an outage was must know.
    pub(super) fn tell_transitions(&mut self, view: &ProfileView, settling: bool, now: Now, events: &mut Vec<Event>) {
        let mut all: Vec<(Subject, Verdict, Vec<&'static str>)> = Vec::new();
        let mut on_battery = HashSet::new();
        let codes = |reasons: &[Reason]| -> Vec<&'static str> {
            reasons.iter().filter(|reason| reason.verdict != Verdict::Ready).map(|reason| reason.def.code).collect()
        };
        for (judged, check) in view.checks.iter().zip(&self.checks) {
            let (subject, why) = (Subject::Check(check.spec().name.clone()), codes(&judged.reasons));
            if check.spec().level == Level::Power && why.contains(&ON_BATTERY) {
                on_battery.insert(subject.clone());
            }
            all.push((subject, judged.verdict, why));
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
            let (from, was) = self.told.get(&subject).copied().unwrap_or((Verdict::Unknown, false));
            let is = on_battery.contains(&subject);
            if (from, was) == (to, is) {
                continue;
            }
            self.told.insert(subject.clone(), (to, is));
            // Several checks of one component may say the same, and each says it once.
            let mut said = HashSet::new();
            why.retain(|code| said.insert(*code));
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

    /// Tells of checks that are there no more that nothing is known of them from now on: what was said of them last would stand for as
    /// long as this process watches.
    pub(super) fn tell_gone(&mut self, mut names: Vec<CheckName>, now: Now) {
        names.sort();
        let settling = now.mono < self.started.mono.after(SETTLING);
        for subject in names.into_iter().map(Subject::Check) {
            let known = self.told.remove(&subject).filter(|known| *known != (Verdict::Unknown, false));
            let Some((from, _)) = known else { continue };
            let profile = Arc::clone(&self.plan.profiles[self.current].name);
            let (to, at, codes) = (Verdict::Unknown, now.wall, Vec::new());
            self.events.push(Event::Transition(Transition { subject, profile, from, to, at, codes, settling }));
        }
    }
}
