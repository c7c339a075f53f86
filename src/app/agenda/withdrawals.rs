//! Tells whoever knew of a meeting that it is cancelled, moved, or held after all.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::Keeper;
use crate::app::recorder::Ask;
use crate::domain::{Booking, Notice, Occasion, Session, Verdict, in_full};
use crate::engine::agenda::Agenda;
use crate::engine::agenda::withdrawals::{self, Due};
use crate::notify::policy::{SessionNews, about};
use crate::web::{self, Bookings as _};

impl Keeper {
    /// Tells of each meeting that is not held when it was told to be.
    pub(super) async fn look_at_withdrawals(&self) {
        let (agenda, now) = (self.book.agenda(), self.clock.now().wall);
        for session in agenda.sessions() {
            if let Some(due) = withdrawals::due(&agenda, session, now) {
                self.tell_withdrawn(&agenda, session, &due, now).await;
            }
        }
    }

    async fn tell_withdrawn(&self, agenda: &Agenda, session: &Arc<Session>, due: &Due, now: Timestamp) {
        let mut left: Vec<Notice> = due.left.iter().map(|start| withdrawn(agenda, session, *start, now)).collect();
        let (found, summary) = if session.booking == Booking::Booked {
            let looked = web::readiness::look(&self.readers, session, Occasion::Placed).await;
            (looked.notice, looked.summary)
        } else {
            let Some(last) = left.pop() else { return };
            (last, ["Dibatalkan", "Cancelled"].map(str::to_owned))
        };
        if self.book.agenda().get(&session.id).is_none_or(|now| now.revision != session.revision) {
            // Changed again meanwhile: what is told then is of how it is then.
            return;
        }
        let to = self.who_knew(agenda, session, due).await;
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
    }

    /// Whoever had word of it, the crew once it was called together, and the agenda's receivers, but for those who hear and cannot read.
    async fn who_knew(&self, agenda: &Agenda, session: &Session, due: &Due) -> Vec<Arc<str>> {
        let hours: BTreeSet<Timestamp> = due.left.iter().copied().chain(due.back.then_some(session.start)).collect();
        let mut to = BTreeSet::new();
        for hour in &hours {
            match self.book.store.had_word(about(&session.id, *hour)).await {
                Ok(receivers) => to.extend(receivers),
                Err(error) => tracing::warn!(error = in_full(&error), "who had word of a meeting cannot be read"),
            }
        }
        let called = |notice: &Notice| notice.occasion == Occasion::Preflight && hours.contains(&notice.start);
        if withdrawals::notices(agenda, session).any(called) {
            to.extend(session.crew_by_receiver().into_keys().map(Arc::from));
        }
        let config = self.configs.borrow();
        let wanted = config.agenda.receivers.as_ref();
        let reads = config.receivers.iter().filter(|receiver| !receiver.way.is_fleeting());
        let reads = reads.map(|receiver| Arc::clone(&receiver.name));
        to.extend(reads.filter(|name| wanted.is_none_or(|wanted| wanted.contains(name))));
        to.into_iter().collect()
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
