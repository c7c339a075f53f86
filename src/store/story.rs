//! What pages look back at: one incident's story, what was said on the radio, and measurements in coarse steps.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::hourly::LOSS;
use super::rows::{Catalogue, micros, moment};
use super::{Store, StoreError, read};
use crate::domain::record::{Point, Series};
use crate::domain::{Quantity, Story, Told, Transition};

/// The most rows of a kind in one story; a component that flaps every minute for hours.
pub(super) const MOST: u32 = 200;

/// What a receiver was told, newest first.
pub(super) const TOLD_TO: &str = "SELECT receiver, payload, created_at, done_at, given_up, attempts, spoken FROM outbox
     WHERE receiver = ?1 ORDER BY id DESC LIMIT ?2";

/// What was told of an incident.
pub(super) const TOLD_OF: &str = "SELECT receiver, payload, created_at, done_at, given_up, attempts, spoken FROM outbox
     WHERE incident = ?1 ORDER BY id LIMIT ?2";

/// What became of an incident's component between two moments.
pub(super) const CHANGES_OF: &str = "SELECT at, profile, old, new, codes, settling FROM transitions
     WHERE subject = 'component' AND name = ?1 AND at >= ?2 AND at <= ?3 ORDER BY at, id LIMIT ?4";

/// The newest change before an incident is a part of its story; so long before it was decided, µs.
pub(super) const LEAD: i64 = 1_000_000;

impl Store {
    /// What is remembered of an incident; `None` if there is none of this id, or no more.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn story(&self, id: &str) -> Result<Option<Story>, StoreError> {
        let id = id.to_owned();
        self.read(move |db, catalogue| story(db, catalogue, &id)).await
    }

    /// What these receivers were told, or were to be, newest first, at most `limit` of each.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn told(&self, receivers: Vec<Arc<str>>, limit: u32) -> Result<Vec<Told>, StoreError> {
        self.read(move |db, _| {
            let mut statement = db.prepare_cached(TOLD_TO)?;
            let mut all = Vec::new();
            for receiver in receivers {
                all.extend(statement.query_map(params![receiver, limit], told)?.collect::<rusqlite::Result<Vec<_>>>()?);
            }
            all.sort_by_key(|told| std::cmp::Reverse(told.at));
            Ok(all)
        })
        .await
    }

    /// What a check measured in `since <= at < until`, in steps of `minutes`: of each quantity for which `wanted` says so, at most
    /// `limit` series. A step without a value is not among the points.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub async fn steps(
        &self,
        check: &str,
        wanted: impl Fn(&Quantity) -> bool + Send + 'static,
        (since, until): (Timestamp, Timestamp),
        minutes: i64,
        limit: usize,
    ) -> Result<Vec<Series>, StoreError> {
        let check = check.to_owned();
        self.read(move |db, catalogue| steps(db, catalogue, &check, &wanted, (since, until), minutes.max(1), limit))
            .await
    }
}

fn story(db: &Connection, catalogue: &Catalogue, id: &str) -> rusqlite::Result<Option<Story>> {
    let db = db.unchecked_transaction()?;
    let mut statement = db.prepare_cached(
        "SELECT id, component, worst, verdict, reasons, opened_at, closed_at, settling FROM incidents WHERE id = ?1",
    )?;
    let Some(incident) = read::found_incidents(statement.query([id])?, catalogue, &mut 0)?.pop() else {
        return Ok(None);
    };
    let until = incident.closed_at.map_or(i64::MAX, |at| micros(at).saturating_add(LEAD));
    let mut statement = db.prepare_cached(CHANGES_OF)?;
    let word = incident.component.as_str();
    let mut rows = statement.query(params![word, micros(incident.opened_at).saturating_sub(LEAD), until, MOST])?;
    let subject = crate::domain::Subject::Component(incident.component);
    let mut changes: Vec<Transition> = Vec::new();
    while let Some(row) = rows.next()? {
        changes.extend(super::past::change(row, &subject, catalogue)?);
    }
    let mut statement = db.prepare_cached(TOLD_OF)?;
    let told = statement.query_map(params![id, MOST], told)?.collect::<rusqlite::Result<_>>()?;
    Ok(Some(Story { incident, changes, told }))
}

fn told(row: &Row<'_>) -> rusqlite::Result<Told> {
    let payload: String = row.get(1)?;
    // What an older version wrote, or somebody by hand, is shown without its words.
    let document: serde_json::Value = serde_json::from_str(&payload).unwrap_or_default();
    let word = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
    Ok(Told {
        receiver: row.get::<_, String>(0)?.into(),
        event: word("event"),
        text: word("text"),
        at: moment(row.get(2)?),
        done_at: row.get::<_, Option<i64>>(3)?.map(moment),
        given_up: row.get(4)?,
        spoken: row.get::<_, Option<String>>(6)?.map(|all| all.lines().map(str::to_owned).collect()),
        attempts: u32::try_from(row.get::<_, i64>(5)?).unwrap_or_default(),
    })
}

fn steps(
    db: &Connection,
    catalogue: &Catalogue,
    check: &str,
    wanted: &dyn Fn(&Quantity) -> bool,
    (since, until): (Timestamp, Timestamp),
    minutes: i64,
    limit: usize,
) -> rusqlite::Result<Vec<Series>> {
    let mut known =
        db.prepare_cached("SELECT id, quantity, part FROM series WHERE check_name = ?1 ORDER BY quantity, part")?;
    let mut rows = known.query([check])?;
    let mut found: Vec<(i64, &'static Quantity, String)> = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        let quantity = if name == LOSS.name { Some(&LOSS) } else { (catalogue.quantity)(&name) };
        if let Some(quantity) = quantity.filter(|known| wanted(known)) {
            found.push((row.get(0)?, quantity, row.get(2)?));
        }
    }
    let minute = |at: Timestamp| -(-micros(at)).div_euclid(60_000_000);
    let newest: Option<i64> =
        db.query_row("SELECT max(minute) FROM minutes", [], |row| row.get(0)).optional()?.flatten();
    let until = minute(until).min(newest.map_or(i64::MIN, |newest| newest + 1));
    // The table lies by time: one look-up a minute, and no walk through what others measured then.
    let mut statement = db.prepare_cached(
        "WITH RECURSIVE wanted (minute) AS (SELECT ?1 WHERE ?1 < ?2 UNION ALL SELECT minute + 1 FROM wanted WHERE minute + 1 < ?2)
         SELECT m.minute / ?4 * ?4 AS step, sum(m.count), min(m.min), max(m.max), avg(m.mean), avg(m.p50)
         FROM wanted CROSS JOIN minutes m WHERE m.minute = wanted.minute AND m.series = ?3 GROUP BY step ORDER BY step",
    )?;
    let mut all = Vec::new();
    for (id, quantity, part) in found {
        let rows = statement.query_map(params![minute(since), until, id, minutes], |row| {
            Ok(Point {
                at: moment(row.get::<_, i64>(0)?.saturating_mul(60_000_000)),
                count: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default(),
                min: row.get(2)?,
                max: row.get(3)?,
                mean: row.get(4)?,
                p50: row.get(5)?,
            })
        })?;
        let points = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        if !points.is_empty() {
            let part = Some(part).filter(|part| !part.is_empty()).map(Into::into);
            all.push(Series { check: check.into(), quantity, part, points });
        }
        if all.len() >= limit {
            break;
        }
    }
    Ok(all)
}
