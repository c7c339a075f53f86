//! Reports as they were made, and what people wrote of the meetings afterwards, in one chain: whoever changes one, or takes one out of the
//! middle, breaks it for all that follow.
//!
//! What a chain cannot show is that its newest rows were cut off: for that the newest hash must be known elsewhere, and so the log has
//! each. Nothing of it is ever deleted: a report is what the office keeps.

use std::path::Path;

use jiff::Timestamp;
use ring::digest;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Deserialize;

use super::recording::{self, RecordingError};
use super::retention::{BELIEVED, is_believed};
use super::rows::{micros, moment};
use super::{Store, StoreError};
use crate::domain::link::{Filed, KeptMeeting, Kind, Link};
use crate::domain::record::{Around, Record};
use crate::domain::{Occasion, hex};

/// The version that began to keep them so.
const SINCE_VERSION: i64 = 14;
/// What stands before the first.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const COLUMNS: &str = "seq, kind, session, start, made_at, body, previous, hash";
/// Of a row of `reports`: that it is a report which is not withdrawn.
pub(super) const STANDS: &str = "(reports.kind = 'report' AND NOT EXISTS (SELECT 1 FROM reports AS later
    WHERE later.session = reports.session AND later.start = reports.start AND later.kind = 'withdrawal' AND later.seq > reports.seq))";

/// Of a row of `reports` that was made after `?1`: that somebody had watched for as long as `?2` by the clock that it was made by, at a
/// stretch or, on a machine that is off or asleep at night, in all that lies after `?1`; or at a stretch from `?1` on, which one that leaps
/// ahead ends. Then it is not that clock which is ahead, but the one that says `?1` is behind: a battery ran out, and nobody has set it
/// yet, or somebody has set it back.
const WAS_BELIEVED: &str =
    "(EXISTS (SELECT 1 FROM runs WHERE runs.began <= max(made_at - ?2, ?1) AND runs.until >= made_at)
    OR (SELECT coalesce(sum(min(runs.until, made_at) - max(runs.began, ?1)), 0) FROM runs
        WHERE runs.until > ?1 AND runs.began < made_at) >= ?2)";

/// A report that was made by a clock that was ahead: its session, when that begins, the report's hash.
pub type MadeAhead = (String, Timestamp, String);

/// All that are kept, oldest first, and where their chain breaks.
#[derive(Debug)]
pub struct Chain {
    /// The links, without their bodies.
    pub kept: Vec<Link>,
    /// The number of the first that is not what it was, or is not where it was.
    pub broken: Option<i64>,
    /// Evidence that is not what it was when a report named it: the report's number, and the evidence's id.
    pub altered: Vec<(i64, String)>,
}

/// Of a link that follows one with the hash `previous`: SHA-256 of its fields, each with its length before it, in hex.
fn hash(previous: &str, filed: &Filed) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    let (start, made_at) = (micros(filed.start).to_string(), micros(filed.made_at).to_string());
    for field in [previous, &filed.session, &start, &made_at, &filed.body] {
        context.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(field.as_bytes());
    }
    hex(context.finish().as_ref())
}

/// SHA-256 of what is kept under an evidence's id, in hex: its question, a line feed, its answer.
pub(super) fn evidence_digest(db: &Connection, id: &str) -> rusqlite::Result<Option<String>> {
    let kept: Option<String> = db
        .prepare_cached("SELECT question || char(10) || answer FROM evidence WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(kept.map(|text| hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())))
}

/// Appends one; gives its hash, or nothing if there is a report of this meeting already, or somebody wrote the very same.
pub(super) fn file(db: &Connection, filed: &Filed) -> rusqlite::Result<Option<String>> {
    let there = db
        .prepare_cached(&format!(
            "SELECT 1 FROM reports WHERE session = ?1 AND start = ?2 AND kind = ?3 AND ({STANDS} OR (kind <> 'report' AND body = ?4))"
        ))?
        .exists(params![filed.session, micros(filed.start), filed.kind.as_str(), filed.body])?;
    if there {
        return Ok(None);
    }
    if filed.kind == Kind::Withdrawal {
        // It was not held, and whoever has it in mind is still to be told of what becomes of it.
        db.prepare_cached("DELETE FROM session_notices WHERE session = ?1 AND start = ?2 AND occasion = ?3")?
            .execute(params![filed.session, micros(filed.start), Occasion::Reported.word()])?;
    }
    let newest: Option<(i64, String)> = db
        .prepare_cached("SELECT seq, hash FROM reports ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (seq, previous) = newest.map_or((1, NOTHING.to_owned()), |(seq, hash)| (seq + 1, hash));
    let hash = hash(&previous, filed);
    db.prepare_cached(&format!("INSERT INTO reports ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"))?.execute(
        params![
            seq,
            filed.kind.as_str(),
            filed.session,
            micros(filed.start),
            micros(filed.made_at),
            filed.body,
            previous,
            hash
        ],
    )?;
    Ok(Some(hash))
}

/// What a body says of itself.
#[derive(Default, Deserialize)]
struct Said {
    schema: String,
    #[serde(default)]
    looks: Vec<Looked>,
}

#[derive(Deserialize)]
struct Looked {
    evidence_id: Option<String>,
    evidence_sha256: Option<String>,
}

fn link(row: &Row<'_>) -> rusqlite::Result<Link> {
    let word: String = row.get(1)?;
    let kind = Kind::parse(&word);
    let filed = Filed {
        kind: kind.unwrap_or(Kind::Evaluation),
        session: row.get(2)?,
        start: moment(row.get(3)?),
        made_at: moment(row.get(4)?),
        body: row.get(5)?,
    };
    let (previous, own): (String, String) = (row.get(6)?, row.get(7)?);
    let intact = kind.is_some() && own == hash(&previous, &filed);
    Ok(Link { seq: row.get(0)?, filed, hash: own, intact, previous })
}

/// All that is kept in the state folder `folder`, also while a daemon writes. Blocks.
///
/// # Errors
/// If there is no database that keeps reports, or it cannot be read.
pub fn reports_from(folder: &Path) -> Result<Chain, RecordingError> {
    recording::ask(folder, SINCE_VERSION, chain)
}

pub(super) fn chain(db: &Connection) -> rusqlite::Result<Chain> {
    let mut statement = db.prepare(&format!("SELECT {COLUMNS} FROM reports ORDER BY seq"))?;
    let rows = statement.query_map([], link)?;
    let mut chain = Chain { kept: Vec::new(), broken: None, altered: Vec::new() };
    let mut before = (0, NOTHING.to_owned());
    for row in rows {
        let mut link = row?;
        let said: Said = serde_json::from_str(&link.filed.body).unwrap_or_default();
        let is_its_kind = said.schema.strip_prefix("siaga.") == Some(link.filed.kind.as_str());
        let fits = link.intact && is_its_kind && link.seq == before.0 + 1 && link.previous == before.1;
        if !fits && chain.broken.is_none() {
            chain.broken = Some(link.seq);
        }
        for look in said.looks {
            let (Some(id), Some(then)) = (look.evidence_id, look.evidence_sha256) else { continue };
            // What is not kept any more is not altered.
            if evidence_digest(db, &id)?.is_some_and(|now| now != then) {
                chain.altered.push((link.seq, id));
            }
        }
        before = (link.seq, link.hash.clone());
        // Years of them are more than one wants in memory at once.
        link.filed.body = String::new();
        chain.kept.push(link);
    }
    Ok(chain)
}

/// A month's meetings as they are kept.
#[derive(Debug)]
pub struct KeptMonth {
    /// Their reports, oldest first.
    pub reports: Vec<Link>,
    /// Meetings that ended, and of which none is kept.
    pub unreported: u64,
    /// Meetings that were cancelled.
    pub cancelled: u64,
}

/// The meetings that began in `since <= start < until` and ended before `now`, from the state folder `folder`. Blocks.
///
/// # Errors
/// If there is no database that keeps reports, or it cannot be read.
pub fn month_from(
    folder: &Path,
    (since, until): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<KeptMonth, RecordingError> {
    recording::ask(folder, SINCE_VERSION, |db| {
        let mut statement = db.prepare(&format!(
            "SELECT {COLUMNS} FROM reports WHERE {STANDS} AND start >= ?1 AND start < ?2 ORDER BY start, seq"
        ))?;
        let reports = statement.query_map([micros(since), micros(until)], link)?.collect::<rusqlite::Result<_>>()?;
        let reported = format!(
            "EXISTS (SELECT 1 FROM reports WHERE reports.session = sessions.id AND reports.start = sessions.start AND {STANDS})"
        );
        let (unreported, cancelled) = db.query_row(
            &format!(
                "SELECT count(*) FILTER (WHERE booking = 'booked' AND until <= ?3 AND NOT {reported}),
                 count(*) FILTER (WHERE booking = 'cancelled' AND NOT {reported})
                 FROM sessions WHERE start >= ?1 AND start < ?2"
            ),
            [micros(since), micros(until), micros(now)],
            |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs())),
        )?;
        Ok(KeptMonth { reports, unreported, cancelled })
    })
}

/// What is kept in the state folder `folder` of the newest meeting under this id, also while a daemon writes. Blocks.
///
/// # Errors
/// If there is no database that keeps reports, or it cannot be read.
pub fn kept_from(folder: &Path, session: &str) -> Result<Option<KeptMeeting>, RecordingError> {
    recording::ask(folder, SINCE_VERSION, |db| kept(db, session))
}

fn kept(db: &Connection, session: &str) -> rusqlite::Result<Option<KeptMeeting>> {
    let report = db
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM reports WHERE session = ?1 AND {STANDS} ORDER BY start DESC LIMIT 1"
        ))?
        .query_row([session], link)
        .optional()?;
    let Some(report) = report else { return Ok(None) };
    let mut statement = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM reports WHERE session = ?1 AND start = ?2 AND kind = 'evaluation' ORDER BY seq"
    ))?;
    let evaluations = statement.query_map(params![session, micros(report.filed.start)], link)?;
    Ok(Some(KeptMeeting { evaluations: evaluations.collect::<rusqlite::Result<_>>()?, report }))
}

impl Store {
    /// All that is stored of one session, up to `now`; `None` if there is none of this id.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn record_of(&self, id: &str, around: Around, now: Timestamp) -> Result<Option<Record>, StoreError> {
        let id = id.to_owned();
        self.read(move |db, catalogue| {
            // One state of the file for all of it.
            let db = db.unchecked_transaction()?;
            super::record::record(&db, &id, around, now, catalogue)
        })
        .await
    }

    /// What is kept of the newest meeting under this id.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn kept(&self, session: &str) -> Result<Option<KeptMeeting>, StoreError> {
        let session = session.to_owned();
        self.read(move |db, _| kept(db, &session)).await
    }

    /// The reports that stand and were made later than `now`, by a clock that was ahead, of meetings that were not over at `since`, the
    /// next first: session, beginning and hash, at most `limit`. Not to be said by a clock that is not believed, `None`: by one that is
    /// years behind all were made ahead of it. One that is believed may be behind too, and has no say about those that were made by
    /// another by which somebody had watched for as long.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn made_ahead(
        &self,
        since: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> Result<Option<Vec<MadeAhead>>, StoreError> {
        self.read(move |db, _| {
            if !is_believed(db, now)? {
                return Ok(None);
            }
            let long = i64::try_from(BELIEVED.as_micros()).unwrap_or(i64::MAX);
            let mut statement = db.prepare(&format!(
                "SELECT session, reports.start, hash FROM sessions JOIN reports
                 ON reports.session = sessions.id AND reports.start = sessions.start
                 WHERE until > ?3 AND made_at > ?1 AND {STANDS} AND NOT {WAS_BELIEVED} ORDER BY until LIMIT ?4"
            ))?;
            let found = |row: &Row<'_>| Ok((row.get(0)?, moment(row.get(1)?), row.get(2)?));
            let rows = statement.query_map(params![micros(now), long, micros(since), limit], found)?;
            rows.collect::<rusqlite::Result<_>>().map(Some)
        })
        .await
    }

    /// Keeps a link of the chain: on the disk before this returns. Gives its hash, or nothing if a report of this meeting is kept
    /// already, or somebody wrote the very same of it.
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
