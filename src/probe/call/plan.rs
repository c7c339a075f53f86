//! A whole test, packet by packet: sound alone, the whole call, sound again. Pure.

use std::time::Duration;

use super::schedule::{Phase, Planned, Schedule};

/// 381 packets without a loss are the fewest for which Wilson's interval ends below 1 %: the light phase alone has so many …
const LIGHT: Duration = Duration::from_secs(4);
const FULL: Duration = Duration::from_secs(3);
const DRAIN: Duration = Duration::from_millis(500);
/// … and a meeting of sound alone, which is slower, has them with its full phase.
const SLOW: f64 = 400e3;

/// A packet to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What part of the test it belongs to.
    pub phase: Phase,
    /// When it leaves, since the test's beginning, and its size.
    pub planned: Planned,
}

/// The packets of a test that is to prove `rate`, in order, their moments since its beginning.
pub fn steps(rate: f64) -> Vec<Step> {
    let full = if rate < SLOW { LIGHT } else { FULL };
    let (mut all, mut began) = (Vec::new(), Duration::ZERO);
    for (phase, length) in [(Phase::Light, LIGHT), (Phase::Full, full), (Phase::Drain, DRAIN)] {
        let step = |planned: Planned| Step { phase, planned: Planned { at: began + planned.at, ..planned } };
        all.extend(Schedule::new(phase, rate, length).map(step));
        began += length;
    }
    all
}

/// How many packets such a test has, one way.
pub fn packets(rate: f64) -> u32 {
    u32::try_from(steps(rate).len()).unwrap_or(u32::MAX)
}

/// Bytes of IP packets of such a test, one way.
pub fn bytes(rate: f64) -> u64 {
    steps(rate).iter().map(|step| step.planned.bytes as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_has_packets_enough_and_is_over_in_time() {
        for rate in [88e3, 4.4e6, 20e6] {
            let steps = steps(rate);
            assert!(steps.len() >= 381 && steps.is_sorted_by_key(|step| step.planned.at), "{rate}");
            assert!(steps.last().unwrap().planned.at < Duration::from_secs(9));
        }
        let light = |rate| steps(rate).iter().filter(|step| step.phase == Phase::Light).count();
        assert!(light(4.4e6) >= 381);
    }
}
