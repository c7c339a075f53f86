//! The run sheet of a session: what staff check by hand, the trials they hold, and who overrides the verdict until when.
//!
//! It is a journal: rows are added and none is changed, so that what was said at any moment can be told later. What it adds up to
//! is the judge's to say (`engine::sheet`).

mod unwritten;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::component::Requirement;
use super::passcode::without;
use super::reason::Lang;
use super::verdict::Verdict;

pub use unwritten::Unwritten;

/// The longest name of a person, characters.
pub const LONGEST_NAME: usize = 64;
/// The longest findings of a trial, characters.
pub const LONGEST_FINDINGS: usize = 2000;
/// The longest reason of an override, characters.
pub const LONGEST_REASON: usize = 200;
/// So many rows one sheet has at most; a sheet has a few dozen.
pub const MOST_ENTRIES: usize = 1000;

/// A hand check, as the config has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name in rows and in the API.
    pub key: Arc<str>,
    /// What is checked: Bahasa Indonesia.
    pub id: String,
    /// The same in English.
    pub en: String,
    /// How long a tick holds.
    pub holds: Duration,
    /// So long before the start it is due.
    pub due: Duration,
    /// The task of the crew whose receiver is told when it is late.
    pub task: Option<Arc<str>>,
    /// Whether it counts.
    pub requirement: Requirement,
    /// Whether it is checked of each of the session's sites.
    pub each_site: bool,
}

impl Item {
    /// What is checked, for people.
    pub fn title(&self, lang: Lang) -> &str {
        match lang {
            Lang::Id => &self.id,
            Lang::En => &self.en,
        }
    }
}

/// One row of the journal. Its `Debug` names nobody and repeats nothing that people wrote: what is debugged ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Unique for ever; the audit has a row of the same key.
    pub key: Arc<str>,
    /// Of which session.
    pub session: Arc<str>,
    /// When that was to begin: one that is moved has a new sheet.
    pub start: Timestamp,
    /// When it was written down.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// Who did it, or answers for it.
    pub by: Arc<str>,
    /// Who wrote it down.
    pub written_by: Arc<str>,
}

/// What a row says.
#[derive(Clone, PartialEq, Eq)]
pub enum What {
    /// Somebody has checked this, and it is so.
    Tick {
        /// What was checked: an item's key, with its site behind a colon where it is of one.
        item: Arc<str>,
        /// Until when that holds.
        until: Timestamp,
    },
    /// It is not so, or not any more.
    Untick {
        /// What.
        item: Arc<str>,
    },
    /// A trial begins.
    TrialBegins,
    /// The trial that is under way ends.
    TrialEnds {
        /// What was found.
        findings: String,
    },
    /// Until then the session is taken for what somebody answers for.
    Override {
        /// For what.
        verdict: Verdict,
        /// Why.
        reason: String,
        /// Until when.
        until: Timestamp,
    },
    /// Not any more.
    OverrideEnds {
        /// Why.
        reason: String,
    },
}

impl What {
    /// The word in rows.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Tick { .. } => "tick",
            Self::Untick { .. } => "untick",
            Self::TrialBegins => "trial_begins",
            Self::TrialEnds { .. } => "trial_ends",
            Self::Override { .. } => "override",
            Self::OverrideEnds { .. } => "override_ends",
        }
    }
}

/// Without what people wrote.
impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entry = f.debug_struct("Entry");
        entry.field("key", &self.key).field("session", &self.session).field("start", &self.start);
        entry.field("at", &self.at).field("what", &self.what).finish_non_exhaustive()
    }
}

/// What the crew was told of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// That it is late.
    Late,
    /// That it was made up for.
    MadeUp,
}

impl Word {
    /// The word in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::MadeUp => "made_up",
        }
    }

    /// The one of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Late, Self::MadeUp].into_iter().find(|one| one.as_str() == word)
    }
}

/// That somebody was told of an item, so that nobody is told twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Of which session.
    pub session: Arc<str>,
    /// When that was to begin.
    pub start: Timestamp,
    /// Of which item.
    pub item: Arc<str>,
    /// What.
    pub word: Word,
    /// When.
    pub at: Timestamp,
}

/// All that was written down of a sheet, or of several; each kind oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The journal.
    pub entries: Vec<Entry>,
    /// What the crew was told.
    pub told: Vec<Told>,
}

/// What somebody wants to be written into a sheet. Its `Debug` names nobody: what is debugged ends in a log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SheetWish {
    /// Of which session.
    pub session: Arc<str>,
    /// When that begins, as whoever wishes it has seen; a session that was moved since has another sheet.
    #[serde(default)]
    pub start: Option<Timestamp>,
    /// Who did it, or answers for it.
    pub by: String,
    /// What.
    pub act: SheetAct,
}

/// What is to be written. Its `Debug` repeats nothing that people wrote.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SheetAct {
    /// It was checked, and is so.
    Tick {
        /// What.
        item: String,
    },
    /// It is not so, or not any more.
    Untick {
        /// What.
        item: String,
    },
    /// A trial begins.
    BeginTrial,
    /// It ends.
    EndTrial {
        /// What was found; nothing, if nothing was.
        findings: String,
    },
    /// The session is taken for that until then.
    Override {
        /// For what.
        verdict: Verdict,
        /// Why.
        reason: String,
        /// Until when.
        until: Timestamp,
    },
    /// Not any more.
    EndOverride {
        /// Why.
        reason: String,
    },
}

impl SheetAct {
    /// As the audit calls it.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Tick { .. } => "tick",
            Self::Untick { .. } => "untick",
            Self::BeginTrial => "begin_trial",
            Self::EndTrial { .. } => "end_trial",
            Self::Override { .. } => "override",
            Self::EndOverride { .. } => "end_override",
        }
    }
}

impl fmt::Debug for SheetAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.action())
    }
}

impl fmt::Debug for SheetWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SheetWish").field("session", &self.session).field("act", &self.act).finish_non_exhaustive()
    }
}

impl SheetWish {
    /// What it is about, as the audit names it.
    pub fn subject(&self) -> String {
        let Self { session, by, act, .. } = self;
        let by = without(by);
        match act {
            SheetAct::Tick { item } | SheetAct::Untick { item } => format!("{session} {item}, said by {by}"),
            SheetAct::BeginTrial | SheetAct::EndTrial { .. } => format!("{session}, said by {by}"),
            SheetAct::Override { verdict, reason, until } => {
                format!("{session} {verdict} until {until:.0}, said by {by}: {}", without(reason))
            }
            SheetAct::EndOverride { reason } => format!("{session}, said by {by}: {}", without(reason)),
        }
    }
}
