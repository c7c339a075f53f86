//! What is known of one letter between two attempts: who has it, and whether the server dislikes it. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use lettre::Address;

use super::put_off::WAITED_FOR;
use crate::domain::Mono;

/// A line that failed over to a modem is on blocklists, and the letter is to wait for the line; one that a filter does not like is not
/// to keep all others for a day.
const DISLIKED: Duration = Duration::from_mins(20);

/// The last letter that anybody was given: nobody is to have it twice, and whoever has it not yet is asked for alone. It is remembered
/// until there is another, since an attempt may be cut off after all have it.
#[derive(Debug, Default)]
pub(super) struct Halfway {
    key: String,
    /// Who has it, or goes without.
    settled: BTreeSet<Address>,
    /// Who is asked for, and goes without if nothing comes of it: whoever asks may be cut off at any moment.
    asked_last: Option<Address>,
    /// Since when the letter itself is not taken for those who have it not yet.
    held_up: Option<Mono>,
}

impl Halfway {
    /// Whether it is this letter that some have.
    pub(super) fn is_of(&self, key: &str) -> bool {
        self.key == key
    }

    /// Those of them who neither have this letter nor go without.
    pub(super) fn left(&self, key: &str, all: &[Address]) -> Vec<Address> {
        let is_left = |mailbox: &&Address| !(self.is_of(key) && self.settled.contains(mailbox));
        all.iter().filter(is_left).cloned().collect()
    }

    /// This one has this letter; or goes without, which is only said while others have it.
    pub(super) fn settle(&mut self, key: &str, mailbox: Address) {
        if !self.is_of(key) {
            *self = Self { key: key.to_owned(), ..Self::default() };
        }
        self.asked_last.take_if(|asked| *asked == mailbox);
        self.held_up = None;
        self.settled.insert(mailbox);
    }

    /// If some have this letter, another is asked for the last time.
    pub(super) fn asks_last(&mut self, key: &str, mailbox: &Address) {
        if self.is_of(key) {
            self.asked_last = Some(mailbox.clone());
        }
    }

    /// Whoever was asked is asked again.
    pub(super) fn asks_again(&mut self) {
        self.asked_last = None;
    }

    /// The letter was not taken for whoever was asked, which may be over soon: they are asked again, if not for long yet.
    pub(super) fn asks_again_for_now(&mut self, key: &str, now: Mono) {
        if self.is_of(key) && now.since(*self.held_up.get_or_insert(now)) < WAITED_FOR {
            self.asked_last = None;
        }
    }

    /// Nothing came of asking. Whether somebody goes without this letter for that.
    pub(super) fn leave_out_asked(&mut self, key: &str) -> bool {
        let asked = self.asked_last.take_if(|_| self.key == key);
        asked.is_some_and(|mailbox| self.settled.insert(mailbox))
    }
}

/// The letter that was refused for what may be of it, and since when.
#[derive(Debug, Default)]
pub(super) struct Disliked(Option<(String, Mono)>);

impl Disliked {
    /// This letter is refused so, perhaps again. Whether it has been for long.
    pub(super) fn is_for_long(&mut self, key: &str, now: Mono) -> bool {
        let known = self.0.take().filter(|(known, _)| known == key);
        let (_, since) = self.0.insert(known.unwrap_or_else(|| (key.to_owned(), now)));
        now.since(*since) >= DISLIKED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_that_some_have_is_left_for_the_others() {
        let all = ["desk@example.org", "far@example.org"].map(|address| address.parse::<Address>().unwrap());
        let [desk, far] = &all;
        let mut halfway = Halfway::default();
        halfway.asks_last("a", far);
        assert!(!halfway.leave_out_asked("a"), "nobody has it: it waits");
        halfway.settle("a", desk.clone());
        assert_eq!((halfway.left("a", &all), halfway.left("b", &all).len()), (vec![far.clone()], 2));
        halfway.asks_last("a", far);
        halfway.asks_again();
        assert!(!halfway.leave_out_asked("a"));
        halfway.asks_last("a", far);
        assert!(!halfway.leave_out_asked("b"), "another letter");
        assert!(halfway.leave_out_asked("a") && halfway.left("a", &all).is_empty());
        halfway.settle("b", far.clone());
        assert_eq!((halfway.left("a", &all).len(), halfway.left("b", &all)), (2, vec![desk.clone()]));
    }
}
