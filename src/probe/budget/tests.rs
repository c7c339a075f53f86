//! The books of tests: gaps, days, clocks that are set, uplinks.

use super::*;
use crate::domain::{Reading, Unit};

const MS: Duration = Duration::from_millis(1);

static USED_TODAY: Quantity = Quantity::gauge("books_used_today_bytes", Unit::Bytes, "A test's own.");

fn noon() -> Now {
    let wall = "2026-03-02T12:00:00Z".parse::<Timestamp>().unwrap();
    Now { mono: Mono::from_elapsed(Duration::from_hours(300)), wall }
}

fn allowance(min_gap: Duration) -> Allowance {
    Allowance { worst: 20, min_gap, daily_budget: Size(50) }
}

#[test]
fn the_books_keep_each_checks_gap_and_everybodys_budget_by_the_day() {
    let budget = Budget::default();
    let (one, other) = (budget.page("one".into(), None), budget.page("other".into(), None));
    let (gap, now) = (Duration::from_mins(15), noon());
    assert_eq!(one.ask(now, &allowance(gap)), Leave::Granted);
    one.spend(20);
    assert_eq!(one.ask(now.after(MS), &allowance(gap)), Leave::NotBefore(now.mono.after(gap)));
    assert_eq!(other.ask(now.after(MS), &allowance(gap)), Leave::Granted, "another check has a gap of its own");
    other.spend(11);
    let later = now.after(gap);
    assert_eq!(one.ask(later, &allowance(gap)), Leave::Spent, "31 and 20 more are beyond 50, whoever spent them");
    assert_eq!(budget.page("third".into(), None).ask(later, &allowance(gap)), Leave::Spent);
    assert_eq!(Budget::default().page("one".into(), None).ask(later, &allowance(gap)), Leave::Granted, "other books");
    let tomorrow = now.after(Duration::from_hours(12));
    assert_eq!(one.ask(tomorrow, &allowance(gap)), Leave::Granted);
    assert!((one.total() - 20.0).abs() < 0.5 && (other.total() - 11.0).abs() < 0.5);
}

#[test]
fn a_restart_and_a_clock_that_is_set_back_bring_no_new_budget() {
    let (budget, check, now) = (Budget::default(), CheckName::from("one"), noon());
    let mut reading = Reading::default();
    reading.measure(&USED_TODAY, 45.0);
    let earlier = Observation::read(check.clone(), now, MS, reading.clone());
    budget.recall(&earlier, None, &[]);
    assert!(budget.page(check.clone(), None).today_bytes() == 0, "of no account of ours");
    budget.recall(&earlier, None, &[&USED_TODAY]);
    let ledger = budget.page(check, None);
    assert_eq!(ledger.ask(now, &allowance(MS)), Leave::NotBefore(now.mono.after(MS)), "the gap outlives a restart too");
    assert_eq!(ledger.ask(now.after(MS), &allowance(MS)), Leave::Spent);
    assert!(ledger.today_bytes() == 45 && ledger.total() == 0.0);
    // What this process has counted itself is not overwritten by what an earlier one had.
    ledger.spend(3);
    budget.recall(&earlier, None, &[&USED_TODAY]);
    assert!(ledger.today_bytes() == 48);
    let now = now.after(MS);
    let yesterday = Now { wall: now.wall - Duration::from_hours(24), ..now };
    assert_eq!(ledger.ask(yesterday, &allowance(MS)), Leave::Spent, "the clock was set back");
    assert_eq!(ledger.ask(now, &allowance(MS)), Leave::Spent, "and was set right again: it is the same day");
    let tomorrow = now.after(Duration::from_hours(12));
    assert_eq!(ledger.ask(tomorrow, &allowance(MS)), Leave::Granted, "and the next day is a new one");
    // Of a day that is over, nothing is left to recall.
    let fresh = Budget::default();
    fresh.recall(&Observation::read("one".into(), yesterday, MS, reading), None, &[&USED_TODAY]);
    assert_eq!(fresh.page("one".into(), None).ask(now.after(MS), &allowance(MS)), Leave::Granted);
}

/// A computer whose clock has no battery.
#[test]
fn a_clock_that_begins_in_1970_brings_no_new_budget_and_one_that_was_ahead_takes_none_away() {
    let (now, check) = (noon(), CheckName::from("one"));
    let mut reading = Reading::default();
    reading.measure(&USED_TODAY, 45.0);
    let early = Now { wall: Timestamp::UNIX_EPOCH, ..now };
    for stored in [now, early] {
        let budget = Budget::default();
        // As the store gives it: by what lies between by the wall clock.
        let at = Now { mono: early.mono_at(stored.wall), wall: stored.wall };
        budget.recall(&Observation::read(check.clone(), at, MS, reading.clone()), None, &[&USED_TODAY]);
        let other = budget.page("other".into(), None);
        assert_eq!(other.ask(early, &allowance(MS)), Leave::Spent, "it boots");
        assert_eq!(other.ask(now.after(MS), &allowance(MS)), Leave::Spent, "its clock is set");
        let tomorrow = now.after(Duration::from_hours(12));
        assert_eq!(other.ask(tomorrow, &allowance(MS)), Leave::Granted, "the next day");
    }
    let ledger = Budget::default().page(check, None);
    let ahead = Now { wall: now.wall + Duration::from_hours(24 * 300), ..now };
    assert_eq!(ledger.ask(ahead, &allowance(MS)), Leave::Granted);
    ledger.spend(45);
    assert_eq!(ledger.ask(now.after(Duration::from_hours(23)), &allowance(MS)), Leave::Spent);
    assert_eq!(ledger.ask(now.after(Duration::from_hours(24)), &allowance(MS)), Leave::Granted, "a day has passed");
}

#[test]
fn each_uplink_has_books_of_its_own_over_a_restart_too() {
    let (budget, now) = (Budget::default(), noon());
    let backup = || Some(Arc::from("backup"));
    let (main, small) = (budget.page("one".into(), None), budget.page("two".into(), backup()));
    let later = now.after(MS);
    assert_eq!(main.ask(now, &allowance(MS)), Leave::Granted);
    main.spend(45);
    assert_eq!(main.ask(later, &allowance(MS)), Leave::Spent);
    assert_eq!(small.ask(later, &allowance(MS)), Leave::Granted, "by the main line nothing of the backup is spent");
    small.spend(45);
    let other = budget.page("three".into(), backup());
    assert_eq!(other.ask(later, &allowance(MS)), Leave::Spent, "but all that goes by the backup is");
    let mut reading = Reading::default();
    reading.measure(&USED_TODAY, 45.0);
    let fresh = Budget::default();
    fresh.recall(&Observation::read("two".into(), now, MS, reading), backup().as_ref(), &[&USED_TODAY]);
    assert_eq!(fresh.page("three".into(), backup()).ask(now, &allowance(MS)), Leave::Spent);
    assert_eq!(fresh.page("one".into(), None).ask(now, &allowance(MS)), Leave::Granted);
}

#[test]
fn what_left_by_an_uplink_that_a_check_does_not_name_is_told_and_recalled_as_that_uplinks() {
    static TOTAL: Quantity = Quantity::counter("books_used_bytes_total", Unit::Bytes, "A test's own.");
    static BY_UPLINK: Quantity = by_uplink("books_used_by_uplink_today_bytes");
    const ACCOUNTS: Accounts = Accounts { total: &TOTAL, today: &USED_TODAY, by_uplink: &BY_UPLINK };
    let (budget, now) = (Budget::default(), noon());
    let backup = || Some(Arc::from("backup"));
    let own = budget.page("one".into(), None);
    let there = own.among(backup());
    assert_eq!(there.ask(now, &allowance(MS)), Leave::Granted);
    there.spend(45);
    let gap = Duration::from_mins(15);
    assert_eq!(own.ask(now.after(MS), &allowance(gap)), Leave::NotBefore(now.mono.after(gap)), "one check, one gap");
    assert_eq!(own.ask(now.after(gap), &allowance(gap)), Leave::Granted);
    own.spend(7);
    let mut reading = Reading::default();
    own.tell(&ACCOUNTS, now.after(gap), &mut reading);
    let told: Vec<_> =
        reading.measurements.iter().map(|one| (one.quantity.name, one.part.as_deref(), one.value)).collect();
    assert_eq!(
        told,
        [
            ("books_used_bytes_total", None, 52.0),
            ("books_used_today_bytes", None, 7.0),
            ("books_used_by_uplink_today_bytes", Some("backup"), 45.0)
        ]
    );
    let fresh = Budget::default();
    fresh.recall(&Observation::read("one".into(), now, MS, reading), None, &[&USED_TODAY, &BY_UPLINK]);
    assert_eq!(fresh.page("two".into(), backup()).ask(now, &allowance(MS)), Leave::Spent);
    assert_eq!(fresh.page("two".into(), None).ask(now, &allowance(MS)), Leave::Granted);
    // The next day nothing of it is left to tell.
    let mut reading = Reading::default();
    own.tell(&ACCOUNTS, now.after(Duration::from_hours(12)), &mut reading);
    assert!(reading.measurements.iter().all(|one| one.part.is_none()), "{reading:?}");
}

#[tokio::test]
async fn one_at_a_time() {
    let budget = Budget::default();
    let turn = budget.turn().await;
    let copy = budget.clone();
    let mut waiting = tokio::spawn(async move { copy.turn().await });
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("two at once"),
        () = tokio::task::yield_now() => {}
    }
    assert_eq!(budget.tests(), (1, true));
    drop(turn);
    drop(waiting.await.unwrap());
    assert_eq!(budget.tests(), (2, false));
}
