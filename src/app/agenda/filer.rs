//! Keeps the report of each meeting that is over, once, whatever is restarted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};

use super::Book;
use crate::app::recorder::Ask;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::link::{Filed, Kind};
use crate::domain::record::Around;
use crate::domain::session::LONGEST_MEETING;
use crate::domain::{Booking, Mono, Notice, Now, Occasion, Session, in_full};
use crate::notify::policy::SessionNews;
use crate::probe;
use crate::report::{self, Report};
use crate::web::Bookings as _;

/// How often is looked whether a wrap-up has ended.
const LOOK: Duration = Duration::from_secs(10);

/// How often the disk is asked whether a meeting is without a report: one that ended while nobody ran is not in the agenda any more.
const SWEEP: Duration = Duration::from_mins(10);

/// So many are kept in one sweep, so that a year of them does not hold the disk.
const SWEPT: u32 = 8;

/// So many are withdrawn in one turn, each a commit of its own: those behind them are in the next.
const WITHDRAWN: u32 = 64;

/// A clock is believed when somebody watched by it a day ago, and within these eight: what another process saw of one that was not
/// believed yet is not older.
const UNBELIEVED: SignedDuration = SignedDuration::from_hours(8 * 24);

/// That a report is there is news for so long after the meeting.
const NEWS: SignedDuration = SignedDuration::from_hours(24);

/// What the config says of the room, for a report.
pub fn house(config: &Config) -> report::House<'_> {
    report::House {
        room: &config.room.name.0,
        zone: &config.room.time_zone.0,
        limit: config.agenda.preflight.0,
        minutes: config.store.retention_minutes.0,
        absent: &config.plan.absent,
        items: &config.run_sheet,
        profiles: &config.plan.profiles,
        reason: probe::reason,
    }
}

/// What became of a report.
enum Made {
    /// It is kept, under this hash.
    Kept(String),
    /// It was kept before, or there is nothing to tell.
    Nothing,
    /// What was until the meeting's end is not written down yet: after a start that takes until something was seen.
    Later,
}

/// A meeting by its hour: one that is held again is another.
type Key = (Arc<str>, Timestamp);

/// What a turn leaves for the next.
struct Seen {
    /// Those with a report, or without need of one: of those in the agenda the disk is asked once, and not every ten seconds.
    done: BTreeSet<Key>,
    /// Those of which was said that their report cannot be kept.
    failing: BTreeSet<Key>,
    /// Those of which people were told, and whose report is not kept yet.
    told: BTreeSet<Key>,
    /// When the disk is asked next whether a meeting is without a report.
    sweep_at: Mono,
    /// When both clocks were read last.
    read_at: Option<Now>,
    /// When the clock was found to have been set, as long as reports may stand that were made ahead of it: of the meetings that were not
    /// over then.
    unsure_since: Option<Timestamp>,
}

/// The task.
pub struct Filer {
    /// What is booked, and where it is kept.
    pub book: Arc<Book>,
    /// Who tells people.
    pub asks: mpsc::Sender<Ask>,
    /// The config, as it is read anew.
    pub configs: watch::Receiver<Arc<Config>>,
    /// The clocks.
    pub clock: Clock,
}

impl Filer {
    /// Goes on until it is dropped.
    pub async fn run(self) {
        let mut seen = Seen {
            done: BTreeSet::new(),
            failing: BTreeSet::new(),
            told: BTreeSet::new(),
            sweep_at: self.clock.mono(),
            read_at: None,
            unsure_since: None,
        };
        loop {
            let now = self.clock.now();
            self.turn(&mut seen, now).await;
            self.clock.sleep_until(now.mono.after(LOOK)).await;
        }
    }

    /// Withdraws what was made ahead of the clock, and makes what is due.
    async fn turn(&self, seen: &mut Seen, now: Now) {
        match seen.read_at.replace(now) {
            Some(before) if !now.was_set_since(before) => {}
            // Set once more before it was believed: since the first time, or the earlier of both.
            Some(_) => seen.unsure_since = Some(seen.unsure_since.map_or(now.wall, |since| since.min(now.wall))),
            None => seen.unsure_since = Some(now.wall.checked_sub(UNBELIEVED).unwrap_or(Timestamp::MIN)),
        }
        if let Some(since) = seen.unsure_since
            && self.withdraw(&mut seen.done, since, now.wall).await
        {
            seen.unsure_since = None;
        }
        let config = Arc::clone(&self.configs.borrow());
        let after = config.agenda.wrap_up.0;
        let agenda = self.book.agenda();
        let over = |session: &Session| session.end.checked_add(after).is_ok_and(|over| over <= now.wall);
        let mut waiting: Vec<Session> =
            agenda.booked().filter(|session| over(session)).map(|session| Session::clone(session)).collect();
        let mut is_full = false;
        if now.mono >= seen.sweep_at {
            let before = now.wall.checked_sub(after).unwrap_or(Timestamp::MIN);
            // Those that need none stay without one, and are no reason to pass the others by.
            let most = SWEPT.saturating_add(u32::try_from(seen.done.len()).unwrap_or(u32::MAX));
            let mut found = self.book.store.unreported(before, most).await.unwrap_or_default();
            found.retain(|session| !seen.done.contains(&(Arc::clone(&session.id), session.start)));
            found.truncate(SWEPT as usize);
            seen.sweep_at = now.mono.after(SWEEP);
            is_full = found.len() == SWEPT as usize;
            waiting.extend(found);
        }
        for session in waiting {
            let key = (Arc::clone(&session.id), session.start);
            if seen.done.contains(&key) {
                continue;
            }
            let made = self.made(&config, &session, &mut seen.told, now.wall).await;
            // There may be more, and it gets on.
            if is_full && matches!(made, Ok(Made::Kept(_) | Made::Nothing)) {
                seen.sweep_at = now.mono.after(LOOK);
            }
            match made {
                Ok(Made::Later) => {}
                Ok(Made::Kept(hash)) => {
                    // The hash stands here too, so that rows that are cut off from the chain's end are missed.
                    tracing::info!(session = %session.id, hash, "a meeting's report is kept");
                    seen.failing.remove(&key);
                    seen.told.remove(&key);
                    seen.done.insert(key);
                }
                Ok(Made::Nothing) => {
                    seen.failing.remove(&key);
                    seen.told.remove(&key);
                    seen.done.insert(key);
                }
                // Once of each, and not every ten seconds.
                Err(error) if seen.failing.insert(key) => {
                    tracing::warn!(session = %session.id, error, "a meeting's report cannot be kept; it is tried again");
                }
                Err(error) => tracing::debug!(session = %session.id, error, "still not"),
            }
        }
        // As long as the disk has the meeting: one that needs none would be found by each sweep.
        let past = now.wall.checked_sub(config.store.retention_sessions.0);
        let past = past.and_then(|past| past.checked_sub(LONGEST_MEETING)).unwrap_or(Timestamp::MIN);
        seen.done.retain(|(_, start)| *start > past);
    }

    /// Withdraws reports that were made by a clock that was ahead: of meetings that were not over at `since`. Their own are made in
    /// their time, so they are not `done` any more. Whether none is left: not where there may be more than a turn's, and not by a clock
    /// that is not believed yet.
    async fn withdraw(&self, done: &mut BTreeSet<Key>, since: Timestamp, now: Timestamp) -> bool {
        let outcome = self.try_withdraw(done, since, now).await;
        outcome.unwrap_or_else(|error| {
            tracing::debug!(error, "reports that were made ahead of the clock are looked for again");
            false
        })
    }

    async fn try_withdraw(&self, done: &mut BTreeSet<Key>, since: Timestamp, now: Timestamp) -> Result<bool, String> {
        let ahead = self.book.store.made_ahead(since, now, WITHDRAWN).await.map_err(|error| in_full(&error))?;
        let Some(ahead) = ahead else { return Ok(false) };
        let all = ahead.len() < WITHDRAWN as usize;
        for (session, start, hash) in ahead {
            let body = serde_json::json!({ "schema": "siaga.withdrawal", "version": 1, "withdraws": hash, "because": "clock_ahead" });
            let key: Key = (Arc::from(session.as_str()), start);
            let withdrawal = Filed { kind: Kind::Withdrawal, session, start, made_at: now, body: body.to_string() };
            let own = self.book.store.file_report(withdrawal).await.map_err(|error| in_full(&error))?;
            tracing::warn!(
                session = %key.0, withdraws = hash, hash = own.unwrap_or_default(),
                "a report is withdrawn that was made by a clock that was ahead"
            );
            self.book.change(|agenda| agenda.unreport(&key.0, start));
            done.remove(&key);
        }
        Ok(all)
    }

    /// Makes and keeps it, if none is kept.
    async fn made(
        &self,
        config: &Config,
        session: &Session,
        told: &mut BTreeSet<Key>,
        now: Timestamp,
    ) -> Result<Made, String> {
        let store = &self.book.store;
        let kept = store.kept(&session.id).await.map_err(|error| in_full(&error))?;
        if kept.is_some_and(|kept| kept.report.filed.start == session.start) {
            return Ok(Made::Nothing);
        }
        // The meeting's last minutes are to be in it.
        store.flush().await.map_err(|error| in_full(&error))?;
        // Where nothing is written the record ends too early, and the report would not be kept.
        let health = store.health().borrow().clone();
        if !health.ok {
            return Err(health.last_error.unwrap_or_else(|| "the disk takes nothing".to_owned()));
        }
        let around = Around { before: config.agenda.preflight.0, after: config.agenda.wrap_up.0 };
        let record = store.record_of(&session.id, around, now).await.map_err(|error| in_full(&error))?;
        let is_it = |now: &Session| now.start == session.start && now.booking == Booking::Booked;
        // Of one that was moved or cancelled meanwhile there is nothing to tell, or later.
        let Some(record) = record.filter(|record| is_it(&record.session)) else { return Ok(Made::Nothing) };
        // It was reported by a file that was set aside since, with what was seen of it: this one knows nothing to say.
        let watched = record.runs.iter().any(|run| run.until > session.start && run.began < session.end);
        if record.reported && !watched {
            return Ok(Made::Nothing);
        }
        let made = report::report(&record, house(config), now);
        if !made.complete {
            return Ok(Made::Later);
        }
        let body = serde_json::to_string(&made).map_err(|error| error.to_string())?;
        // First, so that whoever is killed between the two tells nobody nothing; and once, however often the disk refuses the report.
        let key = (Arc::clone(&session.id), session.start);
        if now.duration_since(session.end) < NEWS && !told.contains(&key) {
            self.tell(config, session, &made, now).await?;
            told.insert(key);
        }
        let (id, start) = (session.id.to_string(), session.start);
        let filed = Filed { kind: Kind::Report, session: id, start, made_at: now, body };
        let hash = store.file_report(filed).await.map_err(|error| in_full(&error))?;
        Ok(hash.map_or(Made::Nothing, Made::Kept))
    }

    /// Tells the agenda's receivers, but for those who hear and cannot read, that it is there.
    async fn tell(&self, config: &Config, session: &Session, made: &Report, now: Timestamp) -> Result<(), String> {
        let wanted = config.agenda.receivers.as_ref();
        let reads = config.receivers.iter().filter(|receiver| !receiver.way.is_fleeting());
        let to = reads.map(|receiver| Arc::clone(&receiver.name));
        let to = to.filter(|name| wanted.is_none_or(|wanted| wanted.contains(name))).collect();
        let found = Notice {
            session: Arc::clone(&session.id),
            start: session.start,
            occasion: Occasion::Reported,
            at: now,
            verdict: report::worst(made),
            codes: Vec::new(),
            evidence: None,
        };
        let session = Arc::new(session.clone());
        let news =
            SessionNews { session, found, summary: report::summary(made), confirmed: None, left: Vec::new(), to };
        let (done, stored) = oneshot::channel();
        let asked = self.asks.send(Ask::Session { news: Box::new(news), done }).await;
        asked.map_err(|_| "the daemon ends".to_owned())?;
        stored.await.map_err(|_| "the daemon ends".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::app::recorder::catalogue;
    use crate::config::Source;
    use crate::domain::past::UNWATCHED;
    use crate::domain::session::SCHEDULER;
    use crate::domain::sheet::Written;
    use crate::domain::{Details, Observation, Reading, Verdict};
    use crate::store::{Batch, Claim, Retention, Store};

    /// A meeting of an hour.
    fn held(id: String, start: Timestamp) -> Session {
        Session {
            id: id.into(),
            revision: 0,
            booking: Booking::Booked,
            title: "Rapat".to_owned(),
            profile: "zoom_group_720".into(),
            start,
            end: start + SignedDuration::from_hours(1),
            source: SCHEDULER.into(),
            details: Details::default(),
        }
    }

    /// The clock when it is set right.
    fn right() -> Timestamp {
        "2026-11-23T02:00:00Z".parse().unwrap()
    }

    /// So many hours after that.
    fn hours(hours: i64) -> Timestamp {
        right() + SignedDuration::from_hours(hours)
    }

    /// A clock that was a year ahead.
    fn ahead() -> Timestamp {
        hours(366 * 24)
    }

    /// How long somebody watches until a clock is believed.
    const WATCHED: Duration = Duration::from_hours(25);

    /// Somebody watches by the clock from then on.
    async fn watch(store: &Store, since: Now) {
        for look in 0..=WATCHED.as_secs() / UNWATCHED.as_secs() {
            let at = since.after(Duration::from_secs(look * UNWATCHED.as_secs()));
            store.observe(&Observation::read("usb".into(), at, Duration::ZERO, Reading::default()));
        }
        store.flush().await.unwrap();
    }

    /// The task on a disk that has these meetings, each with a report that was made a year ahead of its clock, and what it has seen
    /// until that is set right.
    async fn misled(folder: &Path, mut sessions: Vec<Session>) -> (Filer, Seen) {
        let clock = Clock::on_tokio_time(right());
        let store = Store::open(Claim::take(folder).unwrap(), clock, Retention::default(), catalogue());
        store.restore().await.unwrap();
        for (revision, session) in (1..).zip(&mut sessions) {
            session.revision = revision;
        }
        store.record(Batch { sessions: sessions.clone(), ..Batch::default() }).await.unwrap();
        let seen = Seen {
            done: sessions.iter().map(|session| (Arc::clone(&session.id), session.start)).collect(),
            failing: BTreeSet::new(),
            told: BTreeSet::new(),
            sweep_at: Mono::NEVER,
            read_at: Some(Now { wall: ahead(), ..clock.now() }),
            unsure_since: None,
        };
        for session in sessions {
            let (session, start) = (session.id.to_string(), session.start);
            let body = r#"{"schema":"siaga.report"}"#.to_owned();
            let report = Filed { kind: Kind::Report, session, start, made_at: ahead(), body };
            assert!(store.file_report(report).await.unwrap().is_some());
        }
        let config = Arc::new(Config::parse(&Source::new("test", String::new())).unwrap());
        let configs = watch::channel(config).1;
        let left = Some((Vec::new(), Vec::new(), Written::default()));
        let book = Arc::new(Book::new(store, configs.clone(), left, clock));
        (Filer { book, asks: mpsc::channel(1).0, configs, clock }, seen)
    }

    #[tokio::test]
    async fn all_that_was_made_ahead_of_the_clock_is_withdrawn_once_the_clock_is_believed() {
        // A year of the clock's went by in a minute, and all that is booked seemed to be over.
        let folder = tempfile::tempdir().unwrap();
        let sessions = (1..=67).map(|n| held(format!("m-{n}"), hours(24 * n))).collect();
        let (filer, mut seen) = misled(folder.path(), sessions).await;
        let (store, clock) = (filer.book.store.clone(), filer.clock);
        // It is set right: nobody has watched by it yet.
        let set = clock.now();
        for now in [set, clock.now()] {
            filer.turn(&mut seen, now).await;
            assert_eq!((seen.done.len(), seen.unsure_since), (67, Some(set.wall)), "they are looked for again");
        }
        watch(&store, Now { mono: clock.mono(), wall: right() - WATCHED }).await;
        filer.turn(&mut seen, clock.now()).await;
        assert_eq!((seen.done.len(), seen.unsure_since), (3, Some(set.wall)), "a turn's, and the others in the next");
        filer.turn(&mut seen, clock.now()).await;
        assert_eq!((seen.done.len(), seen.unsure_since), (0, None));
        assert_eq!(store.made_ahead(right(), clock.now().wall, WITHDRAWN).await.unwrap(), Some(Vec::new()));
    }

    #[tokio::test]
    async fn what_is_held_before_the_clock_is_believed_has_its_own_report_too() {
        for is_started_anew in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let sessions = [("before", -200), ("first", 1), ("second", 20), ("later", 400)];
            let sessions = sessions.map(|(id, start)| held(id.to_owned(), hours(start)));
            let (filer, mut seen) = misled(folder.path(), sessions.to_vec()).await;
            let (store, since) = (filer.book.store.clone(), filer.clock.now());
            filer.turn(&mut seen, since).await;
            assert_eq!(seen.done.len(), 4);
            watch(&store, since).await;
            let believed = since.after(WATCHED);
            if !is_started_anew {
                // Set again, by half a minute.
                let later = since.after(WATCHED / 2);
                let set = Now { wall: later.wall + SignedDuration::from_secs(30), ..later };
                filer.turn(&mut seen, set).await;
                assert_eq!(seen.unsure_since, Some(since.wall));
            }
            if is_started_anew {
                // In the middle of it.
                (seen.read_at, seen.unsure_since) = (None, None);
                filer.turn(&mut seen, since.after(WATCHED / 2)).await;
                assert_eq!(seen.done.len(), 4);
            }
            filer.turn(&mut seen, believed).await;
            assert_eq!(seen.unsure_since, None);
            let left: Vec<&str> = seen.done.iter().map(|(id, _)| &**id).collect();
            assert_eq!(left, ["before"], "{is_started_anew}");
            let unreported = store.unreported(hours(24), 9).await.unwrap();
            assert_eq!(unreported.iter().map(|one| &*one.id).collect::<Vec<_>>(), ["first", "second"]);
        }
    }

    #[tokio::test]
    async fn what_a_file_that_was_set_aside_has_reported_is_not_reported_by_one_that_saw_nothing_of_it() {
        for reported in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let (filer, _) = misled(folder.path(), Vec::new()).await;
            let mut session = held("m".to_owned(), hours(-25));
            session.revision = 1;
            let notice = Notice {
                session: Arc::clone(&session.id),
                start: session.start,
                occasion: Occasion::Reported,
                at: hours(-23),
                verdict: Verdict::Ready,
                codes: Vec::new(),
                evidence: None,
            };
            let notices = reported.then_some(notice).into_iter().collect();
            let before = &filer.book.store;
            before.record(Batch { sessions: vec![session], notices, ..Batch::default() }).await.unwrap();
            before.close().await.unwrap();
            // A process that has watched for a day, in whose midst the file goes, and which goes on in a new one.
            let (filer, mut seen) = misled(folder.path(), Vec::new()).await;
            let (store, clock) = (filer.book.store.clone(), filer.clock);
            watch(&store, Now { mono: clock.mono(), wall: right() - WATCHED }).await;
            for name in ["-wal", "-shm", ""] {
                std::fs::remove_file(folder.path().join(format!("siaga.db{name}"))).unwrap();
            }
            store.observe(&Observation::read("usb".into(), clock.now(), Duration::ZERO, Reading::default()));
            store.flush().await.unwrap();
            seen.sweep_at = Mono::ZERO;
            filer.turn(&mut seen, filer.clock.now()).await;
            assert_eq!(seen.done.len(), 1);
            assert_eq!(store.kept("m").await.unwrap().is_some(), !reported);
        }
    }
}
