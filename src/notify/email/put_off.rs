//! Mailboxes that a server puts off (4yz, RFC 5321 §4.2.1) or says nothing of. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use lettre::Address;

use crate::domain::Mono;

/// A mailbox is waited for no longer than this: greylisting is over after five minutes, and one that is full may be so for weeks.
const WAITED_FOR: Duration = Duration::from_mins(6);

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
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use super::super::tests::{config, notification};
    use super::super::{Config, Failure, Ready};
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

    /// A server that tells to whom each letter went. While it is said so, the mailbox `former` is full, and who writes to `listed` is on a
    /// blocklist.
    fn server() -> (u16, Arc<AtomicBool>, mpsc::Receiver<Vec<String>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (port, full) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(true)));
        let (letters, came) = mpsc::sync_channel(9);
        let is_full = Arc::clone(&full);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let (mut answers, mut taken, mut is_data) = (stream.try_clone().unwrap(), Vec::new(), false);
                answers.write_all(b"220 ready\r\n").unwrap();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let answer = match line.split(' ').next() {
                        Some(".") if is_data && taken == ["listed"] && is_full.load(Ordering::SeqCst) => {
                            is_data = false;
                            taken.clear();
                            "554 5.7.1 Your address is listed"
                        }
                        Some(".") if is_data => {
                            is_data = false;
                            letters.send(std::mem::take(&mut taken)).unwrap();
                            "250 taken"
                        }
                        _ if is_data => continue,
                        Some("DATA") => {
                            is_data = true;
                            "354 go on"
                        }
                        Some("RCPT") if line.contains("former") && is_full.load(Ordering::SeqCst) => {
                            "452 4.2.2 Mailbox full"
                        }
                        Some("RCPT") => {
                            taken.push(line.split(['<', '>', '@']).nth(1).unwrap().to_owned());
                            "250 taken"
                        }
                        Some("QUIT") => "221 bye",
                        _ => "250 well",
                    };
                    // Whoever has hung up has read enough.
                    _ = answers.write_all(format!("{answer}\r\n").as_bytes());
                }
            }
        });
        (port, full, came)
    }

    #[tokio::test]
    async fn a_mailbox_that_is_full_keeps_the_letters_from_the_others_for_minutes_and_not_for_a_day() {
        let (port, full, came) = server();
        let to = "it@example.org, former@example.org, duty@example.org".parse().unwrap();
        let (config, clock) =
            (Config { port: Some(port), to, ..config() }, Clock::on_tokio_time(jiff::Timestamp::UNIX_EPOCH));
        let begun = || {
            let ready = Ready::new(&config).unwrap();
            ready.begin(clock);
            ready
        };
        let mut ready = begun();
        let passes = async |time| {
            tokio::time::pause();
            tokio::time::advance(time).await;
            tokio::time::resume();
        };
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
        assert!(came.try_recv().is_err(), "greylisting would be over soon, and nobody is to have it twice");
        for key in ["a", "b"] {
            ready.deliver(&notification(key)).await.unwrap();
            assert_eq!(came.try_recv(), Ok(vec!["it".to_owned(), "duty".to_owned()]), "{key}");
        }
        full.store(false, Ordering::SeqCst);
        ready.deliver(&notification("c")).await.unwrap();
        assert_eq!(came.try_recv().map(|taken| taken.len()), Ok(3));

        // Where nobody else is taken there is nobody to send it to.
        full.store(true, Ordering::SeqCst);
        let alone = Config { to: "former@example.org".parse().unwrap(), ..config.clone() };
        let alone = Ready::new(&alone).unwrap();
        alone.begin(Clock::on_tokio_time(jiff::Timestamp::UNIX_EPOCH));
        for _ in 0..3 {
            assert!(alone.deliver(&notification("d")).await.unwrap_err().retryable());
            passes(Duration::from_mins(4)).await;
        }
        assert!(came.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_letter_that_is_refused_for_our_address_waits_for_another_line_however_often_it_was_tried_before() {
        let (port, listed, came) = server();
        let config = Config { port: Some(port), to: "listed@example.org".parse().unwrap(), ..config() };
        let ready = Ready::new(&config).unwrap();
        ready.begin(Clock::on_tokio_time(jiff::Timestamp::UNIX_EPOCH));
        // The first has tried in vain to connect for hours; the one behind it is given its own time.
        for (key, attempts) in [("a", 50), ("b", 0)] {
            for (minutes, failure) in [(0, Failure::Denied), (19, Failure::Denied), (2, Failure::Refused)] {
                tokio::time::pause();
                tokio::time::advance(Duration::from_mins(minutes)).await;
                tokio::time::resume();
                let letter = crate::domain::Notification { attempts, ..notification(key) };
                assert_eq!(ready.deliver(&letter).await.unwrap_err().failure, failure, "{key} after {minutes} more");
            }
        }
        listed.store(false, Ordering::SeqCst);
        ready.deliver(&notification("c")).await.unwrap();
        assert_eq!(came.try_recv(), Ok(vec!["listed".to_owned()]));
    }
}
