//! The watch itself: quiet first, then the tests, each judged as the daemon judges them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::plan::Planned;
use super::progress::Bar;
use crate::app::probes::{Probes, Shared};
use crate::app::service::Signals;
use crate::clock::Clock;
use crate::domain::{Component, Lang, Observation, Snapshot};
use crate::engine::{Engine, Restored};
use crate::probe::Roots;
use crate::probe::budget::Budget;
use crate::survey::{Ended, Record};

/// How long all tests together may take, one after another: a relay alone is tried in five ways, each of which can be silent.
pub(in crate::cli) const TESTS: Duration = Duration::from_mins(4);
/// How much longer the quiet watch lasts at most, where something of the line may be about to turn worse: by then each look has come
/// that confirms it or takes it back. While tests press the line none counts.
const CONFIRMS: Duration = Duration::from_secs(70);
/// How often the bar moves.
const LOOK: Duration = Duration::from_millis(200);

/// What was seen.
pub(super) struct Watched {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) record: Record,
    pub(super) ended: Ended,
    /// How long the quiet watch was.
    pub(super) quiet_for: Duration,
    /// What the tests took, bytes.
    pub(super) used: u64,
}

/// Watches for `duration`, tests, and ends when all is done, when it is told to, or when somebody needs this computer.
///
/// # Errors
/// If signals cannot be listened to.
pub(super) async fn watch(
    planned: &Planned,
    clock: Clock,
    duration: Duration,
    quiet: bool,
    lang: Lang,
) -> Result<Watched, String> {
    let mut signals = Signals::listen().map_err(|error| format!("signals cannot be listened to: {error}"))?;
    let (in_use, in_use_seen) = watch::channel(false);
    let (begun, begun_seen) = watch::channel(false);
    let (out, mut observations) = mpsc::channel(256);
    let budget = Budget::default();
    budget.know(&planned.uplinks);
    let shared = Shared {
        clock,
        roots: Roots::default(),
        in_use: in_use_seen,
        begun: begun_seen,
        own_far_end: None,
        enrolled: None,
        budget: budget.clone(),
        desktop: crate::probe::seat::desktop::Desktop::default(),
        on_air: crate::probe::on_air::OnAir::default(),
        buses: crate::probe::usb::carried::Carried::default(),
        cards: crate::probe::audio::Seen::default(),
        board: crate::probe::board::Board::default(),
    };
    let mut probes = Probes::new(shared, out);
    probes.keep(planned.all(), |_| None);
    let mut engine = Engine::new(planned.plan.clone(), Restored::default(), clock.now());
    let (mut record, mut bar) = (Record::default(), Bar::new(duration, quiet, lang));
    let mut tests_began = None;
    let ended = loop {
        let snapshot = engine.snapshot();
        let elapsed = clock.elapsed();
        in_use.send_if_modified(|told| std::mem::replace(told, snapshot.in_use) != snapshot.in_use);
        bar.show(&snapshot, elapsed, tests_began.is_some());
        let is_quiet = elapsed >= duration && (!turns_worse(&snapshot) || elapsed >= duration + CONFIRMS);
        if tests_began.is_none() && is_quiet && !snapshot.starting {
            tests_began = Some(elapsed);
            begun.send_replace(true);
        }
        if let Some(began) = tests_began {
            let left = snapshot.checks.iter().any(|check| check.spec.active && check.runs == 0);
            match () {
                () if !left => break Ended::Whole,
                () if snapshot.in_use => break Ended::InUse,
                () if elapsed > began + TESTS => break Ended::OutOfTime,
                () => {}
            }
        }
        let wake = clock.mono().after(LOOK);
        tokio::select! {
            _ = signals.next() => break Ended::Interrupted,
            Some(observation) = observations.recv() => {
                take(planned, &mut engine, &mut record, observation, tests_began.is_some(), clock);
            }
            () = clock.sleep_until(wake.min(engine.next_deadline())) => engine.tick(clock.now()),
        }
    };
    bar.clear();
    // What a test holds (a place on a relay) is given back as its probe goes.
    drop(probes);
    tokio::task::yield_now().await;
    let pages = planned.all().filter(|(spec, _)| spec.active);
    let pages = pages.map(|(spec, _)| {
        let uplink = spec.uplink.as_ref().map(|uplink| Arc::clone(&uplink.name));
        budget.page(spec.name.clone(), uplink).total()
    });
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes, and a cast that saturates")]
    let used = pages.sum::<f64>() as u64;
    let quiet_for = tests_began.unwrap_or_else(|| clock.elapsed());
    Ok(Watched { snapshot: engine.snapshot(), record, ended, quiet_for, used })
}

/// Whether a look has seen something worse that another one is to confirm.
fn turns_worse(snapshot: &Snapshot) -> bool {
    let all = snapshot.current().checks.iter().zip(&snapshot.checks);
    let passive = all.filter(|(_, check)| !check.spec.active && check.spec.component == Component::Internet);
    passive.map(|(judged, _)| judged).any(|judged| judged.pending.is_some_and(|pending| pending.to > judged.verdict))
}

/// Hands an observation to the judge. While tests press the line, what the watch sees is their doing: it is written down, and
/// not judged. Whether this computer is in use is of interest all along.
fn take(
    planned: &Planned,
    engine: &mut Engine,
    record: &mut Record,
    observation: Observation,
    in_tests: bool,
    clock: Clock,
) {
    let line = planned.line.iter().find(|(spec, _)| spec.name == observation.check);
    let is_test = line.is_some_and(|(spec, _)| spec.active);
    record.take(&observation, is_test, in_tests);
    if !in_tests || is_test || line.is_none() {
        engine.observe(observation, clock.now());
    }
}
