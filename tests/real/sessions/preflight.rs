//! Before a meeting the room is looked at deeply: what was not tested since the preflight opened is tested, once.

use std::time::Duration;

use serde_json::{Value, json};

use super::{MINUTE, Scheduler, ahead, meeting};
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room};

const SECOND: Duration = Duration::from_secs(1);

const CONFIG: &str = "[components]\ncomputer = { absent = true }\naudio = { absent = true }\nvideo = { absent = true }\n\
                      power = { absent = true }\nradio = { absent = true }\n[agenda]\nrechecks = []\npreflight = \"6m\"\n\
                      [[check]]\nname = \"line\"\nkind = \"bandwidth\"\ndown_url = \"self\"\nup_url = \"self\"\n\
                      interval = \"24h\"\nfresh_for = \"48h\"\nmin_gap = \"1s\"\n";

/// Observations of the line since the process began.
fn runs(daemon: &Daemon) -> u64 {
    let metrics = daemon.get("/metrics").body;
    let of_line = metrics.lines().find(|line| line.starts_with("siaga_check_runs_total{check=\"line\""));
    of_line.and_then(|line| line.rsplit(' ').next()).unwrap().parse().unwrap()
}

fn wait_for_runs(daemon: &Daemon, wanted: u64) {
    wait_until(|| runs(daemon) == wanted);
}

#[test]
fn what_was_not_tested_since_the_preflight_opened_is_tested_once_over_a_restart() {
    let folder = room(CONFIG);
    let daemon = Daemon::start(folder.path());
    wait_for_runs(&daemon, 1);
    let (jadwal, at) = (Scheduler::of(folder.path()), |seconds| ahead(MINUTE * 6 + SECOND * seconds));
    let body = meeting("Rapat Dinkes", at(3), MINUTE * 60);
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &body).status, 201);
    let phase = |daemon: &Daemon| daemon.get("/api/v1/agenda").json()["phase"].clone();
    wait_until(|| phase(&daemon) == "preflight");
    wait_for_runs(&daemon, 2);
    daemon.stop();
    // The next process finds it done; that it made none of its own shows when the meeting is moved, which opens another preflight.
    let daemon = Daemon::start(folder.path());
    daemon.wait_for("/api/v1/agenda", "preflight", |answer| answer.json()["phase"] == "preflight");
    assert_eq!(runs(&daemon), 0);
    let to = at(3);
    let moved = json!({ "start": to.to_string(), "end": to.checked_add(MINUTE * 60).unwrap().to_string() });
    assert_eq!(jadwal.send(&daemon, "PATCH", "/api/v1/sessions/a", &moved).status, 200);
    wait_for_runs(&daemon, 1);
    assert_eq!(phase(&daemon), "preflight");
    let log = daemon.stop();
    assert_eq!(log.matches("tested for a meeting").count(), 1, "{log}");
}

#[test]
fn nothing_is_tested_shortly_before_the_start() {
    let folder = room(CONFIG);
    let daemon = Daemon::start(folder.path());
    wait_for_runs(&daemon, 1);
    let jadwal = Scheduler::of(folder.path());
    let soon = meeting("Rapat", ahead(MINUTE * 4), MINUTE);
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/soon", &soon).status, 201);
    daemon.wait_for("/api/v1/agenda", "preflight", |answer| answer.json()["phase"] == "preflight");
    // Called off and with a later one in its place the test is made: the first that the process made for a meeting.
    assert_eq!(jadwal.send(&daemon, "DELETE", "/api/v1/sessions/soon", &Value::Null).status, 200);
    let later = meeting("Rapat", ahead(MINUTE * 6 + SECOND * 2), MINUTE);
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/later", &later).status, 201);
    wait_for_runs(&daemon, 2);
    let log = daemon.stop();
    assert_eq!(log.matches("tested for a meeting").count(), 1, "{log}");
    assert!(log.contains("session=later"), "{log}");
}
