//! What makes a bandwidth test count, and what it may spend.

use jiff::Timestamp;

use super::ledger::{Leave, Ledger};
use super::meter::Meter;
use super::*;
use crate::domain::{CheckName, Now};

const MS: Duration = Duration::from_millis(1);

/// A transfer that gets `bytes_per_ms(t)` bytes each 10 ms.
fn transfer(length: u32, bytes_per_ms: impl Fn(u32) -> u64) -> Meter {
    let mut meter = Meter::default();
    for t in (10..=length).step_by(10) {
        meter.add(MS * t, bytes_per_ms(t) * 10);
    }
    meter
}

#[test]
fn slow_start_is_left_out() {
    // A second of next to nothing, then two of 8 Mbit/s.
    let meter = transfer(3000, |t| if t <= 1000 { 10 } else { 1000 });
    let rate = meter.rate(MS * 3000);
    assert!((rate - 8e6).abs() < 8e4, "{rate}");
}

#[test]
fn a_stall_at_the_end_counts() {
    let meter = transfer(2000, |_| 1000);
    let rate = meter.rate(MS * 4000);
    assert!(rate < 5e6, "{rate}: half of the time nothing came");
}

#[test]
fn a_settled_rate_stops_the_test_and_an_uneven_one_does_not() {
    let steady = transfer(3000, |_| 100);
    assert!(!steady.proven(MS * 1200, 1e9), "the four slots would reach into the first third");
    assert!(steady.proven(MS * 1510, 1e9));
    let uneven = transfer(3000, |t| if (t / 250) % 2 == 0 { 100 } else { 140 });
    assert!(!uneven.proven(MS * 3000, 1e9));
    assert!(!transfer(3000, |t| u64::from(t < 100)).proven(MS * 3000, 1e9), "silence is not a settled rate");
}

#[test]
fn enough_stops_the_test_once_it_is_sustained() {
    let growing = transfer(1000, u64::from);
    assert!(!growing.proven(MS * 400, 1e6));
    assert!(growing.proven(MS * 1000, 1e6));
    assert!(!growing.proven(MS * 1000, 1e9));
}

#[test]
fn a_transfer_in_one_instant_has_no_finite_rate() {
    let mut meter = Meter::default();
    meter.add(Duration::ZERO, 1000);
    assert!(!meter.rate(Duration::ZERO).is_finite() || meter.rate(Duration::ZERO) == 0.0);
    assert!(Meter::default().rate(MS) == 0.0);
}

fn noon() -> Now {
    Now { mono: Mono::from_elapsed(Duration::from_hours(300)), wall: "2026-03-02T12:00:00Z".parse::<Timestamp>().unwrap() }
}

#[test]
fn the_books_keep_gap_and_budget_by_the_day() {
    let ledger = Ledger::of(CheckName::from("books"));
    let config = Config { max_bytes: Size(10), daily_budget: Size(50), ..Config::default() };
    let now = noon();
    assert_eq!(ledger.ask(now, &config), Leave::Granted);
    ledger.spend(20);
    assert_eq!(ledger.ask(now.after(MS), &config), Leave::NotBefore(now.mono.after(config.min_gap.0)));
    let later = now.after(config.min_gap.0);
    assert_eq!(ledger.ask(later, &config), Leave::Granted);
    ledger.spend(11);
    let still_later = later.after(config.min_gap.0);
    assert_eq!(ledger.ask(still_later, &config), Leave::Spent, "31 and 20 more are beyond 50");
    // The same page after a reload, and another check's.
    assert_eq!(Ledger::of(CheckName::from("books")).ask(still_later, &config), Leave::Spent);
    assert_eq!(Ledger::of(CheckName::from("other books")).ask(still_later, &config), Leave::Granted);
    let tomorrow = now.after(Duration::from_hours(12));
    assert_eq!(ledger.ask(tomorrow, &config), Leave::Granted);
    assert!((ledger.total() - 31.0).abs() < 0.5);
}

#[test]
fn a_restart_and_a_clock_that_is_set_back_bring_no_new_budget() {
    let (check, now) = (CheckName::from("books of an earlier process"), noon());
    let config = Config { max_bytes: Size(10), daily_budget: Size(50), min_gap: Period(MS), ..Config::default() };
    let mut reading = Reading::default();
    reading.measure(&USED_TODAY, 45.0);
    let earlier = Observation::read(check.clone(), now, MS, reading.clone());
    recall(&earlier);
    let ledger = Ledger::of(check.clone());
    assert_eq!(ledger.ask(now.after(MS), &config), Leave::Spent);
    assert!((ledger.today() - 45.0).abs() < 0.5 && ledger.total() == 0.0);
    // What this process has counted itself is not overwritten by what an earlier one had.
    ledger.spend(3);
    recall(&earlier);
    assert!((ledger.today() - 48.0).abs() < 0.5);
    let yesterday = Now { wall: now.wall - Duration::from_hours(24), ..now };
    assert_eq!(ledger.ask(yesterday, &config), Leave::Spent, "the clock was set back");
    assert_eq!(ledger.ask(now, &config), Leave::Granted, "and the next day is a new one");
    // Of a day that is over, nothing is left to recall.
    let other = CheckName::from("books of yesterday's process");
    recall(&Observation::read(other.clone(), yesterday, MS, reading));
    assert_eq!(Ledger::of(other).ask(now, &config), Leave::Granted);
}

#[test]
fn the_shipped_figures_fit_together() {
    let config: Config = toml::from_str("").unwrap();
    assert_eq!(config, Config::default());
    let tests = 86_400 / DEFAULTS.interval.as_secs();
    assert!(tests * config.worst() <= config.daily_budget.0, "a day's tests fit into a day's budget");
    assert!(config.min_gap.0 < DEFAULTS.interval);
}
