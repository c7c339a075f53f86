//! Feeds are read beside each other and without holding up anything else: a file may be on a disk that does not answer, and whoever
//! serves a feed chooses how long it takes to go through.
//!
//! ```text
//! begin ──▶ a file, in a thread of its own, or a URL ──▶ a turn ──▶ through it, in the one thread for that ──▶ next
//! ```
//!
//! What takes too long is told to end and left behind, and no second attempt begins at the same feed until it has ended.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Semaphore;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::task::JoinSet;

use crate::calendar::{self, PATIENCE};
use crate::clock::Clock;
use crate::domain::in_full;

/// So many feeds are read at once: each text may be as large as a text can be.
const AT_ONCE: usize = 4;

/// How long a feed waits until another has been gone through: one is given [`PATIENCE`], and as much to end.
const TURN: Duration = Duration::from_secs(2 * PATIENCE.as_secs());

/// What became of a feed's reading.
#[derive(Debug)]
pub(super) struct Done {
    /// The feed, as the config had it when the reading began.
    pub(super) feed: calendar::Config,
    /// When it began.
    pub(super) at: Timestamp,
    /// The meetings, or why there are none.
    pub(super) read: Result<calendar::Reading, String>,
    left_behind: Option<oneshot::Receiver<()>>,
}

/// Reads feeds, each once at a time.
#[derive(Debug)]
pub(super) struct Reader {
    readings: JoinSet<Done>,
    /// The feeds whose readings have not ended.
    at_it: BTreeSet<Arc<str>>,
    left_behind: Vec<LeftBehind>,
    turns: Turns,
    /// Goes through feeds, once there is one. One thread for all: each would keep for itself most of the memory that it once took
    /// (run: ten threads one after the other had 250 MB for what one has in 150).
    worker: Option<SyncSender<Work>>,
}

/// What a thread is given to do.
type Work = Box<dyn FnOnce() + Send>;

/// A thread that was left behind.
#[derive(Debug)]
struct LeftBehind {
    feed: calendar::Config,
    /// What was told of it, and is told as long as it hangs.
    why: String,
    /// Nothing comes here but the thread's end.
    ends: oneshot::Receiver<()>,
}

/// What is bounded for the sake of memory.
#[derive(Clone, Debug)]
struct Turns {
    /// Texts.
    texts: Arc<Semaphore>,
    /// What is made of one: a turn is over when the thread has done with it.
    through: Arc<Semaphore>,
}

impl Reader {
    pub(super) fn new() -> Self {
        let turns = Turns { texts: Arc::new(Semaphore::new(AT_ONCE)), through: Arc::new(Semaphore::new(1)) };
        Self { readings: JoinSet::new(), at_it: BTreeSet::new(), left_behind: Vec::new(), turns, worker: None }
    }

    /// Whether the feed of this name is being read.
    pub(super) fn is_at(&self, name: &str) -> bool {
        self.at_it.contains(name)
    }

    /// Begins to read a feed; [`Reader::next`] says how it ends. `room` is the zone of times that name none.
    pub(super) fn begin(&mut self, feed: &calendar::Config, room: TimeZone, clock: Clock) {
        self.left_behind.retain_mut(|left| matches!(left.ends.try_recv(), Err(TryRecvError::Empty)));
        let is_same = |known: &&LeftBehind| (&known.feed.file, &known.feed.url) == (&feed.file, &feed.url);
        let hangs = self.left_behind.iter().find(is_same).map(|left| left.why.clone());
        self.at_it.insert(Arc::clone(&feed.name));
        let (feed, at, turns, worker) = (feed.clone(), clock.now().wall, self.turns.clone(), self.worker());
        self.readings.spawn(async move {
            let mut left_behind = None;
            let read = match hangs {
                Some(why) => Err(why),
                None => read(&feed, room, at, turns, worker, clock, &mut left_behind).await,
            };
            Done { feed, at, read, left_behind }
        });
    }

    fn worker(&mut self) -> Result<SyncSender<Work>, String> {
        if let Some(worker) = &self.worker {
            return Ok(worker.clone());
        }
        let (worker, work) = sync_channel::<Work>(1);
        in_a_thread(Box::new(move || {
            for one in work {
                // The panic's own message went to the log by the panic hook; whoever waits hears that there is no answer.
                _ = catch_unwind(AssertUnwindSafe(one));
            }
        }))?;
        Ok(self.worker.insert(worker).clone())
    }

    /// Waits until one has been read; for ever, if none is. What is dropped before its end loses nothing.
    pub(super) async fn next(&mut self) -> Done {
        match self.readings.join_next().await {
            Some(Ok(mut done)) => {
                self.at_it.remove(&done.feed.name);
                if let (Some(ends), Err(why)) = (done.left_behind.take(), &done.read) {
                    self.left_behind.push(LeftBehind { feed: done.feed.clone(), why: why.clone(), ends });
                }
                done
            }
            Some(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}

async fn read(
    feed: &calendar::Config,
    room: TimeZone,
    at: Timestamp,
    turns: Turns,
    worker: Result<SyncSender<Work>, String>,
    clock: Clock,
    left_behind: &mut Option<oneshot::Receiver<()>>,
) -> Result<calendar::Reading, String> {
    let _text = turns.texts.acquire().await.map_err(|error| error.to_string())?;
    let seconds = PATIENCE.as_secs();
    let text = match (&feed.file, &feed.url) {
        (Some(file), _) => {
            let file = file.clone();
            let text = aside(clock, left_behind, in_a_thread, move |_| calendar::of_file(&file)).await?;
            text.ok_or_else(|| format!("its file cannot be read within {seconds} s: its disk does not answer"))?
        }
        (None, Some(url)) => calendar::of_url(feed, url).await,
        (None, None) => Ok(String::new()),
    };
    let text = text.map_err(|error| in_full(&error))?;
    let turn = tokio::time::timeout(TURN, turns.through.acquire_owned()).await;
    let late = |_| format!("another calendar has not been gone through within {} s", TURN.as_secs());
    let turn = turn.map_err(late)?.map_err(|error| error.to_string())?;
    let worker = worker?;
    let begin = |work| worker.try_send(work).map_err(|error| error.to_string());
    let through = aside(clock, left_behind, begin, move |over| {
        // The turn ends with the work, and so with what is in memory.
        let _turn = turn;
        calendar::read(&text, &room, calendar::span(at), over)
    });
    let read = through.await?.ok_or_else(|| format!("it cannot be gone through within {seconds} s"))?;
    read.map_err(|error| in_full(&error))
}

/// Does something in a thread, which it begins by `begin`. None if it takes too long: it is told that it is over, and left behind.
async fn aside<T: Send + 'static>(
    clock: Clock,
    left_behind: &mut Option<oneshot::Receiver<()>>,
    begin: impl FnOnce(Work) -> Result<(), String>,
    what: impl FnOnce(&AtomicBool) -> T + Send + 'static,
) -> Result<Option<T>, String> {
    let (tell, done) = oneshot::channel();
    let (alive, ends) = oneshot::channel::<()>();
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    begin(Box::new(move || {
        let _alive = alive;
        _ = tell.send(what(&told));
    }))?;
    tokio::select! {
        biased;
        done = done => done.map(Some).map_err(|_| "what reads it has failed; the log says how".to_owned()),
        () = clock.sleep_until(clock.mono().after(PATIENCE)) => {
            over.store(true, Ordering::Relaxed);
            *left_behind = Some(ends);
            Ok(None)
        }
    }
}

/// Begins in a thread of its own, which hinders no end of the daemon's while it hangs.
fn in_a_thread(work: Work) -> Result<(), String> {
    let thread = std::thread::Builder::new().name("calendar".to_owned());
    thread.spawn(work).map(drop).map_err(|error| format!("no thread can be had to read it: {error}"))
}
