//! What makes a bandwidth test count.

use super::meter::Meter;
use super::*;

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

#[test]
fn the_shipped_figures_fit_together() {
    let config: Config = toml::from_str("").unwrap();
    assert_eq!(config, Config::default());
    let tests = 86_400 / DEFAULTS.interval.as_secs();
    assert!(tests * config.allowance().worst <= config.daily_budget.0, "a day's tests fit into a day's budget");
    assert!(config.min_gap.0 < DEFAULTS.interval);
}
