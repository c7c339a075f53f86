//! The delay of a line, full and empty: new connections to a transfer's own server, at a steady pace while it fills the line and
//! for a moment after.
//!
//! A handshake goes there and back once, through the same queues as everybody's packets. Of the responsiveness that
//! draft-ietf-ippm-responsiveness measures, these are the foreign probes, by TCP alone.

mod confidence;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::clock::Clock;
use crate::domain::Mono;
use crate::probe::budget::Ledger;
use crate::probe::egress::Egress;

/// How far apart connections begin while the line is full, at least: they are less than half a hundredth of what it carries.
const PACE: u64 = 40_000;
/// How often is looked whether the next may begin, and how far apart they are on the empty line.
const LOOK: Duration = Duration::from_millis(10);
/// And never closer than this, or more of them at once: many a server takes more for an attack, and answers slowly.
const APART: Duration = Duration::from_millis(25);
const AT_ONCE: usize = 32;
/// How long one is waited for. A lost packet is repeated after a second (RFC 6298, §2), and is then one slow handshake among many.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// Fewer handshakes make no figure.
const LEAST: usize = 3;
/// Handshakes on the empty line. The first may still meet what is left in the queues: the shortest counts.
const QUIET: usize = 5;
/// The share of the shortest that counts (the draft's trimmed mean).
const BEST: f64 = 0.95;

pub(super) use confidence::{Confidence, LEVELS};

/// What a transfer did to the delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Delay {
    /// The shortest handshake once the line is empty.
    pub(super) idle: Duration,
    /// The median of those that began while the line was full.
    pub(super) loaded: Duration,
    /// Round trips a minute while it was full: by the mean of the best 95 in a hundred.
    pub(super) per_minute: f64,
    /// How far that may be relied on.
    pub(super) confidence: Confidence,
}

/// A handshake that has not come about yet.
type Beating = Pin<Box<dyn Future<Output = Option<(Mono, Duration)>> + Send>>;

/// What one costs at least, begun and ended: five packets with their headers, bytes.
const COST: u64 = 5 * 60;

/// Handshakes with one server.
pub(super) struct Pulse {
    to: SocketAddr,
    egress: Egress,
    ledger: Ledger,
    clock: Clock,
    /// When each began, and how long it took.
    beats: Vec<(Mono, Duration)>,
    /// Those that have not come about yet.
    under_way: FuturesUnordered<Beating>,
}

impl Pulse {
    pub(super) fn new(to: SocketAddr, egress: Egress, ledger: Ledger, clock: Clock) -> Self {
        Self { to, egress, ledger, clock, beats: Vec::new(), under_way: FuturesUnordered::new() }
    }

    /// Beats while `transfer` goes on, which has moved so many `bytes` so far, and gives what it gives.
    pub(super) async fn during<T>(&mut self, transfer: impl Future<Output = T>, bytes: impl Fn() -> u64) -> T {
        let mut transfer = pin!(transfer);
        tokio::select! {
            biased;
            outcome = &mut transfer => outcome,
            never = self.go_on(bytes) => match never {},
        }
    }

    /// What the transfer did to those that began while the line was `full`; nothing where too few handshakes came about.
    pub(super) async fn after(mut self, full: Range<Mono>) -> Option<Delay> {
        // Those that began on the full line wait in its queues for what was before them.
        while let Some(beat) = self.under_way.next().await {
            self.beats.extend(beat);
        }
        let busy = self.beats.iter().filter(|(began, _)| full.contains(began));
        let busy = busy.map(|(began, took)| (began.since(full.start), *took)).collect();
        let mut idle = Vec::new();
        for _ in 0..QUIET {
            self.ledger.spend(COST);
            idle.extend(beat(self.egress.clone(), self.to, self.clock).await.map(|(_, took)| took));
            self.clock.sleep_until(self.clock.mono().after(LOOK)).await;
        }
        Delay::of(busy, idle.into_iter().min()?)
    }

    async fn go_on(&mut self, bytes: impl Fn() -> u64) -> Infallible {
        let (mut moved, mut not_before) = (None, Mono::ZERO);
        loop {
            let now = bytes();
            let is_time = self.clock.mono() >= not_before && self.under_way.len() < AT_ONCE;
            if is_time && moved.is_none_or(|before| now >= before + PACE) {
                not_before = self.clock.mono().after(APART);
                self.ledger.spend(COST);
                // One whose first packet was lost in a full queue waits for a second, and may not keep the others waiting.
                self.under_way.push(Box::pin(beat(self.egress.clone(), self.to, self.clock)));
                moved = Some(now);
            }
            let next = self.clock.mono().after(LOOK);
            loop {
                tokio::select! {
                    biased;
                    Some(beat) = self.under_way.next() => self.beats.extend(beat),
                    () = self.clock.sleep_until(next) => break,
                }
            }
        }
    }
}

/// One handshake: when it began, and how long it took. One that is refused or lost says nothing of the delay.
async fn beat(egress: Egress, to: SocketAddr, clock: Clock) -> Option<(Mono, Duration)> {
    let began = clock.mono();
    let shaken = tokio::time::timeout(PATIENCE, egress.tcp(to)).await;
    matches!(shaken, Ok(Ok(_))).then(|| (began, clock.mono().since(began)))
}

impl Delay {
    /// Of handshakes, each with when it began since the line was full.
    fn of(busy: Vec<(Duration, Duration)>, idle: Duration) -> Option<Self> {
        let confidence = Confidence::of(&busy);
        let mut busy: Vec<Duration> = busy.into_iter().map(|(_, took)| took).collect();
        busy.sort_unstable();
        let loaded = *busy.get(busy.len() / 2)?;
        Some(Self { idle, loaded, per_minute: per_minute(busy)?, confidence })
    }

    /// By how much the transfer lengthened the way there and back.
    pub(super) const fn added(&self) -> Duration {
        self.loaded.saturating_sub(self.idle)
    }
}

/// Round trips a minute by the mean of the best 95 in a hundred; nothing of too few.
fn per_minute(mut busy: Vec<Duration>) -> Option<f64> {
    busy.sort_unstable();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a handful"
    )]
    let best = &busy[..((busy.len() as f64 * BEST).ceil() as usize).min(busy.len())];
    let mean = best.iter().map(Duration::as_secs_f64).sum::<f64>() / f64::from(u32::try_from(best.len()).ok()?);
    (busy.len() >= LEAST).then_some(60.0 / mean)
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

    fn at_once(busy: Vec<Duration>) -> Vec<(Duration, Duration)> {
        busy.into_iter().map(|took| (Duration::ZERO, took)).collect()
    }

    #[test]
    fn a_full_line_is_told_by_its_median_and_its_rpm_by_the_best() {
        // 19 of 200 ms and one of a second: the vector of 200 ms is 300 round trips a minute, and the one lost packet no part of it.
        let mut busy = vec![ms(200); 19];
        busy.push(ms(1000));
        let delay = Delay::of(at_once(busy), ms(20)).unwrap();
        assert_eq!((delay.idle, delay.loaded, delay.added()), (ms(20), ms(200), ms(180)));
        assert!((delay.per_minute - 300.0).abs() < 1e-9, "{}", delay.per_minute);
        let fast = Delay::of(at_once(vec![ms(20); 3]), ms(20)).unwrap();
        assert!((fast.per_minute - 3000.0).abs() < 1e-9 && fast.added().is_zero());
        assert_eq!(Delay::of(at_once(vec![ms(20); 2]), ms(20)), None, "too few");
        assert!(Delay::of(at_once(vec![ms(10); 3]), ms(20)).unwrap().added().is_zero(), "never less than nothing");
    }

    #[test]
    fn the_grades_are_those_of_the_bands() {
        let bands =
            [(0, "A+"), (4, "A+"), (5, "A"), (29, "A"), (30, "B"), (60, "C"), (199, "C"), (200, "D"), (400, "F")];
        for (millis, expected) in bands {
            assert_eq!(grade(ms(millis)), expected, "{millis} ms");
            assert!(GRADES.contains(&expected));
        }
    }
}
