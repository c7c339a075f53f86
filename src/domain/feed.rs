//! What of a calendar of others is not booked, and why.

use serde::Serialize;

use super::reason::Text;

/// An entry that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What it is called.
    pub title: String,
    /// Why.
    pub why: Why,
}

/// Why an entry is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WhyLeftOut)]
pub enum Why {
    /// It does not say when it begins.
    NoBeginning,
    /// One of its times is none.
    Time,
    /// Its time zone is not known here.
    Zone,
    /// It takes no time: no end, or one that is not after its beginning.
    NoLength,
    /// It lasts longer than 31 days.
    TooLong,
    /// It repeats by minutes or seconds, as no meeting of a room does.
    TooOften,
    /// Its rule of repetition cannot be followed, or not to its end.
    Rule,
    /// The calendar has more meetings than are taken of one.
    TooMany,
}

impl Why {
    /// In a sentence.
    pub const fn told(self) -> Text {
        match self {
            Self::NoBeginning => Text::new("tidak ada waktu mulai", "it does not say when it begins"),
            Self::Time => Text::new("waktunya tidak dapat dibaca", "one of its times cannot be read"),
            Self::Zone => Text::new("zona waktunya tidak dikenal", "its time zone is not known"),
            Self::NoLength => Text::new("tidak ada lamanya", "it takes no time"),
            Self::TooLong => Text::new("lebih lama dari 31 hari", "it lasts longer than 31 days"),
            Self::TooOften => {
                Text::new("berulang tiap menit atau tiap detik", "it repeats by the minute or the second")
            }
            Self::Rule => Text::new("aturan ulangnya tidak dapat diikuti", "its rule of repetition cannot be followed"),
            Self::TooMany => Text::new(
                "terlalu banyak rapat dalam kalender ini; yang terdekat saja yang diambil",
                "there are too many meetings in this calendar; only the nearest ones are taken",
            ),
        }
    }
}
