//! What became of the notifications, for metrics and API.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::error::{DeliveryError, Failure};
use super::policy::Withheld;
use crate::domain::GiveUp;

/// Counts since the process's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Per receiver.
    pub receivers: BTreeMap<Arc<str>, ReceiverCounts>,
    /// Changes that were told to nobody, by why.
    pub withheld: BTreeMap<Withheld, u64>,
}

/// Counts of one receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverCounts {
    /// Notifications that arrived.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: BTreeMap<Failure, u64>,
    /// Notifications that are no longer tried.
    pub given_up: BTreeMap<GiveUp, u64>,
    /// Failures since the newest success.
    pub failures_in_a_row: u32,
    /// When one arrived last.
    pub last_delivered_at: Option<Timestamp>,
    /// The newest attempt.
    pub last: Option<Attempt>,
}

/// One attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Of which notification: its key.
    pub key: Arc<str>,
    /// What became of it.
    pub ended: Result<(), DeliveryError>,
}

/// The counts' shared handle. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stats(watch::Sender<Counts>);

impl Stats {
    /// The counts now.
    pub fn counts(&self) -> Counts {
        self.0.borrow().clone()
    }

    /// The same, for whoever waits for them to change.
    pub fn watch(&self) -> watch::Receiver<Counts> {
        self.0.subscribe()
    }

    /// Counts a change that was told to nobody.
    pub fn withheld(&self, why: Withheld) {
        self.0.send_modify(|counts| *counts.withheld.entry(why).or_default() += 1);
    }

    pub(super) fn of(&self, receiver: &Arc<str>, change: impl FnOnce(&mut ReceiverCounts)) {
        self.0.send_modify(|counts| change(counts.receivers.entry(Arc::clone(receiver)).or_default()));
    }
}
