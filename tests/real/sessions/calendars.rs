//! Calendars of others: the same instants as other people's parsers give, and a daemon that follows a feed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use siaga::calendar::read;

use super::{BARE, MINUTE, Scheduler, ahead, meeting};
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room};
use crate::support::lease::Leaseholder;
use crate::support::wall_clock::siaga_by;

const ROOM: &str = "Asia/Pontianak";

fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/sessions").join(name)
}

/// The meetings of a feed as Debian's Python packages have them: start, end, title.
fn by_others(feed: &Path, since: &str, until: &str) -> BTreeSet<String> {
    // Debian's own interpreter, which has Debian's packages.
    let mut python = Command::new("/usr/bin/python3");
    let told = python.arg(beside("instants.py")).arg(feed).args([ROOM, since, until]).output().unwrap();
    let error = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "Debian's python3-icalendar and python3-recurring-ical-events: {error}");
    String::from_utf8(told.stdout).unwrap().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_instants_of_four_producers_are_those_of_an_independent_parser() {
    let (since, until) = ("2026-10-01T00:00:00Z", "2027-03-01T00:00:00Z");
    let span: (Timestamp, Timestamp) = (since.parse().unwrap(), until.parse().unwrap());
    for (producer, meetings) in [("google", 22), ("outlook", 17), ("nextcloud", 16), ("mrbs", 13)] {
        let path = beside(&format!("feeds/{producer}.ics"));
        let text = std::fs::read_to_string(&path).unwrap();
        // As they send it (RFC 5545 §3.1), and as an editor saves it.
        for text in [text.replace('\n', "\r\n"), text] {
            let reading = read(&text, &TimeZone::get(ROOM).unwrap(), span, &AtomicBool::new(false)).unwrap();
            assert_eq!(reading.left_out, 0, "{producer}");
            let ours = reading.entries.iter().map(|entry| format!("{} {} {}", entry.start, entry.end, entry.title));
            let ours: BTreeSet<String> = ours.collect();
            assert_eq!(ours, by_others(&path, since, until), "{producer}");
            assert_eq!(ours.len(), meetings, "{producer}: the test shows something");
        }
    }
}

/// A feed with meetings at these minutes from now, each an hour long.
fn feed(events: &[(&str, u32, &str)]) -> String {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n".to_owned();
    for (uid, minutes, more) in events {
        let stamp = |minutes: u32| ahead(MINUTE * minutes).strftime("%Y%m%dT%H%M00Z").to_string();
        let (start, end) = (stamp(*minutes), stamp(minutes + 60));
        _ = write!(
            text,
            "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:{start}\r\nDTSTART:{start}\r\nDTEND:{end}\r\n{more}END:VEVENT\r\n"
        );
    }
    text + "END:VCALENDAR\r\n"
}

/// The daemon's sessions: title, state, minutes from now at which they begin.
fn sessions(daemon: &Daemon) -> Vec<(String, String, i64)> {
    let now = ahead(Duration::ZERO);
    let list = daemon.get("/api/v1/sessions").json();
    let told = |one: &Value| {
        let start: Timestamp = one["start"].as_str().unwrap().parse().unwrap();
        let minutes = (start.duration_since(now).as_secs_f64() / 60.0).round();
        #[allow(clippy::cast_possible_truncation, reason = "minutes of a day")]
        (one["title"].as_str().unwrap().to_owned(), one["state"].as_str().unwrap().to_owned(), minutes as i64)
    };
    list.as_array().map(|list| list.iter().map(told).collect()).unwrap_or_default()
}

#[test]
fn the_agenda_follows_a_feed_and_what_is_no_feed_changes_nothing() {
    let folder = room(&format!("{BARE}\n[[calendar]]\nname = \"office\"\nfile = \"room.ics\"\ninterval = \"1s\"\n"));
    let write = |text: &str| {
        std::fs::write(folder.path().join("room.ics.new"), text).unwrap();
        std::fs::rename(folder.path().join("room.ics.new"), folder.path().join("room.ics")).unwrap();
    };
    let said = |sessions: &[(&str, &str, i64)]| -> Vec<(String, String, i64)> {
        sessions.iter().map(|(title, state, minutes)| ((*title).to_owned(), (*state).to_owned(), *minutes)).collect()
    };
    // A minute passes while this runs.
    let is = |daemon: &Daemon, wanted: &[(&str, &str, i64)]| {
        let (found, wanted) = (sessions(daemon), said(wanted));
        found.len() == wanted.len()
            && found.iter().zip(&wanted).all(|(found, wanted)| {
                (&found.0, &found.1) == (&wanted.0, &wanted.1) && (found.2 - wanted.2).abs() <= 2
            })
    };
    write(&feed(&[
        ("a", 600, "SUMMARY:A\r\n"),
        ("b", 800, "SUMMARY:B\r\n"),
        ("c", 1000, "SUMMARY:C\r\nSTATUS:TENTATIVE\r\n"),
        ("d", 1200, "SUMMARY:D\\, passcode: 82kq1\r\nDESCRIPTION:pwd=82kq1\r\n"),
    ]));
    let daemon = Daemon::start(folder.path());
    wait_until(|| is(&daemon, &[("A", "booked", 600), ("B", "booked", 800), ("(…)", "booked", 1200)]));
    // A scheduler finds the slot held, and takes another.
    let jadwal = Scheduler::of(folder.path());
    let own = meeting("Own", ahead(MINUTE * 800), MINUTE * 60);
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/own", &own).status, 409);
    let own = meeting("Own", ahead(MINUTE * 1000), MINUTE * 60);
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/own", &own).status, 201);
    // A and B change places, D goes, E wants what the scheduler has.
    let pulse = "SUMMARY:Detak\\, pw: rahasia\r\nRRULE:FREQ=SECONDLY;COUNT=1800\r\n";
    let left = [
        ("f", 1400, "SUMMARY:Apel pagi\r\nEXDATE;TZID=Mars/Olympus:20261201T020000\r\nRRULE:FREQ=MINUTELY\r\n"),
        ("g", 1500, pulse),
    ];
    let three = [("a", 800, "SUMMARY:A\r\n"), ("b", 600, "SUMMARY:B\r\n"), ("e", 1010, "SUMMARY:E\r\n")];
    write(&feed(&[&three[..], &left[..]].concat()));
    wait_until(|| {
        is(&daemon, &[("B", "booked", 600), ("A", "booked", 800), ("Own", "booked", 1000), ("(…)", "cancelled", 1200)])
    });
    let conflicts = || daemon.get("/api/v1/agenda").json()["calendars"][0]["conflicts"].clone();
    wait_until(|| conflicts().as_array().is_some_and(|all| all.len() == 1 && all[0].as_str().unwrap().ends_with(" E")));
    // The conflict is told in the room's own time, and what is not booked with its reason.
    let begins = ahead(MINUTE * 1010).to_zoned_datetime(TimeZone::get(ROOM).unwrap());
    assert!(conflicts()[0].as_str().unwrap().contains("+07:00 "), "{}", conflicts());
    let agenda = daemon.get("/api/v1/agenda").json()["calendars"][0].clone();
    let why = |title: &str| json!({ "title": title, "why": "too_often" });
    assert_eq!(agenda["left_out_entries"], json!([why("Apel pagi"), why("(…)")]), "{agenda}");
    assert_eq!(agenda["left_out"], 2);
    let page = daemon.get("/agenda").body;
    let minutes =
        [begins.clone(), begins.checked_sub(MINUTE).unwrap()].map(|at| at.strftime("%H.%M WIB, E").to_string());
    assert!(minutes.iter().any(|told| page.contains(told)), "{minutes:?}: {page}");
    assert!(page.contains("tidak dipesan: Apel pagi (berulang tiap menit atau tiap detik)"), "{page}");
    assert!(!page.contains("rahasia"), "{page}");
    // What is no calendar says nothing, and neither does a file that is gone.
    write("<html>Login</html>");
    let error = || daemon.get("/api/v1/agenda").json()["calendars"][0]["error"].clone();
    wait_until(|| error() == json!("it is no iCalendar"));
    std::fs::remove_file(folder.path().join("room.ics")).unwrap();
    wait_until(|| error().as_str().is_some_and(|error| error.starts_with("its file cannot be read")));
    let agenda = daemon.get("/agenda?lang=id").body;
    let detail = "Rincian teknis: <span lang=\"en\">its file cannot be read";
    for words in [
        "terakhir terbaca",
        "; 3 rapat yang akan datang",
        "<strong>tidak dapat dibaca sekarang; terakhir dicoba",
        detail,
    ] {
        assert!(agenda.contains(words), "{words}: {agenda}");
    }
    // What it said last is told with its own time: to programs, to Prometheus, and to who asks for a slot, as a note.
    let shown = daemon.get("/api/v1/agenda").json()["calendars"][0].clone();
    let instant = |key: &str| shown[key].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(instant("read_at") < instant("at"), "{shown}");
    assert_eq!((&shown["entries"], &shown["left_out"]), (&json!(3), &json!(2)), "{shown}");
    let metrics = daemon.get("/metrics").body;
    assert!(metrics.contains("siaga_calendar_last_read_successful{calendar=\"office\"} 0"), "{metrics}");
    assert!(metrics.contains("siaga_calendar_last_read_timestamp_seconds{calendar=\"office\"} "), "{metrics}");
    let (start, end) = (ahead(MINUTE * 2000), ahead(MINUTE * 2060));
    for (lang, words) in [
        ("id", "Kalender office tidak dapat dibaca (terakhir terbaca: 20"),
        ("en", "The calendar office cannot be read (last read: 20"),
    ] {
        let answer = daemon.get(&format!("/api/v1/readiness?start={start}&end={end}&lang={lang}")).json();
        let notes = answer["reasons"].as_array().unwrap();
        let note = notes.iter().find(|one| one["code"] == "agenda.calendar_unread").unwrap();
        assert_eq!((note["verdict"].as_str(), answer["agenda"].as_str()), (Some("ready"), Some("free")), "{answer}");
        assert!(note["message"].as_str().unwrap().starts_with(words), "{note}");
    }
    // What is of a calendar is changed there.
    let list = daemon.get("/api/v1/sessions").json();
    let office =
        list.as_array().unwrap().iter().find(|one| one["title"] == "A").unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/sessions/{office}");
    let moved = json!({ "end": ahead(MINUTE * 865).to_string() });
    let other = meeting("Other", ahead(MINUTE * 2000), MINUTE * 60);
    for (method, body) in [("DELETE", Value::Null), ("PATCH", moved), ("PUT", other)] {
        let refused = jadwal.send(&daemon, method, &path, &body);
        assert_eq!(
            (refused.status, refused.json()["type"].as_str()),
            (409, Some("urn:siaga:problem:of-calendar")),
            "{method}"
        );
        assert!(refused.json()["detail"].as_str().unwrap().contains("the calendar office"), "{}", refused.body);
    }
    // Nor is another booked under the id of one that is cancelled there; to cancel it again changes nothing.
    let cancelled = list.as_array().unwrap().iter().find(|one| one["state"] == "cancelled").unwrap()["id"].clone();
    let path = format!("/api/v1/sessions/{}", cancelled.as_str().unwrap());
    let other = meeting("Other", ahead(MINUTE * 2000), MINUTE * 60);
    let refused = jadwal.send(&daemon, "PUT", &path, &other);
    assert_eq!((refused.status, refused.json()["type"].as_str()), (409, Some("urn:siaga:problem:of-calendar")));
    assert_eq!(jadwal.send(&daemon, "DELETE", &path, &Value::Null).status, 200);
    assert!(is(
        &daemon,
        &[("B", "booked", 600), ("A", "booked", 800), ("Own", "booked", 1000), ("(…)", "cancelled", 1200)]
    ));
    // The scheduler's is cancelled: E is booked at the next reading.
    assert_eq!(jadwal.send(&daemon, "DELETE", "/api/v1/sessions/own", &Value::Null).status, 200);
    write(&feed(&[("a", 800, "SUMMARY:A\r\n"), ("b", 600, "SUMMARY:B\r\n"), ("e", 1010, "SUMMARY:E\r\n")]));
    wait_until(|| sessions(&daemon).iter().any(|(title, state, _)| title == "E" && state == "booked"));
    // What is offered is read by others as it was booked.
    let offered = daemon.get("/api/v1/agenda.ics");
    assert!(offered.head.to_ascii_lowercase().contains("content-type: text/calendar"), "{}", offered.head);
    let file = folder.path().join("offered.ics");
    std::fs::write(&file, &offered.body).unwrap();
    let (since, until) = (ahead(Duration::ZERO).to_string(), ahead(MINUTE * 60 * 48).to_string());
    let list = daemon.get("/api/v1/sessions").json();
    let booked = list.as_array().unwrap().iter().filter(|one| one["state"] == "booked");
    let instant = |one: &Value, field: &str| one[field].as_str().unwrap().parse::<Timestamp>().unwrap();
    let booked = booked.map(|one| {
        format!("{:.0} {:.0} {}", instant(one, "start"), instant(one, "end"), one["title"].as_str().unwrap())
    });
    let booked: BTreeSet<String> = booked.collect();
    assert_eq!(by_others(&file, &since, &until), booked, "{}", offered.body);
    assert_eq!(booked.len(), 3);
    assert!(!daemon.log().contains("82kq1"));
    // Of all its meetings none is left: that is believed when it is said again.
    write(&feed(&[]));
    wait_until(|| sessions(&daemon).iter().all(|(_, state, _)| state == "cancelled"));
    assert_eq!(
        daemon.log().matches("it has no meetings any more; they are cancelled if").count(),
        1,
        "{}",
        daemon.log()
    );
    daemon.stop();
}

/// An entry that was held, and is then moved to another day: the one that was held stays, under its id, and the other is booked.
/// Has the calendar hold one entry.
fn write_one(folder: &Path, start: Timestamp, end: Timestamp) {
    let at = |moment: Timestamp| moment.strftime("%Y%m%dT%H%M%SZ").to_string();
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:{}\r\n\
         DTEND:{}\r\nSUMMARY:A\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        at(start),
        at(end)
    );
    std::fs::write(folder.join("room.ics.new"), text).unwrap();
    std::fs::rename(folder.join("room.ics.new"), folder.join("room.ics")).unwrap();
}

#[test]
fn a_meeting_that_is_cut_short_in_its_calendar_was_held_until_then() {
    let folder = room(&format!("{BARE}\n[[calendar]]\nname = \"office\"\nfile = \"room.ics\"\ninterval = \"1s\"\n"));
    let (begun, over) = (ahead(Duration::ZERO) - MINUTE * 30, ahead(Duration::ZERO) - MINUTE);
    write_one(folder.path(), begun, ahead(MINUTE * 30));
    let daemon = Daemon::start(folder.path());
    let all = || daemon.get("/api/v1/sessions?since=2000-01-01T00:00:00Z").json();
    wait_until(|| all()[0]["state"] == "booked");
    // Whoever holds it goes early, and says so in the calendar when they have gone.
    write_one(folder.path(), begun, over);
    let ended = || all()[0]["end"].as_str().and_then(|end| end.parse::<Timestamp>().ok());
    wait_until(|| ended().is_some_and(|end| end.as_second() == over.as_second()));
    // It stays so at the next readings.
    let read = || daemon.get("/api/v1/agenda").json()["calendars"][0]["at"].clone();
    let before = read();
    wait_until(|| read() != before);
    let all = all();
    assert_eq!((all.as_array().unwrap().len(), &all[0]["state"]), (1, &json!("booked")), "{all}");
}

#[test]
fn an_entry_that_was_held_and_is_moved_is_another_meeting() {
    let folder = room(&format!("{BARE}\n[[calendar]]\nname = \"office\"\nfile = \"room.ics\"\ninterval = \"1s\"\n"));
    let write = |start: Timestamp, end: Timestamp| write_one(folder.path(), start, end);
    write(ahead(Duration::ZERO), ahead(MINUTE * 10));
    let offset = folder.path().join("offset");
    std::fs::write(&offset, "+0").unwrap();
    let daemon = Daemon::start_by(siaga_by(&offset), folder.path());
    let ids = || -> Vec<String> {
        let all = daemon.get("/api/v1/sessions?since=2000-01-01T00:00:00Z").json();
        let booked = all.as_array().unwrap().iter().filter(|one| one["state"] == "booked");
        booked.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    wait_until(|| ids().len() == 1);
    let held = ids().remove(0);
    // Whole at any moment, as the daemon reads it at each look at a clock.
    std::fs::write(folder.path().join("later"), "+11m").unwrap();
    std::fs::rename(folder.path().join("later"), &offset).unwrap();
    write(ahead(MINUTE * 600), ahead(MINUTE * 660));
    wait_until(|| ids().len() == 2);
    assert!(ids()[0] == held && ids()[1].starts_with(&format!("{held}.")), "{:?}", ids());
    // It stays so: the next readings take nothing back, and the one that was held is as it was.
    let read = || daemon.get("/api/v1/agenda").json()["calendars"][0]["at"].clone();
    let before = read();
    wait_until(|| read() != before);
    assert_eq!(ids().len(), 2);
    let body = daemon.get(&format!("/api/v1/sessions/{held}")).json();
    assert_eq!(body["state"], "booked", "{body}");
}

/// A calendar's file on a share that does not answer: the others are followed meanwhile, it is told, and one thread alone waits.
#[test]
fn a_file_that_does_not_answer_holds_up_no_other_calendar_and_is_told() {
    let calendar = |name: &str, interval: &str| {
        format!("[[calendar]]\nname = \"{name}\"\nfile = \"{name}.ics\"\ninterval = \"{interval}\"\n")
    };
    let folder = room(&format!("{BARE}\n{}{}", calendar("share", "1s"), calendar("office", "1h")));
    let file = |name: &str| folder.path().join(format!("{name}.ics"));
    std::fs::write(file("share"), feed(&[("a", 600, "SUMMARY:A\r\n")])).unwrap();
    std::fs::write(file("office"), feed(&[("b", 800, "SUMMARY:B\r\n")])).unwrap();
    let mut holder = Leaseholder::of(&file("share"));
    let daemon = Daemon::start(folder.path());
    let titles = || sessions(&daemon).into_iter().map(|(title, _, _)| title).collect::<Vec<_>>();
    let told = |place: usize, key: &str| daemon.get("/api/v1/agenda").json()["calendars"][place][key].clone();
    wait_until(|| titles() == ["B"]);
    let error = "its file cannot be read within 30 s: its disk does not answer";
    assert!(!daemon.log().contains(error), "the other one did not wait for it");
    wait_until(|| told(0, "error") == json!(error));
    assert!(daemon.get("/agenda?lang=en").body.contains(error));
    assert_eq!((told(0, "name"), told(1, "error")), (json!("share"), Value::Null));
    // It is due again and again, and no second attempt begins.
    let at = told(0, "at");
    wait_until(|| told(0, "at") != at);
    let threads = std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    let names = threads.filter_map(|thread| std::fs::read_to_string(thread.unwrap().path().join("comm")).ok());
    // One that hangs, and the one that goes through feeds.
    assert_eq!(names.filter(|name| name.trim() == "calendar").count(), 2);
    assert_eq!((told(0, "error"), daemon.log().matches(error).count()), (json!(error), 1));
    holder.end();
    wait_until(|| titles() == ["A", "B"]);
    // What is booked is seen before it is told that all is.
    wait_until(|| told(0, "error") == Value::Null);
    daemon.stop();
}

/// A calendar that would be gone through for hours: it is told, and the one thread that goes through them is free again.
#[test]
fn a_calendar_without_an_end_in_sight_is_given_up() {
    let calendar = |name: &str, interval: &str| {
        format!("[[calendar]]\nname = \"{name}\"\nfile = \"{name}.ics\"\ninterval = \"{interval}\"\n")
    };
    let folder = room(&format!("{BARE}\n{}{}", calendar("endless", "1h"), calendar("office", "1s")));
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join("new"), text).unwrap();
        std::fs::rename(folder.path().join("new"), folder.path().join(format!("{name}.ics"))).unwrap();
    };
    let daily = |uid: u32| {
        format!("BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:19740101T020000Z\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\n")
    };
    write("endless", &format!("BEGIN:VCALENDAR\r\n{}END:VCALENDAR\r\n", (0..30_000).map(daily).collect::<String>()));
    write("office", &feed(&[("b", 800, "SUMMARY:B\r\n")]));
    let daemon = Daemon::start(folder.path());
    let error = || daemon.get("/api/v1/agenda").json()["calendars"][0]["error"].clone();
    wait_until(|| error() == json!("it cannot be gone through within 30 s"));
    write("office", &feed(&[("b", 800, "SUMMARY:B\r\n"), ("c", 1000, "SUMMARY:C\r\n")]));
    wait_until(|| sessions(&daemon).into_iter().map(|(title, _, _)| title).collect::<Vec<_>>() == ["B", "C"]);
    daemon.stop();
}
