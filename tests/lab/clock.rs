//! The machine's clock is set, far and both ways, beneath a daemon that runs: nothing turns red or old for it, and what happens is one
//! incident each, that ends after it began. (The judge's own clocks step at random in `tests/campaign`; here it is the kernel's.)

use jiff::Timestamp;
use serde_json::Value;

use crate::daemon::{Daemon, room};
use crate::equipment::Camera;
use crate::guest::Lab;

/// Asked when it is plugged in, and not again: for a child with three seconds an emulated processor is too slow at times.
const LOOK: &str = "interval = \"500ms\"\nrequery = \"1h\"\n";

/// By how much it is set, s: a day that was missed, a time zone taken for UTC, a clock that was years ahead, a correction.
const STEPS: [i64; 4] = [93_600, -25_200, -94_608_000, 1];

fn wall(lab: &Lab) -> i64 {
    lab.sh("date +%s").parse().unwrap()
}

fn set(lab: &Lab, step: i64) {
    lab.sh(&format!("date -s @$(($(date +%s) + ({step})))"));
}

fn second(told: &Value) -> i64 {
    told.as_str()
        .and_then(|text| text.parse::<Timestamp>().ok())
        .unwrap_or_else(|| panic!("no moment: {told}"))
        .as_second()
}

/// The answer of now: it is of this clock's present, and good for a while of its future.
fn answer_of_now(lab: &Lab, daemon: &Daemon<'_>) -> Value {
    let before = wall(lab);
    let answer: Value = serde_json::from_str(&daemon.get("/api/v1/readiness").1).unwrap();
    let after = wall(lab);
    let at = second(&answer["at"]);
    // What is answered was made ready a moment before somebody asked.
    assert!((before - 5..=after).contains(&at), "{before}, {at}, {after}");
    let good_until = second(&answer["valid_until"]);
    assert!(good_until >= at && good_until <= after + 3600, "{at}, {good_until}");
    for component in answer["components"].as_array().unwrap() {
        for check in component["checks"].as_array().unwrap() {
            let seen = second(&check["evidence"]["at"]);
            assert!((before - 60..=after).contains(&seen), "{before}, {seen}, {after}: {check}");
        }
    }
    answer
}

#[test]
fn a_clock_that_is_set_makes_nothing_old_and_nothing_red_and_no_end_comes_before_its_beginning() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Vivid(0));
    let daemon = lab.daemon(&room(&["video"], &[("camera", &format!("device = \"vivid\"\n{LOOK}"))]));
    daemon.ready();
    for step in STEPS {
        set(&lab, step);
        for stands in daemon.looks("camera", 4) {
            assert_eq!((stands[0].1.as_str(), stands[0].2.len()), ("ready", 0), "after {step} s: {stands:?}");
        }
        assert_eq!(answer_of_now(&lab, &daemon)["verdict"], "ready", "after {step} s");
        // A fault, in whose middle it is set again.
        let begun = wall(&lab);
        camera.unplug();
        daemon.only("camera", "not_ready", &["video.camera_missing"]);
        let answer = answer_of_now(&lab, &daemon);
        let video = answer["components"].as_array().unwrap().iter().find(|of| of["component"] == "video").unwrap();
        let since = second(&video["checks"][0]["reasons"][0]["since"]);
        assert!((begun..=wall(&lab)).contains(&since), "{begun}, {since}: {answer}");
        set(&lab, step);
        for stands in daemon.looks("camera", 4) {
            let told: Vec<_> = stands[0].2.iter().map(String::as_str).collect();
            assert_eq!((stands[0].1.as_str(), told), ("not_ready", vec!["video.camera_missing"]), "after {step} s");
        }
        answer_of_now(&lab, &daemon);
        camera.replug();
        daemon.ready();
        answer_of_now(&lab, &daemon);
    }
    // One for each time that the camera was out; the last one is closed in the database a moment later than in the answer.
    let closed = |body: &str| serde_json::from_str::<Vec<Value>>(body).unwrap_or_default();
    let told = daemon
        .wait_for("/api/v1/incidents?open=0", "the incidents are over", |_, body| closed(body).len() >= STEPS.len());
    assert_eq!(closed(&told).len(), STEPS.len(), "{told}");
    for incident in &closed(&told) {
        let (opened, closed) = (second(&incident["opened_at"]), second(&incident["closed_at"]));
        assert!(opened <= closed, "{incident}");
    }
}
