//! What more of the same costs: targets that are asked once a second, browsers that stay for the events; and how large it all is.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use super::steady::Watched;
use super::{Goal, Row, Unit};
use crate::daemon::{self, Daemon, measurement};
use crate::lab::{Lab, sh};
use crate::process::Process;
use crate::profile;
use crate::servers;
use crate::stats::{Measured, once, sample};
use crate::upsd::Upsd;

const SECOND: Duration = Duration::from_secs(1);
const SETTLE: Duration = Duration::from_secs(10);
/// Whole minutes, because some work comes once in each.
const WINDOW: Duration = Duration::from_mins(1);
const WINDOWS: usize = 3;
/// Beyond this many it is a stretch and no wish.
const WISHED: u16 = 100;
/// The most browsers.
const MOST: usize = 200;

/// So many targets at one echo a second each, beside fping with the same; and what Siaga took for lost.
pub(crate) fn targets(lab: &Lab) -> Vec<Row> {
    // RFC 2544's network, all of which the far end takes for its own.
    let there = "ip route add local 198.18.0.0/15 dev lo";
    let way = lab.at_far_end(there).and_then(|()| sh("ip route add 198.18.0.0/15 via 198.51.100.10"));
    let rows = [1, 10, 100, 1000].into_iter().flat_map(|count| {
        let (ours, lost, fping) = match &way {
            Ok(()) => beside_fping(lab, count),
            Err(why) => (Err(why.clone()), Err(why.clone()), Err(why.clone())),
        };
        let goal = if count == 1 || count == 10 { Goal::None } else { Goal::Ratio(1.0) };
        let stretch = if count > WISHED { "; a stretch" } else { "" };
        [
            Row {
                what: cpu_of(count),
                unit: Unit::Share,
                ours,
                peer: Some(("fping".to_owned(), fping)),
                goal,
                how: format!(
                    "both at the same time over three windows of a minute, with all that Siaga does besides{stretch}"
                ),
            },
            Row {
                what: format!("lost of targets at 1 Hz: {count}"),
                unit: Unit::Count,
                ours: lost,
                peer: None,
                goal: Goal::Ours(0.0),
                how: format!("icmp_lost_total over the same time, on a line that loses nothing{stretch}"),
            },
        ]
    });
    rows.collect()
}

fn cpu_of(count: u16) -> String {
    format!("CPU for targets at 1 Hz: {count}")
}

/// CPU time a second, echoes that were taken for lost, and fping's CPU time a second.
fn beside_fping(lab: &Lab, count: u16) -> (Measured, Measured, Measured) {
    let addresses: Vec<String> = (0..count)
        .map(|at| Ipv4Addr::new(198, 18, 0, 1).to_bits() + u32::from(at))
        .map(|bits| Ipv4Addr::from(bits).to_string())
        .collect();
    let checks: String =
        addresses.iter().enumerate().map(|(at, to)| daemon::icmp(&format!("far_{at}"), to, SECOND)).collect();
    let ours = Daemon::start(lab, &checks);
    let fping = lab.folder("fping").and_then(|folder| {
        let mut command = Command::new("fping");
        command.args(["-l", "-q", "-i", "1", "-p", "1000"]).args(&addresses);
        Process::start("fping", &mut command, &folder, lab.clock)
    });
    sleep(lab.window(SETTLE));
    let mut costs = [Watched::begin(ours.as_ref().map(|daemon| &daemon.process)), Watched::begin(fping.as_ref())];
    over_windows(lab, &mut costs);
    let lost = ours.as_ref().map_err(Clone::clone).and_then(|daemon| {
        let checks = daemon::checks(&mut daemon.client()?)?;
        if checks.len() != usize::from(count) {
            return Err(format!("{} checks were listed, not {count}", checks.len()));
        }
        let lost: Option<f64> = checks.iter().map(|check| measurement(check, "icmp_lost_total")).sum();
        once(lost.ok_or("a check without a count of what was lost")?)
    });
    if let (Ok(daemon), true) = (&ours, count >= WISHED) {
        lab.profile(&cpu_of(count), daemon.process.id(), || sleep(lab.window(profile::A_WHILE)));
    }
    let [own, peer] = costs.map(|cost| cost.end().1);
    (own, lost, peer)
}

/// So many browsers that stay for the events, beside the same daemon with none.
pub(crate) fn events(lab: &Lab) -> Vec<Row> {
    let standing = servers::far_end(lab).and_then(|far| Ok((far, Upsd::start(lab)?)));
    let daemon = standing.as_ref().map_err(Clone::clone).and_then(|_| Daemon::start(lab, &daemon::everything(lab)?));
    sleep(lab.window(SETTLE));
    let mut alone: Option<Measured> = None;
    let mut rows = Vec::new();
    for count in [0, 1, 10, 100, MOST] {
        let stay = daemon.as_ref().map_err(Clone::clone).and_then(|daemon| stay(daemon.address, count));
        let cost = stay.and_then(|_staying| {
            let mut costs = [Watched::begin(daemon.as_ref().map(|daemon| &daemon.process))];
            over_windows(lab, &mut costs);
            if let (Ok(daemon), MOST) = (&daemon, count) {
                lab.profile(&cpu_with(count), daemon.process.id(), || sleep(lab.window(profile::A_WHILE)));
            }
            let [cost] = costs;
            cost.end().1
        });
        let Some(alone) = &alone else {
            alone = Some(cost);
            continue;
        };
        rows.push(Row {
            what: cpu_with(count),
            unit: Unit::Share,
            ours: cost,
            peer: Some(("none of them".to_owned(), alone.clone())),
            goal: if count == MOST { Goal::Ratio(2.0) } else { Goal::None },
            how: "everything on; each client reads all that comes; three windows of a minute each".to_owned(),
        });
    }
    rows
}

fn cpu_with(count: usize) -> String {
    format!("CPU with event clients: {count}")
}

/// Connections that are read by a thread until they are dropped.
struct Staying(Vec<TcpStream>);

impl Drop for Staying {
    fn drop(&mut self) {
        for stream in &self.0 {
            _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn stay(address: SocketAddr, count: usize) -> Result<Staying, String> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        let request = format!("GET /events HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n");
        stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
        let mut lines = BufReader::new(stream.try_clone().map_err(|error| error.to_string())?);
        let mut first = String::new();
        lines.read_line(&mut first).map_err(|error| error.to_string())?;
        if !first.contains(" 200 ") {
            return Err(format!("/events answers {first:?}"));
        }
        std::thread::spawn(move || while lines.read_line(&mut String::new()).is_ok_and(|bytes| bytes > 0) {});
        all.push(stream);
    }
    Ok(Staying(all))
}

/// The program, its threads, and what it writes while nothing changes.
pub(crate) fn footprint(lab: &Lab) -> Vec<Row> {
    let rows = [
        ("the program's file", Unit::Bytes, Goal::Ours(10e6)),
        ("threads, everything on", Unit::Count, Goal::Ours(6.0)),
        ("written to disks in a minute at rest", Unit::Bytes, Goal::None),
    ];
    let standing = servers::far_end(lab).and_then(|far| Ok((far, Upsd::start(lab)?)));
    let daemon = standing.as_ref().map_err(Clone::clone).and_then(|_| Daemon::start(lab, &daemon::everything(lab)?));
    let daemon = match daemon {
        Ok(daemon) => daemon,
        Err(why) => return super::without(rows, &why),
    };
    sleep(lab.window(SETTLE));
    let mut written = Vec::new();
    for _ in 0..lab.samples(WINDOWS) {
        let before = daemon.process.written();
        sleep(WINDOW);
        written.push(daemon.process.written().and_then(|now| Ok(now - before?)));
    }
    let size = fs::metadata(env!("CARGO_BIN_EXE_siaga")).map_err(|error| error.to_string());
    #[allow(clippy::cast_precision_loss, reason = "a file of less than 2^52 bytes")]
    let size = size.and_then(|file| once(file.len() as f64));
    let written = written.into_iter().collect::<Result<Vec<f64>, String>>().and_then(sample);
    let hows = [
        "as it was built for this run",
        "of proc(5)'s status, children not counted",
        "write_bytes of proc(5)'s io, over whole minutes; the history's own",
    ];
    let ours = [size, daemon.process.threads().and_then(once), written];
    let all = rows.into_iter().zip(hows).zip(ours);
    all.map(|(((what, unit, goal), how), ours)| Row {
        what: what.to_owned(),
        unit,
        ours,
        peer: None,
        goal,
        how: how.to_owned(),
    })
    .collect()
}

/// Over common windows.
fn over_windows(lab: &Lab, costs: &mut [Watched<'_>]) {
    for _ in 0..lab.samples(WINDOWS) {
        let began = lab.clock.mono();
        sleep(lab.window(WINDOW));
        for cost in &mut *costs {
            cost.read(lab.clock.mono().since(began).as_secs_f64());
        }
    }
}
