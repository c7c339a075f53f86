//! Echoes for real: loopback, and network namespaces with a line that can be cut.

use std::io::Write as _;
use std::time::Duration;

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use siaga::clock::Clock;
use siaga::domain::{ErrorKind, Mono, Observation, Verdict};
use siaga::probe::icmp::{Config, Probe};
use siaga::probe::{Context, Roots};

mod peer;
mod redial;

use crate::support::namespace::inside;
use peer::{Peer, run, write};

/// What a probe is given in a test.
pub(super) fn context(clock: Clock, interval: Duration) -> Context {
    // The sender is dropped: the room is not in use, and never will be.
    let (_, in_use) = tokio::sync::watch::channel(false);
    Context {
        check: "test".into(),
        clock,
        interval,
        bad_for: Duration::from_secs(3),
        roots: Roots::default(),
        in_use,
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
    }
}

/// The value of a quantity in an observation.
pub(super) fn value(observation: &Observation, name: &str) -> Option<f64> {
    observation.reading.measurements.iter().find(|found| found.quantity.name == name).map(|found| found.value)
}

/// Whether an observation gives a reason.
pub(super) fn says(observation: &Observation, code: &str) -> bool {
    observation.reading.findings.iter().any(|finding| finding.reason.code == code)
}

fn probe(clock: Clock, interval: u64, config: &str) -> Probe {
    let config: Config = toml::from_str(config).unwrap();
    Probe::new(config, context(clock, Duration::from_millis(interval)))
}

/// Takes observations until one is as wanted, for `patience` at most.
async fn until(
    probe: &mut Probe,
    clock: Clock,
    patience: Duration,
    wanted: impl Fn(&Observation) -> bool,
) -> (Observation, Vec<Observation>) {
    let deadline = clock.mono().after(patience);
    let mut passed = Vec::new();
    loop {
        tokio::select! {
            observation = probe.next() => {
                if wanted(&observation) {
                    return (observation, passed);
                }
                passed.push(observation);
            }
            () = clock.sleep_until(deadline) => panic!("not seen in {patience:?}; the last were {:#?}", passed.last()),
        }
    }
}

/// Lets a probe observe until `moment`.
async fn pass(probe: &mut Probe, clock: Clock, moment: Mono) {
    loop {
        tokio::select! {
            _ = probe.next() => {}
            () = clock.sleep_until(moment) => return,
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// From here on this thread, in which all of the test runs, may open no raw socket.
fn give_up_raw_sockets() {
    let mut sets = capabilities(None).unwrap();
    sets.effective.remove(CapabilitySet::NET_RAW);
    sets.permitted.remove(CapabilitySet::NET_RAW);
    set_capabilities(None, sets).unwrap();
}

/// Lets everybody open unprivileged sockets for echoes; in a fresh namespace nobody may.
fn admit_everybody() {
    write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

/// A figure for whoever reads the run's output; it is asserted nowhere.
fn report(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

const LONG: Duration = Duration::from_secs(30);

/// The first echo's observation: its round trip is positive, and no longer than what passed by the monotonic clock.
async fn first_of_loopback(probe: &mut Probe, clock: Clock) -> Observation {
    let began = clock.mono();
    let first = probe.next().await;
    let passed = clock.mono().since(began).as_secs_f64();
    assert_eq!(first.error, None, "sending echoes needs CAP_NET_RAW or ping_group_range: run as root");
    let rtt = value(&first, "icmp_rtt_seconds").expect("the first reply is measured");
    assert!(rtt > 0.0 && rtt <= passed, "{rtt} s, while {passed} s passed");
    first
}

#[tokio::test]
async fn loopback_answers_and_is_never_a_proof_of_the_line() {
    for address in ["127.0.0.1", "::1"] {
        let clock = Clock::start();
        let mut probe = probe(clock, 1000, &format!("target = {address:?}"));
        let first = first_of_loopback(&mut probe, clock).await;
        assert!(says(&first, "internet.far_end_is_self"));
        // The burst: enough for the loss decision.
        let full = |seen: &Observation| value(seen, "icmp_echoes_total") >= Some(251.0);
        let (last, passed) = until(&mut probe, clock, LONG, full).await;
        let sent: u32 = passed.iter().chain([&first, &last]).map(|seen| seen.reading.sample.unwrap().sent).sum();
        assert!(sent >= 251, "{sent}");
        assert_eq!(value(&last, "icmp_lost_total"), Some(0.0));
        for name in ["icmp_rtt_min_seconds", "icmp_rtt_median_seconds", "icmp_rtt_p95_seconds", "icmp_jitter_seconds"] {
            assert!(value(&last, name).is_some_and(|seconds| seconds > 0.0 && seconds < 0.1), "{name}");
        }
    }
}

#[tokio::test]
async fn a_name_is_resolved_by_the_probe_itself() {
    let clock = Clock::start();
    let mut probe = probe(clock, 1000, r#"target = "localhost""#);
    let (seen, _) = until(&mut probe, clock, LONG, |seen| value(seen, "icmp_echoes_total").is_some()).await;
    assert!(says(&seen, "internet.far_end_is_self"));
}

/// Bursts to many targets at once go by one socket, and its buffer is not overrun.
#[tokio::test]
async fn twenty_targets_at_once_lose_nothing() {
    let clock = Clock::start();
    let began = clock.mono();
    let all: Vec<_> = (1..=20)
        .map(|host| {
            let config = format!("target = \"127.0.0.{host}\"\nburst = 100\nburst_spacing = \"10ms\"");
            let mut probe = probe(clock, 1000, &config);
            tokio::spawn(async move {
                let first = probe.next().await.at.mono;
                let full = |seen: &Observation| value(seen, "icmp_echoes_total") >= Some(101.0);
                let (last, _) = until(&mut probe, clock, LONG, full).await;
                assert_eq!(value(&last, "icmp_lost_total"), Some(0.0));
                first
            })
        })
        .collect();
    let mut firsts = Vec::new();
    for task in all {
        firsts.push(task.await.unwrap().since(began).as_secs_f64());
    }
    let slowest = firsts.into_iter().fold(0.0, f64::max);
    report(&format!("icmp: the first round of 20 targets was complete after {:.1} ms", slowest * 1e3));
}

/// Side by side with the system's ping, which reads the kernel's stamps.
#[tokio::test]
async fn round_trips_are_like_those_of_ping() {
    let clock = Clock::start();
    let mut probe = probe(clock, 1000, "target = \"127.0.0.1\"\nburst = 300\nburst_spacing = \"10ms\"");
    let full = |seen: &Observation| value(seen, "icmp_echoes_total") >= Some(300.0);
    let (last, _) = until(&mut probe, clock, LONG, full).await;
    let ours = value(&last, "icmp_rtt_median_seconds").unwrap();
    let output = run("ping", &["-c", "300", "-i", "0.01", "127.0.0.1"]);
    let theirs: Vec<f64> = output
        .lines()
        .filter_map(|line| line.split_once("time=")?.1.split_whitespace().next()?.parse::<f64>().ok())
        .map(|millis| millis / 1e3)
        .collect();
    assert!(theirs.len() >= 290, "{output}");
    let theirs = median(theirs);
    report(&format!("icmp: median rtt of loopback: siaga {:.1} us, ping {:.1} us", ours * 1e6, theirs * 1e6));
    // Not a figure of speed: of another order of magnitude, it would be another quantity.
    assert!((ours - theirs).abs() < 0.005, "{ours} s against {theirs} s");
}

#[tokio::test]
async fn without_permission_it_is_unknown_and_says_how_to_grant_it() {
    if !inside("icmp::without_permission_it_is_unknown_and_says_how_to_grant_it") {
        return;
    }
    give_up_raw_sockets();
    let clock = Clock::start();
    let mut probe = probe(clock, 200, r#"target = "127.0.0.1""#);
    let first = probe.next().await;
    assert_eq!(first.error.as_ref().map(|error| error.kind), Some(ErrorKind::Permission), "{first:?}");
    let finding = &first.reading.findings[0];
    assert_eq!((finding.reason.code, finding.verdict), ("siaga.icmp_not_permitted", Verdict::Unknown));
    for words in ["CAP_NET_RAW", "ping_group_range"] {
        assert!(finding.reason.remedy.id.contains(words) && finding.reason.remedy.en.contains(words));
    }
    // Granted while it runs: the unprivileged socket is enough, and nobody has to restart anything.
    admit_everybody();
    let (seen, _) = until(&mut probe, clock, LONG, |seen| seen.error.is_none()).await;
    assert!(value(&seen, "icmp_echoes_total").is_some());
}

/// Behind the peer, which forwards, there is no way on, for either family.
async fn routers_say_no(clock: Clock, peer: &Peer) {
    peer.address("2001:db8::1/64", "2001:db8::2/64");
    for family in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
        peer.run("sh", &["-c", &format!("echo 1 > /proc/sys/net/{family}")]);
    }
    for (beyond, router, target) in
        [("198.51.100.0/24", "192.0.2.2", "198.51.100.7"), ("2001:db8:1::/48", "2001:db8::2", "2001:db8:1::7")]
    {
        peer.run("ip", &["route", "add", "unreachable", beyond]);
        run("ip", &["route", "add", beyond, "via", router]);
        let mut beyond = probe(clock, 200, &format!("target = {target:?}"));
        let first = beyond.next().await;
        let error = first.error.expect("a router said no");
        assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
        assert!(error.detail.contains(&format!("{router} says")), "{error}");
    }
}

/// An unprivileged socket is told of errors by a queue, and by a failure of whatever call comes next: that may be the
/// sending of another target's echo, which must not suffer.
#[tokio::test]
async fn an_unprivileged_socket_hears_routers_too() {
    if !inside("icmp::an_unprivileged_socket_hears_routers_too") {
        return;
    }
    give_up_raw_sockets();
    admit_everybody();
    let peer = Peer::new("far", "192.0.2.1/24", "192.0.2.2/24");
    let clock = Clock::start();
    for address in ["127.0.0.1", "::1"] {
        first_of_loopback(&mut probe(clock, 200, &format!("target = {address:?}")), clock).await;
    }
    routers_say_no(clock, &peer).await;

    // A firewall's refusal can be had each time: that of a missing route comes five times and then once a second, whatever
    // the namespace says.
    peer.run("sh", &["-c", "echo 0 > /proc/sys/net/ipv4/icmp_ratelimit"]);
    peer.run("ip", &["route", "add", "203.0.113.0/24", "dev", "lo"]);
    peer.run("nft", &["add table ip no; add chain ip no way { type filter hook forward priority 0; }"]);
    peer.run("nft", &["add rule ip no way reject with icmp type host-unreachable"]);
    run("ip", &["route", "add", "203.0.113.0/24", "via", "192.0.2.2"]);

    // Both are due together twice a second, and the router's word is back before the second of them is sent.
    let mut beyond = probe(clock, 500, "target = \"203.0.113.7\"\nburst = 0");
    let mut near = probe(clock, 5, "target = \"192.0.2.2\"\nburst = 0");
    let (mut refused, mut echoes) = (0, 0.0);
    while refused < 4 || echoes < 100.0 {
        tokio::select! {
            seen = beyond.next() => {
                assert_eq!(seen.error.as_ref().map(|error| error.kind), Some(ErrorKind::Unreachable), "{seen:?}");
                refused += 1;
            }
            seen = near.next() => {
                assert_eq!(seen.error, None);
                assert_eq!(value(&seen, "icmp_lost_total"), Some(0.0));
                echoes = value(&seen, "icmp_echoes_total").unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_link_local_target_is_reached_by_its_interface() {
    if !inside("icmp::a_link_local_target_is_reached_by_its_interface") {
        return;
    }
    let _one = Peer::new("one", "fe80::1/64", "fe80::2/64");
    let _other = Peer::new("other", "fe80::1/64", "fe80::3/64");
    let clock = Clock::start();
    for target in ["fe80::2%one", "fe80::3%other"] {
        let first = probe(clock, 200, &format!("target = {target:?}")).next().await;
        assert!(value(&first, "icmp_rtt_seconds").is_some(), "{first:?}");
    }
}

#[tokio::test]
async fn no_way_there_is_told_as_such() {
    if !inside("icmp::no_way_there_is_told_as_such") {
        return;
    }
    let peer = Peer::new("far", "192.0.2.1/24", "192.0.2.2/24");
    let clock = Clock::start();

    // Said by this machine's own routes.
    let mut nowhere = probe(clock, 200, r#"target = "203.0.113.9""#);
    let first = nowhere.next().await;
    assert_eq!(first.error.as_ref().map(|error| error.kind), Some(ErrorKind::Unreachable), "{first:?}");
    assert!(says(&first, "internet.target_unreachable"));
    assert_eq!(first.reading.findings[0].verdict, Verdict::NotReady);

    // Said by a router, to a raw socket.
    routers_say_no(clock, &peer).await;

    // A way there again: seen without a restart.
    let mut beyond = probe(clock, 200, r#"target = "198.51.100.7""#);
    assert!(says(&beyond.next().await, "internet.target_unreachable"));
    peer.run("ip", &["route", "del", "unreachable", "198.51.100.0/24"]);
    peer.run("ip", &["addr", "add", "198.51.100.7/32", "dev", "lo"]);
    let (seen, _) = until(&mut beyond, clock, LONG, |seen| seen.error.is_none()).await;
    assert!(seen.reading.sample.is_some_and(|sample| !sample.outage), "{seen:?}");
}

#[tokio::test]
async fn silence_and_return_are_noticed_and_disturb_no_other_target() {
    if !inside("icmp::silence_and_return_are_noticed_and_disturb_no_other_target") {
        return;
    }
    let quiet = Peer::new("quiet", "192.0.2.1/25", "192.0.2.2/25");
    let steady = Peer::new("steady", "192.0.2.129/25", "192.0.2.130/25");
    let clock = Clock::start();
    let mut bystander = probe(clock, 250, r#"target = "192.0.2.130""#);
    let mut subject = probe(clock, 250, "target = \"192.0.2.2\"\nburst = 50");
    let (stop, mut stopped) = tokio::sync::oneshot::channel();
    let watching = tokio::spawn(async move {
        let mut seen: Vec<Observation> = Vec::new();
        loop {
            tokio::select! {
                observation = bystander.next() => seen.push(observation),
                _ = &mut stopped => return seen,
            }
        }
    });

    let rounds: u32 = std::env::var("SIAGA_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let (mut noticed, mut returned) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        // Well beyond the burst of 50, at any phase of the schedule.
        let phase = Duration::from_millis(2000 + rand::random_range(0..250));
        pass(&mut subject, clock, clock.mono().after(phase)).await;
        let cut = clock.mono();
        quiet.run("sh", &["-c", "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all"]);
        let (seen, _) = until(&mut subject, clock, LONG, |seen| says(seen, "internet.target_silent")).await;
        noticed.push(seen.at.mono.since(cut).as_secs_f64());
        assert!(seen.reading.sample.unwrap().outage);
        assert_eq!(value(&seen, "icmp_rtt_median_seconds"), None, "a silent target has no round trip");
        let phase = Duration::from_millis(1000 + rand::random_range(0..250));
        pass(&mut subject, clock, clock.mono().after(phase)).await;
        let healed = clock.mono();
        quiet.run("sh", &["-c", "echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_all"]);
        let answers = |seen: &Observation| value(seen, "icmp_rtt_seconds").is_some();
        let (seen, _) = until(&mut subject, clock, LONG, answers).await;
        returned.push(seen.at.mono.since(healed).as_secs_f64());
    }
    stop.send(()).unwrap();
    let others = watching.await.unwrap();
    assert!(others.iter().all(|seen| seen.error.is_none() && !says(seen, "internet.target_silent")));
    let last = others.last().unwrap();
    assert_eq!(value(last, "icmp_lost_total"), Some(0.0), "the other target lost nothing");
    let gap = |pair: &[Observation]| pair[1].at.mono.since(pair[0].at.mono);
    let longest = others.windows(2).map(gap).max().unwrap_or_default();
    report(&format!(
        "icmp: 4 echoes/s, {rounds} rounds: silence told after {:.0} ms, return after {:.0} ms (medians); \
         longest gap of the other target {longest:?}",
        median(noticed) * 1e3,
        median(returned) * 1e3,
    ));
    drop(steady);
}

#[tokio::test]
async fn the_gateway_is_that_of_the_moment() {
    if !inside("icmp::the_gateway_is_that_of_the_moment") {
        return;
    }
    let _old = Peer::new("old", "192.0.2.1/25", "192.0.2.2/25");
    let _new = Peer::new("new", "2001:db8::1/64", "2001:db8::2/64");
    let clock = Clock::start();
    let mut probe = probe(clock, 200, "target = \"gateway\"\nburst = 0");
    let first = probe.next().await;
    assert!(says(&first, "internet.gateway_absent"), "{first:?}");
    assert_eq!(first.reading.findings[0].verdict, Verdict::NotReady);
    run("ip", &["route", "add", "default", "via", "192.0.2.2"]);
    until(&mut probe, clock, LONG, |seen| value(seen, "icmp_rtt_seconds").is_some()).await;
    run("ip", &["route", "del", "default"]);
    until(&mut probe, clock, LONG, |seen| says(seen, "internet.gateway_absent")).await;
    // By a cable there is a router, or the line has failed: what a machine without DHCP gives itself looks so.
    run("ip", &["route", "add", "default", "dev", "old"]);
    for _ in 0..3 {
        let seen = probe.next().await;
        assert!(says(&seen, "internet.gateway_absent"), "{seen:?}");
    }
    run("ip", &["route", "del", "default"]);
    // As over PPP or a tunnel: a way out, and nobody there to ping.
    run("ip", &["tuntap", "add", "straight", "mode", "tun"]);
    run("ip", &["link", "set", "straight", "up"]);
    run("ip", &["route", "add", "default", "dev", "straight"]);
    let (alone, _) = until(&mut probe, clock, LONG, |seen| says(seen, "siaga.no_router_to_ping")).await;
    assert_eq!(alone.reading.findings[0].verdict, Verdict::Unknown);
    assert!(value(&alone, "icmp_echoes_total").is_some_and(|count| count > 0.0), "{alone:?}");
    run("ip", &["route", "del", "default"]);
    run("ip", &["-6", "route", "add", "default", "via", "2001:db8::2"]);
    until(&mut probe, clock, LONG, |seen| value(seen, "icmp_rtt_seconds").is_some()).await;
}

#[tokio::test]
async fn a_name_that_never_resolves_is_unknown() {
    if !inside("icmp::a_name_that_never_resolves_is_unknown") {
        return;
    }
    let clock = Clock::start();
    let mut probe = probe(clock, 200, r#"target = "far.example""#);
    for _ in 0..2 {
        let seen = probe.next().await;
        assert_eq!(seen.error.as_ref().map(|error| error.kind), Some(ErrorKind::Dns), "{seen:?}");
        assert_eq!(seen.reading.findings[0].verdict, Verdict::Unknown);
    }
}
