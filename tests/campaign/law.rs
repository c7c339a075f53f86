//! What the laws of the verdict make of what was seen: the other opinion, to hold the judge against.
//!
//! Written from the laws and not from the judge: it keeps what each look saw and asks each time anew what has lasted, where the
//! judge keeps since when. It is slow, and has nothing to gain by being quick.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use siaga::domain::plan::Plan;
use siaga::domain::{CheckSpec, Component, Pair, Requirement, Verdict};

/// How long a held test may take to run again after the room is free, at most, ms.
const CATCH_UP: u64 = 300_000;
/// Looks that are remembered: more than fit into any hold here.
const REMEMBERED: usize = 200;

pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

/// What a look saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    /// When it was complete, and when the judge had it.
    pub(super) at: u64,
    pub(super) arrived: u64,
    /// Each reason, with what it makes of the check under each profile (`Ready` where it is none).
    pub(super) found: Vec<(&'static str, Vec<Verdict>)>,
    /// What loss makes of it; none where loss is not counted by this look.
    pub(super) loss: Option<(&'static str, Verdict)>,
    pub(super) in_use: Option<bool>,
    /// Which faults it saw.
    pub(super) faults: Vec<usize>,
}

impl Look {
    /// The worst of what was found, without loss.
    fn raw(&self, profile: usize) -> Verdict {
        self.found.iter().map(|(_, verdicts)| verdicts[profile]).max().unwrap_or(Verdict::Ready)
    }

    /// What is said of one reason, without loss.
    fn says(&self, profile: usize) -> impl Iterator<Item = (&'static str, Verdict)> {
        let found = self.found.iter().map(move |(code, verdicts)| (*code, verdicts[profile]));
        found.filter(|(_, verdict)| *verdict != Verdict::Ready)
    }
}

/// One check.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a word of the laws, and any may be true beside any")]
pub(super) struct OfCheck {
    pub(super) spec: Arc<CheckSpec>,
    /// Since this process began, oldest first; a silence that was found too long is one too.
    looks: VecDeque<Look>,
    decided: Vec<Option<Verdict>>,
    /// What was last said of loss: it stands while what is worse than what is decided is not decided yet.
    loss: Vec<Option<(&'static str, Verdict)>>,
    /// The reasons that may still be told while it changes.
    carried: Vec<BTreeSet<&'static str>>,
    pub(super) fresh_until: Option<u64>,
    pub(super) stale: bool,
    pub(super) held: bool,
    caught_up: bool,
    pub(super) used_until: Option<u64>,
    pub(super) ran: bool,
}

impl OfCheck {
    pub(super) fn new(spec: Arc<CheckSpec>, profiles: usize) -> Self {
        Self {
            spec,
            looks: VecDeque::new(),
            decided: vec![None; profiles],
            loss: vec![None; profiles],
            carried: vec![BTreeSet::new(); profiles],
            fresh_until: None,
            stale: false,
            held: false,
            caught_up: false,
            used_until: None,
            ran: false,
        }
    }

    /// A look of this process.
    pub(super) fn looks(&mut self, look: Look) {
        self.ran = true;
        self.caught_up = false;
        self.take(look);
    }

    /// A look of the process before, as it was stored; its age is that by the wall clock, which alone outlives a process, and may lie
    /// before all that happens here. A test that was fresh when the meeting began that is live now, for so long, is held since then.
    pub(super) fn remembers(&mut self, look: Look, age: u64, live_for: Option<u64>) {
        let (now, until) = (look.arrived, (look.arrived + ms(self.spec.fresh_for)).saturating_sub(age));
        self.held = self.spec.active && live_for.is_some_and(|live| age < live + ms(self.spec.fresh_for));
        if until > now || self.held {
            self.take(look);
            self.used_until = self.used_until.map(|_| until);
        } else {
            self.stale = true;
        }
        self.fresh_until = Some(until);
    }

    fn take(&mut self, look: Look) {
        let now = look.arrived;
        self.fresh_until = Some(look.at + ms(self.spec.fresh_for));
        self.stale = false;
        if let Some(in_use) = look.in_use {
            self.used_until = in_use.then(|| look.at + ms(self.spec.fresh_for));
        }
        self.push(look);
        self.decide(now);
    }

    fn push(&mut self, look: Look) {
        for (profile, decided) in self.decided.iter_mut().enumerate() {
            decided.get_or_insert(look.raw(profile));
        }
        if self.looks.len() == REMEMBERED {
            self.looks.pop_front();
        }
        self.looks.push_back(look);
    }

    /// What has lasted by now is decided: the worst that has lasted, else the best.
    fn decide(&mut self, now: u64) {
        for profile in 0..self.decided.len() {
            while let Some(next) = self.next(profile, now) {
                self.decided[profile] = Some(next);
            }
            let (Some(last), Some(decided)) = (self.looks.back(), self.decided[profile]) else { continue };
            self.loss[profile] = last.loss.or_else(|| self.loss[profile].filter(|_| last.raw(profile) > decided));
            let codes = last.says(profile).map(|(code, _)| code);
            if last.raw(profile) == decided {
                self.carried[profile] = codes.collect();
            } else {
                let codes: Vec<_> = codes.collect();
                self.carried[profile].extend(codes);
            }
        }
    }

    fn next(&self, profile: usize, now: u64) -> Option<Verdict> {
        let decided = self.decided[profile]?;
        let lasted = |since: Option<u64>, hold: Duration| since.is_some_and(|since| since + ms(hold) <= now);
        let worse = Verdict::ALL.into_iter().rev().filter(|verdict| *verdict > decided);
        let worse = worse
            .into_iter()
            .find(|verdict| lasted(self.since(profile, |raw| raw >= *verdict), self.spec.holds.bad_for));
        worse.or_else(|| {
            let better = Verdict::ALL.into_iter().filter(|verdict| *verdict < decided);
            better
                .into_iter()
                .find(|verdict| lasted(self.since(profile, |raw| raw <= *verdict), self.spec.holds.good_for))
        })
    }

    /// Since when each look was so, if the newest is.
    fn since(&self, profile: usize, so: impl Fn(Verdict) -> bool) -> Option<u64> {
        self.looks.iter().rev().take_while(|look| so(look.raw(profile))).last().map(|look| look.arrived)
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, now: u64) {
        if let Some(until) = self.fresh_until.filter(|until| *until <= now && !self.held && !self.stale) {
            self.stale = true;
            let found = vec![("siaga.stale", vec![Verdict::Unknown; self.decided.len()])];
            self.push(Look { at: until, arrived: now, found, ..Look::default() });
            self.decided.fill(Some(Verdict::Unknown));
            self.loss.fill(None);
            self.carried.fill(BTreeSet::from(["siaga.stale"]));
        }
        // A test is confirmed by another test alone.
        if !self.stale && !self.spec.active {
            self.decide(now);
        }
    }

    /// The room comes into use, or is free since `free`.
    pub(super) fn hold(&mut self, in_use: bool, free: u64, now: u64) {
        if !self.spec.active || in_use == self.held {
            return;
        }
        if in_use {
            // What is too old by then is not held as good.
            self.pass(now);
        }
        self.held = in_use;
        // Only what gains by it has had its time: who tries the camera before a meeting takes none away after it.
        let catch_up = free + ms(self.spec.fresh_for).min(CATCH_UP);
        if !in_use && !self.caught_up && self.fresh_until.is_some_and(|until| until < catch_up) {
            self.fresh_until = Some(catch_up);
            self.caught_up = true;
        }
    }

    /// When time alone would next change something.
    pub(super) fn next_change(&self) -> Option<u64> {
        let fresh = self.fresh_until.filter(|_| !self.stale && !self.held);
        let mut all: Vec<u64> = fresh.into_iter().chain(self.used_until).collect();
        if !self.stale && !self.spec.active {
            for (profile, decided) in self.decided.iter().enumerate() {
                let Some(decided) = *decided else { continue };
                for verdict in Verdict::ALL.into_iter().filter(|verdict| *verdict != decided) {
                    let worse = verdict > decided;
                    let hold = if worse { self.spec.holds.bad_for } else { self.spec.holds.good_for };
                    let since = self.since(profile, |raw| if worse { raw >= verdict } else { raw <= verdict });
                    all.extend(since.map(|since| since + ms(hold)));
                }
            }
        }
        all.into_iter().min()
    }

    /// When it is decided that it is known again, and as what, if it goes on to be seen as by the newest look. A test is decided by
    /// another test alone.
    fn is_seen_again(&self, profile: usize) -> Option<(u64, Verdict)> {
        let raw = self.looks.back().filter(|_| !self.stale && !self.spec.active)?.raw(profile);
        let to = raw.max(self.by_loss(profile));
        let since = self.since(profile, |earlier| earlier <= raw).filter(|_| to < Verdict::Unknown)?;
        Some((since + ms(self.spec.holds.good_for), to))
    }

    fn by_loss(&self, profile: usize) -> Verdict {
        self.loss[profile].map_or(Verdict::Ready, |(_, verdict)| verdict)
    }

    /// What the newest look says of each reason, and what is said of loss.
    fn says(&self, profile: usize) -> impl Iterator<Item = (&'static str, Verdict)> {
        let loss = self.loss[profile].filter(|(_, verdict)| *verdict != Verdict::Ready);
        self.looks.back().into_iter().flat_map(move |look| look.says(profile)).chain(loss)
    }

    fn verdict_of(&self, profile: usize) -> Option<Verdict> {
        self.decided[profile].map(|decided| decided.max(self.by_loss(profile)))
    }

    /// What is to be said of it.
    fn verdict(&self, profile: usize) -> Verdict {
        if self.stale { Verdict::Unknown } else { self.verdict_of(profile).unwrap_or(Verdict::Unknown) }
    }

    /// The reasons that must be told.
    fn must(&self, profile: usize) -> Vec<&'static str> {
        if self.stale {
            return vec!["siaga.stale"];
        }
        let Some(last) = self.looks.back() else { return vec!["siaga.no_evidence"] };
        // What is not decided yet is no reason, however bad the line is by its loss.
        let found = last.says(profile).filter(|(_, says)| Some(*says) <= self.decided[profile]);
        let loss = self.loss[profile].filter(|(_, says)| *says != Verdict::Ready);
        found.chain(loss).map(|(code, _)| code).collect()
    }

    /// The reasons that may be told: those of the newest look, and while another verdict is pending those of before.
    fn may(&self, profile: usize) -> BTreeSet<&'static str> {
        let mut may: BTreeSet<_> = self.must(profile).into_iter().collect();
        if !self.stale {
            may.extend(self.says(profile).map(|(code, _)| code));
            if self.looks.back().is_some_and(|last| Some(last.raw(profile)) != self.decided[profile]) {
                may.extend(&self.carried[profile]);
            }
        }
        may
    }

    /// Whether the newest look saw that fault.
    pub(super) fn sees(&self, fault: usize) -> bool {
        !self.stale && self.looks.back().is_some_and(|look| look.faults.contains(&fault))
    }
}

/// The room, as the laws have it.
#[derive(Clone, Debug)]
pub(super) struct Law {
    plan: Plan,
    alike: Vec<usize>,
    pub(super) checks: Vec<OfCheck>,
    pub(super) started: u64,
    pub(super) live: bool,
    pub(super) profile: usize,
    pub(super) in_use: bool,
    starting: bool,
}

/// The kinds of meeting that hold what is measured here to the same limits are one: for each profile its place among them.
pub(super) fn alike(plan: &Plan) -> (Vec<usize>, Vec<Pair>) {
    let mut limits: Vec<Pair> = Vec::new();
    let of_profile = plan.profiles.iter().map(|profile| {
        limits.iter().position(|known| *known == profile.rtt).unwrap_or_else(|| {
            limits.push(profile.rtt);
            limits.len() - 1
        })
    });
    (of_profile.collect(), limits)
}

impl Law {
    pub(super) fn new(plan: &Plan, started: u64) -> Self {
        let (alike, limits) = alike(plan);
        let checks = plan.checks.iter().map(|spec| OfCheck::new(Arc::clone(spec), limits.len())).collect();
        let (plan, profile) = (plan.clone(), plan.default_profile);
        Self { plan, alike, checks, started, live: false, profile, in_use: false, starting: true }
    }

    /// What is said of a check under a profile.
    pub(super) fn verdict(&self, check: &OfCheck, profile: usize) -> Verdict {
        check.verdict(self.alike[profile])
    }

    /// What must be told of it under the current profile, and what may be.
    pub(super) fn reasons(&self, check: &OfCheck) -> (Vec<&'static str>, BTreeSet<&'static str>) {
        let profile = self.alike[self.profile];
        (check.must(profile), check.may(profile))
    }

    /// Another config: what was seen stays seen, and what has not lasted yet waits by another hold. The profile in force stays, by its
    /// name: a reload in a meeting may not judge it by another kind's needs, not for a moment.
    pub(super) fn adopt(&mut self, plan: &Plan) {
        for (check, spec) in self.checks.iter_mut().zip(&plan.checks) {
            check.spec = Arc::clone(spec);
        }
        self.profile = plan.profile(&self.plan.profiles[self.profile].name).unwrap_or(plan.default_profile);
        self.plan = plan.clone();
    }

    /// Lets time pass, up to a moment at which something was seen, said, or due.
    pub(super) fn pass(&mut self, now: u64) {
        let mut free = None;
        for check in &mut self.checks {
            if let Some(until) = check.used_until.take_if(|until| *until <= now) {
                free = free.max(Some(until));
            }
        }
        self.in_use = self.live || self.checks.iter().any(|check| check.used_until.is_some());
        for check in &mut self.checks {
            check.hold(self.in_use, free.unwrap_or(now), now);
            check.pass(now);
        }
        self.starting &= self.first_round_until() > now;
    }

    /// Until when nothing is certain yet: every passive check has had its look, or its time.
    fn first_round_until(&self) -> u64 {
        let missing = self.checks.iter().filter(|check| !check.ran && !check.spec.active);
        missing.map(|check| self.started + ms(check.spec.fresh_for)).max().unwrap_or(self.started)
    }

    pub(super) const fn is_starting(&self) -> bool {
        self.starting
    }

    pub(super) fn next_change(&self) -> Option<u64> {
        let round = self.starting.then(|| self.first_round_until());
        self.checks.iter().filter_map(OfCheck::next_change).chain(round).min()
    }

    /// Any `not_ready` → `not_ready`; else any `unknown` → `unknown`; else any `degraded` → `degraded`; else `ready`.
    fn worst(all: &[Verdict]) -> Option<Verdict> {
        let any = |verdict| all.contains(&verdict).then_some(verdict);
        any(Verdict::NotReady)
            .or_else(|| any(Verdict::Unknown))
            .or_else(|| any(Verdict::Degraded))
            .or_else(|| any(Verdict::Ready))
    }

    fn required(&self, component: Component) -> impl Iterator<Item = &OfCheck> {
        let of = move |spec: &CheckSpec| spec.component == component && spec.requirement == Requirement::Required;
        self.checks.iter().filter(move |check| of(&check.spec))
    }

    /// The verdict of a component's group: one is all that there is here.
    fn group(&self, component: Component, verdict: &dyn Fn(&OfCheck) -> Verdict) -> Option<Verdict> {
        let members = || self.required(component).filter(|check| check.spec.group.is_some());
        let need = members().find_map(|check| check.spec.group.as_ref())?.need;
        let mut verdicts: Vec<Verdict> = members().map(verdict).collect();
        verdicts.sort();
        Some(verdicts[need.min(verdicts.len()) - 1])
    }

    /// Until when a component may be unknown before that is amiss, ms: of each check that makes it so, from when that is unknown (by
    /// the check's place) for as long as evidence of it counts, of which nothing is left where it became too old. What this process has
    /// not looked at yet has all of it. Of what is seen again by then, until that is decided.
    pub(super) fn may_be_unknown_until(
        &self,
        component: Component,
        profile: usize,
        unknown_since: &BTreeMap<usize, u64>,
    ) -> Option<u64> {
        let group = self.group(component, &|check| self.verdict(check, profile));
        let makes_it_so = |check: &OfCheck| {
            let by_others = check.spec.group.is_some() && group != Some(Verdict::Unknown);
            check.spec.component == component && check.spec.requirement == Requirement::Required && !by_others
        };
        let unknown: Vec<(&OfCheck, u64)> = unknown_since
            .iter()
            .map(|(place, since)| (&self.checks[*place], *since))
            .filter(|(check, _)| makes_it_so(check))
            .collect();
        // Decided what is seen, it is known, or another of its group is.
        let alike = self.alike[profile];
        let is = |check: &OfCheck| check.is_seen_again(alike).map_or(self.verdict(check, profile), |(_, to)| to);
        let group_then = self.group(component, &is);
        let of_group = unknown.iter().filter(|(check, _)| check.spec.group.is_some());
        let of_group = of_group.filter_map(|(check, _)| Some(check.is_seen_again(alike)?.0)).max();
        let back = |check: &OfCheck| {
            let by_others = of_group.filter(|_| check.spec.group.is_some() && group_then < Some(Verdict::Unknown));
            check.is_seen_again(alike).map(|(at, _)| at).or(by_others)
        };
        let each = unknown.iter().map(|(check, since)| {
            let due = since + if check.stale && check.ran { 0 } else { ms(check.spec.fresh_for) };
            due.max(back(check).unwrap_or_default())
        });
        // Together they have the time of the most patient, unless all that are no more patient are back by then.
        let together = unknown.iter().map(|(of, _)| {
            let these = || unknown.iter().filter(|(check, _)| check.spec.fresh_for <= of.spec.fresh_for);
            let due = these().map(|(_, since)| since + ms(of.spec.fresh_for)).min().unwrap_or_default();
            let all = these().try_fold(0, |last, (check, _)| Some(last.max(back(check)?)));
            due.max(all.unwrap_or_default())
        });
        each.chain(together).min()
    }

    /// A component's verdict under a profile.
    pub(super) fn component(&self, component: Component, profile: usize) -> Verdict {
        self.component_of(component, &|check| self.verdict(check, profile))
    }

    fn component_of(&self, component: Component, verdict: &dyn Fn(&OfCheck) -> Verdict) -> Verdict {
        let single = self.required(component).filter(|check| check.spec.group.is_none());
        let mut all: Vec<Verdict> = single.map(verdict).collect();
        all.extend(self.group(component, verdict));
        let absent = self.plan.absent.contains(&component);
        Self::worst(&all).unwrap_or(if absent { Verdict::Ready } else { Verdict::Unknown })
    }

    /// Whether it can change the room's verdict.
    pub(super) fn counts(&self, component: Component, profile: usize) -> bool {
        self.plan.profiles[profile].requirement(component) == Requirement::Required
            && !self.plan.absent.contains(&component)
    }

    /// The room's verdict under a profile.
    pub(super) fn room(&self, profile: usize) -> Verdict {
        if self.starting {
            return Verdict::Unknown;
        }
        let counted = Component::ALL.into_iter().filter(|component| self.counts(*component, profile));
        let all: Vec<Verdict> = counted.map(|component| self.component(component, profile)).collect();
        Self::worst(&all).unwrap_or(Verdict::Unknown)
    }

    /// Until when an answer may be believed: the first moment at which evidence that counts is too old.
    pub(super) fn valid_until(&self, profile: usize) -> Option<u64> {
        let counted = self.checks.iter().filter(|check| {
            check.spec.requirement == Requirement::Required && self.counts(check.spec.component, profile)
        });
        counted.filter(|check| !check.stale && !check.held).filter_map(|check| check.fresh_until).min()
    }
}
