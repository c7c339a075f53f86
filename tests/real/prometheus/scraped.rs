//! The shipped alerts and rules, run by the real Prometheus.

use std::collections::BTreeMap;

use serde_json::Value;

use super::server::{Prometheus, shipped};
use super::{promtool, whole_catalogue};
use crate::receivers;
use crate::sessions::{MINUTE, Scheduler, ahead, meeting};
use crate::support::certificates::Authority;
use crate::support::daemon::{Daemon, room};
use crate::support::upsd::Upsd;
use crate::support::web::serve;
use crate::tokens::NOTHING;
use crate::web_tls;

#[tokio::test]
async fn the_shipped_alerts_see_the_room_and_its_loss() {
    let served = serve(whole_catalogue().build()).await;
    let client = served.client.clone();
    let prometheus = Prometheus::start(&served);
    let alert = |name: &str| format!("ALERTS{{alertname=\"{name}\", alertstate=\"pending\"}}");
    let found = prometheus.answered(&client, &alert("RoomNotReady")).await;
    assert_eq!(found[0]["metric"]["room"], "rapat_1");
    assert!(prometheus.query(&client, &alert("SiagaDown")).await.unwrap().is_empty());
    // The daemon is gone: the next scrape fails.
    served.stop().await;
    prometheus.answered(&client, &alert("SiagaDown")).await;
}

#[tokio::test]
async fn a_daemon_is_scraped_over_tls() {
    let authority = Authority::new();
    let pair = web_tls::issue(&authority, "one", 30);
    let folder = room(&format!(
        "{NOTHING}[web]\nlisten = \"127.0.0.1:0\"\ntls = {{ certificate_file = \"{}\", key_file = \"{}\" }}\n",
        pair.file.display(),
        pair.key.display()
    ));
    let daemon = Daemon::start(folder.path());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let prometheus = Prometheus::over_tls(daemon.address(), &authority.file);
    prometheus.answered(&client, "up{job=\"siaga\"} == 1").await;
    let left = prometheus.answered(&client, "(siaga_web_certificate_expiry_timestamp_seconds - time()) / 86400").await;
    let days: f64 = left[0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!((29.0..30.1).contains(&days), "{days}");
    // With another authority it does not take what is said for the daemon's.
    let other = Authority::new();
    let stranger = Prometheus::over_tls(daemon.address(), &other.file);
    stranger.answered(&client, "up{job=\"siaga\"} == 0").await;
    daemon.stop();
}

/// A daemon of a room that has nothing but that UPS.
fn office(name: &str, upsd: &Upsd) -> (Daemon, tempfile::TempDir) {
    let folder = room(&receivers::config(upsd, "").replace("room_a", name));
    (Daemon::start(folder.path()), folder)
}

#[tokio::test]
async fn a_scheduler_finds_a_free_room_among_many_by_one_query() {
    let (mains, mut battery) = (Upsd::start(), Upsd::start());
    battery.set("ups.status", "OB LB");
    let (lost, bad, free) = (office("aula", &mains), office("gudang", &battery), office("rapat", &mains));
    let addresses = [&lost, &bad, &free].map(|(daemon, _)| daemon.address().to_string());
    let prometheus = Prometheus::over(&addresses);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // The query that README has, as somebody copies it.
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let query = readme.split_once("```promql\n").unwrap().1.split_once("```").unwrap().0;
    let rooms = |found: &[Value]| -> Vec<String> {
        let mut names: Vec<_> = found.iter().map(|one| one["metric"]["room"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    prometheus.answered(&client, "count(siaga:room_verdict{profile=\"zoom_group_720\", office!=\"\"}) == 3").await;
    prometheus.answered(&client, &format!("count({query}) == 2")).await;
    assert_eq!(rooms(&prometheus.answered(&client, query).await), ["aula", "rapat"]);
    // A meeting begins in an hour, and the question is about an hour and what lies between two meetings.
    let (daemon, folder) = &free;
    let jadwal = Scheduler::of(folder.path());
    let booked = jadwal.send(daemon, "PUT", "/api/v1/sessions/a", &meeting("Rapat", ahead(MINUTE * 60), MINUTE * 60));
    assert_eq!(booked.status, 201, "{}", booked.body);
    prometheus.answered(&client, &format!("count({query}) == 1")).await;
    assert_eq!(rooms(&prometheus.answered(&client, query).await), ["aula"]);
    let now = "siaga:room_free{profile=\"zoom_group_720\"} == 1";
    assert_eq!(rooms(&prometheus.answered(&client, now).await), ["aula", "rapat"], "ready and empty it is");
    assert_eq!(jadwal.send(daemon, "DELETE", "/api/v1/sessions/a", &Value::Null).status, 200);
    prometheus.answered(&client, &format!("count({query}) == 2")).await;
    let worst = prometheus.answered(&client, "topk(1, siaga:room_verdict{profile=\"zoom_group_720\"})").await;
    assert_eq!(rooms(&worst), ["gudang"]);
    // A daemon that is gone says nothing, and its room is free for nobody.
    lost.0.stop();
    prometheus.answered(&client, &format!("count({query}) == 1")).await;
    assert_eq!(rooms(&prometheus.answered(&client, query).await), ["rapat"]);
}

#[test]
fn promtool_accepts_what_is_shipped() {
    for args in [
        ["check", "config", "prometheus.yml"],
        ["check", "config", "fleet.yml"],
        ["check", "config", "fleet.push.yml"],
        ["check", "config", "region.yml"],
        ["check", "rules", "siaga.rules.yml"],
        ["check", "rules", "fleet.rules.yml"],
        ["test", "rules", "siaga.rules.test.yml"],
        ["test", "rules", "fleet.rules.test.yml"],
    ] {
        let (content, said) = promtool(&args, "");
        assert!(content, "{args:?}: {said}");
    }
}

/// Each alert of the rules has a test in which it fires, one in which it does not, and one in which no series is there.
#[test]
fn every_alert_is_tested_three_ways() {
    let rules = std::fs::read_to_string(shipped("prometheus/siaga.rules.yml")).unwrap();
    let tests = std::fs::read_to_string(shipped("prometheus/siaga.rules.test.yml")).unwrap();
    let (_, absent) = tests.split_once("- name: nothing is there at all\n").unwrap();
    let absent = absent.split("- name: ").next().unwrap();
    let mut seen: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for name in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let (mut fires, mut silent) = (0, 0);
        let mut lines = tests.lines().peekable();
        while let Some(line) = lines.next() {
            if !line.contains(&format!("alertname: {name}")) {
                continue;
            }
            let expected = line.contains("exp_alerts") || lines.peek().is_some_and(|next| next.contains("exp_alerts"));
            if expected { fires += 1 } else { silent += 1 }
        }
        assert!(absent.contains(&format!("alertname: {name}")), "{name}: nobody looks what it does without series");
        seen.insert(name, (fires, silent));
    }
    assert!(seen.len() >= 7, "{seen:?}");
    assert!(seen.values().all(|(fires, silent)| *fires > 0 && *silent > 0), "{seen:?}");
    for annotation in ["summary:", "description:", "severity:"] {
        assert_eq!(rules.matches(annotation).count(), seen.len(), "every alert has a {annotation}");
    }
    // Its runbook is a heading of README, as GitHub makes an anchor of one word.
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for name in seen.keys() {
        let url = format!("{}/blob/main/README.md#{}\n", env!("CARGO_PKG_REPOSITORY"), name.to_lowercase());
        assert!(
            rules.contains(&format!("runbook_url: {url}")) && readme.contains(&format!("\n### {name}\n")),
            "{name}"
        );
    }
}
