//! How much may be said: a pause between messages, and a part of an hour. Pure. It begins anew with the daemon.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::Mono;

const HOUR: Duration = Duration::from_hours(1);

/// What was transmitted in the last hour.
#[derive(Clone, Debug)]
pub struct Airtime {
    min_gap: Duration,
    budget: Duration,
    /// When each transmission ended, and how long it was, the oldest first.
    spent: VecDeque<(Mono, Duration)>,
}

/// Why nothing may be said yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// The last message was too short ago.
    Gap(Duration),
    /// The hour's budget is spent.
    Budget(Duration),
}

impl Airtime {
    /// Nothing has been said yet.
    pub const fn new(min_gap: Duration, budget: Duration) -> Self {
        Self { min_gap, budget, spent: VecDeque::new() }
    }

    /// Whether a message of `needed` may begin now.
    ///
    /// # Errors
    /// After how long it may.
    pub fn admit(&mut self, needed: Duration, now: Mono) -> Result<(), Withheld> {
        while self.spent.front().is_some_and(|(end, _)| now.since(*end) >= HOUR) {
            self.spent.pop_front();
        }
        if let Some((end, _)) = self.spent.back() {
            let gap = now.since(*end);
            if gap < self.min_gap {
                return Err(Withheld::Gap(self.min_gap.saturating_sub(gap)));
            }
        }
        let mut sum: Duration = self.spent.iter().map(|(_, length)| *length).sum();
        let mut wait = Duration::ZERO;
        for (end, length) in &self.spent {
            if sum + needed <= self.budget {
                break;
            }
            sum = sum.saturating_sub(*length);
            wait = HOUR.saturating_sub(now.since(*end));
        }
        // One that is longer than the whole budget is said once nothing else was: configs allow none.
        if wait.is_zero() { Ok(()) } else { Err(Withheld::Budget(wait)) }
    }

    /// A transmission has ended.
    pub fn spend(&mut self, length: Duration, end: Mono) {
        self.spent.push_back((end, length));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_and_an_hours_budget_are_kept() {
        let second = Duration::from_secs(1);
        let at = |seconds: u32| Mono::from_elapsed(HOUR * 10 + second * seconds);
        let mut airtime = Airtime::new(second * 60, second * 100);
        assert_eq!(airtime.admit(second * 40, at(0)), Ok(()));
        airtime.spend(second * 20, at(20));
        airtime.spend(second * 20, at(42));
        assert_eq!(airtime.admit(second * 40, at(50)), Err(Withheld::Gap(second * 52)));
        assert_eq!(airtime.admit(second * 40, at(102)), Ok(()));
        airtime.spend(second * 40, at(142));
        // 80 of 100 are spent: 20 fit, 40 do not until the first 20 are an hour old.
        assert_eq!(airtime.admit(second * 20, at(300)), Ok(()));
        assert_eq!(airtime.admit(second * 40, at(300)), Err(Withheld::Budget(second * 3320)));
        assert_eq!(airtime.admit(second * 60, at(300)), Err(Withheld::Budget(second * 3342)));
        assert_eq!(airtime.admit(second * 40, at(3620)), Ok(()));
    }
}
