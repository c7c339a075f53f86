//! A file that is not what it should be is set aside, said loudly, and a new one is begun.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt as _;

use super::super::{Kept, StoreError};
use super::*;
use crate::domain::Outbox as _;

/// A good file with history in it, closed.
async fn with_history(folder: &Path) {
    let store = open(folder);
    for at in 0..200 {
        store.record(Batch { transitions: vec![transition(at)], ..Batch::default() }).await.unwrap();
    }
    store.close().await.unwrap();
    assert!(fs::metadata(folder.join("siaga.db")).unwrap().len() > 16_384);
}

/// Spoils what whoever reads transitions goes through first.
fn overwrite_a_page(folder: &Path) {
    let page: u64 = other_eyes(folder)
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'transitions_at'", [], |row| row.get::<_, i64>(0))
        .unwrap()
        .try_into()
        .unwrap();
    let file = fs::OpenOptions::new().write(true).open(folder.join("siaga.db")).unwrap();
    file.write_all_at(&[0xa5; 4096], (page - 1) * 4096).unwrap();
}

/// What lies in the folder under names as those of files that were set aside.
fn aside(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_prefix("siaga.db.").map(str::to_owned)).collect()
}

/// The store over whatever is in the folder works, says that the old file is damaged, and where it is.
async fn is_set_aside(folder: &Path, what: &str) {
    let spoiled = fs::read(folder.join("siaga.db")).unwrap();
    let store = open(folder);
    assert_eq!(store.record(notify("a")).await.unwrap(), Kept::OnDisk);
    let health = store.health().borrow().clone();
    assert!(health.ok, "{health:?}");
    let damaged = health.damaged.unwrap_or_else(|| panic!("{what}: nothing was said"));
    assert!(damaged.what.contains(what), "{:?} does not say {what:?}", damaged.what);
    assert!(damaged.file.file_name().unwrap().to_str().unwrap().starts_with("siaga.db.damaged-2"));
    assert_eq!(fs::read(&damaged.file).unwrap(), spoiled, "the old file is kept as it was");
    assert_eq!(store.transitions(Timestamp::MIN, Timestamp::MAX, 10).await.unwrap().len(), 1);
    store.close().await.unwrap();
    let health = open(folder);
    health.restore().await.unwrap();
    assert_eq!(health.health().borrow().damaged, None, "the new file is sound");
}

#[tokio::test]
async fn garbage() {
    let folder = folder();
    fs::write(folder.path().join("siaga.db"), "this is no database, it is a shopping list\n".repeat(99)).unwrap();
    is_set_aside(folder.path(), "not a database").await;
}

#[tokio::test]
async fn truncated() {
    let folder = folder();
    with_history(folder.path()).await;
    let file = fs::OpenOptions::new().write(true).open(folder.path().join("siaga.db")).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    is_set_aside(folder.path(), "malformed").await;
}

#[tokio::test]
async fn a_page_overwritten() {
    let folder = folder();
    with_history(folder.path()).await;
    overwrite_a_page(folder.path());
    is_set_aside(folder.path(), "").await;
}

#[tokio::test]
async fn a_version_that_never_was() {
    let folder = folder();
    with_history(folder.path()).await;
    other_eyes(folder.path()).pragma_update(None, "user_version", -1).unwrap();
    is_set_aside(folder.path(), "version -1").await;
}

#[tokio::test]
async fn a_database_of_another_program() {
    let folder = folder();
    other_eyes(folder.path()).execute_batch("CREATE TABLE songs (title TEXT); PRAGMA user_version = 1").unwrap();
    is_set_aside(folder.path(), "another program").await;
}

#[tokio::test]
async fn a_table_missing() {
    let folder = folder();
    with_history(folder.path()).await;
    other_eyes(folder.path()).execute_batch("DROP TABLE outbox").unwrap();
    is_set_aside(folder.path(), "outbox").await;
}

#[tokio::test]
async fn an_empty_file_beside_a_full_log() {
    let folder = folder();
    with_history(folder.path()).await;
    // A log stays when the process is killed; this is one, of a file that somebody emptied.
    let held = other_eyes(folder.path());
    held.execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO meta VALUES ('x', 1)").unwrap();
    let log = fs::read(folder.path().join("siaga.db-wal")).unwrap();
    drop(held);
    fs::write(folder.path().join("siaga.db-wal"), &log).unwrap();
    fs::write(folder.path().join("siaga.db"), "").unwrap();
    is_set_aside(folder.path(), "write-ahead log").await;
    let logs = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        logs.filter(|name| name.contains("damaged") && name.ends_with("-wal")).count(),
        1,
        "the log is kept too"
    );
}

#[tokio::test]
async fn damage_met_while_running_loses_no_notification() {
    let folder = folder();
    let store = open(folder.path());
    for at in 0..200 {
        store.record(Batch { transitions: vec![transition(at)], ..Batch::default() }).await.unwrap();
    }
    store.record(notify("a")).await.unwrap();
    other_eyes(folder.path()).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let path = folder.path().join("siaga.db");
    let size = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .write_all_at(&vec![0xa5; size.try_into().unwrap()], 0)
        .unwrap();
    // Whoever meets it first, reader or writer: afterwards there is a new file, with what had not been delivered.
    for at in 0..3 {
        _ = store.transitions(second(at), second(300), 100).await;
        _ = store.record(Batch { transitions: vec![transition(500 + at)], ..Batch::default() }).await;
    }
    until(&store, |health| health.ok && health.damaged.is_some()).await;
    assert_eq!(store.record(notify("b")).await.unwrap(), Kept::OnDisk);
    assert_eq!(&*store.next("desk").await.unwrap().key, "a");
    store.close().await.unwrap();
    let store = open(folder.path());
    store.restore().await.unwrap();
    assert_eq!(keys(&store), ["a".into(), "b".into()]);
}

#[tokio::test]
async fn a_new_file_is_looked_through_however_soon_after_the_one_that_was_set_aside() {
    let (folder, clock) = (folder(), Clock::on_tokio_time(second(500)));
    let store = Store::open(claim(folder.path()), clock, Retention::default(), CATALOGUE);
    let mut before = None;
    for _ in 0..2 {
        for at in 0..200 {
            store.record(Batch { transitions: vec![transition(at)], ..Batch::default() }).await.unwrap();
        }
        other_eyes(folder.path()).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        overwrite_a_page(folder.path());
        // The reader meets it; nothing is written that would.
        let read = store.transitions(second(0), second(300), 100).await;
        assert!(matches!(read, Err(StoreError::Damaged(_))), "{read:?}");
        let health = until(&store, |health| health.ok && health.damaged.is_some() && health.damaged != before).await;
        before = health.damaged;
        // Beyond the minute in which no two are set aside, and within the ten in which nothing is looked through again.
        tokio::time::pause();
        tokio::time::advance(Duration::from_mins(2)).await;
        tokio::time::resume();
    }
    assert_eq!(aside(folder.path()).iter().filter(|name| !name.ends_with("-wal")).count(), 2);
    store.close().await.unwrap();
}

#[tokio::test]
async fn of_what_was_set_aside_the_two_newest_and_the_largest_stay_and_what_is_sound_or_somebodys() {
    let folder = folder();
    let kept = [
        // The first, which has the years in it.
        "damaged-20200101T000000Z",
        "damaged-20250102T000000Z-2",
        "damaged-20250103T000000Z",
        "damaged-20250103T000000Z-wal",
        // A log whose file was removed by hand.
        "removed-20250102T000000Z-wal",
        "removed-20250103T000000Z-wal",
        // Nothing is wrong with those of a newer siaga, which somebody will want back.
        "newer-20240101T000000Z",
        "newer-20240102T000000Z",
        "newer-20240103T000000Z",
        // Not named by siaga.
        "damaged-20240101T000000Z.recovered",
        "damaged-by-lightning",
        "copy",
    ];
    let old = [
        "damaged-20241231T235959Z",
        "damaged-20241231T235959Z-wal",
        "damaged-20250102T000000Z",
        "removed-20250101T000000Z-wal",
    ];
    for name in kept.iter().chain(&old) {
        let content = if old.contains(name) { "old" } else { "twelve bytes" };
        let content = if *name == kept[0] { "a hundred bytes".repeat(7) } else { content.to_owned() };
        fs::write(folder.path().join(format!("siaga.db.{name}")), content).unwrap();
    }
    let store = open(folder.path());
    store.record(notify("a")).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(aside(folder.path()), kept.map(str::to_owned).into());
    let left = super::super::open::thin_out(&folder.path().join("siaga.db"), None).unwrap();
    assert_eq!((left.files, left.bytes), (8, 8 * 12 + 105), "a file and its log are one");
    assert_eq!(aside(folder.path()), kept.map(str::to_owned).into());
}

#[tokio::test]
async fn what_was_just_set_aside_stays_by_a_clock_that_is_behind_too() {
    let folder = folder();
    for name in ["damaged-20980101T000000Z", "damaged-20990101T000000Z"] {
        fs::write(folder.path().join(format!("siaga.db.{name}")), "").unwrap();
    }
    fs::write(folder.path().join("siaga.db"), "a shopping list\n".repeat(99)).unwrap();
    let store = open(folder.path());
    store.record(notify("a")).await.unwrap();
    let health = store.health().borrow().clone();
    store.close().await.unwrap();
    let name = health.damaged.unwrap().file.file_name().unwrap().to_str().unwrap().to_owned();
    let name = name.strip_prefix("siaga.db.").unwrap().to_owned();
    assert_eq!(aside(folder.path()), [name, "damaged-20990101T000000Z".to_owned()].into());
}
