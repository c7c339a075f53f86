//! Disks that are full, read-only or away: real ones, in a mount namespace of the test's own.

use std::process::Command;

use super::super::{Kept, StoreError};
use super::*;
use crate::domain::Outbox as _;

/// Runs the test named `test` again under a namespace with a tmpfs of 1 MiB, and gives its folder there; `None` outside,
/// where the run has been judged.
fn on_a_small_disk(test: &str) -> Option<std::path::PathBuf> {
    const PLACE: &str = "SIAGA_TEST_SMALL_DISK";
    if let Some(place) = std::env::var_os(PLACE) {
        return Some(place.into());
    }
    let place = folder();
    // Without privileges too: in a user namespace of its own, whoever made it may mount a tmpfs.
    let inner = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c"])
        .arg(format!("mount -t tmpfs -o size=1m siaga \"${PLACE}\" && exec \"$0\" --exact \"$1\" --nocapture"))
        .arg(std::env::current_exe().unwrap())
        .arg(format!("store::tests::failing::{test}"))
        .env(PLACE, place.path())
        .output()
        .expect("unshare(1) is missing: install the Debian package util-linux");
    let said = String::from_utf8_lossy(&inner.stdout);
    assert!(inner.status.success(), "{said}\n{}", String::from_utf8_lossy(&inner.stderr));
    assert!(said.contains("1 passed"), "the inner test did not run: {said}");
    None
}

#[tokio::test]
async fn a_full_disk_is_seen_alerts_go_on_and_nothing_is_lost() {
    let Some(place) = on_a_small_disk("a_full_disk_is_seen_alerts_go_on_and_nothing_is_lost") else { return };
    let store = open(&place);
    assert_eq!(store.record(notify("before")).await.unwrap(), Kept::OnDisk);
    let filler = place.join("filler");
    assert!(std::fs::write(&filler, vec![0; 2 << 20]).is_err(), "the disk should be full now");

    // The log may have had room to spare.
    let mut made = 0;
    while store.record(notify(&format!("during-{made}"))).await.unwrap() == Kept::OnDisk {
        made += 1;
        assert!(made < 1000, "the disk never fills");
    }
    let health = until(&store, |health| !health.ok).await;
    assert!(health.last_error.as_ref().unwrap().contains("full"), "{health:?}");
    assert_eq!(health.waiting, 1);
    let error = store.put_evidence(1, second(1), &serde_json::json!({}), || serde_json::json!({})).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(!store.transitions(second(0), second(9), 9).await.unwrap().is_empty(), "reading goes on");
    // Alerts go out from memory, and their marks wait too.
    assert_eq!(&*store.next("desk").await.unwrap().key, "before");
    store.delivered("before", None).await;
    let health = store.health().borrow().clone();
    assert_eq!(health.waiting, 2, "{health:?}");

    std::fs::remove_file(&filler).unwrap();
    // It writes again before all that waited is worked off.
    let health = until(&store, |health| health.ok && health.waiting == 0).await;
    assert_eq!(health.dropped, 0);
    store.close().await.unwrap();
    let store = open(&place);
    store.restore().await.unwrap();
    let expected: Vec<Arc<str>> = (0..=made).map(|n| format!("during-{n}").into()).collect();
    assert_eq!(keys(&store), expected);
    assert_eq!(store.transitions(second(0), second(9), 9999).await.unwrap().len(), made + 2);
}

#[tokio::test]
async fn a_read_only_disk_at_the_start_is_seen_and_used_when_it_is_back() {
    let Some(place) = on_a_small_disk("a_read_only_disk_at_the_start_is_seen_and_used_when_it_is_back") else { return };
    let first = open(&place);
    first.record(notify("old")).await.unwrap();
    first.close().await.unwrap();
    let remount = |how: &str| {
        let done = Command::new("mount").args(["-o", &format!("remount,bind,{how}")]).arg(&place).status().unwrap();
        assert!(done.success());
    };
    remount("ro");
    let store = open(&place);
    assert_eq!(store.record(notify("new")).await.unwrap(), Kept::InMemory);
    let health = store.health().borrow().clone();
    assert!(!health.ok && health.damaged.is_none(), "{health:?}");
    assert!(matches!(store.transitions(second(0), second(9), 9).await, Err(StoreError::Unavailable(_))));
    assert_eq!(&*store.next("desk").await.unwrap().key, "new", "alerts go out from memory");

    remount("rw");
    until(&store, |health| health.ok && health.waiting == 0).await;
    assert_eq!(keys(&store), ["old".into(), "new".into()], "what was stored before comes first");
    assert_eq!(store.transitions(second(0), second(9), 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_fails_and_stops_nothing() {
    let folder = folder();
    std::fs::write(folder.path().join("in-the-way"), "a file").unwrap();
    let store = open(&folder.path().join("in-the-way/state"));
    assert_eq!(store.record(notify("a")).await.unwrap(), Kept::InMemory);
    store.observe(&observation("far-end", second(0), 1.0));
    store.flush().await.unwrap();
    assert!(store.restore().await.is_err());
    assert!(!store.health().borrow().ok);
    std::fs::remove_file(folder.path().join("in-the-way")).unwrap();
    until(&store, |health| health.ok && health.waiting == 0).await;
    store.flush().await.unwrap();
    assert_eq!(store.restore().await.unwrap().observations.len(), 1, "observations wait too");
}

#[tokio::test]
async fn a_locked_file_makes_nobody_wait_for_long() {
    let folder = folder();
    let store = open(folder.path());
    store.record(notify("a")).await.unwrap();
    let other = other_eyes(folder.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(store.record(notify("b")).await.unwrap(), Kept::InMemory);
    assert!(!store.health().borrow().ok);
    other.execute_batch("ROLLBACK").unwrap();
    until(&store, |health| health.ok && health.waiting == 0).await;
}

#[tokio::test]
async fn a_closed_store_says_so_and_still_hands_out_notifications() {
    let folder = folder();
    let store = open(folder.path());
    store.close().await.unwrap();
    assert!(matches!(store.record(notify("a")).await, Err(StoreError::Closed)));
    assert_eq!(&*store.next("desk").await.unwrap().key, "a");
}

#[tokio::test]
async fn a_writer_that_hangs_is_waited_for_once_and_gets_everything_when_it_goes_on() {
    let folder = folder();
    let store = open(folder.path());
    store.record(notify("before")).await.unwrap();
    // The writer needs the feed before it answers: whoever keeps that makes it hang, as a disk would.
    let (go_on, held) = (std::sync::mpsc::sync_channel::<()>(1), std::sync::mpsc::sync_channel::<()>(1));
    let feed = Arc::clone(&store.0.feed);
    let holder = std::thread::spawn(move || {
        let _kept = super::super::lock(&feed);
        held.0.send(()).unwrap();
        _ = go_on.1.recv();
    });
    held.1.recv().unwrap();
    assert_eq!(store.record(notify("first")).await.unwrap(), Kept::InMemory);
    assert!(!store.health().borrow().ok);
    // One wait each would be two minutes.
    let rest = async {
        for n in 0..12 {
            assert_eq!(store.record(notify(&format!("then-{n}"))).await.unwrap(), Kept::InMemory);
            store.delivered(&format!("then-{n}"), None).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), rest).await.expect("they wait for the disk one by one");
    let asked = store.put_evidence(1, second(1), &serde_json::json!({}), || serde_json::json!({})).await;
    assert!(matches!(asked, Err(StoreError::Stuck)), "{asked:?}");
    assert_eq!(keys(&store), ["before".into(), "first".into()], "they were told meanwhile");

    drop(go_on.0);
    holder.join().unwrap();
    // A disk that others keep busy may take longer than the flush waits; what is waited for is what it leads to.
    _ = store.flush().await;
    until(&store, |health| health.ok && health.waiting == 0).await;
    assert_eq!(store.record(notify("after")).await.unwrap(), Kept::OnDisk);
    store.close().await.unwrap();
    let store = open(folder.path());
    store.restore().await.unwrap();
    assert_eq!(keys(&store), ["before".into(), "first".into(), "after".into()], "the marks came after their rows");
    assert_eq!(store.transitions(second(0), second(9), 99).await.unwrap().len(), 15);
}
