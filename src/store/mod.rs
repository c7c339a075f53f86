//! Memory over restarts, in one file of `SQLite`: what changed, what was wrong, what was said to whom, what an answer stood on.
//!
//! ```text
//! record, put_evidence, marks ──bounded channel──▶ writer thread ──▶ siaga.db (WAL) ◀── readers (blocking pool)
//! observe ──lock──▶ feed ──every 10 s──────────────────┘
//! record ──after the disk had its chance──▶ outbox in memory ──▶ next, receivers
//! ```
//!
//! Nothing here can stop the daemon. A damaged file is set aside and a new one begun; one that is removed under the daemon
//! is noticed within two seconds and begun anew. A disk that is full, read-only, away
//! or stuck makes [`Health::ok`] false: transitions and notifications then wait in memory (bounded) and alerts go out
//! from there; evidence is refused, so that an answer can say it has none; history reads what the disk still gives.

mod asked;
mod backlog;
mod claim;
mod disk;
mod error;
mod health;
mod history;
mod hourly;
mod latest;
mod open;
mod outbox;
mod past;
mod read;
mod record;
mod recording;
mod reports;
mod retention;
mod rollup;
mod rows;
mod seen_to;
mod sessions;
mod sheets;
mod sql;
mod story;
#[cfg(test)]
mod tests;
mod told;
mod waiting;
mod writer;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

pub use asked::{Asked, asked};
pub use claim::{Claim, ClaimError};
pub use error::StoreError;
pub use health::{Damaged, Health};
pub use past::read_from;
pub use read::{Minute, Restored, StoredEvidence};
pub use record::record_from;
pub use recording::{Recorded, Recording, RecordingError};
pub use reports::{Chain, KeptMonth, MadeAhead, kept_from, month_from, reports_from};
pub use retention::Retention;
pub use rows::Catalogue;
pub use seen_to::SeenTo;
pub use sessions::{Booked, Wanted};
pub use sheets::Noted;

use crate::clock::Clock;
use crate::domain::sheet::Written;
use crate::domain::{Act, Incident, Notice, Notification, Observation, Session, Silence, Standing, Transition, hex};
use health::Board;
use read::Readers;
use rollup::Feed;
use sql::{EvidenceRow, Op};
use waiting::Waiting;
use writer::{Command, Writer};

/// Commands that wait for the writer; a disk that hangs fills it, and what does not fit is counted.
const COMMANDS: usize = 1024;
/// How long anybody waits for the disk. A disk that takes longer is stuck, and the daemon goes on without it.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many read at once, and the others wait in line: each has a thread and a connection with its memory, and anybody may ask.
const READS: usize = 4;
/// The evidence of so many answers is waited for at once. Anybody may ask for one, and what people ordered and alerts wait for the disk on
/// the same threads.
const EVIDENCE: usize = 4;
/// Evidence ids remembered as stored, so that asking again costs nothing.
const REMEMBERED: usize = 1024;

/// What belongs together: the changes, the incidents they opened, changed or closed, and what is to be said about it.
/// Stored in one transaction, or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// What changed.
    pub transitions: Vec<Transition>,
    /// As they are now.
    pub incidents: Vec<Incident>,
    /// What holds since another moment.
    pub standings: Vec<Standing>,
    /// Who shall hear of it.
    pub notifications: Vec<Notification>,
    /// What people asked for.
    pub acts: Vec<Act>,
    /// What was told of an incident, by its id, and what else is kept of telling; nothing of what is over.
    pub told: Vec<(String, Option<String>)>,
    /// Wishes for silence.
    pub silences: Vec<Silence>,
    /// Sessions as they are known to be, for a file that is begun anew; what is wished goes by [`Store::wish`].
    pub sessions: Vec<Session>,
    /// What was found of sessions.
    pub notices: Vec<Notice>,
    /// What was told of run sheets; and what was written into them, for a file that is begun anew (what is wished goes by
    /// [`Store::note`]).
    pub sheets: Written,
}

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// On the disk; it survives a crash and a power cut.
    OnDisk,
    /// In memory, until the disk takes it. Its notifications go out all the same.
    InMemory,
}

/// The store's handle. Cheap to clone; the file is closed in good order when the last one is gone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    commands: SyncSender<Command>,
    feed: Arc<Mutex<Feed>>,
    waiting: Arc<Mutex<Waiting>>,
    board: Board,
    readers: Arc<Readers>,
    /// Whose turn it is to read, and to wait for evidence.
    reads: Arc<Semaphore>,
    evidence: Arc<Semaphore>,
    stored: Mutex<Remembered>,
    /// Somebody waited for the writer in vain, and it has finished nothing since. Nobody waits again until it has.
    stuck: Arc<AtomicBool>,
    /// Tells the snapshots of this process from those of every other: sequence numbers begin anew with each.
    run: String,
    catalogue: Catalogue,
    clock: Clock,
}

/// Ids that are known to be stored, in which opening of the file: what was stored before may be in one that is set aside.
#[derive(Default)]
struct Remembered {
    generation: u64,
    ids: HashSet<String>,
}

impl Remembered {
    fn knows(&self, id: &str, generation: u64) -> bool {
        self.generation == generation && self.ids.contains(id)
    }

    fn learn(&mut self, id: String, generation: u64) {
        if self.generation != generation || self.ids.len() >= REMEMBERED {
            *self = Self { generation, ids: HashSet::new() };
        }
        self.ids.insert(id);
    }
}

impl Store {
    /// Opens `siaga.db` in the claimed folder, or makes it. Returns at once; the file is opened by the writer's thread.
    ///
    /// It never fails. A file that is damaged is set aside. A folder or a file that is removed or replaced meanwhile is made
    /// anew, with what is open and undelivered. A folder that cannot be written gives a store that fails
    /// ([`Health::ok`]), keeps in memory what must not be lost, and tries again every two seconds. There is no database in
    /// memory in its place: it would answer history with a few minutes as if they were all.
    pub fn open(claim: Claim, clock: Clock, retention: Retention, catalogue: Catalogue) -> Self {
        let path = claim.folder().join(open::FILE);
        let board = Board::new(clock);
        let (commands, received) = sync_channel(COMMANDS);
        let generation = Arc::new(AtomicU64::new(0));
        let feed = Arc::new(Mutex::new(Feed::since(clock.now())));
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let stuck = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            disk: disk::Disk::new(claim, clock, board.clone(), Arc::clone(&generation)),
            board: board.clone(),
            commands: received,
            feed: Arc::clone(&feed),
            waiting: Arc::clone(&waiting),
            stuck: Arc::clone(&stuck),
            retention,
            catalogue,
            clock,
            backlog: backlog::Backlog::default(),
            latest: latest::Latest::default(),
            met: 0,
            lost: 0,
            examined: None,
        };
        // Under a clock on tokio's time that thread reads the time of the runtime that opened the store, as everybody else does.
        let runtime = tokio::runtime::Handle::try_current().ok();
        let run = move || {
            let _within = runtime.as_ref().map(tokio::runtime::Handle::enter);
            writer.run();
        };
        if let Err(error) = std::thread::Builder::new().name("siaga-store".to_owned()).spawn(run) {
            // Every call then answers `Closed`.
            tracing::error!(%error, "the store has no thread; nothing will be remembered");
        }
        Self(Arc::new(Inner {
            commands,
            feed,
            waiting,
            board,
            readers: Arc::new(Readers::new(path, generation)),
            reads: Arc::new(Semaphore::new(READS)),
            evidence: Arc::new(Semaphore::new(EVIDENCE)),
            stored: Mutex::default(),
            stuck,
            run: format!("{:x}", clock.now().wall.as_microsecond()),
            catalogue,
            clock,
        }))
    }

    /// How the store is, and how that changes.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.0.board.watch()
    }

    /// Stores a batch in one transaction, then hands its notifications to the deliverer: a change is stored before anybody
    /// is told. Where the disk fails or takes longer than five seconds, the telling goes on without it; while it hangs on, those
    /// that follow do not wait at all, and reach it in order once it answers.
    ///
    /// # Errors
    /// If the database refuses a row, or the writer has ended; the notifications go out all the same.
    pub async fn record(&self, batch: Batch) -> Result<Kept, StoreError> {
        let notifications = batch.notifications.clone();
        let (answer, answered) = sync_channel(1);
        let kept = match self.send(Command::Write(Box::new(Op::Record(batch)), Some(answer))) {
            Ok(()) if self.is_stuck() => Ok(Kept::InMemory),
            Ok(()) => match self.wait(answered).await {
                Ok(kept) => kept,
                Err(StoreError::Stuck) => Ok(Kept::InMemory),
                Err(error) => Err(error),
            },
            Err(error) => {
                self.0.board.lose(1);
                Err(error)
            }
        };
        let mut waiting = lock(&self.0.waiting);
        for notification in notifications {
            let (receiver, key) = (Arc::clone(&notification.receiver), Arc::clone(&notification.key));
            if !waiting.push(notification) {
                // On the disk it is, where there is one: the next start takes it up.
                self.0.board.lose(1);
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
        self.wait(answered).await?
    }

    /// Takes an observation in for the minutes and as its check's newest. Never waits; written within ten seconds.
    pub fn observe(&self, observation: &Observation) {
        lock(&self.0.feed).observe(observation);
    }

    /// Stores an answer, once for each snapshot and question, and returns the id under which it is found again. `seq` is
    /// the snapshot's number in this process; `answer` is only asked for its JSON if it is not stored yet.
    ///
    /// # Errors
    /// If it is not on the disk: then there is no id to be given out.
    pub async fn put_evidence(
        &self,
        seq: u64,
        at: Timestamp,
        question: &Value,
        answer: impl FnOnce() -> Value,
    ) -> Result<String, StoreError> {
        let question = question.to_string();
        let id = format!("{}-{seq:x}-{}", self.0.run, digest(&question));
        let generation = self.0.readers.generation();
        if lock(&self.0.stored).knows(&id, generation) {
            return Ok(id);
        }
        let turn = turn(&self.0.evidence).await?;
        if self.is_stuck() {
            // There would be no id in the end, and the room in the queue is for what must not be lost.
            return Err(StoreError::Stuck);
        }
        let row = EvidenceRow { id: id.clone(), at, question, answer: answer().to_string() };
        let (reply, replied) = sync_channel(1);
        self.send(Command::Evidence(Box::new(row), reply))?;
        self.wait_with(replied, Some(turn)).await??;
        lock(&self.0.stored).learn(id.clone(), generation);
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

    /// Incidents, newest first and last those of a clock that was ahead, at most `limit`.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn incidents(&self, open_only: bool, limit: u32) -> Result<Vec<Incident>, StoreError> {
        let most = (limit, self.0.clock.now().wall);
        self.read(move |db, catalogue| read::incidents(db, catalogue, open_only, most, &mut 0)).await
    }

    /// Of each of these incidents, who said that they see to it, oldest first.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn acknowledged(&self, incidents: Vec<String>) -> Result<HashMap<String, Vec<SeenTo>>, StoreError> {
        self.read(move |db, _| seen_to::seen_to(db, &incidents)).await
    }

    /// Who gave the orders with these keys.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn actors(&self, keys: Vec<String>) -> Result<HashMap<String, String>, StoreError> {
        self.read(move |db, _| asked::actors(db, &keys)).await
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
        // Who asks again and again of a disk that hangs would leave no room for what is to be written.
        if self.is_stuck() {
            return Err(StoreError::Stuck);
        }
        let (answer, answered) = sync_channel(1);
        self.send(Command::Flush(answer))?;
        self.wait(answered).await
    }

    /// Writes everything, the running minute too, and closes the file. For the end of the daemon: whoever still has a
    /// handle gets [`StoreError::Closed`].
    ///
    /// # Errors
    /// If the disk does not answer.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.readers.close();
        let (answer, answered) = sync_channel(1);
        self.send(Command::Close(answer))?;
        self.wait(answered).await
    }

    fn send(&self, command: Command) -> Result<(), StoreError> {
        self.0.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => self.shown(StoreError::Stuck),
            TrySendError::Disconnected(_) => self.shown(StoreError::Closed),
        })
    }

    /// Waits for the writer in tokio's blocking pool, while which a test's paused clock does not run away.
    async fn wait<T: Send + 'static>(&self, answered: Receiver<T>) -> Result<T, StoreError> {
        self.wait_with(answered, None).await
    }

    /// The same in somebody's turn, which lasts as long as the thread is taken: also where nobody wants the answer any more.
    async fn wait_with<T: Send + 'static>(
        &self,
        answered: Receiver<T>,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Result<T, StoreError> {
        let waited = tokio::task::spawn_blocking(move || {
            let answer = answered.recv_timeout(PATIENCE);
            drop(turn);
            answer
        });
        // Counted here too: where every thread of the pool hangs, none begins to wait.
        match tokio::time::timeout(PATIENCE, waited).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Err(_) | Ok(Ok(Err(RecvTimeoutError::Timeout))) => {
                self.0.stuck.store(true, Ordering::Release);
                Err(self.shown(StoreError::Stuck))
            }
            Ok(Ok(Err(RecvTimeoutError::Disconnected)) | Err(_)) => Err(self.shown(StoreError::Closed)),
        }
    }

    fn is_stuck(&self) -> bool {
        self.0.stuck.load(Ordering::Acquire)
    }

    /// Shows what the writer cannot show itself: that it does not answer.
    fn shown(&self, error: StoreError) -> StoreError {
        self.0.board.fail(error.to_string());
        error
    }

    /// Reads in turn. The turn lasts as long as the reading, also where nobody wants it any more.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&rusqlite::Connection, &Catalogue) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (readers, catalogue) = (Arc::clone(&self.0.readers), self.0.catalogue);
        let turn = turn(&self.0.reads).await?;
        let read = tokio::task::spawn_blocking(move || {
            let read = readers.read(|db| query(db, &catalogue));
            drop(turn);
            read
        });
        let result = read.await.map_err(|_| StoreError::Closed)?;
        if matches!(&result, Err(StoreError::Damaged(_))) {
            _ = self.send(Command::Suspect);
        }
        result
    }
}

/// A turn at what only so many do at once; it is waited for no longer than the disk is.
async fn turn(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StoreError> {
    // Where there is one nobody stands in line.
    if let Ok(turn) = Arc::clone(of).try_acquire_owned() {
        return Ok(turn);
    }
    match tokio::time::timeout(PATIENCE, Arc::clone(of).acquire_owned()).await {
        Ok(turn) => turn.map_err(|_| StoreError::Closed),
        Err(_) => Err(StoreError::Busy),
    }
}

/// Sixteen hexadecimal digits that tell questions apart.
fn digest(text: &str) -> String {
    hex(&ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref()[..8])
}

/// The value behind a lock. What a panic left behind it is whole: nobody holds one over more than a few assignments.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
