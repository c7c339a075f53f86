//! What was told of an open incident, and to whom: kept over restarts beside the incident.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{Incident, Reason, Verdict};

/// What makes two looks of an incident the same news: its verdict and its leading reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct News {
    verdict: Verdict,
    code: Option<String>,
}

impl News {
    pub(super) fn of(incident: &Incident) -> Self {
        let code = incident.leading().map(|reason| reason.def.code.to_owned());
        Self { verdict: incident.verdict, code }
    }

    /// As of what is well, or goes to and fro: whatever is wrong is news then.
    pub(super) const fn well() -> Self {
        Self { verdict: Verdict::Ready, code: None }
    }

    pub(super) const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// An incident as it was told: of what has become of it since, nothing is said. `worst` of it goes to and fro, as far as it still
    /// does.
    pub(super) fn as_told(&self, incident: &Incident, worst: Option<Verdict>) -> Incident {
        if *self == Self::well() {
            // Only that it goes to and fro was told.
            let no_worse = |verdict: Verdict| worst.map_or(verdict, |worst| verdict.min(worst));
            let (verdict, worst) = (no_worse(incident.verdict), no_worse(incident.worst));
            return Incident { verdict, worst, reasons: Vec::new(), ..incident.clone() };
        }
        let is_told = |reason: &&Reason| self.code.as_deref() == Some(reason.def.code);
        let reasons = incident.reasons.iter().filter(is_told);
        let reasons = reasons.map(|reason| Reason { verdict: self.verdict, ..reason.clone() }).collect();
        // It may have been told as worse before; that it is worse than ever was not.
        let worst = if incident.verdict > self.verdict { self.verdict } else { incident.worst };
        Incident { verdict: self.verdict, worst, reasons, ..incident.clone() }
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// To whom, and what.
    #[serde(default)]
    pub(super) told: BTreeMap<Arc<str>, Told>,
    /// When each of them was told first, of this or of what it went to and fro by before: nobody can see to what they have not heard
    /// of. There is none in what an older version kept, and only there.
    #[serde(default)]
    first_told: Option<BTreeMap<Arc<str>, Timestamp>>,
    /// When the first of them was told: all that an older version kept of it.
    #[serde(default, skip_serializing)]
    first_told_at: Option<Timestamp>,
    /// When somebody said that they see to it.
    #[serde(default)]
    pub(super) acknowledged_at: Option<Timestamp>,
    /// What it was then, or was told to be: of what is worse they have not said so. An older version did not keep it.
    #[serde(default)]
    acknowledged: Option<Verdict>,
    /// When it was last found to be worse than what somebody had said that they see to.
    #[serde(default)]
    pub(super) outgrown_at: Option<Timestamp>,
    /// When somebody was first told because nobody had said so.
    #[serde(default)]
    pub(super) escalated_at: Option<Timestamp>,
    /// Whether a silence or a window kept it from being told while it was worse than all that its component went to and fro by, if by
    /// anything.
    #[serde(default)]
    pub(super) kept_back: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            told: BTreeMap::new(),
            first_told: Some(BTreeMap::new()),
            first_told_at: None,
            acknowledged_at: None,
            acknowledged: None,
            outgrown_at: None,
            escalated_at: None,
            kept_back: false,
        }
    }
}

impl State {
    /// As it was kept of an incident. Where an older version did not keep when somebody was told first: when it began, then.
    pub(super) fn restored(kept: &str, incident: &Incident) -> Option<Self> {
        let mut state: Self = serde_json::from_str(kept).ok()?;
        let first = state.first_told_at.take().unwrap_or(incident.opened_at);
        let told = state.told.keys();
        state.first_told.get_or_insert_with(|| told.map(|receiver| (Arc::clone(receiver), first)).collect());
        if state.acknowledged_at.is_some() && state.acknowledged.is_none() {
            state.acknowledged = Some(state.known(incident.verdict));
        }
        Some(state)
    }

    /// What it is known to be, where it is this now: what is milder may not have been told yet.
    fn known(&self, verdict: Verdict) -> Verdict {
        self.told.values().map(|told| told.news.verdict).fold(verdict, Verdict::max)
    }

    /// Somebody sees to it, as it is now. Whether nobody did yet.
    pub(super) fn acknowledge(&mut self, verdict: Verdict, at: Timestamp) -> bool {
        self.acknowledged = self.acknowledged.max(Some(self.known(verdict)));
        let first = self.acknowledged_at.is_none();
        self.acknowledged_at.get_or_insert(at);
        first
    }

    /// It is this now. Where that is worse than what somebody sees to, nobody does yet, and whoever hears of it has from then on the time
    /// to: a battery that is old may be known for months when mains fails.
    pub(super) fn follow_verdict(&mut self, verdict: Verdict, at: Timestamp) {
        if self.acknowledged.is_some_and(|seen_to| verdict > seen_to) {
            (self.acknowledged_at, self.acknowledged, self.escalated_at) = (None, None, None);
            self.first_told = Some(BTreeMap::new());
            self.outgrown_at = Some(at);
        }
    }

    /// A receiver is told at `at`.
    pub(super) fn tell(&mut self, receiver: Arc<str>, news: News, at: Timestamp) {
        self.first_told.get_or_insert_default().entry(Arc::clone(&receiver)).or_insert(at);
        self.told.insert(receiver, Told { news, at });
    }

    /// A receiver has heard already what there is to say of it. What became worse in a silence than what somebody saw to is theirs to
    /// see to from now on.
    pub(super) fn hears_nothing_new(&mut self, receiver: &Arc<str>, at: Timestamp) {
        if self.outgrown_at.is_some() {
            self.first_told.get_or_insert_default().entry(Arc::clone(receiver)).or_insert(at);
        }
    }

    /// When the first of these was told, and could see to it.
    pub(super) fn first_told(&self, receivers: &[Arc<str>]) -> Option<Timestamp> {
        let first = self.first_told.as_ref()?;
        receivers.iter().filter_map(|receiver| first.get(receiver)).min().copied()
    }

    /// It is what another was before, of a component that goes to and fro: who was told then can see to it since then, unless somebody
    /// does, or it has become worse than what somebody saw to.
    pub(super) fn follow(&mut self, before: &Self) {
        let begins_anew = before.acknowledged_at.is_some() || self.outgrown_at.is_some();
        let told = before.first_told.iter().filter(|_| !begins_anew).flatten();
        let first = self.first_told.get_or_insert_default();
        for (receiver, at) in told {
            first.entry(Arc::clone(receiver)).or_insert(*at);
        }
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
        let first = self.state.first_told.iter_mut().flat_map(BTreeMap::values_mut);
        for moment in moments.chain(first).chain([&mut self.since]) {
            *moment = (*moment).min(at);
        }
    }
}
