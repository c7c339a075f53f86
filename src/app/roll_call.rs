//! The recorder's part in the call of a working morning: what the room is then, and by whom it cannot be said.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::recorder::Recorder;
use crate::domain::{Incident, Requirement, Snapshot, Verdict};
use crate::notify::Failure;
use crate::notify::stats::{Counts, ReceiverCounts};
use crate::store::Batch;

/// The longest pause after which a call still says how it is now.
const PAUSE: Duration = Duration::from_mins(2);

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
        let waiting = self.store.undelivered().into_iter().map(|(name, ..)| name).collect();
        let failing = failing(&self.stats.counts(), &waiting);
        failing.into_iter().filter(|name| fleeting.contains(name)).collect()
    }
}

/// Those whose last attempt failed while something still waits for them. What was given up since (overtaken, too old) is tried no more, and
/// only an attempt shows whether they can be used again: the call is one.
fn failing(counts: &Counts, waiting: &BTreeSet<Arc<str>>) -> Vec<Arc<str>> {
    let fails = |counts: &ReceiverCounts| counts.failures_in_a_row > 0 && !pauses(counts);
    let failing = counts.receivers.iter().filter(|(name, counts)| waiting.contains(*name) && fails(counts));
    failing.map(|(name, _)| Arc::clone(name)).collect()
}

/// Whether it only must pause before it may speak again, and soon may: one that has just spoken works, and that nothing is heard of
/// it this morning would be taken for an alarm.
fn pauses(counts: &ReceiverCounts) -> bool {
    let error = counts.last.as_ref().and_then(|last| last.ended.as_ref().err());
    error.is_some_and(|error| {
        error.failure == Failure::Unavailable && error.retry_after.is_some_and(|wait| wait <= PAUSE)
    })
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
            id: format!("{}{}", component.component, Incident::NOT_YET),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::DeliveryError;
    use crate::notify::stats::Attempt;

    #[test]
    fn who_only_pauses_between_two_messages_is_not_failing() {
        let after = |failure, retry_after| {
            let error = DeliveryError { retry_after, ..DeliveryError::new(failure, "x") };
            let last = Some(Attempt { key: "k".into(), ended: Err(error) });
            pauses(&ReceiverCounts { failures_in_a_row: 1, last, ..ReceiverCounts::default() })
        };
        assert!(after(Failure::Unavailable, Some(Duration::from_secs(40))), "the least pause between two messages");
        assert!(!after(Failure::Unavailable, Some(Duration::from_mins(30))), "its airtime is spent");
        assert!(!after(Failure::Unavailable, None), "others speak");
        assert!(!after(Failure::Local, None), "it is pulled out");
        assert!(!pauses(&ReceiverCounts::default()));
    }

    #[test]
    fn who_failed_once_is_called_again_when_nothing_waits_for_them_any_more() {
        let channel: Arc<str> = "channel".into();
        let failed = ReceiverCounts { failures_in_a_row: 1, ..ReceiverCounts::default() };
        let counts = Counts { receivers: [(Arc::clone(&channel), failed)].into(), ..Counts::default() };
        assert_eq!(failing(&counts, &BTreeSet::from([Arc::clone(&channel)])), [channel], "it is being tried");
        assert!(failing(&counts, &BTreeSet::new()).is_empty(), "its last word was given up yesterday");
    }
}
