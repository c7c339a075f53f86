//! What was told, and wishes for silence: over restarts, and in a file that is begun anew.

use super::{folder, incident, open, second};
use crate::domain::{Component, Silence};
use crate::store::Batch;

fn silence(id: &str, component: Option<Component>, until: i64) -> Silence {
    Silence { id: id.into(), component, reason: "kabel diganti".into(), from: second(0), until: second(until) }
}

#[tokio::test]
async fn what_was_told_and_silences_survive_a_restart_and_a_file_that_goes() {
    let folder = folder();
    let store = open(folder.path());
    // Far ahead of any clock that a test may have.
    let (lasts, over) = (silence("a-1", Some(Component::Internet), 1 << 33), silence("a-2", None, 1));
    let ended = Silence { until: second(0), ..silence("a-3", None, 1 << 33) };
    let told = |id: &str, state: Option<&str>| (id.to_owned(), state.map(str::to_owned));
    let batch = Batch {
        incidents: vec![incident("internet-1", 1)],
        told: vec![told("internet-1", Some("{\"told\":{}}")), told("internet-0", Some("{}"))],
        silences: vec![lasts.clone(), over.clone(), ended],
        ..Batch::default()
    };
    store.record(batch).await.unwrap();
    store.record(Batch { told: vec![told("internet-0", None)], ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();

    let store = open(folder.path());
    let left = store.restore().await.unwrap();
    assert_eq!(left.told, [("internet-1".to_owned(), "{\"told\":{}}".to_owned())].into());
    // Of one that is over it is the clock of then that says so.
    assert_eq!(left.silences, [over.clone(), lasts.clone()]);

    // Ended before its time.
    store.record(Batch { silences: vec![Silence { until: second(0), ..lasts }], ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(open(folder.path()).restore().await.unwrap().silences, [over]);
}
