//! The recorded history, played to the daemon's own judge again: the same config says the same, another one something else.

use std::path::Path;
use std::process::{Command, Output};

use super::support::child::wait_until;
use super::support::daemon::{Daemon, room, siaga, write_config};

/// A room of which only the power is watched.
const ROOM: &str = "[components]\ncomputer = { absent = true }\ninternet = { absent = true }\naudio = { absent = true }\n\
    video = { absent = true }\nradio = { absent = true }\n";

/// Mains, then none for two seconds, then mains again, then silence.
const SCENARIO: &str = r#"
title = "Mains goes and comes back"
[[observe]]
check = "ups"
at = "0s"
every = "100ms"
until = "2s"
[[observe]]
check = "ups"
at = "2s"
every = "100ms"
until = "4s"
findings = [{ reason = "power.on_battery", verdict = "not_ready" }]
[[observe]]
check = "ups"
at = "4s"
every = "100ms"
until = "6s"
"#;

fn check(folder: &Path, name: &str, more: &str) -> String {
    let file = folder.join("scenario.toml");
    format!(
        "[[check]]\nname = {name:?}\nkind = \"replay\"\ncomponent = \"power\"\nplays = \"ups\"\nfile = \"{}\"\n\
         interval = \"100ms\"\nfresh_for = \"5s\"\n{more}\n",
        file.display()
    )
}

fn output(command: &mut Command) -> (i32, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (status.code().unwrap_or(-1), text)
}

fn replay(folder: &Path, more: &[&str]) -> (i32, String) {
    let config = folder.join("siaga.toml");
    output(siaga().args(["replay", "--history", "--config"]).arg(config).args(more))
}

fn of_state(folder: &Path, more: &[&str]) -> (i32, String) {
    let state = folder.join("state").display().to_string();
    replay(folder, &[&["--state-dir", &state], more].concat())
}

/// The room's changes in a timeline: from, to.
fn replayed(text: &str) -> Vec<(String, String)> {
    let words = text.lines().filter_map(|line| line.split_once("  room: ")).map(|(_, change)| {
        let mut words = change.split(' ');
        (words.next().unwrap().to_owned(), words.nth(1).unwrap().to_owned())
    });
    words.collect()
}

/// The room's changes as the daemon recorded them.
fn recorded(folder: &Path) -> Vec<(String, String)> {
    let db = rusqlite::Connection::open(folder.join("state/siaga.db")).unwrap();
    let mut query = db.prepare("SELECT old, new FROM transitions WHERE subject = 'room' ORDER BY at, id").unwrap();
    query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

/// When the room's outage began and ended, as the daemon recorded it, in seconds.
fn outage(folder: &Path) -> [f64; 2] {
    let db = rusqlite::Connection::open(folder.join("state/siaga.db")).unwrap();
    let of = |which: &str| {
        let query = format!("SELECT at / 1e6 FROM transitions WHERE subject = 'room' AND {which} = 'not_ready'");
        db.query_row(&query, [], |row| row.get(0)).unwrap()
    };
    [of("new"), of("old")]
}

#[test]
fn the_same_config_says_what_was_recorded_and_another_one_what_would_have_been() {
    let folder = room("");
    let at = folder.path();
    std::fs::write(at.join("scenario.toml"), SCENARIO).unwrap();
    write_config(at, &format!("{ROOM}{}", check(at, "ups", "")));
    let daemon = Daemon::start(at);
    // Not of the daemon: what it says may have come and gone between two questions.
    wait_until(|| at.join("state/siaga.db").exists() && recorded(at).len() >= 2);
    let (code, text) = of_state(at, &[]);
    assert!(code == 0 || text.contains("nothing was recorded"), "read while the daemon writes: {code}: {text}");
    daemon.wait_for_check("ups", "unknown", "siaga.stale");
    daemon.stop();

    let recorded = recorded(at);
    assert_eq!(recorded.len(), 4, "{recorded:?}");
    let (code, text) = of_state(at, &["--lang", "en"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(replayed(&text), recorded, "{text}");
    assert!(text.contains("the room would have been as it was recorded"), "{text}");
    assert!(text.contains(" WIB  room: ready → not_ready power.on_battery"), "{text}");
    let power = text.lines().find(|line| line.starts_with("power ")).unwrap();
    let not_ready = power.split("not_ready ").nth(1).and_then(|rest| rest.split('s').next()).unwrap();
    let not_ready: f64 = not_ready.parse().unwrap_or_else(|error| panic!("{error}: {power}"));
    let [began, ended] = outage(at);
    assert!((not_ready - (ended - began)).abs() < 0.1, "{power}: from {began} to {ended}");

    // Two seconds are no outage under longer holds.
    write_config(at, &format!("{ROOM}{}", check(at, "ups", "bad_for = \"1h\"")));
    let (code, text) = of_state(at, &[]);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("→ not_ready"), "{text}");
    assert!(text.contains("recorded not_ready, would have been ready"), "{text}");

    // Nor does it count where the check is advisory; and names that only one side has are told.
    let advisory = check(at, "ups", "requirement = \"advisory\"");
    // Seen by nobody, it holds the first round up for as long as it would be fresh.
    let other = check(at, "mains", "requirement = \"advisory\"").replace("fresh_for = \"5s\"", "fresh_for = \"1s\"");
    write_config(at, &format!("{ROOM}{advisory}{other}"));
    let (code, text) = of_state(at, &["--since", "1h", "--end"]);
    assert_eq!(code, 0, "{text}");
    // "mains" was never seen, so the first round lasts until the moment at which the UPS fails: told from unknown or ready.
    assert!(
        text.lines().any(|line| line.contains("check ups: ") && line.contains("→ not_ready power.on_battery")),
        "{text}"
    );
    assert!(replayed(&text).iter().all(|(_, to)| to != "not_ready"), "{text}");
    assert!(text.contains("nothing is recorded of the check \"mains\""), "{text}");
    write_config(at, &format!("{ROOM}{other}"));
    let (code, text) = of_state(at, &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("the config has no check \"ups\""), "{text}");
}

#[test]
fn what_cannot_be_played_says_why() {
    let folder = room("");
    let at = folder.path();
    std::fs::write(at.join("scenario.toml"), SCENARIO).unwrap();
    write_config(at, &format!("{ROOM}{}", check(at, "ups", "")));
    let refused = |more: &[&str], part: &str| {
        let (code, text) = of_state(at, more);
        assert!(code == 3 && text.contains(part), "{more:?}: {code}: {text}");
    };
    refused(&[], "is not there");
    Daemon::start(at).stop();
    refused(&["--until", "2001-01-01T00:00:00Z", "--since", "2000-01-01T00:00:00Z"], "nothing was recorded");
    refused(&["--until", "2h", "--since", "1h"], "not after");
    refused(&["--since", "yesterday"], "neither a length of time");
    refused(&["scenario.toml"], "cannot be used with");
    let (code, text) = output(siaga().arg("replay"));
    assert!(code == 3 && text.contains("SCENARIO"), "{code}: {text}");
    let db = rusqlite::Connection::open(at.join("state/siaga.db")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    refused(&[], "is of version 99");
}
