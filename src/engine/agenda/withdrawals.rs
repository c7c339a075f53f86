//! Which meetings are not held when people were told that they would be: cancelled, moved, or held after all.
//!
//! What people know stands in what was written down of an hour ([`Agenda::note`]): a look at the room for it, or word of the run
//! sheet. That they were told of a change is written down under the hour that was left and the one that was taken, so that a restart
//! tells nothing twice, and so that a meeting that is moved again is told of again.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Agenda;
use crate::domain::{Booking, Notice, Occasion, Session};

/// What is to be told of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The hours that people know of and at which it is not held, earliest first.
    pub left: Vec<Timestamp>,
    /// Whether it is held at an hour of which they were told that it is not.
    pub back: bool,
}

/// What people know of one hour.
#[derive(Clone, Copy, Default)]
struct Known {
    told: bool,
    withdrawn: Option<Timestamp>,
    held: bool,
    /// They were told that it is held then, or called together for it.
    placed: bool,
}

/// What is to be told of a session at `now`; nothing where it is over.
pub fn due(agenda: &Agenda, session: &Session, now: Timestamp) -> Option<Due> {
    if session.end <= now {
        return None;
    }
    let mut hours: BTreeMap<Timestamp, Known> = BTreeMap::new();
    for notice in notices(agenda, session) {
        let hour = hours.entry(notice.start).or_default();
        match notice.occasion {
            Occasion::Withdrawn => hour.withdrawn = Some(notice.at),
            // What was held under the same id has its report, and was not moved.
            Occasion::Reported => hour.held = true,
            Occasion::Preflight | Occasion::Placed => (hour.told, hour.placed) = (true, true),
            Occasion::Confirmed | Occasion::Before(_) => hour.told = true,
        }
    }
    for told in agenda.sheets.told.iter().filter(|told| told.session == session.id) {
        hours.entry(told.start).or_default().told = true;
    }
    let is_held = |start: Timestamp| session.booking == Booking::Booked && session.start == start;
    let left =
        hours.iter().filter(|(start, hour)| hour.told && hour.withdrawn.is_none() && !hour.held && !is_held(**start));
    let mut left: Vec<Timestamp> = left.map(|(start, _)| *start).collect();
    let back = hours.iter().any(|(start, hour)| is_held(*start) && hour.withdrawn.is_some());
    let placed = hours.get(&session.start).is_some_and(|hour| hour.placed);
    if left.is_empty() && !back && !placed && session.booking == Booking::Booked {
        // They were told that it is cancelled, and it is booked again at another hour: a calendar moves an entry so.
        let cancelled = hours.iter().filter(|(_, hour)| hour.withdrawn.is_some());
        left.extend(cancelled.max_by_key(|(_, hour)| hour.withdrawn).map(|(start, _)| *start));
    }
    let due = Due { left, back };
    (due != Due::default()).then_some(due)
}

/// All that was written down of a session, for whichever hour.
pub fn notices<'a>(agenda: &'a Agenda, session: &'a Session) -> impl Iterator<Item = &'a Notice> {
    agenda.notices.iter().filter(|notice| notice.session == session.id)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::session::{Details, SCHEDULER};
    use crate::domain::{Margins, Verdict};
    use crate::engine::agenda::Lengths;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(1_795_478_400 + hour * 3600).unwrap()
    }

    fn agenda() -> Agenda {
        let none = Duration::ZERO;
        Agenda::new(Margins { set_up: none, tear_down: none }, Lengths { preflight: none, wrap_up: none })
    }

    /// The session as it becomes at that hour, or cancelled.
    fn becomes(agenda: &mut Agenda, start: i64, booking: Booking) {
        let revision = agenda.get("a").map_or(1, |known| known.revision + 1);
        agenda.take(Session {
            id: "a".into(),
            revision,
            booking,
            title: "Rapat".to_owned(),
            profile: "zoom".into(),
            start: hour(start),
            end: hour(start + 1),
            source: SCHEDULER.into(),
            details: Details::default(),
        });
    }

    fn note(agenda: &mut Agenda, start: i64, occasion: Occasion) {
        let (at, verdict, codes) = (hour(0), Verdict::Ready, Vec::new());
        agenda.note(Notice { session: "a".into(), start: hour(start), occasion, at, verdict, codes, evidence: None });
    }

    /// What is due at the hour 0; then that is told, as the keeper writes it down.
    fn told(agenda: &mut Agenda) -> Option<(Vec<i64>, bool)> {
        let session = std::sync::Arc::clone(agenda.get("a").unwrap());
        let Due { left, back } = due(agenda, &session, hour(0))?;
        let left: Vec<i64> = (0..99).filter(|at| left.contains(&hour(*at))).collect();
        for start in &left {
            note(agenda, *start, Occasion::Withdrawn);
        }
        if session.booking == Booking::Booked {
            agenda.note(Notice {
                start: session.start,
                ..Notice { occasion: Occasion::Placed, ..agenda.notices[0].clone() }
            });
        }
        assert_eq!(due(agenda, &session, hour(0)), None, "it is told once");
        Some((left, back))
    }

    #[test]
    fn who_knew_of_a_meeting_is_told_once_of_each_change_of_its_hour_and_of_nothing_that_nobody_knew() {
        let mut agenda = agenda();
        becomes(&mut agenda, 5, Booking::Booked);
        becomes(&mut agenda, 6, Booking::Booked);
        assert_eq!(told(&mut agenda), None, "nobody knew of it");
        note(&mut agenda, 6, Occasion::Preflight);
        assert_eq!(told(&mut agenda), None);
        becomes(&mut agenda, 7, Booking::Booked);
        assert_eq!(told(&mut agenda), Some((vec![6], false)));
        becomes(&mut agenda, 8, Booking::Booked);
        assert_eq!(told(&mut agenda), Some((vec![7], false)), "they knew of the hour to which it was moved");
        becomes(&mut agenda, 6, Booking::Booked);
        assert_eq!(told(&mut agenda), Some((vec![8], true)), "moved back");
        becomes(&mut agenda, 6, Booking::Cancelled);
        assert_eq!(told(&mut agenda), Some((vec![6], false)));
        becomes(&mut agenda, 6, Booking::Booked);
        assert_eq!(told(&mut agenda), Some((vec![], true)));
        becomes(&mut agenda, 6, Booking::Cancelled);
        assert_eq!(told(&mut agenda), Some((vec![6], false)));
        becomes(&mut agenda, 9, Booking::Booked);
        note(&mut agenda, 9, Occasion::Confirmed);
        assert_eq!(told(&mut agenda).map(|(left, back)| (left.len(), back)), Some((1, false)), "at another hour");
        becomes(&mut agenda, 6, Booking::Booked);
        assert_eq!(told(&mut agenda), Some((vec![9], true)));
        // What was undone before anybody was told of it is no news.
        becomes(&mut agenda, 6, Booking::Cancelled);
        becomes(&mut agenda, 6, Booking::Booked);
        assert_eq!(told(&mut agenda), None);
    }

    #[test]
    fn who_was_told_by_the_run_sheet_knew_of_that_meeting_and_of_no_other() {
        use crate::domain::sheet::{Told, Word};

        let mut agenda = agenda();
        becomes(&mut agenda, 5, Booking::Booked);
        let told_of = |session: &str| Told {
            session: session.into(),
            start: hour(5),
            item: "room".into(),
            word: Word::Late,
            at: hour(4),
        };
        agenda.tell(told_of("b"));
        becomes(&mut agenda, 6, Booking::Booked);
        assert_eq!(told(&mut agenda), None, "nobody knew of it");
        agenda.tell(told_of("a"));
        assert_eq!(told(&mut agenda), Some((vec![5], false)));
    }

    #[test]
    fn a_meeting_that_was_held_was_not_moved_and_what_is_over_is_no_news() {
        let mut agenda = agenda();
        becomes(&mut agenda, 5, Booking::Booked);
        note(&mut agenda, 5, Occasion::Preflight);
        note(&mut agenda, 5, Occasion::Reported);
        becomes(&mut agenda, 50, Booking::Booked);
        assert_eq!(told(&mut agenda), None);
        note(&mut agenda, 50, Occasion::Confirmed);
        becomes(&mut agenda, 50, Booking::Cancelled);
        let session = std::sync::Arc::clone(agenda.get("a").unwrap());
        assert_eq!(due(&agenda, &session, hour(51)), None);
        assert_eq!(due(&agenda, &session, hour(49)).unwrap().left, [hour(50)]);
    }
}
