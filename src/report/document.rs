//! What a report says, for programs and for its page.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sheet::Sheet;
use crate::domain::session::Venue;
use crate::domain::{Component, Unit, Verdict};

/// The schema's name.
pub(super) const SCHEMA: &str = "siaga.report";
/// Grows when a reader of this schema would misread it.
pub(super) const VERSION: u32 = 2;

/// A report. Its JSON has base units and RFC 3339 with the room's offset, and all that its page, its rows and its PDF show. Its `Debug`
/// does not print it: it has people's names in it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `siaga.report`
    pub schema: String,
    /// Grows when a reader of this schema would misread it.
    pub version: u32,
    /// The room's name.
    pub room: String,
    /// In which zone its times are.
    pub time_zone: String,
    /// When it was made.
    pub made_at: String,
    /// From where the preparation opened.
    pub from: String,
    /// Until where the wrap-up ended, or as far as could be told.
    pub to: String,
    /// Whether the span that it tells of is over: the wrap-up has ended.
    pub complete: bool,
    /// Whether more is stored than is read at once, so that this is not all.
    pub cut: bool,
    /// The meeting.
    pub session: Meeting,
    /// Its times against the procedure's.
    pub procedure: Procedure,
    /// What was found and told of it before it began.
    pub looks: Vec<Look>,
    /// What was checked by hand, trials, overrides.
    #[serde(default)]
    pub run_sheet: Sheet,
    /// How long the room was what, while the meeting lasted.
    pub held: Held,
    /// The same of each component that was judged.
    pub components: Vec<Part>,
    /// What went wrong in preparation, meeting and wrap-up, oldest first.
    pub incidents: Vec<Trouble>,
    /// What was measured while the meeting lasted.
    pub quality: Vec<Quality>,
    /// What was not measured while the meeting lasted, and why.
    pub not_measured: Vec<Missing>,
}

/// The meeting, as it was booked. How the applicant is reached is not in it: that is for telling yes or no.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meeting {
    /// The scheduler's id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// The kind of meeting.
    pub profile: String,
    /// The same in words: Indonesian, English; none in a report of before it was written down.
    #[serde(default)]
    pub kind: Option<[String; 2]>,
    /// When it was to begin.
    pub start: String,
    /// When it was to end.
    pub end: String,
    /// Whether it took place.
    pub cancelled: bool,
    /// Who booked it: the scheduler, or a calendar's name.
    pub source: String,
    /// The office that asked.
    pub office: Option<String>,
    /// The number of the request letter.
    pub letter: Option<String>,
    /// On which platform.
    pub platform: Option<String>,
    /// Where, if not in this room.
    pub venue: Option<Venue>,
    /// Whose offices were expected.
    pub sites: Vec<String>,
    /// Who was assigned to which task.
    pub crew: BTreeMap<String, String>,
}

/// The times of the procedure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Procedure {
    /// How long the preparation may last, s: as the procedure says, or as long as the room is free before the meeting.
    pub limit_seconds: u64,
    /// When the booking was confirmed; none if it is not known any more.
    pub confirmed_at: Option<String>,
    /// When the preparation opened: a look was made, or the crew was told.
    pub opened_at: Option<String>,
    /// Since when the room was ready without a break until the meeting began; none if it was not ready then.
    pub ready_at: Option<String>,
    /// From the opening until then, s.
    pub prepared_in_seconds: Option<u64>,
    /// What the room was when the meeting began; none where nobody watched.
    pub at_start: Option<Verdict>,
}

/// A look at the room for this meeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// `confirmed`, `before 7200` (s), `preflight`.
    pub occasion: String,
    /// When.
    pub at: String,
    /// What was said.
    pub verdict: Verdict,
    /// Why: the codes of what counted.
    pub reasons: Vec<String>,
    /// The same in words: Indonesian, English. As they were said then, by the evidence; of what is not kept any more the message if it has
    /// no figures, else the code.
    pub words: [Vec<String>; 2],
    /// Under which id that can be looked up.
    pub evidence_id: Option<String>,
    /// Of what is kept under it: SHA-256 (FIPS 180-4) of question and answer, in hex.
    pub evidence_sha256: Option<String>,
}

/// How long something was what, s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Ready.
    pub ready: u64,
    /// Degraded.
    pub degraded: u64,
    /// Not ready.
    pub not_ready: u64,
    /// Watched, and nothing certain known.
    pub unknown: u64,
    /// Nobody watched.
    pub not_measured: u64,
}

/// A component in the meeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Which.
    pub component: Component,
    /// How long it was what.
    pub held: Held,
    /// What it was from when until when; no verdict where nobody watched.
    pub spans: Vec<PartSpan>,
}

/// What a component was for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartSpan {
    /// From when.
    pub from: String,
    /// Until when.
    pub to: String,
    /// What.
    pub verdict: Option<Verdict>,
}

/// An incident that touches preparation, meeting or wrap-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// Its id.
    pub id: String,
    /// Of which component.
    pub component: Component,
    /// The worst that it was.
    pub worst: Verdict,
    /// When it began.
    pub from: String,
    /// When it ended; none if it had not when this was made.
    pub to: Option<String>,
    /// How long it lasted, or has lasted, s.
    pub seconds: u64,
    /// How much of that lay in the meeting while somebody watched, s.
    pub seconds_in_meeting: u64,
    /// Codes of its reasons, worst first.
    pub reasons: Vec<String>,
    /// In words: Indonesian, English.
    pub cause: [String; 2],
    /// Who said that they see to it, oldest first.
    pub acknowledged: Vec<Seen>,
}

/// Somebody who sees to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
    /// How: `radio` where it was said so, else by which way they are known.
    pub via: String,
    /// Who wrote it down.
    #[serde(default)]
    pub written_by: String,
}

/// What was measured of one quantity in the meeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// By which check.
    pub check: String,
    /// What.
    pub quantity: String,
    /// What people call it, in Indonesian and English.
    #[serde(default)]
    pub title: Option<[String; 2]>,
    /// In which unit its values are.
    pub unit: Unit,
    /// Of which part, where the quantity has parts: a far end, a direction.
    pub part: Option<String>,
    /// In so many of the meeting's minutes.
    pub minutes: u64,
    /// Of so many.
    pub of_minutes: u64,
    /// The smallest value.
    pub min: f64,
    /// The mean, each minute weighing as much as it has values.
    pub mean: f64,
    /// The greatest value.
    pub max: f64,
    /// Its minutes in preparation, meeting and wrap-up, as far as they are pictured: those of the first eight quantities.
    pub points: Vec<Drawn>,
}

/// A minute of a picture: minutes after the report's `from` (the minute of it is the first), the smallest value, the median and the
/// greatest, of six digits each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drawn(pub u32, pub f64, pub f64, pub f64);

/// Something that was not measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Missing {
    /// Of which component; none: of all.
    pub component: Option<Component>,
    /// From when.
    pub from: String,
    /// Until when.
    pub to: String,
    /// Why.
    pub why: Why,
}

/// Why something is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The daemon or the machine was off.
    NotWatched,
    /// It was watched, and nothing certain known.
    Unknown,
    /// It may have been measured, and its minutes were deleted when they were too old: the report was made too late.
    NoLongerKept,
}

impl Why {
    /// As JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotWatched => "not_watched",
            Self::Unknown => "unknown",
            Self::NoLongerKept => "no_longer_kept",
        }
    }
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report")
            .field("session", &self.session.id)
            .field("made_at", &self.made_at)
            .finish_non_exhaustive()
    }
}

/// What somebody wrote of a meeting afterwards. Its `Debug` does not print it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    /// [`Evaluation::SCHEMA`]
    pub schema: String,
    /// [`Evaluation::VERSION`]
    pub version: u32,
    /// What they wrote.
    pub text: String,
    /// Who.
    pub by: String,
    /// By which way they are known.
    pub via: String,
}

impl Evaluation {
    /// The schema's name.
    pub const SCHEMA: &str = "siaga.evaluation";
    /// Grows when a reader of this schema would misread it.
    pub const VERSION: u32 = 1;
}

impl std::fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluation").field("version", &self.version).finish_non_exhaustive()
    }
}
