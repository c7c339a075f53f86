//! Reports as they were made, in a chain: whoever changes one, or takes one out of the middle, breaks it for all that follow.
//!
//! What a chain cannot show is that its newest rows were cut off: for that the newest hash must be known elsewhere, and so the log has
//! each.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use ring::digest;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::recording::{self, RecordingError};
use super::rows::{micros, moment};
use super::{Store, StoreError};
use crate::domain::record::{Around, Record};

/// The version that began to keep them.
const SINCE_VERSION: i64 = 12;
/// What stands before the first.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A report to be kept. Its `Debug` does not print it: it has people's names in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Filed {
    /// Of which session.
    pub session: String,
    /// When that began.
    pub start: Timestamp,
    /// When the report was made.
    pub made_at: Timestamp,
    /// Its JSON.
    pub body: String,
}

impl std::fmt::Debug for Filed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filed").field("session", &self.session).field("start", &self.start).finish_non_exhaustive()
    }
}

/// All that are kept, oldest first, and where their chain breaks.
#[derive(Debug)]
pub struct Chain {
    /// The reports, each with its number and its hash.
    pub kept: Vec<(i64, Filed, String)>,
    /// The number of the first that is not what it was, or is not where it was.
    pub broken: Option<i64>,
}

/// Of a report that follows one with the hash `previous`: SHA-256 of its fields, each with its length before it, in hex.
fn hash(previous: &str, filed: &Filed) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    let (start, made_at) = (micros(filed.start).to_string(), micros(filed.made_at).to_string());
    for field in [previous, &filed.session, &start, &made_at, &filed.body] {
        context.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(field.as_bytes());
    }
    let digest = context.finish();
    digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Appends one; gives its hash, or nothing if there is one of this meeting already.
pub(super) fn file(db: &Connection, filed: &Filed) -> rusqlite::Result<Option<String>> {
    let there = db
        .prepare_cached("SELECT 1 FROM reports WHERE session = ?1 AND start = ?2")?
        .exists(params![filed.session, micros(filed.start)])?;
    if there {
        return Ok(None);
    }
    let newest: Option<(i64, String)> = db
        .prepare_cached("SELECT seq, hash FROM reports ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (seq, previous) = newest.map_or((1, NOTHING.to_owned()), |(seq, hash)| (seq + 1, hash));
    let hash = hash(&previous, filed);
    db.prepare_cached(
        "INSERT INTO reports (seq, session, start, made_at, body, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        seq,
        filed.session,
        micros(filed.start),
        micros(filed.made_at),
        filed.body,
        previous,
        hash
    ])?;
    Ok(Some(hash))
}

/// What is kept in the state folder `folder`, also while a daemon writes. Blocks.
///
/// # Errors
/// If there is no database that keeps reports, or it cannot be read.
pub fn reports_from(folder: &Path) -> Result<Chain, RecordingError> {
    recording::ask(folder, SINCE_VERSION, |db| {
        let mut statement =
            db.prepare("SELECT seq, session, start, made_at, body, previous, hash FROM reports ORDER BY seq")?;
        let rows = statement.query_map([], |row: &Row<'_>| {
            let filed = Filed {
                session: row.get(1)?,
                start: moment(row.get(2)?),
                made_at: moment(row.get(3)?),
                body: row.get(4)?,
            };
            Ok((row.get::<_, i64>(0)?, filed, row.get::<_, String>(5)?, row.get::<_, String>(6)?))
        })?;
        let (mut kept, mut broken, mut before) = (Vec::new(), None, (0, NOTHING.to_owned()));
        for row in rows {
            let (seq, filed, previous, own) = row?;
            let fits = seq == before.0 + 1 && previous == before.1 && own == hash(&previous, &filed);
            if !fits && broken.is_none() {
                broken = Some(seq);
            }
            before = (seq, own.clone());
            kept.push((seq, filed, own));
        }
        Ok(Chain { kept, broken })
    })
}

impl Store {
    /// All that is stored of one session, up to `now`; `None` if there is none of this id.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn record_of(&self, id: &str, around: Around, now: Timestamp) -> Result<Option<Record>, StoreError> {
        let id = id.to_owned();
        self.read(move |db, catalogue| super::record::record(db, &id, around, now, catalogue)).await
    }

    /// Keeps a report: on the disk before this returns. Gives its hash, or nothing if one of this meeting is kept already.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub async fn file_report(&self, filed: Filed) -> Result<Option<String>, StoreError> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        if self.is_stuck() {
            return Err(StoreError::Stuck);
        }
        self.send(super::writer::Command::File(Box::new(filed), answer))?;
        self.wait(answered).await?
    }
}
