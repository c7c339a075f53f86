//! Tells active probes whether the judge can decide about loss by their tests so far.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::domain::CheckName;
use crate::domain::snapshot::Snapshot;
use crate::probe::Requests;

/// Goes on until the judge or the shell has ended. What counts is the profile in force.
pub(super) async fn ask(
    mut snapshot: watch::Receiver<Arc<Snapshot>>,
    mut requests: watch::Receiver<HashMap<CheckName, Requests>>,
) {
    loop {
        {
            let (seen, requests) = (snapshot.borrow_and_update(), requests.borrow_and_update());
            for (view, judged) in seen.checks.iter().zip(seen.current().checks.iter()) {
                if let (Some(requests), Some(rule)) = (requests.get(&view.spec.name), view.spec.loss) {
                    requests.is_undecided(judged.reasons.iter().any(|reason| reason.def == rule.undecided));
                }
            }
        }
        let ended = tokio::select! {
            changed = snapshot.changed() => changed.is_err(),
            changed = requests.changed() => changed.is_err(),
        };
        if ended {
            return;
        }
    }
}
