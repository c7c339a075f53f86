//! The pieces of equipment that the written procedure lists.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::reason::Lang;

/// A piece of equipment of the procedure.
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
pub enum Component {
    /// The media-center machine itself.
    Computer,
    /// The line that the meeting uses.
    Internet,
    /// Microphones and loudspeakers.
    Audio,
    /// Cameras and displays.
    Video,
    /// UPS and stabilizer.
    Power,
    /// HT: the two-way radio.
    Radio,
}

impl Component {
    /// All, in the procedure's order.
    pub const ALL: [Self; 6] = [Self::Computer, Self::Internet, Self::Audio, Self::Video, Self::Power, Self::Radio];

    /// The word used in config, API and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Computer => "computer",
            Self::Internet => "internet",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Power => "power",
            Self::Radio => "radio",
        }
    }

    /// The words shown to people.
    pub const fn title(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Computer, Lang::Id) => "Komputer",
            (Self::Internet, Lang::Id) => "Jaringan internet",
            (Self::Audio, _) => "Audio",
            (Self::Video, _) => "Video",
            (Self::Power, Lang::Id) => "UPS dan stabilizer",
            (Self::Radio, Lang::Id) => "HT",
            (Self::Computer, Lang::En) => "Computer",
            (Self::Internet, Lang::En) => "Internet",
            (Self::Power, Lang::En) => "UPS and stabilizer",
            (Self::Radio, Lang::En) => "Two-way radio",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether a check or a component can change the room's verdict.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// It counts.
    #[default]
    Required,
    /// It is shown and never counts.
    Advisory,
}

impl Requirement {
    /// The word used in config and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Advisory => "advisory",
        }
    }
}
