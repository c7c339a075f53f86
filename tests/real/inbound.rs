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

/// An Alertmanager that sends what it is told to the daemon, and again every second.
fn alertmanager(folder: &Path, daemon: &Daemon) -> (Child, u16) {
    let file = folder.join("alertmanager.yml");
    let url = format!("http://{}/api/v1/alertmanager", daemon.address());
    let text = format!(
        "route: {{receiver: siaga, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1s}}\n\
         receivers:\n- name: siaga\n  webhook_configs:\n  - url: {url}\n    send_resolved: true\n    max_alerts: 64\n    \
         http_config: {{authorization: {{credentials: {TOKEN}}}}}\n"
    );
    fs::write(&file, text).unwrap();
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
    let url = format!("--alertmanager.url=http://127.0.0.1:{port}");
    let status = Command::new("amtool")
        .arg(url)
        .args(["alert", "add", "alertname=SuhuServer", "severity=critical"])
        .arg("--annotation=summary=Suhu ruang server 31 derajat")
        .args(arguments)
        .status();
    assert!(status.expect("amtool is in prometheus-alertmanager").success());
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
    assert_eq!(status(&format!("Authorization: Bearer {TOKEN}\r\n")), 400, "an empty message");

    let (_alertmanager, port) = alertmanager(at, &daemon);
    let mut radio = rig.onlooker();
    tell(port, &[]);
    wait_until(|| radio.keyed());
    wait_until(|| sent(port) >= 3);
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
    let log = daemon.stop();
    assert!(!log.contains(TOKEN) && !log.contains("derajat"), "{log}");
}
