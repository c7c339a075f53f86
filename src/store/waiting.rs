//! The undelivered part of the outbox, held in memory beside the disk's.
//!
//! Alerts must go out while the disk is full, read-only or stuck: so the deliverer reads this, and the disk is there for
//! the crash. It enters here only after the disk had its chance (a change is stored before anybody is told).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::Notification;

/// Undelivered notifications of one receiver; beyond it the newest are not taken, and counted. A day of a receiver's
/// silence in the worst room seen makes a few hundred.
const MAX_PER_RECEIVER: usize = 2000;

/// One queue a receiver, oldest first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queues: BTreeMap<Arc<str>, VecDeque<Notification>>,
    /// Keys of those that have arrived, or are given up, while the disk does not know it yet: a file that is opened anew
    /// meanwhile still has them, and they must not be told again.
    settled: BTreeSet<Box<str>>,
}

impl Waiting {
    /// Takes a notification in at the end of its receiver's queue; `false` if there is no room. One that is there already, or has
    /// arrived, is taken once.
    pub(super) fn push(&mut self, notification: Notification) -> bool {
        if self.settled.contains(&*notification.key) {
            return true;
        }
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
            if !self.settled.contains(&*notification.key) && !queue.iter().any(|known| known.key == notification.key) {
                queue.push_front(notification);
            }
        }
    }

    /// The oldest of a receiver.
    pub(super) fn next(&self, receiver: &str) -> Option<&Notification> {
        self.queues.get(receiver)?.front()
    }

    /// All of a receiver, oldest first.
    pub(super) fn of(&self, receiver: &str) -> Vec<Notification> {
        self.queues.get(receiver).into_iter().flatten().cloned().collect()
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

    /// Takes one out; it has arrived, or is given up. It stays known until the disk knows it too.
    pub(super) fn settle(&mut self, key: &str) {
        self.settled.insert(key.into());
        for queue in self.queues.values_mut() {
            queue.retain(|waiting| &*waiting.key != key);
        }
        self.queues.retain(|_, queue| !queue.is_empty());
    }

    /// The disk knows now that this one is settled.
    pub(super) fn forget(&mut self, key: &str) {
        self.settled.remove(key);
    }

    /// How many there are for each receiver, and when the oldest of them was made.
    pub(super) fn standing(&self) -> Vec<(Arc<str>, usize, Timestamp)> {
        let oldest = |queue: &VecDeque<Notification>| queue.iter().map(|waiting| waiting.created_at).min();
        self.queues.iter().filter_map(|(name, queue)| Some((Arc::clone(name), queue.len(), oldest(queue)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(key: &str, created_at: &str) -> Notification {
        Notification::new(key, &"desk".into(), None, "{}", created_at.parse().unwrap())
    }

    #[test]
    fn what_has_arrived_is_not_taken_from_the_disk_again() {
        let (first, second) = (notification("a", "2026-03-02T12:00:00Z"), notification("b", "2026-03-02T12:01:00Z"));
        let mut waiting = Waiting::default();
        waiting.push(first.clone());
        waiting.push(second.clone());
        waiting.settle("a");
        // The mark has not reached the disk, and the file is opened anew.
        waiting.put_first(vec![first.clone(), second]);
        assert_eq!(waiting.next("desk").map(|next| &*next.key), Some("b"));
        assert_eq!(waiting.all().len(), 1);
        assert!(waiting.push(first.clone()), "nor from whoever says it once more");
        assert_eq!(waiting.all().len(), 1);
        waiting.forget("a");
        waiting.put_first(vec![first]);
        assert_eq!(waiting.next("desk").map(|next| &*next.key), Some("a"), "what the disk has after all is told");
    }

    #[test]
    fn the_oldest_that_waits_is_known() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.standing(), []);
        waiting.push(notification("b", "2026-03-02T12:01:00Z"));
        waiting.put_first(vec![notification("a", "2026-03-02T12:00:00Z")]);
        assert_eq!(waiting.standing(), [("desk".into(), 2, "2026-03-02T12:00:00Z".parse().unwrap())]);
        waiting.settle("a");
        waiting.settle("b");
        assert_eq!(waiting.standing(), []);
    }
}
