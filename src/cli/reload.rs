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

/// Asks, tells how it ended, and gives the exit code: 0 if the new config holds, else 2. What the config says of the daemon's place is
/// asked for only where that is not known without it: it may be wrong. `named`: the one that is, so that this machine's usual daemon may not
/// be meant; a daemon that runs by another refuses.
///
/// # Errors
/// If no daemon answers, or it ends in the middle.
pub(super) async fn run(
    args: &ReloadArgs,
    named: Option<&Path>,
    config: impl FnOnce() -> Result<Config, String>,
    lang: Lang,
) -> Result<u8, String> {
    let there = |socket: PathBuf| Some(socket).filter(|socket| socket.exists());
    let known = match (&args.socket, &args.state_dir) {
        (Some(socket), _) => Some(socket.clone()),
        (None, Some(folder)) => there(orders::of_state(folder)),
        (None, None) if named.is_some() => None,
        (None, None) => there(service::control_socket(&Control::default(), Path::new(orders::USUAL))),
    };
    let (said, wrong) = match known {
        Some(_) => (Control::default(), None),
        None => config().map_or_else(|why| (Control::default(), Some(why)), |config| (config.control, None)),
    };
    let socket = known.or_else(|| orders::named(&said, None, args.state_dir.as_deref()));
    let order = Order::Reload { config: named.map(whole), lang };
    if orders::is_there(&said, socket.as_deref()).await {
        return orders::once(&said, socket.as_deref(), &order).await;
    }
    match (supervised(), wrong) {
        (Some(daemon), wrong) => {
            let told = rustix::process::kill_process(daemon, rustix::process::Signal::HUP);
            told.map_err(|error| format!("the daemon cannot be told: {error}"))?;
            note("siaga: no daemon listens for orders; it was told by SIGHUP, and its log says how that ended");
            Ok(wrong.map_or(0, |why| {
                note(&format!("siaga: {why}"));
                2
            }))
        }
        (None, Some(why)) => Err(format!("{why}\nwhere the daemon listens is not known; --socket names the place")),
        (None, None) => orders::once(&said, socket.as_deref(), &order).await,
    }
}

/// A file's name that means the same to the daemon, which was started in another folder.
fn whole(file: &Path) -> String {
    let whole = file.canonicalize().or_else(|_| std::path::absolute(file));
    whole.unwrap_or_else(|_| file.to_owned()).display().to_string()
}

/// The daemon whose unit this is run for (systemd.exec(5), `$MAINPID`).
fn supervised() -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(std::env::var("MAINPID").ok()?.parse().ok()?)
}
