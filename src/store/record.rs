//! All that is stored of one session, read from outside: also while a daemon writes.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Deserialize as _;
use serde_json::Value;

use super::hourly::LOSS;
use super::past;
use super::read::StoredEvidence;
use super::recording::{self, RecordingError};
use super::rows::{Catalogue, micros, moment};
use super::{asked, read, reports, sessions, sheets};
use crate::domain::record::{Acknowledged, Around, Kept, Point, Record, Said, Series};
use crate::domain::{Component, Lang, Notice, Occasion, Quantity, Subject, Wanted, acknowledgement};
use crate::engine::sheet::trials;

/// The version that began to keep sessions.
const SINCE_VERSION: i64 = 10;
/// Incidents read at once; a room of six components that flaps every five minutes for a day.
const MAX_INCIDENTS: u32 = 2000;
/// Minutes read at once: a day of seventy series.
pub(super) const MAX_MINUTES: usize = 100_000;

/// What a report shows of the power beside the line's own figures.
const POWER: [&str; 3] = ["ups_battery_charge_ratio", "ups_input_volts", "ups_load_ratio"];

/// Reads it from the state folder `folder`, up to `now`; `None` if there is no session of this id. Blocks, without a deadline.
///
/// # Errors
/// If there is no database that keeps sessions, or it cannot be read.
pub fn record_from(
    folder: &Path,
    id: &str,
    around: Around,
    now: Timestamp,
    catalogue: &Catalogue,
) -> Result<Option<Record>, RecordingError> {
    recording::ask(folder, SINCE_VERSION, |db| record(db, id, around, now, catalogue))
}

pub(super) fn record(
    db: &Connection,
    id: &str,
    around: Around,
    now: Timestamp,
    catalogue: &Catalogue,
) -> rusqlite::Result<Option<Record>> {
    let Some(session) = sessions::get(db, id)? else { return Ok(None) };
    let mut notices = sessions::notices(db, session.start)?;
    notices.retain(|notice| notice.session == session.id && notice.start == session.start);
    // By another file than this, in which nobody has watched before.
    let first: Option<i64> = db.query_row("SELECT min(began) FROM runs", [], |row| row.get(0))?;
    let before = |notice: &Notice| first.is_none_or(|first| micros(notice.at) < first);
    let reported = notices.iter().any(|notice| notice.occasion == Occasion::Reported && before(notice));
    notices.retain(|notice| notice.occasion.is_a_look());
    notices.sort_by_key(|notice| notice.at);
    let opens = session.start.checked_sub(around.before).unwrap_or(session.start);
    let since = sessions::ended_before(db, &session)?.map_or(opens, |free| free.max(opens));
    // What was told to be open was, also where another meeting was booked into it since.
    let told = notices.iter().find(|notice| notice.occasion == Occasion::Preflight);
    let since = match told {
        // The crew may have been called while another was held, and one more behind that.
        Some(told) => {
            let mut free = told.at;
            while let Some(end) = sessions::held_at(db, &session, free)? {
                free = end;
            }
            since.min(free)
        }
        None => since,
    };
    let over = session.end.checked_add(around.after).unwrap_or(session.end);
    let until = over.min(now).max(since);
    let components = Component::ALL.into_iter().map(Subject::Component);
    let wanted =
        Wanted { since, until, hours: Vec::new(), subjects: [Subject::Room].into_iter().chain(components).collect() };
    let past = past::gather(db, catalogue, &wanted, &|| false)?.unwrap_or_default();
    // What came in since the newest row is not unwatched, it is on its way to the disk.
    let until = until.min(past.told_until(now)).max(since);
    let evidence = evidence(db, notices.iter().filter_map(|notice| notice.evidence.as_deref()))?;
    let (incidents, more) = incidents(db, catalogue, since, until)?;
    let ids: Vec<String> = incidents.iter().map(|incident| incident.id.clone()).collect();
    let mut acknowledged: Vec<Acknowledged> = asked::acknowledged(db, &ids)?
        .into_iter()
        .flat_map(|(incident, rows)| rows.into_iter().map(move |row| acknowledged_by(&incident, row)))
        .collect();
    acknowledged.sort_by(|one, other| (one.at, &one.incident).cmp(&(other.at, &other.incident)));
    let (minutes, too_many) = series(db, catalogue, since, until)?;
    let sheet = sheets::sheet(db, &session.id, session.start)?.entries;
    let mut tried = Vec::new();
    let mut more_trials = false;
    for trial in trials(&session, &sheet) {
        // It may have been held long before the preparation opened.
        let ((from, to), _) = trial.measured(&session, now);
        let (own, cut) = if trial.to.is_some() { series(db, catalogue, from, to)? } else { (Vec::new(), false) };
        more_trials |= cut;
        tried.push(own);
    }
    let cut = past.cut || more || too_many || more_trials;
    Ok(Some(Record {
        session,
        since,
        until,
        over,
        notices,
        reported,
        evidence,
        changes: past.changes,
        incidents,
        acknowledged,
        sheet,
        tried,
        runs: past.runs,
        series: minutes,
        cut,
    }))
}

/// Who said so, and who wrote it down.
fn acknowledged_by(incident: &str, row: asked::Asked) -> Acknowledged {
    let (radio, said_by) = acknowledgement::told(&row.subject, incident);
    Acknowledged {
        incident: incident.to_owned(),
        at: row.at,
        by: said_by.map_or_else(|| row.actor.clone(), str::to_owned),
        via: if radio { "radio".to_owned() } else { row.via },
        written_by: row.actor,
    }
}

/// What is kept under these ids.
fn evidence<'a>(db: &Connection, ids: impl Iterator<Item = &'a str>) -> rusqlite::Result<BTreeMap<String, Kept>> {
    let mut found = BTreeMap::new();
    for id in ids {
        if let Some(digest) = reports::evidence_digest(db, id)? {
            let said = read::evidence(db, id)?.map(|kept| said(&kept)).unwrap_or_default();
            found.insert(id.to_owned(), Kept { digest, said });
        }
    }
    Ok(found)
}

/// What counted, in the words of that moment. In evidence of before they were kept by themselves they stand in the answer alone, in the
/// language that it was given in.
fn said(kept: &StoredEvidence) -> Vec<Said> {
    let StoredEvidence { question, answer, .. } = kept;
    if let Ok(said) = Vec::deserialize(&answer["said"]) {
        return said;
    }
    let list = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
    let mut parts = vec![answer.clone()];
    for component in list(answer, "components") {
        // As the codes were chosen.
        if component["requirement"] == "required" && component["absent"] != true && component["verdict"] != "ready" {
            parts.extend(list(&component, "checks"));
            parts.push(component);
        }
    }
    let reasons = parts.iter().flat_map(|part| list(part, "reasons")).filter(|reason| reason["verdict"] != "ready");
    let mut all: Vec<Said> = reasons
        .filter_map(|reason| {
            let message = Some(reason["message"].as_str()?.to_owned());
            let (id, en) = match Lang::parse(question["lang"].as_str()?)? {
                Lang::Id => (message, None),
                Lang::En => (None, message),
            };
            Some(Said { code: reason["code"].as_str()?.to_owned(), id, en })
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

fn incidents(
    db: &Connection,
    catalogue: &Catalogue,
    since: Timestamp,
    until: Timestamp,
) -> rusqlite::Result<(Vec<crate::domain::Incident>, bool)> {
    let mut statement = db.prepare_cached(
        "SELECT id, component, worst, verdict, reasons, opened_at, closed_at, settling FROM incidents
         WHERE opened_at < ?2 AND (closed_at IS NULL OR closed_at >= ?1) ORDER BY opened_at, id LIMIT ?3",
    )?;
    let rows = statement.query(params![micros(since), micros(until), MAX_INCIDENTS + 1])?;
    let mut found = read::found_incidents(rows, catalogue, &mut 0)?;
    let more = found.len() > MAX_INCIDENTS as usize;
    found.truncate(MAX_INCIDENTS as usize);
    found.retain(|incident| !incident.is_drill());
    Ok((found, more))
}

/// The figures of the line, and of the power; and whether there are more.
pub(super) fn series(
    db: &Connection,
    catalogue: &Catalogue,
    since: Timestamp,
    until: Timestamp,
) -> rusqlite::Result<(Vec<Series>, bool)> {
    let mut known =
        db.prepare_cached("SELECT id, check_name, quantity, part FROM series ORDER BY check_name, quantity, part")?;
    let mut rows = known.query([])?;
    let mut wanted = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(2)?;
        let quantity: Option<&'static Quantity> =
            if name == LOSS.name { Some(&LOSS) } else { (catalogue.quantity)(&name) };
        if let Some(quantity) = quantity.filter(|known| known.figure.is_some() || POWER.contains(&known.name)) {
            let (check, part): (String, String) = (row.get(1)?, row.get(3)?);
            wanted.push((row.get::<_, i64>(0)?, check, quantity, part));
        }
    }
    let minute = |at: Timestamp| -(-micros(at)).div_euclid(60_000_000);
    // The table lies by time: one look-up a minute, and no walk through what others measured then.
    let mut statement = db.prepare_cached(
        "WITH RECURSIVE wanted (minute) AS (
             SELECT max(?1, coalesce((SELECT min(minute) FROM minutes), ?2))
             UNION ALL SELECT minute + 1 FROM wanted WHERE minute + 1 < ?2)
         SELECT m.minute, m.count, m.min, m.max, m.mean, m.p50
         FROM wanted CROSS JOIN minutes m WHERE m.minute = wanted.minute AND m.series = ?3 AND m.minute < ?2 ORDER BY m.minute",
    )?;
    let (mut all, mut room, mut cut) = (Vec::new(), MAX_MINUTES, false);
    for (id, check, quantity, part) in wanted {
        let rows = statement.query_map(params![minute(since), minute(until), id], |row| {
            Ok(Point {
                at: moment(row.get::<_, i64>(0)?.saturating_mul(60_000_000)),
                count: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default(),
                min: row.get(2)?,
                max: row.get(3)?,
                mean: row.get(4)?,
                p50: row.get(5)?,
            })
        })?;
        let mut points = rows.take(room + 1).collect::<rusqlite::Result<Vec<_>>>()?;
        cut |= points.len() > room;
        points.truncate(room);
        room -= points.len();
        if !points.is_empty() {
            let part = Some(part).filter(|part| !part.is_empty()).map(Into::into);
            all.push(Series { check: check.into(), quantity, part, points });
        }
    }
    Ok((all, cut))
}
