//! `siaga reload`: the config read anew, and how that ended.

use std::path::{Path, PathBuf};

use clap::Args;

use super::orders;
use super::paint::note;
use crate::app::service;
use crate::config::{Config, Control};
use crate::control::order::Order;
use crate::domain::Lang;

/// What `siaga reload` can be told.
#[derive(Clone, Debug, Args)]
pub(super) struct ReloadArgs {
    /// Where the daemon listens; without it where the unit has it, else as the config says, else where a daemon of this user does.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Where the daemon keeps its state, if not where the unit or a daemon of this user does: its socket is there.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Asks, tells how it ended, and gives the exit code: 0 if the new config holds, else 2. The config is asked for the daemon's place
/// where that is not known without it alone: it may be wrong, or hang.
///
/// # Errors
/// If no daemon answers, or it ends in the middle.
pub(super) async fn run(
    args: &ReloadArgs,
    config: impl FnOnce() -> Result<Config, String>,
    lang: Lang,
) -> Result<u8, String> {
    let usual = || {
        let socket = service::control_socket(&Control::default(), Path::new(orders::USUAL));
        Some(socket).filter(|socket| socket.exists())
    };
    let named = orders::named(&Control::default(), args.socket.as_deref(), args.state_dir.as_deref());
    let (said, socket) = match named.or_else(usual) {
        Some(socket) => (Control::default(), Some(socket)),
        None => (config().map(|config| config.control).unwrap_or_default(), None),
    };
    let order = Order::Reload { lang };
    if !orders::is_there(&said, socket.as_deref()).await
        && let Some(daemon) = supervised()
    {
        let told = rustix::process::kill_process(daemon, rustix::process::Signal::HUP);
        told.map_err(|error| format!("the daemon cannot be told: {error}"))?;
        note("siaga: no daemon listens for orders; it was told by SIGHUP, and its log says how that ended");
        return Ok(0);
    }
    orders::once(&said, socket.as_deref(), &order).await
}

/// The daemon whose unit this is run for (systemd.exec(5), `$MAINPID`).
fn supervised() -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(std::env::var("MAINPID").ok()?.parse().ok()?)
}
