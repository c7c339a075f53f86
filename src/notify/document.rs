//! A notification as it is stored and sent: one JSON document, stable.
//!
#![doc = include_str!("../../docs/notification.md")]

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

use super::error::{DeliveryError, Failure};
use crate::domain::{Component, Finest, Lang, Notification, Verdict, on_the_day};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Event {
    /// Something began to be wrong.
    #[serde(rename = "incident_opened")]
    Opened,
    /// It is wrong in another way.
    #[serde(rename = "incident_changed")]
    Changed,
    /// It is as wrong as it was, and nobody has said that they see to it.
    #[serde(rename = "incident_reminder")]
    Reminder,
    /// Somebody sees to it.
    #[serde(rename = "incident_acknowledged")]
    Acknowledged,
    /// It goes to and fro; more is said when it comes to rest.
    #[serde(rename = "incident_unstable")]
    Unstable,
    /// It is over.
    #[serde(rename = "incident_closed")]
    Closed,
    /// What was found of a booked meeting is another thing than was told last.
    #[serde(rename = "session_changed")]
    SessionChanged,
    /// Its preflight opens.
    #[serde(rename = "session_preflight")]
    SessionPreflight,
    /// Something that is checked by hand is due, and is not done.
    #[serde(rename = "session_late")]
    SessionLate,
    /// What was late is done.
    #[serde(rename = "session_made_up")]
    SessionMadeUp,
    /// It is over, and its report is made.
    #[serde(rename = "session_reported")]
    SessionReported,
    /// It is not held, and this receiver knew of it.
    #[serde(rename = "session_cancelled")]
    SessionCancelled,
    /// It is held at another hour than this receiver knew.
    #[serde(rename = "session_moved")]
    SessionMoved,
    /// It is held after all.
    #[serde(rename = "session_restored")]
    SessionRestored,
    /// The call of a working morning: all is ready, or (with an incident) what is not.
    #[serde(rename = "roll_call")]
    RollCall,
    /// Another system's alert began.
    #[serde(rename = "alert_began")]
    AlertBegan,
    /// It ended.
    #[serde(rename = "alert_ended")]
    AlertEnded,
    /// Somebody wants to see that messages arrive.
    #[serde(rename = "test")]
    Test,
}

impl Event {
    /// The word in the payload.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "incident_opened",
            Self::Changed => "incident_changed",
            Self::Reminder => "incident_reminder",
            Self::Acknowledged => "incident_acknowledged",
            Self::Unstable => "incident_unstable",
            Self::Closed => "incident_closed",
            Self::SessionChanged => "session_changed",
            Self::SessionPreflight => "session_preflight",
            Self::SessionLate => "session_late",
            Self::SessionMadeUp => "session_made_up",
            Self::SessionReported => "session_reported",
            Self::SessionCancelled => "session_cancelled",
            Self::SessionMoved => "session_moved",
            Self::SessionRestored => "session_restored",
            Self::RollCall => "roll_call",
            Self::AlertBegan => "alert_began",
            Self::AlertEnded => "alert_ended",
            Self::Test => "test",
        }
    }
}

/// The document.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) version: u32,
    pub(super) id: String,
    pub(super) event: Event,
    pub(super) room: String,
    pub(super) room_title: String,
    pub(super) at: String,
    pub(super) lang: Lang,
    /// What an earlier version stored is none.
    #[serde(default)]
    pub(super) drill: bool,
    pub(super) text: String,
    pub(super) incident: Option<IncidentPart>,
    /// What an earlier version stored has none.
    #[serde(default)]
    pub(super) session: Option<SessionPart>,
    /// What an earlier version stored has none.
    #[serde(default)]
    pub(super) alert: Option<AlertPart>,
}

/// Of which booked meeting it speaks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SessionPart {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) profile: String,
    pub(super) start: String,
    pub(super) end: String,
    /// What an earlier version stored has none.
    #[serde(default)]
    pub(super) moved_from: Option<String>,
    pub(super) before_seconds: Option<u64>,
    pub(super) verdict: Verdict,
    pub(super) verdict_title: String,
    pub(super) summary: String,
    pub(super) reasons: Vec<String>,
    pub(super) confirmed_verdict: Option<Verdict>,
    pub(super) confirmed_reasons: Vec<String>,
    pub(super) evidence_id: Option<String>,
    pub(super) tasks: Vec<String>,
    /// What an earlier version stored has none.
    #[serde(default)]
    pub(super) items: Vec<String>,
}

/// Of which alert of another system it speaks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AlertPart {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) severity: String,
    pub(super) text: String,
    pub(super) since: String,
    pub(super) ended_at: Option<String>,
}

/// Of which incident it speaks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IncidentPart {
    pub(super) id: String,
    pub(super) component: Component,
    pub(super) component_title: String,
    pub(super) verdict: Verdict,
    pub(super) verdict_title: String,
    pub(super) worst: Verdict,
    pub(super) since: String,
    pub(super) closed_at: Option<String>,
    pub(super) reasons: Vec<ReasonPart>,
}

impl IncidentPart {
    /// Whether it has come back, and is not only not needed any more.
    pub(super) fn is_well(&self) -> bool {
        self.verdict == Verdict::Ready
    }
}

/// One reason.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReasonPart {
    pub(super) code: String,
    pub(super) verdict: Verdict,
    pub(super) message: String,
    pub(super) detail: Option<String>,
    pub(super) remedy: String,
    pub(super) since: String,
    pub(super) blocked_by: Option<String>,
}

/// The `id` of a notification's document; its key, where the document has none.
pub(super) fn id(notification: &Notification) -> String {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    serde_json::from_str(&notification.payload).map_or_else(|_| notification.key.to_string(), |Named { id }| id)
}

impl Document {
    /// Reads a notification's document again.
    ///
    /// # Errors
    /// If it is of another version than this one writes: it cannot be put into another shape, ever.
    pub(super) fn of(notification: &Notification) -> Result<Self, DeliveryError> {
        serde_json::from_str(&notification.payload).map_err(|error| {
            DeliveryError::new(Failure::Refused, format!("the stored message cannot be read: {error}"))
        })
    }

    /// One line that says which room, what, and how it stands.
    pub(super) fn subject(&self) -> String {
        if let Some(session) = &self.session {
            let stands = match (self.event, self.lang) {
                (Event::SessionCancelled, Lang::Id) => "dibatalkan",
                (Event::SessionCancelled, Lang::En) => "cancelled",
                (Event::SessionMoved, Lang::Id) => "dipindah",
                (Event::SessionMoved, Lang::En) => "moved",
                (Event::SessionRestored, Lang::Id) => "jadi diadakan",
                (Event::SessionRestored, Lang::En) => "takes place after all",
                _ => &session.verdict_title,
            };
            return format!("{}: {} – {stands}", self.room_title, session.title);
        }
        if let Some(alert) = &self.alert {
            let over = match (self.event, self.lang) {
                (Event::AlertEnded, Lang::Id) => " – selesai",
                (Event::AlertEnded, Lang::En) => " – over",
                _ => "",
            };
            return format!("{}: {}{over}", self.room_title, alert.name);
        }
        let mark = if self.drill { drill_mark(self.lang) } else { "" };
        match &self.incident {
            Some(incident) => {
                let stands = match (self.event, self.lang) {
                    // It is mostly seen at an end, which says "ready" and means nothing.
                    (Event::Unstable, Lang::Id) if incident.worst == Verdict::Unknown => {
                        "Berulang kali tidak terpantau"
                    }
                    (Event::Unstable, Lang::En) if incident.worst == Verdict::Unknown => {
                        "Cannot be seen again and again"
                    }
                    (Event::Unstable, Lang::Id) => "Tidak stabil",
                    (Event::Unstable, Lang::En) => "Unstable",
                    (Event::Closed, Lang::Id) if !incident.is_well() => "Tidak diperlukan sekarang",
                    (Event::Closed, Lang::En) if !incident.is_well() => "Not needed now",
                    _ => &incident.verdict_title,
                };
                format!("{mark}{}: {} – {stands}", self.room_title, incident.component_title)
            }
            None if self.event == Event::RollCall => match self.lang {
                Lang::Id => format!("{}: ruangan siap", self.room_title),
                Lang::En => format!("{}: all is ready", self.room_title),
            },
            None => match self.lang {
                Lang::Id => format!("{}: pesan uji", self.room_title),
                Lang::En => format!("{}: test message", self.room_title),
            },
        }
    }

    /// All of it in plain text: the few sentences, then every reason with what to do, then since when.
    pub(super) fn body(&self) -> String {
        let mut lines = vec![self.text.clone()];
        let Some(incident) = &self.incident else { return self.text.clone() };
        let (also, since, until) = match self.lang {
            Lang::Id => ("Semua sebab:", "Sejak", "Sampai"),
            Lang::En => ("All reasons:", "Since", "Until"),
        };
        if self.event != Event::Closed && incident.reasons.len() > 1 {
            lines.push(String::new());
            lines.push(also.to_owned());
            lines.extend(incident.reasons.iter().map(|reason| format!("- {}. {}.", reason.message, reason.remedy)));
        }
        lines.push(String::new());
        lines.push(format!("{since}: {}", for_people(&incident.since, self.lang)));
        if let Some(closed_at) = incident.closed_at.as_ref().filter(|_| self.event != Event::Unstable) {
            lines.push(format!("{until}: {}", for_people(closed_at, self.lang)));
        }
        lines.join("\n")
    }

    /// How much it presses: 2 what stops a meeting, 1 what does not, 0 what is over or a test.
    pub(super) fn urgency(&self) -> u8 {
        if let Some(session) = &self.session {
            return match (self.event, session.verdict) {
                // What staff must go and do now, or need not, whatever the room is.
                (
                    Event::SessionPreflight
                    | Event::SessionLate
                    | Event::SessionCancelled
                    | Event::SessionMoved
                    | Event::SessionRestored,
                    _,
                ) => 1,
                (Event::SessionMadeUp | Event::SessionReported, _) | (_, Verdict::Ready) => 0,
                (_, Verdict::NotReady) => 2,
                _ => 1,
            };
        }
        if let Some(alert) = &self.alert {
            return match self.event {
                Event::AlertEnded => 0,
                _ if alert.severity == "critical" => 2,
                _ => 1,
            };
        }
        match &self.incident {
            // That somebody sees to it wakes nobody.
            Some(_) if self.event == Event::Acknowledged => 0,
            Some(incident) if self.event != Event::Closed => {
                if incident.verdict == Verdict::NotReady {
                    2
                } else {
                    1
                }
            }
            _ => 0,
        }
    }
}

/// What everything that is only practised begins with.
pub(super) const fn drill_mark(lang: Lang) -> &'static str {
    match lang {
        Lang::Id => "LATIHAN – ",
        Lang::En => "DRILL – ",
    }
}

/// `2026-11-24T08:30:00.250+07:00` as `24 November 2026 pukul 08.30 WIB`, in English with `+07`; what is no such moment stays as it is.
fn for_people(moment: &str, lang: Lang) -> String {
    let offset = Pieces::parse(moment).ok().and_then(|pieces| pieces.to_numeric_offset());
    match (moment.parse::<Timestamp>(), offset) {
        (Ok(at), Some(offset)) => on_the_day(at, &called(offset, lang), lang, Finest::Minute),
        _ => moment.to_owned(),
    }
}

/// By the name that Indonesians give to such a time, wherever the room is.
fn called(offset: Offset, lang: Lang) -> TimeZone {
    let place = match (lang, offset.seconds()) {
        (Lang::Id, 25_200) => "Asia/Jakarta",
        (Lang::Id, 28_800) => "Asia/Makassar",
        (Lang::Id, 32_400) => "Asia/Jayapura",
        _ => return offset.to_time_zone(),
    };
    TimeZone::get(place).unwrap_or_else(|_| offset.to_time_zone())
}

/// At most `most` units of what `size` counts in a character, with an ellipsis where something was cut off.
pub(super) fn shortened(text: &str, most: usize, ellipsis: &str, size: impl Fn(char) -> usize) -> String {
    let length = |text: &str| text.chars().map(&size).sum::<usize>();
    if length(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(length(ellipsis));
    let mut used = 0;
    let kept = text.chars().take_while(|c| {
        used += size(*c);
        used <= room
    });
    kept.collect::<String>().trim_end().to_owned() + ellipsis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_is_seen_to_be() {
        assert_eq!(shortened("kamera", 6, "…", |_| 1), "kamera");
        assert_eq!(shortened("kamera mati", 8, "…", |_| 1), "kamera…");
        assert_eq!(shortened("aé😀b", 8, "...", char::len_utf8), "aé😀b");
        assert_eq!(shortened("aé😀bcd", 8, "...", char::len_utf8), "aé...");
        assert_eq!(shortened("kamera", 0, "", |_| 1), "");
    }

    #[test]
    fn what_is_sent_again_has_the_id_that_it_had_also_where_an_older_version_stored_it() {
        let of = |payload: &str| id(&Notification::new("k", &"desk".into(), None, payload, Timestamp::UNIX_EPOCH));
        assert_eq!([r#"{"id":"aula.k","event":"test"}"#, r#"{"id":"k"}"#, ""].map(of), ["aula.k", "k", "k"]);
    }

    #[test]
    fn a_moment_is_told_without_its_seconds() {
        let stamp = "2026-11-24T08:30:00.250+07:00";
        assert_eq!(for_people(stamp, Lang::Id), "24 November 2026 pukul 08.30 WIB");
        assert_eq!(for_people("2026-11-24T08:30:00+05:30", Lang::Id), "24 November 2026 pukul 08.30 +05:30");
        assert_eq!(for_people(stamp, Lang::En), "24 November 2026 at 08:30 +07");
        assert_eq!(for_people("kemarin", Lang::Id), "kemarin");
    }
}
