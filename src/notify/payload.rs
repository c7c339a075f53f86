//! The words of a notification: how the document ([`super::document`]) is made from an incident.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{AlertPart, Document, IncidentPart, ReasonPart, drill_mark};
use crate::domain::{ForeignAlert, Incident, Lang, Reason, Verdict};

pub use super::document::Event;

/// A room's names.
#[derive(Clone, Copy, Debug)]
pub struct Addressed<'a> {
    /// For programs.
    pub name: &'a str,
    /// For people.
    pub title: &'a str,
}

impl Addressed<'_> {
    /// The key of a notification as others know it: rooms that follow one calendar have keys that are the same.
    pub(super) fn within(self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }
}

/// What a notification is made from.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The key under which it is kept.
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
    /// To which alert of another system, if it speaks of one.
    pub alert: Option<&'a ForeignAlert>,
}

impl Letter<'_> {
    /// The JSON document.
    pub fn json(&self) -> String {
        let drill = self.incident.is_some_and(Incident::is_drill);
        let document = Document {
            version: 1,
            id: self.room.within(self.id),
            event: self.event,
            room: self.room.name.to_owned(),
            room_title: self.room.title.to_owned(),
            at: self.moment(self.at),
            lang: self.lang,
            drill,
            text: if drill { format!("{}{}", drill_mark(self.lang), self.text()) } else { self.text() },
            incident: self.incident.map(|incident| self.incident_part(incident)),
            session: None,
            alert: self.alert.map(|alert| self.alert_part(alert)),
        };
        // Plain structs with string keys cannot fail.
        serde_json::to_string(&document).unwrap_or_default()
    }

    fn alert_part(&self, alert: &ForeignAlert) -> AlertPart {
        AlertPart {
            id: alert.id.clone(),
            name: alert.name.clone(),
            severity: alert.severity.clone(),
            text: alert.text.clone(),
            since: self.moment(alert.since),
            ended_at: alert.ended_at.map(|at| self.moment(at)),
        }
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
        if let Some(alert) = self.alert {
            let since = alert.since.to_zoned_datetime(self.zone.clone());
            let (room, text) = (self.room.title, &alert.text);
            return match (self.event, self.lang) {
                (Event::AlertEnded, Lang::Id) => format!("{room}: kabar dari sistem lain: {text} – sudah selesai."),
                (Event::AlertEnded, Lang::En) => format!("{room}: word from another system: {text} – it is over."),
                (_, Lang::Id) => {
                    format!("{room}: kabar dari sistem lain: {text} (sejak pukul {}).", since.strftime("%H.%M %Z"))
                }
                (_, Lang::En) => {
                    format!("{room}: word from another system: {text} (since {}).", since.strftime("%H:%M %Z"))
                }
            };
        }
        let Some(incident) = self.incident else {
            let local = self.at.to_zoned_datetime(self.zone.clone());
            return match self.lang {
                Lang::Id if self.event == Event::RollCall => {
                    format!("{}: ruangan siap (diperiksa pukul {}).", self.room.title, local.strftime("%H.%M %Z"))
                }
                Lang::En if self.event == Event::RollCall => {
                    format!("{}: all is ready (looked at at {}).", self.room.title, local.strftime("%H:%M %Z"))
                }
                Lang::Id => format!("{}: pesan uji dari Siaga. Tidak ada yang perlu dilakukan.", self.room.title),
                Lang::En => format!("{}: a test message from Siaga. Nothing needs to be done.", self.room.title),
            };
        };
        let title = incident.component.title(self.lang);
        let room = self.room.title;
        match (self.event, self.lang) {
            (Event::Closed, Lang::Id) if incident.is_not_needed() => {
                return format!(
                    "{room}: {title} tidak diperlukan sekarang. Gangguannya belum pulih, tetapi tidak dihitung lagi."
                );
            }
            (Event::Closed, Lang::En) if incident.is_not_needed() => {
                return format!("{room}: {title} is not needed now. It is not back to normal, but counts no more.");
            }
            (Event::Closed, Lang::Id) => return format!("{room}: {title} sudah pulih. Gangguan selesai."),
            (Event::Closed, Lang::En) => return format!("{room}: {title} is back to normal. The disturbance is over."),
            (Event::Acknowledged, Lang::Id) => {
                return format!(
                    "{room}: gangguan {title} sudah ada yang menerima dan sedang menangani; belum selesai."
                );
            }
            (Event::Acknowledged, Lang::En) => return format!("{room}: somebody sees to {title}."),
            // Nobody has seen it fail.
            (Event::Unstable, Lang::Id) if incident.worst == Verdict::Unknown => {
                return format!("{room}: {title} berulang kali tidak terpantau. Kabar berikutnya setelah stabil.");
            }
            (Event::Unstable, Lang::En) if incident.worst == Verdict::Unknown => {
                return format!("{room}: {title} cannot be seen again and again. More when it is at rest.");
            }
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
        // It explains the rest; a list is in `reasons`.
        if let Some(reason) = incident.leading().filter(|reason| reason.verdict != Verdict::Ready) {
            text = format!("{text} {}. {}.", reason.message(self.lang), reason.remedy(self.lang));
        }
        text
    }

    fn moment(&self, at: Timestamp) -> String {
        moment(at, self.zone)
    }
}

/// A moment with the offset of the room's time zone.
pub(super) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
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
        let letter = Letter { id: "key-1", event, room, at, zone: &zone, lang, incident, alert: None };
        serde_json::from_str(&letter.json()).unwrap()
    }

    #[test]
    fn the_whole_document_is_as_documented() {
        assert_eq!(
            letter(Event::Opened, Lang::Id, Some(&incident())),
            json!({
                "version": 1,
                "id": "media_center.key-1",
                "event": "incident_opened",
                "room": "media_center",
                "room_title": "Ruang Media Center",
                "at": "2026-11-24T08:31:00.000+07:00",
                "lang": "id",
                "drill": false,
                "alert": null,
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
    fn the_reason_that_makes_it_as_bad_as_it_is_is_told() {
        static DEAD: ReasonDef =
            ReasonDef::new("internet.target_silent", Text::new("diam", "silent"), Text::new("cek", "check"));
        let mut incident = incident();
        let dead = Reason { def: &DEAD, verdict: Verdict::NotReady, ..incident.reasons[0].clone() };
        incident.reasons.insert(0, dead);
        let text = letter(Event::Opened, Lang::En, Some(&incident))["text"].to_string();
        assert!(text.contains("of packets are lost") && !text.contains("silent"), "{text}");
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
        let not_needed = Incident { closed_at: Some(incident().opened_at), ..incident() };
        let closed = letter(Event::Closed, Lang::Id, Some(&not_needed));
        let said = closed["text"].as_str().unwrap();
        assert!(said.contains("tidak diperlukan sekarang") && !said.contains("sudah pulih"), "{said}");
        let test = letter(Event::Test, Lang::Id, None);
        assert_eq!((&test["event"], &test["incident"]), (&json!("test"), &Value::Null));
    }
}
