//! The statements that write.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::Batch;
use super::history::Kept;
use super::hourly::put_hour;
use super::rollup::{MinuteRow, Series};
use super::rows::{codes_json, micros, moment, reasons_json, said_json, subject_columns};
use super::told::{put_silence, put_told};
use super::{sessions, sheets};
use crate::domain::{Act, GiveUp, Incident, Notification, Observation, Standing, Transition};

type Done = rusqlite::Result<()>;

/// One thing that must reach the disk.
#[derive(Debug)]
pub(super) enum Op {
    Record(Batch),
    /// So many times since it was written down last.
    Failed {
        key: String,
        error: String,
        next_attempt_at: Timestamp,
        times: u32,
    },
    Delivered {
        key: String,
        spoken: Option<String>,
        at: Timestamp,
    },
    GivenUp {
        key: String,
        why: GiveUp,
        error: String,
        at: Timestamp,
    },
}

impl Op {
    /// What sort of thing it is, for the log: what is in it may be a person's name, or a message to somebody.
    pub(super) const fn sort(&self) -> &'static str {
        match self {
            Self::Record(batch) if batch.acts.is_empty() => "what happened",
            Self::Record(_) => "an act for the audit",
            Self::Failed { .. } => "an attempt that failed",
            Self::Delivered { .. } => "a delivery",
            Self::GivenUp { .. } => "a message given up",
        }
    }
}

pub(super) fn apply(db: &Connection, op: &Op) -> Done {
    match op {
        Op::Record(batch) => {
            batch.transitions.iter().try_for_each(|transition| put_transition(db, transition))?;
            batch.standings.iter().try_for_each(|standing| put_standing(db, standing))?;
            batch.incidents.iter().try_for_each(|incident| put_incident(db, incident))?;
            batch.notifications.iter().try_for_each(|notification| put_notification(db, notification))?;
            batch.told.iter().try_for_each(|(incident, state)| put_told(db, incident, state.as_deref()))?;
            batch.silences.iter().try_for_each(|silence| put_silence(db, silence))?;
            batch.sessions.iter().try_for_each(|session| sessions::put(db, session))?;
            batch.notices.iter().try_for_each(|notice| sessions::put_notice(db, notice))?;
            batch.sheets.entries.iter().try_for_each(|entry| sheets::put(db, entry))?;
            batch.sheets.told.iter().try_for_each(|told| sheets::put_told(db, told))?;
            batch.acts.iter().try_for_each(|act| put_act(db, act))
        }
        Op::Failed { key, error, next_attempt_at, times } => db
            .prepare_cached(
                "UPDATE outbox SET attempts = attempts + ?4, last_error = ?2, next_attempt_at = ?3 WHERE key = ?1",
            )?
            .execute(params![key, error, micros(*next_attempt_at), times])
            .map(drop),
        Op::Delivered { key, spoken, at } => db
            .prepare_cached("UPDATE outbox SET attempts = attempts + 1, done_at = ?2, spoken = ?3 WHERE key = ?1")?
            .execute(params![key, micros(*at), spoken])
            .map(drop),
        Op::GivenUp { key, why, error, at } => db
            .prepare_cached("UPDATE outbox SET given_up = ?2, last_error = ?3, done_at = ?4 WHERE key = ?1")?
            .execute(params![key, why.as_str(), error, micros(*at)])
            .map(drop),
    }
}

fn put_transition(db: &Connection, transition: &Transition) -> Done {
    let (subject, name) = subject_columns(&transition.subject);
    db.prepare_cached(
        "INSERT INTO transitions (at, subject, name, profile, old, new, codes, settling)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        micros(transition.at),
        subject,
        name,
        transition.profile,
        transition.from.as_str(),
        transition.to.as_str(),
        codes_json(&transition.codes),
        transition.settling,
    ])
    .map(drop)
}

fn put_standing(db: &Connection, standing: &Standing) -> Done {
    let (subject, name) = subject_columns(&standing.subject);
    db.prepare_cached(
        "INSERT INTO standing (subject, name, profile, verdict, since, reasons) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET profile = excluded.profile, verdict = excluded.verdict, since = excluded.since,
             reasons = excluded.reasons",
    )?
    .execute(params![
        subject,
        name,
        standing.profile,
        standing.verdict.as_str(),
        micros(standing.since),
        reasons_json(&standing.reasons),
    ])
    .map(drop)
}

fn put_incident(db: &Connection, incident: &Incident) -> Done {
    db.prepare_cached(
        "INSERT INTO incidents (id, component, worst, verdict, reasons, opened_at, closed_at, settling)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (id) DO UPDATE SET worst = excluded.worst, verdict = excluded.verdict, reasons = excluded.reasons,
             closed_at = excluded.closed_at, settling = excluded.settling",
    )?
    .execute(params![
        incident.id,
        incident.component.as_str(),
        incident.worst.as_str(),
        incident.verdict.as_str(),
        reasons_json(&incident.reasons),
        micros(incident.opened_at),
        incident.closed_at.map(micros),
        incident.settling,
    ])
    .map(drop)
}

fn put_notification(db: &Connection, notification: &Notification) -> Done {
    db.prepare_cached(
        "INSERT INTO outbox (key, receiver, incident, payload, created_at, attempts, next_attempt_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (key) DO NOTHING",
    )?
    .execute(params![
        notification.key,
        notification.receiver,
        notification.incident,
        notification.payload,
        micros(notification.created_at),
        notification.attempts,
        micros(notification.next_attempt_at),
    ])
    .map(drop)
}

/// An act that is ordered again under its key is the same act: what was done stays done, and what was refused may be done yet.
pub(super) fn put_act(db: &Connection, act: &Act) -> Done {
    db.prepare_cached(
        "INSERT INTO audit (key, at, actor, via, action, subject, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (key) DO UPDATE SET at = excluded.at, outcome = excluded.outcome
             WHERE audit.outcome IS NULL OR audit.outcome LIKE 'refused:%'",
    )?
    .execute(params![
        act.key,
        micros(act.at),
        act.actor.name,
        act.actor.via.as_str(),
        act.action,
        act.subject,
        act.outcome
    ])
    .map(drop)
}

/// Every notification that has not arrived, oldest first.
pub(super) fn undelivered(db: &Connection) -> rusqlite::Result<Vec<Notification>> {
    let mut statement = db.prepare_cached(
        "SELECT key, receiver, incident, payload, created_at, attempts, next_attempt_at
         FROM outbox WHERE done_at IS NULL ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Notification {
            key: row.get(0)?,
            receiver: row.get(1)?,
            incident: row.get(2)?,
            payload: row.get(3)?,
            created_at: moment(row.get(4)?),
            attempts: row.get(5)?,
            next_attempt_at: moment(row.get(6)?),
        })
    })?;
    rows.collect()
}

pub(super) fn put_observation(db: &Connection, observation: &Observation) -> Done {
    db.prepare_cached(
        "INSERT INTO last_observations (check_name, at, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (check_name) DO UPDATE SET at = excluded.at, body = excluded.body",
    )?
    .execute(params![observation.check.as_str(), micros(observation.at.wall), said_json(observation)])
    .map(drop)
}

/// Writes one observation of the history. A check is not observed twice in a microsecond, unless the wall clock was set
/// back: then the newer one stays.
pub(super) fn put_kept(db: &Connection, kept: &Kept) -> Done {
    let observation = &kept.observation;
    db.prepare_cached(
        "INSERT OR REPLACE INTO observations (at, check_name, body, left_out, quiet_from, quiet_to)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        micros(observation.at.wall),
        observation.check.as_str(),
        said_json(observation),
        kept.left_out,
        micros(kept.quiet.0),
        micros(kept.quiet.1),
    ])
    .map(drop)
}

/// Writes one minute. A minute that is there already (a restart within it, a wall clock set back) is merged with: exactly
/// for count, min, max and mean; the quantiles are those of the part with more values. What says something of the line goes
/// into its hour too; `false` if there is no room for it there.
pub(super) fn put_minute(db: &Connection, row: &MinuteRow) -> rusqlite::Result<bool> {
    let series = series(db, &row.series)?;
    db.prepare_cached(
        "INSERT INTO minutes (minute, series, count, min, max, mean, p50, p95) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO UPDATE SET
             p50 = iif(excluded.count > count, excluded.p50, p50),
             p95 = iif(excluded.count > count, excluded.p95, p95),
             mean = (mean * count + excluded.mean * excluded.count) / (count + excluded.count),
             min = min(min, excluded.min),
             max = max(max, excluded.max),
             count = count + excluded.count",
    )?
    .execute(params![row.minute, series, row.count, row.min, row.max, row.mean, row.p50, row.p95])?;
    put_hour(db, row, series)
}

fn series(db: &Connection, series: &Series) -> rusqlite::Result<i64> {
    let columns = params![series.check.as_str(), series.quantity, series.part.as_deref().unwrap_or("")];
    let mut find = db.prepare_cached("SELECT id FROM series WHERE check_name = ?1 AND quantity = ?2 AND part = ?3")?;
    match find.query_row(columns, |row| row.get(0)) {
        Err(rusqlite::Error::QueryReturnedNoRows) => db
            .prepare_cached("INSERT INTO series (check_name, quantity, part) VALUES (?1, ?2, ?3) RETURNING id")?
            .query_row(columns, |row| row.get(0)),
        other => other,
    }
}

/// An answer, and what it answers.
#[derive(Debug)]
pub(super) struct EvidenceRow {
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) question: String,
    pub(super) answer: String,
}

/// Stores evidence; what is there already is left as it is.
pub(super) fn put_evidence(db: &Connection, row: &EvidenceRow) -> Done {
    db.prepare_cached(
        "INSERT INTO evidence (id, at, question, answer) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING",
    )?
    .execute(params![row.id, micros(row.at), row.question, row.answer])
    .map(drop)
}
