//! What a request costs the server: CPU time over many requests on one connection.

use std::net::SocketAddr;

use super::{Goal, Row, Unit};
use crate::daemon::{self, Daemon};
use crate::http::Client;
use crate::lab::Lab;
use crate::process::Process;
use crate::servers::{self, Server};
use crate::stats::{Measured, sample};
use crate::upsd::Upsd;

/// Turns that each server takes, one after the other.
const TURNS: usize = 10;

/// `/readyz` beside nginx's `return 200`.
pub(crate) fn readyz(lab: &Lab) -> Vec<Row> {
    let peers = [("nginx", servers::nginx(lab), "/", 20_000, Goal::Ratio(1.2))];
    let how = "the server's own CPU clock over 20 000 requests a turn on one kept connection, turn about";
    compare(lab, "CPU per /readyz request", "/readyz", 20_000, &peers, how)
}

/// `/metrics` beside what the exporters take for theirs.
pub(crate) fn metrics(lab: &Lab) -> Vec<Row> {
    let peers = [
        ("smokeping_prober", servers::smokeping_prober(lab), "/metrics", 1_000, Goal::Ratio(0.04)),
        ("node_exporter", servers::node_exporter(lab), "/metrics", 200, Goal::None),
        ("collectd", servers::collectd(lab), "/metrics", 1_000, Goal::None),
    ];
    let how = "the server's own CPU clock over many requests a turn on one kept connection, turn about; uncompressed";
    compare(lab, "CPU per /metrics request", "/metrics", 10_000, &peers, how)
}

type Peer = (&'static str, Result<Server, String>, &'static str, u32, Goal);

/// Takes turns: Siaga, each peer, Siaga again …
fn compare(lab: &Lab, what: &str, path: &str, requests: u32, peers: &[Peer], how: &str) -> Vec<Row> {
    let standing = servers::far_end(lab).and_then(|far| Ok((far, Upsd::start(lab)?)));
    let ours = standing.as_ref().map_err(Clone::clone).and_then(|_| Daemon::start(lab, &daemon::everything(lab)?));
    let mut own = Asked::new(ours.as_ref().map(|daemon| (&daemon.process, daemon.address)), path, requests);
    let mut others: Vec<Asked<'_>> = peers
        .iter()
        .map(|(_, server, path, requests, _)| {
            Asked::new(server.as_ref().map(|server| (&server.process, server.address)), path, *requests)
        })
        .collect();
    // The first turn warms caches and is not counted.
    for turn in 0..=lab.samples(TURNS) {
        own.turn(turn > 0);
        for asked in &mut others {
            asked.turn(turn > 0);
        }
    }
    if let Ok(daemon) = &ours {
        lab.profile(what, daemon.process.id(), || own.turn(false));
    }
    let ours = own.end();
    let rows = others.into_iter().zip(peers).map(|(asked, (name, .., goal))| Row {
        what: what.to_owned(),
        unit: Unit::Seconds,
        ours: ours.clone(),
        peer: Some(((*name).to_owned(), asked.end())),
        goal: *goal,
        how: how.to_owned(),
    });
    rows.collect()
}

/// A server that is asked again and again, or why it is not.
struct Asked<'a> {
    server: Result<(&'a Process, Client), String>,
    path: &'a str,
    requests: u32,
    values: Vec<f64>,
}

impl<'a> Asked<'a> {
    fn new(server: Result<(&'a Process, SocketAddr), &String>, path: &'a str, requests: u32) -> Self {
        let connect = |(process, address)| Ok((process, Client::connect(address)?));
        Self { server: server.map_err(Clone::clone).and_then(connect), path, requests, values: Vec::new() }
    }

    fn turn(&mut self, counted: bool) {
        let Ok((process, client)) = &mut self.server else { return };
        match hurry(process, client, self.path, self.requests) {
            Ok(seconds) if counted => self.values.push(seconds),
            Ok(_) => {}
            Err(why) => self.server = Err(why),
        }
    }

    fn end(self) -> Measured {
        self.server.and_then(|_| sample(self.values))
    }
}

/// CPU seconds of the server per request.
fn hurry(process: &Process, client: &mut Client, path: &str, requests: u32) -> Result<f64, String> {
    let before = process.cpu()?;
    for _ in 0..requests {
        let answer = client.get(path)?;
        // A room that is not ready answers 503, which costs the same.
        if !matches!(answer.status, 200 | 503) || answer.body.is_empty() {
            return Err(format!("{path} answers {} with {} bytes", answer.status, answer.body.len()));
        }
    }
    Ok((process.cpu()? - before) / f64::from(requests))
}
