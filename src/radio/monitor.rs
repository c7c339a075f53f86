//! Whether what was said comes back by another receiver: a second set, tuned to the channel, whose loudspeaker hangs on a sound
//! input. It is listened to while the key is pressed, never while the room is in use, and what it says is never certain: that set may
//! be off, and another voice may speak. So it is compared by how loudness goes up and down, and only told.

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::watch;

use super::channel::Ear;
use crate::domain::Phase;
pub use crate::probe::on_air::Echo;

/// Quieter than this all the time, in dB of full scale, is silence.
const SILENCE: f64 = -50.0;

/// How far down from the loudest the ups and downs of a voice count, in dB; below it is a pause, whatever noise is in it.
const RANGE: f64 = 30.0;

/// The correlation from which on it is the same voice. Another one comes to less than a half, whatever the shift.
const LIKE: f64 = 0.7;

/// So much of what was said must have been heard to compare it.
const OVERLAP: f64 = 0.8;

/// Whether the room lets a sound input be opened.
#[derive(Clone, Debug)]
pub struct Room {
    /// Whether it is in use.
    pub in_use: watch::Receiver<bool>,
    /// Whether that is known yet.
    pub known: watch::Receiver<bool>,
    /// What the agenda says.
    pub agenda: watch::Receiver<ByAgenda>,
}

/// What the agenda says, for whoever speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByAgenda {
    /// The phase.
    pub phase: Phase,
    /// The meeting for which a fault matters now: the one that is held, else the next, if it is near.
    pub meeting: Option<Meeting>,
}

/// A meeting that a fault threatens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// Its title.
    pub title: String,
    /// When it begins or began.
    pub start: Timestamp,
}

impl Room {
    /// One that nobody uses: somebody who stands there says so.
    pub fn free() -> Self {
        let agenda = watch::channel(ByAgenda::default()).1;
        Self { in_use: watch::channel(false).1, known: watch::channel(true).1, agenda }
    }

    /// The meeting for which a fault matters now.
    pub fn meeting(&self) -> Option<Meeting> {
        self.agenda.borrow().meeting.clone()
    }

    fn is_free(&self) -> bool {
        *self.known.borrow() && !*self.in_use.borrow()
    }

    /// Waits until it is in use.
    pub(super) async fn is_taken(&mut self) {
        if self.in_use.wait_for(|in_use| *in_use).await.is_err() {
            // Nobody tells any more.
            std::future::pending::<()>().await;
        }
    }
}

/// Listens to the second set.
#[derive(Debug)]
pub struct Monitor {
    ear: Option<Ear>,
    room: Room,
    levels: Vec<f64>,
    /// Why it does not know.
    deaf: Option<String>,
}

impl Monitor {
    /// Begins to open it; `None` where the room is in use. The first word waits for nothing of it.
    pub fn open(capture: &str, room: Room) -> Option<Self> {
        if !room.is_free() {
            return None;
        }
        match Ear::open(capture, 0.0) {
            Ok(ear) => Self::by(ear, room),
            Err(why) => Some(Self { ear: None, room, levels: Vec::new(), deaf: Some(why) }),
        }
    }

    /// The same, by an ear that is open; `None` where the room is in use.
    pub(super) fn by(ear: Ear, room: Room) -> Option<Self> {
        room.is_free().then(|| Self { ear: Some(ear), room, levels: Vec::new(), deaf: None })
    }

    /// What was heard so far is not of this transmission.
    pub fn forget(&mut self) {
        while self.listens() && self.listen().now_or_never().is_some() {}
        self.levels.clear();
    }

    /// The next tenth of a second; for ever, if nothing is heard any more.
    pub async fn listen(&mut self) {
        let Some(ear) = &mut self.ear else { return std::future::pending().await };
        let heard = tokio::select! {
            biased;
            () = self.room.is_taken() => Err("the room came into use".to_owned()),
            level = ear.level() => level,
        };
        match heard {
            Ok(level) => self.levels.push(level),
            Err(why) => (self.ear, self.deaf) = (None, Some(why)),
        }
    }

    /// Whether it still listens.
    pub const fn listens(&self) -> bool {
        self.ear.is_some()
    }

    /// What it makes of words that are so loud, twenty times a second.
    pub fn verdict(&self, said: &[f64]) -> (Echo, String) {
        if let Some(why) = &self.deaf {
            return (Echo::Uncertain, why.clone());
        }
        let likeness = likeness(said, &self.levels);
        let loudest = self.levels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let told = format!("likeness {:.2}, loudest {loudest:.0} dBFS", likeness.unwrap_or_default());
        match likeness {
            Some(likeness) if loudest > SILENCE && likeness >= LIKE => (Echo::Heard, told),
            Some(_) if loudest <= SILENCE => (Echo::Missed, told),
            _ => (Echo::Uncertain, told),
        }
    }
}

/// How like the ups and downs of what was said (twenty levels a second) and heard (ten a second) are, at the shift at which they are
/// most: the correlation, up to 1. `None` if too little was heard.
fn likeness(said: &[f64], heard: &[f64]) -> Option<f64> {
    let heard = above_noise(heard);
    // Between two looks of what was heard lies a half step of shift.
    let of_phase = |phase: usize| {
        let said: Vec<f64> = said.iter().copied().skip(phase).step_by(2).collect();
        let said = above_noise(&said);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a few hundred"
        )]
        let needed = ((said.len() as f64 * OVERLAP).ceil() as usize).max(10);
        let shifts = 0..heard.len();
        let each = shifts.map(|shift| said.iter().copied().zip(heard.iter().skip(shift).copied()).collect::<Vec<_>>());
        each.filter(|pairs| pairs.len() >= needed).map(|pairs| correlation(&pairs)).reduce(f64::max)
    };
    [of_phase(0), of_phase(1)].into_iter().flatten().reduce(f64::max)
}

/// Levels without what lies far below the loudest.
fn above_noise(levels: &[f64]) -> Vec<f64> {
    let loudest = levels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    levels.iter().map(|level| level.max(loudest - RANGE)).collect()
}

/// Pearson's; none where one of both does not change.
#[allow(clippy::cast_precision_loss, reason = "a few hundred")]
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let count = pairs.len() as f64;
    let (sum_a, sum_b) = pairs.iter().fold((0.0, 0.0), |(a, b), pair| (a + pair.0, b + pair.1));
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        let (a, b) = (a - mean_a, b - mean_b);
        both += a * b;
        of_a += a * a;
        of_b += b * b;
    }
    // A level that changes by less than a tenth of a dB does not change.
    if of_a.min(of_b) < 0.01 * count { 0.0 } else { both / (of_a * of_b).sqrt() }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};
    use tokio::process::Command;

    use super::*;

    /// So many twentieths of a second of somebody who speaks: syllables of 0.1 to 0.35 s with pauses between.
    fn voice(seed: u64, length: usize) -> Vec<f64> {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut levels = Vec::new();
        while levels.len() < length {
            let loud = chance.random_range(-25.0..-12.0);
            levels.extend(std::iter::repeat_n(loud, chance.random_range(2..8)));
            levels.extend(std::iter::repeat_n(-120.0, chance.random_range(0..6)));
        }
        levels.truncate(length);
        levels
    }

    fn power(level: f64) -> f64 {
        10_f64.powf(level / 10.0)
    }

    /// As the voice's child tells it: each tenth of a second, twenty times a second.
    fn told(voice: &[f64]) -> Vec<f64> {
        voice.windows(2).map(|pair| 10.0 * (pair.iter().copied().map(power).sum::<f64>() / 2.0).log10()).collect()
    }

    /// As a second set hears it: so many twentieths of a second later, quieter, with noise beneath, ten times a second.
    fn heard(said: &[f64], seed: u64, later: usize, noise: f64) -> Vec<f64> {
        let mut chance = StdRng::seed_from_u64(seed);
        let quiet = std::iter::repeat_n(-120.0, later);
        let all: Vec<f64> = quiet.chain(said.iter().copied()).chain(std::iter::repeat_n(-120.0, 20)).collect();
        let each = all.chunks(2).map(|pair| pair.iter().map(|level| power(level - 6.0)).sum::<f64>() / 2.0);
        each.map(|loud| 10.0 * (loud + power(noise + chance.random_range(-1.0..1.0))).log10()).collect()
    }

    fn verdict(said: &[f64], levels: Vec<f64>) -> (Echo, String) {
        Monitor { ear: None, room: Room::free(), levels, deaf: None }.verdict(said)
    }

    #[test]
    fn the_same_voice_is_known_again_later_quieter_and_in_noise_and_no_other_passes_for_it() {
        let (mut least, mut most) = (1.0_f64, 0.0_f64);
        for seed in 0..200 {
            let (voice, other) = (voice(seed, 120), voice(seed + 1000, 140));
            let said = told(&voice);
            for later in [0, 1, 7, 30] {
                let back = heard(&voice, seed, later, -45.0);
                least = least.min(likeness(&said, &back).unwrap());
                let (echo, why) = verdict(&said, back);
                assert_eq!(echo, Echo::Heard, "{why}");
            }
            let other = heard(&other, seed, 3, -45.0);
            most = most.max(likeness(&said, &other).unwrap());
            let (echo, why) = verdict(&said, other);
            assert_eq!(echo, Echo::Uncertain, "{why}");
        }
        assert!(least > LIKE + 0.1 && most < LIKE - 0.05, "the same {least}, another {most}");
    }

    #[test]
    fn silence_is_missed_and_noise_or_too_little_is_uncertain() {
        let voice = voice(1, 120);
        let said = told(&voice);
        assert_eq!(verdict(&said, vec![-80.0; 80]).0, Echo::Missed);
        assert_eq!(verdict(&said, heard(&[], 1, 160, -20.0)).0, Echo::Uncertain, "an open squelch");
        assert_eq!(verdict(&said, heard(&voice, 1, 0, -45.0)[..30].to_vec()).0, Echo::Uncertain, "its end is missing");
        assert_eq!(verdict(&said, Vec::new()).0, Echo::Uncertain);
    }

    #[test]
    fn nothing_is_opened_while_the_room_is_in_use_or_that_is_not_known() {
        for (in_use, known) in [(true, true), (false, false)] {
            let room = Room { in_use: watch::channel(in_use).1, known: watch::channel(known).1, ..Room::free() };
            assert!(Monitor::open("null", room).is_none());
        }
    }

    #[tokio::test]
    async fn a_room_that_comes_into_use_ends_it() {
        let (in_use, seen) = watch::channel(false);
        // It says nothing, as an input does that is being opened.
        let ear = Ear::of(Command::new("sleep").arg("infinity"), 0.0).unwrap();
        let mut monitor = Monitor::by(ear, Room { in_use: seen, ..Room::free() }).unwrap();
        in_use.send_replace(true);
        monitor.listen().await;
        assert!(!monitor.listens());
        assert_eq!(monitor.verdict(&voice(1, 120)), (Echo::Uncertain, "the room came into use".to_owned()));
    }
}
