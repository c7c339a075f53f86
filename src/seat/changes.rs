//! The sound server's own word that something has changed: `pactl subscribe`.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A server that has gone stays away for a while.
const AWAY: Duration = Duration::from_secs(1);

/// What it tells, as long as this lives.
#[derive(Default)]
pub(super) struct Changes(Option<(Child, Lines<BufReader<ChildStdout>>)>);

impl Changes {
    /// Begins to listen, if it does not yet.
    pub(super) fn begin(&mut self) {
        if self.0.is_none() {
            self.0 = subscribe();
        }
    }

    /// Waits for the next change that matters; for ever, where the server tells none. Giving the wait up loses nothing.
    pub(super) async fn next(&mut self) {
        loop {
            self.begin();
            let Some((_, lines)) = &mut self.0 else { return std::future::pending().await };
            match lines.next_line().await {
                Ok(Some(line)) if matters(&line) => return,
                Ok(Some(_)) => {}
                // The server has gone: that is a change too. Not at once, for one that is away stays away for a while.
                Ok(None) | Err(_) => {
                    tokio::time::sleep(AWAY).await;
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
