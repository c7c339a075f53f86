//! What is said on the air: who calls, the fault, since when, which meeting, what to do; in at most 30 words. Pure.

use jiff::civil::{Date, DateTime};

use super::config::Ending;
use super::numbers;
use super::phrases as phrase;
use super::words::{self, Pause, Script};
use crate::domain::{Component, Verdict};

/// The most words of a transmission.
pub const MOST_WORDS: usize = 30;

/// Something to be said. Times are the room's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Something is wrong.
    Fault(Fault),
    /// It is over.
    Restored {
        /// What works again.
        component: Component,
    },
    /// It fails and comes back again and again; the next word of it is how it comes to rest.
    Unstable {
        /// What does.
        component: Component,
        /// Nobody has seen it fail: it cannot be seen again and again.
        unseen: bool,
    },
    /// Several things at once, each by its name alone.
    Several {
        /// What is wrong, the worst first.
        faults: Vec<Component>,
        /// What works again.
        restored: Vec<Component>,
    },
    /// The call of a working morning: all is ready. That it does not come is the alarm.
    RollCall {
        /// When it is said.
        at: DateTime,
    },
    /// Another system's word. Of its text so much is said as there are words for.
    Foreign {
        /// What is wrong there.
        text: String,
        /// Since when.
        since: DateTime,
        /// Whether it is over.
        over: bool,
    },
    /// Only practised, which is said before anything else.
    Drill(Box<Self>),
    /// Somebody wants to hear whether the radio works.
    Test {
        /// Whether it is repeated, as what matters is.
        twice: bool,
    },
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The room's name for people; said where it is another than the station's and there are words left.
    pub room: String,
    /// What is not in order.
    pub component: Component,
    /// How bad it is.
    pub verdict: Verdict,
    /// The code of the first reason.
    pub code: Option<String>,
    /// Since when.
    pub since: DateTime,
    /// When this is said.
    pub now: DateTime,
    /// For which meeting it matters.
    pub session: Option<Session>,
    /// What to do, in words of its own, as a config may have it; `None` for what the phrase set has for the reason.
    pub remedy: Option<String>,
}

/// A meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its title.
    pub title: String,
    /// When it begins or began.
    pub start: DateTime,
}

/// How much is left out so that the rest is heard; each step leaves out what those before it do, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Brevity {
    /// Nothing.
    Full,
    /// The room's name.
    NoRoom,
    /// The meeting's title; its hour stays.
    NoTitle,
    /// What exactly to do.
    PlainRemedy,
    /// The hour of a day that is past.
    NoOldHour,
    /// "Perhatian" and "di sini".
    Bare,
}

impl Brevity {
    /// All, from the longest message to the shortest.
    pub const ALL: [Self; 6] =
        [Self::Full, Self::NoRoom, Self::NoTitle, Self::PlainRemedy, Self::NoOldHour, Self::Bare];
}

/// How this station speaks.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// Its name.
    pub station: &'a str,
    /// The last word of the last transmission.
    pub ending: Ending,
    /// Whether a meeting's title is said.
    pub titles: bool,
}

impl Message {
    /// Whether somebody must do something now, so that it waits for nothing that it need not.
    pub fn is_urgent(&self) -> bool {
        match self {
            Self::Fault(_) | Self::Unstable { .. } => true,
            Self::Several { faults, .. } => !faults.is_empty(),
            Self::Foreign { over, .. } => !over,
            Self::Drill(practised) => practised.is_urgent(),
            Self::Restored { .. } | Self::RollCall { .. } | Self::Test { .. } => false,
        }
    }

    /// The transmissions of this message, in order, at each brevity that stays within [`MOST_WORDS`], the fullest first. Never
    /// empty.
    pub fn transmissions(&self, manner: Manner<'_>) -> Vec<Vec<Script>> {
        let mut all: Vec<Vec<Script>> = Vec::new();
        for brevity in Brevity::ALL {
            let scripts = self.at(manner, brevity);
            let fits = scripts.iter().all(|script| words::count(script) <= MOST_WORDS);
            if fits && all.last() != Some(&scripts) {
                all.push(scripts);
            }
        }
        all
    }

    /// The same as a notice in the room itself: who speaks is plain there, and nobody answers. Each that stays within
    /// [`MOST_WORDS`], the fullest first.
    pub fn notices(&self, titles: bool) -> Vec<Script> {
        let manner = Manner { station: "", ending: Ending::default(), titles };
        let mut all: Vec<Script> = Vec::new();
        for brevity in Brevity::ALL.into_iter().filter(|brevity| *brevity >= Brevity::NoRoom) {
            let mut script = vec![phrase::ATTENTION.then(Pause::Sentence)];
            script.extend(match self {
                Self::Test { .. } => {
                    vec![phrase::TEST.then(Pause::Sentence), phrase::NOTHING_TO_DO.then(Pause::Sentence)]
                }
                _ => self.body(manner, brevity),
            });
            if words::count(&script) <= MOST_WORDS && all.last() != Some(&script) {
                all.push(script);
            }
        }
        all
    }

    /// A message that matters is said twice: in full, and again after others could break in.
    fn at(&self, manner: Manner<'_>, brevity: Brevity) -> Vec<Script> {
        let last = match manner.ending {
            // It asks for an answer.
            _ if matches!(self, Self::Test { .. }) => phrase::OVER,
            Ending::Ganti => phrase::OVER,
            Ending::Selesai => phrase::OUT,
        };
        let body = self.body(manner, brevity);
        let script = |first: Option<phrase::Phrase>, end: phrase::Phrase| -> Script {
            let mut parts: Script = first.map(|first| first.then(Pause::Sentence)).into_iter().collect();
            if brevity < Brevity::Bare {
                parts.push(phrase::HERE.then(Pause::Word));
            }
            parts.push(words::text(manner.station, Pause::Sentence));
            parts.extend(body.iter().cloned());
            parts.push(end.then(Pause::Sentence));
            parts
        };
        let kind = if let Self::Drill(practised) = self { practised } else { self };
        match kind {
            Self::Fault(_)
            | Self::Unstable { .. }
            | Self::Restored { .. }
            | Self::Several { .. }
            | Self::Foreign { .. }
            | Self::Test { twice: true } => {
                let attention = (brevity < Brevity::Bare).then_some(phrase::ATTENTION);
                vec![script(attention, phrase::OVER), script(Some(phrase::AGAIN), last)]
            }
            Self::RollCall { .. } | Self::Test { twice: false } | Self::Drill(_) => vec![script(None, last)],
        }
    }

    fn body(&self, manner: Manner<'_>, brevity: Brevity) -> Script {
        match self {
            Self::Fault(fault) => fault.body(manner, brevity),
            Self::Foreign { text, since, over } => foreign(text, *since, *over, brevity),
            Self::Drill(practised) => {
                let mut parts = vec![phrase::DRILL.then(Pause::Sentence)];
                parts.extend(practised.body(manner, brevity));
                parts
            }
            Self::Restored { component } => {
                vec![phrase::component(*component).then(Pause::Word), phrase::RESTORED.then(Pause::Sentence)]
            }
            Self::Unstable { component, unseen } => vec![
                phrase::component(*component).then(Pause::Word),
                if *unseen { phrase::UNSEEN } else { phrase::UNSTABLE }.then(Pause::Sentence),
                phrase::CHECK.then(Pause::Sentence),
            ],
            Self::Several { faults, restored } => several(faults, restored),
            Self::RollCall { at } => {
                // The hour first: behind the word it would be when the room will be ready.
                let mut parts = vec![phrase::AT.then(Pause::Word)];
                parts.extend(clock(*at));
                if let Some(hour) = parts.last_mut() {
                    hour.pause = Pause::Clause;
                }
                parts.push(phrase::ALL_READY.then(Pause::Sentence));
                parts
            }
            Self::Test { .. } => vec![phrase::TEST.then(Pause::Sentence), phrase::ANSWER.then(Pause::Sentence)],
        }
    }
}

fn several(faults: &[Component], restored: &[Component]) -> Script {
    let listed = |first: Vec<phrase::Phrase>, components: &[Component]| {
        // Without a pause "internet audio" is one thing.
        let names = components.iter().map(|component| phrase::component(*component).then(Pause::Clause));
        let mut parts: Script = first.into_iter().map(|phrase| phrase.then(Pause::Word)).chain(names).collect();
        if let Some(last) = parts.last_mut() {
            last.pause = Pause::Sentence;
        }
        parts
    };
    let mut parts = Script::new();
    if !faults.is_empty() {
        parts.extend(listed(vec![phrase::SEVERAL], faults));
    }
    if !restored.is_empty() {
        parts.extend(listed(vec![phrase::THE_RESTORED], restored));
    }
    parts.push(phrase::SEE_PAGE.then(Pause::Sentence));
    parts
}

impl Fault {
    fn body(&self, manner: Manner<'_>, brevity: Brevity) -> Script {
        let known = self.code.as_deref().and_then(phrase::of_reason);
        let mut parts = Vec::new();
        if let Some((what, _)) = known {
            parts.push(what.then(Pause::Word));
        } else {
            let how = match self.verdict {
                Verdict::NotReady => phrase::NOT_READY,
                Verdict::Unknown => phrase::UNSEEN,
                Verdict::Degraded | Verdict::Ready => phrase::NEEDS_ATTENTION,
            };
            parts.extend([phrase::component(self.component).then(Pause::Word), how.then(Pause::Word)]);
        }
        let (room, station) = (words::text(&self.room, Pause::Word), words::spoken(manner.station).join(" "));
        if brevity < Brevity::NoRoom && !room.text.is_empty() && !contains(&room.text, &station) {
            parts.push(phrase::IN.then(Pause::Word));
            parts.push(room);
        }
        parts.extend(self.since(brevity));
        if let Some(session) = &self.session {
            parts.extend(session.said(self.now, manner.titles && brevity < Brevity::NoTitle));
        }
        let own = self.remedy.as_deref().map(|remedy| words::text(remedy, Pause::Sentence));
        parts.push(match own {
            Some(own) if brevity < Brevity::PlainRemedy && !own.text.is_empty() => own,
            _ if brevity < Brevity::PlainRemedy => {
                known.map_or(phrase::CALL_IT, |(_, remedy)| remedy).then(Pause::Sentence)
            }
            _ => phrase::CHECK.then(Pause::Sentence),
        });
        parts
    }

    fn since(&self, brevity: Brevity) -> Script {
        let mut parts = vec![phrase::SINCE.then(Pause::Word)];
        let days = days_between(self.since.date(), self.now.date());
        match days {
            1 => parts.push(phrase::YESTERDAY.then(Pause::Word)),
            2.. => {
                parts.extend(words::number(&numbers::cardinal(days), Pause::Word));
                parts.push(phrase::DAYS_AGO.then(Pause::Sentence));
            }
            0 => {}
        }
        if days == 0 || (days == 1 && brevity < Brevity::NoOldHour) {
            parts.push(phrase::AT.then(Pause::Word));
            parts.extend(clock(self.since));
        }
        if let Some(last) = parts.last_mut() {
            last.pause = Pause::Sentence;
        }
        parts
    }
}

/// What another system says, in fewer of its own words from one brevity to the next.
fn foreign(text: &str, since: DateTime, over: bool, brevity: Brevity) -> Script {
    let most = match brevity {
        Brevity::Full => 14,
        Brevity::NoRoom => 12,
        Brevity::NoTitle => 10,
        Brevity::PlainRemedy | Brevity::NoOldHour => 8,
        Brevity::Bare => 6,
    };
    let said: Vec<String> = words::spoken(text).into_iter().take(most).collect();
    let mut parts = vec![phrase::OTHERS.then(Pause::Sentence)];
    parts.push(words::text(&said.join(" "), if over { Pause::Word } else { Pause::Sentence }));
    if over {
        parts.push(phrase::RESTORED.then(Pause::Sentence));
    } else if brevity < Brevity::NoOldHour {
        parts.extend([phrase::SINCE.then(Pause::Word), phrase::AT.then(Pause::Word)]);
        parts.extend(clock(since));
    }
    parts
}

impl Session {
    fn said(&self, now: DateTime, title: bool) -> Script {
        let mut parts = vec![phrase::MEETING.then(Pause::Word)];
        let name = words::text(&self.title, Pause::Word);
        if title && !name.text.is_empty() {
            // "Rapat Rapat Koordinasi" is said by nobody.
            if name.text.to_lowercase().starts_with("rapat ") {
                parts.clear();
            }
            parts.push(name);
        }
        if self.start <= now {
            parts.push(phrase::UNDER_WAY.then(Pause::Sentence));
            return parts;
        }
        if days_between(now.date(), self.start.date()) > 0 {
            parts.push(phrase::TOMORROW.then(Pause::Word));
        }
        parts.push(phrase::AT.then(Pause::Word));
        parts.extend(clock(self.start));
        parts
    }
}

fn clock(at: DateTime) -> Script {
    let of = |number: i8| u32::from(number.unsigned_abs());
    words::number(&numbers::clock(of(at.hour()), of(at.minute())), Pause::Sentence)
}

/// Whole days from one date until another; none, if it is before.
fn days_between(from: Date, until: Date) -> u32 {
    let days = until.since((jiff::Unit::Day, from)).map_or(0, |span| span.get_days());
    u32::try_from(days).unwrap_or(0)
}

/// Whether all words of the one are among the other's.
fn contains(words: &str, others: &str) -> bool {
    let others = others.to_lowercase();
    words.to_lowercase().split(' ').all(|word| others.split(' ').any(|other| other == word))
}

#[cfg(test)]
mod tests;
