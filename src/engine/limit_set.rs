//! The decision about one check under one set of limits: its holds, its loss, and the reasons that are shown.

use super::hold::Hold;
use super::judge::{self, Limits};
use super::reasons;
use super::wilson::{self, Window};
use crate::domain::snapshot::Judged;
use crate::domain::{CheckSpec, Finding, Mono, Now, Observation, Reason, Standing, Verdict};

/// The decision under one set of limits.
#[derive(Clone, Debug)]
pub(super) struct LimitSet {
    /// The limits.
    pub(super) limits: Limits,
    /// What has lasted.
    pub(super) hold: Hold,
    loss: Option<Verdict>,
    /// The number of the window's first sample that counts for it: what is older was forgotten, as the line got better by these limits.
    counts_since: u64,
    /// Whether loss is of interest now: not while the target is silent or our own eyes fail, which have their own reasons.
    counts_loss: bool,
    /// What was last said of loss, if that is amiss. It stands until a hold has decided what supersedes it: a bad line is no good one for
    /// the seconds in which its silence is not certain yet.
    by_loss: Option<Finding>,
    /// Since when loss is as bad as that.
    loss_began: Mono,
    /// The findings of the newest observation under these limits, but for loss.
    findings: Vec<Finding>,
    /// What is said.
    pub(super) shown: Judged,
    /// What was said before a restart, until this process has looked itself.
    pub(super) before: Option<Standing>,
    /// Counts the changes of what is shown, so that a roll-up over unchanged checks need not be made again.
    pub(super) changes: u64,
}

impl LimitSet {
    /// Nothing seen, nothing decided.
    pub(super) fn new(limits: Limits, spec: &CheckSpec, now: Now) -> Self {
        let no_evidence = Reason {
            def: &reasons::NO_EVIDENCE,
            verdict: Verdict::Unknown,
            args: Vec::new(),
            since: now.wall,
            blocked_by: None,
        };
        let shown = Judged {
            verdict: Verdict::Unknown,
            since: now.wall,
            pending: None,
            reasons: vec![no_evidence],
            blocked_by: None,
        };
        Self {
            limits,
            hold: Hold::new(spec.holds),
            loss: None,
            counts_since: 0,
            counts_loss: false,
            by_loss: None,
            loss_began: Mono::NEVER,
            findings: Vec::new(),
            shown,
            before: None,
            changes: 0,
        }
    }

    /// Takes an observation, whose sample is in the window already.
    pub(super) fn take(&mut self, observation: &Observation, window: &Window, spec: &CheckSpec, now: Now) {
        self.find(observation);
        self.hold.feed(judge::worst(&self.findings), now.mono);
        self.weigh_loss(observation, window, spec, now);
        self.show(spec, now);
    }

    /// Since when it is as bad as it is: what was decided, or what loss makes of it where that is worse.
    pub(super) fn began(&self) -> Mono {
        let Some(decided) = self.hold.decided() else { return Mono::NEVER };
        let by_loss = self.by_loss.as_ref().is_some_and(|loss| loss.verdict > decided.verdict);
        if by_loss { decided.since.max(self.loss_began) } else { decided.since }
    }

    /// The same by other limits (a reload): the newest observation, where it counts, is judged by them at once, but for what had not
    /// lasted yet, which still has to.
    #[must_use]
    pub(super) fn under(
        mut self,
        limits: Limits,
        newest: Option<&Observation>,
        window: &Window,
        spec: &CheckSpec,
        now: Now,
    ) -> Self {
        self.limits = limits;
        if let Some(newest) = newest {
            self.find(newest);
            self.hold.weigh_anew(judge::worst(&self.findings), now.mono);
            self.weigh_loss(newest, window, spec, now);
            self.show(spec, now);
        }
        self
    }

    /// The same by other holds: what is pending waits by them.
    #[must_use]
    pub(super) fn held_as(mut self, spec: &CheckSpec, now: Now) -> Self {
        self.hold.wait_by(spec.holds);
        self.show(spec, now);
        self
    }

    /// What an observation has found, and what its measurements are by the limits.
    fn find(&mut self, observation: &Observation) {
        let reading = &observation.reading;
        self.findings.clone_from(&reading.findings);
        self.findings.extend(self.limits.findings(&reading.measurements));
    }

    /// What loss makes of it, beside what was found.
    fn weigh_loss(&mut self, observation: &Observation, window: &Window, spec: &CheckSpec, now: Now) {
        let (Some(limits), Some(rule)) = (self.limits.loss, spec.loss) else {
            self.by_loss = None;
            return;
        };
        let is_outage = observation.reading.sample.is_some_and(|sample| sample.outage);
        self.counts_loss = observation.error.is_none() && !is_outage;
        if self.counts_loss {
            self.loss = wilson::decide_by(self.loss, window, &mut self.counts_since, limits.0, limits.1);
            let ratio = window.view_since(self.counts_since).map(|view| view.ratio);
            let before = self.by_loss.take().map(|loss| loss.verdict);
            self.by_loss = (self.loss != Some(Verdict::Ready)).then(|| wilson::finding(self.loss, ratio, rule, limits));
            if self.by_loss.as_ref().map(|loss| loss.verdict) != before {
                self.loss_began = now.mono;
            }
        } else if !is_outage {
            self.loss = None;
        }
    }

    /// The evidence has become too old: that is decided, and shown.
    pub(super) fn force_stale(&mut self, now: Now) {
        self.hold.force(Verdict::Unknown, now.mono);
        self.show_stale(now);
    }

    /// Shows that the evidence is too old.
    pub(super) fn show_stale(&mut self, now: Now) {
        self.loss = None;
        self.by_loss = None;
        self.findings = vec![Finding::new(&reasons::STALE, Verdict::Unknown)];
        let since = now.wall;
        self.changes += 1;
        self.shown.verdict = Verdict::Unknown;
        self.shown.since = since;
        self.shown.pending = None;
        self.shown.reasons =
            vec![Reason { def: &reasons::STALE, verdict: Verdict::Unknown, args: Vec::new(), since, blocked_by: None }];
    }

    /// Brings what is shown up to date with what is decided.
    ///
    /// The reasons shown are those of the decided verdict, not of the raw one: while a change is pending, nobody may
    /// read reasons for a verdict that is not there yet, nor lose those of the verdict that still stands.
    pub(super) fn show(&mut self, spec: &CheckSpec, now: Now) {
        let Some(decided) = self.hold.decided() else { return };
        if !self.counts_loss && self.hold.pending().is_none_or(|pending| pending.to < decided.verdict) {
            self.by_loss = None;
        }
        let by_loss = self.by_loss.as_ref().map_or(Verdict::Ready, |loss| loss.verdict);
        let verdict = decided.verdict.max(by_loss);
        let mut shown =
            Judged { verdict, since: self.shown.since, pending: None, reasons: Vec::new(), blocked_by: None };
        if verdict != self.shown.verdict {
            let held = now.wall_at(decided.since);
            // What was decided before loss came on top has not been so since: it is again, from now on.
            let whole = verdict == decided.verdict && held >= self.shown.since;
            shown.since = if whole { held } else { now.wall };
        }
        if let Some(before) = self.before.as_ref().filter(|before| before.verdict == verdict) {
            shown.since = before.since;
        }
        let goes_on = if self.counts_loss { by_loss } else { Verdict::Ready };
        shown.pending = self.hold.pending().filter(|pending| pending.to.max(goes_on) != verdict);
        if let Some(pending) = shown.pending.as_mut().filter(|_| spec.active) {
            pending.at = Mono::NEVER;
        }
        shown.reasons = self.reasons(decided.verdict, spec, now);
        if shown != self.shown {
            self.shown = shown;
            self.changes += 1;
        }
    }

    /// The reasons of the verdict that is shown, worst first, notes last: of what was found those that `decided` has, and loss.
    fn reasons(&self, decided: Verdict, spec: &CheckSpec, now: Now) -> Vec<Reason> {
        // Loss has no hold: what it was a moment ago is no reason any more.
        let of_loss = |old: &&Reason| spec.loss.is_some_and(|rule| [rule.reason, rule.undecided].contains(&old.def));
        let stood = || self.shown.reasons.iter().filter(|old| !of_loss(old));
        // Recovering: what made it bad still stands, as it was, until the hold is over.
        let raw = self.hold.raw();
        let stands = |old: &&Reason| raw < old.verdict && old.verdict <= decided;
        let is_milder = |finding: &&Finding| {
            stood().filter(stands).any(|old| old.def == finding.reason && old.verdict > finding.verdict)
        };
        let found = self.findings.iter().filter(|finding| finding.verdict <= decided && !is_milder(finding));
        let mut all: Vec<Reason> = found.map(|finding| self.reason(finding, finding.verdict, now)).collect();
        let gone: Vec<_> =
            stood().filter(stands).filter(|old| all.iter().all(|reason| reason.def != old.def)).collect();
        all.extend(gone.into_iter().cloned());
        let has_none = |all: &[Reason]| decided != Verdict::Ready && all.iter().all(|reason| reason.verdict != decided);
        if has_none(&all) {
            // On the way to something worse, which is not decided yet, what it was decided by; on the way back what it was worse by.
            let is_kept = |old: &&Reason| old.verdict >= decided && old.def != &reasons::STALE;
            all.extend(stood().filter(is_kept).map(|old| Reason { verdict: decided, ..old.clone() }));
        }
        if has_none(&all) {
            // Decided in steps: the worse findings are the reason for the milder verdict.
            let worse = self.findings.iter().filter(|finding| finding.verdict > decided);
            all.extend(worse.map(|finding| self.reason(finding, decided, now)));
        }
        all.extend(self.by_loss.iter().map(|loss| self.reason(loss, loss.verdict, now)));
        all.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
        all
    }

    fn reason(&self, finding: &Finding, verdict: Verdict, now: Now) -> Reason {
        let same = |old: &&Reason| old.def == finding.reason && old.args.first() == finding.args.first();
        let alike = |old: &&Reason| old.def == finding.reason;
        let before = || self.before.iter().flat_map(|before| &before.reasons);
        let shown = || self.shown.reasons.iter();
        // Oldest first: what a restored observation has shown already is known from before the restart too.
        let known = before().find(same).or_else(|| before().find(alike));
        let known = known.or_else(|| shown().find(same)).or_else(|| shown().find(alike));
        let began = self.hold.pending().map_or(now.mono, |pending| pending.since);
        Reason {
            def: finding.reason,
            verdict,
            args: finding.args.clone(),
            since: known.map_or_else(|| now.wall_at(began), |known| known.since),
            blocked_by: None,
        }
    }
}
