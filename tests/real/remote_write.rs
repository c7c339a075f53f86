//! Remote write against the real Prometheus (Debian package `prometheus`), and against a server that refuses.

mod answers;
mod far;
mod outage;
mod room;

use std::collections::BTreeMap;

use far::{Prometheus, free_port};
use room::{series, settled, with};

use crate::support::daemon::Daemon;

#[test]
fn what_is_pushed_is_what_metrics_says() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let far = Prometheus::start(home.path(), free_port());
    with(folder.path(), &far.url(), "interval = \"1s\"\nlabels = { office = \"Kantor Bupati\" }\n");
    let daemon = Daemon::start(folder.path());
    settled(&daemon);
    // Both are asked again and again: what says the same before and after is what it was when it was pushed.
    let (mut said, mut pushed) = (BTreeMap::new(), BTreeMap::new());
    daemon.wait_for("/metrics", "the same at Prometheus", |metrics| {
        said = series(&metrics.body);
        // What was so while it started has ended, there too.
        let now = far.now("{job=\"siaga\"}").into_iter();
        pushed = now.map(|(labels, value)| (room::spelt(&labels), value)).collect();
        !pushed.is_empty()
            && pushed.keys().eq(said.keys())
            && said
                .iter()
                .filter(|(name, _)| room::stands(name))
                .all(|(name, value)| pushed[name].to_bits() == value.to_bits())
    });
    assert!(said.len() > 100, "{}", said.len());
    // Every series has the room's labels, those of the config, and none that is empty.
    for labels in far.samples("{job=\"siaga\"}").keys() {
        let labels: BTreeMap<String, String> = serde_json::from_str(labels).unwrap();
        for (name, value) in
            [("job", "siaga"), ("instance", "rapat_1"), ("room", "rapat_1"), ("office", "Kantor Bupati")]
        {
            assert_eq!(labels.get(name).map(String::as_str), Some(value), "{labels:?}");
        }
        assert!(labels.values().all(|value| !value.is_empty()), "{labels:?}");
    }
    let log = daemon.stop();
    assert!(!log.contains("cannot be pushed") && !log.contains("refuses samples"), "{log}");

    // Its end is the end of its series: nobody takes its last word for what is so now. What does not go within the daemon's end goes
    // at its next start; at one a second nothing waits then.
    far.wait("/api/v1/query?query=siaga_room_state", |answer| {
        answer.json()["data"]["result"].as_array().unwrap().is_empty()
    });
    assert!(far.moments("siaga_snapshots_total").len() > 1, "and what was so stays");
}

#[test]
fn a_series_that_goes_has_ended_at_once_also_after_a_kill() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let far = Prometheus::start(home.path(), free_port());
    with(folder.path(), &far.url(), "interval = \"100ms\"\n");
    let daemon = Daemon::start(folder.path());
    let there = "/api/v1/query?query=siaga_check_state%7Bcheck=%22ups%22%7D";
    let count = |answer: &crate::support::daemon::Answer| answer.json()["data"]["result"].as_array().unwrap().len();
    far.wait(there, |answer| count(answer) == 4);
    daemon.kill();
    // The next one has no such check: it knows from the disk that there was one.
    room::without_check(folder.path(), &far.url(), "interval = \"100ms\"\n");
    let daemon = Daemon::start(folder.path());
    far.wait(there, |answer| count(answer) == 0);
    far.wait("/api/v1/query?query=siaga_room_state", |answer| count(answer) > 0);
    daemon.stop();
}
