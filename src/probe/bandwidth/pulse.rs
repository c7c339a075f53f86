//! The delay of a line, full and empty: new connections to a transfer's own server, at a steady pace while it fills the line and
//! for a moment after.
//!
//! A handshake goes there and back once, through the same queues as everybody's packets. Of the responsiveness that
//! draft-ietf-ippm-responsiveness measures, these are the foreign probes, by TCP alone.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::clock::Clock;
use crate::domain::Mono;
use crate::probe::egress::Egress;

/// How far apart connections begin, at least: a line of 1 Mbit/s spends less than a hundredth on them.
const PACE: Duration = Duration::from_millis(100);
/// How long one is waited for. A lost packet is repeated after a second (RFC 6298, §2), and is then one slow handshake among many.
const PATIENCE: Duration = Duration::from_secs(3);
/// Fewer handshakes make no figure.
const LEAST: usize = 3;
/// Handshakes on the empty line. The first may still meet what is left in the queues: the shortest counts.
const QUIET: usize = 5;
/// The share of the shortest that counts (the draft's trimmed mean).
const BEST: f64 = 0.95;

/// What a transfer did to the delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Delay {
    /// The shortest handshake once the line is empty.
    pub(super) idle: Duration,
    /// The median of those that began while the line was full.
    pub(super) loaded: Duration,
    /// Round trips a minute while it was full: by the mean of the best 95 in a hundred.
    pub(super) per_minute: f64,
}

/// Handshakes with one server.
pub(super) struct Pulse {
    to: SocketAddr,
    egress: Egress,
    clock: Clock,
    /// When each began, and how long it took.
    beats: Vec<(Mono, Duration)>,
}

impl Pulse {
    pub(super) const fn new(to: SocketAddr, egress: Egress, clock: Clock) -> Self {
        Self { to, egress, clock, beats: Vec::new() }
    }

    /// Beats while `transfer` goes on, and gives what it gives.
    pub(super) async fn during<T>(&mut self, transfer: impl Future<Output = T>) -> T {
        let mut transfer = pin!(transfer);
        tokio::select! {
            biased;
            outcome = &mut transfer => outcome,
            never = self.go_on() => match never {},
        }
    }

    /// What the transfer did, which filled the line from `full` on; nothing where too few handshakes came about.
    pub(super) async fn after(mut self, full: Mono) -> Option<Delay> {
        let busy = self.beats.iter().filter(|(began, _)| *began >= full).map(|(_, took)| *took).collect();
        self.beats.clear();
        for _ in 0..QUIET {
            let next = self.clock.mono().after(PACE);
            self.beats.extend(beat(&self.egress, self.to, self.clock).await);
            self.clock.sleep_until(next).await;
        }
        Delay::of(busy, self.beats.iter().map(|(_, took)| *took).min()?)
    }

    async fn go_on(&mut self) -> Infallible {
        let (egress, to, clock) = (self.egress.clone(), self.to, self.clock);
        let mut under_way = FuturesUnordered::new();
        loop {
            // One whose first packet was lost in a full queue waits for a second, and may not keep the others waiting.
            under_way.push(beat(&egress, to, clock));
            let next = self.clock.mono().after(PACE);
            loop {
                tokio::select! {
                    biased;
                    Some(beat) = under_way.next() => self.beats.extend(beat),
                    () = self.clock.sleep_until(next) => break,
                }
            }
        }
    }
}

/// One handshake: when it began, and how long it took. One that is refused or lost says nothing of the delay.
async fn beat(egress: &Egress, to: SocketAddr, clock: Clock) -> Option<(Mono, Duration)> {
    let began = clock.mono();
    let shaken = tokio::time::timeout(PATIENCE, egress.tcp(to)).await;
    matches!(shaken, Ok(Ok(_))).then(|| (began, clock.mono().since(began)))
}

impl Delay {
    fn of(mut busy: Vec<Duration>, idle: Duration) -> Option<Self> {
        busy.sort_unstable();
        let loaded = *busy.get(busy.len() / 2).filter(|_| busy.len() >= LEAST)?;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a handful"
        )]
        let best = &busy[..((busy.len() as f64 * BEST).ceil() as usize).min(busy.len())];
        let mean = best.iter().map(Duration::as_secs_f64).sum::<f64>() / f64::from(u32::try_from(best.len()).ok()?);
        Some(Self { idle, loaded, per_minute: 60.0 / mean })
    }

    /// By how much the transfer lengthened the way there and back.
    pub(super) const fn added(&self) -> Duration {
        self.loaded.saturating_sub(self.idle)
    }
}

/// The grade of the delay that transfers add, mean of both directions (the bands of `DSLReports`' FAQ 17930).
pub(super) fn grade(added: Duration) -> &'static str {
    match added.as_secs_f64() * 1e3 {
        ..5.0 => "A+",
        ..30.0 => "A",
        ..60.0 => "B",
        ..200.0 => "C",
        ..400.0 => "D",
        _ => "F",
    }
}

/// All grades.
pub(super) const GRADES: [&str; 6] = ["A+", "A", "B", "C", "D", "F"];

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_full_line_is_told_by_its_median_and_its_rpm_by_the_best() {
        // 19 of 200 ms and one of a second: the vector of 200 ms is 300 round trips a minute, and the one lost packet no part of it.
        let mut busy = vec![ms(200); 19];
        busy.push(ms(1000));
        let delay = Delay::of(busy, ms(20)).unwrap();
        assert_eq!((delay.idle, delay.loaded, delay.added()), (ms(20), ms(200), ms(180)));
        assert!((delay.per_minute - 300.0).abs() < 1e-9, "{}", delay.per_minute);
        let fast = Delay::of(vec![ms(20); 3], ms(20)).unwrap();
        assert!((fast.per_minute - 3000.0).abs() < 1e-9 && fast.added().is_zero());
        assert_eq!(Delay::of(vec![ms(20); 2], ms(20)), None, "too few");
        assert!(Delay::of(vec![ms(10); 3], ms(20)).unwrap().added().is_zero(), "never less than nothing");
    }

    #[test]
    fn the_grades_are_those_of_the_bands() {
        let bands = [(0, "A+"), (4, "A+"), (5, "A"), (29, "A"), (30, "B"), (60, "C"), (199, "C"), (200, "D"), (400, "F")];
        for (millis, expected) in bands {
            assert_eq!(grade(ms(millis)), expected, "{millis} ms");
            assert!(GRADES.contains(&expected));
        }
    }
}
