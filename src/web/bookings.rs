//! What the readers' side needs of the agenda: what is booked, what is planned, and somebody who grants or refuses a wish.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::domain::feed::LeftOut;
use crate::domain::record::Series;
use crate::domain::session::Place;
use crate::domain::sheet::{Item, SheetWish, Unwritten, Written};
use crate::domain::{Actor, Granted, Lang, Notice, Session, Wish};
use crate::engine::agenda::Agenda;
use crate::engine::agenda::slot::Planned;

/// A feed of others (an iCalendar): what it said last, and what became of its newest reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feed {
    /// Its name in the config.
    pub name: String,
    /// When reading it was last tried.
    pub at: Timestamp,
    /// When it was last read, and the agenda followed it; not yet since the daemon's start, if none. All below is of then.
    pub read_at: Option<Timestamp>,
    /// Why it could not be read or followed at `at`; what it said before stands then.
    pub error: Option<String>,
    /// Its meetings to come.
    pub entries: usize,
    /// How many of its entries are not booked, since they mean nothing here or are too many.
    pub left_out: usize,
    /// Which and why: the first of them.
    pub which: Vec<LeftOut>,
    /// Those whose slot others hold: when each begins, and its title.
    pub conflicts: Vec<(Timestamp, String)>,
}

/// In which form a report is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A page to print.
    Page(Lang),
    /// For programs.
    Json,
    /// Comma-separated values.
    Csv,
}

/// Where meetings are booked.
pub trait Bookings: Send + Sync {
    /// What is booked, as it is known now. In memory; nothing is read.
    fn agenda(&self) -> Arc<Agenda>;

    /// The work that is planned from then until then.
    fn planned(&self, start: Timestamp, end: Timestamp) -> Vec<Planned>;

    /// The feeds of others that are followed, as far as each has been tried.
    fn feeds(&self) -> Vec<Feed>;

    /// Whether the config has a calendar of this name: what is of that is changed there.
    fn follows(&self, source: &str) -> bool;

    /// The receivers that the config names, by which somebody of a crew can be told.
    fn receivers(&self) -> Vec<Arc<str>>;

    /// Grants a wish or says why not; what is granted is on the disk. `confirmed` is what was found for it.
    ///
    /// The error is a text for a person: why nobody knows.
    fn wish(&self, who: Option<Actor>, wish: Wish, confirmed: Option<Notice>)
    -> BoxFuture<'_, Result<Granted, String>>;

    /// The sessions that end after the first and begin before the second of `span`, cancelled ones too, in their order, behind the
    /// place `after`, at most `limit`.
    fn sessions(
        &self,
        span: (Timestamp, Timestamp),
        after: Option<Place>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Session>, String>>;

    /// What was found and told of each of these sessions at its hour, of whatever time.
    fn notices(&self, sessions: Vec<(Arc<str>, Timestamp)>) -> BoxFuture<'_, Result<Vec<Notice>, String>>;

    /// What is checked by hand before a meeting.
    fn hand_checks(&self) -> Arc<[Item]>;

    /// All that was written into a session's run sheet, of whatever time.
    fn sheet<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<Written, String>>;

    /// Writes into a sheet, or says why not; what is written is on the disk. Who wished it goes into the audit.
    ///
    /// The error is a text for a person: why nobody knows.
    fn note(&self, who: Actor, wish: SheetWish, now: Timestamp)
    -> BoxFuture<'_, Result<Result<(), Unwritten>, String>>;

    /// The minutes of the line and the power in a span, as a report reads them, and whether there are more than are read at once.
    fn minutes(&self, span: (Timestamp, Timestamp)) -> BoxFuture<'_, Result<(Vec<Series>, bool), String>>;

    /// One session, of whatever time.
    fn session<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Session>, String>>;

    /// The report of a session: as it was kept, or of one that is not over as it stands. None of an id that is not known.
    fn report<'a>(&'a self, id: &'a str, form: Form) -> BoxFuture<'a, Result<Option<String>, String>>;
}
