//! Binding requests for real, on loopback: the own far end, and servers that are deaf, away, or talk nonsense.

use std::net::SocketAddr;
use std::time::Duration;

use siaga::clock::Clock;
use siaga::domain::{ErrorKind, Observation, Verdict};
use siaga::far_end;
use siaga::probe::stun::{Config, Probe};
use tokio::net::{TcpListener, UdpSocket};

use crate::icmp::{context, says, value};

fn probe(config: &str) -> Probe {
    let config: Config = toml::from_str(config).unwrap();
    Probe::new(config, context(Clock::start(), Duration::from_millis(200)))
}

/// The first observation, which must come within half a minute.
async fn first(probe: &mut Probe) -> Observation {
    tokio::time::timeout(Duration::from_secs(30), probe.next()).await.expect("an observation")
}

#[tokio::test]
async fn the_own_far_end_answers_over_both_families() {
    for ip in ["127.0.0.1", "::1"] {
        let far_end = far_end::start_on(ip.parse().unwrap()).await.unwrap();
        let mut probe = probe(&format!("server = \"{}\"\nspacing = \"5ms\"", far_end.addresses().stun));
        let mut sent = 0;
        let mut last = first(&mut probe).await;
        assert_eq!(last.reading.sample.unwrap().sent, 5);
        // The burst: enough for the loss decision.
        while sent < 250 {
            let sample = last.reading.sample.unwrap();
            assert_eq!((sample.lost, sample.outage), (0, false));
            sent += sample.sent;
            last = first(&mut probe).await;
        }
        assert_eq!(last.error, None);
        assert!(value(&last, "stun_rtt_seconds").is_some_and(|seconds| seconds > 0.0 && seconds < 0.1), "{last:?}");
        assert_eq!(value(&last, "stun_udp_blocked"), Some(0.0));
        assert_eq!(value(&last, "stun_lost_total"), Some(0.0));
        assert!(says(&last, "internet.far_end_is_self"));
        assert!(!says(&last, "internet.mapped_address"), "nobody outside has seen it");
        far_end.stop().await;
    }
}

#[tokio::test]
async fn where_the_config_names_no_server_it_is_the_own_far_end() {
    let far_end = far_end::start().await.unwrap();
    let mut context = context(Clock::start(), Duration::from_secs(1));
    context.own_far_end = Some(std::sync::Arc::new(far_end.addresses()));
    let mut probe = Probe::new(toml::from_str("").unwrap(), context);
    let seen = first(&mut probe).await;
    assert!(seen.error.is_none() && says(&seen, "internet.far_end_is_self"), "{seen:?}");
    far_end.stop().await;
}

/// A port on which UDP is heard and never answered, and TCP perhaps accepted.
async fn deaf(tcp: bool) -> (SocketAddr, UdpSocket, Option<TcpListener>) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        if let Ok(socket) = UdpSocket::bind(address).await {
            return (address, socket, tcp.then_some(listener));
        }
    }
}

#[tokio::test]
async fn udp_that_is_blocked_is_told_from_a_line_that_is_dead() {
    let (address, _udp, _tcp) = deaf(true).await;
    let mut blocked = probe(&format!("server = \"{address}\"\ntimeout = \"300ms\""));
    let seen = first(&mut blocked).await;
    assert_eq!(value(&seen, "stun_udp_blocked"), Some(1.0), "{seen:?}");
    assert!(seen.reading.sample.unwrap().outage && !says(&seen, "internet.stun_silent"));
    assert_eq!(value(&seen, "stun_rtt_seconds"), None);

    let (address, _udp, _) = deaf(false).await;
    let mut dead = probe(&format!("server = \"{address}\"\ntimeout = \"300ms\"\ntcp_port = {}", address.port()));
    let seen = first(&mut dead).await;
    assert_eq!(value(&seen, "stun_udp_blocked"), Some(0.0), "{seen:?}");
    let silent = seen.reading.findings.iter().find(|finding| finding.reason.code == "internet.stun_silent").unwrap();
    assert_eq!(silent.verdict, Verdict::NotReady);
}

#[tokio::test]
async fn a_closed_port_is_a_refusal_and_a_server_that_comes_back_is_seen() {
    let (address, udp, _) = deaf(false).await;
    drop(udp);
    let mut probe = probe(&format!("server = \"{address}\"\ntimeout = \"300ms\""));
    let seen = first(&mut probe).await;
    assert_eq!(seen.error.as_ref().map(|error| error.kind), Some(ErrorKind::Refused), "{seen:?}");
    assert_eq!(seen.reading.findings[0].verdict, Verdict::NotReady);
    assert!(seen.reading.sample.unwrap().outage);

    // Somebody serves there again: whatever comes is handed to a far end, and its answers are handed back.
    let far_end = far_end::start().await.unwrap();
    let front = UdpSocket::bind(address).await.unwrap();
    let back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = far_end.addresses().stun;
    let relay = tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, client)) = front.recv_from(&mut buffer).await {
            back.send_to(&buffer[..length], server).await.unwrap();
            let length = back.recv(&mut buffer).await.unwrap();
            front.send_to(&buffer[..length], client).await.unwrap();
        }
    });
    let mut seen = first(&mut probe).await;
    while seen.error.is_some() {
        seen = first(&mut probe).await;
    }
    assert_eq!((value(&seen, "stun_lost_total"), value(&seen, "stun_udp_blocked")), (Some(0.0), Some(0.0)), "{seen:?}");
    relay.abort();
    far_end.stop().await;
}

#[tokio::test]
async fn udp_that_is_rejected_is_blocked_where_tcp_gets_through() {
    let (address, udp, _tcp) = deaf(true).await;
    drop(udp);
    let mut blocked = probe(&format!("server = \"{address}\"\ntimeout = \"300ms\""));
    let seen = first(&mut blocked).await;
    assert_eq!((&seen.error, value(&seen, "stun_udp_blocked")), (&None, Some(1.0)), "{seen:?}");
    assert!(seen.reading.sample.unwrap().outage && !says(&seen, "internet.stun_silent"), "{seen:?}");
}

#[tokio::test]
async fn nonsense_is_our_ignorance_and_no_fault_of_the_line() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let chatter = tokio::spawn(async move {
        let mut buffer = [0; 100];
        while let Ok((_, from)) = server.recv_from(&mut buffer).await {
            let _ = server.send_to(b"HTTP/1.1 400 Bad Request\r\n\r\n", from).await;
        }
    });
    let mut probe = probe(&format!("server = \"{address}\"\ntimeout = \"300ms\""));
    let seen = first(&mut probe).await;
    assert_eq!(seen.error.as_ref().map(|error| error.kind), Some(ErrorKind::Protocol), "{seen:?}");
    assert_eq!(seen.reading.findings[0].verdict, Verdict::Unknown);
    chatter.abort();
}
