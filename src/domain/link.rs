//! Links of the chain in which reports are kept: a report as it was made, and what people wrote of the meeting afterwards.

use jiff::Timestamp;

/// The longest text that is put beside a report, characters: two pages.
pub const LONGEST_EVALUATION: usize = 6000;

/// What a link of the chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A meeting's report: one of each.
    Report,
    /// What somebody wrote of it afterwards: as often as they have something to say.
    Evaluation,
    /// That the report before it does not count: it was made by a clock that was ahead, of a meeting that was to come.
    Withdrawal,
}

impl Kind {
    /// As rows have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Evaluation => "evaluation",
            Self::Withdrawal => "withdrawal",
        }
    }

    /// The kind of a word of a row.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Report, Self::Evaluation, Self::Withdrawal].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A link to be kept. Its `Debug` does not print it: it has people's names in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Filed {
    /// What it is.
    pub kind: Kind,
    /// Of which session.
    pub session: String,
    /// When that began.
    pub start: Timestamp,
    /// When this was made.
    pub made_at: Timestamp,
    /// Its JSON; the field `schema` says the kind once more, under the hash.
    pub body: String,
}

impl std::fmt::Debug for Filed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filed").field("kind", &self.kind).field("session", &self.session).finish_non_exhaustive()
    }
}

/// A link as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub seq: i64,
    /// What is kept.
    pub filed: Filed,
    /// Its hash.
    pub hash: String,
    /// Whether it is, by itself, what it was when it was made. Whether it stands where it stood, only the whole chain shows.
    pub intact: bool,
    /// The hash of the link before, as this one has it.
    pub previous: String,
}

/// What is kept of one meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMeeting {
    /// Its report.
    pub report: Link,
    /// What people wrote of it, oldest first.
    pub evaluations: Vec<Link>,
}
