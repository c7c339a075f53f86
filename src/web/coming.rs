//! The meetings that are held and that come next, as people are told them.

use crate::domain::{Lang, Phase, Session};

use super::site::Site;
use super::telling::clock;

/// So many of those to come are told on the first page.
const NEXT: usize = 3;

/// What is held, and what comes.
pub(super) struct Coming {
    /// The meeting that is held.
    pub(super) now: Option<String>,
    /// Those that come next; the first may be prepared already.
    pub(super) next: Vec<String>,
    /// What is said where there is none of both.
    pub(super) none: Option<&'static str>,
}

/// Both, at this moment.
pub(super) fn coming(site: &Site, lang: Lang) -> Coming {
    let (agenda, at) = (site.state.bookings.agenda(), site.now().wall);
    let phase = agenda.phase(at);
    let pick = |id, en| if lang == Lang::Id { id } else { en };
    let live = phase.session.filter(|_| phase.phase == Phase::Live);
    let now = live
        .map(|session| format!("{} ({} {})", session.title, pick("sampai", "until"), clock(site, lang, session.end)));
    let next: Vec<String> = agenda
        .booked()
        .filter(|session| session.start > at)
        .take(NEXT)
        .map(|session| line(site, lang, session))
        .collect();
    let none = match (&now, next.is_empty(), agenda.known) {
        (None, true, true) => Some(pick("Tidak ada rapat yang dijadwalkan.", "No meeting is booked.")),
        (None, true, false) => Some(pick("Agenda belum dapat dibaca.", "The agenda cannot be read yet.")),
        _ => None,
    };
    Coming { now, next, none }
}

/// A meeting in one line.
fn line(site: &Site, lang: Lang, session: &Session) -> String {
    format!("{} – {}: {}", clock(site, lang, session.start), clock(site, lang, session.end), session.title)
}
