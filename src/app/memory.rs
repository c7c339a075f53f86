//! The readers' view of the store.

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::clock::Clock;
use crate::store::{Store, StoreError};
use crate::web::{Evidence, PastIncident, Stored};

/// The store, as the readers' side wants it.
pub struct Memory {
    /// Where everything is kept.
    pub store: Store,
    /// The clocks.
    pub clock: Clock,
}

impl Evidence for Memory {
    fn put(&self, question: Value, snapshot_seq: u64, answer: Value) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            let at = self.clock.now().wall;
            self.store.put_evidence(snapshot_seq, at, &question, || answer).await.map_err(|error| in_full(&error))
        })
    }

    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Stored>, String>> {
        Box::pin(async move {
            let found = self.store.evidence(id).await.map_err(|error| in_full(&error))?;
            Ok(found.map(|found| Stored {
                id: id.to_owned(),
                snapshot_seq: seq_of(id),
                question: found.question,
                answer: found.answer,
            }))
        })
    }

    fn closed_incidents(&self, limit: usize) -> BoxFuture<'_, Result<Vec<PastIncident>, String>> {
        Box::pin(async move {
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            let all = self.store.incidents(false, limit).await.map_err(|error| in_full(&error))?;
            let past = all.into_iter().filter_map(|incident| {
                Some(PastIncident {
                    closed_at: incident.closed_at?,
                    id: incident.id,
                    component: incident.component,
                    worst: incident.worst,
                    codes: incident.reasons.iter().map(|reason| reason.def.code.to_owned()).collect(),
                    opened_at: incident.opened_at,
                })
            });
            Ok(past.collect())
        })
    }
}

/// The snapshot's number in an evidence id (`run-seq-question`, the number in hexadecimal).
fn seq_of(id: &str) -> u64 {
    id.split('-').nth(1).and_then(|seq| u64::from_str_radix(seq, 16).ok()).unwrap_or_default()
}

/// An error with all that is behind it.
pub fn in_full(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
