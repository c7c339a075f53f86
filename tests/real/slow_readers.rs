//! Two hundred who ask for a large answer and take next to nothing of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::support::child::wait_until;
use super::support::daemon::{Daemon, room};
use super::tokens::NOTHING;

/// How many ask; fewer than there are places.
const READERS: usize = 200;

/// How many meetings are offered, of which each has a quarter of a kilobyte.
const MEETINGS: usize = 2900;

/// How much of the memory the daemon may take for them. Its service may have 256 MB in all; what they asked for is 140.
const MOST_MB: f64 = 96.0;

/// What they ask for.
const FEED: &str = "/api/v1/agenda.ics";

/// A calendar of many short meetings, with room before and after each, from tomorrow on.
fn calendar() -> String {
    let begins: jiff::Timestamp = siaga::clock::Clock::start().now().wall + jiff::SignedDuration::from_hours(24);
    let utc = |minutes: i64| {
        let at = begins + jiff::SignedDuration::from_mins(minutes);
        at.strftime("%Y%m%dT%H%M00Z").to_string()
    };
    let meeting = |number: usize| {
        let at = i64::try_from(number).unwrap() * 40;
        format!(
            "BEGIN:VEVENT\r\nUID:{number}@example.net\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:{}\r\nDTEND:{}\r\nSUMMARY:Rapat {number}\r\nEND:VEVENT\r\n",
            utc(at),
            utc(at + 5)
        )
    };
    let all: String = (0..MEETINGS).map(meeting).collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{all}END:VCALENDAR\r\n")
}

fn resident_mb(daemon: &Daemon) -> f64 {
    let metrics = daemon.get("/metrics").body;
    let line = metrics.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    line.unwrap().parse::<f64>().unwrap() / 1e6
}

#[test]
fn who_takes_a_large_answer_slowly_takes_no_memory_from_the_room_and_no_answer_from_others() {
    let folder = room(&format!("{NOTHING}[[calendar]]\nname = \"office\"\nfile = \"office.ics\"\n"));
    std::fs::write(folder.path().join("office.ics"), calendar()).unwrap();
    let daemon = Daemon::start(folder.path());
    let whole = daemon.wait_for(FEED, "all meetings", |answer| answer.body.matches("BEGIN:VEVENT").count() == MEETINGS);
    let before = resident_mb(&daemon);
    let mut readers: Vec<_> = (0..READERS)
        .map(|_| {
            let mut stream = TcpStream::connect(daemon.address()).unwrap();
            stream.write_all(format!("GET {FEED} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
            stream
        })
        .collect();
    // Each has begun to be answered, or was told to come again.
    for stream in &mut readers {
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert!([&b"HTTP/1.1 200"[..], b"HTTP/1.1 503"].contains(&&first[..]), "{first:?}");
    }
    let taken = resident_mb(&daemon) - before;
    assert!(taken < MOST_MB, "{taken:.0} MB more than {before:.0}");
    // Somebody else has it once those have had their five seconds.
    wait_until(|| daemon.get(FEED).status == 200);
    assert_eq!(daemon.get(FEED).body.len(), whole.body.len());
    drop(readers);
    daemon.stop();
}
