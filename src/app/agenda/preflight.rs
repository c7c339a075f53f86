//! Looks deeply before a meeting: when its preflight opens, each active check that counts for it is asked for a test, one after the
//! other, unless it was tested since.
//!
//! Whatever keeps a test from being made at any other time keeps it from being made here: a room in use, the checks' `min_gap` and
//! budgets, another test under way. What was refused is asked for again, until shortly before the meeting: people come early.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::Book;
use crate::app::desk::Desk;
use crate::clock::Clock;
use crate::domain::snapshot::CheckView;
use crate::domain::{CheckName, Phase, Requirement, Session, Snapshot};
use crate::engine::agenda::Agenda;
use crate::web::Bookings as _;

/// How often what is still without a test is asked for again.
const AGAIN: Duration = Duration::from_mins(1);

/// No test begins within so long of the meeting's start; the longest takes half a minute.
const QUIET: Duration = Duration::from_mins(5);

/// The task.
pub struct Preflight {
    /// What is booked.
    pub book: Arc<Book>,
    /// The room as it was judged last.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Who has tests made.
    pub desk: Arc<Desk>,
    /// The clocks.
    pub clock: Clock,
}

impl Preflight {
    /// Goes on until the shell has ended.
    pub async fn run(mut self) {
        let mut changes = self.book.agenda.subscribe();
        // Each is told once of a meeting, not every minute.
        let mut told: BTreeSet<(Arc<str>, CheckName, &'static str)> = BTreeSet::new();
        loop {
            changes.mark_unchanged();
            let now = self.clock.now();
            let agenda = self.book.agenda();
            let phase = agenda.phase(now.wall);
            let wait =
                agenda.next_change(now.wall).and_then(|next| Duration::try_from(next.duration_since(now.wall)).ok());
            if let (Phase::Preflight, Some(session), Some(opened)) = (phase.phase, phase.session, phase.since) {
                self.look(&session, opened, &mut told).await;
            } else {
                told.clear();
            }
            // The wall clock may be set, and a suspension is not counted by timers.
            let wait = wait.unwrap_or(AGAIN).clamp(Duration::from_millis(100), AGAIN);
            let next = self.clock.mono().after(wait);
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                heard = changes.changed() => if heard.is_err() { return },
                heard = self.snapshot.wait_for(|snapshot| !snapshot.starting), if self.is_starting() => {
                    if heard.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn is_starting(&self) -> bool {
        self.snapshot.borrow().starting
    }

    /// Has tested what was not since the preflight opened.
    async fn look(
        &self,
        session: &Session,
        opened: Timestamp,
        told: &mut BTreeSet<(Arc<str>, CheckName, &'static str)>,
    ) {
        if self.clock.now().wall < quiet_until(&self.book.agenda(), session) {
            return;
        }
        let waiting = due(&self.snapshot.borrow(), &session.profile, opened);
        for check in waiting {
            let still = self.book.agenda().phase(self.clock.now().wall);
            let same = still.session.is_some_and(|now| now.id == session.id && now.start == session.start);
            let quiet = session.start.saturating_sub(QUIET).unwrap_or(session.start);
            if still.phase != Phase::Preflight || !same || quiet <= self.clock.now().wall {
                return;
            }
            match self.desk.test_for_meeting(&check).await {
                Ok(verdict) => tracing::info!(session = %session.id, %check, %verdict, "tested for a meeting"),
                Err(why) if told.insert((Arc::clone(&session.id), check.clone(), why)) => {
                    tracing::info!(session = %session.id, %check, why, "not tested for a meeting yet");
                }
                Err(_) => {}
            }
        }
    }
}

/// Until when nothing is tested because the meeting before may go on for longer than it was booked, on equipment that is not seen:
/// its wrap-up, and half of the time between the two at most.
fn quiet_until(agenda: &Agenda, session: &Session) -> Timestamp {
    let before = agenda.booked().filter(|one| one.id != session.id && one.end <= session.start);
    let Some(end) = before.map(|one| one.end).max() else { return Timestamp::MIN };
    let half = session.start.duration_since(end) / 2;
    let wrap_up = SignedDuration::try_from(agenda.lengths.wrap_up).unwrap_or(SignedDuration::MAX);
    end.saturating_add(half.min(wrap_up)).unwrap_or(session.start)
}

/// The active checks that count for a kind of meeting and were not tested since.
fn due(snapshot: &Snapshot, profile: &str, since: Timestamp) -> Vec<CheckName> {
    if snapshot.starting {
        return Vec::new();
    }
    let view = snapshot.profile_or_default(profile);
    let counts =
        view.components.iter().filter(|component| component.requirement == Requirement::Required && !component.absent);
    let places: BTreeSet<usize> = counts.flat_map(|component| component.checks.iter().copied()).collect();
    let checks = places.into_iter().filter_map(|place| snapshot.checks.get(place));
    let tested = |check: &CheckView| check.last.as_ref().is_some_and(|last| snapshot.at.calls(last.at) >= since);
    let old = checks.filter(|check| check.spec.active && !tested(check));
    old.map(|check| check.spec.name.clone()).collect()
}
