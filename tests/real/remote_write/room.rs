//! The room of these tests: one recorded UPS, and pushes to whoever is named.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::daemon::{Answer, Daemon, write_config};

const ROOM: &str = "[room]\nname = \"rapat_1\"\n\
     [components]\ncomputer = { absent = true }\ninternet = { absent = true }\naudio = { absent = true }\n\
     video = { absent = true }\nradio = { absent = true }\n";

/// Writes a config whose pushes go to `url`.
pub(super) fn with(folder: &Path, url: &str, more: &str) {
    std::fs::write(
        folder.join("calm.toml"),
        "title = \"Mains\"\n[[observe]]\ncheck = \"ups\"\nat = \"0s\"\nevery = \"1s\"\nuntil = \"3600s\"\n",
    )
    .unwrap();
    let at = folder.display();
    write_config(
        folder,
        &format!(
            "{ROOM}[[check]]\nname = \"ups\"\nkind = \"replay\"\ncomponent = \"power\"\nfile = \"{at}/calm.toml\"\ninterval = \"1s\"\n\
             [remote_write]\nurl = \"{url}\"\nrate = \"100 Mbit/s\"\n{more}"
        ),
    );
}

/// The same, while somebody is seen to use the room.
pub(super) fn in_use(folder: &Path, url: &str, more: &str) {
    with(folder, url, more);
    let scenario = "title = \"A meeting\"\n[[observe]]\ncheck = \"ups\"\nat = \"0s\"\nevery = \"1s\"\nuntil = \"3600s\"\nin_use = true\n";
    std::fs::write(folder.join("meeting.toml"), scenario).unwrap();
    let config = std::fs::read_to_string(folder.join("siaga.toml")).unwrap();
    write_config(folder, &config.replace("calm.toml", "meeting.toml"));
}

/// The same without its one check.
pub(super) fn without_check(folder: &Path, url: &str, more: &str) {
    write_config(folder, &format!("{ROOM}[remote_write]\nurl = \"{url}\"\n{more}"));
}

/// Waits until the room is judged.
pub(super) fn settled(daemon: &Daemon) {
    daemon.wait_for_check("ups", "ready", "");
}

/// One number of `/metrics`, by its series.
pub(super) fn number(metrics: &Answer, series: &str) -> Option<f64> {
    let line = metrics.body.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

/// Waits until a number of `/metrics` is good.
pub(super) fn wait_for_number(daemon: &Daemon, series: &str, good: impl Fn(f64) -> bool) -> f64 {
    let answer = daemon.wait_for("/metrics", series, |answer| number(answer, series).is_some_and(&good));
    number(&answer, series).unwrap()
}

/// What `/metrics` says, by series, each spelt with all labels that a pushed one has.
pub(super) fn series(exposition: &str) -> BTreeMap<String, f64> {
    let lines = exposition.lines().filter(|line| !line.starts_with('#'));
    let all = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.trim_end_matches('}').split("\",").filter_map(|pair| {
            let (name, value) = pair.split_once("=\"")?;
            Some((name.to_owned(), value.trim_end_matches('"').to_owned()))
        });
        let labels: BTreeMap<_, _> = labels.filter(|(name, value)| !value.is_empty() && name != "room").collect();
        (format!("{name}{labels:?}"), value.parse().unwrap())
    });
    all.collect()
}

/// The labels that Prometheus says of a series, spelt the same.
pub(super) fn spelt(labels: &str) -> String {
    let mut labels: BTreeMap<String, String> = serde_json::from_str(labels).unwrap();
    let name = labels.remove("__name__").unwrap();
    labels.retain(|name, _| !matches!(&**name, "room" | "job" | "instance" | "office"));
    format!("{name}{labels:?}")
}

/// Whether a series says the same from one second to the next: neither the process's own, nor what counts or tells moments, nor how
/// many are connected, whom asking adds to.
pub(super) fn stands(series: &str) -> bool {
    let moves = ["process_", "siaga_remote_write_", "siaga_store_", "siaga_web_connections"];
    let name = series.split('{').next().unwrap();
    !moves.iter().any(|start| name.starts_with(start))
        && !name.ends_with("_total")
        && !name.contains("timestamp")
        && !name.ends_with("duration_seconds")
}
