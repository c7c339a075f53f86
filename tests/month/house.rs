//! A house in which a month passes: judge, policy, a radio, and what stays when the machine goes off.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use siaga::app::recorder::house;
use siaga::config::{Config, Source};
use siaga::domain::{Finding, Incident, Mono, Notification, Now, Observation, Reading, Subject, Verdict};
use siaga::engine::{Engine, Event, Restored};
use siaga::notify::policy::{Change, Left};
use siaga::notify::{Policy, spoken};

use super::faults::{CHECKS, Drawn, SECOND, What};

/// How long the radio is at a message: said twice, twelve seconds each, two seconds between, and the pause that the config has.
const SAID: u64 = 86 * SECOND;
const SETTLING: u64 = 15 * SECOND;
const RADIO: &str = "channel";

/// What was heard.
#[derive(Default)]
pub(super) struct Heard {
    /// Changes of checks, each of which would be told without rules.
    pub(super) changes: usize,
    pub(super) by_receiver: BTreeMap<String, usize>,
    /// Who heard of what, and not of its end.
    pub(super) unended: Vec<String>,
    /// What is shown of each check.
    pub(super) at_the_end: BTreeMap<String, String>,
}

/// The house.
pub(super) struct House {
    config: Config,
    engine: Engine,
    policy: Policy,
    /// What the database has.
    incidents: BTreeMap<String, Incident>,
    kept: HashMap<String, String>,
    states: Vec<usize>,
    now: u64,
    started: u64,
    radio: Vec<Notification>,
    radio_free: u64,
    heard: Heard,
    /// Of each receiver and component: whether what was heard last is that it is amiss.
    amiss: BTreeMap<(String, String), bool>,
}

/// The first of December, midnight in Pontianak.
fn at(milliseconds: u64) -> Now {
    let zero =
        Now { mono: Mono::from_elapsed(Duration::from_secs(1 << 30)), wall: "2026-11-30T17:00:00Z".parse().unwrap() };
    zero.after(Duration::from_millis(milliseconds))
}

impl House {
    /// A house with these rules and, at each check, these holds.
    pub(super) fn build(rules: &str, holds: &str) -> Self {
        let mut text = String::from("[components]\nradio = { absent = true }\n");
        for (name, kind, keys, _) in CHECKS {
            // As an echo's are.
            let of_far = if *kind == "replay" { "bad_for = \"3s\"\ngood_for = \"1m\"\n" } else { "" };
            let holds = if holds.is_empty() { of_far } else { holds };
            _ = write!(
                text,
                "[[check]]\nname = \"{name}\"\nkind = \"{kind}\"\ninterval = \"1h\"\nfresh_for = \"60d\"\n{keys}{holds}"
            );
        }
        _ = write!(text, "[[group]]\nname = \"far\"\nneed = 1\n{rules}");
        let config = Config::parse(&Source::new("a month", text)).unwrap_or_else(|problems| panic!("{problems}"));
        let engine = Engine::new(config.plan.clone(), Restored::default(), at(0));
        let policy = Policy::new(house(&config), Left::default());
        Self {
            engine,
            policy,
            config,
            incidents: BTreeMap::new(),
            kept: HashMap::new(),
            states: vec![0; CHECKS.len()],
            now: 0,
            started: 0,
            radio: Vec::new(),
            radio_free: 0,
            heard: Heard::default(),
            amiss: BTreeMap::new(),
        }
    }

    /// Lets it pass.
    pub(super) fn live(mut self, drawn: &Drawn) -> Heard {
        self.look_at_all();
        let mut off_until = None;
        for (when, what) in &drawn.all {
            if let Some(until) = off_until.filter(|until| until <= when) {
                self.come_on(until);
                off_until = None;
            }
            match what {
                What::Is(check, state) => {
                    self.states[*check] = *state;
                    if off_until.is_none() {
                        self.pass(*when);
                        self.look(*check);
                    }
                }
                What::Off(length) if off_until.is_none() => {
                    self.pass(*when);
                    off_until = Some(when + length);
                }
                What::Off(_) => {}
            }
        }
        if let Some(until) = off_until {
            self.come_on(until);
        }
        self.pass(drawn.until);
        let snapshot = self.engine.snapshot();
        let shown = snapshot.checks.iter().zip(snapshot.current().checks.iter());
        self.heard.at_the_end =
            shown.map(|(check, judged)| (check.spec.name.to_string(), judged.verdict.to_string())).collect();
        let open: Vec<_> = snapshot.incidents.iter().map(|incident| incident.component.to_string()).collect();
        let unended = self.amiss.iter().filter(|((_, component), amiss)| **amiss && !open.contains(component));
        self.heard.unended = unended.map(|((receiver, component), _)| format!("{receiver}: {component}")).collect();
        self.heard
    }

    /// The machine was off and begins anew, with what the database has.
    fn come_on(&mut self, when: u64) {
        (self.now, self.started) = (when, when);
        let (open, closed): (Vec<_>, Vec<_>) =
            self.incidents.values().cloned().partition(|incident| incident.closed_at.is_none());
        let closed = closed.into_iter().filter(|incident| self.kept.contains_key(&incident.id)).collect();
        let left = Left { open: open.clone(), closed, kept: self.kept.clone(), ..Left::default() };
        self.policy = Policy::new(house(&self.config), left);
        self.engine =
            Engine::new(self.config.plan.clone(), Restored { incidents: open, ..Restored::default() }, at(when));
        self.look_at_all();
    }

    fn look_at_all(&mut self) {
        (0..CHECKS.len()).for_each(|check| self.look(check));
    }

    /// One look at a check.
    fn look(&mut self, check: usize) {
        let (name, _, _, bad) = CHECKS[check];
        let mut reading = Reading::default();
        if let Some(way) = self.states[check].checked_sub(1) {
            let (code, verdict) = bad[way];
            let reason = siaga::probe::reason(code).unwrap_or_else(|| panic!("no reason {code}"));
            reading.find(Finding::new(reason, Verdict::parse(verdict).unwrap()));
        }
        let now = at(self.now);
        assert!(self.engine.observe(Observation::read(name.into(), now, Duration::ZERO, reading), now), "{name}");
        self.settle();
    }

    /// Lets time pass until then, from one moment at which anybody wants to look again to the next.
    fn pass(&mut self, until: u64) {
        loop {
            let deadline = self.engine.next_deadline();
            let due = (deadline != Mono::NEVER).then(|| {
                let wait = deadline.since(at(self.now).mono).as_nanos().div_ceil(1_000_000);
                self.now + u64::try_from(wait).unwrap_or(u64::MAX / 2).max(1)
            });
            let look = self.policy.next_look().map(|wait| self.now + u64::try_from(wait.as_millis()).unwrap());
            let radio = (!self.radio.is_empty()).then_some(self.radio_free.max(self.now + 1));
            let next = [due, look, radio].into_iter().flatten().min().filter(|next| *next <= until);
            self.now = next.unwrap_or(until);
            self.engine.tick(at(self.now));
            self.settle();
            if next.is_none() {
                return;
            }
        }
    }

    /// Tells what there is to be told now.
    fn settle(&mut self) {
        let (now, settling) = (at(self.now).wall, self.now < self.started + SETTLING);
        let mut all = Vec::new();
        for event in self.engine.drain_events() {
            let (change, incident) = match &event {
                Event::Transition(transition) => {
                    let of_check = matches!(transition.subject, Subject::Check(_));
                    let changed = transition.from != transition.to;
                    self.heard.changes += usize::from(of_check && changed && !transition.settling);
                    continue;
                }
                Event::Stands(_) => continue,
                Event::IncidentOpened(incident) => (Change::Opened(incident), incident),
                Event::IncidentChanged(incident) => (Change::Changed(incident), incident),
                Event::IncidentClosed(incident) => (Change::Closed(incident), incident),
            };
            self.incidents.insert(incident.id.clone(), incident.clone());
            all.push(self.policy.decide(change, settling, now));
        }
        all.push(self.policy.tick(settling, now));
        for decided in all {
            for (id, state) in decided.kept {
                match state {
                    Some(state) => self.kept.insert(id, state),
                    None => self.kept.remove(&id),
                };
            }
            decided.notifications.into_iter().for_each(|word| self.tell(word));
        }
        self.speak();
    }

    fn tell(&mut self, word: Notification) {
        if &*word.receiver == RADIO {
            self.radio.push(word);
        } else {
            *self.heard.by_receiver.entry(word.receiver.to_string()).or_default() += 1;
            self.note(&word);
        }
    }

    /// The radio says what it would say now, if it is free.
    fn speak(&mut self) {
        if self.radio.is_empty() || self.now < self.radio_free {
            return;
        }
        let choice = spoken::choose(std::mem::take(&mut self.radio), &BTreeSet::new(), at(self.now).wall);
        if choice.say.is_empty() {
            return;
        }
        *self.heard.by_receiver.entry(RADIO.to_owned()).or_default() += 1;
        self.radio_free = self.now + SAID;
        choice.say.iter().for_each(|word| self.note(word));
    }

    fn note(&mut self, word: &Notification) {
        let document: serde_json::Value = serde_json::from_str(&word.payload).unwrap();
        let component = document["incident"]["component"].as_str().unwrap_or_default().to_owned();
        let receiver = Arc::clone(&word.receiver);
        self.amiss.insert((receiver.to_string(), component), document["event"] != "incident_closed");
    }
}
