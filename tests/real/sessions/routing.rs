//! Alerts follow the agenda: whoever is named for a phase hears of a fault in that phase, also where only the phase has changed.
//! Debian package: `nut-server`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{MINUTE, POWER_ALONE, Scheduler, ahead, meeting};
use crate::crash_daemon::Desk;
use crate::support::child::{PATIENCE, wait_until, wait_within};
use crate::support::daemon::{Daemon, room};
use crate::support::upsd::Upsd;

/// Waits until the agenda's keeper has told everybody inside of a phase.
fn enters(daemon: &Daemon, phase: &str) {
    let line = format!("phase=\"{phase}\"");
    wait_until(|| daemon.log().contains(&line));
}

/// How often a desk heard that power has failed, and that it is back. What a killed daemon sent and could not note any more comes
/// again under the same id: that is one word.
fn heard(desk: &Desk) -> (usize, usize) {
    let told = desk.told();
    let count = |event: &str| {
        let words = told.iter().filter(|word| word["event"] == event);
        words.map(|word| word["id"].as_str().unwrap()).collect::<BTreeSet<_>>().len()
    };
    (count("incident_opened"), count("incident_closed"))
}

#[test]
fn an_alert_goes_to_whom_the_sessions_phase_names_and_follows_it_into_the_next_one() {
    let mut upsd = Upsd::start();
    let desks = ["idle", "preflight", "live"].map(|phase| (phase, Desk::start()));
    let told = desks.each_ref().map(|(phase, desk)| {
        format!(
            "[[receiver]]\nname = \"{phase}\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n\
             [[route]]\nreceivers = [\"{phase}\"]\nphases = [\"{phase}\"]\n",
            desk.address
        )
    });
    let told = told.concat();
    let folder = room(&format!(
        "{POWER_ALONE}\n[agenda]\npreflight = \"15s\"\nwrap_up = \"1s\"\nrechecks = []\n{told}\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n",
        upsd.address()
    ));
    let [(_, idle), (_, preflight), (_, live)] = &desks;
    let all = || [heard(idle), heard(preflight), heard(live)];
    let jadwal = Scheduler::of(folder.path());
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("ups", "ready", "");

    // Nothing is booked near: the fault is told to whom the idle room names, and to nobody else.
    let start = ahead(Duration::from_secs(45));
    let booked = jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &meeting("Rapat Dinkes", start, MINUTE * 60));
    assert_eq!(booked.status, 201, "{}", booked.body);
    upsd.set("ups.status", "OB LB");
    wait_until(|| heard(idle).0 == 1);
    assert_eq!(all(), [(1, 0), (0, 0), (0, 0)]);
    // The fault stays as it is; the agenda alone goes on, and takes it along.
    enters(&daemon, "preflight");
    wait_until(|| heard(preflight).0 == 1);
    assert_eq!(all(), [(1, 0), (1, 0), (0, 0)]);
    enters(&daemon, "live");
    wait_until(|| heard(live).0 == 1);
    upsd.set("ups.status", "OL CHRG");
    wait_until(|| all() == [(1, 1), (1, 1), (1, 1)]);
    daemon.kill();

    // A daemon that begins in a meeting routes by it from the start.
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("ups", "ready", "");
    upsd.set("ups.status", "OB LB");
    wait_until(|| heard(live).0 == 2);
    assert_eq!(all(), [(1, 1), (1, 1), (2, 1)]);
    // The meeting is called off and ends with its first minute: the room is idle, and the fault is there still.
    assert_eq!(jadwal.send(&daemon, "DELETE", "/api/v1/sessions/a", &serde_json::Value::Null).status, 200);
    wait_within(2 * PATIENCE, || heard(idle).0 == 2);
    assert_eq!(all(), [(2, 1), (1, 1), (2, 1)]);
    daemon.stop();
}
