//! The agenda: which meetings there are, and which phase the room is in by them. Pure: every call takes the moment.
//!
//! ```text
//!       opens                 start            end          end + wrap_up
//!  idle ──┼──── preflight ──────┼──── live ─────┼── wrap_up ──┼── idle
//!         └ start − preflight, or the end of the meeting before where that is later
//! ```
//!
//! Where several hold, live goes before preflight, and preflight before wrap-up.

pub mod rechecks;
pub mod slot;
pub mod withdrawals;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::sheet::{Entry, Told, Written};
use crate::domain::{Booking, Margins, Notice, Occasion, Phase, Session};

/// How long the phases are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// How long before a meeting its preflight opens, unless another meeting stands before it.
    pub preflight: Duration,
    /// How long after a meeting its wrap-up lasts.
    pub wrap_up: Duration,
}

/// A phase, and the meeting of which it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhaseNow {
    /// Which.
    pub phase: Phase,
    /// Of which meeting; none while the room is idle.
    pub session: Option<Arc<Session>>,
    /// Since when; unknown while the room is idle.
    pub since: Option<Timestamp>,
    /// Until when, as the agenda stands; unknown where nothing comes.
    pub until: Option<Timestamp>,
}

/// The meetings that are known, in the order of their beginnings. Two that are booked never overlap; this is held where they are
/// written down.
#[derive(Clone, Debug)]
pub struct Agenda {
    sessions: Vec<Arc<Session>>,
    /// What was found and told of them.
    notices: Vec<Notice>,
    /// Their run sheets.
    sheets: Written,
    /// What lies between two meetings.
    pub margins: Margins,
    /// How long the phases are.
    pub lengths: Lengths,
    /// Whether what is on the disk was read: before that nobody knows whether a slot is free.
    pub known: bool,
}

impl Agenda {
    /// One without any meeting, of which nothing was read yet.
    pub const fn new(margins: Margins, lengths: Lengths) -> Self {
        let sheets = Written { entries: Vec::new(), told: Vec::new() };
        Self { sessions: Vec::new(), notices: Vec::new(), sheets, margins, lengths, known: false }
    }

    /// Takes all that is on the disk, but for what is known newer already.
    pub fn learn(&mut self, all: impl IntoIterator<Item = Session>, notices: impl IntoIterator<Item = Notice>) {
        all.into_iter().for_each(|session| self.take(session));
        notices.into_iter().for_each(|notice| self.note(notice));
        self.known = true;
    }

    /// Takes all run sheets that are on the disk, beside what is known already.
    pub fn learn_sheets(&mut self, written: Written) {
        let known = std::mem::replace(&mut self.sheets, written);
        known.entries.into_iter().for_each(|entry| self.write(entry));
        known.told.into_iter().for_each(|told| self.tell(told));
    }

    /// Takes a row of a run sheet.
    pub fn write(&mut self, entry: Entry) {
        if !self.sheets.entries.iter().any(|known| known.key == entry.key) {
            self.sheets.entries.push(entry);
        }
    }

    /// Takes what the crew was told of a run sheet.
    pub fn tell(&mut self, told: Told) {
        let same = |known: &Told| {
            (&known.session, known.start, &known.item, known.word) == (&told.session, told.start, &told.item, told.word)
        };
        if !self.sheets.told.iter().any(same) {
            self.sheets.told.push(told);
        }
    }

    /// The run sheets of all sessions that are known.
    pub const fn sheets(&self) -> &Written {
        &self.sheets
    }

    /// Takes what was found and told of a session; the newest of an occasion stands, and takes back what it contradicts.
    pub fn note(&mut self, notice: Notice) {
        let same = |known: &Notice| {
            (&known.session, known.start) == (&notice.session, notice.start)
                && (known.occasion == notice.occasion || Some(known.occasion) == notice.occasion.takes_back())
        };
        self.notices.retain(|known| !same(known));
        self.notices.push(notice);
    }

    /// Forgets that a meeting was reported: it is still to come.
    pub fn unreport(&mut self, session: &str, start: Timestamp) {
        self.notices
            .retain(|notice| (&*notice.session, notice.start, notice.occasion) != (session, start, Occasion::Reported));
    }

    /// What was found of a session that begins then.
    pub fn notices_of<'a>(&'a self, session: &'a Session) -> impl Iterator<Item = &'a Notice> {
        self.notices.iter().filter(|notice| notice.session == session.id && notice.start == session.start)
    }

    /// What was found when a session was booked, or moved to its hour.
    pub fn confirmed<'a>(&'a self, session: &'a Session) -> Option<&'a Notice> {
        self.notices_of(session).find(|notice| notice.occasion == Occasion::Confirmed)
    }

    /// Takes one session as it is now; an older word of it than is known changes nothing.
    pub fn take(&mut self, session: Session) {
        if let Some(at) = self.sessions.iter().position(|known| known.id == session.id) {
            if self.sessions[at].revision >= session.revision {
                return;
            }
            self.sessions.remove(at);
        }
        let at = self.sessions.partition_point(|known| (known.start, &known.id) < (session.start, &session.id));
        self.sessions.insert(at, Arc::new(session));
    }

    /// Forgets what has ended before `moment`; it stays on the disk.
    pub fn forget_before(&mut self, moment: Timestamp) {
        self.sessions.retain(|session| session.end >= moment);
        let known = |id: &Arc<str>| self.sessions.iter().any(|session| session.id == *id);
        self.notices.retain(|notice| known(&notice.session));
        self.sheets.entries.retain(|entry| known(&entry.session));
        self.sheets.told.retain(|told| known(&told.session));
    }

    /// All that are known, cancelled ones too, in the order of their beginnings.
    pub fn sessions(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.sessions.iter()
    }

    /// A session by its id, a cancelled one too.
    pub fn get(&self, id: &str) -> Option<&Arc<Session>> {
        self.sessions.iter().find(|session| &*session.id == id)
    }

    /// The meetings that take place, in their order.
    pub fn booked(&self) -> impl DoubleEndedIterator<Item = &Arc<Session>> {
        self.sessions.iter().filter(|session| session.booking == Booking::Booked)
    }

    /// The meetings that hold some of a slot with what the room needs around it, but for `except`.
    pub fn holders(&self, start: Timestamp, end: Timestamp, except: Option<&str>) -> Vec<&Arc<Session>> {
        let gap = self.margins.gap();
        let (from, until) = (before(start, gap), after(end, gap));
        let overlaps = |session: &&Arc<Session>| {
            session.start < until && session.end > from && except.is_none_or(|id| *session.id != *id)
        };
        self.booked().filter(overlaps).collect()
    }

    /// When a meeting's preflight opens: `preflight` before it, or when the meeting before it ends.
    pub fn opens(&self, session: &Session) -> Timestamp {
        let others = self.booked().filter(|other| other.id != session.id && other.end <= session.start);
        let free = others.map(|other| other.end).max().unwrap_or(Timestamp::MIN);
        before(session.start, self.lengths.preflight).max(free)
    }

    /// Since when meetings are live at a moment, one after the other without a pause; `None` while none is.
    pub fn live_since(&self, at: Timestamp) -> Option<Timestamp> {
        let phase = self.phase(at);
        let mut since = phase.since.filter(|_| phase.phase == Phase::Live)?;
        while let Some(before) = self.booked().find(|session| session.start < since && session.end >= since) {
            since = before.start;
        }
        Some(since)
    }

    /// The phase at a moment.
    pub fn phase(&self, at: Timestamp) -> PhaseNow {
        let of = |phase, session: &Arc<Session>, since, until| PhaseNow {
            phase,
            session: Some(Arc::clone(session)),
            since: Some(since),
            until: Some(until),
        };
        if let Some(live) = self.booked().find(|session| session.start <= at && at < session.end) {
            return of(Phase::Live, live, live.start, live.end);
        }
        let next = self.booked().find(|session| at < session.start);
        if let Some(next) = next
            && self.opens(next) <= at
        {
            return of(Phase::Preflight, next, self.opens(next), next.start);
        }
        let last = self.booked().filter(|session| session.end <= at).max_by_key(|session| session.end);
        let opens = next.map(|next| self.opens(next));
        if let Some(last) = last {
            let over = after(last.end, self.lengths.wrap_up);
            if at < over {
                return of(Phase::WrapUp, last, last.end, opens.map_or(over, |opens| opens.min(over)));
            }
        }
        PhaseNow { until: opens, ..PhaseNow::default() }
    }

    /// When the phase changes next by time alone.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        self.phase(at).until
    }
}

fn before(moment: Timestamp, by: Duration) -> Timestamp {
    moment.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

fn after(moment: Timestamp, by: Duration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod kept_tests;
#[cfg(test)]
mod slot_tests;
#[cfg(test)]
mod tests;
