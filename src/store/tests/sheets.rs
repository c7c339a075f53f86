//! Run sheets on real files: rows are added and none is changed, whenever the process ends.

use super::*;
use crate::domain::session::SCHEDULER;
use crate::domain::sheet::{Entry, Item, SheetAct, SheetWish, Told, Unwritten, What, Word, Written};
use crate::domain::{Act, Actor, Booking, Details, Margins, Occasion, Requirement, Session, Via, Wish};
use crate::store::Noted;
use crate::store::hourly::LOSS;
use crate::store::record::MAX_MINUTES;

const MARGINS: Margins = Margins { set_up: Duration::ZERO, tear_down: Duration::ZERO };
const START: i64 = 7200;
const DAY: i64 = 24 * 3600;

fn session(id: &str) -> Session {
    Session {
        id: id.into(),
        revision: 0,
        booking: Booking::Booked,
        title: "Rapat".to_owned(),
        profile: "zoom_group_720".into(),
        start: second(START),
        end: second(START + 3600),
        source: SCHEDULER.into(),
        details: Details::default(),
    }
}

fn items() -> Arc<[Item]> {
    Arc::from([Item {
        key: "room".into(),
        id: "Ruangan".to_owned(),
        en: "Room".to_owned(),
        holds: Duration::from_hours(1),
        due: Duration::from_mins(30),
        task: None,
        requirement: Requirement::Required,
        each_site: false,
    }])
}

/// Somebody's word, written down by another, at that second.
async fn say(store: &Store, key: &str, act: SheetAct, at: i64) -> Result<Noted, Unwritten> {
    let wish = SheetWish { session: "a".into(), start: None, by: " Petugas Satu ".to_owned(), act };
    let actor = Actor { name: "Sari".into(), via: Via::Token };
    let act = Act {
        key: key.into(),
        at: second(at),
        actor,
        action: wish.act.action(),
        subject: wish.subject(),
        outcome: None,
    };
    store.note(wish, items(), act).await.unwrap()
}

fn tick() -> SheetAct {
    SheetAct::Tick { item: "room".to_owned() }
}

fn untick() -> SheetAct {
    SheetAct::Untick { item: "room".to_owned() }
}

fn all_acts() -> [(&'static str, SheetAct); 6] {
    let reason = || "kamera cadangan".to_owned();
    [
        ("1", tick()),
        ("2", untick()),
        ("3", SheetAct::BeginTrial),
        ("4", SheetAct::EndTrial { findings: "suara pelan\nkamera baik".to_owned() }),
        ("5", SheetAct::Override { verdict: Verdict::Degraded, reason: reason(), until: second(START) }),
        ("6", SheetAct::EndOverride { reason: reason() }),
    ]
}

#[tokio::test]
async fn what_is_written_stands_over_every_end_of_the_process_and_in_the_audit() {
    let folder = folder();
    let store = open(folder.path());
    store.wish(wanted(Wish::Book(Box::new(session("a"))), MARGINS, None)).await.unwrap();
    drop(store);
    let mut kept: Vec<Entry> = Vec::new();
    for (key, act) in all_acts() {
        let store = open(folder.path());
        let Ok(Noted::Kept(entry)) = say(&store, key, act, 60).await else { panic!("{key}") };
        assert_eq!((&*entry.by, &*entry.written_by, entry.start), ("Petugas Satu", "Sari", second(START)));
        kept.push(entry);
        assert_eq!(store.sheet_of(&session("a")).await.unwrap().entries, kept);
    }
    let store = open(folder.path());
    store.flush().await.unwrap();
    assert_eq!(store.agenda(second(0)).await.unwrap().2.entries, kept);
    // Those of another hour are those of another sheet.
    let moved = Session { start: second(START + 1), ..session("a") };
    assert_eq!(store.sheet_of(&moved).await.unwrap(), Written::default());
    let rows = crate::store::asked(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    let said: Vec<_> =
        rows.iter().map(|row| (row.actor.as_str(), row.action.as_str(), row.outcome.as_deref())).collect();
    let actions = ["tick", "untick", "begin_trial", "end_trial", "override", "end_override"];
    assert_eq!(said, actions.map(|action| ("Sari", action, Some("written down"))));
    assert_eq!(rows[0].subject, "a room, said by  Petugas Satu ");
    // Nobody changes what was written, not even with another program.
    let changed = other_eyes(folder.path()).execute("UPDATE sheet_entries SET said_by = 'Lain'", []).unwrap_err();
    assert!(changed.to_string().contains("is not changed"), "{changed}");
}

#[tokio::test]
async fn what_makes_no_sense_leaves_a_row_of_the_audit_and_nothing_else() {
    let folder = folder();
    let store = open(folder.path());
    assert_eq!(say(&store, "1", tick(), 0).await, Err(Unwritten::NoSession));
    store.wish(wanted(Wish::Book(Box::new(session("a"))), MARGINS, None)).await.unwrap();
    assert_eq!(say(&store, "2", untick(), 0).await, Ok(Noted::Same), "it never was");
    assert_eq!(say(&store, "3", SheetAct::EndTrial { findings: String::new() }, 0).await, Err(Unwritten::NoTrial));
    let before = SheetWish { session: "a".into(), start: Some(second(1)), by: "x".to_owned(), act: tick() };
    let actor = Actor { name: "Sari".into(), via: Via::Local };
    let act = Act { key: "4".into(), at: second(0), actor, action: "tick", subject: String::new(), outcome: None };
    assert_eq!(store.note(before, items(), act).await.unwrap(), Err(Unwritten::Moved));
    assert_eq!(store.sheet_of(&session("a")).await.unwrap(), Written::default());
    let rows = crate::store::asked(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    let outcomes: Vec<_> = rows.iter().map(|row| row.outcome.as_deref().unwrap()).collect();
    assert_eq!(outcomes, ["refused: no such session", "refused: no trial is under way", "refused: moved"]);
}

#[tokio::test]
async fn of_many_who_begin_a_trial_at_once_one_does() {
    let folder = folder();
    let store = open(folder.path());
    store.wish(wanted(Wish::Book(Box::new(session("a"))), MARGINS, None)).await.unwrap();
    let all = (0..32).map(|one| {
        let store = store.clone();
        tokio::spawn(async move { say(&store, &format!("k{one}"), SheetAct::BeginTrial, 0).await })
    });
    let mut begun = 0;
    for one in all.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(_) => begun += 1,
            Err(why) => assert_eq!(why, Unwritten::TrialUnderWay),
        }
    }
    assert_eq!(begun, 1);
}

#[tokio::test]
async fn a_file_that_is_removed_is_begun_anew_with_the_sheets() {
    let folder = folder();
    let store = open(folder.path());
    store.wish(wanted(Wish::Book(Box::new(session("a"))), MARGINS, None)).await.unwrap();
    for (key, act) in all_acts() {
        say(&store, key, act, 60).await.unwrap();
    }
    let told =
        Told { session: "a".into(), start: second(START), item: "room".into(), word: Word::Late, at: second(60) };
    let sheets = Written { entries: Vec::new(), told: vec![told] };
    store.record(Batch { sheets, ..Batch::default() }).await.unwrap();
    let before = store.sheet_of(&session("a")).await.unwrap();
    assert_eq!((before.entries.len(), before.told.len()), (6, 1));
    // The file itself last: once that is missed, a new log lies beside the new file.
    for suffix in ["-wal", "-shm", ""] {
        std::fs::remove_file(folder.path().join(format!("siaga.db{suffix}"))).unwrap();
    }
    until(&store, |health| health.removed == 1 && health.ok).await;
    // What memory had goes into the new file after it was begun.
    store.flush().await.unwrap();
    assert_eq!(store.sheet_of(&session("a")).await.unwrap(), before);
}

#[tokio::test]
async fn the_minutes_of_a_trial_are_those_that_a_report_reads() {
    let folder = folder();
    let store = open(folder.path());
    store.wish(wanted(Wish::Book(Box::new(session("a"))), MARGINS, None)).await.unwrap();
    let minute = |at: i64| second(at).as_second().div_euclid(60);
    let db = other_eyes(folder.path());
    db.execute("INSERT INTO series (id, check_name, quantity, part) VALUES (1, 'icmp', ?1, '')", [LOSS.name]).unwrap();
    for (at, mean) in [(0, 0.5), (60, 0.1), (120, 0.3), (180, 0.5)] {
        db.execute(
            "INSERT INTO minutes (minute, series, count, min, max, mean, p50, p95) VALUES (?1, 1, 10, 0, 1, ?2, 0, 0)",
            rusqlite::params![minute(at), mean],
        )
        .unwrap();
    }
    // `second(0)` is the beginning of a minute.
    let span = (second(30), second(200));
    let (series, cut) = store.minutes_of(span).await.unwrap();
    assert!(!cut);
    let found = crate::engine::sheet::measured(&series, span);
    assert_eq!(found.len(), 1, "{series:?}");
    let figures = &found[0];
    assert_eq!((&*figures.check, figures.quantity.name, figures.minutes), ("icmp", LOSS.name, 2));
    assert!((figures.mean - 0.2).abs() < 1e-9, "{figures:?}");
    // More than are read at once: who reads is told so.
    db.execute(
        "INSERT INTO minutes (minute, series, count, min, max, mean, p50, p95)
         WITH RECURSIVE later (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM later WHERE n < ?2)
         SELECT ?1 + n, 1, 10, 0, 1, 0, 0, 0 FROM later",
        rusqlite::params![minute(240), i64::try_from(MAX_MINUTES).unwrap()],
    )
    .unwrap();
    let (series, cut) = store.minutes_of((second(240), second(240 + 2 * 60 * 100_000))).await.unwrap();
    assert_eq!((series[0].points.len(), cut), (MAX_MINUTES, true));
}

#[tokio::test]
async fn a_sheet_goes_with_its_session() {
    let folder = folder();
    let store = Store::open(claim(folder.path()), Clock::start(), Retention::default(), CATALOGUE);
    // That was in 2023: a year and a month are over.
    store.wish(wanted(Wish::Book(Box::new(session("a"))), MARGINS, None)).await.unwrap();
    say(&store, "1", tick(), 60).await.unwrap();
    assert!(matches!(store.sheet_of(&session("a")).await.unwrap().entries[0].what, What::Tick { .. }));
    let gone = prune(&other_eyes(folder.path()), &Retention::default(), Clock::start().now().wall);
    assert!(gone >= 2);
    assert_eq!(store.sheet_of(&session("a")).await.unwrap(), Written::default());
}

/// A meeting of a fortnight, with all that is written down of it.
async fn long_meeting(store: &Store) -> (Session, Notice) {
    let long = Session { end: second(START + 14 * DAY), ..session("a") };
    let confirmed = Notice {
        session: "a".into(),
        start: long.start,
        occasion: Occasion::Confirmed,
        at: second(0),
        verdict: Verdict::Ready,
        codes: Vec::new(),
        evidence: None,
    };
    store.wish(wanted(Wish::Book(Box::new(long.clone())), MARGINS, Some(confirmed.clone()))).await.unwrap();
    say(store, "1", tick(), 60).await.unwrap();
    let told = Told { session: "a".into(), start: long.start, item: "room".into(), word: Word::Late, at: second(30) };
    let sheets = Written { told: vec![told], ..Written::default() };
    store.record(Batch { sheets, ..Batch::default() }).await.unwrap();
    (long, confirmed)
}

#[tokio::test]
async fn a_meeting_of_a_fortnight_has_its_notices_and_its_sheet_after_a_start_in_its_second_week() {
    let folder = folder();
    let store = open(folder.path());
    let (long, confirmed) = long_meeting(&store).await;
    let whole = store.sheet_of(&long).await.unwrap();
    assert_eq!((whole.entries.len(), whole.told.len()), (1, 1));
    // Until a week after its end, as the session itself.
    for (day, there) in [(9, true), (20, true), (22, false)] {
        let (sessions, notices, written) = store.agenda(second(START + day * DAY)).await.unwrap();
        assert_eq!((sessions.len(), notices.len()), if there { (1, 1) } else { (0, 0) }, "day {day}");
        assert_eq!(written, if there { whole.clone() } else { Written::default() }, "day {day}");
        assert!(notices.iter().all(|notice| *notice == confirmed));
    }
}

#[tokio::test]
async fn a_sheet_is_kept_as_long_as_its_session_however_long_ago_that_began() {
    let folder = folder();
    let store = open(folder.path());
    let (long, _) = long_meeting(&store).await;
    let db = other_eyes(folder.path());
    let keep = Retention { sessions: crate::domain::Period(Duration::from_hours(24)), ..Retention::default() };
    let rows = || {
        ["sessions", "session_notices", "sheet_entries", "sheet_told"].map(|table| {
            db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap()
        })
    };
    // Of an hour that it has left long ago nothing is kept for it.
    let left = "INSERT INTO session_notices VALUES ('a', 0, 'confirmed', 0, 'ready', '[]', NULL)";
    db.execute(left, []).unwrap();
    for (day, expected) in [(2, [1, 1, 1, 1]), (14, [1, 1, 1, 1]), (16, [0, 0, 0, 0])] {
        prune(&db, &keep, long.start.checked_add(jiff::SignedDuration::from_hours(24 * day)).unwrap());
        assert_eq!(rows(), expected, "day {day}");
    }
}
