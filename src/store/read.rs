//! What is read: on connections that cannot write, so that no reader ever stands before the writer.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::open::{Fault, open_reader};
use super::rows::{self, Catalogue, micros, moment};
use super::{StoreError, lock, sessions, sheets, told};
use crate::domain::sheet::Written;
use crate::domain::{Incident, Notice, Now, Observation, Session, Silence, Standing, Transition, Verdict};

/// Connections kept for the next reader; a page and a scheduler at once are two.
const IDLE: usize = 2;

/// What an earlier process left.
#[derive(Debug, Default)]
pub struct Restored {
    /// The newest observation of each check, each with its true wall time, and how old it is by the wall clock. Whatever
    /// lies in the future of the wall clock has no age that could be known, and is not restored.
    pub observations: Vec<(Observation, Duration)>,
    /// Incidents that were open.
    pub open_incidents: Vec<Incident>,
    /// Those that were closed and of which something is kept still.
    pub closed_incidents: Vec<Incident>,
    /// Since when what was said of checks and components holds.
    pub standings: Vec<Standing>,
    /// What was told of these, by id, and what else is kept of telling.
    pub told: HashMap<String, String>,
    /// Wishes for silence that have not ended.
    pub silences: Vec<Silence>,
    /// Sessions that have not ended long ago, cancelled ones too.
    pub sessions: Vec<Session>,
    /// What was found and told of them.
    pub notices: Vec<Notice>,
    /// Their run sheets.
    pub sheets: Written,
    /// Rows, or reasons of rows, that this version cannot read and that were left out.
    pub skipped: u64,
}

/// Evidence as it was stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvidence {
    /// Its id.
    pub id: String,
    /// When it was answered.
    pub at: Timestamp,
    /// What was asked.
    pub question: Value,
    /// What was answered.
    pub answer: Value,
}

/// One minute of one quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Minute {
    /// When it begins.
    pub at: Timestamp,
    /// The part, where the quantity has parts.
    pub part: Option<Arc<str>>,
    /// How many values there were.
    pub count: u64,
    /// The smallest.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The median (nearest rank).
    pub p50: f64,
    /// The 95th percentile (nearest rank).
    pub p95: f64,
}

/// Connections for readers.
pub(super) struct Readers {
    path: PathBuf,
    generation: Arc<AtomicU64>,
    idle: Mutex<Vec<(u64, Connection)>>,
    /// Set at the end: what is read from then on is not kept open, or the writer could not put its log away.
    closed: AtomicBool,
}

impl Readers {
    pub(super) fn new(path: PathBuf, generation: Arc<AtomicU64>) -> Self {
        Self { path, generation, idle: Mutex::new(Vec::new()), closed: AtomicBool::new(false) }
    }

    /// Which opening of the file is read; 0 before the first.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Closes what no query runs on, before the writer closes: the last to go puts the log away, and a reader cannot.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        lock(&self.idle).clear();
    }

    /// Runs `query` on a reading connection. Blocks: for tokio's blocking pool.
    pub(super) fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let generation = self.generation();
        if generation == 0 {
            return Err(StoreError::Unavailable("the database is not open".to_owned()));
        }
        let kept = {
            let mut idle = lock(&self.idle);
            // Connections to a file that was set aside meanwhile.
            idle.retain(|(of, _)| *of == generation);
            idle.pop()
        };
        let db = match kept {
            Some((_, db)) => db,
            None => open_reader(&self.path).map_err(Fault::from)?,
        };
        let value = query(&db).map_err(Fault::from)?;
        let mut idle = lock(&self.idle);
        if idle.len() < IDLE && !self.closed.load(Ordering::Acquire) {
            idle.push((generation, db));
        }
        Ok(value)
    }
}

pub(super) fn restored(db: &Connection, catalogue: &Catalogue, now: Now) -> rusqlite::Result<Restored> {
    let mut restored = Restored::default();
    let mut statement = db.prepare("SELECT check_name, at, body FROM last_observations ORDER BY check_name")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (check, at, body): (String, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let wall = moment(at);
        let age = now.wall.duration_since(wall);
        let Some(said) = rows::said(&body, catalogue).filter(|_| !age.is_negative()) else {
            restored.skipped += 1;
            continue;
        };
        let at = Now { mono: now.mono_at(wall), wall };
        let observation =
            Observation { check: check.into(), at, took: said.took, reading: said.reading, error: said.error };
        restored.observations.push((observation, age.unsigned_abs()));
    }
    restored.told = told::told(db)?;
    restored.silences = told::silences(db)?;
    restored.standings = standings(db, catalogue, &mut restored.skipped)?;
    restored.open_incidents = incidents(db, catalogue, true, (u32::MAX, Timestamp::MAX), &mut restored.skipped)?;
    restored.closed_incidents = half_told(db, catalogue, &mut restored.skipped)?;
    // Oldest first, as the snapshot has them.
    restored.open_incidents.reverse();
    let recent = now.wall.checked_sub(sessions::RECENT).unwrap_or(Timestamp::MIN);
    restored.sessions = sessions::between(db, (recent, Timestamp::MAX), None, sessions::MOST)?;
    restored.notices = sessions::notices(db, recent)?;
    restored.sheets = sheets::written(db, recent)?;
    Ok(restored)
}

fn standings(db: &Connection, catalogue: &Catalogue, skipped: &mut u64) -> rusqlite::Result<Vec<Standing>> {
    let mut statement = db.prepare("SELECT subject, name, profile, verdict, since, reasons FROM standing")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (sort, name, verdict, reasons): (String, String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(3)?, row.get(5)?);
        let standing = rows::subject(&sort, Some(&name)).zip(Verdict::parse(&verdict));
        let Some((subject, verdict)) = known(standing, skipped) else { continue };
        let reasons = rows::reasons(&reasons, catalogue, skipped);
        found.push(Standing { subject, profile: row.get(2)?, verdict, since: moment(row.get(4)?), reasons });
    }
    Ok(found)
}

/// A word of a row that this version does not know: the row is left out, and counted.
fn known<T>(value: Option<T>, skipped: &mut u64) -> Option<T> {
    if value.is_none() {
        *skipped += 1;
    }
    value
}

/// The newest incidents of a span.
pub(super) const INCIDENTS: &str = "SELECT id, component, worst, verdict, reasons, opened_at, closed_at, settling FROM incidents
     WHERE opened_at > ?1 AND opened_at <= ?2 AND (NOT ?3 OR closed_at IS NULL) ORDER BY opened_at DESC, id DESC LIMIT ?4";

/// Incidents, newest first. Last come those that were opened later than `now`: a clock that was ahead wrote them, and they would stand
/// above all others until it is that late.
pub(super) fn incidents(
    db: &Connection,
    catalogue: &Catalogue,
    open_only: bool,
    (limit, now): (u32, Timestamp),
    skipped: &mut u64,
) -> rusqlite::Result<Vec<Incident>> {
    let mut statement = db.prepare_cached(INCIDENTS)?;
    let now = micros(now);
    let rows = statement.query(params![i64::MIN, now, open_only, limit])?;
    let mut found = found_incidents(rows, catalogue, skipped)?;
    let rest = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
    let rows = statement.query(params![now, i64::MAX, open_only, rest])?;
    found.extend(found_incidents(rows, catalogue, skipped)?);
    Ok(found)
}

/// Incidents that are over and whose end is still to be told.
fn half_told(db: &Connection, catalogue: &Catalogue, skipped: &mut u64) -> rusqlite::Result<Vec<Incident>> {
    let mut statement = db.prepare(
        "SELECT id, component, worst, verdict, reasons, opened_at, closed_at, settling FROM incidents
         WHERE closed_at IS NOT NULL AND id IN (SELECT incident FROM told) ORDER BY closed_at",
    )?;
    found_incidents(statement.query([])?, catalogue, skipped)
}

pub(super) fn found_incidents(
    mut rows: rusqlite::Rows<'_>,
    catalogue: &Catalogue,
    skipped: &mut u64,
) -> rusqlite::Result<Vec<Incident>> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let reasons: String = row.get(4)?;
        let incident = incident(row, rows::reasons(&reasons, catalogue, skipped))?;
        found.extend(known(incident, skipped));
    }
    Ok(found)
}

fn incident(row: &Row<'_>, reasons: Vec<crate::domain::Reason>) -> rusqlite::Result<Option<Incident>> {
    let words: [String; 3] = [row.get(1)?, row.get(2)?, row.get(3)?];
    let (Some(component), Some(worst), Some(verdict)) =
        (rows::component(&words[0]), Verdict::parse(&words[1]), Verdict::parse(&words[2]))
    else {
        return Ok(None);
    };
    Ok(Some(Incident {
        id: row.get(0)?,
        component,
        worst,
        verdict,
        reasons,
        opened_at: moment(row.get(5)?),
        closed_at: row.get::<_, Option<i64>>(6)?.map(moment),
        settling: row.get(7)?,
    }))
}

/// Transitions of `since <= at < until`, newest first.
pub(super) fn transitions(
    db: &Connection,
    catalogue: &Catalogue,
    (since, until): (Timestamp, Timestamp),
    limit: u32,
) -> rusqlite::Result<Vec<Transition>> {
    let mut statement = db.prepare_cached(
        "SELECT at, subject, name, profile, old, new, codes, settling FROM transitions
         WHERE at >= ?1 AND at < ?2 ORDER BY at DESC, id DESC LIMIT ?3",
    )?;
    let mut rows = statement.query(params![micros(since), micros(until), limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (sort, name): (String, Option<String>) = (row.get(1)?, row.get(2)?);
        let (from, to, codes): (String, String, String) = (row.get(4)?, row.get(5)?, row.get(6)?);
        let (Some(subject), Some(from), Some(to)) =
            (rows::subject(&sort, name.as_deref()), Verdict::parse(&from), Verdict::parse(&to))
        else {
            continue;
        };
        found.push(Transition {
            subject,
            profile: row.get(3)?,
            from,
            to,
            at: moment(row.get(0)?),
            codes: rows::codes(&codes, catalogue, &mut 0),
            settling: row.get(7)?,
        });
    }
    Ok(found)
}

pub(super) fn evidence(db: &Connection, id: &str) -> rusqlite::Result<Option<StoredEvidence>> {
    let row = db
        .prepare_cached("SELECT at, question, answer FROM evidence WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))
        .optional()?;
    Ok(row.and_then(|(at, question, answer)| {
        Some(StoredEvidence {
            id: id.to_owned(),
            at: moment(at),
            question: serde_json::from_str(&question).ok()?,
            answer: serde_json::from_str(&answer).ok()?,
        })
    }))
}

/// The minutes of one quantity that begin in `since <= at < until`, oldest first.
///
/// The table lies by time: one look-up a minute and part, and no walk through everybody else's rows.
pub(super) fn minutes(
    db: &Connection,
    check: &str,
    quantity: &str,
    (since, until): (Timestamp, Timestamp),
) -> rusqlite::Result<Vec<Minute>> {
    let ceil = |at: Timestamp| -(-micros(at)).div_euclid(60_000_000);
    let mut statement = db.prepare_cached(
        "WITH RECURSIVE wanted (minute) AS (
             SELECT max(?1, (SELECT min(minute) FROM minutes))
             UNION ALL
             SELECT minute + 1 FROM wanted WHERE minute + 1 < min(?2, (SELECT max(minute) + 1 FROM minutes)))
         SELECT m.minute, nullif(series.part, ''), m.count, m.min, m.max, m.mean, m.p50, m.p95
         FROM wanted CROSS JOIN series CROSS JOIN minutes m
         WHERE series.check_name = ?3 AND series.quantity = ?4
             AND m.minute = wanted.minute AND m.series = series.id AND m.minute < ?2
         ORDER BY m.minute, series.part",
    )?;
    let rows = statement.query_map(params![ceil(since), ceil(until), check, quantity], |row| {
        Ok(Minute {
            at: moment(row.get::<_, i64>(0)?.saturating_mul(60_000_000)),
            part: row.get(1)?,
            count: u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default(),
            min: row.get(3)?,
            max: row.get(4)?,
            mean: row.get(5)?,
            p50: row.get(6)?,
            p95: row.get(7)?,
        })
    })?;
    rows.collect()
}
