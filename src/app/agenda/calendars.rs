//! Feeds of others in the agenda: read again and again, and what they say is booked, moved and cancelled like any wish.
//!
//! A meeting goes on under its id as long as its feed has it, by whatever entry (`identity`).
//!
//! A feed that cannot be read, or is no calendar, changes nothing: what was booked stands; and so does what was booked of an entry that
//! cannot be understood any more. One that has lost all its meetings at once is
//! believed when it says so twice: a server that fails or is being filled may say it once, and people would be told. What it says of a slot that another
//! meeting holds is not booked, told in the log once and shown (`/api/v1/agenda`), and tried again at each reading; one that is to last
//! longer than there is room stands as it was.
//!
//! What is booked of a calendar that the config has no more is nobody's: the calendar that has the same entry (it was renamed) takes it
//! over as it is, and what is to come of the rest is called off when all that are left have been read, or when none is left. Before
//! that, one that could not be read yet may be the same calendar under its new name.

mod identity;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Book;
use super::reading::{Done, Reader};
use crate::calendar::{self, Reading};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::feed::LeftOut;
use crate::domain::plain::{is_blank, is_unseen};
use crate::domain::session::{Booking, SCHEDULER};
use crate::domain::{Granted, Mono, Session, Wish, passcode};
use crate::web::Bookings as _;
use crate::web::bookings::Feed;

use identity::{Before, Followed, Wanted, is_in_reach, is_nobodys, moved, moved_before};

/// The longest title that is taken, characters.
const LONGEST: usize = 200;

/// What is told of a feed that has lost all at once.
const EMPTIED: &str = "it has no meetings any more; they are cancelled if it says so again at the next reading";

/// What is told of a feed that has entries, none of which is a meeting, and has lost others.
const NOT_UNDERSTOOD: &str = "none of its entries is a meeting; those that it has no more are cancelled if it says so again at the next \
    reading";

/// What is told of a new feed that has none, while meetings are nobody's that may have been its own under another name.
const EMPTY: &str = "it has no meetings; those of a calendar that the config has no more are cancelled only if it says so again at \
    the next reading";

/// How soon a disk that did not take it is asked again.
const AGAIN: Duration = Duration::from_mins(1);

/// What the readings before have said of the feeds that the config has now.
#[derive(Debug, Default)]
struct Heard {
    /// Feeds that had meetings and had none at the last reading.
    emptied: BTreeSet<Arc<str>>,
    /// What each feed has by the last reading that was believed.
    followed: BTreeMap<Arc<str>, Followed>,
    /// Meetings that have begun and that a feed lacked at its last reading, and whether they can have been held: the last reading that
    /// had one was made when it had begun.
    missing: BTreeMap<Arc<str>, BTreeMap<Arc<str>, bool>>,
}

impl Heard {
    /// Leaves out the feeds whose entry in the config is another now: what was read by the one before says nothing of them.
    fn keep(&mut self, is_as_it_was: impl Fn(&str) -> bool) {
        self.emptied.retain(|name| is_as_it_was(name));
        self.followed.retain(|name, _| is_as_it_was(name));
        self.missing.retain(|name, _| is_as_it_was(name));
    }

    /// Takes what has begun and is not in a feed's newest reading, before that is followed. Gives what the reading before lacked too.
    fn misses<'a>(
        &mut self,
        feed: &Arc<str>,
        lost: impl Iterator<Item = &'a Arc<Session>>,
    ) -> BTreeMap<Arc<str>, bool> {
        let before = self.followed.get(feed);
        let known = self.missing.remove(feed).unwrap_or_default();
        // What is not known by a reading was booked by a daemon before this one, and was held as far as anybody can say.
        let can_be_held =
            |one: &Session| before.filter(|before| before.has(&one.id)).is_none_or(|before| before.at >= one.start);
        let held = |one: &Session| known.get(&one.id).copied().unwrap_or_else(|| can_be_held(one));
        let missing: BTreeMap<_, _> = lost.map(|one| (Arc::clone(&one.id), held(one))).collect();
        self.missing.insert(Arc::clone(feed), missing);
        known
    }

    /// Whether a feed has this meeting by its last reading.
    fn has(&self, feed: &str, id: &str) -> bool {
        self.followed.get(feed).is_some_and(|followed| followed.has(id))
    }

    /// Whether each calendar of the config has been heard, and none has this meeting.
    fn no_one_has(&self, id: &str, config: &Config) -> bool {
        config.calendars.iter().all(|feed| self.followed.get(&feed.name).is_some_and(|followed| !followed.has(id)))
    }
}

/// The task.
pub struct Calendars {
    /// Where meetings are booked.
    pub book: Arc<Book>,
    /// The config, as it is read anew.
    pub configs: watch::Receiver<Arc<Config>>,
    /// The clocks.
    pub clock: Clock,
}

impl Calendars {
    /// Goes on until the shell has ended.
    pub async fn run(mut self) {
        // What is followed by which entry of the config, and when it is read again.
        let mut due: BTreeMap<Arc<str>, (calendar::Config, Mono)> = BTreeMap::new();
        let mut heard = Heard::default();
        let mut reader = Reader::new();
        loop {
            let config = Arc::clone(&self.configs.borrow_and_update());
            // An entry that was changed is read at once, as a new one is.
            due.retain(|_, (feed, _)| config.calendars.contains(feed));
            heard.keep(|name| due.contains_key(name));
            // What the entry before had said is not what this one has.
            self.book.feeds.send_modify(|feeds| feeds.retain(|feed| due.contains_key(&*feed.name)));
            for feed in &config.calendars {
                // Before the agenda is known, everything would be booked anew.
                let is_due = due.get(&feed.name).is_none_or(|(_, due)| *due <= self.clock.mono());
                if self.book.agenda().known && is_due && !reader.is_at(&feed.name) {
                    reader.begin(feed, config.room.time_zone.0.clone(), self.clock);
                    due.insert(Arc::clone(&feed.name), (feed.clone(), Mono::NEVER));
                }
            }
            let mut known = self.book.agenda.subscribe();
            let unknown = !known.borrow_and_update().known;
            let mut next = due.values().map(|(_, due)| *due).min().filter(|_| !unknown).unwrap_or(Mono::NEVER);
            if config.calendars.is_empty()
                && !unknown
                && let Err(error) = self.call_off(None, &BTreeMap::new(), &heard, &config, self.clock.now().wall).await
            {
                tracing::warn!(error, "the meetings of the calendars that were followed cannot be called off yet");
                next = self.clock.mono().after(AGAIN);
            }
            let done = tokio::select! {
                () = self.clock.sleep_until(next) => None,
                changed = self.configs.changed() => if changed.is_err() { return } else { None },
                told = known.wait_for(|agenda| agenda.known), if unknown => if told.is_err() { return } else { None },
                done = reader.next() => Some(done),
            };
            let Some(done) = done else { continue };
            // What the config before had it read is read anew.
            if config.calendars.contains(&done.feed) {
                self.follow(&done, &config, &mut heard).await;
                let again = self.clock.mono().after(done.feed.interval.0);
                due.insert(Arc::clone(&done.feed.name), (done.feed, again));
            } else {
                due.remove(&done.feed.name);
            }
        }
    }

    /// Has the agenda follow what was read of a feed.
    async fn follow(&self, done: &Done, config: &Config, heard: &mut Heard) {
        let (feed, now) = (&done.feed, done.at);
        let before = self.book.feeds.borrow().iter().find(|known| *known.name == *feed.name).cloned();
        // What it said last stands, with its own time, when this reading fails.
        let mut shown = before.unwrap_or_else(|| Feed { name: feed.name.to_string(), ..Feed::default() });
        (shown.at, shown.error) = (now, None);
        match &done.read {
            Ok(reading) => match self.wanted(feed, reading, heard, config, now).await {
                Ok((wanted, followed)) => {
                    let entries = wanted.len();
                    let doubt = self.doubt(feed, reading, &followed, heard, config, now);
                    let doubt = doubt.filter(|_| wanted.is_empty());
                    if doubt.is_some() && heard.emptied.insert(Arc::clone(&feed.name)) {
                        self.missing(&feed.name, &followed, heard, now);
                        shown.error = doubt.map(str::to_owned);
                    } else {
                        heard.emptied.remove(&feed.name);
                        let said = self.book_all(&feed.name, wanted, followed, heard, config, now).await;
                        match said {
                            (conflicts, None) => {
                                let told = |one: &LeftOut| LeftOut { title: title(&one.title), why: one.why };
                                shown.which = reading.which.iter().map(told).collect();
                                shown.left_out = reading.left_out;
                                (shown.entries, shown.conflicts, shown.read_at) = (entries, conflicts, Some(now));
                            }
                            (_, Some(error)) => shown.error = Some(error),
                        }
                    }
                }
                Err(error) => shown.error = Some(error),
            },
            Err(error) => shown.error = Some(error.clone()),
        }
        self.book.feeds.send_modify(|feeds| {
            let before = feeds.iter().position(|known| known.name == shown.name).map(|at| feeds.remove(at));
            say_what_is_new(before.as_ref(), &shown);
            feeds.push(shown);
            // As they stand in the config, whichever answered first.
            feeds.sort_by_key(|feed| config.calendars.iter().position(|known| *known.name == *feed.name));
        });
    }

    /// The sessions that the agenda is to hold by what was read of a feed at `now`, and what is followed with them.
    async fn wanted(
        &self,
        feed: &calendar::Config,
        reading: &Reading,
        heard: &Heard,
        config: &Config,
        now: Timestamp,
    ) -> Result<(Vec<Session>, Followed), String> {
        let profile = feed.profile.as_deref();
        let profile = profile.unwrap_or(&config.plan.profiles[config.plan.default_profile].name);
        let mut all: Vec<_> = reading.entries.iter().map(|entry| Wanted::of(feed, entry, profile)).collect();
        let (agenda, followed) = (self.book.agenda(), heard.followed.get(&feed.name));
        let before = Before::new(&agenda, config, &feed.name, followed, now);
        before.by_known_ids(&mut all);
        // By its own id alone it is known whether one goes on that was held before and moved.
        self.part_from_the_past(&mut all, &before, now).await?;
        let standing = before.standing(reading, &all);
        before.keep_ids(&mut all, &standing);
        all.retain(|one| self.is_of_use(&one.session, now));
        let followed = Followed::by(&all, standing, &before);
        Ok((all.into_iter().map(|one| one.session).collect(), followed))
    }

    /// Whether the agenda is to follow an entry: one that is not over, and one that is over by its feed and goes on by the agenda (its
    /// end was moved to what is past: it was held, and is not called off).
    fn is_of_use(&self, session: &Session, now: Timestamp) -> bool {
        let goes_on = |known: &Session| {
            known.booking == Booking::Booked && known.start == session.start && known.end > now && known.start <= now
        };
        session.end > now || self.book.agenda().get(&session.id).is_some_and(|known| goes_on(known))
    }

    /// Why a reading of a feed that has no meetings is believed only when it says so again: some of its own are booked that it would
    /// have, or it is new, and nobody's are booked that it may have had under another name. What stands as it was is not lost.
    fn doubt(
        &self,
        feed: &calendar::Config,
        reading: &Reading,
        followed: &Followed,
        heard: &Heard,
        config: &Config,
        now: Timestamp,
    ) -> Option<&'static str> {
        let agenda = self.book.agenda();
        let is_lost = |known: &Session| is_in_reach(known, now) && !followed.has(&known.id);
        if agenda.booked().any(|known| known.source == feed.name && is_lost(known)) {
            return Some(if reading.left_out == 0 { EMPTIED } else { NOT_UNDERSTOOD });
        }
        let is_new = !heard.followed.contains_key(&feed.name);
        let is_left = |known: &Session| is_nobodys(known, config) && known.start > now && is_lost(known);
        (is_new && agenda.booked().any(|known| is_left(known))).then_some(EMPTY)
    }

    /// What has begun and `feed` lacks by its reading that began at `now` and by the one before, each with whether it can have been held.
    fn missing(
        &self,
        feed: &Arc<str>,
        followed: &Followed,
        heard: &mut Heard,
        now: Timestamp,
    ) -> BTreeMap<Arc<str>, bool> {
        let (agenda, begun) = (self.book.agenda(), now.max(self.clock.now().wall));
        let is_lost = |known: &&Arc<Session>| {
            known.source == *feed && known.start <= begun && is_in_reach(known, now) && !followed.has(&known.id)
        };
        heard.misses(feed, agenda.booked().filter(is_lost))
    }

    /// Calls off the meetings that `feed` has no more by its reading that began at `now`, of what has begun those that are `missing`
    /// for the second time: one defective reading sends nobody home. And of those that are nobody's what has not begun, once all
    /// calendars have been heard and none has it.
    async fn call_off(
        &self,
        feed: Option<&Arc<str>>,
        missing: &BTreeMap<Arc<str>, bool>,
        heard: &Heard,
        config: &Config,
        now: Timestamp,
    ) -> Result<(), String> {
        let agenda = self.book.agenda();
        // A reading takes its time, in which a meeting may have begun.
        let begun = now.max(self.clock.now().wall);
        let is_believed = |known: &Session| known.start > begun || missing.contains_key(&known.id);
        let has_lost =
            |known: &Session| feed == Some(&known.source) && !heard.has(&known.source, &known.id) && is_believed(known);
        let is_left =
            |known: &Session| is_nobodys(known, config) && known.start > begun && heard.no_one_has(&known.id, config);
        let gone = agenda.booked().filter(|known| is_in_reach(known, now) && (has_lost(known) || is_left(known)));
        let gone: Vec<_> = gone.map(|known| (Arc::clone(&known.id), is_nobodys(known, config))).collect();
        let meetings = gone.iter().filter(|(_, is_nobodys)| *is_nobodys).count();
        if meetings > 0 {
            tracing::warn!(meetings, "the config has their calendar no more; these meetings are called off");
        }
        for (id, _) in gone {
            // What had not begun when it was looked at was not held, though it may have begun by now.
            let held = missing.get(&id).copied().unwrap_or(false);
            let wish = if held { Wish::Cancel { id } } else { Wish::NotHeld { id } };
            self.book.wish(None, wish, None).await?;
        }
        Ok(())
    }

    /// Whether a session is booked at another hour than its feed has it, so that its slot is nobody's. One that keeps its beginning
    /// and is to last longer than there is room may be held just now: it stands as it was.
    fn has_left(&self, session: &Session) -> bool {
        let is_elsewhere = |known: &Session| known.booking == Booking::Booked && known.start != session.start;
        self.book.agenda().get(&session.id).is_some_and(|known| is_elsewhere(known))
    }

    /// Has the agenda hold just these sessions of a feed. Gives those whose slot others hold, and what went wrong.
    async fn book_all(
        &self,
        feed: &Arc<str>,
        wanted: Vec<Session>,
        followed: Followed,
        heard: &mut Heard,
        config: &Config,
        now: Timestamp,
    ) -> (Vec<(Timestamp, String)>, Option<String>) {
        let agenda = self.book.agenda();
        let missing = self.missing(feed, &followed, heard, now);
        heard.followed.insert(Arc::clone(feed), followed);
        // First, so that they are in nobody's way.
        if let Err(error) = self.call_off(Some(feed), &missing, heard, config, now).await {
            return (Vec::new(), Some(error));
        }
        let known: BTreeMap<&str, &Arc<Session>> = agenda.sessions().map(|known| (&*known.id, known)).collect();
        let news = |session: &Session| known.get(&*session.id).is_none_or(|known| !known.says_what(session));
        let is_schedulers = |session: &Session| {
            known.get(&*session.id).is_some_and(|known| known.booking == Booking::Booked && &*known.source == SCHEDULER)
        };
        // A scheduler's meeting under its id is not the calendar's to replace. What has begun keeps its beginning: that the feed has it
        // elsewhere now is shown.
        let (mut kept, mut left): (Vec<_>, Vec<_>) = wanted.into_iter().filter(news).partition(is_schedulers);
        // Twice: of two that change places each is in the other's way until it has left its own.
        for last in [false, true] {
            let mut taken = Vec::new();
            for session in left {
                match self.book.wish(None, Wish::Book(Box::new(session.clone())), None).await {
                    Ok(Granted::Taken(_)) => taken.push(session),
                    Ok(Granted::Begun) => kept.push(session),
                    Ok(_) => {}
                    Err(error) => return (Vec::new(), Some(error)),
                }
            }
            for session in taken.iter().filter(|session| !last && self.has_left(session)) {
                if let Err(error) = self.book.wish(None, Wish::Cancel { id: Arc::clone(&session.id) }, None).await {
                    return (Vec::new(), Some(error));
                }
            }
            left = taken;
            if left.is_empty() {
                break;
            }
        }
        (left.into_iter().chain(kept).map(|session| (session.start, session.title)).collect(), None)
    }

    /// An entry that was held and stands at another time now is another meeting, with an id that has its beginning in it, wherever it
    /// is moved then: the report of the one that was held stays under its own.
    async fn part_from_the_past(
        &self,
        wanted: &mut [Wanted],
        before: &Before<'_>,
        now: Timestamp,
    ) -> Result<(), String> {
        for Wanted { session, .. } in wanted {
            let known = match before.get(&session.id) {
                Some(known) => Some(Session::clone(known)),
                None => self.book.session(&session.id).await?,
            };
            let held = known
                .filter(|known| known.booking == Booking::Booked && known.end <= now && known.start != session.start);
            if let Some(held) = held {
                session.id =
                    moved_before(before.agenda, &held, session.start, now).unwrap_or_else(|| moved(session).into());
            }
        }
        Ok(())
    }
}

/// What stands for a title that is none, or is not told.
const UNTOLD: [&str; 2] = ["–", "(…)"];

/// A title as one line, without a passcode that somebody wrote into it.
fn title(said: &str) -> String {
    let line = said.split(is_unseen).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    match line {
        line if is_blank(&line) => UNTOLD[0].to_owned(),
        line if passcode::is_said(&line) => UNTOLD[1].to_owned(),
        line => line.chars().take(LONGEST).collect(),
    }
}

/// To the log what was not so at the reading before. No address of a feed, and no title of a meeting.
fn say_what_is_new(before: Option<&Feed>, now: &Feed) {
    let calendar = &now.name;
    if now.error.is_some() && before.and_then(|before| before.error.as_ref()) != now.error.as_ref() {
        tracing::warn!(calendar, error = now.error, "this calendar cannot be followed; what it said before stands");
    } else if now.error.is_none() && before.is_some_and(|before| before.error.is_some()) {
        tracing::info!(calendar, "this calendar is followed again");
    }
    let conflicts = now.conflicts.len();
    if conflicts > 0 && before.is_none_or(|before| before.conflicts != now.conflicts) {
        tracing::warn!(calendar, conflicts, "others hold the slot of some of its meetings; /api/v1/agenda has them");
    }
    let left_out = now.left_out;
    if left_out > 0 && before.is_none_or(|before| before.left_out != left_out) {
        tracing::warn!(calendar, left_out, "some of its entries are not booked; /api/v1/agenda has which and why");
    }
}

#[cfg(test)]
mod tests;
