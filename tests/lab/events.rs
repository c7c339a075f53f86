//! What the kernel tells by itself: devices that come and go are seen by their events alone. Each check's own look comes once an
//! hour here, so whatever is told sooner came by an event.

use crate::daemon::{Daemon, room};
use crate::equipment::Camera;
use crate::guest::Lab;

const HOURLY: &str = "interval = \"1h\"\nrequery = \"1h\"\n";

fn hourly(name: &str, which: &str) -> String {
    format!("name = \"{name}\"\n{which}\n{HOURLY}")
}

/// The machine's own time, in seconds.
fn uptime(lab: &Lab) -> f64 {
    lab.sh("cut -d ' ' -f 1 /proc/uptime").parse().unwrap()
}

/// Tells so many times that a device has changed, as its driver would.
fn storm(lab: &Lab, events: u32, device: &str) {
    lab.sh(&format!("i=0; while [ $i -lt {events} ]; do echo change > {device}/uevent; i=$((i + 1)); done"));
}

fn audio(lab: &Lab) -> Daemon<'_> {
    let daemon = lab.daemon(&room(&["audio"], &[("audio", &hourly("audio", "card = \"Dummy\"\nmixer = false"))]));
    daemon.becomes("audio", "ready");
    daemon
}

#[test]
fn a_device_pulled_out_and_put_back_is_seen_by_its_events_alone() {
    let lab = Lab::start();
    let (test, usb, card) = (lab.camera(Camera::Vivid(0)), lab.camera(Camera::Usb("CAM0001")), lab.card());
    usb.replug();
    let daemon = lab.daemon(&room(
        &["video", "audio"],
        &[
            ("camera", &hourly("test", "device = \"vivid\"")),
            ("camera", &hourly("usb", "device = \"1209:0001\"")),
            ("audio", &hourly("audio", "card = \"Dummy\"\nmixer = false")),
        ],
    ));
    daemon.ready();
    for _ in 0..2 {
        test.unplug();
        daemon.check("test", "not_ready", "video.camera_missing");
        usb.unplug();
        daemon.check("usb", "not_ready", "video.camera_missing");
        card.unplug();
        daemon.check("audio", "not_ready", "audio.card_missing");
        test.replug();
        daemon.becomes("test", "ready");
        usb.replug();
        daemon.becomes("usb", "ready");
        card.replug();
        daemon.ready();
    }
}

#[test]
fn a_storm_of_events_costs_a_look_a_second() {
    let lab = Lab::start();
    let daemon = audio(&lab);
    let (before, began) = (daemon.runs("audio"), uptime(&lab));
    storm(&lab, 10_000, "/sys/class/sound/controlC0");
    // The look after the storm's last event finds this.
    lab.card().unplug();
    daemon.check("audio", "not_ready", "audio.card_missing");
    let (looks, lasted) = (daemon.runs("audio") - before, uptime(&lab) - began);
    // Three may come in a row where the emulated processor was quiet for ten milliseconds.
    assert!(looks >= 1.0 && looks <= 3.0 + lasted.ceil(), "{looks} looks in {lasted:.2} s");
}

#[test]
fn events_that_were_lost_are_news_too() {
    let lab = Lab::start();
    let daemon = audio(&lab);
    lab.sh("killall -STOP siaga");
    // More than the queue holds, about something that nobody watches: the event of the card itself is lost.
    storm(&lab, 1000, "/sys/class/mem/null");
    lab.card().unplug();
    // Netlink's protocol 15 is the uevents'; the ninth field counts what a socket's queue had no room for (/proc/net/netlink).
    lab.sh("awk '$2 == 15 && $9 > 0 { lost = 1 } END { exit !lost }' /proc/net/netlink");
    lab.sh("killall -CONT siaga");
    daemon.check("audio", "not_ready", "audio.card_missing");
}
