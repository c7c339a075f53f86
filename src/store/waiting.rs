//! The undelivered part of the outbox, held in memory beside the disk's.
//!
//! Alerts must go out while the disk is full, read-only or stuck: so the deliverer reads this, and the disk is there for
//! the crash. It enters here only after the disk had its chance (a change is stored before anybody is told).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::domain::Notification;

/// Undelivered notifications of one receiver; beyond it the newest are not taken, and counted. A day of a receiver's
/// silence in the worst room seen makes a few hundred.
const MAX_PER_RECEIVER: usize = 2000;

/// One queue a receiver, oldest first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queues: BTreeMap<Arc<str>, VecDeque<Notification>>,
}

impl Waiting {
    /// Takes a notification in at the end of its receiver's queue; `false` if there is no room. One that is there already
    /// is taken once.
    pub(super) fn push(&mut self, notification: Notification) -> bool {
        let queue = self.queues.entry(Arc::clone(&notification.receiver)).or_default();
        if queue.iter().any(|known| known.key == notification.key) {
            return true;
        }
        if queue.len() >= MAX_PER_RECEIVER {
            return false;
        }
        queue.push_back(notification);
        true
    }

    /// Puts stored notifications, oldest first, before those that came since.
    pub(super) fn put_first(&mut self, stored: Vec<Notification>) {
        for notification in stored.into_iter().rev() {
            let queue = self.queues.entry(Arc::clone(&notification.receiver)).or_default();
            if !queue.iter().any(|known| known.key == notification.key) {
                queue.push_front(notification);
            }
        }
    }

    /// The oldest of a receiver.
    pub(super) fn next(&self, receiver: &str) -> Option<&Notification> {
        self.queues.get(receiver)?.front()
    }

    /// The receivers that something waits for.
    pub(super) fn receivers(&self) -> Vec<Arc<str>> {
        self.queues.iter().filter(|(_, queue)| !queue.is_empty()).map(|(name, _)| Arc::clone(name)).collect()
    }

    /// Everything, oldest first within each receiver.
    pub(super) fn all(&self) -> Vec<Notification> {
        self.queues.values().flatten().cloned().collect()
    }

    /// One of them, to change it.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Notification> {
        self.queues.values_mut().flatten().find(|waiting| &*waiting.key == key)
    }

    /// Takes one out; it has arrived, or is given up.
    pub(super) fn remove(&mut self, key: &str) {
        for queue in self.queues.values_mut() {
            queue.retain(|waiting| &*waiting.key != key);
        }
        self.queues.retain(|_, queue| !queue.is_empty());
    }
}
