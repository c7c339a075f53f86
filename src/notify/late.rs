//! The words of a notification about what is checked by hand before a meeting: that it is late, and that it was made up for.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{Document, Event, SessionPart};
use super::payload::{Addressed, moment};
use super::policy::SheetNews;
use crate::domain::Lang;
use crate::domain::sheet::Word;

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
            id: self.id.to_owned(),
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
        let start = session.start.to_zoned_datetime(self.zone.clone());
        let (hour, hour_en) = (start.strftime("%H.%M %Z"), start.strftime("%H:%M %Z"));
        // What was found says in most cases what the session is taken for.
        let (verdict, summary) = (verdict.title(self.lang), self.summary());
        let now = if summary.starts_with(verdict) { summary.to_owned() } else { format!("{verdict} ({summary})") };
        match (word, self.lang) {
            (Word::Late, Lang::Id) => format!(
                "{room}: untuk {title}, pukul {hour}, BELUM dicentang dan sudah lewat waktunya: {items}. Tugas: {task}. \
                 Kerjakan, lalu catat di lembar persiapan. Rapat ini sekarang: {now}."
            ),
            (Word::Late, Lang::En) => format!(
                "{room}: late for {title} at {hour_en}, not ticked yet: {items}. Task: {task}. Do it, and write it into the run sheet. \
                 This session is now: {now}."
            ),
            (Word::MadeUp, Lang::Id) => {
                format!("{room}: sudah dikerjakan untuk {title}, pukul {hour}: {items}. Rapat ini sekarang: {now}.")
            }
            (Word::MadeUp, Lang::En) => {
                format!("{room}: done for {title} at {hour_en}: {items}. This session is now: {now}.")
            }
        }
    }
}
