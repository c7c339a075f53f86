//! Lines that lose, delay and end: the kernel's own netem, and a cable that is pulled out of a network card.

use std::collections::BTreeSet;

use crate::daemon::room;
use crate::guest::Lab;
use crate::waiting;

/// Ten echoes a second, so that loss is decided in half a minute.
const FAR: &str = "name = \"far\"\ntarget = \"198.51.100.2\"\ninterval = \"100ms\"\n";

#[test]
fn a_delay_that_creeps_up_and_down_loses_no_packet() {
    let lab = Lab::start();
    // Fifty a second, there and back.
    let ping = |name: &str| lab.spawn(name, "ping -n -i 0.02 198.51.100.2");
    // Of those up to the last that was answered: one that is under way when it ends is not lost.
    let whole = |name: &str| {
        lab.sh("killall -INT ping");
        waiting::until("ping's account", || lab.log(name).contains("packet loss").then_some(()), || lab.log(name));
        let number = |line: &str| line.split_once("icmp_seq=")?.1.split(' ').next()?.parse::<usize>().ok();
        let answered: BTreeSet<usize> = lab.log(name).lines().filter_map(number).collect();
        answered.last() == Some(&answered.len())
    };
    lab.wan().unimpaired();
    ping("crept");
    lab.wan().creep(0, 400);
    let slow_line = |line: &str| {
        let time = line.split_once("time=").and_then(|(_, rest)| rest.split(['.', ' ']).next()?.parse::<u32>().ok());
        time.is_some_and(|time| time >= 400)
    };
    let slow = |name: &str| lab.log(name).lines().any(slow_line).then_some(());
    waiting::until("400 ms", || slow("crept"), || lab.log("crept"));
    lab.wan().creep(400, 0);
    assert!(whole("crept"), "{}", lab.log("crept"));
    // A queue that is taken away takes along what is in it.
    lab.wan().delay(400, 0);
    ping("cleared");
    waiting::until("replies", || slow("cleared"), || lab.log("cleared"));
    lab.wan().clear();
    let fast = || lab.log("cleared").lines().last().is_some_and(|line| line.contains("time=") && !slow_line(line));
    waiting::until("replies at once", || fast().then_some(()), || lab.log("cleared"));
    assert!(!whole("cleared"), "{}", lab.log("cleared"));
}

#[test]
fn heavy_loss_is_told_and_taken_back() {
    let lab = Lab::start();
    let daemon = lab.daemon(&room(&["internet"], &[("icmp", FAR), ("link", "interface = \"line0\"\n")]));
    daemon.ready();
    lab.wan().loss(30);
    daemon.only("far", "not_ready", &["internet.loss_high"]);
    lab.wan().clear();
    daemon.ready();
}

#[test]
fn long_delay_is_degraded_and_too_long_is_not_ready() {
    let lab = Lab::start();
    let daemon = lab.daemon(&room(&["internet"], &[("icmp", FAR), ("link", "interface = \"line0\"\n")]));
    daemon.ready();
    lab.wan().delay(400, 0);
    daemon.only("far", "degraded", &["internet.delay_high"]);
    lab.wan().delay(800, 0);
    daemon.only("far", "not_ready", &["internet.delay_high"]);
    lab.wan().clear();
    daemon.ready();
}

#[test]
fn a_line_that_the_far_side_switches_off_is_the_root_cause() {
    let lab = Lab::start();
    let daemon = lab.daemon(&room(&["internet"], &[("icmp", FAR), ("link", "interface = \"line0\"\n")]));
    daemon.ready();
    lab.wan().down();
    daemon.check("link", "not_ready", "internet.link_down");
    daemon.wait_for("/api/v1/readiness", "the link is the cause", |_, body| body.contains("\"root_cause\":\"link\""));
    lab.wan().clear();
    daemon.ready();
}

#[test]
fn a_pulled_cable_is_the_root_cause_of_all_behind_it() {
    let lab = Lab::start();
    let gateway = "name = \"gateway\"\ntarget = \"gateway\"\ninterval = \"100ms\"\n";
    let far = "name = \"far\"\ntarget = \"192.0.2.53\"\ninterval = \"100ms\"\n";
    let daemon = lab.daemon(&room(&["internet"], &[("link", ""), ("icmp", gateway), ("icmp", far)]));
    daemon.ready();
    lab.cable(false);
    daemon.check("link", "not_ready", "internet.link_down");
    for name in ["gateway", "far"] {
        daemon.wait_for("/api/v1/readiness", &format!("{name} is not ready"), |_, _| {
            daemon.stands().iter().any(|(check, verdict, _)| check == name && verdict == "not_ready")
        });
    }
    assert_eq!(daemon.root_cause(), "link");
    lab.cable(true);
    daemon.ready();
}

#[test]
fn a_slow_line_is_told_by_what_it_carries() {
    let lab = Lab::start();
    // A web server at the far end: a file to fetch, and a place that reads all it is sent.
    lab.sh(
        "mkdir -p /run/www/cgi-bin
         dd if=/dev/zero of=/run/www/down bs=1M count=20 2>/dev/null
         printf '#!/bin/sh\ncat > /dev/null\nprintf \"Content-Type: text/plain\\\\r\\\\n\\\\r\\\\nread\"\n' > /run/www/cgi-bin/up
         chmod +x /run/www/cgi-bin/up",
    );
    lab.spawn("httpd", "ip netns exec wan busybox httpd -f -p 198.51.100.2:80 -h /run/www");
    // Only the way there is slowed down.
    lab.wan().rate(2);
    let keys = "down_url = \"http://198.51.100.2/down\"\nup_url = \"http://198.51.100.2/cgi-bin/up\"\nmax_bytes = \"4 MB\"\n\
                min_gap = \"1s\"\ninterval = \"2s\"\nfresh_for = \"1m\"\n";
    let daemon = lab.daemon(&room(&["internet"], &[("bandwidth", keys), ("link", "interface = \"line0\"\n")]));
    daemon.only("bandwidth", "degraded", &["internet.up_low"]);
    lab.wan().clear();
    daemon.ready();
}
