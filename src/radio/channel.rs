//! Waiting for a quiet channel: a blink of quiet before the first word of an alert, two seconds before anything else, and after somebody
//! has spoken a while of chance too, so that two who wait do not begin at once.

use std::collections::VecDeque;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::config::Busy;
use super::guard::{Order, Said};
use super::held::{Held, unexpected};
use super::voice::EAR;
use crate::clock::Clock;

/// How long it must be quiet, before the repeat too: so long others have to break in.
pub const LISTEN: Duration = Duration::from_secs(2);

/// How long it must be quiet before an alert.
const GLANCE: Duration = Duration::from_millis(300);

/// What chance adds to it at most: one power cut is told by two rooms in one moment.
const BLINK: Duration = Duration::from_millis(300);

/// The most that chance adds.
const CHANCE: Duration = Duration::from_secs(3);

/// Between two looks at a squelch's line.
const LOOK: Duration = Duration::from_millis(100);

/// So many looks in a row that are loud are a voice, and not a click.
const LOUD: usize = 3;

/// An ear that says nothing for so long hears nothing.
const DEAF: Duration = Duration::from_secs(5);

/// Why the channel is not known to be quiet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotQuiet {
    /// Somebody spoke all the time.
    Busy,
    /// It is not seen: the squelch or the sound card does not tell.
    Unseen(String),
}

/// How long it is listened to a channel on which nobody speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listens {
    /// As long as it takes to see that nobody speaks: before the first word of what is urgent.
    Briefly,
    /// Two seconds and a while of chance, so that two rooms do not call the roll in one breath: before the first word of all else.
    ByChance,
    /// Two seconds: before the repeat.
    Long,
}

/// Waits until it is quiet, at most `wait`.
///
/// # Errors
/// Why nothing may be said now.
pub async fn quiet(
    busy: &Busy,
    guard: &mut Held,
    clock: Clock,
    wait: Duration,
    listens: Listens,
) -> Result<(), NotQuiet> {
    let by_chance = |most: Duration| most.mul_f64(rand::random::<f64>());
    let mut needed = match listens {
        Listens::Briefly => GLANCE + by_chance(BLINK),
        Listens::ByChance => LISTEN + by_chance(CHANCE),
        Listens::Long => LISTEN,
    };
    let mut eye = match busy {
        Busy::Unseen {} => {
            // Waiting shows nothing, and an alert does not wait for that.
            sleep(if listens == Listens::Briefly { Duration::ZERO } else { needed }).await;
            return Ok(());
        }
        Busy::Audio { capture, above } => Eye::Ear(Box::new(Ear::open(capture, *above).map_err(NotQuiet::Unseen)?)),
        Busy::Serial { .. } | Busy::Rigctld { .. } | Busy::Gpio { .. } => Eye::Line(guard),
    };
    // Opening a card takes its time, which is nobody's speech.
    let mut occupied = eye.look().await.map_err(NotQuiet::Unseen)?;
    let end = clock.mono().after(wait);
    let mut since = clock.mono();
    loop {
        let now = clock.mono();
        if occupied {
            since = now;
            needed = LISTEN + by_chance(CHANCE);
        }
        if now.since(since) >= needed {
            return Ok(());
        }
        // Who has begun to listen to quiet hears it out.
        if now >= end && occupied {
            return Err(NotQuiet::Busy);
        }
        occupied = eye.look().await.map_err(NotQuiet::Unseen)?;
    }
}

enum Eye<'a> {
    Line(&'a mut Held),
    Ear(Box<Ear>),
}

impl Eye<'_> {
    /// Whether somebody speaks; a tenth of a second.
    async fn look(&mut self) -> Result<bool, String> {
        match self {
            Self::Line(guard) => {
                sleep(LOOK).await;
                match guard.order(Order::Look).await? {
                    Said::Busy => Ok(true),
                    Said::Quiet => Ok(false),
                    other => Err(unexpected(other)),
                }
            }
            Self::Ear(ear) => ear.hear().await,
        }
    }
}

/// A child that tells how loud the channel is.
struct Ear {
    _child: Child,
    levels: Lines<BufReader<ChildStdout>>,
    above: f64,
    last: VecDeque<bool>,
}

impl Ear {
    fn open(capture: &str, above: f64) -> Result<Self, String> {
        let mut child = Command::new("/proc/self/exe")
            .args([EAR, capture])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("the channel cannot be listened to: {error}"))?;
        let levels = child.stdout.take().ok_or("the ear has no pipe")?;
        Ok(Self { _child: child, levels: BufReader::new(levels).lines(), above, last: VecDeque::new() })
    }

    async fn hear(&mut self) -> Result<bool, String> {
        let line = timeout(DEAF, self.levels.next_line()).await;
        let line = line.ok().and_then(Result::ok).flatten().ok_or("the channel is not heard")?;
        let level: f64 = line.parse().map_err(|_| format!("the channel is not heard: {line}"))?;
        self.last.push_back(level > self.above);
        if self.last.len() > LOUD {
            self.last.pop_front();
        }
        Ok(self.last.len() == LOUD && self.last.iter().all(|loud| *loud))
    }
}
