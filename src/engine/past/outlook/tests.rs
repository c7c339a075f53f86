//! What the history says of next Tuesday at nine.

use super::super::spans::tests::change;
use super::*;
use crate::domain::past::hour_begins;
use crate::domain::{Pair, Requirement, Run, Sketch, Transition};

/// A Tuesday, nine o'clock in Pontianak.
const NOW: &str = "2026-11-24T02:00:00Z";

pub(super) fn zone() -> TimeZone {
    TimeZone::get("Asia/Pontianak").expect("the zone database is installed (Debian package tzdata)")
}

pub(super) fn profile() -> Profile {
    Profile {
        name: "x".into(),
        title: (String::new(), String::new()),
        source: String::new(),
        down: Pair { degraded: 2e6, not_ready: 1e6 },
        up: Pair { degraded: 2e6, not_ready: 1e6 },
        rtt: Pair { degraded: 0.3, not_ready: 0.6 },
        jitter_degraded: 0.1,
        loss: Pair { degraded: 0.01, not_ready: 0.05 },
        platform: None,
        udp: Requirement::Advisory,
        runtime: Duration::ZERO,
        components: std::collections::BTreeMap::new(),
    }
}

pub(super) fn hour(hour: i64, check: &str, figure: Figure, value: f64) -> Hour {
    let check = check.into();
    Hour { hour, check, figure, count: 60, mean: value, min: value, max: value, minutes: Sketch::of(value) }
}

/// The first hour of the slot, so many weeks back.
pub(super) fn weeks_back(weeks: i64) -> i64 {
    hour_of(NOW.parse().unwrap()) - weeks * i64::from(HOURS)
}

/// A process that ran through that hour and was ready, but for what is said.
pub(super) fn ran(past: &mut Past, hour: i64, said: &[(i64, Verdict)]) {
    let begins = hour_begins(hour);
    let at = |second: i64| Timestamp::from_second(begins.as_second() + second).unwrap();
    past.runs.push(Run { began: at(0), until: at(HOUR), fresh: true });
    let changes = [(0, Verdict::Ready)].iter().chain(said);
    past.hours.push(self::hour(hour, "always", Figure::RoundTrip, 0.02));
    past.changes[0].1.extend(changes.map(|(second, to)| Transition { at: at(*second), ..change(0, *to) }));
}

pub(super) fn told(past: &Past, far_ends: &[CheckName]) -> Outlook {
    let now: Timestamp = NOW.parse().unwrap();
    let slot = hours_of_slot(now, None, &zone());
    let comparable = comparable(&slot, now, &zone());
    let since = hour_begins(comparable[0].0);
    let far = |name: &CheckName| FarEnd { name: name.clone(), loss: Some(profile().loss) };
    let far_ends: Vec<FarEnd> = far_ends.iter().map(far).collect();
    outlook(past, (hour_of(now), &comparable[..]), &far_ends, &profile(), (since, now))
}

pub(super) fn always() -> Vec<CheckName> {
    vec!["always".into()]
}

pub(super) fn empty() -> Past {
    Past { changes: vec![(Subject::Component(Component::Internet), Vec::new())], ..Past::default() }
}

#[test]
fn a_slot_is_its_hours_of_the_week_and_they_are_found_in_every_week_kept() {
    let now: Timestamp = NOW.parse().unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let two = hours_of_slot(at("2026-12-01T02:30:00Z"), Some(at("2026-12-01T04:00:00Z")), &zone());
    let places: Vec<usize> = two.iter().map(|hour| hour.place()).collect();
    assert_eq!(places, [24 + 9, 24 + 10], "the end is not in it");
    assert_eq!(hours_of_slot(now, None, &zone()).len(), 1);
    let long = hours_of_slot(now, Some(at("2027-12-01T04:00:00Z")), &zone());
    assert_eq!(long.len(), 168, "a year is no more hours of the week than a week");
    let found = comparable(&two, now, &zone());
    assert_eq!(found.len(), usize::try_from(WEEKS).unwrap());
    assert!(
        found.iter().all(|(from, to)| to - from == 2 && (weeks_back(0) - from) % i64::from(HOURS) == 0),
        "{found:?}"
    );
}

#[test]
fn hours_are_judged_by_the_profiles_limits_and_gaps_are_told() {
    let mut past = empty();
    // Eight weeks ago Siaga began; seven weeks ago it did not run.
    ran(&mut past, weeks_back(8), &[]);
    ran(&mut past, weeks_back(6), &[(600, Verdict::NotReady), (659, Verdict::Ready)]);
    ran(&mut past, weeks_back(5), &[(600, Verdict::NotReady), (660, Verdict::Ready)]);
    ran(&mut past, weeks_back(4), &[(0, Verdict::Unknown)]);
    ran(&mut past, weeks_back(3), &[]);
    ran(&mut past, weeks_back(2), &[]);
    ran(&mut past, weeks_back(1), &[]);
    past.hours.extend([
        // One bad far end of three is not a bad line.
        hour(weeks_back(8), "a", Figure::Loss, 0.9),
        hour(weeks_back(8), "b", Figure::Loss, 0.0),
        hour(weeks_back(8), "c", Figure::Loss, 0.0),
        hour(weeks_back(3), "a", Figure::Loss, 0.02),
        hour(weeks_back(3), "gateway", Figure::RoundTrip, 9.0),
        hour(weeks_back(2), "a", Figure::RoundTrip, 0.7),
        hour(weeks_back(2), "b", Figure::Down, 1.5e6),
        hour(weeks_back(1), "b", Figure::Up, 3e6),
    ]);
    past.hours.sort_by_key(|hour| hour.hour);
    let outlook = told(&past, &["always".into(), "a".into(), "b".into(), "c".into()]);
    assert_eq!(
        outlook,
        Outlook {
            weeks: 6,
            ready: 3,
            degraded: 1,
            not_ready: 2,
            unknown: 1,
            unmeasured: 1,
            shortfalls: vec![
                (Shortfall::Outage, Verdict::NotReady, 1),
                (Shortfall::RoundTrip, Verdict::NotReady, 1),
                (Shortfall::Loss, Verdict::Degraded, 1),
                (Shortfall::Down, Verdict::Degraded, 1),
            ],
            times: outlook.times,
            figures: outlook.figures,
        }
    );
    assert!(outlook.is_enough());
    assert_eq!(outlook.nine_in_ten(), Verdict::NotReady, "two of six");
    let share = (59.0 + 60.0) / (6.0 * 3600.0);
    assert!((outlook.outage_share().unwrap() - share).abs() < 1e-12, "of measured hours alone: {:?}", outlook.times);
    let loss = outlook.figure(Figure::Loss).unwrap();
    assert_eq!((loss.minutes, loss.p50), (4, 0.0));
    assert!((loss.p99 - 0.9).abs() < 0.009, "{loss:?}");
    let trip = outlook.figure(Figure::RoundTrip).unwrap();
    assert!(trip.minutes == 7 && trip.p99 < 1.0, "the gateway's 9 s say nothing of the line: {trip:?}");
}

#[test]
fn without_history_nothing_is_good() {
    let nothing = told(&empty(), &[]);
    assert_eq!(nothing, Outlook::default());
    assert!(!nothing.is_enough());
    let mut past = empty();
    for weeks in (1..=3).rev() {
        ran(&mut past, weeks_back(weeks), &[]);
    }
    let few = told(&past, &always());
    assert_eq!((few.weeks, few.ready, few.is_enough()), (3, 3, false));
    assert_eq!((few.nine_in_ten(), nothing.nine_in_ten()), (Verdict::Unknown, Verdict::Unknown));
    assert_eq!((few.outage_share(), nothing.outage_share()), (Some(0.0), None));
}

#[test]
fn one_bad_hour_in_ten_is_borne_and_two_are_not_and_what_was_missed_may_have_been_bad() {
    let of = |bad: &[i64], missed: &[i64]| {
        let mut past = empty();
        for weeks in (1..=10).rev().filter(|weeks| !missed.contains(weeks)) {
            let out = [(600, Verdict::NotReady), (900, Verdict::Ready)];
            ran(&mut past, weeks_back(weeks), if bad.contains(&weeks) { &out } else { &[] });
        }
        told(&past, &always())
    };
    assert_eq!(of(&[3], &[]).nine_in_ten(), Verdict::Ready);
    assert_eq!(of(&[3, 4], &[]).nine_in_ten(), Verdict::NotReady);
    let mut past = empty();
    (1..=10).rev().for_each(|weeks| ran(&mut past, weeks_back(weeks), &[]));
    let blind = told(&past, &[]);
    assert_eq!((blind.unknown, blind.nine_in_ten()), (10, Verdict::Unknown), "no far end was measured");
    let half = of(&[], &[2, 3, 4, 5, 6]);
    assert_eq!((half.ready, half.unmeasured, half.nine_in_ten()), (5, 5, Verdict::Unknown));
    assert_eq!(of(&[], &[2, 3, 4, 5]).nine_in_ten(), Verdict::Ready);
}

#[test]
fn an_outage_counts_though_nobody_watched_the_rest_of_its_hour() {
    let mut past = empty();
    ran(&mut past, weeks_back(1), &[(300, Verdict::NotReady)]);
    past.runs[0].until = past.runs[0].began.checked_add(jiff::SignedDuration::from_mins(10)).unwrap();
    let outlook = told(&past, &always());
    assert_eq!((outlook.not_ready, outlook.unmeasured), (1, 0));
}
