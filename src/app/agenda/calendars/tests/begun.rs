//! What becomes of a meeting that has begun when its calendar has it no more.

use super::*;

/// Reads these as a reading that begins at this minute.
async fn at(calendars: &Calendars, config: &Config, heard: &mut Heard, entries: &[Entry], minute: i64) {
    let (feed, reading) = (&config.calendars[0], Reading { entries: entries.to_vec(), ..Reading::default() });
    let began = now() + minutes(minute);
    let (wanted, followed) = calendars.wanted(feed, &reading, heard, config, began).await.unwrap();
    let said = calendars.book_all(&feed.name, wanted, followed, heard, config, began).await;
    assert_eq!(said, (Vec::new(), None));
}

/// How a meeting stands, and its last minute.
fn stands_until(calendars: &Calendars, title: &str) -> (Booking, i64) {
    let agenda = calendars.book.agenda();
    let session = agenda.sessions().find(|session| session.title == title).unwrap();
    (session.booking, session.end.duration_since(now()).as_mins())
}

#[tokio::test]
async fn a_meeting_that_has_begun_is_called_off_by_a_second_reading_and_is_not_held_where_none_had_it_since_it_began() {
    let as_it_was = (Booking::Booked, 50);
    let both = [entry("A", -10, 50), entry("B", 600, 660)];
    for (last, restarts, becomes) in
        [(-5, false, (Booking::Booked, 0)), (-20, false, (Booking::Cancelled, 50)), (-20, true, (Booking::Booked, 0))]
    {
        let (folder, config) = (tempfile::tempdir().unwrap(), config(OFFICE));
        let calendars = calendars(folder.path(), &config).await.0;
        let mut heard = Heard::default();
        // It is there again after one that lacked it.
        for (entries, minute) in [(&both[..], last), (&both[1..], 0), (&both[..], last)] {
            at(&calendars, &config, &mut heard, entries, minute).await;
            assert_eq!(stands_until(&calendars, "A"), as_it_was, "{last} {minute}");
        }
        if restarts {
            heard = Heard::default();
        }
        at(&calendars, &config, &mut heard, &both[1..], 0).await;
        assert_eq!(stands_until(&calendars, "A"), as_it_was, "{last}");
        at(&calendars, &config, &mut heard, &both[1..], 0).await;
        assert_eq!(stands_until(&calendars, "A"), becomes, "{last} {restarts}");
        // Of what has not begun one reading is believed.
        at(&calendars, &config, &mut heard, &[entry("C", 900, 960)], 0).await;
        assert_eq!(stands_until(&calendars, "B").0, Booking::Cancelled);
    }
}

#[tokio::test]
async fn a_calendar_that_is_emptied_while_its_meeting_lasts_is_believed_at_the_second_reading() {
    let folder = tempfile::tempdir().unwrap();
    let config = with_files(folder.path(), &["office"]);
    let calendars = calendars(&folder.path().join("state"), &config).await.0;
    let (file, mut heard) = (folder.path().join("office.ics"), Heard::default());
    write(&file, &[entry("A", -10, 50)]);
    assert_eq!(follow(&calendars, &config, &mut heard, "office").await, None);
    write(&file, &[]);
    assert_eq!(follow(&calendars, &config, &mut heard, "office").await.as_deref(), Some(EMPTIED));
    assert_eq!(stands_until(&calendars, "A"), (Booking::Booked, 50));
    assert_eq!(follow(&calendars, &config, &mut heard, "office").await, None);
    assert_eq!(stands_until(&calendars, "A"), (Booking::Booked, 0));
}

#[tokio::test]
async fn a_calendar_takes_nothing_of_what_a_scheduler_has_booked_under_its_id() {
    let (folder, config) = (tempfile::tempdir().unwrap(), config(OFFICE));
    let calendars = calendars(folder.path(), &config).await.0;
    let own = session(&config.calendars[0], &entry("A", 600, 660), "zoom_group_720");
    let scheduled = Session { source: SCHEDULER.into(), title: "Own".to_owned(), ..own };
    calendars.book.wish(None, Wish::Book(Box::new(scheduled.clone())), None).await.unwrap();
    for hour in [600, 900] {
        assert_eq!(read(&calendars, &config, &[entry("A", hour, hour + 60)]).await, ["A"]);
        assert!(calendars.book.agenda().get(&scheduled.id).unwrap().says_what(&scheduled));
    }
    // When it is cancelled there the calendar has its meeting.
    calendars.book.wish(None, Wish::Cancel { id: scheduled.id }, None).await.unwrap();
    assert_eq!(read(&calendars, &config, &[entry("A", 600, 660)]).await, [""; 0]);
    assert_eq!(booked(&calendars), ["A"]);
}
