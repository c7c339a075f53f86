//! What happens in a room, drawn from a seed: the schedule of the faults, and of all that happens meanwhile.

use std::fmt;

use siaga::config::Config;
use siaga::domain::{Component, ErrorKind, Kind, ReasonDef, Verdict};
use siaga::probe;

use super::chance::Chance;
use super::room::{SEES_USE, place};

/// A second, in the milliseconds in which all is counted.
pub(super) const SECOND: u64 = 1000;
pub(super) const MINUTE: u64 = 60 * SECOND;
/// At the end nothing happens for so long that all that goes to and fro has come to rest.
const REST: u64 = 27 * MINUTE;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    /// The equipment says so.
    Equipment(&'static ReasonDef, Verdict),
    /// Half of the packets are lost.
    Loss,
    /// The round trip takes so many seconds.
    Delay(f64),
    /// The probe fails.
    Fails(ErrorKind),
    /// The probe says nothing.
    Silent,
    /// The probe is stuck, and tells when it no longer is.
    Stuck,
    /// What the probe says is handed over only at the end, all of it.
    Late,
}

/// In which pattern a fault comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pattern {
    Single,
    /// Over before its hold is.
    Short,
    /// One of several in a row.
    Flapping,
    /// With others at the same time.
    Overlapping,
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) check: usize,
    pub(super) what: What,
    pub(super) pattern: Pattern,
    pub(super) from: u64,
    pub(super) until: u64,
}

/// How the store is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Removed,
    Damaged,
    Locked,
}

/// What a reload brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reload {
    /// The same.
    Same,
    /// A file with an error in it.
    Bad,
    /// Another hold for one check, or the old one again.
    Other(usize),
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item {
    Fault(Fault),
    /// The daemon ends, in good order or not, and begins again so much later.
    Restart {
        at: u64,
        down: u64,
        killed: bool,
    },
    /// The wall clock is set by so many milliseconds.
    Clock {
        at: u64,
        by: i64,
    },
    Reload {
        at: u64,
        how: Reload,
    },
    /// A booked meeting, by the wall clock.
    Meeting {
        from: u64,
        until: u64,
        profile: usize,
    },
    /// Somebody uses the camera.
    Used {
        from: u64,
        until: u64,
    },
    Store {
        at: u64,
        how: Broken,
    },
}

/// All that happens.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub(super) items: Vec<Item>,
    pub(super) until: u64,
}

impl Drawn {
    pub(super) fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.items.iter().filter_map(|item| if let Item::Fault(fault) = item { Some(fault) } else { None })
    }
}

/// So many faults in a room of this config.
pub(super) fn draw(seed: u64, config: &Config, faults: usize) -> Drawn {
    let chance = &mut Chance::new(seed);
    let (mut items, mut left) = (Vec::new(), faults);
    let span = 2 * MINUTE + faults as u64 * 15 * SECOND;
    while left > 0 {
        let at = chance.between(MINUTE, span);
        let mut some = match chance.below(20) {
            0..=14 => one(chance, config, at),
            15..=17 => short(chance, config, at),
            18 => flapping(chance, config, at),
            _ => overlapping(chance, config, at),
        };
        some.truncate(left);
        left -= some.len();
        items.extend(some.into_iter().map(Item::Fault));
    }
    happenings(chance, config, span, &mut items);
    let until = span + REST;
    Drawn { items, until }
}

fn one(chance: &mut Chance, config: &Config, at: u64) -> Vec<Fault> {
    let check = chance.pick(config.plan.checks.len());
    vec![fault(chance, config, check, Pattern::Single, at)]
}

/// What may be wrong with a check, for a while.
fn fault(chance: &mut Chance, config: &Config, check: usize, pattern: Pattern, at: u64) -> Fault {
    let spec = &config.plan.checks[check];
    let second = u64::try_from(spec.interval.as_millis()).unwrap();
    let what = what(chance, config, check);
    let length = match what {
        // Some shorter than evidence counts, some longer.
        What::Silent | What::Stuck => chance.between(second, 8 * second),
        What::Late => chance.between(second, 6 * second),
        _ => chance.between(2 * SECOND, 12 * second + 30 * SECOND),
    };
    Fault { check, what, pattern, from: at, until: at + length }
}

fn what(chance: &mut Chance, config: &Config, check: usize) -> What {
    let spec = &config.plan.checks[check];
    let far = spec.kind == Kind::Icmp && !spec.rules.is_empty();
    match chance.below(20) {
        0..=2 => What::Fails(ErrorKind::ALL[chance.pick(ErrorKind::ALL.len())]),
        3..=4 => What::Silent,
        5 => What::Stuck,
        6 => What::Late,
        7..=8 if far => What::Loss,
        9..=10 if far => What::Delay([0.2, 0.35, 0.5, 5.0][chance.pick(4)]),
        _ => equipment(chance, config, check),
    }
}

/// One of the reasons of the check's kind.
fn equipment(chance: &mut Chance, config: &Config, check: usize) -> What {
    let spec = &config.plan.checks[check];
    let kind = if spec.component == Component::Radio { Kind::Radio } else { spec.kind };
    let all = probe::reasons(kind);
    let verdict = [Verdict::Degraded, Verdict::NotReady][chance.pick(2)];
    What::Equipment(all[chance.pick(all.len())], verdict)
}

/// Over before it may be told.
fn short(chance: &mut Chance, config: &Config, at: u64) -> Vec<Fault> {
    let passive: Vec<usize> = (0..config.plan.checks.len())
        .filter(|at| !config.plan.checks[*at].holds.bad_for.is_zero() && !config.plan.checks[*at].active)
        .collect();
    let check = passive[chance.pick(passive.len())];
    let spec = &config.plan.checks[check];
    let hold = u64::try_from(spec.holds.bad_for.as_millis()).unwrap();
    // What was seen lasts until the next look: it has to be seen to be over as well.
    let hold = hold.saturating_sub(u64::try_from(spec.interval.as_millis()).unwrap() * 21 / 20).max(400);
    let what = equipment(chance, config, check);
    vec![Fault { check, what, pattern: Pattern::Short, from: at, until: at + chance.between(200, hold) }]
}

fn flapping(chance: &mut Chance, config: &Config, at: u64) -> Vec<Fault> {
    let check = chance.pick(config.plan.checks.len());
    let what = equipment(chance, config, check);
    let spec = &config.plan.checks[check];
    let interval = u64::try_from(spec.interval.as_millis()).unwrap();
    let (mut from, mut all) = (at, Vec::new());
    for _ in 0..chance.between(4, 9) {
        let until = from + chance.between(interval / 2, 4 * interval);
        all.push(Fault { check, what, pattern: Pattern::Flapping, from, until });
        from = until + chance.between(interval / 2, 6 * interval);
    }
    all
}

/// Several at once: the line with all beyond it, or anything at all, two of the same check too.
fn overlapping(chance: &mut Chance, config: &Config, at: u64) -> Vec<Fault> {
    let line = ["link", "gateway", "far-a", "far-b", "far-c", "names", "platform"].map(place);
    let of_line = chance.below(2) == 0;
    let from = chance.pick(3);
    let mut all: Vec<Fault> = Vec::new();
    for step in 0..chance.between(2, 6) {
        let check = if of_line {
            line[(from + usize::try_from(step).unwrap()) % line.len()]
        } else {
            chance.pick(config.plan.checks.len())
        };
        // Two of one check half of the time.
        let check = if !of_line && step == 1 && chance.below(2) == 0 { all[0].check } else { check };
        let begins = at + chance.below(4 * SECOND);
        let mut fault = fault(chance, config, check, Pattern::Overlapping, begins);
        if of_line {
            fault.what = What::Equipment(probe::reasons(config.plan.checks[check].kind)[0], Verdict::NotReady);
        }
        all.push(fault);
    }
    all
}

/// What happens beside the faults.
fn happenings(chance: &mut Chance, config: &Config, span: u64, items: &mut Vec<Item>) {
    for _ in 0..chance.below(4) {
        let (down, killed) = (chance.between(300, 40 * SECOND), chance.below(3) > 0);
        items.push(Item::Restart { at: chance.between(MINUTE, span), down, killed });
    }
    for _ in 0..chance.below(3) {
        let by = [2 * SECOND, 30 * SECOND, 10 * MINUTE, 26 * 60 * MINUTE][chance.pick(4)];
        let by = i64::try_from(chance.between(by / 2, by)).unwrap();
        items.push(Item::Clock { at: chance.between(MINUTE, span), by: if chance.below(2) == 0 { by } else { -by } });
    }
    for _ in 0..chance.below(4) {
        let how = match chance.below(3) {
            0 => Reload::Same,
            1 => Reload::Bad,
            _ => Reload::Other(chance.pick(config.plan.checks.len())),
        };
        items.push(Item::Reload { at: chance.between(MINUTE, span), how });
    }
    let mut from = chance.between(MINUTE, span / 2);
    for _ in 0..chance.below(3) {
        let until = from + chance.between(2 * MINUTE, 15 * MINUTE);
        items.push(Item::Meeting { from, until, profile: chance.pick(config.plan.profiles.len()) });
        from = until + chance.between(MINUTE, 40 * MINUTE);
    }
    for _ in 0..chance.below(3) {
        let from = chance.between(MINUTE, span);
        items.push(Item::Used { from, until: from + chance.between(10 * SECOND, 6 * MINUTE) });
    }
    if chance.below(3) == 0 {
        let how = [Broken::Removed, Broken::Damaged, Broken::Locked][chance.pick(3)];
        items.push(Item::Store { at: chance.between(MINUTE, span), how });
    }
    debug_assert_eq!(config.plan.checks[place(SEES_USE)].kind, Kind::Camera);
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equipment(reason, verdict) => write!(f, "{} ({verdict})", reason.code),
            Self::Loss => f.write_str("half of the packets are lost"),
            Self::Delay(seconds) => write!(f, "a round trip of {seconds} s"),
            Self::Fails(kind) => write!(f, "the probe fails ({kind})"),
            Self::Silent => f.write_str("the probe is silent"),
            Self::Stuck => f.write_str("the probe is stuck"),
            Self::Late => f.write_str("its word is late"),
        }
    }
}
