//! The daemon speaks: a UPS that runs down, with no network at all, is said on the channel, and that it is over too.
#![allow(clippy::print_stdout, reason = "the figure is read with --nocapture")]
#![allow(clippy::disallowed_methods, reason = "a test's own watch, beside the clock under test")]

use std::time::Instant;

use crate::receivers::config;
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room, siaga, write_config};
use crate::support::on_air::Card;
use crate::support::rigctld::Rigctld;
use crate::support::upsd::Upsd;

/// A receiver that speaks on the card, keyed by the rig.
pub(super) fn channel(rig: &Rigctld) -> String {
    format!(
        "[[receiver]]\nname = \"channel\"\nkind = \"radio\"\nfrequency = \"162.475 MHz\"\nlicence = \"01234567-000SU/2020262031\"\n\
         station = \"Media Center\"\nplay = \"{}\"\nptt = {{ method = \"rigctld\", address = \"{}\" }}\nmin_gap = \"10s\"\n",
        Card::PCM,
        rig.address
    )
}

#[test]
fn a_fault_is_said_and_its_end_and_each_keys_the_radio() {
    let (card, rig, mut upsd, folder) = (Card::start(), Rigctld::start(), Upsd::start(), room(""));
    write_config(folder.path(), &config(&upsd, &channel(&rig)));
    let mut command = siaga();
    card.at_home(&mut command);
    let daemon = Daemon::start_by(command, folder.path());
    daemon.wait_for_check("ups", "ready", "");
    let mut radio = rig.onlooker();
    let said = |count: usize| daemon.log().matches("said on the radio").count() == count;
    upsd.set("ups.status", "OB LB");
    wait_until(|| daemon.log().contains("incident opened"));
    let opened = Instant::now();
    wait_until(|| radio.keyed());
    println!("the key went down {:.2} s after the incident was seen in the log", opened.elapsed().as_secs_f64());
    wait_until(|| said(1));
    assert!(!radio.keyed());
    upsd.set("ups.status", "OL");
    wait_until(|| radio.keyed());
    wait_until(|| said(2));
    assert!(!radio.keyed());
    daemon.wait_for("/metrics", "both are told", |answer| {
        answer.body.contains("siaga_notifications_delivered_total{receiver=\"channel\"} 2")
    });
    // Who is told what stands in the log, and no word of what was said.
    assert!(!daemon.log().contains("Perhatian"));
    daemon.stop();
}
