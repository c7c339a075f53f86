//! `loopback`: is what the loudspeakers play heard by the microphone, loud, clean and soon enough?
//!
//! Three sweeps of a second are played and captured in a child, and found again in what was captured ([`siaga_signal::sweep`]). It can be
//! heard in the room, so it is rare, and advisory in the shipped config: a speakerphone's echo canceller removes just this
//! sound, and then nothing is known. Nothing is opened while the room is in use or another program has a card. Where a sound
//! server owns the cards, the desktop session's agent does it (`siaga seat`), at what is chosen there.

mod reasons;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::audio::Named;
use super::audio::cards::{Card, Direction};
use super::range::{decibels_above, pace, share, within};
use super::seat::order::SoundTest;
pub use super::sound::At;
use super::sound::hardware::{self, Pcm, Wanted};
use super::sound::stream::{Captured, Loudspeakers, Microphone, RATE};
use super::sound::{Tested, Tester, Way, is_good};
use super::{Context, Defaults};
use crate::clock::Clock;
use crate::domain::check::LossRule;
use crate::domain::{
    ErrorKind, Finding, Level, Limit, Observation, Period, ProbeError, Quantity, Reading, Rule, Test, Unit, Verdict,
};
pub use reasons::{ERRORS, REASONS};
use siaga_signal::sweep::{EARLIEST, Found, LATEST, LENGTH, Sweep, frames};

/// Once a day: it can be heard, and loudspeakers do not break by the hour. A second day may pass without a test. Three sweeps
/// confirm each other, and there is nothing more to hold.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_hours(24),
    fresh_for: Duration::from_hours(50),
    bad_for: Duration::ZERO,
    good_for: Duration::ZERO,
    active: true,
};

/// The child's word for this test.
pub(super) const CHILD: &str = "loopback";

/// Sweeps in a test, by which its delay is known to be steady.
const RUNS: usize = 3;
/// Silence before the first sweep, in s: what the room sounds like by itself.
const LEAD: f64 = 0.8;
/// From one sweep's beginning to the next one's, in s: its echo is over by then.
const PACE: f64 = LENGTH + LATEST + 0.2;
/// How long all of it may take: six seconds of sound, one to open two devices, and the search.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);
/// A room gives back the same sound as loud each time, in dB; a canceller that learns does not.
const STEADY: f64 = 3.0;

static DELAY: Quantity = Quantity::gauge(
    "loopback_delay_seconds",
    Unit::Seconds,
    "From the loudspeakers' converter to the microphone's, without the computer's own buffers; the median of three.",
)
.called("Jeda suara uji", "Delay of the test sound");
static SPREAD: Quantity =
    Quantity::gauge("loopback_delay_spread_seconds", Unit::Seconds, "Longest delay of the three, less the shortest.")
        .called("Beda jeda suara uji", "Spread of the test sound's delay");
static LEVEL: Quantity = Quantity::gauge(
    "loopback_level_decibels",
    Unit::Decibels,
    "How loud the test sound came back, in dB of what was played; the median of three.",
)
.called("Kuat suara uji yang kembali", "Level of the test sound that came back");
static CLARITY: Quantity = Quantity::gauge(
    "loopback_clarity_decibels",
    Unit::Decibels,
    "How far the test sound stands above all else when it is searched for; the least of three.",
)
.called("Kejelasan suara uji", "Clarity of the test sound");
static SNR: Quantity = Quantity::gauge(
    "loopback_snr_decibels",
    Unit::Decibels,
    "Test sound over the room's noise, between 100 and 8000 Hz; the least of three.",
)
.called("Suara uji di atas derau", "Test sound over noise");
static DISTORTION: Quantity = Quantity::gauge(
    "loopback_distortion_ratio",
    Unit::Ratio,
    "Second and third harmonic over the test sound; the largest of three.",
)
.called("Cacat suara uji", "Distortion of the test sound");
static LEFT_BEHIND: Quantity =
    Quantity::gauge("loopback_children_left_behind", Unit::Count, "Killed testers that still hang in the kernel.")
        .called("Penguji suara yang macet", "Sound testers that hang");

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&DELAY, &SPREAD, &LEVEL, &CLARITY, &SNR, &DISTORTION, &LEFT_BEHIND];

/// The kind-specific part of a check's config. A delay has no lower limit: it counts from converter to converter, without the
/// computer's buffers.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where: in the desktop session (`"seat"`), at the card (`"card"`), or `"auto"`: in the session where a check of kind `seat`
    /// sees one and neither `card` nor `play` nor `capture` is named.
    pub at: At,
    /// Which sound card, as with `microphone`; it must have both.
    pub card: String,
    /// An ALSA PCM to play to instead, such as `"plughw:CARD=PCH,DEV=0"`.
    pub play: Option<String>,
    /// An ALSA PCM to capture from instead.
    pub capture: Option<String>,
    /// After what time a test that found fault is repeated: it can be heard.
    #[serde(deserialize_with = "pace")]
    pub retry: Period,
    /// A sweep that stands out by less, in dB, was not heard.
    #[serde(deserialize_with = "decibels_above")]
    pub clarity_below: f64,
    /// Less above the room's noise, in dB, is faint.
    #[serde(deserialize_with = "decibels_above")]
    pub snr_below: f64,
    /// A larger share of harmonics is a distorted sound.
    #[serde(deserialize_with = "share")]
    pub distortion_above: f64,
    /// A longer delay disturbs a conversation and outlasts echo cancellers.
    #[serde(deserialize_with = "delay_in_range")]
    pub delay_above: Period,
    /// Delays further apart are an unsteady stream.
    #[serde(deserialize_with = "delay_in_range")]
    pub spread_above: Period,
    /// The radio's cards: what is played into one goes on the air.
    #[serde(skip)]
    #[schemars(skip)]
    pub radio: Vec<Named>,
}

/// A sweep that comes later than [`LATEST`] is not heard at all.
fn delay_in_range<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::ZERO)..=Period(Duration::from_secs_f64(LATEST)))
}

impl Default for Config {
    fn default() -> Self {
        Self {
            at: At::Auto,
            card: "auto".to_owned(),
            play: None,
            capture: None,
            retry: Period(Duration::from_hours(1)),
            clarity_below: 20.0,
            snr_below: 15.0,
            distortion_above: 0.1,
            delay_above: Period(Duration::from_millis(500)),
            spread_above: Period(Duration::from_millis(10)),
            radio: Vec::new(),
        }
    }
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn level(&self) -> Level {
        Level::Device
    }

    /// The limits to which its measurements are held.
    pub fn rules(&self) -> Vec<Rule> {
        let rule = |quantity, test, degraded, reason| Rule {
            quantity,
            part: None,
            test,
            degraded: Limit::Fixed(degraded),
            not_ready: Limit::None,
            reason,
        };
        vec![
            rule(&SNR, Test::Below, self.snr_below, &reasons::FAINT),
            rule(&DISTORTION, Test::Above, self.distortion_above, &reasons::DISTORTED),
            rule(&DELAY, Test::Above, self.delay_above.0.as_secs_f64(), &reasons::LATE),
            rule(&SPREAD, Test::Above, self.spread_above.0.as_secs_f64(), &reasons::UNSTEADY),
        ]
    }

    /// The cards that it names, with their keys.
    pub(super) fn named(&self) -> Vec<(&'static str, Named)> {
        let pcms = [("play", &self.play), ("capture", &self.capture)];
        let card = (self.card != "auto" && pcms.iter().any(|(_, pcm)| pcm.is_none())).then(|| self.card.clone());
        let of = pcms.into_iter().filter_map(|(key, pcm)| Some((key, Named::of_pcm(pcm.as_deref()?)?)));
        of.chain(card.map(|card| ("card", Named::Word(card)))).collect()
    }

    /// It counts no packets.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn loss(&self) -> Option<LossRule> {
        None
    }
}

/// What the child heard.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heard {
    /// Whether no sample of the microphone differed from another.
    silent: bool,
    /// What each sweep came to.
    runs: Vec<Option<Found>>,
}

/// A tester of loudspeakers and microphone.
pub struct Probe {
    config: Config,
    tester: Tester,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let is_named = config.card != "auto" || config.play.is_some() || config.capture.is_some();
        let at = if config.at == At::Auto && is_named { At::Card } else { config.at };
        let tester = Tester::new(SoundTest::Loopback, at, config.retry.0, context);
        Self { config, tester }
    }

    /// Waits until a test is due, the room is free and nobody has the cards, and makes it.
    pub async fn next(&mut self) -> Observation {
        let (config, seen) = (&self.config, self.tester.context.cards.clone());
        let choose = |cards: &[Card]| -> Result<Vec<Pcm>, ProbeError> {
            let of = |pcm: &Option<String>, direction| {
                let (card, pcm, radio) = (config.card.as_str(), pcm.as_deref(), config.radio.as_slice());
                hardware::choose(cards, &Wanted { card, pcm, radio, seen: &seen }, direction)
            };
            Ok(vec![of(&config.play, Direction::Playback)?, of(&config.capture, Direction::Capture)?])
        };
        let Tested { began, card, places, way, outcome } = self.tester.test(choose).await;
        let mut reading = match outcome {
            Ok(heard) => reading(&self.config, &card, way, &heard),
            Err(error) if error.kind == ErrorKind::Busy => {
                let mut reading = Reading::default();
                reading.find(Finding::new(&reasons::IN_USE, Verdict::Ready).with("detail", error.detail));
                reading
            }
            Err(error) => {
                self.tester.again(began, false);
                let mut observation = self.tester.context.failed(began, error, &ERRORS);
                observation.reading.places = places;
                way.note(&reasons::AT_CARD, &mut observation.reading);
                return observation;
            }
        };
        reading.places = places;
        let well = reading.findings.is_empty() && is_good(&reading, &self.config.rules());
        self.tester.again(began, well);
        way.note(&reasons::AT_CARD, &mut reading);
        reading.measure(&LEFT_BEHIND, self.tester.left_behind());
        self.tester.context.read(began, reading)
    }
}

fn reading(config: &Config, card: &str, way: Way, heard: &Heard) -> Reading {
    let mut reading = Reading::default();
    // What a canceller leaves, or that it leaves nothing, speaks of nobody's equipment.
    let canceller = way == Way::Seat { canceller: true };
    let uncertain = || Finding::new(&reasons::CANCELLED, Verdict::Unknown).with("card", card);
    if heard.silent {
        let silent = || Finding::new(&reasons::SILENT, Verdict::NotReady).with("card", card);
        reading.find(if canceller { uncertain() } else { silent() });
        return reading;
    }
    let found: Vec<Found> = heard.runs.iter().flatten().copied().collect();
    let sorted = |of: fn(&Found) -> f64| {
        let mut values: Vec<f64> = found.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    if let Some(least) = sorted(|run| run.clarity).first() {
        reading.measure(&CLARITY, *least);
    }
    let levels = sorted(|run| run.level);
    let is_steady = levels.first().zip(levels.last()).is_none_or(|(least, most)| most - least <= STEADY);
    if canceller || (found.len() == RUNS && !is_steady) {
        reading.find(uncertain());
        return reading;
    }
    if found.len() < RUNS || found.iter().any(|run| run.clarity < config.clarity_below) {
        reading.find(Finding::new(&reasons::UNCERTAIN, Verdict::Unknown).with("card", card));
        return reading;
    }
    let delays = sorted(|run| run.delay);
    reading.measure(&DELAY, delays[RUNS / 2]);
    reading.measure(&SPREAD, delays[RUNS - 1] - delays[0]);
    reading.measure(&LEVEL, levels[RUNS / 2]);
    reading.measure(&SNR, sorted(|run| run.snr)[0]);
    reading.measure(&DISTORTION, sorted(|run| run.distortion)[RUNS - 1]);
    reading
}

/// The child's side: plays and captures, and tells what was heard of it.
///
/// # Errors
/// What opening, playing and listening came to; `Internal` where frames were lost, because nothing is known then.
pub(super) fn run(play: &str, capture: &str) -> Result<Heard, ProbeError> {
    let (clock, rate) = (Clock::start(), f64::from(RATE));
    let sweep = Sweep::new(rate);
    let mut sound = vec![0.0; frames(LEAD, rate)];
    for _ in 0..RUNS {
        sound.extend(&sweep.sound);
        sound.resize(sound.len() + frames(PACE - LENGTH, rate), 0.0);
    }
    // Nothing may be missing at the beginning, so the microphone comes first.
    let microphone = Microphone::open(capture, clock)?;
    let before = clock.elapsed();
    let loudspeakers = Loudspeakers::open(play, &sound, clock)?;
    let opening = clock.elapsed().saturating_sub(before).as_secs_f64();
    let captured = microphone.listen(sound.len() + frames(opening + 1.0, rate))?;
    if captured.overruns > 0 {
        return Err(ProbeError::new(ErrorKind::Internal, "the capture ran over"));
    }
    search(&sweep, &captured, loudspeakers.began()?)
}

/// Looks for each sweep where it was played.
fn search(sweep: &Sweep, captured: &Captured, play_began: f64) -> Result<Heard, ProbeError> {
    let missing = || ProbeError::new(ErrorKind::Internal, "the capture does not cover what was played");
    let rate = f64::from(RATE);
    let mean_square = |samples: &Vec<f64>| samples.iter().map(|sample| sample * sample).sum::<f64>();
    let loudest = captured.channels.iter().max_by(|one, other| mean_square(one).total_cmp(&mean_square(other)));
    let samples = loudest.ok_or_else(missing)?;
    #[allow(clippy::float_cmp, reason = "a constant is one to the last bit")]
    let silent = samples.iter().all(|sample| *sample == samples[0]);
    if silent {
        return Ok(Heard { silent, runs: Vec::new() });
    }
    let began = captured.began().ok_or_else(missing)?;
    let part = |from: f64, length: f64| {
        let from = play_began + from - began;
        let within = from >= 0.0;
        let from = frames(from.max(0.0), rate);
        samples.get(from..from + frames(length, rate)).filter(|_| within).ok_or_else(missing)
    };
    let quiet = sweep.in_band(part(LEAD - 0.5, 0.4)?);
    let runs = (0_u8..)
        .take(RUNS)
        .map(|run| {
            let at = LEAD + PACE * f64::from(run);
            Ok(sweep.find(part(at - EARLIEST, EARLIEST + LENGTH + LATEST)?, quiet))
        })
        .collect::<Result<_, ProbeError>>()?;
    Ok(Heard { silent, runs })
}
