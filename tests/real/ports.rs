//! A platform's UDP ports at a real coturn behind a firewall that drops them: blocked is told only while the far end is seen to
//! be there by other means, and is degraded under the profiles of that platform alone.

use std::process::Command;
use std::time::Duration;

use siaga::clock::Clock;
use siaga::config::{Config, Source};
use siaga::domain::{Observation, Verdict};
use siaga::engine::{Engine, Restored};
use siaga::probe::Probe;
use tokio::sync::watch;

use super::support::namespace::{self, ip};
use super::support::probe::{context, findings, soon, value};
use super::support::turnserver::TurnServer;

const MS: Duration = Duration::from_millis(1);
/// Where coturn listens; no loopback, of which nothing would be learnt.
const FAR: &str = "203.0.113.3";

struct Room {
    config: Config,
    probe: Probe,
}

impl Room {
    fn new(keys: &str) -> Self {
        let text = format!(
            "[profiles]\ndefault = \"jitsi_720_5\"\n[[profile]]\nname = \"sound\"\ntitle = {{ id = \"s\", en = \"s\" }}\n\
             down_need = \"80 kbit/s\"\ndown_floor = \"30 kbit/s\"\nup_need = \"80 kbit/s\"\nup_floor = \"30 kbit/s\"\n\
             rtt_degraded = \"150ms\"\nrtt_not_ready = \"640ms\"\njitter_degraded = \"30ms\"\nloss_degraded = 0.02\n\
             loss_not_ready = 0.05\nruntime = \"15m\"\nudp = \"required\"\n\
             [[check]]\nname = \"ports\"\nkind = \"ports\"\nfar_end = \"{FAR}\"\ntimeout = \"5s\"\nbad_for = \"0s\"\n\
             good_for = \"0s\"\n{keys}"
        );
        let config = Config::parse(&Source::new("test", text)).unwrap_or_else(|errors| panic!("{errors}"));
        let probe = config.probes[0].build(context("ports", MS * 100, &watch::Sender::new(false)));
        Self { config, probe }
    }

    fn look(&mut self) -> Observation {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // Its ticker belongs to the runtime: each look is a new probe's first.
        self.probe = self.config.probes[0].build(context("ports", MS * 100, &watch::Sender::new(false)));
        runtime.block_on(soon(self.probe.next()))
    }

    /// The judge's word under some profiles.
    fn under(&self, observation: &Observation, profiles: [&str; 4]) -> [(Verdict, Vec<&'static str>); 4] {
        let now = Clock::start().now();
        let mut engine = Engine::new(self.config.plan.clone(), Restored::default(), now);
        let mut judged = observation.clone();
        judged.at = now;
        engine.observe(judged, now);
        let snapshot = engine.snapshot();
        profiles.map(|name| {
            let judged = &snapshot.profile(name).unwrap().checks[0];
            let reasons = judged.reasons.iter().map(|reason| reason.def.code);
            (judged.verdict, reasons.filter(|code| *code != "internet.ports_seen").collect())
        })
    }
}

fn nft(line: &str) {
    let done = Command::new("nft").arg(line).status().expect("nft cannot be started: install Debian's nftables");
    assert!(done.success(), "nft {line}");
}

/// Of Jitsi, of Zoom, of no platform, and of one that does without UDP.
const PROFILES: [&str; 4] = ["jitsi_720_5", "zoom_group_720", "sound", "audio_only"];

#[test]
fn udp_that_is_dropped_is_degraded_where_the_far_end_is_reached_otherwise_and_by_no_other_platforms_profile() {
    if !namespace::inside(
        "ports::udp_that_is_dropped_is_degraded_where_the_far_end_is_reached_otherwise_and_by_no_other_platforms_profile",
    ) {
        return;
    }
    ip(&[&format!("address add {FAR}/32 dev lo")]);
    // Jitsi's bridge is not here: a TURN server answers at the port of its media, by UDP and TCP.
    let server = TurnServer::start(&["env"], FAR, &["--listening-port=10000"]);
    let mut room = Room::new("platforms = [\"jitsi\"]\ntcp_ports = [10000]\n");
    let seen = room.look();
    let ready = (Verdict::Ready, vec![]);
    assert_eq!(room.under(&seen, PROFILES), [ready.clone(), ready.clone(), ready.clone(), ready.clone()], "{seen:#?}");
    let ports = |seen: &Observation| {
        (value(seen, "ports_reached", Some("udp 10000")), value(seen, "ports_reached", Some("tcp 10000")))
    };
    assert_eq!(ports(&seen), (Some(1.0), Some(1.0)));

    nft("add table inet fault; add chain inet fault in { type filter hook input priority 0; }");
    nft(&format!("add rule inet fault in ip daddr {FAR} udp dport 10000 drop"));
    let seen = room.look();
    let blocked = (Verdict::Degraded, vec!["internet.platform_udp_blocked"]);
    assert_eq!(room.under(&seen, PROFILES), [blocked.clone(), ready.clone(), blocked, ready], "{seen:#?}");
    assert_eq!(ports(&seen), (Some(0.0), Some(1.0)), "TCP only");
    let told = seen.reading.findings.iter().find(|finding| finding.reason.code == "internet.ports_seen").unwrap();
    let said = format!("{:?}", told.args);
    assert!(said.contains("TCP 10000") && said.contains("UDP 10000"), "{said}");

    // Dropped altogether, or nobody there: of ports nothing is known.
    nft(&format!("add rule inet fault in ip daddr {FAR} tcp dport 10000 drop"));
    assert_eq!(findings(&room.look()), [("siaga.ports_silent", Verdict::Unknown)]);
    nft("delete table inet fault");
    drop(server);
    let seen = room.look();
    assert_eq!(findings(&seen), [("siaga.ports_silent", Verdict::Unknown)]);
    assert!(seen.error.as_ref().unwrap().detail.contains("closed: UDP 10000, TCP 10000"), "{seen:#?}");
}

#[test]
fn one_port_of_several_is_told_from_the_others_and_one_at_which_nobody_listens_is_not_blocked() {
    if !namespace::inside(
        "ports::one_port_of_several_is_told_from_the_others_and_one_at_which_nobody_listens_is_not_blocked",
    ) {
        return;
    }
    ip(&[&format!("address add {FAR}/32 dev lo")]);
    // It answers at 3478 alone.
    let _server = TurnServer::start(&["env"], FAR, &[]);
    let mut room = Room::new("platforms = [\"zoom\"]\ntcp_ports = [3478]\n");
    let at = |seen: &Observation, port: &str| value(seen, "ports_reached", Some(port));
    let seen = room.look();
    let all = |seen: &Observation| ["udp 3478", "udp 3479", "udp 8801"].map(|port| at(seen, port));
    assert_eq!(all(&seen), [Some(1.0), None, None], "{seen:#?}");
    assert_eq!(value(&seen, "ports_udp_blocked", Some("zoom")), Some(0.0));
    let nobody: Vec<_> = findings(&seen).into_iter().map(|(code, _)| code).collect();
    assert!(nobody.contains(&"internet.ports_nobody_listens"), "{nobody:?}");

    nft("add table inet fault; add chain inet fault in { type filter hook input priority 0; }");
    nft(&format!("add rule inet fault in ip daddr {FAR} udp dport 8801 drop"));
    let seen = room.look();
    assert_eq!(all(&seen), [Some(1.0), None, Some(0.0)], "{seen:#?}");
    assert_eq!(
        value(&seen, "ports_udp_blocked", Some("zoom")),
        Some(1.0),
        "by another port the far end is seen to be there"
    );
}

#[test]
fn a_port_that_a_firewall_rejects_as_prohibited_is_held_back_while_another_answers() {
    if !namespace::inside("ports::a_port_that_a_firewall_rejects_as_prohibited_is_held_back_while_another_answers") {
        return;
    }
    ip(&[&format!("address add {FAR}/32 dev lo")]);
    let _server = TurnServer::start(&["env"], FAR, &[]);
    // 443 as a firewall on the way answers it; at 3478 coturn itself answers.
    let mut room = Room::new("platforms = [\"zoom\"]\ntcp_ports = [443, 3478]\n");
    nft("add table inet fault; add chain inet fault in { type filter hook input priority 0; }");
    for (udp, tcp) in [("admin-prohibited", "host-prohibited"), ("net-prohibited", "net-prohibited")] {
        nft(&format!("add rule inet fault in ip daddr {FAR} udp dport 8801 reject with icmp {udp}"));
        nft(&format!("add rule inet fault in ip daddr {FAR} tcp dport 443 reject with icmp {tcp}"));
        let seen = room.look();
        let at = |port: &str| value(&seen, "ports_reached", Some(port));
        let all = ["udp 3478", "udp 8801", "tcp 443", "tcp 3478"].map(at);
        assert_eq!(all, [Some(1.0), Some(0.0), Some(0.0), Some(1.0)], "{udp}: {seen:#?}");
        assert_eq!(value(&seen, "ports_udp_blocked", Some("zoom")), Some(1.0));
        nft("flush chain inet fault in");
    }
    // Everything rejected: whether anybody is there nobody knows.
    nft(&format!("add rule inet fault in ip daddr {FAR} udp dport 1-65535 reject with icmp admin-prohibited"));
    nft(&format!("add rule inet fault in ip daddr {FAR} tcp dport 1-65535 reject with icmp admin-prohibited"));
    let seen = room.look();
    assert_eq!(findings(&seen), [("siaga.ports_silent", Verdict::Unknown)], "{seen:#?}");
    assert!(seen.error.as_ref().unwrap().detail.contains("no way to: UDP 3478"), "{seen:#?}");
}
