//! What holds now, in memory: what a file that is begun anew must have.

use std::collections::{BTreeMap, HashMap};

use super::{Batch, Restored};
use crate::domain::{Component, Incident, Standing, Subject};

/// The newest of what is replaced and not added to.
#[derive(Debug, Default)]
pub(super) struct Latest {
    /// The newest open incident of each component: its end must find it.
    open: BTreeMap<Component, Incident>,
    standings: HashMap<Subject, Standing>,
}

impl Latest {
    /// Takes what an earlier process left.
    pub(super) fn restored(&mut self, left: &Restored) {
        self.open.extend(left.open_incidents.iter().map(|open| (open.component, open.clone())));
        self.stands(&left.standings);
    }

    /// Takes what is recorded.
    pub(super) fn follow(&mut self, batch: &Batch) {
        for incident in &batch.incidents {
            if incident.closed_at.is_none() {
                self.open.insert(incident.component, incident.clone());
            } else if self.open.get(&incident.component).is_some_and(|open| open.id == incident.id) {
                self.open.remove(&incident.component);
            }
        }
        self.stands(&batch.standings);
    }

    /// As a record for a new file.
    pub(super) fn as_batch(&self) -> Batch {
        Batch {
            incidents: self.open.values().cloned().collect(),
            standings: self.standings.values().cloned().collect(),
            ..Batch::default()
        }
    }

    fn stands(&mut self, standings: &[Standing]) {
        self.standings.extend(standings.iter().map(|standing| (standing.subject.clone(), standing.clone())));
    }
}
