//! A meeting keeps its id, whatever its calendar calls it from one reading to the next.

use super::*;

/// The occurrences of a series that is called so: what each is called, and its minutes from now. An hour each.
fn series(uid: &str, title: &str, starts: &[i64]) -> Vec<Entry> {
    let one = |start: &i64| {
        let one = entry(title, *start, *start + 60);
        Entry { uid: uid.into(), of_series: Some(one.start), ..one }
    };
    starts.iter().map(one).collect()
}

/// One that stands alone.
fn single(uid: &str, title: &str, start: i64) -> Entry {
    Entry { uid: uid.into(), ..entry(title, start, start + 60) }
}

/// What is booked: its title, its minutes from now, its id.
fn ids(calendars: &Calendars) -> Vec<(String, i64, Arc<str>)> {
    let agenda = calendars.book.agenda();
    let told = |one: &Arc<Session>| (one.title.clone(), one.start.duration_since(now()).as_mins(), Arc::clone(&one.id));
    agenda.booked().map(told).collect()
}

/// A calendar in a room, as it is read again and again.
struct Office {
    _folder: tempfile::TempDir,
    config: Arc<Config>,
    calendars: Calendars,
    heard: Heard,
}

impl Office {
    async fn new() -> Self {
        let (folder, config) = (tempfile::tempdir().unwrap(), config(OFFICE));
        let calendars = calendars(folder.path(), &config).await.0;
        Self { _folder: folder, config, calendars, heard: Heard::default() }
    }

    /// Reads these, which all fit. Gives the ids of what is booked then.
    async fn reads(&mut self, entries: &[Entry]) -> Vec<Arc<str>> {
        assert_eq!(read_on(&self.calendars, &self.config, entries, &mut self.heard).await, [""; 0]);
        ids(&self.calendars).into_iter().map(|(_, _, id)| id).collect()
    }

    /// The daemon ends and starts: it has no memory of readings.
    fn restarts(&mut self) {
        self.heard = Heard::default();
    }

    fn starts(&self) -> Vec<i64> {
        ids(&self.calendars).into_iter().map(|(_, start, _)| start).collect()
    }

    /// That nothing was called off, and nothing booked beside what there was.
    fn lost_nothing(&self) {
        let agenda = self.calendars.book.agenda();
        assert!(
            agenda.sessions().all(|one| one.booking == Booking::Booked),
            "{:?}",
            agenda.sessions().collect::<Vec<_>>()
        );
    }
}

/// A day and a week, in minutes.
const DAY: i64 = 24 * 60;
const WEEK: i64 = 7 * DAY;

#[tokio::test]
async fn a_meeting_that_takes_place_at_the_same_hour_is_the_same_whatever_its_calendar_calls_it() {
    let mut office = Office::new().await;
    let first = office.reads(&[single("a", "Rapat", 600)]).await;
    // It becomes a series, and one alone again.
    for _ in 0..2 {
        let all = office.reads(&series("a", "Rapat", &[600, 600 + WEEK])).await;
        assert_eq!(all[0], first[0]);
        office.restarts();
    }
    // All that follow become a series of their own, and every export has ids of its own.
    let before = office.reads(&series("a", "Rapat", &[600, 600 + WEEK, 600 + 2 * WEEK])).await;
    let two = [series("a", "Rapat", &[600]), series("a_R2026", "Rapat", &[600 + WEEK, 600 + 2 * WEEK])].concat();
    assert_eq!(office.reads(&two).await, before);
    for export in 0..3 {
        let new: Vec<_> = (0..3).map(|at| single(&format!("{export}-{at}"), "Rapat", 600 + at * WEEK)).collect();
        assert_eq!(office.reads(&new).await, before);
        if export == 1 {
            office.restarts();
        }
    }
    // Another title or another end alone makes no other meeting of it.
    let other = [single("x", "Rapat lagi", 600), Entry { uid: "y".into(), ..entry("Rapat", 600 + WEEK, 650 + WEEK) }];
    assert_eq!(office.reads(&[&other[..], &[single("z", "Rapat", 600 + 2 * WEEK)]].concat()).await, before);
    office.lost_nothing();
    // By what it is known it is known still when it is moved, and when the daemon was started between.
    assert_eq!(office.reads(&[&other[..], &[single("z", "Rapat", 900 + 2 * WEEK)]].concat()).await, before);
    office.restarts();
    let last = single("z", "Rapat", 900 + 2 * WEEK + DAY);
    assert_eq!(office.reads(&[&other[..], &[last]].concat()).await, before);
    office.lost_nothing();
    // What is another meeting by all that is known is another.
    let gone = office.reads(&[single("q", "Apel", 600), single("r", "Rapat", 600 + 9 * DAY)]).await;
    assert!(gone[0] == before[0] && gone[1] != before[1], "{gone:?}");
    assert!(office.reads(&[]).await.is_empty());
}

#[tokio::test]
async fn a_series_that_is_moved_is_moved_and_each_of_it_to_the_nearest_hour() {
    let mut office = Office::new().await;
    let days = |hour: i64| (1..=5).map(|day| hour + day * DAY).collect::<Vec<_>>();
    let before = office.reads(&series("a", "Apel", &days(0))).await;
    for hour in [60, -120, 300] {
        assert_eq!(office.reads(&series("a", "Apel", &days(hour))).await, before, "{hour}");
        assert_eq!(office.starts(), days(hour));
    }
    office.lost_nothing();
    // From one day to another of the week; and back, by its title alone where nothing of it is remembered.
    let mut office = Office::new().await;
    let weeks = |day: i64| (1..=4).map(|week| week * WEEK + day * DAY).collect::<Vec<_>>();
    let before = office.reads(&series("b", "Rapat", &weeks(0))).await;
    assert_eq!(office.reads(&series("b", "Rapat mingguan", &weeks(3))).await, before);
    office.restarts();
    assert_eq!(office.reads(&series("c", "Rapat mingguan", &weeks(2))).await, before);
    office.lost_nothing();
    // One that is left out is called off, though another has come into sight a year ahead.
    let mut left = weeks(2);
    left.remove(1);
    left.push(390 * DAY);
    let all = office.reads(&series("c", "Rapat mingguan", &left)).await;
    assert_eq!(
        (&all[..3], all.contains(&before[1])),
        (&[before[0].clone(), before[2].clone(), before[3].clone()][..], false)
    );
}

#[tokio::test]
async fn two_that_change_places_stay_themselves() {
    let mut office = Office::new().await;
    let pair =
        |names: [&str; 2], hours: [i64; 2]| [single(names[0], "A", hours[0]), single(names[1], "B", hours[1])].to_vec();
    let before = office.reads(&pair(["a", "b"], [600, 900])).await;
    let swapped = [before[1].clone(), before[0].clone()];
    assert_eq!(office.reads(&pair(["a", "b"], [900, 600])).await, swapped);
    // By other ids, and they change places again.
    assert_eq!(office.reads(&pair(["c", "d"], [900, 600])).await, swapped);
    assert_eq!(office.reads(&pair(["c", "d"], [600, 900])).await, before);
    let titles: Vec<_> = ids(&office.calendars).into_iter().map(|(title, ..)| title).collect();
    assert_eq!(titles, ["A", "B"]);
}

#[tokio::test]
async fn what_is_under_way_goes_on_by_whatever_begins_with_it() {
    let mut office = Office::new().await;
    let before = office.reads(&[single("a", "Rapat", -30), single("b", "Lain", 600)]).await;
    // Of another name, title and end.
    let other = Entry { uid: "c".into(), ..entry("Rapat besar", -30, 90) };
    assert_eq!(office.reads(&[other, single("b", "Lain", 600)]).await, before);
    office.lost_nothing();
    // Another that was moved to its hour takes its place.
    let all = office.reads(&[single("b", "Lain", -30)]).await;
    assert_eq!(all, before[..1]);
    // Cut short by what it is called now.
    office.restarts();
    assert_eq!(office.reads(&[Entry { uid: "d".into(), ..entry("Lain", -30, -5) }]).await, before[..1]);
    assert_eq!(hours(&office.calendars), [("Lain".to_owned(), -30, -5)]);
}

#[tokio::test]
async fn what_another_calendar_has_at_the_same_hour_is_another_meeting() {
    let folder = tempfile::tempdir().unwrap();
    let config = with_files(folder.path(), &["office", "lab"]);
    let calendars = calendars(&folder.path().join("state"), &config).await.0;
    let mut heard = Heard::default();
    let file = |name: &str| folder.path().join(format!("{name}.ics"));
    write(&file("office"), &[single("a", "Rapat", 600)]);
    write(&file("lab"), &[single("b", "Rapat", 600)]);
    for name in ["office", "lab", "office"] {
        assert_eq!(follow(&calendars, &config, &mut heard, name).await, None);
    }
    let before = ids(&calendars);
    assert_eq!((before.len(), stands(&calendars.book.agenda(), "Rapat").unwrap().1), (1, "office".into()));
    // It is gone from the one that had the slot, and the other has it at its next reading, as its own.
    write(&file("office"), &[single("c", "Rapat", 900)]);
    for name in ["office", "lab", "office"] {
        assert_eq!(follow(&calendars, &config, &mut heard, name).await, None);
    }
    let after = ids(&calendars);
    let moved = after.iter().find(|(_, start, _)| *start == 900).unwrap();
    assert_eq!((after.len(), &moved.2), (2, &before[0].2), "of its own it is the same, within a day");
}

#[tokio::test]
async fn an_entry_that_was_held_and_is_moved_twice_is_one_meeting_that_was_moved() {
    let mut office = Office::new().await;
    let feed = &office.config.calendars[0];
    let held = session(feed, &entry("A", -1500, -1440), &office.config.plan.profiles[0].name);
    office.calendars.book.wish(None, Wish::Book(Box::new(held.clone())), None).await.unwrap();
    let first = office.reads(&[entry("A", 600, 660)]).await;
    assert!(first[0] == held.id && first[1].starts_with(&format!("{}.", held.id)), "{first:?}");
    for start in [900, 5 * DAY, 650] {
        assert_eq!(office.reads(&[entry("A", start, start + 45)]).await, first);
        assert_eq!(office.starts(), [-1500, start]);
        office.restarts();
    }
    office.lost_nothing();
    // Where it was held it is over: what was to come of it is called off.
    assert_eq!(office.reads(&[entry("A", -1500, -1440)]).await, [held.id]);
}

#[tokio::test]
async fn an_entry_that_was_in_others_way_for_long_is_not_what_was_lost() {
    let mut office = Office::new().await;
    let long = Entry { uid: "a".into(), ..entry("Direksi", -60, 120) };
    let short = Entry { uid: "b".into(), ..entry("Apel", -60, 20) };
    let before = office.reads(std::slice::from_ref(&long)).await;
    for _ in 0..2 {
        let said = read_on(&office.calendars, &office.config, &[long.clone(), short.clone()], &mut office.heard).await;
        assert_eq!(said, ["Apel"]);
    }
    // The other is deleted: it is not that one, whose end is nearer.
    for _ in 0..3 {
        read_on(&office.calendars, &office.config, std::slice::from_ref(&short), &mut office.heard).await;
    }
    let direksi = office.calendars.book.agenda().get(&before[0]).map(|one| (one.title.clone(), one.start));
    assert_eq!(direksi, Some(("Direksi".to_owned(), now() + minutes(-60))));
    // One that is to come and is deleted leaves its slot to the other, which is booked under its own id.
    let mut office = Office::new().await;
    let all = [single("a", "Direksi", 600), single("b", "Apel", 600)];
    let before = office.reads(&all[..1]).await;
    assert_eq!(read_on(&office.calendars, &office.config, &all, &mut office.heard).await, ["Apel"]);
    let after = office.reads(&all[1..]).await;
    assert!(after.len() == 1 && after != before, "{after:?} {before:?}");
}

#[tokio::test]
async fn a_meeting_that_is_under_way_is_not_moved_to_another_hour() {
    for uid in ["a", "b"] {
        let mut office = Office::new().await;
        let before = office.reads(&series("a", "Rapat", &[-30, 2 * DAY])).await;
        // By its series, or by its title.
        let new = [single(uid, "Rapat", 300), series("a", "Rapat", &[2 * DAY]).remove(0)];
        for _ in 0..3 {
            office.reads(&new).await;
        }
        let all = ids(&office.calendars);
        let starts: Vec<_> = all.iter().map(|(_, start, _)| *start).collect();
        assert_eq!(starts, [-30, 300, 2 * DAY], "{uid}");
        assert_eq!((&all[0].2, &all[2].2), (&before[0], &before[1]), "{uid}");
    }
}

#[tokio::test]
async fn a_meeting_that_has_just_ended_and_comes_back_goes_on() {
    // By another id, as of an export that has new ones each time.
    let mut office = Office::new().await;
    let before = office.reads(&[single("a", "Rapat", -30)]).await;
    office.calendars.book.wish(None, Wish::Cancel { id: Arc::clone(&before[0]) }, None).await.unwrap();
    assert_eq!(hours(&office.calendars), [("Rapat".to_owned(), -30, 0)]);
    assert_eq!(office.reads(&[single("b", "Rapat", -30)]).await, before);
    assert_eq!(hours(&office.calendars), [("Rapat".to_owned(), -30, 30)]);
    // Where it was held at another time before, and moved twice.
    let mut office = Office::new().await;
    let held = session(&office.config.calendars[0], &entry("A", -1500, -1440), &office.config.plan.profiles[0].name);
    office.calendars.book.wish(None, Wish::Book(Box::new(held)), None).await.unwrap();
    office.reads(&[entry("A", 600, 660)]).await;
    let before = office.reads(&[entry("A", -30, 30)]).await;
    office.calendars.book.wish(None, Wish::Cancel { id: Arc::clone(&before[1]) }, None).await.unwrap();
    assert_eq!(office.reads(&[entry("A", -30, 30)]).await, before);
    assert_eq!(hours(&office.calendars)[1], ("A".to_owned(), -30, 30));
}

/// As many as are taken, all of one title and within a week, which is the most that there is to compare.
#[tokio::test]
async fn three_thousand_that_all_shift_keep_their_ids() {
    let config = config(OFFICE);
    let feed = &config.calendars[0];
    let all = |export: &str, shift: i64, count: i64| -> Vec<Wanted> {
        let one = |at: i64| Entry {
            uid: format!("{export}-{at}").into(),
            ..entry("Rapat", 5 + 3 * at + shift, 6 + 3 * at + shift)
        };
        (0..count).map(|at| Wanted::of(feed, &one(at), "zoom_group_720")).collect()
    };
    let (first, mut second) = (all("a", 0, 3000), all("b", 1, 2999));
    let mut agenda = Agenda::new(config.agenda.margins(), crate::app::agenda::lengths(&config));
    agenda.learn(first.iter().map(|one| one.session.clone()), Vec::new());
    let before = Before::new(&agenda, &config, "office", None, now());
    let whole = |at: i64| crate::calendar::Unread { uid: format!("x-{at}").into(), of_series: None, following: false };
    let reading = Reading { unread: (0..200).map(whole).collect(), ..Reading::default() };
    let standing = before.standing(&reading, &first);
    assert!(standing.is_empty());
    before.keep_ids(&mut second, &standing);
    let is_kept = |(one, other): (&Wanted, &Wanted)| one.session.id == other.session.id;
    assert_eq!(first.iter().zip(&second).filter(|(one, other)| is_kept((one, other))).count(), 2999);
}
