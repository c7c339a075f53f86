//! Run sheets: what somebody wants to be written into one is admitted or refused, written and put into the audit within one
//! transaction, by the one thread that writes. Rows are added and none is changed.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{micros, moment};
use super::sessions::OF_RECENT;
use super::{Store, StoreError, record, sessions, sql};
use crate::domain::record::Series;
use crate::domain::sheet::{Entry, Item, SheetWish, Told, Unwritten, What, Word, Written};
use crate::domain::{Act, Session, Verdict};
use crate::engine::sheet;

/// A wish with what goes with it.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) wish: SheetWish,
    /// What is checked by hand, as the config has it.
    pub(super) items: Arc<[Item]>,
    /// Its row of the audit, without an outcome; it is written down with it.
    pub(super) act: Act,
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is on the disk.
    Kept(Entry),
    /// It was so already, and nothing was written.
    Same,
}

const COLUMNS: &str = "key, session, start, at, what, item, verdict, until, said, said_by, written_by";

/// Writes what is wished, or says why not; who wished it goes into the audit either way.
pub(super) fn note(db: &Connection, wanted: &Wanted) -> rusqlite::Result<Result<Noted, Unwritten>> {
    let Wanted { wish, items, act } = wanted;
    let admitted = match sessions::get(db, &wish.session)? {
        None => Err(Unwritten::NoSession),
        Some(session) if wish.start.is_some_and(|start| start != session.start) => Err(Unwritten::Moved),
        Some(session) => {
            let entries = entries(db, &session.id, session.start)?;
            let what = sheet::admit(wish, &session, items, &entries, act.at);
            if what.as_ref().is_ok_and(|what| sheet::same(what, wish.by.trim(), &session, &entries, act.at)) {
                return Ok(Ok(Noted::Same));
            }
            what.map(|what| (session, what))
        }
    };
    let (outcome, noted) = match admitted {
        Ok((session, what)) => {
            let entry = Entry {
                key: Arc::clone(&act.key),
                session: Arc::clone(&session.id),
                start: session.start,
                at: act.at,
                what,
                by: wish.by.trim().into(),
                written_by: Arc::clone(&act.actor.name),
            };
            put(db, &entry)?;
            ("written down".to_owned(), Ok(Noted::Kept(entry)))
        }
        Err(why) => (format!("refused: {}", why.as_str()), Err(why)),
    };
    sql::put_act(db, &Act { outcome: Some(outcome), ..act.clone() })?;
    Ok(noted)
}

/// Writes a row as it is; one that is there already stays as it is.
pub(super) fn put(db: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    let (mut item, mut verdict, mut until, mut said): (Option<&str>, Option<Verdict>, _, Option<&str>) =
        Default::default();
    match &entry.what {
        What::Tick { item: of, until: holds } => (item, until) = (Some(&**of), Some(*holds)),
        What::Untick { item: of } => item = Some(of),
        What::TrialBegins => {}
        What::TrialEnds { findings } => said = Some(findings),
        What::Override { verdict: taken, reason, until: holds } => {
            (verdict, until, said) = (Some(*taken), Some(*holds), Some(reason.as_str()));
        }
        What::OverrideEnds { reason } => said = Some(reason),
    }
    db.prepare_cached(&format!(
        "INSERT INTO sheet_entries ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (key) DO NOTHING"
    ))?
    .execute(params![
        entry.key,
        entry.session,
        micros(entry.start),
        micros(entry.at),
        entry.what.word(),
        item,
        verdict.map(Verdict::as_str),
        until.map(micros),
        said,
        entry.by,
        entry.written_by,
    ])
    .map(drop)
}

pub(super) fn put_told(db: &Connection, told: &Told) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO sheet_told (session, start, item, word, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
    )?
    .execute(params![told.session, micros(told.start), told.item, told.word.as_str(), micros(told.at)])
    .map(drop)
}

/// One that a later version wrote says nothing here.
fn entry(row: &Row<'_>) -> rusqlite::Result<Option<Entry>> {
    let word: String = row.get(4)?;
    let (item, verdict): (Option<Arc<str>>, Option<String>) = (row.get(5)?, row.get(6)?);
    let (until, said): (Option<i64>, Option<String>) = (row.get(7)?, row.get(8)?);
    let until = until.map(moment);
    let what = match (word.as_str(), item, until) {
        ("tick", Some(item), Some(until)) => What::Tick { item, until },
        ("untick", Some(item), _) => What::Untick { item },
        ("trial_begins", ..) => What::TrialBegins,
        ("trial_ends", ..) => What::TrialEnds { findings: said.unwrap_or_default() },
        ("override", _, Some(until)) => {
            let Some(verdict) = verdict.as_deref().and_then(Verdict::parse) else { return Ok(None) };
            What::Override { verdict, reason: said.unwrap_or_default(), until }
        }
        ("override_ends", ..) => What::OverrideEnds { reason: said.unwrap_or_default() },
        _ => return Ok(None),
    };
    Ok(Some(Entry {
        key: row.get(0)?,
        session: row.get(1)?,
        start: moment(row.get(2)?),
        at: moment(row.get(3)?),
        what,
        by: row.get(9)?,
        written_by: row.get(10)?,
    }))
}

fn told(row: &Row<'_>) -> rusqlite::Result<Option<Told>> {
    let word: String = row.get(3)?;
    let Some(word) = Word::parse(&word) else { return Ok(None) };
    Ok(Some(Told {
        session: row.get(0)?,
        start: moment(row.get(1)?),
        item: row.get(2)?,
        word,
        at: moment(row.get(4)?),
    }))
}

fn entries(db: &Connection, session: &str, start: Timestamp) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM sheet_entries WHERE session = ?1 AND start = ?2 ORDER BY id"
    ))?;
    let rows = statement.query_map(params![session, micros(start)], entry)?;
    rows.filter_map(Result::transpose).collect()
}

/// All that was written down of the sheet of one session that begins then. For whoever reads a file: in one of an earlier version
/// there is nothing.
pub(super) fn sheet(db: &Connection, session: &str, start: Timestamp) -> rusqlite::Result<Written> {
    let there: Option<i64> =
        db.query_row("SELECT 1 FROM sqlite_schema WHERE name = 'sheet_told'", [], |row| row.get(0)).optional()?;
    if there.is_none() {
        return Ok(Written::default());
    }
    let mut statement = db.prepare_cached(
        "SELECT session, start, item, word, at FROM sheet_told WHERE session = ?1 AND start = ?2 ORDER BY at",
    )?;
    let rows = statement.query_map(params![session, micros(start)], told)?;
    let told = rows.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?;
    Ok(Written { entries: entries(db, session, start)?, told })
}

/// The sheets of the sessions that begin or end at `since` or later.
pub(super) fn written(db: &Connection, since: Timestamp) -> rusqlite::Result<Written> {
    let mut statement =
        db.prepare_cached(&format!("SELECT {COLUMNS} FROM sheet_entries WHERE {OF_RECENT} ORDER BY id"))?;
    let rows = statement.query_map([micros(since)], entry)?;
    let entries = rows.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?;
    let mut statement = db.prepare_cached(&format!(
        "SELECT session, start, item, word, at FROM sheet_told WHERE {OF_RECENT} ORDER BY at"
    ))?;
    let rows = statement.query_map([micros(since)], told)?;
    let told = rows.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?;
    Ok(Written { entries, told })
}

impl Store {
    /// Writes into a sheet what somebody wishes, under the key of `act`, which goes into the audit with what became of it: on the
    /// disk before this returns, or not at all.
    ///
    /// # Errors
    /// If the disk does not take it. After [`StoreError::Stuck`] nobody knows whether it will.
    pub async fn note(
        &self,
        wish: SheetWish,
        items: Arc<[Item]>,
        act: Act,
    ) -> Result<Result<Noted, Unwritten>, StoreError> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        if self.is_stuck() {
            return Err(StoreError::Stuck);
        }
        self.send(super::writer::Command::Note(Box::new(Wanted { wish, items, act }), answer))?;
        self.wait(answered).await?
    }

    /// All that was written down of a session's sheet: ticks, trials, overrides, and what the crew was told.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn sheet_of(&self, session: &Session) -> Result<Written, StoreError> {
        let (id, start) = (Arc::clone(&session.id), session.start);
        self.read(move |db, _| sheet(db, &id, start)).await
    }

    /// The minutes of the line and the power in a span, as a report reads them, and whether there are more than are read at once.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn minutes_of(&self, (from, to): (Timestamp, Timestamp)) -> Result<(Vec<Series>, bool), StoreError> {
        self.read(move |db, catalogue| record::series(db, catalogue, from, to)).await
    }
}
