//! What somebody asked of the daemon: a row of the audit. Names of people stand here and in reports, and nowhere else.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::actor::Actor;

/// One order of one person, with what became of it. Its `Debug` leaves out who gave it: what is debugged ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Act {
    /// Unique for ever; the row is written when the order comes, and again with the same key when its outcome is known.
    pub key: Arc<str>,
    /// When it came.
    pub at: Timestamp,
    /// Who gave it.
    pub actor: Actor,
    /// What was ordered: `test`.
    pub action: &'static str,
    /// About what: a check's name.
    pub subject: String,
    /// What became of it: a verdict, or why not; none while it is under way.
    pub outcome: Option<String>,
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, at, actor, action, subject, outcome } = self;
        let mut act = f.debug_struct("Act");
        act.field("key", key).field("at", at).field("via", &actor.via).field("action", action);
        act.field("subject", subject).field("outcome", outcome).finish_non_exhaustive()
    }
}
