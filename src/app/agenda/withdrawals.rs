//! Tells whoever knew of a meeting that it is cancelled, moved, or held after all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::Keeper;
use super::keeper::READ;
use crate::app::recorder::Ask;
use crate::domain::{Booking, Mono, Notice, Occasion, Session, Verdict, in_full};
use crate::engine::agenda::Agenda;
use crate::engine::agenda::withdrawals::{self, Due};
use crate::notify::policy::{SessionNews, about};
use crate::store::StoreError;
use crate::web::{self, Bookings as _};

/// A change is told once it has stood for so long: a feed in which two meetings change places cancels one to book it again a moment
/// later, and nobody shall go home because of that.
const STANDS: Duration = Duration::from_secs(10);

/// How soon it is looked at again while something is to be told.
const LOOK: Duration = Duration::from_secs(2);

/// For so long whoever had word of it is asked of a disk that cannot be read; then those are told who are known without it.
const PATIENCE: Duration = Duration::from_mins(10);

/// What is to be told of a meeting: by its revision, and since when it is seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    revision: i64,
    since: Mono,
}

/// What is to be told and stands for too short a time, or could not be told yet.
#[derive(Debug, Default)]
pub struct Untold(BTreeMap<Arc<str>, Seen>);

/// Who has to hear of a change, and of which of a meeting's hours anybody had word.
struct Knew {
    to: Vec<Arc<str>>,
    hours: BTreeSet<Timestamp>,
}

impl Untold {
    /// In how long to look again; `None` where there is none.
    pub(super) fn wait(&self) -> Option<Duration> {
        (!self.0.is_empty()).then_some(LOOK)
    }

    /// Whether word of a meeting waits behind this: nobody shall be called to its new hour before they hear that it has one.
    pub(super) fn holds_back(&self, session: &str, now: Mono) -> bool {
        self.0.get(session).is_some_and(|seen| now.since(seen.since) < 2 * STANDS)
    }
}

impl Keeper {
    /// Tells of each meeting that is not held when it was told to be.
    pub(super) async fn look_at_withdrawals(&mut self) {
        let (agenda, now) = (self.book.agenda(), self.clock.now());
        let due =
            agenda.sessions().filter_map(|session| Some((session, withdrawals::due(&agenda, session, now.wall)?)));
        let before = std::mem::take(&mut self.untold.0);
        // For all of them: while the disk hangs the phase goes on without it.
        let until = now.mono.after(READ);
        for (session, due) in due {
            let seen = before.get(&session.id).filter(|seen| seen.revision == session.revision).copied();
            let seen = seen.unwrap_or(Seen { revision: session.revision, since: now.mono });
            let stood = now.mono.since(seen.since);
            if stood < STANDS
                || !self.tell_withdrawn(&agenda, session, &due, (now.wall, until), stood >= PATIENCE).await
            {
                self.untold.0.insert(Arc::clone(&session.id), seen);
            }
        }
    }

    /// Whether it was told, or need not be any more; `anyway` also where it cannot be read who had word of it.
    async fn tell_withdrawn(
        &self,
        agenda: &Agenda,
        session: &Arc<Session>,
        due: &Due,
        (now, until): (Timestamp, Mono),
        anyway: bool,
    ) -> bool {
        let Some(Knew { to, hours }) = self.who_knew(agenda, session, due, until, anyway).await else { return false };
        let mut left: Vec<Notice> = due.left.iter().map(|start| withdrawn(agenda, session, *start, now)).collect();
        // Last the hour that people have in mind: one that was taken and left again before anybody heard of it is not it.
        left.sort_by_key(|notice| (hours.contains(&notice.start), notice.start));
        let (found, summary) = if session.booking == Booking::Booked {
            let looked = web::readiness::look(&self.readers, session, Occasion::Placed).await;
            (looked.notice, looked.summary)
        } else {
            let Some(last) = left.pop() else { return true };
            (last, ["Dibatalkan", "Cancelled"].map(str::to_owned))
        };
        if self.book.agenda().get(&session.id).is_none_or(|now| now.revision != session.revision) {
            // Changed again meanwhile: what is told then is of how it is then.
            return true;
        }
        let (occasion, receivers) = (found.occasion.word(), to.len());
        tracing::info!(session = %session.id, occasion, receivers, "a meeting is not held when it was to be, or is after all");
        let all: Vec<Notice> = left.iter().chain([&found]).cloned().collect();
        let confirmed = agenda.confirmed(session).cloned();
        let news = SessionNews { session: Arc::clone(session), found, summary, confirmed, left, to };
        // Written down before anybody is told, and in one transaction with what is to be told.
        let (done, stored) = oneshot::channel();
        if self.asks.send(Ask::Session { news: Box::new(news), done }).await.is_ok() && stored.await.is_ok() {
            self.book.change(|agenda| all.into_iter().for_each(|notice| agenda.note(notice)));
        }
        true
    }

    /// Whoever had word of it, the crew once it was called together, and the agenda's receivers once it was confirmed or somebody had
    /// word, but for those who hear and cannot read. `None` where it cannot be read who had.
    async fn who_knew(&self, agenda: &Agenda, session: &Session, due: &Due, until: Mono, anyway: bool) -> Option<Knew> {
        let hours: BTreeSet<Timestamp> = due.left.iter().copied().chain(due.back.then_some(session.start)).collect();
        let (mut to, mut told) = (BTreeSet::new(), BTreeSet::new());
        for hour in &hours {
            let left = until.since(self.clock.mono());
            let read = async { self.book.store.had_word(about(&session.id, *hour)).await };
            // Nothing more is asked of a disk that did not answer: each question would hold a reader.
            let read = if left.is_zero() { None } else { tokio::time::timeout(left, read).await.ok() };
            match read.unwrap_or(Err(StoreError::Stuck)) {
                Ok(receivers) if receivers.is_empty() => {}
                Ok(receivers) => {
                    told.insert(*hour);
                    to.extend(receivers);
                }
                Err(error) if anyway => {
                    tracing::warn!(
                        error = in_full(&error),
                        "who had word of a meeting cannot be read; others are told"
                    );
                }
                Err(error) => {
                    tracing::debug!(error = in_full(&error), "who had word of a meeting cannot be read yet");
                    return None;
                }
            }
        }
        let was = |occasion: Occasion| {
            withdrawals::notices(agenda, session)
                .any(|notice| notice.occasion == occasion && hours.contains(&notice.start))
        };
        if was(Occasion::Preflight) {
            to.extend(session.crew_by_receiver().into_keys().map(Arc::from));
        }
        // A look at which nothing was told is nobody's knowledge.
        if to.is_empty() && !was(Occasion::Confirmed) {
            return Some(Knew { to: Vec::new(), hours: told });
        }
        let config = self.configs.borrow();
        let wanted = config.agenda.receivers.as_ref();
        let reads = config.receivers.iter().filter(|receiver| !receiver.way.is_fleeting());
        let reads = reads.map(|receiver| Arc::clone(&receiver.name));
        to.extend(reads.filter(|name| wanted.is_none_or(|wanted| wanted.contains(name))));
        Some(Knew { to: to.into_iter().collect(), hours: told })
    }
}

/// That people know that it is not held then, with what was found for that hour last.
fn withdrawn(agenda: &Agenda, session: &Session, start: Timestamp, now: Timestamp) -> Notice {
    let of_it = withdrawals::notices(agenda, session).filter(|notice| notice.start == start);
    let last = of_it.max_by_key(|notice| notice.at).cloned();
    Notice {
        session: Arc::clone(&session.id),
        start,
        occasion: Occasion::Withdrawn,
        at: now,
        verdict: last.as_ref().map_or(Verdict::Unknown, |notice| notice.verdict),
        codes: last.as_ref().map(|notice| notice.codes.clone()).unwrap_or_default(),
        evidence: last.and_then(|notice| notice.evidence),
    }
}
