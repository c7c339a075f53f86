//! What was ticked before a meeting and what was in it, told apart in each of the report's forms.

use super::tests::{at, house, printed, recorded, zone};
use super::{Report, csv, report};
use crate::domain::Lang;
use crate::domain::record::Record;
use crate::domain::sheet::{Entry, What};
use crate::engine::sheet::Standing;

#[test]
fn who_ticked_before_the_meeting_stands_beside_who_took_it_back_in_it() {
    let mut record = recorded();
    let entry = |moment: &str, by: &str, what| Entry {
        key: moment.into(),
        session: "rapat-17".into(),
        start: at("09:00:00"),
        at: at(moment),
        what,
        by: by.into(),
        written_by: "rani".into(),
    };
    let tick = |until: &str| What::Tick { item: "spare".into(), until: at(until) };
    let rows = |record: &Record| {
        let made = report(record, house(&zone()), at("12:00:00"));
        let check = made.run_sheet.checks[2].clone();
        let csv: Vec<_> =
            csv::csv(&made, &[]).lines().filter(|row| row.contains(",spare,")).map(str::to_owned).collect();
        (check, printed(&made, &[], Lang::Id), csv)
    };
    record.sheet = vec![
        entry("08:30:00", "Petugas Satu", tick("11:30:00")),
        entry("09:20:00", "Petugas Dua", What::Untick { item: "spare".into() }),
    ];
    let (check, page, csv) = rows(&record);
    assert_eq!((check.standing, check.after_start, check.by.as_deref()), (Standing::Done, false, Some("Petugas Satu")));
    let row =
        "<td>sudah; sesudah rapat mulai: dibatalkan, 09.20.00, Petugas Dua</td><td>08.30.00</td><td>Petugas Satu</td>";
    assert!(page.contains(row), "{page}");
    assert_eq!(
        csv,
        [
            "hand_check,2026-11-24T08:30:00+07:00,,,,done,spare,Petugas Satu",
            "hand_check,2026-11-24T09:20:00+07:00,,,,taken_back_after_start,spare,Petugas Dua",
        ]
    );
    // What had run out was not open: it was made, too long ago.
    record.sheet =
        vec![entry("07:30:00", "Petugas Satu", tick("08:30:00")), entry("09:20:00", "Petugas Dua", tick("10:20:00"))];
    let (check, page, _) = rows(&record);
    assert_eq!((check.standing, check.after_start), (Standing::Expired, true));
    let row = "<td>sudah kedaluwarsa; sesudah rapat mulai: sudah, 09.20.00, Petugas Dua</td><td>07.30.00</td>";
    assert!(page.contains(row), "{page}");
}

#[test]
fn a_report_of_before_later_ticks_were_told_apart_is_printed_as_it_was() {
    let made = report(&recorded(), house(&zone()), at("12:00:00"));
    let mut old = serde_json::to_value(&made).unwrap();
    let check = &mut old["run_sheet"]["checks"][2];
    check.as_object_mut().unwrap().remove("later");
    (check["at"], check["by"]) = ("2026-11-24T10:55:00+07:00".into(), "Petugas Satu".into());
    let old: Report = serde_json::from_value(old).unwrap();
    let row = "<td>belum; sesudah rapat mulai</td><td>10.55.00</td><td>Petugas Satu</td>";
    assert!(printed(&old, &[], Lang::Id).contains(row));
    assert!(
        csv::csv(&old, &[]).contains("hand_check,2026-11-24T10:55:00+07:00,,,,done_after_start,spare,Petugas Satu")
    );
}

#[test]
fn of_a_trial_that_was_forgotten_and_ended_late_its_first_day_is_measured_and_that_is_said() {
    for (began, is_long) in [("2026-11-24T08:00:00+07:00", false), ("2026-11-22T08:00:00+07:00", true)] {
        let mut record = recorded();
        let begins = record.sheet.iter_mut().find(|entry| matches!(entry.what, What::TrialBegins)).unwrap();
        begins.at = began.parse().unwrap();
        let made = report(&record, house(&zone()), at("12:00:00"));
        let trial = &made.run_sheet.trials[0];
        assert_eq!((trial.incomplete, trial.measured.is_empty()), (is_long, is_long), "{:?}", trial.measured);
        assert_eq!(
            printed(&made, &[], Lang::En).contains("Of its first day alone."),
            is_long,
            "though nothing was measured in it"
        );
        record.tried[0][0].points[0].at =
            began.parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_mins(1);
        let made = report(&record, house(&zone()), at("12:00:00"));
        let said = printed(&made, &[], Lang::En);
        assert_eq!(said.contains("Of its first day alone."), is_long, "{said}");
    }
}
