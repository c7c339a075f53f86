//! The booked meetings: what somebody wishes is granted or refused within one transaction, by the one thread that writes, so
//! that no two meetings overlap however many ask at once.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::reports::STANDS;
use super::rows::{micros, moment};
use super::{Store, StoreError, sheets, sql};
use crate::domain::session::Place;
use crate::domain::sheet::Written;
use crate::domain::{Act, Booking, Granted, Margins, Notice, Occasion, Session, Verdict, Wish};

/// A wish with what goes with it.
#[derive(Debug)]
pub struct Wanted {
    /// What is wished.
    pub wish: Wish,
    /// What the room needs between two meetings.
    pub margins: Margins,
    /// When it is wished.
    pub now: Timestamp,
    /// How long after a meeting's end its report is due.
    pub wrap_up: Duration,
    /// What was found at its confirmation; written with it.
    pub confirmed: Option<Notice>,
    /// Its row of the audit, if people or their programs wish; written with what is granted.
    pub act: Option<Act>,
}

/// A session that ended longer ago is of no use to the agenda; a clock that is wrong by days at a start is allowed for.
pub(super) const RECENT: Duration = Duration::from_hours(7 * 24);

/// So many sessions are known at once: a room that is booked each hour for more than a year.
pub(super) const MOST: u32 = 10_000;

/// Of what an agenda is made: sessions, what was found and told of them, their run sheets.
pub type Booked = (Vec<Session>, Vec<Notice>, Written);

const COLUMNS: &str = "id, revision, booking, title, profile, start, until, source, details";

/// Grants a wish, or says why not.
pub(super) fn grant(db: &Connection, wanted: &Wanted) -> rusqlite::Result<Granted> {
    let was_not_held = matches!(wanted.wish, Wish::NotHeld { .. });
    let (session, before) = match &wanted.wish {
        Wish::Book(session) => {
            let before = get(db, &session.id)?;
            if let Some(same) = before.as_ref().filter(|before| before.says_what(session)) {
                return Ok(Granted::Same(same.clone()));
            }
            ((**session).clone(), before)
        }
        Wish::Move { id, start, end } => match get(db, id)? {
            None => return Ok(Granted::Unknown),
            Some(known) if known.booking == Booking::Cancelled => return Ok(Granted::Cancelled),
            Some(known) => {
                let (start, end) = (start.unwrap_or(known.start), end.unwrap_or(known.end));
                // Of two that move it at once one may have taken the other's ground away.
                if (known.start, known.end) == (start, end) || end <= start {
                    return Ok(Granted::Same(known));
                }
                (Session { start, end, ..known.clone() }, Some(known))
            }
        },
        Wish::Cancel { id } | Wish::NotHeld { id } => match get(db, id)? {
            None => return Ok(Granted::Unknown),
            Some(known) if known.booking == Booking::Cancelled => return Ok(Granted::Same(known)),
            // Told again of one that ends by that, or has just ended, nothing changes.
            Some(known) => match if was_not_held { known.not_held(wanted.now) } else { known.called_off(wanted.now) } {
                off if !off.says_what(&known) => (off, Some(known)),
                _ if known.is_due(wanted.now, wanted.wrap_up) => return Ok(Granted::Begun),
                _ => return Ok(Granted::Same(known)),
            },
        },
    };
    let may_become = |before: &Session| was_not_held || before.may_become(&session, wanted.now, wanted.wrap_up);
    if before.as_ref().is_some_and(|before| !may_become(before)) {
        return Ok(Granted::Begun);
    }
    // What lies within a slot that is held already takes nothing from anybody, also where margins have grown since.
    let within = |before: &Session| {
        before.booking == Booking::Booked && before.start <= session.start && session.end <= before.end
    };
    if session.booking == Booking::Booked && !before.as_ref().is_some_and(within) {
        let holders = holders(db, &session, wanted.margins.gap())?;
        if !holders.is_empty() {
            return Ok(Granted::Taken(holders));
        }
    }
    let newest: i64 = db.query_row("SELECT coalesce(max(revision), 0) FROM sessions", [], |row| row.get(0))?;
    let session = Session { revision: newest + 1, ..session };
    put(db, &session)?;
    // What was said when it was confirmed stands, whatever else is changed of it since.
    let confirms = !before.as_ref().is_some_and(|before| is_as_confirmed(before, &session));
    if let Some(confirmed) = wanted.confirmed.as_ref().filter(|_| confirms) {
        put_notice(db, confirmed)?;
    }
    if let Some(act) = &wanted.act {
        sql::put_act(db, &Act { outcome: Some("done".to_owned()), ..act.clone() })?;
    }
    Ok(Granted::Kept { session, created: before.is_none(), confirms })
}

/// Whether the same meeting was booked before for the same beginning: what was found for it then is its confirmation.
fn is_as_confirmed(before: &Session, session: &Session) -> bool {
    before.booking == Booking::Booked && before.start == session.start && before.profile == session.profile
}

/// The booked meetings, other than this one, that are nearer to it than the room needs.
fn holders(db: &Connection, session: &Session, gap: Duration) -> rusqlite::Result<Vec<Session>> {
    let gap = i64::try_from(gap.as_micros()).unwrap_or(i64::MAX);
    let (from, until) = (micros(session.start).saturating_sub(gap), micros(session.end).saturating_add(gap));
    let mut statement = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM sessions
         WHERE until > ?1 AND start < ?2 AND booking = 'booked' AND id <> ?3 ORDER BY start LIMIT 20"
    ))?;
    let rows = statement.query_map(params![from, until, session.id], read)?;
    rows.collect()
}

/// When the booked meeting before this one ends.
pub(super) fn ended_before(db: &Connection, session: &Session) -> rusqlite::Result<Option<Timestamp>> {
    let ended: Option<i64> = db
        .prepare_cached("SELECT max(until) FROM sessions WHERE until <= ?1 AND booking = 'booked' AND id <> ?2")?
        .query_row(params![micros(session.start), session.id], |row| row.get(0))?;
    Ok(ended.map(moment))
}

/// When another meeting ends that was held at a moment, and over when this one begins.
pub(super) fn held_at(db: &Connection, session: &Session, at: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
    let ends: Option<i64> = db
        .prepare_cached(
            "SELECT max(until) FROM sessions WHERE start <= ?1 AND until > ?1 AND until <= ?2 AND booking = 'booked' AND id <> ?3",
        )?
        .query_row(params![micros(at), micros(session.start), session.id], |row| row.get(0))?;
    Ok(ends.map(moment))
}

/// The meetings that ended before `over` and of which no report is kept, the oldest first, at most `limit`.
pub(super) fn unreported(db: &Connection, over: Timestamp, limit: u32) -> rusqlite::Result<Vec<Session>> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM sessions WHERE until <= ?1 AND booking = 'booked' AND NOT EXISTS
         (SELECT 1 FROM reports WHERE reports.session = sessions.id AND reports.start = sessions.start AND {STANDS})
         ORDER BY until LIMIT ?2"
    ))?;
    let rows = statement.query_map(params![micros(over), limit], read)?;
    rows.collect()
}

pub(super) fn get(db: &Connection, id: &str) -> rusqlite::Result<Option<Session>> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM sessions WHERE id = ?1"))?.query_row([id], read).optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    let word = |at: usize| -> rusqlite::Result<String> { row.get(at) };
    let booking = Booking::parse(&word(2)?).unwrap_or(Booking::Cancelled);
    let start: i64 = row.get(5)?;
    Ok(Session {
        id: row.get(0)?,
        revision: row.get(1)?,
        booking,
        title: row.get(3)?,
        profile: row.get(4)?,
        start: moment(start),
        end: moment(row.get(6)?),
        source: row.get(7)?,
        // What a later version wrote and this one does not know is no reason to give the slot away.
        details: serde_json::from_str(&word(8)?).unwrap_or_default(),
    })
}

/// Writes a session as it is, without asking whether it may.
pub(super) fn put(db: &Connection, session: &Session) -> rusqlite::Result<()> {
    let details = serde_json::to_string(&session.details).unwrap_or_else(|_| "{}".to_owned());
    db.prepare_cached(
        "INSERT INTO sessions (id, revision, booking, title, profile, start, until, source, details)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, booking = excluded.booking, title = excluded.title,
             profile = excluded.profile, start = excluded.start, until = excluded.until, source = excluded.source,
             details = excluded.details",
    )?
    .execute(params![
        session.id,
        session.revision,
        session.booking.as_str(),
        session.title,
        session.profile,
        micros(session.start),
        micros(session.end),
        session.source,
        details,
    ])
    .map(drop)
}

/// Writes a notice; the newest of an occasion stands, and takes back what it contradicts.
pub(super) fn put_notice(db: &Connection, notice: &Notice) -> rusqlite::Result<()> {
    if let Some(back) = notice.occasion.takes_back() {
        db.prepare_cached("DELETE FROM session_notices WHERE session = ?1 AND start = ?2 AND occasion = ?3")?
            .execute(params![notice.session, micros(notice.start), back.word()])?;
    }
    let codes = serde_json::to_string(&notice.codes).unwrap_or_else(|_| "[]".to_owned());
    db.prepare_cached(
        "INSERT INTO session_notices (session, start, occasion, at, verdict, codes, evidence)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET at = excluded.at, verdict = excluded.verdict, codes = excluded.codes,
             evidence = excluded.evidence",
    )?
    .execute(params![
        notice.session,
        micros(notice.start),
        notice.occasion.word(),
        micros(notice.at),
        notice.verdict.as_str(),
        codes,
        notice.evidence,
    ])
    .map(drop)
}

/// The sessions that end after `since` and begin before `until`, cancelled ones too, in their order, behind the place `after`, at
/// most `limit`.
pub(super) fn between(
    db: &Connection,
    (since, until): (Timestamp, Timestamp),
    after: Option<&Place>,
    limit: u32,
) -> rusqlite::Result<Vec<Session>> {
    let (start, id) = after.map_or((i64::MIN, ""), |place| (micros(place.start), &place.id));
    let mut statement = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM sessions WHERE until > ?1 AND start < ?2 AND (start, id) > (?3, ?4)
         ORDER BY start, id LIMIT ?5"
    ))?;
    let rows = statement.query_map(params![micros(since), micros(until), start, id, limit], read)?;
    rows.collect()
}

/// Which rows of notices and sheets belong to an agenda that is read from `?1` on: those of hours since then, and those of the sessions
/// that are read ([`between`]), since one of days has begun long before it ends.
pub(super) const OF_RECENT: &str = "start >= ?1 OR session IN (SELECT id FROM sessions WHERE until > ?1)";

/// What was written down of the sessions that begin or end at `since` or later.
pub(super) fn notices(db: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Notice>> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT session, start, occasion, at, verdict, codes, evidence FROM session_notices WHERE {OF_RECENT}"
    ))?;
    let rows = statement.query_map([micros(since)], notice)?;
    rows.filter_map(Result::transpose).collect()
}

/// What was written down of one session at one hour.
fn notices_of(db: &Connection, session: &str, start: Timestamp) -> rusqlite::Result<Vec<Notice>> {
    let mut statement = db.prepare_cached(
        "SELECT session, start, occasion, at, verdict, codes, evidence FROM session_notices
         WHERE session = ?1 AND start = ?2",
    )?;
    let rows = statement.query_map(params![session, micros(start)], notice)?;
    rows.filter_map(Result::transpose).collect()
}

/// One that a later version wrote says nothing here.
fn notice(row: &Row<'_>) -> rusqlite::Result<Option<Notice>> {
    let (occasion, verdict, codes): (String, String, String) = (row.get(2)?, row.get(4)?, row.get(5)?);
    let Some(occasion) = Occasion::parse(&occasion) else { return Ok(None) };
    Ok(Some(Notice {
        session: row.get(0)?,
        start: moment(row.get(1)?),
        occasion,
        at: moment(row.get(3)?),
        verdict: Verdict::parse(&verdict).unwrap_or(Verdict::Unknown),
        codes: serde_json::from_str(&codes).unwrap_or_default(),
        evidence: row.get(6)?,
    }))
}

/// To whom anything was said under a key that begins so: the keys lie by their letters, and none goes on with the last that there is.
pub(super) const HAD_WORD: &str = "SELECT DISTINCT receiver FROM outbox WHERE key >= ?1 AND key < ?1 || char(0x10FFFF)";

/// To whom anything was said of what begins with `about` in its key, also where it has not arrived.
fn had_word(db: &Connection, about: &str) -> rusqlite::Result<Vec<Arc<str>>> {
    let mut statement = db.prepare_cached(HAD_WORD)?;
    let rows = statement.query_map([about], |row| row.get(0))?;
    rows.collect()
}

impl Store {
    /// To whom anything was said of what begins with `about` in its key, as long as that is kept (`retention_notifications`).
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn had_word(&self, about: String) -> Result<Vec<Arc<str>>, StoreError> {
        self.read(move |db, _| had_word(db, &about)).await
    }

    /// Grants a wish, or says why not: on the disk before this returns, or not at all.
    ///
    /// # Errors
    /// If the disk does not take it. After [`StoreError::Stuck`] nobody knows whether it will: ask again, the same wish is granted
    /// once.
    pub async fn wish(&self, wanted: Wanted) -> Result<Granted, StoreError> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        if self.is_stuck() {
            return Err(StoreError::Stuck);
        }
        self.send(super::writer::Command::Wish(Box::new(wanted), answer))?;
        self.wait(answered).await?
    }

    /// The sessions of which the agenda is made at `now`, what was found and told of them, and their run sheets.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn agenda(&self, now: Timestamp) -> Result<Booked, StoreError> {
        let since = now.checked_sub(RECENT).unwrap_or(Timestamp::MIN);
        self.read(move |db, _| {
            Ok((between(db, (since, Timestamp::MAX), None, MOST)?, notices(db, since)?, sheets::written(db, since)?))
        })
        .await
    }

    /// The sessions that end after the first and begin before the second of `span`, cancelled ones too, in their order, behind the
    /// place `after`, at most `limit`.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn sessions(
        &self,
        span: (Timestamp, Timestamp),
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        self.read(move |db, _| between(db, span, after.as_ref(), limit)).await
    }

    /// The meetings that ended before `over` and of which no report is kept, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn unreported(&self, over: Timestamp, limit: u32) -> Result<Vec<Session>, StoreError> {
        self.read(move |db, _| unreported(db, over, limit)).await
    }

    /// What was found and told of each of these sessions at its hour.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn notices_of(&self, sessions: Vec<(Arc<str>, Timestamp)>) -> Result<Vec<Notice>, StoreError> {
        self.read(move |db, _| {
            let mut all = Vec::new();
            for (session, start) in &sessions {
                all.extend(notices_of(db, session, *start)?);
            }
            Ok(all)
        })
        .await
    }

    /// One session, a cancelled one too.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn session(&self, id: &str) -> Result<Option<Session>, StoreError> {
        let id = id.to_owned();
        self.read(move |db, _| get(db, &id)).await
    }
}
