//! Tests on request: the real daemon, asked over its socket by people the kernel names. Debian package: `util-linux` (setpriv).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use siaga::probe::seat::report::{Device, Report};

use super::support::child::wait_until;
use super::support::daemon::{Daemon, room, siaga};

/// A user of every Debian, with a group of its own, whose name is no word of Siaga's: its number and its group's.
const GAMES: (&str, &str) = ("5", "60");

/// A line that is quick or slow as it is told: HTTP enough for a bandwidth test.
struct Line {
    address: std::net::SocketAddr,
    slow: Arc<AtomicBool>,
}

impl Line {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, slow) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&slow);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let slow = Arc::clone(&told);
                // It ends when its reader goes.
                std::thread::spawn(move || serve(stream, &slow));
            }
        });
        Self { address, slow }
    }
}

fn serve(mut stream: TcpStream, slow: &AtomicBool) -> std::io::Result<()> {
    let (mut reader, mut length, mut head) = (BufReader::new(stream.try_clone()?), 0, String::new());
    while reader.read_line(&mut head)? > 2 {
        let last = head.lines().last().unwrap_or_default().to_ascii_lowercase();
        length = last.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
    }
    if head.starts_with("POST") {
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        return stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000000000\r\n\r\n")?;
    loop {
        stream.write_all(&vec![0; if slow.load(Ordering::SeqCst) { 100 } else { 20_000 }])?;
        // The line's pace.
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn config(line: &Line, seat: &Path, more: &str) -> String {
    let me = rustix::process::getuid().as_raw();
    format!(
        r#"
[components]
computer = {{ absent = true }}
video = {{ absent = true }}
power = {{ absent = true }}
radio = {{ absent = true }}
[[check]]
name = "seat"
kind = "seat"
user = {me}
socket = "{}"
[[check]]
name = "line"
kind = "bandwidth"
down_url = "http://{address}/down"
up_url = "http://{address}/up"
duration = "10s"
max_bytes = "20 MB"
daily_budget = "2 GB"
enough = "2 Mbit/s"
min_gap = "1ms"
[[check]]
name = "seldom"
kind = "bandwidth"
{more}
"#,
        seat.display(),
        address = line.address,
    )
}

/// Tells that these programs record, as the seat's agent does.
fn recorded_by(agent: &mut UnixStream, recorders: &[&str]) {
    let device =
        || Device { name: "mic".into(), description: "Mic".into(), virtual_only: false, muted: false, volume: 1.0 };
    let recorders = recorders.iter().map(|name| (*name).to_owned()).collect();
    let report = Report::Sound { source: Some(device()), sink: Some(device()), recorders, players: Vec::new() };
    agent.write_all(&report.line()).unwrap();
}

/// A connection, as soon as somebody listens: a socket is there (`bind`) before anybody does (`listen`).
fn connected(socket: &Path) -> UnixStream {
    let mut stream = None;
    wait_until(|| {
        stream = UnixStream::connect(socket).ok();
        stream.is_some()
    });
    stream.unwrap()
}

fn asking(socket: &Path, names: &[&str]) -> Command {
    let mut command = siaga();
    command.args(["--lang", "en", "test", "--socket"]).arg(socket).args(names).env_remove("SIAGA_CONFIG");
    command
}

fn said(output: &Output) -> (Option<i32>, String) {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(both).unwrap())
}

fn ask(socket: &Path, names: &[&str]) -> (Option<i32>, String) {
    said(&asking(socket, names).output().unwrap())
}

fn ask_as_games(socket: &Path, names: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", GAMES.0, "--regid", GAMES.1, "--clear-groups", "--"]).arg(env!("CARGO_BIN_EXE_siaga"));
    command.args(asking(socket, names).get_args()).env_remove("SIAGA_CONFIG");
    said(&command.output().unwrap())
}

/// Who asked for what, and what became of it.
fn audit(folder: &Path) -> Vec<(String, String, String, Option<String>)> {
    let db = rusqlite::Connection::open(folder.join("state/siaga.db")).unwrap();
    let mut rows = db.prepare("SELECT actor, action, subject, outcome FROM audit ORDER BY id").unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    rows.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// What `siaga audit` says.
fn printed(state: &Path, since: &str) -> (Option<i32>, String) {
    let mut command = siaga();
    command.args(["--lang", "en", "audit", "--since", since, "--state-dir"]).arg(state).env_remove("SIAGA_CONFIG");
    said(&command.output().unwrap())
}

#[test]
fn an_audit_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = printed(folder.path(), "1h");
    assert!(code == Some(3) && text.contains("is not there"), "{code:?} {text}");
    let (code, text) = printed(folder.path(), "yesterday");
    assert!(code == Some(3) && text.contains("neither a length of time"), "{code:?} {text}");
}

#[test]
fn a_test_is_made_when_somebody_asks_but_not_in_a_used_room_not_twice_at_once_and_not_too_soon() {
    let line = Line::start();
    let folder = tempfile::tempdir().unwrap();
    let (seat, socket) = (folder.path().join("seat.sock"), folder.path().join("state/control.sock"));
    super::support::daemon::write_config(folder.path(), &config(&line, &seat, ""));
    let daemon = Daemon::start(folder.path());
    let mut agent = connected(&seat);
    connected(&socket);
    recorded_by(&mut agent, &["zoom"]);
    daemon.wait_for_check("seat", "ready", "audio.seat_in_use");
    daemon.wait_for("/-/ready", "the first round", |answer| answer.status == 200);
    let (code, text) = ask(&socket, &["line"]);
    assert!(code == Some(3) && text.contains("in use by zoom"), "{code:?} {text}");

    recorded_by(&mut agent, &[]);
    daemon.wait_for_check("line", "degraded", "internet.far_end_is_self");
    daemon.wait_for_check("seldom", "degraded", "internet.far_end_is_self");
    let runs = || {
        let metrics = daemon.get("/metrics").body;
        let series = metrics.lines().find(|line| line.starts_with("siaga_check_runs_total{check=\"line\""));
        series.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).expect("the check has its series")
    };
    let before = runs();
    let (code, text) = ask(&socket, &["line", "--verbose"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("line [bandwidth]: Needs attention") && text.contains("Mbit/s"), "{text}");
    assert!((runs() - before - 1.0).abs() < 0.5, "one test more: {} after {before}", runs());
    let (code, text) = ask(&socket, &["seldom"]);
    assert!(code == Some(3) && text.contains("min_gap"), "{code:?} {text}");
    let (code, text) = ask(&socket, &["seat", "louder"]);
    assert_eq!(code, Some(3));
    assert!(
        text.contains("\"seat\" is watched all the time") && text.contains("can be tested: line, seldom"),
        "{text}"
    );

    line.slow.store(true, Ordering::SeqCst);
    let mut command = asking(&socket, &["line"]);
    let mut first = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(first.stderr.take().unwrap());
    let mut text = String::new();
    told.read_line(&mut text).unwrap();
    assert_eq!(text, "line …\n");
    let (code, other) = ask(&socket, &["seldom"]);
    assert!(code == Some(3) && other.contains("Another test is under way"), "{code:?} {other}");
    recorded_by(&mut agent, &["teams"]);
    told.read_to_string(&mut text).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(3), "{text}");
    assert!(text.contains("in use by teams"), "{text}");

    let rows = audit(folder.path());
    let outcomes: Vec<_> = rows.iter().map(|(_, _, about, what)| (about.as_str(), what.as_deref().unwrap())).collect();
    assert_eq!(
        outcomes,
        [
            ("line", "refused: the room is in use"),
            ("line", "degraded internet.far_end_is_self siaga.bandwidth_beyond"),
            ("seldom", "refused: too soon after the last one"),
            ("seat", "refused: no active check"),
            ("louder", "refused: no such check"),
            ("line", "refused: the room is in use"),
            ("seldom", "refused: another test is under way"),
        ]
    );
    let own = siaga::peer::users::name(rustix::process::geteuid().as_raw()).unwrap();
    assert!(rows.iter().all(|(actor, action, ..)| (actor, action.as_str()) == (&own, "test")), "{rows:?}");
    daemon.stop();
    assert!(!socket.exists());
}

#[test]
fn who_asks_is_told_by_the_kernel_and_stands_in_the_audit_alone() {
    if !rustix::process::getuid().is_root() {
        // Another user's shoes are root's to give.
        return;
    }
    let line = Line::start();
    for (group, allowed) in [("", false), ("group = \"games\"", true)] {
        let meeting = tempfile::tempdir().unwrap();
        std::fs::set_permissions(meeting.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let (seat, socket) = (meeting.path().join("seat.sock"), meeting.path().join("control.sock"));
        let folder = room(&config(&line, &seat, &format!("[control]\nsocket = {socket:?}\n{group}\n")));
        let daemon = Daemon::start(folder.path());
        recorded_by(&mut connected(&seat), &[]);
        daemon.wait_for_check("line", "degraded", "internet.far_end_is_self");
        let (code, text) = ask_as_games(&socket, &["line"]);
        let rows = audit(folder.path());
        let outcome = if allowed {
            assert_eq!(code, Some(1), "{text}");
            "degraded internet.far_end_is_self siaga.bandwidth_beyond"
        } else {
            assert!(code == Some(3) && text.contains("you may not do this"), "{code:?} {text}");
            // However often they knock, they do not fill the disk.
            (0..11).for_each(|_| drop(ask_as_games(&socket, &["line"])));
            "refused: not allowed"
        };
        assert_eq!(rows, [("games".into(), "test".into(), "line".into(), Some(outcome.into()))]);
        assert_eq!(audit(folder.path()).len(), if allowed { 1 } else { 10 });
        let (code, printed) = printed(&folder.path().join("state"), "1h");
        assert!(code == Some(0) && printed.contains(&format!("games (local)  test line: {outcome}")), "{printed}");
        // Nor where the database refuses the row with the name in it.
        if allowed {
            let by_hand = rusqlite::Connection::open(folder.path().join("state/siaga.db")).unwrap();
            by_hand.execute_batch("DROP TABLE audit").unwrap();
            let (code, text) = ask_as_games(&socket, &["line"]);
            assert!(code == Some(3) && text.contains("cannot be written down"), "{code:?} {text}");
            assert!(daemon.log().contains("an act for the audit"), "{}", daemon.log());
        }
        let everywhere = [daemon.get("/metrics").body, daemon.get("/api/v1/checks").body, daemon.get("/").body];
        let log = daemon.stop();
        for text in everywhere.iter().chain([&log]) {
            assert!(!text.contains("games"), "a name where none belongs:\n{text}");
        }
        assert!(log.contains(if allowed { "a test was asked for" } else { "somebody who may not" }), "{log}");
    }
}
