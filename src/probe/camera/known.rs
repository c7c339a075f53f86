//! What is known of one node of a camera from what it answered, and when it is asked again.

use std::time::Duration;

use super::nodes::Node;
use super::place::Place;
use super::query::Info;
use super::{NEW, RETRY};
use crate::domain::{ErrorKind, Mono, ProbeError};

/// What is known of one node beside what sysfs shows.
#[derive(Default)]
pub(super) struct Known {
    /// Where its child runs.
    pub(super) place: Place,
    pub(super) born: u64,
    /// When it was first seen.
    pub(super) since: Mono,
    /// Whether it came while we looked; what was there at the first look may have been there for long.
    pub(super) came: bool,
    pub(super) asked: Option<Mono>,
    pub(super) answer: Option<Result<Info, ProbeError>>,
}

impl Known {
    /// Whether it should be asked now.
    pub(super) fn is_due(&self, node: &Node, requery: Duration, now: Mono) -> bool {
        let wait = match &self.answer {
            Some(Ok(_)) => requery,
            Some(Err(error)) if self.is_early() || error.kind == ErrorKind::Permission && self.is_new(now) => {
                Duration::ZERO
            }
            _ => requery.min(RETRY),
        };
        self.born != node.born || self.asked.is_none_or(|asked| now.since(asked) >= wait)
    }

    fn is_new(&self, now: Mono) -> bool {
        now.since(self.since) < NEW
    }

    /// Whether the newest answer is a refusal that says nothing: udev has not given the node to its group yet.
    pub(super) fn is_early(&self) -> bool {
        let refused = matches!(&self.answer, Some(Err(error)) if error.kind == ErrorKind::Permission);
        refused && self.came && self.asked.is_some_and(|asked| self.is_new(asked))
    }

    /// Whether the newest answer was none.
    pub(super) const fn failed(&self) -> bool {
        matches!(&self.answer, Some(Err(_)))
    }

    /// Whether the newest answer was that another has it.
    pub(super) fn was_busy(&self) -> bool {
        matches!(&self.answer, Some(Err(error)) if error.kind == ErrorKind::Busy)
    }
}
