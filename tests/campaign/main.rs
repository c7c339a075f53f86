//! A campaign of faults in the simulated ring: the daemon's own judge, recorder, policy, agenda and store in virtual time, under
//! thousands of faults of every kind that a seed draws, held at every moment against the laws of the verdict.
//!
//! ```text
//!  seed ─▶ schedule ─▶ what the probes see ─┬─▶ judge ─▶ recorder, policy, store ─▶ what is shown, kept and told ─┐
//!                                           └─▶ laws (law.rs) ─▶ what must be shown, and when ──────────────────┴▶ books
//! ```
//!
//! `SIAGA_SEED` draws the same again, `SIAGA_FAULTS` how many; `SIAGA_HOUSE` takes one house of them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "the table is read with --nocapture")]

mod books;
#[path = "../month/chance.rs"]
mod chance;
mod drawn;
mod eyes;
mod house;
mod law;
mod path;
mod room;
mod table;
mod told;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use books::Books;
use drawn::{Drawn, Item};
use house::House;
use table::Table;

/// Faults of one house.
const A_HOUSE: usize = 200;
/// Houses that are tried for the shortest schedule that still shows what is wrong.
const TRIES: usize = 60;

/// What comes of a schedule in the house of a seed.
fn pass(seed: u64, drawn: &Drawn) -> Books {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let config = room::config(room::text(seed, None)).unwrap_or_else(|problems| panic!("{problems}"));
    runtime.block_on(House::new(seed, config, drawn.clone()).live())
}

/// A part of a schedule that still goes wrong, as short as a few tries find it.
fn shrink(seed: u64, drawn: &Drawn) -> Drawn {
    let (mut shortest, mut tries) = (drawn.clone(), 0);
    let mut part = shortest.items.len().div_ceil(2);
    while part > 0 && tries < TRIES {
        let mut from = 0;
        while from < shortest.items.len() && tries < TRIES {
            let until = (from + part).min(shortest.items.len());
            let mut items = shortest.items.clone();
            items.drain(from..until);
            let fewer = Drawn { items, until: shortest.until };
            tries += 1;
            if pass(seed, &fewer).wrongs > 0 {
                shortest = fewer;
            } else {
                from = until;
            }
        }
        part /= 2;
    }
    shortest
}

/// The schedule of a house of a seed.
fn drawn(seed: u64, faults: usize) -> Drawn {
    let config = room::config(room::text(seed, None)).unwrap_or_else(|problems| panic!("{problems}"));
    drawn::draw(seed, &config, faults)
}

/// So many faults, in as many houses as that takes.
fn campaign(faults: usize) {
    let number =
        |name: &str| std::env::var(name).ok().map(|said| said.parse().unwrap_or_else(|_| panic!("{name}: no number")));
    let seed: u64 = number("SIAGA_SEED").unwrap_or(2026);
    let faults = number("SIAGA_FAULTS").map_or(faults, |said| usize::try_from(said).unwrap());
    // That house alone, to look at what was found.
    let only = number("SIAGA_HOUSE").map(|said| usize::try_from(said).unwrap());
    let houses = faults.div_ceil(A_HOUSE);
    let (next, table) = (AtomicUsize::new(0), Mutex::new(Table::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let house = next.fetch_add(1, Ordering::Relaxed);
                    if house >= houses {
                        return;
                    }
                    if only.is_some_and(|only| only != house) {
                        continue;
                    }
                    let own = seed.wrapping_mul(1_000_003).wrapping_add(house as u64);
                    let some = A_HOUSE.min(faults - house * A_HOUSE);
                    let schedule = drawn(own, some);
                    let books = pass(own, &schedule);
                    let mut table = table.lock().unwrap();
                    table.add(house, &books);
                    table.has_passed(schedule.until);
                    drop(books);
                    table.look_at_memory(house + 1, houses);
                }
            });
        }
    });
    let table = table.into_inner().unwrap();
    println!("SIAGA_SEED={seed}: {faults} faults in {houses} houses\n{table}");
    if let Some(house) = table.first_wrong() {
        let own = seed.wrapping_mul(1_000_003).wrapping_add(house as u64);
        let shortest = shrink(own, &drawn(own, A_HOUSE.min(faults - house * A_HOUSE)));
        println!("house {house} with less of its schedule:");
        for item in &shortest.items {
            match item {
                Item::Fault(fault) => {
                    println!("  {:>9}…{} ms, {}: {}", fault.from, fault.until, room::name(fault.check), fault.what);
                }
                other => println!("  {other:?}"),
            }
        }
        println!("{}", room::text(own, None));
        for (at, what) in pass(own, &shortest).wrong {
            println!("  {at:>9} ms: {what}");
        }
        panic!("SIAGA_SEED={seed}: see above");
    }
    if only.is_some() {
        return;
    }
    assert_eq!(table.injected(), faults);
    assert!(table.detected() * 2 > faults, "too little was told to show anything");
    // A few houses tell nothing: what one needs at its worst is then still ahead.
    if houses >= 30 {
        assert!(table.growth() < 0.2, "something is kept of what is over: {table}");
    }
}

#[test]
fn a_thousand_faults_are_told_in_their_time_and_nothing_else_is() {
    campaign(1000);
}

#[test]
#[ignore = "minutes: make chaos"]
fn ten_thousand_faults_are_told_in_their_time_and_nothing_else_is() {
    campaign(12_000);
}
