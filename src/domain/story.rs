//! What is remembered of one incident, and what somebody was told: for readers who look back.

use std::sync::Arc;

use jiff::Timestamp;

use super::incident::{Incident, Transition};

/// An incident from its beginning on.
#[derive(Clone, Debug)]
pub struct Story {
    /// The incident, as it stands or stood last.
    pub incident: Incident,
    /// What changed of its component meanwhile, oldest first.
    pub changes: Vec<Transition>,
    /// Who was told of it, oldest first.
    pub told: Vec<Told>,
}

/// What a receiver was told, or was to be. Its `Debug` does not print the words.
#[derive(Clone, PartialEq, Eq)]
pub struct Told {
    /// Which receiver.
    pub receiver: Arc<str>,
    /// What happened, in the document's word.
    pub event: String,
    /// In a few sentences.
    pub text: String,
    /// When it was decided to tell it.
    pub at: Timestamp,
    /// When that came to an end; not yet, if there is none.
    pub done_at: Option<Timestamp>,
    /// Why it did not arrive, where it came to an end so: the word of the reason.
    pub given_up: Option<String>,
    /// What was said on the air for it, a transmission each; none where nothing needed to be, `None` where that is not known or not spoken.
    pub spoken: Option<Vec<String>>,
    /// Attempts that were made.
    pub attempts: u32,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told").field("receiver", &self.receiver).field("event", &self.event).finish_non_exhaustive()
    }
}
