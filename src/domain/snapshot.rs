//! Everything that readers may know, as one immutable value.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::check::{CheckName, CheckSpec};
use super::component::{Component, Requirement};
use super::incident::Incident;
use super::observation::{ErrorKind, Observation};
use super::profile::Profile;
use super::reason::Reason;
use super::time::{Mono, Now};
use super::uplink::Uplink;
use super::verdict::Verdict;

/// The state of the room at one moment. API, metrics and page render this and nothing else.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The room's name.
    pub room: Arc<str>,
    /// Counts the snapshots of this process.
    pub seq: u64,
    /// When it was taken.
    pub at: Now,
    /// When this process began to judge.
    pub started: Now,
    /// Whether the first round of passive checks is still under way, so that nothing is certain yet.
    pub starting: bool,
    /// When the engine will next change by itself (a hold, a freshness limit); by then a newer snapshot exists, or
    /// the engine is stuck and nobody may believe this one.
    pub next_deadline: Mono,
    /// Whether the room is in use, by the agenda or as it is seen, so that active checks are held.
    pub in_use: bool,
    /// Every check, in the config's order.
    pub checks: Vec<Arc<CheckView>>,
    /// One view a profile, in the config's order.
    pub profiles: Vec<Arc<ProfileView>>,
    /// The place in `profiles` of the one in force now.
    pub current: usize,
    /// The place in `profiles` of the one in force when no session says otherwise.
    pub default: usize,
    /// What is wrong now, oldest first.
    pub incidents: Vec<Incident>,
}

impl Snapshot {
    /// The view of the profile in force.
    pub fn current(&self) -> &ProfileView {
        &self.profiles[self.current]
    }

    /// The view of a profile by its name.
    pub fn profile(&self, name: &str) -> Option<&ProfileView> {
        self.profiles.iter().find(|view| &*view.profile.name == name).map(|view| &**view)
    }

    /// The same; for one that the config has no more the default stands in.
    pub fn profile_or_default(&self, name: &str) -> &ProfileView {
        self.profile(name).unwrap_or(&self.profiles[self.default])
    }

    /// The uplinks that checks name, each with the bytes that active tests by it have taken on this day (UTC), as their checks told
    /// last.
    pub fn uplinks(&self) -> Vec<(Arc<Uplink>, f64)> {
        let mut all: Vec<(Arc<Uplink>, f64)> = Vec::new();
        let day = |at: Timestamp| at.as_second().div_euclid(86_400);
        for check in &self.checks {
            let known = |uplink: &&Arc<Uplink>| all.iter().all(|(known, _)| known.name != uplink.name);
            if let Some(uplink) = check.spec.uplink.as_ref().filter(known) {
                all.push((Arc::clone(uplink), 0.0));
            }
        }
        for check in &self.checks {
            let of_today = check.last.iter().filter(|last| day(last.at.wall) == day(self.at.wall));
            let measured = of_today.flat_map(|last| &last.reading.measurements);
            for used in measured.filter(|one| one.quantity.of_budget) {
                // By another way than the check's own where it says so.
                let by = used.part.as_ref().or(check.spec.uplink.as_ref().map(|uplink| &uplink.name));
                if let Some((_, sum)) = all.iter_mut().find(|(known, _)| Some(&known.name) == by) {
                    *sum += used.value;
                }
            }
        }
        all
    }

    /// A check by its name.
    pub fn check(&self, name: &str) -> Option<&CheckView> {
        self.checks.iter().find(|view| view.spec.name.as_str() == name).map(|view| &**view)
    }
}

/// A check, without any profile.
#[derive(Clone, Debug)]
pub struct CheckView {
    /// What was configured.
    pub spec: Arc<CheckSpec>,
    /// The newest observation that there is, from before a restart too.
    pub last: Option<Arc<Observation>>,
    /// When that evidence becomes too old; `None` while there is none.
    pub fresh_until: Option<Mono>,
    /// Whether the evidence is too old.
    pub stale: bool,
    /// Since when it is held because the room is in use.
    pub held: Option<Timestamp>,
    /// Runs since the process began.
    pub runs: u64,
    /// Of those, the ones that failed, by kind.
    pub failures: BTreeMap<ErrorKind, u64>,
    /// Share of packets lost in the window, with Wilson's 95 % interval, for kinds that count packets.
    pub loss: Option<LossView>,
}

impl CheckView {
    /// The age of the evidence; `None` without evidence.
    pub fn age(&self, now: Now) -> Option<std::time::Duration> {
        self.last.as_ref().map(|last| now.mono.since(last.at.mono))
    }
}

/// Packet loss over the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossView {
    /// Packets counted.
    pub sent: u32,
    /// Of those, lost.
    pub lost: u32,
    /// Lost over sent.
    pub ratio: f64,
    /// Wilson's 95 % interval, lower end.
    pub low: f64,
    /// Wilson's 95 % interval, upper end.
    pub high: f64,
}

/// The room under one profile.
#[derive(Clone, Debug)]
pub struct ProfileView {
    /// Which.
    pub profile: Arc<Profile>,
    /// The room's verdict.
    pub verdict: Verdict,
    /// Reasons of the room itself, which no check carries (`siaga.starting`).
    pub reasons: Vec<Reason>,
    /// The components, in the procedure's order.
    pub components: Arc<[ComponentView]>,
    /// What is said of each check, in the order of [`Snapshot::checks`].
    pub checks: Arc<[Judged]>,
    /// The check that explains the room's verdict; `None` while the room is ready.
    pub root_cause: Option<CheckName>,
    /// The earliest moment at which evidence that counts becomes too old.
    pub valid_until: Mono,
}

/// A component under one profile.
#[derive(Clone, Debug)]
pub struct ComponentView {
    /// Which.
    pub component: Component,
    /// What is said of it.
    pub verdict: Verdict,
    /// Whether it counts under this profile.
    pub requirement: Requirement,
    /// Whether the config declares it deliberately absent.
    pub absent: bool,
    /// Its own reasons, which no check carries (`not_configured`).
    pub reasons: Vec<Reason>,
    /// The places of its checks in [`Snapshot::checks`].
    pub checks: Vec<usize>,
    /// Since when it has this verdict.
    pub since: Timestamp,
}

/// What is said of a check under one profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The decided verdict.
    pub verdict: Verdict,
    /// Since when.
    pub since: Timestamp,
    /// A change that is seen and not yet decided.
    pub pending: Option<Pending>,
    /// Why, worst first; notes (of verdict ready) last.
    pub reasons: Vec<Reason>,
    /// The check whose failure explains this one's.
    pub blocked_by: Option<CheckName>,
}

/// A change that waits for its hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What it would become.
    pub to: Verdict,
    /// Since when it is seen.
    pub since: Mono,
    /// When it will be decided if nothing changes; [`Mono::NEVER`] if only another observation can decide it.
    pub at: Mono,
}

impl ProfileView {
    /// The reason that explains the room's verdict: the room's own, else the root cause's, else the worst component's. `checks` are the
    /// snapshot's.
    pub fn main_reason(&self, checks: &[Arc<CheckView>]) -> Option<&Reason> {
        let explains = |reason: &&Reason| reason.verdict == self.verdict;
        let caused = || {
            let cause = self.root_cause.as_ref()?;
            let at = checks.iter().position(|check| check.spec.name == *cause)?;
            self.checks[at].reasons.iter().find(|reason| reason.verdict != Verdict::Ready)
        };
        let worst = || {
            let counted =
                self.components.iter().filter(|view| view.requirement == Requirement::Required && !view.absent);
            let worst = counted.filter(|component| component.verdict == self.verdict);
            worst.flat_map(|component| self.reasons_of(component)).find(explains)
        };
        // Beside the room's own may stand notes, and what is milder. The cause may be of another component than the worst (a dead camera
        // beside a slow line): it goes first only where it is as bad as what it explains.
        self.reasons.iter().find(explains).or_else(|| caused().filter(explains)).or_else(worst)
    }

    /// A component's reasons: its own, then its checks'.
    pub fn reasons_of<'a>(&'a self, component: &'a ComponentView) -> impl Iterator<Item = &'a Reason> {
        component.reasons.iter().chain(component.checks.iter().flat_map(|at| &self.checks[*at].reasons))
    }
}
