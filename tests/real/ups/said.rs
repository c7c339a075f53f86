//! What people read of a real UPS, through the daemon.

use crate::support::daemon::{Daemon, room};
use crate::support::upsd::Upsd;

fn daemon_of(upsd: &Upsd) -> (tempfile::TempDir, Daemon) {
    let folder = room(&format!(
        "[[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"100ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n",
        upsd.address()
    ));
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("ups", "ready", "");
    (folder, daemon)
}

#[test]
fn a_short_runtime_is_told_as_the_ups_reports_it_and_as_it_counts() {
    let mut upsd = Upsd::start();
    let (_folder, daemon) = daemon_of(&upsd);
    let said = |words: &str| {
        daemon.wait_for("/readyz?lang=en", words, |answer| answer.body.contains(words));
    };
    // The policy believes 80 % of it and, on battery, keeps 5 min.
    upsd.set("battery.runtime", "900");
    said(
        "[~]ups degraded power.runtime_short: If mains failed, the UPS reports 15 min on battery, of which 12 min can be counted on where 15 min is needed",
    );
    upsd.set("ups.status", "OB DISCHRG");
    said(
        "power.runtime_short_on_battery: The UPS reports 15 min on battery, of which 7 min can be counted on where 15 min is needed",
    );
    upsd.set("battery.runtime", "60");
    said("The UPS reports 60 s on battery, of which 0 s can be counted on where 15 min is needed");
    daemon.stop();
}

#[test]
fn a_load_above_the_rating_is_told_before_the_ups_complains() {
    let mut upsd = Upsd::start();
    let (_folder, daemon) = daemon_of(&upsd);
    upsd.set("ups.load", "180");
    daemon.wait_for_check("ups", "degraded", "power.load_high");
    upsd.set("ups.status", "OL OVER");
    daemon.wait_for_check("ups", "not_ready", "power.overloaded");
    upsd.set_unseen("ups.status", "OL");
    upsd.set("ups.load", "100");
    daemon.wait_for_check("ups", "ready", "");
    // The log's last word of it speaks of what was, not of what is.
    let closed = || daemon.log().lines().find(|line| line.contains("incident closed")).map(str::to_owned);
    daemon.wait_for("/-/healthy", "the incident closes", |_| closed().is_some());
    let line = closed().unwrap();
    assert!(line.contains("worst=not_ready") && line.contains("reasons_were="), "{line}");
    assert!(!line.contains("verdict=") && !line.contains(" reasons="), "{line}");
    daemon.stop();
}
