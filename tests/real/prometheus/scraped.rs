//! The shipped configuration, run by the real Prometheus.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{promtool, whole_catalogue};
use crate::receivers;
use crate::support::daemon::{Daemon, room};
use crate::support::upsd::Upsd;
use crate::support::web::{Served, serve};

/// A Prometheus of one's own, ended with its handle.
struct Prometheus {
    child: Child,
    url: String,
    _home: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(path)
}

impl Prometheus {
    /// Starts one with the shipped configuration of one room, aimed at `served` and hurried to a scrape a second.
    fn start(served: &Served) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::at(home, "prometheus.yml", &[("127.0.0.1:10153", &served.address.to_string())])
    }

    /// The same with that of many rooms, which finds them by a file.
    fn over(rooms: &[String]) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("rooms")).unwrap();
        let targets = serde_json::json!([{ "targets": rooms, "labels": { "office": "Kantor Bupati" } }]);
        std::fs::write(home.path().join("rooms/all.json"), targets.to_string()).unwrap();
        Self::at(home, "fleet.yml", &[])
    }

    fn at(home: tempfile::TempDir, file: &str, aims: &[(&str, &str)]) -> Self {
        let mut config = std::fs::read_to_string(shipped("prometheus").join(file)).unwrap();
        let hurried = [("_interval: 15s", "_interval: 1s"), ("scrape_timeout: 5s", "scrape_timeout: 1s")];
        for (from, to) in aims.iter().copied().chain(hurried) {
            assert!(config.contains(from), "{from}");
            config = config.replace(from, to);
        }
        std::fs::write(home.path().join("prometheus.yml"), config).unwrap();
        for rules in ["siaga.rules.yml", "fleet.rules.yml"] {
            std::fs::copy(shipped("prometheus").join(rules), home.path().join(rules)).unwrap();
        }
        // It cannot be told to take any free port and say which, so one is found and given back just before.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", home.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", home.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is there (Debian package prometheus)");
        Self { child, url: format!("http://127.0.0.1:{port}"), _home: home }
    }

    /// The result of a query; an error's text if it is refused.
    async fn query(&self, client: &reqwest::Client, query: &str) -> Result<Vec<Value>, String> {
        let url = reqwest::Url::parse_with_params(&format!("{}/api/v1/query", self.url), [("query", query)]).unwrap();
        let answer = client.get(url).send().await.map_err(|error| error.to_string())?;
        let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        match answer["data"]["result"].as_array() {
            Some(result) => Ok(result.clone()),
            None => Err(answer.to_string()),
        }
    }

    /// Asks until there is an answer that is not empty, or the time is up.
    async fn answered(&self, client: &reqwest::Client, query: &str) -> Vec<Value> {
        let mut last = Err("not asked".to_owned());
        let asked = tokio::time::timeout(Duration::from_mins(1), async {
            let mut ticker = tokio::time::interval(Duration::from_millis(200));
            loop {
                ticker.tick().await;
                last = self.query(client, query).await;
                if let Ok(result) = &last
                    && !result.is_empty()
                {
                    return result.clone();
                }
            }
        });
        asked.await.unwrap_or_else(|late| panic!("no answer to {query} ({late}): {last:?}"))
    }
}

/// Every value of a key, anywhere in a JSON document.
fn all_of<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value.as_str().filter(|_| name == key) {
                    Some(text) => found.push(text),
                    None => all_of(value, key, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| all_of(value, key, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_panel_and_every_variable_of_every_dashboard_is_answered() {
    let served = serve(whole_catalogue().build()).await;
    let instance = served.address.to_string();
    let prometheus = Prometheus::over(std::slice::from_ref(&instance));
    let filled = |query: &str| {
        let names = query.replace("$instance", &instance).replace("$room", "rapat_1").replace("$profile", "rapat");
        names.replace("$__rate_interval", "10s")
    };
    prometheus.answered(&served.client, "up{job=\"siaga\"} == 1").await;
    let mut dashboards = 0;
    for entry in std::fs::read_dir(shipped("grafana")).unwrap() {
        let path = entry.unwrap().path();
        let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        dashboards += 1;
        let mut queries = Vec::new();
        all_of(&dashboard, "expr", &mut queries);
        assert!(!queries.is_empty(), "{}", path.display());
        for query in queries {
            let query = filled(query);
            assert!(!query.contains('$'), "a variable that nobody fills: {query}");
            prometheus.answered(&served.client, &query).await;
        }
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            let Some(definition) = variable["definition"].as_str() else { continue };
            let inner = definition.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
            let (series, label) = inner.rsplit_once(", ").unwrap();
            let result = prometheus.answered(&served.client, &filled(series)).await;
            assert!(result.iter().all(|one| one["metric"][label].is_string()), "{definition}");
        }
    }
    assert!(dashboards > 0);
    let room = prometheus
        .answered(&served.client, "siaga_room_state == 1 and on (room, profile) siaga_profile_in_force == 1")
        .await;
    assert_eq!((room.len(), &room[0]["metric"]["state"]), (1, &"not_ready".into()));
    served.stop().await;
}

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
    // The query that README has.
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let query = "siaga:room_free{profile=\"zoom_group_720\"} == 1";
    assert!(readme.contains(query));
    let rooms = |found: &[Value]| -> Vec<String> {
        let mut names: Vec<_> = found.iter().map(|one| one["metric"]["room"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    prometheus.answered(&client, "count(siaga:room_verdict{profile=\"zoom_group_720\", office!=\"\"}) == 3").await;
    prometheus.answered(&client, &format!("count({query}) == 2")).await;
    assert_eq!(rooms(&prometheus.answered(&client, query).await), ["aula", "rapat"]);
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
        ["check", "rules", "siaga.rules.yml"],
        ["check", "rules", "fleet.rules.yml"],
        ["test", "rules", "siaga.rules.test.yml"],
        ["test", "rules", "fleet.rules.test.yml"],
    ] {
        let (content, said) = promtool(&args, "");
        assert!(content, "{args:?}: {said}");
    }
}

/// Each alert of the rules has a test in which it fires and one in which it does not.
#[test]
fn every_alert_is_tested_both_ways() {
    let rules = std::fs::read_to_string(shipped("prometheus/siaga.rules.yml")).unwrap();
    let tests = std::fs::read_to_string(shipped("prometheus/siaga.rules.test.yml")).unwrap();
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
