//! The judge: a pure machine. Every call takes `now`; nothing here waits, reads a clock or touches the world.
//!
//! ```text
//!  observe(observation, now) ─┐
//!  command(order, now) ───────┼─▶ checks ─▶ roll-up per profile ─▶ snapshot()
//!  tick(now) ─────────────────┘      │                 │
//!        ▲                           ▼                 ▼
//!  next_deadline()            holds, freshness    transitions, incidents ─▶ drain_events()
//! ```
//!
//! Freshness is a deadline, not a poll: silence itself changes the verdict. The same engine runs the daemon, the
//! simulations, `siaga replay` and the drills.

pub mod cause;
pub mod check;
pub mod hold;
pub mod incident;
pub mod judge;
pub mod reasons;
pub mod revise;
pub mod rollup;
pub mod slot;
pub mod standing;
pub mod wilson;

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::plan::Plan;
use crate::domain::snapshot::{CheckView, ComponentView, Judged, ProfileView};
use crate::domain::{
    CheckName, Component, Incident, Mono, Now, Observation, Reason, Requirement, Snapshot, Standing, Subject,
    Transition, Verdict,
};
use cause::Node;
use check::CheckState;
use incident::Incidents;
use rollup::Decided;
use standing::Standings;

/// How long after a start what is found is recorded and not announced. What is still there then is told.
pub const SETTLING: Duration = Duration::from_secs(15);

/// What the engine tells beside its snapshot, in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A verdict changed.
    Transition(Transition),
    /// What is said holds since another moment than before.
    Stands(Standing),
    /// Something began to be wrong.
    IncidentOpened(Incident),
    /// It is wrong in another way.
    IncidentChanged(Incident),
    /// It is over.
    IncidentClosed(Incident),
}

/// What a person or the agenda tells the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The agenda says that a meeting is live (or over).
    Agenda {
        /// Whether one is live.
        live: bool,
    },
    /// Judge by another profile from now on: its place in the plan.
    Profile(usize),
}

/// What an earlier process left.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// The newest stored observation of each check, with its true wall time.
    pub observations: Vec<Observation>,
    /// Incidents that were open.
    pub incidents: Vec<Incident>,
    /// Since when what was said of checks and components holds.
    pub standings: Vec<Standing>,
}

/// The judge of one room.
#[derive(Debug)]
pub struct Engine {
    plan: Plan,
    checks: Vec<CheckState>,
    by_name: HashMap<CheckName, usize>,
    started: Now,
    seq: u64,
    starting: bool,
    /// When the settling was found over.
    settled: Option<Mono>,
    agenda_live: bool,
    in_use: bool,
    current: usize,
    incidents: Incidents,
    /// When an incident becomes due only by lasting.
    incident_due: Mono,
    /// The verdicts told last, for transitions.
    told: HashMap<Subject, Verdict>,
    standings: Standings,
    /// Since when each component has had its verdict, per profile.
    since: HashMap<(usize, Component), (Verdict, Timestamp)>,
    events: Vec<Event>,
    /// The newest roll-up of each profile, and what it was made of.
    rolled_up: Vec<Option<(MadeOf, Arc<ProfileView>)>>,
    /// What was told last was of this list.
    told_of: Option<Arc<[Judged]>>,
    view: Arc<Snapshot>,
}

/// All that a roll-up depends on, beside the plan and the passing of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MadeOf {
    starting: bool,
    changes: u64,
    blocked_by: Vec<Option<usize>>,
}

impl Engine {
    /// A judge that has seen only what an earlier process left.
    pub fn new(plan: Plan, restored: Restored, now: Now) -> Self {
        let mut checks: Vec<CheckState> =
            plan.checks.iter().map(|spec| CheckState::new(Arc::clone(spec), &plan.profiles, now)).collect();
        let by_name: HashMap<_, _> = plan.checks.iter().enumerate().map(|(at, spec)| (spec.name.clone(), at)).collect();
        let current = plan.default_profile;
        let standings = Standings::restored(restored.standings, &plan.profiles[current].name, now);
        for (check, spec) in checks.iter_mut().zip(&plan.checks) {
            if let Some(before) = standings.before(&Subject::Check(spec.name.clone())) {
                check.stood(current, before);
            }
        }
        for observation in restored.observations {
            if let Some(at) = by_name.get(&observation.check) {
                checks[*at].restore(observation, now);
            }
        }
        let view = Arc::new(Snapshot {
            room: Arc::clone(&plan.room),
            seq: 0,
            at: now,
            started: now,
            starting: true,
            next_deadline: now.mono,
            in_use: false,
            checks: Vec::new(),
            profiles: Vec::new(),
            current,
            incidents: Vec::new(),
        });
        let mut engine = Self {
            plan,
            checks,
            by_name,
            started: now,
            seq: 0,
            starting: true,
            settled: None,
            agenda_live: false,
            in_use: false,
            current,
            incidents: Incidents::restored(restored.incidents),
            incident_due: Mono::NEVER,
            told: HashMap::new(),
            standings,
            since: HashMap::new(),
            events: Vec::new(),
            rolled_up: Vec::new(),
            told_of: None,
            view,
        };
        engine.pass_time(now);
        engine
    }

    /// Takes one observation. One of a check that is not in the plan is nobody's, and is dropped (`false`).
    pub fn observe(&mut self, observation: Observation, now: Now) -> bool {
        let Some(at) = self.by_name.get(&observation.check).copied() else { return false };
        self.checks[at].observe(observation, now);
        self.pass_time(now);
        true
    }

    /// Takes several observations at once, with one roll-up for all of them.
    pub fn observe_all(&mut self, observations: impl IntoIterator<Item = Observation>, now: Now) -> usize {
        let mut unknown = 0;
        for observation in observations {
            match self.by_name.get(&observation.check).copied() {
                Some(at) => self.checks[at].observe(observation, now),
                None => unknown += 1,
            }
        }
        self.pass_time(now);
        unknown
    }

    /// Takes an order.
    pub fn command(&mut self, order: &Order, now: Now) {
        match *order {
            Order::Agenda { live } => self.agenda_live = live,
            Order::Profile(place) if place < self.plan.profiles.len() => self.current = place,
            Order::Profile(_) => {}
        }
        self.pass_time(now);
    }

    /// Judges by another plan from now on (a reload). A check that is told the same as before keeps all that is known of
    /// it; one that changed begins anew. Incidents stay open until their component is ready again, or is no longer asked for.
    pub fn adopt(&mut self, plan: Plan, now: Now) {
        let same_profiles = plan.profiles == self.plan.profiles;
        let mut old: HashMap<CheckName, CheckState> =
            self.checks.drain(..).map(|check| (check.spec().name.clone(), check)).collect();
        self.checks = plan
            .checks
            .iter()
            .map(|spec| match old.remove(&spec.name) {
                Some(check) if check.spec() != spec => {
                    CheckState::new(Arc::clone(spec), &plan.profiles, now).used_as(&check)
                }
                Some(check) if same_profiles => check,
                Some(check) => check.under(&plan.profiles, now),
                None => CheckState::new(Arc::clone(spec), &plan.profiles, now),
            })
            .collect();
        self.by_name = plan.checks.iter().enumerate().map(|(at, spec)| (spec.name.clone(), at)).collect();
        self.told.retain(|subject, _| match subject {
            Subject::Check(name) => self.by_name.contains_key(name),
            Subject::Room | Subject::Component(_) => true,
        });
        if !same_profiles {
            self.since.clear();
        }
        self.current = plan.default_profile;
        self.plan = plan;
        // These are of the old plan's places.
        self.rolled_up.clear();
        self.told_of = None;
        self.pass_time(now);
    }

    /// Lets the time pass: decides what has lasted, and calls too old what is.
    pub fn tick(&mut self, now: Now) {
        self.pass_time(now);
    }

    /// When [`Engine::tick`] would next change something; [`Mono::NEVER`] if only an observation can.
    pub fn next_deadline(&self) -> Mono {
        let checks = self.checks.iter().map(CheckState::next_deadline).min().unwrap_or(Mono::NEVER);
        let settling = self.started.mono.after(SETTLING);
        let settling = if self.view.at.mono < settling { settling } else { Mono::NEVER };
        checks.min(self.first_round_until()).min(self.incident_due).min(settling)
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.view)
    }

    /// What happened since this was last asked, oldest first.
    pub fn drain_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn pass_time(&mut self, now: Now) {
        self.in_use = self.agenda_live || self.checks.iter().any(CheckState::in_use);
        for check in &mut self.checks {
            check.hold_back(self.in_use, now);
            check.tick(now);
        }
        self.judge(now);
    }

    /// The first round ends when every passive check has been observed, or when the slowest has had its time: a probe
    /// that hangs may not keep the whole room in the dark.
    fn first_round_until(&self) -> Mono {
        if !self.starting {
            return Mono::NEVER;
        }
        let missing = self.checks.iter().filter(|check| !check.has_run() && !check.spec().active);
        missing.map(|check| self.started.mono.after(check.spec().fresh_for)).max().unwrap_or(self.started.mono)
    }

    fn judge(&mut self, now: Now) {
        if self.starting && self.first_round_until() <= now.mono {
            self.starting = false;
        }
        self.seq += 1;
        let checks: Vec<Arc<CheckView>> = self.checks.iter_mut().map(CheckState::view).collect();
        let profiles: Vec<Arc<ProfileView>> =
            (0..self.plan.profiles.len()).map(|place| self.roll_up(place, now)).collect();
        let mut events = Vec::new();
        let current = &profiles[self.current];
        // The same list in memory is the same list: nothing was rolled up anew.
        let news = self.told_of.as_ref().is_none_or(|told| !Arc::ptr_eq(told, &current.checks));
        let settling = now.mono < self.started.mono.after(SETTLING);
        // What was withheld while settling is looked at once more when that is over.
        let settles = !settling && self.settled.is_none();
        if !self.starting && (news || settles || self.incident_due <= now.mono) {
            if settles {
                self.settled = Some(now.mono);
            }
            self.told_of = Some(Arc::clone(&current.checks));
            self.tell_transitions(current, settling, now, &mut events);
            self.standings.tell(current, &checks, &mut events);
            let (changed, due) = self.incidents.update(current, &checks, settling, now);
            events.extend(changed);
            self.incident_due = due;
        }
        if !self.starting {
            self.standings.forget_before();
            self.checks.iter_mut().for_each(CheckState::forget_before);
        }
        self.events.extend(events);
        self.view = Arc::new(Snapshot {
            room: Arc::clone(&self.plan.room),
            seq: self.seq,
            at: now,
            started: self.started,
            starting: self.starting,
            next_deadline: Mono::NEVER,
            in_use: self.in_use,
            checks,
            profiles,
            current: self.current,
            incidents: self.incidents.open().to_vec(),
        });
        let next_deadline = self.next_deadline();
        if let Some(view) = Arc::get_mut(&mut self.view) {
            view.next_deadline = next_deadline;
        }
    }

    /// The room under one profile. What was rolled up before stands as long as nothing that it is made of has changed.
    fn roll_up(&mut self, place: usize, now: Now) -> Arc<ProfileView> {
        let nodes: Vec<Node> = self.checks.iter().map(|check| check.node(place, check.judged(place))).collect();
        let made_of = MadeOf {
            starting: self.starting,
            // Each counter only grows, so no two states have the same sum.
            changes: self.checks.iter().map(|check| check.changes(place)).sum(),
            blocked_by: cause::blocked_by(&nodes),
        };
        let valid_until = self.valid_until(place, now);
        let before = self.rolled_up.get(place).and_then(Option::as_ref).filter(|(of, _)| *of == made_of);
        let view = match before {
            Some((_, view)) if view.valid_until == valid_until => Arc::clone(view),
            Some((_, view)) => Arc::new(ProfileView { valid_until, ..(**view).clone() }),
            None => Arc::new(self.roll_up_anew(place, &made_of.blocked_by, valid_until, now)),
        };
        if self.rolled_up.len() <= place {
            self.rolled_up.resize_with(place + 1, || None);
        }
        self.rolled_up[place] = Some((made_of, Arc::clone(&view)));
        view
    }

    /// The earliest moment at which evidence that counts under a profile becomes too old.
    fn valid_until(&self, place: usize, now: Now) -> Mono {
        let counted = self.checks.iter().filter(|check| self.counts(place, check));
        counted.filter_map(CheckState::valid_until).min().unwrap_or(now.mono)
    }

    fn counts(&self, place: usize, check: &CheckState) -> bool {
        let spec = check.spec();
        spec.requirement == Requirement::Required
            && self.plan.profiles[place].requirement(spec.component) == Requirement::Required
            && !self.plan.absent.contains(&spec.component)
    }

    fn roll_up_anew(&mut self, place: usize, blocked_by: &[Option<usize>], valid_until: Mono, now: Now) -> ProfileView {
        let profile = Arc::clone(&self.plan.profiles[place]);
        let mut judged: Vec<Judged> = self.checks.iter().map(|check| check.judged(place).clone()).collect();
        for (judged, cause) in judged.iter_mut().zip(blocked_by) {
            judged.blocked_by = cause.map(|at| self.checks[at].spec().name.clone());
            for reason in &mut judged.reasons {
                reason.blocked_by.clone_from(&judged.blocked_by);
            }
        }
        let components: Vec<ComponentView> =
            Component::ALL.into_iter().map(|component| self.component(place, component, &judged, now)).collect();
        let mut verdict =
            rollup::room(components.iter().map(|view| (view.component, view.requirement, view.absent, view.verdict)));
        let mut reasons = Vec::new();
        if self.starting {
            verdict = Verdict::Unknown;
            let since = self.started.wall;
            reasons.push(Reason { def: &reasons::STARTING, verdict, args: Vec::new(), since, blocked_by: None });
        }
        // Only what makes the room what it is: not the dead member of a group that others stand in for.
        let decides = |at: &usize| {
            let component = self.checks[*at].spec().component;
            judged[*at].verdict == verdict
                && self.counts(place, &self.checks[*at])
                && components.iter().any(|view| view.component == component && view.verdict == verdict)
        };
        let worst = (0..judged.len()).find(decides);
        let root_cause = worst
            .filter(|_| verdict != Verdict::Ready)
            .map(|at| self.checks[cause::root(blocked_by, at)].spec().name.clone());
        let components = components.into();
        ProfileView { profile, verdict, reasons, components, checks: judged.into(), root_cause, valid_until }
    }

    fn component(&mut self, place: usize, component: Component, judged: &[Judged], now: Now) -> ComponentView {
        let requirement = self.plan.profiles[place].requirement(component);
        let absent = self.plan.absent.contains(&component);
        let checks: Vec<usize> =
            (0..self.checks.len()).filter(|at| self.checks[*at].spec().component == component).collect();
        let decided: Vec<Decided<'_>> =
            checks.iter().map(|at| Decided { spec: self.checks[*at].spec(), verdict: judged[*at].verdict }).collect();
        let rolled = rollup::component(&decided);
        let verdict = rolled.unwrap_or(if absent { Verdict::Ready } else { Verdict::Unknown });
        let before = self.standings.before(&Subject::Component(component)).filter(|_| place == self.current);
        let began = before.filter(|before| before.verdict == verdict).map_or(now.wall, |before| before.since);
        let entry = self.since.entry((place, component)).or_insert((verdict, began));
        if entry.0 != verdict {
            *entry = (verdict, began);
        }
        let since = entry.1;
        let mut reasons = Vec::new();
        if rolled.is_none() && !absent && requirement == Requirement::Required {
            reasons.push(Reason {
                def: &reasons::NOT_CONFIGURED,
                verdict: Verdict::Unknown,
                args: Vec::new(),
                since,
                blocked_by: None,
            });
        }
        ComponentView { component, verdict, requirement, absent, reasons, checks, since }
    }

    fn tell_transitions(&mut self, view: &ProfileView, settling: bool, now: Now, events: &mut Vec<Event>) {
        let mut all: Vec<(Subject, Verdict, Vec<&'static str>)> = Vec::new();
        let codes = |reasons: &[Reason]| -> Vec<&'static str> {
            reasons.iter().filter(|reason| reason.verdict != Verdict::Ready).map(|reason| reason.def.code).collect()
        };
        for (judged, check) in view.checks.iter().zip(&self.checks) {
            all.push((Subject::Check(check.spec().name.clone()), judged.verdict, codes(&judged.reasons)));
        }
        for component in view.components.iter() {
            let mut why = codes(&component.reasons);
            for at in &component.checks {
                why.extend(codes(&view.checks[*at].reasons));
            }
            all.push((Subject::Component(component.component), component.verdict, why));
        }
        let mut why = codes(&view.reasons);
        for component in view.components.iter() {
            if component.requirement == Requirement::Required && component.verdict != Verdict::Ready {
                why.extend(codes(&component.reasons));
                for at in &component.checks {
                    why.extend(codes(&view.checks[*at].reasons));
                }
            }
        }
        all.push((Subject::Room, view.verdict, why));
        for (subject, to, mut why) in all {
            // Before the first round nothing was known of anything.
            let from = self.told.insert(subject.clone(), to).unwrap_or(Verdict::Unknown);
            if from == to {
                continue;
            }
            why.dedup();
            let profile = Arc::clone(&view.profile.name);
            events.push(Event::Transition(Transition {
                subject,
                profile,
                from,
                to,
                at: now.wall,
                codes: why,
                settling,
            }));
        }
    }
}
