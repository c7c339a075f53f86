//! The line is down: the receiver is gone, frozen, or refuses what is old; the daemon is killed; the disk is full.

use std::process::Command;

use rustix::process::Signal;

use super::far::{Prometheus, Told, free_port, url};
use super::room::{number, wait_for_number, with};
use crate::support::daemon::Daemon;
use crate::support::namespace::inside;

const PENDING: &str = "siaga_remote_write_pending_samples";
const SENT: &str = "siaga_remote_write_sent_samples_total";
const OLDEST: &str = "siaga_remote_write_oldest_pending_timestamp_seconds";
const SERIES: &str = "siaga_remote_write_buffer_healthy";

/// The moments that were taken while pushes went on, at an interval of so many ms: none is missing between the first and the last.
fn without_gap(moments: &[i64], interval: i64) {
    assert!(moments.windows(2).all(|pair| pair[0] < pair[1]), "in their order");
    // A busy machine takes one late, and never two at once.
    let gaps: Vec<_> = moments.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > interval * 30).collect();
    assert!(gaps.is_empty(), "{gaps:?} of {} samples", moments.len());
}

/// Waits until so many pushes more wait than now.
fn waits(daemon: &Daemon, pushes: u16) {
    let metrics = daemon.get("/metrics");
    let series = metrics.body.lines().filter(|line| !line.starts_with('#')).count();
    let more = f64::from(pushes) * f64::from(u16::try_from(series).unwrap());
    let now = number(&metrics, PENDING).unwrap();
    wait_for_number(daemon, PENDING, |pending| pending >= now + more);
}

fn assert_nothing_dropped(daemon: &Daemon) {
    let metrics = daemon.get("/metrics").body;
    let dropped: Vec<&str> =
        metrics.lines().filter(|line| line.starts_with("siaga_remote_write_dropped_samples_total{")).collect();
    assert!(dropped.len() > 3 && dropped.iter().all(|line| line.ends_with(" 0")), "{dropped:?}");
}

#[test]
fn an_hour_without_a_receiver_is_delivered_in_its_order_with_none_missing() {
    let (home, folder, address) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), free_port());
    // 120 intervals, as an hour has at the usual one. Nobody is there yet.
    with(folder.path(), &url(address), "interval = \"100ms\"\n");
    let daemon = Daemon::start(folder.path());
    waits(&daemon, 120);
    let log = daemon.log();
    assert_eq!(log.matches("samples cannot be pushed").count(), 1, "it is said once: {log}");

    // While nobody is there it stays.
    let oldest = wait_for_number(&daemon, OLDEST, |_| true);
    let far = Prometheus::start(home.path(), address);
    wait_for_number(&daemon, PENDING, |pending| pending < 1000.0);
    let sent = wait_for_number(&daemon, SENT, |_| true);
    assert_nothing_dropped(&daemon);
    let log = daemon.stop();
    assert_eq!(log.matches("samples are pushed again").count(), 1, "{log}");
    let moments = far.moments(SERIES);
    without_gap(&moments, 100);
    assert!(moments.len() >= 120, "{} of {sent} samples", moments.len());
    #[allow(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
    let oldest = (oldest * 1000.0).round() as i64;
    assert_eq!(moments[0], oldest, "from the first of all");
}

#[test]
fn a_frozen_receiver_and_a_kill_of_the_daemon_cost_nothing_that_was_written() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let far = Prometheus::start(home.path(), free_port());
    with(folder.path(), &far.url(), "interval = \"100ms\"\ntimeout = \"500ms\"\n");
    let mut daemon = Daemon::start(folder.path());
    wait_for_number(&daemon, SENT, |sent| sent > 1000.0);
    far.signal(Signal::STOP);
    // It takes connections, and answers nothing.
    wait_for_number(&daemon, "siaga_remote_write_failed_attempts_total{reason=\"timeout\"}", |times| times > 0.0);
    let mut kills = Vec::new();
    for _ in 0..3 {
        waits(&daemon, 15);
        kills.push(daemon.get("/metrics"));
        daemon.kill();
        daemon = Daemon::start(folder.path());
    }
    far.signal(Signal::CONT);
    wait_for_number(&daemon, SENT, |sent| sent > 0.0);
    wait_for_number(&daemon, PENDING, |pending| pending < 1000.0);
    let refused = wait_for_number(&daemon, "siaga_remote_write_dropped_samples_total{reason=\"refused\"}", |_| true);
    daemon.stop();
    assert!(refused < f64::EPSILON, "nothing came out of its order");
    let moments = far.moments(SERIES);
    assert!(moments.windows(2).all(|pair| pair[0] < pair[1]));
    // What was said to have been taken before a kill is there: the moment of the snapshot is itself a sample.
    for said in kills {
        let at = number(&said, "siaga_remote_write_oldest_pending_timestamp_seconds").unwrap();
        #[allow(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
        let at = (at * 1000.0).round() as i64;
        assert!(moments.contains(&at), "{at} in {moments:?}");
    }
    // A kill costs the time until the next start, and no more than one sample before it.
    let gaps = moments.windows(2).filter(|pair| pair[1] - pair[0] > 3000).count();
    assert!(gaps <= 3, "{gaps} gaps in {moments:?}");
    assert!(moments.len() >= 45, "{}", moments.len());
}

#[test]
fn what_prometheus_refuses_as_too_old_blocks_nothing() {
    let (home, folder, address) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), free_port());
    with(folder.path(), &url(address), "interval = \"100ms\"\ntimeout = \"1s\"\n");
    let daemon = Daemon::start(folder.path());
    waits(&daemon, 20);
    // Another daemon of the same name tells Prometheus newer samples first: those that wait are out of order there.
    daemon.signal(Signal::STOP);
    let far = Prometheus::start(home.path(), address);
    let other = tempfile::tempdir().unwrap();
    with(other.path(), &far.url(), "interval = \"100ms\"\n");
    let newer = Daemon::start(other.path());
    wait_for_number(&newer, SENT, |sent| sent > 0.0);
    newer.kill();
    daemon.signal(Signal::CONT);
    let refused = wait_for_number(&daemon, "siaga_remote_write_dropped_samples_total{reason=\"refused\"}", |refused| {
        refused > 0.0
    });
    wait_for_number(&daemon, PENDING, |pending| pending < 1000.0);
    wait_for_number(&daemon, SENT, |sent| sent > 0.0);
    let log = daemon.stop();
    assert!(refused > 0.0 && log.contains("the receiver refuses samples for good"), "{log}");
}

#[test]
fn a_full_disk_costs_the_memory_of_it_and_pushes_go_on() {
    if !inside("remote_write::outage::a_full_disk_costs_the_memory_of_it_and_pushes_go_on") {
        return;
    }
    let far = Told::default();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let mount = |args: &[&str]| assert!(Command::new("mount").args(args).arg(&state).status().unwrap().success());
    mount(&["-t", "tmpfs", "-o", "size=2m", "tmpfs"]);
    with(folder.path(), &url(far.serve()), "interval = \"100ms\"\n");
    let daemon = Daemon::start(folder.path());
    wait_for_number(&daemon, SENT, |sent| sent > 0.0);
    std::fs::write(state.join("filler"), vec![0_u8; 3_000_000]).unwrap_err();
    // The log of the file may have had room to spare. What waits needs more.
    far.answer(&[(503, Some("30"))]);
    wait_for_number(&daemon, SERIES, |healthy| healthy < 0.5);
    let sent = wait_for_number(&daemon, SENT, |_| true);
    // From memory, once what is on the disk has gone.
    wait_for_number(&daemon, SENT, |now| now > sent + 2000.0);
    assert!(daemon.log().contains("cannot be kept on the disk; it waits in memory"), "{}", daemon.log());
    std::fs::remove_file(state.join("filler")).unwrap();
    // Room for the log of the other database too, which is folded in only at 4 MB.
    mount(&["-o", "remount,size=20m"]);
    wait_for_number(&daemon, SERIES, |healthy| healthy > 0.5);
    let sent = wait_for_number(&daemon, SENT, |_| true);
    wait_for_number(&daemon, SENT, |now| now > sent);
    assert_nothing_dropped(&daemon);
    daemon.stop();
    // Each arrived once, in its order.
    let taken: Vec<i64> = far
        .seen()
        .iter()
        .filter(|arrival| arrival.status == 204)
        .map(|arrival| super::answers::moment(&arrival.body))
        .collect();
    assert!(taken.windows(2).all(|pair| pair[0] < pair[1]), "{taken:?}");
    without_gap(&taken, 100);
}
