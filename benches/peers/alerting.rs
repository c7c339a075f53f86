//! Debian's own packages that tell somebody, each set to tell as soon as it can, by a webhook to the bench's own sink.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::lab::{Lab, target};
use crate::process::Process;
use crate::servers::{self, Server, local, serve, write};
use crate::sink::Sink;

/// Prometheus with a rule without a hold, and Alertmanager without grouping, at one pace of scraping.
pub(crate) struct Site {
    /// Where the sink hears of it.
    pub(crate) path: &'static str,
    // Ended in this order.
    _prometheus: Server,
    _alertmanager: Server,
}

impl Site {
    /// Starts both; the blackbox exporter must run.
    pub(crate) fn start(lab: &Lab, sink: &Sink, name: &'static str, seconds: u32, port: u16) -> Result<Self, String> {
        let path: &'static str = if seconds == 1 { "/site_1s" } else { "/site_5s" };
        let folder = lab.folder(name)?;
        let at = |file: &str| folder.join(file);
        write(
            &at("alertmanager.yml"),
            &format!(
                "route: {{ receiver: sink, group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}\n\
                 receivers:\n- name: sink\n  webhook_configs: [{{ url: 'http://{}{path}', send_resolved: true }}]\n",
                sink.address
            ),
        )?;
        let watcher = local(port + 10);
        let mut command = Command::new("prometheus-alertmanager");
        command.arg(format!("--config.file={}", at("alertmanager.yml").display()));
        command.arg(format!("--storage.path={}", at("alertmanager").display()));
        command.arg(format!("--web.listen-address={watcher}")).arg("--cluster.listen-address=");
        let alertmanager = serve_as(lab, &format!("{name}-alertmanager"), &mut command, watcher)?;
        write(&at("rules.yml"), "groups:\n- name: room\n  rules:\n  - alert: Silent\n    expr: probe_success == 0\n")?;
        write(
            &at("prometheus.yml"),
            &format!(
                "global: {{ scrape_interval: {seconds}s, scrape_timeout: {seconds}s, evaluation_interval: {seconds}s }}\n\
                 rule_files: ['{}']\n\
                 alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['{watcher}'] }}] }}] }}\n\
                 scrape_configs:\n- job_name: icmp\n  metrics_path: /probe\n  params: {{ module: [icmp], target: ['{}'] }}\n  \
                 static_configs: [{{ targets: ['127.0.0.1:9115'] }}]\n",
                at("rules.yml").display(),
                target(0)
            ),
        )?;
        let address = local(port);
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", at("prometheus.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", at("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        let prometheus = serve_as(lab, &format!("{name}-prometheus"), &mut command, address)?;
        Ok(Self { path, _prometheus: prometheus, _alertmanager: alertmanager })
    }
}

/// Starts it and waits until it says that it is ready.
fn serve_as(lab: &Lab, name: &str, command: &mut Command, address: std::net::SocketAddr) -> Result<Server, String> {
    serve(lab, name, command, address, "/-/ready")
}

/// Where the sink hears of monit.
pub(crate) const MONIT: &str = "/monit";

/// monit, looking each second, with one ping that fails as a failure.
pub(crate) fn monit(lab: &Lab, sink: &Sink) -> Result<Process, String> {
    let folder = lab.folder("monit")?;
    let (down, up) = (tells(&folder, "down", sink, MONIT)?, tells(&folder, "up", sink, MONIT)?);
    let here = folder.display();
    let file = folder.join("monitrc");
    write(
        &file,
        &format!(
            "set daemon 1\nset logfile {here}/monit.out\nset pidfile {here}/pid\nset idfile {here}/id\nset statefile {here}/state\n\
             check host far with address {}\n  if failed ping count 1 with timeout 1 seconds then exec \"{}\" else if succeeded \
             then exec \"{}\"\n",
            target(0),
            down.display(),
            up.display()
        ),
    )?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).map_err(|error| error.to_string())?;
    Process::start("monit", Command::new("monit").arg("-I").arg("-c").arg(&file), &folder, lab.clock)
}

/// Where the sink hears of upsmon.
pub(crate) const UPSMON: &str = "/upsmon";

/// The user that upsd knows it by.
pub(crate) const UPSMON_USER: &str = "[bench]\n password = bench\n upsmon primary\n";

/// NUT's own watcher, asking each second.
pub(crate) fn upsmon(lab: &Lab, sink: &Sink) -> Result<Process, String> {
    let folder = lab.folder("upsmon")?;
    let notify = folder.join("notify");
    let post = format!("exec curl -s -o /dev/null --data \"$NOTIFYTYPE\" http://{}{UPSMON}", sink.address);
    script(&notify, &post)?;
    let mut config = format!(
        "MONITOR lab@127.0.0.1 1 bench bench primary\nMINSUPPLIES 1\nSHUTDOWNCMD /bin/true\nRUN_AS_USER root\nPOLLFREQ 1\n\
         POLLFREQALERT 1\nHOSTSYNC 15\nDEADTIME 15\nPOWERDOWNFLAG {}\nNOTIFYCMD {}\n",
        folder.join("down").display(),
        notify.display()
    );
    for kind in ["ONLINE", "ONBATT"] {
        _ = writeln!(config, "NOTIFYFLAG {kind} EXEC");
    }
    write(&folder.join("upsmon.conf"), &config)?;
    write(&folder.join("nut.conf"), "MODE=netclient\n")?;
    // Debian's own wrapper of it asks /etc/nut whether it may.
    let mut command = Command::new("/lib/nut/upsmon");
    command.args(["-F", "-p", "-u", "root"]);
    for name in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH", "NUT_PIDPATH"] {
        command.env(name, &folder);
    }
    Process::start("upsmon", &mut command, &folder, lab.clock)
}

/// A script that tells the sink a word.
fn tells(folder: &Path, word: &str, sink: &Sink, path: &str) -> Result<PathBuf, String> {
    let file = folder.join(word);
    script(&file, &format!("exec curl -s -o /dev/null --data {word} http://{}{path}", sink.address))?;
    Ok(file)
}

fn script(file: &Path, line: &str) -> Result<(), String> {
    write(file, &format!("#!/bin/sh\n{line}\n"))?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())
}

/// What a Prometheus site needs beside it.
pub(crate) fn exporter(lab: &Lab) -> Result<Server, String> {
    servers::blackbox_exporter(lab)
}

/// How long anybody may take to tell.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
