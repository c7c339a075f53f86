//! The state folder is removed or replaced under the running daemon: it notices, says so, and loses nothing that it has in
//! memory; and no second daemon gets on its path.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use super::crash_daemon::Desk;
use super::support::child::wait_until;
use super::support::daemon::{Answer, Daemon, room, siaga};

/// A room whose mains are away for ever, and whose desk is at `desk`.
fn without_mains(desk: SocketAddr) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    std::fs::write(
        folder.path().join("dark.toml"),
        "title = \"No mains\"\n[[observe]]\ncheck = \"ups\"\nat = \"0s\"\nevery = \"1s\"\nuntil = \"3600s\"\n\
         findings = [{ reason = \"power.on_battery\", verdict = \"degraded\" }]\n",
    )
    .unwrap();
    super::support::daemon::write_config(
        folder.path(),
        &format!(
            "[components]\ncomputer = {{ absent = true }}\ninternet = {{ absent = true }}\naudio = {{ absent = true }}\n\
             video = {{ absent = true }}\nradio = {{ absent = true }}\n\
             [[check]]\nname = \"ups\"\nkind = \"replay\"\ncomponent = \"power\"\nfile = \"{at}/dark.toml\"\ninterval = \"1s\"\n\
             [[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{desk}/\"\n"
        ),
    );
    folder
}

fn holds(metrics: &Answer, series: &str) -> bool {
    metrics.body.lines().any(|line| line == series)
}

/// What a second daemon on the same path says when it ends.
fn refused(folder: &Path) -> String {
    let mut second = Command::new("timeout");
    second.arg("60").arg(siaga().get_program()).args(["run", "--config"]).arg(folder.join("siaga.toml"));
    let done = second.arg("--state-dir").arg(folder.join("state")).output().unwrap();
    assert!(!done.status.success(), "a second daemon keeps its state in the same folder");
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// What the daemon answers to an order that comes by the socket in `state`; it has no such check.
fn answers_orders(state: &Path) -> bool {
    let mut order = siaga();
    order.args(["--lang", "en", "test", "nothing", "--socket"]).arg(state.join("control.sock"));
    let done = order.env_remove("SIAGA_CONFIG").output().unwrap();
    String::from_utf8_lossy(&done.stderr).contains("siaga: nothing: ")
}

/// The ids of the open incidents.
fn open(daemon: &Daemon) -> Vec<String> {
    let said = daemon.get("/api/v1/incidents?open=1").json();
    said.as_array().unwrap().iter().map(|incident| incident["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_folder_that_is_removed_is_made_anew_with_what_is_open_and_what_nobody_was_told_yet() {
    // A port where nobody is yet: what is told waits.
    let desk = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = without_mains(desk);
    let (state, gone) = (folder.path().join("state"), folder.path().join("gone"));
    let daemon = Daemon::start(folder.path());
    daemon.wait_for("/metrics", "something that waits to be told", |answer| {
        holds(answer, "siaga_notifications_waiting{receiver=\"desk\"} 1")
    });
    let before = open(&daemon);
    assert_eq!(before.len(), 1);
    assert!(answers_orders(&state));

    // In two steps, so that nothing that the daemon writes meanwhile is in the way.
    std::fs::rename(&state, &gone).unwrap();
    std::fs::remove_dir_all(&gone).unwrap();
    daemon.wait_for("/metrics", "a new folder", |answer| {
        ["siaga_state_removed_total 1", "siaga_store_healthy 1", "siaga_store_waiting 0"]
            .iter()
            .all(|is| holds(answer, is))
    });
    let said = daemon.log().matches("removed or replaced").count();
    assert_eq!(said, 1, "{}", daemon.log());
    assert!(refused(folder.path()).contains("another siaga"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&state).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700, "what it keeps is nobody else's");
    wait_until(|| state.join("checks.json").exists());
    wait_until(|| answers_orders(&state));
    daemon.kill();

    let desk = Desk::start_at(desk);
    let daemon = Daemon::start(folder.path());
    assert_eq!(open(&daemon), before, "the same incident");
    wait_until(|| !desk.told().is_empty());
    assert!(desk.told().iter().any(|word| word.to_string().contains(&before[0])), "{:?}", desk.told());
    daemon.stop();
}

#[test]
fn a_folder_that_another_daemon_took_is_left_to_it_and_taken_when_that_has_ended() {
    let desk = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = without_mains(desk);
    let first = Daemon::start(folder.path());
    first.wait_for("/metrics", "a store that works", |answer| holds(answer, "siaga_store_healthy 1"));
    // A new folder that is locked already comes to the path in one step.
    let other = room("");
    let second = Daemon::start(other.path());
    std::fs::rename(folder.path().join("state"), folder.path().join("away")).unwrap();
    std::os::unix::fs::symlink(other.path().join("state"), folder.path().join("state")).unwrap();
    first.wait_for("/metrics", "a folder that is another's", |answer| holds(answer, "siaga_store_healthy 0"));
    // What it writes is read by another thread than what it answers.
    wait_until(|| first.log().contains("another siaga keeps its state"));
    second.wait_for("/metrics", "the other goes on", |answer| holds(answer, "siaga_store_healthy 1"));
    assert_eq!(open(&first).len(), 1, "the first goes on from memory");

    second.stop();
    first.wait_for("/metrics", "the folder is free", |answer| {
        holds(answer, "siaga_store_healthy 1") && holds(answer, "siaga_state_removed_total 1")
    });
    first.stop();
}
