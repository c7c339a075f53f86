//! Edges of the ledger: moments that just count or just do not, and figures of the hours that a line touches and of no others.

use super::tests::{at, day, day_of, down, lines, seen, write, zone};
use super::*;
use Verdict::{Degraded, NotReady, Ready, Unknown};

/// So many thousandths of a second after a minute.
fn after(minute: i64, thousandths: i64) -> Timestamp {
    at(minute).checked_add(jiff::SignedDuration::from_millis(thousandths)).unwrap()
}

fn close(told: Option<f64>, exact: f64) {
    assert!(told.is_some_and(|told| (told / exact - 1.0).abs() < 1e-9), "{told:?} for {exact}");
}

#[test]
fn what_is_ours_or_unclear_is_no_time_in_which_anything_is_known_of_the_provider() {
    let mut said = [down(100, 160), down(400, 460), down(700, 730)].concat();
    said.extend([("link", 100, NotReady, ""), ("link", 159, Ready, "")]);
    said.extend([("gateway", 400, Unknown, ""), ("gateway", 460, Ready, "")]);
    let ledger = write(&day(&said));
    let causes: Vec<_> = lines(&ledger).iter().map(|line| line.1).collect();
    assert_eq!(causes, ["ours_link", "unclear", "provider"]);
    assert_eq!(ledger.provider_known(), Duration::from_hours(22));
    close(ledger.provider_availability(), 1.0 - 0.5 / 22.0);
}

#[test]
fn a_month_that_has_just_begun_has_no_span_before_it() {
    let mut past = day(&[]);
    (past.runs[0].began, past.runs[0].until) = (at(-60), at(-1));
    let month = Month::parse("2026-11").unwrap();
    let ledger = ledger(&past, &seen(), &Agreed::default(), month, &zone(), at(1));
    assert_eq!((ledger.span, ledger.lines.len()), ((at(0), at(0)), 0));
}

#[test]
fn a_line_is_from_before_the_month_only_if_it_was_so_in_the_moment_before() {
    let told = |rows: &[(i64, Verdict)]| {
        let rows: Vec<_> = rows.iter().map(|(minute, to)| ("internet", *minute, *to, "")).collect();
        let mut past = day(&rows);
        past.runs[0].began = at(-1000);
        // The month's first moment is none of its own.
        past.changes.last_mut().unwrap().1.retain(|change| change.at != at(0) || change.to != Ready);
        write(&past).lines.iter().map(|line| line.from_before).collect::<Vec<_>>()
    };
    assert_eq!(told(&[(-100, NotReady), (10, Ready), (50, NotReady), (60, Ready)]), [true, false]);
    assert_eq!(told(&[(-100, Ready), (0, NotReady), (10, Ready)]), [false]);
    assert_eq!(told(&[(-9, Degraded), (-5, NotReady), (10, Ready)]), [true], "the last row before it");
    assert_eq!(told(&[(-9, NotReady), (-5, Ready), (1, NotReady), (10, Ready)]), [false]);
}

#[test]
fn what_lasts_a_second_is_told_and_less_is_not() {
    let lasting = |thousandths: i64| {
        let ends = after(100, thousandths);
        write(&day_of(&[("internet", at(100), NotReady, ""), ("internet", ends, Ready, "")])).lines.len()
    };
    assert_eq!((lasting(500), lasting(999), lasting(1000)), (0, 0, 1));
}

#[test]
fn reasons_are_those_of_the_line_and_not_of_what_came_before_or_after() {
    let said = [
        ("internet", 50, Degraded, "before"),
        ("internet", 100, NotReady, "first"),
        ("internet", 110, NotReady, "second"),
        ("internet", 160, Degraded, "after"),
        ("internet", 200, Ready, ""),
    ];
    let codes = |past: &Past| write(past).lines.iter().map(|line| line.codes.clone()).collect::<Vec<_>>();
    let mut past = day(&said);
    assert_eq!(codes(&past), [vec!["before"], vec!["first", "second"], vec!["after"]]);
    // Nobody watched, or another process said it.
    past.runs = vec![
        Run { began: at(0), until: at(105), fresh: true },
        Run { began: at(120), until: at(130), fresh: true },
        Run { began: at(140), until: at(1440), fresh: false },
    ];
    let none = Vec::<&str>::new;
    let told = [vec!["before"], vec!["first"], none(), none(), none(), none(), vec!["after"]];
    assert_eq!(codes(&past), told);
    let kinds: Vec<_> = lines(&write(&past)).iter().map(|line| line.0).collect();
    let (gap, unknown) = ("not_measured", "unknown");
    assert_eq!(kinds, ["shortfall", "outage", gap, unknown, gap, unknown, "shortfall"]);
}

#[test]
fn failing_is_what_was_as_bad_within_the_line() {
    let mut said = down(100, 160);
    said.extend([("zoom", 90, NotReady, ""), ("zoom", 100, Ready, ""), ("zoom", 160, NotReady, "")]);
    said.extend([("dns", 100, Unknown, ""), ("gateway", 100, Degraded, ""), ("ups", 100, NotReady, "")]);
    assert_eq!(write(&day(&said)).lines[0].failing, ["a".into(), "b".into()]);
    assert_eq!(write(&Past { runs: Vec::new(), ..day(&said) }).lines[0].failing, []);
}

fn hour(hour: i64, check: &str, figure: Figure, (count, value): (u64, f64)) -> Hour {
    let hour = hour_of(at(0)) + hour;
    Hour { hour, check: check.into(), figure, count, mean: value, min: value, max: value, minutes: Sketch::of(value) }
}

#[test]
fn figures_are_those_of_the_far_ends_in_the_hours_that_a_line_touches() {
    // From the second hour's beginning to the third's end.
    let mut past = day(&down(60, 180));
    let trip = |at: i64, check: &str, value: f64| hour(at, check, Figure::RoundTrip, (60, value));
    past.hours = vec![
        hour(0, "a", Figure::Loss, (1000, 0.9)),
        hour(0, "a", Figure::Down, (1, 1.0)),
        hour(1, "a", Figure::Loss, (100, 0.01)),
        hour(1, "gateway", Figure::Loss, (900, 0.5)),
        trip(1, "a", 0.1),
        trip(1, "b", 0.2),
        hour(1, "a", Figure::Up, (1, 3e6)),
        hour(2, "b", Figure::Loss, (300, 0.05)),
        trip(2, "a", 0.9),
        hour(2, "a", Figure::Down, (1, 8e6)),
        hour(2, "b", Figure::Down, (1, 7e6)),
        hour(2, "gateway", Figure::Down, (1, 5e6)),
        hour(3, "a", Figure::Loss, (1000, 0.8)),
        hour(3, "a", Figure::Up, (1, 1.0)),
    ];
    let measured = write(&past).lines[0].measured;
    close(measured.loss, 0.04);
    assert!((measured.round_trip.unwrap() / 0.2 - 1.0).abs() < 0.0101, "{measured:?}");
    assert_eq!((measured.down, measured.up), (Some(7e6), Some(3e6)));
    past.runs = Vec::new();
    assert_eq!(write(&past).lines[0].measured, Measured::default(), "nobody watched");
    let nothing = write(&Past { hours: Vec::new(), ..day(&down(60, 180)) });
    assert_eq!(nothing.lines[0].measured, Measured::default());
}

#[test]
fn a_rate_is_a_far_ends_and_slow_only_below_what_was_agreed() {
    let mut past = day(&[]);
    past.hours = vec![
        hour(1, "gateway", Figure::Down, (1, 1e6)),
        hour(2, "a", Figure::Down, (2, 50e6)),
        hour(3, "a", Figure::Loss, (60, 0.01)),
        hour(4, "a", Figure::RoundTrip, (60, 0.01)),
        hour(5, "a", Figure::Up, (3, 4.9e6)),
    ];
    let agreed = Agreed { down: Some(50e6), up: Some(5e6), enough: None };
    let ledger = ledger(&past, &seen(), &agreed, Month::parse("2026-11").unwrap(), &zone(), at(1440));
    let slow: Vec<_> = ledger.slow.iter().map(|slow| (slow.begins, slow.figure, slow.least)).collect();
    assert_eq!(slow, [(at(300), Figure::Up, 4.9e6)]);
    let rates: Vec<_> = ledger.rates.iter().map(|rate| (rate.figure, rate.tests, rate.least)).collect();
    assert_eq!(rates, [(Figure::Down, 2, Some(50e6)), (Figure::Up, 3, Some(4.9e6))]);
}

#[test]
fn a_month_has_its_number_and_its_year_and_years_end_somewhere() {
    assert_eq!(Month::parse("2026-11").unwrap().parts(), (11, 2026));
    assert_eq!(Month::parse("2999-12").unwrap().parts(), (12, 2999));
    assert_eq!(Month::parse("3000-01"), None);
    assert_eq!(Month::parse("2000-01").unwrap().parts(), (1, 2000));
}
