//! What makes a bandwidth test count.

use super::meter::{Meter, Rate as Told};
use super::*;
use crate::domain::{Lang, Reason};

const MS: Duration = Duration::from_millis(1);

/// A transfer that is looked at each 2 ms, and has then `bytes_per_ms(t)` for each.
fn transfer(length: u32, bytes_per_ms: impl Fn(u32) -> u64) -> Meter {
    let mut meter = Meter::default();
    for t in (2..=length).step_by(2) {
        meter.look(MS * t, bytes_per_ms(t) * 2);
    }
    meter
}

fn known(meter: &Meter, round_trip: u32, until: u32) -> f64 {
    match meter.rate(MS * round_trip, MS * until) {
        Told::Known { rate, low, high } if low <= rate && rate <= high => rate,
        told => panic!("{told:?}"),
    }
}

fn bound(meter: &Meter, round_trip: u32, until: u32) -> f64 {
    match meter.rate(MS * round_trip, MS * until) {
        Told::AtLeast(rate) => rate,
        told @ Told::Known { .. } => panic!("{told:?}"),
    }
}

#[test]
fn slow_start_and_the_first_burst_are_left_out() {
    let slow = known(&transfer(3000, |t| if t <= 1000 { 10 } else { 1000 }), 20, 3000);
    assert!((slow / 8e6 - 1.0).abs() < 0.01, "{slow}");
    let burst = known(&transfer(1000, |t| if t <= 10 { 20_000 } else { 1000 }), 20, 1000);
    assert!((burst / 8e6 - 1.0).abs() < 0.01, "{burst}");
}

#[test]
fn too_short_a_time_makes_a_bound_and_no_rate() {
    // 4 MB in 4 ms: the bytes of half of it over half a second, and nothing of 8 Gbit/s.
    let mut meter = Meter::default();
    for microseconds in (100..=4000).step_by(100) {
        meter.look(Duration::from_micros(microseconds), 100_000);
    }
    let told = bound(&meter, 1, 4);
    assert!((30e6..35e6).contains(&told), "{told}");
    let all_at_once = bound(&transfer(2, |_| 2_000_000), 1, 2);
    assert!(all_at_once.is_finite() && all_at_once < 64e6, "{all_at_once}");
    assert!(bound(&Meter::default(), 1, 2) == 0.0);
}

#[test]
fn whoever_goes_on_pausing_does_not_fill_the_line() {
    // Flights of 10 ms with 1 MB/s each tenth of a second, on a way of 100 ms, for four seconds.
    let flights = transfer(4000, |t| if t % 100 < 10 { 1000 } else { 0 });
    let told = bound(&flights, 100, 4000);
    assert!((0.7e6..0.9e6).contains(&told), "{told}: what came, and no rate");
    // Nor does one that falls silent.
    let told = bound(&transfer(1000, |_| 1000), 20, 3000);
    assert!(told < 3e6, "{told}");
}

#[test]
fn flights_on_a_long_way_are_trains() {
    // As TCP begins on a way of 600 ms: each flight twice the one before, at the line's 8 Mbit/s, and then a pause.
    let flights = transfer(2600, |t| u64::from(t % 600 < 15 << (t / 600)) * 1000);
    let told = bound(&flights, 600, 2600);
    assert!((7.5e6..=8e6).contains(&told), "{told}");
    // The same on a short way is no slow start.
    let told = bound(&flights, 20, 2600);
    assert!(told < 4e6, "{told}");
}

#[test]
fn a_line_that_passes_whole_pieces_is_full_between_them() {
    // What a token bucket makes at 5 Mbit/s of packets that the kernel hands it eight at a time, and of single ones.
    let line = |cycle: u32| {
        transfer(cycle * 28, move |t| match t % cycle {
            0 => 644 * u64::from(cycle) / 4,
            now if now <= cycle / 2 => 644,
            _ => 0,
        })
    };
    let told = known(&line(36), 1, 1008);
    assert!((told / (644.0 * 8e3) - 1.0).abs() < 0.01, "{told}");
    // The same from a sender whose window is full, on a way that long; and of a server that pauses between large writes.
    bound(&line(36), 18, 1008);
    bound(&line(432), 1, 432 * 28);
}

#[test]
fn a_look_that_comes_late_is_no_pause() {
    let mut meter = Meter::default();
    let (mut t, mut late) = (0, 0);
    while t < 1000 {
        // Nobody looked for 40 ms, again and again: this process had no turn.
        late += 1;
        let by = if late % 4 == 0 { 40 } else { 2 };
        t += by;
        meter.look(MS * t, u64::from(by) * 1000);
    }
    let told = known(&meter, 1, t);
    assert!((told / 8e6 - 1.0).abs() < 0.01, "{told}");
}

#[test]
fn a_rate_that_goes_up_and_down_is_less_sure() {
    let unsure = |meter: &Meter| meter.rate(MS, MS * 1000).unsure();
    let (even, uneven) = (transfer(1000, |_| 1000), transfer(1000, |t| if (t / 50) % 2 == 0 { 1500 } else { 500 }));
    assert!(unsure(&even) < 0.005, "{}", unsure(&even));
    assert!(unsure(&uneven) > 0.02, "{}", unsure(&uneven));
}

#[test]
fn the_shipped_figures_fit_together() {
    let config: Config = toml::from_str("").unwrap();
    assert_eq!(config, Config::default());
    let tests = 86_400 / DEFAULTS.interval.as_secs();
    assert!(tests * config.allowance().worst <= config.daily_budget.0, "a day's tests fit into a day's budget");
    assert!(config.min_gap.0 < DEFAULTS.interval);
}

#[test]
fn a_transfer_in_the_middle_of_which_the_machine_slept_is_none() {
    let limit = Duration::from_secs(3);
    for took in [0, 3000, 4000] {
        assert_eq!(transfer::awake(MS * took, limit), Ok(MS * took));
    }
    for took in [4001, 8 * 3_600_000] {
        assert!(transfer::awake(MS * took, limit).is_err_and(|error| is_given_up(&error)), "{took}");
    }
}

#[test]
fn the_way_is_said_in_the_readers_language() {
    let since = jiff::Timestamp::UNIX_EPOCH;
    for (word, id, en) in [("down", "unduh", "down"), ("up", "unggah", "up")] {
        for (def, name) in [(&reasons::OPEN, "part"), (&reasons::BEYOND, "direction")] {
            let args = vec![(name, Arg::from(word))];
            let reason = Reason { def, verdict: Verdict::Ready, args, since, blocked_by: None };
            let told = [Lang::Id, Lang::En].map(|lang| reason.message(lang));
            assert!(told[0].contains(&format!("({id})")) && told[1].contains(&format!("({en})")), "{told:?}");
        }
    }
}
