//! The fault matrix: every fault that the lab can make, on the room as it is watched, one after the other. Each must be told by
//! exactly its reason, with its root cause, and nothing else may turn red; undone, all is ready again.
//!
//! `make test` runs a part of it once. `make matrix` runs all of it, idle and in use, watches a room in which
//! nothing happens, and writes README's table, whose rows are held here and whose figures come from that run alone. `make bench`
//! runs what happens to devices, for how fast it is told.

mod history;
mod rows;
mod run;
mod soak;
mod stage;
mod table;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use crate::guest::Lab;
use history::Alarm;
use rows::{EQUIPMENT, Phase, RATE, Row, SYSTEM};
use run::Run;
use stage::Stage;

/// Set by `make matrix` (`write`) and by `make bench` (`times`).
const FULL: &str = "SIAGA_MATRIX";

/// How often `make matrix` goes through all rows: once in their order, and then in another, drawn by [`SEED`].
const ROUNDS: &str = "SIAGA_ROUNDS";

/// What the order of the rounds after the first one is drawn by, so that it can be drawn again.
const SEED: &str = "SIAGA_SEED";

/// How often each row of the bench is run.
const BENCH_TIMES: usize = 5;

/// How long a room in which nothing happens is watched, in the guest's seconds.
const QUIET: f64 = 180.0;

/// Which of it is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// A part, once.
    Reduced,
    /// All of it, for the table.
    Full,
    /// What happens to devices while nobody is there, for the bench.
    Times,
}

/// What a stage's rows came to.
#[derive(Default)]
struct Came {
    runs: Vec<Run>,
    alarms: Vec<Alarm>,
    /// What was not as its row says, in words.
    failures: Vec<String>,
    /// For how long nothing happened, s, and what was told meanwhile.
    quiet: f64,
}

/// A row that is to be run, in a phase.
type Turn = (&'static Row, Phase);

#[test]
fn each_fault_is_told_by_its_reason_and_nothing_else_turns_red() {
    let extent = match std::env::var(FULL).as_deref() {
        Ok("write") => Extent::Full,
        Ok("times") => Extent::Times,
        _ => Extent::Reduced,
    };
    let stages: [fn(Extent) -> Came; 2] = [equipment, system];
    // One after the other: a guest that shares the machine with another is as slow as that one makes it.
    let all = stages.map(|play| play(extent));
    match extent {
        Extent::Full => table::write(&all),
        Extent::Times => table::write_times(&all),
        Extent::Reduced => {}
    }
    let failures: Vec<&String> = all.iter().flat_map(|came| &came.failures).collect();
    let alarms: Vec<&Alarm> = all.iter().flat_map(|came| &came.alarms).collect();
    assert!(failures.is_empty() && alarms.is_empty(), "failed: {failures:#?}; turned red for no fault: {alarms:#?}");
}

#[test]
fn readme_has_the_rows_of_the_matrix() {
    table::hold();
}

fn equipment(extent: Extent) -> Came {
    let mut came = play(Lab::start_alone, |lab| Stage::equipment(lab), EQUIPMENT, extent, QUIET);
    if extent == Extent::Full {
        let rate = play(Lab::start_alone, |lab| Stage::rate(lab), RATE, extent, 0.0);
        came.runs.extend(rate.runs);
        came.alarms.extend(rate.alarms);
        came.failures.extend(rate.failures);
    }
    came
}

fn system(extent: Extent) -> Came {
    play(Lab::start_system_alone, |lab| Stage::system(lab), SYSTEM, extent, 0.0)
}

/// Plays rows. One that fails ends its guest, as nobody knows what it has left behind; those after it get another.
fn play(start: fn() -> Lab, stage: fn(&Lab) -> Stage<'_>, rows: &'static [Row], extent: Extent, quiet: f64) -> Came {
    let mut came = Came::default();
    let turns = turns(rows, extent);
    let mut turns = turns.as_slice();
    while !turns.is_empty() {
        let lab = start();
        let stage = match catch_unwind(AssertUnwindSafe(|| stage(&lab))) {
            Ok(stage) => stage,
            Err(panic) => {
                came.failures.push(words(&panic));
                break;
            }
        };
        let began = stage.uptime();
        if extent == Extent::Full && came.quiet < quiet {
            watch(&stage, began + quiet);
            came.quiet = stage.uptime() - began;
        }
        let (mut runs, failure) = in_turn(&stage, turns);
        if failure.is_some() {
            _ = writeln!(std::io::stderr(), "{}", lab.told());
        }
        // A failed row's alarms are its failure's, which is told.
        let until = failure.as_ref().map_or(f64::INFINITY, |(_, began)| *began);
        turns = rest(turns, runs.len(), failure.is_some());
        came.failures.extend(failure.map(|(failure, _)| failure));
        let told = catch_unwind(AssertUnwindSafe(|| {
            stage.end();
            history::read(&stage, (began, until), &mut runs)
        }));
        match told {
            Ok(alarms) => came.alarms.extend(alarms),
            Err(panic) => came.failures.push(words(&panic)),
        }
        runs.iter().for_each(say);
        came.runs.extend(runs);
    }
    came
}

/// Plays rows until one fails; tells how, and when it began.
fn in_turn(stage: &Stage<'_>, turns: &[Turn]) -> (Vec<Run>, Option<(String, f64)>) {
    let mut runs = Vec::new();
    for &(row, phase) in turns {
        let began = stage.uptime();
        let one = || {
            stage.use_room(phase == Phase::InUse);
            run::run(stage, row, phase)
        };
        match catch_unwind(AssertUnwindSafe(one)) {
            Ok(run) => {
                _ = writeln!(std::io::stderr(), "{} ({phase:?}): as it should be", row.fault);
                runs.push(run);
            }
            Err(panic) => return (runs, Some((format!("{} ({phase:?}): {}", row.fault, words(&panic)), began))),
        }
    }
    (runs, None)
}

/// What is left after so many; one that has failed is not repeated.
fn rest(turns: &[Turn], done: usize, failed: bool) -> &[Turn] {
    let is_same = |turn: &Turn| std::ptr::eq(turn.0, turns[done].0) && turn.1 == turns[done].1;
    let repeats = if failed { turns[done..].iter().take_while(|turn| is_same(turn)).count() } else { 0 };
    &turns[done + repeats..]
}

/// All that is to be run, in order: first idle, then in use.
fn turns(rows: &'static [Row], extent: Extent) -> Vec<Turn> {
    let of_phase = |phase: Phase| -> Vec<Turn> {
        let turns = rows.iter().map(|row| (row, phase)).filter(|(row, phase)| row.phases.contains(phase));
        let wanted = turns.filter(|(row, phase)| match extent {
            Extent::Full => true,
            Extent::Times => *phase == Phase::Idle && table::TIMED.contains(&row.fault),
            Extent::Reduced => row.reduced && is_short(row, *phase),
        });
        wanted
            .flat_map(|turn| std::iter::repeat_n(turn, if extent == Extent::Times { BENCH_TIMES } else { 1 }))
            .collect()
    };
    let [idle, in_use] = [Phase::Idle, Phase::InUse].map(of_phase);
    let mut all = [idle.clone(), in_use.clone()].concat();
    let of_env = |name: &str| std::env::var(name).ok().map(|said| said.parse::<u64>().expect(name));
    let seed = of_env(SEED).unwrap_or(1);
    let rounds = if extent == Extent::Full { of_env(ROUNDS).unwrap_or(1) } else { 1 };
    for round in 1..rounds {
        // One fault leaves other traces for the next one than in the table's order.
        let mut drawn = StdRng::seed_from_u64(seed.wrapping_add(round));
        for mut turns in [idle.clone(), in_use.clone()] {
            turns.shuffle(&mut drawn);
            all.extend(turns);
        }
    }
    all
}

/// Whether the reduced run has it in this phase too: in use, one that is held and one that is told.
fn is_short(row: &Row, phase: Phase) -> bool {
    phase == Phase::Idle || ["microphone silent", "USB camera pulled out", "mains gone"].contains(&row.fault)
}

/// Lets the room be until then, in the guest's uptime (s).
fn watch(stage: &Stage<'_>, until: f64) {
    while stage.uptime() < until {
        stage.sh("sleep 5");
    }
}

/// What a panic says.
fn words(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// As a test's own output: shown by `--nocapture`, and where it failed.
fn say(run: &Run) {
    let seconds = |figure: Option<f64>| figure.map_or("–".to_owned(), |figure| format!("{figure:.2} s"));
    let (told, back) = (seconds(run.told), seconds(run.back));
    _ = writeln!(std::io::stderr(), "{} ({:?}): told after {told}, back after {back}", run.row.fault, run.phase);
}
