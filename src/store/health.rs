//! How the store is, for everybody to see.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::clock::Clock;

/// How the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether what it is given reaches the disk.
    pub ok: bool,
    /// Since when that is so.
    pub since: Timestamp,
    /// The newest failure, of which it may have recovered.
    pub last_error: Option<String>,
    /// Records that wait in memory for the disk.
    pub waiting: usize,
    /// What is lost for good since the start, because a bound was reached or a row was refused.
    pub dropped: u64,
    /// The newest file that is damaged, or of a newer siaga, and where it was put, since the start.
    pub damaged: Option<Damaged>,
    /// How often the state folder or the file in it was removed or replaced under the daemon and begun anew, since the start.
    pub removed: u64,
}

/// A file that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// When.
    pub at: Timestamp,
    /// Whether nothing is wrong with it but that it is of a newer siaga.
    pub newer: bool,
    /// What is wrong with it.
    pub what: String,
    /// Where it is now.
    pub file: PathBuf,
}

/// Where the health is written: by the writer, and by whoever waits in vain for it.
#[derive(Clone, Debug)]
pub(super) struct Board {
    health: watch::Sender<Health>,
    clock: Clock,
    /// Lost outside the writer, which shows it with its own losses.
    lost: Arc<AtomicU64>,
}

impl Board {
    pub(super) fn new(clock: Clock) -> Self {
        let since = clock.now().wall;
        let health = Health { ok: true, since, last_error: None, waiting: 0, dropped: 0, damaged: None, removed: 0 };
        Self { health: watch::Sender::new(health), clock, lost: Arc::default() }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    pub(super) fn is_ok(&self) -> bool {
        self.health.borrow().ok
    }

    /// Counts what was lost before it reached the writer.
    pub(super) fn lose(&self, records: u64) {
        // Both under the one lock: a count between them would show the loss twice, and a counter that falls again is read
        // as a restart.
        self.health.send_modify(|health| {
            self.lost.fetch_add(records, Ordering::Relaxed);
            health.dropped += records;
        });
    }

    /// Shows what waits and what the writer has lost.
    pub(super) fn count(&self, waiting: usize, lost: u64) {
        self.health.send_if_modified(|health| {
            let dropped = lost + self.lost.load(Ordering::Relaxed);
            let news = (health.waiting, health.dropped) != (waiting, dropped);
            (health.waiting, health.dropped) = (waiting, dropped);
            news
        });
    }

    pub(super) fn damaged(&self, damaged: Damaged) {
        self.health.send_modify(|health| health.damaged = Some(damaged));
    }

    /// What was removed or replaced is begun anew.
    pub(super) fn begun_anew(&self) {
        self.health.send_modify(|health| health.removed += 1);
    }

    /// Something was written.
    pub(super) fn heal(&self) {
        self.health.send_if_modified(|health| {
            if health.ok {
                return false;
            }
            health.ok = true;
            health.since = self.clock.now().wall;
            tracing::info!("the store writes again");
            true
        });
    }

    /// Shows a failure; it is logged when it begins, and not again while it lasts.
    pub(super) fn fail(&self, error: String) {
        self.health.send_if_modified(|health| {
            let news = health.ok || health.last_error.as_ref() != Some(&error);
            if health.ok {
                health.ok = false;
                health.since = self.clock.now().wall;
            }
            if news {
                tracing::error!(%error, "the store cannot write; what must not be lost waits in memory");
                health.last_error = Some(error);
            }
            news
        });
    }
}

impl super::Store {
    /// Counts records that were lost before they reached the store with those that it lost itself ([`Health::dropped`]).
    pub fn lose(&self, records: u64) {
        self.0.board.lose(records);
    }
}
