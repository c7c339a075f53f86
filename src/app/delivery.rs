//! The lines to the receivers, begun anew when the config names others.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::Config;
use crate::notify::deliver::Schedule;
use crate::notify::{Poke, Receiver, Stats, deliver};
use crate::store::Store;

/// The running deliverer. It ends when this is dropped; what has not arrived stays in the store.
pub struct Delivery {
    store: Store,
    clock: Clock,
    poke: Poke,
    stats: Stats,
    /// Where its death is told.
    ends: mpsc::Sender<&'static str>,
    task: Option<JoinHandle<()>>,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Delivery {
    /// Nobody is told yet. Should the deliverer die, `ends` hears of it.
    pub const fn new(store: Store, clock: Clock, poke: Poke, stats: Stats, ends: mpsc::Sender<&'static str>) -> Self {
        Self { store, clock, poke, stats, ends, task: None }
    }

    /// Tells the receivers of `config` from now on, beginning with what waits. What was under way is tried again: at
    /// least once, never lost.
    pub fn serve(&mut self, config: &Config) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        // One that cannot be set up is left out and said so; the others are told.
        let ready = config.receivers.iter().filter_map(|receiver| {
            Receiver::new(receiver)
                .inspect_err(|error| tracing::error!(receiver = %receiver.name, %error, "this receiver cannot be told"))
                .ok()
        });
        let receivers: Vec<Receiver> = ready.collect();
        let (store, clock, poke, stats) = (self.store.clone(), self.clock, self.poke.clone(), self.stats.clone());
        let ends = self.ends.clone();
        self.task = Some(tokio::spawn(missed(ends, async move {
            deliver(store, receivers, Schedule::default(), clock, &poke, stats).await;
        })));
    }
}

/// Tells `ends` when the deliverer has ended by itself, by a panic too. One that is stopped for a new config, or at the
/// daemon's end, is not missed.
async fn missed(ends: mpsc::Sender<&'static str>, delivering: impl Future<Output = ()>) {
    // The panic's own message went to the log by the panic hook.
    _ = AssertUnwindSafe(delivering).catch_unwind().await;
    _ = ends.try_send("the deliverer");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_deliverer_that_dies_is_missed_and_one_that_is_stopped_is_not() {
        let (ends, mut ended) = mpsc::channel(1);
        let stopped = tokio::spawn(missed(ends.clone(), std::future::pending()));
        stopped.abort();
        assert!(stopped.await.unwrap_err().is_cancelled());
        assert!(ended.try_recv().is_err());
        tokio::spawn(missed(ends, async { panic!("as a bug would") })).await.unwrap();
        assert_eq!(ended.recv().await, Some("the deliverer"));
    }
}
