//! What waits for a disk that fails, oldest first. Pure.

use std::collections::VecDeque;

use super::sql::Op;

/// What waits at most; a busy room makes a few hundred a day.
const MOST: usize = 4096;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// In its order.
    pub(super) ops: VecDeque<Op>,
}

impl Backlog {
    /// Takes one more in, and gives what no longer fits. Of one message the attempts that failed wait as one, and they go before anything
    /// else does: what happened is told nowhere else.
    pub(super) fn push(&mut self, op: Op) -> Option<Op> {
        let op = self.join(op)?;
        if self.ops.len() < MOST {
            self.ops.push_back(op);
            return None;
        }
        let gone = match self.ops.iter().position(|one| matches!(one, Op::Failed { .. })) {
            Some(place) => self.ops.remove(place),
            None if matches!(op, Op::Failed { .. }) => return Some(op),
            None => self.ops.pop_front(),
        };
        self.ops.push_back(op);
        gone
    }

    /// Puts an attempt that failed to the one before of the same message. Gives what is to be put behind all others.
    fn join(&mut self, op: Op) -> Option<Op> {
        let Op::Failed { key, error, next_attempt_at, times } = op else { return Some(op) };
        for one in &mut self.ops {
            if let Op::Failed { key: known, error: said, next_attempt_at: next, times: before } = one
                && *known == key
            {
                (*said, *next, *before) = (error, next_attempt_at, before.saturating_add(times));
                return None;
            }
        }
        Some(Op::Failed { key, error, next_attempt_at, times })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::store::Batch;

    fn failed(key: &str, error: &str) -> Op {
        let (key, error) = (key.to_owned(), error.to_owned());
        Op::Failed { key, error, next_attempt_at: Timestamp::UNIX_EPOCH, times: 1 }
    }

    fn delivered(key: usize) -> Op {
        Op::Delivered { key: key.to_string(), spoken: None, at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn the_attempts_at_one_message_wait_as_one() {
        let mut backlog = Backlog::default();
        for op in [failed("a", "first"), Op::Record(Batch::default()), failed("b", "x"), failed("a", "last")] {
            assert!(backlog.push(op).is_none());
        }
        assert_eq!(backlog.ops.len(), 3);
        let first = &backlog.ops[0];
        assert!(matches!(first, Op::Failed { key, error, times: 2, .. } if key == "a" && error == "last"), "{first:?}");
    }

    #[test]
    fn attempts_that_failed_push_out_nothing_and_go_first() {
        let mut backlog = Backlog::default();
        backlog.push(failed("a", "x"));
        (1..MOST).for_each(|key| assert!(backlog.push(delivered(key)).is_none()));
        assert!(matches!(backlog.push(delivered(MOST)), Some(Op::Failed { key, .. }) if key == "a"));
        assert!(matches!(backlog.push(failed("b", "x")), Some(Op::Failed { key, .. }) if key == "b"));
        let oldest = backlog.push(delivered(MOST + 1));
        assert!(matches!(&oldest, Some(Op::Delivered { key, .. }) if key == "1"), "{oldest:?}");
        assert_eq!(backlog.ops.len(), MOST);
    }
}
