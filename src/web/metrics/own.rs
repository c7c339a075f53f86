//! The daemon's own metrics: a store that fails and alerts that do not arrive are seen here, and not only in the log.

use super::super::own::Own;
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
    "Whether this process has put a damaged database aside and begun a fresh one.",
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

/// All series of the daemon's own health.
pub(super) fn add(out: &mut Samples, own: &Own) {
    out.add(&STORE_HEALTHY, &[], flag(own.store.healthy));
    out.add(&STORE_WAITING, &[], count(own.store.waiting));
    out.add(&STORE_DROPPED, &[], count(own.store.dropped));
    out.add(&SET_ASIDE, &[], flag(own.store.set_aside));
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
}
