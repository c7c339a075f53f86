//! Keeps the report of each meeting that is over, once, whatever is restarted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Book;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::link::{Filed, Kind};
use crate::domain::record::Around;
use crate::domain::{Session, in_full};
use crate::probe;
use crate::report;
use crate::web::Bookings as _;

/// How often is looked whether a wrap-up has ended.
const LOOK: Duration = Duration::from_secs(10);

/// How often the disk is asked whether a meeting is without a report: one that ended while nobody ran is not in the agenda any more.
const SWEEP: Duration = Duration::from_mins(10);

/// So many are kept in one sweep, so that a year of them does not hold the disk.
const SWEPT: u32 = 8;

/// What the config says of the room, for a report.
pub fn house(config: &Config) -> report::House<'_> {
    report::House {
        room: &config.room.name.0,
        zone: &config.room.time_zone.0,
        limit: config.agenda.preflight.0,
        minutes: config.store.retention_minutes.0,
        absent: &config.plan.absent,
        reason: probe::reason,
    }
}

/// The task.
pub struct Filer {
    /// What is booked, and where it is kept.
    pub book: Arc<Book>,
    /// The config, as it is read anew.
    pub configs: watch::Receiver<Arc<Config>>,
    /// The clocks.
    pub clock: Clock,
}

impl Filer {
    /// Goes on until it is dropped.
    pub async fn run(self) {
        // Of those that are in the agenda the disk is asked once, and not every ten seconds.
        let mut done: BTreeSet<(Arc<str>, Timestamp)> = BTreeSet::new();
        let mut failing: BTreeSet<(Arc<str>, Timestamp)> = BTreeSet::new();
        let mut sweep_at = self.clock.mono();
        loop {
            let now = self.clock.now();
            let config = Arc::clone(&self.configs.borrow());
            let after = config.agenda.wrap_up.0;
            let agenda = self.book.agenda();
            let over = |session: &Session| session.end.checked_add(after).is_ok_and(|over| over <= now.wall);
            let mut waiting: Vec<Session> =
                agenda.booked().filter(|session| over(session)).map(|session| Session::clone(session)).collect();
            if now.mono >= sweep_at {
                let before = now.wall.checked_sub(after).unwrap_or(Timestamp::MIN);
                let found = self.book.store.unreported(before, SWEPT).await.unwrap_or_default();
                // Until all have one it is looked again soon.
                let more = found.len() == SWEPT as usize;
                sweep_at = now.mono.after(if more { LOOK } else { SWEEP });
                waiting.extend(found);
            }
            for session in waiting {
                let key = (Arc::clone(&session.id), session.start);
                if done.contains(&key) {
                    continue;
                }
                match self.made(&config, &session, now.wall).await {
                    Ok(hash) => {
                        if let Some(hash) = hash {
                            // The hash stands here too, so that rows that are cut off from the chain's end are missed.
                            tracing::info!(session = %session.id, hash, "a meeting's report is kept");
                        }
                        failing.remove(&key);
                        done.insert(key);
                    }
                    // Once of each, and not every ten seconds.
                    Err(error) if failing.insert(key) => {
                        tracing::warn!(session = %session.id, error, "a meeting's report cannot be kept; it is tried again");
                    }
                    Err(error) => tracing::debug!(session = %session.id, error, "still not"),
                }
            }
            self.clock.sleep_until(now.mono.after(LOOK)).await;
        }
    }

    async fn made(&self, config: &Config, session: &Session, now: Timestamp) -> Result<Option<String>, String> {
        let store = &self.book.store;
        // The meeting's last minutes are to be in it.
        store.flush().await.map_err(|error| in_full(&error))?;
        let around = Around { before: config.agenda.preflight.0, after: config.agenda.wrap_up.0 };
        let record = store.record_of(&session.id, around, now).await.map_err(|error| in_full(&error))?;
        // Of one that was moved or cancelled meanwhile there is nothing to tell, or later.
        let Some(record) = record.filter(|record| record.session.start == session.start) else { return Ok(None) };
        let made = report::report(&record, house(config), now);
        let body = serde_json::to_string(&made).map_err(|error| error.to_string())?;
        let filed =
            Filed { kind: Kind::Report, session: session.id.to_string(), start: session.start, made_at: now, body };
        store.file_report(filed).await.map_err(|error| in_full(&error))
    }
}
