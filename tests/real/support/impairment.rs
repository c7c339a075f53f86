//! What a bad line does to packets, one direction at a time: pure, with a seed, so that the same packets meet the same fate.
#![allow(clippy::cast_precision_loss, reason = "a few thousand packets of a few bytes")]

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// One direction of a line. The default does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Impairment {
    /// What every packet takes.
    pub(crate) delay: Duration,
    /// What is added to it, evenly between nothing and this …
    pub(crate) jitter: Duration,
    /// … and whether a packet that has less of it may pass one that has more.
    pub(crate) overtaking: bool,
    /// How packets get lost.
    pub(crate) loss: Loss,
    /// This share of packets is held back by so much.
    pub(crate) held: Option<(f64, Duration)>,
    /// Bits of IP packets a second, and how long a packet waits at most for its turn.
    pub(crate) rate: Option<(f64, Duration)>,
}

/// How packets get lost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Loss {
    #[default]
    None,
    /// Each by itself, with this probability.
    Random(f64),
    /// In runs (Gilbert's two states): this share in all, and so many in a row on average.
    Bursts(f64, f64),
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// The line lost it.
    Lost,
    /// The queue was full.
    Dropped,
    /// It comes out then, on the clock of what was asked.
    Out(Duration),
}

/// A direction at work.
pub(crate) struct Way {
    impairment: Impairment,
    random: StdRng,
    in_burst: bool,
    free: Duration,
    last: Duration,
}

impl Way {
    pub(crate) fn new(impairment: Impairment, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        Self { impairment, random, in_burst: false, free: Duration::ZERO, last: Duration::ZERO }
    }

    /// The fate of a packet of `bytes` that goes in `now`.
    pub(crate) fn fate(&mut self, now: Duration, bytes: usize) -> Fate {
        let Impairment { delay, jitter, overtaking, held, rate, .. } = self.impairment;
        if self.is_lost() {
            return Fate::Lost;
        }
        let mut out = now;
        if let Some((rate, queue)) = rate {
            let wait = self.free.saturating_sub(now);
            if wait > queue {
                return Fate::Dropped;
            }
            self.free = now + wait + Duration::from_secs_f64(bytes as f64 * 8.0 / rate);
            out = self.free;
        }
        out += delay + jitter.mul_f64(self.random.random());
        if !overtaking {
            out = out.max(self.last);
        }
        self.last = out;
        if let Some((share, by)) = held
            && self.random.random_bool(share)
        {
            out += by;
        }
        Fate::Out(out)
    }

    fn is_lost(&mut self) -> bool {
        match self.impairment.loss {
            Loss::None => false,
            Loss::Random(share) => self.random.random_bool(share),
            Loss::Bursts(share, length) => {
                let leave = 1.0 / length;
                // The share of time in a burst is enter / (enter + leave).
                let enter = leave * share / (1.0 - share);
                self.in_burst =
                    if self.in_burst { !self.random.random_bool(leave) } else { self.random.random_bool(enter) };
                self.in_burst
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Twenty thousand packets of 1000 bytes, one a millisecond (8 Mbit/s).
    fn fates(impairment: Impairment) -> Vec<Fate> {
        let mut way = Way::new(impairment, 7);
        (0..20_000).map(|n| way.fate(MS * n, 1000)).collect()
    }

    fn share(fates: &[Fate], which: impl Fn(&Fate) -> bool) -> f64 {
        fates.iter().filter(|fate| which(fate)).count() as f64 / fates.len() as f64
    }

    fn outs(fates: &[Fate]) -> Vec<Duration> {
        fates.iter().filter_map(|fate| if let Fate::Out(at) = fate { Some(*at) } else { None }).collect()
    }

    #[test]
    fn loss_has_its_share_and_its_runs() {
        let lost = |fate: &Fate| *fate == Fate::Lost;
        for loss in [Loss::Random(0.03), Loss::Bursts(0.03, 5.0)] {
            let fates = fates(Impairment { loss, ..Impairment::default() });
            assert!((share(&fates, lost) - 0.03).abs() < 0.008, "{loss:?}: {}", share(&fates, lost));
            let runs = fates.windows(2).filter(|pair| lost(&pair[0]) && !lost(&pair[1])).count();
            let mean = share(&fates, lost) * fates.len() as f64 / runs as f64;
            let expected = if let Loss::Bursts(_, length) = loss { length } else { 1.03 };
            assert!((mean / expected - 1.0).abs() < 0.15, "{loss:?}: {mean}");
        }
    }

    #[test]
    fn delay_jitter_and_order_are_as_asked() {
        let base = Impairment { delay: MS * 20, jitter: MS * 30, ..Impairment::default() };
        assert!(outs(&fates(base)).is_sorted());
        let free = outs(&fates(Impairment { overtaking: true, ..base }));
        assert!(!free.is_sorted());
        for (n, out) in (0..).zip(&free) {
            assert!((MS * 20..=MS * 50).contains(&out.saturating_sub(MS * n)), "{out:?}");
        }
        let held = fates(Impairment { held: Some((0.02, MS * 15)), ..Impairment::default() });
        let late = outs(&held).iter().zip(0..).filter(|(out, n)| **out == MS * (*n + 15)).count();
        assert!((300..500).contains(&late), "{late}");
    }

    #[test]
    fn a_rate_fills_its_queue_and_drops_the_rest() {
        let fates = fates(Impairment { rate: Some((6e6, MS * 100)), ..Impairment::default() });
        assert!((share(&fates, |fate| *fate == Fate::Dropped) - 0.25).abs() < 0.01);
        let outs = outs(&fates);
        assert!(outs.is_sorted() && outs.windows(2).all(|pair| pair[1] >= pair[0] + MS * 1000 * 8 / 6000));
    }
}
