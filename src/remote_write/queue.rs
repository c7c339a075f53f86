//! What waits to be pushed, in its order: first what is on the disk, then what is not there yet. Pure: it is told what became of things.
//!
//! ```text
//!           ┌──────── memory ────────┐  written   ┌────── disk ──────┐
//!  push ──▶ │ newest … oldest        │ ─────────▶ │ newest … head    │ ──▶ next
//!           └────────────────────────┘            └──────────────────┘
//! ```
//!
//! A disk that takes nothing leaves all in memory, bounded; once nothing older is on it, what is in memory is pushed from there. What is on
//! it and cannot be read is waited for a while: an error that is over in a second costs nothing.

use std::collections::VecDeque;
use std::time::Duration;

use super::buffer::{Answer, Id, Pending, Row, Work};
use crate::domain::Mono;

/// What is kept in memory while the disk takes nothing, bytes: three hours of a usual room.
const MEMORY: usize = 4 << 20;
/// How often a disk that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// How long what is on the disk and cannot be read is waited for before newer samples overtake it, of which a receiver then refuses it; and
/// how full the memory may become meanwhile, bytes.
const PATIENCE: Duration = Duration::from_mins(1);
const NEARLY_FULL: usize = MEMORY / 4 * 3;

/// Why samples were dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dropped {
    /// The receiver refused them for good.
    Refused,
    /// They had waited for as long as anything is kept, or for as long as live ones wait for a line whose budget is spent.
    TooOld,
    /// The file was as large as it may be.
    BufferFull,
    /// The disk took nothing, and the memory set aside for that was full.
    MemoryFull,
    /// The disk gave them back when newer ones had been pushed already.
    Overtaken,
    /// The wall clock stood before the samples that were taken last.
    Clock,
    /// The disk took nothing, and nothing is pushed any more.
    NotKept,
}

/// What waits in memory, because the disk does not take it, for whoever pushes next.
#[derive(Clone, Debug, Default)]
pub struct Unkept {
    /// Oldest first.
    pub(super) rows: Vec<Row>,
    /// The moment of what was pushed from memory last.
    overtaken_up_to: Option<i64>,
}

impl Unkept {
    /// The same for another receiver, who has none of what was pushed to this one.
    #[must_use]
    pub fn for_another(self) -> Self {
        Self { overtaken_up_to: None, ..self }
    }

    /// How many samples that are.
    pub fn samples(&self) -> u64 {
        self.rows.iter().map(|row| u64::try_from(row.samples).unwrap_or_default()).sum()
    }
}

impl Dropped {
    /// All, in the order of metrics.
    pub const ALL: [Self; 7] =
        [Self::Refused, Self::TooOld, Self::BufferFull, Self::MemoryFull, Self::Overtaken, Self::Clock, Self::NotKept];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TooOld => "too_old",
            Self::BufferFull => "buffer_full",
            Self::MemoryFull => "memory_full",
            Self::Overtaken => "overtaken",
            Self::Clock => "clock",
            Self::NotKept => "not_kept",
        }
    }
}

/// What is under way to the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Disk(Id),
    Memory,
}

/// Whether what is on the disk can be read.
#[derive(Clone, Copy, Debug, Default)]
enum Sight {
    #[default]
    Clear,
    /// Something is there, or may be, and cannot be read.
    Lost { since: Mono },
    /// The same, for too long.
    GivenUp,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Not on the disk yet, oldest first.
    waiting: VecDeque<Row>,
    bytes: usize,
    /// How many of these are in the disk's hands; `Some` while it is asked.
    writing: Option<usize>,
    on_disk: Pending,
    head: Option<(Id, Row)>,
    /// Pushed, and not told to the disk yet; with its samples.
    sent: Option<(Id, i64)>,
    sending: Option<(Sending, i64)>,
    /// Whether the disk was asked at all, and whether it did what it was asked last.
    asked: bool,
    failing: bool,
    retry_at: Option<Mono>,
    sight: Sight,
    /// What is older may go, ms since 1970.
    horizon: Option<i64>,
    /// The moment of what was pushed from memory last.
    overtaken_up_to: Option<i64>,
    anew: bool,
    lost: Vec<(Dropped, i64)>,
}

impl Queue {
    /// Takes a new push in.
    pub(super) fn push(&mut self, row: Row) {
        self.bytes += row.body.len();
        self.waiting.push_back(row);
        // What somebody has in hands stays where it is.
        let held = self.writing.unwrap_or_default().max(usize::from(self.is_pushing_from_memory()));
        while self.bytes > MEMORY && self.waiting.len() > held + 1 {
            let Some(row) = self.waiting.remove(held) else { break };
            self.bytes -= row.body.len();
            self.lost.push((Dropped::MemoryFull, row.samples));
        }
    }

    /// Samples are taken anew after the wall clock was set back: none of them is overtaken by what came before.
    pub(super) fn begin_anew(&mut self) {
        self.overtaken_up_to = None;
    }

    /// What was taken before that moment is not worth its way any more, but for what is under way and the newest.
    pub(super) fn let_go_before(&mut self, horizon: i64) {
        self.horizon = Some(horizon);
        let held = self.writing.unwrap_or_default().max(usize::from(self.is_pushing_from_memory()));
        while self.waiting.len() > held + 1 && self.waiting[held].at < horizon {
            let Some(row) = self.waiting.remove(held) else { break };
            self.bytes -= row.body.len();
            self.lost.push((Dropped::TooOld, row.samples));
        }
    }

    /// The state folder was made anew: what is there now is ours.
    pub(super) fn folder_made_anew(&mut self) {
        self.anew = true;
        self.retry_at = None;
    }

    /// What the disk is to do now, if anything. It is to be told to [`Self::answered`] what became of it, before this gives more.
    pub(super) fn work(&mut self, now: Mono) -> Option<Work> {
        // What is pushed from memory is not written meanwhile: it would be in two places.
        if self.writing.is_some() || self.is_pushing_from_memory() {
            return None;
        }
        // While all is well, what was pushed last is told with the next row: that is one fsync for both.
        let next_is_wanted = self.sent.is_some() && self.on_disk.rows > 1 && self.sending.is_none();
        let is_due = self.retry_at.is_none_or(|at| at <= now);
        let rows_wait = !self.waiting.is_empty() && is_due;
        let is_wanted = !self.asked || next_is_wanted || rows_wait || self.failing && is_due;
        if !is_wanted {
            return None;
        }
        let keep: Vec<Row> = if rows_wait { self.waiting.iter().cloned().collect() } else { Vec::new() };
        self.writing = Some(keep.len());
        self.asked = true;
        let busy = match self.sending {
            Some((Sending::Disk(id), _)) => Some(id),
            _ => None,
        };
        let sent = self.sent.take().map(|(id, _)| id);
        Some(Work { keep, sent, busy, anew: std::mem::take(&mut self.anew), horizon: self.horizon.take() })
    }

    /// What the disk is to be told before the end.
    pub(super) fn last_work(&mut self) -> Option<Work> {
        let idle = self.writing.is_none() && !self.is_pushing_from_memory();
        let (sent, _) = self.sent.take_if(|_| idle)?;
        self.writing = Some(0);
        Some(Work { sent: Some(sent), ..Work::default() })
    }

    /// What is not known to be on the disk. What a disk that stands still has in its hands may come there yet: twice it is taken for one, or
    /// refused as old.
    pub(super) fn unkept(&mut self) -> Unkept {
        Unkept { rows: std::mem::take(&mut self.waiting).into(), overtaken_up_to: self.overtaken_up_to }
    }

    /// Takes in what another could not keep.
    pub(super) fn go_on(&mut self, unkept: Unkept) {
        self.overtaken_up_to = unkept.overtaken_up_to;
        unkept.rows.into_iter().for_each(|row| self.push(row));
    }

    /// Whether the disk was asked at all.
    pub(super) const fn was_asked(&self) -> bool {
        self.asked
    }

    /// What became of the work.
    pub(super) fn answered(&mut self, answer: &Answer, now: Mono) {
        let written = self.writing.take().unwrap_or_default();
        if answer.fault.is_none() {
            for row in self.waiting.drain(..written) {
                self.bytes -= row.body.len();
            }
            self.retry_at = None;
        } else {
            self.retry_at = Some(now.after(RETRY));
        }
        self.failing = answer.fault.is_some();
        self.sight = match (answer.unseen, self.sight) {
            (false, _) => Sight::Clear,
            (true, Sight::Clear) => Sight::Lost { since: now },
            (true, Sight::Lost { since }) if now.since(since) >= PATIENCE => Sight::GivenUp,
            (true, as_before) => as_before,
        };
        self.on_disk = answer.pending;
        self.head.clone_from(&answer.head);
        // It was pushed while the disk looked.
        if let Some((sent, _)) = self.sent {
            self.head.take_if(|(id, _)| id.file == sent.file && id.row <= sent.row);
        }
        // The disk has found what it could not give while newer ones were pushed from memory.
        if let (Some((id, row)), Some(up_to), None) = (&self.head, self.overtaken_up_to, self.sending)
            && row.at <= up_to
        {
            self.lost.push((Dropped::Overtaken, row.samples));
            self.sent = Some((*id, row.samples));
            self.head = None;
        }
        for (why, gone) in [(Dropped::TooOld, answer.gone.too_old), (Dropped::BufferFull, answer.gone.no_room)] {
            if gone.rows > 0 {
                self.lost.push((why, gone.samples));
            }
        }
    }

    /// What is to be pushed next, if nothing is under way and anything waits. It is then under way until [`Self::done`] or
    /// [`Self::again`].
    pub(super) fn begin(&mut self) -> Option<Row> {
        let row = self.next()?.clone();
        let from = self.head.as_ref().map_or(Sending::Memory, |(id, _)| Sending::Disk(*id));
        self.sending = Some((from, row.samples));
        Some(row)
    }

    /// What is to be pushed next.
    pub(super) fn next(&self) -> Option<&Row> {
        if self.sending.is_some() {
            return None;
        }
        if self.head.is_some() {
            return self.head.as_ref().map(|(_, row)| row);
        }
        // Nothing older is on the disk, as far as it says; or too long nothing of it could be read.
        let is_oldest = match self.sight {
            Sight::Clear => self.on_disk.rows == 0,
            Sight::Lost { .. } => self.bytes >= NEARLY_FULL,
            Sight::GivenUp => true,
        };
        let alone = self.failing && self.writing.is_none() && self.sent.is_none() && is_oldest;
        self.waiting.front().filter(|_| alone)
    }

    /// What was under way is over: it arrived, or is dropped for `why`. Gives its samples.
    pub(super) fn done(&mut self, why: Option<Dropped>) -> i64 {
        let Some((from, samples)) = self.sending.take() else { return 0 };
        match from {
            Sending::Disk(id) => {
                self.sent = Some((id, samples));
                self.head.take_if(|(head, _)| *head == id);
            }
            Sending::Memory => {
                if let Some(row) = self.waiting.pop_front() {
                    self.bytes -= row.body.len();
                    self.overtaken_up_to = Some(row.at);
                }
            }
        }
        if let Some(why) = why {
            self.lost.push((why, samples));
        }
        samples
    }

    /// What was under way did not arrive, and is pushed again.
    pub(super) fn again(&mut self) {
        self.sending = None;
    }

    /// Samples that were dropped since this was asked last, by why.
    pub(super) fn lost(&mut self) -> Vec<(Dropped, i64)> {
        std::mem::take(&mut self.lost)
    }

    /// What waits, what is under way included.
    pub(super) fn pending(&self) -> Pending {
        let mut all = self.on_disk;
        if let Some((_, samples)) = self.sent {
            all.rows -= 1;
            all.samples -= samples;
        }
        for row in &self.waiting {
            all.add(row.samples);
        }
        all
    }

    fn is_pushing_from_memory(&self) -> bool {
        matches!(self.sending, Some((Sending::Memory, _)))
    }

    /// The moment of the oldest that waits, ms since 1970.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.head.as_ref().map(|(_, row)| row.at).or_else(|| self.waiting.front().map(|row| row.at))
    }

    /// Whether the disk takes what it is given, as far as it was asked.
    pub(super) const fn is_kept(&self) -> bool {
        !self.failing
    }

    /// Whether the disk is asked now, and has not answered.
    pub(super) const fn is_asking(&self) -> bool {
        self.writing.is_some()
    }

    /// When the disk is to be tried again.
    pub(super) fn retry_at(&self) -> Option<Mono> {
        // While a push goes from memory the disk is asked nothing, and whoever waits for this moment would turn and turn.
        self.retry_at.filter(|_| !self.is_pushing_from_memory())
    }
}
