//! The daemon's own health, gathered for the readers' side from the store and the deliverer.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::pushing::pushed_today;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::GiveUp;
use crate::notify::stats::ReceiverCounts;
use crate::notify::{Failure, Stats, Withheld};
use crate::probe::budget::Budget;
use crate::remote_write;
use crate::store::{Health, Store};
use crate::web::own::{Counted, Keeping, Own, OwnHealth, Pushing, SetAside, Telling};

/// Where the daemon's own health is read: all of it in memory.
pub struct Watched {
    /// The store's word on itself.
    pub health: watch::Receiver<Health>,
    /// What waits to be told.
    pub store: Store,
    /// What became of the notifications.
    pub stats: Stats,
    /// What became of the pushes.
    pub pushed: remote_write::Stats,
    /// The books in which pushes are.
    pub budget: Budget,
    /// The clocks.
    pub clock: Clock,
    /// Who is told: a receiver is shown before its first notification.
    pub configs: watch::Receiver<Arc<Config>>,
}

impl OwnHealth for Watched {
    fn now(&self) -> Own {
        let counts = self.stats.counts();
        let named =
            self.configs.borrow().receivers.iter().map(|receiver| Arc::clone(&receiver.name)).collect::<Vec<_>>();
        let silent = ReceiverCounts::default();
        let mut receivers: BTreeMap<_, _> = named.into_iter().map(|name| (name, telling(&silent))).collect();
        receivers.extend(counts.receivers.iter().map(|(name, counts)| (Arc::clone(name), telling(counts))));
        for (name, waiting, oldest) in self.store.undelivered() {
            let told = receivers.entry(name).or_insert_with(|| telling(&silent));
            told.waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
            told.oldest_waiting_at = Some(oldest);
        }
        let withheld = all(Withheld::ALL, Withheld::as_str, &counts.withheld);
        let pushed_today = pushed_today(&self.budget, &self.configs.borrow().uplinks, self.clock.now());
        let (store, pushing) = (keeping(&self.health.borrow()), pushing(&self.pushed.counts()));
        Own { store, receivers, withheld, pushed_today, pushing }
    }
}

fn pushing(counts: &remote_write::Counts) -> Option<Pushing> {
    counts.on.then(|| Pushing {
        sent: counts.sent,
        bytes: counts.bytes,
        failed: all(remote_write::Failure::ALL, remote_write::Failure::as_str, &counts.failed),
        dropped: all(remote_write::Dropped::ALL, remote_write::Dropped::as_str, &counts.dropped),
        pending: counts.pending,
        oldest_pending_at: counts.oldest,
        last_success_at: counts.last_success_at,
        kept: counts.kept,
    })
}

fn keeping(health: &Health) -> Keeping {
    Keeping {
        healthy: health.ok,
        waiting: u64::try_from(health.waiting).unwrap_or(u64::MAX),
        dropped: health.dropped,
        set_aside: health.damaged.as_ref().map(|aside| SetAside {
            at: aside.at,
            newer: aside.newer,
            file: aside.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        }),
        removed: health.removed,
    }
}

fn telling(counts: &ReceiverCounts) -> Telling {
    Telling {
        delivered: counts.delivered,
        failed: all(Failure::ALL, Failure::as_str, &counts.failed),
        given_up: all(GiveUp::ALL, GiveUp::as_str, &counts.given_up),
        last_delivered_at: counts.last_delivered_at,
        ..Telling::default()
    }
}

/// Every value that there is with its count, zeros included.
fn all<T: Copy + Ord, const N: usize>(
    every: [T; N],
    name: fn(T) -> &'static str,
    counted: &BTreeMap<T, u64>,
) -> Vec<Counted> {
    every.into_iter().map(|one| (name(one), counted.get(&one).copied().unwrap_or_default())).collect()
}
