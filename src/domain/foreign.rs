//! Word of another system's trouble, to be told by this room's receivers. It says nothing of the room.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An alert of another system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignAlert {
    /// The same however often it is sent: a digest of who groups it, what it is and when it began.
    pub id: String,
    /// Its name there.
    pub name: String,
    /// How bad it is, in that system's word; nothing where it says none.
    pub severity: String,
    /// What is wrong, a line for people.
    pub text: String,
    /// When it began.
    pub since: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
}

/// What became of a message of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TakenAlerts {
    /// That began, and are told.
    pub begun: usize,
    /// That ended, and are told.
    pub ended: usize,
    /// That say nothing new, or of which nobody here is to hear.
    pub known: usize,
    /// For which there is no room: too many are open.
    pub refused: usize,
}
