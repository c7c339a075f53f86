//! What a run sheet adds up to: which hand checks hold, which are late, what trials there were, what the session is taken for. Pure:
//! every call takes the moment.
//!
//! ```text
//!   booked           start − due               start                 end
//!  ───┼──── open: degraded ──┼──── late: unknown ───┼── as at the start ──┼──
//!     └──────────────── ticked, and the tick holds: ready ───────────────┘
//! ```
//!
//! Of a required check that nobody has made nothing is known: that is `unknown`, as of any evidence that is missing or too old.
//! Before it is due somebody still has something to do, and has the time for it: `degraded`. It is never `not_ready`, since silence
//! is no proof that a meeting would fail. What is only noted never counts. From the start on the sheet stands as it was then: a tick
//! that runs out in the middle of a meeting says nothing of it.

mod admit;
#[cfg(test)]
mod edge_tests;
mod measured;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::sheet::{Entry, Item, Told, What, Word, Written};
use crate::domain::{Requirement, Session, Verdict};

pub use admit::{admit, same};
pub use measured::{Figures, measured};

/// Something that is checked by hand of a session: an item, or an item of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its name: the item's key, with the site behind a colon where it is of one.
    pub name: Arc<str>,
    /// What the config says of it.
    pub item: Item,
    /// Of which site.
    pub site: Option<String>,
    /// When it is due.
    pub due_at: Timestamp,
    /// How it stands.
    pub standing: Standing,
    /// Whether it is due, and is not done.
    pub late: bool,
    /// The newest row of it: a tick, or that it was taken back.
    pub newest: Option<Entry>,
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nobody has made it, or it was taken back.
    Open,
    /// Made, and it holds.
    Done,
    /// Made, and too long ago.
    Expired,
}

impl Point {
    /// What it makes of the session.
    pub const fn verdict(&self) -> Verdict {
        match (self.item.requirement, self.standing, self.late) {
            (Requirement::Advisory, _, _) | (_, Standing::Done, _) => Verdict::Ready,
            (_, _, true) => Verdict::Unknown,
            (_, _, false) => Verdict::Degraded,
        }
    }

    /// Until when its tick holds, if it is one.
    pub const fn until(&self) -> Option<Timestamp> {
        match &self.newest {
            Some(Entry { what: What::Tick { until, .. }, .. }) => Some(*until),
            _ => None,
        }
    }
}

/// A sheet's journal: the rows of one session at one hour.
pub fn of<'a>(entries: &'a [Entry], session: &Session) -> impl DoubleEndedIterator<Item = &'a Entry> + Clone {
    let (id, start) = (Arc::clone(&session.id), session.start);
    entries.iter().filter(move |entry| entry.session == id && entry.start == start)
}

/// All that is to be checked of a session, in the config's order, as it stands at `now`.
pub fn points(items: &[Item], session: &Session, entries: &[Entry], now: Timestamp) -> Vec<Point> {
    let mut all = Vec::new();
    for item in items {
        if !item.each_site {
            all.push(point(item, None, session, entries, now));
            continue;
        }
        for (place, site) in session.details.sites.iter().enumerate() {
            // Named twice, it is one place all the same.
            if !session.details.sites[..place].contains(site) {
                all.push(point(item, Some(site), session, entries, now));
            }
        }
    }
    all
}

fn point(item: &Item, site: Option<&String>, session: &Session, entries: &[Entry], now: Timestamp) -> Point {
    let name: Arc<str> = site.map_or_else(|| Arc::clone(&item.key), |site| format!("{}:{site}", item.key).into());
    let newest = of(entries, session)
        .rfind(|entry| matches!(&entry.what, What::Tick { item, .. } | What::Untick { item } if *item == name));
    // As it was at the start, for who looks later; one that was made later still counts.
    let standing = match newest.map(|entry| &entry.what) {
        Some(What::Tick { until, .. }) if *until > now.min(session.start) => Standing::Done,
        Some(What::Tick { .. }) => Standing::Expired,
        _ => Standing::Open,
    };
    let due_at = session.start.checked_sub(item.due).unwrap_or(Timestamp::MIN);
    Point {
        name,
        item: item.clone(),
        site: site.cloned(),
        due_at,
        standing,
        late: standing != Standing::Done && now >= due_at,
        newest: newest.cloned(),
    }
}

/// What the hand checks together make of a session; without any nothing stands in its way.
pub fn hand(points: &[Point]) -> Verdict {
    Verdict::worst(points.iter().map(Point::verdict)).unwrap_or(Verdict::Ready)
}

/// An override that holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Override {
    /// What the session is taken for.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Who answers for it.
    pub by: Arc<str>,
    /// Who wrote it down.
    pub written_by: Arc<str>,
}

impl std::fmt::Debug for Override {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Override").field("verdict", &self.verdict).field("until", &self.until).finish_non_exhaustive()
    }
}

/// The override that holds at `now`: the newest one, unless its time is over or somebody has ended it.
pub fn overridden(session: &Session, entries: &[Entry], now: Timestamp) -> Option<Override> {
    overrides(session, entries).pop().filter(|newest| newest.until > now)
}

/// All overrides of a session, oldest first, each until it ended: by itself, by somebody, by the next one, or with the meeting, which may
/// end earlier than it was to when that was said.
pub fn overrides(session: &Session, entries: &[Entry]) -> Vec<Override> {
    let mut all: Vec<Override> = Vec::new();
    for entry in of(entries, session) {
        let at = entry.at;
        match &entry.what {
            What::Override { verdict, reason, until } => {
                cut(&mut all, at);
                all.push(Override {
                    verdict: *verdict,
                    reason: reason.clone(),
                    since: at,
                    until: (*until).min(session.end).max(at),
                    by: Arc::clone(&entry.by),
                    written_by: Arc::clone(&entry.written_by),
                });
            }
            What::OverrideEnds { .. } => cut(&mut all, at),
            _ => {}
        }
    }
    all
}

fn cut(all: &mut [Override], at: Timestamp) {
    if let Some(last) = all.last_mut() {
        last.until = last.until.min(at);
    }
}

/// A trial.
#[derive(Clone, PartialEq, Eq)]
pub struct Trial {
    /// When it began.
    pub from: Timestamp,
    /// Who held it.
    pub by: Arc<str>,
    /// When it ended; none while it is under way, or was forgotten.
    pub to: Option<Timestamp>,
    /// Who ended it.
    pub ended_by: Option<Arc<str>>,
    /// What was found.
    pub findings: String,
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trial").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// For so long a trial is measured that nobody has ended: longer than one takes, and not until a meeting ends that lasts for days.
const UNENDED: SignedDuration = SignedDuration::from_hours(2);

/// For so long any is: one that was ended when somebody thought of it may have begun a week before.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

impl Trial {
    /// From when until when it is measured, and whether that is less than it has lasted by `now`.
    pub fn measured(&self, session: &Session, now: Timestamp) -> ((Timestamp, Timestamp), bool) {
        let (to, longest) = self.to.map_or((now, UNENDED), |to| (to, LONGEST));
        let (to, last) = (to.min(session.end), self.from.saturating_add(longest).unwrap_or(Timestamp::MAX));
        ((self.from, to.min(last)), to > last)
    }

    /// Until when at most it is being held, if it is at `now`. One that nobody has ended for longer than one takes was forgotten: its end
    /// can still be written down, and nobody is at it.
    pub fn held_until(&self, session: &Session, now: Timestamp) -> Option<Timestamp> {
        let until = self.from.saturating_add(UNENDED).unwrap_or(Timestamp::MAX).min(session.end);
        (self.to.is_none() && now < until).then_some(until)
    }
}

/// The trials of a session, oldest first.
pub fn trials(session: &Session, entries: &[Entry]) -> Vec<Trial> {
    let mut all: Vec<Trial> = Vec::new();
    for entry in of(entries, session) {
        match &entry.what {
            What::TrialBegins => all.push(Trial {
                from: entry.at,
                by: Arc::clone(&entry.by),
                to: None,
                ended_by: None,
                findings: String::new(),
            }),
            What::TrialEnds { findings } => {
                if let Some(last) = all.last_mut().filter(|last| last.to.is_none()) {
                    // The clock may have been set back meanwhile.
                    last.to = Some(entry.at.max(last.from));
                    last.ended_by = Some(Arc::clone(&entry.by));
                    last.findings.clone_from(findings);
                }
            }
            _ => {}
        }
    }
    all
}

/// What is said of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// By what is measured: nobody's word changes it.
    pub machine: Verdict,
    /// By what was checked by hand.
    pub hand: Verdict,
    /// By both.
    pub together: Verdict,
    /// Somebody's word against that, while it holds.
    pub overridden: Option<Override>,
}

impl Judged {
    /// Machine and hand together, as of two required things, and who says otherwise.
    pub fn new(machine: Verdict, points: &[Point], overridden: Option<Override>) -> Self {
        let hand = hand(points);
        Self { machine, hand, together: machine.max(hand), overridden }
    }

    /// What the session is taken for.
    pub fn verdict(&self) -> Verdict {
        self.overridden.as_ref().map_or(self.together, |one| one.verdict)
    }
}

/// What the crew is to be told of a session at `now`: which of its points have become late, or were made up for since that was told.
/// Nobody is told of a task to which nobody with a receiver is assigned, nor that something is late once the meeting has begun.
pub fn news(items: &[Item], session: &Session, written: &Written, now: Timestamp) -> Vec<(Word, Point)> {
    if now >= session.end {
        return Vec::new();
    }
    let receiver = |point: &Point| {
        let member = session.details.crew.get(&**point.item.task.as_ref()?)?;
        member.receiver.as_ref()
    };
    let told = |point: &Point, word: Word| {
        let same = |told: &&Told| told.session == session.id && told.start == session.start && told.word == word;
        written.told.iter().filter(same).any(|told| told.item == point.name)
    };
    let all = points(items, session, &written.entries, now).into_iter().filter(|point| receiver(point).is_some());
    let news = all.filter_map(|point| {
        let late = told(&point, Word::Late);
        if point.late && !late && now < session.start {
            Some((Word::Late, point))
        } else if point.standing == Standing::Done && late && !told(&point, Word::MadeUp) {
            Some((Word::MadeUp, point))
        } else {
            None
        }
    });
    news.collect()
}

/// When the first check of a session is due: before that nobody is told of its sheet.
pub fn first_due(items: &[Item], session: &Session) -> Timestamp {
    let first = items.iter().map(|item| item.due).max().unwrap_or_default();
    session.start.checked_sub(first).unwrap_or(Timestamp::MIN)
}

/// When something of a sheet changes next by time alone: something becomes due, a tick or an override runs out.
pub fn next_change(items: &[Item], session: &Session, entries: &[Entry], now: Timestamp) -> Option<Timestamp> {
    let points = points(items, session, entries, now);
    let moments = points.iter().flat_map(|point| [Some(point.due_at), point.until()]).flatten();
    let ends = overridden(session, entries, now).map(|one| one.until);
    // At the start itself for the last time: from then on it stands as it was then.
    moments.filter(|moment| *moment <= session.start).chain(ends).filter(|moment| *moment > now).min()
}
