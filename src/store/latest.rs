//! What holds now, in memory: what a file that is begun anew must have.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Batch, Restored, sessions};
use crate::domain::sheet::{Entry, Written};
use crate::domain::{
    Component, Granted, Incident, Notice, Occasion, Session, Silence, Standing, Subject, Transition, Verdict,
};

/// The newest of what is replaced and not added to.
#[derive(Debug, Default)]
pub(super) struct Latest {
    /// The newest open incident of each component: its end must find it.
    open: BTreeMap<Component, Incident>,
    standings: HashMap<Subject, Standing>,
    /// What was said last of each, by this process.
    said: HashMap<Subject, Transition>,
    /// Those that are closed and of which something is kept still: that a component has come to rest is owed to whoever heard of it.
    half_told: HashMap<String, Incident>,
    /// What was told of both.
    told: HashMap<String, String>,
    /// Those that had ended when they were taken are of no use, and few.
    silences: HashMap<Arc<str>, Silence>,
    /// Those that have not ended when the process began, and all that were changed since.
    sessions: HashMap<Arc<str>, Session>,
    /// What was found of them: the newest of each occasion.
    notices: Vec<Notice>,
    /// Their run sheets.
    sheets: Written,
}

impl Latest {
    /// Takes what an earlier process left.
    pub(super) fn restored(&mut self, left: &Restored) {
        self.open.extend(left.open_incidents.iter().map(|open| (open.component, open.clone())));
        self.stands(&left.standings);
        self.half_told.extend(left.closed_incidents.iter().map(|closed| (closed.id.clone(), closed.clone())));
        self.told.extend(left.told.clone());
        self.silences.extend(left.silences.iter().map(|silence| (Arc::clone(&silence.id), silence.clone())));
        self.sessions.extend(left.sessions.iter().map(|session| (Arc::clone(&session.id), session.clone())));
        left.notices.iter().for_each(|notice| self.notes(notice));
        self.sheets.clone_from(&left.sheets);
    }

    /// Takes what was written into a run sheet.
    pub(super) fn noted(&mut self, entry: &Entry) {
        // Those of a session at another time than it is now are of no use any more.
        let sessions = &self.sessions;
        self.sheets.entries.retain(|known| {
            known.session != entry.session || sessions.get(&known.session).is_none_or(|now| now.start == known.start)
        });
        self.sheets.entries.push(entry.clone());
    }

    /// Takes what was wished and granted.
    pub(super) fn granted(&mut self, granted: &Granted, confirmed: Option<&Notice>) {
        if let Granted::Kept { session, confirms, .. } = granted {
            self.sessions.insert(Arc::clone(&session.id), session.clone());
            if let Some(notice) = confirmed.filter(|_| *confirms) {
                self.notes(notice);
            }
        }
    }

    fn notes(&mut self, notice: &Notice) {
        // Those of an hour that a session has left too: people may still have to be told that it is not held then. As the agenda has them.
        self.notices.retain(|known| {
            (&known.session, known.start) != (&notice.session, notice.start)
                || (known.occasion != notice.occasion && Some(known.occasion) != notice.occasion.takes_back())
        });
        self.notices.push(notice.clone());
    }

    /// That a meeting was reported is taken back.
    pub(super) fn unreported(&mut self, session: &str, start: Timestamp) {
        self.notices
            .retain(|notice| (&*notice.session, notice.start, notice.occasion) != (session, start, Occasion::Reported));
    }

    /// Takes what is recorded.
    pub(super) fn follow(&mut self, batch: &Batch) {
        for incident in &batch.incidents {
            if incident.closed_at.is_none() {
                self.open.insert(incident.component, incident.clone());
            } else if self.open.get(&incident.component).is_some_and(|open| open.id == incident.id) {
                self.open.remove(&incident.component);
            }
            if incident.closed_at.is_some() {
                self.half_told.insert(incident.id.clone(), incident.clone());
            }
        }
        self.stands(&batch.standings);
        self.said.extend(batch.transitions.iter().map(|change| (change.subject.clone(), change.clone())));
        for (incident, state) in &batch.told {
            match state {
                Some(state) => self.told.insert(incident.clone(), state.clone()),
                None => self.told.remove(incident),
            };
        }
        self.half_told.retain(|id, _| self.told.contains_key(id));
        self.silences.extend(batch.silences.iter().map(|silence| (Arc::clone(&silence.id), silence.clone())));
        batch.notices.iter().for_each(|notice| self.notes(notice));
        self.sheets.told.extend(batch.sheets.told.iter().cloned());
    }

    /// Forgets what a process that began at `now` would not be given: a year's meetings, with who was assigned to them, are no
    /// business of a new file's.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let recent = now.checked_sub(sessions::RECENT).unwrap_or(Timestamp::MIN);
        self.sessions.retain(|_, session| session.end >= recent);
        let there = &self.sessions;
        let is_wanted = |session: &Arc<str>, start: Timestamp| start >= recent || there.contains_key(session);
        self.notices.retain(|notice| is_wanted(&notice.session, notice.start));
        self.sheets.entries.retain(|entry| is_wanted(&entry.session, entry.start));
        self.sheets.told.retain(|told| is_wanted(&told.session, told.start));
        self.silences.retain(|_, silence| silence.until >= recent);
    }

    /// What something is, it is from `at` on: said anew, for who knows nothing from before. What was said between then and `now` was
    /// said for that time already.
    pub(super) fn said_anew(&self, at: Timestamp, now: Timestamp) -> Vec<Transition> {
        let known =
            self.said.values().filter(|change| change.to != Verdict::Unknown && !(at..=now).contains(&change.at));
        known.map(|change| Transition { from: Verdict::Unknown, at, settling: true, ..change.clone() }).collect()
    }

    /// As a record for a file that was just opened. Where that is begun `anew`, what something is it is from then on.
    pub(super) fn as_batch(&self, anew: Option<Timestamp>) -> Batch {
        let known = self.said.values().filter(|change| change.to != Verdict::Unknown);
        let is = |change: &Transition, at| Transition { from: Verdict::Unknown, at, settling: true, ..change.clone() };
        Batch {
            transitions: anew.map(|at| known.map(|change| is(change, at)).collect()).unwrap_or_default(),
            incidents: self.half_told.values().chain(self.open.values()).cloned().collect(),
            standings: self.standings.values().cloned().collect(),
            told: self.told.iter().map(|(id, state)| (id.clone(), Some(state.clone()))).collect(),
            silences: self.silences.values().cloned().collect(),
            sessions: self.sessions.values().cloned().collect(),
            notices: self.notices.clone(),
            sheets: self.sheets.clone(),
            ..Batch::default()
        }
    }

    fn stands(&mut self, standings: &[Standing]) {
        self.standings.extend(standings.iter().map(|standing| (standing.subject.clone(), standing.clone())));
    }
}
