//! The chain of reports on real files: whoever changes a letter breaks it.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rusqlite::types::Value;
use serde_json::json;

use super::super::open as file;
use super::super::reports::{self, chain};
use super::*;
use crate::domain::link::{Filed, Kind};
use crate::domain::record::{Around, Said};
use crate::domain::session::SCHEDULER;
use crate::domain::{Booking, Details, Margins, Occasion, Session, Wish};

fn filed(kind: Kind, session: &str, said: &str) -> Filed {
    let body = serde_json::json!({ "schema": format!("siaga.{}", kind.as_str()), "said": said }).to_string();
    Filed { kind, session: session.to_owned(), start: second(0), made_at: second(60), body }
}

const MARGINS: Margins = Margins { set_up: Duration::ZERO, tear_down: Duration::ZERO };

/// A meeting of an hour.
fn held(id: &str, start: i64) -> Session {
    Session {
        id: id.into(),
        revision: 0,
        booking: Booking::Booked,
        title: "Rapat".to_owned(),
        profile: "zoom_group_720".into(),
        start: second(start),
        end: second(start + 3600),
        source: SCHEDULER.into(),
        details: Details::default(),
    }
}

/// A chain of five.
fn five(folder: &Path) -> rusqlite::Connection {
    let db = file::open(&folder.join("siaga.db"), second(0)).unwrap();
    for (kind, session, said) in [
        (Kind::Report, "a", "satu"),
        (Kind::Report, "b", "dua"),
        (Kind::Evaluation, "a", "tiga"),
        (Kind::Report, "c", "empat"),
        (Kind::Evaluation, "a", "lima"),
    ] {
        assert!(reports::file(&db, &filed(kind, session, said)).unwrap().is_some());
    }
    db
}

#[tokio::test]
async fn a_preparation_begins_when_the_crew_is_called_but_not_while_another_meeting_is_held() {
    // Before the meeting at two o'clock: one that ends as it begins, one ten minutes earlier, one that was booked after the call.
    for (other, begins) in [(3600, 7200), (3000, 6600), (5400, 5400)] {
        let folder = folder();
        let store = open(folder.path());
        let mut sessions = vec![held("a", 7200), held("b", other)];
        sessions[1].end = second(if other == 5400 { 6000 } else { begins });
        (1..).zip(&mut sessions).for_each(|(revision, session)| session.revision = revision);
        let called = Notice {
            session: "a".into(),
            start: second(7200),
            occasion: Occasion::Preflight,
            at: second(5400 - i64::from(other == 5400)),
            verdict: Verdict::Ready,
            codes: Vec::new(),
            evidence: None,
        };
        store.record(Batch { sessions, notices: vec![called.clone()], ..Batch::default() }).await.unwrap();
        let around = Around { before: Duration::from_mins(150), after: Duration::from_mins(30) };
        let record = store.record_of("a", around, second(20_000)).await.unwrap().unwrap();
        assert_eq!(record.since, if other == 5400 { called.at } else { second(begins) }, "{other}");
    }
}

#[tokio::test]
async fn what_was_found_of_a_meeting_is_read_in_the_words_of_that_moment() {
    let said = |code: &str, id: &str, en: Option<&str>| Said {
        code: code.to_owned(),
        id: Some(id.to_owned()),
        en: en.map(str::to_owned),
    };
    let both = [said("link.no_address", "eth0 belum mendapat alamat IP", Some("eth0 has no IP address"))];
    let reason =
        |code: &str, verdict: &str, message: &str| json!({ "code": code, "verdict": verdict, "message": message });
    let component = |requirement: &str, verdict: &str, message: &str| {
        let checks = json!([{ "reasons": [
            reason("link.no_address", "not_ready", message),
            reason("link.noted", "ready", "catatan"),
        ] }]);
        json!({ "requirement": requirement, "absent": false, "verdict": verdict, "reasons": [], "checks": checks })
    };
    // As it was kept before both languages were.
    let before = json!({ "reasons": [reason("room.busy", "degraded", "penuh")], "components": [
        component("required", "not_ready", "eth0 belum mendapat alamat IP"),
        component("advisory", "not_ready", "eth1 belum mendapat alamat IP"),
        component("required", "ready", "eth2 belum mendapat alamat IP"),
    ] });
    let old = [said("link.no_address", "eth0 belum mendapat alamat IP", None), said("room.busy", "penuh", None)];
    let cases =
        [(json!({ "said": both }), both.to_vec()), (before, old.to_vec()), (json!("of another kind"), Vec::new())];
    for (answer, expected) in cases {
        let folder = folder();
        let store = open(folder.path());
        store.restore().await.unwrap();
        let id = store.put_evidence(1, second(0), &json!({ "lang": "id" }), || answer).await.unwrap();
        let looked = Notice {
            session: "a".into(),
            start: second(7200),
            occasion: Occasion::Preflight,
            at: second(60),
            verdict: Verdict::NotReady,
            codes: vec!["link.no_address".to_owned()],
            evidence: Some(id.clone()),
        };
        let sessions = vec![Session { revision: 1, ..held("a", 7200) }];
        store.record(Batch { sessions, notices: vec![looked], ..Batch::default() }).await.unwrap();
        let around = Around { before: Duration::from_mins(150), after: Duration::from_mins(30) };
        let record = store.record_of("a", around, second(20_000)).await.unwrap().unwrap();
        assert_eq!(record.evidence[&id].said, expected);
        assert_eq!(record.evidence[&id].digest.len(), 64);
    }
}

#[tokio::test]
async fn a_meeting_has_one_report_and_as_many_evaluations_as_people_write() {
    let folder = folder();
    let store = open(folder.path());
    store.restore().await.unwrap();
    assert_eq!(store.kept("a").await.unwrap(), None);
    let first = store.file_report(filed(Kind::Report, "a", "satu")).await.unwrap();
    assert!(first.is_some());
    assert_eq!(store.file_report(filed(Kind::Report, "a", "lain")).await.unwrap(), None);
    for (said, new) in [("x", true), ("x", false), ("y", true)] {
        let hash = store.file_report(filed(Kind::Evaluation, "a", said)).await.unwrap();
        assert_eq!(hash.is_some(), new, "{said}");
    }
    // One that is held again under its id is another.
    let again = Filed { start: second(90_000), ..filed(Kind::Report, "a", "dua") };
    assert!(store.file_report(again).await.unwrap().is_some());
    let kept = store.kept("a").await.unwrap().unwrap();
    assert!(kept.report.filed.body.contains("dua") && kept.evaluations.is_empty() && kept.report.intact);
    store.close().await.unwrap();
    let chain = chain(&other_eyes(folder.path())).unwrap();
    assert_eq!((chain.kept.len(), chain.broken), (4, None));
    assert!(!format!("{chain:?}").contains("satu"), "what is debugged ends in a log");
}

#[tokio::test]
async fn a_report_that_is_withdrawn_makes_room_for_another_and_stays_in_the_chain() {
    let folder = folder();
    let store = open(folder.path());
    store.restore().await.unwrap();
    store.wish(wanted(Wish::Book(Box::new(held("a", 0))), MARGINS, None)).await.unwrap();
    store.file_report(filed(Kind::Report, "a", "terlalu dini")).await.unwrap();
    let reported = Notice {
        session: "a".into(),
        start: second(0),
        occasion: crate::domain::Occasion::Reported,
        at: second(60),
        verdict: Verdict::Ready,
        codes: Vec::new(),
        evidence: None,
    };
    store.record(Batch { notices: vec![reported], ..Batch::default() }).await.unwrap();
    let made_ahead = async |now| {
        let found = store.made_ahead(second(now), second(now), 9).await.unwrap();
        found.map(|found| found.into_iter().map(|(session, ..)| session).collect::<Vec<_>>())
    };
    assert_eq!(made_ahead(59).await, None, "a clock by which nobody watched yet");
    watched(&other_eyes(folder.path()), second(59), 24);
    assert_eq!(made_ahead(60).await.unwrap(), [""; 0], "made now");
    assert_eq!(made_ahead(59).await.unwrap(), ["a"]);
    let notices = async || store.agenda(second(0)).await.unwrap().1.len();
    assert_eq!(notices().await, 1);
    assert_eq!(store.unreported(second(9000), 9).await.unwrap(), []);
    for new in [true, false] {
        let hash = store.file_report(filed(Kind::Withdrawal, "a", "x")).await.unwrap();
        assert_eq!(hash.is_some(), new);
    }
    assert_eq!(store.kept("a").await.unwrap(), None);
    assert_eq!(notices().await, 0, "it is not held yet");
    assert_eq!(made_ahead(59).await.unwrap(), [""; 0]);
    assert_eq!(store.unreported(second(9000), 9).await.unwrap().len(), 1);
    assert!(store.file_report(filed(Kind::Report, "a", "yang benar")).await.unwrap().is_some());
    assert_eq!(store.file_report(filed(Kind::Report, "a", "lain")).await.unwrap(), None, "one, as ever");
    assert!(store.kept("a").await.unwrap().unwrap().report.filed.body.contains("yang benar"));
    store.close().await.unwrap();
    let kept = chain(&other_eyes(folder.path())).unwrap();
    assert_eq!((kept.kept.len(), kept.broken), (3, None));
}

#[tokio::test]
async fn of_more_than_are_withdrawn_at_once_the_next_to_come_are_found_first_and_then_the_others() {
    let folder = folder();
    let store = open(folder.path());
    store.restore().await.unwrap();
    watched(&other_eyes(folder.path()), second(0), 24);
    let mut all: Vec<_> = (1..=70).rev().map(|n| format!("m-{n:02}")).collect();
    let begins = |id: &str| id["m-".len()..].parse::<i64>().unwrap() * 7200;
    let sessions = (1..).zip(&all).map(|(revision, id)| Session { revision, ..held(id, begins(id)) }).collect();
    store.record(Batch { sessions, ..Batch::default() }).await.unwrap();
    let of = |kind, id: &str| Filed { start: second(begins(id)), ..filed(kind, id, "x") };
    for id in &all {
        assert!(store.file_report(of(Kind::Report, id)).await.unwrap().is_some());
    }
    all.reverse();
    let mut found = Vec::new();
    for at_once in [64, 6, 0] {
        let ahead = store.made_ahead(second(0), second(0), 64).await.unwrap().unwrap();
        assert_eq!(ahead.len(), at_once);
        for (session, start, _) in ahead {
            assert_eq!(start, second(begins(&session)));
            assert!(store.file_report(of(Kind::Withdrawal, &session)).await.unwrap().is_some());
            found.push(session);
        }
    }
    assert_eq!(found, all);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_behind_finds_no_report_that_was_made_by_one_that_was_believed() {
    const HOUR: i64 = 3600;
    // When somebody watched, in hours from now, when a report was made, and whether it stays.
    for (case, runs, made, stays) in [
        (
            "one of today that was set back by hours, of a machine that is off at night",
            vec![(-24, -15), (-4, 3)],
            2,
            true,
        ),
        ("one of today that leapt by an hour and was set back", vec![(-24, 0), (1, 3)], 2, false),
        ("a clock that went ahead for two hours", vec![(-400, 0), (239, 241)], 240, false),
        ("one that is behind, of a machine that is always on", vec![(-24, 0), (100, 400)], 240, true),
        ("one that was set back while somebody watched", vec![(-400, 241)], 240, true),
        (
            "one that is behind, of a machine in an office",
            vec![(-24, 0), (168, 177), (192, 201), (216, 225), (239, 249)],
            240,
            true,
        ),
        ("one of which there is too little", vec![(-24, 0), (216, 225), (239, 249)], 240, false),
    ] {
        let folder = folder();
        let store = open(folder.path());
        store.restore().await.unwrap();
        let db = other_eyes(folder.path());
        for (began, until) in runs {
            let [began, until] = [began, until].map(|hour| micros(second(hour * HOUR)));
            db.execute("INSERT INTO runs VALUES (?1, ?2, 1)", [began, until]).unwrap();
        }
        store.wish(wanted(Wish::Book(Box::new(held("a", (made - 2) * HOUR))), MARGINS, None)).await.unwrap();
        let (start, made_at) = (second((made - 2) * HOUR), second(made * HOUR));
        let report = Filed { start, made_at, ..filed(Kind::Report, "a", "x") };
        assert!(store.file_report(report).await.unwrap().is_some());
        let ahead = store.made_ahead(second(0), second(0), 9).await.unwrap().unwrap();
        assert_eq!(ahead.is_empty(), stays, "{case}: {ahead:?}");
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn those_that_are_not_reported_are_known_long_after_their_end() {
    let folder = folder();
    let store = open(folder.path());
    for (id, start) in [("a", 0), ("b", 20_000), ("c", 40_000), ("d", 900_000)] {
        store.wish(wanted(Wish::Book(Box::new(held(id, start))), MARGINS, None)).await.unwrap();
    }
    store.wish(wanted(Wish::Cancel { id: "b".into() }, MARGINS, None)).await.unwrap();
    let ids = async |over| {
        let found = store.unreported(second(over), 10).await.unwrap();
        found.into_iter().map(|session| session.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(800_000).await, ["a", "c"]);
    // What was written of it is no report of it.
    store.file_report(filed(Kind::Evaluation, "a", "x")).await.unwrap();
    assert_eq!(ids(800_000).await, ["a", "c"]);
    store.file_report(filed(Kind::Report, "a", "x")).await.unwrap();
    assert_eq!(ids(1_000_000).await, ["c", "d"]);
    store.close().await.unwrap();
}

#[test]
fn a_chain_of_an_earlier_version_stays_whole() {
    let folder = folder();
    let path = folder.path().join("siaga.db");
    drop(five(folder.path()));
    let db = rusqlite::Connection::open(&path).unwrap();
    // As version 12 had it, with the reports alone.
    db.execute_batch(
        "DELETE FROM reports WHERE seq > 2; ALTER TABLE reports DROP COLUMN kind; DROP INDEX session_notices_evidence;
         DROP TABLE sheet_entries; DROP TABLE sheet_told; ALTER TABLE outbox DROP COLUMN spoken;
         DROP INDEX outbox_incident; DROP INDEX outbox_receiver; DROP INDEX session_notices_start;",
    )
    .unwrap();
    db.pragma_update(None, "user_version", 12).unwrap();
    drop(db);
    let db = file::open(&path, second(0)).unwrap();
    let chain = chain(&db).unwrap();
    assert_eq!((chain.kept.len(), chain.broken), (2, None));
    assert!(chain.kept.iter().all(|link| link.filed.kind == Kind::Report));
}

/// Somebody changes one place of a row, without being careful about hashes.
#[derive(Clone, Debug)]
enum Meddling {
    Letter { seq: i64, column: usize, place: usize, letter: char },
    Moment { seq: i64, column: usize, by: i64 },
    Kind { seq: i64 },
    Removed { seq: i64 },
    Swapped { one: i64, other: i64 },
}

fn meddling() -> impl Strategy<Value = Meddling> {
    let seq = 1_i64..=5;
    prop_oneof![
        (seq.clone(), 0_usize..4, any::<usize>(), any::<char>().prop_filter("no NUL", |c| *c != '\0'))
            .prop_map(|(seq, column, place, letter)| Meddling::Letter { seq, column, place, letter }),
        (seq.clone(), 0_usize..2, prop_oneof![-9_i64..0, 1_i64..9]).prop_map(|(seq, column, by)| Meddling::Moment {
            seq,
            column,
            by
        }),
        seq.clone().prop_map(|seq| Meddling::Kind { seq }),
        // Not the newest: that it is gone shows in the log alone.
        (1_i64..5).prop_map(|seq| Meddling::Removed { seq }),
        (seq.clone(), seq)
            .prop_filter("two", |(one, other)| one != other)
            .prop_map(|(one, other)| Meddling::Swapped { one, other }),
    ]
}

#[test]
fn whoever_meddles_with_one_breaks_the_chain_there() {
    let folder = folder();
    let db = five(folder.path());
    let before = rows(&db);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(1000));
    let outcome = runner.run(&meddling(), |how| {
        db.execute_batch("BEGIN").unwrap();
        let place = meddle(&db, &how);
        let changed = rows(&db) != before;
        let broken = chain(&db).unwrap().broken;
        db.execute_batch("ROLLBACK").unwrap();
        prop_assert_eq!(broken, changed.then_some(place));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(chain(&db).unwrap().broken, None, "nothing of it was left behind");
}

fn rows(db: &rusqlite::Connection) -> Vec<Vec<Value>> {
    let mut statement = db.prepare("SELECT * FROM reports ORDER BY seq").unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect()).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Gives the number at which it must show.
fn meddle(db: &rusqlite::Connection, how: &Meddling) -> i64 {
    match how {
        Meddling::Letter { seq, column, place, letter } => {
            let column = ["session", "body", "previous", "hash"][*column];
            let text: String =
                db.query_row(&format!("SELECT {column} FROM reports WHERE seq = ?1"), [seq], |row| row.get(0)).unwrap();
            let mut letters: Vec<char> = text.chars().collect();
            let place = place % letters.len();
            letters[place] = *letter;
            let text: String = letters.into_iter().collect();
            db.execute(&format!("UPDATE reports SET {column} = ?1 WHERE seq = ?2"), rusqlite::params![text, seq])
                .unwrap();
            *seq
        }
        Meddling::Moment { seq, column, by } => {
            let column = ["start", "made_at"][*column];
            db.execute(&format!("UPDATE reports SET {column} = {column} + ?1 WHERE seq = ?2"), [by, seq]).unwrap();
            *seq
        }
        Meddling::Kind { seq } => {
            let other = "UPDATE reports SET kind = iif(kind = 'report', 'evaluation', 'report') WHERE seq = ?1";
            db.execute(other, [seq]).unwrap();
            *seq
        }
        Meddling::Removed { seq } => {
            db.execute("DELETE FROM reports WHERE seq = ?1", [seq]).unwrap();
            seq + 1
        }
        Meddling::Swapped { one, other } => {
            for (from, to) in [(*one, 99), (*other, *one), (99, *other)] {
                db.execute("UPDATE reports SET seq = ?2 WHERE seq = ?1", [from, to]).unwrap();
            }
            *one.min(other)
        }
    }
}
