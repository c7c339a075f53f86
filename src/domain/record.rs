//! What is stored of one session: of what its report is made, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::incident::{Incident, Subject, Transition};
use super::past::Run;
use super::quantity::Quantity;
use super::reason::Lang;
use super::session::{Notice, Session};
use super::sheet::Entry;

/// All rows of one session.
#[derive(Clone, Debug)]
pub struct Record {
    /// The session, as it was last said.
    pub session: Session,
    /// From when: where its preparation opens, which is not before another meeting has ended.
    pub since: Timestamp,
    /// Until when it can be told: where its wrap-up ends, or now, or while somebody watches the newest that is written down.
    pub until: Timestamp,
    /// When its wrap-up ends.
    pub over: Timestamp,
    /// What was found and told of it, oldest first.
    pub notices: Vec<Notice>,
    /// Whether it was told that its report is there before anybody watched by this file: it lies in one that was set aside since.
    pub reported: bool,
    /// Of the evidence that the notices name, by its id. What is not kept any more is not among it.
    pub evidence: BTreeMap<String, Kept>,
    /// Changes of verdict of the room and its components, oldest first: at most one of each from before the span.
    pub changes: Vec<(Subject, Vec<Transition>)>,
    /// Incidents that touch the span, oldest first; no drills.
    pub incidents: Vec<Incident>,
    /// Who said that they see to one of them, oldest first.
    pub acknowledged: Vec<Acknowledged>,
    /// What was written into its run sheet, oldest first.
    pub sheet: Vec<Entry>,
    /// What was measured in each trial, in their order; of one that nobody ended nothing.
    pub tried: Vec<Vec<Series>>,
    /// When anybody watched, oldest first.
    pub runs: Vec<Run>,
    /// What was measured, by the minute.
    pub series: Vec<Series>,
    /// Whether there was more than is read at once, so that this is not all.
    pub cut: bool,
}

/// What is kept under an evidence's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// SHA-256 in hex.
    pub digest: String,
    /// What counted, in the words of that moment; nothing where it cannot be read any more.
    pub said: Vec<Said>,
}

/// A reason as it was said when a room was looked at for a meeting. In both languages: its arguments are stored nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Said {
    /// The stable code.
    pub code: String,
    /// In Indonesian; none in evidence of before both were kept, if that was asked for in English.
    pub id: Option<String>,
    /// In English; likewise.
    pub en: Option<String>,
}

impl Said {
    /// In one language, where it was said in that.
    pub fn in_lang(&self, lang: Lang) -> Option<&str> {
        match lang {
            Lang::Id => self.id.as_deref(),
            Lang::En => self.en.as_deref(),
        }
    }
}

/// Somebody who sees to an incident. Its `Debug` names nobody: what is debugged ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Which incident, by its id.
    pub incident: String,
    /// When.
    pub at: Timestamp,
    /// Who said so.
    pub by: String,
    /// How: `radio` where it was said so, else by which way they are known.
    pub via: String,
    /// Who wrote it down.
    pub written_by: String,
}

impl std::fmt::Debug for Acknowledged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acknowledged").field("incident", &self.incident).field("at", &self.at).finish_non_exhaustive()
    }
}

/// One quantity of one check over the span.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Of which check.
    pub check: Arc<str>,
    /// What was measured.
    pub quantity: &'static Quantity,
    /// The part, where the quantity has parts.
    pub part: Option<Arc<str>>,
    /// Its minutes, oldest first; a minute without a value is not among them.
    pub points: Vec<Point>,
}

/// One minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When it begins.
    pub at: Timestamp,
    /// How many values there were.
    pub count: u64,
    /// The smallest.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
}

/// How much of what lies around a session belongs to its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around {
    /// How long before the start the preparation opens.
    pub before: Duration,
    /// How long after the end the wrap-up lasts.
    pub after: Duration,
}
