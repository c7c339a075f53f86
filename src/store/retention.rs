//! How long rows are kept, and how they go.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Deserialize;

use super::rows::micros;
use super::{Store, StoreError};
use crate::domain::Period;
use crate::domain::past::HOUR;

/// How long rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Changes of verdict, incidents after their end, hours of the line, and when anybody watched: a year and a month, so that
    /// this month can be held against the same one last year. An hour and figure is some 200 bytes: ten of them make 20 MB. Of each
    /// subject the newest change that is older stays too: it says what held when those that are kept begin, and may hold still.
    pub transitions: Period,
    /// Answers to the scheduler: three months, the time in which somebody asks why; and never more than the newest 20 000. What a booked
    /// meeting names is kept as long as the meeting.
    pub evidence: Period,
    /// Minutes: a month. About 60 bytes a minute and quantity: a hundred quantities make 0.3 GB.
    pub minutes: Period,
    /// Observations, to be judged again: a week, in which somebody asks what another config would have said. Half a
    /// kilobyte each, one a minute for each check: 10 MB a day with fifteen checks.
    pub observations: Period,
    /// Notifications that have arrived or were given up.
    pub outbox: Period,
    /// Who asked for what: as long as the changes it may have to do with; and never more than the newest 100 000.
    pub audit: Period,
    /// Sessions after their end, with their run sheets and the names of who was assigned to them.
    pub sessions: Period,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Period(Duration::from_hours(days * 24));
        Self {
            transitions: days(400),
            evidence: days(90),
            minutes: days(30),
            observations: days(7),
            outbox: days(90),
            audit: days(400),
            sessions: days(400),
        }
    }
}

/// Rows deleted from one table at a time: some milliseconds, behind which an alert may have to wait.
pub(super) const PRUNE: usize = 500;

/// Answers kept at most, whatever their age: a scheduler that asks twice a minute for a week, some 300 MB. One that asks
/// without pause, each time of a newer snapshot, must not fill the disk.
const MAX_EVIDENCE: i64 = 20_000;

/// Rows of the audit kept at most, whatever their age: a program that asks in a loop must not fill the disk.
const MAX_AUDIT: i64 = 100_000;

/// Free pages that are kept for the next rows (4 MiB); what is beyond goes back to the file system, so many at once (1 MiB).
pub(super) const KEEP_FREE: i64 = 1024;
pub(super) const GIVE_BACK: i64 = 256;

/// A clock is believed where somebody watched by it so long ago, and within [`RECENT`]. One that is years ahead (a battery that ran
/// out, a month mistyped) makes all rows old at once, and nobody brings them back; a day later it is set right. Nobody hurries to have
/// rows deleted.
pub(super) const BELIEVED: Duration = Duration::from_hours(24);
/// A machine that is on once a week, for a meeting, is on in the same hour of the week before.
const RECENT: Duration = Duration::from_hours(8 * 24);

/// Whether the clock that says `now` has been the one by which was watched of late.
pub(super) fn is_believed(db: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
    let before = |ago: Duration| micros(now.checked_sub(ago).unwrap_or(Timestamp::MIN));
    db.prepare_cached("SELECT 1 FROM runs WHERE until > ?1 AND began <= ?2 LIMIT 1")?
        .exists([before(RECENT), before(BELIEVED)])
}

impl Store {
    /// Whether a clock that says `now` is believed: nothing is deleted for its age by one that is not, here or elsewhere.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn is_believed(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.read(move |db, _| is_believed(db, now)).await
    }
}

/// Deletes a little of what is older than its limit, if the clock is believed, and of what is beyond its number. Returns how many rows
/// went.
pub(super) fn prune(db: &Connection, retention: &Retention, now: Timestamp) -> rusqlite::Result<usize> {
    let now = if is_believed(db, now)? { now } else { Timestamp::MIN };
    let (mut gone, at_most) = (0, i64::try_from(PRUNE).unwrap_or(i64::MAX));
    for (statement, limit) in limits(retention, now) {
        gone += db.prepare_cached(statement)?.execute([limit, at_most])?;
    }
    Ok(gone)
}

/// Gives a little of the file that holds nothing any more back to the file system.
pub(super) fn give_back(db: &Connection) -> rusqlite::Result<()> {
    let free: i64 = db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    if free > KEEP_FREE {
        // It gives a row for each page, and stops where nobody asks for the next.
        db.pragma(None, "incremental_vacuum", GIVE_BACK, |_| Ok(()))?;
    }
    Ok(())
}

/// The statements that delete, each with its limit (`?1`); `?2` is how many rows at most.
pub(super) fn limits(retention: &Retention, now: Timestamp) -> [(&'static str, i64); 16] {
    let before = |keep: Period| micros(now.checked_sub(keep.0).unwrap_or(Timestamp::MIN));
    let minute = before(retention.minutes).div_euclid(60_000_000);
    let hour = before(retention.transitions).div_euclid(1_000_000 * HOUR);
    [
        (
            // Not what was said last of a subject before that: in the order of the rows, as it is read.
            "DELETE FROM transitions WHERE id IN (SELECT id FROM transitions AS t WHERE at < ?1 AND EXISTS
             (SELECT 1 FROM transitions AS n WHERE n.subject = t.subject AND n.name IS t.name
             AND n.at >= t.at AND n.at < ?1 AND n.id > t.id) ORDER BY at LIMIT ?2)",
            before(retention.transitions),
        ),
        (
            "DELETE FROM incidents WHERE id IN
             (SELECT id FROM incidents WHERE closed_at IS NOT NULL AND closed_at < ?1 ORDER BY closed_at LIMIT ?2)",
            before(retention.transitions),
        ),
        (
            "DELETE FROM outbox WHERE id IN
             (SELECT id FROM outbox WHERE done_at IS NOT NULL AND done_at < ?1 ORDER BY done_at LIMIT ?2)",
            before(retention.outbox),
        ),
        (
            "DELETE FROM evidence WHERE n IN (SELECT n FROM evidence AS e WHERE at < ?1 AND NOT EXISTS
             (SELECT 1 FROM session_notices WHERE evidence = e.id) ORDER BY at LIMIT ?2)",
            before(retention.evidence),
        ),
        (
            "DELETE FROM evidence WHERE n IN
             (SELECT n FROM evidence AS e WHERE n <= (SELECT max(n) FROM evidence) - ?1 AND NOT EXISTS
             (SELECT 1 FROM session_notices WHERE evidence = e.id) ORDER BY n LIMIT ?2)",
            MAX_EVIDENCE,
        ),
        (
            "DELETE FROM minutes WHERE (minute, series) IN
             (SELECT minute, series FROM minutes WHERE minute < ?1 ORDER BY minute LIMIT ?2)",
            minute,
        ),
        (
            "DELETE FROM hours WHERE (hour, series) IN
             (SELECT hour, series FROM hours WHERE hour < ?1 ORDER BY hour LIMIT ?2)",
            hour,
        ),
        (
            "DELETE FROM runs WHERE began IN (SELECT began FROM runs WHERE until < ?1 ORDER BY until LIMIT ?2)",
            before(retention.transitions),
        ),
        (
            "DELETE FROM observations WHERE (at, check_name) IN
             (SELECT at, check_name FROM observations WHERE at < ?1 ORDER BY at LIMIT ?2)",
            before(retention.observations),
        ),
        (
            "DELETE FROM silences WHERE id IN (SELECT id FROM silences WHERE until < ?1 ORDER BY until LIMIT ?2)",
            before(retention.audit),
        ),
        (
            "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?1 ORDER BY at LIMIT ?2)",
            before(retention.audit),
        ),
        (
            "DELETE FROM audit WHERE id IN
             (SELECT id FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1 ORDER BY id LIMIT ?2)",
            MAX_AUDIT,
        ),
        (
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE until < ?1 ORDER BY until LIMIT ?2)",
            before(retention.sessions),
        ),
        (
            // These go with their session, which is kept by its end: one of days has begun long before it is told of.
            "DELETE FROM session_notices WHERE (session, start, occasion) IN
             (SELECT session, start, occasion FROM session_notices AS n WHERE start < ?1 AND NOT EXISTS
             (SELECT 1 FROM sessions AS s WHERE s.id = n.session AND s.start = n.start) LIMIT ?2)",
            before(retention.sessions),
        ),
        (
            "DELETE FROM sheet_entries WHERE id IN
             (SELECT id FROM sheet_entries AS e WHERE start < ?1 AND NOT EXISTS
             (SELECT 1 FROM sessions AS s WHERE s.id = e.session AND s.start = e.start) ORDER BY start LIMIT ?2)",
            before(retention.sessions),
        ),
        (
            "DELETE FROM sheet_told WHERE (session, start, item, word) IN
             (SELECT session, start, item, word FROM sheet_told AS t WHERE start < ?1 AND NOT EXISTS
             (SELECT 1 FROM sessions AS s WHERE s.id = t.session AND s.start = t.start) LIMIT ?2)",
            before(retention.sessions),
        ),
    ]
}
