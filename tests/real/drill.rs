//! Drills, through the running daemon: told like a fault, marked, and without any trace in the room's verdict. Debian package:
//! `nut-server`.

use std::path::Path;
use std::process::{Output, Stdio};

use super::crash_daemon::Desk;
use super::receivers::config;
use super::support::child::wait_until;
use super::support::daemon::{Daemon, room, siaga, write_config};
use super::support::upsd::Upsd;

fn run(folder: &Path, command: &str, arguments: &[&str]) -> Output {
    let mut siaga = siaga();
    siaga.args([command, "--lang", "en", "--config"]).arg(folder.join("siaga.toml"));
    if command == "audit" {
        siaga.arg("--state-dir").arg(folder.join("state"));
    } else {
        siaga.arg("--socket").arg(folder.join("state/control.sock"));
    }
    siaga.args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What was told: the event, and whether it is marked as a drill.
fn told(desk: &Desk) -> Vec<(String, bool)> {
    let one = |told: &serde_json::Value| {
        (told["event"].as_str().unwrap().trim_start_matches("incident_").to_owned(), told["drill"].as_bool().unwrap())
    };
    desk.told().iter().map(one).collect()
}

#[test]
fn a_drill_is_told_like_a_fault_over_a_restart_and_leaves_the_rooms_verdict_alone() {
    let (mut upsd, desk, folder) = (Upsd::start(), Desk::start(), room(""));
    let at = folder.path();
    let receiver = format!("[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n", desk.address);
    write_config(at, &config(&upsd, &receiver));
    let listed = text(&run(at, "drill", &["--list"]).stdout);
    assert!(listed.contains("camera-unplugged") && listed.contains("mains-out"), "{listed}");

    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "ready", "");
    let no = |arguments: &[&str], why: &str| {
        let output = run(at, "drill", arguments);
        assert!(output.status.code() == Some(2) && text(&output.stderr).contains(why), "{}", text(&output.stderr));
    };
    no(&["end"], "No drill is under way");
    no(&["flood"], "those that there are: camera-unplugged");
    no(&["mains-out", "--for", "10s"], "1 to 30 minutes");
    // What the room has not, nobody practises.
    no(&["camera-unplugged"], "deliberately not in this room");
    // Until it is known whether the room is in use.
    let mut begun = run(at, "drill", &["mains-out", "--for", "30m"]);
    wait_until(|| {
        let waits = text(&begun.stderr).contains("has just begun");
        if waits {
            begun = run(at, "drill", &["mains-out", "--for", "30m"]);
        }
        !waits
    });
    let said = text(&begun.stdout);
    assert!(said.contains("told are: desk") && said.contains("siaga drill end"), "{said}{}", text(&begun.stderr));
    wait_until(|| told(&desk) == [("opened".to_owned(), true)]);
    let room = daemon.get("/readyz");
    assert!(room.status == 200 && room.body.starts_with("ready"), "{}", room.body);
    assert_eq!(daemon.get("/api/v1/incidents").json().as_array().map(Vec::len), Some(0));
    no(&["mains-out"], "Another drill is under way");
    // Who says twice that they see to it has said so once, whether they name the drill or not.
    for _ in 0..2 {
        let seen_to = run(at, "alert", &["ack"]);
        assert!(text(&seen_to.stdout).contains("somebody sees to drill-power-"), "{}", text(&seen_to.stderr));
    }
    wait_until(|| told(&desk).len() == 2);

    // A restart goes on with it, and does not tell it again.
    daemon.stop();
    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "ready", "");
    assert!(run(at, "drill", &["end"]).status.success());
    wait_until(|| told(&desk).len() == 3);
    assert_eq!(told(&desk)[1..], [("acknowledged".to_owned(), true), ("closed".to_owned(), true)]);

    // What is really wrong ends it at once, and is told first.
    let mut begun = run(at, "drill", &["mains-out"]);
    wait_until(|| {
        if text(&begun.stderr).contains("has just begun") {
            begun = run(at, "drill", &["mains-out"]);
        }
        begun.status.success()
    });
    upsd.set("ups.status", "OB LB");
    wait_until(|| told(&desk).len() == 6);
    let rest = [("opened".to_owned(), true), ("opened".to_owned(), false), ("closed".to_owned(), true)];
    assert_eq!(told(&desk)[3..], rest);
    no(&["mains-out"], "really wrong");
    let log = daemon.stop();
    assert!(log.contains("a drill begins") && log.contains("the drill ends"), "{log}");

    let audit = text(&run(at, "audit", &[]).stdout);
    assert_eq!(audit.matches(": acknowledged drill-power-").count(), 1, "{audit}");
    for words in ["mains-out for 30m", "begun; told: desk", "refused: something is really wrong", "end_drill"] {
        assert!(audit.contains(words), "{words}\n{audit}");
    }
}
