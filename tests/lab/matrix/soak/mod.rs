//! Half an hour of a room under drawn faults, while the daemon that watches it is itself stopped, starved of memory, killed, its disk
//! filled and the machine's clock set: each fault is told by its reason alone and taken back, no answer is older than it says, and
//! what outlives the last kill does not grow.
//!
//! The rows are the matrix's; what befalls the daemon is in [`hardship`]. `make soak`; `SIAGA_MINUTES` for how long, `SIAGA_SEED` for
//! the same draws again.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

mod hardship;
mod size;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::rows::{EQUIPMENT, Phase, Row, SYSTEM};
use super::run::{all_ready, is_active, is_as_told};
use super::stage::{Check, Stage};
use crate::guest::Lab;
use hardship::{Hardship, Watched};
use size::Sizes;

/// The share of the time in which the daemon may be killed: afterwards one process lives to the end, of which it is seen whether it
/// grows.
const KILLS: f64 = 0.25;

/// How many of the rows are made while the room is in use.
const IN_USE: f64 = 0.25;

/// How often something befalls the daemon during a row.
const HARD: f64 = 0.6;

/// How often everything was made, and how long its longest row took, s.
#[derive(Default)]
struct Tally(BTreeMap<String, (usize, f64)>);

impl Tally {
    fn count(&mut self, what: &str, seconds: f64) {
        let (times, longest) = self.0.entry(what.to_owned()).or_default();
        *times += 1;
        *longest = longest.max(seconds);
    }

    fn times(&self) -> usize {
        self.0.values().map(|(times, _)| times).sum()
    }

    fn lines(&self) -> String {
        self.0.iter().fold(String::new(), |mut lines, (what, (times, longest))| {
            _ = writeln!(lines, "  {what:<44} {times:>4} {longest:>8.1}");
            lines
        })
    }
}

/// What the time was spent on.
struct Soak {
    rows: Tally,
    hardships: Tally,
    sizes: Sizes,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|said| said.parse().unwrap_or_else(|_| panic!("{name}: {said:?} is no number")))
}

/// Whether a row can be soaked in this phase: one that nobody may look for, since the room is in use, tells nothing.
fn is_told(row: &Row, phase: Phase) -> bool {
    row.phases.contains(&phase) && (phase == Phase::Idle || !is_active(row.told[0].0))
}

#[allow(clippy::disallowed_methods, reason = "how long it goes on is this machine's time, not the guest's")]
fn soak(stage: &Stage<'_>, rows: &'static [Row], hard: &[Hardship], lasts: Duration, chance: &mut StdRng) -> Soak {
    let began = Instant::now();
    let (mut tally, mut hardships, mut sizes) = (Tally::default(), Tally::default(), Sizes::default());
    let mut watched = Watched::begin(stage);
    all_ready(stage, "the first fault");
    while began.elapsed() < lasts {
        let phase = if chance.random_bool(IN_USE) { Phase::InUse } else { Phase::Idle };
        stage.use_room(phase == Phase::InUse);
        let rows: Vec<&Row> = rows.iter().filter(|row| is_told(row, phase)).collect();
        let row = rows[chance.random_range(0..rows.len())];
        // A daemon that starts amid the room's use has not heard the microphone yet, and may not.
        let may_kill = phase == Phase::Idle && began.elapsed().as_secs_f64() < KILLS * lasts.as_secs_f64();
        let hardship = chance.random_bool(HARD).then(|| hard[chance.random_range(0..hard.len())]);
        let hardship = hardship.filter(|hardship| *hardship != Hardship::Killed || may_kill);
        // Before it is told, while it is, or while it is taken back.
        let moment = chance.random_range(0..3);
        let befalls = |watched: &mut Watched, now: usize, chance: &mut StdRng| {
            if let Some(hardship) = hardship.filter(|_| now == moment) {
                watched.befall(stage, hardship, chance);
            }
        };
        let said = hardship.map_or("nothing", Hardship::name);
        println!("{:>6.0} s: {} ({phase:?}), {said} at {moment}", began.elapsed().as_secs_f64(), row.fault);
        let row_began = Instant::now();
        (row.prepare)(stage);
        all_ready(stage, row.fault);
        (row.apply)(stage);
        befalls(&mut watched, 0, chance);
        told(stage, row, phase);
        befalls(&mut watched, 1, chance);
        told(stage, row, phase);
        (row.clear)(stage);
        befalls(&mut watched, 2, chance);
        all_ready(stage, row.fault);
        watched.relieve(stage);
        stage.tidy();
        all_ready(stage, row.fault);
        tally.count(row.fault, row_began.elapsed().as_secs_f64());
        hardships.count(said, row_began.elapsed().as_secs_f64());
        sizes.look(stage, watched.process());
    }
    stage.use_room(false);
    watched.end(stage);
    Soak { rows: tally, hardships, sizes }
}

/// Waits until exactly what the row says is told, with its root cause: both at once, for a memory that is nearly used up is not quite so
/// at each look. The matrix holds each moment to it.
fn told(stage: &Stage<'_>, row: &Row, phase: Phase) {
    let is_told = |checks: &[Check]| checks.iter().all(|check| is_as_told(row, phase, check));
    stage.wait(row.fault, |checks| is_told(checks) && stage.daemon.root_cause().as_str() == row.cause);
}

fn play(name: &str, stage: fn(&Lab) -> Stage<'_>, lab: &Lab, rows: &'static [Row], hard: &[Hardship], share: f64) {
    let minutes = number("SIAGA_MINUTES").unwrap_or(30);
    let lasts = Duration::from_secs(minutes * 60).mul_f64(share);
    let seed = number("SIAGA_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("{name}: SIAGA_SEED={seed}");
    let stage = stage(lab);
    let soak = soak(&stage, rows, hard, lasts, &mut StdRng::seed_from_u64(seed));
    let figures = format!(
        "{name}, {:.0} minutes, SIAGA_SEED={seed}\n{} faults, each told alone and taken back; the longest rows, s:\n{}\
         what befell the daemon meanwhile:\n{}{}",
        lasts.as_secs_f64() / 60.0,
        soak.rows.times(),
        soak.rows.lines(),
        soak.hardships.lines(),
        soak.sizes
    );
    println!("{figures}");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/soak");
    std::fs::create_dir_all(&folder).unwrap();
    let at = siaga::clock::Clock::start().now().wall.strftime("%Y%m%dT%H%M%SZ").to_string();
    std::fs::write(folder.join(format!("{at}-{name}.txt")), figures).unwrap();
    let log = lab.log("siaga");
    assert!(!log.contains("panicked"), "{log}");
    soak.sizes.hold();
}

#[test]
#[ignore = "twenty minutes: make soak"]
fn cameras_sound_line_and_disk_while_the_daemon_itself_has_it_hard() {
    let lab = Lab::start_alone();
    play("equipment", |lab| Stage::equipment(lab), &lab, EQUIPMENT, &Hardship::ALL, 2.0 / 3.0);
}

#[test]
#[ignore = "ten minutes: make soak"]
fn mains_ups_cable_and_time_while_the_daemon_itself_has_it_hard() {
    let lab = Lab::start_system_alone();
    // upsd counts a driver's silence by the wall clock: one that is set makes its figures old, which is told, and true.
    let hard: Vec<Hardship> = Hardship::ALL.into_iter().filter(|hardship| *hardship != Hardship::ClockSet).collect();
    play("system", |lab| Stage::system(lab), &lab, SYSTEM, &hard, 1.0 / 3.0);
}
