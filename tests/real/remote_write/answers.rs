//! What a push says, and what its answer does.

use std::time::Duration;

use super::far::{Told, url};
use super::room::{in_use, wait_for_number, with};
use crate::support::child::wait_until;
use crate::support::daemon::Daemon;

/// The moment of a push, ms since 1970: the last field of its first series, read from its end.
pub(super) fn moment(body: &[u8]) -> i64 {
    let request = snap::raw::Decoder::new().decompress_vec(body).unwrap();
    // A sample is its last eleven to nine bytes before: tag 0x10, then the varint, at the very end of the request.
    let end = request.iter().rposition(|byte| *byte == 0x10).unwrap();
    let digits = &request[end + 1..];
    assert_eq!(digits.len(), 6, "a moment of this century, in ms");
    digits.iter().rev().fold(0, |number, byte| number << 7 | i64::from(byte & 0x7f))
}

fn dropped(daemon: &Daemon, why: &str, good: impl Fn(f64) -> bool) -> f64 {
    wait_for_number(daemon, &format!("siaga_remote_write_dropped_samples_total{{reason=\"{why}\"}}"), good)
}

#[test]
fn a_push_says_what_the_protocol_wants_and_shows_its_token() {
    let (far, folder) = (Told::default(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("far.token"), "geheim-0123456789\n").unwrap();
    with(folder.path(), &url(far.serve()), "interval = \"100ms\"\ntoken_file = \"far.token\"\n");
    let daemon = Daemon::start(folder.path());
    wait_until(|| far.seen().len() > 3);
    let metrics = daemon.get("/metrics").body;
    let settings = daemon.get("/settings").body;
    let log = daemon.stop();
    for arrival in far.seen() {
        for (name, value) in [
            ("content-encoding", "snappy"),
            ("content-type", "application/x-protobuf"),
            ("x-prometheus-remote-write-version", "0.1.0"),
            ("authorization", "Bearer geheim-0123456789"),
        ] {
            assert_eq!(arrival.headers[name], value);
        }
        assert!(arrival.body.len() < 20_000, "{}", arrival.body.len());
    }
    for (place, text) in [("the log", log), ("/metrics", metrics), ("/settings", settings)] {
        assert!(!text.contains("geheim"), "the token stands in {place}");
    }
}

#[test]
fn a_user_is_known_by_a_password() {
    let (far, folder) = (Told::default(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("far.password"), "open sesame\n").unwrap();
    with(
        folder.path(),
        &url(far.serve()),
        "interval = \"100ms\"\nuser = \"Aladdin\"\npassword_file = \"far.password\"\n",
    );
    let daemon = Daemon::start(folder.path());
    wait_until(|| !far.seen().is_empty());
    // RFC 7617 §2.
    assert_eq!(far.seen()[0].headers["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    daemon.stop();
}

#[test]
fn a_push_that_is_refused_is_dropped_and_counted_and_the_next_goes_on() {
    let (far, folder) = (Told::answering(&[(204, None), (400, None)]), tempfile::tempdir().unwrap());
    with(folder.path(), &url(far.serve()), "interval = \"100ms\"\n");
    let daemon = Daemon::start(folder.path());
    let lost = dropped(&daemon, "refused", |lost| lost > 0.0);
    wait_until(|| far.seen().len() > 4);
    let log = daemon.stop();
    let seen = far.seen();
    let moments: Vec<i64> = seen.iter().map(|arrival| moment(&arrival.body)).collect();
    assert!(moments.windows(2).all(|pair| pair[0] < pair[1]), "none is sent twice: {moments:?}");
    assert!(lost > 100.0, "{lost}");
    assert!(log.contains("it answered 400 Bad Request: the receiver's words"), "{log}");
    assert_eq!(log.matches("refuses samples for good").count(), 1, "{log}");
}

#[test]
fn one_that_cannot_now_is_asked_again_when_it_wants_with_the_same_push() {
    let answers = [(204, None), (503, Some("2")), (429, Some("2")), (500, None)];
    let (far, folder) = (Told::answering(&answers), tempfile::tempdir().unwrap());
    with(folder.path(), &url(far.serve()), "interval = \"100ms\"\n");
    let daemon = Daemon::start(folder.path());
    wait_until(|| far.seen().len() > 30);
    let seen = far.seen();
    for again in 2..5 {
        assert_eq!(seen[again].body, seen[1].body, "the same, to the last bit");
    }
    for wanted in [1, 2] {
        let waited = seen[wanted + 1].at - seen[wanted].at;
        assert!(waited >= Duration::from_millis(1990), "{waited:?} after {}", seen[wanted].status);
    }
    let taken: Vec<i64> =
        seen.iter().filter(|arrival| arrival.status == 204).map(|arrival| moment(&arrival.body)).collect();
    assert!(taken.windows(2).all(|pair| pair[0] < pair[1]), "{taken:?}");
    assert!(dropped(&daemon, "refused", |_| true) < 0.5);
    wait_for_number(&daemon, "siaga_remote_write_failed_attempts_total{reason=\"unavailable\"}", |times| times > 2.5);
    daemon.stop();
}

#[test]
fn a_door_that_is_closed_does_not_empty_the_buffer() {
    let (far, folder) = (Told::answering(&[(401, None); 100]), tempfile::tempdir().unwrap());
    with(folder.path(), &url(far.serve()), "interval = \"100ms\"\n");
    let daemon = Daemon::start(folder.path());
    wait_until(|| far.seen().len() > 3);
    let asked = far.seen().len();
    let waits = wait_for_number(&daemon, "siaga_remote_write_pending_samples", |waits| waits > 2000.0);
    let lost = dropped(&daemon, "refused", |lost| lost > 0.0);
    assert!(lost < waits, "{lost} are lost at {asked} refusals, {waits} wait");
    daemon.stop();
}

#[test]
fn what_waited_goes_at_two_an_interval_while_the_room_is_in_use_and_sooner_after() {
    let (far, folder) = (Told::default(), tempfile::tempdir().unwrap());
    let address = url(far.serve());
    in_use(folder.path(), &address, "interval = \"300ms\"\n");
    let daemon = Daemon::start(folder.path());
    wait_for_number(&daemon, "siaga_room_in_use{room=\"rapat_1\"}", |in_use| in_use > 0.5);
    far.answer(&[(503, Some("4"))]);
    wait_until(|| far.seen().iter().any(|arrival| arrival.status == 503));
    let refused = far.seen().iter().position(|arrival| arrival.status == 503).unwrap();
    wait_until(|| far.seen().len() > refused + 8);
    // Over all of them, since one may arrive late on a busy machine.
    let seen = far.seen();
    let took = seen[refused + 8].at - seen[refused + 1].at;
    assert!(took >= Duration::from_millis(150 * 6), "{took:?} for seven");
    // Before the meeting is over too.
    wait_for_number(&daemon, "siaga_remote_write_pending_samples", |waits| waits < 500.0);
    let caught_up = far.seen().len();
    far.answer(&[(503, Some("4"))]);
    wait_until(|| far.seen()[caught_up..].iter().any(|arrival| arrival.status == 503));
    wait_for_number(&daemon, "siaga_remote_write_pending_samples", |waits| waits > 1000.0);
    // The meeting is over.
    with(folder.path(), &address, "interval = \"300ms\"\n");
    daemon.signal(rustix::process::Signal::HUP);
    wait_for_number(&daemon, "siaga_remote_write_pending_samples", |waits| waits < 500.0);
    daemon.stop();
}
