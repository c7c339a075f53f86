//! Alerts of other systems, from a real Alertmanager, told by a real radio's dummy and a webhook: once each, whatever is sent
//! again. Debian packages: `prometheus-alertmanager`, `nut-server`.
#![allow(clippy::disallowed_methods, reason = "a test's own watch, beside the clock under test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use super::crash_daemon::Desk;
use super::receivers::config;
use super::support::child::{Child, free_port, wait_until};
use super::support::daemon::{Daemon, room, siaga, write_config};
use super::support::on_air::Card;
use super::support::rigctld::Rigctld;
use super::support::site::get;
use super::support::upsd::Upsd;

const TOKEN: &str = "rahasia-0123456789";

/// An Alertmanager with the shipped configuration, aimed at the daemon and the office's desk, and hurried.
fn alertmanager(folder: &Path, daemon: &Daemon, office: &Desk) -> (Child, u16) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/alertmanager/alertmanager.yml");
    let mut text = fs::read_to_string(shipped).unwrap();
    let token = folder.join("token").display().to_string();
    for (from, to) in [
        ("127.0.0.1:10153", daemon.address().to_string().as_str()),
        ("127.0.0.1:8080", &office.address.to_string()),
        ("/etc/siaga/inbound.token", &token),
        ("group_wait: 10s", "group_wait: 0s"),
        ("group_interval: 1m", "group_interval: 1s"),
        ("repeat_interval: 4h", "repeat_interval: 1s"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let file = folder.join("alertmanager.yml");
    fs::write(&file, text).unwrap();
    let checked = Command::new("amtool").arg("check-config").arg(&file).output();
    let checked = checked.expect("amtool is in prometheus-alertmanager");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let port = free_port();
    let mut child =
        Child::start("prometheus-alertmanager", "prometheus-alertmanager", &folder.join("am.log"), |command| {
            command.arg(format!("--config.file={}", file.display()));
            command.arg(format!("--storage.path={}", folder.join("am").display()));
            command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
        });
    child.wait_until(|| get(port, "/-/ready").is_some());
    (child, port)
}

fn tell(port: u16, arguments: &[&str]) {
    let summary = "--annotation=summary=Suhu ruang server 31 derajat";
    add(port, &[&["alertname=SuhuServer", "severity=critical", summary], arguments].concat());
}

fn add(port: u16, arguments: &[&str]) {
    let url = format!("--alertmanager.url=http://127.0.0.1:{port}");
    let status = Command::new("amtool").arg(url).args(["alert", "add"]).args(arguments).status();
    assert!(status.expect("amtool is in prometheus-alertmanager").success());
}

/// The names of all alerts that the office was told of.
fn named(office: &Desk) -> Vec<String> {
    let told = office.told();
    let alerts = told.iter().flat_map(|message| message["alerts"].as_array().unwrap());
    alerts.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
}

/// How often the Alertmanager has sent.
fn sent(port: u16) -> u32 {
    let metrics = get(port, "/metrics").unwrap();
    let line =
        metrics.lines().find(|line| line.starts_with("alertmanager_notifications_total{integration=\"webhook\"}"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn what_an_alertmanager_sends_is_told_once_and_its_end_too_and_strangers_are_turned_away() {
    let (card, rig, upsd, desk, folder) = (Card::start(), Rigctld::start(), Upsd::start(), Desk::start(), room(""));
    let office = Desk::start();
    let at = folder.path();
    fs::write(at.join("token"), format!("{TOKEN}\n")).unwrap();
    let rest = format!(
        "[[receiver]]\nname = \"channel\"\nkind = \"radio\"\nfrequency = \"162.475 MHz\"\nlicence = \"01234567-000SU/2020262031\"\n\
         station = \"Media Center\"\nplay = \"{}\"\nptt = {{ method = \"rigctld\", address = \"{}\" }}\nmin_gap = \"5s\"\n\
         [[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n\
         [inbound]\nreceivers = [\"channel\", \"desk\"]\nsecret_file = \"token\"\nseverities = [\"critical\"]\n",
        Card::PCM,
        rig.address,
        desk.address
    );
    write_config(at, &config(&upsd, &rest));
    let mut command = siaga();
    card.at_home(&mut command);
    let daemon = Daemon::start_by(command, at);
    daemon.wait_for_check("ups", "ready", "");

    let status = |headers: &str| daemon.request_with("POST", "/api/v1/alertmanager", headers).status;
    assert_eq!(status(""), 401);
    assert_eq!(status("Authorization: Bearer rahasia-0123456780\r\n"), 401);
    for scheme in ["Bearer", "bearer"] {
        assert_eq!(status(&format!("Authorization: {scheme} {TOKEN}\r\n")), 400, "an empty message");
    }

    let (_alertmanager, port) = alertmanager(at, &daemon, &office);
    let mut radio = rig.onlooker();
    tell(port, &[]);
    wait_until(|| radio.keyed());
    // To the office and to the room, and again.
    wait_until(|| sent(port) >= 6);
    assert!(named(&office).iter().all(|name| name == "SuhuServer"), "{:?}", named(&office));
    wait_until(|| daemon.log().matches("said on the radio").count() == 1);
    let told = desk.told();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(
        (told[0]["event"].as_str(), told[0]["alert"]["name"].as_str()),
        (Some("alert_began"), Some("SuhuServer"))
    );
    let text = told[0]["text"].as_str().unwrap();
    assert!(text.contains("kabar dari sistem lain: Suhu ruang server 31 derajat (sejak pukul"), "{text}");
    let readyz = daemon.get("/readyz");
    assert!(readyz.status == 200 && readyz.body.starts_with("ready"), "it says nothing of the room: {}", readyz.body);

    let ended = jiff::Timestamp::now().to_string();
    tell(port, &[&format!("--end={ended}")]);
    wait_until(|| desk.told().len() == 2);
    assert_eq!(desk.told()[1]["event"], "alert_ended");
    wait_until(|| daemon.log().matches("said on the radio").count() == 2);

    // What a room is, its daemon has said: it goes to the office alone, and once, by its worst.
    let room = ["job=siaga", "instance=a", "room=rapat", "severity=critical"];
    add(port, &[&["alertname=RoomNotReady"], &room[..]].concat());
    wait_until(|| named(&office).contains(&"RoomNotReady".to_owned()));
    add(port, &[&["alertname=RoomDegraded"], &room[..]].concat());
    add(port, &["alertname=SiagaSession", "room=rapat", "severity=critical"]);
    wait_until(|| named(&office).contains(&"SiagaSession".to_owned()));
    let before = sent(port);
    wait_until(|| sent(port) >= before + 4);
    assert!(!named(&office).contains(&"RoomDegraded".to_owned()), "{:?}", named(&office));
    assert_eq!(desk.told().len(), 2, "{:#?}", desk.told());
    let log = daemon.stop();
    assert!(!log.contains(TOKEN) && !log.contains("derajat"), "{log}");
}
