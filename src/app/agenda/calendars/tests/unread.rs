//! What was booked of an entry stands while nobody understands it.

use super::*;

/// A file of the calendar `office`, as it is read again and again.
struct Office {
    folder: tempfile::TempDir,
    config: Arc<Config>,
    calendars: Calendars,
    heard: Heard,
}

/// An entry's lines, an hour long, by these minutes from now.
fn event(uid: &str, title: &str, start: i64, more: &str) -> String {
    let at = stamp(start);
    format!("BEGIN:VEVENT\r\nUID:{uid}\r\nSUMMARY:{title}\r\nDTSTART:{at}\r\nDURATION:PT1H\r\n{more}END:VEVENT\r\n")
}

fn stamp(start: i64) -> String {
    (now() + minutes(start)).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The same in a zone that nobody knows.
fn on_mars(event: &str) -> String {
    event.replace("DTSTART:", "DTSTART;TZID=Mars/Olympus:").replace("Z\r\nDURATION", "\r\nDURATION")
}

impl Office {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = with_files(folder.path(), &["office"]);
        let calendars = calendars(&folder.path().join("state"), &config).await.0;
        Self { folder, config, calendars, heard: Heard::default() }
    }

    /// Reads these events. Gives what is booked, and what is told of the calendar.
    async fn reads(&mut self, events: &[String]) -> (Vec<String>, Option<String>) {
        let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.concat());
        std::fs::write(self.folder.path().join("office.ics"), text).unwrap();
        let told = follow(&self.calendars, &self.config, &mut self.heard, "office").await;
        (booked(&self.calendars), told)
    }
}

fn said(titles: &[&str]) -> (Vec<String>, Option<String>) {
    (titles.iter().map(|title| (*title).to_owned()).collect(), None)
}

const DAY: i64 = 24 * 60;

#[tokio::test]
async fn what_was_booked_of_an_entry_that_nobody_understands_any_more_stands_until_it_is_gone() {
    let mut office = Office::new().await;
    let (one, other) = (event("a", "A", 600, ""), event("b", "B", 900, ""));
    let daily = event("c", "C", 1200, "RRULE:FREQ=DAILY;COUNT=2\r\n");
    let all = said(&["A", "B", "C", "C"]);
    assert_eq!(office.reads(&[one.clone(), other.clone(), daily.clone()]).await, all);
    // By what is remembered and after a start, with the others and alone, and however often.
    for restart in [false, true, false] {
        if restart {
            office.heard = Heard::default();
        }
        assert_eq!(office.reads(&[on_mars(&one), other.clone(), on_mars(&daily)]).await, all);
    }
    let rule = daily.replace("DAILY;COUNT=2", "FORTNIGHTLY");
    assert_eq!(office.reads(&[on_mars(&one), on_mars(&other), rule.clone()]).await, all);
    let left_out = office.calendars.book.feeds.borrow()[0].left_out;
    assert_eq!(left_out, 3);
    // What is really gone is called off: at once beside others, and when it is said again where nothing else is a meeting.
    let told = Some(NOT_UNDERSTOOD.to_owned());
    assert_eq!(office.reads(&[on_mars(&one), rule.clone()]).await, (all.0, told));
    // What is shown is of the reading that was believed last.
    assert_eq!(office.calendars.book.feeds.borrow()[0].left_out, left_out);
    assert_eq!(office.reads(&[on_mars(&one), rule]).await, said(&["A", "C", "C"]));
    assert_eq!(office.reads(&[one, on_mars(&daily)]).await, said(&["A", "C", "C"]));
    // It is understood again, and moved.
    assert_eq!(office.reads(&[event("a", "A", 660, ""), event("d", "D", 2000, "")]).await, said(&["A", "D"]));
    let agenda = office.calendars.book.agenda();
    let cancelled: Vec<_> =
        agenda.sessions().filter(|one| one.booking == Booking::Cancelled).map(|one| &one.title).collect();
    assert_eq!(cancelled, ["B", "C", "C"]);
}

#[tokio::test]
async fn an_occurrence_stands_where_it_was_while_its_exception_is_not_understood() {
    let mut office = Office::new().await;
    let daily = event("a", "A", 600, "RRULE:FREQ=DAILY;COUNT=3\r\n");
    let exception = |start: i64| event("a", "A", start, &format!("RECURRENCE-ID:{}\r\n", stamp(600 + DAY)));
    let starts = |office: &Office| hours(&office.calendars).into_iter().map(|(_, start, _)| start).collect::<Vec<_>>();
    let moved = 720 + DAY;
    assert_eq!(office.reads(&[daily.clone(), exception(moved)]).await, said(&["A", "A", "A"]));
    assert_eq!(starts(&office), [600, moved, 600 + 2 * DAY]);
    for restart in [false, true] {
        if restart {
            office.heard = Heard::default();
        }
        assert_eq!(office.reads(&[daily.clone(), on_mars(&exception(moved))]).await, said(&["A", "A", "A"]));
        assert_eq!(starts(&office), [600, moved, 600 + 2 * DAY]);
    }
    assert_eq!(office.reads(&[daily.clone(), exception(moved + 90)]).await, said(&["A", "A", "A"]));
    assert_eq!(starts(&office), [600, moved + 90, 600 + 2 * DAY]);
    assert_eq!(office.reads(&[daily]).await, said(&["A", "A", "A"]));
    assert_eq!(starts(&office), [600, 600 + DAY, 600 + 2 * DAY]);
}

#[tokio::test]
async fn what_lies_beyond_as_many_as_are_taken_stands() {
    let mut office = Office::new().await;
    let far = event("far", "Far", 390 * DAY, "");
    assert_eq!(office.reads(std::slice::from_ref(&far)).await, said(&["Far"]));
    let (agenda, followed) = (office.calendars.book.agenda(), office.heard.followed.get("office"));
    let before = Before::new(&agenda, &office.config, "office", followed, now());
    let beyond = |days: i64| Reading { beyond: Some(now() + minutes(days * DAY)), ..Reading::default() };
    assert_eq!([389, 390, 391].map(|days| before.standing(&beyond(days), &[]).len()), [1, 1, 0]);
}

#[tokio::test]
async fn an_exception_without_its_series_and_an_entry_without_an_id_stand_while_they_are_not_understood() {
    let mut office = Office::new().await;
    let lone = event("a", "A", 600, &format!("RECURRENCE-ID:{}\r\n", stamp(500)));
    let nameless = event("", "Tanpa nama", 900, "").replace("UID:\r\n", "");
    let other = event("c", "C", 1200, "");
    let all = said(&["A", "Tanpa nama", "C"]);
    assert_eq!(office.reads(&[lone.clone(), nameless.clone(), other.clone()]).await, all);
    for restart in [false, true] {
        if restart {
            office.heard = Heard::default();
        }
        assert_eq!(office.reads(&[on_mars(&lone), on_mars(&nameless), other.clone()]).await, all);
    }
    // What is gone is gone, and what is understood again is itself.
    assert_eq!(office.reads(&[on_mars(&lone), other.clone()]).await, said(&["A", "C"]));
    assert_eq!(office.reads(&[nameless, other]).await, said(&["Tanpa nama", "C"]));
    assert_eq!(office.calendars.book.agenda().sessions().count(), 3);
}

#[tokio::test]
async fn of_a_series_that_is_not_understood_from_one_on_what_was_before_is_called_off() {
    let mut office = Office::new().await;
    let weekly = event("a", "A", DAY, "RRULE:FREQ=WEEKLY;COUNT=6\r\n");
    let week = |week: i64| DAY + week * 7 * DAY;
    let exception =
        |start: i64| event("a", "A", start, &format!("RECURRENCE-ID;RANGE=THISANDFUTURE:{}\r\n", stamp(week(3))));
    let starts = |office: &Office| hours(&office.calendars).into_iter().map(|(_, start, _)| start).collect::<Vec<_>>();
    // From the fourth on an hour earlier.
    office.reads(&[weekly.clone(), exception(week(3) - 60)]).await;
    let moved = [0, 1, 2, 3, 4, 5].map(|of| week(of) - if of < 3 { 0 } else { 60 });
    assert_eq!(starts(&office), moved);
    let without = weekly.replace("RRULE", &format!("EXDATE:{}\r\nRRULE", stamp(week(1))));
    office.reads(&[without, on_mars(&exception(week(3) - 60))]).await;
    assert_eq!(starts(&office), [&moved[..1], &moved[2..]].concat());
}
