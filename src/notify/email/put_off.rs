//! Mailboxes that a server puts off (4yz, RFC 5321 §4.2.1) or says nothing of. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use lettre::Address;

use crate::domain::Mono;

/// A mailbox is waited for no longer than this: greylisting is over after five minutes, and one that is full may be so for weeks.
pub(super) const WAITED_FOR: Duration = Duration::from_mins(6);

/// Those that were not taken when they were asked for last, and since when.
#[derive(Debug, Default)]
pub(super) struct PutOff {
    mailboxes: BTreeMap<Address, Mono>,
    /// Those of which the server said nothing when it was asked last, and when that was.
    unanswered: BTreeMap<Address, Mono>,
}

impl PutOff {
    /// One is asked for. Until there is an answer there is none: whoever asks may be cut off at any moment.
    pub(super) fn asked(&mut self, mailbox: &Address, now: Mono) {
        self.unanswered.insert(mailbox.clone(), now);
    }

    /// Whether nothing was said of it when it was asked for last.
    pub(super) fn is_unanswered(&self, mailbox: &Address) -> bool {
        self.unanswered.contains_key(mailbox)
    }

    /// Something is said of it.
    pub(super) fn answered(&mut self, mailbox: &Address) {
        self.unanswered.remove(mailbox);
    }

    /// Those of which something was said when they were asked for last, or that never were; and the others, the longest ago first.
    pub(super) fn split(&self, all: &[Address]) -> (Vec<Address>, Vec<Address>) {
        let (mut last, first): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|mailbox| self.is_unanswered(mailbox));
        last.sort_by_key(|mailbox| self.unanswered.get(mailbox).copied());
        (first, last)
    }

    /// One is taken.
    pub(super) fn taken(&mut self, mailbox: &Address) {
        self.answered(mailbox);
        self.mailboxes.remove(mailbox);
    }

    /// One is put off, perhaps again. Whether the others wait for it.
    pub(super) fn is_waited_for(&mut self, mailbox: &Address, now: Mono) -> bool {
        now.since(*self.mailboxes.entry(mailbox.clone()).or_insert(now)) < WAITED_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::super::Failure;
    use super::super::served::{Server, passes};
    use super::super::tests::notification;
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_mailbox_is_waited_for_as_long_as_greylisting_lasts_and_anew_once_it_was_taken() {
        let (duty, former) = ("duty@example.org".parse().unwrap(), "former@example.org".parse().unwrap());
        let at = |minutes| Mono::ZERO.after(Duration::from_mins(minutes));
        let mut put_off = PutOff::default();
        assert!(put_off.is_waited_for(&former, at(10)));
        assert!(put_off.is_waited_for(&former, at(15)));
        assert!(!put_off.is_waited_for(&former, at(16)));
        assert!(put_off.is_waited_for(&duty, at(16)), "another one");
        assert!(!put_off.is_waited_for(&former, at(10_000)), "the next letter does not begin anew");
        put_off.taken(&former);
        assert!(put_off.is_waited_for(&former, at(10_001)));
    }

    #[tokio::test]
    async fn a_mailbox_that_is_full_keeps_the_letters_from_the_others_for_minutes_and_not_for_a_day() {
        const FULL: &str = "452 4.2.2 Mailbox full";
        let server = Server::start();
        server.says(FULL, "former");
        let clock = Clock::on_tokio_time(jiff::Timestamp::UNIX_EPOCH);
        let begun = || server.ready_by("it@example.org, former@example.org, duty@example.org", clock);
        let mut ready = begun();
        for _ in 0..3 {
            let error = ready.deliver(&notification("a")).await.unwrap_err();
            assert_eq!(error.failure, Failure::Unavailable, "{error}");
            assert!(error.detail.contains("452: 4.2.2 Mailbox full"), "{error}");
            passes(Duration::from_mins(2)).await;
            // As after a failure to connect.
            let anew = begun();
            anew.follow(&ready).await;
            ready = anew;
        }
        assert!(server.came().is_empty(), "greylisting would be over soon, and nobody is to have it twice");
        for key in ["a", "b"] {
            ready.deliver(&notification(key)).await.unwrap();
            assert_eq!(server.came(), [["it", "duty"]], "{key}");
        }
        server.is_well("former");
        ready.deliver(&notification("c")).await.unwrap();
        assert_eq!(server.came(), [["it", "former", "duty"]]);

        // Where nobody else is taken there is nobody to send it to.
        server.says(FULL, "former");
        let alone = server.ready("former@example.org");
        for _ in 0..3 {
            assert!(alone.deliver(&notification("d")).await.unwrap_err().retryable());
            passes(Duration::from_mins(4)).await;
        }
        assert!(server.came().is_empty());
    }

    #[tokio::test]
    async fn a_letter_that_is_refused_for_our_address_waits_for_another_line_however_often_it_was_tried_before() {
        let server = Server::start();
        server.says("554 5.7.1 Your address is listed", "letter");
        let ready = server.ready("listed@example.org");
        // The first has tried in vain to connect for hours; the one behind it is given its own time.
        for (key, attempts) in [("a", 50), ("b", 0)] {
            for (minutes, failure) in [(0, Failure::Denied), (19, Failure::Denied), (2, Failure::Refused)] {
                passes(Duration::from_mins(minutes)).await;
                let letter = crate::domain::Notification { attempts, ..notification(key) };
                assert_eq!(ready.deliver(&letter).await.unwrap_err().failure, failure, "{key} after {minutes} more");
            }
        }
        server.is_well("letter");
        ready.deliver(&notification("c")).await.unwrap();
        assert_eq!(server.came(), [["listed"]]);
    }
}
