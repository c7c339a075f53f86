//! A room with two lines, each with its own router, to one world. What names an uplink leaves by that alone, its names looked up
//! there too; each has its own budget; and a room whose main line is cut is ready on its backup, and says so.
//!
//! ```text
//! this namespace: the room                 "isp0" .1, forwards                    "world"
//!   main0 192.0.2.2/24 ════════ veth ════ room0        up0 10.0.0.1 ═ veth ═ isp0 10.0.0.2    lo: 203.0.113.1 (coturn, reflector)
//!                                          "isp1" .1, forwards                                     .53 (dnsmasq) .80 (nginx)
//!   back0 198.51.100.2/24 ═════ veth ════ room1        up1 10.0.1.1 ═ veth ═ isp1 10.0.1.2
//! ```

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use siaga::clock::Clock;
use siaga::config::{Config, Source};
use siaga::domain::{Kind, Observation, Verdict};
use siaga::engine::{Engine, Restored};
use siaga::probe::Context;
use siaga::probe::budget::Budget;
use siaga::probe::egress::Egress;
use tempfile::TempDir;
use tokio::sync::watch;

use super::support::child::Child;
use super::support::daemon::siaga;
use super::support::namespace::{inside, ip};
use super::support::probe::{context, findings, soon, value};
use super::support::reflector::Reflector;
use super::support::turnserver::{PASSWORD, TurnServer, USER};

const FAR: &str = "203.0.113.1";
const WEB: &str = "203.0.113.80";
const DNS: &str = "203.0.113.53";
/// The room's interfaces.
const LINES: [&str; 2] = ["main0", "back0"];

/// The two lines and the world.
struct World {
    _folder: TempDir,
    turn: TurnServer,
    _children: Vec<Child>,
    _reflector: Reflector,
}

fn run(program: &str, args: &[&str]) {
    let done = Command::new(program).args(args).status().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(done.success(), "{program} {args:?}");
}

fn at(namespace: &str, line: &str) {
    let words: Vec<&str> = ["netns", "exec", namespace].into_iter().chain(line.split(' ')).collect();
    run("ip", &words);
}

impl World {
    fn start() -> Self {
        run("mount", &["-t", "tmpfs", "tmpfs", "/run"]);
        // Nobody looks for IPv6 routers, so that only the test's own packets are on the lines; and answers may come back by the line
        // that the routes do not lead to.
        for key in ["ipv6/conf/default/disable_ipv6", "ipv6/conf/all/disable_ipv6"] {
            fs::write(Path::new("/proc/sys/net").join(key), "1").unwrap();
        }
        for key in ["default", "all"] {
            fs::write(format!("/proc/sys/net/ipv4/conf/{key}/rp_filter"), "2").unwrap();
        }
        ip(&["netns add world", "netns add isp0", "netns add isp1"]);
        for (line, name) in LINES.iter().enumerate() {
            let net = ["192.0.2", "198.51.100"][line];
            ip(&[
                &format!("link add {name} type veth peer name room{line} netns isp{line}"),
                &format!("link add up{line} netns isp{line} type veth peer name isp{line} netns world"),
                &format!("address add {net}.2/24 dev {name}"),
                &format!("link set {name} up"),
                &format!("route add default via {net}.1 dev {name} metric {}", 100 + line * 100),
            ]);
            let isp = format!("isp{line}");
            for command in [
                "sysctl -q -w net.ipv4.ip_forward=1".to_owned(),
                format!("ip address add {net}.1/24 dev room{line}"),
                format!("ip address add 10.0.{line}.1/24 dev up{line}"),
                format!("ip link set room{line} up"),
                format!("ip link set up{line} up"),
                format!("ip route add 203.0.113.0/24 via 10.0.{line}.2"),
            ] {
                at(&isp, &command);
            }
            for command in [
                format!("ip address add 10.0.{line}.2/24 dev isp{line}"),
                format!("ip link set isp{line} up"),
                format!("ip route add {net}.0/24 via 10.0.{line}.1"),
            ] {
                at("world", &command);
            }
        }
        run("nft", &["add table ip sent; add chain ip sent out { type filter hook output priority 0; }"]);
        for name in LINES {
            // What begins something. What ends a connection may leave long after the test that opened it.
            let begins = ["tcp flags & (syn | ack) == syn", "meta l4proto udp", "icmp type echo-request"];
            let rules = begins.map(|what| format!("add rule ip sent out oifname {name} {what} counter name {name}; "));
            run("nft", &[&format!("add counter ip sent {name}; {}", rules.concat())]);
        }
        at("world", "ip link set lo up");
        for address in [FAR, WEB, DNS] {
            at("world", &format!("ip address add {address}/32 dev lo"));
        }
        Self::serve(tempfile::tempdir().unwrap())
    }

    fn serve(folder: TempDir) -> Self {
        let path = folder.path().display().to_string();
        // What is uploaded nginx reads whole before it hands it on.
        let config = format!(
            "daemon off; master_process off; pid {path}/pid; error_log stderr warn;\nevents {{}}\nhttp {{ access_log off;\n\
             root {path}; client_max_body_size 0; client_body_temp_path {path}/b; proxy_temp_path {path}/p;\n\
             fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;\n\
             server {{ listen {WEB}:80; location = /up {{ proxy_pass http://{WEB}:81; }} }}\n\
             server {{ listen {WEB}:81; location / {{ return 200 read; }} }} }}\n"
        );
        fs::write(folder.path().join("nginx.conf"), config).unwrap();
        fs::write(folder.path().join("index.html"), "here").unwrap();
        fs::write(folder.path().join("down"), vec![7; 400_000]).unwrap();
        let child = |name: &str, command: &[&str]| {
            Child::start("ip", &format!("iproute2 or {name}"), &folder.path().join(format!("{name}.log")), |to_be| {
                to_be.args(["netns", "exec", "world"]).args(command);
            })
        };
        let mut nginx = child("nginx", &["/usr/sbin/nginx", "-p", &path, "-c", &format!("{path}/nginx.conf")]);
        let mut dnsmasq = child(
            "dnsmasq",
            &[
                "dnsmasq",
                "--keep-in-foreground",
                "--log-facility=-",
                "--conf-file=/dev/null",
                "--user=",
                "--group=",
                "--no-resolv",
                "--no-hosts",
                "--bind-interfaces",
                &format!("--listen-address={DNS}"),
                &format!("--host-record=meet.example.net,{WEB}"),
                &format!("--host-record=far.example.net,{FAR}"),
                &format!("--pid-file={path}/dns.pid"),
            ],
        );
        nginx.wait_until(|| TcpStream::connect((WEB, 80)).is_ok());
        dnsmasq.wait_until(|| TcpStream::connect((DNS, 53)).is_ok());
        let turn = TurnServer::start(&["ip", "netns", "exec", "world"], FAR, &[]);
        let mut reflect = Command::new("ip");
        reflect.args(["netns", "exec", "world"]).arg(siaga().get_program());
        reflect.args(["reflect", "--listen", &format!("{FAR}:10862")]);
        let reflector = Reflector::start_by(reflect, 1);
        Self { _folder: folder, turn, _children: vec![nginx, dnsmasq], _reflector: reflector }
    }

    /// Whether a line carries anything beyond its router.
    fn cut(line: usize, cut: bool) {
        at(&format!("isp{line}"), &format!("ip link set up{line} {}", if cut { "down" } else { "up" }));
        if !cut {
            // With the link the kernel takes the way there too.
            at(&format!("isp{line}"), &format!("ip route replace 203.0.113.0/24 via 10.0.{line}.2"));
        }
    }
}

/// Packets of probes (the beginnings of connections, datagrams, echo requests) that have left by each line.
fn sent() -> [u64; 2] {
    LINES.map(|name| {
        let told = Command::new("nft").args(["list", "counter", "ip", "sent", name]).output();
        let told = told.expect("nft cannot be started: install Debian's nftables").stdout;
        let told = String::from_utf8(told).unwrap();
        let mut words = told.split_whitespace().skip_while(|word| *word != "packets");
        words.nth(1).unwrap().parse().unwrap()
    })
}

fn uplinks(more: &str) -> String {
    format!(
        "[[uplink]]\nname = \"main\"\ninterface = \"main0\"\nresolvers = [\"{DNS}\"]\n\
         [[uplink]]\nname = \"backup\"\ninterface = \"back0\"\nresolvers = [\"{DNS}\"]\n{more}\n"
    )
}

fn parse(text: String) -> Config {
    Config::parse(&Source::new("test", text)).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The first observation of a config's check, as the daemon would have it made.
fn observe(config: &Config, name: &str, budget: &Budget) -> Observation {
    let place = config.plan.check(&name.into()).unwrap();
    let base = context(name, config.plan.checks[place].interval, &watch::Sender::new(false));
    let egress = Egress::by(config.plan.checks[place].uplink.clone());
    let mut probe = config.probes[place].build(Context { egress, budget: budget.clone(), ..base });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(soon(probe.next()))
}

/// The same of its only check, until this machine is not too busy for it.
fn made(config: &Config) -> Observation {
    loop {
        let seen = observe(config, "a", &Budget::default());
        if !seen.error.as_ref().is_some_and(|error| error.detail.contains("too busy")) {
            return seen;
        }
    }
}

#[test]
fn every_kind_leaves_by_the_uplink_that_its_check_names_and_by_no_other() {
    if !inside("uplinks::every_kind_leaves_by_the_uplink_that_its_check_names_and_by_no_other") {
        return;
    }
    let world = World::start();
    let password = world.turn.password(PASSWORD);
    let kinds = [
        (Kind::Icmp, "target = \"far.example.net\"\nburst = 0".to_owned()),
        (Kind::Icmp, "target = \"gateway\"\nburst = 0".to_owned()),
        (Kind::Stun, "server = \"far.example.net\"\nburst = 0".to_owned()),
        (Kind::Http, "url = \"http://meet.example.net/\"".to_owned()),
        (Kind::Tls, "host = \"meet.example.net\"\nport = 80".to_owned()),
        (Kind::Dns, "query = \"meet.example.net\"".to_owned()),
        (Kind::Ports, "platforms = [\"jitsi\"]\nfar_end = \"far.example.net\"\ntcp_ports = [3478]".to_owned()),
        (Kind::Stamp, "reflector = \"far.example.net\"".to_owned()),
        (
            Kind::Relay,
            format!("server = \"far.example.net\"\nusername = \"{USER}\"\npassword_file = \"{password}\""),
        ),
        (
            Kind::Bandwidth,
            "down_url = \"http://meet.example.net/down\"\nup_url = \"http://meet.example.net/up\"\nmax_bytes = \"400 kB\"\n\
             line_rate = \"100 Gbit/s\""
                .to_owned(),
        ),
    ];
    for (kind, keys) in kinds {
        for (line, uplink) in ["main", "backup"].into_iter().enumerate() {
            let config = parse(format!(
                "{}[[check]]\nname = \"a\"\nkind = \"{kind}\"\nuplink = \"{uplink}\"\n{keys}\n",
                uplinks("")
            ));
            let before = sent();
            let seen = made(&config);
            let after = sent();
            let left = [after[0] - before[0], after[1] - before[1]];
            assert!(left[line] > 0, "nothing of {kind} left by {uplink}: {left:?}\n{seen:#?}");
            assert_eq!(left[1 - line], 0, "{kind} by {uplink} left by the other line: {left:?}\n{seen:#?}");
            // Port 80 speaks no TLS, and that is all that is wrong.
            let wrong = seen.error.as_ref().map(|error| error.kind.as_str());
            assert_eq!(wrong, (kind == Kind::Tls).then_some("tls"), "{kind}: {seen:#?}");
            if kind == Kind::Icmp && keys.contains("gateway") {
                assert!(left[line] < 5, "to its own router: {left:?}");
            }
        }
    }
}

#[test]
fn a_name_that_only_the_uplinks_own_resolver_knows_is_looked_up_there_and_a_missing_interface_is_no_way() {
    if !inside(
        "uplinks::a_name_that_only_the_uplinks_own_resolver_knows_is_looked_up_there_and_a_missing_interface_is_no_way",
    ) {
        return;
    }
    let _world = World::start();
    let check = |more: &str| {
        parse(format!(
            "{}[[check]]\nname = \"a\"\nkind = \"stun\"\nserver = \"far.example.net\"\nburst = 0\n{more}",
            uplinks("")
        ))
    };
    // The machine's own resolver is nobody here.
    let seen = observe(&check(""), "a", &Budget::default());
    assert_eq!(seen.error.as_ref().map(|error| error.kind.as_str()), Some("dns"), "{seen:#?}");
    let seen = observe(&check("uplink = \"backup\""), "a", &Budget::default());
    assert_eq!(value(&seen, "stun_udp_blocked", None), Some(0.0), "{seen:#?}");
    // Its far end sees the backup's address.
    assert!(format!("{:?}", seen.reading.findings).contains("198.51.100.2:"), "{seen:#?}");

    // By a source address alone, which a rule of the machine leads out by the backup: it is every kind's way, echoes' too.
    ip(&["rule add from 198.51.100.2 table 7", "route add default via 198.51.100.1 dev back0 table 7"]);
    let by_address = format!("[[uplink]]\nname = \"address\"\nsource = \"198.51.100.2\"\nresolvers = [\"{DNS}\"]\n");
    for (kind, keys) in [("icmp", "target"), ("stun", "server"), ("tls", "port = 80\nhost")] {
        let check =
            format!("[[check]]\nname = \"a\"\nkind = \"{kind}\"\nuplink = \"address\"\n{keys} = \"far.example.net\"\n");
        let before = sent();
        let seen = observe(&parse(format!("{by_address}{check}")), "a", &Budget::default());
        let after = sent();
        assert!(after[1] > before[1] && after[0] == before[0], "{kind}: {before:?} {after:?}\n{seen:#?}");
    }

    ip(&["link delete back0"]);
    let gone = "target = \"203.0.113.1\"\nuplink = \"backup\"";
    for (kind, keys) in
        [("icmp", gone.to_owned()), ("stun", "server = \"203.0.113.1\"\nuplink = \"backup\"".to_owned())]
    {
        let config = parse(format!("{}[[check]]\nname = \"a\"\nkind = \"{kind}\"\n{keys}\n", uplinks("")));
        let seen = observe(&config, "a", &Budget::default());
        assert_eq!(seen.error.as_ref().map(|error| error.kind.as_str()), Some("unreachable"), "{seen:#?}");
        assert!(seen.error.unwrap().detail.contains("back0"), "which interface");
        assert_eq!(seen.reading.findings[0].verdict, Verdict::NotReady);
    }
}

#[test]
fn each_uplink_has_a_budget_of_its_own() {
    if !inside("uplinks::each_uplink_has_a_budget_of_its_own") {
        return;
    }
    let _world = World::start();
    let check = |name: &str, uplink: &str| {
        format!(
            "[[check]]\nname = \"{name}\"\nkind = \"bandwidth\"\ndown_url = \"http://{WEB}/down\"\nup_url = \"http://{WEB}/up\"\n\
             max_bytes = \"400 kB\"\nline_rate = \"100 Gbit/s\"\ndaily_budget = \"2 MB\"\nuplink = \"{uplink}\"\n"
        )
    };
    let backup = "backup = \"degraded\"\nmetered = true\ndaily_budget = \"1 MB\"";
    let checks = [check("a", "main"), check("b", "main"), check("c", "backup"), check("d", "backup")].concat();
    let config = parse(format!("{}{checks}", uplinks(backup)));
    let budget = Budget::default();
    // Each takes 0.4 to 0.8 MB: two fit into what the main line may take, one into the backup's.
    for (name, made) in [("a", true), ("b", true), ("c", true), ("d", false)] {
        let before = sent();
        let seen = observe(&config, name, &budget);
        let after = sent();
        let line = usize::from(["c", "d"].contains(&name));
        assert_eq!(after[line] > before[line], made, "{name}: {before:?} {after:?}\n{seen:#?}");
        assert_eq!(after[1 - line], before[1 - line], "{name}");
        if made {
            let used = value(&seen, "bandwidth_used_today_bytes", None);
            assert!(used.is_some_and(|bytes| (4e5..=8.1e5).contains(&bytes)), "{seen:#?}");
        } else {
            assert_eq!(findings(&seen), [("siaga.bandwidth_budget_spent", Verdict::Unknown)]);
            assert!(seen.error.unwrap().detail.contains("1 MB"), "which budget");
        }
    }
}

#[test]
fn a_test_that_leaves_by_the_backup_because_the_routes_do_is_in_its_books() {
    if !inside("uplinks::a_test_that_leaves_by_the_backup_because_the_routes_do_is_in_its_books") {
        return;
    }
    let _world = World::start();
    let check = |name: &str| {
        format!(
            "[[check]]\nname = \"{name}\"\nkind = \"bandwidth\"\ndown_url = \"http://{WEB}/down\"\nup_url = \"http://{WEB}/up\"\n\
             max_bytes = \"400 kB\"\nline_rate = \"100 Gbit/s\"\ndaily_budget = \"10 MB\"\nmin_gap = \"0s\"\n"
        )
    };
    let backup = format!(
        "[[uplink]]\nname = \"backup\"\ninterface = \"back0\"\nbackup = \"degraded\"\nmetered = true\ndaily_budget = \"1 MB\"\n{}{}",
        check("a"),
        check("b")
    );
    let config = parse(backup);
    let budget = Budget::default();
    budget.know(&config.uplinks);
    let told = |seen: &Observation| {
        let by_backup = value(seen, "bandwidth_used_by_uplink_today_bytes", Some("backup"));
        (value(seen, "bandwidth_used_today_bytes", None).unwrap(), by_backup.unwrap_or_default())
    };
    // By the main line, which the config does not name, nothing of the backup is spent.
    let seen = observe(&config, "a", &budget);
    let (own, by_backup) = told(&seen);
    assert!((4e5..=8.1e5).contains(&own) && by_backup == 0.0, "{seen:#?}");
    // Its modem has failed, and the machine's routes have gone over.
    ip(&["route del default dev main0"]);
    let before = sent();
    let seen = observe(&config, "a", &budget);
    let after = sent();
    assert!(after[1] > before[1] && after[0] == before[0], "{before:?} {after:?}");
    let (still, by_backup) = told(&seen);
    assert!((still - own).abs() < 0.5 && (4e5..=8.1e5).contains(&by_backup), "{seen:#?}");
    // What is left of 1 MB there is not enough for another, whichever check asks.
    for name in ["a", "b"] {
        let seen = observe(&config, name, &budget);
        assert_eq!(findings(&seen), [("siaga.bandwidth_budget_spent", Verdict::Unknown)]);
        assert!(seen.error.unwrap().detail.contains("1 MB"), "which budget");
    }
    assert_eq!(sent(), after, "nothing more left");
    // The main line is back, and has what it had.
    ip(&["route add default via 192.0.2.1 dev main0 metric 100"]);
    let seen = observe(&config, "b", &budget);
    assert!(seen.error.is_none() && told(&seen).0 > 4e5, "{seen:#?}");
}

/// The room's checks, a pair for each thing, as its config would have them.
fn pairs(said: &str) -> String {
    let mut text = uplinks(&format!("backup = \"{said}\""));
    let page = format!("url = \"http://{WEB}/\"");
    for (group, kind, keys) in [("pages", "http", page.as_str()), ("names", "dns", "query = \"meet.example.net\"")] {
        _ = write!(text, "[[group]]\nname = \"{group}\"\nneed = 1\n");
        for uplink in ["main", "backup"] {
            _ = write!(
                text,
                "[[check]]\nname = \"{group}_{uplink}\"\nkind = \"{kind}\"\nuplink = \"{uplink}\"\ngroup = \"{group}\"\n\
                 interval = \"500ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n{keys}\n"
            );
        }
    }
    text
}

#[test]
fn a_room_whose_main_line_is_cut_is_ready_on_its_backup_and_says_so() {
    if !inside("uplinks::a_room_whose_main_line_is_cut_is_ready_on_its_backup_and_says_so") {
        return;
    }
    let _world = World::start();
    for said in ["degraded", "ready"] {
        let config = parse(pairs(said));
        let look = || {
            let now = Clock::start().now();
            let mut engine = Engine::new(config.plan.clone(), Restored::default(), now);
            for check in &config.plan.checks {
                let mut seen = observe(&config, check.name.as_str(), &Budget::default());
                seen.at = now;
                engine.observe(seen, now);
            }
            let snapshot = engine.snapshot();
            let internet = &snapshot.current().components[1];
            assert_eq!(internet.component.as_str(), "internet");
            let reasons: Vec<_> = internet.reasons.iter().map(|reason| (reason.def.code, reason.verdict)).collect();
            let verdicts: Vec<_> = snapshot.current().checks.iter().map(|check| check.verdict).collect();
            (internet.verdict, reasons, verdicts)
        };
        let word = Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == said).unwrap();
        let (before, reasons, verdicts) = look();
        assert_eq!((before, reasons, verdicts), (Verdict::Ready, vec![], vec![Verdict::Ready; 4]));
        World::cut(0, true);
        let (cut, reasons, verdicts) = look();
        let (dead, good) = (Verdict::NotReady, Verdict::Ready);
        assert_eq!((cut, reasons), (word, vec![("internet.on_backup", word)]), "{verdicts:?}");
        assert_eq!(verdicts, [dead, good, dead, good]);
        World::cut(0, false);
        assert_eq!((look().0, look().1), (Verdict::Ready, vec![]));
        // Both are cut: no backup helps.
        World::cut(0, true);
        World::cut(1, true);
        let (dead, reasons, _) = look();
        assert_eq!((dead, reasons), (Verdict::NotReady, vec![]));
        World::cut(0, false);
        World::cut(1, false);
    }
}
