//! Memory over restarts, in one SQLite file: what changed, what was wrong, what was said to whom, what an answer stood on.
//!
//! ```text
//! record, put_evidence, marks ──bounded channel──▶ writer thread ──▶ siaga.db (WAL) ◀── readers (blocking pool)
//! observe ──lock──▶ feed ──every 10 s──────────────────┘
//! record ──after the disk had its chance──▶ outbox in memory ──▶ next, receivers
//! ```
//!
//! Nothing here can stop the daemon. A damaged file is set aside and a new one begun. A disk that is full, read-only, away
//! or stuck makes [`Health::ok`] false: transitions and notifications then wait in memory (bounded) and alerts go out
//! from there; evidence is refused, so that an answer can say it has none; history reads what the disk still gives.

mod disk;
mod open;
mod outbox;
mod read;
mod rollup;
mod rows;
mod sql;
#[cfg(test)]
mod tests;
mod waiting;
mod writer;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

pub use disk::{Damaged, Health};
pub use read::{Minute, Restored, StoredEvidence};
pub use rows::Catalogue;

use crate::clock::Clock;
use crate::domain::{Incident, Notification, Observation, Period, Transition};
use open::Fault;
use read::Readers;
use rollup::Feed;
use sql::{EvidenceRow, Op};
use waiting::Waiting;
use writer::{Command, Writer};

/// Commands that wait for the writer; a disk that hangs fills it, and what does not fit is counted.
const COMMANDS: usize = 1024;
/// How long anybody waits for the disk. A disk that takes longer is stuck, and the daemon goes on without it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Evidence ids remembered as stored, so that asking again costs nothing.
const REMEMBERED: usize = 1024;

/// How long rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Changes of verdict, and incidents after their end: a year and a month, so that this month can be held against the
    /// same one last year.
    pub transitions: Period,
    /// What answers to the scheduler stood on: a month, the time in which somebody asks why.
    pub evidence: Period,
    /// Minutes: a quarter. About 60 bytes a minute and quantity: a hundred quantities make 0.8 GB.
    pub minutes: Period,
    /// Notifications that have arrived or were given up.
    pub outbox: Period,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Period(Duration::from_secs(days * 86_400));
        Self { transitions: days(400), evidence: days(30), minutes: days(90), outbox: days(30) }
    }
}

/// What belongs together: the changes, the incidents they opened, changed or closed, and what is to be said about it.
/// Stored in one transaction, or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// What changed.
    pub transitions: Vec<Transition>,
    /// As they are now.
    pub incidents: Vec<Incident>,
    /// Who shall hear of it.
    pub notifications: Vec<Notification>,
}

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// On the disk; it survives a crash and a power cut.
    OnDisk,
    /// In memory, until the disk takes it. Its notifications go out all the same.
    InMemory,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk does not take or give it now; [`Health`] says since when.
    #[error("the store cannot be used now: {0}")]
    Unavailable(String),
    /// The file is damaged; it is being looked at, and set aside if that is so.
    #[error("the store's file is damaged: {0}")]
    Damaged(String),
    /// The disk does not answer.
    #[error("the disk did not answer within {} s", PATIENCE.as_secs())]
    Stuck,
    /// The database refused the row: a bug of ours, logged with the row.
    #[error("the database refused the record")]
    Refused,
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
    /// A statement failed: a bug of ours.
    #[error("a statement failed")]
    Statement(#[source] rusqlite::Error),
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Ours(error) => Self::Statement(error),
            Fault::Damaged(what) => Self::Damaged(what),
            other => Self::Unavailable(other.in_full()),
        }
    }
}

/// The store's handle. Cheap to clone; the file is closed in good order when the last one is gone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    commands: SyncSender<Command>,
    feed: Arc<Mutex<Feed>>,
    waiting: Arc<Mutex<Waiting>>,
    health: watch::Receiver<Health>,
    readers: Arc<Readers>,
    stored: Mutex<Remembered>,
    /// Tells the snapshots of this process from those of every other: sequence numbers begin anew with each.
    run: String,
    catalogue: Catalogue,
    clock: Clock,
}

/// Ids that are known to be stored, and in which opening of the file.
#[derive(Default)]
struct Remembered {
    generation: u64,
    ids: HashSet<String>,
}

impl Store {
    /// Opens `siaga.db` in `folder`, or makes it. Returns at once; the file is opened by the writer's thread.
    ///
    /// It never fails. A file that is damaged is set aside. A folder that cannot be written gives a store that fails
    /// ([`Health::ok`]), keeps in memory what must not be lost, and tries again every two seconds. There is no database in
    /// memory in its place: it would answer history with a few minutes as if they were all.
    pub fn open(folder: &Path, clock: Clock, retention: Retention, catalogue: Catalogue) -> Self {
        let path = folder.join(open::FILE);
        let now = clock.now().wall;
        let healthy = Health { ok: true, since: now, last_error: None, waiting: 0, dropped: 0, damaged: None };
        let (health, watched) = watch::channel(healthy);
        let (commands, received) = sync_channel(COMMANDS);
        let generation = Arc::new(AtomicU64::new(0));
        let feed = Arc::new(Mutex::new(Feed::default()));
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let writer = Writer {
            disk: disk::Disk::new(path.clone(), clock, health, Arc::clone(&generation)),
            commands: received,
            feed: Arc::clone(&feed),
            waiting: Arc::clone(&waiting),
            retention,
            catalogue,
            clock,
            backlog: std::collections::VecDeque::new(),
            met: 0,
            lost: 0,
        };
        if let Err(error) = std::thread::Builder::new().name("siaga-store".to_owned()).spawn(|| writer.run()) {
            // Every call then answers `Closed`.
            tracing::error!(%error, "the store has no thread; nothing will be remembered");
        }
        Self(Arc::new(Inner {
            commands,
            feed,
            waiting,
            health: watched,
            readers: Arc::new(Readers::new(path, generation)),
            stored: Mutex::default(),
            run: format!("{:x}", now.as_microsecond()),
            catalogue,
            clock,
        }))
    }

    /// How the store is, and how that changes.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.0.health.clone()
    }

    /// Stores a batch in one transaction, then hands its notifications to the deliverer: a change is stored before anybody
    /// is told. Where the disk fails or takes longer than five seconds, the telling goes on without it.
    ///
    /// # Errors
    /// If the database refuses a row, or the writer has ended; the notifications go out all the same.
    pub async fn record(&self, batch: Batch) -> Result<Kept, StoreError> {
        let notifications = batch.notifications.clone();
        let (answer, answered) = sync_channel(1);
        let kept = match self.send(Command::Write(Op::Record(batch), Some(answer))) {
            Ok(()) => match wait(answered).await {
                Ok(kept) => kept,
                Err(StoreError::Stuck) => Ok(Kept::InMemory),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        let mut waiting = lock(&self.0.waiting);
        for notification in notifications {
            let (receiver, key) = (Arc::clone(&notification.receiver), Arc::clone(&notification.key));
            if !waiting.push(notification) {
                // On the disk it is, where there is one: the next start takes it up.
                tracing::error!(%receiver, %key, "too much waits for this receiver; it is not told");
            }
        }
        kept
    }

    /// What an earlier process left.
    ///
    /// # Errors
    /// If the disk cannot be read, or does not answer within five seconds.
    pub async fn restore(&self) -> Result<Restored, StoreError> {
        let (answer, answered) = sync_channel(1);
        self.send(Command::Restore(self.0.clock.now(), answer))?;
        wait(answered).await?
    }

    /// Takes an observation in for the minutes and as its check's newest. Never waits; written within ten seconds.
    pub fn observe(&self, observation: &Observation) {
        lock(&self.0.feed).observe(observation);
    }

    /// Stores what an answer stands on, once for a snapshot and question, and returns the id under which it is found
    /// again. `snapshot` is only asked for its JSON if it is not stored yet; `seq` is its number in this process.
    ///
    /// # Errors
    /// If it is not on the disk: then there is no id to be given out.
    pub async fn put_evidence(
        &self,
        seq: u64,
        at: Timestamp,
        question: &Value,
        snapshot: impl FnOnce() -> Value,
    ) -> Result<String, StoreError> {
        let question = question.to_string();
        let snapshot_id = format!("{}-{seq:x}", self.0.run);
        let id = format!("{snapshot_id}-{}", digest(&question));
        let generation = self.0.readers.generation();
        let fresh = {
            let mut stored = lock(&self.0.stored);
            if stored.generation != generation {
                // What was stored may be in a file that is set aside.
                *stored = Remembered { generation, ids: HashSet::new() };
            }
            if stored.ids.contains(&id) {
                return Ok(id);
            }
            !stored.ids.contains(&snapshot_id)
        };
        let snapshot = fresh.then(|| snapshot().to_string());
        let row = EvidenceRow { id: id.clone(), snapshot_id: snapshot_id.clone(), at, question, snapshot };
        let (answer, answered) = sync_channel(1);
        self.send(Command::Evidence(Box::new(row), answer))?;
        wait(answered).await??;
        let mut stored = lock(&self.0.stored);
        if stored.ids.len() >= REMEMBERED {
            stored.ids.clear();
        }
        // Zero: the file was opened while this waited for it.
        if generation == 0 || stored.generation == generation {
            stored.generation = self.0.readers.generation();
            stored.ids.extend([snapshot_id, id.clone()]);
        }
        Ok(id)
    }

    /// Evidence by its id; `None` if there is none, or none any more.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn evidence(&self, id: &str) -> Result<Option<StoredEvidence>, StoreError> {
        let id = id.to_owned();
        self.read(move |db, _| read::evidence(db, &id)).await
    }

    /// Changes of verdict in `since <= at < until`, newest first, at most `limit`.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn transitions(
        &self,
        since: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Transition>, StoreError> {
        self.read(move |db, catalogue| read::transitions(db, catalogue, (since, until), limit)).await
    }

    /// Incidents, newest first, at most `limit`.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn incidents(&self, open_only: bool, limit: u32) -> Result<Vec<Incident>, StoreError> {
        self.read(move |db, catalogue| read::incidents(db, catalogue, open_only, limit, &mut 0)).await
    }

    /// The minutes of one quantity of one check that begin in `since <= at < until`, oldest first. The minute that runs,
    /// and up to ten seconds more, are not in it yet.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn minutes(
        &self,
        check: &str,
        quantity: &str,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Minute>, StoreError> {
        let (check, quantity) = (check.to_owned(), quantity.to_owned());
        self.read(move |db, _| read::minutes(db, &check, &quantity, (since, until))).await
    }

    /// Writes now what observations left in finished minutes, and the newest of each check.
    ///
    /// # Errors
    /// If the disk does not answer. That it could not be written shows in [`Health`].
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (answer, answered) = sync_channel(1);
        self.send(Command::Flush(answer))?;
        wait(answered).await
    }

    /// Writes everything, the running minute too, and closes the file. For the end of the daemon: whoever still has a
    /// handle gets [`StoreError::Closed`].
    ///
    /// # Errors
    /// If the disk does not answer.
    pub async fn close(&self) -> Result<(), StoreError> {
        let (answer, answered) = sync_channel(1);
        self.send(Command::Close(answer))?;
        wait(answered).await
    }

    fn send(&self, command: Command) -> Result<(), StoreError> {
        self.0.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Stuck,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&rusqlite::Connection, &Catalogue) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (readers, catalogue) = (Arc::clone(&self.0.readers), self.0.catalogue);
        let read = tokio::task::spawn_blocking(move || readers.read(|db| query(db, &catalogue)));
        let result = read.await.map_err(|_| StoreError::Closed)?;
        if matches!(&result, Err(StoreError::Damaged(_))) {
            _ = self.send(Command::Suspect);
        }
        result
    }
}

/// Waits for the writer in tokio's blocking pool, by real time: a test's paused clock does not run away meanwhile.
async fn wait<T: Send + 'static>(answered: Receiver<T>) -> Result<T, StoreError> {
    let waited = tokio::task::spawn_blocking(move || answered.recv_timeout(PATIENCE)).await;
    match waited {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(RecvTimeoutError::Timeout)) => Err(StoreError::Stuck),
        Ok(Err(RecvTimeoutError::Disconnected)) | Err(_) => Err(StoreError::Closed),
    }
}

/// Sixteen hexadecimal digits that tell questions apart.
fn digest(text: &str) -> String {
    use std::fmt::Write as _;
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().take(8).fold(String::new(), |mut hex, byte| {
        _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The value behind a lock. What a panic left behind it is whole: nobody holds one over more than a few assignments.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
