//! Silences, from when they are asked for until they are over.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Decided, Policy, elapsed};
use crate::domain::Silence;

/// The wall clock has jumped ahead, or the machine has slept, where so much more has passed since it was looked at last: while a silence
/// holds that is done three times a minute.
const JUMP: Duration = Duration::from_mins(2);

/// For so long one that a jump has ended may come back. A clock that has gone on for longer is believed.
const DOUBTED: Duration = Duration::from_hours(1);

/// One that begins so much later than now was wished by a clock that was far ahead, or the one of now is far behind.
const FAR: SignedDuration = SignedDuration::from_hours(24);

impl Policy {
    /// Asks for silence, or ends it (with an `until` that is not after its `from`).
    pub fn silence(&mut self, silence: Silence) {
        self.wished.insert(Arc::clone(&silence.id));
        self.silences.retain(|known| known.id != silence.id);
        self.doubted.retain(|(_, known)| known.id != silence.id);
        self.silences.push(silence);
    }

    /// The silences that hold at `at`.
    pub fn silences(&self, at: Timestamp) -> impl Iterator<Item = &Silence> {
        self.silences.iter().filter(move |silence| silence.until > at)
    }

    /// Forgets those that are over. One that was ended by a jump of the wall clock holds again when that is set right; and a start may be
    /// by a wrong clock, whose battery is empty or which is taken for another zone's.
    pub(super) fn end_silences(&mut self, at: Timestamp) {
        let before = self.looked_at.replace(at);
        let jumped = before.is_none_or(|before| elapsed(before, at) > JUMP);
        let is_far = |silence: &Silence| silence.from.duration_since(at) > FAR;
        let ends = |silence: &mut Silence| silence.until <= at || (before.is_none() && is_far(silence));
        let ended: Vec<_> = self.silences.extract_if(.., ends).collect();
        if jumped {
            // Not what somebody has ended.
            let doubted = ended.into_iter().filter(|silence| silence.until > silence.from);
            self.doubted.extend(doubted.map(|silence| (at, silence)));
        }
        for (since, _) in &mut self.doubted {
            *since = at.min(*since);
        }
        let back = self.doubted.extract_if(.., |(_, silence)| silence.until > at && !is_far(silence));
        self.silences.extend(back.map(|(_, silence)| silence));
        self.doubted.retain(|(since, _)| elapsed(*since, at) < DOUBTED);
        let doubted = || self.doubted.iter().map(|(_, silence)| silence);
        self.wished.retain(|id| self.silences.iter().chain(doubted()).any(|silence| silence.id == *id));
    }

    /// Follows a wall clock that was set back: one that was wished by a clock that was ahead lasts as long as was wished, from now.
    pub(super) fn begin_silences_now(&mut self, at: Timestamp, decided: &mut Decided) {
        for silence in self.silences.iter_mut().filter(|silence| silence.from > at) {
            let ahead = silence.from.duration_since(at);
            silence.from = at;
            silence.until = silence.until.saturating_sub(ahead).unwrap_or(at);
            // The next process would else find it as it was wished, and begin it anew. Of one that an earlier process left it is not
            // known which of the clocks is wrong: that stays as it was written.
            if self.wished.contains(&silence.id) {
                decided.silences.push(silence.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, house};
    use super::*;
    use crate::notify::policy::Left;

    const HOUR: i64 = 3600;

    fn silenced() -> Policy {
        let mut policy = Policy::new(house(""), Left::default());
        let reason = "perawatan".to_owned();
        policy.silence(Silence { id: "s".into(), component: None, reason, from: at(0), until: at(48 * HOUR) });
        policy.tick(false, at(20));
        policy
    }

    fn holds(policy: &mut Policy, second: i64) -> bool {
        policy.tick(false, at(second));
        policy.silences(at(second)).count() == 1
    }

    #[test]
    fn a_clock_that_is_wrong_for_a_moment_ends_no_silence() {
        let mut policy = silenced();
        let month = 30 * 24 * HOUR;
        assert!(!holds(&mut policy, month) && policy.next_look().is_some(), "it is looked whether that is set right");
        assert!(holds(&mut policy, 60), "after a moment");
        assert!(holds(&mut policy, 48 * HOUR - 1) && !holds(&mut policy, 48 * HOUR));
    }

    #[test]
    fn one_that_has_lasted_its_time_or_was_ended_is_over_whatever_the_clock_says_later() {
        let mut policy = silenced();
        assert!(holds(&mut policy, 48 * HOUR - 10) && !holds(&mut policy, 48 * HOUR));
        assert!(!holds(&mut policy, 47 * HOUR), "a clock that was an hour ahead all the time");
        let mut policy = silenced();
        assert!(!holds(&mut policy, 60 * HOUR) && !holds(&mut policy, 61 * HOUR), "slept over");
        assert!(policy.next_look().is_none() && !holds(&mut policy, 47 * HOUR));
        for ended_at in [40, 30 * 24 * HOUR] {
            let mut policy = silenced();
            let ended = policy.silences(at(20)).next().unwrap().clone();
            policy.silence(Silence { until: ended.from, ..ended });
            assert!(!holds(&mut policy, ended_at) && !holds(&mut policy, 10), "{ended_at}");
        }
    }

    #[test]
    fn what_an_earlier_process_left_holds_once_a_clock_that_was_wrong_at_the_start_is_set_right() {
        let left = || Left { silences: silenced().silences(at(20)).cloned().collect(), ..Left::default() };
        for wrong in [49 * HOUR, 3000 * HOUR, -25 * HOUR, -40_000 * HOUR] {
            let mut policy = Policy::new(house(""), left());
            assert!(!holds(&mut policy, wrong) && policy.next_look().is_some(), "{wrong}");
            assert!(!holds(&mut policy, wrong + 600), "{wrong}");
            assert!(holds(&mut policy, 2 * HOUR), "{wrong}");
            assert!(holds(&mut policy, 48 * HOUR - 1) && !holds(&mut policy, 48 * HOUR), "{wrong}");
        }
        // A clock that has gone on for an hour is believed.
        let mut policy = Policy::new(house(""), left());
        assert!(!holds(&mut policy, 49 * HOUR) && !holds(&mut policy, 50 * HOUR) && !holds(&mut policy, 2 * HOUR));
    }

    #[test]
    fn what_a_jump_ended_is_doubted_for_an_hour_by_the_clock_that_was_set_right() {
        let mut policy = silenced();
        assert!(!holds(&mut policy, 30 * 24 * HOUR));
        assert!(!holds(&mut policy, 49 * HOUR) && policy.next_look().is_some());
        assert!(!holds(&mut policy, 50 * HOUR) && policy.next_look().is_none());
    }
}
