//! What an agenda keeps of its meetings, and what it forgets.

use super::tests::{agenda, at, session};
use super::*;
use crate::domain::sheet::{What, Word};
use crate::domain::{Notice, Occasion, Verdict};

fn entry(key: &str, session: &str) -> Entry {
    Entry {
        key: key.into(),
        session: session.into(),
        start: at(600),
        at: at(500),
        what: What::Untick { item: "room".into() },
        by: "Petugas Satu".into(),
        written_by: "Petugas Satu".into(),
    }
}

fn told(session: &str, item: &str, word: Word) -> Told {
    Told { session: session.into(), start: at(600), item: item.into(), word, at: at(500) }
}

fn notice(session: &str, start: i64) -> Notice {
    let (occasion, verdict) = (Occasion::Confirmed, Verdict::Ready);
    Notice {
        session: session.into(),
        start: at(start),
        occasion,
        at: at(100),
        verdict,
        codes: Vec::new(),
        evidence: None,
    }
}

fn keys(agenda: &Agenda) -> Vec<&str> {
    agenda.sheets().entries.iter().map(|entry| &*entry.key).collect()
}

fn said(agenda: &Agenda) -> Vec<(&str, &str, Word)> {
    agenda.sheets().told.iter().map(|told| (&*told.session, &*told.item, told.word)).collect()
}

#[test]
fn each_row_of_a_sheet_is_kept_once_and_what_is_read_late_joins_what_was_written_meanwhile() {
    let mut agenda = agenda(&[("a", 600, 660)]);
    for key in ["1", "2", "1"] {
        agenda.write(entry(key, "a"));
    }
    for (item, word) in [("room", Word::Late), ("room", Word::MadeUp), ("sound", Word::Late), ("room", Word::Late)] {
        agenda.tell(told("a", item, word));
    }
    assert_eq!(keys(&agenda), ["1", "2"]);
    let all = [("a", "room", Word::Late), ("a", "room", Word::MadeUp), ("a", "sound", Word::Late)];
    assert_eq!(said(&agenda), all);
    // The disk has the first of each, and older ones.
    agenda.learn_sheets(Written {
        entries: vec![entry("0", "a"), entry("1", "a")],
        told: vec![told("a", "light", Word::Late), told("a", "room", Word::Late)],
    });
    assert_eq!(keys(&agenda), ["0", "1", "2"]);
    assert_eq!(said(&agenda), [&[("a", "light", Word::Late)], &all[..]].concat());
}

#[test]
fn a_notice_is_of_its_session_at_its_hour() {
    let mut agenda = agenda(&[("a", 600, 660), ("b", 700, 760)]);
    for (session, start) in [("a", 600), ("a", 601), ("b", 600), ("b", 700)] {
        agenda.note(notice(session, start));
    }
    let session = session("a", 600, 660);
    let found = agenda.notices_of(&session).map(|notice| (&*notice.session, notice.start));
    assert_eq!(found.collect::<Vec<_>>(), [("a", at(600))]);
}

#[test]
fn what_has_ended_is_forgotten_with_all_that_was_kept_of_it_and_nothing_else_is() {
    let mut agenda = agenda(&[("old", 500, 559), ("ends", 559, 560), ("a", 600, 660)]);
    for id in ["old", "ends", "a"] {
        agenda.write(entry(id, id));
        agenda.tell(told(id, "room", Word::Late));
        agenda.note(notice(id, 600));
    }
    agenda.forget_before(at(560));
    let ids: Vec<&str> = agenda.sessions().map(|session| &*session.id).collect();
    assert_eq!(ids, ["ends", "a"], "what ends in that moment is not before it");
    assert_eq!(keys(&agenda), ids);
    assert_eq!(said(&agenda).iter().map(|(id, ..)| *id).collect::<Vec<_>>(), ids);
    let noted = ["old", "ends", "a"].map(|id| agenda.notices_of(&session(id, 600, 660)).count());
    assert_eq!(noted, [0, 1, 1]);
}
