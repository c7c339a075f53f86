//! Siaga itself, with a config of the bench's own.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::http::{self, Client};
use crate::lab::Lab;
use crate::process::Process;
use crate::servers::{FAR_NAME, INTERVAL, far_dns, far_tls, far_web, local, targets};
use crate::upsd;

/// What it is called in the report.
pub(crate) const NAME: &str = "siaga";

const PATIENCE: Duration = Duration::from_secs(30);

/// A running daemon.
pub(crate) struct Daemon {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Daemon {
    /// Starts it with the given checks and waits for its first round.
    pub(crate) fn start(lab: &Lab, checks: &str) -> Result<Self, String> {
        let mut daemon = Self::spawn(lab, checks)?;
        daemon.wait_for_first_round()?;
        Ok(daemon)
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(lab: &Lab, checks: &str) -> Result<Self, String> {
        let folder = lab.folder("siaga")?;
        let address = local(10153);
        let mut config = format!("[room]\nname = \"bench\"\n\n[web]\nlisten = \"{address}\"\n\n");
        config.push_str("[components.radio]\nabsent = true\n\n");
        config.push_str(checks);
        let file = folder.join("siaga.toml");
        fs::write(&file, config).map_err(|error| format!("{}: {error}", file.display()))?;
        // State of an earlier start would shorten the first round.
        let state = folder.join("state");
        let _ = fs::remove_dir_all(&state);
        let mut command = Command::new(env!("CARGO_BIN_EXE_siaga"));
        command.arg("run").arg("--config").arg(&file).arg("--state-dir").arg(&state);
        let process = Process::start(NAME, &mut command, &folder, lab.clock)?;
        Ok(Self { process, address })
    }

    /// Until `/-/ready` says 200.
    pub(crate) fn wait_for_first_round(&mut self) -> Result<(), String> {
        let address = self.address;
        self.process.wait_until("through its first round", PATIENCE, || {
            (http::ask(address, "/-/ready")?.status == 200).then_some(())
        })
    }

    pub(crate) fn client(&self) -> Result<Client, String> {
        Client::connect(self.address)
    }
}

/// One check as the API tells it.
pub(crate) fn check(client: &mut Client, name: &str) -> Result<Value, String> {
    let answer = client.get(&format!("/api/v1/checks/{name}"))?;
    if answer.status != 200 {
        return Err(format!("/api/v1/checks/{name} answers {}", answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|error| format!("/api/v1/checks/{name}: {error}"))
}

/// Its decided verdict.
pub(crate) fn verdict(client: &mut Client, name: &str) -> Result<String, String> {
    let body = check(client, name)?;
    body["verdict"].as_str().map(str::to_owned).ok_or_else(|| format!("no verdict in {body}"))
}

/// All checks.
pub(crate) fn checks(client: &mut Client) -> Result<Vec<Value>, String> {
    let answer = client.get("/api/v1/checks")?;
    serde_json::from_slice(&answer.body).map_err(|error| format!("/api/v1/checks answers {}: {error}", answer.status))
}

/// One of a check's measurements, in its base unit.
pub(crate) fn measurement(body: &Value, quantity: &str) -> Option<f64> {
    let all = body["measurements"].as_array()?;
    all.iter().find(|measurement| measurement["quantity"] == quantity)?["value"].as_f64()
}

/// An `icmp` check: one echo each `interval`, decided at once.
pub(crate) fn icmp(name: &str, target: &str, interval: Duration) -> String {
    format!(
        "[[check]]\nname = \"{name}\"\nkind = \"icmp\"\ntarget = \"{target}\"\ninterval = \"{}ms\"\nfresh_for = \"20s\"\n\
         bad_for = \"0s\"\ngood_for = \"0s\"\n\n",
        interval.as_millis()
    )
}

/// A `ups` check that asks the bench's own upsd each `interval`, decided at once.
pub(crate) fn ups(interval: Duration) -> String {
    format!(
        "[[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\nups = \"lab\"\ninterval = \"{}ms\"\nfresh_for = \"20s\"\n\
         bad_for = \"0s\"\ngood_for = \"0s\"\n\n",
        upsd::ADDRESS,
        interval.as_millis()
    )
}

/// Ten targets, a UPS and a web server, all at the common interval.
pub(crate) fn first_round() -> String {
    let mut checks = String::new();
    for (at, target) in targets().iter().enumerate() {
        checks.push_str(&icmp(&format!("target_{at}"), target, INTERVAL));
    }
    checks.push_str(&ups(INTERVAL));
    checks.push_str(&at_interval("web", "http", &format!("url = \"http://{}/\"\n", far_web())));
    checks
}

/// Every kind that measures: the same, all that this machine itself has, and the rest of the line. Those that have a
/// counterpart in a peer look as often as it does, the others (`stun`, `tls`, `dns`, `bandwidth`) as the shipped config has it.
pub(crate) fn everything(lab: &Lab) -> Result<String, String> {
    let mut checks = first_round();
    for kind in ["link", "audio", "camera", "display", "computer"] {
        checks.push_str(&at_interval(kind, kind, ""));
    }
    let certificate = far_tls(lab)?;
    let _ = write!(
        checks,
        "[[check]]\nname = \"stun\"\nkind = \"stun\"\nserver = \"self\"\n\n\
         [[check]]\nname = \"tls\"\nkind = \"tls\"\nhost = \"{}\"\nca_file = \"{}\"\n\n\
         [[check]]\nname = \"dns\"\nkind = \"dns\"\nquery = \"{FAR_NAME}\"\nresolver = \"{}\"\n\n\
         [[check]]\nname = \"bandwidth\"\nkind = \"bandwidth\"\ndown_url = \"self\"\nup_url = \"self\"\n\n",
        far_web().ip(),
        certificate.display(),
        far_dns(),
    );
    Ok(checks)
}

fn at_interval(name: &str, kind: &str, more: &str) -> String {
    let seconds = INTERVAL.as_secs();
    format!("[[check]]\nname = \"{name}\"\nkind = \"{kind}\"\n{more}interval = \"{seconds}s\"\nfresh_for = \"20s\"\n\n")
}
