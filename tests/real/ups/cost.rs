//! What seeing an outage takes, and what a poll costs.

use std::time::Duration;

use siaga::clock::Clock;
use siaga::probe::ups::Config;
use siaga::probe::ups::client::Client;

use super::{codes, probe_of};
use crate::support::upsd::{PATIENCE, UPS, Upsd, wait_until};

/// How long after upsd knows of an outage the probe has observed it, and what a poll costs.
///
/// The figures are written to `target/bench/ups.txt`; what is asserted is that every change is seen.
#[test]
fn changes_are_seen_and_polls_are_cheap() {
    // Not 250 ms: the driver looks once a second, and four polls would always meet it in the same phase.
    let interval = Duration::from_millis(237);
    let mut upsd = Upsd::start();
    let clock = Clock::start();
    let (sender, seen) = std::sync::mpsc::sync_channel(1024);
    let config = Config { server: upsd.address(), ..Config::default() };
    let watcher = std::thread::spawn(move || {
        runtime().block_on(async {
            let mut probe = probe_of(config, interval);
            loop {
                let observation = probe.next().await;
                let battery = codes(&observation).iter().any(|(_, code)| *code == "power.on_battery");
                if sender.send((clock.mono(), battery)).is_err() {
                    return;
                }
            }
        });
    });
    let mut wire = upsd.wire();
    let mut delays = Vec::new();
    for round in 0..20 {
        let battery = round % 2 == 0;
        let words = if battery { "OB DISCHRG" } else { "OL" };
        upsd.set_unseen("ups.status", words);
        let answer = format!("VAR {UPS} ups.status \"{words}\"");
        assert!(wait_until(|| wire.ask(&format!("GET VAR {UPS} ups.status")).as_deref() == Some(&answer)));
        let known = clock.mono();
        loop {
            let (at, observed) = seen.recv_timeout(PATIENCE).expect("the change is observed");
            if observed == battery {
                // Observed between two of our own looks: zero.
                delays.push(at.since(known));
                break;
            }
        }
    }
    drop(seen);
    watcher.join().unwrap();
    delays.sort();
    let delays: Vec<_> = delays.iter().map(|delay| delay.as_secs_f64() * 1e3).collect();

    upsd.grow(40);
    let report = format!(
        "upsd knows -> observed, polls every {interval:?}: min {:.0} ms, median {:.0} ms, max {:.0} ms of {}\n{}",
        delays[0],
        delays[delays.len() / 2],
        delays[delays.len() - 1],
        delays.len(),
        runtime().block_on(costs(&upsd)),
    );
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("ups.txt"), report).unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What each way of asking costs a call: time, and CPU time of this thread and of upsd.
async fn costs(upsd: &Upsd) -> String {
    const CALLS: u32 = 400;
    let clock = Clock::start();
    let now = || {
        use rustix::time::{ClockId, clock_gettime};
        let ours = Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/schedstat", upsd.server_pid())).unwrap();
        let theirs = Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap());
        [clock.elapsed(), ours, theirs]
    };
    let told = |what: &str, before: [Duration; 3], after: [Duration; 3]| {
        let [wall, ours, theirs] =
            [0, 1, 2].map(|i| after[i].abs_diff(before[i]).as_secs_f64() * 1e6 / f64::from(CALLS));
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        format!("{what}: {wall:.0} us a call, CPU {ours:.0} us of ours ({build} build), {theirs:.0} us of upsd's\n")
    };
    let mut client = Client::new(upsd.address(), PATIENCE);
    let mut variables = 0_u32;
    client.list_var(UPS, |_, _| variables += 1).await.unwrap();

    let before = now();
    for _ in 0..CALLS {
        client.get_var(UPS, "ups.status").await.unwrap();
    }
    let mut report = told("GET VAR ups.status", before, now());
    let before = now();
    for _ in 0..CALLS {
        client.list_var(UPS, |_, _| ()).await.unwrap();
    }
    report += &told(&format!("LIST VAR, {variables} variables"), before, now());
    report
}
