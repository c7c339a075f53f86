//! Whose fault it was: what excuses the provider, for how long, and what does not.

use super::super::ledger::tests::{at, day, down, lines, seen, write, zone};
use super::super::ledger::{Agreed, Month, ledger};
use super::*;
use crate::domain::{Component, Past, Subject};
use Verdict::{Degraded, NotReady, Ready, Unknown};

/// Name, minute, verdict, code.
type Said = (&'static str, i64, Verdict, &'static str);

/// Cause, first and last minute of each part of the outages.
fn causes(past: &Past) -> Vec<(&'static str, i64, i64)> {
    let lines = lines(&write(past));
    lines.into_iter().filter(|line| line.0 == "outage").map(|(_, cause, from, to)| (cause, from, to)).collect()
}

/// Of an hour's outage, with what is said beside.
fn of_hour(more: &[Said]) -> Vec<(&'static str, i64, i64)> {
    causes(&day(&[&down(100, 160)[..], more].concat()))
}

#[test]
fn an_own_failure_counts_from_two_minutes_before_it_was_seen_and_its_cause_explains_it() {
    let link = [("link", 103, NotReady, "internet.no_carrier"), ("link", 155, Ready, "")];
    assert_eq!(of_hour(&link), [("provider", 100, 101), ("ours_link", 101, 160)]);
    let both = [&link[..], &[("ups", 103, NotReady, "power.battery_low"), ("ups", 155, Ready, "")]].concat();
    assert_eq!(of_hour(&both), [("provider", 100, 101), ("ours_power", 101, 160)]);
    let computer = [("computer", 101, NotReady, "computer.overheated"), ("computer", 155, Ready, "")];
    assert_eq!(of_hour(&computer), [("ours_computer", 100, 160)]);
    assert_eq!(of_hour(&[("link", 90, Degraded, "internet.link_slow")]), [("provider", 100, 160)], "it slows only");
    assert_eq!(of_hour(&[("computer", 90, Degraded, "computer.disk_low")]), [("provider", 100, 160)]);
}

#[test]
fn a_ups_that_is_degraded_is_at_fault_while_it_is_on_battery_and_no_longer() {
    let said = [
        ("ups", 50, Degraded, "power.voltage_low"),
        ("ups", 120, Degraded, "power.on_battery"),
        ("ups", 125, Degraded, "power.voltage_low"),
    ];
    assert_eq!(of_hour(&said), [("provider", 100, 118), ("ours_power", 118, 135), ("provider", 135, 160)]);
}

#[test]
fn more_than_half_of_the_far_ends_that_are_known_must_fail_and_names_are_none() {
    let internet = [("internet", 100, NotReady, ""), ("internet", 160, Ready, "")];
    let told = |said: &[Said]| causes(&day(&[&internet[..], said].concat()));
    let a = ("a", 100, NotReady, "");
    assert_eq!(told(&[a, ("b", 100, Degraded, "")]), [("unclear", 100, 160)]);
    assert_eq!(told(&[a, ("dns", 100, NotReady, "")]), [("unclear", 100, 160)]);
    assert_eq!(told(&[a, ("b", 100, Unknown, "")]), [("provider", 100, 160)]);
    let none = [("a", 100, Unknown, ""), ("b", 100, Unknown, ""), ("zoom", 100, NotReady, "")];
    assert_eq!(told(&none), [("unclear", 100, 160)], "nobody knows whether it was the platform alone");
}

#[test]
fn a_backup_is_no_witness_of_the_main_line() {
    for name in ["backup_link", "backup_gateway"] {
        for verdict in [NotReady, Unknown] {
            assert_eq!(of_hour(&[(name, 10, verdict, "")]), [("provider", 100, 160)], "{name} {verdict}");
        }
    }
    // Two of three far ends would be most of them.
    let internet = [("internet", 100, NotReady, ""), ("internet", 160, Ready, "")];
    let said = [&internet[..], &[("a", 100, NotReady, ""), ("backup_far", 100, NotReady, "")]].concat();
    assert_eq!(causes(&day(&said)), [("unclear", 100, 160)]);
    assert_eq!(write(&day(&said)).lines[0].failing, ["a".into(), "backup_far".into()], "but it is told that it failed");
}

#[test]
fn a_gateway_that_never_answers_is_no_cause_and_clears_nobody() {
    let silent = ("gateway", 0, NotReady, "internet.target_silent");
    assert_eq!(of_hour(&[silent]), [("unclear", 100, 160)]);
    // Nor for a process that has seen nothing but the outage.
    let mut past = day(&[&down(100, 160)[..], &[silent]].concat());
    past.runs = [(0, 110), (111, 140), (141, 1440)]
        .map(|(began, until)| Run { began: at(began), until: at(until), fresh: true })
        .into();
    for (subject, changes) in &mut past.changes {
        let all_bad = |name: &str| *subject == Subject::Check(name.into());
        if ["gateway", "a", "b"].into_iter().any(all_bad) || *subject == Subject::Component(Component::Internet) {
            for minute in [111, 141] {
                changes.push(Transition { at: at(minute), to: NotReady, ..changes[0].clone() });
            }
            changes.sort_by_key(|change| change.at);
        }
    }
    let told = causes(&past);
    assert_eq!(told, [("unclear", 100, 110), ("unclear", 111, 140), ("unclear", 141, 160)]);
    // One that fails with the far ends is, though it is back some minutes after them.
    let fails = |to: i64| [("gateway", 101, NotReady, ""), ("gateway", to, Ready, "")];
    assert_eq!(of_hour(&fails(162)), [("ours_gateway", 100, 160)]);
    assert_eq!(of_hour(&fails(163)), [("unclear", 100, 160)], "the far ends answered in spite of it");
    // A link past which another way leads: nobody is blamed.
    assert_eq!(of_hour(&[("link", 0, NotReady, "internet.no_carrier")]), [("unclear", 100, 160)]);
}

#[test]
fn a_gateway_that_falls_silent_while_the_far_ends_come_back_is_no_cause_at_its_beginning_either() {
    let out = [&down(100, 122)[..], &[("gateway", 120, NotReady, ""), ("gateway", 180, Ready, "")]].concat();
    assert_eq!(causes(&day(&out)), [("provider", 100, 118), ("unclear", 118, 122)]);
}

#[test]
fn of_a_moment_beyond_what_is_looked_at_nothing_is_said() {
    let said = Transition {
        subject: Subject::Check("link".into()),
        profile: "small".into(),
        from: Unknown,
        to: Ready,
        at: at(1),
        codes: Vec::new(),
        settling: false,
    };
    let run = Run { began: at(0), until: at(99), fresh: true };
    let (changes, runs) = ([said], [run]);
    let witness = Witness::new(("link", Kind::Link, Level::Link), &changes, &runs, (at(0), at(60)));
    assert_eq!([1, 59, 60, 61].map(|minute| witness.at(at(minute))), [Some(Ready), Some(Ready), None, None]);
}

#[test]
fn what_failed_shortly_before_the_month_or_after_it_counts_and_nothing_is_told_of_it() {
    // It went and came five minutes before November began.
    let mut past = day(&down(1, 30));
    past.runs[0].began = at(-1000);
    let link = past.changes.iter_mut().find(|(subject, _)| *subject == Subject::Check("link".into()));
    let changes = &mut link.unwrap().1;
    for (minute, to) in [(-7, NotReady), (-5, Ready)] {
        changes.push(Transition { at: at(minute), to, ..changes[0].clone() });
    }
    changes.sort_by_key(|change| change.at);
    // All else was well before.
    for (_, changes) in &mut past.changes {
        changes.insert(0, Transition { at: at(-900), to: Ready, ..changes[0].clone() });
    }
    assert_eq!(causes(&past), [("ours_link", 1, 5), ("provider", 5, 30)]);
    // Its last two minutes, of a link that was seen to be out a minute after it.
    let end = 30 * 1440;
    let mut past = day(&[&down(end - 3, end + 30)[..], &[("link", end + 1, NotReady, "")]].concat());
    past.runs[0].until = at(end + 60);
    let month = Month::parse("2026-11").unwrap();
    let ledger = ledger(&past, &seen(), &Agreed::default(), month, &zone(), at(end + 60));
    let told = [("outage", "provider", end - 3, end - 1), ("outage", "ours_link", end - 1, end)];
    assert_eq!(lines(&ledger), told);
    assert_eq!(around((at(0), at(9))), (at(-10), at(11)), "so much is read");
}

#[test]
fn for_ten_minutes_after_a_time_in_which_nobody_watched_nobody_is_blamed() {
    for fresh in [true, false] {
        let mut past = day(&[]);
        past.runs.push(Run { began: at(300), until: at(1440), fresh });
        past.runs[0].until = at(200);
        for (subject, changes) in &mut past.changes {
            let far = ["a", "b"].into_iter().any(|name| *subject == Subject::Check(name.into()));
            let out = far || *subject == Subject::Component(Component::Internet);
            let said = [(300, if out { NotReady } else { Ready }), (330, Ready)];
            let rows = said.map(|(minute, to)| Transition { at: at(minute), to, ..changes[0].clone() });
            changes.extend(rows);
        }
        assert_eq!(causes(&past), [("unclear", 300, 310), ("provider", 310, 330)], "{fresh}");
        // What was seen to be ours is.
        let link = past.changes.iter_mut().find(|(subject, _)| *subject == Subject::Check("link".into()));
        let changes = &mut link.unwrap().1;
        changes.insert(2, Transition { at: at(301), to: NotReady, ..changes[0].clone() });
        changes.insert(3, Transition { at: at(302), to: Ready, ..changes[0].clone() });
        assert_eq!(causes(&past), [("ours_link", 300, 312), ("provider", 312, 330)], "{fresh}");
    }
}

#[test]
fn a_failure_that_was_over_is_another_than_the_next() {
    // What the first was no cause of says nothing of the second.
    let refuted = [("gateway", 20, NotReady, ""), ("gateway", 30, Ready, "")];
    let again = [("gateway", 101, NotReady, ""), ("gateway", 155, Ready, "")];
    assert_eq!(of_hour(&[refuted, again].concat()), [("ours_gateway", 100, 160)]);
}

#[test]
fn a_failure_no_longer_than_what_one_may_be_seen_before_the_other_is_refuted_by_nobody() {
    let until = |to: i64| [("gateway", 96, NotReady, ""), ("gateway", to, Ready, "")];
    assert_eq!(of_hour(&until(100)), [("ours_gateway", 100, 110), ("provider", 110, 160)]);
    let longer = [("gateway", 95, NotReady, ""), ("gateway", 100, Ready, "")];
    assert_eq!(of_hour(&longer), [("unclear", 100, 110), ("provider", 110, 160)], "far ends answered in its midst");
}
