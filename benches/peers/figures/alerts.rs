//! From a fault to a webhook that has arrived, and from its end: Siaga beside what else tells people.

use std::fmt::Write as _;
use std::thread::{self, sleep};
use std::time::Duration;

use siaga::domain::Mono;

use super::{Goal, Row, Unit};
use crate::alerting::{self, MONIT, PATIENCE, Site, UPSMON};
use crate::daemon::{self, Daemon};
use crate::lab::{Lab, target};
use crate::sink::Sink;
use crate::stats::sample;
use crate::upsd::{Line, Upsd};

const RUNS: usize = 20;
/// Four times a second.
const PACE: Duration = Duration::from_millis(250);
/// So many outages make a component unstable, of which Siaga then says no more: another daemon is begun before that.
const TOGETHER: usize = 2;
/// What is found in the first quarter of a minute is told after it.
const SETTLED: Duration = Duration::from_secs(16);
const IGNORE: &str = "/proc/sys/net/ipv4/icmp_echo_ignore_all";
const SIAGA: &str = "/siaga";

/// A peer: its name, where it tells, and its words for the fault and for its end.
struct Peer {
    name: &'static str,
    path: &'static str,
    down: &'static [&'static str],
    up: &'static [&'static str],
    told: Vec<f64>,
    over: Vec<f64>,
    failed: Option<String>,
}

impl Peer {
    const fn new(
        name: &'static str,
        path: &'static str,
        down: &'static [&'static str],
        up: &'static [&'static str],
    ) -> Self {
        Self { name, path, down, up, told: Vec::new(), over: Vec::new(), failed: None }
    }

    /// Notes how long after `began` it told of the fault (or of its end).
    fn hear(&mut self, sink: &Sink, mark: usize, began: Mono, is_over: bool) {
        if self.failed.is_some() {
            return;
        }
        match sink.wait(mark, self.path, if is_over { self.up } else { self.down }, PATIENCE) {
            Ok(at) if is_over => self.over.push(at.since(began).as_secs_f64()),
            Ok(at) => self.told.push(at.since(began).as_secs_f64()),
            Err(why) => self.failed = Some(why),
        }
    }

    fn measured(&self, is_over: bool) -> crate::stats::Measured {
        match &self.failed {
            Some(why) => Err(why.clone()),
            None => sample(if is_over { self.over.clone() } else { self.told.clone() }),
        }
    }
}

/// What could not be set up, nobody is measured by.
fn fail(all: &mut [Peer], why: &str) {
    for peer in all {
        peer.failed.get_or_insert_with(|| why.to_owned());
    }
}

fn siaga() -> Peer {
    Peer::new(daemon::NAME, SIAGA, &["incident_opened"], &["incident_closed"])
}

/// A far end that falls silent and answers again.
pub(crate) fn silence_to_webhook(lab: &Lab) -> Vec<Row> {
    let site = |name, path| Peer::new(name, path, &["\"status\":\"firing\""], &["\"status\":\"resolved\""]);
    let mut all = vec![
        siaga(),
        site("prometheus + alertmanager, 5 s", "/site_5s"),
        site("prometheus + alertmanager, 1 s", "/site_1s"),
        Peer::new("monit, 1 s", MONIT, &["down"], &["up"]),
    ];
    if let Err(why) = silences(lab, &mut all) {
        fail(&mut all, &why);
    }
    let (ours, peers) = (&all[0], &all[1..]);
    let how = "the far end stops answering echoes at an arbitrary moment, and answers again; 4 echoes/s, hold 0, beside \
               Prometheus with blackbox exporter, a rule without `for`, Alertmanager with group_wait 0 and group_interval 1 s, \
               beside monit with one ping; all watch the same far end in the same run, and post to the same sink";
    let row = |is_over: bool, peer: &Peer, goal| Row {
        what: if is_over { "ping answered again → webhook" } else { "ping silence → webhook" }.to_owned(),
        unit: Unit::Seconds,
        ours: ours.measured(is_over),
        peer: Some((peer.name.to_owned(), peer.measured(is_over))),
        goal,
        how: how.to_owned(),
    };
    let goal = |is_over: bool, at: usize| match (is_over, at) {
        (false, 0) => Goal::Ratio(0.08),
        (true, 0) => Goal::Ratio(0.1),
        _ => Goal::None,
    };
    [false, true]
        .into_iter()
        .flat_map(|is_over| peers.iter().enumerate().map(move |(at, peer)| row(is_over, peer, goal(is_over, at))))
        .collect()
}

fn silences(lab: &Lab, all: &mut [Peer]) -> Result<(), String> {
    let sink = Sink::start(lab.clock)?;
    let _exporter = alerting::exporter(lab)?;
    let slow = Site::start(lab, &sink, "site-5s", 5, 9191)?;
    let quick = Site::start(lab, &sink, "site-1s", 1, 9192)?;
    debug_assert!(all[1].path == slow.path && all[2].path == quick.path);
    let _monit = alerting::monit(lab, &sink)?;
    let runs = lab.samples(RUNS);
    let mut watching = None;
    for run in 0..runs {
        if run % TOGETHER == 0 {
            drop(watching.take());
            watching = Some(begin(lab, &sink, &daemon::icmp("far", &target(0).to_string(), PACE))?);
        }
        for is_over in [false, true] {
            sleep(spread(run, runs, is_over));
            let (mark, began) = (sink.mark(), lab.clock.mono());
            lab.at_far_end(&format!("echo {} > {IGNORE}", u8::from(!is_over)))?;
            for peer in &mut *all {
                peer.hear(&sink, mark, began, is_over);
            }
        }
    }
    Ok(())
}

/// How long before a fault, or its end, nothing happens: spread over the slowest one's pace, so that no figure depends on where in
/// anybody's pace it falls. Else an end would always come just after the slowest had looked.
fn spread(run: usize, runs: usize, is_over: bool) -> Duration {
    let place = if is_over { runs - 1 - run } else { run };
    let part = u32::try_from(place).unwrap_or(0);
    (Duration::from_secs(5) + PACE) * part / u32::try_from(runs).unwrap_or(1) + PACE * 4
}

/// A daemon that tells the sink, past its first settling.
fn begin(lab: &Lab, sink: &Sink, checks: &str) -> Result<Daemon, String> {
    let receiver =
        format!("[[receiver]]\nname = \"sink\"\nkind = \"webhook\"\nurl = \"http://{}{SIAGA}\"\n\n", sink.address);
    // What is not looked at is not there, so that nothing else is told.
    let watched = if checks.contains("\"ups\"") { "power" } else { "internet" };
    let mut config = receiver;
    for one in ["computer", "internet", "audio", "video", "power"].into_iter().filter(|one| *one != watched) {
        _ = write!(config, "[components.{one}]\nabsent = true\n\n");
    }
    config.push_str(checks);
    let daemon = Daemon::start(lab, &config)?;
    sleep(SETTLED);
    Ok(daemon)
}

/// A UPS that goes on battery.
pub(crate) fn battery_to_webhook(lab: &Lab) -> Vec<Row> {
    let mut all = vec![siaga(), Peer::new("upsmon, 1 s", UPSMON, &["ONBATT"], &["ONLINE"])];
    if let Err(why) = outages(lab, &mut all) {
        fail(&mut all, &why);
    }
    let row = |is_over: bool, goal| {
        Row {
        what: if is_over { "UPS on mains again → webhook" } else { "UPS on battery → webhook" }.to_owned(),
        unit: Unit::Seconds,
        ours: all[0].measured(is_over),
        peer: Some((all[1].name.to_owned(), all[1].measured(is_over))),
        goal,
        how: "from the moment at which upsd says it (asked every millisecond) to the arrival at the sink; Siaga asks upsd 4 times \
              a second, hold 0, upsmon once a second and runs curl"
            .to_owned(),
    }
    };
    vec![row(false, Goal::Ratio(0.75)), row(true, Goal::None)]
}

fn outages(lab: &Lab, all: &mut [Peer]) -> Result<(), String> {
    let sink = Sink::start(lab.clock)?;
    let mut upsd = Upsd::start(lab)?;
    let runs = lab.samples(RUNS);
    let mut watching = None;
    for run in 0..runs {
        if run % TOGETHER == 0 {
            drop(watching.take());
            // The driver looks once a second too: each pair of watchers begins at another moment of its second.
            sleep(Duration::from_secs(1) * u32::try_from(run).unwrap_or(0) / u32::try_from(runs).unwrap_or(1));
            let upsmon = alerting::upsmon(lab, &sink)?;
            watching = Some((upsmon, begin(lab, &sink, &daemon::ups(PACE))?));
        }
        for (is_over, words) in [(false, "OB DISCHRG"), (true, "OL")] {
            // The driver sees by the whole second that its file is another.
            sleep(Duration::from_millis(1100));
            let mark = sink.mark();
            let known = thread::scope(|scope| {
                let known = scope.spawn(|| known(lab, words));
                upsd.set(words)?;
                known.join().unwrap_or_else(|_| Err("upsd's watch panicked".to_owned()))
            })?;
            for peer in &mut *all {
                peer.hear(&sink, mark, known, is_over);
            }
        }
    }
    Ok(())
}

/// When upsd says these words.
fn known(lab: &Lab, words: &str) -> Result<Mono, String> {
    let (mut line, began) = (Line::open()?, lab.clock.mono());
    loop {
        let said = line.status()?;
        let now = lab.clock.mono();
        if said == words {
            return Ok(now);
        }
        if now.since(began) > PATIENCE {
            return Err(format!("upsd still says {said}"));
        }
        sleep(Duration::from_millis(1));
    }
}
