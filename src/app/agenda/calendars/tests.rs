//! What an agenda makes of what a calendar says, with a real disk and real files.

mod begun;
mod kept;
mod unread;

use std::path::Path;

use super::identity::session;
use super::*;
use crate::app::recorder::catalogue;
use crate::calendar::Entry;
use crate::config::Source;
use crate::domain::session::SCHEDULER;
use crate::domain::sheet::Written;
use crate::engine::agenda::Agenda;
use crate::store::{Claim, Retention, Store};

const OFFICE: &str = "[[calendar]]\nname = \"office\"\nfile = \"room.ics\"\n";

/// The daemon's time when a test begins.
fn now() -> Timestamp {
    "2026-11-23T02:00:00Z".parse().unwrap()
}

fn minutes(minutes: i64) -> jiff::SignedDuration {
    jiff::SignedDuration::from_mins(minutes)
}

fn config(text: &str) -> Arc<Config> {
    Arc::new(Config::parse(&Source::new("test", text.to_owned())).unwrap())
}

/// The task by this config, with nothing booked.
async fn calendars(folder: &Path, config: &Arc<Config>) -> (Calendars, watch::Sender<Arc<Config>>) {
    let clock = Clock::on_tokio_time(now());
    let store = Store::open(Claim::take(folder).unwrap(), clock, Retention::default(), catalogue());
    store.restore().await.unwrap();
    let (changes, configs) = watch::channel(Arc::clone(config));
    let book = Book::new(store, configs.clone(), Some((Vec::new(), Vec::new(), Written::default())), clock);
    (Calendars { book: Arc::new(book), configs, clock }, changes)
}

/// A meeting of a calendar: what it is called, which is its id too, and its minutes from now.
fn entry(title: &str, start: i64, end: i64) -> Entry {
    let (start, end) = (now() + minutes(start), now() + minutes(end));
    Entry { start, end, uid: title.into(), of_series: None, title: title.into() }
}

/// Has the agenda follow these entries of the config's first calendar, as a daemon that was just started. Gives the titles of those
/// that do not fit.
async fn read(calendars: &Calendars, config: &Config, entries: &[Entry]) -> Vec<String> {
    read_on(calendars, config, entries, &mut Heard::default()).await
}

/// The same after the readings before.
async fn read_on(calendars: &Calendars, config: &Config, entries: &[Entry], heard: &mut Heard) -> Vec<String> {
    let (feed, reading) = (&config.calendars[0], Reading { entries: entries.to_vec(), ..Reading::default() });
    let (wanted, followed) = calendars.wanted(feed, &reading, heard, config, now()).await.unwrap();
    let (conflicts, error) = calendars.book_all(&feed.name, wanted, followed, heard, config, now()).await;
    assert_eq!(error, None);
    conflicts.into_iter().map(|(_, title)| title).collect()
}

/// Has the agenda hold just these sessions of the config's first calendar.
async fn hold(
    calendars: &Calendars,
    config: &Config,
    sessions: Vec<Session>,
    now: Timestamp,
) -> (Vec<(Timestamp, String)>, Option<String>) {
    let wanted = |session: &Session| Wanted { session: session.clone(), own: Arc::clone(&session.id), uid: "".into() };
    let followed: Vec<_> = sessions.iter().map(wanted).collect();
    let (agenda, feed) = (calendars.book.agenda(), &config.calendars[0].name);
    let followed = Followed::by(&followed, BTreeMap::new(), &Before::new(&agenda, config, feed, None, now));
    calendars.book_all(feed, sessions, followed, &mut Heard::default(), config, now).await
}

/// The names of what is booked.
fn booked(calendars: &Calendars) -> Vec<String> {
    calendars.book.agenda().booked().map(|session| session.title.clone()).collect()
}

/// What is booked, with its minutes from now.
fn hours(calendars: &Calendars) -> Vec<(String, i64, i64)> {
    let agenda = calendars.book.agenda();
    let from_now = |at: Timestamp| at.duration_since(now()).as_mins();
    agenda.booked().map(|one| (one.title.clone(), from_now(one.start), from_now(one.end))).collect()
}

#[tokio::test]
async fn a_clock_that_is_behind_calls_off_nothing_of_which_its_reading_does_not_speak() {
    let (folder, config) = (tempfile::tempdir().unwrap(), config(OFFICE));
    let calendars = calendars(folder.path(), &config).await.0;
    let feed = &config.calendars[0];
    let profile = &config.plan.profiles[0].name;
    let days = |days: i64| jiff::SignedDuration::from_hours(24 * days);
    let held = |title: &str, day: i64| session(feed, &entry(title, day * 24 * 60, day * 24 * 60 + 60), profile);
    let all = || vec![held("near", 1), held("next month", 20), held("next year", 395)];
    let follow = async |wanted: Vec<Session>, now: Timestamp| {
        let said = hold(&calendars, &config, wanted, now).await;
        assert_eq!(said, (Vec::new(), None));
        booked(&calendars)
    };
    let every = ["near", "next month", "next year"];
    assert_eq!(follow(all(), now()).await, every);
    // It boots in the year 2000: of all that is booked its reading has nothing, and says nothing.
    let born = "2000-01-01T00:00:00Z".parse().unwrap();
    let (none, nothing) = (Reading::default(), Followed::default());
    let doubt = |now: Timestamp| calendars.doubt(feed, &none, &nothing, &Heard::default(), &config, now);
    assert_eq!(doubt(born), None, "it has not lost its meetings");
    assert_eq!(follow(Vec::new(), born).await, every);
    // Ten days behind, of which the far end is not in it.
    let behind = now() - days(10);
    assert_eq!(follow(vec![held("near", 1), held("next month", 20)], behind).await, every);
    // What it speaks of is called off all the same.
    assert_eq!(follow(vec![held("near", 1)], behind).await, ["near", "next year"]);
    assert_eq!(doubt(now()), Some(EMPTIED));
    assert_eq!(follow(Vec::new(), now()).await, [""; 0]);
    assert_eq!(doubt(now()), None);
}

#[tokio::test]
async fn a_meeting_that_is_to_last_longer_than_there_is_room_stands_as_it_was() {
    let (folder, config) = (tempfile::tempdir().unwrap(), config(OFFICE));
    let calendars = calendars(folder.path(), &config).await.0;
    let is = |all: &[(&str, i64, i64)]| {
        let all: Vec<_> = all.iter().map(|(title, start, end)| ((*title).to_owned(), *start, *end)).collect();
        assert_eq!(hours(&calendars), all);
    };
    // One goes on, and the next is as near as set-up and tear-down let it be.
    let running = entry("A", -50, 10);
    assert_eq!(read(&calendars, &config, &[running.clone(), entry("B", 40, 100)]).await, [""; 0]);
    assert_eq!(read(&calendars, &config, &[entry("A", -50, 25), entry("B", 40, 100)]).await, ["A"]);
    is(&[("A", -50, 10), ("B", 40, 100)]);
    // At the next reading too; and one that has not begun no less.
    assert_eq!(read(&calendars, &config, &[entry("A", -50, 25), entry("B", 40, 100)]).await, ["A"]);
    let far = [entry("C", 600, 660), entry("D", 690, 750)];
    assert_eq!(read(&calendars, &config, &[&[running.clone(), entry("B", 40, 100)], &far[..]].concat()).await, [""; 0]);
    let longer = [entry("C", 600, 700), entry("D", 690, 750)];
    assert_eq!(read(&calendars, &config, &[&[running, entry("B", 40, 100)], &longer[..]].concat()).await, ["C"]);
    is(&[("A", -50, 10), ("B", 40, 100), ("C", 600, 660), ("D", 690, 750)]);
    // What is in its way leaves in the same reading, and others change places.
    let all = [entry("A", -50, 25), entry("B", 60, 120), entry("C", 690, 750), entry("D", 600, 660)];
    assert_eq!(read(&calendars, &config, &all).await, [""; 0]);
    is(&[("A", -50, 25), ("B", 60, 120), ("D", 600, 660), ("C", 690, 750)]);
}

#[tokio::test]
async fn an_entry_that_was_held_and_moved_is_cut_short_as_any_other() {
    let (folder, config) = (tempfile::tempdir().unwrap(), config(OFFICE));
    let calendars = calendars(folder.path(), &config).await.0;
    let feed = &config.calendars[0];
    // It was held yesterday, and goes on at its new hour.
    let held = session(feed, &entry("A", -1500, -1440), &config.plan.profiles[0].name);
    calendars.book.wish(None, Wish::Book(Box::new(held.clone())), None).await.unwrap();
    assert_eq!(read(&calendars, &config, &[entry("A", -40, 20)]).await, [""; 0]);
    // Whoever holds it has gone early, and says so in the calendar.
    assert_eq!(read(&calendars, &config, &[entry("A", -40, -10)]).await, [""; 0]);
    let is = [("A".to_owned(), -1500, -1440), ("A".to_owned(), -40, -10)];
    assert_eq!(hours(&calendars), is);
    // It stays so, as long as its feed has it and when it has it no more.
    for entries in [&[entry("A", -40, -10)][..], &[]] {
        assert_eq!(read(&calendars, &config, entries).await, [""; 0]);
        assert_eq!(hours(&calendars), is);
    }
    let ids: Vec<_> = calendars.book.agenda().booked().map(|one| Arc::clone(&one.id)).collect();
    assert!(ids[0] == held.id && ids[1].starts_with(&format!("{}.", held.id)), "{ids:?}");
}

/// Waits until the agenda is so.
async fn until(book: &Book, what: &str, good: impl Fn(&Agenda) -> bool) {
    let mut agenda = book.agenda.subscribe();
    let heard = tokio::time::timeout(Duration::from_mins(1), agenda.wait_for(|agenda| good(agenda))).await;
    heard.unwrap_or_else(|_| panic!("{what}: {:?}", book.agenda().sessions().collect::<Vec<_>>())).unwrap();
}

/// A calendar's file with these entries.
fn write(file: &Path, entries: &[Entry]) {
    let at = |moment: Timestamp| moment.strftime("%Y%m%dT%H%M%SZ").to_string();
    let event = |one: &Entry| {
        let (start, end) = (at(one.start), at(one.end));
        let (uid, title) = (&one.uid, &one.title);
        let times = format!("DTSTART:{start}\r\nDTEND:{end}");
        format!("BEGIN:VEVENT\r\nUID:{uid}\r\n{times}\r\nSUMMARY:{title}\r\nEND:VEVENT\r\n")
    };
    let events: String = entries.iter().map(event).collect();
    std::fs::write(file, format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n")).unwrap();
}

/// The config with a calendar of this name and file, which is read once an hour.
fn with(name: &str, file: &Path) -> Arc<Config> {
    let file = file.display();
    config(&format!("[[calendar]]\nname = \"{name}\"\nfile = \"{file}\"\ninterval = \"1h\"\n"))
}

/// How a meeting stands: whether it is held, and whose it is.
fn stands(agenda: &Agenda, title: &str) -> Option<(Booking, Arc<str>)> {
    let session = agenda.sessions().find(|session| session.title == title)?;
    Some((session.booking, Arc::clone(&session.source)))
}

#[tokio::test]
async fn a_calendar_that_is_renamed_keeps_its_meetings_and_one_that_is_taken_out_loses_what_is_to_come() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old.ics"), folder.path().join("new.ics"));
    let running = entry("Running", -30, 60);
    write(&old, &[running.clone(), entry("A", 600, 660), entry("G", 1200, 1260)]);
    write(&new, &[running, entry("A", 600, 660), entry("B", 1210, 1270)]);
    let state = folder.path().join("state");
    let (calendars, configs) = calendars(&state, &with("office", &old)).await;
    let book = Arc::clone(&calendars.book);
    let scheduled = session(&with("x", &old).calendars[0], &entry("Own", 3000, 3060), "zoom_group_720");
    let scheduled = Session { id: "own".into(), source: SCHEDULER.into(), ..scheduled };
    book.wish(None, Wish::Book(Box::new(scheduled)), None).await.unwrap();
    let task = tokio::spawn(calendars.run());
    let is = |agenda: &Agenda, title: &str, booking: Booking, source: &str| {
        stands(agenda, title).is_some_and(|(is, whose)| is == booking && &*whose == source)
    };
    until(&book, "followed", |agenda| is(agenda, "G", Booking::Booked, "office")).await;
    let id = |one: &Arc<Session>| (one.title.clone(), Arc::clone(&one.id));
    let ids = || book.agenda().sessions().map(id).collect::<BTreeMap<_, _>>();
    let before = ids();
    // Under its new name the same meetings have the same ids, what it has no more is called off, and what is new has that slot.
    configs.send_replace(with("kantor", &new));
    until(&book, "renamed", |agenda| is(agenda, "B", Booking::Booked, "kantor")).await;
    let agenda = book.agenda();
    for title in ["Running", "A"] {
        assert!(is(&agenda, title, Booking::Booked, "kantor"), "{title}: {:?}", stands(&agenda, title));
        assert_eq!(ids()[title], before[title]);
    }
    assert!(is(&agenda, "G", Booking::Cancelled, "office"), "{:?}", stands(&agenda, "G"));
    assert_eq!(agenda.sessions().count(), 5);
    // With the last calendar goes what is to come, and neither what has begun nor what a scheduler booked.
    configs.send_replace(config(""));
    until(&book, "taken out", |agenda| is(agenda, "B", Booking::Cancelled, "kantor")).await;
    let agenda = book.agenda();
    assert!(is(&agenda, "A", Booking::Cancelled, "kantor"), "{:?}", stands(&agenda, "A"));
    assert!(is(&agenda, "Running", Booking::Booked, "kantor") && is(&agenda, "Own", Booking::Booked, SCHEDULER));
    // It was a slip of the pen: all is as it was, also by its first name.
    configs.send_replace(with("office", &old));
    until(&book, "back", |agenda| is(agenda, "G", Booking::Booked, "office")).await;
    let agenda = book.agenda();
    assert!(is(&agenda, "A", Booking::Booked, "office") && is(&agenda, "Running", Booking::Booked, "office"));
    assert!(before.iter().all(|(title, id)| ids()[title] == *id), "{before:?} {:?}", ids());
    task.abort();
}

/// The config with a calendar for each of these files, which is called as its file is.
fn with_files(folder: &Path, names: &[&str]) -> Arc<Config> {
    let entry = |name: &&str| {
        let file = folder.join(format!("{name}.ics"));
        format!("[[calendar]]\nname = \"{name}\"\nfile = \"{}\"\n", file.display())
    };
    config(&names.iter().map(entry).collect::<String>())
}

/// Reads the calendar of this name and has the agenda follow it. Gives what is told of it.
async fn follow(calendars: &Calendars, config: &Config, heard: &mut Heard, name: &str) -> Option<String> {
    let mut reader = Reader::new();
    let feed = config.calendars.iter().find(|feed| &*feed.name == name).unwrap();
    reader.begin(feed, config.room.time_zone.0.clone(), calendars.clock);
    calendars.follow(&reader.next().await, config, heard).await;
    calendars.book.feeds.borrow().iter().find(|feed| feed.name == name).unwrap().error.clone()
}

#[tokio::test]
async fn another_calendar_calls_off_nothing_of_one_that_may_have_another_name_until_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(format!("{name}.ics"));
    let before = with_files(folder.path(), &["office", "lab"]);
    let calendars = calendars(&folder.path().join("state"), &before).await.0;
    write(&file("office"), &[entry("A", 600, 660), entry("G", 1200, 1260)]);
    write(&file("lab"), &[entry("L", 1800, 1860)]);
    let mut heard = Heard::default();
    for name in ["office", "lab"] {
        assert_eq!(follow(&calendars, &before, &mut heard, name).await, None);
    }
    assert_eq!(booked(&calendars), ["A", "G", "L"]);
    // Renamed, and started anew: under its new name it does not answer, however often the other is read, and that has a meeting where
    // one of its own may be.
    let renamed = with_files(folder.path(), &["kantor", "lab"]);
    let mut heard = Heard::default();
    write(&file("lab"), &[entry("L", 1800, 1860), entry("M", 1210, 1270)]);
    for name in ["lab", "kantor", "lab"] {
        let told = follow(&calendars, &renamed, &mut heard, name).await;
        assert_eq!(told.is_some(), name == "kantor", "{name}: {told:?}");
        assert_eq!(booked(&calendars), ["A", "G", "L"], "{name}");
    }
    let conflicts = |feed: &Feed| (feed.name == "lab").then_some(feed.conflicts.len());
    assert_eq!(calendars.book.feeds.borrow().iter().find_map(conflicts), Some(1));
    // It is there, and has one of the two: the other goes, whichever is read next.
    write(&file("kantor"), &[entry("A", 600, 660)]);
    assert_eq!(follow(&calendars, &renamed, &mut heard, "kantor").await, None);
    assert_eq!(booked(&calendars), ["A", "L"]);
    assert_eq!(follow(&calendars, &renamed, &mut heard, "lab").await, None);
    assert_eq!(booked(&calendars), ["A", "M", "L"]);
    // Without its entry in the config, what it had goes with the next reading of the other.
    let without = with_files(folder.path(), &["lab"]);
    heard.keep(|name| name == "lab");
    assert_eq!(follow(&calendars, &without, &mut heard, "lab").await, None);
    assert_eq!(booked(&calendars), ["M", "L"]);
}

#[tokio::test]
async fn a_calendar_under_a_new_name_that_is_empty_is_believed_when_it_says_so_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(format!("{name}.ics"));
    let before = with_files(folder.path(), &["office", "lab"]);
    let calendars = calendars(&folder.path().join("state"), &before).await.0;
    write(&file("office"), &[entry("A", 600, 660)]);
    write(&file("lab"), &[]);
    let mut heard = Heard::default();
    for name in ["office", "lab"] {
        assert_eq!(follow(&calendars, &before, &mut heard, name).await, None);
    }
    let renamed = with_files(folder.path(), &["kantor", "lab"]);
    heard.keep(|name| name == "lab");
    write(&file("kantor"), &[]);
    // One that never had any, and is known, has lost nothing; and that the other is empty is not believed at once.
    for (name, told) in [("lab", None), ("kantor", Some(EMPTY)), ("lab", None)] {
        assert_eq!(follow(&calendars, &renamed, &mut heard, name).await.as_deref(), told, "{name}");
        assert_eq!(booked(&calendars), ["A"], "{name}");
    }
    assert_eq!(follow(&calendars, &renamed, &mut heard, "kantor").await, None);
    assert!(booked(&calendars).is_empty());
}

#[tokio::test]
async fn a_calendar_that_cannot_be_read_is_shown_as_it_was_read_last() {
    let folder = tempfile::tempdir().unwrap();
    let config = with_files(folder.path(), &["office"]);
    let calendars = calendars(&folder.path().join("state"), &config).await.0;
    let (file, mut heard) = (folder.path().join("office.ics"), Heard::default());
    let shown = || calendars.book.feeds.borrow()[0].clone();
    // Not yet, since the daemon's start.
    assert!(follow(&calendars, &config, &mut heard, "office").await.is_some());
    assert_eq!((shown().read_at, shown().entries), (None, 0));
    let endless = Entry { end: now() + minutes(40 * 24 * 60), ..entry("Endless", 900, 960) };
    write(&file, &[entry("A", 600, 660), entry("B", 610, 670), endless]);
    assert_eq!(follow(&calendars, &config, &mut heard, "office").await, None);
    let good = shown();
    assert_eq!((good.read_at, good.entries, good.conflicts.len(), good.left_out), (Some(good.at), 2, 1, 1));
    std::fs::remove_file(&file).unwrap();
    assert!(follow(&calendars, &config, &mut heard, "office").await.is_some());
    let now = shown();
    assert!(now.at > good.at, "when it was tried last");
    assert_eq!(Feed { at: good.at, error: None, ..now }, good);
}

#[tokio::test]
async fn a_meeting_of_nobodys_that_begins_while_another_calendar_is_read_goes_on() {
    let (folder, before) = (tempfile::tempdir().unwrap(), config(OFFICE));
    let calendars = calendars(folder.path(), &before).await.0;
    assert_eq!(read(&calendars, &before, &[entry("Running", -30, 60), entry("A", 600, 660)]).await, [""; 0]);
    let other = config(&OFFICE.replace("office", "lab"));
    let said = hold(&calendars, &other, Vec::new(), now() - minutes(40)).await;
    assert_eq!((said, booked(&calendars)), ((Vec::new(), None), vec!["Running".to_owned()]));
}

#[tokio::test]
async fn an_entry_of_the_config_that_was_changed_is_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old.ics"), folder.path().join("new.ics"));
    write(&old, &[entry("A", 600, 660)]);
    write(&new, &[entry("A", 600, 660), entry("B", 1200, 1260)]);
    let state = folder.path().join("state");
    let (calendars, configs) = calendars(&state, &with("office", &old)).await;
    let book = Arc::clone(&calendars.book);
    let task = tokio::spawn(calendars.run());
    until(&book, "followed", |agenda| stands(agenda, "A").is_some()).await;
    configs.send_replace(with("office", &new));
    until(&book, "its other file", |agenda| stands(agenda, "B").is_some()).await;
    // Of one that cannot be read what the entry before had said is not shown.
    let mut feeds = book.feeds.subscribe();
    configs.send_replace(with("office", &folder.path().join("none.ics")));
    let shown = feeds.wait_for(|feeds| feeds.iter().any(|feed| feed.error.is_some())).await.unwrap();
    assert_eq!((shown[0].entries, shown[0].read_at), (0, None));
    drop(shown);
    task.abort();
}

#[test]
fn a_title_is_one_line_and_gives_no_passcode_away() {
    assert_eq!(title("Rapat\r\nKoordinasi\t2026"), "Rapat Koordinasi 2026");
    assert_eq!(title("Rapat, passcode: 82kq1"), "(…)");
    assert_eq!((title("\n"), title("\u{200b}")), ("–".to_owned(), "–".to_owned()));
    assert_eq!(title(&"a".repeat(900)).len(), LONGEST);
}
