//! Since when what is said holds: told whenever that changes, and believed again after a restart.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Event;
use crate::domain::snapshot::{CheckView, ProfileView};
use crate::domain::{Now, Reason, Standing, Subject};

/// What was told last, and what an earlier process told last.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    told: HashMap<Subject, Standing>,
    /// Kept until the first round is over: what differs then has changed.
    before: HashMap<Subject, Standing>,
}

impl Standings {
    /// What was said, each under its profile, when the process before this one ended, as long ago as `gap`. Over a gap in which it
    /// could have changed unseen it says nothing: `bridges` is how long a gap may be for a subject. What lies in the future of the
    /// wall clock is of a clock that was set back, and says nothing either.
    pub fn restored(all: Vec<Standing>, gap: Duration, bridges: impl Fn(&Subject) -> Duration, now: Now) -> Self {
        let past = |standing: &Standing| {
            standing.since <= now.wall && standing.reasons.iter().all(|reason| reason.since <= now.wall)
        };
        let believed = all.into_iter().filter(|standing| past(standing) && gap <= bridges(&standing.subject));
        Self { told: HashMap::new(), before: believed.map(|standing| (standing.subject.clone(), standing)).collect() }
    }

    /// What was said of `subject` before this process, as long as that is of interest.
    pub fn before(&self, subject: &Subject) -> Option<&Standing> {
        self.before.get(subject)
    }

    /// The first round is over: from now on this process knows by itself.
    pub fn forget_before(&mut self) {
        self.before = HashMap::new();
    }

    /// Tells what holds since another moment than was told last. Values inside a message change with each reading; that is
    /// no news.
    pub fn tell(&mut self, view: &ProfileView, checks: &[Arc<CheckView>], events: &mut Vec<Event>) {
        for (judged, check) in view.checks.iter().zip(checks) {
            let subject = Subject::Check(check.spec.name.clone());
            self.compare(subject, view, (judged.verdict, judged.since), &judged.reasons, events);
        }
        for component in view.components.iter() {
            let subject = Subject::Component(component.component);
            self.compare(subject, view, (component.verdict, component.since), &component.reasons, events);
        }
    }

    fn compare(
        &mut self,
        subject: Subject,
        view: &ProfileView,
        (verdict, since): (crate::domain::Verdict, jiff::Timestamp),
        reasons: &[Reason],
        events: &mut Vec<Event>,
    ) {
        let moments = |reasons: &[Reason]| -> Vec<_> { reasons.iter().map(|why| (why.def.code, why.since)).collect() };
        let same = self.told.get(&subject).is_some_and(|told| {
            told.profile == view.profile.name
                && (told.verdict, told.since) == (verdict, since)
                && moments(&told.reasons) == moments(reasons)
        });
        if !same {
            let profile = Arc::clone(&view.profile.name);
            let standing = Standing { subject: subject.clone(), profile, verdict, since, reasons: reasons.to_vec() };
            self.told.insert(subject, standing.clone());
            events.push(Event::Stands(standing));
        }
    }
}
