//! Every number of a report, against the rows that it comes from: asked of the file by statements of their own.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use siaga::clock::Clock;
use siaga::domain::record::Around;
use siaga::domain::{Component, Figure, Quantity, Unit};
use siaga::report::{House, report};
use siaga::store::{Catalogue, Claim, Retention, Store, record_from};

/// A meeting of two hours (9.00 to 11.00 in the room) in a room whose UPS fails from 10.00 to 10.05, and whose machine is off from 10.30 to 10.40.
/// Moments are minutes from its start.
const ROWS: &str = "
    CREATE TEMP TABLE t AS SELECT 1764000000000000 AS start, 60000000 AS minute;
    INSERT INTO sessions SELECT 'before', 1, 'booked', 'Rapat lain', 'standard', start - 200 * minute, start - 100 * minute, 'scheduler', '{}' FROM t;
    INSERT INTO sessions SELECT 'a', 2, 'booked', 'Rapat', 'standard', start, start + 120 * minute, 'scheduler', '{}' FROM t;
    INSERT INTO session_notices SELECT 'a', start, 'confirmed', start - 300 * minute, 'ready', '[]', 'e-0' FROM t;
    INSERT INTO session_notices SELECT 'a', start, 'preflight', start - 100 * minute + 3000000, 'not_ready', '[]', NULL FROM t;
    INSERT INTO session_notices SELECT 'a', start, 'before 1800', start - 30 * minute, 'ready', '[]', NULL FROM t;
    INSERT INTO evidence (id, at, question, answer) SELECT 'e-0', start, '{}', '{\"verdict\":\"ready\"}' FROM t;
    INSERT INTO runs SELECT start - 400 * minute, start + 90 * minute, 1 FROM t;
    INSERT INTO runs SELECT start + 100 * minute, start + 200 * minute, 1 FROM t;
    INSERT INTO transitions (at, subject, name, profile, old, new, codes, settling)
        SELECT start + column1 * minute, 'room', NULL, 'standard', 'unknown', column2, '[]', 0 FROM t, (VALUES
            (-399, 'not_ready'), (-40, 'ready'), (60, 'not_ready'), (65, 'degraded'), (70, 'ready'), (101, 'ready'));
    INSERT INTO transitions (at, subject, name, profile, old, new, codes, settling)
        SELECT start + column1 * minute, 'component', 'power', 'standard', 'unknown', column2, '[]', 0 FROM t, (VALUES
            (-399, 'ready'), (60, 'not_ready'), (65, 'degraded'), (70, 'ready'), (103, 'ready'));
    INSERT INTO incidents SELECT 'power-1', 'power', 'not_ready', 'ready', '[]', start + 60 * minute, start + 70 * minute, 0 FROM t;
    INSERT INTO incidents SELECT 'power-2', 'power', 'degraded', 'degraded', '[]', start + 110 * minute, NULL, 0 FROM t;
    INSERT INTO audit (key, at, actor, via, action, subject, outcome)
        SELECT 'k', start + 61 * minute, 'Operator', 'token', 'acknowledge', 'power-1', 'acknowledged power-1' FROM t;
    INSERT INTO series VALUES (1, 'gateway', 'stun_rtt_seconds', ''), (2, 'gateway', 'unknown_quantity', '');
    WITH RECURSIVE m (n) AS (SELECT -100 UNION ALL SELECT n + 1 FROM m WHERE n < 139)
        INSERT INTO minutes SELECT start / minute + n, 1, 50 + n % 7, 0.01 + n * 0.00001, 0.3 + n * 0.0001, 0.02 + n * 0.00013,
            0.02 + n * 0.0001, 0.1 FROM t, m WHERE n < 90 OR n >= 100;
";

/// Where the number stands, and the statement that gives it. `:from` and `:to` are the meeting's.
const NUMBERS: &[(&str, &str)] = &[
    ("/version", "SELECT 2"),
    // As long as the room was free before it.
    ("/procedure/limit_seconds", "SELECT (:from - max(until)) / 1000000 FROM sessions WHERE id = 'before'"),
    (
        "/procedure/prepared_in_seconds",
        "SELECT (t.at - n.at) / 1000000 FROM transitions t, session_notices n WHERE t.subject = 'room' AND t.new = 'ready'
             AND t.at < :from AND n.occasion = 'preflight'",
    ),
    ("/held/ready", "room ready"),
    ("/held/degraded", "room degraded"),
    ("/held/not_ready", "room not_ready"),
    ("/held/unknown", "room unknown"),
    ("/held/not_measured", "SELECT (:to - :from) / 1000000 - sum(min(until, :to) - max(began, :from)) / 1000000 FROM runs"),
    ("/components/0/held/ready", "component ready"),
    ("/components/0/held/degraded", "component degraded"),
    ("/components/0/held/not_ready", "component not_ready"),
    ("/components/0/held/unknown", "component unknown"),
    (
        "/components/0/held/not_measured",
        "SELECT (:to - :from) / 1000000 - sum(min(until, :to) - max(began, :from)) / 1000000 FROM runs",
    ),
    ("/incidents/0/seconds", "SELECT (closed_at - opened_at) / 1000000 FROM incidents WHERE id = 'power-1'"),
    ("/incidents/0/seconds_in_meeting", "SELECT (closed_at - opened_at) / 1000000 FROM incidents WHERE id = 'power-1'"),
    ("/incidents/1/seconds", "SELECT (:now - opened_at) / 1000000 FROM incidents WHERE id = 'power-2'"),
    ("/incidents/1/seconds_in_meeting", "SELECT (:to - opened_at) / 1000000 FROM incidents WHERE id = 'power-2'"),
    ("/quality/0/minutes", "SELECT count(*) FROM minutes WHERE minute >= :from / 60000000 AND minute < :to / 60000000"),
    ("/quality/0/of_minutes", "SELECT (:to - :from) / 60000000"),
    ("/quality/0/min", "SELECT min(min) FROM minutes WHERE minute >= :from / 60000000 AND minute < :to / 60000000"),
    ("/quality/0/max", "SELECT max(max) FROM minutes WHERE minute >= :from / 60000000 AND minute < :to / 60000000"),
    (
        "/quality/0/mean",
        "SELECT sum(mean * count) / sum(count) FROM minutes WHERE minute >= :from / 60000000 AND minute < :to / 60000000",
    ),
];

/// How long the room, or the component, was so: each change until the next, as far as somebody watched who knew.
fn held(subject: &str, verdict: &str) -> String {
    format!(
        "WITH told AS (SELECT at, new FROM transitions WHERE subject = '{subject}'
                       UNION ALL SELECT began, 'unknown' FROM runs),
              spans AS (SELECT new, at, lead(at, 1, :to) OVER (ORDER BY at) AS until FROM told)
         SELECT coalesce(sum(max(0, min(s.until, r.until, :to) - max(s.at, r.began, :from))) / 1000000, 0)
         FROM spans s, runs r WHERE s.new = '{verdict}'"
    )
}

#[tokio::test]
async fn every_number_of_a_report_is_one_of_the_rows() {
    static TRIP: Quantity = Quantity::gauge("stun_rtt_seconds", Unit::Seconds, "x").figure(Figure::RoundTrip);
    static ABSENT: BTreeSet<Component> = BTreeSet::new();
    const FIGURES: Catalogue = Catalogue { reason: |_| None, quantity: |name| (name == TRIP.name).then_some(&TRIP) };
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Claim::take(folder.path()).unwrap(), Clock::start(), Retention::default(), FIGURES);
    store.restore().await.unwrap();
    store.close().await.unwrap();
    let db = rusqlite::Connection::open(folder.path().join("siaga.db")).unwrap();
    db.execute_batch(ROWS).unwrap();
    let start = Timestamp::from_microsecond(1_764_000_000_000_000).unwrap();
    let minutes = |minutes: u64| start.checked_add(Duration::from_mins(minutes)).unwrap();
    let (end, now) = (minutes(120), minutes(150));
    let around = Around { before: Duration::from_mins(150), after: Duration::from_mins(20) };
    let record = record_from(folder.path(), "a", around, now, &FIGURES).unwrap().unwrap();
    let zone = TimeZone::get("Asia/Pontianak").unwrap();
    let limit = around.before;
    let minutes_kept = Duration::from_hours(24);
    let house = House {
        room: "r",
        zone: &zone,
        limit,
        minutes: minutes_kept,
        absent: &ABSENT,
        items: &[],
        profiles: &[],
        reason: |_| None,
    };
    let made = serde_json::to_value(report(&record, house, now)).unwrap();
    let mut traced = BTreeSet::new();
    for (place, statement) in NUMBERS {
        let statement = match statement.split_once(' ') {
            Some((subject @ ("room" | "component"), verdict)) => held(subject, verdict),
            _ => (*statement).to_owned(),
        };
        let mut asked = db.prepare(&statement).unwrap();
        for (name, at) in [(":from", start), (":to", end), (":now", now)] {
            if let Some(place) = asked.parameter_index(name).unwrap() {
                asked.raw_bind_parameter(place, at.as_microsecond()).unwrap();
            }
        }
        let mut rows = asked.raw_query();
        let exact: f64 = rows.next().unwrap().unwrap().get::<_, rusqlite::types::Value>(0).map(number).unwrap();
        let told =
            made.pointer(place).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number at {place}: {made:#}"));
        assert!((told - exact).abs() <= exact.abs() * 1e-12, "{place}: {told}, the rows say {exact}");
        traced.insert((*place).to_owned());
    }
    pictured(&db, &made, start, &mut traced);
    let mut all = BTreeSet::new();
    numbers(&made, String::new(), &mut all);
    assert_eq!(all, traced, "left: the report's numbers; right: those that were traced");
    // And its digest of evidence is that of the row.
    let text: String =
        db.query_row("SELECT question || char(10) || answer FROM evidence", [], |row| row.get(0)).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let hex = digest.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    assert_eq!(made.pointer("/looks/0/evidence_sha256").and_then(Value::as_str), Some(hex.as_str()));
}

/// The picture's minutes are the rows, of six digits each.
fn pictured(db: &rusqlite::Connection, made: &Value, start: Timestamp, traced: &mut BTreeSet<String>) {
    let from = start.as_second() / 60 - 100;
    let mut statement =
        db.prepare("SELECT minute, min, p50, max FROM minutes WHERE series = 1 ORDER BY minute").unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, [row.get::<_, f64>(1)?, row.get(2)?, row.get(3)?])))
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    assert_eq!(made.pointer("/quality/0/points").and_then(Value::as_array).unwrap().len(), rows.len());
    for (place, (minute, values)) in rows.iter().enumerate() {
        let at = |part: usize| {
            let place = format!("/quality/0/points/{place}/{part}");
            (made.pointer(&place).and_then(Value::as_f64).unwrap(), place)
        };
        let (told, place) = at(0);
        #[allow(clippy::cast_precision_loss, reason = "minutes of a day")]
        let after = (minute - from) as f64;
        assert!((told - after).abs() < f64::EPSILON, "{place}");
        traced.insert(place);
        for (part, exact) in values.iter().enumerate() {
            let (told, place) = at(part + 1);
            assert!((told - exact).abs() <= exact.abs() * 5e-6, "{place}: {told}, the row says {exact}");
            traced.insert(place);
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "seconds of a day")]
fn number(value: rusqlite::types::Value) -> f64 {
    match value {
        rusqlite::types::Value::Integer(whole) => whole as f64,
        rusqlite::types::Value::Real(real) => real,
        other => panic!("{other:?} is no number"),
    }
}

/// Where a number stands in it.
fn numbers(value: &Value, at: String, found: &mut BTreeSet<String>) {
    match value {
        Value::Number(_) => _ = found.insert(at),
        Value::Array(list) => {
            for (place, value) in list.iter().enumerate() {
                numbers(value, format!("{at}/{place}"), found);
            }
        }
        Value::Object(fields) => fields.iter().for_each(|(key, value)| numbers(value, format!("{at}/{key}"), found)),
        _ => {}
    }
}
