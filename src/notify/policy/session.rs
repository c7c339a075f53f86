//! What is told of a booked meeting.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Addressed, Policy};
use crate::domain::{Lang, Notice, Notification, Session};
use crate::notify::meeting::SessionLetter;

/// What was found of a meeting, and who shall hear of it.
#[derive(Clone, Debug)]
pub struct SessionNews {
    /// Which.
    pub session: Arc<Session>,
    /// What was found.
    pub found: Notice,
    /// The same as a sentence: Bahasa Indonesia and English.
    pub summary: [String; 2],
    /// What was found when it was confirmed.
    pub confirmed: Option<Notice>,
    /// Of a meeting that was moved or cancelled: that people know of the hours that it has left, written down with it.
    pub left: Vec<Notice>,
    /// Who is told, by name; nobody, where it is no news.
    pub to: Vec<Arc<str>>,
}

/// How the keys begin of all that is told of a meeting at an hour.
pub fn about(session: &str, start: Timestamp) -> String {
    format!("session.{session}.{:x}.", start.as_second())
}

/// The occasion in a key. An hour may be left and taken again: each time is told.
fn word(news: &SessionNews) -> String {
    let word = news.found.occasion.word().replace(' ', "-");
    if news.found.occasion.takes_back().is_none() { word } else { format!("{word}-{}", news.session.revision) }
}

impl Policy {
    /// What is told of a meeting. The keys are the occasion's own, so that it is told once whatever happens between.
    pub fn about_session(&self, news: &SessionNews, at: Timestamp) -> Vec<Notification> {
        let house = &self.house;
        let known = house.receivers.iter().filter(|(name, _)| news.to.contains(name));
        let notification = |(receiver, lang): &(Arc<str>, Lang)| {
            let key = format!("{}{}.{receiver}", about(&news.session.id, news.found.start), word(news));
            let room = Addressed { name: &house.room.name, title: &house.room.title };
            let letter = SessionLetter { id: &key, room, at, zone: &house.zone, lang: *lang, news, receiver };
            let payload = letter.json();
            Notification::new(key, receiver, None, payload, at)
        };
        known.map(notification).collect()
    }
}
