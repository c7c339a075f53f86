//! The daemon's own metrics: a store that fails and alerts that do not arrive are seen here, and not only in the log.

use super::super::own::{Own, Pushing};
use super::family::{Family, Samples};
use super::room::{count, flag, unix};

pub(super) static STORE_HEALTHY: Family =
    Family::gauge("siaga_store_healthy", &[], "Whether what the store is given reaches the disk.");
pub(super) static STORE_WAITING: Family =
    Family::gauge("siaga_store_waiting", &[], "Records that wait in memory for the disk.");
pub(super) static STORE_DROPPED: Family = Family::counter(
    "siaga_store_dropped_total",
    &[],
    "Records lost for good since the process began, because a bound was reached or the database refused them.",
);
pub(super) static SET_ASIDE: Family = Family::gauge(
    "siaga_database_set_aside",
    &[],
    "Whether this process has put a database aside (damaged, or a newer Siaga's) and begun a fresh one.",
);
pub(super) static REMOVED: Family = Family::counter(
    "siaga_state_removed_total",
    &[],
    "Times that the state folder or its database was removed or replaced under this process, and begun anew.",
);
pub(super) static DELIVERED: Family = Family::counter(
    "siaga_notifications_delivered_total",
    &["receiver"],
    "Notifications that arrived since the process began.",
);
pub(super) static FAILED: Family = Family::counter(
    "siaga_notifications_failed_attempts_total",
    &["receiver", "reason"],
    "Attempts to deliver a notification that failed, by kind of failure, since the process began.",
);
pub(super) static GIVEN_UP: Family = Family::counter(
    "siaga_notifications_given_up_total",
    &["receiver", "reason"],
    "Notifications that are no longer tried, by why, since the process began.",
);
pub(super) static WITHHELD: Family = Family::counter(
    "siaga_notifications_withheld_total",
    &["reason"],
    "Changes of which nobody was told on purpose, by why, since the process began.",
);
pub(super) static LAST_DELIVERED: Family = Family::gauge(
    "siaga_notifications_last_delivered_timestamp_seconds",
    &["receiver"],
    "When a notification arrived last; absent if none has since the process began.",
);
pub(super) static OUTBOX: Family =
    Family::gauge("siaga_notifications_waiting", &["receiver"], "Notifications that have not arrived yet.");
pub(super) static OUTBOX_OLDEST: Family = Family::gauge(
    "siaga_notifications_oldest_waiting_timestamp_seconds",
    &["receiver"],
    "When the oldest notification that has not arrived yet was made; absent if none waits.",
);

pub(super) static PUSHED: Family = Family::counter(
    "siaga_remote_write_sent_samples_total",
    &[],
    "Samples that the receiver of remote write took since the process began.",
);
pub(super) static PUSHED_BYTES: Family = Family::counter(
    "siaga_remote_write_sent_bytes_total",
    &[],
    "Bytes of pushes that were sent since the process began, whatever became of them.",
);
pub(super) static PUSH_FAILED: Family = Family::counter(
    "siaga_remote_write_failed_attempts_total",
    &["reason"],
    "Pushes that failed, by kind of failure, since the process began.",
);
pub(super) static PUSH_DROPPED: Family = Family::counter(
    "siaga_remote_write_dropped_samples_total",
    &["reason"],
    "Samples that will never be pushed, by why, since the process began.",
);
pub(super) static PUSH_PENDING: Family =
    Family::gauge("siaga_remote_write_pending_samples", &[], "Samples that wait to be pushed.");
pub(super) static PUSH_OLDEST: Family = Family::gauge(
    "siaga_remote_write_oldest_pending_timestamp_seconds",
    &[],
    "Of when the oldest sample is that waits to be pushed; absent if none waits.",
);
pub(super) static PUSH_LAST: Family = Family::gauge(
    "siaga_remote_write_last_success_timestamp_seconds",
    &[],
    "When a push arrived last; absent if none has since the process began.",
);
pub(super) static PUSH_KEPT: Family =
    Family::gauge("siaga_remote_write_buffer_healthy", &[], "Whether what waits to be pushed reaches the disk.");

/// What becomes of the samples that are pushed, where any are.
fn pushing(out: &mut Samples, pushing: &Pushing) {
    out.add(&PUSHED, &[], count(pushing.sent));
    out.add(&PUSHED_BYTES, &[], count(pushing.bytes));
    for (reason, times) in &pushing.failed {
        out.add_once(&PUSH_FAILED, &[reason], count(*times));
    }
    for (reason, samples) in &pushing.dropped {
        out.add_once(&PUSH_DROPPED, &[reason], count(*samples));
    }
    out.add(&PUSH_PENDING, &[], count(pushing.pending));
    if let Some(at) = pushing.oldest_pending_at {
        out.add(&PUSH_OLDEST, &[], unix(at));
    }
    if let Some(at) = pushing.last_success_at {
        out.add(&PUSH_LAST, &[], unix(at));
    }
    out.add(&PUSH_KEPT, &[], flag(pushing.kept));
}

/// All series of the daemon's own health.
pub(super) fn add(out: &mut Samples, own: &Own) {
    out.add(&STORE_HEALTHY, &[], flag(own.store.healthy));
    out.add(&STORE_WAITING, &[], count(own.store.waiting));
    out.add(&STORE_DROPPED, &[], count(own.store.dropped));
    out.add(&SET_ASIDE, &[], flag(own.store.set_aside.is_some()));
    out.add(&REMOVED, &[], count(own.store.removed));
    for (reason, times) in &own.withheld {
        out.add_once(&WITHHELD, &[reason], count(*times));
    }
    for (name, told) in &own.receivers {
        out.add(&DELIVERED, &[name], count(told.delivered));
        for (reason, times) in &told.failed {
            out.add_once(&FAILED, &[name, reason], count(*times));
        }
        for (reason, times) in &told.given_up {
            out.add_once(&GIVEN_UP, &[name, reason], count(*times));
        }
        if let Some(at) = told.last_delivered_at {
            out.add(&LAST_DELIVERED, &[name], unix(at));
        }
        out.add(&OUTBOX, &[name], count(told.waiting));
        if let Some(at) = told.oldest_waiting_at {
            out.add(&OUTBOX_OLDEST, &[name], unix(at));
        }
    }
    if let Some(told) = &own.pushing {
        pushing(out, told);
    }
}
