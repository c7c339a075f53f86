//! The recorded history, read from outside: also while a daemon writes, and never written to.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use super::Catalogue;
use super::open::{FILE, marks, newest_version, open_reader};
use super::read::transitions;
use super::rows::{self, micros, moment};
use crate::domain::{CheckName, Mono, Now, Observation, Subject, Transition};

/// The version that began to keep observations.
const SINCE_VERSION: i64 = 2;

/// An observation of the history, and those it stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// As it was, at its wall time, with the packets of those left out since the one before.
    pub observation: Observation,
    /// How many were left out since the one before, all of which said the same as that one.
    pub left_out: u32,
    /// The longest time without any since the one before.
    pub quiet: (Timestamp, Timestamp),
}

/// What was recorded in a span of time.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The newest of each check from before the span.
    pub before: Vec<Recorded>,
    /// Those of the span, oldest first.
    pub within: Vec<Recorded>,
    /// The room's changes up to the end of the span, oldest first: at most one of them from before it.
    pub room: Vec<Transition>,
    /// Rows that this version cannot read, and that were left out.
    pub skipped: u64,
}

/// Why there is no recording to be had.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// There is no file.
    #[error("{} is not there: has siaga run with this state folder? --state-dir names another one (the service's: /var/lib/siaga)", .0.display())]
    NoDatabase(PathBuf),
    /// It is not of siaga.
    #[error("{} belongs to another program", .0.display())]
    Foreign(PathBuf),
    /// A newer siaga wrote it.
    #[error("{} is of version {version}, and this siaga knows those up to {known}: use the siaga that wrote it", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
        /// The newest one known here.
        known: usize,
    },
    /// An older siaga wrote it, which did not keep what is asked for.
    #[error("{} is of version {version}, which did not keep this yet; \"siaga run\" brings it to this version and begins to", .path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// It cannot be read.
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

impl RecordingError {
    /// What whoever asked may do about it, where that is not said already: words to put behind.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "; run this as the user who runs the daemon, or as root",
            _ => "",
        }
    }
}

impl Recording {
    /// Reads what was recorded in `since <= at < until` in the state folder `folder`. Blocks.
    ///
    /// # Errors
    /// If there is no database of this version, or it cannot be read. A span without observations is no error.
    pub fn read(
        folder: &Path,
        (since, until): (Timestamp, Timestamp),
        catalogue: &Catalogue,
    ) -> Result<Self, RecordingError> {
        ask(folder, SINCE_VERSION, |db| read(db, catalogue, since, until))
    }

    /// The span that has something recorded in it; `None` if nothing has.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let first = self.within.first()?.observation.at.wall;
        let last = self.within.last()?.observation.at.wall;
        Some((first, last.max(self.room.last().map_or(last, |change| change.at))))
    }
}

/// Asks the database of a state folder something, in one transaction: what the daemon writes meanwhile is not half in it. Blocks.
///
/// # Errors
/// If there is no database of siaga's that can be read, or it is of a version before `since_version`.
pub(super) fn ask<T>(
    folder: &Path,
    since_version: i64,
    question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, RecordingError> {
    let path = folder.join(FILE);
    // A folder into which one may not look is not one without a database: that is for who opens it to say.
    if matches!(path.try_exists(), Ok(false)) {
        return Err(RecordingError::NoDatabase(path));
    }
    let unreadable = |source| RecordingError::Unreadable { path: path.clone(), source };
    let db = open_reader(&path).map_err(unreadable)?;
    let db = db.unchecked_transaction().map_err(unreadable)?;
    let (ours, version) = marks(&db).map_err(unreadable)?;
    let known = newest_version();
    match usize::try_from(version) {
        _ if !ours => return Err(RecordingError::Foreign(path)),
        Ok(of) if of > known => return Err(RecordingError::Newer { path, version, known }),
        _ if version < since_version => return Err(RecordingError::Older { path, version }),
        _ => {}
    }
    question(&db).map_err(unreadable)
}

fn read(db: &Connection, catalogue: &Catalogue, since: Timestamp, until: Timestamp) -> rusqlite::Result<Recording> {
    let mut recording = Recording::default();
    let mut statement = db.prepare(
        "SELECT at, check_name, body, left_out, quiet_from, quiet_to FROM observations
         JOIN (SELECT check_name, max(at) AS at FROM observations WHERE at < ?1 GROUP BY check_name)
         USING (at, check_name)",
    )?;
    let mut rows = statement.query([micros(since)])?;
    while let Some(row) = rows.next()? {
        let found = recorded(row, catalogue)?;
        recording.skipped += u64::from(found.is_none());
        recording.before.extend(found);
    }
    let mut statement = db.prepare(
        "SELECT at, check_name, body, left_out, quiet_from, quiet_to FROM observations
         WHERE at >= ?1 AND at < ?2 ORDER BY at, check_name",
    )?;
    let mut rows = statement.query([micros(since), micros(until)])?;
    while let Some(row) = rows.next()? {
        let found = recorded(row, catalogue)?;
        recording.skipped += u64::from(found.is_none());
        recording.within.extend(found);
    }
    recording.add_newest(db, catalogue, since, until)?;
    let last: Option<i64> =
        db.query_row("SELECT max(at) FROM transitions WHERE subject = 'room' AND at < ?1", [micros(since)], |row| {
            row.get(0)
        })?;
    let changes = transitions(db, catalogue, (last.map_or(since, moment), until), u32::MAX)?;
    recording.room = changes.into_iter().rev().filter(|change| change.subject == Subject::Room).collect();
    Ok(recording)
}

impl Recording {
    /// Adds the newest of each check: the minute that runs is not in the history yet. Those between are not known, so it
    /// stands for them as if none had been missing.
    fn add_newest(
        &mut self,
        db: &Connection,
        catalogue: &Catalogue,
        since: Timestamp,
        until: Timestamp,
    ) -> rusqlite::Result<()> {
        let mut kept: HashMap<CheckName, Timestamp> = HashMap::new();
        for recorded in self.before.iter().chain(&self.within) {
            kept.insert(recorded.observation.check.clone(), recorded.observation.at.wall);
        }
        let mut statement = db.prepare(
            "SELECT at, check_name, body, 0, at, at FROM last_observations WHERE at >= ?1 AND at < ?2 ORDER BY at",
        )?;
        let mut rows = statement.query([micros(since), micros(until)])?;
        while let Some(row) = rows.next()? {
            let Some(mut newest) = recorded(row, catalogue)? else { continue };
            match kept.get(&newest.observation.check) {
                Some(before) if *before >= newest.observation.at.wall => continue,
                Some(before) => (newest.left_out, newest.quiet) = (u32::MAX, (*before, *before)),
                None => {}
            }
            self.within.push(newest);
        }
        self.within.sort_by_key(|recorded| recorded.observation.at.wall);
        Ok(())
    }
}

fn recorded(row: &Row<'_>, catalogue: &Catalogue) -> rusqlite::Result<Option<Recorded>> {
    let (check, body): (String, String) = (row.get(1)?, row.get(2)?);
    let Some(said) = rows::said(&body, catalogue) else { return Ok(None) };
    // The moment on a monotonic scale is for whoever plays it to say.
    let at = Now { mono: Mono::ZERO, wall: moment(row.get(0)?) };
    let observation =
        Observation { check: check.into(), at, took: said.took, reading: said.reading, error: said.error };
    let quiet = (moment(row.get(4)?), moment(row.get(5)?));
    Ok(Some(Recorded { observation, left_out: row.get(3)?, quiet }))
}
