//! How many are served at once, and who waits.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use futures_util::FutureExt as _;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::store::{EVIDENCE, Kept, PATIENCE, READS, StoreError, lock};

/// Readers who do not come to an end until they are let go, as on a disk that does not answer.
struct Readers {
    store: Store,
    tell: mpsc::Sender<()>,
    begun: mpsc::Receiver<()>,
    held: Arc<Mutex<Receiver<()>>>,
}

impl Readers {
    fn of(store: &Store) -> (Self, SyncSender<()>) {
        let (let_go, held) = sync_channel(1);
        let (tell, begun) = mpsc::channel(99);
        (Self { store: store.clone(), tell, begun, held: Arc::new(Mutex::new(held)) }, let_go)
    }

    fn come(&self, many: usize) -> Vec<JoinHandle<Result<(), StoreError>>> {
        let come = (0..many).map(|_| {
            let (store, tell, held) = (self.store.clone(), self.tell.clone(), Arc::clone(&self.held));
            let read = async move {
                let query = move |_: &rusqlite::Connection, _: &Catalogue| {
                    _ = tell.try_send(());
                    // An error once the other end is gone.
                    _ = lock(&held).recv();
                    Ok(())
                };
                store.read(query).await
            };
            tokio::spawn(read)
        });
        come.collect()
    }
}

#[tokio::test]
async fn a_few_read_at_once_the_others_stand_in_line_and_who_writes_waits_for_none_of_them() {
    let folder = folder();
    let store = open(folder.path());
    store.flush().await.unwrap();
    let (mut readers, let_go) = Readers::of(&store);
    let mut all = readers.come(READS);
    for _ in 0..READS {
        readers.begun.recv().await.unwrap();
    }
    // One more stands in line for so long, and is told then.
    tokio::time::pause();
    let late = Duration::from_millis(1) + PATIENCE;
    let (told, ()) = tokio::join!(store.read(|_, _| Ok(())), tokio::time::advance(late));
    assert!(matches!(told, Err(StoreError::Busy)), "{told:?}");
    tokio::time::resume();
    all.extend(readers.come(5));
    let kept = store.record(Batch { transitions: vec![transition(1)], ..Batch::default() }).await.unwrap();
    assert_eq!(kept, Kept::OnDisk);
    assert!(store.health().borrow().ok, "that much is read is no fault of the disk");
    assert!(readers.begun.try_recv().is_err(), "more than {READS} read at once");
    drop(let_go);
    for read in all {
        read.await.unwrap().unwrap();
    }
    assert_eq!(store.transitions(second(0), second(9), 9).await.unwrap().len(), 1);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_reader_who_has_gone_keeps_the_turn_until_the_disk_has_answered() {
    let folder = folder();
    let store = open(folder.path());
    store.flush().await.unwrap();
    let (mut readers, let_go) = Readers::of(&store);
    let gone = readers.come(READS);
    for _ in 0..READS {
        readers.begun.recv().await.unwrap();
    }
    gone.iter().for_each(JoinHandle::abort);
    for read in gone {
        assert!(read.await.unwrap_err().is_cancelled());
    }
    assert_eq!(store.0.reads.available_permits(), 0);
    drop(let_go);
    assert_eq!(store.transitions(second(0), second(9), 9).await.unwrap().len(), 0);
    store.close().await.unwrap();
}

#[test]
fn where_no_thread_is_left_to_wait_on_nobody_waits_for_ever() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
    let folder = folder();
    let store = open(folder.path());
    let (let_go, held) = sync_channel::<()>(1);
    let kept = runtime.block_on(async {
        store.flush().await.unwrap();
        let _hangs = tokio::task::spawn_blocking(move || _ = held.recv());
        tokio::time::pause();
        let mut recorded = std::pin::pin!(store.record(notify("n1")));
        assert!(recorded.as_mut().now_or_never().is_none());
        tokio::time::advance(PATIENCE + Duration::from_millis(1)).await;
        let kept = recorded.now_or_never();
        tokio::time::resume();
        kept
    });
    drop(let_go);
    assert!(matches!(kept, Some(Ok(Kept::InMemory))), "{kept:?}");
    // It was the waiting alone that had no thread.
    runtime.block_on(async {
        store.close().await.unwrap();
        drop(store);
        let store = open(folder.path());
        store.restore().await.unwrap();
        assert_eq!(keys(&store), ["n1".into()]);
    });
}

#[tokio::test]
async fn evidence_of_many_answers_at_once_is_stored_a_few_at_a_time() {
    let folder = folder();
    let store = open(folder.path());
    let turns: Vec<_> = (0..EVIDENCE).map(|_| Arc::clone(&store.0.evidence).try_acquire_owned().unwrap()).collect();
    let one = {
        let store = store.clone();
        tokio::spawn(async move { store.put_evidence(1, second(1), &json!("first"), || json!("answer")).await })
    };
    // What people ordered is not behind it.
    assert_eq!(store.record(notify("n1")).await.unwrap(), Kept::OnDisk);
    assert!(!one.is_finished());
    drop(turns);
    let id = one.await.unwrap().unwrap();
    assert!(store.evidence(&id).await.unwrap().is_some());
    let many = (0..64).map(|seq| {
        let store = store.clone();
        tokio::spawn(async move { store.put_evidence(seq, second(2), &json!("many"), || json!(seq)).await })
    });
    for one in many.collect::<Vec<_>>() {
        one.await.unwrap().unwrap();
    }
    assert_eq!(store.0.evidence.available_permits(), EVIDENCE);
    store.close().await.unwrap();
}
