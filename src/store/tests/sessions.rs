//! Booked meetings on real files: whoever asks, however many at once, and whenever the process ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex};

use proptest::prelude::*;

use super::*;
use crate::domain::session::SCHEDULER;
use crate::domain::{Booking, Details, Granted, Occasion, Session};

const MARGINS: Margins = Margins { set_up: Duration::from_mins(10), tear_down: Duration::from_mins(5) };
const HOUR: i64 = 3600;

fn session(id: &str, start: i64, end: i64) -> Session {
    Session {
        id: id.into(),
        revision: 0,
        booking: Booking::Booked,
        title: format!("Rapat {id}"),
        profile: "zoom_group_720".into(),
        start: second(start),
        end: second(end),
        source: SCHEDULER.into(),
        details: Details { office: Some("Dinas Kesehatan".to_owned()), ..Details::default() },
    }
}

pub(super) fn book(id: &str, start: i64, end: i64) -> Wish {
    Wish::Book(Box::new(session(id, start, end)))
}

fn kept(granted: Granted) -> Session {
    match granted {
        Granted::Kept { session, .. } | Granted::Same(session) => session,
        other => panic!("{other:?}"),
    }
}

async fn all(store: &Store) -> Vec<Session> {
    store.sessions((Timestamp::MIN, Timestamp::MAX), None, 100_000).await.unwrap()
}

/// No two that take place are nearer than the room needs.
fn assert_apart(sessions: &[Session]) {
    let gap = jiff::SignedDuration::try_from(MARGINS.gap()).unwrap();
    let booked: Vec<_> = sessions.iter().filter(|session| session.booking == Booking::Booked).collect();
    for (place, one) in booked.iter().enumerate() {
        for other in &booked[place + 1..] {
            let (first, second) = if one.start <= other.start { (one, other) } else { (other, one) };
            assert!(second.start.duration_since(first.end) >= gap, "{first:?} and {second:?}");
        }
    }
}

/// Held against the row within the transaction: whatever anybody remembers, and however many ask at once.
#[tokio::test]
async fn a_meeting_that_has_begun_keeps_its_beginning_and_one_that_is_over_stays_what_it_was() {
    let folder = folder();
    let store = open(folder.path());
    store.wish(wanted(book("a", 0, HOUR), MARGINS, None)).await.unwrap();
    let wrap_up = Duration::from_mins(15);
    let at = |now, wish| store.wish(Wanted { now: second(now), wrap_up, ..wanted(wish, MARGINS, None) });
    let to = |start: Option<i64>, end: Option<i64>| Wish::Move {
        id: "a".into(),
        start: start.map(second),
        end: end.map(second),
    };
    let cancel = || Wish::Cancel { id: "a".into() };
    // While it lasts its end moves, and its beginning does not.
    assert_eq!(at(60, to(Some(600), None)).await.unwrap(), Granted::Begun);
    assert_eq!(at(60, book("a", 9 * HOUR, 10 * HOUR)).await.unwrap(), Granted::Begun);
    assert_eq!(kept(at(60, to(None, Some(2 * HOUR))).await.unwrap()).end, second(2 * HOUR));
    // That it goes on may be said until its report is due.
    assert_eq!(kept(at(2 * HOUR + 60, to(None, Some(3 * HOUR))).await.unwrap()).end, second(3 * HOUR));
    let over = 3 * HOUR + 15 * 60;
    for wish in [to(None, Some(4 * HOUR)), to(Some(HOUR), None), book("a", 0, 4 * HOUR), cancel()] {
        assert_eq!(at(over, wish).await.unwrap(), Granted::Begun);
    }
    assert!(matches!(at(over, book("a", 0, 3 * HOUR)).await.unwrap(), Granted::Same(_)), "the same wish is no change");
}

/// It was held until then: its report is made, and nobody is told that it was cancelled.
#[tokio::test]
async fn a_meeting_that_is_called_off_while_it_lasts_ends_and_the_slot_behind_it_is_free() {
    let folder = folder();
    let store = open(folder.path());
    store.wish(wanted(book("a", 0, 3 * HOUR), MARGINS, None)).await.unwrap();
    let wrap_up = Duration::from_mins(30);
    let at = |now, wish| store.wish(Wanted { now: second(now), wrap_up, ..wanted(wish, MARGINS, None) });
    let cancel = || Wish::Cancel { id: "a".into() };
    let gap = 15 * 60;
    assert!(matches!(at(0, book("b", HOUR + gap, 2 * HOUR)).await.unwrap(), Granted::Taken(_)));
    let called_off = second(HOUR).checked_add(jiff::SignedDuration::from_millis(400)).unwrap();
    let granted = store.wish(Wanted { now: called_off, wrap_up, ..wanted(cancel(), MARGINS, None) }).await.unwrap();
    let Granted::Kept { session: ended, created: false, .. } = granted else { panic!("{granted:?}") };
    assert_eq!((ended.booking, ended.start, ended.end), (Booking::Booked, second(0), second(HOUR)));
    // Once more, as a program does that had no answer; and when its report is made it is too late.
    assert_eq!(at(HOUR + 60, cancel()).await.unwrap(), Granted::Same(ended.clone()));
    assert_eq!(at(HOUR + 30 * 60, cancel()).await.unwrap(), Granted::Begun);
    kept(at(HOUR + 60, book("b", HOUR + gap, 2 * HOUR)).await.unwrap());
    assert_eq!(store.unreported(second(HOUR), 9).await.unwrap(), [ended]);
    // In its first minute it ends with that, and one of a minute as it was to.
    at(0, book("c", 4 * HOUR, 5 * HOUR)).await.unwrap();
    let cancel = |id: &str| Wish::Cancel { id: id.into() };
    for now in [4 * HOUR, 4 * HOUR + 30] {
        let ended = kept(at(now, cancel("c")).await.unwrap());
        assert_eq!((ended.booking, ended.end), (Booking::Booked, second(4 * HOUR + 60)));
    }
    at(0, book("d", 6 * HOUR, 6 * HOUR + 30)).await.unwrap();
    assert!(matches!(at(6 * HOUR + 10, cancel("d")).await.unwrap(), Granted::Same(_)));
    // Before it begins it is cancelled.
    at(0, book("e", 8 * HOUR, 9 * HOUR)).await.unwrap();
    assert_eq!(kept(at(8 * HOUR - 1, cancel("e")).await.unwrap()).booking, Booking::Cancelled);
}

/// Of which nobody can say that it was held: it has no report, and people are told.
#[tokio::test]
async fn a_meeting_that_was_not_held_is_cancelled_also_while_it_was_to_last() {
    let folder = folder();
    let store = open(folder.path());
    let wrap_up = Duration::from_mins(30);
    let at = |now, wish| store.wish(Wanted { now: second(now), wrap_up, ..wanted(wish, MARGINS, None) });
    let not_held = |id: &str| Wish::NotHeld { id: id.into() };
    assert_eq!(at(0, not_held("a")).await.unwrap(), Granted::Unknown);
    for (id, start, seen) in [("a", HOUR, 0), ("b", 3 * HOUR, 3 * HOUR), ("c", 5 * HOUR, 6 * HOUR - 1)] {
        let booked = kept(at(0, book(id, start, start + HOUR)).await.unwrap());
        let cancelled = kept(at(seen, not_held(id)).await.unwrap());
        assert!(cancelled.says_what(&Session { booking: Booking::Cancelled, ..booked }), "{cancelled:?}");
        assert_eq!(at(seen, not_held(id)).await.unwrap(), Granted::Same(cancelled));
        // Its slot is free.
        kept(at(0, book(&format!("{id}2"), start, start + HOUR)).await.unwrap());
    }
    // What is over stays as it is.
    let over = kept(at(0, book("d", 8 * HOUR, 9 * HOUR)).await.unwrap());
    assert_eq!(at(9 * HOUR, not_held("d")).await.unwrap(), Granted::Same(over));
    assert_eq!(at(10 * HOUR, not_held("d")).await.unwrap(), Granted::Begun);
}

#[tokio::test]
async fn a_slot_is_given_once_and_the_same_wish_changes_nothing() {
    let folder = folder();
    let store = open(folder.path());
    let wish = |wish| store.wish(wanted(wish, MARGINS, None));
    let first = kept(wish(book("a", 0, HOUR)).await.unwrap());
    assert_eq!(wish(book("a", 0, HOUR)).await.unwrap(), Granted::Same(first.clone()));
    let taken = Granted::Taken(vec![first.clone()]);
    // A quarter of an hour lies between two meetings: 14 minutes are too few, on either side.
    assert_eq!(wish(book("b", HOUR + 14 * 60, 2 * HOUR)).await.unwrap(), taken);
    assert_eq!(wish(book("b", -HOUR, -14 * 60)).await.unwrap(), taken);
    assert_eq!(wish(book("b", 60, 120)).await.unwrap(), taken);
    let second = kept(wish(book("b", HOUR + 15 * 60, 2 * HOUR)).await.unwrap());
    assert!(second.revision > first.revision);
    // Moved into the other's time: as it was, untouched.
    let to = Wish::Move { id: "b".into(), start: Some(super::second(60)), end: Some(super::second(120)) };
    assert_eq!(wish(to.clone()).await.unwrap(), taken);
    assert_eq!(store.session("b").await.unwrap().unwrap(), second);
    let cancelled = kept(wish(Wish::Cancel { id: "a".into() }).await.unwrap());
    assert_eq!(cancelled.booking, Booking::Cancelled);
    assert_eq!(wish(Wish::Cancel { id: "a".into() }).await.unwrap(), Granted::Same(cancelled));
    let moved = kept(wish(to).await.unwrap());
    assert_eq!((moved.start, &moved.title), (super::second(60), &second.title));
    assert_eq!(wish(Wish::Cancel { id: "c".into() }).await.unwrap(), Granted::Unknown);
    let a_there = Wish::Move { id: "a".into(), start: Some(super::second(0)), end: Some(super::second(60)) };
    assert_eq!(wish(a_there).await.unwrap(), Granted::Cancelled);
    assert_eq!(all(&store).await.len(), 2);
}

#[tokio::test]
async fn what_is_granted_survives_a_process_that_ends_at_once_and_a_file_that_is_taken_away() {
    let place = folder();
    let store = open(place.path());
    let notice = Notice {
        session: "a".into(),
        start: second(0),
        occasion: Occasion::Confirmed,
        at: second(-9),
        verdict: Verdict::Degraded,
        codes: vec!["internet.loss_high".to_owned()],
        evidence: Some("e1".to_owned()),
    };
    let granted = kept(store.wish(wanted(book("a", 0, HOUR), MARGINS, Some(notice.clone()))).await.unwrap());
    // As another process finds the file that this one has not closed.
    let copy = folder();
    for name in ["siaga.db", "siaga.db-wal"] {
        std::fs::copy(place.path().join(name), copy.path().join(name)).unwrap();
    }
    let after = open(copy.path());
    let restored = after.restore().await.unwrap();
    let (sessions, notices, _) = after.agenda(second(0)).await.unwrap();
    assert_eq!((&sessions[..], &notices[..]), (&[granted.clone()][..], &[notice.clone()][..]));
    assert!(restored.sessions.is_empty(), "it has ended years ago by this process's clock");
    std::fs::remove_file(place.path().join("siaga.db")).unwrap();
    store.record(notify("after")).await.unwrap();
    assert_eq!(store.health().borrow().removed, 1);
    let (sessions, notices, _) = store.agenda(second(0)).await.unwrap();
    assert_eq!((sessions, notices), (vec![granted], vec![notice]), "a new file has what is known");
}

#[tokio::test]
async fn a_wish_that_the_disk_does_not_take_is_not_granted() {
    let folder = folder();
    std::fs::write(folder.path().join("in-the-way"), "a file").unwrap();
    let store = open_at(&folder.path().join("in-the-way/state"));
    let refused = store.wish(wanted(book("a", 0, HOUR), MARGINS, None)).await;
    assert!(matches!(refused, Err(super::super::StoreError::Unavailable(_))), "{refused:?}");
}

fn open_at(folder: &Path) -> Store {
    Store::open(Claim::take(folder).unwrap(), Clock::start(), Retention::default(), CATALOGUE)
}

/// One thing that a writer does.
#[derive(Clone, Debug)]
enum Step {
    Book(u8, i64, i64),
    Move(u8, i64, i64),
    Cancel(u8),
}

fn step() -> impl Strategy<Value = Step> {
    // Few ids and a narrow day, so that they meet.
    let slot = (0_i64..96, 1_i64..12).prop_map(|(at, long)| (at * 900, (at + long) * 900));
    prop_oneof![
        4 => (any::<u8>(), slot.clone()).prop_map(|(id, (start, end))| Step::Book(id % 48, start, end)),
        2 => (any::<u8>(), slot).prop_map(|(id, (start, end))| Step::Move(id % 48, start, end)),
        1 => any::<u8>().prop_map(|id| Step::Cancel(id % 48)),
    ]
}

fn wish(step: &Step) -> Wish {
    let id = |id: &u8| format!("s{id}");
    match step {
        Step::Book(of, start, end) => book(&id(of), *start, *end),
        Step::Move(of, start, end) => {
            Wish::Move { id: id(of).as_str().into(), start: Some(second(*start)), end: Some(second(*end)) }
        }
        Step::Cancel(of) => Wish::Cancel { id: id(of).as_str().into() },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// 64 threads wish at once; at every moment that anybody looks, no two accepted sessions overlap, and what was granted last of
    /// each id is on the disk.
    #[test]
    fn no_two_accepted_sessions_overlap_however_many_ask_at_once(
        steps in prop::collection::vec(prop::collection::vec(step(), 3), 64)
    ) {
        let folder = folder();
        let store = open(folder.path());
        let granted: Mutex<Vec<Session>> = Mutex::default();
        let (begin, over) = (Barrier::new(steps.len() + 1), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let writers: Vec<_> = steps.iter().map(|own| {
                let (store, begin, granted) = (store.clone(), &begin, &granted);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                    begin.wait();
                    for step in own {
                        match runtime.block_on(store.wish(wanted(wish(step), MARGINS, None))).unwrap() {
                            Granted::Kept { session, .. } => granted.lock().unwrap().push(session),
                            Granted::Taken(holders) => assert!(!holders.is_empty()),
                            Granted::Same(_) | Granted::Unknown | Granted::Cancelled | Granted::Begun => {}
                        }
                    }
                })
            }).collect();
            let looking = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(store.flush()).unwrap();
                begin.wait();
                while !over.load(Ordering::Acquire) {
                    assert_apart(&runtime.block_on(all(&store)));
                }
            });
            let ended: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
            over.store(true, Ordering::Release);
            looking.join().unwrap();
            for writer in ended {
                writer.unwrap();
            }
        });
        drop(store);
        // As the next process finds it.
        let store = open(folder.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let found = runtime.block_on(async { store.restore().await.unwrap(); all(&store).await });
        assert_apart(&found);
        let mut newest: std::collections::BTreeMap<Arc<str>, Session> = std::collections::BTreeMap::new();
        let mut granted = granted.into_inner().unwrap();
        granted.sort_by_key(|session| session.revision);
        prop_assert!(granted.windows(2).all(|two| two[0].revision < two[1].revision), "each change has its own number");
        for session in granted {
            newest.insert(Arc::clone(&session.id), session);
        }
        let found: std::collections::BTreeMap<_, _> =
            found.into_iter().map(|session| (Arc::clone(&session.id), session)).collect();
        prop_assert_eq!(found, newest);
    }
}

#[test]
fn what_is_long_over_is_in_no_new_file() {
    let (over, last_week, booked) = (
        session("a", 0, HOUR),
        session("b", 8 * 24 * HOUR, 8 * 24 * HOUR + 1),
        session("c", 30 * 24 * HOUR, 31 * 24 * HOUR),
    );
    let notice = |of: &Session| Notice {
        session: Arc::clone(&of.id),
        start: of.start,
        occasion: Occasion::Confirmed,
        at: of.start,
        verdict: Verdict::Ready,
        codes: Vec::new(),
        evidence: None,
    };
    let mut latest = super::super::latest::Latest::default();
    let sessions = vec![over, last_week, booked];
    let notices = sessions.iter().map(notice).collect();
    latest.restored(&super::super::Restored { sessions, notices, ..super::super::Restored::default() });
    let left = |latest: &super::super::latest::Latest| {
        let batch = latest.as_batch(None);
        let mut ids: Vec<_> = batch.sessions.iter().map(|session| session.id.to_string()).collect();
        ids.sort();
        (ids.concat(), batch.notices.iter().map(|notice| notice.session.to_string()).collect::<String>())
    };
    latest.forget(second(7 * 24 * HOUR));
    assert_eq!(left(&latest), ("abc".to_owned(), "abc".to_owned()));
    latest.forget(second(9 * 24 * HOUR));
    assert_eq!(left(&latest), ("bc".to_owned(), "bc".to_owned()));
}
