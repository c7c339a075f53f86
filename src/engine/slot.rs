//! A slot: what can be said of a meeting from then until then. A pure function of a snapshot.
//!
//! Within the horizon the answer is live: the room as it is. Beyond it nobody knows what the line or the mains will do;
//! only reasons that last until somebody acts still count, with faults that have lasted for a day, and the answer is provisional.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::snapshot::{Judged, ProfileView};
use crate::domain::{Now, Reason, Snapshot, Verdict};

use super::revise::revise;

/// A meeting that begins within this is answered by the room as it is now.
pub const HORIZON: Duration = Duration::from_hours(2);

/// A meeting further away than this is asked about once more a day before: time enough to mend what lasts. No outlook is good
/// for longer either: what lasts can begin at any moment.
pub const DAY_BEFORE: Duration = Duration::from_hours(24);

/// What is not known because nobody has looked yet, as after every start, may be known in a moment.
const SOON: Duration = Duration::from_mins(1);

/// What is not known for another reason may stay so: not more often is it asked again.
const UNKNOWN: Duration = Duration::from_mins(15);

/// What is wrong for so long is taken to stay so until somebody acts, whatever it is.
pub const LASTED: Duration = Duration::from_hours(24);

/// What is asked: a kind of meeting, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    profile: usize,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

/// Why a question cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such kind of meeting.
    #[error("there is no profile {given:?}; there are {}", known.join(", "))]
    UnknownProfile {
        /// What was asked for.
        given: String,
        /// What there is.
        known: Vec<String>,
    },
    /// It ends before it begins, or at the same moment.
    #[error("the end {end} is not after the start {start}")]
    Reversed {
        /// When it would begin.
        start: Timestamp,
        /// When it would end.
        end: Timestamp,
    },
    /// It is over.
    #[error("the end {end} is past; now it is {now:.0}")]
    Past {
        /// When it ended.
        end: Timestamp,
        /// When it was asked.
        now: Timestamp,
    },
}

impl Question {
    /// A question of a kind of meeting from `start` (now) until `end` (open). If none is named it is the one in force, and beyond the
    /// horizon the default one: nobody is in that meeting yet.
    ///
    /// # Errors
    /// What cannot be answered, and why.
    pub fn new(
        snapshot: &Snapshot,
        profile: Option<&str>,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
        now: Now,
    ) -> Result<Self, Refusal> {
        let place = |name: &str| snapshot.profiles.iter().position(|view| &*view.profile.name == name);
        let profile = match profile {
            None if start.is_some_and(|start| until(start, now.wall) > HORIZON) => snapshot.default,
            None => snapshot.current,
            Some(name) => place(name).ok_or_else(|| Refusal::UnknownProfile {
                given: name.to_owned(),
                known: snapshot.profiles.iter().map(|view| view.profile.name.to_string()).collect(),
            })?,
        };
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            return Err(Refusal::Reversed { start, end });
        }
        if let Some(end) = end.filter(|end| *end <= now.wall) {
            return Err(Refusal::Past { end, now: now.wall });
        }
        Ok(Self { profile, start, end })
    }

    /// A question of a session of a kind of meeting: of one that the config has no more it is the default one, by which the room will be
    /// judged in it.
    ///
    /// # Errors
    /// As [`Question::new`].
    pub fn of_session(
        snapshot: &Snapshot,
        profile: &str,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
        now: Now,
    ) -> Result<Self, Refusal> {
        let view = snapshot.profile_or_default(profile);
        Self::new(snapshot, Some(&view.profile.name), start, end, now)
    }

    /// The place of its profile in the snapshot that it was made for.
    pub const fn profile(&self) -> usize {
        self.profile
    }

    /// When the meeting begins; `None` is now.
    pub const fn start(&self) -> Option<Timestamp> {
        self.start
    }

    /// When the meeting ends; `None` is open.
    pub const fn end(&self) -> Option<Timestamp> {
        self.end
    }
}

/// What an answer stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The room as it is.
    Live,
    /// Only what lasts.
    Outlook,
}

/// Whether an answer can be relied upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// As far as can be known.
    Final,
    /// Ask again at `recheck_at`.
    Provisional,
}

/// What can be said of a slot.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What it stands on.
    pub basis: Basis,
    /// Whether it can be relied upon.
    pub decision: Decision,
    /// The room, its components and its checks, as they count for this slot.
    pub view: Arc<ProfileView>,
    /// When evidence that it stands on becomes too old; of an outlook, when to ask again.
    pub valid_until: Timestamp,
    /// When to ask again: of a meeting that has begun, not at all.
    pub recheck_at: Option<Timestamp>,
}

/// Answers a question from a snapshot.
pub fn answer(snapshot: &Snapshot, question: &Question, now: Now) -> Answer {
    let view = snapshot.profiles.get(question.profile).unwrap_or(&snapshot.profiles[snapshot.current]);
    let ahead = question.start.map_or(Duration::ZERO, |start| until(start, now.wall));
    if ahead <= HORIZON {
        return Answer {
            basis: Basis::Live,
            decision: Decision::Final,
            view: Arc::clone(view),
            valid_until: now.wall_at(view.valid_until),
            // Much can change until it begins.
            recheck_at: question.start.filter(|_| ahead > Duration::ZERO),
        };
    }
    let wait = ahead.saturating_sub(if ahead > DAY_BEFORE { DAY_BEFORE } else { HORIZON });
    // Counted from when the room was so: an answer is no better for having been asked late.
    let good_for = DAY_BEFORE.saturating_sub(until(now.wall, snapshot.at.wall));
    let view = Arc::new(revise(snapshot, view, |_, judged| Some(lasting(judged, snapshot.started, now))));
    let recheck_at = now.wall.saturating_add(wait.min(good_for)).unwrap_or(Timestamp::MAX);
    Answer {
        basis: Basis::Outlook,
        decision: Decision::Provisional,
        view,
        valid_until: recheck_at,
        recheck_at: Some(recheck_at),
    }
}

impl Answer {
    /// The same, asked about again earlier where it does not know: in a moment, if nobody has looked yet (`soon`).
    #[must_use]
    pub fn until_known(self, soon: bool, now: Now) -> Self {
        let Some(recheck_at) = self.recheck_at.filter(|_| self.view.verdict == Verdict::Unknown) else { return self };
        let wait = if soon { SOON } else { UNKNOWN };
        let recheck_at = now.wall.saturating_add(wait).unwrap_or(Timestamp::MAX).min(recheck_at);
        // An outlook is good until it is asked again.
        let valid_until = if self.basis == Basis::Outlook { recheck_at } else { self.valid_until };
        Self { valid_until, recheck_at: Some(recheck_at), ..self }
    }
}

/// What of a check's verdict lasts.
///
/// What our eyes cannot see may or may not last, also where what is worse beside it passes: it stays unknown, which never looks green.
fn lasting(judged: &Judged, started: Now, now: Now) -> Judged {
    // Of the verdict, and not of a reason: what was found in its place meanwhile makes it no younger (a line of which now the router and
    // now the far end is silent), and a reason may be old that was milder until a moment ago. One that is milder for a moment begins anew.
    let whole = judged.verdict == Verdict::NotReady && lasted(judged.since, started, now) >= LASTED;
    let lasts = |reason: &&Reason| match reason.verdict {
        Verdict::Unknown => true,
        Verdict::NotReady if whole => true,
        _ => reason.def.lasting,
    };
    let reasons: Vec<_> = judged.reasons.iter().filter(lasts).cloned().collect();
    let verdict = Verdict::worst(reasons.iter().map(|reason| reason.verdict)).unwrap_or(Verdict::Ready);
    let since = reasons.iter().map(|reason| reason.since).min().unwrap_or(judged.since);
    let since = if whole { since.min(judged.since) } else { since };
    let blocked_by = judged.blocked_by.clone().filter(|_| verdict != Verdict::Ready);
    Judged { verdict, since, pending: None, reasons, blocked_by }
}

/// For how long something is so: for no longer than it was when this process began, and the time since then by the clock that nobody
/// sets. A wall clock that is set forward makes nothing older than this process and what it found.
fn lasted(since: Timestamp, started: Now, now: Now) -> Duration {
    until(now.wall, since).min(until(started.wall, since).saturating_add(now.mono.since(started.mono)))
}

fn until(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now)).unwrap_or_default()
}
