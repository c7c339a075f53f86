//! The books of one house: each fault with what the laws wanted said of it and what was said, and all in which judge and laws differ.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use siaga::config::Config;
use siaga::domain::snapshot::CheckView;
use siaga::domain::{Component, Incident, Mono, Notification, Now, Requirement, Snapshot, Verdict};
use siaga::engine::{Event, SETTLING};

use super::drawn::{Drawn, Fault, Item, Pattern, Reload, What};
use super::eyes::code;
use super::law::{Law, OfCheck, ms};
use super::told::Told;

/// A fault is followed for so long after its end, ms.
const FOLLOWED: u64 = 20 * 60_000;
/// So much that is wrong is written down of one house; the rest is counted.
const WRITTEN: usize = 12;

/// What became of a fault.
#[derive(Clone, Debug)]
pub(super) struct OfFault {
    pub(super) fault: Fault,
    pub(super) sort: String,
    code: &'static str,
    /// Since when it was to be told, and was.
    due: Option<u64>,
    shown: Option<u64>,
    /// Since when it was not to be told any more, and was not.
    over: Option<u64>,
    gone: Option<u64>,
    by_schedule: Wanted,
}

/// What is wanted of a fault by the schedule alone.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// It must be told until then.
    Until(u64),
    /// It is over too soon to be told.
    Never,
    /// Others have a say.
    Open,
}

/// What is counted of faults.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    pub(super) injected: usize,
    pub(super) detected: usize,
    /// Too short for its floor, or hidden by another, and rightly not told.
    pub(super) untold: usize,
    pub(super) missed: usize,
    pub(super) late: usize,
    pub(super) ended_late: usize,
}

impl Row {
    pub(super) fn add(&mut self, other: Self) {
        self.injected += other.injected;
        self.detected += other.detected;
        self.untold += other.untold;
        self.missed += other.missed;
        self.late += other.late;
        self.ended_late += other.ended_late;
    }
}

/// The books.
#[derive(Clone, Debug)]
pub(super) struct Books {
    faults: Vec<OfFault>,
    told: Told,
    /// Since when each check is unknown, by its place.
    unknown_since: BTreeMap<usize, u64>,
    /// The components that had an incident at the moment before.
    had_incident: BTreeSet<Component>,
    started: u64,
    amiss: BTreeMap<String, u64>,
    /// All that differs, with its moment.
    pub(super) wrong: Vec<(u64, String)>,
    pub(super) wrongs: usize,
    /// What was said that nothing in the schedule explains.
    pub(super) false_words: usize,
    pub(super) moments: usize,
    pub(super) compared: usize,
    pub(super) restarts: usize,
    pub(super) clock_steps: usize,
    /// How many of these were back.
    pub(super) steps_back: usize,
    pub(super) reloads: usize,
    pub(super) meetings: usize,
    pub(super) uses: usize,
    pub(super) store_faults: usize,
    pub(super) transitions: usize,
    pub(super) incidents: usize,
    pub(super) words: usize,
    pub(super) by_schedule: usize,
}

impl Books {
    pub(super) fn new(drawn: &Drawn, config: &Config) -> Self {
        let faults = drawn.faults().map(|fault| OfFault {
            fault: *fault,
            sort: sort(fault, config),
            code: code(fault, config),
            due: None,
            shown: None,
            over: None,
            gone: None,
            by_schedule: by_schedule(fault, drawn, config),
        });
        Self {
            faults: faults.collect(),
            told: Told::default(),
            unknown_since: BTreeMap::new(),
            had_incident: BTreeSet::new(),
            started: 0,
            amiss: BTreeMap::new(),
            wrong: Vec::new(),
            wrongs: 0,
            false_words: 0,
            moments: 0,
            compared: 0,
            restarts: 0,
            clock_steps: 0,
            steps_back: 0,
            reloads: 0,
            meetings: 0,
            uses: 0,
            store_faults: 0,
            transitions: 0,
            incidents: 0,
            words: 0,
            by_schedule: 0,
        }
    }

    /// A process begins, on these incidents.
    pub(super) fn begins(&mut self, now: u64, open: &[Incident]) {
        self.started = now;
        self.unknown_since.clear();
        self.had_incident = open.iter().map(|incident| incident.component).collect();
        self.amiss.clear();
        self.told.begins(now, open);
    }

    /// The wall clock was set.
    pub(super) fn clock_is_set(&mut self, now: u64, by: i64) {
        self.clock_steps += 1;
        if by < 0 {
            self.steps_back += 1;
            self.told.set_back(now);
        }
    }

    /// What changed, and what was told.
    pub(super) fn happened(&mut self, now: u64, events: &[Event], words: &[Notification]) {
        self.incidents += events.iter().filter(|event| matches!(event, Event::IncidentOpened(_))).count();
        self.words += words.len();
        self.told.happened(now, events, words);
    }

    fn say(&mut self, now: u64, key: String, what: impl FnOnce() -> String) {
        // Once for as long as it goes on.
        if self.amiss.insert(key, now).is_none_or(|before| before < self.last()) {
            self.wrongs += 1;
            if self.wrong.len() < WRITTEN {
                self.wrong.push((now, what()));
            }
        }
    }

    fn last(&self) -> u64 {
        self.amiss.get("").copied().unwrap_or_default()
    }

    /// Holds what the judge says now against the laws.
    pub(super) fn hold(&mut self, now: u64, law: &Law, seen: &Snapshot, at: Now, moment: &dyn Fn(u64) -> Mono) {
        self.moments += 1;
        if seen.current != law.profile || seen.in_use != law.in_use || seen.starting != law.is_starting() {
            let said = (seen.current, seen.in_use, seen.starting);
            let wanted = (law.profile, law.in_use, law.is_starting());
            self.say(now, "state".to_owned(), || {
                format!("profile, in use, starting: {said:?}, by the laws {wanted:?}")
            });
        }
        for (profile, view) in seen.profiles.iter().enumerate() {
            // The profile in force at each moment, the others in turn.
            if profile != law.profile && self.moments % seen.profiles.len() != profile {
                continue;
            }
            self.verdict(now, "room", profile, view.verdict, law.room(profile));
            for component in view.components.iter() {
                let name = component.component.as_str();
                self.verdict(now, name, profile, component.verdict, law.component(component.component, profile));
            }
            for (judged, check) in view.checks.iter().zip(&law.checks) {
                self.verdict(now, check.spec.name.as_str(), profile, judged.verdict, law.verdict(check, profile));
            }
            if let Some(until) = law.valid_until(profile).filter(|_| view.valid_until != at.mono) {
                let until = moment(until);
                if view.valid_until != until {
                    let (said, until) = (view.valid_until.elapsed(), until.elapsed());
                    self.say(now, format!("valid {profile}"), || {
                        format!("an answer is valid until {said:?}, and its evidence until {until:?}")
                    });
                }
            }
        }
        for (place, (check, view)) in law.checks.iter().zip(&seen.checks).enumerate() {
            let codes: Vec<&str> = seen.current().checks[place]
                .reasons
                .iter()
                .filter(|reason| reason.verdict != Verdict::Ready)
                .map(|reason| reason.def.code)
                .collect();
            let (must, may) = law.reasons(check);
            let name = check.spec.name.as_str();
            if let Some(missing) = must.iter().find(|code| !codes.contains(code)) {
                self.say(now, format!("must {name}"), || format!("{name}: {missing} is not told; told is {codes:?}"));
            }
            if let Some(extra) = codes.iter().find(|code| !may.contains(*code)) {
                self.false_words += 1;
                self.say(now, format!("may {name}"), || format!("{name}: {extra} is told; it may be {may:?}"));
            }
            let until = check.fresh_until.map(moment);
            // What was too old before all that happens here was so at any moment of before.
            let is_before_all = check.fresh_until == Some(0) && view.fresh_until <= until;
            self.age(now, view, if is_before_all { view.fresh_until } else { until }, (check.stale, check.held));
            self.follow(now, place, check, (&must, &may), &codes);
        }
        if !law.is_starting() {
            self.incidents(now, law, seen);
        }
        for (key, what) in self.told.hold(now, self.started + ms(SETTLING)) {
            self.say(now, key, || what);
        }
        self.amiss.insert(String::new(), now);
    }

    fn verdict(&mut self, now: u64, of: &str, profile: usize, said: Verdict, wanted: Verdict) {
        self.compared += 1;
        if said == wanted {
            return;
        }
        if said > wanted {
            self.false_words += 1;
        }
        self.say(now, format!("{of} {profile}"), || {
            format!("{of} under profile {profile} is {said}, by the laws {wanted}")
        });
    }

    /// No evidence is believed for longer than it may be.
    fn age(&mut self, now: u64, view: &CheckView, until: Option<Mono>, (stale, held): (bool, bool)) {
        let name = view.spec.name.as_str();
        let said = view.fresh_until.map(Mono::elapsed);
        let wanted = until.map(Mono::elapsed);
        if said != wanted || view.stale != stale || view.held.is_some() != held {
            let (is, was) = ((view.stale, view.held.is_some()), (stale, held));
            self.say(now, format!("age {name}"), || {
                format!("{name} counts until {said:?} (stale, held: {is:?}), by the laws until {wanted:?} ({was:?})")
            });
        }
    }

    fn follow(
        &mut self,
        now: u64,
        check: usize,
        of: &OfCheck,
        (must, may): (&[&'static str], &BTreeSet<&'static str>),
        codes: &[&str],
    ) {
        for (number, one) in self.faults.iter_mut().enumerate() {
            let fault = &one.fault;
            if fault.check != check || now < fault.from || now > fault.until + FOLLOWED {
                continue;
            }
            let seen = match fault.what {
                What::Silent | What::Stuck | What::Late => {
                    of.stale && of.fresh_until.is_some_and(|until| fault.from <= until && until <= fault.until)
                }
                _ => of.sees(number),
            };
            let shown = codes.contains(&one.code);
            if seen && must.contains(&one.code) {
                one.due.get_or_insert(now);
            }
            if one.due.is_some() && shown {
                one.shown.get_or_insert(now);
            }
            if one.due.is_some() && !may.contains(one.code) {
                one.over.get_or_insert(now);
                if !shown {
                    one.gone.get_or_insert(now);
                }
            }
        }
    }

    /// An incident is open where something is amiss that nothing elsewhere explains, and nowhere else.
    fn incidents(&mut self, now: u64, law: &Law, seen: &Snapshot) {
        for (place, check) in law.checks.iter().enumerate() {
            if law.verdict(check, law.profile) == Verdict::Unknown {
                self.unknown_since.entry(place).or_insert(now);
            } else {
                self.unknown_since.remove(&place);
            }
        }
        for component in Component::ALL {
            let verdict = law.component(component, law.profile);
            let is_open = seen.incidents.iter().any(|incident| incident.component == component);
            let outside = law.counts(component, law.profile) && verdict != Verdict::Ready;
            let until = law.may_be_unknown_until(component, law.profile, &self.unknown_since);
            let is_allowed = verdict == Verdict::Unknown && until.is_some_and(|until| now < until);
            let above: &[Component] = match component {
                Component::Power => &[],
                Component::Computer => &[Component::Power],
                _ => &[Component::Power, Component::Computer],
            };
            let explained = law.checks.iter().any(|check| {
                // What does not count is no incident, and explains none away.
                above.contains(&check.spec.component)
                    && check.spec.requirement == Requirement::Required
                    && law.counts(check.spec.component, law.profile)
                    && law.verdict(check, law.profile) == Verdict::NotReady
            });
            if outside && !explained && !is_open && !is_allowed {
                self.say(now, format!("incident {component}"), || {
                    format!("{component} is {verdict}, which was allowed until {until:?} ms, and no incident is open")
                });
            }
            if is_open && is_allowed && !self.had_incident.contains(&component) {
                self.say(now, format!("incident {component}"), || {
                    format!("{component} is {verdict}, which is allowed until {until:?} ms, and an incident is open")
                });
            }
            if is_open && !outside {
                self.say(now, format!("incident {component}"), || {
                    format!("{component} is {verdict}, and its incident is open still")
                });
            }
        }
        self.had_incident = seen.incidents.iter().map(|incident| incident.component).collect();
    }

    /// All has come to rest, and is on the disk.
    pub(super) fn close(
        &mut self,
        now: u64,
        (stored, subjects, broken): (usize, usize, bool),
        (open, kept_open): (usize, usize),
        waiting: usize,
    ) {
        // What something is is said anew, once, after a step back.
        let anew = self.steps_back * subjects;
        if !broken && !(self.transitions..=self.transitions + anew).contains(&stored) {
            let told = self.transitions;
            self.say(now, "stored".to_owned(), || format!("{stored} transitions are stored of {told}"));
        }
        if open != kept_open || waiting > 0 {
            self.say(now, "kept".to_owned(), || {
                format!("{kept_open} incidents are open on the disk of {open}; {waiting} words wait")
            });
        }
        for (number, one) in self.faults.clone().into_iter().enumerate() {
            let wanted = one.by_schedule;
            let good = match wanted {
                Wanted::Until(latest) => one.shown.is_some_and(|shown| shown <= latest),
                Wanted::Never => one.due.is_none() && one.shown.is_none(),
                Wanted::Open => continue,
            };
            self.by_schedule += 1;
            if !good {
                self.say(now, format!("schedule {number}"), || {
                    format!("by the schedule alone {wanted:?}, and told was {:?}: {:?}", one.shown, one.fault)
                });
            }
        }
    }

    /// What became of the faults, by their sorts and by their patterns.
    pub(super) fn rows(&self) -> (BTreeMap<String, Row>, BTreeMap<Pattern, Row>) {
        let (mut sorts, mut patterns) = (BTreeMap::<String, Row>::new(), BTreeMap::<Pattern, Row>::new());
        for one in &self.faults {
            let row = one.row();
            sorts.entry(one.sort.clone()).or_default().add(row);
            patterns.entry(one.fault.pattern).or_default().add(row);
        }
        (sorts, patterns)
    }
}

impl OfFault {
    fn row(&self) -> Row {
        let late = self.due.is_some() && self.shown.is_some_and(|shown| Some(shown) > self.due);
        let missed = self.due.is_some() && self.shown.is_none();
        Row {
            injected: 1,
            detected: usize::from(self.due.is_some() && !late && !missed),
            untold: usize::from(self.due.is_none()),
            missed: usize::from(missed),
            late: usize::from(late),
            ended_late: usize::from(self.over.is_some() && self.gone != self.over),
        }
    }
}

/// Of what sort a fault is, for the table.
fn sort(fault: &Fault, config: &Config) -> String {
    match fault.what {
        What::Equipment(..) => format!("equipment: {}", config.plan.checks[fault.check].component),
        What::Loss => "line: loss".to_owned(),
        What::Delay(_) => "line: delay".to_owned(),
        What::Fails(_) => "probe fails".to_owned(),
        What::Silent => "probe silent".to_owned(),
        What::Stuck => "probe stuck".to_owned(),
        What::Late => "word late".to_owned(),
    }
}

/// What is wanted of a fault that is alone, by nothing but the schedule.
fn by_schedule(fault: &Fault, drawn: &Drawn, config: &Config) -> Wanted {
    let spec = &config.plan.checks[fault.check];
    let floor = match fault.what {
        What::Equipment(..) => ms(spec.holds.bad_for),
        What::Loss => 0,
        _ => return Wanted::Open,
    };
    let around = ms(spec.fresh_for + spec.holds.good_for + spec.holds.bad_for) + ms(Duration::from_mins(5));
    let (from, until) = (fault.from.saturating_sub(around), fault.until + around);
    let alone = drawn.items.iter().all(|item| match item {
        Item::Fault(other) => other == fault || other.check != fault.check || other.until < from || until < other.from,
        Item::Restart { at, down, .. } => at + down < from || until < *at,
        // It has another hold from then on.
        Item::Reload { how: Reload::Other(check), .. } => *check != fault.check,
        _ => true,
    });
    if spec.active || !alone {
        return Wanted::Open;
    }
    let between_looks = ms(spec.interval) * 21 / 20;
    let length = fault.until - fault.from;
    if length > between_looks + floor {
        Wanted::Until(fault.from + between_looks + floor)
    } else if length + between_looks < floor {
        // What was seen lasts until the next look: that it is over has to be seen in time too.
        Wanted::Never
    } else {
        Wanted::Open
    }
}
