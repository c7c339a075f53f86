//! The lines to the receivers, begun anew when the config names others.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::Config;
use crate::notify::deliver::Schedule;
use crate::notify::{Poke, Receiver, Stats, Unsaid, deliver};
use crate::radio::OnAir;
use crate::radio::monitor::Room;
use crate::store::Store;

/// The running deliverer. It ends when this is dropped; what has not arrived stays in the store.
pub struct Delivery {
    store: Store,
    clock: Clock,
    poke: Poke,
    stats: Stats,
    on_air: OnAir,
    room: Room,
    /// Where it is told what no radio could say.
    unsaid: mpsc::Sender<Unsaid>,
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
    /// Nobody is told yet. Should the deliverer die, `ends` hears of it; what no radio could say goes to `unsaid`.
    pub fn new(
        store: Store,
        clock: Clock,
        poke: Poke,
        stats: Stats,
        unsaid: mpsc::Sender<Unsaid>,
        ends: mpsc::Sender<&'static str>,
    ) -> Self {
        let (on_air, room) = (OnAir::default(), Room::free());
        Self { store, clock, poke, stats, on_air, room, unsaid, ends, task: None }
    }

    /// The same, in a room that may be in use, with books of what is said on the air.
    #[must_use]
    pub fn within(mut self, room: Room, on_air: OnAir) -> Self {
        (self.room, self.on_air) = (room, on_air);
        self
    }

    /// Tells the receivers of `config` from now on, beginning with what waits. What was under way is tried again: at
    /// least once, never lost.
    pub fn serve(&mut self, config: &Config) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        let receiver = |config| {
            Receiver::new(config).within(self.room.clone(), self.on_air.clone()).reporting(self.unsaid.clone())
        };
        let receivers: Vec<Receiver> = config.receivers.iter().map(receiver).collect();
        let (store, clock, poke, stats) = (self.store.clone(), self.clock, self.poke.clone(), self.stats.clone());
        let ends = self.ends.clone();
        self.task = Some(tokio::spawn(super::missed("the deliverer", ends, async move {
            deliver(store, receivers, Schedule::default(), clock, &poke, stats).await;
        })));
    }
}
