//! `siaga seat`: the agent in the desktop session, and what its supervisor is told.

use std::path::Path;

use sd_notify::NotifyState;

use crate::app::service;
use crate::clock::Clock;

/// Reports until this process is ended. The supervisor's watchdog is fed by the steps of the agent's own loop and by nothing else, so that
/// a stuck agent is restarted, and one whose sound server or child is stuck is not.
///
/// # Errors
/// Never: it ends by a signal.
pub(super) async fn run(socket: &Path) -> Result<u8, String> {
    service::start_log();
    let mut feed = service::watchdog(Clock::start());
    // It needs neither the daemon nor a sound server: it waits for both.
    service::tell(&[NotifyState::Ready]);
    crate::seat::run(socket, || _ = feed()).await;
    Ok(0)
}
