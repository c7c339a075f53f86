//! A real Prometheus with the shipped configuration (Debian package `prometheus`).

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::child::free_port;
use crate::support::web::Served;

/// What makes a shipped configuration scrape each second.
const HURRIED: &[(&str, &str)] = &[("_interval: 15s", "_interval: 1s"), ("scrape_timeout: 5s", "scrape_timeout: 1s")];

/// How long a query may stay without an answer.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// A Prometheus of one's own, ended with its handle.
pub(super) struct Prometheus {
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

/// A file of those that are shipped.
pub(super) fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(path)
}

impl Prometheus {
    /// Starts one with the shipped configuration of one room, aimed at `served` and hurried to a scrape a second.
    pub(super) fn start(served: &Served) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::at(home, "prometheus.yml", HURRIED, &[("127.0.0.1:10153", &served.address.to_string())])
    }

    /// The same with a daemon that is asked over TLS, whose authority's certificate is in `ca_file`.
    pub(super) fn over_tls(address: std::net::SocketAddr, ca_file: &Path) -> Self {
        let tls =
            format!("  - job_name: siaga\n    scheme: https\n    tls_config:\n      ca_file: {}\n", ca_file.display());
        let aims = [("127.0.0.1:10153", &*address.to_string()), ("  - job_name: siaga\n", &*tls)];
        Self::at(tempfile::tempdir().unwrap(), "prometheus.yml", HURRIED, &aims)
    }

    /// The same with that of many rooms, which finds them by a file.
    pub(super) fn over(rooms: &[String]) -> Self {
        Self::at(Self::home_of(rooms), "fleet.yml", HURRIED, &[])
    }

    /// The same at the pace that is shipped.
    pub(super) fn over_at_its_pace(rooms: &[String]) -> Self {
        Self::at(Self::home_of(rooms), "fleet.yml", &[], &[])
    }

    /// The one above, which asks a Prometheus at that address, and takes what is pushed to it.
    pub(super) fn of_the_region(below: &str) -> Self {
        let pace = [("_interval: 30s", "_interval: 1s"), ("scrape_timeout: 20s", "scrape_timeout: 1s")];
        Self::at(tempfile::tempdir().unwrap(), "region.yml", &pace, &[("192.0.2.20:9090", below)])
    }

    /// One over many rooms that pushes to another.
    pub(super) fn that_pushes(rooms: &[String], above: &Self) -> Self {
        let url = format!("{}/api/v1/write", above.url);
        Self::at(Self::home_of(rooms), "fleet.push.yml", HURRIED, &[("https://mimir.example.org/api/v1/push", &url)])
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// A folder in which the rooms are named.
    fn home_of(rooms: &[String]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("rooms")).unwrap();
        let targets = serde_json::json!([{ "targets": rooms, "labels": { "office": "Kantor Bupati" } }]);
        std::fs::write(home.path().join("rooms/all.json"), targets.to_string()).unwrap();
        home
    }

    fn at(home: tempfile::TempDir, file: &str, pace: &[(&str, &str)], aims: &[(&str, &str)]) -> Self {
        let mut config = std::fs::read_to_string(shipped("prometheus").join(file)).unwrap();
        for (from, to) in aims.iter().chain(pace) {
            assert!(config.contains(from), "{from}");
            config = config.replace(from, to);
        }
        std::fs::write(home.path().join("prometheus.yml"), config).unwrap();
        for rules in ["siaga.rules.yml", "fleet.rules.yml"] {
            std::fs::copy(shipped("prometheus").join(rules), home.path().join(rules)).unwrap();
        }
        // It cannot be told to take any free port and say which.
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", home.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", home.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--web.enable-remote-write-receiver")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is there (Debian package prometheus)");
        Self { child, url: format!("http://127.0.0.1:{port}"), _home: home }
    }

    /// The result of a query; an error's text if it is refused.
    pub(super) async fn query(&self, client: &reqwest::Client, query: &str) -> Result<Vec<Value>, String> {
        let url = reqwest::Url::parse_with_params(&format!("{}/api/v1/query", self.url), [("query", query)]).unwrap();
        let answer = client.get(url).send().await.map_err(|error| error.to_string())?;
        let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        match answer["data"]["result"].as_array() {
            Some(result) => Ok(result.clone()),
            None => Err(answer.to_string()),
        }
    }

    /// Asks until there is an answer that is not empty, or the time is up.
    pub(super) async fn answered(&self, client: &reqwest::Client, query: &str) -> Vec<Value> {
        let mut last = Err("not asked".to_owned());
        let asked = tokio::time::timeout(PATIENCE, async {
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

    /// Whether a query has an answer now; one that cannot be asked has none.
    pub(super) async fn holds(&self, client: &reqwest::Client, query: &str) -> bool {
        self.query(client, query).await.is_ok_and(|result| !result.is_empty())
    }

    /// The number that a query answers.
    pub(super) async fn number(&self, client: &reqwest::Client, query: &str) -> f64 {
        let result = self.query(client, query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
        let value = result.first().and_then(|one| one["value"][1].as_str()?.parse().ok());
        value.unwrap_or_else(|| panic!("{query} is no number: {result:?}"))
    }

    /// What it says of itself.
    pub(super) async fn own(&self, client: &reqwest::Client) -> String {
        client.get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap()
    }

    /// How long the slowest group of rules took last, s.
    pub(super) async fn slowest_group(&self, client: &reqwest::Client) -> f64 {
        let answer = client.get(format!("{}/api/v1/rules", self.url)).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let groups = answer["data"]["groups"].as_array().unwrap();
        groups.iter().filter_map(|group| group["evaluationTime"].as_f64()).fold(0.0, f64::max)
    }
}
