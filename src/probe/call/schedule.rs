//! Which packets leave when.
//!
//! Sound is a packet each 20 ms, the picture full packets spread evenly over its time, as a browser's pacer does: a burst at
//! line rate would measure the first queue on the way and not the call.

use std::time::Duration;

/// What a part of a test is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Sound alone: what the way does to packets when nothing presses it.
    Light,
    /// The whole call, at the rate that is to be proven.
    Full,
    /// Sound again, behind whatever the call has left in the queues.
    Drain,
}

/// A packet to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When, since the beginning of its part.
    pub at: Duration,
    /// Size of the whole IP packet, bytes.
    pub bytes: usize,
}

/// A picture's packet: what browsers send, and what fits through every tunnel.
const PICTURE: usize = 1128;
/// A sound packet: Opus at 40 kbit/s with its headers, and what an authenticated STAMP packet needs at least by IPv6.
const SOUND: usize = 160;
const SOUND_SPACING: Duration = Duration::from_millis(20);
/// The light phase is denser than sound, so that a few seconds decide about loss …
const LIGHT_SPACING: Duration = Duration::from_millis(10);
/// … unless the meeting is of sound alone.
const SOUND_ALONE: f64 = 400e3;

/// The packets of one part of a test, in order.
#[derive(Clone, Debug)]
pub struct Schedule {
    sound: Option<Stream>,
    picture: Option<Stream>,
    end: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    next: Duration,
    spacing: Duration,
    bytes: usize,
}

impl Schedule {
    /// `phase` for `length`, in a test that is to prove `rate` (bit/s, IP headers included).
    pub fn new(phase: Phase, rate: f64, length: Duration) -> Self {
        let sound = bits(SOUND) / SOUND_SPACING.as_secs_f64();
        let stream = |spacing, bytes| Some(Stream { next: Duration::ZERO, spacing, bytes });
        let (sound, picture) = match phase {
            Phase::Light | Phase::Drain if rate < SOUND_ALONE => (stream(SOUND_SPACING, SOUND), None),
            Phase::Light | Phase::Drain => (stream(LIGHT_SPACING, SOUND), None),
            // Too little for a picture: sound in larger packets.
            Phase::Full if rate < 2.0 * sound => {
                let spacing = SOUND_SPACING.as_secs_f64();
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred bytes")]
                let bytes = ((rate * spacing / 8.0) as usize).max(SOUND);
                (stream(Duration::from_secs_f64(bits(bytes) / rate.max(1.0)), bytes), None)
            }
            Phase::Full => {
                let spacing = Duration::from_secs_f64(bits(PICTURE) / (rate - sound));
                (stream(SOUND_SPACING, SOUND), stream(spacing, PICTURE))
            }
        };
        Self { sound, picture, end: length }
    }

    /// Bytes of IP packets in all.
    pub fn bytes(&self) -> u64 {
        self.clone().map(|planned| planned.bytes as u64).sum()
    }
}

impl Iterator for Schedule {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        let due = |stream: &Option<Stream>| stream.map_or(Duration::MAX, |stream| stream.next);
        let first = if due(&self.picture) < due(&self.sound) { &mut self.picture } else { &mut self.sound };
        let stream = first.as_mut().filter(|stream| stream.next < self.end)?;
        let planned = Planned { at: stream.next, bytes: stream.bytes };
        stream.next += stream.spacing;
        Some(planned)
    }
}

#[allow(clippy::cast_precision_loss, reason = "a packet's size")]
fn bits(bytes: usize) -> f64 {
    bytes as f64 * 8.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: Duration = Duration::from_secs(3);

    #[test]
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    fn the_whole_call_has_the_rate_that_was_asked_for_and_comes_evenly() {
        for rate in [80e3, 130e3, 500e3, 1e6, 4.4e6, 20e6] {
            let schedule = Schedule::new(Phase::Full, rate, SECONDS);
            let sent = schedule.bytes() as f64 * 8.0 / SECONDS.as_secs_f64();
            assert!((sent / rate - 1.0).abs() < 0.02, "{sent} for {rate}");
            let all: Vec<_> = schedule.collect();
            assert!(all.is_sorted_by_key(|planned| planned.at));
            let half =
                all.iter().filter(|planned| planned.at < SECONDS / 2).map(|planned| planned.bytes).sum::<usize>();
            let whole = all.iter().map(|planned| planned.bytes).sum::<usize>();
            assert!((half as f64 / whole as f64 - 0.5).abs() < 0.02, "{half} of {whole}");
        }
    }

    #[test]
    fn the_light_phase_is_far_below_any_picture_and_within_any_sound() {
        let light = |rate| Schedule::new(Phase::Light, rate, SECONDS);
        assert_eq!((light(4.4e6).count(), light(4.4e6).bytes() * 8 / 3), (300, 128_000));
        assert_eq!((light(88e3).count(), light(88e3).bytes() * 8 / 3), (150, 64_000));
    }
}
