//! The link probe against the kernel's own virtual Ethernet (veth), in a network namespace.

use std::time::Duration;

use siaga::clock::Clock;
use siaga::domain::Verdict;
use siaga::probe::link::{Config, Probe};

use crate::support::namespace::{inside, ip};
use crate::support::probe::{findings, idle, soon, value};

/// A cable: room0 is the room's end, switch0 the switch's.
const CABLE: [&str; 3] = ["link add room0 type veth peer name switch0", "link set room0 up", "link set switch0 up"];
const ADDRESS: &str = "addr add 192.0.2.10/24 dev room0";
const ROUTE: &str = "route add default via 192.0.2.1 dev room0";

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// The probe's slow re-read comes once an hour here: whatever it tells sooner came by an event.
fn probe(config: &str) -> Probe {
    Probe::new(toml::from_str::<Config>(config).unwrap(), idle("link"))
}

async fn told(probe: &mut Probe) -> Vec<(&'static str, Verdict)> {
    findings(&soon(probe.next()).await)
}

/// Waits, observation by observation, for the one that says `expected`.
async fn until_told(probe: &mut Probe, expected: &[(&'static str, Verdict)]) {
    soon(async { while findings(&probe.next().await) != expected {} }).await;
}

const BAD: Verdict = Verdict::NotReady;

#[test]
fn every_change_of_a_line_is_told_by_the_kernel() {
    if !inside("link::every_change_of_a_line_is_told_by_the_kernel") {
        return;
    }
    run(async {
        let mut auto = probe("");
        assert_eq!(told(&mut auto).await, [("internet.no_interface", BAD)]);
        // Without the addresses that the kernel gives by itself, whose checking would wake the probe by chance.
        ip(&[CABLE[0], "link set room0 addrgenmode none", "link set switch0 addrgenmode none", CABLE[1], CABLE[2]]);
        until_told(&mut auto, &[("internet.no_address", BAD)]).await;
        ip(&[ADDRESS]);
        until_told(&mut auto, &[("internet.no_gateway", BAD)]).await;
        ip(&[ROUTE]);
        until_told(&mut auto, &[]).await;
        ip(&["link set switch0 down"]);
        until_told(&mut auto, &[("internet.link_down", BAD)]).await;
        ip(&["link set switch0 up"]);
        until_told(&mut auto, &[]).await;
        ip(&["route del default"]);
        until_told(&mut auto, &[("internet.no_gateway", BAD)]).await;
        ip(&[ROUTE, "addr flush dev room0"]);
        until_told(&mut auto, &[("internet.no_address", BAD)]).await;
        ip(&["link set room0 down"]);
        // Switched off, room0 is no better than the switch's end, which "auto" may take as well; ask for it by name.
        let mut named = probe("interface = \"room0\"");
        assert_eq!(told(&mut named).await, [("internet.interface_off", BAD)]);
        ip(&["link del room0"]);
        until_told(&mut named, &[("internet.interface_missing", BAD)]).await;
    });
}

#[test]
fn ipv6_alone_will_do() {
    if !inside("link::ipv6_alone_will_do") {
        return;
    }
    run(async {
        let mut named = probe("interface = \"room0\"");
        assert_eq!(told(&mut named).await, [("internet.interface_missing", BAD)]);
        ip(&CABLE);
        // The address that the kernel itself gives (fe80::/10) is of no use for a call.
        until_told(&mut named, &[("internet.no_address", BAD)]).await;
        ip(&["addr add 2001:db8::10/64 dev room0 nodad", "route add ::/0 via 2001:db8::1 dev room0"]);
        until_told(&mut named, &[]).await;
    });
}

#[test]
fn auto_says_which_interface_it_means() {
    if !inside("link::auto_says_which_interface_it_means") {
        return;
    }
    run(async {
        ip(&CABLE);
        ip(&[ADDRESS, ROUTE]);
        let mut auto = probe("");
        let observation = soon(auto.next()).await;
        assert_eq!(value(&observation, "link_up", Some("room0")), Some(1.0));
        assert_eq!(value(&observation, "link_addresses", Some("ipv4")), Some(1.0));
        assert_eq!(value(&observation, "link_gateway", Some("ipv4")), Some(1.0));
        // veth says 10 Gbit/s.
        assert_eq!(value(&observation, "link_speed_bits_per_second", Some("room0")), Some(10e9));
        ip(&["link add other0 type veth peer name other1", "link set other0 up", "link set other1 up"]);
        ip(&["addr add 198.51.100.10/24 dev other0", "route replace default via 198.51.100.1 dev other0"]);
        let other = async { while value(&auto.next().await, "link_up", Some("other0")).is_none() {} };
        soon(other).await;
    });
}

#[test]
fn a_storm_of_events_costs_a_few_reads_and_is_not_lost() {
    if !inside("link::a_storm_of_events_costs_a_few_reads_and_is_not_lost") {
        return;
    }
    run(async {
        ip(&CABLE);
        ip(&[ADDRESS, ROUTE]);
        let mut auto = probe("");
        assert!(told(&mut auto).await.is_empty());

        // Nobody listens meanwhile: more events than the socket's queue holds, so that the kernel drops some (ENOBUFS).
        let storm: Vec<String> = (0..4000)
            .map(|n| format!("addr {} 203.0.113.{}/32 dev room0", if n % 2 == 0 { "add" } else { "del" }, n / 2 % 250))
            .collect();
        let mut lines: Vec<&str> = storm.iter().map(String::as_str).collect();
        lines.push("addr add 203.0.113.254/32 dev room0");
        ip(&lines);
        let clock = Clock::start();
        let mut told = 1;
        while value(&soon(auto.next()).await, "link_addresses", Some("ipv4")) != Some(2.0) {
            told += 1;
        }
        assert!(told <= 3, "{told} observations of 4000 events that were queued");

        // And while it listens: at most one every 20 ms.
        let calm = clock.elapsed();
        let mut lines: Vec<&str> = storm.iter().map(String::as_str).collect();
        lines.push("link set switch0 down");
        let storm = lines.join("\n");
        let batch = tokio::task::spawn_blocking(move || ip(&storm.lines().collect::<Vec<_>>()));
        let mut told = 0;
        while findings(&soon(auto.next()).await) != [("internet.link_down", BAD)] {
            told += 1;
        }
        let took = clock.elapsed().saturating_sub(calm);
        assert!(
            told <= took.as_millis() / Duration::from_millis(20).as_millis() + 1,
            "{told} observations in {took:?}"
        );
        batch.await.unwrap();
    });
}
