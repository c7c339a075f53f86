//! The four states, and the one order in which they add up.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::reason::Lang;

/// What is said of a check, a component, the room.
///
/// The derived order *is* the roll-up's order: of several required things the greatest stands for all, so any
/// `NotReady` wins, else any `Unknown`, else any `Degraded`. Unknown never looks green.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The meeting can be held.
    Ready,
    /// The meeting can be held, with less than it should have.
    Degraded,
    /// Nothing certain can be said: no evidence, or none that is fresh enough.
    Unknown,
    /// The meeting would fail.
    NotReady,
}

impl Verdict {
    /// All four, from best to worst.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Degraded, Self::Unknown, Self::NotReady];

    /// Its place in [`Verdict::ALL`].
    pub const fn rank(self) -> usize {
        self as usize
    }

    /// The word used in the API, metrics and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::NotReady => "not_ready",
        }
    }

    /// The word shown to people.
    pub const fn title(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Ready, Lang::Id) => "Siap",
            (Self::Degraded, Lang::Id) => "Perlu perhatian",
            (Self::Unknown, Lang::Id) => "Tidak diketahui",
            (Self::NotReady, Lang::Id) => "Tidak siap",
            (Self::Ready, Lang::En) => "Ready",
            (Self::Degraded, Lang::En) => "Needs attention",
            (Self::Unknown, Lang::En) => "Unknown",
            (Self::NotReady, Lang::En) => "Not ready",
        }
    }

    /// The exit code that monitoring plugins use: 0 ready, 1 degraded, 2 not ready, 3 unknown.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::Degraded => 1,
            Self::NotReady => 2,
            Self::Unknown => 3,
        }
    }

    /// Whether a meeting may be held: ready or degraded.
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Ready | Self::Degraded)
    }

    /// The roll-up of several required things; `None` of nothing.
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().max()
    }

    /// The word read back; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == word)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
