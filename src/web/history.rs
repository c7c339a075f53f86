//! What pages look back at, which the shell hands over from the store.

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::domain::record::Series;
use crate::domain::{CheckSpec, Story, Told};

/// Who remembers. The callers bound how long they wait; each error is a text for a person.
pub trait History: Send + Sync {
    /// What is remembered of an incident, one that is over too; nothing if there is none of this id.
    fn story<'a>(&'a self, incident: &'a str) -> BoxFuture<'a, Result<Option<Story>, String>>;

    /// What was said on the radio, or was to be, newest first, at most `limit` of each radio.
    fn radio(&self, limit: u32) -> BoxFuture<'_, Result<Vec<Told>, String>>;

    /// What a check measured from then until then, in steps of so many minutes: what is judged by a limit, or `all`; at most `limit`
    /// series.
    fn steps<'a>(
        &'a self,
        check: &'a CheckSpec,
        span: (Timestamp, Timestamp),
        minutes: i64,
        all: bool,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Series>, String>>;
}
