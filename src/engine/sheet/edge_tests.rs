//! Edges of the sheet that no other test stood on.

use super::tests::*;
use super::*;
use crate::domain::record::{Point as Minute, Series};
use crate::domain::sheet::{LONGEST_FINDINGS, LONGEST_NAME, SheetAct, SheetWish, Unwritten};
use crate::domain::{Quantity, Unit};

#[test]
fn a_trial_that_ends_by_a_clock_that_was_set_back_has_taken_no_time() {
    let mut sheet = Sheet::new();
    sheet.write(SheetAct::BeginTrial, 100).unwrap();
    sheet.write(end_trial("baik"), 50).unwrap();
    let held = trials(&sheet.session, &sheet.written.entries);
    assert_eq!((held[0].from, held[0].to), (at(100), Some(at(100))));
}

#[test]
fn a_trial_that_nobody_ends_is_measured_for_two_hours_and_none_for_more_than_a_day() {
    let mut sheet = Sheet::new();
    sheet.session.end = at(START + 200 * HOUR);
    sheet.write(SheetAct::BeginTrial, 0).unwrap();
    let measured = |sheet: &Sheet, now| {
        let trial = trials(&sheet.session, &sheet.written.entries).remove(0);
        let ((from, to), cut) = trial.measured(&sheet.session, at(now));
        (from.as_second(), to.as_second(), cut)
    };
    assert_eq!([HOUR, 2 * HOUR].map(|now| measured(&sheet, now)), [(0, HOUR, false), (0, 2 * HOUR, false)]);
    assert_eq!([2 * HOUR + 1, END].map(|now| measured(&sheet, now)), [(0, 2 * HOUR, true); 2]);
    let unended = sheet.written.entries.clone();
    for (ended, told) in
        [(5 * HOUR, (0, 5 * HOUR, false)), (24 * HOUR, (0, 24 * HOUR, false)), (99 * HOUR, (0, 24 * HOUR, true))]
    {
        sheet.written.entries.clone_from(&unended);
        sheet.write(end_trial("baik"), ended).unwrap();
        assert_eq!(measured(&sheet, 1000 * HOUR), told);
    }
    // What is beyond the meeting's end is none of it.
    sheet.session.end = at(HOUR);
    assert_eq!(measured(&sheet, 1000 * HOUR), (0, HOUR, false));
}

#[test]
fn an_override_ends_with_a_meeting_that_ends_earlier_than_it_was_to() {
    let mut sheet = Sheet::new();
    sheet.write(answer_for(Verdict::Ready, END), START).unwrap();
    sheet.session.end = at(START + 60);
    let entries = &sheet.written.entries;
    assert_eq!(overrides(&sheet.session, entries)[0].until, at(START + 60));
    let holds = |now| overridden(&sheet.session, entries, at(now)).is_some();
    assert_eq!([START + 59, START + 60].map(holds), [true, false]);
}

#[test]
fn where_nothing_is_to_be_checked_nothing_stands_in_the_way() {
    assert_eq!(hand(&[]), Verdict::Ready);
    assert_eq!(first_due(&[], &session()), at(START));
    assert_eq!(next_change(&[], &session(), &[], at(0)), None);
}

#[test]
fn what_was_made_up_for_is_no_news_once_the_meeting_is_over() {
    let mut sheet = Sheet::new();
    let (session, start) = (Arc::clone(&sheet.session.id), sheet.session.start);
    sheet.written.told.push(Told { session, start, item: "room".into(), word: Word::Late, at: at(START - 60) });
    sheet.write(tick("room"), START - 30).unwrap();
    assert_eq!((sheet.told(END - 1).len(), sheet.told(END).len()), (1, 0));
}

#[test]
fn a_sheet_changes_by_time_when_something_is_due_or_runs_out_up_to_the_start_itself() {
    let mut sheet = Sheet::new();
    let (first, second) = (START - HOUR / 2, START - HOUR / 4);
    assert_eq!(first_due(&items(), &sheet.session), at(first));
    let next = |sheet: &Sheet, now| next_change(&items(), &sheet.session, &sheet.written.entries, at(now));
    assert_eq!([0, first, second].map(|now| next(&sheet, now)), [Some(at(first)), Some(at(second)), None]);
    // A tick until exactly the start holds up to it, and not then.
    sheet.write(tick("room"), START - 3 * HOUR).unwrap();
    assert_eq!(next(&sheet, second), Some(at(START)));
    let standing = |now| points(&items(), &sheet.session, &sheet.written.entries, at(now))[0].standing;
    assert_eq!([START - 1, START].map(standing), [Standing::Done, Standing::Expired]);
    // One that holds for longer stands for the whole meeting.
    sheet.write(tick("room"), START - 3 * HOUR + 1).unwrap();
    assert_eq!(next(&sheet, second), None);
    sheet.write(answer_for(Verdict::Ready, START + 60), second).unwrap();
    assert_eq!([second, START + 60].map(|now| next(&sheet, now)), [Some(at(START + 60)), None]);
}

#[test]
fn what_is_just_short_enough_is_written_and_no_passcode_is_wherever_it_stands() {
    let mut sheet = Sheet::new();
    let secret = "passcode: 82kq1";
    sheet.write(SheetAct::BeginTrial, 0).unwrap();
    sheet.write(answer_for(Verdict::Ready, END), 0).unwrap();
    for act in [end_trial(secret), SheetAct::EndOverride { reason: secret.to_owned() }] {
        let action = act.action();
        assert_eq!(sheet.write(act, 1), Err(Unwritten::Passcode), "{action}");
    }
    let by = |by: &str| {
        let wish = SheetWish { by: by.to_owned(), ..wish(tick("room")) };
        admit(&wish, &sheet.session, &items(), &[], at(0)).map(drop)
    };
    assert_eq!(by(secret), Err(Unwritten::Passcode));
    assert_eq!(by(&"x".repeat(LONGEST_NAME)), Ok(()));
    sheet.write(end_trial(&"x".repeat(LONGEST_FINDINGS)), 1).unwrap();
}

#[test]
fn what_is_so_already_is_the_same_and_by_somebody_else_it_is_another() {
    let mut sheet = Sheet::new();
    let said = |verdict, reason: &str, until| What::Override { verdict, reason: reason.to_owned(), until: at(until) };
    let is_same =
        |sheet: &Sheet, what: &What, by: &str, now| same(what, by, &sheet.session, &sheet.written.entries, at(now));
    let (one, reason) = ("Petugas Satu", "kamera cadangan");
    let again = said(Verdict::Ready, reason, START);
    assert!(!is_same(&sheet, &again, one, 0));
    sheet.write(answer_for(Verdict::Ready, START), 0).unwrap();
    assert!(is_same(&sheet, &again, one, 1) && !is_same(&sheet, &again, "Petugas Dua", 1));
    assert!(!is_same(&sheet, &again, one, START), "it holds no longer");
    for other in [
        said(Verdict::Degraded, reason, START),
        said(Verdict::Ready, "lain", START),
        said(Verdict::Ready, reason, START + 1),
    ] {
        assert!(!is_same(&sheet, &other, one, 1));
    }
    // A check that was never made, or was taken back, is not made already.
    let untick_room = What::Untick { item: "room".into() };
    assert!(is_same(&sheet, &untick_room, one, 1));
    sheet.write(tick("room"), 2).unwrap();
    assert!(!is_same(&sheet, &untick_room, one, 3));
    sheet.write(untick("room"), 4).unwrap();
    assert!(is_same(&sheet, &untick_room, one, 5));
    assert!(!is_same(&sheet, &What::TrialBegins, one, 5));
}

#[test]
fn a_minute_is_in_a_span_that_begins_or_ends_with_it() {
    static VOLTS: Quantity = Quantity::gauge("ups_input_volts", Unit::Volts, "x");
    let minute = |second: i64| Minute { at: at(second), count: 1, min: 1.0, max: 1.0, mean: 1.0, p50: 1.0 };
    let points = Vec::from([0, 60, 120, 180].map(minute));
    let series = [Series { check: "ups".into(), quantity: &VOLTS, part: None, points }];
    let minutes = |from, to| measured(&series, (at(from), at(to))).first().map_or(0, |figures| figures.minutes);
    assert_eq!([(60, 180), (61, 180), (60, 179), (61, 179)].map(|(from, to)| minutes(from, to)), [2, 1, 1, 0]);
}
