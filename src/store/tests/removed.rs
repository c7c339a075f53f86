//! A file or folder that is taken away or replaced while it is open: a new one is begun with what is in memory.

use std::fs;

use super::super::Kept;
use super::*;

/// An incident that is open, since when, and a notification that nobody got.
fn standing() -> Batch {
    let told = vec![("internet-1".to_owned(), Some("{}".to_owned()))];
    Batch { incidents: vec![incident("internet-1", 1)], standings: vec![stands(1)], told, ..notify("waits") }
}

/// The store goes on in a new file, with what belongs into it and without what was lost with the old one.
async fn goes_on(store: &Store, folder: &Path) {
    assert_eq!(store.record(notify("after")).await.unwrap(), Kept::OnDisk, "the very next record is in the new file");
    assert_eq!(store.health().borrow().removed, 1);
    assert_eq!(store.transitions(second(0), second(9), 9).await.unwrap().len(), 1, "readers see the new file");
    assert_eq!(store.incidents(true, 9).await.unwrap(), [incident("internet-1", 1)]);
    assert_eq!(store.restore().await.unwrap().standings, [stands(1)], "since when it is so is known still");
    assert!(store.restore().await.unwrap().told.contains_key("internet-1"), "who was told what is known still");
    let in_file: i64 = other_eyes(folder).query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).unwrap();
    assert_eq!(in_file, 2);
    let closed = Incident { closed_at: Some(second(9)), verdict: Verdict::Ready, ..incident("internet-1", 1) };
    store.record(Batch { incidents: vec![closed], ..Batch::default() }).await.unwrap();
    assert_eq!(store.incidents(true, 9).await.unwrap(), [], "its end finds it");
}

#[tokio::test]
async fn the_whole_folder() {
    let place = folder();
    let state = place.path().join("state");
    let store = open(&state);
    store.record(standing()).await.unwrap();
    fs::remove_dir_all(&state).unwrap();
    goes_on(&store, &state).await;
    assert!(matches!(Claim::take(&state), Err(super::super::ClaimError::Taken(_))), "the new folder is locked too");
}

#[tokio::test]
async fn the_file_alone_with_and_without_its_log() {
    for rest in [&["-wal", "-shm"][..], &[]] {
        let place = folder();
        let store = open(place.path());
        store.record(standing()).await.unwrap();
        // The file itself last: once that is missed, a new log lies beside the new file.
        for name in rest.iter().chain(&[""]) {
            fs::remove_file(place.path().join(format!("siaga.db{name}"))).unwrap();
        }
        goes_on(&store, place.path()).await;
        assert_eq!(store.health().borrow().damaged, None, "what is removed was not damaged");
        let kept = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let kept = kept.filter(|name| name.starts_with("siaga.db.removed-") && name.ends_with("-wal")).count();
        assert_eq!(kept, usize::from(rest.is_empty()), "somebody may save something from its log");
    }
}

#[tokio::test]
async fn what_is_owed_of_an_incident_that_is_closed_is_owed_in_the_new_file_too() {
    let place = folder();
    let store = open(place.path());
    store.record(standing()).await.unwrap();
    // It goes to and fro: it is over, and nobody was told that yet.
    let closed = Incident { closed_at: Some(second(9)), verdict: Verdict::Ready, ..incident("internet-1", 1) };
    store.record(Batch { incidents: vec![closed], ..Batch::default() }).await.unwrap();
    for name in ["-wal", "-shm", ""] {
        fs::remove_file(place.path().join(format!("siaga.db{name}"))).unwrap();
    }
    store.record(notify("after")).await.unwrap();
    let owed = store.restore().await.unwrap();
    assert_eq!(owed.closed_incidents.iter().map(|incident| incident.id.as_str()).collect::<Vec<_>>(), ["internet-1"]);
    assert!(owed.told.contains_key("internet-1") && owed.open_incidents.is_empty());
    // Once it is told, it is owed no more, and is in no third file.
    store.record(Batch { told: vec![("internet-1".to_owned(), None)], ..Batch::default() }).await.unwrap();
    for name in ["-wal", "-shm", ""] {
        fs::remove_file(place.path().join(format!("siaga.db{name}"))).unwrap();
    }
    store.record(notify("later")).await.unwrap();
    assert_eq!(store.incidents(false, 9).await.unwrap(), []);
}

#[tokio::test]
async fn an_older_copy_in_its_place_is_left_what_it_has() {
    let place = folder();
    let (state, copy) = (place.path().join("state"), place.path().join("copy"));
    let old = open(&copy);
    old.record(notify("of-the-copy")).await.unwrap();
    old.close().await.unwrap();
    let store = open(&state);
    store.record(standing()).await.unwrap();
    fs::rename(&state, place.path().join("away")).unwrap();
    fs::rename(&copy, &state).unwrap();
    until(&store, |health| health.removed == 1).await;
    store.flush().await.unwrap();
    assert_eq!(keys(&store), ["of-the-copy".into(), "waits".into()]);
    assert_eq!(store.incidents(true, 9).await.unwrap().len(), 1);
    assert_eq!(store.transitions(second(0), second(9), 9).await.unwrap().len(), 1, "its history");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_years_ahead_leaves_the_new_file_what_is_booked_unless_it_is_believed() {
    for believed in [false, true] {
        let place = folder();
        let clock = Clock::on_tokio_time(second(0)).set_by(jiff::SignedDuration::from_hours(24 * 1500));
        let store = Store::open(claim(place.path()), clock, Retention::default(), CATALOGUE);
        let margins = Margins { set_up: Duration::ZERO, tear_down: Duration::ZERO };
        let booked = sessions::book("a", 3600, 7200);
        store.wish(wanted(booked, margins, None)).await.unwrap();
        if believed {
            watched(&other_eyes(place.path()), clock.now().wall, 24);
        }
        // Old rows are due to go; the second answer comes when they have gone.
        tokio::time::advance(Duration::from_secs(30)).await;
        store.flush().await.unwrap();
        store.flush().await.unwrap();
        for name in ["-wal", "-shm", ""] {
            fs::remove_file(place.path().join(format!("siaga.db{name}"))).unwrap();
        }
        store.record(notify("after")).await.unwrap();
        assert_eq!(store.health().borrow().removed, 1);
        let found = store.session("a").await.unwrap();
        assert_eq!(found.is_some(), !believed, "{believed}: {found:?}");
    }
}
