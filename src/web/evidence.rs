//! What the readers' side needs of a store: evidence of answers given, incidents that are over, and the past of the line.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;

use crate::domain::{Component, Past, Reason, Verdict, Wanted};

/// Where evidence is kept and history is read. Whoever implements it bounds what it keeps; the callers bound how long
/// they wait.
pub trait Evidence: Send + Sync {
    /// Stores the answer to a question, once for each snapshot and question: asked again, it gives the same id.
    ///
    /// The error is a text for a person: what could not be done, and why.
    fn put(&self, question: Value, snapshot_seq: u64, answer: Value) -> BoxFuture<'_, Result<String, String>>;

    /// What was stored under an id; `None` if there is nothing (any more).
    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Stored>, String>>;

    /// Incidents that are over, newest first, at most `limit`.
    fn closed_incidents(&self, limit: usize) -> BoxFuture<'_, Result<Vec<PastIncident>, String>>;

    /// What is remembered of the line, read within about `within`.
    fn past(&self, wanted: Wanted, within: Duration) -> BoxFuture<'_, Result<Past, String>>;
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Stored {
    /// The id that was given out with it.
    pub id: String,
    /// What was asked.
    #[schema(value_type = Object)]
    pub question: Value,
    /// What was answered. Of a look at the room for a booked session also `said`: what counted, in both languages.
    #[schema(value_type = Object)]
    pub answer: Value,
    /// Which of the process's snapshots it was answered from.
    pub snapshot_seq: u64,
}

/// An incident that is over, as history tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct PastIncident {
    /// Unique and stable over restarts.
    pub id: String,
    /// Which component.
    pub component: Component,
    /// The worst verdict it had.
    pub worst: Verdict,
    /// The codes of the reasons, worst first.
    pub codes: Vec<String>,
    /// The reasons themselves, as they stood last; those that this version does not know are missing.
    pub reasons: Vec<Reason>,
    /// When it began.
    pub opened_at: jiff::Timestamp,
    /// When it ended.
    pub closed_at: jiff::Timestamp,
}
