//! `kill -9` at random moments of the whole daemon under a storm of changes: nothing that was stored, told, acknowledged or asked
//! for is lost, and nothing comes twice but under its own key.
//!
//! A room ([`room`]) is killed five times. What was injected, what the database holds and what real receivers got
//! ([`desk`]) are then held against each other ([`books`]). Rooms live side by side, because the daemon tells nothing of what it
//! finds in its first fifteen seconds.
#![allow(clippy::print_stdout, reason = "the count is read with --nocapture")]

mod books;
mod desk;
mod room;

use std::sync::Mutex;

use books::Count;

/// How often each room is killed.
const KILLS_A_ROOM: u64 = 5;

/// Kills a number of rooms, so many at once, and counts what came of it.
fn kill(rooms: u64, at_once: usize) {
    let seed = std::env::var("SIAGA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u32>);
    println!("SIAGA_SEED={seed}: {} kills of {rooms} rooms", rooms * KILLS_A_ROOM);
    let (next, counted) = (Mutex::new(0), Mutex::new(Count::default()));
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let number = {
                        let mut next = next.lock().unwrap();
                        *next += 1;
                        *next - 1
                    };
                    if number >= rooms {
                        return;
                    }
                    let count = room::live_and_die(u64::from(seed) << 32 | number);
                    if !count.wrong.is_empty() {
                        println!("room {number}: {:#?}", count.wrong);
                    }
                    counted.lock().unwrap().add(count);
                }
            });
        }
    });
    let count = counted.into_inner().unwrap();
    println!("{count}");
    assert_eq!(count.kills, rooms * KILLS_A_ROOM);
    assert!(count.wrong.is_empty(), "SIAGA_SEED={seed}");
    let enough = rooms * KILLS_A_ROOM;
    assert!(
        count.injected as u64 > 5 * enough && count.told as u64 > enough && count.acknowledged > 0,
        "too little happened to show anything"
    );
}

#[test]
fn twenty_kills_at_random_moments_lose_nothing() {
    kill(4, 4);
}

#[test]
#[ignore = "a quarter of an hour or more: make chaos"]
fn five_hundred_kills_at_random_moments_lose_nothing() {
    kill(100, 10);
}
