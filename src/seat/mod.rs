//! Side door: `siaga seat`, the daemon's eye and ear in the desktop session.
//!
//! It asks the session's sound server (`PulseAudio`, or `PipeWire` in its clothes) by its own program `pactl`, in a child with
//! a deadline, because a server that is frozen answers nothing for ever; and tells the daemon what it saw, at each change and
//! every few seconds. It changes nothing. What it plays and records is a sound test that the daemon orders, in a child too,
//! which ends at once when a program of the session records.

mod changes;
#[cfg(debug_assertions)]
pub mod fuzz;
mod pactl;
mod sound_test;

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::peer;
use crate::probe::seat::HEARTBEAT;
use crate::probe::seat::User;
use crate::probe::seat::order::{self, Order};
use crate::probe::seat::report::{Device, Report, Told};
use changes::Changes;
use pactl::Pactl;
use sound_test::Maker;

/// Between two tries to reach the daemon; and at most, where it hangs up on us at once: we are not the user whom it believes, or take turns
/// with another agent of ours.
const KNOCK: Duration = Duration::from_secs(1);
const SELDOM: Duration = Duration::from_mins(1);

/// Whoever is listened to for so long is wanted.
const WANTED: Duration = Duration::from_secs(5);

/// After a change the server often tells a few more at once; and somebody who moves a slider makes one a frame.
const QUIET: Duration = Duration::from_millis(100);

/// How long changes may go on coming before they are looked at all the same.
const STORM: Duration = Duration::from_millis(500);

/// How long a word to the daemon may take: it reads all that comes.
const SAID: Duration = Duration::from_secs(5);

/// What the session of `user` uses by default, microphone and loudspeaker, asked of its sound server once. What stands for no
/// equipment is nothing.
///
/// # Errors
/// Why that cannot be seen.
pub async fn defaults(user: &User) -> Result<[Option<Device>; 2], String> {
    let (user, own) = (user.number().map_err(|error| error.to_string())?, rustix::process::geteuid());
    let mut pactl = match own.as_raw() {
        own if own == user => Pactl::new(Arc::default()),
        0 => Pactl::of(user),
        _ => return Err(format!("only root or the user {user}, whose session it is, may ask its sound server")),
    };
    match pactl.look(&mut || {}).await {
        Report::Sound { source, sink, .. } => {
            Ok([source, sink].map(|device| device.filter(|device| !device.virtual_only)))
        }
        Report::Blind { detail } => Err(detail),
        Report::Unanswering => Err("the session's sound server does not answer".to_owned()),
        Report::Absent | Report::Tested(_) => Err(format!("user {user} is not logged in, or has no sound server")),
    }
}

/// Reports to the daemon at `socket` until this process ends. `step` is called at each step of its loop, and none of them takes longer
/// than some six seconds, whatever the sound server, a child or the daemon does: who hears nothing of it for longer knows that it is stuck.
pub async fn run(socket: &Path, mut step: impl FnMut()) {
    let maker = Maker::new();
    let mut pactl = Pactl::new(maker.own());
    let maker = Arc::new(Mutex::new(maker));
    let (mut told, mut knocks) = (false, Knocks::default());
    loop {
        match UnixStream::connect(socket).await {
            Ok(daemon) => {
                if !knocks.is_unwanted() {
                    tracing::info!(socket = %socket.display(), "the daemon is there");
                }
                told = false;
                let (hears, tells) = daemon.into_split();
                let (done, answers) = mpsc::channel(1);
                let mut wanted = false;
                let until_wanted = async {
                    tokio::time::sleep(WANTED).await;
                    wanted = true;
                    if knocks.is_unwanted() {
                        tracing::info!(socket = %socket.display(), "the daemon listens to us now");
                    }
                    std::future::pending::<io::Result<Infallible>>().await
                };
                // At once: a look may take a while, and an order to stop may not wait for it.
                let Err(error) = tokio::select! {
                    end = obey(hears, &maker, &done) => end,
                    end = report(tells, &mut pactl, answers, &mut step) => end,
                    end = until_wanted => end,
                };
                if wanted {
                    tracing::info!(%error, "the daemon has gone; it is waited for");
                } else if !knocks.is_unwanted() {
                    tracing::info!(
                        %error,
                        "the daemon hangs up at once: it believes another user, or another siaga-seat of this one; it is asked seldom"
                    );
                }
                knocks.ended(wanted);
            }
            Err(error) if !told => {
                told = true;
                tracing::info!(socket = %socket.display(), %error, "the daemon is not there; it is waited for");
            }
            Err(_) => {}
        }
        pause(knocks.wait, &mut step).await;
    }
}

/// Waits in steps.
async fn pause(wait: Duration, step: &mut impl FnMut()) {
    let mut end = std::pin::pin!(tokio::time::sleep(wait));
    step();
    while tokio::time::timeout(HEARTBEAT, &mut end).await.is_err() {
        step();
    }
}

/// How soon the daemon is tried again: later and later while it hangs up at once.
#[derive(Debug)]
struct Knocks {
    wait: Duration,
    /// How often in a row it hung up at once.
    unwanted: u32,
}

impl Default for Knocks {
    fn default() -> Self {
        Self { wait: KNOCK, unwanted: 0 }
    }
}

impl Knocks {
    /// Whether the last time the daemon hung up at once, which the log says then and not again.
    const fn is_unwanted(&self) -> bool {
        self.unwanted > 0
    }

    /// A conversation has ended that the daemon wanted, or did not.
    fn ended(&mut self, wanted: bool) {
        self.unwanted = if wanted { 0 } else { self.unwanted.saturating_add(1) };
        self.wait = KNOCK.saturating_mul(1 << self.unwanted.saturating_sub(1).min(6)).min(SELDOM);
    }
}

/// Does what the daemon orders until it goes. What is under way then ends with it.
async fn obey(hears: OwnedReadHalf, maker: &Arc<Mutex<Maker>>, done: &mpsc::Sender<Told>) -> io::Result<Infallible> {
    let mut hears = BufReader::new(hears);
    let mut line = Vec::new();
    // The test under way; it ends when this is dropped.
    let mut under_way: Option<(u64, oneshot::Sender<Infallible>)> = None;
    while peer::line(&mut hears, &mut line, order::LONGEST).await? {
        match Order::parse(&line)? {
            Order::Test { id, what } => {
                let (go_on, stop) = oneshot::channel();
                under_way = Some((id, go_on));
                let (maker, done) = (Arc::clone(maker), done.clone());
                tokio::spawn(async move {
                    let told = maker.lock().await.make(id, what, stop).await;
                    // A daemon that has gone asks anew.
                    _ = done.send(told).await;
                });
            }
            Order::Stop { id } => under_way = under_way.filter(|(of, _)| *of != id),
        }
        line.clear();
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// Reports until the daemon goes.
async fn report(
    mut tells: OwnedWriteHalf,
    pactl: &mut Pactl,
    mut answers: mpsc::Receiver<Told>,
    step: &mut impl FnMut(),
) -> io::Result<Infallible> {
    let mut changes = Changes::default();
    loop {
        let seen = pactl.look(step).await;
        step();
        say(&mut tells, &seen).await?;
        step();
        tokio::select! {
            () = due(&mut changes) => {}
            // What has changed meanwhile is looked at next.
            Some(told) = answers.recv() => say(&mut tells, &Report::Tested(told)).await?,
        }
    }
}

async fn say(tells: &mut OwnedWriteHalf, report: &Report) -> io::Result<()> {
    tokio::time::timeout(SAID, tells.write_all(&report.line()))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the daemon reads nothing"))?
}

/// Waits until there is something to report: a change and those that follow it, or the heartbeat. A server that is not there
/// ends the subscription at once, and is asked again after the second that this takes.
async fn due(changes: &mut Changes) {
    if tokio::time::timeout(HEARTBEAT, changes.next()).await.is_ok() {
        let more = async { while tokio::time::timeout(QUIET, changes.next()).await.is_ok() {} };
        _ = tokio::time::timeout(STORM, more).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_hung_up_on_knocks_seldom_and_who_was_listened_to_knocks_at_once() {
        let mut knocks = Knocks::default();
        assert!(!knocks.is_unwanted() && knocks.wait == KNOCK);
        let mut waits = Vec::new();
        for _ in 0..40 {
            knocks.ended(false);
            waits.push(knocks.wait.as_secs());
        }
        assert_eq!(waits[..7], [1, 2, 4, 8, 16, 32, 60]);
        assert!(knocks.is_unwanted() && waits[39] == 60, "once a minute, and the log says it once");
        knocks.ended(true);
        assert!(!knocks.is_unwanted() && knocks.wait == KNOCK, "a daemon that was started anew waits for its agent");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_is_many_steps() {
        let mut steps = 0;
        pause(SELDOM, &mut || steps += 1).await;
        assert!((12..=13).contains(&steps), "{steps} steps in {SELDOM:?}");
    }
}
