//! One sender's session: how many of its packets were answered, and which. Pure.

/// So far behind the newest a packet may come and still be told from one that was sent again: two seconds of a call.
const WINDOW: u32 = 1024;
/// After so many answers a session is one.
const LASTING: u32 = 50;
const WORDS: usize = WINDOW as usize / 64;

/// What is remembered of a session (RFC 8762 §4.3: a stateful reflector).
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    answered: u32,
    newest: Option<u32>,
    /// A bit for each of the last [`WINDOW`] numbers, at its remainder.
    seen: [u64; WORDS],
}

impl Session {
    /// Whether that number was answered already, or is too old for us to know.
    pub(super) fn is_replay(&self, number: u32) -> bool {
        let Some(newest) = self.newest else { return false };
        // Numbers wrap: behind is what is nearer backwards.
        let ahead = number.wrapping_sub(newest);
        if ahead != 0 && ahead <= u32::MAX / 2 {
            return false;
        }
        newest.wrapping_sub(number) >= WINDOW || self.seen[word(number)] & bit(number) != 0
    }

    /// Whether it goes on for a while: such a one is not driven out by those that have just begun.
    pub(super) const fn lasts(&self) -> bool {
        self.answered >= LASTING
    }

    /// Takes note of a number that is no replay; gives our own number for the answer, which counts from 0.
    pub(super) fn answer(&mut self, number: u32) -> u32 {
        let ahead = self.newest.map_or(0, |newest| number.wrapping_sub(newest));
        if ahead <= u32::MAX / 2 {
            // What lies between has not come yet.
            for skipped in 1..ahead.min(WINDOW) {
                let skipped = number.wrapping_sub(skipped);
                self.seen[word(skipped)] &= !bit(skipped);
            }
            self.newest = Some(number);
        }
        self.seen[word(number)] |= bit(number);
        let own = self.answered;
        self.answered = own.wrapping_add(1);
        own
    }
}

const fn word(number: u32) -> usize {
    (number % WINDOW / 64) as usize
}

const fn bit(number: u32) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_are_counted_whatever_the_numbers() {
        let mut session = Session::default();
        for (own, number) in [7, 9, 8, 1000, 10].into_iter().enumerate() {
            assert!(!session.is_replay(number));
            assert_eq!(session.answer(number), u32::try_from(own).unwrap());
        }
        for number in [7, 8, 9, 10, 1000] {
            assert!(session.is_replay(number), "{number}");
        }
        assert!(!session.is_replay(11) && !session.is_replay(1001));
        session.answer(5000);
        assert!(session.is_replay(11), "too long ago to know");
        assert!(!session.is_replay(5000 - WINDOW + 1));
    }

    proptest! {
        /// Against a set of all that was answered, over the wrap of numbers too.
        #[test]
        fn nothing_is_answered_twice(begin: u32, steps in prop::collection::vec(-1100_i32..1100, 1..400)) {
            let (mut session, mut answered) = (Session::default(), std::collections::BTreeSet::new());
            let (mut number, mut newest) = (begin, begin);
            for step in steps {
                number = number.wrapping_add_signed(step);
                let behind = newest.wrapping_sub(number);
                let ahead = behind == 0 || behind > u32::MAX / 2;
                let known = answered.contains(&number) || (!ahead && behind >= WINDOW && !answered.is_empty());
                prop_assert_eq!(session.is_replay(number), known, "{}", number);
                if !known {
                    session.answer(number);
                    if ahead || answered.is_empty() {
                        newest = number;
                    }
                    answered.insert(number);
                }
            }
        }
    }
}
