//! A daemon without probes, receivers and network: its judge, recorder, agenda's keeper, filer and store, each in its own task as the
//! shell has them, and everything that readers are given.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use siaga::app::agenda::{Book, Filer, Keeper, Lost, Untold, by_agenda_now};
use siaga::app::desk::{AllRequests, Desk};
use siaga::app::driver::Driver;
use siaga::app::recorder::{self, Recorder, house, keep_history};
use siaga::app::{door, history, memory, own, reload, surveys};
use siaga::clock::Clock;
use siaga::config::Config;
use siaga::domain::{ForeignAlert, Mono, Observation, Outbox as _, TakenAlerts};
use siaga::engine::Engine;
use siaga::notify::{Poke, Policy, Stats};
use siaga::probe::board::Board;
use siaga::probe::budget::Budget;
use siaga::remote_write;
use siaga::store::{Claim, Store};
use siaga::web::{self, Bookings as _};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// What waits between two tasks.
const WAITING: usize = 256;

/// A daemon that runs.
pub(super) struct Daemon {
    /// Its clocks.
    pub(super) clock: Clock,
    /// Where it keeps everything.
    pub(super) store: Store,
    /// Where meetings are booked.
    pub(super) book: Arc<Book>,
    /// What its readers see.
    pub(super) readers: web::State,
    observed: mpsc::Sender<Observation>,
    tasks: JoinSet<()>,
    /// Whoever would change the config; nobody does.
    _config: watch::Sender<Arc<Config>>,
}

/// Nobody's alerts are taken.
struct Closed;

impl web::Inbound for Closed {
    fn admits<'a>(&'a self, _: Option<&'a str>) -> BoxFuture<'a, Result<(), web::NoEntry>> {
        Box::pin(async { Err(web::NoEntry::Closed) })
    }

    fn take(&self, _: Vec<ForeignAlert>) -> BoxFuture<'_, Result<TakenAlerts, String>> {
        Box::pin(async { Err("nobody's alerts are taken here".to_owned()) })
    }
}

impl Daemon {
    /// Begins on what is in the folder, when the wall clock says that.
    pub(super) async fn begin(folder: &Path, config: &Config, wall: Timestamp) -> Self {
        let clock = Clock::on_tokio_time(wall);
        let claim = Claim::take(folder).unwrap();
        let store = Store::open(claim, clock, recorder::retention(&config.store), recorder::catalogue());
        let (restored, left, booked) = recorder::restore(&store, Duration::from_mins(1)).await;
        let mut engine = Engine::new(config.plan.clone(), restored, clock.now());
        let (config_of, configs) = watch::channel(Arc::new(config.clone()));
        let book = Arc::new(Book::new(store.clone(), configs.clone(), booked, clock));
        let orders = book.orders(config, wall);
        for order in &orders {
            engine.command(order, clock.now());
        }
        let (observed, observations) = mpsc::channel(WAITING);
        let (instruct, instructions) = mpsc::channel(16);
        let (snapshot, snapshot_seen) = watch::channel(engine.snapshot());
        let (in_use, in_use_seen) = watch::channel(false);
        let (events, happened) = mpsc::channel(WAITING);
        let (history, observed_by_store) = mpsc::channel(WAITING);
        let (begun, heartbeat) = (watch::channel(false).0, Box::new(|| Mono::NEVER));
        let counts = store.clone();
        let driver = Driver {
            engine,
            clock,
            observations,
            instructions,
            snapshot,
            in_use,
            begun,
            events,
            history,
            unkept: Box::new(move |observations| counts.lose(observations)),
            heartbeat,
        };
        let agenda = book.agenda();
        let (phase, phase_seen) = watch::channel(agenda.phase(wall).phase);
        let (handling, handling_seen) = watch::channel(Arc::default());
        let stats = Stats::default();
        let recorder = Recorder {
            store: store.clone(),
            policy: Policy::new(house(config), left),
            poke: Poke::default(),
            stats: stats.clone(),
            clock,
            configs: configs.clone(),
            phase: phase_seen,
            snapshot: snapshot_seen.clone(),
            in_use: in_use_seen,
            drill_ends: Mono::NEVER,
            handling,
        };
        let (asks, asked) = mpsc::channel(16);
        let desk = Desk::new(
            clock,
            snapshot_seen.clone(),
            watch::channel(AllRequests::default()).1,
            configs.clone(),
            store.clone(),
            asks.clone(),
            stats.clone(),
        );
        let own = own::Watched {
            health: store.health(),
            store: store.clone(),
            stats,
            pushed: remote_write::Stats::default(),
            budget: Budget::default(),
            clock,
            configs: configs.clone(),
        };
        let readers = web::State {
            snapshot: snapshot_seen,
            clock,
            evidence: Arc::new(memory::Memory::new(store.clone(), clock)),
            booked_evidence: Arc::new(memory::Memory::new(store.clone(), clock)),
            history: Arc::new(history::Remembered { store: store.clone(), configs: configs.clone() }),
            surveys: Arc::new(surveys::Kept::of(folder)),
            bookings: Arc::clone(&book) as Arc<dyn web::Bookings>,
            inbound: Arc::new(Closed),
            voice: watch::channel(reload::voice(config)).1,
            reloaded: watch::channel(web::Reloaded { ok: true, newest: true, at: wall }).1,
            own: Arc::new(own),
            door: Arc::new(door::Keeper::new(clock, folder.to_owned(), configs.clone())),
            acts: Arc::new(desk),
            staff: Arc::default(),
            crowd: Arc::default(),
            tls: watch::channel(None).1,
            handling: handling_seen,
            doing: Board::default().seen(),
            info: Arc::new(reload::info()),
        };
        let keeper = Keeper {
            book: Arc::clone(&book),
            readers: readers.clone(),
            instruct,
            phase,
            around: watch::channel(by_agenda_now(&agenda, wall)).0,
            asks: asks.clone(),
            configs: configs.clone(),
            clock,
            told: Some(orders),
            untold: Untold::default(),
            lost: Lost::default(),
        };
        let filer = Filer { book: Arc::clone(&book), asks, configs, clock };
        let mut tasks = JoinSet::new();
        tasks.spawn(async { drop(driver.run().await) });
        tasks.spawn(async { drop(recorder.run(happened, asked, mpsc::channel(1).1).await) });
        tasks.spawn(keep_history(observed_by_store, store.clone()));
        tasks.spawn(keeper.run());
        tasks.spawn(filer.run());
        Self { clock, store, book, readers, observed, tasks, _config: config_of }
    }

    /// Hands over what was seen.
    pub(super) async fn observe(&self, observation: Observation) {
        self.observed.send(observation).await.unwrap();
    }

    /// All that is to be told a receiver, in its order; it has arrived then.
    pub(super) async fn told(&self, receiver: &str) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(word) = self.store.next(receiver).await {
            self.store.delivered(&word.key, None).await;
            told.push(word.payload.to_string());
        }
        told
    }

    /// Ends wherever it is: nobody finishes anything. What was seen since the last writing may be lost with it.
    pub(super) async fn end(mut self) {
        self.tasks.shutdown().await;
        self.store.close().await.unwrap();
    }
}
