//! Why a room that is in use is not tested: which meeting is held, or by whom it is seen to be used.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Desk, No};
use crate::domain::{Lang, Phase, Snapshot, Text, with_another_day};
use crate::engine::agenda::{Agenda, PhaseNow};

impl Desk {
    pub(super) fn in_use(&self, snapshot: &Snapshot, lang: Lang) -> No {
        let (zone, now) = (self.configs.borrow().room.time_zone.0.clone(), self.clock.now().wall);
        let meeting = self.bookings.as_ref().and_then(|bookings| meeting(&bookings.agenda(), now, &zone, lang));
        meeting.unwrap_or_else(|| seen(snapshot, lang))
    }
}

/// The meeting that is held, and until when: nobody need be seen to use the room then. Its title stands on the page, and no name does.
fn meeting(agenda: &Agenda, now: Timestamp, zone: &TimeZone, lang: Lang) -> Option<No> {
    let PhaseNow { phase: Phase::Live, session: Some(session), .. } = agenda.phase(now) else { return None };
    let until = with_another_day(session.end, now, zone, lang);
    // After "until" English has no other preposition.
    let until = until.trim_start_matches("at ").trim_start_matches("on ");
    let args = [("title", session.title.as_str().into()), ("until", until.into())];
    Some(No::new(&MEETING, &args, lang, "a meeting is held"))
}

/// By whom the room is used, where a check sees it.
fn seen(snapshot: &Snapshot, lang: Lang) -> No {
    let using = snapshot.checks.iter().filter_map(|view| view.last.as_ref());
    let using = using.filter(|last| last.reading.in_use == Some(true));
    let mut holders: Vec<String> = using
        .flat_map(|last| last.reading.findings.iter().flat_map(|finding| &finding.args))
        .filter(|(name, _)| *name == "holder")
        .map(|(_, holder)| holder.render(lang))
        .collect();
    holders.sort();
    holders.dedup();
    if holders.is_empty() {
        return No::new(&IN_USE_UNSEEN, &[], lang, "the room is in use");
    }
    No::new(&IN_USE, &[("holder", holders.join(", ").into())], lang, "the room is in use")
}

static MEETING: Text = Text::new(
    "Rapat \"{title}\" sedang berlangsung sampai {until}, jadi tidak diuji",
    "A meeting is on: \"{title}\" until {until}, so it is not tested",
);
static IN_USE: Text = Text::new(
    "Ruangan sedang dipakai oleh {holder}, jadi tidak diuji",
    "The room is in use by {holder}, so it is not tested",
);
static IN_USE_UNSEEN: Text = Text::new(
    "Ruangan sedang dipakai, tidak terlihat oleh siapa, jadi tidak diuji",
    "The room is in use, nobody sees by whom, so it is not tested",
);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::session::SCHEDULER;
    use crate::domain::{Booking, Details, Margins, Session};
    use crate::engine::agenda::Lengths;

    #[test]
    fn while_a_meeting_is_held_it_is_named_and_no_program_is_looked_for() {
        let at = |text: &str| format!("2026-11-30T{text}:00+07:00").parse::<Timestamp>().unwrap();
        let zone = TimeZone::get("Asia/Pontianak").unwrap();
        let margins = Margins { set_up: Duration::ZERO, tear_down: Duration::ZERO };
        let lengths = Lengths { preflight: Duration::from_mins(150), wrap_up: Duration::from_mins(30) };
        let mut agenda = Agenda::new(margins, lengths);
        let session = |end: Timestamp| Session {
            id: "17".into(),
            revision: 1,
            booking: Booking::Booked,
            title: "Rapat singkat".to_owned(),
            profile: "zoom_group_720".into(),
            start: at("22:07"),
            end,
            source: SCHEDULER.into(),
            details: Details::default(),
        };
        agenda.learn([session(at("23:07"))], []);
        let told = |agenda: &Agenda, now, lang| meeting(agenda, at(now), &zone, lang).map(|no| (no.told, no.audit));
        let [id, en] = [Lang::Id, Lang::En].map(|lang| told(&agenda, "22:10", lang).unwrap());
        assert_eq!(id.0, "Rapat \"Rapat singkat\" sedang berlangsung sampai pukul 23.07 WIB, jadi tidak diuji");
        assert_eq!(en.0, "A meeting is on: \"Rapat singkat\" until 23:07 WIB, so it is not tested");
        assert_eq!(en.1, "a meeting is held", "the audit has no title");
        // In preparation and afterwards the room is used by whom it is seen to be.
        assert_eq!((told(&agenda, "22:00", Lang::Id), told(&agenda, "23:07", Lang::Id)), (None, None));
        let mut longer = Agenda::new(margins, lengths);
        longer.learn([session(at("22:07") + Duration::from_hours(3))], []);
        let said = told(&longer, "22:10", Lang::En).unwrap().0;
        assert!(said.contains("until 1 December 2026 at 01:07 WIB, so"), "{said}");
    }
}
