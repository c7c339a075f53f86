//! Round-trip times beside ping's, whose replies the kernel stamps, and fping's: same target, same pace, same minute.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::{Goal, Row, Unit};
use crate::daemon::{self, Daemon, measurement};
use crate::lab::{Lab, target};
use crate::stats::{Measured, quantile};

/// As many echoes as Siaga's own median and p95 are taken over.
const ECHOES: u32 = 300;
const PACE: Duration = Duration::from_millis(50);
const ROUNDS: usize = 5;

/// The medians' distance on an idle machine.
pub(crate) fn idle(lab: &Lab) -> Vec<Row> {
    let times = measure(lab);
    let row = |name: &str, peer: Measured, goal, how: &str| Row {
        what: "median round trip, idle".to_owned(),
        unit: Unit::Seconds,
        ours: times.ours.clone().and_then(|rounds| of_rounds(rounds.iter().map(|round| round.median))),
        peer: Some((name.to_owned(), peer)),
        goal,
        how: how.to_owned(),
    };
    let median = |times: &Result<Vec<Times>, String>| {
        times.clone().and_then(|rounds| of_rounds(rounds.iter().map(|round| round.median)))
    };
    vec![
        row(
            "ping",
            median(&times.ping),
            Goal::Apart(10e-6),
            "300 echoes each, 20/s, at the same time; ping's kernel stamp",
        ),
        row("fping", median(&times.fping), Goal::None, "300 echoes each, 20/s, at the same time"),
    ]
}

/// The 95th percentile while two endless loops want the processors.
pub(crate) fn busy(lab: &Lab) -> Vec<Row> {
    let hogs: Result<Vec<Hog>, String> = (0..2).map(|_| Hog::start()).collect();
    let times = match &hogs {
        Ok(_) => measure(lab),
        Err(why) => return super::without([("p95 round trip, two CPU hogs", Unit::Seconds, Goal::Ratio(1.0))], why),
    };
    let p95 = |times: &Result<Vec<Times>, String>| {
        times.clone().and_then(|rounds| of_rounds(rounds.iter().map(|round| round.p95)))
    };
    let row = |name: &str, peer: Measured, goal| Row {
        what: "p95 round trip, two CPU hogs".to_owned(),
        unit: Unit::Seconds,
        ours: p95(&times.ours),
        peer: Some((name.to_owned(), peer)),
        goal,
        how: "300 echoes each, 20/s, at the same time, beside two endless loops".to_owned(),
    };
    vec![row("fping", p95(&times.fping), Goal::Ratio(1.0)), row("ping", p95(&times.ping), Goal::None)]
}

/// What one round of echoes came to, s.
#[derive(Clone, Copy, Debug)]
struct Times {
    median: f64,
    p95: f64,
}

struct Three {
    ours: Result<Vec<Times>, String>,
    ping: Result<Vec<Times>, String>,
    fping: Result<Vec<Times>, String>,
}

/// The median over rounds.
fn of_rounds(values: impl Iterator<Item = f64>) -> Measured {
    crate::stats::sample(values.collect())
}

fn measure(lab: &Lab) -> Three {
    let ours = Daemon::start(lab, &daemon::icmp("rtt", &target(0).to_string(), PACE));
    let mut three = Three { ours: Ok(Vec::new()), ping: Ok(Vec::new()), fping: Ok(Vec::new()) };
    for _ in 0..lab.samples(ROUNDS) {
        let far = target(0).to_string();
        let echoes = ECHOES.to_string();
        let ping = echoing("ping", &["-n", "-i", "0.05", "-c", &echoes, &far]);
        let fping = echoing("fping", &["-C", &echoes, "-p", "50", "-q", &far]);
        // Siaga's window is its newest 300 echoes: read when it has sent that many beside the others.
        sleep(PACE * ECHOES);
        add(&mut three.ours, ours.as_ref().map_err(Clone::clone).and_then(read_own));
        add(&mut three.ping, ping.and_then(said).and_then(|text| times(ping_times(&text))));
        add(&mut three.fping, fping.and_then(said).and_then(|text| times(fping_times(&text))));
    }
    three
}

fn add(all: &mut Result<Vec<Times>, String>, one: Result<Times, String>) {
    match (all.as_mut(), one) {
        (Ok(all), Ok(one)) => all.push(one),
        (Ok(_), Err(why)) => *all = Err(why),
        (Err(_), _) => {}
    }
}

fn read_own(daemon: &Daemon) -> Result<Times, String> {
    let body = daemon::check(&mut daemon.client()?, "rtt")?;
    let read = |quantity| measurement(&body, quantity).ok_or_else(|| format!("no {quantity} in {body}"));
    Ok(Times { median: read("icmp_rtt_median_seconds")?, p95: read("icmp_rtt_p95_seconds")? })
}

fn times(mut values: Vec<f64>) -> Result<Times, String> {
    if values.len() < ECHOES as usize / 2 {
        return Err(format!("only {} of {ECHOES} echoes were answered", values.len()));
    }
    values.sort_by(f64::total_cmp);
    Ok(Times { median: quantile(&values, 0.5), p95: quantile(&values, 0.95) })
}

/// `64 bytes from 198.51.100.10: icmp_seq=1 ttl=64 time=0.041 ms`
fn ping_times(text: &str) -> Vec<f64> {
    let word = |line: &str| line.split_once("time=")?.1.split_once(' ')?.0.parse::<f64>().ok();
    text.lines().filter_map(word).map(|milliseconds| milliseconds / 1e3).collect()
}

/// `198.51.100.10 : 0.041 0.039 - 0.044`
fn fping_times(text: &str) -> Vec<f64> {
    let words = text.lines().find_map(|line| line.split_once(" : ")).map_or("", |(_, words)| words);
    words
        .split_whitespace()
        .filter_map(|word| word.parse::<f64>().ok())
        .map(|milliseconds| milliseconds / 1e3)
        .collect()
}

fn echoing(program: &str, arguments: &[&str]) -> Result<Child, String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|error| format!("{program}: {error}"))
}

/// All that it printed; fping prints its list to standard error.
fn said(child: Child) -> Result<String, String> {
    let out = child.wait_with_output().map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr))
}

/// An endless loop.
struct Hog(Child);

impl Hog {
    fn start() -> Result<Self, String> {
        let child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn();
        child.map(Self).map_err(|error| format!("sh: {error}"))
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
