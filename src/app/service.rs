//! What a supervisor is told (`sd_notify(3)`), and what it tells: signals, the state folder, the log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::clock::Clock;
use crate::domain::Mono;

/// Sends the log to standard error: systemd's journal takes it from there. `SIAGA_LOG` says how much (`info`, `debug`,
/// `info,siaga::probe=debug`).
pub fn start_log() {
    let wanted = std::env::var("SIAGA_LOG").map(|said| said.parse::<Targets>());
    let filter = match &wanted {
        Ok(Ok(filter)) => filter.clone(),
        Ok(Err(_)) | Err(_) => Targets::new().with_default(LevelFilter::INFO),
    };
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let log = tracing_subscriber::registry().with(filter);
    // The journal stamps each line itself.
    _ = if journal { log.with(lines.without_time()).try_init() } else { log.with(lines).try_init() };
    if let Ok(Err(error)) = wanted {
        tracing::warn!(%error, "SIAGA_LOG is not understood; the log tells what it usually tells");
    }
}

/// Tells the supervisor; without one, nobody.
pub fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the supervisor cannot be told");
    }
}

/// Feeds the supervisor's watchdog each third of its period, and says when the next feeding is due: in the daemon from the judge's loop
/// and from nowhere else, so that a stuck judge is restarted and a stuck probe is not.
pub fn watchdog(clock: Clock) -> Box<dyn FnMut() -> Mono + Send> {
    let Some(period) = sd_notify::watchdog_enabled() else { return Box::new(|| Mono::NEVER) };
    let mut next = Mono::ZERO;
    Box::new(move || {
        let now = clock.mono();
        if now >= next {
            next = now.after(period / 3);
            tell(&[NotifyState::Watchdog]);
        }
        next
    })
}

/// The signals that the daemon listens to.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To end in good order.
    End,
    /// To read the config anew.
    Reload,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The kernel's.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }
}

/// Where state is kept: what was asked for, else `$STATE_DIRECTORY` (systemd), else `$XDG_STATE_HOME/siaga`, else
/// `~/.local/state/siaga`.
///
/// # Errors
/// If nothing says where.
pub fn state_dir(asked: Option<PathBuf>) -> Result<PathBuf, String> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    asked
        // systemd separates several by colons; ours is the first.
        .or_else(|| set("STATE_DIRECTORY").map(|all| first_of(&all)))
        .or_else(|| set("XDG_STATE_HOME").map(|home| home.join("siaga")))
        .or_else(|| set("HOME").map(|home| home.join(".local/state/siaga")))
        .ok_or_else(|| "nothing says where state is kept: give --state-dir, or set STATE_DIRECTORY or HOME".to_owned())
}

fn first_of(all: &std::path::Path) -> PathBuf {
    all.to_str().and_then(|all| all.split(':').next()).map_or_else(|| all.to_owned(), PathBuf::from)
}

/// Where orders are given: as the config says, else in the folder that systemd makes for the service, else in the state folder.
pub fn control_socket(said: &crate::config::Control, state: &Path) -> PathBuf {
    let made = std::env::var_os("RUNTIME_DIRECTORY").filter(|value| !value.is_empty()).map(PathBuf::from);
    let place = || made.map_or_else(|| state.to_owned(), |all| first_of(&all)).join(crate::control::SOCKET);
    said.socket.clone().unwrap_or_else(place)
}

/// How long the end may take before the process goes anyway: less than systemd's patience.
pub const LAST_CALL: Duration = Duration::from_secs(10);
