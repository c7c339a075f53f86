//! Waiting for a quiet channel: a blink of quiet before the first word of an alert (where the channel is heard, longer than who speaks
//! pauses), two seconds before anything else, and after somebody has spoken a while of chance too, so that two who wait do not begin at once.

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
use crate::domain::Mono;

/// How long it must be quiet, before the repeat too: so long others have to break in.
pub const LISTEN: Duration = Duration::from_secs(2);

/// How long it must be quiet before an alert.
const GLANCE: Duration = Duration::from_millis(300);

/// The same where it is heard and not seen by the squelch: who speaks pauses for as long between two sentences.
const PAUSE: Duration = Duration::from_millis(1500);

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

/// Waits until it is quiet, at most `wait`. Gives the ear, where one has listened.
///
/// # Errors
/// Why nothing may be said now.
pub(super) async fn quiet(
    busy: &Busy,
    guard: &mut Held,
    clock: Clock,
    wait: Duration,
    listens: Listens,
) -> Result<Option<Ear>, NotQuiet> {
    let needed = needed(busy, listens, rand::random());
    let mut eye = match busy {
        Busy::Unseen {} => {
            // Waiting shows nothing, and an alert does not wait for that.
            sleep(if listens == Listens::Briefly { Duration::ZERO } else { needed }).await;
            return Ok(None);
        }
        Busy::Audio { capture, above } => Eye::Ear(Box::new(Ear::open(capture, *above).map_err(NotQuiet::Unseen)?)),
        Busy::Serial { .. } | Busy::Cm108 { .. } | Busy::Rigctld { .. } | Busy::Gpio { .. } => Eye::Line(guard),
    };
    // Opening a card takes its time, which is nobody's speech.
    let mut occupied = eye.look().await.map_err(NotQuiet::Unseen)?;
    let mut patience = Patience { needed, since: clock.mono(), end: clock.mono().after(wait) };
    loop {
        if let Some(ended) = patience.look(occupied, clock.mono(), rand::random()) {
            return ended.map(|()| eye.ear());
        }
        occupied = eye.look().await.map_err(NotQuiet::Unseen)?;
    }
}

/// How long it must be quiet; chance is 0 to 1. Pure.
fn needed(busy: &Busy, listens: Listens, chance: f64) -> Duration {
    match (listens, busy) {
        (Listens::Briefly, Busy::Audio { .. }) => PAUSE + BLINK.mul_f64(chance),
        (Listens::Briefly, _) => GLANCE + BLINK.mul_f64(chance),
        (Listens::ByChance, _) => LISTEN + more(chance),
        (Listens::Long, _) => LISTEN,
    }
}

/// What chance (0 to 1) adds.
fn more(chance: f64) -> Duration {
    CHANCE.mul_f64(chance)
}

/// Whether it has been quiet for long enough. Pure.
#[derive(Debug)]
struct Patience {
    needed: Duration,
    /// Since when it is quiet.
    since: Mono,
    /// When it ends.
    end: Mono,
}

impl Patience {
    /// What a look comes to; `None` if another one is due. Whoever has spoken makes all who wait draw anew.
    fn look(&mut self, occupied: bool, now: Mono, chance: f64) -> Option<Result<(), NotQuiet>> {
        if occupied {
            self.since = now;
            self.needed = LISTEN + more(chance);
        }
        if now.since(self.since) >= self.needed {
            return Some(Ok(()));
        }
        // Who has begun to listen to quiet hears it out.
        (now >= self.end && occupied).then_some(Err(NotQuiet::Busy))
    }
}

enum Eye<'a> {
    Line(&'a mut Held),
    Ear(Box<Ear>),
}

impl Eye<'_> {
    fn ear(self) -> Option<Ear> {
        match self {
            Self::Line(_) => None,
            Self::Ear(ear) => Some(*ear),
        }
    }

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
#[derive(Debug)]
pub(super) struct Ear {
    _child: Child,
    levels: Lines<BufReader<ChildStdout>>,
    above: f64,
    last: VecDeque<bool>,
}

impl Ear {
    /// Opens it; louder than `above`, in dB of full scale, is somebody.
    pub(super) fn open(capture: &str, above: f64) -> Result<Self, String> {
        Self::of(Command::new("/proc/self/exe").args([EAR, capture]), above)
    }

    /// The same, by a program that tells levels.
    pub(super) fn of(program: &mut Command, above: f64) -> Result<Self, String> {
        let mut child = program
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("the channel cannot be listened to: {error}"))?;
        let levels = child.stdout.take().ok_or("the ear has no pipe")?;
        Ok(Self { _child: child, levels: BufReader::new(levels).lines(), above, last: VecDeque::new() })
    }

    /// How loud the next tenth of a second is, in dB of full scale. What is dropped before has lost nothing.
    pub(super) async fn level(&mut self) -> Result<f64, String> {
        let line = timeout(DEAF, self.levels.next_line()).await;
        let line = line.ok().and_then(Result::ok).flatten().ok_or("the channel is not heard")?;
        line.parse().map_err(|_| format!("the channel is not heard: {line}"))
    }

    async fn hear(&mut self) -> Result<bool, String> {
        let level = self.level().await?;
        self.last.push_back(level > self.above);
        if self.last.len() > LOUD {
            self.last.pop_front();
        }
        Ok(self.last.len() == LOUD && self.last.iter().all(|loud| *loud))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When one who draws `chance` at each look stops waiting, in tenths of a second, and how: somebody speaks until `quiet`.
    fn ends(quiet: u64, wait: u64, chance: f64) -> (u64, Result<(), NotQuiet>) {
        let at = |tenths| Mono::ZERO.after(Duration::from_millis(100 * tenths));
        let mut patience = Patience { needed: LISTEN, since: at(0), end: at(wait) };
        (0..1000).find_map(|now| Some((now, patience.look(now < quiet, at(now), chance)?))).unwrap()
    }

    #[test]
    fn a_pause_of_somebody_who_is_heard_is_no_quiet_channel() {
        let ear = Busy::Audio { capture: "default".to_owned(), above: -40.0 };
        let urgent = |busy: &Busy| [0.0, 1.0].map(|chance| needed(busy, Listens::Briefly, chance).as_millis());
        assert_eq!((urgent(&ear), urgent(&Busy::Unseen {})), ([1500, 1800], [300, 600]));
        assert_eq!(needed(&ear, Listens::Long, 0.5), LISTEN);
    }

    #[test]
    fn who_wait_for_the_same_speaker_do_not_begin_at_once() {
        assert_eq!(ends(0, 600, 0.9), (20, Ok(())), "nobody spoke");
        // The last look that is loud is that of 9.9 s.
        assert_eq!(ends(100, 600, 0.0), (119, Ok(())));
        assert_eq!(ends(100, 600, 0.5), (134, Ok(())));
        assert_eq!(ends(100, 600, 1.0), (149, Ok(())));
    }

    #[test]
    fn a_channel_that_is_never_quiet_is_given_up_after_the_wait_and_quiet_is_heard_out() {
        assert_eq!(ends(1000, 600, 0.5), (600, Err(NotQuiet::Busy)));
        assert_eq!(ends(595, 600, 1.0), (644, Ok(())));
    }
}
