//! By which id a calendar's meeting goes on: that of its entry, or the one that the same meeting has by another entry.
//!
//! An entry's own id is a hash of what its calendar calls it. Calendars call a meeting otherwise and mean the same: a single one becomes
//! a series, all that follow become a series of their own, a series gets another hour, an export has new ids each time. So what a
//! calendar has lost is held against what is new in the same reading, before anything is called off: the meeting keeps its id, and with
//! that what people were told of it, its run sheet, its report.

mod pairs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::calendar::{self, Entry, Reading};
use crate::config::Config;
use crate::domain::session::{Booking, Details, SCHEDULER};
use crate::domain::{Session, hex};
use crate::engine::agenda::Agenda;

use super::{UNTOLD, title};
use pairs::pairs;

/// With so many series that cannot be understood a meeting is compared by its beginning.
const COMPARED: usize = 200;

/// An entry as the session that the agenda is to hold for it.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// With the id under which it goes on.
    pub(super) session: Session,
    /// The id that is of its entry alone.
    pub(super) own: Arc<str>,
    /// What its calendar calls its series.
    pub(super) uid: Arc<str>,
}

impl Wanted {
    pub(super) fn of(feed: &calendar::Config, entry: &Entry, profile: &str) -> Self {
        let session = session(feed, entry, profile);
        Self { own: Arc::clone(&session.id), uid: Arc::clone(&entry.uid), session }
    }
}

/// What a calendar had by its last reading that was believed.
#[derive(Clone, Debug, Default)]
pub(super) struct Followed {
    /// When that reading began.
    pub(super) at: Timestamp,
    /// Its entries by the ids that are of each alone, also of those whose slot others hold.
    entries: BTreeSet<Arc<str>>,
    /// Its meetings by their ids, each with what the calendar calls its series.
    uids: BTreeMap<Arc<str>, Arc<str>>,
    /// Under which id a meeting goes on that has another than its entry's own.
    known_as: BTreeMap<Arc<str>, Arc<str>>,
}

impl Followed {
    /// What is followed by this reading, after what was known `before`; `standing` has what stands as it was, as [`Before::standing`]
    /// says.
    pub(super) fn by(all: &[Wanted], standing: BTreeMap<Arc<str>, Arc<str>>, before: &Before<'_>) -> Self {
        let mut uids = standing;
        uids.extend(all.iter().map(|one| (Arc::clone(&one.session.id), Arc::clone(&one.uid))));
        // An entry that comes back is the meeting that it was.
        let gone = before.followed.into_iter().flat_map(|followed| &followed.known_as);
        let gone = gone.filter(|(_, id)| !uids.contains_key(*id) && before.get(id).is_some());
        let mut known_as: BTreeMap<_, _> = gone.map(|(own, id)| (Arc::clone(own), Arc::clone(id))).collect();
        let others = all.iter().filter(|one| one.own != one.session.id);
        known_as.extend(others.map(|one| (Arc::clone(&one.own), Arc::clone(&one.session.id))));
        let entries = all.iter().map(|one| Arc::clone(&one.own)).collect();
        Self { at: before.now, entries, uids, known_as }
    }

    /// Whether it has this meeting.
    pub(super) fn has(&self, id: &str) -> bool {
        self.uids.contains_key(id)
    }
}

/// What was known when a reading began.
pub(super) struct Before<'a> {
    pub(super) agenda: &'a Agenda,
    config: &'a Config,
    feed: &'a str,
    /// What the feed had; none if it is new, or the daemon is.
    followed: Option<&'a Followed>,
    now: Timestamp,
    /// An agenda is walked through for each look into it, and a reading has thousands.
    by_id: BTreeMap<&'a str, &'a Arc<Session>>,
}

/// How far apart two may begin that are one of a series: less than from one week's to the next but one, so that a meeting which is left
/// out is not taken for one that has come into sight a year ahead.
const SERIES_REACH: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The same of two that have title and length in common alone.
const TITLE_REACH: SignedDuration = SignedDuration::from_hours(24);

impl<'a> Before<'a> {
    pub(super) fn new(
        agenda: &'a Agenda,
        config: &'a Config,
        feed: &'a str,
        followed: Option<&'a Followed>,
        now: Timestamp,
    ) -> Self {
        let by_id = agenda.sessions().map(|session| (&*session.id, session)).collect();
        Self { agenda, config, feed, followed, now, by_id }
    }

    /// A session by its id, a cancelled one too.
    pub(super) fn get(&self, id: &str) -> Option<&'a Arc<Session>> {
        self.by_id.get(id).copied()
    }
}

impl Before<'_> {
    /// What is known by an entry's own id keeps it: under the calendar's old name and its new one it is one meeting, and so is what was
    /// found to be one at a reading before.
    pub(super) fn by_known_ids(&self, all: &mut [Wanted]) {
        let is_its = |known: &&Arc<Session>| *known.source == *self.feed || is_nobodys(known, self.config);
        let mut known: Vec<&Arc<Session>> = self.agenda.sessions().filter(is_its).collect();
        // Of several the last stands: one that is booked, and the calendar's own.
        known.sort_by_key(|known| (known.booking == Booking::Booked, *known.source == *self.feed));
        let mut ids: BTreeMap<&str, &Arc<str>> = BTreeMap::new();
        for known in known {
            ids.extend(entry_of(&known.id).map(|entry| (entry, &known.id)));
        }
        let known_as = |id: &str| entry_of(id).and_then(|entry| ids.get(entry)).map(|id| Arc::clone(id));
        for one in &mut *all {
            let session = &mut one.session;
            if let Some(id) = known_as(&moved(session)).or_else(|| known_as(&session.id)) {
                session.id = id;
            }
        }
        let Some(followed) = self.followed else { return };
        let mut taken: BTreeSet<Arc<str>> = all.iter().map(|one| Arc::clone(&one.session.id)).collect();
        for one in all {
            let known_as = followed.known_as.get(&one.own).filter(|id| self.get(id).is_some());
            if let Some(id) = known_as.filter(|id| !self.is_booked(&one.session.id) && !taken.contains(*id)) {
                taken.insert(Arc::clone(id));
                one.session.id = Arc::clone(id);
            }
        }
    }

    /// What is known and stands as it was, though the reading lacks it: what it has of it cannot be understood, or is more than is
    /// taken. By its id, with what the calendar calls its series. `all` is what the reading has.
    pub(super) fn standing(&self, reading: &Reading, all: &[Wanted]) -> BTreeMap<Arc<str>, Arc<str>> {
        let read: BTreeSet<&str> = all.iter().map(|one| &*one.session.id).collect();
        let hash = |uid: &str, of_series| own_id("", uid, of_series);
        // Of which all is unread, or all that begins from then on: a week before its place at the most, as those may that are moved.
        let mut whole: BTreeMap<&str, (&Arc<str>, Timestamp)> = BTreeMap::new();
        for one in reading.unread.iter().filter(|one| one.of_series.is_none() || one.following) {
            let from = one.of_series.and_then(|first| first.checked_sub(SERIES_REACH).ok()).unwrap_or(Timestamp::MIN);
            let known = whole.entry(&one.uid).or_insert((&one.uid, from));
            known.1 = known.1.min(from);
        }
        let single = reading.unread.iter().filter(|one| one.of_series.is_some() && !one.following);
        let titles: BTreeMap<String, &String> = reading.nameless.iter().map(|said| (title(said), said)).collect();
        // A single one is known by its id, and one of a series that was not moved by its beginning too: also after a start.
        let alone = whole.values().filter(|(_, from)| *from == Timestamp::MIN).map(|(uid, _)| (hash(uid, None), *uid));
        let hashes: BTreeMap<String, &Arc<str>> =
            single.map(|one| (hash(&one.uid, one.of_series), &one.uid)).chain(alone).collect();
        let known_as = self.followed.into_iter().flat_map(|followed| &followed.known_as);
        let own: BTreeMap<&Arc<str>, &Arc<str>> = known_as.map(|(own, id)| (id, own)).collect();
        let series_of = |known: &Session| {
            let followed = self.followed.and_then(|followed| followed.uids.get(&known.id));
            if reading.beyond.is_some_and(|beyond| known.start >= beyond) {
                return Some(followed.cloned().unwrap_or_default());
            }
            // What stands beyond was remembered without its series.
            let followed = followed.filter(|uid| !uid.is_empty());
            let is_of = |(_, from): &&(&Arc<str>, Timestamp)| known.start >= *from;
            let by_memory = || followed.and_then(|uid| whole.get(&**uid)).filter(is_of).map(|(uid, _)| *uid);
            let by_id = || {
                [Some(&known.id), own.get(&known.id).copied()]
                    .into_iter()
                    .flatten()
                    .find_map(|id| hashes.get(&entry_hash(id)?).copied())
            };
            let by_hour = || {
                // Where its series is known that has been asked; and it is a hash for each of them.
                let hash_of = entry_hash(&known.id).filter(|_| followed.is_none())?;
                let mut compared = whole.values().filter(is_of).take(COMPARED).map(|(uid, _)| *uid);
                compared.find(|uid| hash(uid, Some(known.start)) == hash_of)
            };
            // Without any id it is known by its hour and title.
            let by_title = || {
                let hash_of = entry_hash(&known.id)?;
                let mut names = calendar::of_nameless(known.start, titles.get(&known.title)?);
                names.find(|uid| hash(uid, None) == hash_of).map(Into::into)
            };
            by_memory().or_else(by_id).or_else(by_hour).cloned().or_else(by_title)
        };
        let lacks = self.known().filter(|known| !read.contains(&*known.id));
        lacks.filter_map(|known| Some((Arc::clone(&known.id), series_of(known)?))).collect()
    }

    /// What is booked of this calendar, or of none that there is, and of which the reading speaks.
    fn known(&self) -> impl Iterator<Item = &Arc<Session>> {
        let is_its = |known: &Session| *known.source == *self.feed || is_nobodys(known, self.config);
        self.agenda.booked().filter(move |known| is_in_reach(known, self.now) && is_its(known))
    }

    /// Gives what is new in a reading the id of the meeting that was lost by the same reading and is the same: first by the hour, then
    /// of each series those that are nearest, then by title and length.
    pub(super) fn keep_ids(&self, all: &mut [Wanted], standing: &BTreeMap<Arc<str>, Arc<str>>) {
        let ended = self.agenda.booked().filter(|known| *known.source == *self.feed && self.has_just_ended(known));
        let first = lost(self.known().chain(ended), all, standing);
        give(all, &first, self.of_the_same_hour(&first, all));
        // One that is under way is not at another hour: it ends, and the other is one of its own.
        let to_come = || self.known().filter(|known| *known.source == *self.feed && known.start > self.now);
        let later = lost(to_come(), all, standing);
        let uid_of = |lost: &Session| self.followed.and_then(|followed| followed.uids.get(&lost.id)).map(|uid| &**uid);
        give(all, &later, self.alike(SERIES_REACH, &later, uid_of, all, |one| Some(&*one.uid)));
        let later = lost(to_come(), all, standing);
        let shape = |session: &Session| {
            let is_told = !UNTOLD.contains(&&*session.title);
            is_told.then(|| (session.title.clone(), session.end.duration_since(session.start)))
        };
        give(all, &later, self.alike(TITLE_REACH, &later, shape, all, |one| shape(&one.session)));
    }

    /// Which of what was lost is which of all, where both begin at the same time.
    fn of_the_same_hour(&self, lost: &[&Arc<Session>], all: &[Wanted]) -> Vec<(usize, usize)> {
        let mut by_start: BTreeMap<Timestamp, Vec<usize>> = BTreeMap::new();
        for (at, one) in all.iter().enumerate() {
            by_start.entry(one.session.start).or_default().push(at);
        }
        let mut ranked = Vec::new();
        for (place, lost) in lost.iter().enumerate() {
            let with_it = by_start.get(&lost.start).into_iter().flatten();
            ranked.extend(with_it.filter_map(|at| Some((self.rank(lost, &all[*at])?, place, *at))));
        }
        ranked.sort_unstable();
        let (mut kept, mut given) = (BTreeSet::new(), BTreeSet::new());
        ranked.retain(|(_, place, at)| !kept.contains(place) && given.insert(*at) && kept.insert(*place));
        ranked.into_iter().map(|(_, place, at)| (place, at)).collect()
    }

    /// How little like a meeting that was lost one is that begins with it; none if it is another.
    fn rank(&self, lost: &Session, one: &Wanted) -> Option<u8> {
        let (new, known) = (&one.session, self.get(&one.session.id));
        let (same_end, same_title) = (lost.end == new.end, lost.title == new.title);
        let own = *lost.source == *self.feed;
        if !own && (self.followed.is_some() || !same_end || !same_title) {
            // Of a calendar that has another name now, nothing is known but what was booked.
            return None;
        }
        let live = own && lost.start <= self.now;
        if self.is_booked(&new.id) {
            // It was moved to the very hour of one that is under way and is gone.
            let moved = known.is_some_and(|known| known.start != new.start);
            return (live && moved && lost.end > self.now).then_some(4);
        }
        if !self.is_new(one) {
            return None;
        }
        if lost.end <= self.now {
            // It was called off and goes on after all: by another id it would stand in its own way.
            return (same_title && new.end > self.now).then_some(1);
        }
        match (same_end, same_title) {
            (true, true) => Some(0),
            (false, true) => Some(1),
            (true, false) => Some(2),
            (false, false) => live.then_some(3),
        }
    }

    /// Which of what was lost is which of what is new and to come, where both have the same key.
    fn alike<'k, K: Ord>(
        &self,
        reach: SignedDuration,
        lost: &[&'k Arc<Session>],
        of_lost: impl Fn(&'k Session) -> Option<K>,
        all: &'k [Wanted],
        of_new: impl Fn(&'k Wanted) -> Option<K>,
    ) -> Vec<(usize, usize)> {
        let mut groups: BTreeMap<K, (Vec<_>, Vec<_>)> = BTreeMap::new();
        for (place, lost) in lost.iter().enumerate() {
            if let Some(key) = of_lost(lost) {
                groups.entry(key).or_default().0.push((lost.start, place));
            }
        }
        if groups.is_empty() {
            return Vec::new();
        }
        // What has an id of its own, though cancelled, comes back under that.
        let is_to_come =
            |one: &Wanted| one.session.end > self.now && self.get(&one.session.id).is_none() && self.is_new(one);
        for (at, one) in all.iter().enumerate().filter(|(_, one)| is_to_come(one)) {
            if let Some((_, new)) = of_new(one).and_then(|key| groups.get_mut(&key)) {
                new.push((one.session.start, at));
            }
        }
        let zone = &self.config.room.time_zone.0;
        let week_of = |at: Timestamp| {
            let week = zone.to_datetime(at).date().iso_week_date();
            (week.year(), week.week())
        };
        groups.values().flat_map(|(lost, new)| pairs(lost, new, reach, week_of)).collect()
    }

    /// Whether the reading before did not have an entry: what it had and is not booked has been in others' way for longer, and is not
    /// what was lost now.
    fn is_new(&self, one: &Wanted) -> bool {
        self.followed.is_none_or(|followed| !followed.entries.contains(&one.own))
    }

    /// Whether that a meeting goes on may be said still.
    fn has_just_ended(&self, known: &Session) -> bool {
        known.end <= self.now && !known.is_due(self.now, self.config.agenda.wrap_up.0)
    }

    fn is_booked(&self, id: &str) -> bool {
        self.get(id).is_some_and(|known| known.booking == Booking::Booked)
    }
}

/// Those that a reading has under no id, and that do not stand as they were.
fn lost<'a>(
    known: impl Iterator<Item = &'a Arc<Session>>,
    all: &[Wanted],
    standing: &BTreeMap<Arc<str>, Arc<str>>,
) -> Vec<&'a Arc<Session>> {
    let ids: BTreeSet<&str> = all.iter().map(|one| &*one.session.id).collect();
    known.filter(|known| !ids.contains(&*known.id) && !standing.contains_key(&known.id)).collect()
}

/// Gives ids of what was lost to what is the same.
fn give(all: &mut [Wanted], lost: &[&Arc<Session>], pairs: Vec<(usize, usize)>) {
    for (place, at) in pairs {
        all[at].session.id = Arc::clone(&lost[place].id);
    }
}

/// Whether a reading that began at `now` speaks of a meeting: it is not over, and not beyond what is taken. By a clock that is behind,
/// meetings may lie beyond; that a reading lacks them says nothing of them.
pub(super) fn is_in_reach(known: &Session, now: Timestamp) -> bool {
    known.end > now && known.start < calendar::span(now).1
}

/// Whether a session is of a calendar that the config has no more.
pub(super) fn is_nobodys(known: &Session, config: &Config) -> bool {
    &*known.source != SCHEDULER && !config.calendars.iter().any(|feed| feed.name == known.source)
}

/// The id of a session whose own is that of one that was held at another time.
pub(super) fn moved(session: &Session) -> String {
    format!("{}.{:x}", session.id, session.start.as_second())
}

/// The id of what is to come of an entry that was held under `held` and moved since, to `start` by now, as it is known; one that is
/// cancelled too, if there is no other. One that began then and has ended may go on: by an id of its own it would stand in its own way.
pub(super) fn moved_before(agenda: &Agenda, held: &Session, start: Timestamp, now: Timestamp) -> Option<Arc<str>> {
    let is_of_it = |known: &&Arc<Session>| {
        known.source == held.source
            && (known.end > now || known.start == start)
            && known.id.strip_prefix(&*held.id).is_some_and(|rest| rest.starts_with('.'))
    };
    let known = agenda.sessions().filter(is_of_it);
    let rank = |known: &&Arc<Session>| (known.booking == Booking::Booked, known.start == start, known.revision);
    known.max_by_key(rank).map(|known| Arc::clone(&known.id))
}

/// What of an id is the same under any name of the calendar.
fn entry_of(id: &str) -> Option<&str> {
    id.split_once('.').map(|(_, entry)| entry)
}

/// The hash in an id, as [`own_id`] gives it of a feed without a name.
fn entry_hash(id: &str) -> Option<String> {
    entry_of(id).and_then(|entry| entry.split('.').next()).map(|hash| format!(".{hash}"))
}

/// The id that an entry has in the feed of this name, wherever it is moved.
fn own_id(feed: &str, uid: &str, of_series: Option<Timestamp>) -> String {
    let of_series = of_series.map(|moment| moment.to_string()).unwrap_or_default();
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("{uid}\n{of_series}").as_bytes());
    format!("{feed}.{}", hex(&digest.as_ref()[..8]))
}

/// An entry of a feed as a session, with its own id.
pub(super) fn session(feed: &calendar::Config, entry: &Entry, profile: &str) -> Session {
    Session {
        id: own_id(&feed.name, &entry.uid, entry.of_series).into(),
        revision: 0,
        booking: Booking::Booked,
        title: title(&entry.title),
        profile: profile.into(),
        start: entry.start,
        end: entry.end,
        source: Arc::clone(&feed.name),
        details: Details::default(),
    }
}
