//! A month with a cut cable, a power cut, and a provider that failed.

use super::*;
use crate::domain::{Run, Transition};
use Verdict::{Degraded, NotReady, Ready, Unknown};

const CHECKS: [(&str, Kind, Level); 11] = [
    ("ups", Kind::Ups, Level::Power),
    ("computer", Kind::Computer, Level::Computer),
    ("link", Kind::Link, Level::Link),
    ("gateway", Kind::Icmp, Level::Gateway),
    ("a", Kind::Icmp, Level::FarEnd),
    ("b", Kind::Icmp, Level::FarEnd),
    ("dns", Kind::Dns, Level::FarEnd),
    ("zoom", Kind::Tls, Level::Platform),
    ("backup_link", Kind::Link, Level::Link),
    ("backup_gateway", Kind::Icmp, Level::Gateway),
    ("backup_far", Kind::Icmp, Level::FarEnd),
];

/// Subject, moment, verdict, code.
pub(in crate::engine::past) type Row = (&'static str, Timestamp, Verdict, &'static str);

pub(in crate::engine::past) fn zone() -> TimeZone {
    TimeZone::get("Asia/Pontianak").expect("the zone database is installed (Debian package tzdata)")
}

/// So many minutes after November began in Pontianak.
pub(in crate::engine::past) fn at(minute: i64) -> Timestamp {
    let begin: Timestamp = "2026-10-31T17:00:00Z".parse().unwrap();
    Timestamp::from_second(begin.as_second() + minute * 60).unwrap()
}

pub(in crate::engine::past) fn seen() -> Vec<Seen> {
    let component = |kind: Kind| kind.component().unwrap();
    let seen = |(name, kind, level): (&str, Kind, Level)| {
        let backup = name.starts_with("backup");
        let far = level == Level::FarEnd && !backup;
        Seen { name: name.into(), kind, component: component(kind), level, far, backup }
    };
    CHECKS.map(seen).to_vec()
}

/// A day of one process in which all is ready, but for what is said: subject, minute, verdict, code.
pub(in crate::engine::past) fn day(said: &[(&'static str, i64, Verdict, &'static str)]) -> Past {
    day_of(&said.iter().map(|(name, minute, verdict, code)| (*name, at(*minute), *verdict, *code)).collect::<Vec<_>>())
}

/// The same, of moments.
pub(in crate::engine::past) fn day_of(said: &[Row]) -> Past {
    let internet = Subject::Component(Component::Internet);
    let subjects = CHECKS.iter().map(|(name, ..)| Subject::Check((*name).into())).chain([internet.clone()]);
    let changes = subjects.map(|subject| {
        let own = |name: &str| if name == "internet" { internet.clone() } else { Subject::Check(name.into()) };
        let made = |at: Timestamp, to, code: &'static str| Transition {
            subject: subject.clone(),
            profile: "x".into(),
            from: Unknown,
            to,
            at,
            codes: if code.is_empty() { Vec::new() } else { vec![code] },
            settling: false,
        };
        let mut all = vec![made(at(0), Ready, "")];
        all.extend(said.iter().filter(|row| own(row.0) == subject).map(|row| made(row.1, row.2, row.3)));
        all.sort_by_key(|change| change.at);
        (subject, all)
    });
    let runs = vec![Run { began: at(0), until: at(1440), fresh: true }];
    Past { changes: changes.collect(), runs, ..Past::default() }
}

pub(in crate::engine::past) fn write(past: &Past) -> Ledger {
    ledger(past, &seen(), &Agreed::default(), Month::parse("2026-11").unwrap(), &zone(), at(1440))
}

/// Entry, cause, first and last minute.
pub(in crate::engine::past) fn lines(ledger: &Ledger) -> Vec<(&'static str, &'static str, i64, i64)> {
    let minute = |moment: Timestamp| (moment.as_second() - at(0).as_second()) / 60;
    let cause = |line: &Line| line.entry.cause().map_or("", Cause::as_str);
    ledger.lines.iter().map(|line| (line.entry.as_str(), cause(line), minute(line.from), minute(line.to))).collect()
}

/// Both far ends and the internet are down between two minutes.
pub(in crate::engine::past) fn down(from: i64, to: i64) -> Vec<(&'static str, i64, Verdict, &'static str)> {
    ["a", "b", "internet"]
        .iter()
        .flat_map(|name| [(*name, from, NotReady, "internet.target_silent"), (*name, to, Ready, "")])
        .collect()
}

#[test]
fn beyond_a_gateway_that_works_it_is_the_providers() {
    let ledger = write(&day(&down(100, 160)));
    assert_eq!(lines(&ledger), [("outage", "provider", 100, 160)]);
    let line = &ledger.lines[0];
    assert_eq!(line.codes, ["internet.target_silent"]);
    assert_eq!(line.failing, ["a".into(), "b".into()]);
    assert_eq!((line.from_before, line.goes_on), (false, false));
    let share = |minutes: f64| 1.0 - minutes / 1440.0;
    assert!((ledger.availability().unwrap() - share(60.0)).abs() < 1e-12);
    assert!((ledger.provider_availability().unwrap() - share(60.0)).abs() < 1e-12);
}

#[test]
fn what_goes_on_is_not_over_while_the_newest_seconds_are_on_their_way_to_the_disk() {
    let past = day(&down(1400, 2000));
    let told = |now| {
        let ledger = ledger(&past, &seen(), &Agreed::default(), Month::parse("2026-11").unwrap(), &zone(), now);
        let goes_on: Vec<bool> = ledger.lines.iter().map(|line| line.goes_on).collect();
        (lines(&ledger), goes_on)
    };
    assert_eq!(told(at(1442)), (vec![("outage", "provider", 1400, 1440)], vec![true]));
    // Nothing for three minutes: nobody watches.
    let over = vec![("outage", "provider", 1400, 1440), ("not_measured", "", 1440, 1443)];
    assert_eq!(told(at(1443)), (over, vec![false, true]));
}

#[test]
fn our_own_cable_gateway_and_power_are_never_the_providers() {
    for (name, verdict, code, cause) in [
        ("link", NotReady, "internet.no_carrier", "ours_link"),
        ("gateway", NotReady, "internet.target_silent", "ours_gateway"),
        ("ups", NotReady, "power.battery_low", "ours_power"),
        ("ups", Degraded, "power.on_battery", "ours_power"),
    ] {
        let mut said = down(100, 160);
        // Seen a minute after the far ends were missed, and over five before they were back.
        said.extend([(name, 101, verdict, code), (name, 155, Ready, "")]);
        let ledger = write(&day(&said));
        assert_eq!(lines(&ledger), [("outage", cause, 100, 160)], "{name} {code}");
        assert_eq!(ledger.provider_availability(), Some(1.0), "{name}: nothing is known of the provider meanwhile");
    }
    // A worn battery explains nothing; and mains that comes back does not excuse a provider who is away for hours.
    let mut said = down(100, 300);
    said.push(("ups", 50, Degraded, "power.battery_replace"));
    assert_eq!(lines(&write(&day(&said))), [("outage", "provider", 100, 300)]);
    let mut said = down(100, 300);
    said.extend([("link", 100, NotReady, "internet.no_carrier"), ("link", 110, Ready, "")]);
    assert_eq!(lines(&write(&day(&said))), [("outage", "ours_link", 100, 120), ("outage", "provider", 120, 300)]);
}

#[test]
fn without_a_gateway_that_was_seen_to_work_nobody_is_blamed() {
    let mut said = down(100, 160);
    said.push(("gateway", 90, Unknown, "siaga.stale"));
    assert_eq!(lines(&write(&day(&said))), [("outage", "unclear", 100, 160)]);
    let none: Vec<Seen> = seen().into_iter().filter(|seen| seen.level != Level::Gateway).collect();
    let ledger =
        ledger(&day(&down(9, 19)), &none, &Agreed::default(), Month::parse("2026-11").unwrap(), &zone(), at(1440));
    assert_eq!(lines(&ledger), [("outage", "unclear", 9, 19)]);
    // One of two far ends answers; only DNS fails; only the platform fails.
    let only = |name: &'static str| {
        day(&[(name, 10, NotReady, "x"), ("internet", 10, NotReady, "x"), ("internet", 20, Ready, "")])
    };
    assert_eq!(lines(&write(&only("a"))), [("outage", "unclear", 10, 20)]);
    assert_eq!(lines(&write(&only("dns"))), [("outage", "unclear", 10, 20)]);
    assert_eq!(lines(&write(&only("zoom"))), [("outage", "platform", 10, 20)]);
}

#[test]
fn what_was_not_measured_and_what_was_unknown_are_told_apart_and_never_count_as_good() {
    let mut past = day(&[("internet", 60, Unknown, "siaga.stale"), ("internet", 90, Ready, "")]);
    past.runs =
        vec![Run { began: at(0), until: at(120), fresh: true }, Run { began: at(240), until: at(300), fresh: false }];
    let ledger = write(&past);
    assert_eq!(
        lines(&ledger),
        [("unknown", "", 60, 90), ("not_measured", "", 120, 240), ("not_measured", "", 300, 1440)]
    );
    assert_eq!(ledger.times.known(), Duration::from_mins(150));
    assert_eq!(ledger.availability(), Some(1.0));
    let nothing = write(&Past::default());
    assert_eq!(lines(&nothing), [("not_measured", "", 0, 1440)]);
    assert_eq!(
        (nothing.availability(), nothing.provider_availability()),
        (None, None),
        "nothing measured is not 100 %"
    );
}

#[test]
fn a_shortfall_is_no_outage_and_goes_on_over_the_months_end() {
    let mut said = vec![("a", 1000, Degraded, "internet.loss_high"), ("b", 1000, Degraded, "internet.loss_high")];
    said.push(("internet", 1000, Degraded, "internet.loss_high"));
    let ledger = write(&day(&said));
    assert_eq!(lines(&ledger), [("shortfall", "provider", 1000, 1440)]);
    assert!(ledger.lines[0].goes_on);
    assert_eq!(ledger.availability(), Some(1.0));
    said.push(("link", 900, Degraded, "internet.link_slow"));
    assert_eq!(lines(&write(&day(&said))), [("shortfall", "ours_link", 1000, 1440)], "a weak Wi-Fi is ours");
}

#[test]
fn rates_are_held_against_what_was_agreed_and_a_test_that_stopped_early_is_no_shortfall() {
    let hour = |hour: i64, figure, value: f64| Hour {
        hour: hour_of(at(0)) + hour,
        check: "a".into(),
        figure,
        count: 1,
        mean: value,
        min: value,
        max: value,
        minutes: Sketch::of(value),
    };
    let past = Past {
        hours: vec![
            hour(-1, Figure::Down, 1.0),
            hour(1, Figure::Down, 19e6),
            hour(2, Figure::Down, 21e6),
            hour(3, Figure::Up, 4e6),
        ],
        ..day(&down(70, 80))
    };
    let write = |enough| {
        let agreed = Agreed { down: Some(50e6), up: Some(5e6), enough };
        ledger(&past, &seen(), &agreed, Month::parse("2026-11").unwrap(), &zone(), at(1440))
    };
    let ledger = write(Some(20e6));
    let slow: Vec<_> = ledger.slow.iter().map(|slow| (slow.begins, slow.figure, slow.least)).collect();
    assert_eq!(slow, [(at(60), Figure::Down, 19e6), (at(180), Figure::Up, 4e6)]);
    assert_eq!(write(None).slow.len(), 3);
    let down = ledger.rates[0];
    assert_eq!((down.tests, down.least, down.agreed), (2, Some(19e6), Some(50e6)), "October's test is not November's");
    assert_eq!(ledger.lines[0].measured.down, Some(19e6), "of the hour that the outage touches");
}

#[test]
fn a_slow_test_while_our_own_part_was_weak_is_no_evidence_against_the_provider() {
    let slow = |said: &[(&'static str, i64, Verdict, &'static str)]| {
        let hours = (1..4).map(|hour| Hour {
            hour: hour_of(at(0)) + hour,
            check: "a".into(),
            figure: Figure::Down,
            count: 1,
            mean: 1e6,
            min: 1e6,
            max: 1e6,
            minutes: Sketch::of(1e6),
        });
        let past = Past { hours: hours.collect(), ..day(said) };
        let agreed = Agreed { down: Some(50e6), ..Agreed::default() };
        let ledger = ledger(&past, &seen(), &agreed, Month::parse("2026-11").unwrap(), &zone(), at(1440));
        ledger.slow.iter().map(|slow| slow.ours.map_or("", Cause::as_str)).collect::<Vec<_>>()
    };
    assert_eq!(slow(&[]), ["", "", ""]);
    // In the second of three hours, and not so near its ends that it counts beyond them.
    for (name, verdict, code, cause) in [
        ("link", Degraded, "internet.link_slow", "ours_link"),
        ("gateway", Degraded, "internet.rtt_high", "ours_gateway"),
        ("ups", Degraded, "power.on_battery", "ours_power"),
    ] {
        assert_eq!(slow(&[(name, 130, verdict, code), (name, 160, Ready, "")]), ["", cause, ""], "{name}");
    }
    assert_eq!(slow(&[("ups", 130, Degraded, "power.battery_replace")]), ["", "", ""], "a worn battery slows nothing");
    assert_eq!(slow(&down(130, 160)), ["", "", ""], "what is not ours is said nowhere else than among the outages");
}

#[test]
fn a_month_is_that_of_the_rooms_clock_and_a_bad_one_is_none() {
    let november = Month::parse("2026-11").unwrap();
    assert_eq!(november.span(&zone()), (at(0), at(30 * 1440)));
    assert_eq!(Month::of(at(0), &zone()), november);
    assert_eq!(Month::of(at(-1), &zone()), november.before());
    assert_eq!(Month::parse("2027-01").unwrap().before().to_string(), "2026-12");
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let (begin, end) = Month::parse("2026-10").unwrap().span(&berlin);
    assert_eq!(end.duration_since(begin).as_hours(), 31 * 24 + 1, "the clocks are set back in it");
    for bad in
        ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "1999-12", "2026-+1", "３026-01", "x"]
    {
        assert_eq!(Month::parse(bad), None, "{bad:?}");
    }
}
