//! The task: takes samples at the interval, has them kept, and pushes the oldest first, one at a time.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use prometheus::proto::MetricFamily;
use tokio::sync::{Notify, oneshot, watch};

use super::buffer::{Answer, Buffer, Row};
use super::labels::{self, Labels};
use super::pace::{OVERHEAD, Pace};
use super::post::{Failure, Far, NotTaken};
use super::queue::{Dropped, Queue, Unkept};
use super::{Config, Stats, wire};
use crate::clock::Clock;
use crate::domain::{Mono, in_full};

/// A wall clock that is set back by less than this is waited for: what is taken before it has caught up would be out of order. One that
/// is set back further was wrong before, and Prometheus refused what it was told then (it takes nothing from more than ten minutes
/// ahead).
const SET_BACK: i64 = 600_000;
/// How soon a budget that is spent is asked again: the day's end is found by asking, since the wall clock may jump.
const ASK_AGAIN: Duration = Duration::from_mins(1);
/// How long samples wait for a budget: what is older is dropped then, or a line that carries less than a room makes would be behind for good.
const WORTH_ITS_WAY: Duration = Duration::from_hours(1);
/// How long a disk may take before it is said that it does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the end waits for the disk, and for the receiver.
const LAST_CALL: Duration = Duration::from_secs(2);

/// The books of the line by which pushes leave.
pub trait Line: Send + Sync {
    /// Asks for leave to send so many bytes now; they are then booked.
    fn leave(&self, bytes: u64) -> bool;

    /// So much of what leave was given to last did not go: it is not booked.
    fn give_back(&self, bytes: u64);

    /// Whether there is a limit to what may be sent by it now.
    fn is_limited(&self) -> bool;
}

/// Why pushing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The config has changed; another goes on where this one ends.
    Config,
    /// The daemon ends: its series end too.
    Daemon,
}

/// What pushing needs of the house.
#[derive(Clone)]
pub struct Parts {
    /// What `/metrics` says now.
    pub gather: Arc<dyn Fn() -> Vec<MetricFamily> + Send + Sync>,
    /// Whether the room is in use.
    pub in_use: watch::Receiver<bool>,
    /// The line's books.
    pub line: Arc<dyn Line>,
    /// Where the buffer is.
    pub folder: PathBuf,
    /// Told when the state folder was made anew.
    pub folder_made_anew: Arc<Notify>,
    /// What became of the pushes.
    pub stats: Stats,
    /// The clocks.
    pub clock: Clock,
}

/// Pushes until `end` says why no more; first what was `unkept` before.
pub async fn run(
    parts: Parts,
    config: Config,
    room: &str,
    unkept: Unkept,
    end: impl Future<Output = End>,
) -> (End, Unkept) {
    let config = Arc::new(config);
    let far = Far::new(Arc::clone(&config), parts.clock);
    let now = parts.clock.mono();
    let buffer = Buffer::start(parts.folder.clone(), config.buffer_size.0, config.buffer_age.0, parts.clock);
    let mut pusher = Pusher {
        external: config.external(room),
        pace: Pace::new(config.interval.0, config.rate, now),
        spent: None,
        queue: Queue::default(),
        known: Vec::new(),
        newest: None,
        next_at: now,
        asked: None,
        pushing: None,
        leaves: 0,
        well: true,
        refusing: false,
        dropping: false,
        parts,
        config,
        far,
        buffer,
    };
    if let Some(newest) = unkept.rows.last() {
        pusher.follow(newest);
    }
    pusher.queue.go_on(unkept);
    pusher.run(end).await
}

type Pushing = Pin<Box<dyn Future<Output = Result<(), NotTaken>> + Send>>;

struct Pusher {
    parts: Parts,
    config: Arc<Config>,
    external: Vec<(String, String)>,
    far: Far,
    buffer: Buffer,
    queue: Queue,
    pace: Pace,
    /// When the line's budget was found to be spent, until something is granted again.
    spent: Option<Mono>,
    /// The series of the newest push, sorted.
    known: Vec<Labels>,
    /// Its moment, ms since 1970.
    newest: Option<i64>,
    next_at: Mono,
    /// What the disk is asked, and since when.
    asked: Option<(oneshot::Receiver<Answer>, Mono)>,
    pushing: Option<Pushing>,
    /// How much is on its way, bytes.
    leaves: u64,
    /// What the log said last: whether pushes arrive, whether some are refused, whether some are dropped.
    well: bool,
    refusing: bool,
    dropping: bool,
}

/// What happened.
enum Event {
    End(End),
    Answered(Option<Answer>),
    Pushed(Result<(), NotTaken>),
    FolderMadeAnew,
    /// A moment has come, or the room's use has changed.
    Look,
}

impl Pusher {
    async fn run(mut self, end: impl Future<Output = End>) -> (End, Unkept) {
        let mut end = std::pin::pin!(end);
        let made_anew = Arc::clone(&self.parts.folder_made_anew);
        loop {
            let now = self.parts.clock.mono();
            // What an earlier process left says which series have ended since.
            if now >= self.next_at && self.has_looked() {
                self.take();
                let next = self.next_at.after(self.config.interval.0);
                // What was slept through is not made up for.
                self.next_at = if next > now { next } else { now.after(self.config.interval.0) };
            }
            self.move_on(now);
            self.tell();
            let wake_at = self.wake_at(now);
            let mut in_use = self.parts.in_use.clone();
            let event = tokio::select! {
                biased;
                end = &mut end => Event::End(end),
                answer = answered(&mut self.asked) => Event::Answered(answer),
                pushed = pushed(&mut self.pushing) => Event::Pushed(pushed),
                () = made_anew.notified() => Event::FolderMadeAnew,
                () = self.parts.clock.sleep_until(wake_at) => Event::Look,
                Ok(()) = in_use.changed() => Event::Look,
            };
            match event {
                Event::End(end) => {
                    self.finish(end).await;
                    return (end, self.queue.unkept());
                }
                Event::Answered(answer) => self.answered(answer),
                Event::Pushed(pushed) => self.pushed(pushed),
                Event::FolderMadeAnew => self.queue.folder_made_anew(),
                Event::Look => {
                    self.parts.in_use.borrow_and_update();
                }
            }
        }
    }

    /// Whether the file was opened, or could not be within the disk's patience.
    fn has_looked(&self) -> bool {
        let now = self.parts.clock.mono();
        match &self.asked {
            Some((_, since)) => now.since(*since) >= PATIENCE || self.newest.is_some(),
            None => self.queue.was_asked(),
        }
    }

    /// Asks the disk and the receiver for what is to be done next, if there is anything.
    fn move_on(&mut self, now: Mono) {
        if self.asked.is_none()
            && let Some(work) = self.queue.work(now)
        {
            self.asked = Some((self.buffer.ask(work), now));
        }
        let in_use = *self.parts.in_use.borrow();
        if self.pushing.is_some() || self.pace.ready_at(in_use) > now {
            return;
        }
        let Some(bytes) = self.queue.next().map(|row| row.body.len() as u64) else { return };
        if !self.parts.line.leave(bytes + OVERHEAD) {
            self.pace.put_off(ASK_AGAIN, now);
            self.spent.get_or_insert(now);
            self.failed(&NotTaken {
                failure: Failure::Budget,
                detail: "the uplink's budget of data is spent for today".to_owned(),
                retry_after: None,
            });
            return;
        }
        // A new day of a line that has too little for all: what waited since yesterday would take the place of what is so now. By a line
        // without a limit all of it goes.
        if self.spent.take().is_some() && self.parts.line.is_limited() {
            let lag = i64::try_from(WORTH_ITS_WAY.as_millis()).unwrap_or(i64::MAX);
            self.queue.let_go_before(self.parts.clock.now().wall.as_millisecond().saturating_sub(lag));
        }
        let Some(row) = self.queue.begin() else { return };
        self.pace.begun(bytes, now);
        self.leaves = bytes;
        self.pushing = Some(self.far.clone().push(row.body).boxed());
    }

    fn wake_at(&self, now: Mono) -> Mono {
        let in_use = *self.parts.in_use.borrow();
        let mut wake_at = if self.has_looked() { self.next_at } else { now.after(PATIENCE) };
        if self.pushing.is_none() && self.queue.next().is_some() {
            wake_at = wake_at.min(self.pace.ready_at(in_use));
        }
        if !self.queue.is_asking() {
            wake_at = wake_at.min(self.queue.retry_at().unwrap_or(Mono::NEVER));
        }
        wake_at
    }

    /// Takes what `/metrics` says now.
    fn take(&mut self) {
        let samples = labels::samples(&(self.parts.gather)(), &self.external);
        let at = self.parts.clock.now().wall.as_millisecond();
        if let Some(newest) = self.newest.filter(|newest| at <= *newest) {
            if newest - at < SET_BACK {
                self.drop_counted(Dropped::Clock, samples.len() as u64);
                return;
            }
            self.queue.begin_anew();
        }
        let ended = labels::ended(&self.known, &samples);
        match wire::body(&samples, &ended, at) {
            Ok(body) => {
                let count = i64::try_from(samples.len() + ended.len()).unwrap_or(i64::MAX);
                self.queue.push(Row { at, samples: count, body: body.into() });
                self.newest = Some(at);
                self.known = samples.into_iter().map(|sample| sample.labels).collect();
            }
            Err(error) => tracing::error!(error = in_full(&error), "samples are left out"),
        }
    }

    fn answered(&mut self, answer: Option<Answer>) {
        self.asked = None;
        let gone = || Answer { fault: Some("its thread has ended".to_owned()), ..Answer::default() };
        let answer = answer.unwrap_or_else(gone);
        let was_kept = self.queue.is_kept();
        self.queue.answered(&answer, self.parts.clock.mono());
        if let Some(row) = answer.newest.as_ref().filter(|_| self.newest.is_none()) {
            self.follow(row);
        }
        match answer.fault {
            Some(why) if was_kept => {
                tracing::error!(why, "what is to be pushed cannot be kept on the disk; it waits in memory");
            }
            None if !was_kept => tracing::info!("what is to be pushed is kept on the disk again"),
            _ => {}
        }
    }

    /// Goes on from the newest push of before: what was in it and is not any more has ended.
    fn follow(&mut self, newest: &Row) {
        self.known = wire::series_of(&newest.body).unwrap_or_default();
        self.newest = Some(newest.at);
    }

    fn pushed(&mut self, pushed: Result<(), NotTaken>) {
        self.pushing = None;
        let now = self.parts.clock.now();
        match pushed.as_ref().map_err(|not| not.failure) {
            // Handshakes may have passed.
            Err(Failure::Connect) => self.parts.line.give_back(self.leaves),
            Err(Failure::Secret) => self.parts.line.give_back(self.leaves + OVERHEAD),
            _ => self.parts.stats.lock().bytes += self.leaves,
        }
        match pushed {
            Ok(()) => {
                let samples = self.queue.done(None);
                self.pace.good();
                let pending = self.queue.pending().samples;
                let mut counts = self.parts.stats.lock();
                counts.sent += u64::try_from(samples).unwrap_or_default();
                counts.last_success_at = Some(now.wall);
                drop(counts);
                self.refusing = false;
                if !std::mem::replace(&mut self.well, true) {
                    tracing::info!(pending, "samples are pushed again; what waited follows in its order");
                }
            }
            Err(not) if not.failure.retried() => {
                self.queue.again();
                self.pace.bad(not.retry_after, now.mono);
                self.failed(&not);
            }
            Err(not) => {
                *self.parts.stats.lock().failed.entry(not.failure).or_default() += 1;
                self.queue.done(Some(Dropped::Refused));
                if not.failure == Failure::Denied {
                    // What follows would fare the same: it is kept for as long as can be.
                    self.pace.bad(None, now.mono);
                } else {
                    self.pace.good();
                }
                if !std::mem::replace(&mut self.refusing, true) {
                    tracing::warn!(
                        why = not.detail,
                        "the receiver refuses samples for good; they are dropped, others follow"
                    );
                }
            }
        }
    }

    fn failed(&mut self, not: &NotTaken) {
        *self.parts.stats.lock().failed.entry(not.failure).or_default() += 1;
        if std::mem::replace(&mut self.well, false) {
            let failure = not.failure.as_str();
            tracing::warn!(failure, why = not.detail, "samples cannot be pushed; they are kept and pushed later");
        }
    }

    fn drop_counted(&self, why: Dropped, samples: u64) {
        *self.parts.stats.lock().dropped.entry(why).or_default() += samples;
    }

    /// Tells what there is to whoever asks.
    fn tell(&mut self) {
        let lost = self.queue.lost();
        let for_room =
            |(why, _): &&(Dropped, i64)| matches!(why, Dropped::TooOld | Dropped::BufferFull | Dropped::MemoryFull);
        if let Some((why, _)) = lost.iter().find(for_room)
            && !std::mem::replace(&mut self.dropping, true)
        {
            tracing::warn!(why = why.as_str(), "the oldest samples that waited are dropped");
        }
        for (why, samples) in lost {
            self.drop_counted(why, u64::try_from(samples).unwrap_or_default());
        }
        let pending = self.queue.pending();
        self.dropping &= pending.rows > 1;
        let stuck = self.asked.as_ref().is_some_and(|(_, since)| self.parts.clock.mono().since(*since) >= PATIENCE);
        let mut counts = self.parts.stats.lock();
        counts.on = true;
        counts.kept = self.queue.is_kept() && !stuck;
        counts.pending = u64::try_from(pending.samples).unwrap_or_default();
        counts.oldest = self.queue.oldest().and_then(|at| Timestamp::from_millisecond(at).ok());
    }

    /// Leaves what waits on the disk. At the daemon's end its series end, so that nobody takes its last word for what is so now.
    async fn finish(&mut self, end: End) {
        let at = self.parts.clock.now().wall.as_millisecond();
        if end == End::Daemon && !self.known.is_empty() && self.newest.is_none_or(|newest| newest < at) {
            let known = std::mem::take(&mut self.known);
            if let Ok(body) = wire::body(&[], &known, at) {
                let samples = i64::try_from(known.len()).unwrap_or(i64::MAX);
                self.queue.push(Row { at, samples, body: body.into() });
            }
        }
        let clock = self.parts.clock;
        let deadline = clock.mono().after(LAST_CALL);
        let in_order = async {
            loop {
                let now = self.parts.clock.mono();
                if self.asked.is_none() {
                    let work = self.queue.work(now).or_else(|| self.queue.last_work());
                    self.asked = work.map(|work| (self.buffer.ask(work), now));
                }
                // Only while all is well and little waits: what does not go at once goes at the next start.
                let goes = end == End::Daemon && self.well && self.pushing.is_none() && self.queue.pending().rows <= 2;
                let bytes = self.queue.next().filter(|_| goes).map(|row| row.body.len() as u64);
                if bytes.is_some_and(|bytes| self.parts.line.leave(bytes + OVERHEAD))
                    && let Some(row) = self.queue.begin()
                {
                    self.leaves = row.body.len() as u64;
                    self.pushing = Some(self.far.clone().push(row.body).boxed());
                }
                if self.asked.is_none() && self.pushing.is_none() {
                    return;
                }
                tokio::select! {
                    answer = answered(&mut self.asked) => self.answered(answer),
                    pushed = pushed(&mut self.pushing) => self.pushed(pushed),
                }
            }
        };
        tokio::select! {
            () = in_order => {}
            () = clock.sleep_until(deadline) => {}
        }
        if self.pushing.take().is_some() {
            self.parts.stats.lock().bytes += self.leaves;
        }
    }
}

/// The disk's answer, if it is asked; `None` where its thread has ended.
async fn answered(asked: &mut Option<(oneshot::Receiver<Answer>, Mono)>) -> Option<Answer> {
    match asked {
        Some((answer, _)) => answer.await.ok(),
        None => std::future::pending().await,
    }
}

async fn pushed(pushing: &mut Option<Pushing>) -> Result<(), NotTaken> {
    match pushing {
        Some(pushing) => pushing.await,
        None => std::future::pending().await,
    }
}
