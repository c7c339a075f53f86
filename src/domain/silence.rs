//! A wish for silence: for a while nobody is told of what somebody knows.

use std::sync::Arc;

use jiff::Timestamp;

use super::component::Component;

/// A wish for silence. Who wished it stands in the audit, under the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Unique for ever: the key of its row in the audit.
    pub id: Arc<str>,
    /// Of which component; of all, if there is none.
    pub component: Option<Component>,
    /// Why, in the wisher's words.
    pub reason: String,
    /// When it was wished.
    pub from: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
}
