//! A storm on the air: a thousand changes in a minute, of which the radio says three messages at most, the database has all, and
//! the page shows what is so.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]
#![allow(clippy::disallowed_methods, reason = "a test's own watch, beside the clock under test")]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::told::channel;
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room, siaga, write_config};
use crate::support::on_air::Card;
use crate::support::rigctld::Rigctld;

/// The components, and how each is bad; none of them explains another.
pub(super) const COMPONENTS: [(&str, &str, &str); 5] = [
    ("power", "power.on_battery", "degraded"),
    ("internet", "internet.target_silent", "not_ready"),
    ("audio", "audio.microphone_muted", "not_ready"),
    ("video", "video.frame_black", "not_ready"),
    ("computer", "computer.disk_low", "degraded"),
];
const CHANGES: usize = 1000;
/// A busy machine makes fewer of them in a minute.
const ENOUGH: usize = 100;
/// A start has settled after a quarter of a minute; it begins before it listens.
const SETTLED: Duration = Duration::from_secs(20);
/// Three messages of two transmissions each, and the pauses between them, on a busy machine.
const SAID: Duration = Duration::from_mins(5);

/// A check whose component is so as it is made from outside.
pub(super) fn check(folder: &Path, component: &str) -> String {
    let file = folder.join(format!("{component}.toml"));
    format!(
        "[[check]]\nname = \"{component}\"\nkind = \"replay\"\ncomponent = \"{component}\"\nfile = \"{}\"\n\
         repeat = true\ninterval = \"50ms\"\n",
        file.display()
    )
}

/// Makes a component so, from outside.
pub(super) fn become_(folder: &Path, (component, reason, bad): (&str, &str, &str), verdict: &str) {
    let findings = if verdict == bad {
        format!("findings = [{{ reason = \"{reason}\", verdict = \"{bad}\" }}]\n")
    } else {
        String::new()
    };
    let file = folder.join(format!("{component}.toml"));
    let text = format!("title = \"x\"\n[[observe]]\ncheck = \"{component}\"\nat = \"0s\"\n{findings}");
    std::fs::write(file.with_extension("new"), text).unwrap();
    std::fs::rename(file.with_extension("new"), file).unwrap();
}

/// Whether the API shows a component's check so.
fn shows(daemon: &Daemon, wanted: &[&str]) -> Vec<bool> {
    let checks: Value = serde_json::from_str(&daemon.get("/api/v1/checks").body).unwrap();
    let verdict = |name: &str| {
        let check = checks.as_array().unwrap().iter().find(|check| check["name"] == name).unwrap();
        check["verdict"].as_str().unwrap().to_owned()
    };
    COMPONENTS.iter().zip(wanted).map(|((component, ..), wanted)| verdict(component) == *wanted).collect()
}

/// The metrics, when nothing waits for the radio any more.
fn all_said(daemon: &Daemon) -> String {
    let end = Instant::now() + SAID;
    loop {
        let metrics = daemon.get("/metrics").body;
        if metrics.contains("siaga_notifications_waiting{receiver=\"channel\"} 0\n") {
            return metrics;
        }
        assert!(Instant::now() < end, "the radio still has to say something after {SAID:?}: {}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn of_a_thousand_changes_in_a_minute_the_radio_says_three_messages_and_the_database_has_all() {
    let (card, rig, folder) = (Card::start(), Rigctld::start(), room(""));
    let mut config = format!("[components]\nradio = {{ absent = true }}\n{}", channel(&rig));
    for one in COMPONENTS {
        become_(folder.path(), one, "ready");
        config += &check(folder.path(), one.0);
    }
    write_config(folder.path(), &config);
    let mut command = siaga();
    card.at_home(&mut command);
    let begun = Instant::now();
    let daemon = Daemon::start_by(command, folder.path());
    let mut wanted = ["ready"; COMPONENTS.len()];
    wait_until(|| shows(&daemon, &wanted).iter().all(|so| *so));
    wait_until(|| begun.elapsed() > SETTLED);

    let (mut changes, storm) = (0, Instant::now());
    while changes < CHANGES && storm.elapsed() < Duration::from_mins(1) {
        for (at, so) in shows(&daemon, &wanted).into_iter().enumerate() {
            if so && changes < CHANGES {
                wanted[at] = if wanted[at] == "ready" { COMPONENTS[at].2 } else { "ready" };
                become_(folder.path(), COMPONENTS[at], wanted[at]);
                changes += 1;
            }
        }
    }
    let took = storm.elapsed();
    assert!(changes >= ENOUGH, "only {changes} changes in {took:?}");
    wait_until(|| shows(&daemon, &wanted).iter().all(|so| *so));
    let told = all_said(&daemon);
    let said = daemon.log().matches("said on the radio").count();
    let words = told.lines().find_map(|line| {
        line.strip_prefix("siaga_notifications_delivered_total{receiver=\"channel\"} ")?.parse::<usize>().ok()
    });
    println!("{changes} changes in {:.0} s: {said} messages of {words:?} words", took.as_secs_f64());
    assert!((1..=3).contains(&said), "{said} messages");
    assert!(words > Some(said), "what waited was said together: {words:?} in {said}");
    daemon.stop();

    let db = rusqlite::Connection::open(folder.path().join("state/siaga.db")).unwrap();
    let stored = "SELECT count(*) FROM transitions WHERE subject = 'check' AND old <> 'unknown'";
    assert_eq!(db.query_row(stored, [], |row| row.get::<_, u32>(0)).unwrap() as usize, changes);
}
