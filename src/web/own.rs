//! The daemon's own health as the readers' side wants it: whether what it saw is kept, and whether what it said arrived.
//!
//! Store and receivers are other hands of the house; the shell hands over what is told here.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

/// Who knows how the daemon itself is.
pub trait OwnHealth: Send + Sync {
    /// How it is now. Asked by each scrape, so it reads what is in memory and touches neither disk nor network.
    fn now(&self) -> Own;
}

/// How the daemon itself is. What is counted, is counted since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// The memory.
    pub store: Keeping,
    /// The mouths, by the receiver's name in the config.
    pub receivers: BTreeMap<Arc<str>, Telling>,
    /// Changes of which nobody was told, by why.
    pub withheld: Vec<Counted>,
    /// What pushes have taken of each uplink on this day (UTC), bytes, by its name.
    pub pushed_today: BTreeMap<Arc<str>, u64>,
    /// What is pushed by remote write, if anything is.
    pub pushing: Option<Pushing>,
}

/// A label's value, of a closed list, and how often it was so. Zeros are counted too: Prometheus sees no increase in a
/// series that begins with its first event.
pub type Counted = (&'static str, u64);

/// How the store is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// Whether what it is given reaches the disk.
    pub healthy: bool,
    /// Records that wait in memory for the disk.
    pub waiting: u64,
    /// Records that are lost for good.
    pub dropped: u64,
    /// The file that was put aside for a fresh one, if one was.
    pub set_aside: Option<SetAside>,
    /// How often the state folder or its database was removed or replaced under the process.
    pub removed: u64,
}

/// A database that this process has put aside, with all that was in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// When.
    pub at: Timestamp,
    /// Whether it is of a newer siaga; else it is damaged.
    pub newer: bool,
    /// Its name now, in the state folder.
    pub file: String,
}

/// What became of the samples that are pushed by remote write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushing {
    /// Samples that the receiver took.
    pub sent: u64,
    /// Bytes of pushes that were sent, whatever became of them.
    pub bytes: u64,
    /// Pushes that failed, by why. One may fail many times and still arrive.
    pub failed: Vec<Counted>,
    /// Samples that are gone, by why.
    pub dropped: Vec<Counted>,
    /// Samples that wait.
    pub pending: u64,
    /// The moment of the oldest of these.
    pub oldest_pending_at: Option<Timestamp>,
    /// When a push arrived last.
    pub last_success_at: Option<Timestamp>,
    /// Whether what waits is on the disk.
    pub kept: bool,
}

/// What became of the notifications to one receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// Notifications that arrived.
    pub delivered: u64,
    /// Attempts that failed, by kind of failure. One notification may fail many times and still arrive.
    pub failed: Vec<Counted>,
    /// Notifications that are no longer tried, by why: these nobody was told.
    pub given_up: Vec<Counted>,
    /// When one arrived last.
    pub last_delivered_at: Option<Timestamp>,
    /// Notifications that have not arrived yet.
    pub waiting: u64,
    /// When the oldest of those was made.
    pub oldest_waiting_at: Option<Timestamp>,
}
