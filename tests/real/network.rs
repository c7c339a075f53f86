//! The whole daemon in a network of its own, with a real far side, while that network fails in every way that is listed:
//! what is said must name the cause, and be taken back when it is gone.
//!
//! ```text
//! this namespace: the room                      namespace "wan"
//! daemon ── room0 198.51.100.2/24 ═══veth═══ wan0 198.51.100.1/24 (gateway)
//!                                            lo: 203.0.113.1 .2 (far ends), .53 (dnsmasq), .80 (nginx), .3 (coturn)
//! ```

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::support::child::Child;
use super::support::daemon::{Daemon, room};
use super::support::namespace::{inside, ip};

/// Everything that the far side serves, in its own namespace.
struct Wan {
    folder: TempDir,
    dns: Option<Child>,
    _http: Child,
    _stun: Child,
}

impl Wan {
    /// Makes the namespace and the cable, and starts its servers.
    fn start() -> Self {
        run("mount", &["-t", "tmpfs", "tmpfs", "/run"]);
        ip(&[
            "netns add wan",
            "link add room0 type veth peer name wan0 netns wan",
            "address add 198.51.100.2/24 dev room0",
            "link set room0 up",
            "route add default via 198.51.100.1",
        ]);
        let far: Vec<String> =
            ["1", "2", "3", "53", "80"].map(|host| format!("address add 203.0.113.{host}/32 dev lo")).to_vec();
        for line in ["link set lo up", "address add 198.51.100.1/24 dev wan0", "link set wan0 up"] {
            in_wan("ip", &line.split(' ').collect::<Vec<_>>());
        }
        for line in &far {
            in_wan("ip", &line.split(' ').collect::<Vec<_>>());
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        fs::write(
            folder.path().join("nginx.conf"),
            format!(
                "daemon off; master_process off; pid {at}/nginx.pid; error_log stderr warn;\nevents {{}}\nhttp {{ access_log off;\n\
                 client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n\
                 server {{ listen 203.0.113.80:80; location / {{ return 200 \"here\"; }} }} }}\n"
            ),
        )
        .unwrap();
        let http =
            wan_child(folder.path(), "nginx", "nginx-light", &["nginx", "-p", &at, "-c", &format!("{at}/nginx.conf")]);
        let stun = wan_child(
            folder.path(),
            "turnserver",
            "coturn",
            &[
                "turnserver",
                "-n",
                "--stun-only",
                "--no-auth",
                "--no-cli",
                "--no-tls",
                "--no-dtls",
                "--log-file=stdout",
                "--simple-log",
                "--listening-ip=203.0.113.3",
                "--listening-port=3478",
                "--pidfile",
                &format!("{at}/turn.pid"),
                "--userdb",
                &format!("{at}/turn.db"),
            ],
        );
        let mut wan = Self { folder, dns: None, _http: http, _stun: stun };
        wan.start_dns();
        wan
    }

    fn start_dns(&mut self) {
        let pid = format!("--pid-file={}/dns.pid", self.folder.path().display());
        let dnsmasq = [
            "dnsmasq",
            "--keep-in-foreground",
            "--log-facility=-",
            "--conf-file=/dev/null",
            "--user=",
            "--group=",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
            "--listen-address=203.0.113.53",
            "--host-record=meet.example.net,203.0.113.80",
            &pid,
        ];
        self.dns = Some(wan_child(self.folder.path(), "dnsmasq", "dnsmasq-base", &dnsmasq));
    }
}

fn wan_child(folder: &Path, name: &str, package: &str, command: &[&str]) -> Child {
    let log = folder.join(format!("{name}.log"));
    Child::start("ip", &format!("iproute2 or {package}"), &log, |to_be| {
        // `exec`: the handle's pid is the server's own.
        to_be.args(["netns", "exec", "wan"]).args(command);
    })
}

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn in_wan(program: &str, args: &[&str]) {
    let mut all = vec!["netns", "exec", "wan", program];
    all.extend(args);
    run("ip", &all);
}

/// A room that watches the line alone, without holds, so that a test waits for causes and not for patience; and with ten
/// echoes a second, so that loss is decided in twenty seconds and not in minutes.
fn line() -> TempDir {
    let mut config = String::from(
        "[room]\nname = \"media_center\"\n\
         [components]\ncomputer = { absent = true }\naudio = { absent = true }\nvideo = { absent = true }\n\
         power = { absent = true }\nradio = { absent = true }\n\
         [[group]]\nname = \"far_ends\"\nneed = 1\n",
    );
    let now = "bad_for = \"0s\"\ngood_for = \"0s\"\n";
    for (name, kind, keys) in [
        ("link", "link", "interface = \"room0\"\n"),
        ("gateway", "icmp", "target = \"gateway\"\ninterval = \"100ms\"\n"),
        ("far_a", "icmp", "target = \"203.0.113.1\"\ninterval = \"100ms\"\ngroup = \"far_ends\"\n"),
        ("far_b", "icmp", "target = \"203.0.113.2\"\ninterval = \"100ms\"\ngroup = \"far_ends\"\n"),
        ("stun", "stun", "server = \"203.0.113.3:3478\"\ninterval = \"1s\"\n"),
        ("dns", "dns", "query = \"meet.example.net\"\nresolver = \"203.0.113.53\"\ninterval = \"1s\"\n"),
        ("http", "http", "url = \"http://203.0.113.80/\"\ninterval = \"1s\"\n"),
    ] {
        _ = write!(config, "[[check]]\nname = \"{name}\"\nkind = \"{kind}\"\n{keys}{now}");
    }
    room(&config)
}

fn wait_ready(daemon: &Daemon) {
    daemon.wait_for("/readyz", "the room is ready", |answer| answer.status == 200 && answer.body.starts_with("ready"));
}

#[test]
fn everything_is_gone_at_start_up_and_comes_back() {
    if !inside("network::everything_is_gone_at_start_up_and_comes_back") {
        return;
    }
    let folder = line();
    let daemon = Daemon::start(folder.path());
    let first = daemon.get("/readyz");
    assert_eq!(first.status, 503, "{}", first.body);
    daemon.wait_for_check("link", "not_ready", "internet.interface_missing");
    let answer = daemon
        .wait_for("/api/v1/readiness", "the link explains the rest", |answer| answer.json()["root_cause"] == "link");
    assert_eq!(answer.status, 503);
    let _wan = Wan::start();
    wait_ready(&daemon);
    daemon.stop();
}

#[test]
fn each_failure_of_the_line_is_named_and_taken_back() {
    if !inside("network::each_failure_of_the_line_is_named_and_taken_back") {
        return;
    }
    let mut wan = Wan::start();
    let folder = line();
    let daemon = Daemon::start(folder.path());
    wait_ready(&daemon);

    // The cable.
    in_wan("ip", &["link", "set", "wan0", "down"]);
    daemon.wait_for_check("link", "not_ready", "internet.link_down");
    daemon.wait_for_check("far_a", "not_ready", "");
    daemon.wait_for("/api/v1/readiness", "one root cause", |answer| answer.json()["root_cause"] == "link");
    in_wan("ip", &["link", "set", "wan0", "up"]);
    wait_ready(&daemon);

    // The gateway: its address is gone, the cable is not.
    in_wan("ip", &["address", "del", "198.51.100.1/24", "dev", "wan0"]);
    daemon.wait_for_check("gateway", "not_ready", "");
    daemon.wait_for_check("far_b", "not_ready", "");
    daemon.wait_for("/api/v1/readiness", "the gateway is the cause", |answer| answer.json()["root_cause"] == "gateway");
    assert_eq!(daemon.check("link").0, "ready");
    in_wan("ip", &["address", "add", "198.51.100.1/24", "dev", "wan0"]);
    wait_ready(&daemon);

    // The name server alone: what needs no name goes on.
    wan.dns = None;
    daemon.wait_for_check("dns", "not_ready", "");
    assert_eq!(daemon.check("http").0, "ready");
    assert_eq!(daemon.check("far_a").0, "ready");
    wan.start_dns();
    wait_ready(&daemon);
    daemon.stop();
}

/// The opinion of a reference voice call to a far end, once enough packets tell.
fn voice(daemon: &Daemon, far_end: &str, quantity: &str) -> f64 {
    let path = format!("/api/v1/checks/{far_end}");
    let told = daemon.wait_for(&path, quantity, |answer| opinion(&answer.json(), quantity).is_some());
    opinion(&told.json(), quantity).unwrap()
}

fn opinion(check: &serde_json::Value, quantity: &str) -> Option<f64> {
    let measured = check["measurements"].as_array().unwrap();
    measured.iter().find(|measured| measured["quantity"] == quantity)?["value"].as_f64()
}

#[test]
fn blocked_udp_and_heavy_loss_are_two_different_things() {
    if !inside("network::blocked_udp_and_heavy_loss_are_two_different_things") {
        return;
    }
    let _wan = Wan::start();
    let folder = line();
    let daemon = Daemon::start(folder.path());
    wait_ready(&daemon);
    // What a call would be is told of each far end, and of none nearer.
    for (far_end, quantity) in [("far_a", "icmp_voice_mos"), ("stun", "stun_voice_mos")] {
        let mos = voice(&daemon, far_end, quantity);
        assert!((4.35..=4.41).contains(&mos), "{far_end}: {mos} on a cable of a metre");
    }
    let gateway = daemon.get("/api/v1/checks/gateway").json();
    assert_eq!(opinion(&gateway, "icmp_voice_mos"), None);
    in_wan("nft", &["add table inet fault; add chain inet fault in { type filter hook input priority 0; }"]);

    in_wan("nft", &["add rule inet fault in udp dport 3478 drop"]);
    daemon.wait_for_check("stun", "degraded", "internet.udp_blocked");
    assert_eq!(daemon.check("far_a").0, "ready", "echoes are not UDP");
    in_wan("nft", &["flush chain inet fault in"]);
    wait_ready(&daemon);

    in_wan("nft", &["add rule inet fault in icmp type echo-request numgen random mod 100 < 30 drop"]);
    daemon.wait_for_check("far_a", "not_ready", "internet.loss_high");
    daemon.wait_for("/api/v1/checks/far_a", "a call is bad there", |answer| {
        opinion(&answer.json(), "icmp_voice_mos").is_some_and(|mos| mos < 3.1)
    });
    assert_eq!(daemon.check("http").0, "ready", "TCP repairs what is lost, and is not touched here");
    in_wan("nft", &["flush chain inet fault in"]);
    daemon.wait_for_check("far_a", "ready", "");
    daemon.stop();
}
