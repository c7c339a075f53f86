//! What happens in a month, or in a storm, drawn from a seed.

use std::collections::BTreeMap;

use super::chance::Chance;

/// A second, in the milliseconds in which all is counted.
pub(super) const SECOND: u64 = 1000;
pub(super) const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;
/// Nine o'clock of a working day.
const MORNING: u64 = 9 * 60 * MINUTE;
/// A machine's first settling is over.
const SETTLED: u64 = MINUTE;

/// A check: its name, its kind, its other keys, and the ways in which it is bad.
type Check = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

/// All of them.
pub(super) const CHECKS: &[Check] = &[
    ("computer", "computer", "", &[("computer.cpu_high", "degraded"), ("computer.disk_low", "not_ready")]),
    ("ups", "ups", "", &[("power.on_battery", "degraded"), ("power.battery_low", "not_ready")]),
    ("link", "link", "", &[("internet.link_down", "not_ready")]),
    ("gateway", "replay", FAR, &[("internet.target_silent", "not_ready")]),
    ("far-a", "replay", FAR_OF_GROUP, &[("internet.target_silent", "not_ready")]),
    ("far-b", "replay", FAR_OF_GROUP, &[("internet.target_silent", "not_ready")]),
    ("camera", "camera", "", &[("video.frame_dark", "degraded"), ("video.camera_missing", "not_ready")]),
    ("audio", "audio", "", &[("audio.microphone_quiet", "degraded"), ("audio.microphone_muted", "not_ready")]),
];
/// What answers beyond the cable. Not by echoes: of them the judge wants to see every one.
const FAR: &str = "component = \"internet\"\nfile = \"unused\"\n";
const FAR_OF_GROUP: &str = "component = \"internet\"\nfile = \"unused\"\ngroup = \"far\"\n";
const GOOD: usize = 0;

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// A check is so from now on: 0 is good, 1 the first way in which it is bad.
    Is(usize, usize),
    /// The machine goes off, and comes on again so much later.
    Off(u64),
}

/// All that happens, in order.
pub(super) struct Drawn {
    pub(super) all: Vec<(u64, What)>,
    pub(super) until: u64,
    /// In words.
    pub(super) told: String,
}

impl Drawn {
    /// How each check is at the end.
    pub(super) fn at_the_end(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<_, _> =
            CHECKS.iter().map(|(name, ..)| ((*name).to_owned(), "ready".to_owned())).collect();
        for (_, what) in &self.all {
            if let What::Is(check, state) = what {
                let (name, _, _, bad) = CHECKS[*check];
                let verdict = state.checked_sub(1).map_or("ready", |at| bad[at].1);
                all.insert(name.to_owned(), verdict.to_owned());
            }
        }
        all
    }
}

fn place(name: &str) -> usize {
    CHECKS.iter().position(|(known, ..)| *known == name).unwrap()
}

/// Cuts the line for so long: the link with all beyond it, or what is beyond the router.
fn cut(all: &mut Vec<(u64, What)>, chance: &mut Chance, at: u64, length: u64) {
    let from = chance.pick(3);
    for (step, name) in ["link", "gateway", "far-a", "far-b"].into_iter().enumerate().skip(from) {
        // What is farther is missed later, and comes back later.
        let late = SECOND * step as u64;
        all.push((at + late, What::Is(place(name), 1)));
        all.push((at + length + late, What::Is(place(name), GOOD)));
    }
}

/// A month with flapping links, storms and power cuts.
pub(super) fn month(seed: u64) -> Drawn {
    let (mut chance, mut all) = (Chance::new(seed), Vec::new());
    let until = 30 * DAY;
    let moment = |chance: &mut Chance| chance.between(SETTLED, until - DAY / 4);
    for _ in 0..60 {
        let (at, length) = (moment(&mut chance), chance.between(5 * SECOND, 20 * MINUTE));
        cut(&mut all, &mut chance, at, length);
    }
    let mut flaps = 0;
    for _ in 0..6 {
        let begin = moment(&mut chance);
        let (mut at, end) = (begin, begin + chance.between(20 * MINUTE, 90 * MINUTE));
        while at < end {
            let length = chance.between(4 * SECOND, 60 * SECOND);
            all.push((at, What::Is(place("link"), 1)));
            all.push((at + length, What::Is(place("link"), GOOD)));
            at += length + chance.between(10 * SECOND, 2 * MINUTE);
            flaps += 1;
        }
    }
    let mut off = 0;
    for _ in 0..8 {
        let (at, length) = (moment(&mut chance), chance.between(MINUTE, 60 * MINUTE));
        all.push((at, What::Is(place("ups"), 1)));
        if length > 20 * MINUTE {
            all.push((at + 20 * MINUTE, What::Is(place("ups"), 2)));
        }
        if length > 25 * MINUTE {
            all.push((at + 25 * MINUTE, What::Off(length - 25 * MINUTE + 2 * MINUTE)));
            off += 1;
        }
        all.push((at + length, What::Is(place("ups"), GOOD)));
        if chance.below(2) == 0 {
            cut(&mut all, &mut chance, at + SECOND, length);
        }
    }
    for (name, times, longest) in
        [("camera", 12, 60 * MINUTE), ("audio", 20, 20 * MINUTE), ("computer", 30, 10 * MINUTE)]
    {
        for _ in 0..times {
            let (at, length) = (moment(&mut chance), chance.between(MINUTE, longest));
            all.push((at, What::Is(place(name), 1 + chance.pick(2))));
            all.push((at + length, What::Is(place(name), GOOD)));
        }
    }
    for _ in 0..2 {
        let begin = moment(&mut chance);
        all.extend(flurry(1000, false, &mut chance).into_iter().map(|(at, what)| (begin + at, what)));
        // And all is well after it.
        all.extend((0..CHECKS.len()).map(|check| (begin + 2 * MINUTE, What::Is(check, GOOD))));
    }
    all.sort_by_key(|(at, _)| *at);
    let told = format!(
        "60 cuts of the line, 6 times in which the link flaps ({flaps} times down), 8 power cuts of which {off} outlast the battery, \
         12 cameras gone, 20 microphones, 30 times a busy computer or a full disk, 2 storms of 1000 changes in a minute"
    );
    Drawn { all, until, told }
}

/// So many changes within a minute, after which everything stays as it is until that has been told, and before anybody is reminded.
pub(super) fn storm(changes: usize, alone: bool, seed: u64) -> Drawn {
    let mut chance = Chance::new(seed);
    let all = flurry(changes, alone, &mut chance).into_iter().map(|(at, what)| (at + MORNING, what)).collect();
    Drawn { all, until: MORNING + 40 * MINUTE, told: String::new() }
}

/// Changes of all checks by themselves, or of one alone between its two ways of being bad.
fn flurry(changes: usize, alone: bool, chance: &mut Chance) -> Vec<(u64, What)> {
    let mut states = vec![GOOD; CHECKS.len()];
    let one = |number: usize| {
        let check = if alone { place("ups") } else { chance.pick(CHECKS.len()) };
        let ways = CHECKS[check].3.len();
        let state = &mut states[check];
        *state = if alone { if *state == 1 { 2 } else { 1 } } else { (*state + 1 + chance.pick(ways)) % (ways + 1) };
        (number as u64 * MINUTE / changes as u64, What::Is(check, *state))
    };
    (0..changes).map(one).collect()
}
