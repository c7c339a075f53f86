//! What was found before a meeting, told in the report as it was said then.

use super::month::{Beside, Outcome, month};
use super::report;
use super::tests::{ON_BATTERY, at, house, printed, recorded, said, zone};
use crate::domain::record::Said;
use crate::domain::{Lang, Verdict};

#[test]
fn what_was_found_before_the_meeting_is_told_in_the_words_of_that_moment_and_never_with_holes() {
    let words = |said: Vec<Said>| {
        let mut record = recorded();
        record.evidence.get_mut("e-1").unwrap().said = said;
        let look = report(&record, house(&zone()), at("12:00:00")).looks.remove(1);
        assert_eq!(look.reasons, [ON_BATTERY.code]);
        look.words
    };
    // Two checks may say it of two things, or the same.
    let of = |left: &[&str]| words(left.iter().map(|left| said(left)).collect());
    let [id, en] = of(&["58 %", "58 %", "71 %"]);
    assert_eq!(id, ["UPS memakai baterai, sisa 58 %", "UPS memakai baterai, sisa 71 %"]);
    assert_eq!(en, ["The UPS is on battery, 58 % left", "The UPS is on battery, 71 % left"]);
    // What was kept in one language, by a version of before, or not at all: the figures are not made up, and not left open.
    let [id, en] = words(vec![Said { en: None, ..said("58 %") }]);
    assert_eq!((id, en), (vec!["UPS memakai baterai, sisa 58 %".to_owned()], vec![ON_BATTERY.code.to_owned()]));
    assert_eq!(of(&[]), [[ON_BATTERY.code], [ON_BATTERY.code]]);
    let mut gone = recorded();
    gone.evidence.clear();
    let page = printed(&report(&gone, house(&zone()), at("12:00:00")), &[], Lang::En);
    assert!(page.contains("<td>power.on_battery</td>") && !page.contains('…'), "{page}");
}

#[test]
fn of_a_meeting_that_nobody_confirmed_the_first_look_stands_for_it() {
    let mut one = report(&recorded(), house(&zone()), at("12:00:00"));
    one.looks.retain(|look| look.occasion != "confirmed");
    one.looks.reverse();
    let line = month(&[one], Beside::default()).meetings.remove(0);
    let said = (Some(Verdict::NotReady), Some(Verdict::Ready), Outcome::Right);
    assert_eq!((line.confirmed, line.last_look, line.outcome), said);
}
