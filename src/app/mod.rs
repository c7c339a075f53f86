//! The shell: the only wiring, the only shutdown order.
//!
//! ```text
//! probes ─▶ observations ─▶ driver(engine) ─▶ watch: snapshot ─▶ web
//!                              │  └─▶ events ─▶ recorder ─▶ store ─▶ outbox ─▶ receivers
//!                              └─▶ history ─▶ store
//! ```

mod again;
pub mod agenda;
mod allowance;
mod behind;
pub mod delivery;
pub mod desk;
pub mod door;
pub mod drill;
pub mod driver;
mod forgotten;
pub mod history;
pub mod identity;
mod inbound;
mod listening;
pub mod memory;
mod orders;
pub mod own;
pub mod practice;
pub mod probes;
pub mod pushing;
pub mod recorder;
pub mod reload;
mod roll_call;
pub mod service;
pub mod surveys;
mod unsaid;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use sd_notify::NotifyState;
use tokio::sync::{Notify, mpsc, watch};

use crate::cli::RunArgs;
use crate::clock::Clock;
use crate::config::{Config, Origin};
use crate::domain::{CheckName, Mono, in_full};
use crate::engine::Engine;
use crate::far_end::FarEnd;
use crate::notify;
use crate::probe::board::Board;
use crate::probe::budget::Budget;
use crate::probe::on_air::OnAir;
use crate::probe::usb::carried::Carried;
use crate::probe::{ProbeConfig, Roots, enrolled};
use crate::radio::monitor::Room;
use crate::store::{Claim, Store};
use crate::web;
use agenda::{Book, Calendars, Filer, Keeper, Preflight};
use delivery::Delivery;
use desk::Desk;
use driver::Driver;
use identity::Identity;
use probes::{Probes, Shared};
use pushing::Pushing;
use recorder::Recorder;
use service::{Asked, LAST_CALL, Signals};

/// Observations that wait for the judge.
const OBSERVATIONS: usize = 256;
/// Batches of events that wait for the recorder.
const EVENTS: usize = 256;
/// How long the start waits for what an earlier process left: four times as long as anybody waits for the disk afterwards. A daemon
/// that begins without it tells again what was told, keeps no silence, and leaves the old incidents open for ever; a few seconds later
/// it sees as well.
const RESTORE: Duration = Duration::from_secs(20);

/// Runs the daemon until it is told to end.
///
/// # Errors
/// What keeps it from starting: an address in use, no place for state. Nothing that happens later ends it.
pub async fn run(origin: Origin, config: Config, args: RunArgs) -> Result<(), String> {
    service::start_log();
    let clock = Clock::start();
    // First, so that a second daemon on the same address touches nothing of the first.
    let listeners = listening::listen(&config.web.listen)?;
    let certificate = reload::certificate(&config, clock);
    // The room is watched and alerts go out without it; what is served over a network is not, rather than in the clear.
    let broken = certificate.as_ref().err().cloned();
    if let Some(why) = &broken {
        tracing::error!(
            "{why}; pages and API are served by loopback alone, if it listens there, until it is mended and siaga reloaded"
        );
    }
    let certificate = certificate.unwrap_or_else(|_| Some(Arc::new(web::tls::Tls::without_any())));
    let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let folder = service::state_dir(args.state_dir)?;
    let claim = Claim::take(&folder).map_err(|error| error.to_string())?;
    let mut signals = Signals::listen().map_err(|error| format!("signals cannot be listened to: {error}"))?;
    let store = Store::open(claim, clock, recorder::retention(&config.store), recorder::catalogue());
    let (mut restored, mut left, booked) = recorder::restore(&store, RESTORE).await;
    let on_air = OnAir::open(&folder, clock);
    let budget = Budget::default();
    budget.know(&config.uplinks);
    for observation in &restored.observations {
        let spec = config.plan.check(&observation.check).map(|at| &config.plan.checks[at]);
        let uplink = spec.and_then(|spec| Some(&spec.uplink.as_ref()?.name));
        crate::probe::recall(&budget, uplink, observation);
    }
    let mut identity = Identity::read(&folder);
    identity.adopt(&config, clock.now().wall);
    identity.keep_its_own(&mut restored);
    let buses = Carried::default();
    for observation in &restored.observations {
        let of = config.plan.check(&observation.check).map(|at| &config.probes[at]);
        if let Some(ProbeConfig::Usb(of)) = of {
            buses.recall(observation, of, clock);
        }
    }
    left.open.clone_from(&restored.incidents);
    identity.write(&folder);
    let seen: std::collections::HashMap<CheckName, Mono> =
        restored.observations.iter().map(|observation| (observation.check.clone(), observation.at.mono)).collect();
    let (configs, configs_seen) = watch::channel(Arc::new(config.clone()));
    let book = Arc::new(Book::new(store.clone(), configs_seen.clone(), booked, clock));
    // Before anything active can begin, or what is held can be called too old: a meeting may be under way.
    restored.live = book.live_since(clock.now().wall);
    let mut engine = Engine::new(config.plan.clone(), restored, clock.now());
    let orders = book.orders(&config, clock.now().wall);
    for order in &orders {
        engine.command(order, clock.now());
    }
    let own_far_end = own_far_end(&config).await?;

    let (observed, observations) = mpsc::channel(OBSERVATIONS);
    let (instruct, instructions) = mpsc::channel(16);
    let (snapshot, snapshot_seen) = watch::channel(engine.snapshot());
    let (in_use, in_use_seen) = watch::channel(false);
    let (begun, begun_seen) = watch::channel(false);
    let (events, happened) = mpsc::channel(EVENTS);
    let (history, observed_by_store) = mpsc::channel(OBSERVATIONS);
    let heartbeat = service::watchdog(clock);
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

    let use_seen = in_use_seen.clone();
    let (tells_around, agenda) =
        watch::channel(agenda::by_agenda_now(&web::Bookings::agenda(&*book), clock.now().wall));
    let around = Room { in_use: in_use_seen.clone(), known: begun_seen.clone(), agenda };
    let shared = Shared {
        clock,
        roots: Roots::default(),
        in_use: in_use_seen,
        begun: begun_seen,
        own_far_end: own_far_end.as_ref().map(|far_end| Arc::new(far_end.addresses())),
        enrolled: Some(folder.join(enrolled::FILE)),
        budget,
        desktop: crate::probe::seat::desktop::Desktop::default(),
        on_air: on_air.clone(),
        buses,
        cards: crate::probe::audio::Seen::default(),
        board: Board::default(),
    };
    let board = shared.board.clone();
    let (line_books, pushed) = (shared.budget.clone(), crate::remote_write::Stats::default());
    let mut probes = Probes::new(shared, observed);
    probes.keep(config.plan.checks.iter().zip(&config.probes), |name| seen.get(name).copied());

    let (ends, mut ended_early) = mpsc::channel(4);
    let driving = tokio::spawn(missed("the judge", ends.clone(), driver.run()));
    let (said, voices) = watch::channel(reload::voice(&config));
    let (tls, tls_shown) = watch::channel(certificate);
    let (poke, stats) = (notify::Poke::default(), notify::Stats::default());
    let (phase, phase_seen) = watch::channel(web::Bookings::agenda(&*book).phase(clock.now().wall).phase);
    let drill_ends = recorder::drill_ends(left.drill.as_ref(), clock.now());
    let (handling, handling_seen) = watch::channel(Arc::default());
    let recorder = Recorder {
        store: store.clone(),
        policy: notify::Policy::new(recorder::house(&config), left),
        poke: poke.clone(),
        stats: stats.clone(),
        clock,
        configs: configs_seen.clone(),
        phase: phase_seen,
        snapshot: snapshot_seen.clone(),
        in_use: use_seen.clone(),
        drill_ends,
        handling,
    };
    let (asks, asked) = mpsc::channel(16);
    let (unsaid, unsaid_heard) = mpsc::channel(EVENTS);
    let recording = tokio::spawn(missed("the recorder", ends.clone(), recorder.run(happened, asked, unsaid_heard)));
    let history_keeper = recorder::keep_history(observed_by_store, store.clone());
    let keeping = tokio::spawn(missed("the history's keeper", ends.clone(), history_keeper));
    let (requests, requests_seen) = watch::channel(probes.requests());
    let (asked_to_reload, mut reloads) = mpsc::channel(4);
    let desk = Arc::new(
        Desk::new(
            clock,
            snapshot_seen.clone(),
            requests_seen.clone(),
            configs_seen.clone(),
            store.clone(),
            asks.clone(),
            stats.clone(),
        )
        .with_books(on_air.clone())
        .with_board(board.clone())
        .with_reloads(asked_to_reload, &origin)
        .with_bookings(Arc::clone(&book) as Arc<dyn web::Bookings>),
    );
    let asking_again = tokio::spawn(again::ask(snapshot_seen.clone(), requests_seen.clone()));
    let preflight =
        Preflight { book: Arc::clone(&book), snapshot: snapshot_seen.clone(), desk: Arc::clone(&desk), clock };
    let testing = tokio::spawn(missed("who looks deeply before meetings", ends.clone(), preflight.run()));
    let folder_made_anew = Arc::new(Notify::new());
    let control = orders::Orders::open(&config, &folder);
    let control = tokio::spawn(control.run(Arc::clone(&desk), Arc::clone(&folder_made_anew)));
    let door = Arc::new(door::Keeper::new(clock, folder.clone(), configs_seen.clone()));
    door.look().await;
    let at_the_door = tokio::spawn(Arc::clone(&door).follow());
    let inbound_configs = configs_seen.clone();
    let own = own::Watched {
        health: store.health(),
        store: store.clone(),
        stats: stats.clone(),
        configs: configs_seen.clone(),
        pushed: pushed.clone(),
        budget: line_books.clone(),
        clock,
    };
    let mut delivery =
        Delivery::new(store.clone(), clock, poke, stats, unsaid, ends.clone()).within(around, on_air.clone());
    delivery.serve(&config);

    let (reloaded, reloaded_seen) =
        watch::channel(web::Reloaded { ok: broken.is_none(), newest: true, at: clock.now().wall });
    let surveys = Arc::new(surveys::Kept::of(&folder));
    let pruning = tokio::spawn(Arc::clone(&surveys).prune(store.clone(), configs_seen.clone(), clock));
    let readers = web::State {
        snapshot: snapshot_seen,
        clock,
        evidence: Arc::new(memory::Memory::new(store.clone(), clock)),
        booked_evidence: Arc::new(memory::Memory::new(store.clone(), clock)),
        history: Arc::new(history::Remembered { store: store.clone(), configs: configs_seen.clone() }),
        surveys: Arc::clone(&surveys) as Arc<dyn web::Surveys>,
        bookings: Arc::clone(&book) as Arc<dyn web::Bookings>,
        inbound: Arc::new(inbound::Door { configs: inbound_configs, asks: asks.clone(), said: Mutex::default() }),
        voice: voices,
        reloaded: reloaded_seen,
        own: Arc::new(own),
        door,
        acts: desk,
        staff: Arc::default(),
        crowd: Arc::default(),
        tls: tls_shown,
        handling: handling_seen,
        doing: board.seen(),
        info: Arc::new(reload::info()),
    };
    let (stop_pushing, pushes_end) = watch::channel(false);
    let buffer_folder_made_anew = Arc::new(Notify::new());
    let pushing = Pushing {
        readers: readers.clone(),
        configs: configs_seen.clone(),
        in_use: use_seen.clone(),
        budget: line_books,
        folder: folder.clone(),
        folder_made_anew: Arc::clone(&buffer_folder_made_anew),
        stats: pushed,
        clock,
    };
    let pushing = tokio::spawn(missed("the pusher of samples", ends.clone(), pushing.run(pushes_end)));
    let calendars = Calendars { book: Arc::clone(&book), configs: configs_seen.clone(), clock };
    let reading = tokio::spawn(missed("the calendars' reader", ends.clone(), calendars.run()));
    let filer = Filer { book: Arc::clone(&book), configs: configs_seen.clone(), asks: asks.clone(), clock };
    let filing = tokio::spawn(missed("who keeps reports", ends.clone(), filer.run()));
    let keeper = Keeper {
        book,
        readers: readers.clone(),
        instruct: instruct.clone(),
        phase,
        around: tells_around,
        asks,
        configs: configs_seen,
        clock,
        told: Some(orders),
        untold: agenda::Untold::default(),
        lost: agenda::Lost::default(),
    };
    let following = tokio::spawn(missed("the agenda's keeper", ends.clone(), keeper.run()));
    let tls_is_on = config.web.tls.is_some();
    let (ended, end) = watch::channel(false);
    let mut serving = tokio::task::JoinSet::new();
    for listener in listeners {
        let mut end = end.clone();
        serving.spawn(web::run(listener, readers.clone(), async move { _ = end.wait_for(|ended| *ended).await }));
    }
    tracing::info!(room = %config.plan.room, config = %origin, state = %folder.display(), "siaga is watching; look at {}", listening::places(&addresses, tls_is_on, broken.is_some()));
    service::tell(&[NotifyState::Ready]);

    let mut kept = store.health();
    let mut begun_anew = 0;
    let mut config_reader = reload::Reloader {
        reader: reload::Reader::default(),
        askers: Vec::new(),
        again: None,
        identity,
        identity_writer: identity::Writer::new(folder),
        origin,
        in_force: reload::InForce::of(&config),
        config,
        instruct,
        said,
        tls,
        configs,
        requests,
        delivery,
        reloaded,
        clock,
    };
    let died = loop {
        tokio::select! {
            Some(who) = ended_early.recv() => break Some(who),
            asked = signals.next() => match asked {
                Asked::End => break None,
                Asked::Reload => config_reader.begin(None),
            },
            Some(caller) = reloads.recv() => config_reader.begin(Some(caller)),
            read = config_reader.read() => config_reader.finish(read, &mut probes).await,
            Ok(()) = kept.changed() => {
                let removed = kept.borrow_and_update().removed;
                if std::mem::replace(&mut begun_anew, removed) != removed {
                    config_reader.identity_writer.write(&config_reader.identity);
                    on_air.write_again();
                    folder_made_anew.notify_one();
                    buffer_folder_made_anew.notify_one();
                }
            }
            Some(served) = serving.join_next() => {
                // It ends only when told to, or when its socket is gone for good.
                let why = served.map_or_else(|error| error.to_string(), |served| format!("{served:?}"));
                tracing::error!(why, "an HTTP server has ended; alerts go on");
            }
        }
    };
    match died {
        None => tracing::info!("told to end"),
        // Without it alerts would stop while everything looks well: a supervisor makes a whole daemon again.
        Some(who) => tracing::error!("{who} has died; siaga ends, so that it is started anew"),
    }
    service::tell(&[NotifyState::Stopping]);
    // Sources first, so that everything that was seen is judged, recorded and written: then the mouths, then the store.
    control.abort();
    asking_again.abort();
    following.abort();
    reading.abort();
    filing.abort();
    testing.abort();
    pruning.abort();
    at_the_door.abort();
    drop(probes);
    let in_order = async {
        let left = driving.await;
        if let (Ok(mut recorder), Ok(left)) = (recording.await, left) {
            recorder.record(left).await;
        }
        _ = keeping.await;
        _ = stop_pushing.send(true);
        _ = pushing.await;
        // What is not delivered yet is in the store, and the next start takes it up.
        drop(config_reader);
        // Its socket is taken away by now.
        _ = control.await;
        _ = ended.send(true);
        while serving.join_next().await.is_some() {}
        if let Err(error) = store.close().await {
            tracing::warn!(error = in_full(&error), "the store could not be closed in order");
        }
    };
    if tokio::time::timeout(LAST_CALL, in_order).await.is_err() {
        tracing::warn!("not everything ended in time");
    }
    drop(own_far_end);
    died.map_or(Ok(()), |who| Err(format!("{who} has died; the log has the place")))
}

/// Tells `ends` when a task has ended by itself, by a panic too. One that is stopped (aborted, dropped) is not missed. At the
/// usual end nobody listens any more.
async fn missed<F: Future>(who: &'static str, ends: mpsc::Sender<&'static str>, task: F) -> F::Output {
    // The panic's own message went to the log by the panic hook; it goes on to whoever joins the task.
    let ended = AssertUnwindSafe(task).catch_unwind().await;
    _ = ends.try_send(who);
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The daemon's own far end, if a check of this config measures against it.
///
/// # Errors
/// If it cannot be started.
pub async fn own_far_end(config: &Config) -> Result<Option<FarEnd>, String> {
    if !config.probes.iter().any(ProbeConfig::is_against_self) {
        return Ok(None);
    }
    crate::far_end::start().await.map(Some).map_err(|error| format!("the own far end cannot start: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_ends_is_missed_by_its_name() {
        let (ends, mut ended) = mpsc::channel(4);
        let panics = tokio::spawn(missed("the judge", ends.clone(), async { panic!("as a bug would") }));
        assert!(panics.await.unwrap_err().is_panic());
        assert_eq!(ended.recv().await, Some("the judge"));
        tokio::spawn(missed("the recorder", ends, async {})).await.unwrap();
        assert_eq!(ended.recv().await, Some("the recorder"));
        assert_eq!(ended.recv().await, None, "each is missed once");
    }

    #[tokio::test]
    async fn a_task_that_is_stopped_is_not_missed() {
        let (ends, mut ended) = mpsc::channel(4);
        let (started, has_started) = tokio::sync::oneshot::channel();
        let stopped = tokio::spawn(missed("the deliverer", ends, async move {
            _ = started.send(());
            std::future::pending::<()>().await;
        }));
        has_started.await.unwrap();
        stopped.abort();
        assert!(stopped.await.unwrap_err().is_cancelled());
        assert_eq!(ended.recv().await, None, "somebody wanted it so");
    }
}
