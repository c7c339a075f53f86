//! The store as the deliverer's outbox.

use std::sync::Arc;

use jiff::Timestamp;

use super::sql::Op;
use super::writer::Command;
use super::{Store, lock};
use crate::domain::{GiveUp, Notification, Outbox};

/// Marks wait for the disk, as far as it answers: what is told as delivered should not be told again after a crash. Where
/// it fails, the mark waits in memory with everything else, and a crash may then deliver once more: at least once.
impl Outbox for Store {
    async fn next(&self, receiver: &str) -> Option<Notification> {
        lock(&self.0.waiting).next(receiver).cloned()
    }

    async fn receivers(&self) -> Vec<Arc<str>> {
        lock(&self.0.waiting).receivers()
    }

    async fn waiting(&self, receiver: &str) -> Vec<Notification> {
        lock(&self.0.waiting).of(receiver)
    }

    async fn failed(&self, key: &str, error: &str, next_attempt_at: Timestamp) {
        if let Some(waiting) = lock(&self.0.waiting).get_mut(key) {
            waiting.attempts = waiting.attempts.saturating_add(1);
            waiting.next_attempt_at = next_attempt_at;
        }
        self.mark(Op::Failed { key: key.to_owned(), error: error.to_owned(), next_attempt_at, times: 1 }).await;
    }

    async fn delivered(&self, key: &str, spoken: Option<&str>) {
        lock(&self.0.waiting).settle(key);
        let (key, spoken) = (key.to_owned(), spoken.map(str::to_owned));
        self.mark(Op::Delivered { key, spoken, at: self.0.clock.now().wall }).await;
    }

    async fn given_up(&self, key: &str, why: GiveUp, error: &str) {
        lock(&self.0.waiting).settle(key);
        let at = self.0.clock.now().wall;
        self.mark(Op::GivenUp { key: key.to_owned(), why, error: error.to_owned(), at }).await;
    }
}

impl Store {
    /// What waits to be delivered: for each receiver how many, and when the oldest was made. In memory; nothing is read.
    pub fn undelivered(&self) -> Vec<(Arc<str>, usize, Timestamp)> {
        lock(&self.0.waiting).standing()
    }

    async fn mark(&self, op: Op) {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        if self.send(Command::Write(Box::new(op), Some(answer))).is_ok() && !self.is_stuck() {
            _ = self.wait(answered).await;
        }
    }
}
