//! The guard of the key: a process of its own that holds the radio's key, so that no death of the daemon leaves it pressed.
//!
//! ```text
//!                       on                    off
//!   start: release ──► released ───────────► pressed ───────────► released
//!                         ▲                     │ the limit, no beat, no parent (end of input), a signal
//!                         └──────── release ◄───┘ until it is true, or a minute has passed
//! ```
//!
//! It is told over its input and answers over its output, a line of JSON each. That the daemon has died, by whatever cause, is
//! the end of its input: the kernel closes what a dead process had open. Should the guard itself be killed, the kernel lowers a
//! serial port's lines, and the daemon starts another guard, which releases first.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use super::config::{Busy, Ptt};
use super::ptt::{Key, Squelch};
use crate::clock::Clock;
use crate::domain::{Mono, Period};

/// The hidden command under which this binary guards a key.
pub const COMMAND: &str = "radio-guard";

/// How often a pressed key must be asked for anew, and how long one goes without: a daemon that stands still has no say.
pub const BEAT: Duration = Duration::from_millis(500);
const SILENCE: Duration = Duration::from_secs(2);

/// How often a key that is up is looked after: whoever else opens a serial port raises its lines, and a device may have been unplugged.
const ROUND: Duration = Duration::from_secs(1);

/// A release that failed is tried again after this, for so long.
const RETRY: Duration = Duration::from_millis(50);
const RELEASE_FOR: Duration = Duration::from_mins(1);

/// What a guard is started with.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// The key.
    pub ptt: Ptt,
    /// The squelch, which may hang on the same port.
    pub busy: Busy,
    /// The longest that the key is pressed.
    pub limit: Period,
}

/// What a guard is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Press the key.
    On,
    /// Keep it pressed.
    Beat,
    /// Release it.
    Off,
    /// Look whether somebody speaks.
    Look,
}

/// What a guard says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The key is open and released.
    Ready,
    /// The key is pressed.
    On,
    /// The key is released.
    Off,
    /// Somebody speaks.
    Busy,
    /// Nobody does, or it is not seen.
    Quiet,
    /// The key was released without an order.
    Cut(Cut),
    /// An order could not be carried out; the key is released as far as is known.
    Failed(String),
}

/// Why the key was released without an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// It was pressed for too long.
    Limit,
    /// The daemon stood still.
    Silence,
}

/// The guard's side: holds the key until its parent has gone. `post` is a [`Post`] in JSON.
pub fn main(post: &OsStr) -> ExitCode {
    let Ok(post) = serde_json::from_slice::<Post>(post.as_encoded_bytes()) else { return ExitCode::from(2) };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    match runtime.block_on(stand(post)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(&Said::Failed(why));
            ExitCode::FAILURE
        }
    }
}

struct Guard {
    post: Post,
    clock: Clock,
    key: Option<Key>,
    /// Or why it cannot be opened, which keeps nothing pressed.
    squelch: Result<Option<Squelch>, String>,
    /// Until when it may be pressed, if it is.
    until: Option<Mono>,
    /// When it was last asked for.
    asked: Mono,
    /// When it is looked after next, while it is up.
    attend_at: Mono,
}

async fn stand(post: Post) -> Result<(), String> {
    // Before the key: whoever ends the daemon's whole group means the guard too, and it must release first.
    // A watchdog of systemd's aborts.
    let abort = SignalKind::from_raw(rustix::process::Signal::ABORT.as_raw());
    let mut ends = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup(), SignalKind::quit(), abort]
        .into_iter()
        .map(signal)
        .collect::<Result<Vec<Signal>, _>>()
        .map_err(|error| format!("signals cannot be listened to: {error}"))?;
    let orders = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .and_then(pipe::Receiver::from_owned_fd)
        .map_err(|error| format!("the input is no pipe: {error}"))?;
    let mut orders: Lines<_> = BufReader::new(orders).lines();
    let squelch = open_squelch(&post);
    let key = Key::open(&post.ptt).map_err(|error| format!("the key cannot be opened: {error}"))?;
    let clock = Clock::start();
    let now = clock.mono();
    let mut guard =
        Guard { post, clock, key: Some(key), squelch, until: None, asked: now, attend_at: now.after(ROUND) };
    say(&Said::Ready);
    loop {
        let (due, is_pressed) = (guard.due(), guard.until.is_some());
        tokio::select! {
            biased;
            // First while it is pressed, and last while it is up: nothing may keep it pressed, and no look after it the guard from its end.
            () = clock.sleep_until(due), if is_pressed => guard.cut().await,
            () = any(&mut ends) => break,
            line = orders.next_line() => match line {
                Ok(Some(line)) => match serde_json::from_str(&line) {
                    Ok(order) => guard.obey(order).await,
                    // Who speaks so is not our daemon.
                    Err(_) => break,
                },
                Ok(None) | Err(_) => break,
            },
            () = clock.sleep_until(due), if !is_pressed => guard.attend(),
        }
    }
    guard.release().await
}

impl Guard {
    async fn obey(&mut self, order: Order) {
        self.asked = self.clock.mono();
        match order {
            Order::Beat => {}
            Order::On => {
                let pressed = match &mut self.key {
                    Some(key) => key.set(true),
                    None => Err(std::io::Error::other("the key could not be opened again")),
                };
                match pressed {
                    Ok(()) => {
                        // From now on, not from the first order on, would let a daemon that goes on asking press for ever.
                        self.until.get_or_insert(self.clock.mono().after(self.post.limit.0));
                        self.asked = self.clock.mono();
                        say(&Said::On);
                    }
                    Err(error) => {
                        // It may be pressed all the same.
                        let released = self.release().await;
                        let more = released.err().map(|why| format!("; {why}")).unwrap_or_default();
                        say(&Said::Failed(format!("the key cannot be pressed: {error}{more}")));
                    }
                }
            }
            Order::Off => match self.release().await {
                Ok(()) => say(&Said::Off),
                Err(why) => say(&Said::Failed(why)),
            },
            Order::Look => say(&match self.squelch.as_ref().map(|squelch| squelch.as_ref().map(Squelch::is_open)) {
                Ok(Some(Ok(true))) => Said::Busy,
                Ok(Some(Ok(false)) | None) => Said::Quiet,
                Ok(Some(Err(error))) => Said::Failed(format!("the squelch cannot be read: {error}")),
                Err(why) => Said::Failed(why.clone()),
            }),
        }
    }

    /// When the key is released without an order; or looked after, where it is up.
    fn due(&self) -> Mono {
        self.until.map_or(self.attend_at, |until| until.min(self.asked.after(SILENCE)))
    }

    /// Holds a key that is up there, and opens one anew that was unplugged: as long as its old file is open, the kernel gives the device
    /// another name. What takes long is done less often.
    fn attend(&mut self) {
        let began = self.clock.mono();
        // Before the key, as at the start.
        if self.squelch.as_ref().map_or(true, |squelch| squelch.as_ref().is_some_and(Squelch::is_gone)) {
            // What is asked for anew is given up first.
            self.squelch = Err(String::new());
            self.squelch = open_squelch(&self.post);
        }
        self.key = match self.key.take() {
            Some(mut key) => key.attend().is_ok().then_some(key),
            None => Key::open(&self.post.ptt).ok(),
        };
        let now = self.clock.mono();
        self.attend_at = now.after(ROUND.max(now.since(began) * 10));
    }

    async fn cut(&mut self) {
        let why = if self.until.is_some_and(|until| until <= self.clock.mono()) { Cut::Limit } else { Cut::Silence };
        match self.release().await {
            Ok(()) => say(&Said::Cut(why)),
            Err(error) => say(&Said::Failed(error)),
        }
    }

    /// Releases the key, again and again until it is.
    async fn release(&mut self) -> Result<(), String> {
        let give_up = self.clock.mono().after(RELEASE_FOR);
        loop {
            // One that is opened is released.
            let released = match &mut self.key {
                Some(key) => key.set(false),
                None => Key::open(&self.post.ptt).map(|key| self.key = Some(key)),
            };
            match released {
                Ok(()) => {
                    self.until = None;
                    return Ok(());
                }
                Err(error) if self.clock.mono() >= give_up => {
                    self.until = None;
                    return Err(format!("the key cannot be released: {error}"));
                }
                Err(_) => self.key = None,
            }
            sleep(RETRY).await;
        }
    }
}

fn open_squelch(post: &Post) -> Result<Option<Squelch>, String> {
    Squelch::open(&post.busy).map_err(|error| format!("the squelch cannot be opened: {error}"))
}

async fn any(ends: &mut [Signal]) {
    std::future::poll_fn(|context| {
        let one = ends.iter_mut().any(|end| end.poll_recv(context).is_ready());
        if one { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// A parent that has gone hears nothing; its end is seen at the input.
fn say(said: &Said) {
    let mut line = serde_json::to_vec(said).unwrap_or_default();
    line.push(b'\n');
    _ = std::io::stdout().write_all(&line);
}
