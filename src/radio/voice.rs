//! The voice: a process of its own that speaks one transmission to the radio's sound card, when it is told.
//!
//! ```text
//!   ◄─ prepared (how long, how loud)    ─► open    ◄─ open (the card is held, in silence)    ─► play    ◄─ done
//! ```
//!
//! The key is pressed between "open" and "play", so that nothing is sent while a card is looked for. It dies with its parent.

use std::ffi::OsStr;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use siaga_signal::treatment::{self, RATE};

use super::sound::Voices;
use super::words::Script;
use crate::clock::Clock;
use crate::domain::{ErrorKind, Period, ProbeError};
use crate::probe::child::seal;
use crate::probe::sound::stream::{Loudspeakers, Microphone};

/// The hidden command under which this binary speaks.
pub const COMMAND: &str = "radio-voice";

/// The hidden command under which this binary listens to the channel.
pub const EAR: &str = "radio-ear";

/// A tenth of a second, in samples.
const LOOK: usize = RATE as usize / 10;

/// The tone that opens a radio's VOX, in Hz and in dB of full scale.
const TONE: (f64, f64) = (1000.0, -9.0);

/// What is to be spoken.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The words.
    pub script: Script,
    /// The folder of clips.
    pub clips: Option<PathBuf>,
    /// Whether what no clip has is synthesised.
    pub synthesis: bool,
    /// Before the first word …
    pub lead_in: Period,
    /// … a tone, where the radio listens for itself, or silence.
    pub tone: bool,
    /// Silence behind the last word.
    pub tail: Period,
    /// Where to.
    pub play: String,
}

/// What a voice is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Open the card.
    Open,
    /// Speak.
    Play,
}

/// What a voice says.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The words are sound.
    Prepared(Prepared),
    /// The card is open and silent.
    Open,
    /// All has been played; so often the card ran dry meanwhile.
    Done(u32),
    /// It cannot.
    Failed {
        /// Of what kind, as [`ErrorKind::as_str`].
        kind: String,
        /// What happened.
        detail: String,
    },
}

/// What the words came to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prepared {
    /// How long they are, without lead-in and tail, in s.
    pub seconds: f64,
    /// The loudest sample, in dB of full scale.
    pub peak: f64,
    /// How loud the voice is, in dB of full scale.
    pub loudness: f64,
    /// What has no clip and was synthesised.
    pub synthesised: Vec<String>,
    /// How loud each tenth of a second is, every twentieth, in dB of full scale: against what another receiver hears.
    pub levels: Vec<f64>,
}

/// The voice's side. `plan` is a [`Plan`] in JSON.
pub fn main(plan: &OsStr) -> ExitCode {
    let Ok(plan) = serde_json::from_slice::<Plan>(plan.as_encoded_bytes()) else { return ExitCode::from(2) };
    match speak(&plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&Said::Failed { kind: error.kind.as_str().to_owned(), detail: error.detail });
            ExitCode::FAILURE
        }
    }
}

fn speak(plan: &Plan) -> Result<(), ProbeError> {
    seal()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ProbeError::new(ErrorKind::Internal, error.to_string()))?;
    let voices = Voices { clips: plan.clips.clone(), synthesis: plan.synthesis };
    let sound = runtime.block_on(voices.speak(&plan.script))?;
    say(&Said::Prepared(Prepared {
        seconds: sound.seconds(),
        peak: treatment::peak(&sound.samples),
        loudness: treatment::loudness(&sound.samples).unwrap_or(f64::from(i8::MIN)),
        synthesised: sound.synthesised,
        levels: sound.samples.windows(LOOK).step_by(LOOK / 2).map(loud).collect(),
    }));
    let mut orders = std::io::stdin().lock().lines();
    let mut told = |order: Order| {
        let line = orders.next().and_then(Result::ok);
        line.and_then(|line| serde_json::from_str(&line).ok()) == Some(order)
    };
    // Whoever does not go on has gone, or thinks it too long.
    if !told(Order::Open) {
        return Ok(());
    }
    let mut samples = lead_in(plan);
    samples.extend(sound.samples);
    samples.extend(std::iter::repeat_n(0.0, frames(plan.tail)));
    let clock = Clock::start();
    let loudspeakers = Loudspeakers::hold(&plan.play, &samples, clock)?;
    say(&Said::Open);
    if !told(Order::Play) {
        return Ok(());
    }
    loudspeakers.begin();
    let dry = loudspeakers.finish(clock)?;
    say(&Said::Done(dry));
    Ok(())
}

fn lead_in(plan: &Plan) -> Vec<f64> {
    let length = frames(plan.lead_in);
    if !plan.tone {
        return vec![0.0; length];
    }
    let (frequency, level) = TONE;
    #[allow(clippy::cast_precision_loss, reason = "a few seconds of samples")]
    let turn = |at: usize| std::f64::consts::TAU * frequency * at as f64 / f64::from(RATE);
    let mut tone: Vec<f64> = (0..length).map(|at| treatment::ratio(level) * turn(at).sin()).collect();
    treatment::fade(&mut tone);
    tone
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a few seconds of samples")]
fn frames(period: Period) -> usize {
    (period.0.as_secs_f64() * f64::from(RATE)).round() as usize
}

/// The ear's side: says ten times a second how loud the channel is, in dB of full scale, a number a line, and nothing else of it.
pub fn listen(pcm: &OsStr) -> ExitCode {
    let heard = || -> Result<std::convert::Infallible, ProbeError> {
        seal()?;
        let microphone = Microphone::open(&pcm.to_string_lossy(), Clock::start())?;
        let mut waiting: Vec<Vec<f64>> = Vec::new();
        loop {
            // A card gives whole periods, which may be longer than a tenth of a second.
            let captured = microphone.listen(LOOK)?.channels;
            waiting.resize_with(captured.len(), Vec::new);
            for (channel, samples) in waiting.iter_mut().zip(captured) {
                channel.extend(samples);
            }
            while waiting.first().is_some_and(|samples| samples.len() >= LOOK) {
                let levels = waiting.iter_mut().map(|channel| {
                    let mut samples: Vec<f64> = channel.drain(..LOOK.min(channel.len())).collect();
                    treatment::band_pass(&mut samples);
                    loud(&samples)
                });
                let loudest = levels.fold(-120.0, f64::max);
                let told = std::io::stdout().write_all(format!("{loudest:.1}\n").as_bytes());
                told.map_err(|error| ProbeError::new(ErrorKind::Internal, error.to_string()))?;
            }
        }
    };
    let Err(error) = heard();
    _ = std::io::stdout().write_all(format!("{}: {}\n", error.kind.as_str(), error.detail).as_bytes());
    ExitCode::FAILURE
}

/// How loud a piece is, in dB of full scale.
fn loud(samples: &[f64]) -> f64 {
    // A tenth of a dB is more than anybody hears.
    (treatment::effective(samples) * 10.0).round() / 10.0
}

fn say(said: &Said) {
    let mut line = serde_json::to_vec(said).unwrap_or_default();
    line.push(b'\n');
    _ = std::io::stdout().write_all(&line);
}
