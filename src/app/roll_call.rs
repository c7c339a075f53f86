//! The recorder's part in the call of a working morning: what the room is then, and by whom it cannot be said.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::recorder::Recorder;
use crate::domain::{Incident, Requirement, Snapshot, Verdict};
use crate::store::Batch;

impl Recorder {
    /// Makes the call, if it is due.
    pub(super) async fn call_the_roll(&mut self, settling: bool) {
        let now = self.clock.now();
        let faults = {
            let snapshot = self.snapshot.borrow();
            // What is old news of a judge that stands still is nobody's word that all is well.
            let stands = snapshot.next_deadline.after(super::driver::REST * 2) < now.mono;
            (!settling && !snapshot.starting && !stands).then(|| faults(&snapshot))
        };
        let decided = self.policy.call_roll(faults, &self.unusable(), now.wall);
        for why in &decided.withheld {
            self.stats.withheld(*why);
            tracing::warn!(%why, "the morning's call is not made, or not in full");
        }
        if !decided.kept.is_empty() {
            self.store(Batch { notifications: decided.notifications, told: decided.kept, ..Batch::default() }).await;
        }
    }

    /// Those who speak in the moment, and could not at the last attempt.
    fn unusable(&self) -> Vec<Arc<str>> {
        let config = self.configs.borrow();
        let fleeting: BTreeSet<_> =
            config.receivers.iter().filter(|one| one.way.is_fleeting()).map(|one| &one.name).collect();
        let counts = self.stats.counts();
        let failing = counts.receivers.iter().filter(|(_, counts)| counts.failures_in_a_row > 0);
        failing.filter(|(name, _)| fleeting.contains(name)).map(|(name, _)| Arc::clone(name)).collect()
    }
}

/// What keeps the room from being ready under the profile in force: its incidents, and where nothing has become one yet, its
/// components.
fn faults(snapshot: &Snapshot) -> Vec<Incident> {
    let view = snapshot.current();
    if view.verdict == Verdict::Ready {
        return Vec::new();
    }
    let open: Vec<Incident> =
        snapshot.incidents.iter().filter(|incident| incident.verdict != Verdict::Ready).cloned().collect();
    if !open.is_empty() {
        return open.into_iter().map(|incident| Incident { settling: false, ..incident }).collect();
    }
    let outside = view.components.iter().filter(|component| {
        component.requirement == Requirement::Required && !component.absent && component.verdict != Verdict::Ready
    });
    outside
        .map(|component| Incident {
            id: format!("{}-not-yet", component.component),
            component: component.component,
            worst: component.verdict,
            verdict: component.verdict,
            reasons: component.reasons.clone(),
            opened_at: component.since,
            closed_at: None,
            settling: false,
        })
        .collect()
}
