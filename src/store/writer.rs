//! The one thread that writes.
//!
//! A thread of its own, because a commit may take as long as the disk likes, and a disk that hangs must stop nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::backlog::Backlog;
use super::disk::Disk;
use super::health::Board;
use super::latest::Latest;
use super::open::{self, Fault};
use super::reports;
use super::rollup::Feed;
use super::sessions::{self, Wanted};
use super::sheets::{self, Noted};
use super::sql::{self, EvidenceRow, Op};
use super::waiting::Waiting;
use super::{Batch, Catalogue, Kept, Restored, Retention, StoreError, hourly, lock, read, retention};
use crate::clock::Clock;
use crate::domain::link::{Filed, Kind};
use crate::domain::sheet::Unwritten;
use crate::domain::{Granted, Mono, Notification, Now};

/// How often observations are written: what a crash may cost.
const FLUSH: Duration = Duration::from_secs(10);
/// How soon more is deleted where more is too old: whoever has rows written at the pace of the disk must not outrun it.
const PRUNE_AGAIN: Duration = Duration::from_millis(100);
/// How soon it is looked again where nothing more is: each look passes what is old and kept all the same, before which an alert may
/// have to wait. As much as one look deletes, written meanwhile, is looked at with the next flush.
const PRUNE_LATER: Duration = Duration::from_hours(1);
/// How often a disk that failed is tried again, and one that works is looked at: whether its file is still at its place.
const RETRY: Duration = Duration::from_secs(2);
/// How long a file that was read through is not read through again.
const EXAMINED: Duration = Duration::from_mins(10);
/// What is written in one transaction when a backlog is worked off.
const CHUNK: usize = 64;

/// Where the answer to a command goes. One answer, so sending never waits.
pub(super) type Answer<T> = SyncSender<T>;

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    /// Write this, now if the disk lets; answered where there is somebody who waits.
    Write(Box<Op>, Option<Answer<Result<Kept, StoreError>>>),
    Evidence(Box<EvidenceRow>, Answer<Result<(), StoreError>>),
    /// Grant it, on the disk, or say why not.
    Wish(Box<Wanted>, Answer<Result<Granted, StoreError>>),
    /// Write it into a run sheet and into the audit, on the disk, or say why not.
    Note(Box<sheets::Wanted>, Answer<Result<Result<Noted, Unwritten>, StoreError>>),
    /// Keep a report, on the disk; its hash, if none of that meeting was there.
    File(Box<Filed>, Answer<Result<Option<String>, StoreError>>),
    Restore(Now, Answer<Result<Restored, StoreError>>),
    /// Write what observations left.
    Flush(Answer<()>),
    /// A reader met damage.
    Suspect,
    /// Write everything, close the file, end.
    Close(Answer<()>),
}

/// The thread's state.
pub(super) struct Writer {
    pub(super) disk: Disk,
    pub(super) board: Board,
    pub(super) commands: Receiver<Command>,
    pub(super) feed: Arc<Mutex<Feed>>,
    pub(super) waiting: Arc<Mutex<Waiting>>,
    /// Set by whoever waited in vain.
    pub(super) stuck: Arc<AtomicBool>,
    pub(super) retention: Retention,
    pub(super) catalogue: Catalogue,
    pub(super) clock: Clock,
    pub(super) backlog: Backlog,
    /// What a file that is begun anew must have.
    pub(super) latest: Latest,
    /// The opening of the file whose undelivered notifications are in `waiting`.
    pub(super) met: u64,
    /// Rows that the database refused, and records that no longer fitted into the backlog.
    pub(super) lost: u64,
    /// When the file was read through because a reader had met damage, and nothing was found; and which opening of it that was.
    pub(super) examined: Option<(u64, Mono)>,
}

impl Writer {
    /// Serves commands until the last handle is gone.
    pub(super) fn run(mut self) {
        _ = self.settle();
        let mut flush_at = self.clock.mono().after(FLUSH);
        let (mut prune_at, mut written) = (flush_at, 0);
        let mut retry_at = self.clock.mono().after(RETRY);
        loop {
            let next = flush_at.min(prune_at).min(retry_at);
            match self.commands.recv_timeout(next.since(self.clock.mono())) {
                Ok(Command::Close(done)) => {
                    self.finish();
                    _ = done.send(());
                    return;
                }
                Ok(command) => {
                    self.obey(command);
                    written += 1;
                }
                // Nobody has closed it, and nobody is left. A folder that has gone, too, is not made anew for that.
                Err(RecvTimeoutError::Disconnected) if self.disk.is_lost() => return,
                Err(RecvTimeoutError::Disconnected) => return self.finish(),
                Err(RecvTimeoutError::Timeout) => {}
            }
            // The disk has answered, with a failure perhaps. A late mark stands for one turn, of two seconds while it fails.
            self.stuck.store(false, Ordering::Release);
            let now = self.clock.mono();
            if now >= retry_at {
                let amiss = !self.board.is_ok() || self.disk.is_lost();
                if amiss && self.settle().is_ok() && !self.board.is_ok() {
                    // Nothing waited, so nothing was written yet that would show whether it can be.
                    _ = self.disk.probe();
                }
                retry_at = self.clock.mono().after(RETRY);
            }
            if written >= retention::PRUNE {
                prune_at = prune_at.min(flush_at);
            }
            if now >= flush_at {
                self.flush(false);
                self.give_back();
                flush_at = self.clock.mono().after(FLUSH);
            }
            if now >= prune_at {
                written = 0;
                prune_at = self.clock.mono().after(self.prune());
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Write(op, answer) => {
                let lost = self.lost;
                if let Op::Record(batch) = &*op {
                    self.latest.follow(batch);
                }
                self.queue(*op);
                let kept = match self.settle() {
                    Ok(()) if self.lost > lost => Err(StoreError::Refused),
                    Ok(()) => Ok(Kept::OnDisk),
                    Err(_) => Ok(Kept::InMemory),
                };
                if let Some(answer) = answer {
                    _ = answer.send(kept);
                }
            }
            Command::Evidence(row, answer) => {
                let written = self.settle().and_then(|()| self.disk.write(|db| Ok(sql::put_evidence(db, &row)?)));
                _ = answer.send(written.map_err(StoreError::from));
            }
            Command::Wish(wanted, answer) => {
                let granted = self.settle().and_then(|()| self.disk.write(|db| Ok(sessions::grant(db, &wanted)?)));
                if let Ok(granted) = &granted {
                    self.latest.granted(granted, wanted.confirmed.as_ref());
                }
                _ = answer.send(granted.map_err(StoreError::from));
            }
            Command::Note(wanted, answer) => {
                let noted = self.settle().and_then(|()| self.disk.write(|db| Ok(sheets::note(db, &wanted)?)));
                if let Ok(Ok(Noted::Kept(entry))) = &noted {
                    self.latest.noted(entry);
                }
                _ = answer.send(noted.map_err(StoreError::from));
            }
            Command::File(filed, answer) => {
                let kept = self.settle().and_then(|()| self.disk.write(|db| Ok(reports::file(db, &filed)?)));
                if filed.kind == Kind::Withdrawal && kept.is_ok() {
                    self.latest.unreported(&filed.session, filed.start);
                }
                _ = answer.send(kept.map_err(StoreError::from));
            }
            Command::Restore(now, answer) => {
                let catalogue = self.catalogue;
                let restored =
                    self.settle().and_then(|()| self.disk.read(|db| Ok(read::restored(db, &catalogue, now)?)));
                if let Ok(restored) = &restored {
                    self.latest.restored(restored);
                }
                _ = answer.send(restored.map_err(StoreError::from));
            }
            Command::Flush(answer) => {
                self.flush(false);
                _ = answer.send(());
            }
            Command::Suspect => {
                let (now, which) = (self.clock.mono(), self.disk.generation());
                // It takes a large file's time, in which nothing is written; what it does not see it does not see a moment later either.
                let is_examined = |(seen, at): (u64, Mono)| seen == which && now.since(at) < EXAMINED;
                if !self.examined.is_some_and(is_examined) {
                    // A look that could not look says nothing of the file, and one that set it aside nothing of the new one.
                    let looked = self.disk.read(|db| open::quick_check(db, "1"));
                    self.examined = looked.is_ok().then(|| (self.disk.generation(), self.clock.mono()));
                    _ = self.settle();
                }
            }
            Command::Close(answer) => _ = answer.send(()),
        }
    }

    fn queue(&mut self, op: Op) {
        let Some(gone) = self.backlog.push(op) else { return };
        if let Op::Delivered { key, .. } | Op::GivenUp { key, .. } = gone {
            lock(&self.waiting).forget(&key);
        }
        self.lost += 1;
    }

    /// Brings everything that waits to the disk, oldest first. Tried once more after a damaged file was set aside.
    fn settle(&mut self) -> Result<(), Fault> {
        let result = match self.settle_once() {
            Err(Fault::Damaged(_) | Fault::Newer(_)) => self.settle_once(),
            other => other,
        };
        self.board.count(self.backlog.ops.len(), self.lost + lock(&self.feed).overflowed());
        result
    }

    fn settle_once(&mut self) -> Result<(), Fault> {
        loop {
            while !self.backlog.ops.is_empty() {
                let chunk = self.backlog.ops.len().min(CHUNK);
                let ops = self.backlog.ops.make_contiguous();
                let refused = self.disk.write(|transaction| {
                    let mut refused = 0;
                    for op in &ops[..chunk] {
                        // A row that the database refuses must not hold up those behind it.
                        let step = transaction.savepoint()?;
                        match sql::apply(&step, op).map_err(Fault::from) {
                            Ok(()) => step.commit()?,
                            Err(Fault::Ours(error)) => {
                                tracing::error!(%error, record = op.sort(), "the database refused a record");
                                refused += 1;
                            }
                            Err(fault) => return Err(fault),
                        }
                    }
                    Ok(refused)
                })?;
                let mut waiting = lock(&self.waiting);
                for op in self.backlog.ops.drain(..chunk) {
                    if let Op::Delivered { key, .. } | Op::GivenUp { key, .. } = op {
                        waiting.forget(&key);
                    }
                }
                drop(waiting);
                self.lost += refused;
            }
            self.disk.open()?;
            if self.met == self.disk.generation() {
                return Ok(());
            }
            let written = lock(&self.feed).written();
            let (stored, goes_on) = self.disk.read(|db| {
                let goes_on = written.map(|began| hourly::has_run(db, began)).transpose()?;
                Ok((sql::undelivered(db)?, goes_on.unwrap_or(true)))
            })?;
            self.meet(stored, goes_on);
        }
    }

    /// Makes the outbox in memory and the one in a file that was just opened agree: what only the file has comes from
    /// before a restart, what only memory has was in a file that is set aside or removed. What holds now goes with it; unless this file
    /// was there before, and `goes_on`, it is watched from now on.
    fn meet(&mut self, stored: Vec<Notification>, goes_on: bool) {
        let first = std::mem::replace(&mut self.met, self.disk.generation()) == 0;
        let mut waiting = lock(&self.waiting);
        let unknown: Vec<_> =
            waiting.all().into_iter().filter(|held| !stored.iter().any(|row| row.key == held.key)).collect();
        waiting.put_first(stored);
        drop(waiting);
        let latest = if first {
            Batch::default()
        } else {
            let anew = (!goes_on).then(|| self.clock.now().wall);
            if anew.is_some() {
                lock(&self.feed).begin_anew();
            }
            self.latest.as_batch(anew)
        };
        let batch = Batch { notifications: unknown, ..latest };
        if batch != Batch::default() {
            self.queue(Op::Record(batch));
        }
    }

    /// Writes what observations left.
    fn flush(&mut self, last: bool) {
        let minute = (!last).then(|| self.clock.now().wall.as_second().div_euclid(60));
        // First: it may begin a new file, of which some of that is not true.
        if self.settle().is_err() {
            return;
        }
        self.follow_clock();
        if self.settle().is_err() {
            return;
        }
        let taken = lock(&self.feed).take(minute);
        if taken.is_empty() {
            return;
        }
        let written = self.disk.write(|db| {
            taken.newest.iter().try_for_each(|observation| sql::put_observation(db, observation))?;
            taken.history.iter().try_for_each(|kept| sql::put_kept(db, kept))?;
            taken.runs.iter().try_for_each(|run| hourly::put_run(db, run))?;
            let mut left_out = 0;
            for row in &taken.minutes {
                left_out += u64::from(!sql::put_minute(db, row)?);
            }
            Ok(left_out)
        });
        match written {
            Ok(left_out) => {
                lock(&self.feed).wrote(&taken.runs);
                self.lost += left_out;
            }
            Err(Fault::Ours(error)) => {
                // Given back, it would be refused again for ever.
                tracing::error!(%error, "the database refused what observations left");
                self.lost += 1;
            }
            Err(_) => lock(&self.feed).give_back(taken),
        }
    }

    /// A wall clock that was set back passes hours anew, of which nothing is said: verdicts are told when they change, and these have not.
    fn follow_clock(&mut self) {
        let Some(began) = lock(&self.feed).set_back() else { return };
        let transitions = self.latest.said_anew(began, self.clock.now().wall);
        if !transitions.is_empty() {
            let batch = Batch { transitions, ..Batch::default() };
            self.latest.follow(&batch);
            self.queue(Op::Record(batch));
        }
    }

    /// Deletes a little of what is too old; in how long to look for more of it.
    fn prune(&mut self) -> Duration {
        if !self.board.is_ok() {
            return FLUSH;
        }
        let (keep, now) = (self.retention, self.clock.now().wall);
        // What a new file must have goes by the clock that the file goes by.
        if self.disk.read(|db| Ok(retention::is_believed(db, now)?)).unwrap_or_default() {
            self.latest.forget(now);
        }
        let Ok(gone) = self.disk.write(|db| Ok(retention::prune(db, &keep, now)?)) else { return FLUSH };
        if gone < retention::PRUNE {
            return PRUNE_LATER;
        }
        self.give_back();
        PRUNE_AGAIN
    }

    /// Gives a little of the file that holds nothing any more back to the file system.
    fn give_back(&mut self) {
        if !self.board.is_ok() {
            return;
        }
        _ = self.disk.read(|db| Ok(retention::give_back(db)?));
    }

    fn finish(&mut self) {
        self.flush(true);
        if self.settle().is_err() {
            tracing::error!(
                records = self.backlog.ops.len(),
                "records are lost: the disk did not take them before the end"
            );
        }
        self.disk.close();
    }
}
