//! The words of a notification: one JSON document, stable.
//!
//! | key | value |
//! |---|---|
//! | `version` | 1; a change that a reader could trip over makes it 2 |
//! | `id` | the idempotency key: the same at every attempt, unique for ever |
//! | `event` | `incident_opened`, `incident_changed`, `incident_closed`, `test` |
//! | `room`, `room_title` | the room's name, and that for people |
//! | `at` | when it was decided |
//! | `lang` | the language of all words for people: `id` or `en` |
//! | `text` | all of it in a few sentences, for whoever shows just one thing |
//! | `incident` | null for a test, else what follows |
//! | `incident.id` | the same for all events of one incident |
//! | `incident.component`, `.component_title` | the word of the API, and that for people |
//! | `incident.verdict`, `.verdict_title` | as it is now; `ready` when closed |
//! | `incident.worst` | the worst verdict it had |
//! | `incident.since`, `.closed_at` | from when until when; `closed_at` is null while it is open |
//! | `incident.reasons[]` | worst first (when closed: as they stood last): `code`, `verdict`, `message`, `detail` (for IT staff), `remedy`, `since`, `blocked_by` |
//!
//! Moments are RFC 3339 with the offset of the room's time zone. A null is a null: no key is ever missing.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::domain::{Incident, Lang, Reason, Verdict};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// Something began to be wrong.
    Opened,
    /// It is wrong in another way.
    Changed,
    /// It is over.
    Closed,
    /// Somebody wants to see that messages arrive.
    Test,
}

impl Event {
    /// The word in the payload.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "incident_opened",
            Self::Changed => "incident_changed",
            Self::Closed => "incident_closed",
            Self::Test => "test",
        }
    }
}

/// A room's names.
#[derive(Clone, Copy, Debug)]
pub struct Addressed<'a> {
    /// For programs.
    pub name: &'a str,
    /// For people.
    pub title: &'a str,
}

/// What a notification is made from.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The idempotency key.
    pub id: &'a str,
    /// What happened.
    pub event: Event,
    /// Where.
    pub room: Addressed<'a>,
    /// When it was decided.
    pub at: Timestamp,
    /// The room's time zone.
    pub zone: &'a TimeZone,
    /// The reader's language.
    pub lang: Lang,
    /// To what; `None` for a test.
    pub incident: Option<&'a Incident>,
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    id: &'a str,
    event: &'static str,
    room: &'a str,
    room_title: &'a str,
    at: String,
    lang: &'static str,
    text: String,
    incident: Option<IncidentPart<'a>>,
}

#[derive(Serialize)]
struct IncidentPart<'a> {
    id: &'a str,
    component: &'static str,
    component_title: &'static str,
    verdict: &'static str,
    verdict_title: &'static str,
    worst: &'static str,
    since: String,
    closed_at: Option<String>,
    reasons: Vec<ReasonPart<'a>>,
}

#[derive(Serialize)]
struct ReasonPart<'a> {
    code: &'static str,
    verdict: &'static str,
    message: String,
    detail: Option<&'a str>,
    remedy: String,
    since: String,
    blocked_by: Option<&'a str>,
}

impl Letter<'_> {
    /// The JSON document.
    pub fn json(&self) -> String {
        let document = Document {
            version: 1,
            id: self.id,
            event: self.event.as_str(),
            room: self.room.name,
            room_title: self.room.title,
            at: self.moment(self.at),
            lang: self.lang.as_str(),
            text: self.text(),
            incident: self.incident.map(|incident| self.incident_part(incident)),
        };
        // Plain structs with string keys cannot fail.
        serde_json::to_string(&document).unwrap_or_default()
    }

    fn incident_part<'a>(&self, incident: &'a Incident) -> IncidentPart<'a> {
        let reason = |reason: &'a Reason| ReasonPart {
            code: reason.def.code,
            verdict: reason.verdict.as_str(),
            message: reason.message(self.lang),
            detail: reason.detail(),
            remedy: reason.remedy(self.lang),
            since: self.moment(reason.since),
            blocked_by: reason.blocked_by.as_ref().map(crate::domain::CheckName::as_str),
        };
        IncidentPart {
            id: &incident.id,
            component: incident.component.as_str(),
            component_title: incident.component.title(self.lang),
            verdict: incident.verdict.as_str(),
            verdict_title: incident.verdict.title(self.lang),
            worst: incident.worst.as_str(),
            since: self.moment(incident.opened_at),
            closed_at: incident.closed_at.map(|at| self.moment(at)),
            reasons: incident.reasons.iter().map(reason).collect(),
        }
    }

    /// A few sentences: what, where, why, what to do.
    fn text(&self) -> String {
        let Some(incident) = self.incident else {
            return match self.lang {
                Lang::Id => format!("{}: pesan uji dari Siaga. Tidak ada yang perlu dilakukan.", self.room.title),
                Lang::En => format!("{}: a test message from Siaga. Nothing needs to be done.", self.room.title),
            };
        };
        let title = incident.component.title(self.lang);
        if self.event == Event::Closed {
            return match self.lang {
                Lang::Id => format!("{}: {title} sudah pulih. Gangguan selesai.", self.room.title),
                Lang::En => format!("{}: {title} is back to normal. The disturbance is over.", self.room.title),
            };
        }
        let mut text = format!("{}: {title} – {}.", self.room.title, incident.verdict.title(self.lang));
        // The first explains the rest; a list is in `reasons`.
        if let Some(reason) = incident.reasons.iter().find(|reason| reason.verdict != Verdict::Ready) {
            text = format!("{text} {}. {}.", reason.message(self.lang), reason.remedy(self.lang));
        }
        text
    }

    fn moment(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{Arg, Component, ReasonDef, Text, Unit};

    static LOSS: ReasonDef = ReasonDef::new(
        "internet.loss_high",
        Text::new("{value} paket hilang", "{value} of packets are lost"),
        Text::new("Periksa kabel jaringan", "Check the network cable"),
    );

    fn incident() -> Incident {
        let opened_at = "2026-11-24T01:30:00.25Z".parse().unwrap();
        Incident {
            id: "internet-1795483800250".to_owned(),
            component: Component::Internet,
            worst: Verdict::NotReady,
            verdict: Verdict::Degraded,
            reasons: vec![Reason {
                def: &LOSS,
                verdict: Verdict::Degraded,
                args: vec![("value", Arg::Number(0.025, Unit::Ratio))],
                since: opened_at,
                blocked_by: Some("gateway".into()),
            }],
            opened_at,
            closed_at: None,
            settling: false,
        }
    }

    fn letter(event: Event, lang: Lang, incident: Option<&Incident>) -> Value {
        let zone = TimeZone::get("Asia/Pontianak").unwrap();
        let at = "2026-11-24T01:31:00Z".parse().unwrap();
        let room = Addressed { name: "media_center", title: "Ruang Media Center" };
        let letter = Letter { id: "key-1", event, room, at, zone: &zone, lang, incident };
        serde_json::from_str(&letter.json()).unwrap()
    }

    #[test]
    fn the_whole_document_is_as_documented() {
        assert_eq!(
            letter(Event::Opened, Lang::Id, Some(&incident())),
            json!({
                "version": 1,
                "id": "key-1",
                "event": "incident_opened",
                "room": "media_center",
                "room_title": "Ruang Media Center",
                "at": "2026-11-24T08:31:00.000+07:00",
                "lang": "id",
                "text": "Ruang Media Center: Jaringan internet – Perlu perhatian. 2,5 % paket hilang. Periksa kabel jaringan.",
                "incident": {
                    "id": "internet-1795483800250",
                    "component": "internet",
                    "component_title": "Jaringan internet",
                    "verdict": "degraded",
                    "verdict_title": "Perlu perhatian",
                    "worst": "not_ready",
                    "since": "2026-11-24T08:30:00.250+07:00",
                    "closed_at": null,
                    "reasons": [{
                        "code": "internet.loss_high",
                        "verdict": "degraded",
                        "detail": null,
                        "message": "2,5 % paket hilang",
                        "remedy": "Periksa kabel jaringan",
                        "since": "2026-11-24T08:30:00.250+07:00",
                        "blocked_by": "gateway",
                    }],
                },
            })
        );
    }

    #[test]
    fn the_words_are_in_the_readers_language_and_the_end_says_that_it_is_the_end() {
        let english = letter(Event::Changed, Lang::En, Some(&incident()));
        assert_eq!(
            english["text"],
            "Ruang Media Center: Internet – Needs attention. 2.5 % of packets are lost. Check the network cable."
        );
        assert_eq!(english["incident"]["reasons"][0]["remedy"], "Check the network cable");
        let over = Incident { verdict: Verdict::Ready, closed_at: Some(incident().opened_at), ..incident() };
        let closed = letter(Event::Closed, Lang::En, Some(&over));
        assert_eq!(closed["text"], "Ruang Media Center: Internet is back to normal. The disturbance is over.");
        assert_eq!(closed["incident"]["closed_at"], "2026-11-24T08:30:00.250+07:00");
        let test = letter(Event::Test, Lang::Id, None);
        assert_eq!((&test["event"], &test["incident"]), (&json!("test"), &Value::Null));
    }
}
