//! Phases, rechecks and slots, by virtual moments.

use proptest::prelude::*;

use super::rechecks::{due, is_news, last_told, next};
use super::*;
use crate::domain::session::SCHEDULER;
use crate::domain::{Details, Notice, Occasion, Verdict};

const MINUTE: Duration = Duration::from_mins(1);

/// So many minutes after an arbitrary midnight.
pub(super) fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_795_478_400 + 60 * minute).unwrap()
}

pub(super) fn session(id: &str, start: i64, end: i64) -> Session {
    Session {
        id: id.into(),
        revision: 1,
        booking: Booking::Booked,
        title: "Rapat".to_owned(),
        profile: "zoom_group_720".into(),
        start: at(start),
        end: at(end),
        source: SCHEDULER.into(),
        details: Details::default(),
    }
}

pub(super) fn agenda(sessions: &[(&str, i64, i64)]) -> Agenda {
    let margins = Margins { set_up: MINUTE * 15, tear_down: MINUTE * 10 };
    let mut agenda = Agenda::new(margins, Lengths { preflight: MINUTE * 150, wrap_up: MINUTE * 30 });
    agenda.learn(sessions.iter().map(|(id, start, end)| session(id, *start, *end)), []);
    agenda
}

#[test]
fn meetings_without_a_pause_are_live_since_the_first_began() {
    let agenda = agenda(&[("a", 0, 60), ("b", 60, 120), ("c", 121, 180)]);
    for (minute, since) in [(-1, None), (30, Some(0)), (60, Some(0)), (119, Some(0)), (120, None), (130, Some(121))] {
        assert_eq!(agenda.live_since(at(minute)), since.map(at), "minute {minute}");
    }
}

#[test]
fn preflight_opens_150_minutes_before_and_shrinks_to_the_gap_after_another_meeting() {
    // 10:00 to 11:00, and 12:00 to 13:00.
    let agenda = agenda(&[("a", 600, 660), ("b", 720, 780)]);
    for (minute, phase, of, until) in [
        (0, Phase::Idle, None, Some(450)),
        (449, Phase::Idle, None, Some(450)),
        (450, Phase::Preflight, Some("a"), Some(600)),
        (599, Phase::Preflight, Some("a"), Some(600)),
        (600, Phase::Live, Some("a"), Some(660)),
        // 150 minutes before b is 09:30; a's end is later. Preflight goes before a's wrap-up.
        (660, Phase::Preflight, Some("b"), Some(720)),
        (720, Phase::Live, Some("b"), Some(780)),
        (780, Phase::WrapUp, Some("b"), Some(810)),
        (810, Phase::Idle, None, None),
    ] {
        let now = agenda.phase(at(minute));
        let id = now.session.as_ref().map(|session| &*session.id);
        assert_eq!((now.phase, id, now.until), (phase, of, until.map(at)), "minute {minute}");
        assert_eq!(agenda.next_change(at(minute)), until.map(at), "minute {minute}");
    }
    assert_eq!(agenda.phase(at(700)).since, Some(at(660)), "not before the meeting before it has ended");
}

#[test]
fn what_is_cancelled_holds_nothing_and_an_older_word_changes_nothing() {
    let mut agenda = agenda(&[("a", 600, 660)]);
    assert_eq!(agenda.holders(at(680), at(700), None).len(), 1, "20 minutes are less than the 25 that the room needs");
    assert_eq!(agenda.holders(at(685), at(700), None).len(), 0);
    assert_eq!(agenda.holders(at(500), at(580), None).len(), 1, "and before it too");
    assert_eq!(agenda.holders(at(500), at(575), None).len(), 0);
    assert_eq!(agenda.holders(at(600), at(660), Some("a")).len(), 0, "nobody is in their own way");
    agenda.take(Session { revision: 3, booking: Booking::Cancelled, ..session("a", 600, 660) });
    agenda.take(Session { revision: 2, ..session("a", 600, 660) });
    assert_eq!(agenda.holders(at(600), at(660), None).len(), 0);
    assert_eq!(agenda.phase(at(610)).phase, Phase::Idle);
}

const OFFSETS: [Duration; 4] =
    [Duration::from_hours(24), Duration::from_hours(2), Duration::from_mins(30), Duration::from_mins(5)];

fn notice(occasion: Occasion, minute: i64, verdict: Verdict) -> Notice {
    Notice {
        session: "a".into(),
        start: at(6000),
        occasion,
        at: at(minute),
        verdict,
        codes: Vec::new(),
        evidence: None,
    }
}

#[test]
fn each_recheck_is_met_once_and_of_those_missed_the_last_alone() {
    let mut agenda = agenda(&[("a", 6000, 6060)]);
    let session = Arc::clone(agenda.get("a").unwrap());
    agenda.note(notice(Occasion::Confirmed, 1000, Verdict::Ready));
    let before = |minutes: u32| Occasion::Before(MINUTE * minutes);
    let mut told = Vec::new();
    // A minute at a time over the whole of it; the daemon is off from T-3 h until T-20 min.
    for minute in (1000..6100).filter(|minute| !(5820..5980).contains(minute)) {
        for occasion in due(&agenda, &session, &OFFSETS, at(minute)) {
            told.push((minute, occasion));
            agenda.note(notice(occasion, minute, Verdict::Ready));
        }
    }
    assert_eq!(
        told,
        [(4560, before(1440)), (5980, before(30)), (5980, Occasion::Preflight), (5995, before(5))],
        "T-2h was missed, and T-30m is later"
    );
    // A clock that is set back meets nothing twice, and one that leaps past the beginning meets nothing.
    for minute in [4560, 5000, 5980, 5996, 7000] {
        assert_eq!(due(&agenda, &session, &OFFSETS, at(minute)), [], "minute {minute}");
    }
    assert_eq!(next(&agenda, &session, &OFFSETS, at(4560)), Some(at(5880)));
    assert_eq!(next(&agenda, &session, &OFFSETS, at(5995)), None);
}

#[test]
fn a_crew_is_called_half_an_hour_before_where_another_meeting_lasts_until_theirs() {
    // No preflight opens for the first, ten minutes of it for the second, and an hour for the third.
    for (free, called) in [(6000, 5970), (5990, 5970), (5940, 5940)] {
        let agenda = agenda(&[("before", 5700, free), ("a", 6000, 6060)]);
        let session = Arc::clone(agenda.get("a").unwrap());
        let is_due = |minute| due(&agenda, &session, &[], at(minute)).contains(&Occasion::Preflight);
        assert_eq!((5000..6100).find(|minute| is_due(*minute)), Some(called), "free from {free} on");
        assert_eq!(next(&agenda, &session, &[], at(5900)), Some(at(5970)), "and somebody looks then");
        assert!(!is_due(6000), "nobody is called to what has begun");
    }
}

#[test]
fn a_crew_is_not_called_to_the_preflight_of_another_meeting() {
    let agenda = agenda(&[("other", 5900, 5960), ("a", 6300, 6360)]);
    let session = Arc::clone(agenda.get("a").unwrap());
    assert_eq!(agenda.phase(at(5850)).phase, Phase::Preflight);
    let day = [MINUTE * 1440];
    assert_eq!(due(&agenda, &session, &day, at(5850)), [Occasion::Before(day[0])]);
}

#[test]
fn where_no_preflight_opens_the_crew_is_called_all_the_same() {
    let mut agenda = agenda(&[("a", 6000, 6060)]);
    agenda.lengths.preflight = Duration::ZERO;
    let session = Arc::clone(agenda.get("a").unwrap());
    let is_due = |minute| due(&agenda, &session, &[], at(minute)).contains(&Occasion::Preflight);
    assert_eq!((5000..6100).find(|minute| is_due(*minute)), Some(5970));
}

#[test]
fn a_meeting_that_is_booked_late_was_looked_at_when_it_was_booked() {
    let mut agenda = agenda(&[("a", 6000, 6060)]);
    let session = Arc::clone(agenda.get("a").unwrap());
    // An hour before it: T-24h and T-2h are past, and preflight is open.
    agenda.note(notice(Occasion::Confirmed, 5940, Verdict::Ready));
    assert_eq!(due(&agenda, &session, &OFFSETS, at(5940)), [Occasion::Preflight]);
    // One that was moved is looked at anew: what was done was of another beginning.
    let moved = Session { start: at(9000), end: at(9060), ..(*session).clone() };
    assert_eq!(due(&agenda, &moved, &OFFSETS, at(9000 - 1440)), [Occasion::Before(MINUTE * 1440)]);
}

#[test]
fn news_is_what_is_another_thing_than_was_told_last() {
    let mut agenda = agenda(&[("a", 6000, 6060)]);
    let session = Arc::clone(agenda.get("a").unwrap());
    agenda.note(notice(Occasion::Confirmed, 1000, Verdict::Ready));
    let codes = ["video.camera_missing".to_owned()];
    let news = |agenda: &Agenda, verdict, codes: &[String]| is_news(last_told(agenda, &session), verdict, codes);
    assert!(!news(&agenda, Verdict::Ready, &[]));
    assert!(news(&agenda, Verdict::NotReady, &codes));
    agenda.note(Notice { codes: codes.to_vec(), ..notice(Occasion::Before(MINUTE * 120), 5880, Verdict::NotReady) });
    agenda.note(notice(Occasion::Preflight, 5890, Verdict::Ready));
    assert!(!news(&agenda, Verdict::NotReady, &codes), "it is told already");
    assert!(news(&agenda, Verdict::Ready, &[]), "that it is over is news");
    assert!(!is_news(None, Verdict::Ready, &[]) && is_news(None, Verdict::Unknown, &[]));
}

#[test]
fn what_was_told_with_an_hour_is_later_than_its_confirmation() {
    let mut agenda = agenda(&[("a", 6000, 6060)]);
    let session = Arc::clone(agenda.get("a").unwrap());
    for (occasion, verdict) in [(Occasion::Confirmed, Verdict::Ready), (Occasion::Placed, Verdict::NotReady)] {
        agenda.note(notice(occasion, 1000, verdict));
        assert_eq!(last_told(&agenda, &session).map(|told| told.verdict), Some(verdict));
    }
}

#[test]
fn where_an_hour_was_left_and_taken_again_news_is_what_is_another_thing_than_was_told_with_it() {
    let hour = |hours: i64| 6000 - 60 * hours;
    for (day_before, with_its_hour) in [(Verdict::NotReady, Verdict::Ready), (Verdict::Ready, Verdict::NotReady)] {
        let mut agenda = agenda(&[("a", 6000, 6060)]);
        let session = Arc::clone(agenda.get("a").unwrap());
        agenda.note(notice(Occasion::Confirmed, hour(48), Verdict::Ready));
        agenda.note(notice(Occasion::Before(MINUTE * 1440), hour(24), day_before));
        agenda.note(notice(Occasion::Withdrawn, hour(20), day_before));
        agenda.note(notice(Occasion::Confirmed, hour(10), with_its_hour));
        // Cancelled and booked again before anybody heard of it: they have the day before in mind.
        assert_eq!(last_told(&agenda, &session).map(|told| told.verdict), Some(day_before));
        agenda.note(notice(Occasion::Placed, hour(10) + 1, with_its_hour));
        let news = |agenda: &Agenda, verdict| is_news(last_told(agenda, &session), verdict, &[]);
        assert!(news(&agenda, day_before) && !news(&agenda, with_its_hour), "{with_its_hour}");
        assert_eq!(due(&agenda, &session, &OFFSETS, at(hour(10) + 2)), [], "that moment is past");
        // The rechecks go on from there.
        assert_eq!(
            due(&agenda, &session, &OFFSETS, at(hour(2))),
            [Occasion::Before(MINUTE * 120), Occasion::Preflight]
        );
        agenda.note(notice(Occasion::Before(MINUTE * 120), hour(2), day_before));
        assert!(!news(&agenda, day_before) && news(&agenda, with_its_hour), "{with_its_hour}");
    }
}

proptest! {
    /// Whatever is booked: phases follow each other without a gap, `until` is when the next begins, and it is the same phase up to
    /// then.
    #[test]
    fn a_phase_lasts_until_it_says(begins in prop::collection::btree_set(0_i64..60, 0..8), cut in 0_u8..=255) {
        let starts: Vec<i64> = begins.into_iter().map(|slot| slot * 97).collect();
        let mut agenda = agenda(&[]);
        for (place, start) in starts.iter().enumerate() {
            let booking = if cut >> (place % 8) & 1 == 0 { Booking::Booked } else { Booking::Cancelled };
            agenda.take(Session { booking, ..session(&format!("s{place}"), *start, start + 60) });
        }
        let mut minute = -400;
        while minute < 7000 {
            let now = agenda.phase(at(minute));
            let next = agenda.phase(at(minute + 1));
            match now.until {
                Some(until) if until == at(minute + 1) => {
                    let changed = (now.phase, now.session.map(|of| of.id.clone()))
                        != (next.phase, next.session.map(|of| of.id.clone()));
                    prop_assert!(changed, "minute {minute}");
                }
                until => {
                    prop_assert!(until.is_none_or(|until| until > at(minute + 1)), "minute {minute}");
                    prop_assert_eq!(now, next, "minute {}", minute);
                }
            }
            minute += 1;
        }
    }
}

#[test]
fn a_report_is_forgotten_for_that_meeting_and_that_hour_alone() {
    let mut agenda = agenda(&[("a", 600, 660), ("b", 720, 780)]);
    let told = |session: &str, start, occasion| Notice {
        session: session.into(),
        start: at(start),
        ..notice(occasion, 590, Verdict::Ready)
    };
    let of = |agenda: &Agenda, session: &Session| -> Vec<Occasion> {
        agenda.notices_of(session).map(|notice| notice.occasion).collect()
    };
    for (id, start) in [("a", 600), ("b", 720)] {
        agenda.note(told(id, start, Occasion::Confirmed));
        agenda.note(told(id, start, Occasion::Reported));
    }
    let [a, b] = [session("a", 600, 660), session("b", 720, 780)];
    agenda.unreport("a", at(601));
    assert_eq!(of(&agenda, &a), [Occasion::Confirmed, Occasion::Reported], "of another hour");
    agenda.unreport("a", at(600));
    assert_eq!((of(&agenda, &a), of(&agenda, &b).len()), (vec![Occasion::Confirmed], 2));
}
