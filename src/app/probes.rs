//! One task a check: the probe in a loop, its observations into one bounded channel, its panics caught and told.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::domain::{CheckName, CheckSpec, ErrorKind, Mono, Observation, ProbeError, Uplink};
use crate::probe::audio::Seen;
use crate::probe::board::Board;
use crate::probe::budget::Budget;
use crate::probe::egress::Egress;
use crate::probe::on_air::OnAir;
use crate::probe::seat::desktop::Desktop;
use crate::probe::usb::carried::Carried;
use crate::probe::{Context, OwnFarEnd, ProbeConfig, Requests, Roots};

/// How long a probe that panicked rests before it is built anew.
const REST: Duration = Duration::from_secs(5);

/// What all probes share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The clocks.
    pub clock: Clock,
    /// Where the kernel's files are.
    pub roots: Roots,
    /// Whether the room is in use.
    pub in_use: watch::Receiver<bool>,
    /// Whether the passive checks' first round is over: before that nobody knows whether a meeting is under way, and nothing
    /// active begins.
    pub begun: watch::Receiver<bool>,
    /// The daemon's own far end, where it runs one.
    pub own_far_end: Option<Arc<OwnFarEnd>>,
    /// Where the room's record is, if state is kept.
    pub enrolled: Option<PathBuf>,
    /// What the tests of the line may take, together.
    pub budget: Budget,
    /// The desktop session, as its agent tells it.
    pub desktop: Desktop,
    /// What was said on the radio's channel.
    pub on_air: OnAir,
    /// On which USB buses cameras and sound devices have been.
    pub buses: Carried,
    /// Which words of the config were a sound card's short name.
    pub cards: Seen,
    /// Where tests stand while they run.
    pub board: Board,
}

/// The running probes, one a check. All end when this is dropped.
pub struct Probes {
    shared: Shared,
    out: mpsc::Sender<Observation>,
    running: HashMap<CheckName, Running>,
}

struct Running {
    spec: Arc<CheckSpec>,
    config: ProbeConfig,
    requests: Requests,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
        // The desk has a handle too: a request that waits would wait on.
        self.requests.close();
    }
}

impl Probes {
    /// None yet; their observations will go to `out`.
    pub fn new(shared: Shared, out: mpsc::Sender<Observation>) -> Self {
        Self { shared, out, running: HashMap::new() }
    }

    /// Sees to it that just these probes run. One that is told the same as before goes on undisturbed. `seen` says when a
    /// check was last observed, by an earlier process perhaps: an active probe keeps its pace over a restart.
    pub fn keep<'a>(
        &mut self,
        checks: impl IntoIterator<Item = (&'a Arc<CheckSpec>, &'a ProbeConfig)>,
        seen: impl Fn(&CheckName) -> Option<Mono>,
    ) {
        let mut before = std::mem::take(&mut self.running);
        for (spec, config) in checks {
            let running = before.remove(&spec.name).filter(|old| old.spec.runs_as(spec) && old.config == *config);
            let running = running.unwrap_or_else(|| self.start(spec, config, seen(&spec.name).filter(|_| spec.active)));
            self.running.insert(spec.name.clone(), running);
        }
    }

    /// The uplinks that the config names from now on, for the books of tests.
    pub fn know(&self, uplinks: &[Arc<Uplink>]) {
        self.shared.budget.know(uplinks);
    }

    /// Where each active probe is asked for a test.
    pub fn requests(&self) -> HashMap<CheckName, Requests> {
        let active = self.running.iter().filter(|(_, running)| running.spec.active);
        active.map(|(name, running)| (name.clone(), running.requests.clone())).collect()
    }

    fn start(&self, spec: &Arc<CheckSpec>, config: &ProbeConfig, seen: Option<Mono>) -> Running {
        let requests = Requests::default();
        let context = Context {
            check: spec.name.clone(),
            clock: self.shared.clock,
            interval: spec.interval,
            bad_for: spec.holds.bad_for,
            roots: self.shared.roots.clone(),
            in_use: self.shared.in_use.clone(),
            requests: requests.clone(),
            not_before: seen.map_or(Mono::ZERO, |seen| seen.after(spec.interval)),
            stands_until: seen.map_or(Mono::ZERO, |seen| seen.after(spec.fresh_for)),
            own_far_end: self.shared.own_far_end.clone(),
            enrolled: self.shared.enrolled.clone(),
            egress: Egress::by(spec.uplink.clone()),
            budget: self.shared.budget.clone(),
            desktop: self.shared.desktop.clone(),
            on_air: self.shared.on_air.clone(),
            buses: self.shared.buses.clone(),
            cards: self.shared.cards.clone(),
            board: self.shared.board.clone(),
        };
        let begun = spec.active.then(|| self.shared.begun.clone());
        let observing = keep_observing(config.clone(), context, self.out.clone());
        let task = async move {
            // Its other end goes with the daemon.
            if let Some(mut begun) = begun
                && begun.wait_for(|begun| *begun).await.is_err()
            {
                return;
            }
            observing.await;
        };
        Running { spec: Arc::clone(spec), config: config.clone(), requests, task: tokio::spawn(task) }
    }
}

async fn keep_observing(config: ProbeConfig, mut context: Context, out: mpsc::Sender<Observation>) {
    loop {
        let mut probe = config.build(context.clone());
        let observing = async {
            // The channel closes when the daemon ends.
            while out.send(probe.next().await).await.is_ok() {}
        };
        if AssertUnwindSafe(observing).catch_unwind().await.is_ok() {
            return;
        }
        // The panic's own message went to the log by the panic hook.
        tracing::error!(check = %context.check, "the probe panicked; it is built anew in {REST:?}");
        let error = ProbeError::new(ErrorKind::Internal, "the probe panicked; the log has the place");
        let mut failed = context.failed(context.clock.mono(), error, crate::probe::errors(config.kind()));
        crate::probe::account(&context, config.kind(), &mut failed);
        // What was known before is no longer what was told last.
        context.stands_until = Mono::ZERO;
        if out.send(failed).await.is_err() {
            return;
        }
        tokio::time::sleep(REST).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Source};

    #[tokio::test]
    async fn a_request_that_waits_ends_with_the_probe_it_was_made_to() {
        let text = |budget: &str| {
            let url = "http://127.0.0.1:9/";
            format!(
                "[[check]]\nname = \"line\"\nkind = \"bandwidth\"\ndown_url = \"{url}\"\nup_url = \"{url}\"\ndaily_budget = \"{budget}\"\n"
            )
        };
        let config = |budget: &str| Config::parse(&Source::new("test", text(budget))).unwrap();
        let ((_in_use, in_use), (_begun, begun)) = (watch::channel(false), watch::channel(false));
        let shared = Shared {
            clock: Clock::start(),
            roots: Roots::default(),
            in_use,
            // Nothing active begins, so that the request waits.
            begun,
            own_far_end: None,
            enrolled: None,
            budget: Budget::default(),
            desktop: Desktop::default(),
            on_air: OnAir::default(),
            buses: Carried::default(),
            cards: Seen::default(),
            board: Board::default(),
        };
        let (out, _observed) = mpsc::channel(1);
        let mut probes = Probes::new(shared, out);
        let mut keep = |budget: &str| {
            let config = config(budget);
            probes.keep(config.plan.checks.iter().zip(&config.probes), |_| None);
            probes.requests().remove(&CheckName::from("line")).unwrap()
        };
        let before = keep("2 GB");
        let mut waits = before.ask();
        assert!(waits.try_recv().is_err_and(|error| error == tokio::sync::oneshot::error::TryRecvError::Empty));
        let after = keep("1 GB");
        let told = tokio::time::timeout(Duration::from_secs(30), waits).await;
        assert!(told.is_ok_and(|told| told.is_err()), "told at once that it is over");
        assert!(before.ask().await.is_err(), "and so is who asks the old one later");
        let mut waits = after.ask();
        assert!(waits.try_recv().is_err_and(|error| error == tokio::sync::oneshot::error::TryRecvError::Empty));
    }
}
