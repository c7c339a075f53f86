//! Delivering: one task a receiver, in order, at least once.
//!
//! ```text
//!          ┌────────── arrived, or given up: mark it ──────────┐
//!          ▼                                                   │
//!   oldest in the outbox ──none──▶ wait for a poke             │
//!          │ one                                               │
//!          ▼                                                   │
//!   wait until it may be tried ──▶ attempt ────────────────────┤
//!          ▲                          │ failed, can be mended  │
//!          └── later, and longer ◀────┘                        │
//! ```
//!
//! The notifications behind one that fails wait for it: "closed" must not overtake "opened". Who is spoken to is told of all that
//! waits at once ([`spoken`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::config::Config;
use super::error::{DeliveryError, Failure, SetupError};
use super::kinds::{Ready, Spoken};
use super::policy::Unsaid;
use super::spoken;
use super::stats::{Attempt, Stats};
use crate::clock::Clock;
use crate::domain::{GiveUp, Mono, Notification, Outbox, Period};
use crate::radio::OnAir;
use crate::radio::monitor::Room;

/// How long an empty outbox is believed without a poke.
const LOOK: Duration = Duration::from_mins(1);

/// What is to be said within so long is not unsaid yet.
const SOON: Duration = Duration::from_mins(1);

/// How attempts are spread over time, and when they end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The wait after the first failure; doubled with each more in a row.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// Older than this helps nobody …
    pub too_old: Duration,
    /// … but so many attempts are always made: a wall clock that jumps a day must not empty the outbox.
    pub at_least: u32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            // An internet that comes back is followed by the alert about its absence within five minutes.
            longest: Duration::from_mins(5),
            too_old: Duration::from_hours(24),
            at_least: 10,
        }
    }
}

impl Schedule {
    /// The wait after so many failures in a row, spread by up to a quarter either way (`spread` is 0 to 1), so that many
    /// rooms do not come back to one server in step.
    fn wait(&self, failures: u32, spread: f64) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        doubled.min(self.longest).mul_f64(0.75 + spread / 2.0)
    }
}

/// Somebody who can be told.
#[derive(Debug)]
pub struct Receiver {
    name: Arc<str>,
    timeout: Duration,
    fleeting: bool,
    ready: Ready,
    on_air: OnAir,
    room: Room,
    /// Who hears of what it could not say in its time.
    unsaid: Option<mpsc::Sender<Unsaid>>,
}

impl Receiver {
    /// Makes a receiver ready. It contacts nobody yet.
    ///
    /// # Errors
    /// If its way of delivery cannot be set up on this machine.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self {
            name: Arc::clone(&config.name),
            timeout: config.timeout.0,
            fleeting: config.way.is_fleeting(),
            ready: Ready::new(&config.way)?,
            on_air: OnAir::default(),
            room: Room::free(),
            unsaid: None,
        })
    }

    /// The same, in a room that may be in use, with books of what is said on the air that outlive it.
    #[must_use]
    pub fn within(self, room: Room, on_air: OnAir) -> Self {
        Self { on_air, room, ..self }
    }

    /// The same, which tells what a radio could not say, so that others are told.
    #[must_use]
    pub fn reporting(self, unsaid: mpsc::Sender<Unsaid>) -> Self {
        Self { unsaid: Some(unsaid), ..self }
    }

    /// Reports a notification that could not be said. Each attempt does: whoever is told knows what is no news.
    fn report(&self, notification: &Notification) {
        let (Some(unsaid), Some(incident)) = (&self.unsaid, &notification.incident) else { return };
        let report = Unsaid { receiver: Arc::clone(&self.name), incident: incident.clone() };
        if unsaid.try_send(report).is_err() {
            tracing::warn!(receiver = %self.name, key = %notification.key, "the others are not told instead yet");
        }
    }

    /// Its name in the config.
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    async fn attempt(&self, words: &[Notification]) -> Result<Spoken, DeliveryError> {
        // One deadline over all of it: a secret's file may lie on a dead mount.
        tokio::time::timeout(self.timeout, self.ready.deliver(words)).await.unwrap_or_else(|_| {
            Err(DeliveryError::new(Failure::Timeout, format!("no answer within {}", Period(self.timeout))))
        })
    }
}

/// Tells the deliverer that something new is in the outbox. Pokes may run together: the outbox says what there is.
#[derive(Clone, Debug)]
pub struct Poke(watch::Sender<()>);

impl Default for Poke {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Poke {
    /// Look again.
    pub fn poke(&self) {
        self.0.send_replace(());
    }
}

/// Delivers until it is dropped; what is under way then is tried again after the next start.
///
/// To be begun when the outbox has what an earlier process left: what waits then for somebody who is not among `receivers`
/// is given up.
pub async fn deliver<O: Outbox>(
    outbox: O,
    receivers: Vec<Receiver>,
    schedule: Schedule,
    clock: Clock,
    poke: &Poke,
    stats: Stats,
) {
    for name in outbox.receivers().await {
        if !receivers.iter().any(|receiver| *receiver.name() == name) {
            give_up_all(&outbox, &name, &stats).await;
        }
    }
    let line = |receiver: Arc<Receiver>| Line {
        outbox: outbox.clone(),
        receiver,
        schedule,
        clock,
        news: poke.0.subscribe(),
        stats: stats.clone(),
    };
    let mut tasks = JoinSet::new();
    let mut lines = HashMap::new();
    for receiver in receivers {
        let receiver = Arc::new(receiver);
        lines.insert(tasks.spawn(line(Arc::clone(&receiver)).run()).id(), receiver);
    }
    // A line ends only by a panic of ours, which must not silence its receiver for good.
    while let Some(ended) = tasks.join_next_with_id().await {
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        if let Some(receiver) = lines.remove(&id) {
            tracing::error!(receiver = %receiver.name(), "the receiver's task has died; it is started again");
            clock.sleep_until(clock.mono().after(schedule.longest)).await;
            lines.insert(tasks.spawn(line(Arc::clone(&receiver)).run()).id(), receiver);
        }
    }
    // Without receivers there is nothing to do, and still no end.
    std::future::pending::<()>().await;
}

/// The line to one receiver.
struct Line<O> {
    outbox: O,
    receiver: Arc<Receiver>,
    schedule: Schedule,
    clock: Clock,
    news: watch::Receiver<()>,
    stats: Stats,
}

impl<O: Outbox> Line<O> {
    async fn run(mut self) {
        let name = Arc::clone(self.receiver.name());
        self.receiver.ready.begin(self.clock, self.receiver.on_air.clone(), self.receiver.room.clone()).await;
        let mut failures = 0;
        let mut not_before: Option<Mono> = None;
        loop {
            // Before looking, so that a poke that comes after the look is not missed.
            self.news.mark_unchanged();
            let Some(notification) = self.outbox.next(&name).await else {
                // Looked at now and then unasked too: a disk that comes back late brings what it had.
                let again = self.clock.mono().after(LOOK);
                tokio::select! {
                    poked = self.news.changed() => if poked.is_err() { self.clock.sleep_until(again).await },
                    () = self.clock.sleep_until(again) => {}
                }
                continue;
            };
            let from = not_before.unwrap_or_else(|| self.stored_wait(&notification, &mut failures));
            self.clock.sleep_until(from).await;
            let waiting = if self.receiver.fleeting { self.outbox.waiting(&name).await } else { Vec::new() };
            let words = if self.receiver.fleeting { self.choose(&waiting).await } else { vec![notification] };
            // Nothing of what waited is worth saying any more.
            let Some(last) = words.last() else { continue };
            match self.receiver.attempt(&words).await {
                Ok(Spoken(spoken)) => {
                    for word in &words {
                        self.outbox.delivered(&word.key, spoken.as_deref()).await;
                    }
                    if failures > 0 {
                        tracing::info!(receiver = %name, "the receiver takes notifications again");
                    }
                    failures = 0;
                    not_before = Some(Mono::ZERO);
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
                    not_before = Some(Mono::ZERO);
                }
                Err(error) => {
                    // What waited behind it is not said either, unless it soon can be.
                    if error.retry_after.is_none_or(|wait| wait > SOON) {
                        for word in &waiting {
                            self.receiver.report(word);
                        }
                    }
                    not_before = Some(self.failed(&words[0], &error, &mut failures).await);
                }
            }
        }
    }

    /// What is said next of all that waits; what is not said of it is given up.
    async fn choose(&self, waiting: &[Notification]) -> Vec<Notification> {
        let choice = spoken::choose(waiting.to_vec(), self.clock.now().wall);
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

    /// What the row says of an attempt before a restart, never longer than the longest wait: the wall clock may have been
    /// set meanwhile.
    fn stored_wait(&self, notification: &Notification, failures: &mut u32) -> Mono {
        let now = self.clock.now();
        *failures = notification.attempts;
        let left = notification.next_attempt_at.duration_since(now.wall);
        let left = if left.is_negative() { Duration::ZERO } else { left.unsigned_abs() };
        now.mono.after(left.min(self.schedule.longest))
    }

    /// Marks a failure, and says when to go on.
    async fn failed(&self, notification: &Notification, error: &DeliveryError, failures: &mut u32) -> Mono {
        let name = self.receiver.name();
        let now = self.clock.now();
        let age = now.wall.duration_since(notification.created_at);
        let tried = notification.attempts.saturating_add(1);
        let too_old = !age.is_negative() && age.unsigned_abs() > self.schedule.too_old;
        let give_up = if !error.retryable() {
            Some(GiveUp::Refused)
        } else if too_old && tried >= self.schedule.at_least {
            Some(GiveUp::TooOld)
        } else {
            None
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
        } else if *failures == 0 {
            tracing::warn!(receiver = %name, key = %notification.key, %error, "not delivered; tried again until it is, or too old");
        }
        *failures = failures.saturating_add(1);
        let wait = self.schedule.wait(*failures, rand::random());
        let wait = wait.max(error.retry_after.unwrap_or_default().min(self.schedule.longest));
        if give_up.is_none() {
            self.outbox.failed(&notification.key, &error.to_string(), now.after(wait).wall).await;
        }
        now.mono.after(wait)
    }
}

async fn give_up_all<O: Outbox>(outbox: &O, name: &Arc<str>, stats: &Stats) {
    while let Some(notification) = outbox.next(name).await {
        outbox.given_up(&notification.key, GiveUp::NoReceiver, "the config names no such receiver").await;
        stats.of(name, |counts| *counts.given_up.entry(GiveUp::NoReceiver).or_default() += 1);
        tracing::warn!(receiver = %name, key = %notification.key, "given up: the config names no such receiver");
    }
}
