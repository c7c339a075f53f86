//! What waits to be pushed, on the disk: a thread of its own has the file, because a commit may take as long as the disk likes.
//!
//! It is asked one thing at a time, so that nothing is written twice however late it answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;

use super::file::{self, Fault, File, Gone, Limits};
use crate::clock::Clock;
use crate::domain::{Mono, in_full};

/// Files are not set aside more often than this: a disk that spoils each new file at once would else be filled by them.
const SET_ASIDE_GAP: Duration = Duration::from_mins(1);

/// One push: the samples of one moment, as they are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The moment, ms since 1970.
    pub(super) at: i64,
    pub(super) samples: i64,
    pub(super) body: Arc<[u8]>,
}

/// A row's name: which opening of which file, and its number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) file: u64,
    pub(super) row: i64,
}

/// How many pushes, and how many samples are in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) rows: i64,
    pub(super) samples: i64,
}

impl Pending {
    pub(super) const fn add(&mut self, samples: i64) {
        self.rows += 1;
        self.samples += samples;
    }

    const fn take_off(&mut self, other: Self) {
        self.rows -= other.rows;
        self.samples -= other.samples;
    }
}

/// What the thread is asked to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Work {
    /// Rows to be written, oldest first.
    pub(super) keep: Vec<Row>,
    /// Up to which row all was sent.
    pub(super) sent: Option<Id>,
    /// The row that is under way, which no limit takes.
    pub(super) busy: Option<Id>,
    /// The state folder was made anew: whatever is there now is ours.
    pub(super) anew: bool,
    /// Samples of before this may go, although they are not too old yet, ms since 1970.
    pub(super) horizon: Option<i64>,
}

/// What became of it.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Why the rows are not on the disk; all of them are if there is nothing here.
    pub(super) fault: Option<String>,
    /// What waits on the disk, as far as it could be read, else as it was last.
    pub(super) pending: Pending,
    /// Something waits there, or may, and cannot be read now.
    pub(super) unseen: bool,
    /// The oldest of that.
    pub(super) head: Option<(Id, Row)>,
    /// What went for a limit.
    pub(super) gone: Gone,
    /// Of a file that was just opened: the newest push in it, which says what series there were.
    pub(super) newest: Option<Row>,
}

type Asked = (Work, oneshot::Sender<Answer>);

/// The thread's handle; it ends with it.
#[derive(Debug)]
pub(super) struct Buffer(SyncSender<Asked>);

impl Buffer {
    /// Begins the thread. It touches nothing before it is asked.
    pub(super) fn start(folder: PathBuf, size: u64, age: Duration, clock: Clock) -> Self {
        let (asks, asked) = sync_channel(1);
        let keeper = Keeper {
            folder,
            size: i64::try_from(size).unwrap_or(i64::MAX),
            age,
            clock,
            file: None,
            opened: 0,
            identity: None,
            place: None,
            sent: 0,
            pending: Pending::default(),
            set_aside: None,
            is_ours: true,
        };
        let begun = std::thread::Builder::new().name("remote-write".to_owned()).spawn(move || keeper.run(&asked));
        if let Err(error) = begun {
            tracing::error!(%error, "nothing is kept on the disk for remote write");
        }
        Self(asks)
    }

    /// Asks; the answer comes when it comes, and nothing else may be asked before it has.
    pub(super) fn ask(&self, work: Work) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        // One at a time, so that there is room; a thread that is gone drops what it is sent, and that is the answer.
        _ = self.0.try_send((work, answer));
        answered
    }
}

/// The thread's state.
struct Keeper {
    folder: PathBuf,
    size: i64,
    age: Duration,
    clock: Clock,
    file: Option<File>,
    /// Counts the files that were begun or taken up.
    opened: u64,
    identity: Option<file::Identity>,
    /// The folder that it was in.
    place: Option<file::Identity>,
    /// Up to which row of this file all was sent, whether the file says so yet or not.
    sent: i64,
    pending: Pending,
    set_aside: Option<Mono>,
    /// Whether what is in the folder is ours: not from when the file is lost until we are told.
    is_ours: bool,
}

impl Keeper {
    fn run(mut self, asked: &Receiver<Asked>) {
        while let Ok((work, answer)) = asked.recv() {
            _ = answer.send(self.obey(&work));
        }
    }

    fn obey(&mut self, work: &Work) -> Answer {
        let mut answer = Answer::default();
        self.is_ours |= work.anew;
        self.heed(work.sent);
        let done = match self.settle(work, &mut answer) {
            Err(Fault::Damaged(what)) => self.put_aside(&what).and_then(|()| self.settle(work, &mut answer)),
            other => other,
        };
        if let Err(fault) = done {
            if !fault.leaves_it_usable() {
                self.file = None;
            } else if let Some(Err(error)) = self.file.as_ref().map(File::fold) {
                tracing::debug!(error = in_full(&error), "the log of what is to be pushed stays as large as it is");
            }
            answer.fault = Some(in_full(&fault));
        }
        // A disk that takes nothing more may still give what it has.
        if let Some(file) = &self.file {
            match file.oldest(self.sent) {
                Ok(head) => answer.head = head.map(|(row, what)| (Id { file: self.opened, row }, what)),
                Err(fault) => answer.fault = answer.fault.or_else(|| Some(in_full(&fault))),
            }
        }
        answer.unseen = answer.fault.is_some() && answer.head.is_none() && self.may_wait();
        answer.pending = if answer.head.is_some() || answer.unseen { self.pending } else { Pending::default() };
        answer
    }

    /// Whether something waits on the disk as far as is known: of a file that was not opened yet, whether there is one.
    fn may_wait(&self) -> bool {
        match self.identity {
            Some(_) => self.pending.rows > 0,
            None => self.is_ours && file::is_begun(&self.folder),
        }
    }

    /// Remembers what was sent, whether the file can be told now or not.
    fn heed(&mut self, sent: Option<Id>) {
        let Some(sent) = sent.filter(|sent| sent.file == self.opened && sent.row > self.sent) else { return };
        if let Some(Ok(off)) = self.file.as_ref().map(|file| file.count(self.sent, sent.row)) {
            self.pending.take_off(off);
        }
        self.sent = sent.row;
    }

    fn settle(&mut self, work: &Work, answer: &mut Answer) -> Result<(), Fault> {
        if self.file.as_ref().is_some_and(|file| !file.stands()) {
            self.file = None;
            // Whatever is there next is another one, though it may have the same inode.
            (self.identity, self.pending) = (None, Pending::default());
            // Of a folder that is another one, the store says when it is ours.
            self.is_ours = work.anew || self.place.is_some() && self.place == file::identity_of(&self.folder);
        }
        if !self.is_ours {
            return Err(Fault::Removed);
        }
        self.open(answer)?;
        let of_this = |id: &Id| (id.file == self.opened).then_some(id.row);
        let busy = work.busy.as_ref().and_then(of_this);
        let now = self.clock.now().wall;
        let age = i64::try_from(self.age.as_millis()).unwrap_or(i64::MAX);
        let horizon = now.as_millisecond().saturating_sub(age).max(work.horizon.unwrap_or(i64::MIN));
        let limits = Limits { size: self.size, horizon, busy };
        let Some(file) = &mut self.file else { return Err(Fault::Removed) };
        // Before anything is added: behind what cannot be read nothing is ever sent.
        file.oldest(self.sent)?;
        answer.gone = file.write(&work.keep, self.sent, limits)?;
        for row in &work.keep {
            self.pending.add(row.samples);
        }
        self.pending.take_off(answer.gone.too_old);
        self.pending.take_off(answer.gone.no_room);
        // What cannot be given back now is given back later.
        _ = file.shrink();
        Ok(())
    }

    fn open(&mut self, answer: &mut Answer) -> Result<(), Fault> {
        if self.file.is_some() {
            return Ok(());
        }
        let file = File::open(&self.folder)?;
        let stored = file.sent()?;
        if self.identity == Some(file.identity()) {
            self.sent = self.sent.max(stored);
        } else {
            self.opened += 1;
            self.sent = stored;
            answer.newest = file.newest()?;
        }
        self.pending = file.count(self.sent, i64::MAX)?;
        self.identity = Some(file.identity());
        self.place = file::identity_of(&self.folder);
        self.file = Some(file);
        Ok(())
    }

    fn put_aside(&mut self, what: &str) -> Result<(), Fault> {
        self.file = None;
        (self.identity, self.pending) = (None, Pending::default());
        let now = self.clock.now();
        if self.set_aside.is_some_and(|last| now.mono.since(last) < SET_ASIDE_GAP) {
            return Err(Fault::Folder(std::io::Error::other(format!("damaged again within a minute: {what}"))));
        }
        self.set_aside = Some(now.mono);
        let file = file::set_aside(&self.folder, now.wall).map_err(Fault::Folder)?;
        tracing::error!(
            file = %file.display(), what,
            "what waited to be pushed is damaged and set aside; a new file is begun"
        );
        Ok(())
    }
}
