//! The E-model (ITU-T G.107, 06/2015) for one reference voice call: G.711 with packet loss concealment. Pure.
//!
//! What a platform's own codec would make of the same line is not said here: there are no published figures for it.

use std::time::Duration;

/// R without any delay or loss: the standard's defaults (§7.7).
const R_DEFAULT: f64 = 93.2;

/// What is said after this mouth-to-ear delay suffers (eq. 7-28, mT of the default class), ms.
const M_T: f64 = 100.0;

/// A frame of 20 ms, and as much again in sound cards and buffers: nobody's measurement, and little beside a line's delay.
const DEVICES: Duration = Duration::from_millis(40);

/// How a codec takes loss (ITU-T G.113, appendix I).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Codec {
    /// Equipment impairment without loss, Ie.
    pub impairment: f64,
    /// Packet-loss robustness, Bpl.
    pub robustness: f64,
}

/// G.711 with packet loss concealment, the reference call's.
pub const G711_PLC: Codec = Codec { impairment: 0.0, robustness: 25.1 };

/// What the reference call would meet on a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// From mouth to ear, Ta.
    pub mouth_to_ear: Duration,
    /// Share of packets lost, 0 to 1.
    pub loss: f64,
    /// How much longer losses in a row are than at random, `BurstR`; 1 at random.
    pub burst_ratio: f64,
}

/// The delay from mouth to ear of a call over a line: half the round trip, a jitter buffer of twice the jitter, and the
/// devices.
pub fn mouth_to_ear(round_trip: Duration, jitter: Duration) -> Duration {
    buffered(round_trip, jitter * 2)
}

/// The same, with a jitter buffer of that length.
pub fn buffered(round_trip: Duration, buffer: Duration) -> Duration {
    round_trip / 2 + buffer + DEVICES
}

/// The transmission rating R of a call with `codec`, 0 to 100: the standard's shipping form, all else at its defaults.
pub fn rating(codec: Codec, line: Line) -> f64 {
    let impaired = delay_impairment(line.mouth_to_ear) + loss_impairment(codec, line.loss, line.burst_ratio);
    (R_DEFAULT - impaired).clamp(0.0, 100.0)
}

/// What the pure delay takes, Idd (eq. 7-27, 7-28; sT = 1).
pub fn delay_impairment(mouth_to_ear: Duration) -> f64 {
    let ta = mouth_to_ear.as_secs_f64() * 1e3;
    if ta <= M_T {
        return 0.0;
    }
    let x = (ta / M_T).log2();
    let root = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

/// What codec and loss take together, Ie,eff (eq. 7-29): `loss` from 0 to 1.
pub fn loss_impairment(codec: Codec, loss: f64, burst_ratio: f64) -> f64 {
    let ppl = 100.0 * loss.clamp(0.0, 1.0);
    let Codec { impairment, robustness } = codec;
    impairment + (95.0 - impairment) * ppl / (ppl / burst_ratio.max(1.0) + robustness)
}

/// The mean opinion score of a rating, 1 to 4.5 (eq. B-4). The cubic dips below 1 for small ratings, and no opinion does.
pub fn mos(rating: f64) -> f64 {
    match rating {
        ..=0.0 => 1.0,
        100.0.. => 4.5,
        r => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0),
    }
}

/// `BurstR` (§3.2.1 of the standard's definition): the mean length of the losses in a row, by what it would be at random.
/// `losses` packets were lost in `runs` rows of a share `loss` of all; 1 where nothing was.
pub fn burst_ratio(losses: u32, runs: u32, loss: f64) -> f64 {
    if runs == 0 {
        return 1.0;
    }
    (f64::from(losses) / f64::from(runs) * (1.0 - loss.clamp(0.0, 1.0))).max(1.0)
}

#[cfg(test)]
mod tests;
