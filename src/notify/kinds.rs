//! The kinds of receivers, one file each, in one list.

use std::time::Duration;

use serde::Deserialize;

use super::error::{DeliveryError, SetupError};
use super::{alertmanager, command, email, ntfy, radio, room, sms, telegram, webhook};
use crate::clock::Clock;
use crate::domain::{Notification, SecretFile};
use crate::radio::OnAir;
use crate::radio::monitor::Room;

/// What was said on the air when a message arrived, a transmission a line: empty where nothing needed to be, `None` where nothing is
/// spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spoken(pub Option<String>);

impl From<()> for Spoken {
    fn from((): ()) -> Self {
        Self(None)
    }
}

macro_rules! receivers {
    ($($variant:ident => $module:ident, $help:literal);* $(;)?) => {
        /// How a receiver is reached.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[schemars(rename = "ReceiverKind")]
        pub enum Kind {
            $(#[doc = $help] $variant),*
        }

        impl Kind {
            /// All, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word in the config.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($module)),* }
            }
        }

        /// The kind-specific part of a receiver's config.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Way {
            $(#[doc = concat!("Of a `", stringify!($module), "` receiver.")] $variant($module::Config)),*
        }

        impl Way {
            /// Reads a kind's own keys.
            ///
            /// # Errors
            /// What `deserializer` cannot read, with the place and the allowed names.
            pub fn deserialize_as<'de, D: serde::Deserializer<'de>>(kind: Kind, deserializer: D) -> Result<Self, D::Error> {
                match kind {
                    $(Kind::$variant => <$module::Config as Deserialize>::deserialize(deserializer).map(Self::$variant)),*
                }
            }

            /// The secrets that it names, by key.
            pub fn secrets(&mut self) -> Vec<(&'static str, &mut SecretFile)> {
                match self { $(Self::$variant(config) => config.secrets().collect()),* }
            }

            /// How long one attempt may take, unless the config says otherwise: over a line, longer than a satellite's under
            /// load takes to answer; of letters, as long as a server may look through one (before it has it, it is waited for less); spoken, as long as it takes to say (on the air twice, and each time not before a busy channel is
            /// free): who is cut off in mid-word is said to have failed, and says it all again.
            pub const fn patience(&self) -> Duration {
                match self {
                    Self::Radio(config) => config.wait.0.saturating_mul(2).saturating_add(Duration::from_mins(2)),
                    Self::Room(_) => Duration::from_mins(2),
                    Self::Email(_) => email::PATIENCE,
                    _ => Duration::from_secs(10),
                }
            }

            /// Whether what has been overtaken by newer word is better left unsaid, and the rest said together.
            pub const fn is_fleeting(&self) -> bool {
                matches!(self, Self::Radio(_) | Self::Room(_))
            }

            /// The files that are beside the config, with their keys.
            pub fn folders(&mut self) -> Option<&mut std::path::PathBuf> {
                match self {
                    Self::Radio(config) => config.clips.as_mut(),
                    Self::Room(config) => config.clips.as_mut(),
                    _ => None,
                }
            }

            /// What does not fit together: the key, and why.
            pub const fn misfit(&self) -> Option<(&'static str, &'static str)> {
                match self {
                    Self::Email(config) => config.misfit(),
                    Self::Alertmanager(config) => config.misfit(),
                    _ => None,
                }
            }
        }

        /// The shape of a kind's own keys.
        pub fn schema(kind: Kind, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
            match kind { $(Kind::$variant => generator.subschema_for::<$module::Config>()),* }
        }

        /// A receiver of some kind, ready to deliver.
        #[derive(Debug)]
        pub enum Ready {
            $(#[doc = concat!("A `", stringify!($module), "` receiver.")] $variant($module::Ready)),*
        }

        impl Ready {
            /// Makes one ready. It contacts nobody yet.
            ///
            /// # Errors
            /// If its way of delivery cannot be set up on this machine.
            pub fn new(way: &Way) -> Result<Self, SetupError> {
                match way { $(Way::$variant(config) => $module::Ready::new(config).map(Self::$variant)),* }
            }

            /// Begins, before the first attempt. What is said on a radio's channel is noted in `on_air`; `room` tells whether it may
            /// be listened to by a second receiver.
            pub async fn begin(&self, clock: Clock, on_air: OnAir, room: Room) {
                match self {
                    Self::Radio(ready) => ready.begin(clock, on_air, room).await,
                    Self::Room(ready) => ready.begin(clock, room).await,
                    Self::Email(ready) => ready.begin(clock),
                    Self::Alertmanager(ready) => ready.begin(clock),
                    _ => {}
                }
            }

            /// Goes on from the one before of the same receiver, with what that has learned of the other end.
            pub async fn follow(&self, before: &Self) {
                if let (Self::Email(ready), Self::Email(before)) = (self, before) {
                    ready.follow(before).await;
                }
            }

            /// Sees to what it needs while nothing is said: a radio's key is to be in somebody's hand.
            pub async fn tend(&self) {
                if let Self::Radio(ready) = self {
                    ready.tend().await;
                }
            }

            /// Whether the last attempt was on the air, though it may have come to no end: somebody may have heard it.
            pub async fn was_heard(&self) -> bool {
                match self {
                    Self::Radio(ready) => ready.was_heard().await,
                    _ => false,
                }
            }

            /// Makes one attempt, with one word, or with all that are said together.
            ///
            /// # Errors
            /// Why it has not arrived, and whether another attempt makes sense.
            pub async fn deliver(&self, words: &[Notification]) -> Result<Spoken, DeliveryError> {
                // In a box: the largest kind's dialogue would else stand in every line.
                match (self, words) {
                    (Self::Radio(ready), [_, _, ..]) => Box::pin(ready.deliver_together(words)).await,
                    (Self::Room(ready), [_, _, ..]) => Box::pin(ready.deliver_together(words)).await.map(Spoken::from),
                    (_, []) => Ok(Spoken::default()),
                    (_, [word, ..]) => match self { $(Self::$variant(ready) => Box::pin(ready.deliver(word)).await.map(Spoken::from)),* },
                }
            }
        }
    };
}

receivers! {
    Radio => radio, "The channel of the hand-held radios: the message is spoken, and needs no network.";
    Room => room, "The room itself: a banner on its page, and a spoken notice while nobody meets there.";
    Webhook => webhook, "An HTTP POST of JSON.";
    Telegram => telegram, "A message of a Telegram bot.";
    Ntfy => ntfy, "A push message through an ntfy server.";
    Email => email, "An electronic letter, by SMTP.";
    Sms => sms, "Text messages of a modem on this machine, through gammu-smsd: they need no internet.";
    Command => command, "A program on this machine, which gets the JSON on its standard input.";
    Alertmanager => alertmanager, "An alert of Prometheus' Alertmanager.";
}
