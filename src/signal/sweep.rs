//! The sound that is played, and what is found of it in what was captured: pure.
//!
//! A logarithmic sweep and its inverse (Farina, "Simultaneous measurement of impulse response and distortion with a
//! swept-sine technique", 2000): what was captured, folded with the inverse, is a peak where the sweep was heard, as high as
//! it was loud, and smaller ones before it for what was distorted. It stands out of noise and bears a drifting clock.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use super::spectrum::{Complex, back, transform};

/// From and to which frequency, in Hz: what loudspeakers of a room play and microphones for speech hear.
const LOW: f64 = 100.0;
const HIGH: f64 = 8000.0;
/// How long it takes, in s.
pub const LENGTH: f64 = 1.0;
/// -20 dBFS: as loud as quiet speech.
const AMPLITUDE: f64 = 0.1;
/// It begins and ends softly, in s: a click has all frequencies.
const FADE: f64 = 0.02;
/// How late it may be heard and is still looked for, in s.
pub const LATEST: f64 = 0.6;
/// How much earlier than it was played, by clocks that are a little apart, in s; the harmonics of an early one are in it too.
pub const EARLIEST: f64 = 0.3;
/// Around a peak, in s, what belongs to it: the band's own ripple before it, the room's answer after it.
const BEFORE_PEAK: f64 = 0.01;
const AFTER_PEAK: f64 = 0.25;
/// Around a harmonic's place, in s.
const AROUND_HARMONIC: f64 = 0.02;

/// What one sweep came to.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// How much later than it was played it was heard, in s.
    pub delay: f64,
    /// How loud it came back, in dB of what was played.
    pub level: f64,
    /// How far the peak stands above the rest (its root mean square), in dB.
    pub clarity: f64,
    /// How much more there was in its band while it was played than before, in dB.
    pub snr: f64,
    /// The second and third harmonic over the sweep itself, 0 to 1.
    pub distortion: f64,
}

/// A sweep at a rate in Hz, with its inverse.
pub struct Sweep {
    rate: f64,
    /// What is played, full scale being 1.
    pub sound: Vec<f64>,
    inverse: Vec<Complex>,
    size: usize,
}

impl Sweep {
    /// The sweep for this rate.
    #[allow(clippy::cast_precision_loss, reason = "a second of frames")]
    pub fn new(rate: f64) -> Self {
        let growth = LENGTH / (HIGH / LOW).ln();
        let fade = |time: f64| {
            let near = time.min(LENGTH - time).clamp(0.0, FADE) / FADE;
            0.5 - 0.5 * (near * TAU / 2.0).cos()
        };
        let length = frames(LENGTH, rate);
        let sound: Vec<f64> = (0..length)
            .map(|at| at as f64 / rate)
            .map(|time| AMPLITUDE * fade(time) * (TAU * LOW * growth * ((time / growth).exp() - 1.0)).sin())
            .collect();
        // Backwards, and quieter by 6 dB an octave from the high end: low tones were played for longer.
        let backwards: Vec<f64> = sound
            .iter()
            .enumerate()
            .rev()
            .map(|(at, sample)| sample * ((at as f64 / rate - LENGTH) / growth).exp())
            .collect();
        // What is folded beyond the end comes round to the beginning, where nothing is looked for.
        let size = frames(EARLIEST + LENGTH + LATEST, rate).next_power_of_two();
        let mut sweep = Self { rate, inverse: transform(&backwards, size), sound, size };
        let heard = sweep.unfold(transform(&sweep.sound, size));
        let peak = heard.iter().fold(0.0_f64, |peak, value| peak.max(value.abs()));
        for value in &mut sweep.inverse {
            *value = Complex { re: value.re / peak, im: value.im / peak };
        }
        sweep
    }

    /// Looks for it in `heard`, which begins [`EARLIEST`] before it was played; `quiet` is the mean power in its band when
    /// nothing was played. `None` where there was nothing at all.
    #[allow(clippy::cast_precision_loss, reason = "a few seconds of frames")]
    pub fn find(&self, heard: &[f64], quiet: f64) -> Option<Found> {
        let spectrum = transform(heard, self.size);
        let loud = self.band(&spectrum) / heard.len() as f64;
        let folded = self.unfold(spectrum);
        // Heard at once, it has its peak after its own length and what was listened before it.
        let at_once = self.sound.len() - 1 + frames(EARLIEST, self.rate);
        let around = |at: usize, before: f64, after: f64| {
            at.saturating_sub(frames(before, self.rate))..(at + frames(after, self.rate)).min(folded.len())
        };
        let searched = around(at_once, 0.03, LATEST);
        let at = searched.clone().max_by(|one, other| folded[*one].abs().total_cmp(&folded[*other].abs()))?;
        let peak = folded[at].abs();
        let growth = LENGTH / (HIGH / LOW).ln();
        let harmonics = [2.0_f64, 3.0].map(|number| at.saturating_sub(frames(growth * number.ln(), self.rate)));
        let own = around(at, BEFORE_PEAK, AFTER_PEAK);
        let of_harmonics = harmonics.map(|at| around(at, AROUND_HARMONIC, AROUND_HARMONIC));
        let rest: Vec<f64> = around(at_once, EARLIEST, LATEST)
            .filter(|at| !own.contains(at) && !of_harmonics.iter().any(|range| range.contains(at)))
            .map(|at| folded[at])
            .collect();
        let noise = mean_square(&rest);
        if peak <= 0.0 {
            return None;
        }
        let energy = |range: &std::ops::Range<usize>| {
            let noise = noise * range.len() as f64;
            (folded[range.clone()].iter().map(|value| value * value).sum::<f64>() - noise).max(0.0)
        };
        let distortion = of_harmonics.iter().map(energy).sum::<f64>() / energy(&own).max(f64::MIN_POSITIVE);
        Some(Found {
            delay: (at as f64 - at_once as f64) / self.rate,
            level: 20.0 * peak.log10(),
            // Beyond what 24 bits can tell apart, a larger figure says nothing.
            clarity: (20.0 * (peak / noise.sqrt()).log10()).min(144.0),
            snr: (10.0 * ((loud - quiet).max(loud * 1e-3) / quiet).log10()).min(144.0),
            distortion: distortion.sqrt().min(1.0),
        })
    }

    /// The mean power of a sound in the sweep's band.
    #[allow(clippy::cast_precision_loss, reason = "a few seconds of frames")]
    pub fn in_band(&self, sound: &[f64]) -> f64 {
        self.band(&transform(sound, self.size)) / sound.len().max(1) as f64
    }

    /// Folds what was heard with the inverse.
    fn unfold(&self, heard: Vec<Complex>) -> Vec<f64> {
        back(heard.into_iter().zip(&self.inverse).map(|(heard, inverse)| heard * *inverse).collect())
    }

    #[allow(clippy::cast_precision_loss, reason = "a size in memory")]
    fn band(&self, spectrum: &[Complex]) -> f64 {
        let bin = |frequency: f64| frames(frequency / self.rate, self.size as f64);
        spectrum[bin(LOW)..bin(HIGH)].iter().map(|value| value.power()).sum()
    }
}

#[allow(clippy::cast_precision_loss, reason = "a few seconds of frames")]
fn mean_square(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>() / values.len().max(1) as f64
}

/// Frames in `time` seconds.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds, never negative")]
pub fn frames(time: f64, rate: f64) -> usize {
    (time * rate).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 48_000.0;

    fn noise(amplitude: f64, length: usize, mut state: u32) -> Vec<f64> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            amplitude * (f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0)
        };
        (0..length).map(|_| next()).collect()
    }

    /// What a room gives that plays it `delay` frames later, through `through`, over noise.
    fn heard(sweep: &Sweep, delay: usize, room: f64, through: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
        let mut heard = noise(room, frames(EARLIEST + LENGTH + LATEST, RATE), 1);
        let begin = frames(EARLIEST, RATE) + delay;
        for (at, sample) in sweep.sound.iter().enumerate() {
            if let Some(heard) = heard.get_mut(begin + at) {
                *heard += through(*sample);
            }
        }
        (heard, noise(room, frames(0.5, RATE), 7))
    }

    fn near(value: f64, expected: f64, within: f64) {
        assert!((value - expected).abs() <= within, "{value} is not {expected}");
    }

    #[test]
    fn a_perfect_loop_gives_back_what_was_played() {
        let sweep = Sweep::new(RATE);
        near(sweep.sound.iter().fold(0.0_f64, |peak, sample| peak.max(sample.abs())), 0.1, 1e-3);
        let (heard, before) = heard(&sweep, 0, 1e-6, |sample| sample);
        let found = sweep.find(&heard, sweep.in_band(&before)).unwrap();
        near(found.delay, 0.0, 1e-9);
        near(found.level, 0.0, 0.01);
        assert!(found.snr > 60.0 && found.clarity > 40.0 && found.distortion < 0.01, "{found:?}");
    }

    #[test]
    fn delay_and_level_are_exact_and_noise_is_told() {
        let sweep = Sweep::new(RATE);
        for (delay, gain) in [(240_u16, 0.5), (4800, 0.1), (24_000, 0.05)] {
            let (heard, before) = heard(&sweep, delay.into(), 0.0005, |sample| gain * sample);
            let found = sweep.find(&heard, sweep.in_band(&before)).unwrap();
            near(found.delay * RATE, delay.into(), 0.5);
            near(found.level, 20.0 * gain.log10(), 0.3);
            assert!(found.clarity > 20.0 && found.snr > 15.0 && found.distortion < 0.1, "{found:?}");
        }
        // Amplitude 0.01 gives -43 dBFS, the noise's third in the band -44.8: 1.5 dB, less what was not played at.
        let (heard, before) = heard(&sweep, 4800, 0.017_32, |sample| 0.1 * sample);
        let found = sweep.find(&heard, sweep.in_band(&before)).unwrap();
        assert!(found.snr < 15.0, "{found:?}");
    }

    #[test]
    fn what_was_not_played_is_not_found() {
        let sweep = Sweep::new(RATE);
        let (heard_noise, before) = heard(&sweep, 0, 0.01, |_| 0.0);
        let found = sweep.find(&heard_noise, sweep.in_band(&before)).unwrap();
        assert!(found.clarity < 20.0 && found.snr < 5.0, "{found:?}");
        assert_eq!(sweep.find(&vec![0.0; 91_200], sweep.in_band(&before)), None);
    }

    #[test]
    fn distortion_is_that_of_the_loudspeaker() {
        let sweep = Sweep::new(RATE);
        // a·sin² has a second harmonic of a/2: with amplitude 0.1 and a = 4, 0.02 beside 0.1.
        let (heard, before) = heard(&sweep, 4800, 1e-5, |sample| sample + 4.0 * sample * sample);
        let found = sweep.find(&heard, sweep.in_band(&before)).unwrap();
        near(found.distortion, 0.2, 0.03);
        near(found.delay * RATE, 4800.0, 0.5);
    }
}
