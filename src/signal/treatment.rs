//! What is done to a voice before a radio sends it: one rate, the band of a radio, one loudness. Pure.
//!
//! A radio's transmitter limits what is too loud by cutting it off, which spreads over the neighbours' channels, and sends
//! nothing beyond 3 kHz that could be heard: so it is given what it can carry, and no more.

use std::collections::VecDeque;
use std::f64::consts::{PI, TAU};

/// The rate of all that is treated, in Hz.
pub const RATE: u32 = 48_000;

/// The band that is sent, in Hz: what an FM voice channel carries.
pub const BAND: (f64, f64) = (300.0, 3000.0);

/// The loudest sample, in dB of full scale.
pub const PEAK: f64 = -3.0;

/// How loud the voice is while there is one, in dB of full scale.
pub const LOUDNESS: f64 = -15.0;

/// Zero crossings of the resampling filter on either side.
const CROSSINGS: usize = 16;

/// A look at loudness, in samples: 20 ms.
const LOOK: usize = RATE as usize / 50;

/// A part that is so much quieter than the loudest, in dB, is a pause.
const PAUSE: f64 = -30.0;

/// How far the limiter looks ahead, in samples: 5 ms, a cycle and a half of the band's lower end.
const AHEAD: usize = RATE as usize / 200;

/// Brings a signal to [`RATE`] by a windowed sinc, one filter a phase.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates and lengths are far below 2^52, and above zero"
)]
#[must_use]
pub fn resample(samples: &[f64], from: u32) -> Vec<f64> {
    if from == RATE {
        return samples.to_vec();
    }
    let common = gcd(from, RATE);
    let (phases, step) = ((RATE / common) as usize, (from / common) as usize);
    // Of the lower rate, a little below its half, so that what folds over is outside the radio's band.
    let cutoff = (f64::from(RATE) / f64::from(from)).min(1.0) * 0.95;
    let reach = (CROSSINGS as f64 / cutoff).ceil() as usize;
    let tap = |distance: f64| {
        let window = 0.5 + 0.5 * (PI * distance / (reach as f64 + 1.0)).cos();
        let turned = PI * cutoff * distance;
        cutoff * window * if turned.abs() < 1e-9 { 1.0 } else { turned.sin() / turned }
    };
    let filters: Vec<Vec<f64>> = (0..phases)
        .map(|phase| {
            let part = phase as f64 / phases as f64;
            (0..2 * reach).map(|at| tap(at as f64 - (reach - 1) as f64 - part)).collect()
        })
        .collect();
    let length = samples.len() * phases / step;
    (0..length)
        .map(|out| {
            let (whole, phase) = (out * step / phases, out * step % phases);
            let taps = filters[phase].iter().enumerate();
            taps.map(|(at, tap)| {
                let from = (whole + at + 1).checked_sub(reach);
                from.and_then(|from| samples.get(from)).map_or(0.0, |sample| sample * tap)
            })
            .sum()
        })
        .collect()
}

fn gcd(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { gcd(other, one % other) }
}

/// Leaves of a signal what a radio carries: Butterworth, four poles at the lower end and six at the upper.
pub fn band_pass(samples: &mut [f64]) {
    for quality in [0.541_196, 1.306_563] {
        Biquad::high_pass(BAND.0, quality).run(samples);
    }
    for quality in [0.517_638, std::f64::consts::FRAC_1_SQRT_2, 1.931_852] {
        Biquad::low_pass(BAND.1, quality).run(samples);
    }
}

/// A filter of second order, by the bilinear transform.
struct Biquad {
    forward: [f64; 3],
    back: [f64; 2],
}

impl Biquad {
    fn high_pass(frequency: f64, quality: f64) -> Self {
        Self::new(frequency, quality, |cosine| [0.5, -1.0, 0.5].map(|part| part * (1.0 + cosine)))
    }

    fn low_pass(frequency: f64, quality: f64) -> Self {
        Self::new(frequency, quality, |cosine| [0.5, 1.0, 0.5].map(|part| part * (1.0 - cosine)))
    }

    fn new(frequency: f64, quality: f64, forward: impl Fn(f64) -> [f64; 3]) -> Self {
        let turn = TAU * frequency / f64::from(RATE);
        let alpha = turn.sin() / (2.0 * quality);
        let first = 1.0 + alpha;
        Self {
            forward: forward(turn.cos()).map(|factor| factor / first),
            back: [-2.0 * turn.cos() / first, (1.0 - alpha) / first],
        }
    }

    fn run(&self, samples: &mut [f64]) {
        let (mut one, mut two) = (0.0, 0.0);
        for sample in samples {
            let out = self.forward[0] * *sample + one;
            one = self.forward[1] * *sample - self.back[0] * out + two;
            two = self.forward[2] * *sample - self.back[1] * out;
            *sample = out;
        }
    }
}

/// Makes a voice as loud as [`LOUDNESS`] and nowhere louder than [`PEAK`]. Silence stays silence.
pub fn level(samples: &mut [f64]) {
    compress(samples);
    let mut gain = 0.0;
    let mut louder = Vec::new();
    // What the limiter takes is given again, until little is missing.
    for _ in 0..6 {
        louder = samples.iter().map(|sample| sample * ratio(gain)).collect();
        limit(&mut louder);
        let Some(is) = loudness(&louder) else { return };
        if (is - LOUDNESS).abs() < 0.05 {
            break;
        }
        gain += LOUDNESS - is;
    }
    samples.copy_from_slice(&louder);
}

/// Loud syllables nearer to soft ones: above the voice's loudness a third of what is more is left.
fn compress(samples: &mut [f64]) {
    let Some(usual) = loudness(samples) else { return };
    let pole = |seconds: f64| (-1.0 / (seconds * f64::from(RATE))).exp();
    let (attack, release) = (pole(0.005), pole(0.08));
    let mut envelope = 0.0_f64;
    for sample in samples {
        let is = sample.abs();
        let pole = if is > envelope { attack } else { release };
        envelope = is + (envelope - is) * pole;
        let above = decibels(envelope) - usual;
        if above > 0.0 {
            *sample *= ratio(-above * 2.0 / 3.0);
        }
    }
}

/// Takes back what would be louder than [`PEAK`], from before it comes until after it has gone.
#[allow(clippy::cast_precision_loss, reason = "a few hundred samples")]
fn limit(samples: &mut [f64]) {
    let most = ratio(PEAK);
    let factor = |sample: f64| if sample.abs() > most { most / sample.abs() } else { 1.0 };
    // The least of the factors within reach, then their mean over the same reach: never more than the factor at its own place.
    let mut least: VecDeque<(usize, f64)> = VecDeque::new();
    let mut near: Vec<f64> = Vec::with_capacity(samples.len() + 2 * AHEAD);
    for at in 0..samples.len() + AHEAD {
        let here = samples.get(at).map_or(1.0, |sample| factor(*sample));
        while least.back().is_some_and(|(_, factor)| *factor >= here) {
            least.pop_back();
        }
        least.push_back((at, here));
        while least.front().is_some_and(|(from, _)| from + AHEAD < at) {
            least.pop_front();
        }
        near.push(least.front().map_or(1.0, |(_, factor)| *factor));
    }
    let mut sum: f64 = near.iter().take(AHEAD + 1).sum();
    for (at, sample) in samples.iter_mut().enumerate() {
        *sample *= sum / (AHEAD + 1) as f64;
        let next = near.get(at + AHEAD + 1).copied().unwrap_or(1.0);
        sum += next - near[at];
    }
    // The sum's rounding is all that can be above.
    for sample in samples {
        *sample = sample.clamp(-most, most);
    }
}

/// Cuts the silence off at both ends.
#[must_use]
pub fn trim(samples: &[f64]) -> &[f64] {
    let loudest = samples.iter().fold(0.0_f64, |most, sample| most.max(sample.abs()));
    let sounds = |sample: &f64| sample.abs() > loudest * ratio(-45.0);
    let Some(first) = samples.iter().position(sounds) else { return &[] };
    let last = samples.iter().rposition(sounds).unwrap_or(first);
    &samples[first..=last]
}

/// Lets the ends of a piece come and go within 5 ms, so that nothing clicks.
#[allow(clippy::cast_precision_loss, reason = "a few hundred samples")]
pub fn fade(samples: &mut [f64]) {
    let length = AHEAD.min(samples.len() / 2);
    let last = samples.len().saturating_sub(1);
    for at in 0..length {
        let factor = at as f64 / length as f64;
        samples[at] *= factor;
        samples[last - at] *= factor;
    }
}

/// How loud the voice is, in dB of full scale: the mean of all 20 ms that are no pause. `None` of silence.
#[allow(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
#[must_use]
pub fn loudness(samples: &[f64]) -> Option<f64> {
    let powers: Vec<f64> =
        samples.chunks(LOOK).map(|look| look.iter().map(|s| s * s).sum::<f64>() / look.len() as f64).collect();
    let least = powers.iter().copied().max_by(f64::total_cmp)? * ratio(PAUSE).powi(2);
    let voice: Vec<f64> = powers.into_iter().filter(|power| *power > least).collect();
    (!voice.is_empty()).then(|| decibels((voice.iter().sum::<f64>() / voice.len() as f64).sqrt()))
}

/// The effective value of a piece, in dB of full scale.
#[allow(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
#[must_use]
pub fn effective(samples: &[f64]) -> f64 {
    let power = samples.iter().map(|s| s * s).sum::<f64>() / samples.len() as f64;
    decibels(power.sqrt())
}

/// The loudest sample, in dB of full scale.
#[must_use]
pub fn peak(samples: &[f64]) -> f64 {
    decibels(samples.iter().fold(0.0, |most, sample| sample.abs().max(most)))
}

/// A size in dB.
#[must_use]
pub fn decibels(size: f64) -> f64 {
    20.0 * size.max(1e-12).log10()
}

/// The size of dB.
#[must_use]
pub fn ratio(decibels: f64) -> f64 {
    10_f64.powf(decibels / 20.0)
}

#[cfg(test)]
mod tests;
