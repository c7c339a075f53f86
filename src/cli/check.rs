//! `siaga check`: one round of everything, now; beside a daemon, of what is not the daemon's alone.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::{mpsc, watch};

use super::listing::{Listing, Once};
use super::orders;
use super::paint::say;
use super::survey::TESTS;
use crate::app::probes::{Probes, Shared};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::snapshot::CheckView;
use crate::domain::{CheckName, CheckSpec, Component, Kind, Lang, Plan, Requirement, Snapshot};
use crate::engine::{Engine, Restored};
use crate::probe::Roots;

/// How long statistics get: five hundred echoes at the spacing of voice packets decide 1 % of loss (Wilson).
const BURST: Duration = Duration::from_secs(10);
/// How long the slowest look gets.
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
    // Nothing active begins before the passive checks have said whether a meeting is under way, and what the line is like without it.
    let (in_use, in_use_seen) = watch::channel(false);
    let (begun, begun_seen) = watch::channel(false);
    let (out, mut observations) = mpsc::channel(256);
    let budget = crate::probe::budget::Budget::default();
    budget.know(&config.uplinks);
    let shared = Shared {
        clock,
        roots: Roots::default(),
        in_use: in_use_seen,
        begun: begun_seen,
        own_far_end: far_end.as_ref().map(|far_end| Arc::new(far_end.addresses())),
        enrolled: crate::app::service::state_dir(None).ok().map(|folder| folder.join(crate::probe::enrolled::FILE)),
        budget,
        desktop: crate::probe::seat::desktop::Desktop::default(),
        on_air: crate::app::service::state_dir(None)
            .map(|folder| crate::probe::on_air::OnAir::open(&folder, clock))
            .unwrap_or_default(),
        buses: crate::probe::usb::carried::Carried::default(),
        cards: crate::probe::audio::Seen::default(),
        board: crate::probe::board::Board::default(),
    };
    let how = How { quick: args.quick, beside: orders::is_there(&config.control, None).await };
    let once = how.trim(&mut plan);
    let checks = config.plan.checks.iter().zip(&config.probes).filter(|(spec, _)| !how.leaves(spec));
    let mut probes = Probes::new(shared, out);
    probes.keep(checks, |_| None);
    let mut engine = Engine::new(plan, Restored::default(), clock.now());
    let (mut progress, mut tests_since) = (Progress::new(), None);
    loop {
        let snapshot = engine.snapshot();
        in_use.send_if_modified(|told| std::mem::replace(told, snapshot.in_use) != snapshot.in_use);
        let elapsed = clock.elapsed();
        if tests_since.is_none() && !snapshot.starting && is_quiet(&snapshot, how, elapsed) {
            tests_since = Some(elapsed);
            begun.send_replace(true);
        }
        progress.show(&snapshot, elapsed);
        let limit = match tests_since {
            _ if how.quick => QUICK,
            Some(since) if how.awaits_tests(&snapshot) => since + TESTS,
            _ => LONGEST,
        };
        if elapsed >= limit || is_done(&snapshot, how, elapsed, tests_since.is_some()) {
            break;
        }
        let wake = clock.mono().after(Duration::from_millis(200));
        tokio::select! {
            Some(observation) = observations.recv() => {
                // While tests press the line, what looks at it sees their doing.
                let is_pressed = tests_since.is_some() && how.awaits(&snapshot, presses_the_line);
                let looks = snapshot.checks.iter().any(|check| check.spec.name == observation.check && looks_at_the_line(&check.spec));
                if !(is_pressed && looks) {
                    engine.observe(observation, clock.now());
                }
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

/// What a round leaves alone.
#[derive(Clone, Copy)]
struct How {
    /// There is no time for statistics and tests.
    quick: bool,
    /// A daemon runs: it knows the agenda and what its tests may take, has the devices to itself while it tests, and is where
    /// the desktop session's agent reports.
    beside: bool,
}

impl How {
    /// Whether a check is not looked at.
    fn leaves(self, spec: &CheckSpec) -> bool {
        (spec.active && (self.quick || self.beside)) || (spec.kind == Kind::Seat && self.beside)
    }

    /// Whether a test has to be waited for: while the room is in use none is made.
    fn awaits_tests(self, snapshot: &Snapshot) -> bool {
        self.awaits(snapshot, |check| check.active)
    }

    /// The same of these tests.
    fn awaits(self, snapshot: &Snapshot, are: impl Fn(&CheckSpec) -> bool) -> bool {
        let awaited = |check: &CheckView| are(&check.spec) && check.runs == 0 && !self.leaves(&check.spec);
        !snapshot.in_use && snapshot.checks.iter().any(|check| awaited(check))
    }

    /// Takes out of the plan what is not looked at, and says what that was; with `--quick` the loss decision too, which needs its
    /// burst. A check stays where nothing else speaks for its component: then nothing is known of it, and that is said.
    fn trim(self, plan: &mut Plan) -> Once {
        let speaks = |component| {
            plan.checks.iter().any(|check| {
                check.component == component && !self.leaves(check) && check.requirement == Requirement::Required
            })
        };
        // Of what a meeting needs and the daemon alone tests nothing is known here; who wants it quick knows that.
        let needed = |check: &CheckSpec| !self.quick && check.requirement == Requirement::Required;
        let (left_out, kept): (Vec<_>, Vec<_>) = plan
            .checks
            .iter()
            .cloned()
            .partition(|check| self.leaves(check) && !needed(check) && speaks(check.component));
        let left_out: Vec<CheckName> = left_out.iter().map(|check| check.name.clone()).collect();
        let loss = kept.iter().any(|check| !self.leaves(check) && check.loss.is_some());
        plan.checks = kept;
        // What was seen of the line before the tests counts to their end.
        let is_pressed = plan.checks.iter().any(|check| presses_the_line(check) && !self.leaves(check));
        for check in plan.checks.iter_mut().filter(|check| is_pressed && looks_at_the_line(check)) {
            Arc::make_mut(check).fresh_for = check.fresh_for.max(LONGEST + TESTS);
        }
        if !self.quick {
            return if self.beside { Once::Beside { left_out } } else { Once::Whole };
        }
        for check in plan.checks.iter_mut().filter(|check| !self.leaves(check) && check.loss.is_some()) {
            Arc::make_mut(check).loss = None;
        }
        Once::Quick { loss, left_out }
    }
}

/// Whether it sees what tests do to the line, and is none of them. That a cable is pulled, and that a call goes over it, is none of
/// their doing.
fn looks_at_the_line(check: &CheckSpec) -> bool {
    check.component == Component::Internet && !check.active && check.kind != Kind::Link
}

/// Whether it is a test of the line.
fn presses_the_line(check: &CheckSpec) -> bool {
    check.component == Component::Internet && check.active
}

/// Whether there is nothing more to wait for: each check has been seen, but for tests that are not made while the room is in use, and
/// loss is decided (or its burst is over). What is pending is not awaited: the first look of each check is decided at once.
fn is_done(snapshot: &Snapshot, how: How, elapsed: Duration, is_tested: bool) -> bool {
    let is_held = |check: &CheckView| is_tested && snapshot.in_use && check.spec.active;
    let seen = snapshot.checks.iter().all(|check| check.runs > 0 || how.leaves(&check.spec) || is_held(check));
    if !seen || how.quick {
        return seen;
    }
    is_quiet(snapshot, how, elapsed)
}

/// Whether the line has been seen for as long as it takes without a test on it: loss is decided, or its burst is over.
fn is_quiet(snapshot: &Snapshot, how: How, elapsed: Duration) -> bool {
    let view = snapshot.current();
    let open = view.checks.iter().zip(&snapshot.checks).any(|(judged, check)| {
        let counts = check.spec.requirement == Requirement::Required && !how.leaves(&check.spec);
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

    const ROOM: &str = "[[check]]\nname = 'echo'\nkind = 'icmp'\ntarget = '192.0.2.1'\n\
        [[check]]\nname = 'line'\nkind = 'bandwidth'\ndown_url = 'self'\n\
        [[check]]\nname = 'voice'\nkind = 'loopback'\n";

    fn trimmed(text: &str, how: How) -> (Plan, Once) {
        let mut plan = Config::parse(&crate::config::Source::new("test", text)).unwrap().plan;
        let once = how.trim(&mut plan);
        (plan, once)
    }

    #[test]
    fn the_quick_way_judges_no_loss_and_waits_for_no_test() {
        let (plan, once) = trimmed(ROOM, How { quick: true, beside: false });
        assert_eq!(once, Once::Quick { loss: true, left_out: vec!["line".into()] });
        let kept: Vec<_> = plan.checks.iter().map(|check| (check.name.as_str(), check.loss)).collect();
        assert_eq!(kept, [("echo", None), ("voice", None)], "of sound nothing else speaks, so it stays, unknown");
    }

    #[test]
    fn beside_a_daemon_no_test_is_made_and_the_session_is_not_listened_for() {
        let seat = "[[check]]\nname = 'desktop'\nkind = 'seat'\nuser = 7\n[[check]]\nname = 'card'\nkind = 'audio'\ncard = 'x'\n";
        let text = format!("{ROOM}{seat}").replace("'self'\n", "'self'\nrequirement = 'advisory'\n");
        let how = How { quick: false, beside: true };
        let (plan, once) = trimmed(&text, how);
        assert_eq!(once, Once::Beside { left_out: vec!["line".into()] });
        let kept: Vec<_> = plan.checks.iter().map(|check| (check.name.as_str(), check.loss.is_some())).collect();
        let stays = [("echo", true), ("voice", false), ("desktop", false), ("card", false)];
        assert_eq!(kept, stays, "what is passive is judged in full, and of what is needed and left nothing is known");
        let (plan, once) = trimmed(&text, How { quick: false, beside: false });
        assert_eq!((plan.checks.len(), once), (5, Once::Whole));
        let echo = &plan.checks[0];
        assert!(looks_at_the_line(echo) && !looks_at_the_line(&plan.checks[1]));
        assert!(echo.fresh_for >= TESTS, "what was seen of the line counts while tests press it");
    }
}
