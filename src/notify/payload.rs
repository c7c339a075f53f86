//! The words of a notification: how the document ([`super::document`]) is made from an incident.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{Document, IncidentPart, ReasonPart, SessionPart};
use super::policy::SessionNews;
use crate::domain::{Incident, Lang, Occasion, Reason, Verdict};

pub use super::document::Event;

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

impl Letter<'_> {
    /// The JSON document.
    pub fn json(&self) -> String {
        let document = Document {
            version: 1,
            id: self.id.to_owned(),
            event: self.event,
            room: self.room.name.to_owned(),
            room_title: self.room.title.to_owned(),
            at: self.moment(self.at),
            lang: self.lang,
            text: self.text(),
            incident: self.incident.map(|incident| self.incident_part(incident)),
            session: None,
        };
        // Plain structs with string keys cannot fail.
        serde_json::to_string(&document).unwrap_or_default()
    }

    fn incident_part(&self, incident: &Incident) -> IncidentPart {
        let reason = |reason: &Reason| ReasonPart {
            code: reason.def.code.to_owned(),
            verdict: reason.verdict,
            message: reason.message(self.lang),
            detail: reason.detail().map(str::to_owned),
            remedy: reason.remedy(self.lang),
            since: self.moment(reason.since),
            blocked_by: reason.blocked_by.as_ref().map(ToString::to_string),
        };
        IncidentPart {
            id: incident.id.clone(),
            component: incident.component,
            component_title: incident.component.title(self.lang).to_owned(),
            verdict: incident.verdict,
            verdict_title: incident.verdict.title(self.lang).to_owned(),
            worst: incident.worst,
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
        let room = self.room.title;
        match (self.event, self.lang) {
            (Event::Closed, Lang::Id) => return format!("{room}: {title} sudah pulih. Gangguan selesai."),
            (Event::Closed, Lang::En) => return format!("{room}: {title} is back to normal. The disturbance is over."),
            (Event::Acknowledged, Lang::Id) => {
                return format!("{room}: gangguan {title} sudah diterima dan ditangani.");
            }
            (Event::Acknowledged, Lang::En) => return format!("{room}: somebody sees to {title}."),
            (Event::Unstable, Lang::Id) => {
                return format!(
                    "{room}: {title} tidak stabil, berulang kali terganggu lalu pulih. Kabar berikutnya setelah stabil."
                );
            }
            (Event::Unstable, Lang::En) => {
                return format!(
                    "{room}: {title} is unstable, it fails and comes back again and again. More when it is at rest."
                );
            }
            _ => {}
        }
        let verdict = incident.verdict.title(self.lang);
        let mut text = match (self.event, self.lang) {
            (Event::Reminder, Lang::Id) => format!("{room}: masih belum ada yang menangani {title} – {verdict}."),
            (Event::Reminder, Lang::En) => format!("{room}: still nobody sees to {title} – {verdict}."),
            _ => format!("{room}: {title} – {verdict}."),
        };
        // The first explains the rest; a list is in `reasons`.
        if let Some(reason) = incident.reasons.iter().find(|reason| reason.verdict != Verdict::Ready) {
            text = format!("{text} {}. {}.", reason.message(self.lang), reason.remedy(self.lang));
        }
        text
    }

    fn moment(&self, at: Timestamp) -> String {
        moment(at, self.zone)
    }
}

fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

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
        let SessionNews { session, found, confirmed, .. } = self.news;
        let (event, before) = match found.occasion {
            Occasion::Preflight => (Event::SessionPreflight, None),
            Occasion::Before(ahead) => (Event::SessionChanged, Some(ahead.as_secs())),
            Occasion::Confirmed => (Event::SessionChanged, None),
        };
        let tasks = session.crew_by_receiver().remove(self.receiver).unwrap_or_default();
        let part = SessionPart {
            id: session.id.to_string(),
            title: session.title.clone(),
            profile: session.profile.to_string(),
            start: moment(session.start, self.zone),
            end: moment(session.end, self.zone),
            before_seconds: before,
            verdict: found.verdict,
            verdict_title: found.verdict.title(self.lang).to_owned(),
            summary: self.summary().to_owned(),
            reasons: found.codes.clone(),
            confirmed_verdict: confirmed.as_ref().map(|notice| notice.verdict),
            confirmed_reasons: confirmed.as_ref().map(|notice| notice.codes.clone()).unwrap_or_default(),
            evidence_id: found.evidence.clone(),
            tasks: tasks.iter().map(|task| (*task).to_owned()).collect(),
        };
        let document = Document {
            version: 1,
            id: self.id.to_owned(),
            event,
            room: self.room.name.to_owned(),
            room_title: self.room.title.to_owned(),
            at: moment(self.at, self.zone),
            lang: self.lang,
            text: self.text(event, &tasks),
            incident: None,
            session: Some(part),
        };
        serde_json::to_string(&document).unwrap_or_default()
    }

    fn summary(&self) -> &str {
        match self.lang {
            Lang::Id => &self.news.summary[0],
            Lang::En => &self.news.summary[1],
        }
    }

    fn text(&self, event: Event, tasks: &[&str]) -> String {
        let SessionNews { session, confirmed, .. } = self.news;
        let (room, title, summary) = (self.room.title, &session.title, self.summary());
        let start = session.start.to_zoned_datetime(self.zone.clone());
        let (hour, hour_en) = (start.strftime("%H.%M %Z"), start.strftime("%H:%M %Z"));
        let was = confirmed.as_ref().map(|notice| notice.verdict.title(self.lang));
        let tasks = tasks.join(", ");
        match (event, self.lang, was) {
            (Event::SessionPreflight, Lang::Id, _) if tasks.is_empty() => {
                format!("{room}: waktunya menyiapkan ruang untuk {title}, pukul {hour}. {summary}.")
            }
            (Event::SessionPreflight, Lang::En, _) if tasks.is_empty() => {
                format!("{room}: time to prepare the room for {title} at {hour_en}. {summary}.")
            }
            (Event::SessionPreflight, Lang::Id, _) => {
                format!("{room}: waktunya menyiapkan ruang untuk {title}, pukul {hour}. Tugas: {tasks}. {summary}.")
            }
            (Event::SessionPreflight, Lang::En, _) => {
                format!("{room}: time to prepare the room for {title} at {hour_en}. Tasks: {tasks}. {summary}.")
            }
            (_, Lang::Id, Some(was)) => {
                format!("{room}: untuk {title}, pukul {hour}: {summary}. Saat dikonfirmasi: {was}.")
            }
            (_, Lang::En, Some(was)) => {
                format!("{room}: for {title} at {hour_en}: {summary}. When it was confirmed: {was}.")
            }
            (_, Lang::Id, None) => format!("{room}: untuk {title}, pukul {hour}: {summary}."),
            (_, Lang::En, None) => format!("{room}: for {title} at {hour_en}: {summary}."),
        }
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
                "session": null,
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
        let said = |occasion, lang, receiver: &str| -> Value {
            let news = SessionNews {
                session: std::sync::Arc::new(session.clone()),
                found: notice(occasion, Verdict::NotReady, &["video.camera_missing"]),
                summary: ["Tidak siap: kamera tidak terpasang".to_owned(), "Not ready: no camera".to_owned()],
                confirmed: Some(notice(Occasion::Confirmed, Verdict::Ready, &[])),
                to: Vec::new(),
            };
            let room = Addressed { name: "media_center", title: "Media Center" };
            let at = news.found.at;
            let letter = SessionLetter { id: "k", room, at, zone: &zone, lang, news: &news, receiver };
            serde_json::from_str(&letter.json()).unwrap()
        };
        let two_hours = Occasion::Before(std::time::Duration::from_hours(2));
        let changed = said(two_hours, Lang::Id, "desk");
        assert_eq!(
            changed["text"],
            "Media Center: untuk Rapat Dinkes, pukul 10.00 WIB: Tidak siap: kamera tidak terpasang. Saat dikonfirmasi: Siap."
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
    }
}
