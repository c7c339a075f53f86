//! The UPS probe against a real upsd with real drivers.

mod cost;
mod said;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use siaga::clock::Clock;
use siaga::domain::{ErrorKind, Observation, Period, Verdict};
use siaga::probe::ups::client::{Client, NutError};
use siaga::probe::ups::protocol::{ErrWord, MAX_LINE, MAX_LIST, ProtocolError};
use siaga::probe::ups::{Config, Probe};
use siaga::probe::{Context, Roots};
use tokio::sync::watch;

use crate::support::namespace::{inside, ip};
use crate::support::upsd::{PATIENCE, UPS, Upsd};

const OFTEN: Duration = Duration::from_millis(20);

fn probe_of(config: Config, interval: Duration) -> Probe {
    let context = Context {
        check: "ups".into(),
        clock: Clock::start(),
        interval,
        bad_for: Duration::from_secs(3),
        roots: Roots::default(),
        in_use: watch::channel(false).1,
        requests: siaga::probe::Requests::default(),
        not_before: siaga::domain::Mono::ZERO,
        stands_until: siaga::domain::Mono::ZERO,
        own_far_end: None,
        enrolled: None,
        egress: siaga::probe::egress::Egress::default(),
        budget: siaga::probe::budget::Budget::default(),
        desktop: siaga::probe::seat::desktop::Desktop::default(),
        on_air: siaga::probe::on_air::OnAir::default(),
        buses: siaga::probe::usb::carried::Carried::default(),
        cards: siaga::probe::audio::Seen::default(),
        board: siaga::probe::board::Board::default(),
    };
    Probe::new(config, context)
}

fn probe(upsd: &Upsd) -> Probe {
    probe_of(Config { server: upsd.address(), timeout: Period(Duration::from_secs(5)), ..Config::default() }, OFTEN)
}

/// A probe of a server that misbehaves, and is not waited for.
fn probe_at(address: String) -> Probe {
    probe_within(Duration::from_millis(200), address)
}

/// A probe of a server that answers something, in its time.
fn probe_within(timeout: Duration, server: String) -> Probe {
    let config = Config { server, timeout: Period(timeout), ..Config::default() };
    probe_of(Config { ups: UPS.to_owned(), ..config }, OFTEN)
}

/// Observes until `wanted` holds.
async fn until(probe: &mut Probe, what: &str, wanted: impl Fn(&Observation) -> bool) -> Observation {
    let mut last = None;
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            let observation = probe.next().await;
            if wanted(&observation) {
                return observation;
            }
            last = Some(observation);
        }
    });
    found.await.unwrap_or_else(|_| panic!("never {what}; last {last:?}"))
}

/// The same, while every observation before says that only our eyes fail: a fault of the way to the UPS is never taken
/// for one of the power.
async fn until_seen_again(probe: &mut Probe) -> Observation {
    let seen_again = |observation: &Observation| {
        let blind =
            codes(observation).iter().all(|(verdict, code)| *verdict == Verdict::Unknown && code.starts_with("siaga."));
        assert!(blind, "{observation:?}");
        healthy(observation)
    };
    until(probe, "healthy again", seen_again).await
}

fn codes(observation: &Observation) -> Vec<(Verdict, &'static str)> {
    observation.reading.findings.iter().map(|finding| (finding.verdict, finding.reason.code)).collect()
}

fn values(observation: &Observation) -> BTreeMap<String, f64> {
    let name = |m: &siaga::domain::Measurement| match &m.part {
        Some(part) => format!("{}/{part}", m.quantity.name),
        None => m.quantity.name.to_owned(),
    };
    observation.reading.measurements.iter().map(|m| (name(m), m.value)).collect()
}

/// Whether this is a failure of that kind, told with that reason, and nothing measured.
fn failed(observation: &Observation, kind: ErrorKind, code: &str) -> bool {
    observation.error.as_ref().is_some_and(|error| error.kind == kind)
        && codes(observation) == [(Verdict::Unknown, code)]
        && observation.reading.measurements.is_empty()
}

fn healthy(observation: &Observation) -> bool {
    observation.error.is_none() && observation.reading.findings.is_empty()
}

#[tokio::test]
async fn a_healthy_ups_is_read_in_base_units_and_found_by_itself() {
    let upsd = Upsd::start();
    let observation = until(&mut probe(&upsd), "healthy", healthy).await;
    let values = values(&observation);
    let expected = [
        ("ups_battery_charge_ratio", 1.0),
        ("ups_battery_runtime_seconds", 3600.0),
        ("ups_usable_runtime_seconds/mains", 2880.0),
        ("ups_load_ratio", 0.23),
        ("ups_input_volts", 221.0),
        ("ups_status/OL", 1.0),
        ("ups_status/OB", 0.0),
        ("ups_status/other", 0.0),
        ("ups_self_test/passed", 1.0),
    ];
    for (name, value) in expected {
        assert_eq!(values.get(name), Some(&value), "{name}");
    }
    for absent in ["ups_output_volts", "ups_battery_age_seconds", "ups_usable_runtime_seconds/battery"] {
        assert_eq!(values.get(absent), None, "{absent}: not reported, so no series");
    }
}

#[tokio::test]
async fn each_status_word_through_a_real_server() {
    let mut upsd = Upsd::start();
    let mut probe = probe(&upsd);
    let table: &[(&str, &[(Verdict, &str)])] = &[
        ("OB DISCHRG", &[(Verdict::Degraded, "power.on_battery")]),
        ("OB LB DISCHRG", &[(Verdict::NotReady, "power.battery_low"), (Verdict::Degraded, "power.on_battery")]),
        ("OFF", &[(Verdict::NotReady, "power.output_off")]),
        ("OL OVER", &[(Verdict::NotReady, "power.overloaded")]),
        ("FSD OL", &[(Verdict::NotReady, "power.forced_shutdown")]),
        ("OL BYPASS", &[(Verdict::Degraded, "power.bypassed")]),
        ("OL RB", &[(Verdict::Degraded, "power.battery_replace")]),
        ("OL HB", &[(Verdict::Degraded, "power.battery_high")]),
        ("ALARM OL", &[(Verdict::Degraded, "power.alarm")]),
        ("OB CAL DISCHRG", &[(Verdict::Degraded, "power.calibrating")]),
        ("OL TRIM", &[(Verdict::Ready, "power.voltage_trimmed")]),
        ("OL BOOST", &[(Verdict::Ready, "power.voltage_boosted")]),
        ("OL NEWWORD", &[(Verdict::Ready, "power.status_other")]),
        ("OL OB", &[(Verdict::Unknown, "power.status_contradictory")]),
        ("CHRG", &[(Verdict::Unknown, "power.status_contradictory")]),
        ("OL CHRG", &[]),
    ];
    for (words, expected) in table {
        upsd.set("ups.status", words);
        let observation = until(&mut probe, words, |observation| codes(observation) == *expected).await;
        assert_eq!(observation.error, None);
    }
}

#[tokio::test]
async fn a_running_self_test_is_no_outage() {
    let mut upsd = Upsd::start();
    let mut probe = probe(&upsd);
    upsd.set_unseen("ups.status", "OB DISCHRG");
    upsd.set("ups.test.result", "In progress");
    let running = [(Verdict::Ready, "power.self_test_running")];
    let observation = until(&mut probe, "testing", |observation| codes(observation) == running).await;
    assert!(values(&observation).contains_key("ups_usable_runtime_seconds/mains"));
    upsd.set_unseen("ups.status", "OL");
    upsd.set("ups.test.result", "Done and error");
    let failed = [(Verdict::Degraded, "power.self_test_failed")];
    until(&mut probe, "failed", |observation| codes(observation) == failed).await;
}

#[tokio::test]
async fn a_self_test_that_is_stuck_in_progress_hides_no_outage() {
    let mut upsd = Upsd::start();
    let mut probe = probe(&upsd);
    upsd.set_unseen("ups.status", "OB DISCHRG");
    upsd.set("ups.test.result", "In progress");
    let says = |wanted: (Verdict, &'static str)| move |seen: &Observation| codes(seen).contains(&wanted);
    let testing = until(&mut probe, "testing", says((Verdict::Ready, "power.self_test_running"))).await;
    assert!(!says((Verdict::Degraded, "power.on_battery"))(&testing));
    // The mains go; the words stay as they are.
    upsd.set("input.voltage", "0.0");
    let dark = until(&mut probe, "on battery", says((Verdict::Degraded, "power.on_battery"))).await;
    assert!(!values(&dark).contains_key("ups_usable_runtime_seconds/mains"));
    upsd.set("input.voltage", "221.0");
    until(&mut probe, "testing again", |seen| codes(seen) == codes(&testing)).await;
}

#[tokio::test]
async fn nonsense_is_missing_with_a_note() {
    let mut upsd = Upsd::start();
    let mut probe = probe(&upsd);
    upsd.set_unseen("battery.runtime", "a while");
    upsd.set_unseen("input.voltage", "-1");
    upsd.set("battery.charge", "255");
    let noted = [(Verdict::Ready, "power.value_implausible"), (Verdict::Ready, "power.runtime_unknown")];
    let observation = until(&mut probe, "noted", |observation| codes(observation) == noted).await;
    let values = values(&observation);
    for absent in ["ups_battery_charge_ratio", "ups_battery_runtime_seconds", "ups_input_volts"] {
        assert_eq!(values.get(absent), None, "{absent}");
    }
    assert_eq!(values.get("ups_load_ratio"), Some(&0.23));
}

#[tokio::test]
async fn a_killed_driver_and_its_return() {
    let mut upsd = Upsd::start();
    let mut probe = probe(&upsd);
    until(&mut probe, "healthy", healthy).await;
    upsd.kill_driver();
    until(&mut probe, "driver away", |o| failed(o, ErrorKind::Stale, "siaga.ups_driver_away")).await;
    upsd.restart_driver();
    until_seen_again(&mut probe).await;
}

#[tokio::test]
async fn a_driver_that_says_wait_is_unknown() {
    let mut upsd = Upsd::start();
    let mut probe = probe(&upsd);
    // The word that upsd itself stands in for a driver which has not spoken: set, because upsd's own lasts a moment.
    upsd.set("ups.status", "WAIT");
    until(&mut probe, "starting", |o| failed(o, ErrorKind::Stale, "siaga.ups_starting")).await;
    upsd.set("ups.status", "OL");
    until_seen_again(&mut probe).await;
}

#[tokio::test]
async fn a_frozen_driver_is_stale_not_an_outage() {
    let mut upsd = Upsd::start();
    let mut probe = probe(&upsd);
    until(&mut probe, "healthy", healthy).await;
    upsd.freeze_driver();
    until(&mut probe, "stale", |o| failed(o, ErrorKind::Stale, "siaga.ups_stale")).await;
    upsd.thaw_driver();
    until_seen_again(&mut probe).await;
}

#[tokio::test]
async fn a_killed_server_and_its_return() {
    let mut upsd = Upsd::start();
    let mut probe = probe(&upsd);
    until(&mut probe, "healthy", healthy).await;
    upsd.kill();
    until(&mut probe, "down", |o| failed(o, ErrorKind::Refused, "siaga.upsd_down")).await;
    upsd.restart();
    until_seen_again(&mut probe).await;
}

#[tokio::test]
async fn a_frozen_server_is_silent_and_believed_again_after() {
    let mut upsd = Upsd::start();
    let config = Config { server: upsd.address(), timeout: Period(Duration::from_millis(300)), ..Config::default() };
    let mut probe = probe_of(config, OFTEN);
    until(&mut probe, "healthy", healthy).await;
    upsd.freeze();
    let observation = until(&mut probe, "silent", |o| failed(o, ErrorKind::Timeout, "siaga.upsd_silent")).await;
    assert!(observation.took >= Duration::from_millis(300));
    // Later answers on connections that were given up must not be taken for new ones.
    until(&mut probe, "still silent", |o| failed(o, ErrorKind::Timeout, "siaga.upsd_silent")).await;
    upsd.thaw();
    upsd.set("ups.status", "OB DISCHRG");
    let battery = [(Verdict::Degraded, "power.on_battery")];
    until(&mut probe, "on battery", |observation| codes(observation) == battery).await;
}

#[tokio::test]
async fn several_ups_want_a_name_and_an_unknown_name_is_told() {
    let upsd = Upsd::start_with(&[UPS, "other"]);
    let mut auto = probe(&upsd);
    let observation = auto.next().await;
    assert!(failed(&observation, ErrorKind::Gone, "siaga.ups_not_named"), "{observation:?}");
    assert_eq!(observation.reading.findings[0].args[0].1, "lab, other".into());

    let named = |name: &str| {
        let config = Config { server: upsd.address(), ups: name.to_owned(), ..Config::default() };
        probe_of(config, OFTEN)
    };
    until(&mut named("other"), "healthy", healthy).await;
    let observation = named("third").next().await;
    assert!(failed(&observation, ErrorKind::Gone, "siaga.ups_not_found"), "{observation:?}");
}

#[tokio::test]
async fn the_client_keeps_one_connection_and_each_error_word_its_variant() {
    let upsd = Upsd::start();
    let mut client = Client::new(upsd.address(), PATIENCE);
    assert!(!client.is_connected());
    assert!(client.version().await.unwrap().starts_with("Network UPS Tools upsd"));
    assert_eq!(client.list_ups().await.unwrap(), [UPS]);
    assert_eq!(client.get_var(UPS, "ups.status").await.unwrap(), "OL");
    let unknown = client.get_var(UPS, "ups.nothing").await.unwrap_err();
    assert!(matches!(unknown, NutError::Err(ErrWord::VarNotSupported)), "{unknown}");
    let unknown = client.list_var("a \"strange\\ one", |_, _| ()).await.unwrap_err();
    assert!(matches!(unknown, NutError::Err(ErrWord::UnknownUps)), "{unknown}");
    assert!(client.is_connected(), "an ERR is a whole answer: the connection is in step");
    let mut names = Vec::new();
    client.list_var(UPS, |name, _| names.push(name.to_owned())).await.unwrap();
    assert!(names.iter().any(|name| name == "battery.runtime"), "{names:?}");
}

/// A server that is not one: accepts, and does with each connection what `serve` does, in a thread of its own that ends
/// with the process.
fn impostor(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// A machine that is switched off, or behind a firewall that drops: nobody is there to be restarted.
#[tokio::test]
async fn a_server_from_which_nothing_comes_back_is_out_of_reach() {
    if !inside("ups::a_server_from_which_nothing_comes_back_is_out_of_reach") {
        return;
    }
    // A network card that swallows what it is given.
    ip(&[
        "link add away type veth peer name nobody",
        "link set nobody up",
        "addr add 192.0.2.1/24 dev away",
        "link set away up",
        "neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev away",
    ]);
    let mut probe = probe_at("192.0.2.9:3493".to_owned());
    for _ in 0..2 {
        let observation = probe.next().await;
        assert!(failed(&observation, ErrorKind::Unreachable, "siaga.upsd_unreachable"), "{observation:?}");
    }
}

/// Writes the same again and again until the other side is gone.
fn drip(mut stream: TcpStream, bytes: &[u8]) {
    while stream.write_all(bytes).is_ok() {}
}

#[tokio::test]
async fn a_socket_that_accepts_and_says_nothing() {
    let mut probe = probe_at(impostor(|stream| {
        // Reads, so that the connection stands until the other side ends it.
        let _ = BufReader::new(stream).lines().count();
    }));
    for _ in 0..2 {
        let observation = probe.next().await;
        assert!(failed(&observation, ErrorKind::Timeout, "siaga.upsd_silent"), "{observation:?}");
    }
}

#[tokio::test]
async fn a_socket_that_drips_without_end_is_left() {
    let table: [(&'static [u8], &str); 4] = [
        (&[b'x'; 4096], "longer than 4096 bytes"),
        (b"VAR lab ups.status \"OL\"\n", "an unexpected line"),
        (b"BEGIN LIST VAR lab\n", "an unexpected line"),
        (b"\xff\xfe\0\n", "an unexpected line"),
    ];
    for (bytes, detail) in table {
        let mut probe = probe_within(PATIENCE, impostor(move |stream| drip(stream, bytes)));
        let observation = probe.next().await;
        assert!(failed(&observation, ErrorKind::Protocol, "siaga.upsd_not_understood"), "{observation:?}");
        assert!(observation.error.as_ref().unwrap().detail.contains(detail), "{observation:?}");
    }
}

#[tokio::test]
async fn a_list_without_end_is_left_and_so_is_a_slow_one() {
    let endless = impostor(|mut stream| {
        if stream.write_all(b"BEGIN LIST VAR lab\n").is_ok() {
            drip(stream, b"VAR lab ups.status \"OL\"\n");
        }
    });
    let mut client = Client::new(endless, PATIENCE);
    let mut shown = 0;
    let error = client.list_var(UPS, |_, _| shown += 1).await.unwrap_err();
    assert!(matches!(error, NutError::Protocol(ProtocolError::LongList)), "{error}");
    assert!(shown < MAX_LIST && !client.is_connected());

    let long = impostor(|stream| drip(stream, &[b' '; MAX_LINE]));
    let error = Client::new(long, PATIENCE).list_ups().await.unwrap_err();
    assert!(matches!(error, NutError::Protocol(ProtocolError::LongLine)), "{error}");

    // One byte every few milliseconds, each within any deadline that a read alone would have.
    let slow = impostor(|mut stream| {
        while stream.write_all(b" ").is_ok() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
    });
    let observation = probe_at(slow).next().await;
    assert!(failed(&observation, ErrorKind::Timeout, "siaga.upsd_silent"), "{observation:?}");
}

#[tokio::test]
async fn a_connection_that_was_shed_is_made_anew_within_the_call() {
    // upsd sheds a client after a minute of idleness, and closes all when it is restarted. So does this one, at once.
    let sheds = impostor(|stream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        if lines.next().is_some() {
            let _ = (&stream).write_all(b"VAR lab ups.status \"OL\"\n");
        }
    });
    let mut client = Client::new(sheds, PATIENCE);
    for _ in 0..3 {
        assert_eq!(client.get_var(UPS, "ups.status").await.unwrap(), "OL");
    }
    // But never after half an answer.
    let halves = impostor(|mut stream| {
        let _ = stream.write_all(b"VAR lab ups.sta");
    });
    let error = Client::new(halves, PATIENCE).get_var(UPS, "ups.status").await.unwrap_err();
    assert!(matches!(error, NutError::Closed | NutError::Broken(_)), "{error}");
}

#[tokio::test]
async fn names_that_do_not_resolve_and_ports_without_a_server() {
    // A label of more than 63 bytes (RFC 1035 §2.3.4) fails inside the C library: no resolver is asked, so that the test
    // sends nothing to anybody.
    let observation = probe_within(PATIENCE, format!("{}.example:3493", "a".repeat(70))).next().await;
    assert!(failed(&observation, ErrorKind::Dns, "siaga.upsd_unresolved"), "{observation:?}");

    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let observation = probe_within(PATIENCE, free.to_string()).next().await;
    assert!(failed(&observation, ErrorKind::Refused, "siaga.upsd_down"), "{observation:?}");
}
