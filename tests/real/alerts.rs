//! What people do about alerts, over the daemon's socket: they say that they see to it, they ask for silence. Debian package:
//! `nut-server`.

use std::path::Path;
use std::process::{Output, Stdio};

use super::crash_daemon::Desk;
use super::receivers::config;
use super::support::child::wait_until;
use super::support::daemon::{Daemon, room, siaga, write_config};
use super::support::upsd::Upsd;

fn alert(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = siaga();
    command.args(["alert", "--lang", "en", "--config"]).arg(folder.join("siaga.toml"));
    command.arg("--socket").arg(folder.join("state/control.sock"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// What it prints when it does what it is told.
fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = alert(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = alert(folder, arguments);
    assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn events(desk: &Desk) -> Vec<String> {
    let event = |told: &serde_json::Value| told["event"].as_str().unwrap().trim_start_matches("incident_").to_owned();
    desk.told().iter().map(event).collect()
}

#[test]
fn somebody_sees_to_it_and_somebody_asks_for_silence_and_a_restart_forgets_neither() {
    let (mut upsd, desk, folder) = (Upsd::start(), Desk::start(), room(""));
    let at = folder.path();
    let receiver = format!("[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n", desk.address);
    let route = "[[route]]\nreceivers = [\"desk\"]\nremind_every = \"1m\"\n";
    write_config(at, &config(&upsd, &format!("{receiver}{route}")));
    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "ready", "");
    assert!(refused(at, &["ack"]).contains("No incident is open"));
    upsd.set("ups.status", "OB LB");
    wait_until(|| events(&desk) == ["opened"]);
    assert!(refused(at, &["ack", "power-1"]).contains("No such incident is open; open are power-"));
    assert!(done(at, &["ack", "--radio", "--by", "Operator Satu"]).starts_with("Noted: somebody sees to power-"));
    wait_until(|| events(&desk) == ["opened", "acknowledged"]);
    assert!(
        done(at, &["ack", "--radio", "--by", "Operator Satu"]).starts_with("Noted"),
        "said again it is the same act"
    );

    // The silence lasts over a restart, and so does it that somebody sees to the incident.
    assert_eq!(done(at, &["silences"]), "Nothing is silenced\n");
    assert!(refused(at, &["silence", "--for", "5s", "--reason", "x"]).contains("a minute at least"));
    assert!(refused(at, &["silence", "--for", "1h", "--reason", " "]).contains("Say why"));
    let told = done(at, &["silence", "--for", "1h", "--component", "power", "--reason", "battery is replaced"]);
    assert!(told.starts_with("UPS and stabilizer silenced until") && told.contains("(battery is replaced)"), "{told}");
    assert_eq!(
        done(at, &["silence", "--for", "1h", "--component", "power", "--reason", "battery is replaced"]),
        told,
        "wished again it is the same"
    );
    // What is refused is written down too, and whoever reads it is shown no order to their terminal, and no row that is none.
    let forged = "x\n2026-11-27 09:00:00  root (local)  silence all for 9h: forged\u{1b}[2J\u{202e}";
    assert!(refused(at, &["silence", "--for", "5s", "--reason", forged]).contains("a minute at least"));
    assert!(refused(at, &["silence", "--for", "1h", "--reason", &"x".repeat(201)]).contains("at most 200"));
    let output = alert(at, &["silence", "--for", "1h", "--reason", &"x".repeat(70_000)]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && said.contains("longer than the 64 kB"), "{said}");
    let log = daemon.stop();
    assert!(!log.contains("Operator Satu") && !log.contains("replaced"), "{log}");
    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "not_ready", "power.battery_low");
    let holds = done(at, &["silences"]);
    assert_eq!(holds, told);
    assert!(done(at, &["ack"]).starts_with("Noted"), "it is open still");
    assert_eq!(events(&desk), ["opened", "acknowledged"], "said once");
    // An end is told, silence or not; a beginning is not, until the silence ends.
    upsd.set("ups.status", "OL");
    wait_until(|| events(&desk).last().is_some_and(|event| event == "closed"));
    upsd.set("ups.status", "OB LB");
    daemon.wait_for("/metrics", "it is withheld", |answer| {
        answer.body.contains("siaga_notifications_withheld_total{reason=\"silenced\"} 1")
    });
    let id = holds.trim_end().rsplit("; id: ").next().unwrap();
    assert!(refused(at, &["unsilence", "x"]).contains("No silence \"x\" holds"));
    done(at, &["unsilence", id]);
    wait_until(|| events(&desk) == ["opened", "acknowledged", "closed", "opened"]);

    let audit = siaga()
        .args(["audit", "--config"])
        .arg(at.join("siaga.toml"))
        .arg("--state-dir")
        .arg(at.join("state"))
        .output();
    let audit = String::from_utf8(audit.unwrap().stdout).unwrap();
    let rows = |words: &str| audit.lines().filter(|line| line.contains(words)).count();
    assert_eq!(
        (rows("by radio, said by Operator Satu: acknowledged"), rows("battery is replaced: silenced")),
        (1, 1),
        "{audit}"
    );
    let plain = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
    assert!(audit.contains("forged [2J") && audit.chars().all(plain), "{audit:?}");
    assert!(audit.lines().all(|line| !line.contains("forged") || line.contains("silence all for 5s: x ")), "{audit}");
    for words in ["acknowledge", "by radio, said by Operator Satu", "power for 1h: battery is replaced", "end_silence"]
    {
        assert!(audit.contains(words), "{words}\n{audit}");
    }
    daemon.stop();
}

#[test]
fn what_the_disk_does_not_take_holds_and_is_said_to_be_no_more_than_that() {
    let folder = room("");
    let at = folder.path();
    let socket = at.join("control.sock");
    write_config(at, &format!("[control]\nsocket = \"{}\"\n", socket.display()));
    // Where its folder would be, lies a file: it goes on in memory.
    std::fs::write(at.join("state"), "").unwrap();
    let daemon = Daemon::start(at);
    let ask = |arguments: &[&str]| {
        let mut command = siaga();
        command.args(["alert", "--lang", "en", "--config"]).arg(at.join("siaga.toml")).arg("--socket").arg(&socket);
        let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
        let [told, feared] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), told, feared)
    };
    let (code, silence, feared) = ask(&["silence", "--for", "1h", "--reason", "a drill of the neighbours"]);
    assert!(silence.contains("all components silenced until"), "{silence}{feared}");
    assert!(feared.contains("is not on the disk yet"), "{silence}{feared}");
    assert_eq!(code, Some(2), "a script sees that a restart would end it");
    assert_eq!(ask(&["silences"]), (Some(0), silence, String::new()), "it holds");
    daemon.kill();
}
