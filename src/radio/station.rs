//! A station: says a message on the channel, when nobody else does, and not too often.
//!
//! ```text
//!   prepare the words ──► hold the card ──► wait for quiet ──► key ──► lead-in, words, tail ──► release ──► listen 2 s ──► again
//! ```

use std::time::Duration;

use tokio::process::Child;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::airtime::{Airtime, Withheld};
use super::channel::{Listens, NotQuiet, quiet};
use super::config::{Busy, Config, LONGEST, Ptt};
use super::guard::{BEAT, Cut, Order, Post, Said};
use super::held::{Held, unexpected};
use super::message::{Manner, Message};
use super::monitor::{Monitor, Room};
use super::speech::{Voice, odd};
use super::voice::{self, Plan, Prepared};
use super::words::{self, Script};
use crate::clock::Clock;
use crate::probe::on_air::{Echo, OnAir};

/// What a transmission may take longer than its sound: the card's buffer, and a busy machine.
const LATE: Duration = Duration::from_secs(5);

/// How long a second receiver may take to bring the last word: squelch, buffers, a busy machine.
const BACK: Duration = Duration::from_secs(1);

/// How long a killed voice may take to give its card back.
const GONE: Duration = Duration::from_secs(1);

/// A radio that can be spoken by.
#[derive(Debug)]
pub struct Station {
    config: Config,
    clock: Clock,
    guard: Option<Held>,
    /// The guard that was started last and has said nothing.
    silent: Option<Child>,
    on_air: OnAir,
    /// Under which its transmissions are in the books.
    channel: String,
    room: Room,
    /// Whether the key went down for the message that was to be said last.
    was_keyed: bool,
}

/// What was said.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// Each transmission.
    pub transmissions: Vec<Transmission>,
    /// Why the repeat is missing, where one was due: the channel was not quiet again, or the radio failed. Once it was heard.
    pub unrepeated: Option<String>,
}

/// One transmission.
#[derive(Clone, Debug, PartialEq)]
pub struct Transmission {
    /// Its words.
    pub words: String,
    /// What they came to.
    pub prepared: Prepared,
    /// How long the key was pressed; with VOX, how long there was sound.
    pub keyed: Duration,
    /// How often the card ran dry: so many gaps were heard.
    pub dry: u32,
    /// Whether a second receiver heard it, and what that is taken from; `None` where none listened.
    pub echo: Option<(Echo, String)>,
}

/// Why nothing was said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransmitError {
    /// The last message was too short ago.
    #[error("the last message was too short ago; the next may follow in {0:?}")]
    TooSoon(Duration),
    /// The hour's airtime is spent.
    #[error("this hour's airtime is spent; there is some in {0:?}")]
    AirtimeSpent(Duration),
    /// Others spoke all the time.
    #[error("the channel was busy for {0:?}")]
    Busy(Duration),
    /// It is not seen whether others speak.
    #[error("it is not seen whether the channel is free: {0}")]
    ChannelUnseen(String),
    /// The words did not become sound, or the card did not take it.
    #[error("the words cannot be spoken: {0}")]
    Voice(String),
    /// The key.
    #[error("the radio's key: {0}")]
    Key(String),
    /// The guard ended the transmission.
    #[error("the guard cut the transmission off: {0:?}")]
    Cut(Cut),
}

impl TransmitError {
    /// After how long another attempt makes sense at the earliest; `None` where that is not known. Every attempt may succeed
    /// later: somebody plugs the radio in.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooSoon(wait) | Self::AirtimeSpent(wait) => Some(*wait),
            _ => None,
        }
    }
}

impl Station {
    /// A station; its guard is started, which releases what an earlier daemon may have left pressed. Without a guard it is tried
    /// again at the first message, and whenever the station is tended. What it may say depends on what `on_air` knows to have been said; `room` tells whether a second
    /// receiver may be listened to.
    pub async fn start(config: Config, clock: Clock, on_air: OnAir, room: Room) -> Self {
        let channel = config.frequency.to_string();
        let mut station = Self { config, clock, guard: None, silent: None, on_air, channel, room, was_keyed: false };
        match station.guard().await {
            Ok(guard) => station.guard = Some(guard),
            Err(why) => {
                tracing::warn!(%why, "the radio's key cannot be held; it is tried again each minute and at a message");
            }
        }
        station
    }

    /// Sends for a guard where there is none: what the last one could not release is still pressed, and a new one releases it as soon as it
    /// can. One that hangs is waited for once, and no other is started meanwhile. To be done now and then while nothing is said.
    pub async fn tend(&mut self) {
        if self.guard.is_some() {
            return;
        }
        match self.guard().await {
            Ok(guard) => {
                tracing::info!("the radio's key is held");
                self.guard = Some(guard);
            }
            Err(why) => tracing::debug!(%why, "the radio's key cannot be held yet"),
        }
    }

    /// Says a message. At once, if the channel is free and nothing was said for a while.
    ///
    /// # Errors
    /// Why nothing of it was said. What was said once and not repeated is no error.
    pub async fn transmit(&mut self, message: &Message) -> Result<Sent, TransmitError> {
        self.was_keyed = false;
        self.admit(Duration::ZERO)?;
        let voices = self.prepare(message).await?;
        let edges = self.config.lead_in.0 + self.config.tail.0;
        self.admit(voices.iter().map(|(_, voice)| voice.length() + edges).sum())?;
        let mut sent = Sent { transmissions: Vec::new(), unrepeated: None };
        for (script, voice) in voices {
            let listens = match (sent.transmissions.is_empty(), message.is_urgent()) {
                (true, true) => Listens::Briefly,
                (true, false) => Listens::ByChance,
                (false, _) => Listens::Long,
            };
            match self.say(&script, voice, listens).await {
                Ok(transmission) => sent.transmissions.push(transmission),
                Err(error) if sent.transmissions.is_empty() => return Err(error),
                Err(error) => {
                    sent.unrepeated = Some(error.to_string());
                    break;
                }
            }
        }
        self.on_air.said(&self.channel, self.clock.now().wall);
        Ok(sent)
    }

    /// Whether some of the last message was on the air, whatever became of it.
    pub const fn was_keyed(&self) -> bool {
        self.was_keyed
    }

    fn admit(&self, needed: Duration) -> Result<(), TransmitError> {
        let airtime = Airtime { min_gap: self.config.min_gap.0, budget: self.config.airtime.0 };
        let now = self.clock.mono();
        airtime.admit(&self.on_air.airtime(&self.channel, now), needed, now).map_err(|withheld| match withheld {
            Withheld::Gap(wait) => TransmitError::TooSoon(wait),
            Withheld::Budget(wait) => TransmitError::AirtimeSpent(wait),
        })
    }

    /// The fullest words that are said in time, each transmission with a voice that has them ready.
    async fn prepare(&self, message: &Message) -> Result<Vec<(Script, Voice)>, TransmitError> {
        let config = &self.config;
        let manner = Manner { station: &config.station, ending: config.ending, titles: config.titles };
        let mut longest = Duration::ZERO;
        for scripts in message.transmissions(manner) {
            // At once: the first word waits for all of them.
            let voices = scripts.into_iter().map(async |script| Ok((self.voice(&script).await?, script)));
            let voices = futures_util::future::try_join_all(voices).await?;
            let voices: Vec<_> = voices.into_iter().map(|(voice, script)| (script, voice)).collect();
            longest = voices.iter().map(|(_, voice)| voice.length()).max().unwrap_or_default();
            if longest <= LONGEST {
                return Ok(voices);
            }
        }
        Err(TransmitError::Voice(format!("the shortest form takes {longest:.0?}, more than {LONGEST:?}")))
    }

    async fn voice(&self, script: &Script) -> Result<Voice, TransmitError> {
        let config = &self.config;
        let plan = Plan {
            script: script.clone(),
            clips: config.clips.clone(),
            synthesis: config.synthesis,
            lead_in: config.lead_in,
            tone: matches!(config.ptt, Ptt::Vox {}),
            tail: config.tail,
            play: config.play.clone(),
        };
        Voice::prepare(&plan).await.map_err(TransmitError::Voice)
    }

    /// The guard, or a new one. It is given back when its key is known to be up: whoever drops it, as one does who gives a
    /// transmission up, has it release at once.
    async fn guard(&mut self) -> Result<Held, String> {
        if let Some(held) = self.guard.take() {
            return Ok(held);
        }
        let config = &self.config;
        let (ptt, busy, limit) = (config.ptt.clone(), config.busy.clone(), config.key_limit);
        Held::start(&Post { ptt, busy, limit }, &mut self.silent).await
    }

    /// One transmission, from a quiet channel until the key is up again.
    async fn say(
        &mut self,
        script: &Script,
        mut voice: Voice,
        listens: Listens,
    ) -> Result<Transmission, TransmitError> {
        let (clock, wait, busy) = (self.clock, self.config.wait.0, self.config.busy.clone());
        let mut guard = self.guard().await.map_err(TransmitError::Key)?;
        if let Err(why) = voice.open().await {
            self.guard = Some(guard);
            return Err(TransmitError::Voice(why));
        }
        let mut monitor = self.monitor();
        match quiet(&busy, &mut guard, clock, wait, listens).await {
            Ok(ear) => {
                let ear = ear.filter(|_| self.is_monitored_by(&busy));
                monitor = monitor.or_else(|| Monitor::by(ear?, self.room.clone()));
            }
            Err(NotQuiet::Busy) => {
                self.guard = Some(guard);
                return Err(TransmitError::Busy(wait));
            }
            Err(NotQuiet::Unseen(why)) => {
                // It was not the guard that listened. Else it is not known whether that is still there: another one is started at the next try.
                if let Busy::Audio { .. } = busy {
                    self.guard = Some(guard);
                }
                return Err(TransmitError::ChannelUnseen(why));
            }
        }
        if let Some(monitor) = &mut monitor {
            monitor.forget();
        }
        let began = clock.mono();
        let edges = self.config.lead_in.0 + self.config.tail.0;
        self.on_air.begins(&self.channel, voice.length() + edges, clock.now());
        let said = match guard.order(Order::On).await {
            Ok(Said::On) => {
                self.was_keyed = true;
                Self::play(&mut guard, &mut voice, clock, monitor.as_mut()).await
            }
            Ok(other) => Err(TransmitError::Key(unexpected(other))),
            Err(why) => Err(TransmitError::Key(why)),
        };
        // The sound ends before the key comes up, whatever happened. An error means that the voice has ended by itself.
        _ = voice.child.start_kill();
        let released = guard.order(Order::Off).await;
        let end = clock.mono();
        // The repeat finds the card free. One that hangs in its driver is not waited for.
        _ = timeout(GONE, voice.child.wait()).await;
        let keyed = end.since(began);
        // What went wrong may have been heard too.
        self.on_air.ends(&self.channel, keyed, clock.now());
        if matches!(released, Ok(Said::Off)) {
            self.guard = Some(guard);
        } else {
            // It may still be pressed, and the guard's fate is not known: a new one releases first.
            drop(guard);
            let again = self.guard().await;
            tracing::error!(?released, ?again, "the radio's key was not seen to come up; another guard was sent for");
            self.guard = again.ok();
        }
        let dry = said?;
        let echo = match monitor {
            Some(monitor) => Some(self.echo(monitor, &voice.prepared.levels).await),
            None => None,
        };
        Ok(Transmission { words: words::read(script), prepared: voice.prepared, keyed, dry, echo })
    }

    /// The second receiver, where there is one, it does not tell whether the channel is busy too, and the room lets it be.
    fn monitor(&self) -> Option<Monitor> {
        let capture = self.config.monitor.as_deref().filter(|_| !self.is_monitored_by(&self.config.busy))?;
        Monitor::open(capture, self.room.clone())
    }

    /// A card is not opened twice.
    fn is_monitored_by(&self, busy: &Busy) -> bool {
        matches!(busy, Busy::Audio { capture, .. } if self.config.monitor.as_ref() == Some(capture))
    }

    /// What it heard, once the last word had its time to come back.
    async fn echo(&self, mut monitor: Monitor, said: &[f64]) -> (Echo, String) {
        let late = self.clock.mono().after(BACK);
        while monitor.listens() && self.clock.mono() < late {
            monitor.listen().await;
        }
        let (echo, why) = monitor.verdict(said);
        tracing::info!(?echo, why, "the second receiver");
        self.on_air.echoed(&self.channel, echo);
        (echo, why)
    }

    /// Plays, and keeps the key pressed meanwhile. Tells how often the card ran dry.
    async fn play(
        guard: &mut Held,
        voice: &mut Voice,
        clock: Clock,
        mut monitor: Option<&mut Monitor>,
    ) -> Result<u32, TransmitError> {
        // Lead-in and tail are three seconds each at most.
        let end = clock.mono().after(voice.length() + Duration::from_secs(6) + LATE);
        voice.tell(voice::Order::Play).await.map_err(TransmitError::Voice)?;
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                said = voice.hear() => return match said {
                    Ok(voice::Said::Done(dry)) => Ok(dry),
                    Ok(other) => Err(TransmitError::Voice(odd(other))),
                    Err(why) => Err(TransmitError::Voice(why)),
                },
                said = guard.hear() => return match said {
                    Ok(Said::Cut(why)) => Err(TransmitError::Cut(why)),
                    Ok(other) => Err(TransmitError::Key(unexpected(other))),
                    Err(why) => Err(TransmitError::Key(why)),
                },
                () = heard(monitor.as_deref_mut()) => {}
                _ = beats.tick() => guard.beat().await.map_err(TransmitError::Key)?,
                () = clock.sleep_until(end) => return Err(TransmitError::Voice("the card does not come to an end".to_owned())),
            }
        }
    }
}

/// The next tenth of a second at a second receiver; for ever without one.
async fn heard(monitor: Option<&mut Monitor>) {
    match monitor {
        Some(monitor) => monitor.listen().await,
        None => std::future::pending().await,
    }
}
