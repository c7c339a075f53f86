//! The hours of the week: what the line was like on Tuesdays at nine, over the weeks that are kept.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::spans::{Times, by_hour};
use crate::domain::past::hour_begins;
use crate::domain::{CheckName, Component, Figure, Past, Sketch, Subject};

/// Hours of a week.
pub const HOURS: u8 = 168;

/// An hour of the week in a zone: Monday from midnight to one is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourOfWeek(u8);

impl HourOfWeek {
    /// Where an hour (since 1970-01-01T00:00Z) lies in a week of `zone`. Rows are hours of UTC: where a zone is half an hour
    /// off, an hour belongs to the one in which its middle lies. When clocks are set back one hour of the week comes twice,
    /// and when they are put forward one does not come at all; each is what its clocks said.
    pub fn of(hour: i64, zone: &TimeZone) -> Self {
        let middle = hour_begins(hour).saturating_add(SignedDuration::from_mins(30)).unwrap_or(Timestamp::MAX);
        let local = zone.to_datetime(middle);
        let (day, hour) = (local.date().weekday().to_monday_zero_offset(), local.hour());
        // A day is 0 to 6 and an hour 0 to 23.
        Self(day.unsigned_abs() * 24 + hour.unsigned_abs())
    }

    /// Its place among [`HOURS`].
    pub const fn place(self) -> usize {
        self.0 as usize
    }
}

/// How a figure is spread over the minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiles {
    /// Half of the minutes are not worse.
    pub p50: f64,
    /// 95 of 100 minutes are not worse.
    pub p95: f64,
    /// 99 of 100 minutes are not worse.
    pub p99: f64,
    /// Over how many minutes.
    pub minutes: u64,
}

impl Quantiles {
    /// Of what was measured; a bitrate is worse the smaller it is.
    pub fn of(figure: Figure, minutes: &Sketch) -> Option<Self> {
        let percent = match figure {
            Figure::Loss | Figure::RoundTrip => [50, 95, 99],
            Figure::Down | Figure::Up => [50, 5, 1],
        };
        let [p50, p95, p99] = percent.map(|percent| minutes.quantile(percent));
        Some(Self { p50: p50?, p95: p95?, p99: p99?, minutes: minutes.count() })
    }
}

/// One hour of the week.
#[derive(Clone, Debug, Default)]
pub struct WeekHour {
    /// How long the internet was what in it, all weeks together.
    pub times: Times,
    /// Share of packets lost, outages aside.
    pub loss: Option<Quantiles>,
    /// Round trip, s.
    pub round_trip: Option<Quantiles>,
    /// Download, bit/s.
    pub down: Option<Quantiles>,
    /// Upload, bit/s.
    pub up: Option<Quantiles>,
}

/// The week, from Monday midnight in `zone`, of what is remembered of `since <= at < until`. Only `far_ends` speak for the
/// line: what is measured to the gateway or to oneself says nothing of it.
pub fn week(past: &Past, far_ends: &[CheckName], zone: &TimeZone, span: (Timestamp, Timestamp)) -> Vec<WeekHour> {
    let mut sketches = vec![<[Sketch; 4]>::default(); usize::from(HOURS)];
    for hour in past.hours.iter().filter(|hour| far_ends.contains(&hour.check)) {
        sketches[HourOfWeek::of(hour.hour, zone).place()][hour.figure as usize].merge(&hour.minutes);
    }
    let quantiles = |sketches: &[Sketch; 4], figure: Figure| Quantiles::of(figure, &sketches[figure as usize]);
    let mut week: Vec<WeekHour> = sketches
        .iter()
        .map(|all| WeekHour {
            times: Times::default(),
            loss: quantiles(all, Figure::Loss),
            round_trip: quantiles(all, Figure::RoundTrip),
            down: quantiles(all, Figure::Down),
            up: quantiles(all, Figure::Up),
        })
        .collect();
    let internet = past.changes_of(&Subject::Component(Component::Internet));
    for (hour, times) in by_hour(&super::spans::spans(internet, &past.runs, span)) {
        week[HourOfWeek::of(hour, zone).place()].times.merge(&times);
    }
    week
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::spans::tests::{at, change, run};
    use super::*;
    use crate::domain::past::hour_of;
    use crate::domain::{Hour, Verdict};

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("the zone database is installed (Debian package tzdata)")
    }

    fn place(moment: &str, zone_name: &str) -> (usize, usize) {
        let place = HourOfWeek::of(hour_of(moment.parse().unwrap()), &zone(zone_name)).place();
        (place / 24, place % 24)
    }

    #[test]
    fn an_hour_of_the_week_is_what_the_rooms_clock_says() {
        // No daylight saving in Pontianak: the same all the year.
        for moment in ["2026-01-05T02:10:00Z", "2026-07-06T02:50:00Z"] {
            assert_eq!(place(moment, "Asia/Pontianak"), (0, 9), "{moment}");
        }
        assert_eq!(place("2026-11-22T17:00:00Z", "Asia/Pontianak"), (0, 0), "Sunday evening is Monday there");
        assert_eq!(place("2026-11-22T16:59:59Z", "Asia/Pontianak"), (6, 23));
        assert_eq!(place("1969-12-31T17:00:00Z", "UTC"), (2, 17), "before 1970 too");
        // Half an hour off: 03:00 to 04:00 UTC is 08:30 to 09:30.
        assert_eq!(place("2026-11-23T03:00:00Z", "Asia/Kolkata"), (0, 9));
    }

    #[test]
    fn a_change_of_clocks_makes_one_hour_come_twice_and_one_not_at_all() {
        let day = |from: &str, hours: i64| -> Vec<usize> {
            let first = hour_of(from.parse().unwrap());
            (first..first + hours).map(|hour| HourOfWeek::of(hour, &zone("Europe/Berlin")).place() % 24).collect()
        };
        // 2026-10-25 has 25 hours there, 2026-03-29 has 23.
        let autumn = day("2026-10-24T22:00:00Z", 25);
        assert_eq!((autumn[..5].to_vec(), autumn[24]), (vec![0, 1, 2, 2, 3], 23));
        let spring = day("2026-03-28T23:00:00Z", 23);
        assert_eq!((spring[..4].to_vec(), spring[22]), (vec![0, 1, 3, 4], 23));
        // Nine o'clock is nine o'clock before and after, though an hour apart in UTC.
        assert_eq!(place("2026-10-19T07:00:00Z", "Europe/Berlin"), (0, 9));
        assert_eq!(place("2026-10-26T08:00:00Z", "Europe/Berlin"), (0, 9));
    }

    fn hour(hour: i64, check: &str, figure: Figure, values: &[f64]) -> Hour {
        let mut minutes = Sketch::default();
        for value in values {
            minutes.add(*value);
        }
        Hour { hour, check: check.into(), figure, count: 60, mean: 0.0, min: 0.0, max: 0.0, minutes }
    }

    #[test]
    fn weeks_add_up_per_hour_and_only_far_ends_speak() {
        let (first, zone) = (hour_of(at(0)), zone("Asia/Pontianak"));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        let past = Past {
            hours: vec![
                hour(first, "operator", Figure::RoundTrip, &hundred[..50]),
                hour(first + 168, "operator", Figure::RoundTrip, &hundred[50..]),
                hour(first + 168, "gateway", Figure::RoundTrip, &[9e9; 60]),
                hour(first + 1, "speed", Figure::Down, &hundred),
            ],
            runs: vec![run(0, 600, true), run(168 * 3600, 168 * 3600 + 600, true)],
            changes: vec![(
                Subject::Component(Component::Internet),
                vec![change(0, Verdict::Ready), change(168 * 3600 + 60, Verdict::NotReady)],
            )],
            cut: false,
        };
        let span = (at(0), at(168 * 3600 + 3600));
        let week = week(&past, &["operator".into(), "speed".into()], &zone, span);
        let of = |hour: i64| &week[HourOfWeek::of(hour, &zone).place()];
        let trip = of(first).round_trip.unwrap();
        let near = |told: f64, exact: f64| assert!((told / exact - 1.0).abs() < 0.01, "{told} for {exact}");
        near(trip.p50, 50.0);
        near(trip.p95, 95.0);
        near(trip.p99, 99.0);
        assert_eq!(trip.minutes, 100);
        // A rate that 95 of 100 tests reached.
        near(of(first + 1).down.unwrap().p95, 5.0);
        assert_eq!(of(first).down, None);
        let times = of(first).times;
        let secs = |time: Duration| time.as_secs();
        assert_eq!(
            (secs(times.of(Verdict::Ready)), secs(times.of(Verdict::Unknown)), secs(times.of(Verdict::NotReady))),
            (600, 60, 540),
            "the second week's first minute is that of a new process"
        );
        let all: Duration = week.iter().map(|hour| hour.times.unmeasured + hour.times.known()).sum();
        assert_eq!(all + Duration::from_mins(1), Duration::from_hours(169));
        assert_eq!(
            week.iter().filter(|hour| hour.times.known() > Duration::ZERO).count(),
            1,
            "silence is no good hour"
        );
    }
}
