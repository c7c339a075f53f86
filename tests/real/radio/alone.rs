//! With no network at all: a UPS that runs down is heard on the channel, and who is told by text hears of it when the cable is back.
#![allow(clippy::print_stdout, reason = "the figure is read with --nocapture")]
#![allow(clippy::disallowed_methods, reason = "a test's own watch, beside the clock under test")]

use std::time::{Duration, Instant};

use super::told::channel;
use crate::crash_daemon::Desk;
use crate::receivers::config;
use crate::support::cable;
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room, siaga, write_config};
use crate::support::namespace::{inside, ip};
use crate::support::on_air::{Card, RATE};
use crate::support::rigctld::Rigctld;
use crate::support::upsd::Upsd;

/// From upsd's word to the first syllable: two seconds are wished for, and a busy machine has five times as long.
const HEARD: Duration = Duration::from_secs(10);
/// A start has settled after a quarter of a minute; it begins before it listens.
const SETTLED: Duration = Duration::from_secs(20);
/// As loud as no noise of an empty channel is, full scale is 1.
const VOICE: f64 = 0.05;

#[test]
fn without_a_network_it_is_said_at_once_and_written_when_the_cable_is_back() {
    if !inside("radio::alone::without_a_network_it_is_said_at_once_and_written_when_the_cable_is_back") {
        return;
    }
    cable::lay();
    let desk = cable::at_far_end(|tell| {
        let desk = Desk::start_at((cable::FAR, 80).into());
        tell.send(desk).unwrap();
        std::thread::park();
    });
    ip(&["link set near down"]);
    let (card, rig, mut upsd, folder) = (Card::start(), Rigctld::start(), Upsd::start(), room(""));
    let webhook = format!("[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n", desk.address);
    write_config(folder.path(), &config(&upsd, &format!("{}{webhook}", channel(&rig))));
    let mut command = siaga();
    card.at_home(&mut command);
    let begun = Instant::now();
    let daemon = Daemon::start_by(command, folder.path());
    daemon.wait_for_check("ups", "ready", "");
    // What is found at a start is told when that is over.
    wait_until(|| begun.elapsed() > SETTLED);
    let recorder = card.record();
    let silent = recorder.heard().len();
    upsd.set("ups.status", "OB LB");
    let told = Instant::now();
    let voice = || recorder.heard()[silent..].iter().position(|sample| sample.abs() > VOICE);
    wait_until(|| voice().is_some());
    let heard = told.elapsed();
    println!(
        "the first syllable came {:.2} s after upsd's word ({} samples at {RATE} Hz in)",
        heard.as_secs_f64(),
        voice().unwrap()
    );
    assert!(heard < HEARD, "{heard:?}");
    wait_until(|| daemon.log().contains("said on the radio"));
    daemon.wait_for("/metrics", "the desk cannot be told", |answer| {
        answer.body.contains("siaga_notifications_waiting{receiver=\"desk\"} 1")
    });
    assert_eq!(desk.told().len(), 0);
    ip(&["link set near up"]);
    wait_until(|| desk.told().len() == 1);
    assert_eq!(desk.told()[0]["event"], "incident_opened");
    assert_eq!(desk.told()[0]["incident"]["reasons"][0]["code"], "power.battery_low");
    daemon.stop();
}
