//! `siaga survey` at places with a known line, by the real binary: its answer, its exit code, its two files.
#![allow(clippy::cast_precision_loss, reason = "a part of a body")]

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use serde_json::Value;

use super::support::child::wait_until;
use super::support::daemon::siaga;
use super::support::impairment::{Impairment, Loss};
use super::support::line::{FAR, Line};
use super::support::namespace::{inside, ip};
use super::support::reflector::Reflector;
use super::support::turnserver::{PASSWORD, TurnServer, USER};

use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
/// Another address of this machine's, that is not loopback's: servers by TCP, which the line does not carry.
const BESIDE: &str = "203.0.113.1";

/// A place whose line is bad in that way, with a router and a reflector at its other end.
struct Place {
    line: Line,
    _reflector: Reflector,
    folder: tempfile::TempDir,
}

/// What a survey left behind.
#[derive(Debug)]
struct Told {
    code: Option<i32>,
    out: String,
    err: String,
    report: Value,
    page: String,
}

impl Place {
    fn new(up: Impairment, down: Impairment) -> Self {
        let line = Line::lay(up, down, 5);
        ip(&[&format!("route add default via {FAR} dev here0"), &format!("address add {BESIDE}/32 dev lo")]);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "sixteen bytes and more").unwrap();
        let mut command = Line::far(env!("CARGO_BIN_EXE_siaga"));
        command.args(["reflect", "--listen", &format!("{FAR}:10862"), "--key-file"]).arg(folder.path().join("key"));
        let reflector = Reflector::start_by(command, 1);
        Self { line, _reflector: reflector, folder }
    }

    /// The command against the reflector, with more arguments, or others.
    fn command(&self, args: &[&str]) -> Command {
        let (out, key) =
            (self.folder.path().display().to_string(), self.folder.path().join("key").display().to_string());
        let mut command = bare();
        let usual = [("--out", out.as_str()), ("--far-end", FAR), ("--key-file", &key), ("--duration", "3s")];
        for (flag, value) in usual.iter().filter(|(flag, _)| !args.contains(flag)) {
            command.args([flag, value]);
        }
        command.args(args);
        command
    }

    /// Does a survey. A machine that is too busy to send in time gives a test up, and does it again.
    fn survey(&self, args: &[&str]) -> Told {
        loop {
            let told = told(self.command(args).output().unwrap(), self.folder.path());
            if !told.report.to_string().contains("too busy") {
                return told;
            }
            reports(self.folder.path()).for_each(|file| std::fs::remove_file(file).unwrap());
        }
    }
}

fn bare() -> Command {
    let mut command = siaga();
    command.env_remove("SIAGA_CONFIG").arg("survey").stdin(Stdio::null());
    command
}

fn reports(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("survey-"))
}

fn told(output: Output, folder: &Path) -> Told {
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let text = |ending: &str| {
        let files: Vec<_> = reports(folder).filter(|file| file.extension().unwrap() == ending).collect();
        assert!(files.len() == 1, "{files:?}: {out}{err}");
        std::fs::read_to_string(&files[0]).unwrap()
    };
    let (report, page) = (serde_json::from_str(&text("json")).unwrap(), text("html"));
    Told { code: output.status.code(), out, err, report, page }
}

impl Told {
    fn check(&self, name: &str) -> &Value {
        let checks = self.report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {:#}", self.report))
    }

    fn value(&self, check: &str, quantity: &str) -> f64 {
        let all = self.check(check)["measurements"].as_array().unwrap();
        let found = all.iter().find(|one| one["quantity"] == quantity);
        found.unwrap_or_else(|| panic!("no {quantity}: {:#}", self.report))["value"].as_f64().unwrap()
    }

    /// Why that check, or what nobody asked for, was not measured.
    fn missing(&self, check: &str) -> Option<&str> {
        let all = self.report["not_measured"].as_array().unwrap();
        all.iter().find(|one| one["check"] == check).map(|one| one["why"]["id"].as_str().unwrap())
    }

    /// What holds of every report.
    fn is_whole(&self, verdict: &str, code: i32) {
        assert_eq!(
            (self.code, self.report["verdict"].as_str()),
            (Some(code), Some(verdict)),
            "{}{:#}",
            self.out,
            self.report
        );
        assert_eq!((&self.report["schema"], &self.report["version"]), (&"siaga.survey".into(), &1.into()));
        let answer = self.report["answer"]["id"].as_str().unwrap();
        assert_eq!(self.out.lines().next(), Some(answer));
        assert!(
            self.page.starts_with("<!doctype html>\n<html lang=\"id\">") && self.page.trim_end().ends_with("</html>")
        );
        for never in ["<script", "http://", "https://", "{{", "src=", "url("] {
            assert!(!self.page.contains(never), "{never}: {}", self.page);
        }
        for secret in [PASSWORD, USER, "sixteen bytes", "/key"] {
            assert!(!format!("{}{}{}", self.report, self.page, self.out).contains(secret), "{secret}");
        }
        // A number without its unit is none.
        for check in self.report["checks"].as_array().unwrap() {
            assert!(check["measurements"].as_array().unwrap().iter().all(|one| one["unit"].is_string()), "{check}");
        }
    }
}

fn delayed(delay: u32) -> Impairment {
    Impairment { delay: MS * delay, ..Impairment::default() }
}

fn narrow(rate: f64) -> Impairment {
    Impairment { rate: Some((rate, MS * 200)), ..delayed(10) }
}

/// Downloads and uploads, served beside by a thread that lives as long as the test's process.
fn rates() -> SocketAddr {
    let (tell, address) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let serving = async {
            // Slower than a gigabit, beyond which a result is thrown away.
            let down = get(|| async {
                let parts = futures_util::stream::iter(0..1000).then(|_| async {
                    tokio::time::sleep(MS).await;
                    Ok::<_, std::io::Error>(vec![7; 20_000])
                });
                Body::from_stream(parts)
            });
            let up = post(|request: Request| async move {
                let mut body = request.into_body().into_data_stream();
                while let Some(Ok(part)) = body.next().await {
                    tokio::time::sleep(Duration::from_secs_f64(part.len() as f64 * 8.0 / 200e6)).await;
                }
                "all read"
            });
            let listener = tokio::net::TcpListener::bind((BESIDE.parse::<IpAddr>().unwrap(), 0)).await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, Router::new().route("/down", down).route("/up", up)).await
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(serving)
    });
    address.recv().unwrap()
}

#[test]
fn at_a_good_place_the_meeting_can_be_held_and_the_page_has_everything() {
    if !inside("survey::at_a_good_place_the_meeting_can_be_held_and_the_page_has_everything") {
        return;
    }
    let place = Place::new(delayed(15), delayed(25));
    let rates = rates();
    let turn = TurnServer::start(&["env"], BESIDE, &[]);
    let (down, up, password) =
        (format!("http://{rates}/down?token=x"), format!("http://{rates}/up"), turn.password(PASSWORD));
    let told = place.survey(&[
        "--profile",
        "zoom_group_720",
        "--venue",
        "Aula <Kantor> Camat",
        "--relay",
        BESIDE,
        "--relay-user",
        USER,
        "--relay-password-file",
        &password,
        "--down",
        &down,
        "--up",
        &up,
    ]);
    told.is_whole("ready", 0);
    assert!(
        told.out.starts_with("Vidcon `zoom_group_720` (Zoom, rapat 720p) dapat diadakan di sini; batasnya: "),
        "{}",
        told.out
    );
    assert!(told.report["finished"] == true && told.report["venue"] == "Aula <Kantor> Camat");
    assert_eq!(told.report["ways"], serde_json::json!({ "direct": true, "relay": "udp" }));
    for (check, quantity) in [
        ("link", "link_up"),
        ("gateway", "icmp_rtt_median_seconds"),
        ("echo", "icmp_rtt_median_seconds"),
        ("call", "stamp_rtt_seconds"),
        ("relay", "relay_rtt_seconds"),
        ("rate", "bandwidth_up_bits_per_second"),
        ("rate", "bandwidth_round_trips_per_minute"),
    ] {
        assert!(told.value(check, quantity) > 0.0, "{check} {quantity}");
    }
    // The nearest: of the call's round trip 40 of 150 ms; of its way out 2.6 of (nearly) 2.86 Mbit/s, which nothing here narrows.
    let limit = &told.report["profiles"][0]["limit"];
    assert!(limit["past"] == false && limit["unit"] == "bits_per_second" && limit["limit"] == 2.6e6, "{limit}");
    assert!(told.missing("call").is_none() && told.report["outages"].as_array().unwrap().is_empty());
    let (most, used) = (&told.report["bytes"]["at_most"], told.report["bytes"]["used"].as_u64().unwrap());
    assert!(used > 20_000_000 && used <= most.as_u64().unwrap(), "{used} of {most}");
    assert!(told.err.contains("siaga: uji memakai paling banyak ") && told.err.contains(".json"), "{}", told.err);
    // What stands behind a path may be a token, and a title may hold what HTML takes for its own.
    assert!(
        told.page.contains("Aula &#60;Kantor&#62; Camat") && !format!("{}{}", told.report, told.page).contains("token")
    );
    let id = told.report["id"].as_str().unwrap();
    assert!(id.starts_with("aula-kantor-camat-"), "{id}");
    assert!(place.folder.path().join(format!("survey-{id}.html")).exists(), "{id}");
}

#[test]
fn a_narrow_way_out_is_named_as_the_limit() {
    if !inside("survey::a_narrow_way_out_is_named_as_the_limit") {
        return;
    }
    let place = Place::new(narrow(0.8e6), delayed(10));
    let told = place.survey(&["--profile", "zoom_group_720"]);
    told.is_whole("not_ready", 2);
    let limit = &told.report["profiles"][0]["limit"];
    assert!(
        limit["quantity"] == "stamp_up_bits_per_second" && limit["past"] == true && limit["limit"] == 1e6,
        "{limit}"
    );
    let by = limit["by_ratio"].as_f64().unwrap();
    assert!((0.1..0.3).contains(&by), "{by}");
    for word in [
        "tidak dapat diadakan di sini karena uji panggilan: arah keluar hanya membawa",
        "yang harus dilakukan: hentikan",
        "kurang 2",
    ] {
        assert!(told.out.contains(word), "{word}: {}", told.out);
    }
    // By all profiles: what is small enough can be held, and is what is told.
    let english = told_of_all(&place);
    assert!(
        english.starts_with("The largest meeting that can be held here: `audio_only` (Sound only); the limit: "),
        "{english}"
    );
    assert!(english.contains("\n  zoom_group_720 cannot be held: "), "{english}");
}

fn told_of_all(place: &Place) -> String {
    reports(place.folder.path()).for_each(|file| std::fs::remove_file(file).unwrap());
    let told = place.survey(&["--lang", "en"]);
    assert_eq!((told.code, told.report["profile"].as_str()), (Some(0), Some("audio_only")), "{}", told.out);
    assert!(told.page.contains("<html lang=\"en\">"));
    told.out
}

#[test]
fn loss_on_the_way_in_is_named_as_the_limit() {
    if !inside("survey::loss_on_the_way_in_is_named_as_the_limit") {
        return;
    }
    let place = Place::new(delayed(10), Impairment { loss: Loss::Random(0.09), ..delayed(10) });
    let told = place.survey(&["--profile", "zoom_group_720"]);
    told.is_whole("not_ready", 2);
    let meeting = &told.report["profiles"][0];
    assert!(meeting["limit"]["quantity"] == "loss_ratio" && meeting["limit"]["limit"] == 0.05, "{meeting}");
    assert_eq!(meeting["reasons"][0]["code"], "internet.call_loss_high");
    assert!(told.out.contains("paket uji panggilan hilang di jalan"), "{}", told.out);
}

#[test]
fn a_far_end_that_is_gone_says_nothing_of_the_place() {
    if !inside("survey::a_far_end_that_is_gone_says_nothing_of_the_place") {
        return;
    }
    let place = Place::new(delayed(10), delayed(10));
    let told = place.survey(&["--profile", "audio_only", "--far-end", &format!("{FAR}:9")]);
    told.is_whole("unknown", 3);
    assert!(told.missing("call").unwrap().contains("Ujung jauh uji panggilan tidak menjawab"), "{:#}", told.report);
    assert!(told.out.starts_with("Belum dapat dikatakan apakah vidcon `audio_only`"), "{}", told.out);
    assert_eq!(told.report["ways"]["direct"], Value::Null);
}

#[test]
fn what_an_office_watches_is_watched_here_and_a_line_that_breaks_off_is_told() {
    if !inside("survey::what_an_office_watches_is_watched_here_and_a_line_that_breaks_off_is_told") {
        return;
    }
    let place = Place::new(delayed(10), delayed(10));
    let config = place.folder.path().join("office.toml");
    let text = format!(
        "[room]\nlanguage = \"en\"\n[[check]]\nname = \"far\"\nkind = \"icmp\"\ntarget = \"{FAR}\"\nburst = 20\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"127.0.0.1:1\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = bare();
    command.args(["--duration", "20s", "--profile", "audio_only", "--config"]).arg(&config);
    command.arg("--out").arg(place.folder.path()).stderr(Stdio::null());
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let passed = |more: usize| {
        let before = place.line.up().0.len();
        wait_until(|| place.line.up().0.len() >= before + more);
    };
    let nft =
        |rule: &str| assert!(Line::far("nft").arg(rule).status().unwrap().success(), "nft {rule}: install nftables");
    passed(22);
    for rule in ["add table inet fault", "add chain inet fault in { type filter hook input priority 0; }"] {
        nft(rule);
    }
    nft("add rule inet fault in ip protocol icmp drop");
    // An echo that stays out, those that confirm it, and those after.
    passed(8);
    nft("delete table inet fault");
    let told = told(child.wait_with_output().unwrap(), place.folder.path());
    let outage = &told.report["outages"][0];
    assert!(outage["check"] == "far" && outage["over"] == true && outage["in_tests"] == false, "{:#}", told.report);
    assert!(outage["seconds"].as_f64().unwrap() > 1.0 && told.out.contains("far fell silent 1 times"), "{}", told.out);
    let names: Vec<_> = told.report["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert_eq!(names, ["far"], "of the line alone, and nothing that the config does not name");
    // Nobody measured what the line carries.
    let meeting = &told.report["profiles"][0];
    assert!(
        meeting["unmeasured"].as_array().unwrap().contains(&"up".into()) && told.report["verdict"] != "ready",
        "{meeting}"
    );
}

/// Starts one, waits until so many packets went out, and stops it as a terminal does.
fn stopped(place: &Place, packets: usize) -> Told {
    let before = place.line.up().0.len();
    let mut child: Child =
        place.command(&["--duration", "4s"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until(|| {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        place.line.up().0.len() >= before + packets
    });
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    told(child.wait_with_output().unwrap(), place.folder.path())
}

#[test]
fn who_stops_it_half_way_gets_what_was_measured() {
    if !inside("survey::who_stops_it_half_way_gets_what_was_measured") {
        return;
    }
    let place = Place::new(delayed(10), delayed(10));
    // In the watch, then in the midst of the call, which comes after two bursts of 250 echoes.
    for packets in [100, 1000] {
        let told = stopped(&place, packets);
        told.is_whole("unknown", 3);
        assert!(told.report["finished"] == false && told.page.contains("class=\"warning\""), "{:#}", told.report);
        assert!(told.missing("call").unwrap().contains("dihentikan"), "{:#}", told.report);
        assert!(told.check("call")["measurements"].as_array().unwrap().is_empty());
        if packets > 500 {
            assert!(told.value("echo", "icmp_rtt_median_seconds") > 0.02);
            assert!(told.report["bytes"]["used"].as_u64().unwrap() > 0);
        }
        reports(place.folder.path()).for_each(|file| std::fs::remove_file(file).unwrap());
    }
}

#[test]
fn nothing_is_spent_that_was_not_granted_and_nobody_is_asked_who_was_not_named() {
    if !inside("survey::nothing_is_spent_that_was_not_granted_and_nobody_is_asked_who_was_not_named") {
        return;
    }
    let place = Place::new(delayed(10), delayed(10));
    let refused = |command: &mut Command, why: &str| {
        let output = command.output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(3) && output.stdout.is_empty() && err.contains(why), "{why}: {err}");
    };
    refused(&mut place.command(&["--budget", "1 MB"]), "--budget says 1 MB");
    refused(&mut place.command(&["--out", "/nowhere"]), "no report can be written to /nowhere");
    refused(&mut place.command(&["--duration", "0s"]), "allowed is 1s to 1h");
    refused(&mut place.command(&["--down", "self", "--up", "self"]), "this very computer");
    refused(&mut place.command(&["--down", "http://192.0.2.1/"]), "--up");
    refused(bare().arg("--out").arg(place.folder.path()), "nobody to measure against");
    assert_eq!(reports(place.folder.path()).count(), 0);
    assert!(place.line.up().0.is_empty(), "a packet went out");
}
