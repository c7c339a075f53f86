//! What is read of the past: hours of the line, one subject's changes, and when anybody watched.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::hourly::LOSS;
use super::recording::{self, RecordingError};
use super::rows::{self, Catalogue, micros, moment, subject_columns};
use super::{Store, StoreError};
use crate::domain::{Hour, Mono, Past, Run, Sketch, Subject, Transition, Verdict, Wanted};
use crate::engine::past::in_force;

/// Hours read at once: half a year of twenty figures, some 40 MB in memory.
const MAX_HOURS: usize = 90_000;
/// Changes of one subject read at once: a line that flaps every two minutes for a month.
const MAX_CHANGES: usize = 20_000;
/// Spans read at once: a daemon that is started anew every hour for a year.
const MAX_RUNS: usize = 10_000;
/// Rows between two looks at the clock.
const LOOK: usize = 256;

/// The version that began to keep hours.
const SINCE_VERSION: i64 = 5;

pub(super) const RUNS: &str =
    "SELECT began, until, fresh FROM runs WHERE until >= ?1 AND began < ?2 ORDER BY began LIMIT ?3";

/// The process that began last before the span: what it said before is carried into it, what others said is not. One whose time
/// another has passed again, after the clock was set back, is none.
pub(super) const PROCESS: &str = "SELECT began, until, fresh FROM runs r WHERE began < ?1 AND fresh = 1
     AND NOT EXISTS (SELECT 1 FROM runs o WHERE o.began < r.began AND o.until >= r.until) ORDER BY began DESC LIMIT 1";

pub(super) const HOURS: &str = "SELECT h.hour, s.check_name, s.quantity, h.count, h.mean, h.min, h.max, h.minutes
     FROM hours h CROSS JOIN series s ON s.id = h.series WHERE h.hour >= ?1 AND h.hour < ?2 ORDER BY h.hour DESC LIMIT ?3";

/// What was said last before the span and since a moment: in the order of the rows, not of a clock that may have been set back.
pub(super) const BEFORE: &str = "SELECT at, profile, old, new, codes, settling, id FROM transitions WHERE id =
     (SELECT max(+id) FROM transitions WHERE subject = ?1 AND name IS ?2 AND at >= ?3 AND at < ?4)";

pub(super) const CHANGES: &str = "SELECT at, profile, old, new, codes, settling, id FROM transitions
     WHERE subject = ?1 AND name IS ?2 AND at >= ?3 AND at < ?4 ORDER BY at, id LIMIT ?5";

impl Store {
    /// What is remembered of what is asked: hours of the line, changes of verdict, and when anybody watched. Bounded in rows
    /// ([`Past::cut`]), and in time by `until` on the store's clock.
    ///
    /// # Errors
    /// If the disk cannot be read, or not in time.
    pub async fn past(&self, wanted: Wanted, until: Mono) -> Result<Past, StoreError> {
        let clock = self.0.clock;
        let late = move || clock.mono() > until;
        self.read(move |db, catalogue| read(db, catalogue, &wanted, &late)).await?.ok_or(StoreError::Slow)
    }
}

/// Reads it; `None` if it was `late` before all was read.
pub(super) fn read(
    db: &Connection,
    catalogue: &Catalogue,
    wanted: &Wanted,
    late: &dyn Fn() -> bool,
) -> rusqlite::Result<Option<Past>> {
    // One state of the file: what the writer does meanwhile is not half in it.
    let db = db.unchecked_transaction()?;
    gather(&db, catalogue, wanted, late)
}

pub(super) fn gather(
    db: &Connection,
    catalogue: &Catalogue,
    wanted: &Wanted,
    late: &dyn Fn() -> bool,
) -> rusqlite::Result<Option<Past>> {
    let (since, until) = (micros(wanted.since), micros(wanted.until));
    let mut past = Past::default();
    let run = |row: &Row<'_>| Ok(Run { began: moment(row.get(0)?), until: moment(row.get(1)?), fresh: row.get(2)? });
    let process = db.prepare_cached(PROCESS)?.query_row([since], run).optional()?;
    let mut statement = db.prepare_cached(RUNS)?;
    let runs = statement.query_map(params![since, until, limit(MAX_RUNS)], run)?;
    past.runs = runs.collect::<rusqlite::Result<_>>()?;
    if let Some(process) = process.filter(|process| !past.runs.contains(process)) {
        past.runs.insert(0, process);
    }
    past.cut |= past.runs.len() > MAX_RUNS;
    let (runs, within) = in_force::runs(std::mem::take(&mut past.runs));
    past.runs = runs;
    // The newest first: where not all have room, the oldest are left out.
    for (from, to) in wanted.hours.iter().rev() {
        let room = MAX_HOURS.saturating_sub(past.hours.len());
        let mut statement = db.prepare_cached(HOURS)?;
        let mut found = statement.query(params![from, to, limit(room)])?;
        let mut count = 0;
        while let Some(row) = found.next()? {
            count += 1;
            if count % LOOK == 0 && late() {
                return Ok(None);
            }
            past.hours.extend(hour(row, catalogue)?);
        }
        past.cut |= count > room;
        if late() {
            return Ok(None);
        }
    }
    past.hours.reverse();
    for subject in &wanted.subjects {
        let (sort, name) = subject_columns(subject);
        let mut rows = Vec::new();
        let mut statement = db.prepare_cached(BEFORE)?;
        // Where the process has said nothing yet, others did: the subject is known, and its state is not.
        for from in [process.map_or(i64::MIN, |process| micros(process.began)), i64::MIN] {
            let mut found = statement.query(params![sort, name, from, since])?;
            if let Some(row) = found.next()? {
                rows.extend(numbered(row, subject, catalogue)?);
                break;
            }
        }
        let mut statement = db.prepare_cached(CHANGES)?;
        let mut found = statement.query(params![sort, name, since, until, limit(MAX_CHANGES)])?;
        let mut count = 0;
        while let Some(row) = found.next()? {
            count += 1;
            if count % LOOK == 0 && late() {
                return Ok(None);
            }
            rows.extend(numbered(row, subject, catalogue)?);
        }
        if count > MAX_CHANGES {
            past.cut = true;
            // What was said last of those that are read is not carried over those that are not.
            let last = rows.last().map(|(_, last)| Transition {
                from: last.to,
                to: Verdict::Unknown,
                codes: Vec::new(),
                ..last.clone()
            });
            rows.extend(last.map(|unread| (i64::MAX, unread)));
        }
        past.changes.push((subject.clone(), in_force::changes(rows, &past.runs, &within)));
    }
    Ok(Some(past))
}

/// One more than is told, so that it shows whether there was more.
fn limit(rows: usize) -> i64 {
    i64::try_from(rows + 1).unwrap_or(i64::MAX)
}

/// A row of a quantity that this version does not know, or of one that says nothing of the line any more, is left out.
fn hour(row: &Row<'_>, catalogue: &Catalogue) -> rusqlite::Result<Option<Hour>> {
    let quantity: String = row.get(2)?;
    let figure = if quantity == LOSS.name {
        LOSS.figure
    } else {
        (catalogue.quantity)(&quantity).and_then(|known| known.figure)
    };
    let Some(figure) = figure else { return Ok(None) };
    let check: String = row.get(1)?;
    Ok(Some(Hour {
        hour: row.get(0)?,
        check: check.into(),
        figure,
        count: u64::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
        mean: row.get(4)?,
        min: row.get(5)?,
        max: row.get(6)?,
        minutes: Sketch::from_bytes(row.get_ref(7)?.as_blob().unwrap_or_default()),
    }))
}

/// A change with its row's number.
fn numbered(row: &Row<'_>, subject: &Subject, catalogue: &Catalogue) -> rusqlite::Result<Option<(i64, Transition)>> {
    let number = row.get(6)?;
    Ok(change(row, subject, catalogue)?.map(|change| (number, change)))
}

pub(super) fn change(row: &Row<'_>, subject: &Subject, catalogue: &Catalogue) -> rusqlite::Result<Option<Transition>> {
    let (from, to, codes): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let (Some(from), Some(to)) = (Verdict::parse(&from), Verdict::parse(&to)) else { return Ok(None) };
    Ok(Some(Transition {
        subject: subject.clone(),
        profile: row.get(1)?,
        from,
        to,
        at: moment(row.get(0)?),
        codes: rows::codes(&codes, catalogue, &mut 0),
        settling: row.get(5)?,
    }))
}

/// Reads it from outside the daemon, from the state folder `folder`: also while a daemon writes. Blocks, without a deadline.
///
/// # Errors
/// If there is no database of this version, or it cannot be read.
pub fn read_from(folder: &Path, wanted: &Wanted, catalogue: &Catalogue) -> Result<Past, RecordingError> {
    let past = recording::ask(folder, SINCE_VERSION, |db| gather(db, catalogue, wanted, &|| false))?;
    Ok(past.unwrap_or_default())
}
