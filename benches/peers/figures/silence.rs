//! A target that falls silent, and one that only loses a packet now and then.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use super::{Goal, Row, Unit};
use crate::daemon::{self, Daemon, measurement, verdict};
use crate::http::Client;
use crate::lab::{Lab, target};
use crate::stats::{Measured, once, sample};

const RUNS: usize = 20;
const PACE: Duration = Duration::from_millis(250);
/// Each for a minute: together an hour of one target.
const LOSSY: u8 = 60;
const MINUTE: Duration = Duration::from_mins(1);
const PATIENCE: Duration = Duration::from_secs(30);

const IGNORE: &str = "/proc/sys/net/ipv4/icmp_echo_ignore_all";

/// From the last echo that would be answered to the state in the API.
pub(crate) fn silence_to_state(lab: &Lab) -> Vec<Row> {
    vec![Row {
        what: "ping silence → state".to_owned(),
        unit: Unit::Seconds,
        ours: fall_silent(lab),
        peer: None,
        goal: Goal::Ours(0.5),
        how: "the far end stops answering echoes at an arbitrary moment; 4 echoes/s, hold 0; the API asked every 2 ms"
            .to_owned(),
    }]
}

fn fall_silent(lab: &Lab) -> Measured {
    let daemon = Daemon::start(lab, &daemon::icmp("far", &target(0).to_string(), PACE))?;
    let mut client = daemon.client()?;
    let mut values = Vec::new();
    let runs = lab.samples(RUNS);
    for run in 0..runs {
        until(lab, &mut client, "good again", |verdict| verdict == "ready")?;
        // Spread over the time between two echoes, so that the figure does not depend on where in it the silence falls.
        sleep(PACE * 4 + PACE * u32::try_from(run).unwrap_or(0) / u32::try_from(runs).unwrap_or(1));
        let began = lab.clock.mono();
        lab.at_far_end(&format!("echo 1 > {IGNORE}"))?;
        let seen = until(lab, &mut client, "not ready after silence", |verdict| verdict == "not_ready");
        let ended = lab.clock.mono();
        lab.at_far_end(&format!("echo 0 > {IGNORE}"))?;
        seen?;
        values.push(ended.since(began).as_secs_f64());
    }
    sample(values)
}

fn until(lab: &Lab, client: &mut Client, what: &str, holds: impl Fn(&str) -> bool) -> Result<(), String> {
    let began = lab.clock.mono();
    loop {
        let now = verdict(client, "far")?;
        if holds(&now) {
            return Ok(());
        }
        if lab.clock.mono().since(began) > PATIENCE {
            return Err(format!(
                "after {PATIENCE:?} it is not {what} but {now}: {}",
                daemon::check(client, "far")?["reasons"]
            ));
        }
        sleep(Duration::from_millis(2));
    }
}

/// Sixty targets for a minute, one echo in a hundred lost at random.
pub(crate) fn false_alarms(lab: &Lab) -> Vec<Row> {
    vec![Row {
        what: "false alarms in an hour of 1 % loss".to_owned(),
        unit: Unit::Count,
        ours: lose_some(lab),
        peer: None,
        goal: Goal::Ours(0.0),
        how: "60 targets for a minute each, 4 echoes/s, hold 0, 1 % of requests dropped at random; targets that were ever not \
              ready"
            .to_owned(),
    }]
}

fn lose_some(lab: &Lab) -> Measured {
    lab.at_far_end("nft 'add table inet loss; add chain inet loss in { type filter hook input priority 0; }'")?;
    lab.at_far_end("nft 'add rule inet loss in icmp type echo-request numgen random mod 100 < 1 drop'")?;
    let counted = count(lab);
    lab.at_far_end("nft 'delete table inet loss'")?;
    counted
}

fn count(lab: &Lab) -> Measured {
    let checks: String =
        (1..=LOSSY).map(|at| daemon::icmp(&format!("far_{at}"), &target(at).to_string(), PACE)).collect();
    let daemon = Daemon::start(lab, &checks)?;
    let mut client = daemon.client()?;
    let mut alarmed = BTreeSet::new();
    let began = lab.clock.mono();
    let lost = loop {
        let checks = daemon::checks(&mut client)?;
        if checks.len() != usize::from(LOSSY) {
            return Err(format!("{} checks were listed, not {LOSSY}", checks.len()));
        }
        let bad = checks.iter().filter(|check| check["verdict"] == "not_ready");
        alarmed.extend(bad.filter_map(|check| check["name"].as_str()).map(str::to_owned));
        if lab.clock.mono().since(began) > lab.window(MINUTE) {
            break checks.iter().filter_map(|check| measurement(check, "icmp_lost_total")).sum::<f64>();
        }
        // With hold 0 a wrong state stands until the next echo is answered, a quarter of a second.
        sleep(Duration::from_millis(100));
    };
    if lost < 1.0 {
        return Err("no echo was lost, so that no alarm says nothing".to_owned());
    }
    once(u32::try_from(alarmed.len()).map_err(|error| error.to_string())?.into())
}
