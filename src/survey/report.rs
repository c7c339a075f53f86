//! The report as data: what its JSON holds, and what its page is made from. Numbers are in base units, each with its unit.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::domain::{Lang, Verdict};

/// A word of ours; of a report that is read again, its own.
pub type Word = Cow<'static, str>;

/// The name and the version of the JSON's shape. A field that is added leaves the version as it is.
pub const SCHEMA: (&str, u32) = ("siaga.survey", 1);

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Both {
    /// Bahasa Indonesia.
    pub id: String,
    /// English.
    pub en: String,
}

impl Both {
    /// The sentence that `says` says in each.
    pub fn of(says: impl Fn(Lang) -> String) -> Self {
        Self { id: says(Lang::Id), en: says(Lang::En) }
    }

    /// In one of them.
    pub fn in_lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::Id => &self.id,
            Lang::En => &self.en,
        }
    }
}

/// A survey, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The name of this shape.
    pub schema: Word,
    /// Its version.
    pub version: u32,
    /// The survey's own name, never given twice: a session's `venue` can name it.
    pub id: String,
    /// Which Siaga made it.
    pub siaga: Word,
    /// Where, in its people's words.
    pub venue: Option<String>,
    /// The named time zone of all times.
    pub time_zone: String,
    /// When it began (RFC 3339).
    pub began_at: String,
    /// When it ended.
    pub ended_at: String,
    /// How long the line was watched before the tests, s.
    pub watched_seconds: f64,
    /// Whether all that was to be done was done.
    pub finished: bool,
    /// Why not.
    pub unfinished: Option<Both>,
    /// The kind of meeting that was asked about; without one, all were, and the largest that fits is told.
    pub asked_profile: Option<String>,
    /// The kind of meeting that `verdict` and `answer` are of.
    pub profile: String,
    /// Whether it can be held here.
    pub verdict: Verdict,
    /// The same as a sentence.
    pub answer: Both,
    /// By which ways media go.
    pub ways: Ways,
    /// What tests of the line cost, bytes.
    pub bytes: Bytes,
    /// Every kind of meeting that was asked about.
    pub profiles: Vec<Meeting>,
    /// Every check of the line.
    pub checks: Vec<Looked>,
    /// Times without an answer from who had answered before.
    pub outages: Vec<Silence>,
    /// What is not known, and why.
    pub not_measured: Vec<NotMeasured>,
    /// Rates beyond which no test looks, bit/s.
    pub tested_up_to: Vec<TestedUpTo>,
}

/// By which ways media go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ways {
    /// Straight, by UDP; `None`: not measured.
    pub direct: Option<bool>,
    /// Through a relay: "udp", "tcp", "tls" or "blocked"; `None`: not measured.
    pub relay: Option<Word>,
}

/// What tests of the line cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bytes {
    /// What they could have taken.
    pub at_most: u64,
    /// What they took.
    pub used: u64,
}

/// What is said of one kind of meeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meeting {
    /// The profile's name.
    pub name: String,
    /// For people.
    pub title: Both,
    /// Whether it can be held here.
    pub verdict: Verdict,
    /// What the judge says of what was measured; `verdict` is unknown where that is not all that the meeting needs.
    pub judged: Verdict,
    /// The quantity that is nearest to its limit, or furthest past it.
    pub limit: Option<Nearest>,
    /// Why it is not ready, worst first.
    pub reasons: Vec<Why>,
    /// What it needs and nobody measured: "down", "up", "loss", "delay", "udp".
    pub unmeasured: Vec<Word>,
    /// What it needs down and up, bit/s: for ordering.
    #[serde(skip)]
    pub(super) need: f64,
}

/// A quantity beside its limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// Whose measurement.
    pub check: String,
    /// Which quantity.
    pub quantity: Word,
    /// Which part of it.
    pub part: Option<String>,
    /// Its name for people.
    pub title: Both,
    /// What was measured.
    pub value: f64,
    /// What it is held to.
    pub limit: f64,
    /// Of both.
    pub unit: Word,
    /// What is beyond that limit: "degraded" or "`not_ready`".
    pub beyond: Verdict,
    /// Whether the value is beyond it.
    pub past: bool,
    /// By how much, as a share of the limit; positive, on whichever side.
    pub by_ratio: f64,
    /// All of it in words.
    pub words: Both,
}

/// A reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The catalogue's code.
    pub code: Word,
    /// Whose.
    pub check: String,
    /// What it makes of that.
    pub verdict: Verdict,
    /// What is wrong.
    pub message: Both,
    /// What somebody must go and do.
    pub remedy: Both,
    /// What a program or the kernel said.
    pub detail: Option<String>,
}

/// A check of the line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Word,
    /// Whom it asks.
    pub target: Option<String>,
    /// Whether it counts.
    pub requirement: Word,
    /// What is said of it under `profile`.
    pub verdict: Verdict,
    /// Packets of its loss decision, if it counts any.
    pub loss: Option<Loss>,
    /// What it measured.
    pub measurements: Vec<Number>,
    /// Why it measured nothing: what happened, for IT staff.
    pub error: Option<String>,
}

/// Packets lost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// Counted.
    pub sent: u32,
    /// Of those, lost.
    pub lost: u32,
    /// Lost over sent.
    pub ratio: f64,
    /// Wilson's 95 % interval, lower end.
    pub low: f64,
    /// And upper end.
    pub high: f64,
}

/// A measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// Which quantity.
    pub quantity: Word,
    /// Which part of it.
    pub part: Option<String>,
    /// Its name for people.
    pub name: Both,
    /// In `unit`.
    pub value: f64,
    /// The base unit.
    pub unit: Word,
    /// With people's unit.
    pub words: Both,
}

/// A time without an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Of whom.
    pub check: String,
    /// Since when (RFC 3339).
    pub from: String,
    /// How long it was seen to last, s.
    pub seconds: f64,
    /// Whether it was over when the survey ended.
    pub over: bool,
    /// Whether our own tests were under way: they may have been the cause.
    pub in_tests: bool,
}

/// What is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotMeasured {
    /// Which check; `None` where none was asked for.
    pub check: Option<String>,
    /// What.
    pub what: Both,
    /// Why.
    pub why: Both,
}

/// Where a test of the rate ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestedUpTo {
    /// Which check.
    pub check: String,
    /// bit/s
    pub bits_per_second: f64,
}
