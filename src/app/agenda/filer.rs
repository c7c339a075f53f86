//! Keeps the report of each meeting that is over, once, whatever is restarted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};

use super::Book;
use crate::app::recorder::Ask;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::link::{Filed, Kind};
use crate::domain::record::Around;
use crate::domain::{Booking, Notice, Now, Occasion, Session, in_full};
use crate::notify::policy::SessionNews;
use crate::probe;
use crate::report::{self, Report};
use crate::web::Bookings as _;

/// How often is looked whether a wrap-up has ended.
const LOOK: Duration = Duration::from_secs(10);

/// How often the disk is asked whether a meeting is without a report: one that ended while nobody ran is not in the agenda any more.
const SWEEP: Duration = Duration::from_mins(10);

/// So many are kept in one sweep, so that a year of them does not hold the disk.
const SWEPT: u32 = 8;

/// A meeting is in the agenda for no longer than this after its beginning: the longest is 31 days.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(40 * 24);

/// That a report is there is news for so long after the meeting.
const NEWS: SignedDuration = SignedDuration::from_hours(24);

/// What the config says of the room, for a report.
pub fn house(config: &Config) -> report::House<'_> {
    report::House {
        room: &config.room.name.0,
        zone: &config.room.time_zone.0,
        limit: config.agenda.preflight.0,
        minutes: config.store.retention_minutes.0,
        absent: &config.plan.absent,
        items: &config.run_sheet,
        profiles: &config.plan.profiles,
        reason: probe::reason,
    }
}

/// What became of a report.
enum Made {
    /// It is kept, under this hash.
    Kept(String),
    /// It was kept before, or there is nothing to tell.
    Nothing,
    /// What was until the meeting's end is not written down yet: after a start that takes until something was seen.
    Later,
}

/// The task.
pub struct Filer {
    /// What is booked, and where it is kept.
    pub book: Arc<Book>,
    /// Who tells people.
    pub asks: mpsc::Sender<Ask>,
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
        // When both clocks were read last; none before the first time.
        let mut read_at: Option<Now> = None;
        loop {
            let now = self.clock.now();
            if read_at.is_none_or(|before| now.was_set_since(before)) {
                match self.withdraw(now.wall).await {
                    Ok(withdrawn) => {
                        read_at = Some(now);
                        done.retain(|key| !withdrawn.contains(key));
                    }
                    Err(error) => {
                        tracing::debug!(error, "reports that were made ahead of the clock are looked for again");
                    }
                }
            } else {
                read_at = Some(now);
            }
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
                    Ok(Made::Later) => {}
                    Ok(Made::Kept(hash)) => {
                        // The hash stands here too, so that rows that are cut off from the chain's end are missed.
                        tracing::info!(session = %session.id, hash, "a meeting's report is kept");
                        failing.remove(&key);
                        done.insert(key);
                    }
                    Ok(Made::Nothing) => {
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
            // What has left the agenda is asked of the disk.
            let past = now.wall.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
            done.retain(|(_, start)| *start > past);
            self.clock.sleep_until(now.mono.after(LOOK)).await;
        }
    }

    /// Withdraws reports that were made by a clock that was ahead: of meetings that were to come then. Their own are made in their time.
    async fn withdraw(&self, now: Timestamp) -> Result<BTreeSet<(Arc<str>, Timestamp)>, String> {
        let ahead = self.book.store.made_ahead(now).await.map_err(|error| in_full(&error))?;
        let mut withdrawn = BTreeSet::new();
        for (session, start, hash) in ahead {
            let body = serde_json::json!({ "schema": "siaga.withdrawal", "version": 1, "withdraws": hash, "because": "clock_ahead" });
            let key = (Arc::from(session.as_str()), start);
            let withdrawal = Filed { kind: Kind::Withdrawal, session, start, made_at: now, body: body.to_string() };
            let own = self.book.store.file_report(withdrawal).await.map_err(|error| in_full(&error))?;
            tracing::warn!(
                session = %key.0, withdraws = hash, hash = own.unwrap_or_default(),
                "a report is withdrawn that was made by a clock that was ahead"
            );
            self.book.change(|agenda| agenda.unreport(&key.0, start));
            withdrawn.insert(key);
        }
        Ok(withdrawn)
    }

    /// Makes and keeps it, if none is kept.
    async fn made(&self, config: &Config, session: &Session, now: Timestamp) -> Result<Made, String> {
        let store = &self.book.store;
        let kept = store.kept(&session.id).await.map_err(|error| in_full(&error))?;
        if kept.is_some_and(|kept| kept.report.filed.start == session.start) {
            return Ok(Made::Nothing);
        }
        // The meeting's last minutes are to be in it.
        store.flush().await.map_err(|error| in_full(&error))?;
        let around = Around { before: config.agenda.preflight.0, after: config.agenda.wrap_up.0 };
        let record = store.record_of(&session.id, around, now).await.map_err(|error| in_full(&error))?;
        let is_it = |now: &Session| now.start == session.start && now.booking == Booking::Booked;
        // Of one that was moved or cancelled meanwhile there is nothing to tell, or later.
        let Some(record) = record.filter(|record| is_it(&record.session)) else { return Ok(Made::Nothing) };
        let made = report::report(&record, house(config), now);
        if !made.complete {
            return Ok(Made::Later);
        }
        let body = serde_json::to_string(&made).map_err(|error| error.to_string())?;
        // First, and under a key of the meeting's own: whoever is killed between the two tells nobody twice, and nobody nothing.
        if now.duration_since(session.end) < NEWS {
            self.tell(config, session, &made, now).await?;
        }
        let (id, start) = (session.id.to_string(), session.start);
        let filed = Filed { kind: Kind::Report, session: id, start, made_at: now, body };
        let hash = store.file_report(filed).await.map_err(|error| in_full(&error))?;
        Ok(hash.map_or(Made::Nothing, Made::Kept))
    }

    /// Tells the agenda's receivers, but for those who hear and cannot read, that it is there.
    async fn tell(&self, config: &Config, session: &Session, made: &Report, now: Timestamp) -> Result<(), String> {
        let wanted = config.agenda.receivers.as_ref();
        let reads = config.receivers.iter().filter(|receiver| !receiver.way.is_fleeting());
        let to = reads.map(|receiver| Arc::clone(&receiver.name));
        let to = to.filter(|name| wanted.is_none_or(|wanted| wanted.contains(name))).collect();
        let found = Notice {
            session: Arc::clone(&session.id),
            start: session.start,
            occasion: Occasion::Reported,
            at: now,
            verdict: report::worst(made),
            codes: Vec::new(),
            evidence: None,
        };
        let session = Arc::new(session.clone());
        let news =
            SessionNews { session, found, summary: report::summary(made), confirmed: None, left: Vec::new(), to };
        let (done, stored) = oneshot::channel();
        let asked = self.asks.send(Ask::Session { news: Box::new(news), done }).await;
        asked.map_err(|_| "the daemon ends".to_owned())?;
        stored.await.map_err(|_| "the daemon ends".to_owned())
    }
}
