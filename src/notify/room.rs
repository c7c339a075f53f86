//! A receiver that is the room itself: a banner on its page, which stands by what is stored, and a spoken notice while nobody meets
//! there ([`crate::radio::notice`]).

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Mutex;

use super::document::Document;
use super::error::{DeliveryError, Failure, SetupError};
use super::radio::{by_the_rooms_clock, together};
use super::routes::Hours;
use crate::clock::Clock;
use crate::domain::{GiveUp, Notification, SecretFile};
use crate::radio::monitor::Room;
use crate::radio::notice::{Loudspeaker, Unspoken, announce};

/// How soon it is looked again whether the room is in use.
const AGAIN: Duration = Duration::from_secs(2);

/// What belongs to the room.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RoomReceiver")]
pub struct Config {
    /// ALSA's name of the room's loudspeaker ("pulse" for a sound server); without one there is the banner alone.
    #[serde(default)]
    pub play: Option<String>,
    /// The folder of recorded phrases (`siaga radio phrases` lists them).
    #[serde(default)]
    pub clips: Option<PathBuf>,
    /// Whether what no clip has is spoken by `espeak-ng`; if not, such a notice is not spoken.
    #[serde(default = "yes")]
    pub synthesis: bool,
    /// Whether the title of the meeting that is threatened is said.
    #[serde(default = "yes")]
    pub titles: bool,
    /// At these hours, in the room's time zone, as `"21:00-06:00"`, nothing is spoken; without them it may be at all.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub quiet_hours: Option<Hours>,
}

const fn yes() -> bool {
    true
}

impl Config {
    /// It names no secrets.
    pub fn secrets(&mut self) -> impl Iterator<Item = (&'static str, &mut SecretFile)> {
        std::iter::empty()
    }

    fn loudspeaker(&self) -> Option<Loudspeaker> {
        let Self { clips, synthesis, titles, .. } = self.clone();
        Some(Loudspeaker { play: self.play.clone()?, clips, synthesis, titles })
    }
}

/// A room, ready to be spoken in.
#[derive(Debug)]
pub struct Ready {
    config: Config,
    around: Mutex<Option<Box<(Clock, Room)>>>,
}

impl Ready {
    /// Makes one ready. Nothing is opened yet.
    ///
    /// # Errors
    /// Never.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self { config: config.clone(), around: Mutex::default() })
    }

    /// Begins: by `room` is known whether somebody meets there.
    pub async fn begin(&self, clock: Clock, room: Room) {
        *self.around.lock().await = Some(Box::new((clock, room)));
    }

    /// Makes one attempt. The banner stands already; what may not be spoken is not spoken later either.
    ///
    /// # Errors
    /// Why it was not spoken.
    pub async fn deliver(&self, notification: &Notification) -> Result<(), DeliveryError> {
        self.speak(&[Document::of(notification)?]).await
    }

    /// Says several words in one notice.
    ///
    /// # Errors
    /// As [`Ready::deliver`].
    pub async fn deliver_together(&self, words: &[Notification]) -> Result<(), DeliveryError> {
        let documents: Vec<_> = words.iter().filter_map(|word| Document::of(word).ok()).collect();
        self.speak(&documents).await
    }

    async fn speak(&self, documents: &[Document]) -> Result<(), DeliveryError> {
        let Some(by) = self.config.loudspeaker() else { return Ok(()) };
        // Held while it speaks: one notice at a time.
        let around = self.around.lock().await;
        let Some((clock, room)) = around.as_deref() else {
            return Err(DeliveryError::new(Failure::Local, "the room has not begun yet"));
        };
        let Some(message) = together(documents, room.meeting().as_ref()) else { return Ok(()) };
        let now = documents.first().and_then(|document| by_the_rooms_clock(document, clock.now().wall));
        if let (Some(quiet), Some(now)) = (self.config.quiet_hours, now)
            && quiet.holds(now.time())
        {
            return Err(DeliveryError::withheld(GiveUp::QuietHours, "nothing is spoken in the room at this hour"));
        }
        match announce(&message, &by, room.clone(), *clock).await {
            Ok(()) => {
                tracing::info!("said in the room");
                Ok(())
            }
            Err(why) => Err(unspoken(&why)),
        }
    }
}

fn unspoken(why: &Unspoken) -> DeliveryError {
    match why {
        Unspoken::Meeting => DeliveryError::withheld(GiveUp::Meeting, why.to_string()),
        Unspoken::InUse => DeliveryError::withheld(GiveUp::RoomInUse, why.to_string()),
        Unspoken::NotKnown => {
            DeliveryError { retry_after: Some(AGAIN), ..DeliveryError::new(Failure::Unavailable, why.to_string()) }
        }
        Unspoken::Voice(_) => DeliveryError::new(Failure::Local, why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_of_a_room_is_read_and_what_it_does_not_know_is_refused() {
        let bare: Config = toml::from_str("").unwrap();
        assert!(bare.loudspeaker().is_none() && bare.quiet_hours.is_none() && bare.synthesis);
        let full: Config = toml::from_str("play = 'pulse'\nquiet_hours = '21:00-06:00'").unwrap();
        let quiet = full.quiet_hours.unwrap();
        let time = |text: &str| text.parse::<jiff::civil::Time>().unwrap();
        assert!(quiet.holds(time("21:00:00")) && quiet.holds(time("05:59:59")) && quiet.holds(time("00:00:00")));
        assert!(!quiet.holds(time("06:00:00")) && !quiet.holds(time("12:00:00")));
        assert!(toml::from_str::<Config>("quiet_hours = 'malam'").unwrap_err().message().contains("no hours"));
        assert!(toml::from_str::<Config>("loud = true").unwrap_err().message().contains("unknown field `loud`"));
    }
}
