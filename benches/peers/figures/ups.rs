//! From the moment at which upsd itself says "on battery" to the state in the API.

use std::thread::{self, sleep};
use std::time::Duration;

use siaga::domain::Mono;

use super::{Goal, Row, Unit};
use crate::daemon::{self, Daemon, verdict};
use crate::lab::Lab;
use crate::stats::{Measured, sample};
use crate::upsd::{Line, Upsd};

const RUNS: usize = 20;
/// Four times a second.
const PACE: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn on_battery_to_state(lab: &Lab) -> Vec<Row> {
    vec![Row {
        what: "UPS on battery → state, after upsd knows".to_owned(),
        unit: Unit::Seconds,
        ours: measure(lab),
        peer: None,
        goal: Goal::Ours(0.15),
        how: "upsd asked every millisecond for the status, the API every 2 ms for the state; polls of 4 Hz, hold 0"
            .to_owned(),
    }]
}

fn measure(lab: &Lab) -> Measured {
    let mut upsd = Upsd::start(lab)?;
    let daemon = Daemon::start(lab, &daemon::ups(PACE))?;
    let mut values = Vec::new();
    let runs = lab.samples(RUNS);
    for run in 0..runs {
        both(lab, &daemon, "OL", |verdict| verdict == "ready")?;
        sleep(PACE * u32::try_from(run).unwrap_or(0) / u32::try_from(runs).unwrap_or(1));
        let watched = thread::scope(|scope| {
            let watching = scope.spawn(|| both(lab, &daemon, "OB DISCHRG", |verdict| verdict != "ready"));
            upsd.set("OB DISCHRG")?;
            watching.join().unwrap_or_else(|_| Err("the watch panicked".to_owned()))
        });
        upsd.set("OL")?;
        let (known, judged) = watched?;
        // The daemon may have asked upsd just before the bench did.
        values.push(judged.since(known).as_secs_f64());
    }
    sample(values)
}

/// When upsd said the words, and when the check had such a verdict.
fn both(lab: &Lab, daemon: &Daemon, words: &str, wanted: fn(&str) -> bool) -> Result<(Mono, Mono), String> {
    thread::scope(|scope| {
        let known = scope.spawn(|| {
            let mut line = Line::open()?;
            until(lab, Duration::from_millis(1), |said| said == words, || line.status())
        });
        let judged = scope.spawn(|| {
            let mut client = daemon.client()?;
            until(lab, Duration::from_millis(2), wanted, || verdict(&mut client, "ups"))
        });
        let known = known.join().unwrap_or_else(|_| Err("upsd's watch panicked".to_owned()))?;
        let judged = judged.join().unwrap_or_else(|_| Err("the API's watch panicked".to_owned()))?;
        Ok((known, judged))
    })
}

fn until(
    lab: &Lab,
    every: Duration,
    wanted: impl Fn(&str) -> bool,
    mut ask: impl FnMut() -> Result<String, String>,
) -> Result<Mono, String> {
    let began = lab.clock.mono();
    loop {
        let said = ask()?;
        let now = lab.clock.mono();
        if wanted(&said) {
            return Ok(now);
        }
        if now.since(began) > PATIENCE {
            return Err(format!("after {PATIENCE:?} it is still {said}"));
        }
        sleep(every);
    }
}
