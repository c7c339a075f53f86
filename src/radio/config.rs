//! What the config says of the radio: which channel, by what right, how it is keyed, how much it may say.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::bands;
use crate::domain::{Frequency, Period};
use crate::probe::audio::Named;
use crate::probe::radio::Interface;
use crate::probe::range::within;

/// A radio at a sound card. It is off until its frequency, its licence and its station's name are here.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Written")]
#[schemars(rename = "Radio")]
pub struct Config {
    /// The channel's frequency, as the licence has it: `"162.475 MHz"`. It sets nothing at the radio.
    pub frequency: Frequency,
    /// The number of the licence (ISR).
    pub licence: Arc<str>,
    /// Who calls, as it is said on the air: at most four words.
    pub station: Arc<str>,
    /// The ALSA PCM that the radio's microphone input hangs on, such as `"plughw:CARD=Device,DEV=0"`.
    pub play: String,
    /// How the radio is made to transmit.
    pub ptt: Ptt,
    /// How it is seen that somebody else speaks.
    pub busy: Busy,
    /// The ALSA PCM on which a second set's loudspeaker hangs, tuned to the channel.
    pub monitor: Option<String>,
    /// Silence (with `vox` a tone) between keying and the first word, so that nothing of it is cut off. A tone squelch or a
    /// repeater needs a second.
    pub lead_in: Period,
    /// Silence between the last word and the release.
    pub tail: Period,
    /// After so long the guard releases the key, whatever happens.
    pub key_limit: Period,
    /// How long a busy channel is waited for.
    pub wait: Period,
    /// The least pause between one message's end and the next one's beginning.
    pub min_gap: Period,
    /// How much of an hour may be spent transmitting.
    pub airtime: Period,
    /// The folder of recorded phrases (`siaga radio phrases` lists them).
    pub clips: Option<PathBuf>,
    /// Whether what no clip has is spoken by `espeak-ng`; if not, such a message is not sent.
    pub synthesis: bool,
    /// Whether the meeting's title is said; everybody on the channel hears it.
    pub titles: bool,
    /// The last word of the last transmission.
    pub ending: Ending,
    /// Whom to tell what could not be said, by the receivers' names; `None` for all that write.
    pub instead: Option<Vec<Arc<str>>>,
}

impl Config {
    /// What of it can be pulled out, for whoever watches the radio.
    pub fn interface(&self) -> Interface {
        let (key, server) = match &self.ptt {
            Ptt::Vox {} => (None, None),
            Ptt::Serial { port: key, .. } | Ptt::Cm108 { device: key, .. } | Ptt::Gpio { chip: key, .. } => {
                (Some(key.clone()), None)
            }
            Ptt::Rigctld { address } => (None, Some(*address)),
        };
        Interface { card: Named::of_pcm(&self.play), key, server, channel: Some(self.frequency.to_string()) }
    }

    /// The ALSA PCMs that lead to a radio, with their keys: by `play` it is spoken, by the others listened.
    pub fn pcms(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let listened_to = match &self.busy {
            Busy::Audio { capture, .. } => Some(("busy", capture.as_str())),
            _ => None,
        };
        let monitor = self.monitor.as_deref().map(|monitor| ("monitor", monitor));
        [Some(("play", self.play.as_str())), listened_to, monitor].into_iter().flatten()
    }
}

/// How the radio is made to transmit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ptt {
    /// By its own ear (VOX): a tone opens it, and it ends by itself. Nothing is wired, and nothing can be released.
    Vox {},
    /// By a line of a serial port.
    Serial {
        /// The port, such as `/dev/serial/by-id/…`.
        port: PathBuf,
        /// Which line.
        line: Output,
        /// Whether a low line keys.
        #[serde(default)]
        inverted: bool,
    },
    /// By a pin of a USB sound chip of the CM108 family.
    Cm108 {
        /// Its `/dev/hidraw…`.
        device: PathBuf,
        /// The pin, 1 to 8.
        #[serde(default = "third", deserialize_with = "pin")]
        pin: u8,
    },
    /// By Hamlib's `rigctld`.
    Rigctld {
        /// Where it listens.
        #[serde(default = "rigctld")]
        address: SocketAddr,
    },
    /// By a line of a GPIO chip.
    Gpio {
        /// The chip, such as `/dev/gpiochip0`.
        chip: PathBuf,
        /// The line's number on it.
        line: u32,
        /// Whether a low line keys.
        #[serde(default)]
        inverted: bool,
    },
}

/// A line that a serial port drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Request to send.
    Rts,
    /// Data terminal ready.
    Dtr,
}

/// How it is seen that somebody else speaks.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Busy {
    /// It is not seen: only chance keeps two from speaking at once, and two alerts nothing.
    Unseen {},
    /// By the squelch's line at a serial port.
    Serial {
        /// The port; it may be the one that keys.
        port: PathBuf,
        /// Which line.
        line: Input,
        /// Whether a low line means that somebody speaks.
        #[serde(default)]
        inverted: bool,
    },
    /// By a button's input of a USB sound chip of the CM108 family, to which the squelch's line (COS) is wired. The chip tells
    /// changes alone: who speaks when the daemon begins is seen at his next word.
    Cm108 {
        /// Its `/dev/hidraw…`; it may be the one that keys.
        device: PathBuf,
        /// Which input.
        #[serde(default)]
        line: Button,
        /// Whether an input at rest means that somebody speaks.
        #[serde(default)]
        inverted: bool,
    },
    /// By `rigctld`, where the radio tells it of its squelch.
    Rigctld {
        /// Where it listens.
        #[serde(default = "rigctld")]
        address: SocketAddr,
    },
    /// By the squelch's line at a GPIO chip.
    Gpio {
        /// The chip, such as `/dev/gpiochip0`.
        chip: PathBuf,
        /// The line's number on it.
        line: u32,
        /// Whether a low line means that somebody speaks.
        #[serde(default)]
        inverted: bool,
    },
    /// By what the radio lets be heard. It needs a radio whose squelch is closed while nobody speaks.
    Audio {
        /// The ALSA PCM that the radio's loudspeaker output hangs on.
        capture: String,
        /// Louder than this for 0.3 s, in dB of full scale, is somebody.
        #[serde(default = "audible", deserialize_with = "level")]
        above: f64,
    },
}

/// A line that a serial port reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Clear to send.
    Cts,
    /// Data set ready.
    Dsr,
    /// Data carrier detect.
    Dcd,
    /// Ring indicator.
    Ri,
}

/// A button's input of a CM108.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Button {
    /// Volume up.
    VolumeUp,
    /// Volume down: where most interfaces have it.
    #[default]
    VolumeDown,
    /// Mute playback.
    MutePlayback,
    /// Mute recording.
    MuteRecording,
}

/// How local custom ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// "Ganti": an answer is waited for.
    Ganti,
    /// "Selesai": none is; Siaga does not understand what is said to it.
    #[default]
    Selesai,
}

/// What stands in the file. What must be there is asked for in words of its own, not by serde's.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Radio")]
struct Written {
    /// The channel's frequency, as the licence has it: `"162.475 MHz"`. It sets nothing at the radio.
    frequency: Option<Frequency>,
    /// The number of the licence (ISR).
    licence: Option<String>,
    /// Who calls, as it is said on the air: at most four words.
    station: Option<String>,
    /// The ALSA PCM that the radio's microphone input hangs on, such as `"plughw:CARD=Device,DEV=0"`.
    play: String,
    /// How the radio is made to transmit.
    ptt: Ptt,
    /// How it is seen that somebody else speaks.
    #[serde(default = "unseen")]
    busy: Busy,
    /// The ALSA PCM on which a second set's loudspeaker hangs, tuned to the channel: whether a message comes back there is noted, and
    /// never counted. It is not opened while the room is in use.
    monitor: Option<String>,
    /// Silence (with `vox` a tone) between keying and the first word; 500 ms, with `vox` 700 ms.
    #[serde(default, deserialize_with = "edge_or_none")]
    lead_in: Option<Period>,
    /// Silence between the last word and the release.
    #[serde(default = "tail", deserialize_with = "edge")]
    tail: Period,
    /// After so long the guard releases the key, whatever happens.
    #[serde(default = "key_limit", deserialize_with = "key_limit_in_range")]
    key_limit: Period,
    /// How long a busy channel is waited for.
    #[serde(default = "minute", deserialize_with = "wait_in_range")]
    wait: Period,
    /// The least pause between one message's end and the next one's beginning.
    #[serde(default = "minute", deserialize_with = "gap_in_range")]
    min_gap: Period,
    /// How much of an hour may be spent transmitting.
    #[serde(default = "airtime", deserialize_with = "airtime_in_range")]
    airtime: Period,
    /// The folder of recorded phrases (`siaga radio phrases` lists them).
    clips: Option<PathBuf>,
    /// Whether what no clip has is spoken by `espeak-ng`; if not, such a message is not sent.
    #[serde(default = "yes")]
    synthesis: bool,
    /// Whether the meeting's title is said; everybody on the channel hears it.
    #[serde(default = "yes")]
    titles: bool,
    /// The last word of the last transmission.
    #[serde(default)]
    ending: Ending,
    /// Whom to tell in writing what could not be said, by the receivers' names: nobody, if it is empty; all that are neither a
    /// radio, a room nor an Alertmanager, if left out.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>")]
    instead: Option<Vec<Arc<str>>>,
}

/// The most that one transmission says, without its lead-in and tail.
pub const LONGEST: Duration = Duration::from_secs(20);

/// What a station's name may have: it is said in every transmission, of which all have 30 words.
const STATION_WORDS: usize = 4;

impl TryFrom<Written> for Config {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let mut wrong = Vec::new();
        match written.frequency {
            None => wrong.push(
                "the radio is off without its frequency; write the one of its licence, such as frequency = \"162.475 MHz\""
                    .to_owned(),
            ),
            Some(frequency) => wrong.extend(bands::refused(frequency)),
        }
        let licence = written.licence.map(|licence| licence.trim().to_owned());
        match licence.as_deref() {
            None | Some("") => wrong.push(
                "the radio is off without a licence: write the number of its Izin Stasiun Radio (ISR) as licence = \"…\""
                    .to_owned(),
            ),
            Some(number) if !number.chars().any(|c| c.is_ascii_digit()) || number.chars().count() > 64 => {
                wrong.push(format!("{number:?} is no licence's number: one has digits, and at most 64 characters"));
            }
            Some(_) => {}
        }
        let station = written.station.map(|station| station.trim().to_owned());
        let words = super::words::spoken(station.as_deref().unwrap_or_default());
        match station.as_deref() {
            None | Some("") => wrong.push(
                "the radio is off without its station's name, which is said at each call; write station = \"…\""
                    .to_owned(),
            ),
            Some(name) if words.is_empty() || words.len() > STATION_WORDS => wrong.push(format!(
                "the station's name {name:?} has {} words as it is spoken; 1 to {STATION_WORDS} are allowed",
                words.len()
            )),
            Some(_) => {}
        }
        let vox = matches!(written.ptt, Ptt::Vox {});
        let lead_in = written.lead_in.unwrap_or(Period(Duration::from_millis(if vox { 700 } else { 500 })));
        // A second for what a busy machine adds.
        let needed = lead_in.0 + LONGEST + written.tail.0 + Duration::from_secs(1);
        if written.key_limit.0 < needed {
            wrong.push(format!(
                "key_limit = {} would cut a message off: lead_in, {} of speech and tail need {}",
                written.key_limit,
                Period(LONGEST),
                Period(needed)
            ));
        }
        if written.play.trim().is_empty() {
            wrong.push("play is the ALSA PCM that the radio hangs on, such as \"plughw:CARD=Device,DEV=0\"".to_owned());
        }
        match (written.frequency, licence, station) {
            (Some(frequency), Some(licence), Some(station)) if wrong.is_empty() => Ok(Self {
                frequency,
                licence: licence.into(),
                station: station.into(),
                play: written.play,
                ptt: written.ptt,
                busy: written.busy,
                monitor: written.monitor,
                lead_in,
                tail: written.tail,
                key_limit: written.key_limit,
                wait: written.wait,
                min_gap: written.min_gap,
                airtime: written.airtime,
                clips: written.clips,
                synthesis: written.synthesis,
                titles: written.titles,
                ending: written.ending,
                instead: written.instead,
            }),
            _ => Err(wrong.join("; ")),
        }
    }
}

const fn third() -> u8 {
    3
}

const fn yes() -> bool {
    true
}

const fn audible() -> f64 {
    -40.0
}

const fn unseen() -> Busy {
    Busy::Unseen {}
}

const fn tail() -> Period {
    Period(Duration::from_millis(250))
}

const fn key_limit() -> Period {
    Period(Duration::from_secs(30))
}

const fn minute() -> Period {
    Period(Duration::from_mins(1))
}

const fn airtime() -> Period {
    Period(Duration::from_mins(5))
}

const fn rigctld() -> SocketAddr {
    SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 4532))
}

fn pin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    within(deserializer, 1..=8)
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, -90.0..=0.0)
}

fn edge<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::ZERO)..=Period(Duration::from_secs(3)))
}

fn edge_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Period>, D::Error> {
    edge(deserializer).map(Some)
}

fn key_limit_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    // Radios end it themselves after one or two minutes (TOT); the guard comes first.
    within(deserializer, Period(Duration::from_secs(20))..=Period(Duration::from_mins(1)))
}

fn wait_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_secs(5))..=Period(Duration::from_mins(10)))
}

fn gap_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_secs(5))..=Period(Duration::from_hours(1)))
}

fn airtime_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    // Less is not one message; more is no channel that others could use.
    within(deserializer, Period(Duration::from_mins(1))..=Period(Duration::from_mins(30)))
}

#[cfg(test)]
mod tests;
