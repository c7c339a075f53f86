//! The pages' view of what the store remembers.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::Config;
use crate::domain::record::Series;
use crate::domain::{CheckSpec, Quantity, Story, Told, Unit, in_full};
use crate::notify::Way;
use crate::store::Store;
use crate::web::History;

/// The store, as the pages want it.
pub struct Remembered {
    /// Where it is kept.
    pub store: Store,
    /// Which receivers are radios.
    pub configs: watch::Receiver<Arc<Config>>,
}

impl History for Remembered {
    fn story<'a>(&'a self, incident: &'a str) -> BoxFuture<'a, Result<Option<Story>, String>> {
        Box::pin(async move { self.store.story(incident).await.map_err(|error| in_full(&error)) })
    }

    fn radio(&self, limit: u32) -> BoxFuture<'_, Result<Vec<Told>, String>> {
        let configs = self.configs.borrow();
        let radios = configs.receivers.iter().filter(|receiver| matches!(receiver.way, Way::Radio(_)));
        let names: Vec<_> = radios.map(|receiver| Arc::clone(&receiver.name)).collect();
        drop(configs);
        Box::pin(async move { self.store.told(names, limit).await.map_err(|error| in_full(&error)) })
    }

    fn steps<'a>(
        &'a self,
        check: &'a CheckSpec,
        span: (Timestamp, Timestamp),
        minutes: i64,
        all: bool,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Series>, String>> {
        let judged: Vec<&'static str> = check.rules.iter().map(|rule| rule.quantity.name).collect();
        let wanted = move |quantity: &Quantity| {
            // What only grows, and what is yes or no or a moment, is no line over time.
            let a_line = !quantity.counter && !matches!(quantity.unit, Unit::Flag | Unit::Timestamp);
            a_line && (all || quantity.figure.is_some() || judged.contains(&quantity.name))
        };
        Box::pin(async move {
            self.store.steps(check.name.as_str(), wanted, span, minutes, limit).await.map_err(|error| in_full(&error))
        })
    }
}
