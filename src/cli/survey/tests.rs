//! What is said of a place by what was seen there: plan, judge and report together, without a line.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::plan::{Planned, plan};
use super::too_dear;
use crate::config::{Config, Source};
use crate::domain::{Finding, Mono, Now, Observation, Reading, Sample, Size, Test, Verdict};
use crate::engine::{Engine, Restored};
use crate::probe::{quantity, reason};
use crate::survey::report::Bytes;
use crate::survey::{Asked, Ended, Record, Report, Seen, report};

const MBIT: f64 = 1e6;

fn planned(profile: Option<&str>) -> Planned {
    let config = Config::parse(&Source::new("test", crate::config::DEFAULT)).unwrap();
    let asked = Asked { far_end: Some("192.0.2.1".to_owned()), ..Asked::default() };
    plan(&config, false, &asked, profile).unwrap()
}

/// A call that these rates were carried of (up, down; bit/s).
fn call(up: f64, down: Option<f64>) -> Reading {
    let mut reading = Reading::default();
    let mut measure = |name: &str, value: f64| reading.measure(quantity(name).unwrap(), value);
    measure("stamp_up_bits_per_second", up);
    match down {
        Some(down) => measure("stamp_down_bits_per_second", down),
        // All that arrived there came back.
        None => measure("stamp_down_at_least_bits_per_second", up),
    }
    measure("stamp_rtt_seconds", 0.03);
    reading.sample = Some(Sample { sent: 1900, lost: 0, outage: false });
    reading
}

/// One that answers to no echo.
fn silence() -> Reading {
    let silent = Finding::new(reason("internet.target_silent").unwrap(), Verdict::NotReady).with("target", "router");
    let sample = Some(Sample { sent: 0, lost: 0, outage: true });
    Reading { findings: vec![silent], sample, ..Reading::default() }
}

fn surveyed(profile: Option<&str>, seen: Vec<(&str, Reading)>, ended: Ended) -> Report {
    surveyed_by(&planned(profile), profile, seen, ended)
}

fn surveyed_by(planned: &Planned, profile: Option<&str>, seen: Vec<(&str, Reading)>, ended: Ended) -> Report {
    let now = Now { mono: Mono::from_elapsed(Duration::from_hours(1)), wall: "2026-11-26T02:00:00Z".parse().unwrap() };
    let mut engine = Engine::new(planned.plan.clone(), Restored::default(), now);
    let mut record = Record::default();
    // All is well, unless something else is said of it.
    let quiet = planned
        .plan
        .checks
        .iter()
        .filter(|spec| !spec.active && seen.iter().all(|(name, _)| spec.name.as_str() != *name));
    for spec in quiet {
        engine.observe(Observation::read(spec.name.clone(), now, Duration::ZERO, Reading::default()), now);
    }
    for (name, reading) in seen {
        let observation = Observation::read(name.into(), now, Duration::ZERO, reading);
        record.take(&observation, name == "call", false);
        engine.observe(observation, now);
    }
    report(&Seen {
        id: "x".to_owned(),
        venue: None,
        zone: TimeZone::UTC,
        profile,
        snapshot: &engine.snapshot(),
        record: &record,
        checks: &planned.line,
        remedies: &BTreeMap::new(),
        ended,
        began_at: now.wall,
        ended_at: now.wall,
        watched: Duration::ZERO,
        bytes: Bytes { at_most: 0, used: 0 },
    })
}

#[test]
fn a_router_that_lets_no_echo_through_does_not_hide_what_the_line_lacks() {
    let seen = vec![("gateway", silence()), ("echo", silence()), ("call", call(0.5 * MBIT, Some(2.0 * MBIT)))];
    let report = surveyed(Some("zoom_group_720"), seen, Ended::Whole);
    let meeting = &report.profiles[0];
    assert_eq!(
        (report.verdict, &*meeting.reasons[0].code),
        (Verdict::NotReady, "internet.call_up_low"),
        "{meeting:#?}"
    );
    let limit = meeting.limit.as_ref().unwrap();
    assert!(limit.past && (limit.by_ratio - 0.5).abs() < 1e-9, "{limit:?}");
    assert!(report.answer.en.contains("the way out carries only 500 kbit/s"), "{}", report.answer.en);
}

#[test]
fn nothing_is_claimed_that_nobody_measured() {
    // Packets came back whole, and neither how many they could be nor how late they were is known.
    let kept = Reading { sample: call(MBIT, None).sample, ..Reading::default() };
    let report = surveyed(Some("audio_only"), vec![("call", kept)], Ended::Whole);
    let meeting = &report.profiles[0];
    assert_eq!((meeting.judged, meeting.verdict), (Verdict::Ready, Verdict::Unknown));
    assert_eq!(meeting.unmeasured, ["down", "up", "delay"]);
    assert!(report.answer.id.contains("karena tidak diketahui: kecepatan arah masuk"), "{}", report.answer.id);
    // Behind a narrow way out the way in is known to carry as much.
    let behind = |up: f64| surveyed(Some("zoom_group_720"), vec![("call", call(up, None))], Ended::Whole);
    assert_eq!(behind(1.5 * MBIT).profiles[0].unmeasured, [""; 0]);
    assert_eq!(behind(1.5 * MBIT).verdict, Verdict::Degraded);
    assert_eq!(behind(0.9 * MBIT).profiles[0].unmeasured, ["down"]);
    // Which is enough for what it sends, and not known to be for what it is to receive.
    let larger = surveyed(Some("zoom_gallery_49"), vec![("call", call(3.0 * MBIT, None))], Ended::Whole);
    assert_eq!((larger.profiles[0].judged, larger.verdict), (Verdict::Unknown, Verdict::Unknown));
    assert_eq!(larger.profiles[0].reasons[0].code, "siaga.stamp_way_in_open");
    assert_eq!(larger.profiles[0].unmeasured, ["down"]);
}

/// A room's own plan: two calls of which one is enough, the second of them by the line that is said.
fn of_a_group(second: &str, beside: &str) -> Planned {
    let check = |name: &str, own: &str| {
        format!(
            "[[check]]\nname = \"{name}\"\nkind = \"stamp\"\nreflector = \"192.0.2.1\"\ngroup = \"far\"\nneed = 1\n{own}"
        )
    };
    let text = format!("{beside}{}{}", check("first", ""), check("call", second));
    let config = Config::parse(&Source::new("test", text)).unwrap_or_else(|errors| panic!("{errors}"));
    plan(&config, true, &Asked::default(), Some("zoom_group_720")).unwrap()
}

#[test]
fn a_member_for_which_another_stands_in_is_neither_the_limit_nor_the_cause() {
    let (poor, well) = (call(0.5 * MBIT, Some(2.0 * MBIT)), call(2.7 * MBIT, Some(2.0 * MBIT)));
    let seen = vec![("first", poor), ("call", well)];
    let report = surveyed_by(&of_a_group("", ""), Some("zoom_group_720"), seen, Ended::Whole);
    let meeting = &report.profiles[0];
    assert_eq!((report.verdict, meeting.reasons.len()), (Verdict::Ready, 0), "{meeting:#?}");
    let limit = meeting.limit.as_ref().unwrap();
    assert!(limit.check == "call" && !limit.past, "{limit:?}");
    // Nor is one that would do by itself, where the other has more to spare.
    let (just, well) = (call(2.65 * MBIT, Some(2.0 * MBIT)), call(10.0 * MBIT, Some(10.0 * MBIT)));
    let seen = vec![("first", just), ("call", well)];
    let report = surveyed_by(&of_a_group("", ""), Some("zoom_group_720"), seen, Ended::Whole);
    assert_eq!(report.profiles[0].limit.as_ref().map(|limit| &*limit.check), Some("call"));
}

#[test]
fn a_room_on_its_backup_is_told_so_and_what_to_do() {
    let planned = of_a_group(
        "uplink = \"backup\"\n",
        "[[uplink]]\nname = \"backup\"\nsource = \"192.0.2.5\"\nbackup = \"degraded\"\n",
    );
    let (poor, well) = (call(0.5 * MBIT, Some(1.5 * MBIT)), call(2.7 * MBIT, Some(2.0 * MBIT)));
    let seen = vec![("first", poor), ("call", well)];
    let report = surveyed_by(&planned, Some("zoom_group_720"), seen, Ended::Whole);
    let meeting = &report.profiles[0];
    assert_eq!(report.verdict, Verdict::Degraded, "{meeting:#?}");
    let codes: Vec<_> = meeting.reasons.iter().map(|why| (&*why.check, &*why.code)).collect();
    assert_eq!(
        codes,
        [("first", "internet.call_up_low"), ("internet", "internet.on_backup"), ("first", "internet.call_down_low"),]
    );
    assert!(report.answer.en.contains("the internet is ready on the backup"), "{}", report.answer.en);
    assert!(report.answer.en.contains("report the main line"), "{}", report.answer.en);
    assert_eq!(meeting.limit.as_ref().map(|limit| &*limit.check), Some("call"));
}

#[test]
fn the_way_in_is_not_asked_of_a_call_where_another_check_measures_it() {
    let text = "[[check]]\nname = \"call\"\nkind = \"stamp\"\nreflector = \"192.0.2.1\"\n\
                [[check]]\nname = \"rate\"\nkind = \"bandwidth\"\ndown_url = \"http://192.0.2.1/a\"\n\
                up_url = \"http://192.0.2.1/b\"\n";
    let config = Config::parse(&Source::new("test", text)).unwrap_or_else(|errors| panic!("{errors}"));
    let planned = plan(&config, true, &Asked::default(), Some("zoom_gallery_49")).unwrap();
    let mut rate = Reading::default();
    rate.measure(quantity("bandwidth_down_bits_per_second").unwrap(), 20.0 * MBIT);
    let seen = vec![("call", call(3.0 * MBIT, None)), ("rate", rate)];
    let report = surveyed_by(&planned, Some("zoom_gallery_49"), seen, Ended::Whole);
    assert_eq!(
        (report.verdict, &*report.profiles[0].unmeasured),
        (Verdict::Ready, &[][..]),
        "{:#?}",
        report.profiles[0]
    );
    // A test of the flags stands beside the config's.
    let asked = Asked { far_end: Some("192.0.2.1".to_owned()), ..Asked::default() };
    let planned = plan(&config, true, &asked, Some("zoom_gallery_49")).unwrap();
    let stamps = planned.line.iter().filter(|(spec, _)| spec.kind == crate::domain::Kind::Stamp);
    assert!(
        stamps.clone().count() == 1 && stamps.flat_map(|(spec, _)| &spec.rules).all(|rule| rule.test != Test::AtLeast)
    );
}

#[test]
fn the_largest_that_is_whole_is_told_and_the_largest_that_is_not_quite() {
    let report = surveyed(None, vec![("call", call(2.7 * MBIT, Some(2.7 * MBIT)))], Ended::Whole);
    assert_eq!((report.profile.as_str(), report.verdict), ("zoom_group_720", Verdict::Ready));
    assert_eq!(report.profiles[0].verdict, Verdict::Degraded);
    let larger = format!("with less quality also `{}`", report.profiles[0].name);
    assert!(report.answer.en.contains(&larger), "{}", report.answer.en);
}

#[test]
fn a_meeting_that_is_under_way_is_why_nothing_was_tested() {
    let report = surveyed(Some("audio_only"), Vec::new(), Ended::InUse);
    assert!(!report.finished && report.verdict == Verdict::Unknown);
    let why = &report.not_measured.iter().find(|missing| missing.check.as_deref() == Some("call")).unwrap().why;
    assert!(why.en.contains("a meeting is not disturbed"), "{why:?}");
    assert!(report.answer.id.contains("sedang dipakai"), "{}", report.answer.id);
}

#[test]
fn what_is_too_dear_is_told_in_the_unit_of_the_budget_and_so_much_is_enough() {
    let said = too_dear(Size(3_445_152), "1 MB".parse().unwrap());
    assert_eq!(said, "the tests may take up to 3.5 MB, and --budget says 1 MB");
    assert!("3.5 MB".parse::<Size>().unwrap() >= Size(3_445_152));
}
