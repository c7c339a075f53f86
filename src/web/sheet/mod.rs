//! The run sheet of a session, for people and programs: what is measured, what was checked by hand, the trials, and who says
//! otherwise until when.
//!
//! Everybody who may read the room sees what was done and when; who did it, and what they wrote, is for those who may act or book.

pub(super) mod api;
pub mod body;
pub(super) mod forms;
pub(super) mod page;
mod words;

use std::sync::Arc;

use crate::domain::sheet::Written;
use crate::domain::snapshot::ProfileView;
use crate::domain::{Booking, Lang, Now, Scope, Session, Snapshot};
use crate::engine::agenda::slot::{Known, with_agenda, with_battery};
use crate::engine::sheet::{Figures, Judged, Override, Point, Trial, measured, overridden, overrides, points, trials};
use crate::engine::slot::{self, HORIZON, Question};

use super::door::Caller;
use super::pages::in_time;
use super::problem::Problem;
use super::site::Site;
use super::{State, believe, telling};

/// A session with its sheet, at one moment.
pub(super) struct Sheet {
    pub(super) session: Session,
    pub(super) written: Written,
    pub(super) points: Vec<Point>,
    /// What was measured for it; nothing where it is over, or does not take place.
    pub(super) machine: Option<Arc<ProfileView>>,
    /// What is said of it, under the same condition.
    pub(super) judged: Option<Judged>,
    pub(super) trials: Vec<Held>,
    pub(super) overrides: Vec<Override>,
}

/// A trial with what was measured in its time.
pub(super) struct Held {
    pub(super) trial: Trial,
    /// Nothing where it cannot be read, or not in time.
    pub(super) measured: Option<Vec<Figures>>,
    /// Whether minutes of it are missing there.
    pub(super) cut: bool,
}

impl Sheet {
    /// The sheet of the session of that id.
    ///
    /// # Errors
    /// An unknown id; a disk that cannot be read.
    pub(super) async fn read(site: &Site, id: &str, now: Now) -> Result<Self, Problem> {
        let bookings = &site.state.bookings;
        let found = bookings.session(id).await.map_err(Problem::agenda)?;
        let session = found.ok_or_else(|| Problem::unwritten(&crate::domain::sheet::Unwritten::NoSession))?;
        let written = bookings.sheet(&session).await.map_err(Problem::history)?;
        let mut held = Vec::new();
        let mut answers = true;
        for trial in trials(&session, &written.entries) {
            // One that somebody forgot to end is not measured for ever.
            let (span, over) = trial.measured(&session, now.wall);
            // A disk that has not answered once is not waited for again.
            let minutes = if answers { in_time(bookings.minutes(span)).await } else { None };
            answers = minutes.is_some();
            let cut = over || minutes.as_ref().is_some_and(|(_, more)| *more);
            held.push(Held { trial, measured: minutes.map(|(minutes, _)| measured(&minutes, span)), cut });
        }
        let points = points(&bookings.hand_checks(), &session, &written.entries, now.wall);
        let takes_place = session.booking == Booking::Booked && now.wall < session.end;
        let snapshot = Arc::clone(&site.rendered().believed);
        let machine = takes_place.then(|| machine(&site.state, &snapshot, &session, now)).flatten();
        let judged = machine
            .as_ref()
            .map(|view| Judged::new(view.verdict, &points, overridden(&session, &written.entries, now.wall)));
        let overrides = overrides(&session, &written.entries);
        Ok(Self { session, written, points, machine, judged, trials: held, overrides })
    }
}

/// Who reads names, and what people wrote: whoever acts or books.
pub(super) const READ_NAMES: [Scope; 2] = [Scope::Operate, Scope::Schedule];

/// Whether somebody reads names, and what people wrote.
pub(super) fn reads_names(caller: &Caller) -> bool {
    READ_NAMES.into_iter().any(|scope| caller.may(scope))
}

/// What is measured for a session, as it stands now: its profile, the work that is planned in it, and while a battery supplies the
/// room, whether that lasts until its end (of a meeting that is near: nobody knows when the mains come back).
fn machine(state: &State, snapshot: &Snapshot, session: &Session, now: Now) -> Option<Arc<ProfileView>> {
    let question = Question::of_session(snapshot, &session.profile, None, None, now).ok()?;
    let near = session.start.duration_since(now.wall) <= jiff::SignedDuration::try_from(HORIZON).ok()?;
    let answer = with_battery(slot::answer(snapshot, &question, now), snapshot, near.then_some(session.end), now);
    let planned = state.bookings.planned(session.start.max(now.wall), session.end);
    Some(with_agenda(answer, &Known { read: true, planned, ..Known::default() }, now).view)
}

/// What is said of a session that is in the agenda, and what is measured for it, without any reading; nothing where it is over.
pub fn standing(state: &State, session: &Session) -> Option<(Judged, [String; 2])> {
    let now = state.clock.now();
    let raw = Arc::clone(&state.snapshot.borrow());
    standing_in(state, &believe::believe(&raw, now), session, now)
}

/// The same of a snapshot that is believed.
pub(super) fn standing_in(
    state: &State,
    snapshot: &Snapshot,
    session: &Session,
    now: Now,
) -> Option<(Judged, [String; 2])> {
    if session.booking != Booking::Booked || now.wall >= session.end {
        return None;
    }
    let agenda = state.bookings.agenda();
    let entries = &agenda.sheets().entries;
    let points = points(&state.bookings.hand_checks(), session, entries, now.wall);
    let view = machine(state, snapshot, session, now)?;
    let said = [Lang::Id, Lang::En].map(|lang| telling::sentence(snapshot, &view, lang));
    Some((Judged::new(view.verdict, &points, overridden(session, entries, now.wall)), said))
}

/// In a sentence for the room's page, the override that holds of the session that is held or prepared for. Who decided it is on that
/// session's own page.
pub(super) fn overridden_now(site: &Site, lang: Lang) -> Option<String> {
    let (agenda, now) = (site.state.bookings.agenda(), site.now().wall);
    let session = agenda.phase(now).session.filter(|session| now < session.end)?;
    let holds = overridden(&session, &agenda.sheets().entries, now)?;
    let said = words::Said(lang);
    let (word, until) = (holds.verdict.title(lang), telling::clock(site, lang, holds.until));
    Some(format!(
        "{}. {}: {word}, {} {until}. {}: {}.",
        session.title,
        said.taken_for(),
        said.until(),
        said.reason(),
        holds.reason
    ))
}
