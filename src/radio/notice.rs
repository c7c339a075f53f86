//! A notice in the room itself: spoken once by its loudspeaker, while nobody meets there.
//!
//! ```text
//!   prepare the words ──► hold the loudspeaker, in silence ──► is nobody there still? ──► speak ──► done
//!                                                                      └──── somebody comes: the voice is killed
//! ```

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

use super::config::LONGEST;
use super::message::Message;
use super::monitor::{ByAgenda, Room};
use super::speech::{Voice, odd};
use super::voice::{Order, Plan, Said};
use crate::clock::Clock;
use crate::domain::{Period, Phase};

/// Before the first word: a loudspeaker that wakes up swallows less than that.
const LEAD_IN: Duration = Duration::from_millis(300);

/// Behind the last.
const TAIL: Duration = Duration::from_millis(200);

/// What the loudspeaker may take longer than its sound.
const LATE: Duration = Duration::from_secs(5);

/// How long a killed voice may take to give the loudspeaker back.
const GONE: Duration = Duration::from_secs(1);

/// By what a notice is spoken.
#[derive(Clone, Debug, PartialEq)]
pub struct Loudspeaker {
    /// ALSA's name of it.
    pub play: String,
    /// The folder of clips.
    pub clips: Option<PathBuf>,
    /// Whether what no clip has is synthesised.
    pub synthesis: bool,
    /// Whether a meeting's title is said.
    pub titles: bool,
}

/// Why nothing was said, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unspoken {
    /// Whether the room is in use is not known yet.
    #[error("it is not known yet whether the room is in use")]
    NotKnown,
    /// A meeting is held, or has just ended.
    #[error("a meeting is held, or has just ended")]
    Meeting,
    /// Somebody uses the room.
    #[error("the room is in use")]
    InUse,
    /// The words did not become sound, or the loudspeaker did not take it.
    #[error("the words cannot be spoken: {0}")]
    Voice(String),
}

/// Whether a notice may be spoken now.
///
/// # Errors
/// Why not.
pub fn may_speak(room: &Room) -> Result<(), Unspoken> {
    // First: a meeting that is held makes the room one that is in use.
    if matches!(room.agenda.borrow().phase, Phase::Live | Phase::WrapUp) {
        Err(Unspoken::Meeting)
    } else if !*room.known.borrow() {
        Err(Unspoken::NotKnown)
    } else if *room.in_use.borrow() {
        Err(Unspoken::InUse)
    } else {
        Ok(())
    }
}

/// Waits until none may be spoken any more, and says why.
async fn is_forbidden(room: &mut Room) -> Unspoken {
    let Room { in_use, agenda, .. } = room;
    // Where nobody tells any more, it does not come to be forbidden.
    let held = async {
        let held = |agenda: &ByAgenda| matches!(agenda.phase, Phase::Live | Phase::WrapUp);
        if agenda.wait_for(held).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let used = async {
        if in_use.wait_for(|in_use| *in_use).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = held => Unspoken::Meeting,
        () = used => Unspoken::InUse,
    }
}

/// Speaks a message in the room.
///
/// # Errors
/// Why not, or why not to its end.
pub async fn announce(message: &Message, by: &Loudspeaker, mut room: Room, clock: Clock) -> Result<(), Unspoken> {
    may_speak(&room)?;
    let mut watched = room.clone();
    let mut voice = tokio::select! {
        biased;
        why = is_forbidden(&mut watched) => return Err(why),
        voice = ready(message, by) => voice.map_err(Unspoken::Voice)?,
    };
    // Right before the first sample.
    may_speak(&room)?;
    let end = clock.mono().after(voice.length() + LEAD_IN + TAIL + LATE);
    let play = async {
        voice.tell(Order::Play).await?;
        match voice.hear().await? {
            Said::Done(_) => Ok(()),
            other => Err(odd(other)),
        }
    };
    let ended = tokio::select! {
        biased;
        why = is_forbidden(&mut room) => Err(why),
        said = play => said.map_err(Unspoken::Voice),
        () = clock.sleep_until(end) => Err(Unspoken::Voice("the loudspeaker does not come to an end".to_owned())),
    };
    // An error means that it has ended by itself. One that hangs in its driver is not waited for.
    _ = voice.child.start_kill();
    _ = timeout(GONE, voice.child.wait()).await;
    ended
}

/// The fullest words that are said in time, with the loudspeaker held.
async fn ready(message: &Message, by: &Loudspeaker) -> Result<Voice, String> {
    let mut longest = Duration::ZERO;
    for script in message.notices(by.titles) {
        let Loudspeaker { play, clips, synthesis, .. } = by.clone();
        let (lead_in, tail) = (Period(LEAD_IN), Period(TAIL));
        let mut voice = Voice::prepare(&Plan { script, clips, synthesis, lead_in, tone: false, tail, play }).await?;
        longest = voice.length();
        if longest <= LONGEST {
            voice.open().await?;
            return Ok(voice);
        }
    }
    Err(format!("the shortest form takes {longest:.0?}, more than {LONGEST:?}"))
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;

    #[test]
    fn nothing_is_spoken_in_a_meeting_in_a_room_in_use_or_in_one_that_is_not_known() {
        for phase in Phase::ALL {
            for (in_use, known) in [(false, true), (true, true), (false, false)] {
                let agenda = watch::channel(ByAgenda { phase, meeting: None }).1;
                let room = Room { in_use: watch::channel(in_use).1, known: watch::channel(known).1, agenda };
                let expected = match (phase, in_use, known) {
                    (Phase::Live | Phase::WrapUp, ..) => Err(Unspoken::Meeting),
                    (_, _, false) => Err(Unspoken::NotKnown),
                    (_, true, _) => Err(Unspoken::InUse),
                    _ => Ok(()),
                };
                assert_eq!(may_speak(&room), expected, "{phase:?} {in_use} {known}");
            }
        }
    }

    #[tokio::test]
    async fn somebody_who_comes_ends_it_and_so_does_a_meeting() {
        let ((uses, in_use), (meets, agenda)) = (watch::channel(false), watch::channel(ByAgenda::default()));
        let mut room = Room { in_use, agenda, ..Room::free() };
        uses.send_replace(true);
        assert_eq!(is_forbidden(&mut room).await, Unspoken::InUse);
        meets.send_replace(ByAgenda { phase: Phase::Live, meeting: None });
        assert_eq!(is_forbidden(&mut room).await, Unspoken::Meeting);
    }
}
