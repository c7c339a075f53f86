//! Sound cards that are pulled out, put back, muted and used, with the kernel's real drivers.

use crate::daemon::room;
use crate::guest::Lab;

const CARD: &str = "card = \"Dummy\"\ninterval = \"500ms\"\nrequery = \"1s\"\n";

#[test]
fn a_card_pulled_out_is_missed_and_one_put_back_is_found() {
    let lab = Lab::start();
    let card = lab.card();
    card.mute(false);
    let daemon = lab.daemon(&room(&["audio", "video"], &[("audio", CARD), ("camera", "interval = \"500ms\"\n")]));
    daemon.ready();
    card.unplug();
    daemon.only("audio", "not_ready", &["audio.card_missing"]);
    card.replug();
    card.mute(false);
    daemon.ready();
}

#[test]
fn a_microphone_switched_off_is_told_and_taken_back() {
    let lab = Lab::start();
    let card = lab.card();
    card.mute(false);
    let daemon = lab.daemon(&room(&["audio", "video"], &[("audio", CARD), ("camera", "interval = \"500ms\"\n")]));
    daemon.ready();
    card.mute(true);
    daemon.only("audio", "not_ready", &["audio.microphone_muted"]);
    card.mute(false);
    daemon.ready();
}

#[test]
fn a_recording_is_told_with_who_makes_it() {
    let lab = Lab::start();
    let card = lab.card();
    card.mute(false);
    let daemon = lab.daemon(&room(&["audio"], &[("audio", CARD)]));
    daemon.only("audio", "ready", &[]);
    let process = lab.spawn("record", "arecord -q -D hw:Dummy,0 -f S16_LE -c 2 -r 48000 -t raw /dev/null");
    daemon.only("audio", "ready", &["audio.in_use"]);
    let answer = daemon.get("/api/v1/readiness?lang=en").1;
    assert!(answer.contains("in use by arecord"), "{answer}");
    lab.sh(&format!("kill {process}"));
    daemon.only("audio", "ready", &[]);
}
