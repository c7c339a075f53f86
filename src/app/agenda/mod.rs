//! The agenda in the daemon: what is booked, in memory beside the disk, and the task that follows it.

mod calendars;
mod filer;
mod keeper;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::record::Around;
use crate::domain::{Granted, Notice, Phase, Session, Wish, in_full};
use crate::engine::Order;
use crate::engine::agenda::slot::Planned;
use crate::engine::agenda::{Agenda, Lengths};
use crate::report::{self, Printed};
use crate::store::{Store, StoreError};
use crate::web::Bookings;
use crate::web::bookings::{Feed, Form};

pub use calendars::Calendars;
pub use filer::{Filer, house};
pub use keeper::{Keeper, by_agenda_now};

/// Where meetings are booked: the disk grants, and memory follows.
pub struct Book {
    store: Store,
    configs: watch::Receiver<Arc<Config>>,
    agenda: watch::Sender<Arc<Agenda>>,
    /// What became of each feed at its newest reading.
    feeds: watch::Sender<Vec<Feed>>,
    clock: Clock,
    /// Memory may lack what is on the disk.
    unsure: Notify,
}

impl Book {
    /// One that knows what an earlier process left; none, if it could not be read yet.
    pub fn new(
        store: Store,
        configs: watch::Receiver<Arc<Config>>,
        left: Option<(Vec<Session>, Vec<Notice>)>,
        clock: Clock,
    ) -> Self {
        let mut agenda = empty(&configs.borrow());
        if let Some((sessions, notices)) = left {
            agenda.learn(sessions, notices);
        }
        Self {
            store,
            configs,
            agenda: watch::Sender::new(Arc::new(agenda)),
            feeds: watch::Sender::default(),
            clock,
            unsure: Notify::new(),
        }
    }

    /// A session's report as it was kept; of one that is not over, as it stands.
    async fn printed(&self, config: &Config, id: &str) -> Result<Option<Printed>, StoreError> {
        if let Some(printed) = self.store.kept(id).await?.as_ref().and_then(Printed::of) {
            return Ok(Some(printed));
        }
        let now = self.clock.now().wall;
        let around = Around { before: config.agenda.preflight.0, after: config.agenda.wrap_up.0 };
        let record = self.store.record_of(id, around, now).await?;
        Ok(record.map(|record| Printed {
            report: report::report(&record, house(config), now),
            evaluations: Vec::new(),
            origin: report::page::Origin::Fresh,
        }))
    }

    /// Changes what is known in memory.
    fn change(&self, with: impl FnOnce(&mut Agenda)) {
        self.agenda.send_modify(|agenda| with(Arc::make_mut(agenda)));
    }

    /// What an agenda makes of the judge: whether a meeting is live, and by which profile is judged.
    pub fn orders(&self, config: &Config, now: Timestamp) -> [Order; 2] {
        let phase = self.agenda.borrow().phase(now);
        let near = matches!(phase.phase, Phase::Preflight | Phase::Live);
        let own = phase.session.filter(|_| near).and_then(|session| config.plan.profile(&session.profile));
        let live = phase.phase == Phase::Live;
        [Order::Agenda { live }, Order::Profile(own.unwrap_or(config.plan.default_profile))]
    }
}

/// An agenda by a config, of which nothing was read.
fn empty(config: &Config) -> Agenda {
    Agenda::new(config.agenda.margins(), lengths(config))
}

fn lengths(config: &Config) -> Lengths {
    Lengths { preflight: config.agenda.preflight.0, wrap_up: config.agenda.wrap_up.0 }
}

impl Bookings for Book {
    fn agenda(&self) -> Arc<Agenda> {
        Arc::clone(&self.agenda.borrow())
    }

    fn planned(&self, start: Timestamp, end: Timestamp) -> Vec<Planned> {
        let config = self.configs.borrow();
        let zone = &config.room.time_zone.0;
        let found = config.maintenance.iter().filter_map(|window| {
            let (from, until) = window.within(start, end, zone)?;
            let components = window.components.clone().unwrap_or_default();
            Some(Planned { name: window.name.clone(), components, from, until })
        });
        found.collect()
    }

    fn feeds(&self) -> Vec<Feed> {
        self.feeds.borrow().clone()
    }

    fn receivers(&self) -> Vec<Arc<str>> {
        self.configs.borrow().receivers.iter().map(|receiver| Arc::clone(&receiver.name)).collect()
    }

    fn wish(&self, wish: Wish, confirmed: Option<Notice>) -> BoxFuture<'_, Result<Granted, String>> {
        let margins = self.configs.borrow().agenda.margins();
        Box::pin(async move {
            let granted = self.store.wish(wish, margins, confirmed.clone()).await;
            match &granted {
                Ok(Granted::Kept { session, .. }) => {
                    let (id, booking) = (&session.id, session.booking.as_str());
                    tracing::info!(session = %id, start = %session.start, end = %session.end, booking, "the agenda has changed");
                    self.change(|agenda| {
                        agenda.take(session.clone());
                        if let Some(notice) = confirmed {
                            agenda.note(notice);
                        }
                    });
                }
                Ok(_) => {}
                // It may reach the disk yet.
                Err(_) => self.unsure.notify_one(),
            }
            granted.map_err(|error| in_full(&error))
        })
    }

    fn sessions(&self, since: Timestamp, until: Timestamp, limit: u32) -> BoxFuture<'_, Result<Vec<Session>, String>> {
        Box::pin(async move { self.store.sessions(since, until, limit).await.map_err(|error| in_full(&error)) })
    }

    fn report<'a>(&'a self, id: &'a str, form: Form) -> BoxFuture<'a, Result<Option<String>, String>> {
        Box::pin(async move {
            let config = Arc::clone(&self.configs.borrow());
            let Some(printed) = self.printed(&config, id).await.map_err(|error| in_full(&error))? else {
                return Ok(None);
            };
            let Printed { report, evaluations, origin } = &printed;
            Ok(Some(match form {
                Form::Json => printed.json().to_string(),
                Form::Csv => report::csv::csv(report, evaluations),
                Form::Page(lang) => {
                    let title = config.room.title();
                    report::page::page(report::page::Content { report, evaluations, origin, title }, lang)?
                }
            }))
        })
    }

    fn session<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Session>, String>> {
        Box::pin(async move { self.store.session(id).await.map_err(|error| in_full(&error)) })
    }
}
