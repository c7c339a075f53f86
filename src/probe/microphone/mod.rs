//! `microphone`: does sound come out of the microphone, and is it fit for a meeting?
//!
//! A microphone that is listed is not one that hears: a mute key, a dead feed or a wrong input gives silence, and all else
//! looks well. Two seconds are captured in a child, analysed there, and forgotten with it: only numbers leave it. Nothing is
//! opened while the room is in use or another program has the card. Where a sound server owns the cards, the desktop session's
//! agent does it (`siaga seat`), at the microphone that is chosen there.

mod reasons;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::audio::Named;
use super::audio::cards::{Card, Direction};
use super::range::{decibels_above, pace, share, within};
use super::seat::order::SoundTest;
pub use super::sound::At;
use super::sound::hardware::{self, Pcm, Wanted};
use super::sound::stream::{Microphone, RATE};
use super::sound::{Tested, Tester, is_good};
use super::{Context, Defaults};
use crate::clock::Clock;
use crate::domain::check::LossRule;
use crate::domain::{
    Arg, ErrorKind, Finding, Level, Limit, Observation, Period, ProbeError, Quantity, Reading, Rule, Test, Unit,
    Verdict,
};
pub use reasons::{ERRORS, REASONS};
use siaga_signal::level::{Heard, analyse};

/// Two seconds in a quarter of an hour: a program that opens a card finds it taken by us once in four hundred times, and a
/// mute key that was pressed after a meeting is told long before the next. Two tests may fail to come about. A fault is
/// looked at again after a minute, and decided when that has found it too: somebody may have coughed.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_mins(15),
    fresh_for: Duration::from_mins(35),
    bad_for: Duration::from_secs(45),
    good_for: Duration::ZERO,
    active: true,
};

/// The child's word for this test.
pub(super) const CHILD: &str = "microphone";

/// What a converter does in its first moments is not what it hears: many begin with a step.
const SETTLING: Duration = Duration::from_millis(250);
/// Opening takes milliseconds where all is well, and a card that has to wake up a second.
const OPENING: Duration = Duration::from_secs(8);
/// How long is listened: a few sentences' pauses long.
const LISTENING: Duration = Duration::from_secs(2);
/// How long all of it may take.
pub(super) const DEADLINE: Duration = OPENING.saturating_add(SETTLING).saturating_add(LISTENING);

static RMS: Quantity = Quantity::gauge(
    "microphone_rms_decibels",
    Unit::Decibels,
    "Root mean square of what was heard, about its mean, in dB of full scale; a full-scale sine has -3.01.",
)
.called("Kuat suara mikrofon", "Level of the microphone");
static PEAK: Quantity =
    Quantity::gauge("microphone_peak_decibels", Unit::Decibels, "Largest sample that was heard, in dB of full scale.")
        .called("Puncak suara mikrofon", "Peak of the microphone");
static OFFSET: Quantity = Quantity::gauge(
    "microphone_offset_ratio",
    Unit::Ratio,
    "Distance of the mean from zero, as a share of full scale.",
)
.called("Pergeseran nol mikrofon", "Offset of the microphone");
static CLIPPED: Quantity =
    Quantity::gauge("microphone_clipped_ratio", Unit::Ratio, "Share of samples within 0.1 dB of full scale.")
        .called("Suara yang terpotong", "Sound that was clipped");
static CONSTANT: Quantity = Quantity::gauge(
    "microphone_constant_seconds",
    Unit::Seconds,
    "Longest time in which no sample differed from the one before.",
)
.called("Waktu tanpa perubahan suara", "Time without a change of sound");
static HUM: Quantity = Quantity::gauge(
    "microphone_hum_decibels",
    Unit::Decibels,
    "Power at 50, 100 and 150 Hz over that beside them, in dB.",
)
.called("Dengung listrik", "Hum of the mains");
static DELIVERED: Quantity = Quantity::gauge(
    "microphone_delivered_ratio",
    Unit::Ratio,
    "Frames captured over frames expected in the time that they took.",
)
.called("Suara yang sampai", "Sound that was delivered");
static OVERRUNS: Quantity =
    Quantity::gauge("microphone_overruns", Unit::Count, "How often frames were lost while it was listened to.")
        .called("Suara yang terputus", "Sound that was lost");
static HARDWARE_RATE: Quantity =
    Quantity::gauge("microphone_rate_hertz", Unit::Hertz, "Sample rate at which the hardware itself ran.")
        .called("Laju cuplik mikrofon", "Sample rate of the microphone");
static LEFT_BEHIND: Quantity =
    Quantity::gauge("microphone_children_left_behind", Unit::Count, "Killed listeners that still hang in the kernel.")
        .called("Pendengar mikrofon yang macet", "Microphone listeners that hang");

/// What it measures.
pub const QUANTITIES: &[&Quantity] =
    &[&RMS, &PEAK, &OFFSET, &CLIPPED, &CONSTANT, &HUM, &DELIVERED, &OVERRUNS, &HARDWARE_RATE, &LEFT_BEHIND];

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where: in the desktop session (`"seat"`), at the card (`"card"`), or `"auto"`: in the session where a check of kind `seat`
    /// sees one and neither `card` nor `pcm` is named.
    pub at: At,
    /// Which sound card, as with `audio`: `"auto"` (one that is equipment, before others one on USB), its short name, a part of
    /// its name or place, or USB vendor and product.
    pub card: String,
    /// An ALSA PCM to open instead, such as `"plughw:CARD=Headset,DEV=1"` for a card's second microphone.
    pub pcm: Option<String>,
    /// After what time a test that found fault is repeated.
    #[serde(deserialize_with = "pace")]
    pub retry: Period,
    /// No sample differs from the one before for longer than this: digital silence.
    #[serde(deserialize_with = "silence_in_range")]
    pub silence: Period,
    /// Quieter than this, in dB of full scale, is no open microphone: rooms have -65 to -45.
    #[serde(deserialize_with = "level")]
    pub quiet_below: f64,
    /// A larger share of samples within 0.1 dB of full scale is clipping; so are three in a row at full scale.
    #[serde(deserialize_with = "share")]
    pub clipped_above: f64,
    /// A mean further from zero, as a share of full scale, is a faulty input.
    #[serde(deserialize_with = "share")]
    pub offset_above: f64,
    /// The mains and its harmonics further above what is beside them, in dB, are a fault of the earth.
    #[serde(deserialize_with = "decibels_above")]
    pub hum_above: f64,
    /// A smaller share of the frames that were due is a broken sound.
    #[serde(deserialize_with = "share")]
    pub delivered_below: f64,
    /// The radio's cards, out of which the channel's noise comes.
    #[serde(skip)]
    #[schemars(skip)]
    pub radio: Vec<Named>,
}

/// Longer than the whole test, it would never be found.
fn silence_in_range<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_millis(10))..=Period(LISTENING))
}

/// In dB of full scale; 24 bits of sound end at -144.
fn level<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, -150.0..=0.0)
}

impl Default for Config {
    fn default() -> Self {
        Self {
            at: At::Auto,
            card: "auto".to_owned(),
            pcm: None,
            retry: Period(Duration::from_mins(1)),
            silence: Period(Duration::from_secs(1)),
            quiet_below: -75.0,
            clipped_above: 0.001,
            offset_above: 0.01,
            hum_above: 20.0,
            delivered_below: 0.98,
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
            rule(&RMS, Test::Below, self.quiet_below, &reasons::QUIET),
            rule(&OFFSET, Test::Above, self.offset_above, &reasons::OFFSET),
            rule(&HUM, Test::Above, self.hum_above, &reasons::HUM),
            rule(&DELIVERED, Test::Below, self.delivered_below, &reasons::DROPPED),
        ]
    }

    /// The cards that it names, with their keys.
    pub(super) fn named(&self) -> Vec<(&'static str, Named)> {
        match &self.pcm {
            Some(pcm) => Named::of_pcm(pcm).map(|card| ("pcm", card)).into_iter().collect(),
            None if self.card == "auto" => Vec::new(),
            None => vec![("card", Named::Word(self.card.clone()))],
        }
    }

    /// It counts no packets.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn loss(&self) -> Option<LossRule> {
        None
    }
}

/// A listener.
pub struct Probe {
    config: Config,
    tester: Tester,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let is_named = config.card != "auto" || config.pcm.is_some();
        let at = if config.at == At::Auto && is_named { At::Card } else { config.at };
        let tester = Tester::new(SoundTest::Microphone, at, config.retry.0, context);
        Self { config, tester }
    }

    /// Waits until a test is due, the room is free and nobody has the card, and makes it.
    pub async fn next(&mut self) -> Observation {
        let (config, seen) = (&self.config, self.tester.context.cards.clone());
        let choose = |cards: &[Card]| -> Result<Vec<Pcm>, ProbeError> {
            let (card, pcm, radio) = (config.card.as_str(), config.pcm.as_deref(), config.radio.as_slice());
            Ok(vec![hardware::choose(cards, &Wanted { card, pcm, radio, seen: &seen }, Direction::Capture)?])
        };
        let Tested { began, card, places, way, outcome } = self.tester.test(choose).await;
        let mut reading = match outcome {
            Ok(heard) => reading(&self.config, &card, &heard),
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
                for finding in &mut observation.reading.findings {
                    finding.args.push(("card", Arg::Text(card.clone())));
                }
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

fn reading(config: &Config, card: &str, heard: &Heard) -> Reading {
    let mut reading = Reading::default();
    reading.measure(&OFFSET, heard.offset);
    reading.measure(&CLIPPED, heard.clipped);
    reading.measure(&CONSTANT, heard.constant);
    reading.measure(&OVERRUNS, f64::from(heard.overruns));
    let known = [
        (&RMS, heard.rms),
        (&PEAK, heard.peak),
        (&HUM, heard.hum),
        (&DELIVERED, heard.delivered),
        (&HARDWARE_RATE, heard.rate.map(f64::from)),
    ];
    for (quantity, value) in known {
        if let Some(value) = value {
            reading.measure(quantity, value);
        }
    }
    if heard.constant > config.silence.0.as_secs_f64() {
        reading.find(Finding::new(&reasons::SILENT, Verdict::NotReady).with("card", card));
    }
    if heard.clipped > config.clipped_above || heard.clipped_run >= 3 {
        reading.find(Finding::new(&reasons::CLIPPED, Verdict::Degraded).with("card", card));
    }
    // However few: what lies beside a gap is no whole, and a meeting hears each.
    if heard.overruns > 0 {
        let finding = Finding::new(&reasons::GAPS, Verdict::Degraded).with("card", card);
        reading.find(finding.with("value", Arg::Number(f64::from(heard.overruns), Unit::Count)));
    }
    // Calls run at 48 or 16 kHz: hardware that can do neither, nor a multiple, is converted with a loss.
    if let Some(rate) = heard.rate.filter(|rate| !rate.is_multiple_of(16_000)) {
        let finding = Finding::new(&reasons::RATE, Verdict::Degraded).with("card", card);
        reading.find(finding.with("value", Arg::Number(f64::from(rate), Unit::Hertz)));
    }
    reading
}

/// The child's side: listens to a PCM and tells what was heard.
///
/// # Errors
/// What opening and listening came to.
#[allow(clippy::cast_possible_truncation, reason = "a few seconds of frames")]
pub(super) fn listen(pcm: &str) -> Result<Heard, ProbeError> {
    let frames = |time: Duration| time.as_millis() as usize * RATE as usize / 1000;
    let captured = Microphone::open(pcm, Clock::start())?.listen(frames(SETTLING + LISTENING))?;
    let heard: Vec<Vec<f64>> = captured
        .channels
        .iter()
        .map(|samples| samples[frames(SETTLING)..frames(SETTLING + LISTENING)].to_vec())
        .collect();
    let (delivered, overruns, rate) = (captured.delivered(), captured.overruns, captured.hardware_rate);
    Ok(Heard { delivered, overruns, rate, ..analyse(&heard, f64::from(RATE)) })
}
