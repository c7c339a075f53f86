//! A UPS that fails, and what stands between it and the daemon: NUT's own server and driver, under the guest's systemd.

use crate::daemon::room;
use crate::guest::Lab;

const UPS: &str = "interval = \"500ms\"\n";

#[test]
fn mains_that_fail_are_told_until_they_are_back() {
    let lab = Lab::start_system();
    let service = lab.service(&room(&["power"], &[("ups", UPS)]));
    let (daemon, ups) = (&service.daemon, lab.ups());
    daemon.stands_at("ups", "ready", "");
    ups.on_battery(14400);
    daemon.check("ups", "degraded", "power.on_battery");
    ups.on_battery(60);
    daemon.check("ups", "not_ready", "power.runtime_short_on_battery");
    ups.battery_low();
    daemon.check("ups", "not_ready", "power.battery_low");
    ups.on_mains();
    daemon.stands_at("ups", "ready", "");
}

#[test]
fn a_driver_that_stops_or_hangs_leaves_power_unknown() {
    let lab = Lab::start_system();
    let service = lab.service(&room(&["power"], &[("ups", UPS)]));
    let (daemon, ups) = (&service.daemon, lab.ups());
    daemon.stands_at("ups", "ready", "");
    ups.freeze_driver(true);
    daemon.stands_at("ups", "unknown", "siaga.ups_stale");
    ups.freeze_driver(false);
    daemon.stands_at("ups", "ready", "");
    ups.stop_driver();
    daemon.stands_at("ups", "unknown", "siaga.ups_driver_away");
    ups.start_driver();
    daemon.stands_at("ups", "ready", "");
}

#[test]
fn a_server_that_stops_leaves_power_unknown() {
    let lab = Lab::start_system();
    let service = lab.service(&room(&["power"], &[("ups", UPS)]));
    let (daemon, ups) = (&service.daemon, lab.ups());
    daemon.stands_at("ups", "ready", "");
    ups.stop_server();
    daemon.stands_at("ups", "unknown", "siaga.upsd_down");
    ups.start_server();
    daemon.stands_at("ups", "ready", "");
}
