//! What is told of a run sheet.

use std::sync::Arc;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use super::{Addressed, Policy};
use crate::domain::sheet::{Told, Word};
use crate::domain::{Lang, Notification, Session, Verdict, hex};
use crate::engine::sheet::Point;
use crate::notify::late::LateLetter;

/// What of one task has become late, or was made up for, and who shall hear of it.
#[derive(Clone, Debug)]
pub struct SheetNews {
    /// Of which session.
    pub session: Arc<Session>,
    /// Late, or made up for.
    pub word: Word,
    /// The task.
    pub task: Arc<str>,
    /// What, of that task; at least one.
    pub points: Vec<Point>,
    /// What the session is taken for now.
    pub verdict: Verdict,
    /// What is measured for it, as a sentence: Bahasa Indonesia and English.
    pub summary: [String; 2],
    /// Who is told, by name.
    pub to: Vec<Arc<str>>,
    /// When.
    pub at: Timestamp,
}

impl SheetNews {
    /// What is to be written down with it, so that nobody is told twice.
    pub fn told(&self) -> Vec<Told> {
        let told = self.points.iter().map(|point| Told {
            session: Arc::clone(&self.session.id),
            start: self.session.start,
            item: Arc::clone(&point.name),
            word: self.word,
            at: self.at,
        });
        told.collect()
    }
}

/// The item's name as a header takes it, whatever letters its site is written in.
fn named(point: &Point) -> String {
    let Some(site) = &point.site else { return point.name.to_string() };
    let digest = digest(&SHA256, site.as_bytes());
    format!("{}-{}", point.item.key, hex(&digest.as_ref()[..8]))
}

impl Policy {
    /// What is told of a run sheet. The keys are the first item's own, so that it is told once whatever happens between.
    pub fn about_sheet(&self, news: &SheetNews) -> Vec<Notification> {
        let (house, at) = (&self.house, news.at);
        let Some(first) = news.points.first() else { return Vec::new() };
        let about = super::session::about(&news.session.id, news.session.start);
        let notification = |(receiver, lang): &(Arc<str>, Lang)| {
            let key = format!("{about}{}.{}.{receiver}", news.word.as_str(), named(first));
            let room = Addressed { name: &house.room.name, title: &house.room.title };
            let letter = LateLetter { id: &key, room, at, zone: &house.zone, lang: *lang, news };
            let payload = letter.json();
            Notification::new(key, receiver, None, payload, at)
        };
        house.receivers.iter().filter(|(name, _)| news.to.contains(name)).map(notification).collect()
    }
}
