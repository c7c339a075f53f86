//! Who asked the daemon for what: the audit, read from outside, and by the daemon for those who may know.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::recording::{self, RecordingError};
use super::rows::{micros, moment};

/// The version that began to keep it.
const SINCE_VERSION: i64 = 3;

/// One row of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// When.
    pub at: Timestamp,
    /// Who: a user's name, or what stands for one.
    pub actor: String,
    /// By which way they are known.
    pub via: String,
    /// For what.
    pub action: String,
    /// Of which check.
    pub subject: String,
    /// What became of it; nothing while it is under way, and for ever if the daemon ended in its middle.
    pub outcome: Option<String>,
}

/// What was asked for since that moment, oldest first, from the state folder `folder`. Blocks.
///
/// # Errors
/// If there is no database that has an audit, or it cannot be read.
pub fn asked(folder: &Path, since: Timestamp) -> Result<Vec<Asked>, RecordingError> {
    recording::ask(folder, SINCE_VERSION, |db| {
        let mut statement =
            db.prepare("SELECT at, actor, via, action, subject, outcome FROM audit WHERE at >= ?1 ORDER BY at, id")?;
        let rows = statement.query_map([micros(since)], row)?;
        rows.collect()
    })
}

/// Of each of these incidents, who said that they see to it, oldest first; of one to which nobody does, nothing.
pub(super) fn acknowledged(db: &Connection, incidents: &[String]) -> rusqlite::Result<HashMap<String, Vec<Asked>>> {
    let mut statement = db.prepare_cached(
        "SELECT at, actor, via, action, subject, outcome FROM audit
         WHERE action = 'acknowledge' AND outcome = 'acknowledged ' || ?1 ORDER BY at, id",
    )?;
    let mut found = HashMap::new();
    for incident in incidents {
        let rows = statement.query_map([incident], row)?.collect::<rusqlite::Result<Vec<_>>>()?;
        if !rows.is_empty() {
            found.insert(incident.clone(), rows);
        }
    }
    Ok(found)
}

/// Who gave the orders with these keys.
pub(super) fn actors(db: &Connection, keys: &[String]) -> rusqlite::Result<HashMap<String, String>> {
    let mut statement = db.prepare_cached("SELECT actor FROM audit WHERE key = ?1")?;
    let mut found = HashMap::new();
    for key in keys {
        if let Some(actor) = statement.query_row([key], |row| row.get(0)).optional()? {
            found.insert(key.clone(), actor);
        }
    }
    Ok(found)
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Asked> {
    Ok(Asked {
        at: moment(row.get(0)?),
        actor: row.get(1)?,
        via: row.get(2)?,
        action: row.get(3)?,
        subject: row.get(4)?,
        outcome: row.get(5)?,
    })
}
