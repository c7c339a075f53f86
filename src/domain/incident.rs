//! What changed, and what is wrong from then until then.

use std::sync::Arc;

use jiff::Timestamp;

use super::check::CheckName;
use super::component::Component;
use super::reason::Reason;
use super::verdict::Verdict;

/// Whose verdict changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The room's.
    Room,
    /// A component's.
    Component(Component),
    /// A check's.
    Check(CheckName),
}

/// A change of verdict, under the profile in force. Of a UPS it may be that `from` is `to`: it went on battery or came from it, and
/// was amiss all the while.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// Whose.
    pub subject: Subject,
    /// Under which profile.
    pub profile: Arc<str>,
    /// What it was.
    pub from: Verdict,
    /// What it is.
    pub to: Verdict,
    /// When it was decided, by the wall clock.
    pub at: Timestamp,
    /// Why: the codes of the reasons that hold now, worst first.
    pub codes: Vec<&'static str>,
    /// Whether it belongs to the first settling after a start, which is recorded and not announced.
    pub settling: bool,
}

/// What is said of a check or a component, and since when.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Of which; never the room.
    pub subject: Subject,
    /// Under which profile.
    pub profile: Arc<str>,
    /// The verdict.
    pub verdict: Verdict,
    /// Since when it has it.
    pub since: Timestamp,
    /// Why, each with its own beginning.
    pub reasons: Vec<Reason>,
}

/// One root-cause component, from leaving ready to coming back.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Unique and stable over restarts: the component and the opening moment.
    pub id: String,
    /// Which component.
    pub component: Component,
    /// The worst verdict it had.
    pub worst: Verdict,
    /// The verdict it has; once it is over, ready, or, where its component only counts no more, what it was.
    pub verdict: Verdict,
    /// Why, worst first, as it stands now (or stood when it closed).
    pub reasons: Vec<Reason>,
    /// When it began.
    pub opened_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// Whether it was found at a start, and so recorded without a word.
    pub settling: bool,
}

impl Incident {
    /// How the id of a drill begins, which is no incident of the room's.
    pub const DRILL: &str = "drill-";

    /// How the id ends of what keeps the room from being ready and has become no incident yet, as a roll call finds it.
    pub const NOT_YET: &str = "-not-yet";

    /// Whether it is only practised.
    pub fn is_drill(&self) -> bool {
        self.id.starts_with(Self::DRILL)
    }

    /// The reason to tell before all others: the first that makes it as bad as it is.
    pub fn leading(&self) -> Option<&Reason> {
        let as_bad = self.reasons.iter().find(|reason| reason.verdict == self.verdict);
        as_bad.or_else(|| self.reasons.iter().find(|reason| reason.verdict != Verdict::Ready)).or(self.reasons.first())
    }

    /// Whether it is over without having come back: its component is not needed by the profile in force, or the config, any more.
    pub fn is_not_needed(&self) -> bool {
        self.closed_at.is_some() && self.verdict != Verdict::Ready
    }

    /// Ends it at `now`, or when it began, where a wall clock that was set back lies before that.
    pub fn close(&mut self, now: Timestamp) {
        self.closed_at = Some(now.max(self.opened_at));
    }
}
