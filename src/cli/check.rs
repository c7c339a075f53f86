//! `siaga check`: one round of everything, now.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::{mpsc, watch};

use super::listing::{Listing, Once};
use super::paint::say;
use crate::app::probes::{Probes, Shared};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{Lang, Plan, Requirement, Snapshot};
use crate::engine::{Engine, Restored};
use crate::probe::Roots;

/// How long statistics get: five hundred echoes at the spacing of voice packets decide 1 % of loss (Wilson).
const BURST: Duration = Duration::from_secs(10);
/// How long the slowest check gets.
const LONGEST: Duration = Duration::from_secs(25);
/// How long the first round gets when there is no time for statistics.
const QUICK: Duration = Duration::from_secs(3);

/// What `siaga check` can be told.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The profile to judge by; without it the config's default.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Only the first observation of each check: loss is not judged, and no active check runs.
    #[arg(long)]
    quick: bool,
    /// The summary line alone.
    #[arg(long, short)]
    summary: bool,
}

/// Does one round and prints what was found. Gives the exit code of the verdict.
///
/// # Errors
/// An unknown profile.
pub async fn run(config: Config, args: &CheckArgs, lang: Lang, color: bool) -> Result<u8, String> {
    let mut plan = config.plan.clone();
    if let Some(name) = &args.profile {
        let known: Vec<&str> = plan.profiles.iter().map(|profile| &*profile.name).collect();
        plan.default_profile = plan
            .profile(name)
            .ok_or_else(|| format!("there is no profile {name:?}; there are {}", known.join(", ")))?;
    }
    let clock = Clock::start();
    let far_end = crate::app::own_far_end(&config).await?;
    // Nothing active begins before the passive checks have said whether a meeting is under way.
    let (in_use, in_use_seen) = watch::channel(false);
    let (begun, begun_seen) = watch::channel(false);
    let (out, mut observations) = mpsc::channel(256);
    let shared = Shared {
        clock,
        roots: Roots::default(),
        in_use: in_use_seen,
        begun: begun_seen,
        own_far_end: far_end.as_ref().map(|far_end| Arc::new(far_end.addresses())),
        enrolled: crate::app::service::state_dir(None).ok().map(|folder| folder.join(crate::probe::enrolled::FILE)),
        budget: crate::probe::budget::Budget::default(),
        desktop: crate::probe::seat::desktop::Desktop::default(),
        on_air: crate::app::service::state_dir(None)
            .map(|folder| crate::probe::on_air::OnAir::open(&folder, clock))
            .unwrap_or_default(),
        buses: crate::probe::usb::carried::Carried::default(),
        cards: crate::probe::audio::Seen::default(),
        board: crate::probe::board::Board::default(),
    };
    let once = if args.quick { without_what_takes_time(&mut plan) } else { Once::Whole };
    let skip_active = args.quick;
    let checks = config.plan.checks.iter().zip(&config.probes).filter(|(spec, _)| !(skip_active && spec.active));
    let mut probes = Probes::new(shared, out);
    probes.keep(checks, |_| None);
    let mut engine = Engine::new(plan, Restored::default(), clock.now());
    let limit = if args.quick { QUICK } else { LONGEST };
    let mut progress = Progress::new();
    loop {
        let snapshot = engine.snapshot();
        in_use.send_if_modified(|told| std::mem::replace(told, snapshot.in_use) != snapshot.in_use);
        begun.send_if_modified(|told| std::mem::replace(told, !snapshot.starting) == snapshot.starting);
        let elapsed = clock.elapsed();
        progress.show(&snapshot, elapsed);
        if elapsed >= limit || is_done(&snapshot, args.quick, elapsed) {
            break;
        }
        let wake = clock.mono().after(Duration::from_millis(200));
        tokio::select! {
            Some(observation) = observations.recv() => {
                engine.observe(observation, clock.now());
            }
            () = clock.sleep_until(wake.min(engine.next_deadline())) => engine.tick(clock.now()),
        }
    }
    progress.clear();
    let snapshot = engine.snapshot();
    let view = snapshot.current();
    if let Some(room) = Listing::once(&snapshot, &view.profile.name, lang, &once) {
        let room = room.titled(config.room.title());
        say(&if args.summary { room.summary(lang, color) + "\n" } else { room.text(lang, color) });
    }
    Ok(view.verdict.exit_code())
}

/// Takes out of the plan what `--quick` has no time for, and says what that was: the loss decision, which needs its burst, and
/// the active checks. Those stay where nothing else speaks for their component: then nothing is known of it, and that is
/// said.
fn without_what_takes_time(plan: &mut Plan) -> Once {
    let speaks = |component| {
        plan.checks
            .iter()
            .any(|check| check.component == component && !check.active && check.requirement == Requirement::Required)
    };
    let (left_out, kept): (Vec<_>, Vec<_>) =
        plan.checks.iter().cloned().partition(|check| check.active && speaks(check.component));
    let loss = kept.iter().any(|check| !check.active && check.loss.is_some());
    plan.checks = kept;
    for check in plan.checks.iter_mut().filter(|check| !check.active && check.loss.is_some()) {
        Arc::make_mut(check).loss = None;
    }
    Once::Quick { loss, left_out: left_out.iter().map(|check| check.name.clone()).collect() }
}

/// Whether there is nothing more to wait for: each check has been seen, and loss is decided (or its burst is over). What is
/// pending is not awaited: the first look of each check is decided at once.
fn is_done(snapshot: &Snapshot, quick: bool, elapsed: Duration) -> bool {
    let seen = snapshot.checks.iter().all(|check| check.runs > 0 || (quick && check.spec.active));
    if !seen || quick {
        return seen;
    }
    let view = snapshot.current();
    let open = view.checks.iter().zip(&snapshot.checks).any(|(judged, check)| {
        let counts = check.spec.requirement == Requirement::Required;
        let undecided =
            check.spec.loss.is_some_and(|loss| judged.reasons.iter().any(|reason| reason.def == loss.undecided));
        counts && undecided
    });
    !open || elapsed >= BURST
}

/// A line on the terminal that says what is still awaited; nothing where nobody watches.
struct Progress {
    on: bool,
    shown: String,
}

impl Progress {
    fn new() -> Self {
        Self { on: std::io::stderr().is_terminal(), shown: String::new() }
    }

    fn show(&mut self, snapshot: &Snapshot, elapsed: Duration) {
        if !self.on {
            return;
        }
        let seen = snapshot.checks.iter().filter(|check| check.runs > 0).count();
        let line = format!("{seen}/{} … {} s", snapshot.checks.len(), elapsed.as_secs());
        if line != self.shown {
            eprint(&format!("\r\x1b[K{line}"));
            self.shown = line;
        }
    }

    fn clear(&self) {
        if self.on {
            eprint("\r\x1b[K");
        }
    }
}

fn eprint(text: &str) {
    use std::io::Write as _;
    _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_way_judges_no_loss_and_waits_for_no_test() {
        let text = "[[check]]\nname = 'echo'\nkind = 'icmp'\ntarget = '192.0.2.1'\n\
            [[check]]\nname = 'line'\nkind = 'bandwidth'\ndown_url = 'self'\n\
            [[check]]\nname = 'voice'\nkind = 'loopback'\n";
        let mut plan = Config::parse(&crate::config::Source::new("test", text)).unwrap().plan;
        assert!(plan.checks[0].loss.is_some());
        let Once::Quick { loss, left_out } = without_what_takes_time(&mut plan) else { panic!("not quick") };
        assert!(loss);
        assert_eq!(left_out, ["line".into()]);
        let kept: Vec<_> = plan.checks.iter().map(|check| (check.name.as_str(), check.loss)).collect();
        assert_eq!(kept, [("echo", None), ("voice", None)], "of sound nothing else speaks, so it stays, unknown");
    }
}
