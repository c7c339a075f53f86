//! What was told of open incidents, and wishes for silence: the policy's memory over restarts.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::rows::{self, micros, moment};
use crate::domain::Silence;

/// A day, microseconds.
/// So many silences are read, those that end last.
const SILENCES: i64 = 200;

/// Keeps what was told of an incident (or how a component goes to and fro), or forgets it with `None`.
pub(super) fn put_told(db: &Connection, incident: &str, state: Option<&str>) -> rusqlite::Result<()> {
    match state {
        Some(state) => db
            .prepare_cached(
                "INSERT INTO told (incident, state) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET state = excluded.state",
            )?
            .execute(params![incident, state]),
        None => db.prepare_cached("DELETE FROM told WHERE incident = ?1")?.execute([incident]),
    }
    .map(drop)
}

pub(super) fn put_silence(db: &Connection, silence: &Silence) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO silences (id, component, reason, since, until) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET since = excluded.since, until = excluded.until",
    )?
    .execute(params![
        silence.id,
        silence.component.map(crate::domain::Component::as_str),
        silence.reason,
        micros(silence.from),
        micros(silence.until),
    ])
    .map(drop)
}

/// What was told, by incident.
pub(super) fn told(db: &Connection) -> rusqlite::Result<HashMap<String, String>> {
    let mut statement = db.prepare("SELECT incident, state FROM told")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// The silences that nobody has ended, oldest first: those that are over by the clock of now too, since that may be wrong. One of a
/// component that this version does not know silences nothing.
pub(super) fn silences(db: &Connection) -> rusqlite::Result<Vec<Silence>> {
    let mut statement = db.prepare(
        "SELECT id, component, reason, since, until FROM
         (SELECT * FROM silences WHERE until > since ORDER BY until DESC LIMIT ?1) ORDER BY since, until",
    )?;
    let mut rows = statement.query([SILENCES])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let word: Option<String> = row.get(1)?;
        let component = word.as_deref().map(rows::component);
        if component == Some(None) {
            continue;
        }
        let id: String = row.get(0)?;
        found.push(Silence {
            id: id.into(),
            component: component.flatten(),
            reason: row.get(2)?,
            from: moment(row.get(3)?),
            until: moment(row.get(4)?),
        });
    }
    Ok(found)
}
