//! The agenda in the daemon: what is booked, in memory beside the disk, and the task that follows it.

mod audience;
mod calendars;
mod filer;
mod keeper;
mod preflight;
mod reading;
mod withdrawals;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::plain::plain;
use crate::domain::record::{Around, Series};
use crate::domain::session::Place;
use crate::domain::sheet::{Item, SheetWish, Unwritten, Written};
use crate::domain::{Act, Actor, Granted, Notice, Phase, Session, Wish, in_full};
use crate::engine::Order;
use crate::engine::agenda::slot::Planned;
use crate::engine::agenda::{Agenda, Lengths};
use crate::report::{self, Printed};
use crate::store::{Booked, Noted, Store, StoreError, Wanted};
use crate::web::Bookings;
use crate::web::bookings::{Feed, Form};

pub use audience::Lost;
pub use calendars::Calendars;
pub use filer::{Filer, house};
pub use keeper::{Keeper, by_agenda_now};
pub use preflight::Preflight;
pub use withdrawals::Untold;

/// So much of what an order is about stands in its row of the audit, characters.
const SUBJECT: usize = 300;

/// Where meetings are booked: the disk grants, and memory follows.
pub struct Book {
    store: Store,
    configs: watch::Receiver<Arc<Config>>,
    agenda: watch::Sender<Arc<Agenda>>,
    /// What each feed said last, and what became of its newest reading.
    feeds: watch::Sender<Vec<Feed>>,
    clock: Clock,
    /// Memory may lack what is on the disk.
    unsure: Notify,
    /// Tells what is written into sheets in the same microsecond apart.
    count: AtomicU64,
}

impl Book {
    /// One that knows what an earlier process left; none, if it could not be read yet.
    pub fn new(store: Store, configs: watch::Receiver<Arc<Config>>, left: Option<Booked>, clock: Clock) -> Self {
        let mut agenda = empty(&configs.borrow());
        if let Some((sessions, notices, sheets)) = left {
            agenda.learn(sessions, notices);
            agenda.learn_sheets(sheets);
        }
        Self {
            store,
            configs,
            agenda: watch::Sender::new(Arc::new(agenda)),
            feeds: watch::Sender::default(),
            clock,
            unsure: Notify::new(),
            count: AtomicU64::new(0),
        }
    }

    /// A session's report as it was kept; of one that is not over, as it stands.
    async fn printed(&self, config: &Config, id: &str) -> Result<Option<Printed>, StoreError> {
        let session = self.store.session(id).await?;
        // Of a meeting that is to come under the id of one that was held that one's report is not told.
        let of_it = |start| session.as_ref().is_none_or(|session| session.start == start);
        let kept = self.store.kept(id).await?.filter(|kept| of_it(kept.report.filed.start));
        let unread = match kept.as_ref().map(Printed::of) {
            Some(Ok(printed)) => return Ok(Some(printed)),
            Some(Err(unread)) => Some(unread),
            None => None,
        };
        let now = self.clock.now().wall;
        let around = Around { before: config.agenda.preflight.0, after: config.agenda.wrap_up.0 };
        let record = self.store.record_of(id, around, now).await?;
        Ok(record.map(|record| Printed {
            report: report::report(&record, house(config), now),
            evaluations: Vec::new(),
            origin: unread.map_or(report::page::Origin::Fresh, Into::into),
        }))
    }

    /// The row of the audit for what somebody wants, of a key that there is once.
    fn act(&self, sort: &str, who: Actor, action: &'static str, subject: &str, now: Timestamp) -> Act {
        let key = format!("{sort}-{:x}-{:x}", now.as_microsecond(), self.count.fetch_add(1, Ordering::Relaxed));
        let subject = plain(subject).chars().take(SUBJECT).collect();
        Act { key: key.into(), at: now, actor: who, action, subject, outcome: None }
    }

    /// Changes what is known in memory.
    fn change(&self, with: impl FnOnce(&mut Agenda)) {
        self.agenda.send_modify(|agenda| with(Arc::make_mut(agenda)));
    }

    /// Since when meetings are live, if one is.
    pub fn live_since(&self, now: Timestamp) -> Option<Timestamp> {
        self.agenda.borrow().live_since(now)
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

    fn follows(&self, source: &str) -> bool {
        self.configs.borrow().calendars.iter().any(|feed| *feed.name == *source)
    }

    fn receivers(&self) -> Vec<Arc<str>> {
        self.configs.borrow().receivers.iter().map(|receiver| Arc::clone(&receiver.name)).collect()
    }

    fn wish(
        &self,
        who: Option<Actor>,
        wish: Wish,
        confirmed: Option<Notice>,
    ) -> BoxFuture<'_, Result<Granted, String>> {
        let now = self.clock.now().wall;
        let act = who.map(|who| self.act("session", who, wish.action(), &wish.subject(), now));
        let (margins, wrap_up) = {
            let config = self.configs.borrow();
            (config.agenda.margins(), config.agenda.wrap_up.0)
        };
        Box::pin(async move {
            let wanted = Wanted { wish, margins, now, wrap_up, confirmed: confirmed.clone(), act };
            let granted = self.store.wish(wanted).await;
            match &granted {
                Ok(Granted::Kept { session, confirms, .. }) => {
                    let (id, booking) = (&session.id, session.booking.as_str());
                    tracing::info!(session = %id, start = %session.start, end = %session.end, booking, "the agenda has changed");
                    self.change(|agenda| {
                        agenda.take(session.clone());
                        if let Some(notice) = confirmed.filter(|_| *confirms) {
                            agenda.note(notice);
                        }
                    });
                }
                // Whoever asked before may have gone before it was told here.
                Ok(Granted::Same(session)) => self.change(|agenda| agenda.take(session.clone())),
                Ok(_) => {}
                // It may reach the disk yet.
                Err(_) => self.unsure.notify_one(),
            }
            granted.map_err(|error| in_full(&error))
        })
    }

    fn sessions(
        &self,
        span: (Timestamp, Timestamp),
        after: Option<Place>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Session>, String>> {
        Box::pin(async move { self.store.sessions(span, after, limit).await.map_err(|error| in_full(&error)) })
    }

    fn notices(&self, sessions: Vec<(Arc<str>, Timestamp)>) -> BoxFuture<'_, Result<Vec<Notice>, String>> {
        Box::pin(async move { self.store.notices_of(sessions).await.map_err(|error| in_full(&error)) })
    }

    fn hand_checks(&self) -> Arc<[Item]> {
        Arc::clone(&self.configs.borrow().run_sheet)
    }

    fn sheet<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<Written, String>> {
        Box::pin(async move { self.store.sheet_of(session).await.map_err(|error| in_full(&error)) })
    }

    fn note(
        &self,
        who: Actor,
        wish: SheetWish,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Result<(), Unwritten>, String>> {
        let act = self.act("sheet", who, wish.act.action(), &wish.subject(), now);
        Box::pin(async move {
            match self.store.note(wish, self.hand_checks(), act).await {
                Ok(Ok(Noted::Kept(entry))) => {
                    tracing::info!(session = %entry.session, what = entry.what.word(), "written into a run sheet");
                    self.change(|agenda| agenda.write(entry));
                    Ok(Ok(()))
                }
                Ok(Ok(Noted::Same)) => {
                    // The one before may have reached the disk alone.
                    self.unsure.notify_one();
                    Ok(Ok(()))
                }
                Ok(Err(why)) => Ok(Err(why)),
                Err(error) => {
                    // It may reach the disk yet.
                    self.unsure.notify_one();
                    Err(in_full(&error))
                }
            }
        })
    }

    fn minutes(&self, span: (Timestamp, Timestamp)) -> BoxFuture<'_, Result<(Vec<Series>, bool), String>> {
        Box::pin(async move { self.store.minutes_of(span).await.map_err(|error| in_full(&error)) })
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
