//! A transmission's words made audible: recorded clips first, `espeak-ng` for what has none, treated for the radio.
//!
//! In the voice's child alone: no sound is in the daemon. `espeak-ng` gets its text as an argument, never by a shell, and writes
//! to a pipe, never to a disk.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use siaga_signal::treatment::{self, RATE};
use siaga_signal::wav::{self, Clip};

use super::words::{Part, Pause};
use crate::domain::{ErrorKind, ProbeError};
use crate::probe::child::{Program, Slot};

/// How long `espeak-ng` may take. A message takes it half a second.
const DEADLINE: Duration = Duration::from_secs(20);

/// The most that it may say: three times a message, at 44 kB/s.
const MOST: u64 = 3 * 1024 * 1024;

/// Words a minute: slower than talk, as it is over a radio, so that 30 words are said in less than 20 s.
const SPEED: &str = "135";

/// A clip longer than this is no phrase, and none that big is read.
const LONGEST_CLIP: u64 = 4 * 1024 * 1024;

/// A transmission, ready for the radio's sound card.
#[derive(Clone, Debug, Default)]
pub struct Sound {
    /// At [`RATE`], full scale is 1.
    pub samples: Vec<f64>,
    /// The clips that were not there, or could not be used, with why.
    pub synthesised: Vec<String>,
}

/// Where voices come from.
#[derive(Clone, Debug)]
pub struct Voices {
    /// The folder of clips.
    pub clips: Option<PathBuf>,
    /// Whether what no clip has is spoken by `espeak-ng`.
    pub synthesis: bool,
}

impl Voices {
    /// Speaks a transmission.
    ///
    /// # Errors
    /// `Gone` where a clip is missing and nothing may stand in for it, or there is no `espeak-ng`; else what it came to.
    pub async fn speak(&self, script: &[Part]) -> Result<Sound, ProbeError> {
        let clips: Vec<Result<Clip, String>> = script.iter().map(|part| self.clip(part)).collect();
        let mut sound = Sound::default();
        for (part, clip) in script.iter().zip(&clips) {
            if let Err(why) = clip {
                sound.synthesised.push(format!("{}: {why}", part.clip));
            }
        }
        if !self.synthesis && !sound.synthesised.is_empty() {
            let missing = sound.synthesised.join(", ");
            return Err(ProbeError::new(ErrorKind::Gone, format!("synthesis is off, and there is no {missing}")));
        }
        let mut at = 0;
        while at < script.len() {
            let (piece, length) = if let Ok(clip) = &clips[at] {
                (clip.clone(), 1)
            } else {
                // All that follows and has no clip either is one sentence, with a sentence's melody.
                let length = clips[at..].iter().take_while(|clip| clip.is_err()).count();
                (synthesise(&super::words::read(&script[at..at + length])).await?, length)
            };
            sound.append(&piece);
            at += length;
            sound.pause(script[at - 1].pause);
        }
        treatment::band_pass(&mut sound.samples);
        treatment::level(&mut sound.samples);
        Ok(sound)
    }

    fn clip(&self, part: &Part) -> Result<Clip, String> {
        let folder = self.clips.as_ref().ok_or("no folder of clips")?;
        load(folder, &part.clip)
    }
}

/// Reads a clip.
///
/// # Errors
/// Why it cannot be used, for the one who recorded it.
pub fn load(folder: &Path, name: &str) -> Result<Clip, String> {
    let path = folder.join(format!("{name}.wav"));
    let found = std::fs::metadata(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "no clip".to_owned(),
        _ => error.to_string(),
    })?;
    if !found.is_file() || found.len() > LONGEST_CLIP {
        return Err("no file, or longer than a phrase".to_owned());
    }
    let bytes = std::fs::read(&path).map_err(|error| error.to_string())?;
    let clip = wav::read(&bytes)?;
    match treatment::loudness(&clip.samples) {
        Some(loudness) if loudness > -60.0 => Ok(clip),
        _ => Err("it is silent".to_owned()),
    }
}

async fn synthesise(text: &str) -> Result<Clip, ProbeError> {
    let program = Program::other("espeak-ng", &["-v", "id", "-s", SPEED, "--stdout", "--"]).saying_at_most(MOST);
    let said = Slot::default()
        .run(&program, &[OsString::from(text)], DEADLINE)
        .await
        .map_err(|error| ProbeError { detail: format!("{} (Debian's package espeak-ng)", error.detail), ..error })?;
    wav::read(&said).map_err(|why| ProbeError::new(ErrorKind::Protocol, format!("espeak-ng: {why}")))
}

impl Sound {
    /// Puts a piece behind the others, as loud as they are: voices of several days, and of a program, in one sentence.
    fn append(&mut self, clip: &Clip) {
        let mut samples = treatment::resample(treatment::trim(&clip.samples), clip.rate);
        if let Some(is) = treatment::loudness(&samples) {
            let gain = treatment::ratio(treatment::LOUDNESS - is);
            for sample in &mut samples {
                *sample *= gain;
            }
        }
        treatment::fade(&mut samples);
        self.samples.append(&mut samples);
    }

    fn pause(&mut self, pause: Pause) {
        let length = match pause {
            Pause::Word => RATE / 12,
            Pause::Clause => RATE / 4,
            Pause::Sentence => RATE * 2 / 5,
        };
        self.samples.extend(std::iter::repeat_n(0.0, length as usize));
    }

    /// How long it is.
    #[allow(clippy::cast_precision_loss, reason = "seconds of samples")]
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(RATE)
    }
}
