//! One direction of a test: what left, what arrived, and the figures of both. Pure.
//!
//! Loss that comes with the rate is a want of rate, not a bad line: a call would send less (it adapts), and lose nothing. So
//! where the whole call is not carried, loss, bursts and overtaking are those of the light phase, and the rate carried says
//! the rest.

use std::time::Duration;

use super::quantile;
use super::schedule::Phase;

/// A packet of one direction, in the order in which they left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Packet {
    /// What part of the test it belongs to.
    pub phase: Phase,
    /// Size of the IP packet, bytes.
    pub bytes: usize,
    /// When it left, by the clock of where it left, if that is known.
    pub left: Option<Duration>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// It never came.
    Lost,
    /// It came, as the `place`-th of all, at a moment by the clock of where it arrived, if that is known.
    Arrived {
        /// Counts arrivals from 0.
        place: u64,
        /// When.
        at: Option<Duration>,
    },
}

/// One direction of a test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// Its packets, in the order in which they left.
    pub packets: Vec<Packet>,
}

/// What a direction did to the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Packets that count for loss: all, or those of the light phase where the rate was too much.
    pub sent: u32,
    /// Of those, lost.
    pub lost: u32,
    /// Of those lost, in runs of [`BURST`] or more.
    pub lost_in_bursts: u32,
    /// Runs of lost packets.
    pub runs: u32,
    /// The longest run.
    pub longest: u32,
    /// Arrived, of those that count.
    pub arrived: u32,
    /// Overtaken by a later one (RFC 4737 §3.3), of those.
    pub reordered: u32,
    /// Delay variation (RFC 5481 §4.2, PDV): the 99th percentile above the least delay. The two clocks need not agree.
    pub variation: Option<Duration>,
    /// What was offered in the full phase, bit/s.
    pub offered: Option<f64>,
    /// What of it was carried, bit/s: at most what was offered, and without what the line loses at any rate.
    pub carried: Option<f64>,
    /// Whether the direction itself held the rate down: then `carried` is all that it can do.
    pub limited: bool,
}

/// From this many packets on a gap is heard and seen, whatever is done to hide it: 60 ms of sound.
pub const BURST: u32 = 3;
/// Carried to this share is carried: the rest is the ends of the measurement, moved by jitter.
const WHOLE: f64 = 0.97;
/// How certain it must be that the full phase loses more than the light one (standard deviations).
const CERTAIN: f64 = 3.0;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    sent: u32,
    lost: u32,
}

impl Count {
    fn ratio(self) -> f64 {
        if self.sent == 0 { 0.0 } else { f64::from(self.lost) / f64::from(self.sent) }
    }
}

impl Flow {
    /// The figures of everything so far.
    pub fn figures(&self) -> Figures {
        let (light, full) = (self.count(Phase::Light), self.count(Phase::Full));
        let more_with_the_rate = self.loses_more(light, full);
        let offered = self.offered();
        // What the line loses at any rate is forgiven: as much as in the light phase, or all where that is no less.
        let forgiven = if more_with_the_rate { light.ratio().min(0.99) } else { 0.0 };
        let raw = self.arriving(!more_with_the_rate).map(|rate| rate / (1.0 - forgiven));
        let (carried, limited) = match (offered, raw) {
            (Some(offered), Some(raw)) => (Some(raw.min(offered)), raw < offered * WHOLE),
            // Nothing of the whole call arrived, though it was offered.
            (Some(_), None) if full.sent > 0 && full.lost == full.sent => (Some(0.0), true),
            _ => (None, false),
        };
        let carried = if limited { carried } else { carried.and(offered) };
        let counts = |packet: &Packet| !limited || packet.phase == Phase::Light;
        let mut figures = Figures { offered, carried, limited, ..Figures::default() };
        self.count_runs(counts, &mut figures);
        self.count_overtaken(counts, &mut figures);
        figures.variation = self.variation(counts);
        figures
    }

    fn count(&self, phase: Phase) -> Count {
        self.packets.iter().filter(|packet| packet.phase == phase).fold(Count::default(), |count, packet| Count {
            sent: count.sent + 1,
            lost: count.lost + u32::from(packet.fate == Fate::Lost),
        })
    }

    /// Two shares compared, with the variance of losses that come in runs (a run of m says no more than one loss does).
    fn loses_more(&self, light: Count, full: Count) -> bool {
        if light.sent == 0 || full.sent == 0 || full.ratio() <= light.ratio() {
            return false;
        }
        let mut runs = Figures::default();
        self.count_runs(|packet| packet.phase == Phase::Light, &mut runs);
        let run = if runs.runs == 0 { 1.0 } else { f64::from(runs.lost) / f64::from(runs.runs) };
        let (n, m) = (f64::from(light.sent), f64::from(full.sent));
        let pooled = f64::from(light.lost + full.lost) / (n + m);
        let deviation = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m) * (2.0 * run - 1.0)).sqrt();
        full.ratio() - light.ratio() > CERTAIN * deviation
    }

    /// The full phase.
    fn full(&self) -> &[Packet] {
        let first = self.packets.iter().position(|packet| packet.phase == Phase::Full).unwrap_or(self.packets.len());
        let full = &self.packets[first..];
        let end = full.iter().position(|packet| packet.phase != Phase::Full).unwrap_or(full.len());
        &full[..end]
    }

    fn offered(&self) -> Option<f64> {
        rate(self.full().iter().filter_map(|packet| Some((packet.left?, packet.bytes))).collect(), 0)
    }

    /// The rate at which the full phase arrived, its first third left out: queues fill in it. Of some packets only that they
    /// arrived is known (their answers were lost): they count beside those around them, and so do the lost ones where `lost_too`.
    fn arriving(&self, lost_too: bool) -> Option<f64> {
        let full = self.full();
        let time = |packet: &Packet| if let Fate::Arrived { at, .. } = packet.fate { at } else { None };
        let timed: Vec<(Duration, usize)> =
            full.iter().filter_map(|packet| Some((time(packet)?, packet.bytes))).collect();
        let (first, last) = (timed.iter().map(|(at, _)| *at).min()?, timed.iter().map(|(at, _)| *at).max()?);
        let from = first + last.saturating_sub(first) / 3;
        let counted = |packet: &Packet| time(packet).is_some_and(|at| at >= from);
        let among = &full[full.iter().position(counted)?..=full.iter().rposition(counted)?];
        let there = |packet: &&Packet| {
            if packet.fate == Fate::Lost { lost_too } else { time(packet).is_none_or(|at| at >= from) }
        };
        let arrived = among.iter().filter(there);
        #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
        let scale = arrived.count() as f64 / among.iter().filter(|packet| counted(packet)).count() as f64;
        rate(timed, 3).map(|rate| rate * scale)
    }

    fn count_runs(&self, counts: impl Fn(&Packet) -> bool, figures: &mut Figures) {
        let mut run = 0;
        let close = |run: &mut u32, figures: &mut Figures| {
            if *run > 0 {
                figures.runs += 1;
                figures.longest = figures.longest.max(*run);
                figures.lost_in_bursts += if *run >= BURST { *run } else { 0 };
            }
            *run = 0;
        };
        for packet in self.packets.iter().filter(|packet| counts(packet)) {
            figures.sent += 1;
            if packet.fate == Fate::Lost {
                figures.lost += 1;
                run += 1;
            } else {
                close(&mut run, figures);
            }
        }
        close(&mut run, figures);
    }

    /// RFC 4737 §3.3: one that arrives when a later one was already expected to be past.
    fn count_overtaken(&self, counts: impl Fn(&Packet) -> bool, figures: &mut Figures) {
        let mut arrivals: Vec<(u64, usize)> = self
            .packets
            .iter()
            .enumerate()
            .filter(|(_, packet)| counts(packet))
            .filter_map(|(order, packet)| match packet.fate {
                Fate::Arrived { place, .. } => Some((place, order)),
                Fate::Lost => None,
            })
            .collect();
        arrivals.sort_unstable();
        let mut next = 0;
        for (_, order) in arrivals {
            figures.arrived += 1;
            if order >= next {
                next = order + 1;
            } else {
                figures.reordered += 1;
            }
        }
    }

    fn variation(&self, counts: impl Fn(&Packet) -> bool) -> Option<Duration> {
        // The clocks may be years apart: signed, and only differences leave here.
        let delays: Vec<i128> = self
            .packets
            .iter()
            .filter(|packet| counts(packet))
            .filter_map(|packet| match packet.fate {
                Fate::Arrived { at, .. } => Some(signed(at?) - signed(packet.left?)),
                Fate::Lost => None,
            })
            .collect();
        let least = delays.iter().min().copied()?;
        let above =
            delays.into_iter().map(|delay| Duration::from_nanos(u64::try_from(delay - least).unwrap_or(u64::MAX)));
        let mut above: Vec<Duration> = above.collect();
        above.sort_unstable();
        quantile(&above, 0.99)
    }
}

fn signed(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

/// Bytes after the first of the moments, over the time until the last; of `leave_out` parts of the time the first is not
/// counted (0 and 1: all are). Not of fewer than ten.
#[allow(clippy::cast_precision_loss, reason = "a few megabytes")]
fn rate(mut moments: Vec<(Duration, usize)>, leave_out: u32) -> Option<f64> {
    moments.sort_unstable();
    let ((first, _), (last, _)) = (*moments.first()?, *moments.last()?);
    let from = if leave_out < 2 { first } else { first + last.saturating_sub(first) / leave_out };
    let counted = &moments[moments.partition_point(|(at, _)| *at < from)..];
    let span = last.saturating_sub(counted.first()?.0);
    if counted.len() < 10 || span.is_zero() {
        return None;
    }
    let bytes: usize = counted.iter().skip(1).map(|(_, bytes)| bytes).sum();
    Some(bytes as f64 * 8.0 / span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::super::schedule::Schedule;
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const RATE: f64 = 4.4e6;

    /// A packet as it is sent.
    struct Leaving {
        number: usize,
        phase: Phase,
        left: Duration,
        bytes: usize,
    }

    /// A test as it is sent, over a way that gives each packet a delay or nothing.
    fn flow(mut way: impl FnMut(Leaving) -> Option<Duration>) -> Flow {
        let mut flow = Flow::default();
        let mut arrivals = Vec::new();
        let mut began = Duration::ZERO;
        for (phase, length) in [(Phase::Light, 3000), (Phase::Full, 3000), (Phase::Drain, 500)] {
            for planned in Schedule::new(phase, RATE, MS * length) {
                let (number, left) = (flow.packets.len(), began + planned.at);
                if let Some(delay) = way(Leaving { number, phase, left, bytes: planned.bytes }) {
                    arrivals.push((left + delay, number));
                }
                flow.packets.push(Packet { phase, bytes: planned.bytes, left: Some(left), fate: Fate::Lost });
            }
            began += MS * length;
        }
        arrivals.sort_unstable();
        for (place, (at, number)) in arrivals.into_iter().enumerate() {
            // Its own clock, an hour ahead.
            flow.packets[number].fate = Fate::Arrived { place: place as u64, at: Some(at + Duration::from_hours(1)) };
        }
        flow
    }

    /// The answers of most are lost once a queue on the way back is full: only that they arrived is known.
    #[test]
    fn arrivals_without_a_moment_count_among_those_with_one() {
        let mut flow = flow(|_| Some(MS * 20));
        let full = flow.packets.iter().position(|packet| packet.phase == Phase::Full).unwrap();
        for (n, packet) in flow.packets.iter_mut().enumerate().skip(full + 200) {
            if let Fate::Arrived { at, .. } = &mut packet.fate
                && n % 5 != 0
            {
                *at = None;
            }
        }
        let figures = flow.figures();
        assert!(!figures.limited && (figures.carried.unwrap() / RATE - 1.0).abs() < 0.02, "{figures:?}");
    }

    /// A queue that lets `rate` through and holds `depth`.
    fn queue(rate: f64, depth: Duration) -> impl FnMut(Leaving) -> Option<Duration> {
        let mut free = Duration::ZERO;
        move |Leaving { left, bytes, .. }| {
            let wait = free.saturating_sub(left);
            if wait > depth {
                return None;
            }
            #[allow(clippy::cast_precision_loss, reason = "a packet's size")]
            let takes = Duration::from_secs_f64(bytes as f64 * 8.0 / rate);
            free = left + wait + takes;
            Some(wait + takes + MS * 20)
        }
    }

    #[test]
    fn a_clean_way_carries_everything() {
        let figures = flow(|_| Some(MS * 20)).figures();
        assert_eq!((figures.lost, figures.reordered, figures.limited), (0, 0, false), "{figures:?}");
        assert_eq!(figures.variation, Some(Duration::ZERO));
        assert!((figures.carried.unwrap() / RATE - 1.0).abs() < 0.02, "{figures:?}");
        assert_eq!(figures.sent, figures.arrived);
    }

    #[test]
    fn loss_that_does_not_come_with_the_rate_leaves_the_rate_whole() {
        let figures = flow(|Leaving { number, .. }| (number % 20 != 7).then_some(MS * 20)).figures();
        assert!(!figures.limited && (figures.carried.unwrap() / RATE - 1.0).abs() < 0.02, "{figures:?}");
        assert!((f64::from(figures.lost) / f64::from(figures.sent) - 0.05).abs() < 0.001, "{figures:?}");
        assert_eq!((figures.longest, figures.lost_in_bursts), (1, 0));
    }

    #[test]
    fn a_narrow_way_is_found_with_a_shallow_queue_and_with_a_deep_one() {
        for depth in [20, 50, 300, 5000] {
            for share in [0.3, 0.6, 0.85] {
                let figures = flow(queue(RATE * share, MS * depth)).figures();
                let carried = figures.carried.unwrap() / RATE;
                assert!(figures.limited && (carried / share - 1.0).abs() < 0.03, "{depth} {share}: {figures:?}");
                assert_eq!((figures.lost, figures.sent), (0, 300), "{depth} {share}: loss by rate is no loss");
            }
            let wide = flow(queue(RATE * 1.2, MS * depth)).figures();
            assert!(!wide.limited && wide.lost == 0, "{depth}: {wide:?}");
        }
    }

    #[test]
    fn runs_are_counted_where_they_are() {
        let lost = [3, 10, 11, 50, 51, 52, 53, 1500, 1501, 1502];
        let figures = flow(|Leaving { number, .. }| (!lost.contains(&number)).then_some(MS)).figures();
        assert_eq!((figures.lost, figures.runs, figures.longest, figures.lost_in_bursts), (10, 4, 4, 7));
    }

    #[test]
    fn one_that_is_late_is_overtaken_and_those_that_pass_it_are_not() {
        // Number 100 comes after the three that left after it (10 ms apart).
        let figures = flow(|Leaving { number, .. }| Some(if number == 100 { MS * 55 } else { MS * 20 })).figures();
        assert_eq!(figures.reordered, 1);
        assert_eq!(figures.variation, Some(Duration::ZERO), "one in two thousand is beyond the 99th percentile");
        // Every tenth is late by 30 ms.
        let figures = flow(|Leaving { number, .. }| Some(if number % 10 == 0 { MS * 50 } else { MS * 20 })).figures();
        assert_eq!(figures.variation, Some(MS * 30));
    }

    #[test]
    fn a_call_that_does_not_come_at_all_is_a_rate_of_zero() {
        let figures = flow(|Leaving { phase, .. }| (phase != Phase::Full).then_some(MS)).figures();
        assert_eq!((figures.carried, figures.limited, figures.lost), (Some(0.0), true, 0), "{figures:?}");
        assert_eq!(Flow::default().figures(), Figures::default());
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_fates_the_figures_are_shares(
            fates in proptest::collection::vec((0_u8..4, 0_u64..100, 0_u64..10_000), 0..200),
        ) {
            let packets = fates.iter().enumerate().map(|(order, (phase, place, at))| Packet {
                phase: [Phase::Light, Phase::Full, Phase::Full, Phase::Drain][usize::from(*phase)],
                bytes: 200,
                left: Some(MS * u32::try_from(order).unwrap()),
                fate: if place % 3 == 0 { Fate::Lost } else { Fate::Arrived { place: *place, at: Some(Duration::from_micros(*at)) } },
            });
            let figures = Flow { packets: packets.collect() }.figures();
            proptest::prop_assert!(figures.lost <= figures.sent && figures.lost_in_bursts <= figures.lost);
            proptest::prop_assert!(figures.runs <= figures.lost && figures.longest <= figures.lost);
            proptest::prop_assert_eq!(figures.arrived, figures.sent - figures.lost);
            proptest::prop_assert!(figures.reordered <= figures.arrived.saturating_sub(1));
            proptest::prop_assert!(figures.carried.is_none_or(|rate| rate.is_finite() && rate >= 0.0));
        }
    }
}
