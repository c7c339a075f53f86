//! What became of the pushes, for `/metrics` and whoever else asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::post::Failure;
use super::queue::{Dropped, Unkept};

/// What was counted since the process began; every copy is the same.
#[derive(Clone, Debug, Default)]
pub struct Stats(Arc<Mutex<Counts>>);

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Whether anything is pushed at all.
    pub on: bool,
    /// Samples that the receiver took.
    pub sent: u64,
    /// Bytes of bodies that were sent, whatever became of them.
    pub bytes: u64,
    /// Pushes that failed, by why; one may fail many times and still arrive.
    pub failed: BTreeMap<Failure, u64>,
    /// Samples that are gone, by why.
    pub dropped: BTreeMap<Dropped, u64>,
    /// Samples that wait.
    pub pending: u64,
    /// The moment of the oldest of these.
    pub oldest: Option<Timestamp>,
    /// When a push arrived last.
    pub last_success_at: Option<Timestamp>,
    /// Whether what waits is on the disk.
    pub kept: bool,
}

impl Stats {
    /// What was counted until now.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// Nothing is pushed from now on, and what was not kept never will be.
    pub fn off(&self, unkept: &Unkept) {
        let mut counts = self.lock();
        (counts.on, counts.pending, counts.oldest) = (false, 0, None);
        *counts.dropped.entry(Dropped::NotKept).or_default() += unkept.samples();
    }

    /// Numbers only: whoever panicked while holding them left them whole.
    pub(super) fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
