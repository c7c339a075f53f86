//! The words of a notification about what is checked by hand before a meeting: that it is late, and that it was made up for.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{Document, Event, SessionPart};
use super::payload::{Addressed, moment};
use super::policy::SheetNews;
use crate::domain::sheet::Word;
use crate::domain::{Lang, with_another_day};

/// What such a notification is made from. No person is named in it: who it is for knows who they are.
#[derive(Clone, Copy, Debug)]
pub struct LateLetter<'a> {
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
    /// What is told.
    pub news: &'a SheetNews,
}

impl LateLetter<'_> {
    /// The JSON document.
    pub fn json(&self) -> String {
        let SheetNews { session, word, task, verdict, .. } = self.news;
        let event = match word {
            Word::Late => Event::SessionLate,
            Word::MadeUp => Event::SessionMadeUp,
        };
        let part = SessionPart {
            id: session.id.to_string(),
            title: session.title.clone(),
            profile: session.profile.to_string(),
            start: moment(session.start, self.zone),
            end: moment(session.end, self.zone),
            moved_from: None,
            before_seconds: None,
            verdict: *verdict,
            verdict_title: verdict.title(self.lang).to_owned(),
            summary: self.summary().to_owned(),
            reasons: Vec::new(),
            confirmed_verdict: None,
            confirmed_reasons: Vec::new(),
            evidence_id: None,
            tasks: vec![task.to_string()],
            items: self.items(),
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
            text: self.text(),
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

    fn items(&self) -> Vec<String> {
        let items = self.news.points.iter().map(|point| {
            let title = point.item.title(self.lang);
            point.site.as_ref().map_or_else(|| title.to_owned(), |site| format!("{title}: {site}"))
        });
        items.collect()
    }

    fn text(&self) -> String {
        let SheetNews { session, word, task, verdict, .. } = self.news;
        let (room, title, items) = (self.room.title, &session.title, self.items().join(", "));
        let when = with_another_day(session.start, self.at, self.zone, self.lang);
        // What was found says in most cases what the session is taken for.
        let (verdict, summary) = (verdict.title(self.lang), self.summary());
        let now = if summary.starts_with(verdict) { summary.to_owned() } else { format!("{verdict} ({summary})") };
        match (word, self.lang) {
            (Word::Late, Lang::Id) => format!(
                "{room}: untuk {title}, {when}, BELUM dicentang dan sudah lewat waktunya: {items}. Tugas: {task}. \
                 Kerjakan, lalu catat di lembar persiapan. Rapat ini sekarang: {now}."
            ),
            (Word::Late, Lang::En) => format!(
                "{room}: late for {title} {when}, not ticked yet: {items}. Task: {task}. Do it, and write it into the run sheet. \
                 This session is now: {now}."
            ),
            (Word::MadeUp, Lang::Id) => {
                format!("{room}: sudah dikerjakan untuk {title}, {when}: {items}. Rapat ini sekarang: {now}.")
            }
            (Word::MadeUp, Lang::En) => {
                format!("{room}: done for {title} {when}: {items}. This session is now: {now}.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::domain::session::{Details, SCHEDULER};
    use crate::domain::sheet::Item;
    use crate::domain::{Booking, Requirement, Session, Verdict};
    use crate::engine::sheet;

    #[test]
    fn word_of_tomorrows_sheet_names_the_day() {
        let zone = TimeZone::get("Asia/Pontianak").unwrap();
        let session = Session {
            id: "a".into(),
            revision: 1,
            booking: Booking::Booked,
            title: "Rapat Dinkes".to_owned(),
            profile: "zoom_group_720".into(),
            start: "2026-11-24T01:00:00Z".parse().unwrap(),
            end: "2026-11-24T03:00:00Z".parse().unwrap(),
            source: SCHEDULER.into(),
            details: Details::default(),
        };
        let item = Item {
            key: "room".into(),
            id: "Ruangan sudah disiapkan".to_owned(),
            en: "The room is prepared".to_owned(),
            holds: Duration::from_hours(48),
            due: Duration::from_hours(24),
            task: Some("ruang".into()),
            requirement: Requirement::Required,
            each_site: false,
        };
        let text = |at: &str, word, lang| {
            let at: Timestamp = at.parse().unwrap();
            let news = SheetNews {
                points: sheet::points(std::slice::from_ref(&item), &session, &[], at),
                session: Arc::new(session.clone()),
                word,
                task: "ruang".into(),
                verdict: Verdict::Unknown,
                summary: ["Siap".to_owned(), "Ready".to_owned()],
                to: Vec::new(),
                at,
            };
            let room = Addressed { name: "media_center", title: "Media Center" };
            let letter = LateLetter { id: "k", room, at, zone: &zone, lang, news: &news };
            let told: Value = serde_json::from_str(&letter.json()).unwrap();
            told["text"].as_str().unwrap().to_owned()
        };
        let (today, before) = ("2026-11-23T17:30:00Z", "2026-11-23T16:30:00Z");
        for (at, word, lang, says) in [
            (today, Word::Late, Lang::Id, "untuk Rapat Dinkes, pukul 08.00 WIB, BELUM dicentang"),
            (before, Word::Late, Lang::Id, "untuk Rapat Dinkes, 24 November 2026 pukul 08.00 WIB, BELUM dicentang"),
            (before, Word::Late, Lang::En, "late for Rapat Dinkes on 24 November 2026 at 08:00 WIB, not ticked yet"),
            (today, Word::MadeUp, Lang::En, "done for Rapat Dinkes at 08:00 WIB: The room is prepared."),
            (before, Word::MadeUp, Lang::Id, "untuk Rapat Dinkes, 24 November 2026 pukul 08.00 WIB: Ruangan"),
        ] {
            let text = text(at, word, lang);
            assert!(text.contains(says), "{text}");
        }
    }
}
