//! Memory and CPU time at rest, with everything on.

use std::thread::sleep;
use std::time::Duration;

use super::{Goal, Row, Unit};
use crate::daemon::{self, Daemon};
use crate::lab::Lab;
use crate::process::Process;
use crate::profile;
use crate::servers::{self, Server};
use crate::stats::{Measured, sample};
use crate::upsd::Upsd;

const SETTLE: Duration = Duration::from_secs(30);
/// Whole minutes, because some work comes once in each.
const WINDOW: Duration = Duration::from_mins(1);
const WINDOWS: usize = 5;

const MEMORY: &str = "resident memory, everything on";
const IDLE: &str = "CPU at rest, everything on";

/// All run at the same time, over the same window, with the same work where they can do it.
pub(crate) fn memory_and_idle_cpu(lab: &Lab) -> Vec<Row> {
    // What is probed must stand; who probes may fail one by one.
    let standing = servers::far_end(lab).and_then(|far| Ok((far, Upsd::start(lab)?)));
    let _standing = match standing {
        Ok(standing) => standing,
        Err(why) => {
            let rows = [(MEMORY, Unit::Bytes, Goal::Ratio(0.7)), (IDLE, Unit::Share, Goal::Ratio(1.5))];
            return super::without(rows, &why);
        }
    };
    let ours = daemon::everything(lab).and_then(|checks| Daemon::start(lab, &checks));
    let peers: [(&str, Result<Server, String>); 5] = [
        ("collectd", servers::collectd(lab)),
        ("node_exporter", servers::node_exporter(lab)),
        ("blackbox_exporter", servers::blackbox_exporter(lab)),
        ("smokeping_prober", servers::smokeping_prober(lab)),
        ("prometheus", servers::prometheus(lab)),
    ];
    sleep(lab.window(SETTLE));

    let own = Watched::begin(ours.as_ref().map(|daemon| &daemon.process));
    let others: Vec<Watched<'_>> =
        peers.iter().map(|(_, server)| Watched::begin(server.as_ref().map(|server| &server.process))).collect();
    let mut all = vec![own];
    all.extend(others);
    for _ in 0..lab.samples(WINDOWS) {
        let began = lab.clock.mono();
        sleep(lab.window(WINDOW));
        for watched in &mut all {
            watched.read(lab.clock.mono().since(began).as_secs_f64());
        }
    }
    if let Ok(daemon) = &ours {
        lab.keep_profile(MEMORY, profile::memory(&daemon.process));
        lab.profile(IDLE, daemon.process.id(), || sleep(lab.window(profile::A_WHILE)));
    }
    let mut ended = all.into_iter().map(Watched::end);
    let Some((memory, idle)) = ended.next() else { return Vec::new() };

    let mut rows = Vec::new();
    for ((name, _), (peer_memory, peer_idle)) in peers.iter().zip(ended) {
        let judged = *name == "collectd";
        let row = |what: &str, unit, ours: &Measured, peer, goal, how: &str| Row {
            what: what.to_owned(),
            unit,
            ours: ours.clone(),
            peer: Some(((*name).to_owned(), peer)),
            goal: if judged { goal } else { Goal::None },
            how: how.to_owned(),
        };
        rows.push(row(
            MEMORY,
            Unit::Bytes,
            &memory,
            peer_memory,
            Goal::Ratio(0.7),
            "VmRSS, children included, at the end of five windows of a minute",
        ));
        rows.push(row(
            IDLE,
            Unit::Share,
            &idle,
            peer_idle,
            Goal::Ratio(1.5),
            "the process's own CPU clock over five common windows of a minute, children included",
        ));
    }
    rows
}

/// A process under observation over the windows, or why there is none.
pub(super) struct Watched<'a> {
    process: Result<&'a Process, String>,
    /// CPU time so far, s.
    cpu: Result<f64, String>,
    /// CPU time per second of each window.
    idle: Vec<Result<f64, String>>,
    memory: Vec<Result<f64, String>>,
}

impl<'a> Watched<'a> {
    pub(super) fn begin(process: Result<&'a Process, &String>) -> Self {
        let process = process.map_err(Clone::clone);
        let cpu = process.clone().and_then(Process::cpu);
        Self { process, cpu, idle: Vec::new(), memory: Vec::new() }
    }

    /// At the end of a window of so many `seconds`.
    pub(super) fn read(&mut self, seconds: f64) {
        let before = std::mem::replace(&mut self.cpu, self.process.clone().and_then(Process::cpu));
        self.idle.push(self.cpu.clone().and_then(|now| Ok((now - before?) / seconds)));
        self.memory.push(self.process.clone().and_then(Process::memory));
    }

    /// Memory, and CPU time per second.
    pub(super) fn end(self) -> (Measured, Measured) {
        let all = |values: Vec<Result<f64, String>>| values.into_iter().collect::<Result<Vec<f64>, String>>();
        (all(self.memory).and_then(sample), all(self.idle).and_then(sample))
    }
}
