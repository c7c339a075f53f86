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

mod adopt;
pub mod agenda;
pub mod cause;
pub mod check;
pub mod hold;
pub mod incident;
pub mod judge;
mod limit_set;
pub mod past;
mod profile;
pub mod reasons;
pub mod revise;
pub mod rollup;
pub mod sheet;
pub mod slot;
pub mod standing;
mod transitions;
pub mod wilson;

#[cfg(test)]
mod edges;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod losses;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod outlooks;
#[cfg(test)]
mod reloads;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::plan::Plan;
use crate::domain::snapshot::{CheckView, Judged, ProfileView};
use crate::domain::{
    CheckName, CheckSpec, Component, Incident, Mono, Now, Observation, Requirement, Snapshot, Standing, Subject,
    Transition, Verdict,
};
use check::CheckState;
use incident::Incidents;
use profile::MadeOf;
use standing::Standings;

/// How long after a start what is found is recorded and not announced. What is still there then is told.
pub const SETTLING: Duration = Duration::from_secs(15);

/// Whoever drives the judge meets a deadline so late at most: no timer counts a suspension, so it looks at the clock as often by itself.
/// What was due before that was due while nobody looked.
pub const LATE: Duration = Duration::from_secs(5);

/// What the engine tells beside its snapshot, in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A verdict changed, or a UPS whose verdict stays went on battery or came from it.
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
    /// Since when a meeting is live by the agenda, if one is: what was held since then is held still.
    pub live: Option<Timestamp>,
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
    /// Until when the word counts that the room is in use, of a check that is there no more.
    left_use: Option<Mono>,
    current: usize,
    incidents: Incidents,
    /// When an incident becomes due only by lasting.
    incident_due: Mono,
    /// The verdicts told last, for transitions; of a UPS also whether it was on battery.
    told: HashMap<Subject, (Verdict, bool)>,
    standings: Standings,
    /// Since when each component has had its verdict, per profile.
    since: HashMap<(usize, Component), (Verdict, Timestamp)>,
    /// Since when each component stands by a backup uplink, per profile.
    on_backup: HashMap<(usize, Component), Timestamp>,
    events: Vec<Event>,
    lapsed: Vec<CheckName>,
    /// The newest roll-up of each profile, and what it was made of.
    rolled_up: Vec<Option<(MadeOf, Arc<ProfileView>)>>,
    /// What was told last was of this list.
    told_of: Option<Arc<[Judged]>>,
    view: Arc<Snapshot>,
}

impl Engine {
    /// A judge that has seen only what an earlier process left.
    pub fn new(plan: Plan, restored: Restored, now: Now) -> Self {
        let mut checks: Vec<CheckState> =
            plan.checks.iter().map(|spec| CheckState::new(Arc::clone(spec), &plan.profiles, now)).collect();
        let by_name: HashMap<_, _> = plan.checks.iter().enumerate().map(|(at, spec)| (spec.name.clone(), at)).collect();
        let current = plan.default_profile;
        let gap = restored.observations.iter().map(|seen| seen.at.mono).max();
        let gap = gap.map_or(Duration::MAX, |seen| now.mono.since(seen));
        let bridges = |subject: &Subject| bridges(&plan, subject);
        let standings = Standings::restored(restored.standings, gap, bridges, now);
        for (check, spec) in checks.iter_mut().zip(&plan.checks) {
            let before = standings.before(&Subject::Check(spec.name.clone()));
            if let Some((before, place)) = before.and_then(|before| Some((before, plan.profile(&before.profile)?))) {
                check.stood(place, before);
            }
        }
        for observation in restored.observations {
            if let Some(at) = by_name.get(&observation.check) {
                checks[*at].restore(observation, restored.live, now);
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
            default: current,
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
            agenda_live: restored.live.is_some(),
            in_use: false,
            left_use: None,
            current,
            incidents: Incidents::restored(restored.incidents),
            incident_due: Mono::NEVER,
            told: HashMap::new(),
            standings,
            since: HashMap::new(),
            on_backup: HashMap::new(),
            events: Vec::new(),
            lapsed: Vec::new(),
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
        self.wake(now);
        self.checks[at].observe(observation, now);
        self.pass_time(now);
        true
    }

    /// Takes several observations at once, with one roll-up for all of them.
    pub fn observe_all(&mut self, observations: impl IntoIterator<Item = Observation>, now: Now) -> usize {
        self.wake(now);
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
        // A use that ended before this meeting began is another one.
        self.pass_use(now);
        match *order {
            Order::Agenda { live } => self.agenda_live = live,
            Order::Profile(place) if place < self.plan.profiles.len() => self.current = place,
            Order::Profile(_) => {}
        }
        self.pass_time(now);
    }

    /// Lets the time pass: decides what has lasted, and calls too old what is.
    pub fn tick(&mut self, now: Now) {
        self.pass_time(now);
    }

    /// When [`Engine::tick`] would next change something; [`Mono::NEVER`] if only an observation can.
    pub fn next_deadline(&self) -> Mono {
        self.view.next_deadline
    }

    /// The same, looked for in every check: once a judgement.
    fn find_deadline(&self) -> Mono {
        let checks = self.checks.iter().map(CheckState::next_deadline).min().unwrap_or(Mono::NEVER);
        let settling = self.started.mono.after(SETTLING);
        let settling = if self.view.at.mono < settling { settling } else { Mono::NEVER };
        let left_use = self.left_use.unwrap_or(Mono::NEVER);
        checks.min(self.first_round_until()).min(self.incident_due).min(settling).min(left_use)
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.view)
    }

    /// What happened since this was last asked, oldest first.
    pub fn drain_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The checks whose word that the room is in use became too old since this was last asked.
    pub fn drain_lapsed(&mut self) -> Vec<CheckName> {
        std::mem::take(&mut self.lapsed)
    }

    /// A use of before a suspension is another one than what is seen after it, and holds nothing any more.
    fn wake(&mut self, now: Now) {
        if self.next_deadline().after(LATE) < now.mono {
            self.pass_use(now);
        }
    }

    fn pass_time(&mut self, now: Now) {
        self.pass_use(now);
        self.checks.iter_mut().for_each(|check| check.tick(now));
        self.judge(now);
    }

    /// Lets the time pass for the words that the room is in use, and for what waits for it. What became too old did so then, however
    /// late this is called.
    fn pass_use(&mut self, now: Now) {
        let mut free = self.left_use.take_if(|until| *until <= now.mono);
        for check in &mut self.checks {
            if let Some(until) = check.lapses(now) {
                free = free.max(Some(until));
                self.lapsed.push(check.spec().name.clone());
            }
        }
        let seen = self.left_use.is_some() || self.checks.iter().any(|check| check.used_until().is_some());
        self.in_use = self.agenda_live || seen;
        for check in &mut self.checks {
            check.hold_back(self.in_use, free.unwrap_or(now.mono), now);
        }
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
        // A suspension is no time in which anybody waited for what is not known.
        if self.next_deadline().after(LATE) < now.mono {
            self.incidents.wake(now.mono);
        }
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
            default: self.plan.default_profile,
            incidents: self.incidents.open().to_vec(),
        });
        let next_deadline = self.find_deadline();
        if let Some(view) = Arc::get_mut(&mut self.view) {
            view.next_deadline = next_deadline;
        }
    }
}

/// How long nobody may have watched for what was said of `subject` to count as lasting: as long as evidence of it counts.
fn bridges(plan: &Plan, subject: &Subject) -> Duration {
    let of = |spec: &CheckSpec| match subject {
        Subject::Check(name) => spec.name == *name,
        Subject::Component(component) => spec.component == *component && spec.requirement == Requirement::Required,
        Subject::Room => true,
    };
    // What has no check is so by the config alone.
    plan.checks.iter().filter(|spec| of(spec)).map(|spec| spec.fresh_for).min().unwrap_or(Duration::MAX)
}
