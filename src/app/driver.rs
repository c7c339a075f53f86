//! The driver of the judge: it only waits, feeds, publishes, hands on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::domain::plan::Plan;
use crate::domain::{Mono, Observation, Snapshot};
use crate::engine::{Engine, Event, Order};

/// How many observations are judged with one roll-up.
const BATCH: usize = 64;

/// How long the judge may rest although nothing is due. Timers do not count a suspension: what became due in it is judged
/// within this time after the resume.
pub(super) const REST: Duration = crate::engine::LATE;

/// After a turn that left none waiting the judge takes no observation for so many times what the turn took: a fifth of a core is enough
/// for it, as long as a turn takes no more than 5 ms. What comes meanwhile is judged together with one roll-up.
const IDLE: u32 = 4;

/// It is kept from them for so long at most; that the room is in use may be among them.
const LONGEST_IDLE: Duration = Duration::from_millis(20);

/// A shorter rest is not taken: timers have steps of a millisecond.
const SHORTEST_IDLE: Duration = Duration::from_millis(1);

/// How soon events that the recorder had no room for are handed on again.
const AGAIN: Duration = Duration::from_secs(1);

/// What the judge is told beside observations.
#[derive(Debug)]
pub enum Instruction {
    /// By people and the agenda.
    Order(Order),
    /// To judge by another plan from now on.
    Adopt(Box<Plan>),
}

/// The judge with its ears and its mouth.
pub struct Driver {
    /// The judge.
    pub engine: Engine,
    /// The clocks.
    pub clock: Clock,
    /// From the probes.
    pub observations: mpsc::Receiver<Observation>,
    /// From people, the agenda, and a config that was read anew.
    pub instructions: mpsc::Receiver<Instruction>,
    /// To readers: the newest state, which coalesces. Never for events.
    pub snapshot: watch::Sender<Arc<Snapshot>>,
    /// To active probes.
    pub in_use: watch::Sender<bool>,
    /// To active probes too: the passive checks' first round is over.
    pub begun: watch::Sender<bool>,
    /// To the recorder: what happened, in order. While it is full, events wait here and none is lost.
    pub events: mpsc::Sender<Vec<Event>>,
    /// To the recorder: observations for the history, which may be dropped and are then counted.
    pub history: mpsc::Sender<Arc<Observation>>,
    /// Told how many of them were dropped.
    pub unkept: Box<dyn FnMut(u64) + Send>,
    /// Told at every turn: proof that the judge lives. Says when it wants the next turn at the latest.
    pub heartbeat: Box<dyn FnMut() -> Mono + Send>,
}

impl Driver {
    /// Runs until the observations' channel closes, or for ever. Gives back what the recorder has not been told yet.
    pub async fn run(mut self) -> Vec<Event> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut waiting: Vec<Event> = Vec::new();
        self.publish();
        let mut proof_due = (self.heartbeat)();
        let mut idle_until = Mono::ZERO;
        loop {
            let rest = if waiting.is_empty() { REST } else { AGAIN };
            let turn = self.clock.mono();
            let idle = turn < idle_until;
            let due = self.engine.next_deadline().min(proof_due).min(turn.after(rest));
            let due = if idle { due.min(idle_until) } else { due };
            let mut turn_since = None;
            tokio::select! {
                count = self.observations.recv_many(&mut batch, BATCH), if !idle => {
                    turn_since = Some(self.clock.mono());
                    if count == 0 {
                        break;
                    }
                    self.hear(batch.drain(..));
                }
                Some(instruction) = self.instructions.recv() => self.obey(instruction).await,
                () = self.clock.sleep_until(due) => self.pass_time().await,
            }
            for check in self.engine.drain_lapsed() {
                tracing::warn!(%check, "it has not told for too long whether the room is in use; its last word, that it is, counts no more");
            }
            proof_due = (self.heartbeat)();
            waiting.append(&mut self.engine.drain_events());
            if !waiting.is_empty() {
                // An outbox, not a watch: order is kept, and what does not fit waits.
                if let Err(mpsc::error::TrySendError::Full(back)) = self.events.try_send(std::mem::take(&mut waiting)) {
                    waiting = back;
                }
            }
            self.publish();
            if let Some(since) = turn_since.filter(|_| self.observations.is_empty()) {
                let now = self.clock.mono();
                idle_until = now.after(idle_after(now.since(since)));
            }
        }
        waiting.append(&mut self.engine.drain_events());
        waiting
    }

    /// Judges observations with one roll-up.
    fn hear(&mut self, observations: impl Iterator<Item = Observation>) {
        let mut dropped = 0;
        let kept = observations.inspect(|observation| {
            if self.history.try_send(Arc::new(observation.clone())).is_err() {
                dropped += 1;
                tracing::debug!(check = %observation.check, "the history is busy; this observation is not kept");
            }
        });
        let unknown = self.engine.observe_all(kept, self.clock.now());
        if dropped > 0 {
            (self.unkept)(dropped);
        }
        if unknown > 0 {
            tracing::warn!(unknown, "observations of checks that are not in the plan");
        }
    }

    async fn obey(&mut self, instruction: Instruction) {
        match instruction {
            Instruction::Order(order) => self.engine.command(&order, self.clock.now()),
            Instruction::Adopt(plan) => {
                // What was seen under the old plan is no first look under the new one.
                self.catch_up().await;
                self.engine.adopt(*plan, self.clock.now());
            }
        }
    }

    /// Judges what is waiting, whether or not the judge rests. Tells whether anything was.
    async fn catch_up(&mut self) -> bool {
        if self.history.capacity() < self.observations.len() {
            // They are judged together, and so must all fit: its keeper has a turn first.
            tokio::task::yield_now().await;
        }
        // As many as there are now: probes that go on meanwhile do not keep the judge here.
        let waiting: Vec<Observation> =
            (0..self.observations.len()).map_while(|_| self.observations.try_recv().ok()).collect();
        let any = !waiting.is_empty();
        if any {
            self.hear(waiting.into_iter());
        }
        any
    }

    /// Decides what is due, if anything is: by all that has come until now, which may put it off.
    async fn pass_time(&mut self) {
        if self.engine.next_deadline() <= self.clock.mono() && !self.catch_up().await {
            self.engine.tick(self.clock.now());
        }
    }

    fn publish(&mut self) {
        let snapshot = self.engine.snapshot();
        self.in_use.send_if_modified(|told| std::mem::replace(told, snapshot.in_use) != snapshot.in_use);
        // After the room's use, so that who begins now knows of it.
        self.begun.send_if_modified(|told| std::mem::replace(told, !snapshot.starting) == snapshot.starting);
        self.snapshot.send_if_modified(|old| {
            let newer = old.seq != snapshot.seq;
            *old = snapshot;
            newer
        });
    }
}

/// How long no observation is taken after a turn that took so long.
fn idle_after(turn: Duration) -> Duration {
    let idle = turn.saturating_mul(IDLE).min(LONGEST_IDLE);
    if idle < SHORTEST_IDLE { Duration::ZERO } else { idle }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::config::{Config, Source};
    use crate::domain::{Finding, Reading, Verdict};
    use crate::engine::Restored;

    fn plan(check: &str) -> Plan {
        let text = format!("[[check]]\nkind = \"usb\"\nname = \"usb\"\n{check}");
        Config::parse(&Source::new("test", text)).unwrap().plan
    }

    /// A judge of one check, and by what observations and instructions reach it.
    fn judge(check: &str, clock: Clock) -> (Driver, mpsc::Sender<Observation>, mpsc::Sender<Instruction>) {
        let engine = Engine::new(plan(check), Restored::default(), clock.now());
        let (observed, observations) = mpsc::channel(64);
        let (instruct, instructions) = mpsc::channel(4);
        let driver = Driver {
            snapshot: watch::channel(engine.snapshot()).0,
            engine,
            clock,
            observations,
            instructions,
            in_use: watch::channel(false).0,
            begun: watch::channel(false).0,
            events: mpsc::channel(64).0,
            history: mpsc::channel(64).0,
            unkept: Box::new(|_| {}),
            heartbeat: Box::new(|| Mono::NEVER),
        };
        (driver, observed, instruct)
    }

    fn good(clock: Clock) -> Observation {
        Observation::read("usb".into(), clock.now(), Duration::ZERO, Reading::default())
    }

    fn bad(clock: Clock) -> Observation {
        let mut reading = Reading::default();
        reading.find(Finding::new(crate::probe::reason("siaga.usb_unreadable").unwrap(), Verdict::NotReady));
        Observation::read("usb".into(), clock.now(), Duration::ZERO, reading)
    }

    /// A turn that takes its time.
    fn pass(clock: Clock, time: Duration) {
        let began = clock.mono();
        while clock.mono().since(began) < time {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn a_short_turn_is_followed_by_no_rest_and_a_long_one_by_20_ms_at_most() {
        let after = |micros| idle_after(Duration::from_micros(micros)).as_micros();
        assert_eq!([0, 249, 250, 2000, 5000].map(after), [0, 0, 1000, 8000, 20_000]);
        // A clock that jumps makes a turn of any length.
        assert_eq!(idle_after(Duration::MAX), LONGEST_IDLE);
    }

    #[tokio::test]
    async fn what_comes_while_the_judge_rests_is_judged_together_and_soon() {
        const MANY: usize = 30;
        let clock = Clock::start();
        let (mut driver, observed, _instruct) = judge("", clock);
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&turns);
        driver.heartbeat = Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            pass(clock, Duration::from_millis(10));
            Mono::NEVER
        });
        let mut seen = driver.snapshot.subscribe();
        let judged = tokio::spawn(driver.run());
        observed.send(good(clock)).await.unwrap();
        seen.changed().await.unwrap();
        for _ in 0..MANY {
            observed.send(good(clock)).await.unwrap();
            // The judge has its chance to take this one alone.
            tokio::task::yield_now().await;
        }
        let sent = clock.mono();
        while observed.capacity() < observed.max_capacity() {
            tokio::task::yield_now().await;
        }
        assert!(clock.mono().since(sent) < REST, "they waited for what was due anyway");
        drop(observed);
        judged.await.unwrap();
        // One by one it would be more than thirty; a machine that stands still meanwhile makes it a few.
        let turns = turns.load(Ordering::Relaxed);
        assert!(turns < MANY / 2, "{turns} turns");
    }

    /// A clock that stands still until the test moves it.
    fn still() -> Clock {
        Clock::on_tokio_time("2026-11-23T02:00:00Z".parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_decided_by_all_that_has_come_until_then() {
        for (back, verdict) in [(false, Verdict::NotReady), (true, Verdict::Ready)] {
            let clock = still();
            let (mut driver, observed, _instruct) = judge("bad_for = \"3s\"\n", clock);
            driver.hear([good(clock), bad(clock)].into_iter());
            if back {
                observed.send(good(clock)).await.unwrap();
            }
            tokio::time::advance(Duration::from_secs(4)).await;
            driver.pass_time().await;
            let snapshot = driver.engine.snapshot();
            assert_eq!(snapshot.profiles[snapshot.current].checks[0].verdict, verdict, "{back}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_fed_by_the_judges_turns_alone() {
        const PERIOD: Duration = Duration::from_secs(10);
        let clock = still();
        let (mut driver, _observed, _instruct) = judge("", clock);
        let fed = Arc::new(AtomicUsize::new(0));
        let (counted, mut next) = (Arc::clone(&fed), Mono::ZERO);
        // As the supervisor's is fed: when it is due, and then not before the next time.
        driver.heartbeat = Box::new(move || {
            let now = clock.mono();
            if now >= next {
                next = now.after(PERIOD);
                counted.fetch_add(1, Ordering::Relaxed);
            }
            next
        });
        let fed = || fed.load(Ordering::Relaxed);
        let mut judged = Box::pin(driver.run());
        let whole = tokio::time::timeout(PERIOD * 3 + PERIOD / 2, &mut judged).await;
        assert!(whole.is_err(), "it has no end");
        assert_eq!(fed(), 4, "at the start and each time that it is due, though nothing happens");
        // The judge's turn does not come round, whatever keeps it; all else goes on.
        let runtime = tokio::spawn(async move {
            tokio::time::sleep(PERIOD * 10).await;
            clock.mono()
        });
        let since = clock.mono();
        assert!(runtime.await.unwrap().since(since) >= PERIOD * 10);
        assert_eq!(fed(), 4, "a judge that stands still feeds nobody");
        _ = tokio::time::timeout(PERIOD / 2, &mut judged).await;
        assert_eq!(fed(), 5, "with its next turn it does again");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_under_the_old_plan_is_no_first_look_under_the_new_one() {
        let clock = still();
        let (mut driver, observed, _instruct) = judge("", clock);
        let plan = Plan { room: "other".into(), ..plan("interval = \"11s\"\n") };
        observed.send(bad(clock)).await.unwrap();
        driver.obey(Instruction::Adopt(Box::new(plan))).await;
        let snapshot = driver.engine.snapshot();
        assert_eq!((&*snapshot.room, snapshot.checks[0].runs), ("other", 0));
        assert!(driver.observations.is_empty(), "nothing of the old plan is left for the new one");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_history_has_no_room_for_is_counted_and_its_keeper_has_a_turn_before() {
        const ROOM: usize = 4;
        let clock = still();
        let (mut driver, observed, _instruct) = judge("", clock);
        let (history, mut kept) = mpsc::channel(ROOM);
        let dropped = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&dropped);
        driver.history = history;
        driver.unkept = Box::new(move |some| {
            counted.fetch_add(usize::try_from(some).unwrap(), Ordering::Relaxed);
        });
        // One by one they fill it.
        for _ in 0..ROOM {
            driver.hear(std::iter::once(good(clock)));
            observed.send(good(clock)).await.unwrap();
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 0);
        let keeper = tokio::spawn(async move {
            let mut count = 0;
            while kept.recv().await.is_some() {
                count += 1;
            }
            count
        });
        assert!(driver.catch_up().await);
        assert_eq!(dropped.load(Ordering::Relaxed), 0, "the keeper had its turn");
        // Nobody has one within a turn of the judge.
        driver.hear((0..3).map(|_| good(clock)));
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        drop(driver);
        assert_eq!(keeper.await.unwrap(), 2 * ROOM, "each is kept or counted");
    }
}
