//! The daemon as the service that is shipped: the unit as it is, under the guest's systemd.

use std::fmt::Write as _;

use serde_json::Value;

use crate::daemon::Daemon;
use crate::guest::Lab;

const UNIT: &str = include_str!("../../systemd/siaga.service");

/// The running service.
pub(crate) struct Service<'lab> {
    lab: &'lab Lab,
    /// It, asked from outside.
    pub(crate) daemon: Daemon<'lab>,
}

impl Lab {
    /// Installs and starts it on a config that says nothing of `[web]`, and waits until its first round is over.
    pub(crate) fn service(&self, config: &str) -> Service<'_> {
        self.service_with(config, "")
    }

    /// The same, with what the room's own IT staff add to the unit.
    pub(crate) fn service_with(&self, config: &str, drop_in: &str) -> Service<'_> {
        let (unit, more) = (self.push(UNIT.as_bytes(), "unit"), self.push(drop_in.as_bytes(), "drop_in"));
        let service = Service { lab: self, daemon: self.daemon_outside() };
        service.configure(config);
        self.sh(&format!(
            "mount --bind /built/siaga /usr/bin/siaga
             install -m 644 {unit} /etc/systemd/system/siaga.service
             install -D -m 644 {more} /etc/systemd/system/siaga.service.d/room.conf
             systemctl daemon-reload
             systemctl start siaga.service"
        ));
        service.daemon.first_round();
        service
    }
}

impl Service<'_> {
    /// Writes its config, and no more.
    pub(crate) fn configure(&self, config: &str) {
        self.configure_with(config, "");
    }

    /// The same, with more of `[web]`.
    pub(crate) fn configure_with(&self, config: &str, web: &str) {
        let mut config = config.to_owned();
        _ = write!(config, "\n[web]\nlisten = \"0.0.0.0:10153\"\nopen_to = \"everyone\"\n{web}");
        let config = self.lab.push(config.as_bytes(), "siaga.toml");
        self.lab.sh(&format!("install -m 644 {config} /etc/siaga/siaga.toml"));
    }

    /// A property of the unit, as systemd tells it.
    pub(crate) fn property(&self, name: &str) -> String {
        self.lab.sh(&format!("systemctl show --property={name} --value siaga.service"))
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.property("MainPID").parse().unwrap()
    }

    /// Waits until systemd has started it anew that many times, and it answers.
    pub(crate) fn restarted(&self, times: u32) {
        self.lab.wait_for(&format!(
            "[ \"$(systemctl show --property=NRestarts --value siaga.service)\" = {times} ] &&
             systemctl --quiet is-active siaga.service"
        ));
        self.daemon.wait_for("/-/healthy", "it answers again", |status, _| status == 200);
    }

    /// What it and systemd wrote about it.
    pub(crate) fn journal(&self) -> String {
        self.lab.sh("journalctl --no-pager --output=cat --unit=siaga.service")
    }

    /// One check, as the API tells it.
    pub(crate) fn check(&self, name: &str) -> Value {
        serde_json::from_str(&self.daemon.get(&format!("/api/v1/checks/{name}")).1).unwrap()
    }
}
