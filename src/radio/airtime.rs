//! How much may be said: a pause between messages, and a part of an hour. Pure: [`crate::probe::on_air`] knows what was said.

use std::time::Duration;

use crate::domain::Mono;
use crate::probe::on_air::Span;

const HOUR: Duration = Duration::from_hours(1);

/// What a station keeps to.
#[derive(Clone, Copy, Debug)]
pub struct Airtime {
    /// The least pause between two messages.
    pub min_gap: Duration,
    /// The most of an hour.
    pub budget: Duration,
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
    /// Whether a message of `needed` may begin now, after the transmissions `spent` of the last hour, the oldest first.
    ///
    /// # Errors
    /// After how long it may.
    pub fn admit(&self, spent: &[Span], needed: Duration, now: Mono) -> Result<(), Withheld> {
        if let Some((end, _)) = spent.last() {
            let gap = now.since(*end);
            if gap < self.min_gap {
                return Err(Withheld::Gap(self.min_gap.saturating_sub(gap)));
            }
        }
        let mut sum: Duration = spent.iter().map(|(_, length)| *length).sum();
        let mut wait = Duration::ZERO;
        for (end, length) in spent {
            if sum + needed <= self.budget {
                break;
            }
            sum = sum.saturating_sub(*length);
            wait = HOUR.saturating_sub(now.since(*end));
        }
        // One that is longer than the whole budget is said once nothing else was: configs allow none.
        if wait.is_zero() { Ok(()) } else { Err(Withheld::Budget(wait)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_and_an_hours_budget_are_kept() {
        let second = Duration::from_secs(1);
        let at = |seconds: u32| Mono::from_elapsed(HOUR * 10 + second * seconds);
        let airtime = Airtime { min_gap: second * 60, budget: second * 100 };
        assert_eq!(airtime.admit(&[], second * 40, at(0)), Ok(()));
        let mut spent = vec![(at(20), second * 20), (at(42), second * 20)];
        assert_eq!(airtime.admit(&spent, second * 40, at(50)), Err(Withheld::Gap(second * 52)));
        assert_eq!(airtime.admit(&spent, second * 40, at(102)), Ok(()));
        spent.push((at(142), second * 40));
        // 80 of 100 are spent: 20 fit, 40 do not until the first 20 are an hour old.
        assert_eq!(airtime.admit(&spent, second * 20, at(300)), Ok(()));
        assert_eq!(airtime.admit(&spent, second * 40, at(300)), Err(Withheld::Budget(second * 3320)));
        assert_eq!(airtime.admit(&spent, second * 60, at(300)), Err(Withheld::Budget(second * 3342)));
        assert_eq!(airtime.admit(&spent[1..], second * 40, at(3620)), Ok(()));
    }
}
