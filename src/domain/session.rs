//! A session: a booked meeting, from then until then, as the scheduler or a calendar says it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::verdict::Verdict;

/// Whether a session takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Booking {
    /// It does: the slot is its.
    Booked,
    /// It does not; it is remembered that it should have.
    Cancelled,
}

impl Booking {
    /// The word in rows and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Booked, Self::Cancelled].into_iter().find(|state| state.as_str() == word)
    }
}

/// A booked meeting. Its `Debug` names no person: what is debugged ends in a log.
#[derive(Clone, PartialEq)]
pub struct Session {
    /// The scheduler's own id.
    pub id: Arc<str>,
    /// Grows with every change of any session, so that of two words of one session the newer is known.
    pub revision: i64,
    /// Whether it takes place.
    pub booking: Booking,
    /// What it is called.
    pub title: String,
    /// The kind of meeting, by its profile's name.
    pub profile: Arc<str>,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends; later than `start`.
    pub end: Timestamp,
    /// Who said so: [`SCHEDULER`], or a calendar's name.
    pub source: Arc<str>,
    /// What else is known of it.
    pub details: Details,
}

/// A place in the list of sessions, which stand in the order of their beginnings; of those that begin together the id decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// When the session there begins.
    pub start: Timestamp,
    /// Which it is.
    pub id: Arc<str>,
}

/// The source of what came over the API.
pub const SCHEDULER: &str = "scheduler";

/// The longest meeting: more is a slip of the pen.
pub const LONGEST_MEETING: SignedDuration = SignedDuration::from_hours(31 * 24);

/// How far ahead a meeting may begin, a year and a month: farther is a slip of the pen too.
pub const FARTHEST_AHEAD: SignedDuration = SignedDuration::from_hours(400 * 24);

/// A meeting that has begun was held for so long at least: of less nothing could be told.
const SHORTEST_HELD: SignedDuration = SignedDuration::from_mins(1);

/// What else may be known of a session. Nothing here is asked for, and nothing is judged by it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default, expecting = "an object")]
pub struct Details {
    /// The office that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub office: Option<String>,
    /// The number of the request letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub letter: Option<String>,
    /// On which platform it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Where, if not in this room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venue: Option<Venue>,
    /// The offices that are expected to take part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
    /// Who was assigned to which task.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub crew: BTreeMap<String, Member>,
    /// How the applicant is reached, used only to tell yes or no with the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// Another place than this room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Venue {
    /// Its name.
    pub name: String,
    /// The id of the survey that was made there (`siaga survey`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<String>,
}

/// Somebody who was assigned to a task.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Member {
    /// Who.
    pub person: String,
    /// The receiver of the config by which they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut session = f.debug_struct("Session");
        session.field("id", &self.id).field("revision", &self.revision).field("booking", &self.booking);
        session.field("profile", &self.profile).field("start", &self.start).field("end", &self.end);
        session.field("source", &self.source).finish_non_exhaustive()
    }
}

impl Session {
    /// Whether it says the same as `other`, whenever each of them was said.
    pub fn says_what(&self, other: &Self) -> bool {
        Self { revision: 0, ..self.clone() } == Self { revision: 0, ..other.clone() }
    }

    /// Whether it may be changed to that at `now`. One that has begun keeps its beginning, and is not cancelled any more
    /// ([`Session::called_off`]); one that is over stays what it was, since what became of it is told under its id. That it goes on may
    /// be said late: until its report is due, `wrap_up` after its end.
    pub fn may_become(&self, other: &Self, now: Timestamp, wrap_up: Duration) -> bool {
        if self.booking == Booking::Cancelled || now < self.start {
            return true;
        }
        let goes_on = now < self.end || other.end > now && !self.is_due(now, wrap_up);
        other.booking == Booking::Booked && self.start == other.start && goes_on
    }

    /// Whether its report is due.
    pub fn is_due(&self, now: Timestamp, wrap_up: Duration) -> bool {
        self.end.saturating_add(wrap_up).unwrap_or(Timestamp::MAX) <= now
    }

    /// What it becomes where it is called off at `now`: cancelled before it begins; while it lasts it ends, in its second minute at the
    /// earliest, since it was held until then, and its report tells of that. What is over stays as it is.
    #[must_use]
    pub fn called_off(&self, now: Timestamp) -> Self {
        if now < self.start {
            return Self { booking: Booking::Cancelled, ..self.clone() };
        }
        let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let least = self.start.saturating_add(SHORTEST_HELD).unwrap_or(Timestamp::MAX);
        Self { end: second.max(least).min(self.end), ..self.clone() }
    }

    /// What it becomes where its calendar had lost it before it began, which is seen at `now`: cancelled, also while it was to last,
    /// since nobody can say that it was held. What is over stays as it is.
    #[must_use]
    pub fn not_held(&self, now: Timestamp) -> Self {
        let booking = if now < self.end { Booking::Cancelled } else { self.booking };
        Self { booking, ..self.clone() }
    }

    /// Where it stands in the list of sessions.
    pub fn place(&self) -> Place {
        Place { start: self.start, id: Arc::clone(&self.id) }
    }

    /// The receivers that its crew names, each once, with the tasks for which it stands.
    pub fn crew_by_receiver(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (task, member) in &self.details.crew {
            if let Some(receiver) = &member.receiver {
                all.entry(receiver).or_default().push(task);
            }
        }
        all
    }
}

/// What the room needs around a meeting. Two sessions are apart if the earlier one's tear-down ends before the later one's
/// set-up begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margins {
    /// Before it begins.
    pub set_up: Duration,
    /// After it has ended.
    pub tear_down: Duration,
}

impl Margins {
    /// How far apart one session's end and the next one's start must be.
    pub const fn gap(self) -> Duration {
        self.set_up.saturating_add(self.tear_down)
    }
}

/// A change that somebody wants of the agenda.
#[derive(Clone, Debug)]
pub enum Wish {
    /// This session, whatever was under its id before.
    Book(Box<Session>),
    /// The same session at another time; what is not said stays as it is when that is granted.
    Move {
        /// Which.
        id: Arc<str>,
        /// When it begins then.
        start: Option<Timestamp>,
        /// When it ends then.
        end: Option<Timestamp>,
    },
    /// Not this session; one that has begun ends.
    Cancel {
        /// Which.
        id: Arc<str>,
    },
    /// Not this session, which was not held, though it is seen late: one that has begun is cancelled too.
    NotHeld {
        /// Which.
        id: Arc<str>,
    },
}

impl Wish {
    /// As the audit calls it.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Book(_) => "book",
            Self::Move { .. } => "move",
            Self::Cancel { .. } | Self::NotHeld { .. } => "cancel",
        }
    }

    /// What it is about: which session, and to which slot.
    pub fn subject(&self) -> String {
        match self {
            Self::Book(session) => format!("{}: {} to {}", session.id, session.start, session.end),
            Self::Move { id, start, end } => {
                let or =
                    |moment: &Option<Timestamp>| moment.map_or_else(|| "as it was".to_owned(), |at| at.to_string());
                format!("{id}: {} to {}", or(start), or(end))
            }
            Self::Cancel { id } | Self::NotHeld { id } => id.to_string(),
        }
    }
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq)]
pub enum Granted {
    /// It is so now, and on the disk.
    Kept {
        /// As it is now.
        session: Session,
        /// Whether there was none of this id before.
        created: bool,
        /// Whether what was found with the wish is its confirmation; else an earlier one stands.
        confirms: bool,
    },
    /// It was so already, and nothing was written.
    Same(Session),
    /// Others hold the slot, the earliest first.
    Taken(Vec<Session>),
    /// There is no session of this id.
    Unknown,
    /// It was cancelled, so that it cannot be moved.
    Cancelled,
    /// It has begun, and what became of it is not told yet: another beginning, or none, would take its report away.
    Begun,
}

/// What was found and told of a session at one moment: at its confirmation, at a recheck, when its preflight opened. Written
/// down before anybody is told, so that a restart tells nothing twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Which session.
    pub session: Arc<str>,
    /// When it was to begin: one that is moved is looked at anew.
    pub start: Timestamp,
    /// What for.
    pub occasion: Occasion,
    /// When.
    pub at: Timestamp,
    /// What was said of the room.
    pub verdict: Verdict,
    /// Why, by the codes of what counts, sorted.
    pub codes: Vec<String>,
    /// Where that can be looked up; none if it could not be stored.
    pub evidence: Option<String>,
}

/// For what a session is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Occasion {
    /// It was booked or moved.
    Confirmed,
    /// So long before it begins.
    Before(Duration),
    /// Its crew is called: its preflight opens, or another meeting keeps it from doing so.
    Preflight,
    /// It is over, and its report is made.
    Reported,
    /// Whoever knew of it was told that it is not held then: it was cancelled, or moved to another hour.
    Withdrawn,
    /// Whoever knew of it was told that it is held then: it was moved to this hour, or takes place after all.
    Placed,
}

impl Occasion {
    /// The word in rows: `confirmed`, `preflight`, `before 7200`, `reported`, `withdrawn`, `placed`.
    pub fn word(self) -> String {
        match self {
            Self::Confirmed => "confirmed".to_owned(),
            Self::Preflight => "preflight".to_owned(),
            Self::Reported => "reported".to_owned(),
            Self::Withdrawn => "withdrawn".to_owned(),
            Self::Placed => "placed".to_owned(),
            Self::Before(ahead) => format!("before {}", ahead.as_secs()),
        }
    }

    /// The occasion of a word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "confirmed" => Some(Self::Confirmed),
            "preflight" => Some(Self::Preflight),
            "reported" => Some(Self::Reported),
            "withdrawn" => Some(Self::Withdrawn),
            "placed" => Some(Self::Placed),
            other => other.strip_prefix("before ")?.parse().ok().map(|ahead| Self::Before(Duration::from_secs(ahead))),
        }
    }

    /// What was told of the same hour before and holds no longer.
    pub const fn takes_back(self) -> Option<Self> {
        match self {
            Self::Withdrawn => Some(Self::Placed),
            Self::Placed => Some(Self::Withdrawn),
            Self::Confirmed | Self::Before(_) | Self::Preflight | Self::Reported => None,
        }
    }

    /// Whether it is a look at the room for that meeting at that hour, or else word of something else.
    pub const fn is_a_look(self) -> bool {
        matches!(self, Self::Confirmed | Self::Before(_) | Self::Preflight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occasion_is_read_as_it_was_written() {
        use Occasion::{Before, Confirmed, Placed, Preflight, Reported, Withdrawn};
        let ahead = Before(Duration::from_mins(30));
        for occasion in [Confirmed, Preflight, Reported, Withdrawn, Placed, ahead] {
            assert_eq!(Occasion::parse(&occasion.word()), Some(occasion));
        }
        assert_eq!(Occasion::parse("before noon"), None);
    }
}
