//! A house in which the schedule passes: the daemon's own judge, recorder, policy, agenda and store in virtual time, beside the laws.

use std::collections::VecDeque;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use siaga::app::recorder::{self, Recorder, house};
use siaga::clock::Clock;
use siaga::config::Config;
use siaga::domain::session::{Details, SCHEDULER};
use siaga::domain::{Booking, Mono, Observation, Outbox as _, Phase, Session, Snapshot};
use siaga::engine::agenda::{Agenda, Lengths};
use siaga::engine::{Engine, Event, Order};
use siaga::notify::{Poke, Policy, Stats};
use siaga::store::{Batch, Claim, Retention, Store};
use tokio::sync::watch;

use super::books::Books;
use super::chance::Chance;
use super::drawn::{Broken, Drawn, Item, Reload, SECOND};
use super::eyes::{self, Seen};
use super::law::{Law, Look, ms};
use super::room::{self, DESK};

/// How often what was observed goes to the disk.
const FLUSH: u64 = 10 * SECOND;
/// How soon an active probe looks again whether the room is free.
const AGAIN: u64 = 5 * SECOND;

/// A daemon that runs.
struct Process {
    started: u64,
    zero: Mono,
    clock: Clock,
    engine: Engine,
    recorder: Recorder,
    store: Store,
    /// When the policy looks again by itself.
    look: Option<u64>,
    orders: Option<[Order; 2]>,
    configs: watch::Sender<Arc<Config>>,
    phase: watch::Sender<Phase>,
}

/// The house.
pub(super) struct House {
    seed: u64,
    drawn: Drawn,
    config: Config,
    other: Option<usize>,
    folder: tempfile::TempDir,
    now: u64,
    /// How far the wall clock was set, ms.
    offset: i64,
    process: Option<Process>,
    law: Law,
    agenda: Agenda,
    next_looks: Vec<u64>,
    /// What was seen and not handed over yet.
    waiting: Vec<(u64, Observation, Look)>,
    /// What was handed over and is not on the disk yet; and what is there.
    unkept: VecDeque<(Observation, Look)>,
    kept: Vec<Option<(Look, i64)>>,
    broken: bool,
    books: Books,
}

/// Noon of a working day.
fn base() -> Timestamp {
    "2026-12-01T05:00:00Z".parse().unwrap()
}

impl House {
    /// A house of a seed, in which that will pass.
    pub(super) fn new(seed: u64, config: Config, drawn: Drawn) -> Self {
        let lengths = Lengths { preflight: config.agenda.preflight.0, wrap_up: config.agenda.wrap_up.0 };
        let mut agenda = Agenda::new(config.agenda.margins(), lengths);
        let at = |ms: u64| base() + Duration::from_millis(ms);
        let sessions = drawn.items.iter().enumerate().filter_map(|(number, item)| match item {
            Item::Meeting { from, until, profile } => Some(Session {
                id: format!("m-{number}").into(),
                revision: i64::try_from(number).unwrap() + 1,
                booking: Booking::Booked,
                title: "Rapat".to_owned(),
                profile: Arc::clone(&config.plan.profiles[*profile].name),
                start: at(*from),
                end: at(*until),
                source: SCHEDULER.into(),
                details: Details::default(),
            }),
            _ => None,
        });
        agenda.learn(sessions.collect::<Vec<_>>(), []);
        let checks = config.plan.checks.len();
        Self {
            seed,
            law: Law::new(&config.plan, 0),
            books: Books::new(&drawn, &config),
            other: None,
            folder: tempfile::tempdir().unwrap(),
            now: 0,
            offset: 0,
            process: None,
            agenda,
            next_looks: vec![0; checks],
            waiting: Vec::new(),
            unkept: VecDeque::new(),
            kept: vec![None; checks],
            broken: false,
            config,
            drawn,
        }
    }

    /// Lets all of it pass; what came of it.
    pub(super) async fn live(mut self) -> Books {
        let mut happenings: Vec<(u64, Item)> =
            self.drawn.items.iter().filter_map(|item| Some((begins(item)?, *item))).collect();
        happenings.sort_by_key(|(at, _)| *at);
        let mut happenings = VecDeque::from(happenings);
        let mut comes_on = None;
        self.come_on().await;
        while self.now < self.drawn.until {
            let mut next = self.drawn.until;
            next = next.min(happenings.front().map_or(next, |(at, _)| (*at).max(self.now + 1)));
            if let Some(at) = comes_on {
                next = next.min(at);
            } else {
                next = next.min(self.next_due());
            }
            self.advance(next).await;
            if comes_on == Some(self.now) {
                comes_on = None;
                self.come_on().await;
            }
            while let Some((_, item)) = happenings.pop_front_if(|(at, _)| *at <= self.now) {
                if let Some(down) = self.happen(item, comes_on.is_some()).await {
                    comes_on = Some(self.now + down);
                }
            }
            if comes_on.is_none() {
                self.step().await;
            }
        }
        self.end().await;
        self.books
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn wall(&self) -> Timestamp {
        base() + SignedDuration::from_millis(i64::try_from(self.now).unwrap() + self.offset)
    }

    /// The earliest moment at which anybody wants a turn.
    fn next_due(&self) -> u64 {
        let process = self.process.as_ref().unwrap();
        let mut all: Vec<u64> = self.next_looks.clone();
        all.extend(self.waiting.iter().map(|(at, ..)| *at));
        all.extend(self.law.next_change());
        all.extend(process.look);
        let due = process.engine.next_deadline();
        if due != Mono::NEVER {
            all.push(process.started + ms(due.since(process.zero)));
        }
        let wall = self.wall();
        all.extend(self.agenda.next_change(wall).map(|at| self.now + ms(at.duration_since(wall).unsigned_abs())));
        // Each millisecond is passed once.
        all.into_iter().min().unwrap().max(self.now + 1)
    }

    async fn advance(&mut self, to: u64) {
        tokio::time::advance(Duration::from_millis(to - self.now)).await;
        self.now = to;
    }

    /// The daemon begins, on what the disk has.
    async fn come_on(&mut self) {
        let clock = Clock::on_tokio_time(self.wall());
        let claim = Claim::take(&self.state()).unwrap();
        let store = Store::open(claim, clock, Retention::default(), recorder::catalogue());
        let (mut restored, left, _) = recorder::restore(&store, Duration::from_mins(1)).await;
        restored.live = self.agenda.live_since(self.wall());
        let live_for = restored.live.map(|since| ms(self.wall().duration_since(since).unsigned_abs()));
        let zero = clock.mono();
        let (configs, configs_seen) = watch::channel(Arc::new(self.config.clone()));
        let (phase, phase_seen) = watch::channel(Phase::Idle);
        self.law = Law::new(&self.config.plan, self.now);
        for (check, kept) in self.law.checks.iter_mut().zip(&self.kept) {
            let Some((look, offset)) = kept else { continue };
            let at = i64::try_from(look.at).unwrap() + offset - self.offset;
            // What lies in the future of a clock that was set back has no age.
            let Ok(age) = u64::try_from(i64::try_from(self.now).unwrap() - at) else { continue };
            let look = Look { at: self.now.saturating_sub(age), arrived: self.now, ..look.clone() };
            check.remembers(look, age, live_for);
        }
        self.books.begins(self.now, &left.open);
        let engine = Engine::new(self.config.plan.clone(), restored, clock.now());
        let recorder = Recorder {
            store: store.clone(),
            policy: Policy::new(house(&self.config), left),
            poke: Poke::default(),
            stats: Stats::default(),
            clock,
            configs: configs_seen,
            phase: phase_seen,
            snapshot: watch::channel(engine.snapshot()).1,
            in_use: watch::channel(false).1,
            drill_ends: Mono::NEVER,
            handling: watch::channel(Arc::default()).0,
        };
        let started = self.now;
        self.process =
            Some(Process { started, zero, clock, engine, recorder, store, look: None, orders: None, configs, phase });
        // Passive probes look at once, each as soon as it can.
        let chance = &mut Chance::new(self.seed ^ self.now);
        for (at, spec) in self.config.plan.checks.iter().enumerate() {
            self.next_looks[at] = self.now + if spec.active { 3 * SECOND } else { 1 + chance.below(1500) };
        }
    }

    /// Writes what a daemon would have written by now.
    async fn flush(&mut self, all: bool) {
        let Some(process) = &self.process else { return };
        let until = if all { self.now } else { process.started + (self.now - process.started) / FLUSH * FLUSH };
        while let Some((observation, look)) = self.unkept.pop_front_if(|(_, look)| look.arrived <= until) {
            process.store.observe(&observation);
            let place = self.config.plan.check(&observation.check).unwrap();
            // How far the wall clock was set when it was made.
            let wall = observation.at.wall.duration_since(base()).as_millis();
            let offset = i64::try_from(wall).unwrap() - i64::try_from(look.at).unwrap();
            self.kept[place] = Some((look, offset));
        }
        process.store.flush().await.unwrap();
    }

    /// The daemon ends.
    async fn end_process(&mut self, killed: bool) {
        self.flush(!killed).await;
        self.unkept.clear();
        self.waiting.clear();
        let process = self.process.take().unwrap();
        // The thread that writes ends with the last handle; whoever comes next waits for the folder.
        process.store.close().await.unwrap();
    }

    /// Something happens; for how long the daemon is away by it.
    async fn happen(&mut self, item: Item, away: bool) -> Option<u64> {
        match item {
            Item::Restart { down, killed, .. } if !away => {
                self.books.restarts += 1;
                self.end_process(killed).await;
                return Some(down);
            }
            Item::Clock { by, .. } => {
                self.books.clock_is_set(self.now, by);
                self.offset += by;
                if let Some(process) = &mut self.process {
                    process.clock = process.clock.set_by(SignedDuration::from_millis(by));
                    process.recorder.clock = process.clock;
                }
            }
            Item::Reload { how, .. } if !away => self.reload(how),
            Item::Store { how, .. } if !away => self.break_store(how).await,
            Item::Meeting { .. } => self.books.meetings += 1,
            Item::Used { .. } => self.books.uses += 1,
            Item::Fault(_) | Item::Restart { .. } | Item::Reload { .. } | Item::Store { .. } => {}
        }
        None
    }

    fn reload(&mut self, how: Reload) {
        self.books.reloads += 1;
        let mut text = room::text(self.seed, self.other);
        match how {
            Reload::Same => {}
            Reload::Bad => text.push_str("[nonsense]\n"),
            Reload::Other(check) => {
                self.other = if self.other == Some(check) { None } else { Some(check) };
                text = room::text(self.seed, self.other);
            }
        }
        let Ok(config) = room::config(text) else {
            assert_eq!(how, Reload::Bad);
            return;
        };
        assert_ne!(how, Reload::Bad, "a bad file is refused");
        let process = self.process.as_mut().unwrap();
        process.engine.adopt(config.plan.clone(), process.clock.now());
        process.orders = None;
        process.configs.send_replace(Arc::new(config.clone()));
        self.law.adopt(&config.plan);
        self.config = config;
    }

    async fn break_store(&mut self, how: Broken) {
        self.books.store_faults += 1;
        self.broken = true;
        self.flush(false).await;
        let file = self.state().join("siaga.db");
        match how {
            Broken::Removed => std::fs::remove_dir_all(self.state()).unwrap(),
            Broken::Damaged => {
                let size = usize::try_from(std::fs::metadata(&file).unwrap().len()).unwrap();
                rusqlite::Connection::open(&file).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
                let open = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
                open.write_all_at(&vec![0xa5; size], 0).unwrap();
            }
            Broken::Locked => {
                // A person with sqlite3 at the file, for as long as it takes the store to give up waiting.
                let other = rusqlite::Connection::open(&file).unwrap();
                other.execute_batch("BEGIN IMMEDIATE").unwrap();
                self.process.as_ref().unwrap().store.record(Batch::default()).await.unwrap();
                self.flush(true).await;
                other.execute_batch("ROLLBACK").unwrap();
                return;
            }
        }
        self.kept.fill(None);
    }

    /// One turn: what is due is looked at, judged, recorded and told, and held against the laws.
    async fn step(&mut self) {
        let process = self.process.as_ref().unwrap();
        let (now, snapshot) = (process.clock.now(), process.engine.snapshot());
        let mut handed: Vec<(u64, Observation, Look)> = Vec::new();
        self.waiting.sort_by_key(|(at, _, look)| (*at, look.at));
        while self.waiting.first().is_some_and(|(at, ..)| *at <= self.now) {
            handed.push(self.waiting.remove(0));
        }
        for at in 0..self.next_looks.len() {
            if self.next_looks[at] > self.now {
                continue;
            }
            let spec = &self.config.plan.checks[at];
            if spec.active && (snapshot.in_use || snapshot.starting) {
                self.next_looks[at] = self.now + AGAIN;
                continue;
            }
            self.next_looks[at] = self.after_this(at);
            match eyes::look(&self.drawn, &self.config, at, self.now, now) {
                Seen::Now(seen) => handed.push((self.now, seen.0, seen.1)),
                Seen::Later(seen, until) => self.waiting.push((until, seen.0, seen.1)),
                Seen::Stuck(until) => self.next_looks[at] = until,
                Seen::Nothing => {}
            }
        }
        let process = self.process.as_mut().unwrap();
        let mut observations = Vec::new();
        for (_, observation, look) in handed {
            let look = Look { arrived: self.now, ..look };
            let check = self.config.plan.check(&observation.check).unwrap();
            self.law.checks[check].looks(look.clone());
            self.unkept.push_back((observation.clone(), look));
            observations.push(observation);
        }
        let seen = !observations.is_empty();
        if seen {
            process.engine.observe_all(observations, now);
        }
        self.follow_agenda();
        let process = self.process.as_mut().unwrap();
        if process.engine.next_deadline() <= now.mono {
            process.engine.tick(now);
        }
        self.law.pass(self.now);
        self.record().await;
        self.compare();
    }

    /// When a check is looked at next: each interval, a little earlier or later.
    fn after_this(&self, at: usize) -> u64 {
        let interval = ms(self.config.plan.checks[at].interval);
        let chance = &mut Chance::new(self.seed ^ (self.now << 8) ^ at as u64);
        self.now + interval - interval / 20 + chance.below(interval / 10)
    }

    /// Tells the judge what the agenda says, as the daemon's keeper does; and the laws what it should say.
    fn follow_agenda(&mut self) {
        let wall = self.wall();
        let by_agenda = self.agenda.phase(wall);
        let near = matches!(by_agenda.phase, Phase::Preflight | Phase::Live);
        let own = by_agenda.session.filter(|_| near).and_then(|session| self.config.plan.profile(&session.profile));
        let live = by_agenda.phase == Phase::Live;
        let orders = [Order::Agenda { live }, Order::Profile(own.unwrap_or(self.config.plan.default_profile))];
        let process = self.process.as_mut().unwrap();
        process.phase.send_if_modified(|told| std::mem::replace(told, by_agenda.phase) != by_agenda.phase);
        if process.orders.as_ref() != Some(&orders) {
            for order in &orders {
                process.engine.command(order, process.clock.now());
            }
            process.orders = Some(orders);
        }
        // By the schedule alone.
        let at = i64::try_from(self.now).unwrap() + self.offset;
        let meetings: Vec<(i64, i64, usize)> = self
            .drawn
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Meeting { from, until, profile } => {
                    Some((i64::try_from(*from).unwrap(), i64::try_from(*until).unwrap(), *profile))
                }
                _ => None,
            })
            .collect();
        let preflight = i64::try_from(ms(self.config.agenda.preflight.0)).unwrap();
        let held = meetings.iter().find(|(from, until, _)| *from <= at && at < *until);
        let next = meetings.iter().filter(|(from, ..)| at < *from && from - preflight <= at).min();
        self.law.live = held.is_some();
        self.law.profile = held.or(next).map_or(self.config.plan.default_profile, |(.., profile)| *profile);
    }

    /// Records what happened and tells what is to be told, as the daemon's recorder does.
    async fn record(&mut self) {
        let process = self.process.as_mut().unwrap();
        let events = process.engine.drain_events();
        let incidents: Vec<Event> =
            events.iter().filter(|event| !matches!(event, Event::Transition(_) | Event::Stands(_))).cloned().collect();
        self.books.transitions += events.iter().filter(|event| matches!(event, Event::Transition(_))).count();
        process.recorder.record(events).await;
        if process.look.is_some_and(|at| at <= self.now) {
            process.look = None;
            process.recorder.look().await;
        }
        let wanted = process.recorder.policy.next_look().map(|wait| self.now + ms(wait));
        process.look = wanted.map(|wanted| process.look.unwrap_or(wanted).min(wanted));
        let mut told = Vec::new();
        while let Some(word) = process.store.next(DESK).await {
            process.store.delivered(&word.key, None).await;
            told.push(word);
        }
        self.books.happened(self.now, &incidents, &told);
    }

    fn compare(&mut self) {
        let process = self.process.as_ref().unwrap();
        let snapshot: Arc<Snapshot> = process.engine.snapshot();
        let now = process.clock.now();
        let moment = |at: u64| -> Mono {
            if at >= process.started {
                process.zero.after(Duration::from_millis(at - process.started))
            } else {
                process.zero.before(Duration::from_millis(process.started - at))
            }
        };
        self.books.hold(self.now, &self.law, &snapshot, now, &moment);
    }

    /// All has come to rest.
    async fn end(&mut self) {
        if self.process.is_none() {
            self.come_on().await;
            self.step().await;
        }
        let open = self.process.as_ref().unwrap().engine.snapshot().incidents.len();
        self.end_process(false).await;
        let db = rusqlite::Connection::open(self.state().join("siaga.db")).unwrap();
        let count = |query: &str| -> usize {
            usize::try_from(db.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap()).unwrap()
        };
        let stored = count("SELECT count(*) FROM transitions");
        let subjects = count("SELECT count(DISTINCT subject || coalesce(name, '')) FROM transitions");
        let kept_open = count("SELECT count(*) FROM incidents WHERE closed_at IS NULL");
        let waiting = count("SELECT count(*) FROM outbox WHERE done_at IS NULL");
        self.books.close(self.now, (stored, subjects, self.broken), (open, kept_open), waiting);
    }
}

/// When something begins; a fault is only seen.
const fn begins(item: &Item) -> Option<u64> {
    match item {
        Item::Fault(_) => None,
        Item::Restart { at, .. } | Item::Clock { at, .. } | Item::Reload { at, .. } | Item::Store { at, .. } => {
            Some(*at)
        }
        Item::Meeting { from, .. } | Item::Used { from, .. } => Some(*from),
    }
}
