//! `/metrics`: the room for Prometheus, in the classic text format, rendered from the snapshot that all readers share.
//!
//! Enumerations are one series a state (one-hot); a stale measurement is dropped while its check's state and the time of
//! its last observation stay; no reason's text, person or meeting stands in a label.

mod agenda;
mod family;
mod limits;
mod own;
mod room;
mod serving;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{Registry, TextEncoder};

use crate::domain::Snapshot;

use super::{State, believe};
pub use family::Family;
pub use room::FAMILIES;

/// What `/metrics` is made by.
pub(super) struct Metrics {
    registry: Registry,
    shown: Arc<Mutex<Option<Arc<Snapshot>>>>,
}

impl Metrics {
    pub(super) fn new(state: &State) -> Self {
        let registry = Registry::new();
        let shown = Arc::new(Mutex::new(None));
        let room = RoomCollector::new(state.clone(), Arc::clone(&shown));
        for collector in [Box::new(room) as Box<dyn Collector>, Box::new(ProcessCollector::for_self())] {
            // Only a name declared twice is refused, which the lint of all names would show.
            if let Err(error) = registry.register(collector) {
                tracing::error!(%error, "a collector is left out of /metrics");
            }
        }
        Self { registry, shown }
    }

    /// What there is to say of one snapshot.
    fn gather(&self, snapshot: Arc<Snapshot>) -> Vec<MetricFamily> {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
        self.registry.gather()
    }

    /// The exposition of one snapshot. What cannot be encoded is left out, and the rest is there: never an error.
    pub(super) fn render(&self, snapshot: Arc<Snapshot>) -> String {
        let mut text = String::with_capacity(32 * 1024);
        for family in self.gather(snapshot) {
            let end = text.len();
            if let Err(error) = TextEncoder::new().encode_utf8(std::slice::from_ref(&family), &mut text) {
                tracing::error!(%error, family = family.name(), "a metric cannot be written");
                text.truncate(end);
            }
        }
        text
    }
}

/// What `/metrics` says, for whoever carries it elsewhere.
pub struct Exposition {
    state: State,
    metrics: Metrics,
}

impl Exposition {
    /// One of its own, for what the server is given.
    pub fn new(state: State) -> Self {
        Self { metrics: Metrics::new(&state), state }
    }

    /// What it says now: the newest snapshot as it can be believed.
    pub fn families(&self) -> Vec<MetricFamily> {
        let newest = Arc::clone(&self.state.snapshot.borrow());
        self.metrics.gather(believe::believe(&newest, self.state.clock.now()))
    }
}

/// The room as a collector of the `prometheus` package: it holds no numbers of its own.
struct RoomCollector {
    state: State,
    shown: Arc<Mutex<Option<Arc<Snapshot>>>>,
    descriptions: Vec<Desc>,
}

impl RoomCollector {
    fn new(state: State, shown: Arc<Mutex<Option<Arc<Snapshot>>>>) -> Self {
        let mut quantities = state.info.quantities.clone();
        quantities.sort_by_key(|quantity| quantity.name);
        quantities.dedup_by_key(|quantity| quantity.name);
        let measured = quantities.iter().map(|quantity| Family::of_quantity(quantity));
        let limits = quantities.iter().filter_map(|quantity| limits::family(quantity));
        let all = FAMILIES.iter().map(|family| (*family).clone()).chain(measured).chain(limits);
        let descriptions = all.filter_map(|family| {
            // A name or label that Prometheus would not take; the lint of all names would show it.
            family
                .description()
                .map_err(|error| tracing::error!(%error, name = %family.name, "a metric is misnamed"))
                .ok()
        });
        Self { descriptions: descriptions.collect(), state, shown }
    }
}

impl Collector for RoomCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        shown.map(|snapshot| room::families(&snapshot, &self.state)).unwrap_or_default()
    }
}
