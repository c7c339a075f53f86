//! The line to one receiver.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::pause::Pause;
use super::tries::Tries;
use super::{Receiver, Schedule};
use crate::clock::Clock;
use crate::domain::{GiveUp, Mono, Notification, Outbox, Period};
use crate::notify::error::{DeliveryError, Failure};
use crate::notify::kinds::{Ready, Spoken};
use crate::notify::spoken;
use crate::notify::stats::{Attempt, Stats};

/// How long an empty outbox is believed without a poke, and what the receiver needs is left alone.
const LOOK: Duration = Duration::from_mins(1);

/// Certificates of the system are read again after a failure to connect, but not more often than this.
const RENEWED_FOR: Duration = Duration::from_mins(1);

/// The line to one receiver.
pub(super) struct Line<O> {
    outbox: O,
    receiver: Arc<Receiver>,
    schedule: Schedule,
    clock: Clock,
    news: watch::Receiver<()>,
    stats: Stats,
    /// What delivers, or why it could not be made ready: what is missing on this machine may come.
    ready: Result<Ready, DeliveryError>,
    /// It is to be made anew: it knows the authorities of the moment at which it was made, and those of today may be others.
    is_stale: bool,
    /// When that was found last.
    renewed_at: Option<Mono>,
    /// When it is looked after next.
    look_at: Mono,
    tries: Tries,
    /// The keys of what waits of which some was on the air, in an attempt that failed.
    heard: BTreeSet<Arc<str>>,
}

impl<O: Outbox> Line<O> {
    pub(super) fn new(
        outbox: O,
        receiver: Arc<Receiver>,
        schedule: Schedule,
        clock: Clock,
        news: watch::Receiver<()>,
        stats: Stats,
    ) -> Self {
        let ready = Err(DeliveryError::new(Failure::Local, "it has not begun yet"));
        let (is_stale, renewed_at, look_at, tries) = (false, None, clock.mono().after(LOOK), Tries::default());
        let heard = BTreeSet::new();
        Self { outbox, receiver, schedule, clock, news, stats, ready, is_stale, renewed_at, look_at, tries, heard }
    }

    pub(super) async fn run(mut self) {
        let (name, fleeting) = (Arc::clone(self.receiver.name()), self.receiver.config.way.is_fleeting());
        // Before there is anything to say: a radio that was left pressed is released.
        self.ready = self.receiver.make_ready(self.clock).await;
        if let Err(error) = &self.ready {
            tracing::error!(receiver = %name, %error, "this receiver cannot be told yet; it is tried again when there is something to tell");
        }
        let mut pause: Option<Pause> = None;
        loop {
            // Before looking, so that a poke that comes after the look is not missed.
            self.news.mark_unchanged();
            let Some(notification) = self.outbox.next(&name).await else {
                self.rest(Mono::NEVER).await;
                continue;
            };
            let waiting = if fleeting { self.outbox.waiting(&name).await } else { Vec::new() };
            let stands = pause.get_or_insert_with(|| {
                // What an earlier process has left is not new.
                let mut left = Pause::default();
                left.look(&waiting);
                left.lasts(self.stored_wait(&notification))
            });
            for word in stands.look(&waiting) {
                self.receiver.report(word);
            }
            let from = stands.until();
            if self.is_past_help(&notification) {
                self.give_up_unsent(&notification).await;
                continue;
            }
            if self.clock.mono() < from {
                self.rest(from).await;
                // What has become too old meanwhile is not sent.
                continue;
            }
            let words = if fleeting { self.choose(&waiting).await } else { vec![notification] };
            // Nothing of what waited is worth saying any more.
            let Some(last) = words.last() else { continue };
            match self.attempt(&words).await {
                Ok(Spoken(spoken)) => {
                    for word in &words {
                        self.outbox.delivered(&word.key, spoken.as_deref()).await;
                    }
                    if self.tries.failures() > 0 {
                        tracing::info!(receiver = %name, "the receiver takes notifications again");
                    }
                    self.tries.arrived();
                    pause = Some(Pause::default());
                    let at = self.clock.now().wall;
                    self.stats.of(&name, |counts| {
                        counts.delivered += words.len() as u64;
                        counts.failures_in_a_row = 0;
                        counts.last_delivered_at = Some(at);
                        counts.last = Some(Attempt { key: Arc::clone(&last.key), ended: Ok(()) });
                    });
                }
                Err(error) if let Some(why) = error.withheld => {
                    tracing::info!(receiver = %name, %why, detail = error.detail, "not said, and not later either");
                    for word in &words {
                        self.give_up(word, why, &error.detail).await;
                    }
                    let key = Arc::clone(&last.key);
                    self.stats.of(&name, |counts| counts.last = Some(Attempt { key, ended: Err(error) }));
                    pause = Some(Pause::default());
                }
                Err(error) => {
                    if let Ok(ready) = &self.ready
                        && ready.was_heard().await
                    {
                        self.heard.extend(words.iter().map(|word| Arc::clone(&word.key)));
                    }
                    let mut next = Pause::after(self.clock.mono(), error.retry_after);
                    // What waited behind it is not said either, unless it soon can be.
                    for word in next.look(&waiting) {
                        self.receiver.report(word);
                    }
                    pause = Some(next.lasts(self.failed(&words[0], &error).await));
                }
            }
        }
    }

    /// Waits until then, or until a poke, and not longer than it takes to look again unasked: a disk that comes back late brings what it
    /// had. What the receiver needs while nothing is said is seen to now and then.
    async fn rest(&mut self, until: Mono) {
        let again = until.min(self.look_at);
        tokio::select! {
            poked = self.news.changed() => if poked.is_err() { self.clock.sleep_until(again).await },
            () = self.clock.sleep_until(again) => {}
        }
        if self.clock.mono() >= self.look_at {
            if let Ok(ready) = &self.ready {
                ready.tend().await;
            }
            self.look_at = self.clock.mono().after(LOOK);
        }
    }

    /// Makes one attempt, by what is ready, or can be made so now.
    async fn attempt(&mut self, words: &[Notification]) -> Result<Spoken, DeliveryError> {
        let (timeout, late) = (self.receiver.config.timeout.0, self.receiver.late());
        // One deadline over all of it: a secret's file may lie on a dead mount.
        let attempt = async {
            if self.is_stale || self.ready.is_err() {
                let made = self.receiver.make_ready(self.clock).await;
                self.is_stale = false;
                if let (Ok(made), Ok(before)) = (&made, &self.ready) {
                    made.follow(before).await;
                }
                // The old one is better than none: not everybody is asked for a certificate.
                if made.is_ok() || self.ready.is_err() {
                    self.ready = made;
                }
            }
            match &self.ready {
                Ok(ready) => ready.deliver(words).await,
                Err(error) => Err(error.clone()),
            }
        };
        tokio::time::timeout(timeout, attempt).await.unwrap_or(Err(late))
    }

    /// What is said next of all that waits; what is not said of it is given up.
    async fn choose(&mut self, waiting: &[Notification]) -> Vec<Notification> {
        self.heard.retain(|key| waiting.iter().any(|word| word.key == *key));
        let choice = spoken::choose(waiting.to_vec(), &self.heard, self.clock.now().wall);
        for word in &choice.overtaken {
            self.give_up(word, GiveUp::Overtaken, "newer word of the same component waits").await;
        }
        for word in &choice.too_old {
            self.receiver.report(word);
            self.give_up(word, GiveUp::TooOld, "too long ago to be said on the air").await;
        }
        choice.say
    }

    async fn give_up(&self, notification: &Notification, why: GiveUp, error: &str) {
        self.stats.of(self.receiver.name(), |counts| *counts.given_up.entry(why).or_default() += 1);
        self.outbox.given_up(&notification.key, why, error).await;
    }

    /// Whether it is too old, and the receiver was tried in earnest since something arrived there. Of what is spoken other ages hold
    /// ([`spoken`]).
    fn is_past_help(&mut self, notification: &Notification) -> bool {
        let now = self.clock.now();
        self.tries.look(now);
        !self.receiver.config.way.is_fleeting()
            && self.tries.since_set() >= self.schedule.at_least
            && self.schedule.is_too_old(notification.created_at, now.wall)
    }

    /// Gives up what has become too old behind others.
    async fn give_up_unsent(&self, notification: &Notification) {
        let (age, tries) = (Period(self.schedule.too_old), self.tries.failures());
        let error = format!("it is older than {age}, and the receiver has failed {tries} times in a row");
        let (name, key, why) = (self.receiver.name(), &notification.key, GiveUp::TooOld);
        tracing::error!(receiver = %name, %key, %why, %error, "a notification is given up");
        self.give_up(notification, why, &error).await;
    }

    /// What the row says of an attempt before a restart, never longer than the longest wait: the wall clock may have been
    /// set meanwhile.
    fn stored_wait(&mut self, notification: &Notification) -> Mono {
        let now = self.clock.now();
        self.tries = Tries::left(notification.attempts);
        let left = notification.next_attempt_at.duration_since(now.wall);
        let left = if left.is_negative() { Duration::ZERO } else { left.unsigned_abs() };
        now.mono.after(left.min(self.schedule.longest))
    }

    /// Marks a failure, and says when to go on.
    async fn failed(&mut self, notification: &Notification, error: &DeliveryError) -> Mono {
        let receiver = Arc::clone(&self.receiver);
        let (name, now) = (receiver.name(), self.clock.now());
        if error.failure == Failure::Connect && self.renewed_at.is_none_or(|at| now.mono.since(at) >= RENEWED_FOR) {
            (self.is_stale, self.renewed_at) = (true, Some(now.mono));
        }
        let is_first = self.tries.failures() == 0;
        let give_up = if error.retryable() {
            self.tries.failed();
            self.is_past_help(notification).then_some(GiveUp::TooOld)
        } else {
            Some(GiveUp::Refused)
        };
        self.stats.of(name, |counts| {
            *counts.failed.entry(error.failure).or_default() += 1;
            counts.failures_in_a_row = counts.failures_in_a_row.saturating_add(1);
            counts.last = Some(Attempt { key: Arc::clone(&notification.key), ended: Err(error.clone()) });
            if let Some(why) = give_up {
                *counts.given_up.entry(why).or_default() += 1;
            }
        });
        if let Some(why) = give_up {
            tracing::error!(receiver = %name, key = %notification.key, %why, %error, "a notification is given up");
            self.outbox.given_up(&notification.key, why, &error.to_string()).await;
            if why == GiveUp::Refused {
                // The receiver is there and judged this message; the next may please it.
                return now.mono;
            }
        } else if is_first {
            tracing::warn!(receiver = %name, key = %notification.key, %error, "not delivered; tried again until it is, or too old");
        }
        let wait = self.schedule.wait(self.tries.failures(), rand::random());
        let wait = wait.max(error.retry_after.unwrap_or_default().min(self.schedule.longest));
        if give_up.is_none() {
            self.outbox.failed(&notification.key, &error.to_string(), now.after(wait).wall).await;
        }
        now.mono.after(wait)
    }
}
