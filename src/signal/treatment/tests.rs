//! Measured on tones and bursts, whose answers are known.

use super::*;

#[allow(clippy::cast_precision_loss, reason = "seconds of samples")]
fn tone(frequency: f64, rate: u32, seconds: f64) -> Vec<f64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of samples")]
    let frames = (seconds * f64::from(rate)) as usize;
    (0..frames).map(|at| 0.5 * (TAU * frequency * at as f64 / f64::from(rate)).sin()).collect()
}

/// How loud the middle of a signal is, in dB: its ends ring.
fn middle(samples: &[f64]) -> f64 {
    let part = &samples[samples.len() / 4..samples.len() * 3 / 4];
    #[allow(clippy::cast_precision_loss, reason = "seconds of samples")]
    let power = part.iter().map(|s| s * s).sum::<f64>() / part.len() as f64;
    decibels(power.sqrt() * std::f64::consts::SQRT_2 / 0.5)
}

#[test]
fn the_band_is_what_a_radio_carries() {
    let through = |frequency| {
        let mut samples = tone(frequency, RATE, 1.0);
        band_pass(&mut samples);
        middle(&samples)
    };
    for (frequency, least, most) in [
        (50.0, -90.0, -60.0),
        (100.0, -40.0, -36.0),
        (150.0, -26.0, -22.0),
        (300.0, -3.5, -2.5),
        (500.0, -0.5, 0.1),
        (1000.0, -0.1, 0.1),
        (2000.0, -0.5, 0.1),
        (3000.0, -3.5, -2.5),
        (6000.0, -40.0, -36.0),
        (12_000.0, -120.0, -70.0),
    ] {
        let is = through(frequency);
        assert!((least..=most).contains(&is), "{frequency} Hz: {is} dB");
    }
}

#[test]
fn another_rate_is_the_same_tone_as_loud_and_as_long() {
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
        let samples = resample(&tone(1000.0, rate, 1.0), rate);
        assert!(samples.len().abs_diff(RATE as usize) <= 1, "{rate}: {}", samples.len());
        let wanted = tone(1000.0, RATE, 1.0);
        let error = samples
            .iter()
            .zip(&wanted)
            .skip(2000)
            .take(40_000)
            .fold(0.0_f64, |worst, (is, wanted)| worst.max((is - wanted).abs()));
        assert!(error < 0.002, "{rate}: {error}");
    }
    // What a rate cannot hold folds over to where the radio sends nothing.
    let folded = resample(&tone(30_000.0, 96_000, 1.0), 96_000);
    assert!(middle(&folded) < -50.0, "{}", middle(&folded));
}

#[test]
fn a_voice_is_as_loud_as_it_should_be_whatever_it_was() {
    for loud in [0.0, -20.0, -50.0] {
        // Syllables of 150 ms, each other one much louder, with a pulse of a voice's crest, and pauses.
        let mut samples: Vec<f64> = Vec::new();
        for syllable in 0..12_u8 {
            let size = ratio(loud) * if syllable % 2 == 0 { 1.0 } else { 0.15 };
            let pulse = tone(120.0, RATE, 0.15).into_iter().map(|s| size * 8.0 * s.powi(9) * 50.0);
            samples.extend(pulse);
            samples.extend(vec![0.0; 4000]);
        }
        band_pass(&mut samples);
        level(&mut samples);
        let (is, most) = (loudness(&samples).unwrap(), peak(&samples));
        assert!((is - LOUDNESS).abs() < 0.5, "{loud}: {is} dB");
        assert!(most <= PEAK + 1e-6 && most > PEAK - 1.5, "{loud}: {most} dB");
    }
    let mut silence = vec![0.0; 1000];
    level(&mut silence);
    assert!(silence.iter().all(|sample| *sample == 0.0) && loudness(&[]).is_none());
}

#[test]
fn a_single_peak_is_taken_back_softly_and_its_neighbours_with_it() {
    let mut samples = vec![0.1; 4000];
    samples[2000] = 1.4;
    limit(&mut samples);
    assert!((decibels(samples[2000]) - PEAK).abs() < 0.1, "{}", decibels(samples[2000]));
    assert!((samples[2000 - 2 * AHEAD - 1] - 0.1).abs() < 1e-9);
    let steepest = samples.windows(2).filter(|pair| pair[0] < 0.2 && pair[1] < 0.2).map(|p| (p[0] - p[1]).abs());
    assert!(steepest.fold(0.0, f64::max) < 0.001);
}

#[test]
fn ends_are_cut_and_faded() {
    let mut samples = vec![0.0; 500];
    samples.extend(tone(500.0, RATE, 0.1));
    samples.extend(vec![0.0001; 700]);
    let trimmed = trim(&samples);
    assert!(trimmed.len().abs_diff(4800) < 200, "{}", trimmed.len());
    assert!(trim(&[0.0; 10]).is_empty());
    let mut faded = vec![1.0; 3 * AHEAD];
    fade(&mut faded);
    assert!(faded[0] == 0.0 && faded[3 * AHEAD - 1] == 0.0);
    assert!((faded[AHEAD + 1] - 1.0).abs() < 1e-9);
}
