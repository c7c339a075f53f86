//! What two seconds of sound say about a microphone: pure. Only these numbers ever leave the child.

use serde::{Deserialize, Serialize};

use super::spectrum::Windowed;

/// Samples so near full scale count as clipped: -0.1 dBFS.
const NEAR_FULL: f64 = 0.988_553_094_656_938_6;
/// The last step of 16 bits below full scale: a converter that is driven beyond it stays there.
const FULL: f64 = 32_767.0 / 32_768.0;
/// What is quieter than the last bit of 16 (-90.3 dBFS) has no spectrum worth telling.
const LAST_BIT: f64 = 1.0 / 32_768.0;
/// The mains' frequency and its first harmonics, in Hz.
const MAINS: [f64; 3] = [50.0, 100.0, 150.0];
/// The mains wander by half a hertz, the window's lobe is one wide.
const WANDER: [f64; 3] = [-0.5, 0.0, 0.5];
/// Where nothing of the mains is, in Hz beside it.
const BESIDE: [f64; 6] = [-11.0, -9.0, -7.0, 7.0, 9.0, 11.0];

/// What was heard in one channel, full scale being 1.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// The largest sample, in dBFS. `None` for digital silence.
    pub peak: Option<f64>,
    /// The root of the mean square about the mean, in dBFS: a full-scale sine has -3.01. `None` for digital silence.
    pub rms: Option<f64>,
    /// How far the mean is from zero, 0 to 1.
    pub offset: f64,
    /// The share of samples above -0.1 dBFS.
    pub clipped: f64,
    /// The most consecutive samples at full scale on one side.
    pub clipped_run: usize,
    /// The longest time in which no sample differed from the one before, in s.
    pub constant: f64,
    /// The mains and its harmonics over what is beside them, in dB. `None` where all of it is below the last bit of 16.
    pub hum: Option<f64>,
    /// Frames captured over frames expected. `None` where no time can be told.
    pub delivered: Option<f64>,
    /// How often frames were lost.
    pub overruns: u32,
    /// The hardware's own rate in Hz, where the kernel tells.
    pub rate: Option<u32>,
}

/// Analyses the channel in which there is most to hear: a microphone often has one of two. `rate` in Hz.
pub fn analyse(channels: &[Vec<f64>], rate: f64) -> Heard {
    let loudest = channels.iter().max_by(|one, other| spread(one).total_cmp(&spread(other)));
    let samples = loudest.map_or(&[][..], Vec::as_slice);
    let peak = samples.iter().fold(0.0_f64, |peak, sample| peak.max(sample.abs()));
    let rms = spread(samples);
    Heard {
        peak: decibels(peak),
        rms: decibels(rms),
        offset: mean(samples).abs(),
        clipped: share(samples, |sample| sample.abs() > NEAR_FULL),
        clipped_run: run(samples, |one, other| {
            one.abs() >= FULL && one.signum() == other.signum() && other.abs() >= FULL
        }),
        #[allow(clippy::cast_precision_loss, reason = "a few seconds of frames")]
        #[allow(clippy::float_cmp, reason = "a constant is one to the last bit")]
        constant: run(samples, |one, other| one == other) as f64 / rate,
        hum: hum(samples, rate),
        delivered: None,
        overruns: 0,
        rate: None,
    }
}

/// Amplitude in dB of full scale.
fn decibels(amplitude: f64) -> Option<f64> {
    (amplitude > 0.0).then(|| 20.0 * amplitude.log10())
}

#[allow(clippy::cast_precision_loss, reason = "a few seconds of frames")]
fn mean(samples: &[f64]) -> f64 {
    if samples.is_empty() { 0.0 } else { samples.iter().sum::<f64>() / samples.len() as f64 }
}

/// The root of the mean square about the mean.
#[allow(clippy::cast_precision_loss, reason = "a few seconds of frames")]
#[allow(clippy::float_cmp, reason = "a constant is one to the last bit, and its mean need not be")]
fn spread(samples: &[f64]) -> f64 {
    if samples.iter().all(|sample| *sample == samples[0]) {
        return 0.0;
    }
    let mean = mean(samples);
    (samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
}

#[allow(clippy::cast_precision_loss, reason = "a few seconds of frames")]
fn share(samples: &[f64], is: impl Fn(f64) -> bool) -> f64 {
    let of = samples.iter().filter(|sample| is(**sample)).count();
    if samples.is_empty() { 0.0 } else { of as f64 / samples.len() as f64 }
}

/// The most consecutive samples of which each stands to the one before as `alike` says; 0 where no two do.
fn run(samples: &[f64], alike: impl Fn(f64, f64) -> bool) -> usize {
    let (mut longest, mut current) = (0, 0);
    for pair in samples.windows(2) {
        current = if alike(pair[0], pair[1]) { current.max(1) + 1 } else { 0 };
        longest = longest.max(current);
    }
    longest
}

fn hum(samples: &[f64], rate: f64) -> Option<f64> {
    let windowed = Windowed::new(samples, rate);
    let (mut at, mut beside) = (0.0, 0.0);
    for mains in MAINS {
        let tone = |by: &f64| windowed.tone(mains + by);
        at += WANDER.iter().map(tone).fold(0.0, f64::max);
        beside += BESIDE.iter().map(tone).sum::<f64>() / 6.0;
    }
    // What is beside it may be nothing at all in a signal that was made, and in no other.
    (at.sqrt() > LAST_BIT).then(|| 10.0 * (at / beside.max(LAST_BIT.powi(4))).log10())
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    const RATE: f64 = 48_000.0;

    fn signal(of: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..96_000).map(|at| of(f64::from(at) / RATE)).collect()
    }

    fn sine(frequency: f64, amplitude: f64) -> impl Fn(f64) -> f64 {
        move |time| amplitude * (TAU * frequency * time).sin()
    }

    /// Noise of an even spread in ±`amplitude`, the same each time.
    fn noise(amplitude: f64) -> Vec<f64> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            amplitude * (f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0)
        };
        (0..96_000).map(|_| next()).collect()
    }

    fn heard(samples: Vec<f64>) -> Heard {
        analyse(&[samples], RATE)
    }

    fn near(value: Option<f64>, expected: f64, within: f64) {
        let value = value.expect("a value");
        assert!((value - expected).abs() <= within, "{value} is not {expected}");
    }

    #[test]
    fn a_full_scale_sine_has_its_textbook_levels() {
        let full = heard(signal(sine(1000.0, 1.0)));
        near(full.peak, 0.0, 1e-9);
        near(full.rms, -3.0103, 1e-4);
        let tenth = heard(signal(sine(997.0, 0.1)));
        near(tenth.peak, -20.0, 1e-3);
        near(tenth.rms, -23.0103, 1e-4);
        assert!(tenth.offset < 1e-9 && tenth.clipped == 0.0 && tenth.clipped_run == 0 && tenth.constant < 1e-3);
    }

    #[test]
    fn one_bit_of_sixteen_is_the_quietest_that_is_not_silence() {
        let last = heard(signal(|time| if (time * RATE).round() % 2.0 == 0.0 { LAST_BIT } else { -LAST_BIT }));
        near(last.rms, -90.309, 1e-3);
        assert_eq!(last.hum, None, "nothing of the mains in it");
    }

    #[test]
    fn silence_has_no_level_and_lasts_as_long_as_it_lasts() {
        for constant in [0.0, 0.25] {
            let silent = heard(vec![constant; 96_000]);
            assert_eq!((silent.rms, silent.hum), (None, None), "{constant}");
            near(Some(silent.constant), 2.0, 1e-9);
            near(Some(silent.offset), constant, 1e-12);
        }
        assert_eq!(heard(vec![0.0; 10]).peak, None);
        let half = heard(signal(|time| if time < 0.5 { 0.0 } else { sine(440.0, 0.1)(time) }));
        near(Some(half.constant), 0.5, 1e-4);
    }

    #[test]
    fn the_louder_channel_is_the_microphone() {
        let both = analyse(&[vec![0.0; 96_000], signal(sine(440.0, 0.1))], RATE);
        near(both.rms, -23.0103, 1e-3);
    }

    #[test]
    fn an_offset_is_told_and_is_no_level() {
        let moved = heard(signal(|time| 0.02 + sine(440.0, 0.001)(time)));
        near(Some(moved.offset), 0.02, 1e-9);
        near(moved.rms, -63.0103, 1e-3);
    }

    #[test]
    fn clipping_is_counted_in_runs_and_in_shares() {
        let over = heard(signal(|time| sine(100.0, 1.5)(time).clamp(-1.0, FULL)));
        // Beyond full scale for acos(2/3)·2/π of the time, in runs of half a turn's share: 257 or 258 samples.
        near(Some(over.clipped), 0.5355 + 0.0094, 0.006);
        assert!((125..=132).contains(&over.clipped_run), "{}", over.clipped_run);
        let mut once = signal(sine(440.0, 0.1));
        once[500..503].fill(1.0);
        let once = heard(once);
        assert_eq!(once.clipped_run, 3);
        near(Some(once.clipped), 3.0 / 96_000.0, 1e-12);
        let mut changing = signal(sine(440.0, 0.1));
        (changing[500], changing[501], changing[502]) = (1.0, -1.0, 1.0);
        assert_eq!(heard(changing).clipped_run, 0, "full scale on both sides in turn is loud, not stuck");
    }

    #[test]
    fn hum_stands_out_of_its_neighbours_and_noise_does_not() {
        let room = noise(0.002);
        let hum = heard(room.clone()).hum.unwrap_or(0.0);
        assert!(hum < 8.0, "{hum}");
        let with = |frequency: f64| {
            let tone = sine(frequency, 0.002);
            heard((0..).zip(&room).map(|(at, noise): (u32, _)| noise + tone(f64::from(at) / RATE)).collect())
                .hum
                .unwrap_or(0.0)
        };
        for mains in [50.0, 100.0, 150.0, 49.7, 50.3] {
            assert!(with(mains) > 30.0, "{mains}: {}", with(mains));
        }
        for voice in [70.0, 125.0, 440.0] {
            assert!(with(voice) < 8.0, "{voice}: {}", with(voice));
        }
    }
}
