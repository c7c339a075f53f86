//! From the start of the process to the end of its first full round.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use super::{Goal, Row, Unit};
use crate::daemon::{self, Daemon};
use crate::http::{self, Client};
use crate::lab::Lab;
use crate::process::Process;
use crate::servers::{blackbox_command, far_nginx, far_web, local, targets};
use crate::stats::{Measured, sample};
use crate::upsd::{self, Upsd};

const RUNS: usize = 20;

/// Ten targets, a UPS and a web server: until Siaga has judged all twelve; until `blackbox_exporter`, asked for all twelve at
/// once as soon as it listens, has answered.
pub(crate) fn first_round(lab: &Lab) -> Vec<Row> {
    let far = far_nginx(lab);
    let upsd = Upsd::start(lab);
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let (mut our_why, mut their_why) = (None, None);
    // What both probe stands first; without it neither figure means anything.
    let ready = far.as_ref().map(|_| ()).and(upsd.as_ref().map(|_| ())).map_err(Clone::clone);
    if let Err(why) = ready {
        (our_why, their_why) = (Some(why.clone()), Some(why));
    }
    for _ in 0..lab.samples(RUNS) {
        if our_why.is_none() {
            match siaga(lab) {
                Ok(seconds) => ours.push(seconds),
                Err(why) => our_why = Some(why),
            }
        }
        if their_why.is_none() {
            match blackbox(lab) {
                Ok(seconds) => theirs.push(seconds),
                Err(why) => their_why = Some(why),
            }
        }
    }
    let or = |why: Option<String>, values| -> Measured { why.map_or_else(|| sample(values), Err) };
    vec![Row {
        what: "start → first full round (10 targets, UPS, HTTP)".to_owned(),
        unit: Unit::Seconds,
        ours: or(our_why, ours),
        peer: Some(("blackbox_exporter".to_owned(), or(their_why, theirs))),
        goal: Goal::Ours(0.5),
        how: "process start until /-/ready is 200; the peer until it has answered the same twelve probes, asked at once (its \
              UPS probe only connects)"
            .to_owned(),
    }]
}

fn siaga(lab: &Lab) -> Result<f64, String> {
    let began = lab.clock.mono();
    let mut daemon = Daemon::spawn(lab, &daemon::first_round())?;
    daemon.wait_for_first_round()?;
    let seconds = lab.clock.mono().since(began).as_secs_f64();
    judged(&mut daemon.client()?)?;
    Ok(seconds)
}

/// That the round was one: twelve checks, each with evidence, none with an error.
fn judged(client: &mut Client) -> Result<(), String> {
    let checks = daemon::checks(client)?;
    if checks.len() != targets().len() + 2 {
        return Err(format!("{} checks were judged in the first round", checks.len()));
    }
    match checks.iter().find(|check| check["evidence"]["at"].is_null() || !check["evidence"]["error"].is_null()) {
        Some(check) => Err(format!("after the first round {} has no reading: {}", check["name"], check["evidence"])),
        None => Ok(()),
    }
}

fn blackbox(lab: &Lab) -> Result<f64, String> {
    let address = local(9115);
    let folder = lab.folder("blackbox")?;
    let mut command = blackbox_command(lab, address)?;
    let began = lab.clock.mono();
    let mut process = Process::start("blackbox_exporter", &mut command, &folder, lab.clock)?;
    process.wait_until("listening", Duration::from_secs(10), || http::ask(address, "/-/healthy").map(|_| ()))?;
    let mut asked: Vec<String> = targets().iter().map(|target| format!("/probe?module=icmp&target={target}")).collect();
    asked.push(format!("/probe?module=http&target=http://{}/", far_web()));
    asked.push(format!("/probe?module=tcp&target={}", upsd::ADDRESS));
    thread::scope(|scope| {
        let asking: Vec<_> = asked.iter().map(|path| scope.spawn(move || probed(address, path))).collect();
        asking.into_iter().try_for_each(|one| one.join().unwrap_or_else(|_| Err("a probe panicked".to_owned())))
    })?;
    Ok(lab.clock.mono().since(began).as_secs_f64())
}

fn probed(address: SocketAddr, path: &str) -> Result<(), String> {
    let answer = http::ask(address, path).ok_or_else(|| format!("{path}: no answer"))?;
    let text = String::from_utf8_lossy(&answer.body);
    if text.contains("\nprobe_success 1") { Ok(()) } else { Err(format!("{path}: the probe did not succeed")) }
}
