//! What an exchange says of each way. Pure.
//!
//! A reflector that counts its answers tells the ways apart: numbers of its own that are missing were answered and lost on the
//! way back; what is missing beside them never arrived. Of the packets after the last answer nobody can tell: a few are left
//! out, and all of them where the way back was full, since their answers may still stand in its queue; else they count as not arrived.

use std::collections::BTreeSet;
use std::time::Duration;

use super::exchange::{Exchange, Heard, sequence};
use crate::probe::call::{Fate, Flow, Packet, Phase, Step, median};

/// So many packets at the end are left out where nobody can tell on which way they were lost: those of half a second.
const TAIL: usize = 50;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ways {
    /// There and back.
    Apart(Flow, Flow),
    /// Only both together: that reflector counts nothing.
    Together(Flow),
}

/// The ways of an exchange.
pub(super) fn ways(steps: &[Step], exchange: &Exchange) -> Ways {
    let sent = steps.iter().zip(&exchange.left);
    let packet = |(step, left): (&Step, &Duration)| Packet {
        phase: step.phase,
        bytes: step.planned.bytes,
        left: Some(*left),
        fate: Fate::Lost,
    };
    let mut up = Flow { packets: sent.map(packet).collect() };
    if !counts(exchange) {
        for (place, heard) in (0..).zip(&exchange.heard) {
            up.packets[heard.packet].fate = Fate::Arrived { place, at: Some(heard.at) };
        }
        return Ways::Together(up);
    }

    // In the reflector's order.
    let mut by_own: Vec<(u64, &Heard)> = (0..).zip(&exchange.heard).collect();
    by_own.sort_unstable_by_key(|(_, heard)| heard.own);
    let mut unanswered: BTreeSet<usize> = (0..up.packets.len()).collect();
    for (_, heard) in &by_own {
        unanswered.remove(&heard.packet);
        up.packets[heard.packet].fate = Fate::Arrived { place: u64::from(heard.own), at: Some(heard.received) };
    }
    let end = by_own.iter().map(|(_, heard)| heard.packet + 1).max().unwrap_or(0);
    let (mut down, mut own, mut before) = (Flow::default(), 0, None::<&Heard>);
    for (place, heard) in by_own {
        // Answered and lost on the way back: which packets they answered can only be those that are missing, best the
        // next after the last known.
        while own < heard.own {
            let after = before.map_or(0, |before| before.packet);
            let lost = unanswered.range(after..).next().or_else(|| unanswered.last()).copied();
            let Some(lost) = lost else { break };
            unanswered.remove(&lost);
            // It was as long on its way as the one before it.
            let since = before.map(|before| exchange.left[lost].saturating_sub(exchange.left[before.packet]));
            let (received, replied) = (before.map(|before| before.received), before.map(|before| before.replied));
            let at = received.zip(since).map(|(received, since)| received + since);
            let left = replied.zip(since).map(|(replied, since)| replied + since);
            up.packets[lost].fate = Fate::Arrived { place: u64::from(own), at };
            down.packets.push(Packet { left, fate: Fate::Lost, ..up.packets[lost] });
            own += 1;
        }
        let fate = Fate::Arrived { place, at: Some(heard.at) };
        down.packets.push(Packet { left: Some(heard.replied), fate, ..up.packets[heard.packet] });
        own = heard.own + 1;
        before = Some(heard);
    }
    if up.packets.len() - end <= TAIL || down.figures().limited {
        up.packets.truncate(end);
    }
    Ways::Apart(up, down)
}

/// Whether the numbers are the reflector's own, from 0.
fn counts(exchange: &Exchange) -> bool {
    let mut seen = BTreeSet::new();
    // By chance some numbers agree, where packets overtake each other; not all.
    let repeats = exchange.heard.iter().all(|heard| heard.own == sequence(heard.packet));
    let fits = |heard: &Heard| usize::try_from(heard.own).is_ok_and(|own| own < exchange.left.len());
    !repeats && exchange.heard.iter().all(|heard| fits(heard) && seen.insert(heard.own))
}

/// The median round trip of a phase, without the reflector's own time.
pub(super) fn round_trip(steps: &[Step], exchange: &Exchange, phase: Phase) -> Option<Duration> {
    let of_phase =
        exchange.heard.iter().filter(|heard| steps.get(heard.packet).is_some_and(|step| step.phase == phase));
    let trip = |heard: &Heard| {
        let all = heard.at.saturating_sub(*exchange.left.get(heard.packet)?);
        Some(all.saturating_sub(heard.replied.saturating_sub(heard.received)))
    };
    median(of_phase.filter_map(trip).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::call::plan::steps;

    const MS: Duration = Duration::from_millis(1);

    /// What a line does to packet n on its way there, and to its answer: a delay, or nothing.
    fn exchange(
        steps: &[Step],
        up: impl Fn(usize) -> Option<Duration>,
        down: impl Fn(usize) -> Option<Duration>,
        counting: bool,
    ) -> Exchange {
        let left: Vec<Duration> = steps.iter().map(|step| step.planned.at).collect();
        let mut there: Vec<(Duration, usize)> =
            (0..).zip(&left).filter_map(|(n, left)| Some((*left + up(n)?, n))).collect();
        there.sort_unstable();
        // The reflector's clock is an hour ahead.
        let clock = Duration::from_hours(1);
        let mut heard: Vec<Heard> = (0..)
            .zip(there)
            .filter_map(|(own, (at, packet))| {
                let own = if counting { own } else { sequence(packet) };
                Some(Heard { packet, at: at + MS + down(packet)?, own, received: at + clock, replied: at + clock + MS })
            })
            .collect();
        heard.sort_unstable_by_key(|heard| heard.at);
        Exchange { left, heard }
    }

    #[test]
    fn what_is_lost_is_told_by_its_way() {
        let steps = steps(4.4e6);
        // Each tenth on the way there; on the way back four in a row of each hundred, whose packets arrived.
        let up = |n: usize| (n % 10 != 5).then_some(MS * 20);
        let down = |n: usize| (!(60..64).contains(&(n % 100))).then_some(MS * 30);
        let Ways::Apart(up, down) = ways(&steps, &exchange(&steps, up, down, true)) else { panic!("not told apart") };
        let (there, back) = (up.figures(), down.figures());
        let all = u32::try_from(steps.len()).unwrap();
        assert_eq!(
            (there.sent, there.lost),
            (all, u32::try_from((0..steps.len()).filter(|n| n % 10 == 5).count()).unwrap())
        );
        assert_eq!((there.longest, there.lost_in_bursts), (1, 0));
        assert_eq!(back.sent, all - there.lost);
        let lost = (0..steps.len()).filter(|n| (60..64).contains(&(n % 100)) && n % 10 != 5).count();
        assert_eq!((back.lost, back.longest), (u32::try_from(lost).unwrap(), 4));
        assert_eq!((there.reordered, back.reordered), (0, 0));
        assert!(!there.limited && !back.limited, "{there:?} {back:?}");
    }

    /// Each packet's delay in a queue that is emptied at `rate` (bit/s) and drops what would wait for longer than `deep`; nothing of what
    /// would be there after `end`.
    fn queue(steps: &[Step], rate: f64, deep: Duration, end: Duration) -> Vec<Option<Duration>> {
        let mut free = Duration::ZERO;
        let delay = |step: &Step| {
            let at = step.planned.at;
            let waits = free.saturating_sub(at);
            if waits > deep {
                return None;
            }
            #[allow(clippy::cast_precision_loss, reason = "bytes of a packet")]
            let takes = Duration::from_secs_f64(step.planned.bytes as f64 * 8.0 / rate);
            free = free.max(at) + takes;
            (free < end).then(|| free.saturating_sub(at))
        };
        steps.iter().map(delay).collect()
    }

    #[test]
    fn what_still_stands_in_a_deep_queue_of_the_way_back_is_not_lost_on_the_way_there() {
        let steps = steps(4.4e6);
        let last = steps.last().unwrap().planned.at;
        for (rate, deep) in [(1.5e6, 4), (1.0e6, 6), (2.0e6, 3), (1.5e6, 1)] {
            let back = queue(&steps, rate, Duration::from_secs(deep), last + MS * 2000);
            let heard = exchange(&steps, |_| Some(MS * 20), |n| back[n], true);
            let Ways::Apart(up, down) = ways(&steps, &heard) else { panic!("not told apart") };
            let (there, back) = (up.figures(), down.figures());
            assert_eq!((there.lost, there.limited), (0, false), "{rate} {deep} {there:?}");
            assert!(back.limited && (back.carried.unwrap() / rate - 1.0).abs() < 0.05, "{rate} {deep} {back:?}");
        }
    }

    #[test]
    fn a_way_there_that_ends_in_the_middle_is_lost_where_the_way_back_was_wide() {
        let steps = steps(4.4e6);
        let half = steps.len() / 2;
        let heard = exchange(&steps, |n| (n < half).then_some(MS * 20), |_| Some(MS * 20), true);
        let Ways::Apart(up, down) = ways(&steps, &heard) else { panic!("not told apart") };
        assert!(up.figures().lost > 0 || up.figures().limited, "{:?}", up.figures());
        assert_eq!((down.figures().lost, down.figures().limited), (0, false));
    }

    #[test]
    fn overtaking_is_told_by_its_way() {
        let steps = steps(4.4e6);
        let straight = |_| Some(MS * 20);
        let crooked = |n: usize| Some(MS * if n.is_multiple_of(25) { 45 } else { 20 });
        for there in [true, false] {
            let exchange = if there {
                exchange(&steps, crooked, straight, true)
            } else {
                exchange(&steps, straight, crooked, true)
            };
            let Ways::Apart(up, down) = ways(&steps, &exchange) else { panic!("not told apart") };
            let (bad, good) = if there { (up, down) } else { (down, up) };
            assert!(bad.figures().reordered > 50 && good.figures().reordered == 0, "{there}");
            assert_eq!(round_trip(&steps, &exchange, Phase::Light), Some(MS * 40));
        }
    }

    #[test]
    fn a_reflector_that_repeats_our_numbers_tells_only_both_together() {
        let steps = steps(4.4e6);
        let up = |n: usize| (n % 10 != 5).then_some(MS * 20);
        let Ways::Together(both) = ways(&steps, &exchange(&steps, up, |_| Some(MS), false)) else {
            panic!("told apart")
        };
        let figures = both.figures();
        assert_eq!(figures.sent - figures.arrived, figures.lost);
        assert!((f64::from(figures.lost) / f64::from(figures.sent) - 0.1).abs() < 0.001);
        // What is judged is one way's share of it, 5.1 % of 10; what is shown is both.
        let reading = super::super::read(&ways(&steps, &exchange(&steps, up, |_| Some(MS), false)), None);
        let sample = reading.sample.unwrap();
        let share = f64::from(sample.lost) / f64::from(sample.sent);
        assert!((share - (1.0 - 0.9_f64.sqrt())).abs() < 0.001, "{sample:?}");
        let shown = reading.measurements.iter().find(|one| one.quantity.name == "stamp_loss_ratio").unwrap();
        assert!((shown.value - 0.1).abs() < 0.001, "{shown:?}");
        // Where the way back is narrow most answers are lost, and yet the way there is seen whole.
        let few = |n: usize| (n < 400 || n.is_multiple_of(9)).then_some(MS * 30);
        let Ways::Apart(up, down) = ways(&steps, &exchange(&steps, |_| Some(MS), few, true)) else {
            panic!("together")
        };
        let (there, back) = (up.figures(), down.figures());
        assert!(there.lost == 0 && !there.limited && back.limited && back.lost == 0, "{there:?} {back:?}");
        // Numbers that make no sense are no numbers.
        let mut odd = exchange(&steps, |_| Some(MS), |_| Some(MS), true);
        odd.heard[7].own = 1_000_000;
        assert!(matches!(ways(&steps, &odd), Ways::Together(_)));
    }
}
