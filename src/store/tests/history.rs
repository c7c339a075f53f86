//! The history of observations: on the disk, read from outside, brought from an older file, and gone in time.

use super::super::{Recording, RecordingError, open as file};
use super::*;
use crate::domain::Sample;

/// One packet a second, and a look at what was measured.
fn ping(at: i64, lost: u32) -> Observation {
    let mut observation = observation("far-end", second(at), 0.02);
    observation.reading.sample = Some(Sample { sent: 1, lost, outage: false });
    observation
}

fn read(folder: &Path, since: i64, until: i64) -> Result<Recording, RecordingError> {
    Recording::read(folder, (second(since), second(until)), &CATALOGUE)
}

/// Seconds, how many left out, packets sent, lost.
fn rows(recording: &Recording) -> Vec<(i64, u32, u32, u32)> {
    let row = |recorded: &super::super::Recorded| {
        let sample = recorded.observation.reading.sample.unwrap();
        (recorded.observation.at.wall.as_second() - second(0).as_second(), recorded.left_out, sample.sent, sample.lost)
    };
    recording.within.iter().map(row).collect()
}

#[tokio::test]
async fn a_minute_of_packets_is_one_row_with_all_of_them_and_is_read_while_the_daemon_runs() {
    let folder = folder();
    let store = open(folder.path());
    for at in 0..180 {
        store.observe(&ping(at, u32::from(at % 10 == 0)));
    }
    store.observe(&observation("web", second(30), 0.2));
    store.record(notify("a")).await.unwrap();
    store.flush().await.unwrap();
    let recording = read(folder.path(), 0, 300).unwrap();
    let far_end = Recording {
        within: recording.within.iter().filter(|seen| seen.observation.check.as_str() == "far-end").cloned().collect(),
        ..Recording::default()
    };
    // The first of all, then the newest of each minute.
    assert_eq!(rows(&far_end), [(0, 0, 1, 1), (59, 58, 59, 5), (119, 59, 60, 6), (179, 59, 60, 6)]);
    assert_eq!(recording.within.len(), 5);
    assert_eq!(recording.room, [], "the transition is a component's");
    assert_eq!(recording.span().unwrap(), (second(0), second(179)));

    let later = read(folder.path(), 60, 120).unwrap();
    assert_eq!(rows(&later), [(119, 59, 60, 6)]);
    let mut before: Vec<i64> =
        later.before.iter().map(|seen| seen.observation.at.wall.as_second() - second(0).as_second()).collect();
    before.sort_unstable();
    assert_eq!(before, [30, 59], "of each check the newest from before the span");
    assert_eq!(read(folder.path(), 1000, 2000).unwrap().span(), None);
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_the_running_minute_has_not_kept_yet_is_there_as_the_newest_of_its_check() {
    let folder = folder();
    let clock = Clock::start();
    let store = Store::open(claim(folder.path()), clock, Retention::default(), CATALOGUE);
    let minute = Timestamp::from_second(clock.now().wall.as_second().div_euclid(60) * 60).unwrap();
    for second in 0..3 {
        let at = minute.checked_add(Duration::from_secs(second)).unwrap();
        store.observe(&observation("far-end", at, 0.02));
    }
    store.flush().await.unwrap();
    let until = minute.checked_add(Duration::from_mins(5)).unwrap();
    let recording = Recording::read(folder.path(), (minute, until), &CATALOGUE).unwrap();
    let seconds: Vec<i64> =
        recording.within.iter().map(|seen| seen.observation.at.wall.as_second() - minute.as_second()).collect();
    assert_eq!(seconds, [0, 2]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_file_of_version_1_is_brought_to_this_version_with_its_rows() {
    let folder = folder();
    let path = folder.path().join("siaga.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../migrations/0001.sql")).unwrap();
    old.pragma_update(None, "application_id", 0x5349_4147).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute_batch(
        "INSERT INTO transitions (at, subject, name, profile, old, new, codes, settling)
             VALUES (1700000041000000, 'room', NULL, 'standard', 'ready', 'not_ready', '[\"internet.loss_high\"]', 0);
         INSERT INTO outbox (key, receiver, payload, created_at, next_attempt_at) VALUES ('a', 'desk', '{}', 1, 1);
         INSERT INTO last_observations
             VALUES ('far-end', 1700000040000000, '{\"took_us\":3000,\"measurements\":[],\"findings\":[]}');",
    )
    .unwrap();
    drop(old);
    let error = read(folder.path(), 0, 300).unwrap_err();
    assert!(matches!(error, RecordingError::Older { version: 1, .. }), "{error}");

    let store = open(folder.path());
    let restored = store.restore().await.unwrap();
    assert_eq!((restored.observations.len(), restored.skipped), (1, 0));
    assert_eq!(keys(&store), ["a".into()]);
    store.observe(&ping(60, 0));
    store.close().await.unwrap();
    assert_eq!(store.health().borrow().damaged, None);
    let version: i64 = other_eyes(folder.path()).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 16);
    let recording = read(folder.path(), 0, 300).unwrap();
    assert_eq!(rows(&recording), [(60, 0, 1, 0)]);
    assert_eq!(recording.room.iter().map(|change| change.to).collect::<Vec<_>>(), [Verdict::NotReady]);
}

#[tokio::test]
async fn what_cannot_be_read_says_why() {
    let folder = folder();
    let error = read(folder.path(), 0, 300).unwrap_err();
    assert!(matches!(error, RecordingError::NoDatabase(_)), "{error}");
    let store = open(folder.path());
    store.restore().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(read(folder.path(), 0, 300).unwrap().span(), None);
    other_eyes(folder.path()).pragma_update(None, "user_version", 99).unwrap();
    let error = read(folder.path(), 0, 300).unwrap_err();
    assert!(matches!(error, RecordingError::Newer { version: 99, .. }), "{error}");
    other_eyes(folder.path()).pragma_update(None, "application_id", 7).unwrap();
    let error = read(folder.path(), 0, 300).unwrap_err();
    assert!(matches!(error, RecordingError::Foreign(_)), "{error}");
    std::fs::write(folder.path().join("siaga.db"), "a shopping list\n".repeat(99)).unwrap();
    let error = read(folder.path(), 0, 300).unwrap_err();
    assert!(matches!(error, RecordingError::Unreadable { .. }), "{error}");
}

#[test]
fn what_is_older_than_its_limit_goes_a_little_at_a_time() {
    let folder = folder();
    let db = file::open(&folder.path().join("siaga.db"), second(0)).unwrap();
    let day = |days: i64| second(0).as_microsecond() - days * 86_400_000_000;
    db.execute_batch("BEGIN").unwrap();
    for i in 0..700 {
        let at = day(if i < 600 { 8 } else { 6 }) + i;
        db.execute("INSERT INTO observations VALUES (?1, 'far-end', '{}', 0, ?1, ?1)", [at]).unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
    let prune = || prune(&db, &Retention::default(), second(0));
    assert_eq!([prune(), prune(), prune()], [500, 100, 0]);
    let left: i64 = db.query_row("SELECT count(*) FROM observations", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 100);
}
