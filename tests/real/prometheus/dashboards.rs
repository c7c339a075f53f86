//! The shipped dashboards: each query of each panel, variable and annotation is answered by a real Prometheus over a real daemon,
//! and each file is what Grafana reads.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::everything::Everything;
use super::promtool;
use super::server::{PATIENCE, Prometheus, shipped};

/// Panels that Grafana has without a plug-in, of those that it has.
const PANELS: [&str; 4] = ["stat", "state-timeline", "table", "timeseries"];
/// Grafana's own names of units that are used.
const UNITS: [&str; 11] = ["s", "percentunit", "bytes", "Bps", "short", "ops", "pps", "volt", "hertz", "celsius", "dB"];
/// What Grafana itself puts in the place of a variable, and what a test does.
const GRAFANAS: [(&str, &str); 4] =
    [("$__rate_interval", "10s"), ("$__interval_ms", "1000"), ("$__interval", "1s"), ("$__range", "1m")];

/// A dashboard.
struct Dashboard {
    file: String,
    json: Value,
}

/// One query, and where it stands.
struct Query {
    place: String,
    text: String,
    /// Labels without which its legend or title would have a hole.
    labels: BTreeSet<String>,
}

fn all() -> Vec<Dashboard> {
    let mut all: Vec<_> = std::fs::read_dir(shipped("grafana"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .map(|path| {
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            Dashboard { json: serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}")), file }
        })
        .collect();
    all.sort_by(|one, other| one.file.cmp(&other.file));
    all
}

fn list<'a>(value: &'a Value, what: &str) -> &'a [Value] {
    value.as_array().unwrap_or_else(|| panic!("{what} is no list: {value}"))
}

fn text<'a>(value: &'a Value, what: &str) -> &'a str {
    value.as_str().filter(|text| !text.is_empty()).unwrap_or_else(|| panic!("{what}: {value}"))
}

/// The labels of a legend, `{{check}} at least`.
fn labels(legend: &Value) -> BTreeSet<String> {
    let parts = legend.as_str().unwrap_or_default().split("{{").skip(1);
    parts.map(|part| part.split_once("}}").expect("a label ends").0.to_owned()).collect()
}

impl Dashboard {
    fn panels(&self) -> &[Value] {
        list(&self.json["panels"], &self.file)
    }

    fn variables(&self) -> &[Value] {
        list(&self.json["templating"]["list"], &self.file)
    }

    fn annotations(&self) -> &[Value] {
        list(&self.json["annotations"]["list"], &self.file)
    }

    fn queries(&self) -> Vec<Query> {
        let mut queries = Vec::new();
        for panel in self.panels() {
            for target in list(&panel["targets"], &self.file) {
                let place = format!("{}, {} {}", self.file, panel["title"], target["refId"]);
                let text = text(&target["expr"], &place).to_owned();
                queries.push(Query { place, text, labels: labels(&target["legendFormat"]) });
            }
        }
        for variable in self.variables() {
            let Some(definition) = variable["definition"].as_str() else { continue };
            let inner = definition.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
            let (series, label) = inner.rsplit_once(", ").unwrap();
            let place = format!("{}, variable {}", self.file, variable["name"]);
            queries.push(Query { place, text: series.to_owned(), labels: BTreeSet::from([label.to_owned()]) });
        }
        for annotation in self.annotations() {
            let place = format!("{}, annotation {}", self.file, annotation["name"]);
            let text = text(&annotation["expr"], &place).to_owned();
            queries.push(Query { place, text, labels: labels(&annotation["titleFormat"]) });
        }
        queries
    }
}

/// The queries of the dashboard of many rooms, each with the title of its panel.
pub(super) fn of_the_fleet() -> Vec<(String, String)> {
    let fleet = all().into_iter().find(|dashboard| dashboard.file == "fleet.json").unwrap();
    let filled = |query: Query| (query.place, query.text.replace("$profile", "zoom_group_720"));
    fleet.queries().into_iter().map(filled).collect()
}

#[tokio::test]
async fn each_query_of_each_dashboard_is_answered() {
    let everything = tokio::task::spawn_blocking(Everything::start).await.unwrap();
    let instance = everything.daemon.address().to_string();
    let (content, said) = promtool(&["check", "metrics"], &everything.daemon.get("/metrics").body);
    assert!(content && said.is_empty(), "{said}");
    let prometheus = Prometheus::over(std::slice::from_ref(&instance));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    prometheus.answered(&client, "siaga_room_phase{phase=\"live\"} == 1").await;
    // What is told is what was booked, and what config/profiles.toml has for its kind of meeting.
    for (query, value) in [
        ("siaga_sessions_booked", 2.0),
        ("sum(siaga_room_phase)", 1.0),
        ("max by (session) (siaga_session_end_timestamp_seconds - siaga_session_start_timestamp_seconds)", 3600.0),
        (
            "siaga_session_start_timestamp_seconds{session=\"next\"} > bool on () siaga_session_end_timestamp_seconds{session=\"current\"}",
            1.0,
        ),
        ("siaga_limit_icmp_rtt_median_seconds{check=\"near\", state=\"degraded\"}", 0.15),
        ("siaga_limit_icmp_rtt_median_seconds{check=\"near\", state=\"not_ready\"}", 0.64),
        ("siaga_limit_bandwidth_up_bytes_per_second{check=\"speed\", state=\"degraded\"}", 325_000.0),
        ("siaga_limit_ups_usable_runtime_seconds{check=\"ups\", source=\"battery\", state=\"not_ready\"}", 900.0),
    ] {
        let told = prometheus.number(&client, query).await;
        assert!((told - value).abs() < 1e-9, "{query}: {told}");
    }
    let ours = [("$instance", &*instance), ("$room", "rapat_1"), ("$profile", "zoom_group_720"), ("$check", ".*")];
    let mut open: Vec<Query> = all().iter().flat_map(Dashboard::queries).collect();
    for query in &mut open {
        query.text =
            GRAFANAS.iter().chain(&ours).fold(query.text.clone(), |text, (name, value)| text.replace(name, value));
        assert!(!query.text.contains('$'), "{}: a variable that nobody fills: {}", query.place, query.text);
    }
    let asked = open.len();
    // Some speak of what must be scraped twice, or comes with the meeting: each is asked until it is answered.
    let answered = tokio::time::timeout(PATIENCE, async {
        let mut ticker = tokio::time::interval(Duration::from_millis(500));
        let mut next = 0;
        while !open.is_empty() {
            // One round a tick; what is not answered stays where it is, so that a timeout can name it.
            if next >= open.len() {
                ticker.tick().await;
                next = 0;
            }
            let query = &open[next];
            let result = prometheus.query(&client, &query.text).await;
            let result = result.unwrap_or_else(|error| panic!("{}: {error}", query.place));
            let has = |label: &String| result.iter().any(|one| one["metric"][label].is_string());
            if !result.is_empty() && query.labels.iter().all(has) {
                open.swap_remove(next);
            } else {
                next += 1;
            }
        }
    });
    let in_time = answered.await.is_ok();
    let told = |query: &Query| format!("{} ({:?}): {}\n", query.place, query.labels, query.text);
    assert!(
        in_time,
        "of {asked}, without an answer or a label that they name:\n{}",
        open.iter().map(told).collect::<String>()
    );
    assert!(asked > 100, "{asked}");
}

#[test]
fn each_dashboard_is_what_grafana_reads() {
    let all = all();
    let files: Vec<_> = all.iter().map(|dashboard| dashboard.file.as_str()).collect();
    assert_eq!(files, ["audio-video.json", "fleet.json", "internet.json", "power.json", "room.json", "sessions.json"]);
    let (mut uids, mut titles) = (BTreeSet::new(), BTreeSet::new());
    for dashboard in &all {
        let (file, json) = (&dashboard.file, &dashboard.json);
        // By its uid a provisioned dashboard is found again; 40 characters at most.
        let uid = text(&json["uid"], file);
        assert!(uid.len() <= 40 && uid.starts_with("siaga-") && uids.insert(uid), "{file}: {uid}");
        assert!(titles.insert(text(&json["title"], file)), "{file}");
        assert!(json["id"].is_null(), "{file}: a number of one Grafana's database");
        // Grafana 10; a newer one migrates it when it reads it.
        assert_eq!((&json["schemaVersion"], &json["tags"]), (&json!(38), &json!(["siaga"])), "{file}");
        variables(dashboard);
        annotations(dashboard);
        panels(dashboard);
    }
}

/// A data source first, which all else asks; then variables, each of which asks only by those before it.
fn variables(dashboard: &Dashboard) {
    let file = &dashboard.file;
    let mut known: Vec<String> = GRAFANAS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for (place, variable) in dashboard.variables().iter().enumerate() {
        let name = format!("${}", text(&variable["name"], file));
        assert!(!known.contains(&name), "{file}: {name} twice");
        if place == 0 {
            let source = (&variable["name"], &variable["type"], &variable["query"]);
            assert_eq!(source, (&json!("datasource"), &json!("datasource"), &json!("prometheus")), "{file}");
        } else {
            assert_eq!(variable["type"], "query", "{file}: {name}");
            source_is_variable(variable, file);
            let definition = text(&variable["definition"], file);
            assert_eq!(variable["query"]["query"], definition, "{file}: {name}");
            only_known(definition, &known, file);
        }
        known.push(name);
    }
    for query in dashboard.queries() {
        only_known(&query.text, &known, &query.place);
    }
}

/// No `$` begins anything but a variable that is known.
fn only_known(query: &str, known: &[String], place: &str) {
    for part in query.split('$').skip(1) {
        let name: String = part.chars().take_while(|char| char.is_ascii_alphanumeric() || *char == '_').collect();
        assert!(known.contains(&format!("${name}")), "{place}: ${name} in {query}");
    }
}

fn source_is_variable(value: &Value, place: &str) {
    assert_eq!(value["datasource"], json!({ "type": "prometheus", "uid": "${datasource}" }), "{place}");
}

fn annotations(dashboard: &Dashboard) {
    let names: Vec<_> = dashboard.annotations().iter().map(|one| &one["name"]).collect();
    // Of all rooms they would be a curtain.
    let expected = if dashboard.file == "fleet.json" { vec![] } else { vec!["Incidents", "Meetings"] };
    assert_eq!(names, expected, "{}", dashboard.file);
    for annotation in dashboard.annotations() {
        source_is_variable(annotation, &dashboard.file);
        assert_eq!((&annotation["enable"], &annotation["useValueForTime"]), (&json!(true), &json!(false)));
    }
}

fn panels(dashboard: &Dashboard) {
    let mut ids = BTreeSet::new();
    let mut taken: BTreeMap<(u64, u64), &Value> = BTreeMap::new();
    for panel in dashboard.panels() {
        let place = format!("{}, {}", dashboard.file, panel["title"]);
        text(&panel["title"], &place);
        assert!(ids.insert(panel["id"].as_u64().filter(|id| *id > 0).unwrap()), "{place}: its id twice");
        assert!(PANELS.contains(&text(&panel["type"], &place)), "{place}: {}", panel["type"]);
        source_is_variable(panel, &place);
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= 24, "{place}: a grid of 24 columns");
        for cell in (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))) {
            let other = taken.insert(cell, &panel["title"]);
            assert_eq!(other, None, "{place}: two panels at {cell:?}");
        }
        let mut refs = BTreeSet::new();
        for target in list(&panel["targets"], &place) {
            source_is_variable(target, &place);
            assert!(refs.insert(text(&target["refId"], &place)), "{place}: {}", target["refId"]);
        }
        assert!(!refs.is_empty(), "{place}");
        let defaults = &panel["fieldConfig"]["defaults"];
        assert!(defaults["unit"].is_null() || UNITS.contains(&text(&defaults["unit"], &place)), "{place}");
        thresholds(panel, &place);
        for rule in list(&panel["fieldConfig"]["overrides"], &place) {
            assert_eq!(rule["matcher"]["id"], "byRegexp", "{place}");
            assert!(!list(&rule["properties"], &place).is_empty(), "{place}");
        }
    }
}

/// What is judged is drawn by the daemon's own limits: a threshold is a whole share (1), something rather than nothing (1), or
/// the minute after which `SiagaStale` fires, and no figure of a profile written a second time.
fn thresholds(panel: &Value, place: &str) {
    let steps = list(&panel["fieldConfig"]["defaults"]["thresholds"]["steps"], place);
    assert!(steps[0]["value"].is_null(), "{place}: the first step has no lower end");
    for step in &steps[1..] {
        let of_the_judge = panel["targets"][0]["expr"].as_str().unwrap().contains("siaga_snapshot_timestamp_seconds");
        let allowed = step["value"] == 1 || (of_the_judge && step["value"] == 60);
        assert!(allowed, "{place}: {step}");
    }
}

/// README's steps put the files where the provisioning looks, and Grafana's step is the scrape's.
#[test]
fn what_is_provisioned_is_what_readme_installs() {
    let read = |path: &str| std::fs::read_to_string(shipped(path)).unwrap();
    let value = |text: &str, key: &str| -> String {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("{key}: ")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {key} in {text}"))
    };
    let dashboards = read("grafana/provisioning/dashboards/siaga.yml");
    let source = read("grafana/provisioning/datasources/siaga.yml");
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let folder = value(&dashboards, "path");
    assert!(readme.contains(&format!("install -D -m 644 -t {folder} config/grafana/*.json")), "{folder}");
    for config in ["prometheus/prometheus.yml", "prometheus/fleet.yml"] {
        assert_eq!(value(&read(config), "scrape_interval"), value(&source, "timeInterval"), "{config}");
    }
    assert_eq!(value(&source, "type"), "prometheus");
    for dashboard in all() {
        assert!(readme.contains(&format!("| `{}` |", dashboard.file)), "README does not name {}", dashboard.file);
    }
}
