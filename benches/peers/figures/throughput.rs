//! The line's rate beside curl, iperf3 and a test by several connections as `LibreSpeed`'s page makes it: on a cable that
//! tc-tbf(8) shapes to four rates, both ways. The whole of it goes into a table of its own, `throughput.md`.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use siaga::domain::{CheckName, Mono, Observation};
use siaga::probe::bandwidth::Probe;
use siaga::probe::{Context, Requests, Roots};
use tokio::sync::watch;

use super::{Goal, Row, Unit, without};
use crate::lab::{Lab, build_folder, sh};
use crate::process::{self, Process};
use crate::servers::{self, FILES};
use crate::stats::{once, sample};

/// Mbit/s; by what share the rate may be wrong, and what one way may cost, bytes.
const RATES: [(u32, f64, f64); 4] = [(5, 0.01, 1e6), (20, 0.01, 1e6), (50, 0.03, 2e6), (100, 0.03, 2e6)];
const OURS: usize = 7;
/// The others take long.
const THEIRS: usize = 3;
/// For how long those measure that have a time and no size; `LibreSpeed`'s page takes 15 s.
const TIME: &str = "10";
/// How many connections `LibreSpeed`'s page has at once, down and up.
const CONNECTIONS: [usize; 2] = [6, 3];
/// What the shaper counts of a packet, to its content; who tells the rate of content alone is not blamed for the headers.
const HEADERS: f64 = 1514.0 / 1448.0;
const WAYS: [&str; 2] = ["down", "up"];

/// One run of a tool: what it says the line carries down and up, where it says so, bit/s; what went over the line down and up, bytes;
/// and how long it took, s.
struct Run {
    rates: [Option<f64>; 2],
    bytes: [f64; 2],
    seconds: f64,
}

/// One line of the table.
struct Told {
    megabits: u32,
    way: usize,
    tool: &'static str,
    runs: usize,
    /// The median of the rates, bit/s, and the worst error.
    rate: f64,
    worst: f64,
    /// Medians.
    bytes: f64,
    seconds: f64,
}

pub(crate) fn throughput(lab: &Lab) -> Vec<Row> {
    let lacking = [("error of the rate", Unit::Error, Goal::None), (RECEIVING, Unit::Nanoseconds, Goal::Ratio(0.6))];
    let measured = measure(lab);
    let rows = measured.and_then(|lines| {
        let cpu = receiving(lab)?;
        write(lab, &lines, &cpu)?;
        let mut rows: Vec<Row> =
            lines.iter().filter(|line| line.tool == SIAGA).flat_map(|ours| both(ours, &lines)).collect();
        rows.extend(cpu);
        Ok(rows)
    });
    // Whoever comes next finds the cable as it was.
    _ = sh("tc qdisc del dev near root 2>/dev/null");
    _ = lab.at_far_end("tc qdisc del dev far root 2>/dev/null");
    rows.unwrap_or_else(|why| without(lacking, &why))
}

/// What a peer says the line carries that way: the rate of content, bit/s.
type Says = fn(&Lab, usize) -> Result<f64, String>;

const SIAGA: &str = "siaga";
const CURL: &str = "curl, 20 MB";
const PEERS: [(&str, Says); 3] = [(CURL, curl), ("iperf3, 10 s", iperf3), ("several connections, 10 s", several)];
const RECEIVING: &str = "CPU to receive a byte";

fn measure(lab: &Lab) -> Result<Vec<Told>, String> {
    let _files = servers::far_files(lab)?;
    let mut command = lab.far_command("iperf3");
    command.args(["--server", "--bind", &FILES.ip().to_string()]);
    let mut iperf = Process::start("iperf3", &mut command, &lab.folder("iperf3")?, lab.clock)?;
    let port = SocketAddr::new(FILES.ip(), 5201);
    iperf.wait_until("listening", Duration::from_secs(5), || std::net::TcpStream::connect(port).ok())?;
    let mut lines = Vec::new();
    for (megabits, ..) in RATES {
        shape(lab, megabits)?;
        let ours: Vec<Run> = (0..lab.samples(OURS)).map(|_| ours(lab)).collect::<Result<_, _>>()?;
        for (way, name) in WAYS.into_iter().enumerate() {
            lines.push(told(megabits, way, SIAGA, &ours));
            for (tool, rate) in PEERS {
                eprintln!("bench: throughput {megabits} Mbit/s {name} {tool} …");
                let times = if lab.quick { 1 } else { THEIRS };
                let runs: Result<Vec<Run>, String> = (0..times).map(|_| watched(lab, way, rate)).collect();
                match runs {
                    Ok(runs) => lines.push(told(megabits, way, tool, &runs)),
                    // Its line is missing; the others stand.
                    Err(why) => eprintln!("bench: throughput: {why}"),
                }
            }
        }
    }
    Ok(lines)
}

fn shape(lab: &Lab, megabits: u32) -> Result<(), String> {
    let line = |card| format!("tc qdisc replace dev {card} root tbf rate {megabits}mbit burst 16kb latency 50ms");
    sh(&line("near"))?;
    lab.at_far_end(&line("far"))
}

/// Runs a peer one way.
fn watched(lab: &Lab, way: usize, rate: Says) -> Result<Run, String> {
    let (before, began) = (passed()?, lab.clock.mono());
    let content = rate(lab, way)?;
    let seconds = lab.clock.mono().since(began).as_secs_f64();
    let mut rates = [None; 2];
    rates[way] = Some(content * HEADERS);
    let after = passed()?;
    Ok(Run { rates, bytes: [after[0] - before[0], after[1] - before[1]], seconds })
}

/// A test that somebody asked for, so that the rate itself is found, both ways.
fn ours(lab: &Lab) -> Result<Run, String> {
    let (before, began) = (passed()?, lab.clock.mono());
    let observation = test(lab, "20MB", "up", "")?;
    let seconds = lab.clock.mono().since(began).as_secs_f64();
    if let Some(error) = &observation.error {
        return Err(format!("siaga: {}", error.detail));
    }
    let rates = WAYS.map(|way| value(&observation, "bandwidth_capacity_bits_per_second", way));
    let after = passed()?;
    Ok(Run { rates, bytes: [after[0] - before[0], after[1] - before[1]], seconds })
}

fn test(lab: &Lab, down: &str, up: &str, rest: &str) -> Result<Observation, String> {
    let config = format!("down_url = \"http://{FILES}/{down}\"\nup_url = \"http://{FILES}/{up}\"\n{rest}");
    let config = toml::from_str(&config).map_err(|error| error.to_string())?;
    let in_use = watch::Sender::new(false);
    let context = Context {
        check: CheckName::from("throughput"),
        clock: lab.clock,
        interval: Duration::from_hours(1),
        bad_for: Duration::from_secs(3),
        roots: Roots::default(),
        in_use: in_use.subscribe(),
        requests: Requests::default(),
        not_before: Mono::NEVER,
        stands_until: Mono::ZERO,
        own_far_end: None,
        enrolled: None,
        egress: siaga::probe::egress::Egress::default(),
        budget: siaga::probe::budget::Budget::default(),
        desktop: siaga::probe::seat::desktop::Desktop::default(),
        on_air: siaga::probe::on_air::OnAir::default(),
        buses: siaga::probe::usb::carried::Carried::default(),
        cards: siaga::probe::audio::Seen::default(),
        board: siaga::probe::board::Board::default(),
    };
    let _asked = context.requests.ask();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let mut probe = Probe::new(config, context);
    Ok(runtime.map_err(|error| error.to_string())?.block_on(probe.next()))
}

fn value(observation: &Observation, quantity: &str, part: &str) -> Option<f64> {
    let mut all = observation.reading.measurements.iter();
    all.find(|known| known.quantity.name == quantity && known.part.as_deref() == Some(part)).map(|known| known.value)
}

fn curl(lab: &Lab, way: usize) -> Result<f64, String> {
    let said = run(&mut curl_command(lab, way, "20MB")?)?;
    let speed = numbers(&said).get(1).copied().ok_or("curl told nothing")?;
    Ok(speed * 8.0)
}

/// What curl is to do; it tells bytes, bytes a second, and seconds.
fn curl_command(lab: &Lab, way: usize, file: &str) -> Result<Command, String> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--output", "/dev/null"]);
    if way == 0 {
        command.args(["--write-out", "%{size_download} %{speed_download} %{time_total}\n"]);
        command.arg(format!("http://{FILES}/{file}"));
    } else {
        let file = lab.folder(servers::FILES_FOLDER)?.join(file);
        command.args(["--write-out", "%{size_upload} %{speed_upload} %{time_total}\n", "--request", "POST"]);
        command.args(["--header", "Expect:", "--upload-file"]).arg(file).arg(format!("http://{FILES}/up"));
    }
    Ok(command)
}

fn iperf3(lab: &Lab, way: usize) -> Result<f64, String> {
    let began = lab.clock.mono();
    loop {
        let mut command = Command::new("iperf3");
        command.args(["--client", &FILES.ip().to_string(), "--time", TIME, "--json"]);
        if way == 0 {
            command.arg("--reverse");
        }
        let out = command.output().map_err(|error| format!("iperf3: {error}"))?;
        let said: Value = serde_json::from_slice(&out.stdout).map_err(|error| format!("iperf3: {error}"))?;
        if let Some(rate) = said["end"]["sum_received"]["bits_per_second"].as_f64() {
            return Ok(rate);
        }
        // Its server may still be at the end of the test before.
        let error = said["error"].as_str().unwrap_or("no rate");
        if !error.contains("busy") || lab.clock.mono().since(began) > Duration::from_secs(20) {
            return Err(format!("iperf3: {error}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// So many transfers at once, ended after a time; what all of them moved, by that time.
fn several(lab: &Lab, way: usize) -> Result<f64, String> {
    let mut children = Vec::new();
    for _ in 0..CONNECTIONS[way] {
        let mut command = curl_command(lab, way, "2GB")?;
        let child =
            command.args(["--max-time", TIME]).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
        children.push(child.spawn().map_err(|error| format!("curl: {error}"))?);
    }
    let (mut bytes, mut seconds) = (0.0, 0.0_f64);
    for child in children {
        let out = child.wait_with_output().map_err(|error| format!("curl: {error}"))?;
        let told = numbers(&String::from_utf8_lossy(&out.stdout));
        let [moved, _, took] = told[..] else { return Err(format!("curl told {told:?}")) };
        bytes += moved;
        seconds = seconds.max(took);
    }
    Ok(bytes * 8.0 / seconds)
}

/// CPU time by which a byte is received, in a release build: on the unshaped cable, where both are as busy as they can be, and at
/// 100 Mbit/s as it is.
fn receiving(lab: &Lab) -> Result<Vec<Row>, String> {
    let _files = servers::far_files(lab)?;
    let mut rows = Vec::new();
    for (line, file, rest) in [
        ("100 Mbit/s", "20MB", ""),
        (
            "a cable as fast as the machine",
            "2GB",
            "max_bytes = \"500 MB\"\ndaily_budget = \"1 GB\"\nline_rate = \"1000 Gbit/s\"",
        ),
    ] {
        if file == "2GB" {
            sh("tc qdisc del dev near root")?;
            lab.at_far_end("tc qdisc del dev far root")?;
        }
        let (mut ours, mut peers, mut megabytes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..lab.samples(OURS) {
            let (before, cpu) = (passed()?, own_cpu()?);
            // The upload is refused at once, so that it costs next to nothing.
            _ = test(lab, file, "missing", rest)?;
            let (bytes, cpu) = (passed()?[0] - before[0], own_cpu()? - cpu);
            megabytes.push(bytes / 1e6);
            ours.push(cpu / bytes);
            let start = curl_cpu(lab, "empty")?;
            let before = passed()?[0];
            let cpu = curl_cpu(lab, if file == "2GB" { "500MB" } else { file })? - start;
            peers.push(cpu / (passed()?[0] - before));
        }
        let what = format!("{RECEIVING}, {line}");
        lab.profile(&what, std::process::id(), || _ = test(lab, file, "missing", rest));
        let size = sample(megabytes)?.median;
        rows.push(Row {
            what,
            unit: Unit::Nanoseconds,
            ours: sample(ours),
            peer: Some(("curl".to_owned(), sample(peers))),
            goal: Goal::Ratio(0.6),
            how: format!(
                "a download of {size:.1} MB with all that goes with it (handshakes beside it among that), to one of curl's (20 or \
                 500 MB) less curl's own start; process CPU clock, user and system"
            ),
        });
    }
    Ok(rows)
}

/// CPU time of a download by curl, s.
fn curl_cpu(lab: &Lab, file: &str) -> Result<f64, String> {
    let mut command = curl_command(lab, 0, file)?;
    process::cpu_of(command.stdout(std::process::Stdio::null()))
}

fn own_cpu() -> Result<f64, String> {
    process::cpu_clock(std::process::id()).ok_or_else(|| "no clock of our own".to_owned())
}

/// Bytes on our end of the cable, down and up.
fn passed() -> Result<[f64; 2], String> {
    let text = fs::read_to_string("/proc/net/dev").map_err(|error| error.to_string())?;
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("near:"));
    let told = numbers(line.ok_or("no such cable")?);
    Ok([told[0], told[8]])
}

fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let out = command.output().map_err(|error| format!("{program}: {error}"))?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    Err(format!(
        "{program}: {} {}",
        String::from_utf8_lossy(&out.stderr).trim(),
        String::from_utf8_lossy(&out.stdout).trim()
    ))
}

/// A run that tells no rate is wrong by all of it.
fn told(megabits: u32, way: usize, tool: &'static str, runs: &[Run]) -> Told {
    let line = f64::from(megabits) * 1e6;
    let rates: Vec<f64> = runs.iter().map(|run| run.rates[way].unwrap_or_default()).collect();
    let worst = rates.iter().map(|rate| (rate / line - 1.0).abs()).fold(0.0, f64::max);
    let median = |values: Vec<f64>| sample(values).map_or(f64::NAN, |sample| sample.median);
    Told {
        megabits,
        way,
        tool,
        runs: runs.len(),
        rate: median(rates),
        worst,
        bytes: median(runs.iter().map(|run| run.bytes[way]).collect()),
        seconds: median(runs.iter().map(|run| run.seconds).collect()),
    }
}

/// The two rows of one rate and way: the error, and what it cost, beside curl's.
fn both(ours: &Told, lines: &[Told]) -> Vec<Row> {
    let Some((_, share, cost)) = RATES.into_iter().find(|(megabits, ..)| *megabits == ours.megabits) else {
        return Vec::new();
    };
    let curl = lines.iter().find(|line| (line.megabits, line.way, line.tool) == (ours.megabits, ours.way, CURL));
    let row = |what: &str, unit, of: fn(&Told) -> f64, most: f64, how: String| Row {
        what: format!("{what}, {} Mbit/s {}", ours.megabits, WAYS[ours.way]),
        unit,
        ours: once(of(ours)),
        peer: curl.map(|curl| (CURL.to_owned(), once(of(curl)))),
        goal: Goal::Ours(most),
        how,
    };
    let times = curl.map_or(0, |curl| curl.runs);
    let how = format!(
        "the worst of {}, a line shaped by tc-tbf; curl's worst of {times}, its content with headers",
        ours.runs
    );
    vec![
        row("error of the rate", Unit::Error, |told| told.worst, share, how),
        row(
            "bytes for the rate",
            Unit::Bytes,
            |told| told.bytes,
            cost,
            "on the interface, that way, median".to_owned(),
        ),
    ]
}

fn write(lab: &Lab, lines: &[Told], cpu: &[Row]) -> Result<(), String> {
    let mut text = "# The line's rate beside curl, iperf3 and several connections\n\n".to_owned();
    if lab.quick {
        text.push_str("**A quick run, to try the harness: too few samples to judge by.**\n\n");
    }
    let _ = writeln!(
        text,
        "A virtual cable, each way shaped by tc-tbf (burst 16 kB, 50 ms). Rates are of frames: who tells content alone has it taken \
         by {HEADERS:.4}. Rate, bytes and seconds are medians; bytes are those on the interface that way. Siaga measures both ways \
         in one test, with the delay under load: its seconds are of both. Several connections: {} down and {} up by curl, as \
         LibreSpeed's page has.\n",
        CONNECTIONS[0], CONNECTIONS[1]
    );
    text.push_str(
        "| line | way | by | runs | rate, Mbit/s | worst error | MB | s |\n|---|---|---|---|---|---|---|---|\n",
    );
    for Told { megabits, way, tool, runs, rate, worst, bytes, seconds } in lines {
        let (way, rate, worst, bytes) = (WAYS[*way], rate / 1e6, worst * 100.0, bytes / 1e6);
        let _ = writeln!(
            text,
            "| {megabits} | {way} | {tool} | {runs} | {rate:.2} | {worst:.2} % | {bytes:.2} | {seconds:.1} |"
        );
    }
    text.push_str("\n| CPU, ns a byte | siaga | curl | ratio |\n|---|---|---|---|\n");
    for row in cpu {
        if let (Ok(ours), Some((_, Ok(peer)))) = (&row.ours, &row.peer) {
            let (ours, peer) = (ours.median * 1e9, peer.median * 1e9);
            let _ = writeln!(text, "| {} | {ours:.2} | {peer:.2} | {:.2} |", row.what, ours / peer);
        }
    }
    for row in cpu {
        let _ = writeln!(text, "\n{}: {}.", row.what, row.how);
    }
    let file = build_folder().join("bench").join("throughput.md");
    let put = fs::create_dir_all(build_folder().join("bench")).and_then(|()| fs::write(&file, text));
    put.map_err(|error| format!("{}: {error}", file.display()))
}
