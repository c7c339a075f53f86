//! Feeds of others in the agenda: read again and again, and what they say is booked, moved and cancelled like any wish.
//!
//! A feed that cannot be read, or is no calendar, changes nothing: what was booked stands. One that has lost all its meetings at once is
//! believed when it says so twice: a server that fails or is being filled may say it once, and people would be told. What it says of a slot that another
//! meeting holds is not booked, told in the log once and shown (`/api/v1/agenda`), and tried again at each reading.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Book;
use super::reading::{Done, Reader};
use crate::calendar::{self, Entry};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::feed::LeftOut;
use crate::domain::plain::{is_blank, is_unseen};
use crate::domain::session::{Booking, Details};
use crate::domain::{Granted, Mono, Session, Wish, hex, passcode};
use crate::web::Bookings as _;
use crate::web::bookings::Feed;

/// The longest title that is taken, characters.
const LONGEST: usize = 200;

/// What is told of a feed that has lost all at once.
const EMPTIED: &str = "it has no meetings any more; they are cancelled if it says so again at the next reading";

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
        let mut due: BTreeMap<Arc<str>, Mono> = BTreeMap::new();
        // Feeds that had meetings and had none at the last reading.
        let mut emptied: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut reader = Reader::new();
        loop {
            let config = Arc::clone(&self.configs.borrow_and_update());
            emptied.retain(|name| due.contains_key(name));
            due.retain(|name, _| config.calendars.iter().any(|feed| feed.name == *name));
            self.book.feeds.send_modify(|feeds| {
                feeds.retain(|feed| config.calendars.iter().any(|known| *known.name == *feed.name));
            });
            for feed in &config.calendars {
                // Before the agenda is known, everything would be booked anew.
                let is_due = due.get(&feed.name).is_none_or(|due| *due <= self.clock.mono());
                if self.book.agenda().known && is_due && !reader.is_at(&feed.name) {
                    reader.begin(feed, config.room.time_zone.0.clone(), self.clock);
                    due.insert(Arc::clone(&feed.name), Mono::NEVER);
                }
            }
            let mut known = self.book.agenda.subscribe();
            let unknown = !config.calendars.is_empty() && !known.borrow_and_update().known;
            let next = if unknown { Mono::NEVER } else { due.values().min().copied().unwrap_or(Mono::NEVER) };
            let done = tokio::select! {
                () = self.clock.sleep_until(next) => None,
                changed = self.configs.changed() => if changed.is_err() { return } else { None },
                heard = known.wait_for(|agenda| agenda.known), if unknown => if heard.is_err() { return } else { None },
                done = reader.next() => Some(done),
            };
            let Some(done) = done else { continue };
            // What the config before had it read is read anew.
            if config.calendars.contains(&done.feed) {
                self.follow(&done, &config, &mut emptied).await;
                due.insert(Arc::clone(&done.feed.name), self.clock.mono().after(done.feed.interval.0));
            } else {
                due.remove(&done.feed.name);
            }
        }
    }

    /// Has the agenda follow what was read of a feed.
    async fn follow(&self, done: &Done, config: &Config, emptied: &mut BTreeSet<Arc<str>>) {
        let (feed, now) = (&done.feed, done.at);
        let mut shown = Feed { name: feed.name.to_string(), at: now, ..Feed::default() };
        match &done.read {
            Ok(reading) => {
                shown.left_out = reading.left_out;
                let told = |one: &LeftOut| LeftOut { title: title(&one.title), why: one.why };
                shown.which = reading.which.iter().map(told).collect();
                let profile = feed.profile.as_deref();
                let profile = profile.unwrap_or(&config.plan.profiles[config.plan.default_profile].name);
                let all = reading.entries.iter().map(|entry| session(feed, entry, profile));
                let wanted: Vec<_> = all.filter(|session| self.is_of_use(session, now)).collect();
                shown.entries = wanted.len();
                let is_emptied = wanted.is_empty() && self.holds_any(&feed.name, now);
                if is_emptied && emptied.insert(Arc::clone(&feed.name)) {
                    shown.error = Some(EMPTIED.to_owned());
                } else {
                    emptied.remove(&feed.name);
                    (shown.conflicts, shown.error) = self.book_all(&feed.name, wanted, now).await;
                }
            }
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

    /// Whether the agenda is to follow an entry: one that is not over, and one that is over by its feed and goes on by the agenda (its
    /// end was moved to what is past: it was held, and is not called off).
    fn is_of_use(&self, session: &Session, now: Timestamp) -> bool {
        let goes_on = |known: &Session| {
            known.booking == Booking::Booked && known.start == session.start && known.end > now && known.start <= now
        };
        session.end > now || self.book.agenda().get(&session.id).is_some_and(|known| goes_on(known))
    }

    /// Whether meetings of a feed are booked that its reading would have.
    fn holds_any(&self, feed: &str, now: Timestamp) -> bool {
        self.book.agenda().booked().any(|known| is_spoken_of(known, feed, now))
    }

    /// Has the agenda hold just these sessions of a feed. Gives those whose slot others hold, and what went wrong.
    async fn book_all(
        &self,
        feed: &Arc<str>,
        wanted: Vec<Session>,
        now: Timestamp,
    ) -> (Vec<(Timestamp, String)>, Option<String>) {
        let agenda = self.book.agenda();
        let wanted = match self.apart_from_the_past(wanted, now).await {
            Ok(wanted) => wanted,
            Err(error) => return (Vec::new(), Some(error)),
        };
        let ids: BTreeSet<&str> = wanted.iter().map(|session| &*session.id).collect();
        let gone = agenda.booked().filter(|known| is_spoken_of(known, feed, now) && !ids.contains(&*known.id));
        let gone = gone.map(|known| Wish::Cancel { id: Arc::clone(&known.id) });
        for wish in gone.collect::<Vec<_>>() {
            if let Err(error) = self.book.wish(None, wish, None).await {
                return (Vec::new(), Some(error));
            }
        }
        let mut left: Vec<Session> = wanted
            .into_iter()
            .filter(|session| agenda.get(&session.id).is_none_or(|known| !known.says_what(session)))
            .collect();
        // What has begun keeps its beginning: that the feed has it elsewhere now is shown.
        let mut begun = Vec::new();
        // Twice: of two that change places each is in the other's way until it has left its own.
        for last in [false, true] {
            let mut taken = Vec::new();
            for session in left {
                match self.book.wish(None, Wish::Book(Box::new(session.clone())), None).await {
                    Ok(Granted::Taken(_)) => taken.push(session),
                    Ok(Granted::Begun) => begun.push(session),
                    Ok(_) => {}
                    Err(error) => return (Vec::new(), Some(error)),
                }
            }
            for session in taken.iter().filter(|_| !last) {
                // The feed has it elsewhere, so that its old slot is nobody's.
                if let Err(error) = self.book.wish(None, Wish::Cancel { id: Arc::clone(&session.id) }, None).await {
                    return (Vec::new(), Some(error));
                }
            }
            left = taken;
            if left.is_empty() {
                break;
            }
        }
        (left.into_iter().chain(begun).map(|session| (session.start, session.title)).collect(), None)
    }

    /// An entry that was held and stands at another time now is another meeting, with an id that has its beginning in it: the report
    /// of the one that was held stays under its own.
    async fn apart_from_the_past(&self, wanted: Vec<Session>, now: Timestamp) -> Result<Vec<Session>, String> {
        let agenda = self.book.agenda();
        let mut all = Vec::with_capacity(wanted.len());
        for session in wanted {
            let known = match agenda.get(&session.id) {
                Some(known) => Some(Session::clone(known)),
                None => self.book.session(&session.id).await?,
            };
            let held = known.is_some_and(|known| {
                known.booking == Booking::Booked && known.end <= now && known.start != session.start
            });
            all.push(if held {
                Session { id: format!("{}.{:x}", session.id, session.start.as_second()).into(), ..session }
            } else {
                session
            });
        }
        Ok(all)
    }
}

/// Whether a reading of `feed` that began at `now` would have this booked meeting if the feed had it: it is the feed's own, not over,
/// and not beyond what is taken. By a clock that is behind, meetings may lie beyond; that a reading lacks them says nothing of them.
fn is_spoken_of(known: &Session, feed: &str, now: Timestamp) -> bool {
    &*known.source == feed && known.end > now && known.start < calendar::span(now).1
}

/// An entry of a feed as a session. Its id is the same as long as the feed has the entry, wherever it is moved.
fn session(feed: &calendar::Config, entry: &Entry, profile: &str) -> Session {
    let of_series = entry.of_series.map(|moment| moment.to_string()).unwrap_or_default();
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("{}\n{of_series}", entry.uid).as_bytes());
    let id = format!("{}.{}", feed.name, hex(&digest.as_ref()[..8]));
    Session {
        id: id.into(),
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

/// A title as one line, without a passcode that somebody wrote into it.
fn title(said: &str) -> String {
    let line = said.split(is_unseen).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    match line {
        line if is_blank(&line) => "–".to_owned(),
        line if passcode::is_said(&line) => "(…)".to_owned(),
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
mod tests {
    use super::*;
    use crate::app::recorder::catalogue;
    use crate::config::Source;
    use crate::domain::sheet::Written;
    use crate::store::{Claim, Retention, Store};

    /// The names of what is booked.
    fn booked(calendars: &Calendars) -> Vec<String> {
        calendars.book.agenda().booked().map(|session| session.title.clone()).collect()
    }

    #[tokio::test]
    async fn a_clock_that_is_behind_calls_off_nothing_of_which_its_reading_does_not_speak() {
        let folder = tempfile::tempdir().unwrap();
        let right: Timestamp = "2026-11-23T02:00:00Z".parse().unwrap();
        let clock = Clock::on_tokio_time(right);
        let store = Store::open(Claim::take(folder.path()).unwrap(), clock, Retention::default(), catalogue());
        store.restore().await.unwrap();
        let text = "[[calendar]]\nname = \"office\"\nfile = \"room.ics\"\n";
        let config = Arc::new(Config::parse(&Source::new("test", text.to_owned())).unwrap());
        let configs = watch::channel(Arc::clone(&config)).1;
        let book =
            Arc::new(Book::new(store, configs.clone(), Some((Vec::new(), Vec::new(), Written::default())), clock));
        let calendars = Calendars { book, configs, clock };
        let feed = &config.calendars[0];
        let profile = &config.plan.profiles[0].name;
        let days = |days: i64| jiff::SignedDuration::from_hours(24 * days);
        let held = |title: &str, day: i64| {
            let start = right + days(day);
            let end = start + jiff::SignedDuration::from_hours(1);
            let entry = Entry { start, end, uid: title.into(), of_series: None, title: title.into() };
            session(feed, &entry, profile)
        };
        let all = || vec![held("near", 1), held("next month", 20), held("next year", 395)];
        let follow = async |wanted: Vec<Session>, now: Timestamp| {
            assert_eq!(calendars.book_all(&feed.name, wanted, now).await, (Vec::new(), None));
            booked(&calendars)
        };
        let every = ["near", "next month", "next year"];
        assert_eq!(follow(all(), right).await, every);
        // It boots in the year 2000: of all that is booked its reading has nothing, and says nothing.
        let born = "2000-01-01T00:00:00Z".parse().unwrap();
        assert!(!calendars.holds_any(&feed.name, born), "it has not lost its meetings");
        assert_eq!(follow(Vec::new(), born).await, every);
        // Ten days behind, of which the far end is not in it.
        let behind = right - days(10);
        assert_eq!(follow(vec![held("near", 1), held("next month", 20)], behind).await, every);
        // What it speaks of is called off all the same.
        assert_eq!(follow(vec![held("near", 1)], behind).await, ["near", "next year"]);
        assert!(calendars.holds_any(&feed.name, right));
        assert_eq!(follow(Vec::new(), right).await, [""; 0]);
        assert!(!calendars.holds_any(&feed.name, right));
    }

    #[test]
    fn a_title_is_one_line_and_gives_no_passcode_away() {
        assert_eq!(title("Rapat\r\nKoordinasi\t2026"), "Rapat Koordinasi 2026");
        assert_eq!(title("Rapat, passcode: 82kq1"), "(…)");
        assert_eq!((title("\n"), title("\u{200b}")), ("–".to_owned(), "–".to_owned()));
        assert_eq!(title(&"a".repeat(900)).len(), LONGEST);
    }
}
