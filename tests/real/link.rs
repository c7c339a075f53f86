//! The link probe against the kernel's own virtual Ethernet (veth), in a network namespace.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use siaga::clock::Clock;
use siaga::domain::{ErrorKind, Observation, Verdict};
use siaga::probe::Context;
use siaga::probe::budget::Budget;
use siaga::probe::link::{Config, Probe};
use siaga::probe::stamp;
use tokio::sync::watch;

use crate::support::cable::{self, FAR, at_far_end};
use crate::support::daemon::siaga;
use crate::support::namespace::{inside, ip};
use crate::support::probe::{context, findings, idle, soon, value};
use crate::support::reflector::Reflector;

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

/// The next observation that says whether the room is in use, and what it says.
async fn use_told(probe: &mut Probe) -> (bool, Observation) {
    loop {
        let observation = soon(probe.next()).await;
        if let Some(in_use) = observation.reading.in_use {
            return (in_use, observation);
        }
    }
}

/// Somebody at the far end who sends back what comes by UDP.
fn echo() -> SocketAddr {
    at_far_end(|tell| {
        let socket = UdpSocket::bind((FAR, 0)).unwrap();
        tell.send(socket.local_addr().unwrap()).unwrap();
        let mut packet = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            _ = socket.send_to(&packet[..length], from);
        }
    })
}

#[test]
fn a_call_is_use_of_the_room_until_it_is_over_and_its_packets_are_counted() {
    if !inside("link::a_call_is_use_of_the_room_until_it_is_over_and_its_packets_are_counted") {
        return;
    }
    cable::lay();
    let (to, speaks) = (echo(), Arc::new(AtomicBool::new(true)));
    let speaking = Arc::clone(&speaks);
    let speaker = std::thread::spawn(move || {
        let socket = UdpSocket::bind("198.51.100.2:0").unwrap();
        socket.connect(to).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut packet = [0; 160];
        while speaking.load(Ordering::Relaxed) {
            socket.send(&packet).unwrap();
            _ = socket.recv(&mut packet);
            // A frame of sound.
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    run(async {
        let config = toml::from_str::<Config>("interface = \"near\"").unwrap();
        let mut probe = Probe::new(config, context("link", Duration::from_secs(2), &watch::Sender::new(false)));
        let (in_use, seen) = use_told(&mut probe).await;
        assert!(in_use, "{seen:#?}");
        assert!(findings(&seen).contains(&("internet.call_traffic", Verdict::Ready)), "{seen:#?}");
        let count = |quantity, part| value(&seen, quantity, part).unwrap_or_else(|| panic!("{quantity}: {seen:#?}"));
        for way in ["link_receive_packets_total", "link_transmit_packets_total"] {
            assert!(count(way, Some("near")) > 200.0, "{way}: {seen:#?}");
        }
        // 160 bytes and the headers of UDP, IP and Ethernet.
        let [bytes, packets] =
            ["link_receive_bytes_total", "link_receive_packets_total"].map(|of| count(of, Some("near")));
        assert!((bytes / packets - 202.0).abs() < 20.0, "{bytes} in {packets}");
        assert!(count("link_udp_received_total", None) > 200.0);
        assert!(count("link_receive_bits_per_second", Some("near")) > 1e4);
        speaks.store(false, Ordering::Relaxed);
        let (in_use, seen) = use_told_otherwise(&mut probe, true).await;
        assert!(!in_use && !findings(&seen).iter().any(|(code, _)| code.starts_with("internet.call")), "{seen:#?}");
    });
    speaker.join().unwrap();
}

/// The first observation that says another thing of the room's use than `said`.
async fn use_told_otherwise(probe: &mut Probe, said: bool) -> (bool, Observation) {
    loop {
        let (in_use, observation) = use_told(probe).await;
        if in_use != said {
            return (in_use, observation);
        }
    }
}

#[test]
fn a_download_is_no_call() {
    if !inside("link::a_download_is_no_call") {
        return;
    }
    cable::lay();
    let from = at_far_end(|tell| {
        let listener = TcpListener::bind((FAR, 0)).unwrap();
        tell.send(listener.local_addr().unwrap()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(&[7; 10_000]).is_ok() {
            // Hundreds of packets a second, both ways.
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let download = std::thread::spawn(move || {
        let (mut stream, mut nowhere) = (TcpStream::connect(from).unwrap(), [0; 10_000]);
        while stream.read(&mut nowhere).is_ok_and(|length| length > 0) {}
    });
    run(async {
        let (in_use, seen) = use_told(&mut probe("interface = \"near\"")).await;
        assert!(!in_use, "{seen:#?}");
        assert_eq!(value(&seen, "link_call_traffic", None), Some(0.0));
    });
    assert!(!download.is_finished(), "it went on all the while");
}

#[test]
fn our_own_call_like_tests_are_no_call() {
    if !inside("link::our_own_call_like_tests_are_no_call") {
        return;
    }
    cable::lay();
    let mut reflect = Command::new("ip");
    reflect.args(["netns", "exec", "far"]).arg(siaga().get_program());
    reflect.args(["reflect", "--listen", &format!("{FAR}:10862")]);
    let _reflector = Reflector::start_by(reflect, 1);
    run(async {
        let budget = Budget::default();
        let base = || Context {
            budget: budget.clone(),
            ..context("a", Duration::from_millis(500), &watch::Sender::new(false))
        };
        let config = format!("reflector = \"{FAR}\"\nmin_gap = \"0s\"\ndaily_budget = \"1 GB\"");
        let mut tester = stamp::Probe::new(toml::from_str(&config).unwrap(), base());
        let mut link = Probe::new(toml::from_str("interface = \"near\"").unwrap(), base());
        let clock = Clock::start();
        // Tests of 7.5 s and 3 MB with nothing between them; those that a busy machine gives up, or does not answer, send as well.
        let answered = std::cell::Cell::new(0);
        let tests = async {
            loop {
                let error = tester.next().await.error;
                answered.set(answered.get() + u32::from(error.is_none()));
                assert!(answered.get() > 0 || clock.elapsed() < Duration::from_mins(3), "never answered: {error:?}");
                assert!(
                    error
                        .as_ref()
                        .is_none_or(|error| { error.kind == ErrorKind::Timeout || error.detail.contains("too busy") }),
                    "{error:?}"
                );
            }
        };
        let mut tests = std::pin::pin!(tests);
        let mut looks = 0;
        // One way alone is no call.
        while answered.get() == 0
            || budget.page("a".into(), None).total() < 8e6
            || clock.elapsed() < Duration::from_secs(20)
        {
            tokio::select! {
                () = &mut tests => unreachable!("they have no end"),
                seen = link.next() => {
                    assert_ne!(seen.reading.in_use, Some(true), "{seen:#?}");
                    looks += 1;
                }
            }
        }
        assert!(looks > 10, "{looks} looks");
    });
}
