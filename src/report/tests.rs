//! A recorded session, its report as it is kept, and where each of its numbers comes from.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::Why;
use super::month::{Beside, Outcome, Provider, month};
use super::page::{Content, Origin, page};
use super::{Evaluation, House, Report, csv, month_page, report};
use crate::domain::record::{Acknowledged, Kept, Point, Record, Said, Series};
use crate::domain::sheet::{Entry, Item, What};
use crate::domain::{
    Arg, Booking, Component, Details, Incident, Lang, Notice, Occasion, Quantity, Reason, ReasonDef, Requirement, Run,
    Session, Subject, Text, Transition, Unit, Verdict,
};
use crate::engine::sheet::Standing;

pub(super) static ON_BATTERY: ReasonDef = ReasonDef::new(
    "power.on_battery",
    Text::new("UPS memakai baterai, sisa {value}", "The UPS is on battery, {value} left"),
    Text::new("Periksa listrik PLN dan nyalakan genset", "Check the mains and start the generator"),
);
static CHARGE: Quantity = Quantity::gauge("ups_battery_charge_ratio", Unit::Ratio, "Charge of the battery.")
    .called("Isi baterai UPS", "Charge of the UPS");
static RTT: Quantity = Quantity::gauge("icmp_rtt_median_seconds", Unit::Seconds, "Median round trip.")
    .called("Jeda ping", "Delay of echoes");

pub(super) fn at(text: &str) -> Timestamp {
    format!("2026-11-24T{text}+07:00").parse().unwrap()
}

fn change(subject: Subject, moment: &str, from: Verdict, to: Verdict) -> Transition {
    Transition { subject, profile: "rapat".into(), from, to, at: at(moment), codes: Vec::new(), settling: false }
}

fn points(from: &str, minutes: i64, value: impl Fn(i64) -> f64) -> Vec<Point> {
    let point = |minute: i64| {
        let value = value(minute);
        let at = at(from).checked_add(Duration::from_mins(minute.unsigned_abs())).unwrap();
        Point { at, count: 60, min: value * 0.9, max: value * 1.5, mean: value, p50: value }
    };
    (0..minutes).map(point).collect()
}

/// What was said of it when somebody looked.
pub(super) fn said(left: &str) -> Said {
    let code = ON_BATTERY.code.to_owned();
    let (id, en) = (format!("UPS memakai baterai, sisa {left}"), format!("The UPS is on battery, {left} left"));
    Said { code, id: Some(id), en: Some(en) }
}

/// A meeting of two hours: the room is made ready at 08.20, the power fails from 10.00 to 10.05, and the machine is off from 10.30 to
/// 10.40.
pub(super) fn recorded() -> Record {
    let power = || Subject::Component(Component::Power);
    let changes = |subject: fn() -> Subject| {
        vec![
            change(subject(), "06:30:00", Verdict::Unknown, Verdict::NotReady),
            change(subject(), "08:20:00", Verdict::NotReady, Verdict::Ready),
            change(subject(), "10:00:00", Verdict::Ready, Verdict::NotReady),
            change(subject(), "10:05:00", Verdict::NotReady, Verdict::Ready),
            change(subject(), "10:40:00", Verdict::Unknown, Verdict::Ready),
        ]
    };
    let run = |began, until| Run { began: at(began), until: at(until), fresh: true };
    let notice = |occasion, moment: &str, verdict, codes: &[&str]| Notice {
        session: "rapat-17".into(),
        start: at("09:00:00"),
        occasion,
        at: at(moment),
        verdict,
        codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        evidence: Some("e-1".to_owned()),
    };
    let incident = Incident {
        id: "power-1".to_owned(),
        component: Component::Power,
        worst: Verdict::NotReady,
        verdict: Verdict::Ready,
        reasons: vec![Reason {
            def: &ON_BATTERY,
            verdict: Verdict::NotReady,
            args: vec![("value", Arg::from("60 %".to_owned()))],
            since: at("10:00:00"),
            blocked_by: None,
        }],
        opened_at: at("10:00:00"),
        closed_at: Some(at("10:05:00")),
        settling: false,
    };
    let trial = points("08:00:00", 13, |_| 0.021);
    let mut rtt = points("06:30:00", 240, |minute| if minute % 7 == 0 { 0.020 } else { 0.021 });
    // 10.30 to 10.40 is not there.
    rtt.extend(points("10:40:00", 50, |_| 0.025));
    Record {
        session: Session {
            id: "rapat-17".into(),
            revision: 3,
            booking: Booking::Booked,
            title: "Rapat koordinasi stunting".to_owned(),
            profile: "zoom_group_720".into(),
            start: at("09:00:00"),
            end: at("11:00:00"),
            source: "scheduler".into(),
            details: Details {
                office: Some("Dinas Kesehatan".to_owned()),
                letter: Some("005/17/2026".to_owned()),
                platform: Some("Zoom".to_owned()),
                sites: vec!["Kecamatan Satu".to_owned(), "Kecamatan Dua".to_owned()],
                ..Details::default()
            },
        },
        since: at("06:30:00"),
        until: at("11:30:00"),
        over: at("11:30:00"),
        reported: false,
        notices: vec![
            notice(Occasion::Confirmed, "05:00:00", Verdict::Ready, &[]),
            notice(Occasion::Preflight, "06:30:05", Verdict::NotReady, &["power.on_battery"]),
            notice(Occasion::Before(Duration::from_mins(30)), "08:30:00", Verdict::Ready, &[]),
        ],
        changes: vec![
            (Subject::Room, changes(|| Subject::Room)),
            (power(), changes(|| Subject::Component(Component::Power))),
        ],
        incidents: vec![incident],
        evidence: [("e-1".to_owned(), Kept { digest: "5e".repeat(32), said: vec![said("58 %")] })].into(),
        acknowledged: vec![Acknowledged {
            incident: "power-1".to_owned(),
            at: at("10:01:10"),
            by: "Operator Satu".to_owned(),
            via: "radio".to_owned(),
            written_by: "rani".to_owned(),
        }],
        sheet: sheet(),
        tried: vec![vec![Series { check: "gateway".into(), quantity: &RTT, part: None, points: trial }]],
        runs: vec![run("05:00:00", "10:30:00"), run("10:40:00", "11:40:00")],
        series: vec![
            Series { check: "gateway".into(), quantity: &RTT, part: None, points: rtt },
            Series {
                check: "ups".into(),
                quantity: &CHARGE,
                part: None,
                points: points("06:30:00", 290, |minute| if (210..215).contains(&minute) { 0.6 } else { 0.65 }),
            },
        ],
        cut: false,
    }
}

static ITEMS: LazyLock<[Item; 2]> = LazyLock::new(|| {
    let item = |key: &str, id: &str, en: &str, each_site, requirement| Item {
        key: key.into(),
        id: id.to_owned(),
        en: en.to_owned(),
        holds: Duration::from_hours(2),
        due: Duration::from_mins(30),
        task: None,
        requirement,
        each_site,
    };
    [
        item("attendance", "Kehadiran", "Attendance", true, Requirement::Required),
        item("spare", "Perangkat cadangan", "Spare equipment", false, Requirement::Advisory),
    ]
});

/// One site's attendance is confirmed, a trial held, the verdict overridden for the first minutes.
fn sheet() -> Vec<Entry> {
    let entry = |moment: &str, what| Entry {
        key: moment.into(),
        session: "rapat-17".into(),
        start: at("09:00:00"),
        at: at(moment),
        what,
        by: "Petugas Satu".into(),
        written_by: "rani".into(),
    };
    vec![
        entry("08:00:00", What::TrialBegins),
        entry("08:12:30", What::TrialEnds { findings: "Suara pelan.\nSudah dinaikkan.".to_owned() }),
        entry("08:20:00", What::Tick { item: "attendance:Kecamatan Satu".into(), until: at("10:20:00") }),
        // Too late to say how it stood when the meeting began.
        entry("10:55:00", What::Tick { item: "spare".into(), until: at("12:55:00") }),
        entry(
            "08:55:00",
            What::Override {
                verdict: Verdict::Ready,
                reason: "Dinas Dua <menyusul>".to_owned(),
                until: at("09:10:00"),
            },
        ),
    ]
}

pub(super) fn zone() -> TimeZone {
    TimeZone::get("Asia/Pontianak").unwrap()
}

/// A room that has all.
pub(super) fn house(zone: &TimeZone) -> House<'_> {
    static ABSENT: BTreeSet<Component> = BTreeSet::new();
    House {
        room: "media_center",
        zone,
        limit: Duration::from_mins(150),
        minutes: Duration::from_hours(24),
        absent: &ABSENT,
        items: &*ITEMS,
        profiles: &[],
        reason: |code| (code == ON_BATTERY.code).then_some(&ON_BATTERY),
    }
}

pub(super) fn printed(report: &Report, evaluations: &[(Timestamp, Evaluation)], lang: Lang) -> String {
    page(Content { report, evaluations, origin: &Origin::Fresh, title: "Media Center" }, lang).unwrap()
}

#[test]
fn each_number_is_what_the_rows_say() {
    let made = report(&recorded(), house(&zone()), at("12:00:00"));
    // 120 minutes: five not ready, ten not watched, the rest ready.
    let held = made.held;
    assert_eq!((held.ready, held.not_ready, held.not_measured), (105 * 60, 5 * 60, 10 * 60));
    assert_eq!((held.degraded, held.unknown), (0, 0));
    assert_eq!(made.components.len(), 1);
    assert_eq!(made.components[0].held, held);
    let times = &made.procedure;
    assert_eq!(times.opened_at.as_deref(), Some("2026-11-24T06:30:05+07:00"));
    assert_eq!(times.ready_at.as_deref(), Some("2026-11-24T08:20:00+07:00"));
    assert_eq!((times.prepared_in_seconds, times.limit_seconds), (Some(110 * 60 - 5), 150 * 60));
    assert_eq!(times.at_start, Some(Verdict::Ready));
    let trouble = &made.incidents[0];
    assert_eq!((trouble.seconds, trouble.seconds_in_meeting, trouble.acknowledged.len()), (300, 300, 1));
    let rtt = &made.quality[0];
    assert_eq!((rtt.minutes, rtt.of_minutes), (110, 120));
    assert!((rtt.min - 0.018).abs() < 1e-9 && (rtt.max - 0.0375).abs() < 1e-9, "{rtt:?}");
    assert_eq!(made.not_measured.len(), 1);
    assert_eq!((made.not_measured[0].why, made.not_measured[0].component), (Why::NotWatched, None));
    assert!(made.complete);
}

#[test]
fn where_another_meeting_has_just_ended_it_is_known_how_the_room_was_at_the_start() {
    let zone = zone();
    let mut record = recorded();
    record.since = record.session.start;
    let report = report(&record, house(&zone), record.over);
    assert_eq!(report.procedure.at_start, Some(Verdict::Ready));
}

#[test]
fn what_is_not_over_or_was_not_seen_is_not_claimed() {
    let mut record = recorded();
    record.until = at("08:00:00");
    let early = report(&record, house(&zone()), at("08:00:00"));
    assert!(!early.complete && early.procedure.ready_at.is_none() && early.procedure.at_start.is_none(), "{early:#?}");
    assert_eq!(early.held, super::document::Held::default());
    assert!(early.quality.is_empty() && early.not_measured.is_empty());
    // Nobody watched at all.
    record = Record { runs: Vec::new(), notices: Vec::new(), series: Vec::new(), incidents: Vec::new(), ..recorded() };
    let blind = report(&record, house(&zone()), at("12:00:00"));
    assert_eq!((blind.held.not_measured, blind.held.ready), (120 * 60, 0));
    assert!(blind.procedure.at_start.is_none() && blind.procedure.confirmed_at.is_none());
    let page = printed(&blind, &[], Lang::Id);
    assert!(
        page.contains("Siaga tidak berjalan") && page.contains("tidak tercatat") && !page.contains("<svg"),
        "{page}"
    );
}

#[test]
fn the_page_and_the_rows_are_as_they_are_kept() {
    let record = recorded();
    let made = report(&record, house(&zone()), at("12:00:00"));
    let written = [(
        at("13:15:00"),
        Evaluation {
            schema: Evaluation::SCHEMA.to_owned(),
            version: Evaluation::VERSION,
            text: "Listrik padam lima menit.\n=Genset <diperiksa>".to_owned(),
            by: "Kepala Seksi".to_owned(),
            via: "token".to_owned(),
        },
    )];
    let golden = |name: &str, text: &str| {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        if std::env::var("SIAGA_GOLDEN").is_ok_and(|mode| mode == "write") {
            std::fs::write(&file, text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(&file).unwrap(), "{name}: SIAGA_GOLDEN=write writes it anew");
    };
    for (lang, name) in [(Lang::Id, "report.id.html"), (Lang::En, "report.en.html")] {
        golden(name, &printed(&made, &written, lang));
    }
    golden("report.csv", &csv::csv(&made, &written));
    // Of the pictures the first minutes: a line a number.
    let mut short = made.clone();
    short.quality.iter_mut().for_each(|one| one.points.truncate(2));
    golden("report.json", &(serde_json::to_string_pretty(&short).unwrap() + "\n"));
}

#[test]
fn what_is_kept_is_printed_as_what_was_made() {
    let made = report(&recorded(), house(&zone()), at("12:00:00"));
    let read: Report = serde_json::from_str(&serde_json::to_string(&made).unwrap()).unwrap();
    assert!(read == made);
    assert_eq!(printed(&read, &[], Lang::Id), printed(&made, &[], Lang::Id));
    let hidden = format!("{made:?}");
    assert!(hidden.contains("rapat-17") && !hidden.contains("Operator"), "{hidden}");
}

#[test]
fn figures_that_were_deleted_are_not_passed_over_in_silence() {
    let minutes = |record: &Record, now: &str| {
        let made = report(record, house(&zone()), now.parse().unwrap());
        let gone = made.not_measured.into_iter().find(|gap| gap.why == Why::NoLongerKept);
        gone.map(|gap| (gap.from, gap.to))
    };
    let told = |from: &str, to: &str| Some((format!("2026-11-24T{from}+07:00"), format!("2026-11-24T{to}+07:00")));
    // A day they are kept: until 09.00 of the next day all of the meeting's are.
    assert_eq!(minutes(&recorded(), "2026-11-25T09:00:00+07:00"), None);
    let mut record = recorded();
    for series in &mut record.series {
        series.points.retain(|point| point.at >= at("09:40:00"));
    }
    assert_eq!(minutes(&record, "2026-11-25T09:45:00+07:00"), told("09:00:00", "09:40:00"));
    // What is old, and not deleted yet, is there.
    assert_eq!(minutes(&recorded(), "2026-11-25T09:45:00+07:00"), None);
    record.series.clear();
    assert_eq!(minutes(&record, "2026-11-25T09:45:00+07:00"), told("09:00:00", "09:45:00"));
    assert_eq!(minutes(&record, "2026-12-25T09:45:00+07:00"), told("09:00:00", "11:00:00"));
}

#[test]
fn a_month_adds_its_meetings_up_and_says_what_it_lacks() {
    let failed = report(&recorded(), house(&zone()), at("12:00:00"));
    let mut fine = failed.clone();
    (fine.session.id, fine.session.title) = ("rapat-18".to_owned(), "=Rapat <lain>".to_owned());
    fine.session.start = "2026-11-25T09:00:00+07:00".to_owned();
    fine.held = super::document::Held { ready: 7200, ..Default::default() };
    fine.incidents[0].seconds_in_meeting = 0;
    fine.looks[0].verdict = Verdict::NotReady;
    let beside = Beside {
        room: "media_center".to_owned(),
        month: "2026-11".to_owned(),
        made_at: "2026-11-26T12:00:00+07:00".to_owned(),
        unreported: 2,
        cancelled: 1,
        provider: Some(Provider {
            availability: Some(0.99996),
            known_seconds: 443_000,
            outage_seconds: 3900,
            slow_hours: 3,
        }),
        ..Beside::default()
    };
    let told = month(&[fine, failed], beside);
    let lines: Vec<_> = told.meetings.iter().map(|meeting| (meeting.id.as_str(), meeting.outcome)).collect();
    assert_eq!(lines, [("rapat-17", Outcome::Missed), ("rapat-18", Outcome::Mended)]);
    assert_eq!((told.lost_seconds, told.mended_before), (300, 1), "that of the second ended on the day before it");
    let power = told.components[&Component::Power];
    assert_eq!(
        (power.incidents, power.in_meeting, power.seconds_in_meeting),
        (1, 1, 300),
        "one, though two reports tell of it"
    );
    let page = |lang| month_page::page(&told, "Media Center", &zone(), lang).unwrap();
    for words in
        ["2 rapat yang selesai belum ada laporannya", "Sementara", "=Rapat &#60;lain&#62;", "99,99 %", "1 jam 5 menit"]
    {
        assert!(page(Lang::Id).contains(words), "{words}: {}", page(Lang::Id));
    }
    let page = page(Lang::En);
    assert!(
        page.contains("missed: usable, then failed") && page.contains("99.99 %") && !page.contains("Operator"),
        "{page}"
    );
    let rows = month_page::csv(&told);
    assert!(
        rows.contains("\r\nrapat-18,") && rows.contains(",'=Rapat <lain>,") && rows.ends_with(",mended\r\n"),
        "{rows}"
    );
}

#[test]
fn the_run_sheet_stands_in_it_as_it_was_at_the_start_with_its_names() {
    let made = report(&recorded(), house(&zone()), at("12:00:00"));
    let told = &made.run_sheet;
    let standing: Vec<_> =
        told.checks.iter().map(|check| (check.name.as_str(), check.standing, check.required)).collect();
    assert_eq!(
        standing,
        [
            ("attendance:Kecamatan Satu", Standing::Done, true),
            ("attendance:Kecamatan Dua", Standing::Open, true),
            ("spare", Standing::Open, false),
        ]
    );
    assert!(told.checks[2].after_start && !told.checks[1].after_start);
    let later = told.checks[2].later.as_ref().unwrap();
    assert_eq!((later.done, &*later.at, &*later.by), (true, "2026-11-24T10:55:00+07:00", "Petugas Satu"));
    assert_eq!((&told.checks[2].at, &told.checks[2].by), (&None, &None), "at the start nobody had made it");
    assert_eq!(told.hand, Some(Verdict::Unknown), "one is late, and nobody knows");
    // 8.00 to 8.12.30: twelve minutes.
    let minutes: Vec<_> = told.trials[0].measured.iter().map(|one| (one.check.as_str(), one.minutes)).collect();
    assert_eq!(minutes, [("gateway", 12)]);
    assert_eq!(told.overrides[0].to, "2026-11-24T09:10:00+07:00");
    let page = printed(&made, &[], Lang::Id);
    for words in [
        "Kehadiran: Kecamatan Dua</td><td>belum",
        "Temuan: Suara pelan.\nSudah",
        "Siap (Dinas Dua &#60;menyusul&#62;), Petugas Satu",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let hidden = format!("{made:?}{told:?}");
    assert!(!hidden.contains("Petugas"), "{hidden}");
}

#[test]
fn of_an_incident_only_what_somebody_watched_counts_as_time_of_the_meeting() {
    let mut record = recorded();
    // It was open when the machine went off at 10.30, and was found closed an hour after the meeting.
    record.incidents[0].opened_at = at("10:20:00");
    record.incidents[0].closed_at = Some(at("12:00:00"));
    let made = report(&record, house(&zone()), at("12:30:00"));
    assert_eq!(made.incidents[0].seconds_in_meeting, 30 * 60, "ten minutes, and twenty after 10.40");
    // The clock was set back: what was passed twice counts once.
    record.runs = [("05:00:00", "10:40:00"), ("10:30:00", "10:45:00"), ("10:50:00", "11:40:00")]
        .map(|(began, until)| Run { began: at(began), until: at(until), fresh: true })
        .into();
    let made = report(&record, house(&zone()), at("12:30:00"));
    assert_eq!(made.incidents[0].seconds_in_meeting, 35 * 60, "twenty-five minutes, and ten after 10.50");
}

#[test]
fn a_restart_shortly_before_the_start_makes_no_room_unready_and_a_longer_pause_does() {
    let restarted = |again: &str| {
        let mut record = recorded();
        let run = |began, until| Run { began: at(began), until: at(until), fresh: true };
        record.runs = vec![run("05:00:00", "08:58:00"), run(again, "11:40:00")];
        // The first round of the new process.
        let known = at(again).checked_add(Duration::from_secs(3)).unwrap();
        for (subject, changes) in &mut record.changes {
            let change = |moment, from, to| Transition { at: moment, from, to, ..changes[0].clone() };
            let round = [(at(again), Verdict::Ready, Verdict::Unknown), (known, Verdict::Unknown, Verdict::Ready)];
            let mut all: Vec<_> = round.map(|(moment, from, to)| change(moment, from, to)).into();
            all.append(changes);
            all.sort_by_key(|change| change.at);
            (*changes, _) = (all, subject);
        }
        report(&record, house(&zone()), at("12:00:00")).procedure
    };
    let times = restarted("08:58:20");
    assert_eq!(times.ready_at.as_deref(), Some("2026-11-24T08:20:00+07:00"), "{times:?}");
    let mut record = recorded();
    record.runs[0].until = at("08:30:00");
    record.runs[1] = Run { began: at("08:40:00"), fresh: false, ..record.runs[1] };
    let times = report(&record, house(&zone()), at("12:00:00")).procedure;
    assert_eq!(times.ready_at.as_deref(), Some("2026-11-24T08:40:00+07:00"), "ten minutes that nobody saw");
}

#[test]
fn of_an_end_that_nobody_has_written_down_yet_nothing_is_claimed() {
    let record = Record { until: at("10:30:00"), ..recorded() };
    let made = report(&record, house(&zone()), at("12:00:00"));
    assert!(!made.complete);
    assert_eq!(made.held.ready + made.held.not_ready, 90 * 60);
}

#[test]
fn what_is_summed_up_is_what_stands_in_the_rows() {
    let mut record = recorded();
    let odd = |moment: &str, nanos: i64| at(moment).checked_add(jiff::SignedDuration::from_nanos(nanos)).unwrap();
    record.runs = vec![Run { began: at("05:00:00"), until: at("11:40:00"), fresh: true }];
    for (_, changes) in &mut record.changes {
        for (place, change) in changes.iter_mut().enumerate() {
            change.at = change
                .at
                .checked_add(jiff::SignedDuration::from_millis(333 * (1 + i64::try_from(place).unwrap())))
                .unwrap();
        }
    }
    record.incidents[0].opened_at = odd("10:00:00", 900_000_000);
    record.incidents[0].closed_at = Some(odd("10:05:00", 100_000_000));
    let made = report(&record, house(&zone()), at("12:00:00"));
    let held = made.held;
    assert_eq!(held.ready + held.degraded + held.not_ready + held.unknown + held.not_measured, 120 * 60, "{held:?}");
    assert_eq!(made.incidents[0].seconds, 300, "as its two moments are told");
}
