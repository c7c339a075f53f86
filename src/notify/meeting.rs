//! The words of a notification about a booked meeting: how the document ([`super::document`]) is made from what was found of it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{Document, Event, SessionPart};
use super::payload::{Addressed, moment};
use super::policy::SessionNews;
use crate::domain::{Finest, Lang, Occasion, on_the_day, with_another_day};

/// What a notification about a booked meeting is made from. No person is named in it: who it is for knows who they are.
#[derive(Clone, Copy, Debug)]
pub struct SessionLetter<'a> {
    /// The idempotency key.
    pub id: &'a str,
    /// Where.
    pub room: Addressed<'a>,
    /// When it was decided.
    pub at: Timestamp,
    /// The room's time zone.
    pub zone: &'a TimeZone,
    /// The reader's language.
    pub lang: Lang,
    /// What was found.
    pub news: &'a SessionNews,
    /// Who reads it, by its name in the config.
    pub receiver: &'a str,
}

impl SessionLetter<'_> {
    /// The JSON document.
    pub fn json(&self) -> String {
        let SessionNews { session, found, confirmed, left, .. } = self.news;
        let moved_from = left.last().filter(|_| found.occasion == Occasion::Placed).map(|notice| notice.start);
        let (event, before) = match found.occasion {
            Occasion::Preflight => (Event::SessionPreflight, None),
            Occasion::Reported => (Event::SessionReported, None),
            Occasion::Before(ahead) => (Event::SessionChanged, Some(ahead.as_secs())),
            Occasion::Confirmed => (Event::SessionChanged, None),
            Occasion::Withdrawn => (Event::SessionCancelled, None),
            Occasion::Placed if left.is_empty() => (Event::SessionRestored, None),
            Occasion::Placed => (Event::SessionMoved, None),
        };
        let tasks = session.crew_by_receiver().remove(self.receiver).unwrap_or_default();
        let part = SessionPart {
            id: session.id.to_string(),
            title: session.title.clone(),
            profile: session.profile.to_string(),
            start: moment(session.start, self.zone),
            end: moment(session.end, self.zone),
            moved_from: moved_from.map(|from| moment(from, self.zone)),
            before_seconds: before,
            verdict: found.verdict,
            verdict_title: found.verdict.title(self.lang).to_owned(),
            summary: self.summary().to_owned(),
            reasons: found.codes.clone(),
            confirmed_verdict: confirmed.as_ref().map(|notice| notice.verdict),
            confirmed_reasons: confirmed.as_ref().map(|notice| notice.codes.clone()).unwrap_or_default(),
            evidence_id: found.evidence.clone(),
            tasks: tasks.iter().map(|task| (*task).to_owned()).collect(),
            items: Vec::new(),
        };
        let document = Document {
            version: 1,
            id: self.room.within(self.id),
            event,
            room: self.room.name.to_owned(),
            room_title: self.room.title.to_owned(),
            at: moment(self.at, self.zone),
            lang: self.lang,
            drill: false,
            text: match event {
                Event::SessionCancelled | Event::SessionMoved | Event::SessionRestored => self.other_hour(moved_from),
                _ => self.text(event, &tasks),
            },
            incident: None,
            session: Some(part),
            alert: None,
        };
        serde_json::to_string(&document).unwrap_or_default()
    }

    fn summary(&self) -> &str {
        match self.lang {
            Lang::Id => &self.news.summary[0],
            Lang::En => &self.news.summary[1],
        }
    }

    /// That it is not held when it was to be, or is after all.
    fn other_hour(&self, from: Option<Timestamp>) -> String {
        let SessionNews { session, found, .. } = self.news;
        let (room, title, summary) = (self.room.title, &session.title, self.summary());
        let told = |at: Timestamp| on_the_day(at, self.zone, self.lang, Finest::Minute);
        let hour = told(found.start);
        match (self.lang, from, found.occasion) {
            (Lang::Id, _, Occasion::Withdrawn) => format!("{room}: {title}, {hour}, dibatalkan."),
            (Lang::En, _, Occasion::Withdrawn) => format!("{room}: {title}, {hour}, is cancelled."),
            (Lang::Id, Some(from), _) => {
                format!("{room}: {title} dipindah dari {} ke {hour}. {summary}.", told(from))
            }
            (Lang::En, Some(from), _) => {
                format!("{room}: {title} is moved from {} to {hour}. {summary}.", told(from))
            }
            (Lang::Id, None, _) => format!("{room}: {title}, {hour}, jadi diadakan. {summary}."),
            (Lang::En, None, _) => format!("{room}: {title}, {hour}, takes place after all. {summary}."),
        }
    }

    fn text(&self, event: Event, tasks: &[&str]) -> String {
        let SessionNews { session, confirmed, .. } = self.news;
        let (room, title, summary) = (self.room.title, &session.title, self.summary());
        let when = with_another_day(session.start, self.at, self.zone, self.lang);
        let was = confirmed.as_ref().map(|notice| notice.verdict.title(self.lang));
        let tasks = tasks.join(", ");
        match (event, self.lang, was) {
            (Event::SessionPreflight, Lang::Id, _) if tasks.is_empty() => {
                format!("{room}: waktunya menyiapkan ruangan untuk {title}, {when}. {summary}.")
            }
            (Event::SessionPreflight, Lang::En, _) if tasks.is_empty() => {
                format!("{room}: time to prepare the room for {title} {when}. {summary}.")
            }
            (Event::SessionPreflight, Lang::Id, _) => {
                format!("{room}: waktunya menyiapkan ruangan untuk {title}, {when}. Tugas: {tasks}. {summary}.")
            }
            (Event::SessionPreflight, Lang::En, _) => {
                format!("{room}: time to prepare the room for {title} {when}. Tasks: {tasks}. {summary}.")
            }
            (Event::SessionReported, Lang::Id, _) => {
                let id = &session.id;
                format!(
                    "{room}: {title}, {when}, selesai: {summary}. Laporannya sudah tersedia di halaman Agenda (siaga report {id})."
                )
            }
            (Event::SessionReported, Lang::En, _) => {
                let id = &session.id;
                format!("{room}: {title} {when} is over: {summary}. Its report is there (siaga report {id}).")
            }
            (_, Lang::Id, Some(was)) => {
                format!("{room}: untuk {title}, {when}: {summary}. Saat dikonfirmasi: {was}.")
            }
            (_, Lang::En, Some(was)) => {
                format!("{room}: for {title} {when}: {summary}. When it was confirmed: {was}.")
            }
            (_, Lang::Id, None) => format!("{room}: untuk {title}, {when}: {summary}."),
            (_, Lang::En, None) => format!("{room}: for {title} {when}: {summary}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Verdict;

    #[test]
    fn word_of_a_meeting_says_what_was_and_what_is_and_names_nobody() {
        use crate::domain::session::{Details, Member, SCHEDULER};
        use crate::domain::{Booking, Notice, Session};
        let notice = |occasion, verdict, codes: &[&str]| Notice {
            session: "a".into(),
            start: "2026-11-24T03:00:00Z".parse().unwrap(),
            occasion,
            at: "2026-11-24T01:00:00Z".parse().unwrap(),
            verdict,
            codes: codes.iter().map(|code| (*code).to_owned()).collect(),
            evidence: Some("e1".to_owned()),
        };
        let member = Member { person: "Sari".to_owned(), receiver: Some("operator".to_owned()) };
        let session = Session {
            id: "a".into(),
            revision: 1,
            booking: Booking::Booked,
            title: "Rapat Dinkes".to_owned(),
            profile: "zoom_group_720".into(),
            start: "2026-11-24T03:00:00Z".parse().unwrap(),
            end: "2026-11-24T05:00:00Z".parse().unwrap(),
            source: SCHEDULER.into(),
            details: Details { crew: [("camera".to_owned(), member)].into(), ..Details::default() },
        };
        let zone = TimeZone::get("Asia/Pontianak").unwrap();
        let saying_at = |at: &str, occasion, left: &[Notice], lang, receiver: &str| -> Value {
            let news = SessionNews {
                session: std::sync::Arc::new(session.clone()),
                found: notice(occasion, Verdict::NotReady, &["video.camera_missing"]),
                summary: ["Tidak siap: kamera tidak terpasang".to_owned(), "Not ready: no camera".to_owned()],
                confirmed: Some(notice(Occasion::Confirmed, Verdict::Ready, &[])),
                left: left.to_vec(),
                to: Vec::new(),
            };
            let room = Addressed { name: "media_center", title: "Media Center" };
            let at = at.parse().unwrap();
            let letter = SessionLetter { id: "k", room, at, zone: &zone, lang, news: &news, receiver };
            serde_json::from_str(&letter.json()).unwrap()
        };
        let saying = |occasion, left: &[Notice], lang, receiver: &str| {
            saying_at("2026-11-24T01:00:00Z", occasion, left, lang, receiver)
        };
        let said = |occasion, lang, receiver| saying(occasion, &[], lang, receiver);
        let two_hours = Occasion::Before(std::time::Duration::from_hours(2));
        let changed = said(two_hours, Lang::Id, "desk");
        assert_eq!(
            changed["text"],
            "Media Center: untuk Rapat Dinkes, pukul 10.00 WIB: Tidak siap: kamera tidak terpasang. Saat dikonfirmasi: Siap."
        );
        // The room's day counts: half past midnight is the meeting's own, and half an hour before midnight the one before.
        let a_day = Occasion::Before(std::time::Duration::from_hours(24));
        let texts = ["2026-11-23T17:30:00Z", "2026-11-23T16:30:00Z"].map(|at| {
            let text = |occasion, lang| saying_at(at, occasion, &[], lang, "desk")["text"].as_str().unwrap().to_owned();
            [text(a_day, Lang::Id), text(a_day, Lang::En), text(Occasion::Preflight, Lang::Id)]
        });
        let whens = [
            ["pukul 10.00 WIB", "at 10:00 WIB", "pukul 10.00 WIB"],
            [
                "24 November 2026 pukul 10.00 WIB",
                "on 24 November 2026 at 10:00 WIB",
                "24 November 2026 pukul 10.00 WIB",
            ],
        ];
        assert_eq!(
            texts,
            whens.map(|[id, en, opens]| [
                format!(
                    "Media Center: untuk Rapat Dinkes, {id}: Tidak siap: kamera tidak terpasang. Saat dikonfirmasi: Siap."
                ),
                format!("Media Center: for Rapat Dinkes {en}: Not ready: no camera. When it was confirmed: Ready."),
                format!("Media Center: waktunya menyiapkan ruangan untuk Rapat Dinkes, {opens}. Tidak siap: kamera tidak terpasang."),
            ])
        );
        let reported = saying_at("2026-11-25T01:00:00Z", Occasion::Reported, &[], Lang::Id, "desk");
        assert!(
            reported["text"].as_str().unwrap().contains("Rapat Dinkes, 24 November 2026 pukul 10.00 WIB, selesai: ")
        );
        assert_eq!((&changed["event"], &changed["incident"]), (&json!("session_changed"), &Value::Null));
        let part = &changed["session"];
        assert_eq!((&part["before_seconds"], &part["evidence_id"]), (&json!(7200), &json!("e1")));
        assert_eq!((&part["confirmed_verdict"], &part["tasks"]), (&json!("ready"), &json!([])));
        let opens = said(Occasion::Preflight, Lang::En, "operator");
        assert_eq!(
            opens["text"],
            "Media Center: time to prepare the room for Rapat Dinkes at 10:00 WIB. Tasks: camera. Not ready: no camera."
        );
        assert!(!opens.to_string().contains("Sari"));
        let left = Notice {
            start: "2026-11-23T05:30:00Z".parse().unwrap(),
            ..notice(Occasion::Withdrawn, Verdict::Ready, &[])
        };
        let texts = [(Occasion::Withdrawn, &[][..]), (Occasion::Placed, &[left]), (Occasion::Placed, &[])].map(
            |(occasion, left)| {
                let [id, en] = [Lang::Id, Lang::En].map(|lang| saying(occasion, left, lang, "operator"));
                assert_eq!(
                    id["session"]["moved_from"],
                    left.first().map_or(Value::Null, |_| json!("2026-11-23T12:30:00.000+07:00"))
                );
                assert!(!id.to_string().contains("Sari"));
                [&id["event"], &id["text"], &en["text"]].map(|word| word.as_str().unwrap().to_owned())
            },
        );
        assert_eq!(
            texts,
            [
                [
                    "session_cancelled",
                    "Media Center: Rapat Dinkes, 24 November 2026 pukul 10.00 WIB, dibatalkan.",
                    "Media Center: Rapat Dinkes, 24 November 2026 at 10:00 WIB, is cancelled.",
                ],
                [
                    "session_moved",
                    "Media Center: Rapat Dinkes dipindah dari 23 November 2026 pukul 12.30 WIB ke 24 November 2026 pukul 10.00 WIB. \
                     Tidak siap: kamera tidak terpasang.",
                    "Media Center: Rapat Dinkes is moved from 23 November 2026 at 12:30 WIB to 24 November 2026 at 10:00 WIB. \
                     Not ready: no camera.",
                ],
                [
                    "session_restored",
                    "Media Center: Rapat Dinkes, 24 November 2026 pukul 10.00 WIB, jadi diadakan. Tidak siap: kamera tidak terpasang.",
                    "Media Center: Rapat Dinkes, 24 November 2026 at 10:00 WIB, takes place after all. Not ready: no camera.",
                ],
            ]
            .map(|texts| texts.map(str::to_owned))
        );
    }
}
