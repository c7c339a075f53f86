//! A receiver that is the channel of the hand-held radios: the message is spoken ([`crate::radio`]).

use std::time::Duration;

use jiff::civil::DateTime;
use tokio::sync::Mutex;

use super::document::{Document, Event, IncidentPart};
use super::error::{DeliveryError, Failure, SetupError};
use crate::clock::Clock;
use crate::domain::{Notification, SecretFile};
use crate::radio::monitor::Room;
use crate::radio::{self, Fault, Message, OnAir, Station, TransmitError};

/// What was decided so long ago is not said any more: who hears it thinks that it is so now.
const NEWS: Duration = Duration::from_mins(15);

/// That all was ready is true for a shorter time.
const CALL: Duration = Duration::from_mins(5);

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
    on_air: Mutex<Option<Box<(Station, Clock)>>>,
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
        let station = Station::start(self.config.clone(), clock, on_air, room).await;
        *self.on_air.lock().await = Some(Box::new((station, clock)));
    }

    /// Makes one attempt. It has arrived when it was said once; whether somebody heard it, somebody must say.
    ///
    /// # Errors
    /// Why it was not said, and when another attempt makes sense.
    pub async fn deliver(&self, notification: &Notification) -> Result<(), DeliveryError> {
        let document = Document::of(notification)?;
        let mut on_air = self.on_air.lock().await;
        let Some((station, clock)) = on_air.as_deref_mut() else {
            return Err(DeliveryError::new(Failure::Local, "the radio has not begun yet"));
        };
        let Some(message) = message(&document) else { return Ok(()) };
        let message = if document.drill { Message::Drill(Box::new(message)) } else { message };
        let age = clock.now().wall.duration_since(notification.created_at);
        let news = if document.event == Event::RollCall { CALL } else { NEWS };
        if Duration::try_from(age).is_ok_and(|age| age > news) {
            return Err(DeliveryError::new(Failure::Refused, "too long ago to be said on the air"));
        }
        match station.transmit(&message).await {
            Ok(sent) => {
                let said = sent.transmissions.len();
                tracing::info!(said, unrepeated = sent.unrepeated, "said on the radio");
                Ok(())
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
fn message(document: &Document) -> Option<Message> {
    if let Some(alert) = &document.alert {
        let over = document.event == Event::AlertEnded;
        return Some(Message::Foreign { text: alert.text.clone(), since: civil(&alert.since)?, over });
    }
    let incident = match (&document.incident, document.event) {
        (None, Event::RollCall) => return Some(Message::RollCall { at: civil(&document.at)? }),
        (None, _) => return Some(Message::Test { twice: false }),
        // The operators themselves said so.
        (Some(_), Event::Acknowledged) => return None,
        (Some(incident), Event::Closed) => return Some(Message::Restored { component: incident.component }),
        (Some(incident), _) => incident,
    };
    Some(Message::Fault(Fault {
        room: document.room_title.clone(),
        component: incident.component,
        verdict: incident.verdict,
        code: leading(incident),
        since: civil(&incident.since)?,
        now: civil(&document.at)?,
        session: None,
        remedy: None,
    }))
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
    use super::*;

    #[test]
    fn a_moment_is_said_by_the_rooms_clock() {
        let at = civil("2026-11-24T08:30:00.250+07:00").unwrap();
        assert_eq!((at.hour(), at.minute()), (8, 30));
    }
}
