//! The daemon in the guest: the binary that cargo built, asked over HTTP from outside.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use serde_json::Value;

use crate::guest::Lab;
use crate::waiting::{PATIENCE, until};

/// A running daemon.
pub(crate) struct Daemon<'lab> {
    lab: &'lab Lab,
    port: u16,
}

/// A check as it stands: name, verdict, its reasons' codes.
pub(crate) type Stand = (String, String, Vec<String>);

impl<'lab> Daemon<'lab> {
    pub(crate) fn start(lab: &'lab Lab, port: u16, config: &str) -> Self {
        let config = lab.push(
            format!("{config}\n[web]\nlisten = \"0.0.0.0:10153\"\nopen_to = \"everyone\"\n").as_bytes(),
            "siaga.toml",
        );
        lab.spawn("siaga", &format!("/built/siaga run --config {config} --state-dir /run/siaga"));
        let daemon = Self::outside(lab, port);
        daemon.first_round();
        daemon
    }

    /// One that somebody else starts.
    pub(crate) const fn outside(lab: &'lab Lab, port: u16) -> Self {
        Self { lab, port }
    }

    /// The port of this machine that leads to it.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Waits until its first round of looks is over.
    pub(crate) fn first_round(&self) {
        self.wait_for("/-/ready", "its first round is over", |status, _| status == 200);
    }

    /// One GET: status and body. `None` while nobody listens.
    fn ask(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// One GET: status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.ask(path).unwrap_or_else(|| panic!("{path}: no answer; the log:\n{}", self.lab.log("siaga")))
    }

    /// Asks until the answer is good, and gives it.
    pub(crate) fn wait_for(&self, path: &str, what: &str, mut good: impl FnMut(u16, &str) -> bool) -> String {
        let mut last = None;
        let asked = || {
            last = self.ask(path);
            last.take_if(|(status, body)| good(*status, body)).map(|(_, body)| body)
        };
        until(what, asked, || format!("{path}: {:?}; the log:\n{}", self.ask(path), self.lab.log("siaga")))
    }

    /// Every check as it stands.
    pub(crate) fn stands(&self) -> Vec<Stand> {
        stands(&self.get("/api/v1/readiness").1)
    }

    /// Waits until one check has this verdict and exactly these reasons; then all others must be ready, without a reason.
    pub(crate) fn only(&self, check: &str, verdict: &str, codes: &[&str]) {
        let body = self.wait_for("/api/v1/readiness", &format!("{check} {verdict} {codes:?}"), |_, body| {
            stands(body).iter().any(|(name, said, told)| name == check && said == verdict && told == codes)
        });
        for (name, said, told) in stands(&body) {
            assert!(name == check || (said == "ready" && told.is_empty()), "{name} is {said} {told:?} beside {check}");
        }
    }

    /// Waits until one check has this verdict and this reason among others, whatever the others say.
    pub(crate) fn check(&self, check: &str, verdict: &str, code: &str) {
        self.wait_for("/api/v1/readiness", &format!("{check} {verdict} {code}"), |_, body| {
            stands(body)
                .iter()
                .any(|(name, said, told)| name == check && said == verdict && told.iter().any(|told| told == code))
        });
    }

    /// Waits until one check has this verdict, whatever else is said.
    pub(crate) fn becomes(&self, check: &str, verdict: &str) {
        self.wait_for("/api/v1/readiness", &format!("{check} {verdict}"), |_, body| {
            stands(body).iter().any(|(name, said, _)| name == check && said == verdict)
        });
    }

    /// How often a check has been observed.
    pub(crate) fn runs(&self, check: &str) -> f64 {
        let series = format!("siaga_check_runs_total{{check=\"{check}\"");
        let metrics = self.get("/metrics").1;
        let line = metrics.lines().find(|line| line.starts_with(&series)).expect("the check has its series");
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    }

    /// Waits until one check is ready and says nothing, whatever the others say.
    pub(crate) fn check_ready(&self, check: &str) {
        self.wait_for("/api/v1/readiness", &format!("{check} ready"), |_, body| {
            stands(body).iter().any(|(name, said, told)| name == check && said == "ready" && told.is_empty())
        });
    }

    /// Waits until one check has this verdict and this reason alone, or none at all if it is empty, whatever the others say.
    pub(crate) fn stands_at(&self, check: &str, verdict: &str, code: &str) {
        let codes: &[&str] = if code.is_empty() { &[] } else { &[code] };
        self.wait_for("/api/v1/readiness", &format!("{check} {verdict} {codes:?}"), |_, body| {
            stands(body).iter().any(|(name, said, told)| name == check && said == verdict && told == codes)
        });
    }

    /// Waits until the room is ready.
    pub(crate) fn ready(&self) {
        self.wait_for("/readyz", "the room is ready", |status, body| status == 200 && body.starts_with("ready"));
    }

    /// Watches a check until it has been observed that many times more. Gives every stand of all checks seen meanwhile.
    pub(crate) fn looks(&self, check: &str, wanted: usize) -> Vec<Vec<Stand>> {
        let series = format!("siaga_check_last_observation_timestamp_seconds{{check=\"{check}\"");
        let (mut seen, mut stands) = (Vec::new(), Vec::new());
        let what = format!("{check} was looked at {wanted} times");
        let asked = || {
            let metrics = self.get("/metrics").1;
            let line = metrics.lines().find(|line| line.starts_with(&series))?;
            let at = line.rsplit_once(' ')?.1.to_owned();
            if seen.last() != Some(&at) {
                seen.push(at);
                stands.push(self.stands());
            }
            (seen.len() > wanted).then_some(())
        };
        until(&what, asked, || self.lab.log("siaga"));
        stands
    }

    /// The root cause that is told, if any.
    pub(crate) fn root_cause(&self) -> Value {
        serde_json::from_str::<Value>(&self.get("/api/v1/readiness").1).unwrap()["root_cause"].clone()
    }
}

/// The checks of a readiness answer.
fn stands(body: &str) -> Vec<Stand> {
    let Ok(answer) = serde_json::from_str::<Value>(body) else { return Vec::new() };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    list(&answer["components"])
        .iter()
        .flat_map(|component| list(&component["checks"]))
        .map(|check| {
            let codes = list(&check["reasons"]).iter().map(|reason| text(&reason["code"])).collect();
            (text(&check["name"]), text(&check["verdict"]), codes)
        })
        .collect()
}

/// A config that watches what is in `checks` and has nothing of the other components. Each check is a kind and its own keys;
/// it is called as its kind, unless its keys begin with a name. Without holds, so that a test waits for causes, unless its keys
/// have some.
pub(crate) fn room(components: &[&str], checks: &[(&str, &str)]) -> String {
    let mut config = String::from("[room]\nname = \"lab\"\n[components]\n");
    for component in ["computer", "internet", "audio", "video", "power", "radio"] {
        if !components.contains(&component) {
            _ = writeln!(config, "{component} = {{ absent = true }}");
        }
    }
    for (kind, keys) in checks {
        let name = if keys.contains("name =") { String::new() } else { format!("name = \"{kind}\"\n") };
        let holds = if keys.contains("bad_for =") { "" } else { "bad_for = \"0s\"\ngood_for = \"0s\"" };
        _ = writeln!(config, "[[check]]\nkind = \"{kind}\"\n{name}{keys}\n{holds}");
    }
    config
}
