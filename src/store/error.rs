//! Why the store did not do what it was asked.

use super::PATIENCE;
use super::open::Fault;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk does not take or give it now; [`Health`](super::Health) says since when.
    #[error("the store cannot be used now: {0}")]
    Unavailable(String),
    /// The file is damaged; it is being looked at, and set aside if that is so.
    #[error("the store's file is damaged: {0}")]
    Damaged(String),
    /// The disk does not answer.
    #[error("the disk did not answer within {} s", PATIENCE.as_secs())]
    Stuck,
    /// Others read, and none of them has come to an end.
    #[error("too much is asked of the store at once: there was no turn within {} s", PATIENCE.as_secs())]
    Busy,
    /// What was asked took longer to read than it may.
    #[error("the disk did not give all of it in time")]
    Slow,
    /// The database refused the row: a bug of ours, logged with the row.
    #[error("the database refused the record")]
    Refused,
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
    /// A statement failed: a bug of ours.
    #[error("a statement failed")]
    Statement(#[source] rusqlite::Error),
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Ours(error) => Self::Statement(error),
            Fault::Damaged(what) => Self::Damaged(what),
            other => Self::Unavailable(crate::domain::in_full(&other)),
        }
    }
}
