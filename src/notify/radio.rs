//! A receiver that is the channel of the hand-held radios: the message is spoken ([`crate::radio`]).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use tokio::sync::Mutex;

use super::document::{Document, Event, IncidentPart};
use super::error::{DeliveryError, Failure, SetupError};
use super::kinds::Spoken;
use crate::clock::Clock;
use crate::domain::{Notification, SecretFile, Verdict};
use crate::radio::monitor::{Meeting, Room};
use crate::radio::{self, Fault, Message, OnAir, Session, Station, TransmitError};

/// What belongs to a radio.
pub type Config = radio::Config;

impl Config {
    /// It names no secrets.
    pub fn secrets(&mut self) -> impl Iterator<Item = (&'static str, &mut SecretFile)> {
        std::iter::empty()
    }
}

/// A radio, ready to be spoken by.
#[derive(Debug)]
pub struct Ready {
    config: Config,
    on_air: Mutex<Option<Box<(Station, Room)>>>,
}

impl Ready {
    /// Makes one ready. Nothing is keyed yet.
    ///
    /// # Errors
    /// Never.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self { config: config.clone(), on_air: Mutex::default() })
    }

    /// Begins: whatever an earlier process left pressed is released.
    pub async fn begin(&self, clock: Clock, on_air: OnAir, room: Room) {
        let station = Station::start(self.config.clone(), clock, on_air, room.clone()).await;
        *self.on_air.lock().await = Some(Box::new((station, room)));
    }

    /// Sees to it that the key is held, between attempts.
    pub async fn tend(&self) {
        let mut on_air = self.on_air.lock().await;
        if let Some((station, _)) = on_air.as_deref_mut() {
            station.tend().await;
        }
    }

    /// Whether the key went down in the last attempt.
    pub async fn was_heard(&self) -> bool {
        self.on_air.lock().await.as_deref().is_some_and(|(station, _)| station.was_keyed())
    }

    /// Makes one attempt. It has arrived when it was said once; whether somebody heard it, somebody must say.
    ///
    /// # Errors
    /// Why it was not said, and when another attempt makes sense.
    pub async fn deliver(&self, notification: &Notification) -> Result<Spoken, DeliveryError> {
        self.say(&[Document::of(notification)?]).await
    }

    /// Says several words in one message: which components are amiss, and which are well again.
    ///
    /// # Errors
    /// As [`Ready::deliver`].
    pub async fn deliver_together(&self, words: &[Notification]) -> Result<Spoken, DeliveryError> {
        let documents: Vec<_> = words.iter().filter_map(|word| Document::of(word).ok()).collect();
        self.say(&documents).await
    }

    async fn say(&self, documents: &[Document]) -> Result<Spoken, DeliveryError> {
        let mut on_air = self.on_air.lock().await;
        let Some((station, room)) = on_air.as_deref_mut() else {
            return Err(DeliveryError::new(Failure::Local, "the radio has not begun yet"));
        };
        let Some(message) = together(documents, room.meeting().as_ref()) else {
            return Ok(Spoken(Some(String::new())));
        };
        match station.transmit(&message).await {
            Ok(sent) => {
                let said = sent.transmissions.len();
                tracing::info!(said, unrepeated = sent.unrepeated, "said on the radio");
                let words: Vec<String> =
                    sent.transmissions.into_iter().map(|transmission| transmission.words).collect();
                Ok(Spoken(Some(words.join("\n"))))
            }
            Err(error) => Err(DeliveryError { retry_after: error.retry_after(), ..failed(&error) }),
        }
    }
}

fn failed(error: &TransmitError) -> DeliveryError {
    let failure = match error {
        TransmitError::TooSoon(_) | TransmitError::AirtimeSpent(_) | TransmitError::Busy(_) => Failure::Unavailable,
        _ => Failure::Local,
    };
    DeliveryError::new(failure, error.to_string())
}

/// What is said of it; nothing of what only whoever reads needs to know.
fn message(document: &Document, meeting: Option<&Meeting>) -> Option<Message> {
    let message = words(document, meeting)?;
    Some(if document.drill { Message::Drill(Box::new(message)) } else { message })
}

fn words(document: &Document, meeting: Option<&Meeting>) -> Option<Message> {
    if let Some(alert) = &document.alert {
        let over = document.event == Event::AlertEnded;
        return Some(Message::Foreign { text: alert.text.clone(), since: civil(&alert.since)?, over });
    }
    let incident = match (&document.incident, document.event) {
        // No phrases are recorded for a meeting: word of it is read. What the operators themselves said, they know.
        (
            None,
            Event::SessionChanged
            | Event::SessionPreflight
            | Event::SessionLate
            | Event::SessionMadeUp
            | Event::SessionReported
            | Event::SessionCancelled
            | Event::SessionMoved
            | Event::SessionRestored,
        )
        | (Some(_), Event::Acknowledged) => return None,
        (None, Event::RollCall) => return Some(Message::RollCall { at: civil(&document.at)? }),
        (None, _) => return Some(Message::Test { twice: false }),
        // Whoever has heard of it would take it for mended.
        (Some(incident), Event::Closed) if !incident.is_well() => return None,
        (Some(incident), Event::Closed) => return Some(Message::Restored { component: incident.component }),
        // Well or not at this very moment, it goes to and fro: nothing is said of how it is now.
        (Some(incident), Event::Unstable) => {
            let unseen = incident.worst == Verdict::Unknown;
            return Some(Message::Unstable { component: incident.component, unseen });
        }
        (Some(incident), _) => incident,
    };
    Some(Message::Fault(Fault {
        room: document.room_title.clone(),
        component: incident.component,
        verdict: incident.verdict,
        code: leading(incident),
        since: civil(&incident.since)?,
        now: civil(&document.at)?,
        session: meeting.filter(|_| !document.drill).and_then(|meeting| threatened(document, meeting)),
        remedy: None,
    }))
}

/// The meeting that a fault threatens, by the room's own clock.
fn threatened(document: &Document, meeting: &Meeting) -> Option<Session> {
    Some(Session { title: meeting.title.clone(), start: offset(document)?.to_datetime(meeting.start) })
}

/// How far the room's clock is from UTC, as a document has it.
fn offset(document: &Document) -> Option<Offset> {
    Pieces::parse(&document.at).ok()?.to_numeric_offset()
}

/// A moment by the room's own clock, as a document has it.
pub(super) fn by_the_rooms_clock(document: &Document, at: Timestamp) -> Option<DateTime> {
    Some(offset(document)?.to_datetime(at))
}

/// One or several words as one message; none if only the operators themselves have said something. `meeting` is the one for which
/// it matters.
pub(super) fn together(documents: &[Document], meeting: Option<&Meeting>) -> Option<Message> {
    let mut said: Vec<_> = documents.iter().filter(|document| message(document, meeting).is_some()).collect();
    if let [only] = said[..] {
        return message(only, meeting);
    }
    said.sort_by_key(|document| std::cmp::Reverse(document.urgency()));
    let (mut faults, mut restored) = (Vec::new(), Vec::new());
    for (document, incident) in said.iter().filter_map(|document| Some((document, document.incident.as_ref()?))) {
        if document.event == Event::Closed {
            restored.push(incident.component);
        } else {
            faults.push(incident.component);
        }
    }
    (!faults.is_empty() || !restored.is_empty()).then_some(Message::Several { faults, restored })
}

fn leading(incident: &IncidentPart) -> Option<String> {
    incident.reasons.iter().find(|reason| reason.verdict == incident.verdict).map(|reason| reason.code.clone())
}

/// The room's own time, of a moment with its offset.
fn civil(moment: &str) -> Option<DateTime> {
    moment.parse().ok()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::domain::{Component, Incident, Lang};
    use crate::notify::payload::{Addressed, Letter};

    #[test]
    fn a_moment_is_said_by_the_rooms_clock() {
        let at = civil("2026-11-24T08:30:00.250+07:00").unwrap();
        assert_eq!((at.hour(), at.minute()), (8, 30));
    }

    fn said(event: Event, verdict: Verdict, is_over: bool) -> Option<Message> {
        let at = Timestamp::UNIX_EPOCH;
        let incident = Incident {
            id: "video-1".to_owned(),
            component: Component::Video,
            worst: Verdict::NotReady,
            verdict,
            reasons: Vec::new(),
            opened_at: at,
            closed_at: is_over.then_some(at),
            settling: false,
        };
        let letter = Letter {
            id: "k",
            event,
            room: Addressed { name: "room", title: "Ruang" },
            at,
            zone: &TimeZone::UTC,
            lang: Lang::Id,
            incident: Some(&incident),
            alert: None,
        };
        together(&[serde_json::from_str(&letter.json()).unwrap()], None)
    }

    #[test]
    fn that_something_goes_to_and_fro_is_said_also_where_it_is_well_at_this_moment() {
        for verdict in [Verdict::NotReady, Verdict::Ready] {
            let said = said(Event::Unstable, verdict, verdict == Verdict::Ready);
            assert_eq!(said, Some(Message::Unstable { component: Component::Video, unseen: false }));
        }
    }

    #[test]
    fn what_is_only_not_needed_any_more_is_not_said_to_be_mended() {
        let restored = Some(Message::Restored { component: Component::Video });
        assert_eq!(said(Event::Closed, Verdict::Ready, true), restored);
        assert_eq!(said(Event::Closed, Verdict::NotReady, true), None);
    }
}
