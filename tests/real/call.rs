//! A real WebRTC call between two headless browsers over a line that is bad in a known way, beside what Siaga says of that line.
//! `make calls` (call/comparison.rs) does it over a dozen lines. Debian packages: `chromium`, `pulseaudio`.
#![allow(clippy::cast_precision_loss, reason = "a few thousand packets")]

mod beside;
mod comparison;
mod far_web;
mod room;
mod table;

use std::time::Duration;

use super::support::call::{Call, Picture};
use super::support::impairment::{Impairment, Loss};
use super::support::line::Line;
use super::support::namespace;
use super::support::pulse::Pulse;
use room::Room;

const MS: Duration = Duration::from_millis(1);

/// As many bits as a picture of 720 lines takes, of a quarter of its size, so that two busy cores can code it.
const PICTURE: Picture = Picture { width: 640, height: 360, frames: 15, bits: 2_400_000 };

fn delayed(delay: u32) -> Impairment {
    Impairment { delay: MS * delay, ..Impairment::default() }
}

/// Both counts of a way's loss are within what chance does to so many packets.
fn is_of(told: f64, packets: f64, share: f64) {
    let by = 4.5 * (share * (1.0 - share) / packets).sqrt();
    assert!((told - share).abs() <= by, "{told} of {packets} packets, truly {share}, give or take {by}");
}

#[test]
fn a_calls_own_loss_and_round_trip_are_what_was_told_before_it() {
    const LOST: f64 = 0.04;
    if !namespace::inside("call::a_calls_own_loss_and_round_trip_are_what_was_told_before_it") {
        return;
    }
    let line = Line::lay(Impairment { loss: Loss::Random(LOST), ..delayed(30) }, delayed(50), 3);
    let room = Room::open(None, "6h");
    let told = room.told();
    let tested = line.up().0.len();
    let [here, far] = Call::begin(PICTURE).watch(Duration::from_secs(10));
    is_of(told.loss[0].unwrap(), tested as f64, LOST);
    is_of(far.loss(), far.lost + far.received, LOST);
    assert!(told.says("internet.call_loss_high"), "{told:#?}");
    assert!(told.loss[1].unwrap() < 0.005 && here.loss() < 0.005, "{told:#?} {here:#?}");
    // A busy machine adds to a round trip, and the least of them knows little more than the line. A browser's has all that it waits
    // for a processor in it.
    for (trip, most) in [(told.rtt, 0.090), (here.least_rtt, 0.140), (far.least_rtt, 0.140)] {
        assert!((0.079..most).contains(&trip.unwrap()), "{told:#?} {here:#?} {far:#?}");
    }
    assert!(far.frames > 1.0 && here.frames > 1.0, "{here:#?} {far:#?}");
}

/// Do no harm: a browser that records from the session's microphone is seen, and the tests wait until it has hung up.
#[test]
fn a_call_is_seen_and_nothing_disturbs_it() {
    if !namespace::inside("call::a_call_is_seen_and_nothing_disturbs_it") {
        return;
    }
    let _line = Line::lay(delayed(20), delayed(20), 3);
    let session = Pulse::start();
    // So often that a test is due while the call goes on.
    let room = Room::open(Some(&session), "5s");
    let told = room.told();
    assert!(told.loss.iter().all(|loss| loss.is_some_and(|loss| loss < 0.001)) && told.verdict == "ready", "{told:#?}");
    let mut call = Call::begin_in(&session, PICTURE);
    room.daemon.wait_for_check("seat", "ready", "audio.seat_in_use");
    room.daemon.wait_for("/api/v1/checks/call", "held", |answer| !answer.json()["held"].is_null());
    // One that was cut off has told by then what it had sent.
    call.watch(Duration::from_secs(1));
    let used = || room.of("call", "stamp_used_bytes_total", None).unwrap();
    let before = used();
    let [here, far] = call.watch(Duration::from_secs(8));
    for end in [&here, &far] {
        assert!(end.loss() < 0.005 && end.frames > 1.0, "{here:#?} {far:#?}");
        // It goes over the line, which takes 40 ms; a browser that has to wait for a processor answers some later.
        assert!((0.040..0.100).contains(&end.least_rtt.unwrap()), "{here:#?} {far:#?}");
    }
    let (code, text) = room.asked_for("call");
    assert!(code == Some(3) && text.contains("in use by Chromium"), "{code:?} {text}");
    assert!(used() <= before, "{before}, then {}", used());
    let given_up = || room.daemon.log().matches("a test was given up").count();
    let before_given_up = given_up();
    drop(call);
    // That they go on is shown by one that could not be sent in time too, as happens where others need the processors.
    room.daemon.wait_for("/api/v1/checks/call", "the next test", |_| used() > before || given_up() > before_given_up);
}
