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
//! waits at once ([`super::spoken`]), and what is new need not wait for what could not be said. What is too old is given up before an attempt, so that it is not sent when the receiver is back.

mod line;
mod pause;
mod tries;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::config::Config;
use super::error::{DeliveryError, Failure};
use super::kinds::Ready;
use super::policy::Unsaid;
use super::stats::Stats;
use crate::clock::Clock;
use crate::domain::{GiveUp, Notification, Outbox, in_full};
use crate::named_file;
use crate::radio::OnAir;
use crate::radio::monitor::Room;
use line::Line;

/// How attempts are spread over time, and when they end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The wait after the first failure; doubled with each more in a row.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// Older than this helps nobody …
    pub too_old: Duration,
    /// … but so many attempts in a row must have failed: a wall clock that jumps a day must not empty the outbox.
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

    /// Whether what was made at `made_at` helps nobody any more.
    fn is_too_old(&self, made_at: Timestamp, now: Timestamp) -> bool {
        let age = now.duration_since(made_at);
        !age.is_negative() && age.unsigned_abs() > self.too_old
    }
}

/// Somebody who can be told.
#[derive(Debug)]
pub struct Receiver {
    config: Config,
    on_air: OnAir,
    room: Room,
    /// Who hears of what it could not say in its time.
    unsaid: Option<mpsc::Sender<Unsaid>>,
}

impl Receiver {
    /// A receiver of the config. Its line makes it ready.
    pub fn new(config: &Config) -> Self {
        Self { config: config.clone(), on_air: OnAir::default(), room: Room::free(), unsaid: None }
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
        let report = Unsaid { receiver: Arc::clone(self.name()), incident: incident.clone() };
        if unsaid.try_send(report).is_err() {
            tracing::warn!(receiver = %self.name(), key = %notification.key, "the others are not told instead yet");
        }
    }

    /// Its name in the config.
    pub const fn name(&self) -> &Arc<str> {
        &self.config.name
    }

    /// Makes its way of delivery ready, and begins. It contacts nobody yet.
    async fn make_ready(&self, clock: Clock) -> Result<Ready, DeliveryError> {
        let failed = |what: String| DeliveryError::new(Failure::Local, what);
        let way = self.config.way.clone();
        // The system's certificates are files, whose disk may not answer: of each receiver one waits for it, and none is waited for with
        // another's.
        let place = PathBuf::from(format!("what {} needs", self.name()));
        let made = named_file::in_turn(&place, move |_| Ready::new(&way).map_err(|error| in_full(&error)));
        let made = tokio::time::timeout(self.config.timeout.0, made).await.map_err(|_| self.late())?;
        let ready = made.map_err(failed)?;
        ready.begin(clock, self.on_air.clone(), self.room.clone()).await;
        Ok(ready)
    }

    /// One attempt has taken too long.
    fn late(&self) -> DeliveryError {
        DeliveryError::new(Failure::Timeout, format!("no answer within {}", self.config.timeout))
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
    let line = |receiver: Arc<Receiver>| {
        Line::new(outbox.clone(), receiver, schedule, clock, poke.0.subscribe(), stats.clone())
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

async fn give_up_all<O: Outbox>(outbox: &O, name: &Arc<str>, stats: &Stats) {
    while let Some(notification) = outbox.next(name).await {
        outbox.given_up(&notification.key, GiveUp::NoReceiver, "the config names no such receiver").await;
        stats.of(name, |counts| *counts.given_up.entry(GiveUp::NoReceiver).or_default() += 1);
        tracing::warn!(receiver = %name, key = %notification.key, "given up: the config names no such receiver");
    }
}
