//! Word on its way to a receiver, and what keeps it until it has arrived.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;

/// One message for one receiver. What is said is fixed when it is made, so that every attempt sends the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Unique for ever and the same at every attempt (the `Idempotency-Key`).
    pub key: Arc<str>,
    /// Who shall have it, by its name in the config.
    pub receiver: Arc<str>,
    /// Of which incident it speaks; `None` for a test message.
    pub incident: Option<String>,
    /// What is sent: one JSON document.
    pub payload: Arc<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Attempts that failed so far.
    pub attempts: u32,
    /// Not to be tried before.
    pub next_attempt_at: Timestamp,
}

impl Notification {
    /// New word for that receiver, to be tried at once; of an incident, if `incident` names one.
    pub fn new(
        key: impl Into<Arc<str>>,
        receiver: &Arc<str>,
        incident: Option<String>,
        payload: impl Into<Arc<str>>,
        at: Timestamp,
    ) -> Self {
        Self {
            key: key.into(),
            receiver: Arc::clone(receiver),
            incident,
            payload: payload.into(),
            created_at: at,
            attempts: 0,
            next_attempt_at: at,
        }
    }
}

/// Why a notification is no longer tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GiveUp {
    /// The receiver found fault with the message itself; another attempt would be refused too.
    Refused,
    /// It could not be delivered in the time after which it helps nobody.
    TooOld,
    /// The config names no such receiver any more.
    NoReceiver,
    /// Newer word of the same component waits behind it, and what is said on the air is gone as it is said.
    Overtaken,
    /// It was to be spoken in the room, where a meeting is held or has just ended.
    Meeting,
    /// It was to be spoken in the room, which is in use.
    RoomInUse,
    /// It was to be spoken in the room, at an hour at which the config wants it quiet.
    QuietHours,
}

impl GiveUp {
    /// All, in the order of metrics.
    pub const ALL: [Self; 7] = [
        Self::Refused,
        Self::TooOld,
        Self::NoReceiver,
        Self::Overtaken,
        Self::Meeting,
        Self::RoomInUse,
        Self::QuietHours,
    ];

    /// The word in rows and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TooOld => "too_old",
            Self::NoReceiver => "no_receiver",
            Self::Overtaken => "overtaken",
            Self::Meeting => "meeting",
            Self::RoomInUse => "room_in_use",
            Self::QuietHours => "quiet_hours",
        }
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The outbox as the deliverer sees it: what has not arrived yet, oldest first, one line a receiver.
///
/// Whoever implements it keeps a notification until one of the last two methods names it, over crashes too.
pub trait Outbox: Clone + Send + Sync + 'static {
    /// The oldest notification of `receiver` that has not arrived; those behind it wait for it.
    fn next(&self, receiver: &str) -> impl Future<Output = Option<Notification>> + Send;

    /// The receivers that something is kept for, whether the config still names them or not.
    fn receivers(&self) -> impl Future<Output = Vec<Arc<str>>> + Send;

    /// All that has not arrived at a receiver, oldest first.
    fn waiting(&self, receiver: &str) -> impl Future<Output = Vec<Notification>> + Send;

    /// An attempt failed; another comes not before `next_attempt_at`.
    fn failed(&self, key: &str, error: &str, next_attempt_at: Timestamp) -> impl Future<Output = ()> + Send;

    /// It has arrived; with the words that were spoken on the air for it, where it was spoken there.
    fn delivered(&self, key: &str, spoken: Option<&str>) -> impl Future<Output = ()> + Send;

    /// It is no longer tried.
    fn given_up(&self, key: &str, why: GiveUp, error: &str) -> impl Future<Output = ()> + Send;
}
