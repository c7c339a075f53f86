//! Edges of the outlook: values that lie at a limit, hours that only just count, and what each far end may lose.

use super::super::spans::tests::change;
use super::tests::{always, empty, hour, profile, ran, told, weeks_back, zone};
use super::*;
use crate::domain::check::LossRule;
use crate::domain::past::hour_begins;
use crate::domain::{Kind, Level, Limit, ProfileLimit, ReasonDef, Run, Text, Transition};
use crate::engine::rooms::spec;
use Verdict::{Degraded, NotReady, Ready, Unknown};

static REASON: ReasonDef = ReasonDef::new("test.loss", Text::new("x", "x"), Text::new("x", "x"));

/// What is said of the one hour that was measured, a week ago, with these figures of the far end `always`.
fn of_figures(figures: &[(Figure, f64)]) -> Vec<(Shortfall, Verdict, usize)> {
    let mut past = empty();
    ran(&mut past, weeks_back(1), &[]);
    past.hours.clear();
    past.hours.extend(figures.iter().map(|(figure, value)| hour(weeks_back(1), "always", *figure, *value)));
    told(&past, &always()).shortfalls
}

#[test]
fn a_value_at_its_limit_is_no_shortfall() {
    let at_limit = [(Figure::Loss, 0.01), (Figure::RoundTrip, 0.297), (Figure::Down, 2e6), (Figure::Up, 2e6)];
    assert_eq!(of_figures(&at_limit), []);
    let told = |figure, value| of_figures(&[(figure, value)]);
    assert_eq!(told(Figure::Loss, 0.05), [(Shortfall::Loss, Degraded, 1)]);
    assert_eq!(told(Figure::Loss, 0.051), [(Shortfall::Loss, NotReady, 1)]);
    assert_eq!(told(Figure::Down, 1e6), [(Shortfall::Down, Degraded, 1)]);
    assert_eq!(told(Figure::Down, 0.9e6), [(Shortfall::Down, NotReady, 1)]);
    assert_eq!(told(Figure::Up, 1.9e6), [(Shortfall::Up, Degraded, 1)]);
    assert_eq!(told(Figure::Up, 0.9e6), [(Shortfall::Up, NotReady, 1)]);
    assert_eq!(told(Figure::RoundTrip, 0.4), [(Shortfall::RoundTrip, Degraded, 1)]);
    // Of two far ends the worse, of three the middle one; of tests the least.
    let mut past = empty();
    ran(&mut past, weeks_back(1), &[]);
    let names: Vec<CheckName> = ["a", "b", "c"].map(CheckName::from).into();
    past.hours = vec![hour(weeks_back(1), "a", Figure::Loss, 0.0), hour(weeks_back(1), "b", Figure::Loss, 0.02)];
    assert_eq!(super::tests::told(&past, &names).shortfalls, [(Shortfall::Loss, Degraded, 1)]);
    past.hours.push(hour(weeks_back(1), "c", Figure::Loss, 0.001));
    past.hours.push(hour(weeks_back(1), "c", Figure::Down, 3e6));
    past.hours.push(hour(weeks_back(1), "b", Figure::Down, 1.5e6));
    assert_eq!(super::tests::told(&past, &names).shortfalls, [(Shortfall::Down, Degraded, 1)]);
}

#[test]
fn four_weeks_are_enough_and_nine_hours_in_ten_decide() {
    let mut past = empty();
    (1..=4).rev().for_each(|weeks| ran(&mut past, weeks_back(weeks), &[]));
    let four = told(&past, &always());
    assert_eq!((four.weeks, four.is_enough(), four.nine_in_ten()), (4, true, Ready));
    let of = |ready, degraded, not_ready| Outlook { weeks: 10, ready, degraded, not_ready, ..Outlook::default() };
    assert_eq!(of(5, 4, 1).nine_in_ten(), Degraded);
    assert_eq!(of(5, 3, 2).nine_in_ten(), NotReady);
    assert_eq!(of(9, 0, 1).nine_in_ten(), Ready);
    assert_eq!(Outlook { unmeasured: 10, ..of(10, 0, 0) }.nine_in_ten(), Unknown, "as many were missed");
}

#[test]
fn a_minute_of_outage_is_known_and_half_an_hour_is_enough() {
    let of = |out: i64, watched: i64| {
        let mut past = empty();
        let begins = hour_begins(weeks_back(1));
        let at = |second: i64| Timestamp::from_second(begins.as_second() + second).unwrap();
        past.runs.push(Run { began: at(0), until: at(watched), fresh: true });
        past.changes[0].1 = [(0, Ready), (10, if out > 0 { NotReady } else { Ready }), (10 + out, Ready)]
            .map(|(second, to)| Transition { at: at(second), ..change(0, to) })
            .into();
        past.hours.push(hour(weeks_back(1), "always", Figure::RoundTrip, 0.02));
        let outlook = told(&past, &always());
        (outlook.ready, outlook.not_ready, outlook.weeks)
    };
    assert_eq!(of(60, 600), (0, 1, 1));
    assert_eq!(of(59, 600), (0, 0, 0), "too little is known of it");
    assert_eq!(of(59, 3600), (1, 0, 1), "and it is borne");
    assert_eq!((of(0, 1800), of(0, 1799)), ((1, 0, 1), (0, 0, 0)));
}

#[test]
fn asked_within_the_slots_own_hours_a_day_counts_once() {
    let now: Timestamp = "2026-11-24T03:30:00Z".parse().unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let start = at("2026-12-01T02:00:00Z");
    let slot = hours_of_slot(start, Some(at("2026-12-01T05:00:00Z")), &zone());
    let comparable = comparable(&slot, now, &zone());
    assert_eq!(comparable.first().map(|(from, to)| to - from), Some(2), "a quarter ago a part of it");
    let told = |weeks: &[i64]| {
        let mut past = empty();
        for week in weeks {
            (0..3).for_each(|hour| ran(&mut past, weeks_back(*week) + hour, &[]));
        }
        let far_ends = [FarEnd { name: "always".into(), loss: None }];
        let since = hour_begins(comparable[0].0);
        outlook(&past, (hour_of(start), &comparable[..]), &far_ends, &profile(), (since, now))
    };
    let days = |weeks: &[i64]| (told(weeks).weeks, told(weeks).ready);
    assert_eq!(days(&[2]), (1, 3));
    assert_eq!(days(&[3, 2, 1]), (3, 9));
    let all: Vec<i64> = (0..=WEEKS).rev().collect();
    assert_eq!(
        days(&all),
        (usize::try_from(WEEKS).unwrap(), 39),
        "two parts of days are no more weeks than were asked for"
    );
}

#[test]
fn a_slot_is_in_one_week_whichever_hour_it_begins_at() {
    for first in 0..i64::from(HOURS) {
        let begins = weeks_back(0) + first;
        let past_hours: Vec<(i64, i64)> =
            [3, 2, 1].map(|week| (begins - week * i64::from(HOURS), begins - week * i64::from(HOURS) + 3)).into();
        let mut past = empty();
        past_hours.iter().flat_map(|(from, to)| *from..*to).for_each(|hour| ran(&mut past, hour, &[]));
        let far_ends = [FarEnd { name: "always".into(), loss: None }];
        let span = (hour_begins(past_hours[0].0), hour_begins(begins));
        let told = outlook(&past, (begins, &past_hours), &far_ends, &profile(), span);
        assert_eq!((told.weeks, told.ready), (3, 9), "{first}");
    }
}

/// A far end that is judged by echoes, and one that tells the ways apart.
fn far(name: &str, loss: Option<fn(ProfileLimit) -> Limit>) -> FarEnd {
    let mut spec = spec(name, Kind::Icmp, Level::FarEnd);
    spec.loss = loss.map(|limit| LossRule {
        degraded: limit(ProfileLimit::LossDegraded),
        not_ready: limit(ProfileLimit::LossNotReady),
        reason: &REASON,
        undecided: &REASON,
        window: 600,
    });
    FarEnd::of(&spec, &Profile { loss: Pair { degraded: 0.02, not_ready: 0.05 }, ..profile() })
}

#[test]
fn each_far_end_may_lose_what_the_judge_lets_it() {
    let (echo, way) = (far("always", Some(Limit::ThereAndBack)), far("always", Some(Limit::Profile)));
    let judged = |far: &FarEnd, loss: f64| {
        let mut past = empty();
        ran(&mut past, weeks_back(1), &[]);
        past.hours = vec![hour(weeks_back(1), "always", Figure::Loss, loss)];
        let now = hour_begins(weeks_back(0));
        let hours = [(weeks_back(1), weeks_back(1) + 1)];
        let since = hour_begins(weeks_back(1));
        let outlook = outlook(&past, (weeks_back(0), &hours[..]), std::slice::from_ref(far), &profile(), (since, now));
        (outlook.ready, outlook.degraded, outlook.not_ready)
    };
    let (ready, degraded, not_ready) = ((1, 0, 0), (0, 1, 0), (0, 0, 1));
    assert_eq!([0.03, 0.06, 0.1].map(|loss| judged(&echo, loss)), [ready, degraded, not_ready]);
    assert_eq!([0.01, 0.03, 0.06].map(|loss| judged(&way, loss)), [ready, degraded, not_ready]);
    assert_eq!(judged(&far("always", None), 0.5), ready, "nobody judges it");
    // Beside what limits it is shown.
    let shown = |all: &[&FarEnd]| {
        let all: Vec<FarEnd> = all.iter().map(|far| (*far).clone()).collect();
        loss_limits(&all).map(|limits| (limits.degraded * 1e4).round())
    };
    assert_eq!((shown(&[&echo, &echo, &way]), shown(&[&way, &echo]), shown(&[])), (Some(396.0), Some(200.0), None));
    assert_eq!(shown(&[&far("always", None), &echo]), Some(396.0));
}

#[test]
fn what_is_short_is_told_in_the_apis_words() {
    use super::Shortfall::{Down, Loss, Outage, RoundTrip, Up};
    let words = [Outage, Loss, RoundTrip, Down, Up].map(super::Shortfall::as_str);
    assert_eq!(words, ["outage", "loss", "round_trip", "down", "up"]);
}
