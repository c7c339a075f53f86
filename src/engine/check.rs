//! One check's own machine: evidence, freshness, the loss window, and a [decision](LimitSet) for every distinct set of limits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::LATE;
use super::cause::Node;
use super::judge::Limits;
use super::limit_set::LimitSet;
use super::wilson::Window;
use crate::domain::snapshot::{CheckView, Judged};
use crate::domain::{CheckSpec, ErrorKind, Mono, Now, Observation, Profile, Sample, Standing};

/// How long a held check may take to run again, at most, after the room is free.
const CATCH_UP: Duration = Duration::from_mins(5);

/// A check, as it stands.
///
/// ```text
///               observation                     fresh_for passes
///  no evidence ─────────────▶ fresh ──────────────────────────────▶ stale
///                               ▲ │ room in use (active checks only)   │
///                               │ ▼                                    │
///                              held                  observation       │
///                               ▲──────────────────────────────────────┘
/// ```
#[derive(Clone, Debug)]
pub struct CheckState {
    spec: Arc<CheckSpec>,
    last: Option<Arc<Observation>>,
    fresh_until: Option<Mono>,
    stale: bool,
    held: Option<Timestamp>,
    /// Until when the word counts that somebody uses the device, if that was the last word.
    used_until: Option<Mono>,
    /// Where its devices were when they were last seen, and which buses were last missed.
    places: Vec<String>,
    gone: Vec<String>,
    /// When time by itself next changes something, as [`CheckState::find_deadline`] has it: asked each turn of every check.
    due: Mono,
    /// When the newest came: what comes with others at once, and is too old already, was not so while nobody looked.
    heard: Mono,
    /// Whether time to catch up after a meeting was given since the last run.
    caught_up: bool,
    runs: u64,
    failures: BTreeMap<ErrorKind, u64>,
    /// The newest view, until something in it changes.
    view: Option<Arc<CheckView>>,
    window: Window,
    /// While nobody answers: since when, and how many packets were lost by it so far.
    silence: Option<(Mono, u32)>,
    sets: Vec<LimitSet>,
    /// Which of `sets` each profile uses.
    of_profile: Vec<usize>,
}

impl CheckState {
    /// A check without evidence.
    pub fn new(spec: Arc<CheckSpec>, profiles: &[Arc<Profile>], now: Now) -> Self {
        let (sets, of_profile) = distinct(&spec, profiles, |limits, _| LimitSet::new(limits, &spec, now));
        let window = Window::new(spec.loss.map_or(0, |loss| loss.window));
        Self {
            spec,
            last: None,
            fresh_until: None,
            stale: false,
            held: None,
            used_until: None,
            places: Vec::new(),
            gone: Vec::new(),
            due: Mono::NEVER,
            heard: now.mono,
            caught_up: false,
            runs: 0,
            failures: BTreeMap::new(),
            view: None,
            window,
            silence: None,
            sets,
            of_profile,
        }
    }

    /// What was configured.
    pub const fn spec(&self) -> &Arc<CheckSpec> {
        &self.spec
    }

    /// Whether this process has observed it.
    pub const fn has_run(&self) -> bool {
        self.runs > 0
    }

    /// Whether anything was ever observed of it, by an earlier process perhaps.
    pub const fn has_evidence(&self) -> bool {
        self.last.is_some()
    }

    /// Until when the word counts that somebody uses the device, if that was the last one. Eyes that close do not end a meeting at
    /// once: what failed says nothing, and the last word counts as long as evidence of this check does. Then nobody knows, and
    /// nothing is held back by it.
    pub const fn used_until(&self) -> Option<Mono> {
        self.used_until
    }

    /// Takes in what was said of it under the profile at `place` before a restart: what this process finds to be the same is
    /// so since then.
    pub fn stood(&mut self, place: usize, before: &Standing) {
        self.sets[self.of_profile[place]].before = Some(before.clone());
    }

    /// What was said before a restart is of no interest any more.
    pub fn forget_before(&mut self) {
        self.sets.iter_mut().for_each(|set| set.before = None);
    }

    /// Takes an observation made by this process.
    pub fn observe(&mut self, observation: Observation, now: Now) {
        // What is a little late may still put off that the evidence is too old. After a suspension that has long been so: nothing of
        // before has lasted until now.
        if self.heard < now.mono && self.fresh_until.is_some_and(|until| until.after(LATE) < now.mono) {
            self.grow_old(now);
        }
        self.heard = now.mono;
        self.runs += 1;
        self.caught_up = false;
        if let Some(error) = &observation.error {
            *self.failures.entry(error.kind).or_default() += 1;
        }
        self.take(observation, now);
        self.forget_before();
    }

    /// Takes an observation stored by an earlier process. It counts while it is fresh, with its true age, and a test's as long as
    /// it is held: by a meeting that is `live` since a moment at which it was fresh. What is too old already is shown, and decides
    /// nothing, so that the first look of this process is no recovery.
    pub fn restore(&mut self, observation: Observation, live: Option<Timestamp>, now: Now) {
        let until = observation.at.mono.after(self.spec.fresh_for);
        let held = live.filter(|began| self.spec.active && until > now.mono_at(*began));
        if until > now.mono || held.is_some() {
            self.held = held.map(|began| began.max(observation.at.wall));
            self.take(observation, now);
            // Its word of the room's use is no younger than it is.
            self.used_until = self.used_until.filter(|used| *used > now.mono);
            self.due = self.find_deadline();
            return;
        }
        // Its word of the room's use is as old.
        self.fresh_until = Some(until);
        self.last = Some(Arc::new(observation));
        self.stale = true;
        self.view = None;
        for set in &mut self.sets {
            set.show_stale(now);
        }
        self.due = self.find_deadline();
    }

    /// What looks at something else from now on still knows, until its first look, whether the room was in use: a reload in
    /// the middle of a meeting ends no meeting.
    #[must_use]
    pub fn used_as(self, before: &Self) -> Self {
        Self { used_until: before.used_until, ..self }.with_deadline()
    }

    /// The same check under other profiles than those of `before`, or by other rules (a reload): as `spec` tells it, which sees the same.
    /// By limits that are there still, all that was decided stays; by others it goes on from what was decided under the profile of
    /// that name.
    #[must_use]
    pub fn under(self, spec: &Arc<CheckSpec>, before: &[Arc<Profile>], profiles: &[Arc<Profile>], now: Now) -> Self {
        // What was not seen, or too long ago, is so by any limits.
        let counted = self.last.as_deref().filter(|_| !self.stale);
        let fresh_until = counted.filter(|_| spec.fresh_for != self.spec.fresh_for);
        let fresh_until = fresh_until.map(|last| last.at.mono.after(spec.fresh_for)).or(self.fresh_until);
        let known = |set: &LimitSet| {
            if spec.holds == self.spec.holds { set.clone() } else { set.clone().held_as(spec, now) }
        };
        let (sets, of_profile) = distinct(spec, profiles, |limits, profile| {
            if let Some(same) = self.sets.iter().find(|set| set.limits == limits) {
                return known(same);
            }
            let place = before.iter().position(|before| before.name == profile.name);
            let old = place.map(|place| &self.sets[self.of_profile[place]]);
            let old = old.or_else(|| self.sets.first().filter(|_| counted.is_none()));
            let old = old.map_or_else(|| LimitSet::new(Limits::default(), spec, now), known);
            old.under(limits, counted, &self.window, spec, now)
        });
        Self { spec: Arc::clone(spec), fresh_until, sets, of_profile, view: None, ..self }.with_deadline()
    }

    /// Lets the time pass for the word that somebody uses the device: when it became too old, once.
    pub fn lapses(&mut self, now: Now) -> Option<Mono> {
        let lapsed = self.used_until.take_if(|until| *until <= now.mono);
        if lapsed.is_some() {
            self.due = self.find_deadline();
        }
        lapsed
    }

    /// Lets the time pass.
    pub fn tick(&mut self, now: Now) {
        if self.due > now.mono {
            return;
        }
        self.grow_old(now);
        if !self.stale && self.lasts_by_itself() {
            for set in self.sets.iter_mut().filter(|set| set.hold.next_deadline() <= now.mono) {
                set.hold.tick(now.mono);
                set.show(&self.spec, now);
            }
        }
        self.due = self.find_deadline();
    }

    /// Calls the evidence too old, if it is; what is held stands.
    fn grow_old(&mut self, now: Now) {
        let too_old = self.fresh_until.is_some_and(|until| until <= now.mono);
        if too_old && self.held.is_none() && !self.stale {
            self.stale = true;
            self.view = None;
            self.forget_packets();
            for set in &mut self.sets {
                set.force_stale(now);
            }
        }
    }

    /// Tells whether the room is in use, or `free` since when it is not: an active check is held meanwhile, its last state stands.
    pub fn hold_back(&mut self, in_use: bool, free: Mono, now: Now) {
        if !self.spec.active || in_use == self.held.is_some() {
            return;
        }
        if in_use {
            // What became too old before, and was looked at by nobody (a suspension), is not held as good.
            self.tick(now);
            self.held = Some(now.wall);
        } else {
            self.held = None;
            let catch_up = free.after(self.spec.fresh_for.min(CATCH_UP));
            // Once for each run: a room that is used now and then may not keep old evidence alive for ever.
            if let Some(until) = self.fresh_until.as_mut().filter(|until| **until < catch_up && !self.caught_up) {
                *until = catch_up;
                self.caught_up = true;
            }
        }
        self.view = None;
        self.due = self.find_deadline();
    }

    /// When [`CheckState::tick`] would next change something.
    pub fn next_deadline(&self) -> Mono {
        debug_assert_eq!(
            self.due,
            self.find_deadline(),
            "{}: what changes the check changes its deadline too",
            self.spec.name
        );
        self.due
    }

    fn with_deadline(self) -> Self {
        Self { due: self.find_deadline(), ..self }
    }

    fn find_deadline(&self) -> Mono {
        let freshness = match self.fresh_until {
            Some(until) if !self.stale && self.held.is_none() => until,
            _ => Mono::NEVER,
        };
        let freshness = freshness.min(self.used_until.unwrap_or(Mono::NEVER));
        if self.stale || !self.lasts_by_itself() {
            return freshness;
        }
        self.sets.iter().map(|set| set.hold.next_deadline()).min().unwrap_or(Mono::NEVER).min(freshness)
    }

    /// Whether what was seen once lasts while nothing else is seen. Not so for a test: it looks seldom, the next one may be held
    /// back, and only another test confirms the first.
    fn lasts_by_itself(&self) -> bool {
        !self.spec.active
    }

    /// When the evidence becomes too old; `None` while there is none that is fresh, or while it is held.
    pub fn valid_until(&self) -> Option<Mono> {
        self.fresh_until.filter(|_| !self.stale && self.held.is_none())
    }

    /// The view without any profile.
    pub fn view(&mut self) -> Arc<CheckView> {
        if let Some(view) = &self.view {
            return Arc::clone(view);
        }
        let view = Arc::new(CheckView {
            spec: Arc::clone(&self.spec),
            last: self.last.clone(),
            fresh_until: self.fresh_until,
            stale: self.stale,
            held: self.held,
            runs: self.runs,
            failures: self.failures.clone(),
            loss: self.window.view(),
        });
        self.view = Some(Arc::clone(&view));
        view
    }

    /// How often what is said of it under the profile at `place` has changed.
    pub fn changes(&self, place: usize) -> u64 {
        self.sets[self.of_profile[place]].changes
    }

    /// What is said of it under the profile at `place`. Without `blocked_by`, which is for the tree to say.
    pub fn judged(&self, place: usize) -> &Judged {
        &self.sets[self.of_profile[place]].shown
    }

    /// The check as the tree of root causes sees it, under the profile at `place`.
    pub fn node(&self, place: usize, judged: &Judged) -> Node<'_> {
        Node {
            level: self.spec.level,
            verdict: judged.verdict,
            worsening: judged.pending.is_some_and(|pending| pending.to > judged.verdict),
            better: judged.pending.filter(|pending| pending.to < judged.verdict).map(|pending| pending.since),
            began: self.sets[self.of_profile[place]].began(),
            seen: self.last.as_ref().map(|last| last.at.mono),
            line: self.spec.backup().map(|uplink| &*uplink.name),
            places: &self.places,
            gone: &self.gone,
        }
    }

    fn take(&mut self, observation: Observation, now: Now) {
        // An outage of the wall clock cannot reach here: age is counted on the monotonic one.
        let fresh_until = observation.at.mono.after(self.spec.fresh_for);
        self.fresh_until = Some(fresh_until);
        self.stale = false;
        // What is unplugged stands nowhere, and a bus that is back is still missed until that has lasted: the last word stays.
        for (last, now) in
            [(&mut self.places, &observation.reading.places), (&mut self.gone, &observation.reading.gone)]
        {
            if !now.is_empty() {
                last.clone_from(now);
            }
        }
        self.view = None;
        if let Some(in_use) = observation.reading.in_use {
            self.used_until = in_use.then_some(fresh_until);
        }
        match observation.reading.sample {
            Some(sample) => self.count(sample, now.mono),
            // Our own eyes failed: packets of before say nothing of a line that nobody sees.
            None if observation.error.is_some() => self.forget_packets(),
            None => {}
        }
        for set in &mut self.sets {
            set.take(&observation, &self.window, &self.spec, now);
        }
        self.last = Some(Arc::new(observation));
        self.due = self.find_deadline();
    }
}

impl CheckState {
    /// Counts packets. An outage is decided by its hold, and then the window starts anew; a shorter one is decided by nobody, and its
    /// packets are lost ones: a line that goes away for two seconds again and again is not clean in between.
    fn count(&mut self, sample: Sample, now: Mono) {
        let silence = self.silence.take();
        let is_long = |since: Mono| now.since(since) >= self.spec.holds.bad_for;
        if sample.outage {
            let (since, lost) = silence.unwrap_or((now, 0));
            if is_long(since) {
                self.window.push(sample);
            }
            self.silence = Some((since, lost.saturating_add(sample.lost)));
            return;
        }
        match silence {
            Some((since, _)) if is_long(since) => self.window.push(Sample { outage: true, ..Sample::default() }),
            Some((_, lost)) => self.window.push(Sample { sent: lost, lost, outage: false }),
            None => {}
        }
        self.window.push(sample);
    }

    fn forget_packets(&mut self) {
        self.window.begin_anew(self.spec.loss.map_or(0, |loss| loss.window));
        self.silence = None;
    }
}

/// The distinct limits of a check under some profiles, each with what `make` knows by them, and which of them each profile uses.
fn distinct(
    spec: &CheckSpec,
    profiles: &[Arc<Profile>],
    make: impl Fn(Limits, &Profile) -> LimitSet,
) -> (Vec<LimitSet>, Vec<usize>) {
    let mut sets: Vec<LimitSet> = Vec::new();
    let of_profile = profiles.iter().map(|profile| {
        let limits = Limits::of(spec, profile);
        sets.iter().position(|set| set.limits == limits).unwrap_or_else(|| {
            sets.push(make(limits, profile));
            sets.len() - 1
        })
    });
    let of_profile = of_profile.collect();
    (sets, of_profile)
}
