//! Side door: `siaga seat`, the daemon's eye in the desktop session.
//!
//! It asks the session's sound server (`PulseAudio`, or `PipeWire` in its clothes) by its own program `pactl`, in a child with
//! a deadline, because a server that is frozen answers nothing for ever; and tells the daemon what it saw, at each change and
//! every few seconds. It changes nothing, plays nothing and records nothing.

mod pactl;

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdout, Command};

use crate::probe::child::Program;
use crate::probe::seat::HEARTBEAT;
use pactl::Pactl;

/// Between two tries to reach the daemon.
const KNOCK: Duration = Duration::from_secs(1);

/// After a change the server often tells a few more at once; and somebody who moves a slider makes one a frame.
const QUIET: Duration = Duration::from_millis(100);

/// How long changes may go on coming before they are looked at all the same.
const STORM: Duration = Duration::from_millis(500);

/// How long a word to the daemon may take: it reads all that comes.
const SAID: Duration = Duration::from_secs(5);

/// Reports to the daemon at `socket` until this process ends.
pub async fn run(socket: &Path) {
    let mut pactl = Pactl::new(Program::other("pactl", &["--format=json"]));
    let mut told = false;
    loop {
        match UnixStream::connect(socket).await {
            Ok(daemon) => {
                tracing::info!(socket = %socket.display(), "the daemon is there");
                told = false;
                let Err(error) = report(daemon, &mut pactl).await;
                tracing::info!(%error, "the daemon has gone; it is waited for");
            }
            Err(error) if !told => {
                told = true;
                tracing::info!(socket = %socket.display(), %error, "the daemon is not there; it is waited for");
            }
            Err(_) => {}
        }
        tokio::time::sleep(KNOCK).await;
    }
}

/// Reports until the daemon goes.
async fn report(daemon: UnixStream, pactl: &mut Pactl) -> io::Result<std::convert::Infallible> {
    let (mut hears, mut told) = daemon.into_split();
    let mut changes = Changes::default();
    loop {
        let line = pactl.look().await.line();
        tokio::time::timeout(SAID, told.write_all(&line))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the daemon reads nothing"))??;
        tokio::select! {
            () = due(&mut changes) => {}
            // It never says anything: what comes is its end, and the next one wants to be told at once.
            end = hears.read_u8() => {
                return Err(end.err().unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the daemon speaks")));
            }
        }
    }
}

/// Waits until there is something to report: a change and those that follow it, or the heartbeat. A server that is not there
/// has no changes to tell, and is asked again at the heartbeat.
async fn due(changes: &mut Changes) {
    if tokio::time::timeout(HEARTBEAT, changes.next()).await.is_ok() {
        let more = async { while tokio::time::timeout(QUIET, changes.next()).await.is_ok() {} };
        _ = tokio::time::timeout(STORM, more).await;
    }
}

/// The server's own word that something has changed: `pactl subscribe`.
#[derive(Default)]
struct Changes(Option<(Child, Lines<BufReader<ChildStdout>>)>);

impl Changes {
    /// Waits for the next change that matters; for ever, where the server tells none. Giving the wait up loses nothing.
    async fn next(&mut self) {
        loop {
            let Some((_, lines)) = &mut self.0 else {
                self.0 = subscribe();
                if self.0.is_none() {
                    return std::future::pending().await;
                }
                continue;
            };
            match lines.next_line().await {
                Ok(Some(line)) if matters(&line) => return,
                Ok(Some(_)) => {}
                // The server has gone: that is a change too. Not at once, for one that is away stays away for a while.
                Ok(None) | Err(_) => {
                    tokio::time::sleep(KNOCK).await;
                    self.0 = None;
                    return;
                }
            }
        }
    }
}

fn subscribe() -> Option<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut command = Command::new("pactl");
    command.arg("subscribe").env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn().ok()?;
    let lines = BufReader::new(child.stdout.take()?).lines();
    Some((child, lines))
}

/// `Event 'change' on source #3`. That a client came or went is our own doing: each look is one.
fn matters(line: &str) -> bool {
    line.split_once(" on ").is_some_and(|(_, object)| {
        ["source", "sink", "server", "card"].iter().any(|kind| object.trim_start().starts_with(kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_heard_and_played_matters() {
        for line in ["Event 'change' on source #3", "Event 'new' on sink-input #7", "Event 'change' on server #-1"] {
            assert!(matters(line), "{line}");
        }
        for line in ["Event 'new' on client #8", "Event 'remove' on module #1", "", "Got SIGINT, exiting."] {
            assert!(!matters(line), "{line}");
        }
    }
}
