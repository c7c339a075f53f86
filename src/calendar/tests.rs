//! What other people's parsers do not agree on, or do not read, by hand.

use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{LARGEST, MOST, MOST_PARTS, ReadError, Reading};
use crate::domain::feed::{LeftOut, Why};

fn feed(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n{events}END:VCALENDAR\r\n")
}

fn event(lines: &[&str]) -> String {
    format!("BEGIN:VEVENT\r\nUID:a\r\n{}\r\nEND:VEVENT\r\n", lines.join("\r\n"))
}

fn read(text: &str, room: &TimeZone, span: (Timestamp, Timestamp)) -> Result<Reading, ReadError> {
    super::read(text, room, span, &AtomicBool::new(false))
}

fn reading(text: &str) -> Reading {
    let room = TimeZone::get("Asia/Pontianak").unwrap();
    read(text, &room, ("2026-01-01T00:00:00Z".parse().unwrap(), "2027-01-01T00:00:00Z".parse().unwrap())).unwrap()
}

fn starts(text: &str) -> Vec<String> {
    reading(text).entries.iter().map(|entry| entry.start.to_string()).collect()
}

#[test]
fn a_time_that_the_clocks_leave_out_or_show_twice_is_one_instant() {
    let daily = |day: &str| {
        feed(&event(&[
            &format!("DTSTART;TZID=Europe/Berlin:{day}T023000"),
            &format!("DTEND;TZID=Europe/Berlin:{day}T033000"),
            "RRULE:FREQ=DAILY;COUNT=3",
        ]))
    };
    // 2026-03-29: 02:30 is left out, and is read with the offset before. 2026-10-25: it is there twice, and is the first.
    assert_eq!(starts(&daily("20260328")), ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]);
    assert_eq!(starts(&daily("20261024")), ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
}

#[test]
fn from_one_on_all_are_moved() {
    let text = feed(
        &[
            event(&["DTSTART:20260601T020000Z", "DTEND:20260601T030000Z", "SUMMARY:A", "RRULE:FREQ=DAILY;COUNT=4"]),
            event(&[
                "RECURRENCE-ID;RANGE=THISANDFUTURE:20260603T020000Z",
                "DTSTART:20260603T040000Z",
                "DTEND:20260603T060000Z",
                "SUMMARY:B",
            ]),
        ]
        .concat(),
    );
    let all: Vec<_> = reading(&text)
        .entries
        .iter()
        .map(|entry| format!("{} {} {}", entry.title, entry.start, entry.end.duration_since(entry.start).as_hours()))
        .collect();
    assert_eq!(
        all,
        [
            "A 2026-06-01T02:00:00Z 1",
            "A 2026-06-02T02:00:00Z 1",
            "B 2026-06-03T04:00:00Z 2",
            "B 2026-06-04T04:00:00Z 2"
        ]
    );
}

#[test]
fn an_exception_is_known_by_its_place_whatever_its_number() {
    let text = feed(
        &[
            event(&["DTSTART:20260601T020000Z", "DTEND:20260601T030000Z", "SEQUENCE:9", "RRULE:FREQ=DAILY;COUNT=2"]),
            event(&[
                "RECURRENCE-ID:20260602T020000Z",
                "DTSTART:20260602T050000Z",
                "DTEND:20260602T060000Z",
                "SEQUENCE:2",
            ]),
        ]
        .concat(),
    );
    assert_eq!(starts(&text), ["2026-06-01T02:00:00Z", "2026-06-02T05:00:00Z"]);
    // Its id is that of its place in the series: moved again it is the same meeting.
    assert_eq!(reading(&text).entries[1].of_series.unwrap().to_string(), "2026-06-02T02:00:00Z");
}

#[test]
fn what_means_nothing_is_left_out_and_counted() {
    let text = feed(
        &[
            event(&[
                "DTSTART;TZID=Mars/Olympus:20260601T020000",
                "DTEND;TZID=Mars/Olympus:20260601T030000",
                "SUMMARY:olympus",
            ]),
            event(&["DTSTART:20260601T020000Z"]),
            event(&["SUMMARY:no beginning"]),
            event(&["DTSTART:20260601T020000Z", "DTEND:20260601T010000Z"]).replace("UID:a", "UID:b"),
            event(&["DTSTART:20260605T020000Z", "DTEND:20260605T030000Z"]).replace("UID:a", "UID:c"),
            // Of the largest length, and a slip of the pen.
            event(&["DTSTART:20260601T020000Z", "DTEND:20260702T020000Z"]).replace("UID:a", "UID:d"),
            event(&["SUMMARY:audit", "DTSTART:20260601T020000Z", "DTEND:20260801T020000Z"]).replace("UID:a", "UID:e"),
        ]
        .concat(),
    );
    let reading = reading(&text);
    assert_eq!((reading.entries.len(), reading.left_out), (2, 5), "{reading:?}");
    let which: Vec<_> = reading.which.iter().map(|one| (&*one.title, one.why)).collect();
    assert_eq!(
        which,
        [("olympus", Why::Zone), ("no beginning", Why::NoBeginning), ("", Why::NoLength), ("audit", Why::TooLong)]
    );
}

#[test]
fn what_is_left_out_elsewhere_in_time_hides_nothing_and_what_holds_nothing_is_not_left_out() {
    let none = |title: &str, more: &[&str]| {
        let summary = format!("SUMMARY:{title}");
        event(&[&[&*summary][..], more].concat()).replace("UID:a", &format!("UID:{title}"))
    };
    // Entries without a length: long past and far ahead, of a series of many years, of what takes no room, and one of now.
    let old: String = (10..30)
        .map(|day| none(&format!("2019-{day}"), &[&format!("DTSTART:201906{day}T020000Z")]))
        .chain([none("2027", &["DTSTART:20270101T000000Z"])])
        .chain([none("free", &["DTSTART:20260601T020000Z", "TRANSP:TRANSPARENT"])])
        .collect();
    let rest = reading(&feed(&old));
    assert_eq!((rest.left_out, rest.which), (0, Vec::new()));
    let now = none("now", &["DTSTART:20260601T020000Z", "DURATION:-PT1H"]);
    let both = reading(&feed(&[old, now].concat()));
    assert_eq!((both.left_out, both.which), (1, vec![LeftOut { title: "now".to_owned(), why: Why::NoLength }]));
    let series = reading(&feed(&none("daily", &["DTSTART:20100101T000000Z", "RRULE:FREQ=DAILY"])));
    assert_eq!((series.left_out, series.which.len()), (365, 1), "of a series those of the span");
    let hourly = ["DTSTART:19900101T000000Z", "DURATION:PT10M", "RRULE:FREQ=HOURLY", "STATUS:TENTATIVE"];
    assert_eq!(reading(&feed(&event(&hourly))).left_out, 0, "nobody misses what is not confirmed");
}

#[test]
fn a_cancelled_calendar_holds_nothing() {
    let text = feed(&event(&["DTSTART:20260601T020000Z", "DTEND:20260601T030000Z"]));
    assert_eq!(starts(&text).len(), 1);
    assert_eq!(starts(&text.replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:CANCEL")).len(), 0);
}

#[test]
fn what_is_no_whole_calendar_says_nothing() {
    let whole = feed(&event(&["DTSTART:20260601T020000Z", "DTEND:20260601T030000Z"]));
    let cut = &whole[..whole.len() - 30];
    let span = (Timestamp::MIN, Timestamp::MAX);
    for text in ["", "<html>Login</html>", cut] {
        assert_eq!(read(text, &TimeZone::UTC, span), Err(ReadError::NoCalendar), "{text:?}");
    }
    assert_eq!(
        read(&feed(""), &TimeZone::UTC, span),
        Ok(Reading::default()),
        "an empty one says that nothing is booked"
    );
}

#[test]
fn a_series_without_an_end_is_walked_through_up_to_the_span_alone() {
    let text = feed(&event(&["DTSTART:20100101T020000Z", "DTEND:20100101T030000Z", "RRULE:FREQ=DAILY"]));
    let reading = reading(&text);
    assert_eq!((reading.entries.len(), reading.left_out), (365, 0));
    let many = self::reading(&feed(&event(&["DTSTART:19900101T000000Z", "DURATION:PT10M", "RRULE:FREQ=HOURLY"])));
    assert_eq!(
        (many.left_out, many.which[0].why),
        (1, Why::Rule),
        "too long to be followed to its end, and that is told"
    );
}

#[test]
fn a_series_that_begins_beyond_the_span_or_ends_before_it_begins_has_its_first_meeting_at_most() {
    let series = |start: &str, more: &[&str]| {
        let start = format!("DTSTART;TZID=Asia/Pontianak:{start}T090000");
        let reading = reading(&feed(&event(&[&[&*start, "DURATION:PT1H"][..], more].concat())));
        assert_eq!(reading.which, [], "{start} {more:?}");
        reading.entries.iter().map(|entry| entry.start.to_string()).collect::<Vec<_>>()
    };
    let of_the_clock = |day: &str| format!("{day}T02:00:00Z");
    for end in ["", ";UNTIL=20300101T020000Z", ";COUNT=9"] {
        let rule = format!("RRULE:FREQ=WEEKLY{end}");
        assert_eq!(series("20290601", &[&rule]), [""; 0], "{end}");
        // What is added to it is read all the same.
        assert_eq!(series("20290601", &[&rule, "RDATE:20260601T020000Z"]), [of_the_clock("2026-06-01")], "{end}");
    }
    for until in ["20260531T000000Z", "20260531", "20250101T000000"] {
        let rule = format!("RRULE:FREQ=DAILY;UNTIL={until}");
        assert_eq!(series("20260601", &[&rule]), [of_the_clock("2026-06-01")], "{until}");
        assert_eq!(series("20290601", &[&rule]), [""; 0], "{until}");
    }
    // Its end is its beginning.
    assert_eq!(series("20260601", &["RRULE:FREQ=DAILY;UNTIL=20260601T020000Z"]), [of_the_clock("2026-06-01")]);
}

#[test]
fn what_repeats_within_the_hour_is_no_meeting_and_of_too_many_the_nearest_are_taken() {
    for rule in ["SECONDLY;COUNT=1800", "MINUTELY;INTERVAL=90", "DAILY;BYHOUR=9;BYSECOND=0,20,40"] {
        let lines = ["DTSTART:20260601T020000Z", "DURATION:PT1S", "SUMMARY:Detak", &format!("RRULE:FREQ={rule}")];
        let reading = reading(&feed(&event(&lines)));
        assert_eq!((reading.entries.len(), reading.left_out), (0, 1), "{rule}");
        assert_eq!(reading.which, [LeftOut { title: "Detak".to_owned(), why: Why::TooOften }], "{rule}");
    }
    // Two that are there each hour of the year: 17520 meetings, of which the nearest are those of both in its first weeks.
    let hourly = |uid: &str, title: &str| {
        let lines = ["DTSTART:20260101T000000Z", "DURATION:PT10M", "RRULE:FREQ=HOURLY", &format!("SUMMARY:{title}")];
        event(&lines).replace("UID:a", &format!("UID:{uid}"))
    };
    let reading = reading(&feed(&[hourly("a", "A"), hourly("b", "B")].concat()));
    assert_eq!((reading.entries.len(), reading.left_out), (MOST, 2 * 8760 - MOST));
    assert_eq!(reading.entries.last().unwrap().start.to_string(), "2026-03-04T11:00:00Z");
    let mut which: Vec<_> = reading.which.iter().map(|one| (&*one.title, one.why)).collect();
    which.sort_by_key(|(title, _)| *title);
    assert_eq!(which, [("A", Why::TooMany), ("B", Why::TooMany)]);
}

#[test]
fn a_length_is_in_true_hours_also_where_it_ends_in_the_hour_that_is_there_twice() {
    let length = |start: &str, lasts: &str| {
        let lines = [format!("DTSTART;TZID=Europe/Berlin:{start}"), format!("DURATION:{lasts}")];
        let reading = reading(&feed(&event(&[&lines[0], &lines[1]])));
        assert_eq!((reading.entries.len(), reading.left_out), (1, 0), "{start} {lasts}");
        reading.entries[0].end.duration_since(reading.entries[0].start).as_mins()
    };
    // RFC 5545 §3.3.6: hours are exact, days and weeks are the calendar's. On 2026-10-25 02:00 to 03:00 is there twice.
    assert_eq!(length("20261025T005500", "PT2H30M"), 150);
    assert_eq!(length("20261025T023000", "PT1H"), 60);
    assert_eq!(length("20261025T023000", "PT30M"), 30);
    assert_eq!(length("20261024T023000", "P1D"), 24 * 60);
    assert_eq!(length("20261024T120000", "P1D"), 25 * 60);
    assert_eq!(length("20261024T120000", "P1DT1H"), 26 * 60);
    assert_eq!(length("20260328T120000", "P1D"), 23 * 60);
    // From 01:30 on, half an hour is left out: 2 h are until 04:30 of the clocks.
    assert_eq!(length("20260329T013000", "PT2H"), 120);
}

/// Each meeting's beginning with its length in minutes.
fn held(text: &str) -> Vec<(String, i64)> {
    let minutes = |entry: &super::Entry| entry.end.duration_since(entry.start).as_mins();
    reading(text).entries.iter().map(|entry| (entry.start.to_string(), minutes(entry))).collect()
}

#[test]
fn an_end_is_by_the_wall_clock_where_both_are_of_one_zone_and_else_as_long_as_the_first() {
    let series = |start: &str, end: &str| {
        held(&feed(&event(&[&format!("DTSTART;{start}"), &format!("DTEND;{end}"), "RRULE:FREQ=DAILY;COUNT=2"])))
    };
    // The night of 2026-03-29 has an hour less in Berlin.
    assert_eq!(
        series("TZID=Europe/Berlin:20260328T230000", "TZID=Europe/Berlin:20260329T040000"),
        [("2026-03-28T22:00:00Z".to_owned(), 240), ("2026-03-29T21:00:00Z".to_owned(), 300)]
    );
    assert_eq!(
        series("TZID=America/New_York:20260327T100000", "TZID=Europe/Berlin:20260327T170000"),
        [("2026-03-27T14:00:00Z".to_owned(), 120), ("2026-03-28T14:00:00Z".to_owned(), 120)]
    );
    // On that day the clocks leave all of it out.
    assert_eq!(
        series("TZID=Europe/Berlin:20260328T020000", "TZID=Europe/Berlin:20260328T030000"),
        [("2026-03-28T01:00:00Z".to_owned(), 60), ("2026-03-29T01:00:00Z".to_owned(), 60)]
    );
}

#[test]
fn a_length_has_weeks_days_hours_minutes_and_seconds_and_none_is_below_nothing() {
    let lasts = |said: &str| held(&feed(&event(&["DTSTART:20260601T020000Z", &format!("DURATION:{said}")])));
    assert_eq!(lasts("P1DT3H4M60S")[0].1, (24 + 3) * 60 + 5);
    assert_eq!(lasts("P2W")[0].1, 14 * 24 * 60);
    assert_eq!(lasts("-PT1H"), []);
    // A day without an end is that day, in this room's zone.
    assert_eq!(held(&feed(&event(&["DTSTART;VALUE=DATE:20260601"]))), [("2026-05-31T17:00:00Z".to_owned(), 24 * 60)]);
    // A leap second is the second before it.
    let end = held(&feed(&event(&["DTSTART:20260601T235700Z", "DTEND:20260601T235960Z"])));
    assert_eq!(end, [("2026-06-01T23:57:00Z".to_owned(), 2)]);
}

#[test]
fn a_series_ends_where_its_rule_says_by_a_day_by_utc_or_by_its_own_clock() {
    let until = |said: &str| {
        starts(&feed(&event(&[
            "DTSTART;TZID=Asia/Pontianak:20260601T060000",
            "DURATION:PT1H",
            &format!("RRULE:FREQ=DAILY;UNTIL={said}"),
        ])))
        .len()
    };
    // A day is meant whole; 23:00 UTC of the day before is 06:00 here.
    assert_eq!((until("20260603"), until("20260602T230000Z"), until("20260602T225959Z")), (3, 3, 2));
    assert_eq!((until("20260603T060000"), until("20260603T055959")), (3, 2));
    let days = ["DTSTART;VALUE=DATE:20260601", "RRULE:FREQ=DAILY;UNTIL=20260603"];
    assert_eq!(starts(&feed(&event(&days))).len(), 3, "its last day is one of them");
}

#[test]
fn what_is_added_has_a_length_of_its_own_and_what_is_left_out_is_by_day_or_by_time() {
    let text = feed(&event(&[
        "DTSTART:20260601T020000Z",
        "DTEND:20260601T030000Z",
        "RRULE:FREQ=DAILY;COUNT=4",
        "RDATE;VALUE=PERIOD:20260701T020000Z/20260701T040000Z,20260702T020000Z/PT30M",
        "RDATE:20260703T020000Z",
        "EXDATE:20260602T020000Z,20260603T030000Z",
        "EXDATE;VALUE=DATE:20260604",
    ]));
    assert_eq!(
        held(&text),
        [
            ("2026-06-01T02:00:00Z".to_owned(), 60),
            ("2026-06-03T02:00:00Z".to_owned(), 60),
            ("2026-07-01T02:00:00Z".to_owned(), 120),
            ("2026-07-02T02:00:00Z".to_owned(), 30),
            ("2026-07-03T02:00:00Z".to_owned(), 60),
        ]
    );
}

#[test]
fn what_is_cancelled_tentative_or_leaves_the_room_free_holds_nothing() {
    let with = |line: &str| starts(&feed(&event(&["DTSTART:20260601T020000Z", "DURATION:PT1H", line]))).len();
    assert_eq!([with("STATUS:CONFIRMED"), with("TRANSP:OPAQUE")], [1, 1]);
    assert_eq!([with("STATUS:CANCELLED"), with("STATUS:TENTATIVE"), with("TRANSP:TRANSPARENT")], [0, 0, 0]);
}

#[test]
fn of_an_event_the_newest_word_counts_and_what_has_no_id_is_one_of_its_own() {
    let at = |day: u8, sequence: u8| {
        event(&[&format!("DTSTART:202606{day:02}T020000Z"), "DURATION:PT1H", &format!("SEQUENCE:{sequence}")])
    };
    assert_eq!(starts(&feed(&[at(2, 3), at(1, 2)].concat())), ["2026-06-02T02:00:00Z"]);
    assert_eq!(starts(&feed(&[at(2, 3), at(1, 4)].concat())), ["2026-06-01T02:00:00Z"]);
    let nameless = [at(1, 0), at(1, 0), at(2, 0)].concat().replace("UID:a\r\n", "");
    assert_eq!(starts(&feed(&nameless)).len(), 3);
    // Of the words about one occurrence too; and of a series of which nothing but that is here.
    let moved = |hour: u8, sequence: u8| {
        at(1, sequence)
            .replace("DTSTART:20260601T02", &format!("RECURRENCE-ID:20260601T020000Z\r\nDTSTART:20260601T{hour:02}"))
    };
    assert_eq!(starts(&feed(&[moved(5, 2), moved(4, 1)].concat())), ["2026-06-01T05:00:00Z"]);
    assert_eq!(starts(&feed(&[moved(5, 1), moved(4, 1)].concat())), ["2026-06-01T04:00:00Z"], "the later of equals");
}

#[test]
fn what_has_no_id_is_the_same_whichever_others_come_and_go() {
    let at = |hour: u8| {
        let start = format!("DTSTART:20260601T{hour:02}0000Z");
        event(&[&start, "DURATION:PT1H", "SUMMARY:A"]).replace("UID:a\r\n", "")
    };
    let uid = |text: &str| reading(&feed(text)).entries.last().unwrap().uid.clone();
    assert_eq!(uid(&at(9)), uid(&[at(2), event(&["SUMMARY:no beginning"]), at(9)].concat()));
}

/// The series and which of it, of what a text has and nobody understands.
fn unread(text: &str) -> Vec<(String, Option<String>)> {
    let told = |one: &super::Unread| (one.uid.to_string(), one.of_series.map(|moment| moment.to_string()));
    reading(text).unread.iter().map(told).collect()
}

#[test]
fn what_cannot_be_understood_says_nothing_of_what_was_booked_of_it() {
    let whole = [("a".to_owned(), None)];
    for wrong in [
        &["DTSTART;TZID=Mars/Olympus:20260601T020000"][..],
        &["SUMMARY:no beginning"],
        &["DTSTART:tomorrow", "DURATION:PT1H"],
        &["DTSTART:20260601T020000Z", "DTEND:later"],
        &["DTSTART:20260601T020000Z", "DURATION:PT1H", "RRULE:FREQ=FORTNIGHTLY"],
        &["DTSTART:20260601T020000Z", "DURATION:PT1H", "RRULE:FREQ=MINUTELY"],
        &["DTSTART:20260601T020000Z", "DURATION:PT1H", "RECURRENCE-ID:the second"],
    ] {
        let text = feed(&event(wrong));
        assert_eq!((unread(&text), reading(&text).left_out), (whole.to_vec(), 1), "{wrong:?}");
        assert!(starts(&text).is_empty(), "{wrong:?}");
        // What does not take place need not be understood.
        assert!(unread(&feed(&event(&[wrong, &["STATUS:CANCELLED"]].concat()))).is_empty(), "{wrong:?}");
    }
    // What is understood and is no meeting of a room is none.
    assert!(unread(&feed(&event(&["DTSTART:20260601T020000Z", "DURATION:P40D"]))).is_empty());
}

#[test]
fn an_occurrence_with_an_exception_that_cannot_be_understood_is_not_at_its_old_hour() {
    let daily = event(&["DTSTART:20260601T020000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=4"]);
    let (days, second) =
        (|days: &[u8]| days.iter().map(|day| format!("2026-06-{day:02}T02:00:00Z")).collect::<Vec<_>>(), 2);
    let mars = "DTSTART;TZID=Mars/Olympus:20260602T050000";
    let one = [("a".to_owned(), Some(days(&[second]).remove(0)))];
    for place in ["RECURRENCE-ID:20260602T020000Z", "RECURRENCE-ID;TZID=Mars/Olympus:20260602T020000"] {
        let text = feed(&[&daily[..], &event(&[place, mars])].concat());
        assert_eq!((starts(&text), unread(&text)), (days(&[1, 3, 4]), one.to_vec()), "{place}");
        let text = feed(&[&daily[..], &event(&[place, mars, "STATUS:CANCELLED"])].concat());
        assert_eq!((starts(&text), unread(&text)), (days(&[1, 3, 4]), Vec::new()), "{place}");
    }
    let text = feed(&[&daily[..], &event(&["RECURRENCE-ID;RANGE=THISANDFUTURE:20260602T020000Z", mars])].concat());
    assert_eq!((starts(&text), unread(&text)), (days(&[1]), one.to_vec()));
    assert!(reading(&text).unread.iter().all(|one| one.following));
    // Of one who is invited to that occurrence alone: its place is known, or nothing of it is.
    for (place, told) in [
        ("RECURRENCE-ID:20260602T020000Z", &one[..]),
        ("RECURRENCE-ID;TZID=Mars/Olympus:20260602T020000", &[("a".to_owned(), None)]),
    ] {
        let text = feed(&event(&[place, mars]));
        assert_eq!((starts(&text), unread(&text)), (Vec::new(), told.to_vec()), "{place}");
        // Beside another of the same series that is understood.
        let other = event(&["RECURRENCE-ID:20260605T020000Z", "DTSTART:20260605T030000Z", "DURATION:PT1H"]);
        assert_eq!(unread(&feed(&[event(&[place, mars]), other].concat())), told, "{place}");
        assert!(unread(&feed(&event(&[place, mars, "STATUS:CANCELLED"]))).is_empty(), "{place}");
    }
}

#[test]
fn what_touches_the_span_is_in_it_and_only_the_first_of_what_is_left_out_are_named() {
    let day = |date: &str| starts(&feed(&event(&[&format!("DTSTART:{date}Z"), "DURATION:PT1H"]))).len();
    assert_eq!(
        [day("20251231T230000"), day("20251231T230001"), day("20261231T235959"), day("20270101T000000")],
        [0, 1, 1, 0]
    );
    let wrong: String = (0..12).map(|number| event(&[&format!("SUMMARY:{number}")])).collect();
    let reading = reading(&feed(&wrong));
    assert_eq!((reading.left_out, reading.which.len()), (12, 10));
}

/// Feeds of the largest size that is read, of which much more could be made than there is memory for.
#[test]
fn a_text_of_which_too_much_would_be_made_is_refused_before_it_is() {
    let span = (Timestamp::MIN, Timestamp::MAX);
    let filled = |piece: &str| {
        let most = LARGEST - feed(&event(&[])).len();
        feed(&event(&[&piece.repeat(most / piece.len())]))
    };
    let name = "N".repeat(LARGEST / 4);
    for text in [
        filled(&format!("CATEGORIES:{}", ",".repeat(LARGEST / 2))),
        filled("EXDATE:20260601\r\n"),
        filled("A:\r\n"),
        filled("BEGIN:VEVENT\r\nEND:VEVENT\r\n"),
        // For each value the name of its parameter is copied: 6 GB.
        filled(&format!("X;{name}={}:\r\n", "a,".repeat(1000))),
    ] {
        assert_eq!(read(&text, &TimeZone::UTC, span), Err(ReadError::TooMuch), "{}…", &text[60..100]);
    }
    let error = ReadError::TooMuch.to_string();
    assert!(error.contains(&MOST_PARTS.to_string()), "{error}");
    // Up to the limit all is read, and long titles and ids are one for all meetings of a series.
    let long = "a".repeat(LARGEST / 8);
    let days = "20260601T020000Z,".repeat(MOST_PARTS - 20);
    let lines = ["DTSTART:20260531T020000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3"];
    let text = feed(&event(&[&lines[..], &[&format!("SUMMARY:{long}"), &format!("EXDATE:{days}")]].concat()));
    let reading = reading(&text.replace("UID:a", &format!("UID:{long}")));
    assert_eq!(reading.entries.len(), 2);
    assert!(reading.entries.iter().all(|entry| (entry.title.len(), entry.uid.len()) == (2000, 2000)));
}

#[test]
fn as_many_exceptions_as_occurrences_are_each_found_and_who_is_given_up_ends() {
    let hours: Vec<String> = (0..24 * 365)
        .map(|hour| {
            let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            (begin + jiff::SignedDuration::from_hours(hour)).strftime("%Y%m%dT%H%M%SZ").to_string()
        })
        .collect();
    let text = feed(&event(&[
        "DTSTART:20260101T000000Z",
        "DURATION:PT10M",
        "RRULE:FREQ=HOURLY",
        &format!("EXDATE:{}", hours[1..].join(",")),
    ]));
    assert_eq!(starts(&text), ["2026-01-01T00:00:00Z"]);
    let span = (Timestamp::MIN, Timestamp::MAX);
    assert_eq!(super::read(&text, &TimeZone::UTC, span, &AtomicBool::new(true)), Err(ReadError::GivenUp));
}
