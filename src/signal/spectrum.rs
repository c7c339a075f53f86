//! Two ways to look at a signal by frequency: all of them at once, and a single one. Pure.
//!
//! No package: a transform of one size, once a test, in a child, is forty lines, and its test is the definition; the usual
//! package (rustfft) brings seven.

use std::f64::consts::TAU;
use std::ops::{Add, Mul, Sub};

/// A complex number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Complex {
    /// Its real part.
    pub re: f64,
    /// Its imaginary part.
    pub im: f64,
}

impl Complex {
    /// The square of its size.
    pub fn power(self) -> f64 {
        self.re * self.re + self.im * self.im
    }

    fn turned(angle: f64) -> Self {
        Self { re: angle.cos(), im: angle.sin() }
    }
}

impl Add for Complex {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }
}

impl Sub for Complex {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }
}

impl Mul for Complex {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

/// The discrete Fourier transform of a signal, filled up with zeros to `size`, a power of two.
pub fn transform(signal: &[f64], size: usize) -> Vec<Complex> {
    let mut values: Vec<_> = signal.iter().take(size).map(|re| Complex { re: *re, im: 0.0 }).collect();
    values.resize(size, Complex::default());
    turn(&mut values, -1.0);
    values
}

/// The signal whose transform this is, as far as it is real.
#[allow(clippy::cast_precision_loss, reason = "a size in memory")]
pub fn back(mut values: Vec<Complex>) -> Vec<f64> {
    turn(&mut values, 1.0);
    let size = values.len() as f64;
    values.into_iter().map(|value| value.re / size).collect()
}

/// Radix two, decimation in time (Cooley and Tukey 1965), in place.
#[allow(clippy::cast_precision_loss, reason = "a size in memory")]
fn turn(values: &mut [Complex], direction: f64) {
    let size = values.len();
    debug_assert!(size.is_power_of_two());
    let bits = size.trailing_zeros();
    for at in 1..size {
        let other = at.reverse_bits() >> (usize::BITS - bits);
        if at < other {
            values.swap(at, other);
        }
    }
    let turns: Vec<_> = (0..size / 2).map(|at| Complex::turned(direction * TAU * at as f64 / size as f64)).collect();
    let mut half = 1;
    while half < size {
        let step = size / (2 * half);
        for block in values.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (at, (low, high)) in low.iter_mut().zip(high).enumerate() {
                let turned = *high * turns[at * step];
                (*low, *high) = (*low + turned, *low - turned);
            }
        }
        half *= 2;
    }
}

/// A signal under a Hann window, in which what is a few hertz beside a tone does not count for it.
pub struct Windowed {
    samples: Vec<f64>,
    rate: f64,
}

impl Windowed {
    /// A signal of `rate` samples a second.
    #[allow(clippy::cast_precision_loss, reason = "a few seconds of frames")]
    pub fn new(signal: &[f64], rate: f64) -> Self {
        let turn = TAU / signal.len() as f64;
        let samples = signal.iter().enumerate().map(|(at, sample)| sample * (0.5 - 0.5 * (turn * at as f64).cos()));
        Self { samples: samples.collect(), rate }
    }

    /// The mean power of the tone at `frequency` (Hz), by Goertzel's recursion (1958): a full-scale sine has 0.5.
    #[allow(clippy::cast_precision_loss, reason = "a few seconds of frames")]
    pub fn tone(&self, frequency: f64) -> f64 {
        let factor = 2.0 * (TAU * frequency / self.rate).cos();
        let (mut before, mut last) = (0.0, 0.0);
        for sample in &self.samples {
            (before, last) = (last, sample + factor * last - before);
        }
        let power = last * last + before * before - factor * last * before;
        // The window lets half of an amplitude through, and a sine's is in two halves.
        8.0 * power / (self.samples.len() as f64).powi(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::cast_precision_loss, reason = "a few samples")]
    fn the_transform_is_its_definition() {
        let signal: Vec<f64> = (0..16).map(|at| f64::from((at * at * 7 + 3) % 11) - 4.0).collect();
        for (at, value) in transform(&signal, 32).into_iter().enumerate() {
            let defined = signal.iter().enumerate().fold(Complex::default(), |sum, (t, sample)| {
                sum + Complex { re: *sample, im: 0.0 } * Complex::turned(-TAU * (at * t) as f64 / 32.0)
            });
            assert!((value - defined).power().sqrt() < 1e-12, "{at}: {value:?}, {defined:?}");
        }
        for (back, was) in back(transform(&signal, 32)).iter().zip(signal.iter().chain([0.0; 16].iter())) {
            assert!((back - was).abs() < 1e-12);
        }
    }

    #[test]
    fn a_tones_power_is_its_own_and_not_its_neighbours() {
        let sine = |frequency: f64, amplitude: f64| -> Vec<f64> {
            (0..96_000).map(|at| amplitude * (TAU * frequency * f64::from(at) / 48_000.0 + 0.7).sin()).collect()
        };
        assert!((Windowed::new(&sine(50.0, 1.0), 48_000.0).tone(50.0) - 0.5).abs() < 1e-6);
        assert!((Windowed::new(&sine(1000.0, 0.1), 48_000.0).tone(1000.0) - 0.005).abs() < 1e-8);
        assert!(Windowed::new(&sine(50.0, 1.0), 48_000.0).tone(57.0) < 1e-9, "seven hertz beside it");
    }
}
