//! Keeps the report of each meeting that is over, once, whatever is restarted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Book;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::record::Around;
use crate::domain::{Session, in_full};
use crate::report;
use crate::store::Filed;
use crate::web::Bookings as _;

/// How often is looked whether a wrap-up has ended.
const LOOK: Duration = Duration::from_secs(10);

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
        let mut kept: BTreeSet<(Arc<str>, Timestamp)> = BTreeSet::new();
        loop {
            let now = self.clock.now();
            let config = Arc::clone(&self.configs.borrow());
            let after = config.agenda.wrap_up.0;
            for session in self.book.agenda().booked() {
                let over = session.end.checked_add(after).is_ok_and(|over| over <= now.wall);
                let key = (Arc::clone(&session.id), session.start);
                if over && !kept.contains(&key) && self.file(&config, session, now.wall).await {
                    kept.insert(key);
                }
            }
            self.clock.sleep_until(now.mono.after(LOOK)).await;
        }
    }

    /// Whether that one is kept now.
    async fn file(&self, config: &Config, session: &Session, now: Timestamp) -> bool {
        match self.made(config, session, now).await {
            Ok(Some(hash)) => {
                // The hash stands here too, so that rows that are cut off from the chain's end are missed.
                tracing::info!(session = %session.id, hash, "a meeting's report is kept");
                true
            }
            Ok(None) => true,
            Err(error) => {
                tracing::debug!(session = %session.id, error, "a meeting's report cannot be kept yet");
                false
            }
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
        let (zone, absent) = (&config.room.time_zone.0, &config.plan.absent);
        let house = report::House { room: &config.room.name.0, zone, limit: around.before, absent };
        let made = report::report(&record, house, now);
        let body = serde_json::to_string(&made).map_err(|error| error.to_string())?;
        let filed = Filed { session: session.id.to_string(), start: session.start, made_at: now, body };
        store.file_report(filed).await.map_err(|error| in_full(&error))
    }
}
