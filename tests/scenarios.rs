//! Every scenario under `tests/scenarios` is played to the daemon's own judge: readings in, verdicts out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

use std::path::Path;

use siaga::cli::replay::replay;
use siaga::config::{Config, Source};
use siaga::domain::{Lang, Mono, Now};
use siaga::probe::replay::{catalogue, scenario::Scenario};

#[test]
fn every_scenario_gives_the_verdicts_that_it_expects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let room = std::fs::read_to_string(folder.join("room.config.toml")).unwrap();
    let mut failed = Vec::new();
    let mut played = 0;
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| !file.ends_with("room.config.toml")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).unwrap();
        let scenario = Scenario::parse(&text, catalogue()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!scenario.expectations.is_empty(), "{name} expects nothing");
        let config =
            Config::parse(&Source::new("room.config.toml", room.as_str())).unwrap_or_else(|error| panic!("{error}"));
        let zero = Now {
            mono: Mono::from_elapsed(std::time::Duration::from_secs(1 << 30)),
            wall: "2026-11-23T02:00:00Z".parse().unwrap(),
        };
        let outcome = replay(config.plan, &scenario, zero, Lang::En);
        assert!(outcome.unknown.is_empty(), "{name}: the room has no check {:?}", outcome.unknown);
        if !outcome.unmet.is_empty() {
            failed.push(format!("{name}: {}\n{}\n{}", scenario.title, outcome.unmet.join("\n"), outcome.timeline));
        }
        played += 1;
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    assert!(played >= 5, "only {played} scenarios were found");
}
