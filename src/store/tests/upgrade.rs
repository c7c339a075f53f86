//! Yesterday's database under today's siaga, from every version that there was, and back again.

use std::collections::BTreeMap;
use std::fs;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::super::Kept;
use super::super::open::{self as file, MIGRATIONS};
use super::super::reports::chain;
use super::*;
use crate::domain::Outbox as _;
use crate::domain::link::{Filed, Kind};

/// Rows as the versions wrote them, each since the version that made its table. Frozen: what a version has written stays so. All
/// are of the far future, so that no clock takes them for too old.
const ROWS: &[(usize, &str)] = &[
    (
        1,
        r#"INSERT INTO transitions (at, subject, name, profile, old, new, codes, settling) VALUES
               (4102444800000001, 'component', 'internet', 'standard', 'ready', 'not_ready', '["internet.loss_high"]', 0),
               (4102444800000002, 'room', NULL, 'standard', 'ready', 'not_ready', '[]', 1);
           INSERT INTO incidents VALUES ('internet-1', 'internet', 'not_ready', 'degraded',
               '[{"code":"internet.loss_high","verdict":"degraded","args":[{"name":"value","number":0.25,"unit":"ratio"},{"name":"target","text":"far.example.net"}],"since":1700000041000000,"blocked_by":"gateway"}]',
               1700000041000000, NULL, 0);
           INSERT INTO outbox (key, receiver, incident, payload, created_at, attempts, next_attempt_at, last_error)
               VALUES ('a', 'desk', 'internet-1', '{"event":"incident_opened"}', 1700000040000000, 2, 1700000139000000, 'refused');
           INSERT INTO evidence (id, at, question, answer) VALUES ('5f-7-ab', 4102444800000000, '{"profile":"standard"}', '{"verdict":"ready"}');
           INSERT INTO last_observations VALUES ('far-end', 1700000040000000,
               '{"took_us":3000,"measurements":[{"quantity":"icmp_rtt_seconds","value":0.25}],"findings":[]}');
           INSERT INTO series VALUES (1, 'far-end', 'icmp_rtt_seconds', '');
           INSERT INTO minutes VALUES (68374080, 1, 4, 1.0, 11.0, 5.0, 2.0, 6.0);"#,
    ),
    (
        2,
        r#"INSERT INTO observations VALUES (4102444800000000, 'far-end',
               '{"took_us":3000,"measurements":[{"quantity":"icmp_rtt_seconds","value":0.25}],"findings":[]}', 9, 0, 0);"#,
    ),
    (
        3,
        "INSERT INTO audit (key, at, actor, via, action, subject, outcome)
             VALUES ('test-1', 4102444800000000, 'sari', 'local', 'test', 'microphone', 'ready');",
    ),
    (
        4,
        r#"INSERT INTO standing VALUES ('component', 'internet', 'standard', 'degraded', 1700000041000000,
               '[{"code":"internet.loss_high","verdict":"degraded","args":[{"name":"value","number":0.25,"unit":"ratio"},{"name":"target","text":"far.example.net"}],"since":1700000041000000,"blocked_by":"gateway"}]');"#,
    ),
    (
        5,
        "INSERT INTO hours VALUES (1139568, 1, 240, 5.0, 1.0, 11.0, x'010003000000');
         INSERT INTO runs VALUES (4102444800000000, 4102444900000000, 1);",
    ),
    (
        6,
        r#"INSERT INTO told VALUES ('internet-1', '{"told":{}}');
           INSERT INTO silences VALUES ('a-1', 'internet', 'kabel diganti', 1700000040000000, 8589934592000000);"#,
    ),
    (
        10,
        r#"INSERT INTO sessions VALUES ('m-1', 3, 'booked', 'Rapat', 'standard', 4102444800000000, 4102448400000000, 'scheduler', '{"office":"Humas"}');
           INSERT INTO session_notices VALUES ('m-1', 4102444800000000, 'confirmed', 1700000040000000, 'ready', '[]', '5f-7-ab');"#,
    ),
    (
        13,
        "INSERT INTO sheet_entries (key, session, start, at, what, item, until, said_by, written_by)
             VALUES ('tick-1', 'm-1', 4102444800000000, 4102441200000000, 'tick', 'projector', 4102446000000000, 'Sari', 'Sari');
         INSERT INTO sheet_told VALUES ('m-1', 4102444800000000, 'projector', 'late', 4102441000000000);",
    ),
];

/// A file as the siaga of that version left it.
fn made_by(version: usize, path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.pragma_update(None, "auto_vacuum", "INCREMENTAL").unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    for (number, sql) in MIGRATIONS.iter().filter(|(number, _)| *number <= version) {
        db.execute_batch(sql).unwrap();
        db.pragma_update(None, "user_version", i64::try_from(*number).unwrap()).unwrap();
    }
    db.pragma_update(None, "application_id", 0x5349_4147).unwrap();
    for (_, sql) in ROWS.iter().filter(|(since, _)| *since <= version) {
        db.execute_batch(sql).unwrap();
    }
    if version >= 12 {
        let before = filed();
        let columns = if version >= 14 { "kind, " } else { "" };
        let values = if version >= 14 { "'report', " } else { "" };
        let sql = format!(
            "INSERT INTO reports (seq, {columns}session, start, made_at, body, previous, hash)
             VALUES (1, {values}?1, ?2, ?3, ?4, ?5, ?6)"
        );
        let (start, made) = (micros(before.start), micros(before.made_at));
        let row = rusqlite::params![before.session, start, made, before.body, "0".repeat(64), HASH];
        db.execute(&sql, row).unwrap();
    }
    db
}

/// The report of a meeting, and its hash as version 12 wrote it.
fn filed() -> Filed {
    let body = r#"{"schema":"siaga.report","said":"satu"}"#.to_owned();
    Filed { kind: Kind::Report, session: "m-0".to_owned(), start: second(0), made_at: second(60), body }
}
const HASH: &str = "7953be4c1d2b8b1930d5186a92616722c7f19273e7f0032ed6ea277bdbddc890";

/// A table: its columns, and its rows.
type Table = (Vec<String>, Vec<Vec<Value>>);

/// All rows of all tables, but for what each opening notes.
fn everything(db: &Connection) -> BTreeMap<String, Table> {
    let mut tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    let tables = tables.filter(|name| name != "meta" && !name.starts_with("sqlite_")).collect::<Vec<_>>();
    let table = |name: &String| {
        let all = db.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns: Vec<String> = all.column_names().map(str::to_owned).collect();
        let rows = rows(db, name, &columns);
        (columns, rows)
    };
    tables.iter().map(|name| (name.clone(), table(name))).collect()
}

/// What stands in these columns of a table.
fn rows(db: &Connection, table: &str, columns: &[String]) -> Vec<Vec<Value>> {
    let mut rows = db.prepare(&format!("SELECT {} FROM {table} ORDER BY 1", columns.join(", "))).unwrap();
    let of = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>();
    rows.query_map([], of).unwrap().map(Result::unwrap).collect()
}

/// Every table and index, as it was made.
fn schema(db: &Connection) -> Vec<(String, Option<String>)> {
    let mut rows = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
    rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn each_version_is_brought_to_this_one_with_all_that_is_in_it() {
    let fresh = folder();
    let fresh = schema(&file::open(&fresh.path().join("siaga.db"), second(0)).unwrap());
    let versions = MIGRATIONS.iter().map(|(number, _)| *number);
    for version in versions {
        let folder = folder();
        let path = folder.path().join("siaga.db");
        let before = {
            let db = made_by(version, &path);
            everything(&db)
        };
        let empty: Vec<_> = before.iter().filter(|(_, table)| table.1.is_empty()).map(|(name, _)| name).collect();
        assert!(empty.is_empty(), "nothing is in {empty:?} that could be lost");

        let store = open(folder.path());
        let left = store.restore().await.unwrap();
        assert_eq!(left.skipped, 0, "version {version}");
        let health = store.health().borrow().clone();
        assert!(health.ok && health.damaged.is_none(), "version {version}: {health:?}");
        {
            let db = other_eyes(folder.path());
            for (table, (columns, before)) in &before {
                assert_eq!(rows(&db, table, columns), *before, "version {version}: {table}");
            }
            assert_eq!(schema(&db), fresh, "version {version}: made as a new file is");
            assert_eq!(file::marks(&db).unwrap(), (true, i64::try_from(file::newest_version()).unwrap()));
            let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(sound, "ok");
        }
        // And it is read as what it was.
        assert_eq!(left.open_incidents, [incident("internet-1", 1)]);
        assert_eq!(left.observations[0].0.reading, observation("far-end", second(0), 0.25).reading);
        let first = store.next("desk").await.unwrap();
        assert_eq!((&*first.key, first.attempts, first.next_attempt_at), ("a", 2, second(99)));
        assert_eq!(store.evidence("5f-7-ab").await.unwrap().unwrap().answer["verdict"], "ready");
        assert_eq!(store.transitions(Timestamp::MIN, Timestamp::MAX, 9).await.unwrap().len(), 2);
        assert_eq!(left.standings, if version >= 4 { vec![stands(1)] } else { Vec::new() }, "version {version}");
        assert_eq!(left.told.contains_key("internet-1"), version >= 6);
        assert_eq!(left.silences.len(), usize::from(version >= 6));
        assert_eq!(left.sessions.len(), usize::from(version >= 10));
        assert_eq!(left.notices.len(), usize::from(version >= 10));
        assert_eq!((left.sheets.entries.len(), left.sheets.told.len()), if version >= 13 { (1, 1) } else { (0, 0) });
        // A link of today joins a chain of then.
        let next = Filed { session: "m-2".to_owned(), ..filed() };
        assert!(store.file_report(next).await.unwrap().is_some());
        assert_eq!(store.record(notify("b")).await.unwrap(), Kept::OnDisk);
        store.close().await.unwrap();
        let chain = chain(&other_eyes(folder.path())).unwrap();
        assert_eq!((chain.kept.len(), chain.broken), (1 + usize::from(version >= 12), None), "version {version}");
    }
}

#[tokio::test]
async fn a_power_cut_between_two_steps_is_no_version_of_its_own() {
    // Each step is one transaction with its number: whatever is on the disk is one of the versions, and the next start goes on.
    for pair in MIGRATIONS.windows(2) {
        let folder = folder();
        let path = folder.path().join("siaga.db");
        let mut db = made_by(pair[0].0, &path);
        let before = (schema(&db), everything(&db));
        {
            let step = db.transaction().unwrap();
            step.execute_batch(pair[1].1).unwrap();
            step.pragma_update(None, "user_version", i64::try_from(pair[1].0).unwrap()).unwrap();
            // The power goes here.
        }
        assert_eq!((schema(&db), everything(&db)), before, "from {} to {}", pair[0].0, pair[1].0);
        assert_eq!(file::marks(&db).unwrap().1, i64::try_from(pair[0].0).unwrap());
        drop(db);
        drop(file::open(&path, second(0)).unwrap());
        assert_eq!(file::marks(&other_eyes(folder.path())).unwrap().1, i64::try_from(file::newest_version()).unwrap());
    }
}

#[tokio::test]
async fn an_older_siaga_leaves_a_newer_file_as_it_is_and_the_newer_one_finds_it_again() {
    let folder = folder();
    let path = folder.path().join("siaga.db");
    let newest = file::newest_version();
    let db = made_by(newest, &path);
    // What a version of tomorrow may have, that nobody knows here.
    db.execute_batch("CREATE TABLE tomorrow (x TEXT) STRICT; INSERT INTO tomorrow VALUES ('y')").unwrap();
    db.pragma_update(None, "user_version", i64::try_from(newest + 1).unwrap()).unwrap();
    let before = everything(&db);
    drop(db);
    let bytes = fs::read(&path).unwrap();

    let store = open(folder.path());
    assert_eq!(store.record(notify("meanwhile")).await.unwrap(), Kept::OnDisk, "the room is watched on");
    let health = store.health().borrow().clone();
    let aside = health.damaged.unwrap();
    assert!(health.ok);
    let says = format!("newer siaga: its version is {}, and this one knows those up to {newest}", newest + 1);
    assert!(aside.what.contains(&says), "{}", aside.what);
    assert!(aside.file.file_name().unwrap().to_str().unwrap().starts_with("siaga.db.newer-2"), "{:?}", aside.file);
    assert_eq!(fs::read(&aside.file).unwrap(), bytes, "not a byte of it is another");
    store.close().await.unwrap();

    // Tomorrow's is back, and somebody has given the file its name again.
    fs::rename(&aside.file, &path).unwrap();
    let db = other_eyes(folder.path());
    assert_eq!(everything(&db), before);
}
