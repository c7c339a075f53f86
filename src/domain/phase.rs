//! What the agenda says of the room at a moment. What is seen of its use is another thing.

use serde::{Deserialize, Serialize};

/// What the agenda says of the room.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No meeting is near.
    #[default]
    Idle,
    /// One is near: the room is made ready.
    Preflight,
    /// One is held.
    Live,
    /// One has ended a short while ago.
    WrapUp,
}

impl Phase {
    /// All, in the order of a meeting.
    pub const ALL: [Self; 4] = [Self::Idle, Self::Preflight, Self::Live, Self::WrapUp];

    /// The word in API and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Preflight => "preflight",
            Self::Live => "live",
            Self::WrapUp => "wrap_up",
        }
    }
}
