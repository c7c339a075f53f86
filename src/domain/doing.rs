//! What is being done now that people may see, hear or wait for. Never by whose order: that stands in the audit.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::check::CheckName;

/// What is being done, in the order in which it was begun.
pub type Doings = BTreeMap<u64, Doing>;

/// One thing that is being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doing {
    /// What.
    pub what: Task,
    /// Since when.
    pub since: Timestamp,
    /// Until when at most.
    pub until: Timestamp,
    /// Which step of how many, where it has some.
    pub step: Option<(u32, u32)>,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// An active check's test.
    Test(CheckName),
    /// A test message is on its way to this receiver.
    Message(Arc<str>),
}
