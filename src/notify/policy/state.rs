//! What was told of an open incident, and to whom: kept over restarts beside the incident.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{Incident, Verdict};

/// What makes two looks of an incident the same news: its verdict and its leading reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct News {
    verdict: Verdict,
    code: Option<String>,
}

impl News {
    pub(super) fn of(incident: &Incident) -> Self {
        let code = incident.reasons.first().map(|reason| reason.def.code.to_owned());
        Self { verdict: incident.verdict, code }
    }

    /// As of what is well: whatever is wrong is news then.
    pub(super) const fn well() -> Self {
        Self { verdict: Verdict::Ready, code: None }
    }

    pub(super) fn is_worse_than(&self, before: &Self) -> bool {
        self.verdict > before.verdict
    }
}

/// What one receiver was told last of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) news: News,
    /// When it was told last, reminders included.
    pub(super) at: Timestamp,
}

/// What was told of an incident so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// To whom, and what.
    #[serde(default)]
    pub(super) told: BTreeMap<Arc<str>, Told>,
    /// When the first of them was told: nobody can see to what nobody has heard of.
    #[serde(default)]
    pub(super) first_told_at: Option<Timestamp>,
    /// When somebody said that they see to it.
    #[serde(default)]
    pub(super) acknowledged_at: Option<Timestamp>,
    /// When somebody was first told because nobody had said so.
    #[serde(default)]
    pub(super) escalated_at: Option<Timestamp>,
}

impl State {
    /// As it was kept of an incident. An older version did not keep when somebody was told first: when it began, then.
    pub(super) fn restored(kept: &str, incident: &Incident) -> Option<Self> {
        let mut state: Self = serde_json::from_str(kept).ok()?;
        if !state.told.is_empty() {
            state.first_told_at.get_or_insert(incident.opened_at);
        }
        Some(state)
    }

    /// A receiver is told at `at`.
    pub(super) fn tell(&mut self, receiver: Arc<str>, news: News, at: Timestamp) {
        self.first_told_at.get_or_insert(at);
        self.told.insert(receiver, Told { news, at });
    }

    /// As it is kept.
    pub(super) fn json(&self) -> String {
        // Maps with string keys and plain values cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// An open incident as it was seen last, with what was told of it.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) incident: Incident,
    pub(super) state: State,
    /// Since when its news is what it is, as far as this process knows.
    pub(super) since: Timestamp,
}

impl Open {
    /// Follows a wall clock that was set back: what lies in its future is of now, or all that waits for time to pass would wait
    /// until the clock is there again.
    pub(super) fn follow_clock(&mut self, at: Timestamp) {
        let moments = self.state.told.values_mut().map(|told| &mut told.at);
        for moment in moments.chain(&mut self.state.first_told_at).chain([&mut self.since]) {
            *moment = (*moment).min(at);
        }
    }
}
