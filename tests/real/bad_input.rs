//! What people and machines do wrong, and what they get for it: a clear error or a reason, and nothing else stops.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

use super::support::child::wait_until;
use super::support::daemon::{Daemon, room, said_of, siaga, write_config};
use super::support::lease::Leaseholder;
use super::support::namespace::inside;
use super::support::wall_clock::siaga_by;

/// A room that watches only this machine: nothing in it waits for a network, and a busy machine is no fault in it.
const COMPUTER: &str = "[[check]]\nname = \"computer\"\nkind = \"computer\"\ncpu_degraded = 1.0\n\
    cpu_pressure_degraded = 1.0\nmemory_pressure_degraded = 1.0\n";

fn output(command: &mut Command) -> (i32, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (status.code().unwrap_or(-1), text)
}

#[test]
fn a_config_with_many_errors_names_them_all_and_starts_nothing() {
    let folder = room(
        "[room]\nnmae = \"x\"\n[[check]]\nname = \"a\"\nkind = \"computer\"\ninterval = \"5 parsecs\"\n\
         [[check]]\nname = \"a\"\nkind = \"computer\"\n[[check]]\nname = \"b\"\nkind = \"ping\"\n\
         [profiles]\ndefault = \"seance\"\n",
    );
    let file = folder.path().join("siaga.toml");
    let (code, text) = output(siaga().args(["config", "check"]).arg(&file));
    assert_eq!(code, 1, "{text}");
    for part in [
        "siaga.toml:2:1",
        "\"nmae\"",
        "allowed are",
        "parsecs",
        "two checks are named \"a\"",
        "\"ping\"",
        "\"seance\"",
        "5 errors",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    let state = folder.path().join("state");
    let (code, text) = output(siaga().args(["run", "--config"]).arg(&file).arg("--state-dir").arg(&state));
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("5 errors") && !state.exists(), "{text}");
    let (code, text) = output(siaga().args(["config", "check", "/nonexistent/siaga.toml"]));
    assert!(code == 1 && text.contains("/nonexistent/siaga.toml") && text.contains("No such file"), "{code}: {text}");
}

#[test]
fn a_scenario_in_which_nothing_is_observed_is_no_replay() {
    let folder = room("");
    let scenario = folder.path().join("empty.toml");
    std::fs::write(&scenario, "title = \"Nothing\"\n").unwrap();
    let config = folder.path().join("siaga.toml");
    let (code, text) = output(siaga().arg("--config").arg(config).arg("replay").arg(&scenario));
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("empty.toml: nothing is observed"), "{text}");
}

#[test]
fn a_port_in_use_is_named_and_the_first_daemon_goes_on() {
    let folder = room(COMPUTER);
    let first = Daemon::start(folder.path());
    let second = room(&format!("{COMPUTER}[web]\nlisten = \"{}\"\n", first.address()));
    let (code, text) = output(
        siaga()
            .args(["run", "--config"])
            .arg(second.path().join("siaga.toml"))
            .arg("--state-dir")
            .arg(second.path().join("s")),
    );
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("is in use") && text.contains("[web] listen"), "{text}");
    assert_eq!(first.get("/-/healthy").status, 200);
}

#[test]
fn questions_that_cannot_be_answered_are_refused_with_the_reason() {
    let folder = room(COMPUTER);
    let daemon = Daemon::start(folder.path());
    for (path, status, part) in [
        ("/api/v1/readiness?profile=seance", 404, "seance"),
        ("/api/v1/readiness?start=2026-12-01T10:00:00%2B07:00&end=2026-12-01T09:00:00%2B07:00", 400, "not after"),
        ("/api/v1/readiness?end=2001-01-01T00:00:00Z", 400, "past"),
        ("/api/v1/readiness?start=tomorrow", 400, "RFC 3339"),
        ("/api/v1/readiness?start=9999-12-31T23:59:59Z", 400, "too far away; the last moment is 9999-12-30T22:00:00Z"),
        ("/api/v1/readiness?prfile=x", 400, "profile"),
        ("/api/v1/evidence/none-such", 404, ""),
        ("/api/v1/checks/none-such", 404, "no check of that name"),
        ("/readyz?exclude=none-such", 400, "none-such"),
        ("/nothing/here", 404, ""),
    ] {
        let answer = daemon.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains(part), "{path}: {part:?} is missing in {}", answer.body);
        if path.starts_with("/api/") {
            assert!(answer.head.contains("application/problem+json"), "{path}: {}", answer.head);
        }
    }
    assert_eq!(daemon.request("GET", "/-/reload").status, 405);
    let foreign = "Origin: https://elsewhere.example\r\nSec-Fetch-Site: cross-site\r\n";
    assert_eq!(daemon.request_with("POST", "/-/reload", foreign).status, 403);
    assert_eq!(daemon.request("POST", "/readyz").status, 405);
}

#[test]
fn a_query_of_ten_megabytes_is_refused_while_others_are_answered() {
    let folder = room(COMPUTER);
    let daemon = Daemon::start(folder.path());
    let mut stream = TcpStream::connect(daemon.address()).unwrap();
    let head = format!("GET /api/v1/readiness?profile={} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(10_000_000));
    // The server hangs up in the middle: that is the point.
    _ = stream.write_all(head.as_bytes());
    let mut answer = Vec::new();
    _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.contains(" 431 ") || answer.contains(" 414 ") || answer.contains(" 400 "),
        "{answer}"
    );
    assert_eq!(daemon.get("/-/healthy").status, 200);
}

#[test]
fn a_state_folder_that_cannot_be_written_costs_memory_and_not_the_answer() {
    let folder = room(COMPUTER);
    // A file where the folder should be: no user, root included, can make a folder there.
    std::fs::write(folder.path().join("state"), "not a folder").unwrap();
    let daemon = Daemon::start(folder.path());
    let answer = daemon.get("/api/v1/readiness").json();
    assert!(answer["evidence_id"].is_null(), "{answer:#}");
    assert!(answer["evidence_error"].as_str().is_some_and(|why| !why.is_empty()), "{answer:#}");
    assert!(daemon.log().contains("state cannot be kept there"), "{}", daemon.log());
    let metrics = daemon.wait_for("/metrics", "the store's own word", |answer| {
        answer.body.lines().any(|line| line == "siaga_store_healthy 0")
    });
    assert!(metrics.body.lines().any(|line| line == "siaga_database_set_aside 0"), "{}", metrics.body);
    daemon.stop();
}

#[test]
fn a_full_disk_costs_memory_and_not_the_answer() {
    if !inside("bad_input::a_full_disk_costs_memory_and_not_the_answer") {
        return;
    }
    let folder = room(COMPUTER);
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let mount = |args: &[&str]| assert!(Command::new("mount").args(args).arg(&state).status().unwrap().success());
    // An empty database with the log of its making takes some 400 kB.
    mount(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"]);
    let daemon = Daemon::start(folder.path());
    let id = daemon.wait_for("/api/v1/readiness", "evidence", |answer| answer.json()["evidence_id"].is_string()).json();
    std::fs::write(state.join("filler"), vec![0_u8; 1_200_000]).unwrap_err();
    // Another question each time: what is stored already costs nothing.
    let mut question = 0;
    daemon.wait_for("/-/healthy", "evidence is refused", |_| {
        question += 1;
        let path = format!(
            "/api/v1/readiness?end=2099-01-01T00:00:{:02}Z&lang={}",
            question % 60,
            ["id", "en"][question / 60 % 2]
        );
        let answer = daemon.get(&path).json();
        assert!(answer["verdict"].is_string());
        answer["evidence_id"].is_null()
    });
    std::fs::remove_file(state.join("filler")).unwrap();
    mount(&["-o", "remount,size=20m"]);
    daemon.wait_for("/api/v1/readiness?end=2098-01-01T00:00:00Z", "the store recovers", |answer| {
        answer.json()["evidence_id"].is_string()
    });
    let found = daemon.get(&format!("/api/v1/evidence/{}", id["evidence_id"].as_str().unwrap()));
    assert_eq!(found.status, 200, "what was stored before is still there: {}", found.body);
    daemon.stop();
}

#[test]
fn a_damaged_database_is_set_aside_and_said() {
    let folder = room(COMPUTER);
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::write(state.join("siaga.db"), "this is no database, and it is long enough to be read as one".repeat(200))
        .unwrap();
    let daemon = Daemon::start(folder.path());
    daemon.wait_for("/api/v1/readiness", "a fresh database", |answer| answer.json()["evidence_id"].is_string());
    let set_aside = std::fs::read_dir(&state)
        .unwrap()
        .any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with("siaga.db.damaged-"));
    assert!(set_aside, "the damaged file is kept for whoever wants to look");
    assert!(daemon.log().contains("damaged"), "{}", daemon.log());
    daemon.wait_for("/metrics", "the file that was set aside, and a store that works", |answer| {
        let holds = |series| answer.body.lines().any(|line| line == series);
        holds("siaga_database_set_aside 1") && holds("siaga_store_healthy 1")
    });
    for (lang, says) in [("id", "Database rusak dan disisihkan"), ("en", "The database was damaged and set aside")] {
        let page = daemon.get(&format!("/?lang={lang}")).body;
        assert!(page.contains(says) && page.contains("siaga.db.damaged-"), "{page}");
    }
    daemon.stop();
}

#[test]
fn without_the_right_to_echo_nothing_is_said_of_the_target() {
    if !inside("bad_input::without_the_right_to_echo_nothing_is_said_of_the_target") {
        return;
    }
    // Inside a new namespace ping_group_range is "1 0": nobody may use the unprivileged socket.
    let folder = room("[[check]]\nname = \"echo\"\nkind = \"icmp\"\ntarget = \"127.0.0.1\"\n");
    std::fs::create_dir(folder.path().join("state")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"]);
    command.arg(env!("CARGO_BIN_EXE_siaga"));
    let daemon = Daemon::start_by(command, folder.path());
    daemon.wait_for_check("echo", "unknown", "");
    let (_, codes) = daemon.check("echo");
    assert!(codes.iter().any(|code| code.starts_with("siaga.")), "{codes:?}");
    assert!(!codes.iter().any(|code| code.starts_with("internet.target")), "{codes:?}");
    daemon.stop();
}

#[test]
fn a_name_that_never_resolves_and_an_upsd_that_says_nothing_are_each_told() {
    if !inside("bad_input::a_name_that_never_resolves_and_an_upsd_that_says_nothing_are_each_told") {
        return;
    }
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = room(&format!(
        "[[check]]\nname = \"web\"\nkind = \"http\"\nurl = \"http://never.example/\"\ninterval = \"1s\"\n\
         [[check]]\nname = \"echo\"\nkind = \"icmp\"\ntarget = \"never.example\"\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ntimeout = \"500ms\"\n{COMPUTER}",
        silent.local_addr().unwrap()
    ));
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("computer", "ready", "");
    daemon.wait_for("/api/v1/readiness", "all three are told", |answer| {
        let answer = answer.json();
        ["web", "echo", "ups"].iter().all(|name| {
            let (verdict, codes) = said_of(&answer, name);
            verdict != "ready" && codes.iter().any(|code| code != "siaga.no_evidence")
        })
    });
    assert_eq!(daemon.check("ups").0, "unknown", "a silent server is no outage");
    daemon.stop();
}

#[test]
fn a_bad_reload_leaves_the_old_config_running_and_says_so_in_a_metric() {
    let folder = room(COMPUTER);
    let daemon = Daemon::start(folder.path());
    let metric = |value: u8| format!("siaga_config_last_reload_successful {value}\n");
    // A rendering of the metrics is kept for up to a second.
    let wait_for_metric = |value| {
        daemon.wait_for("/metrics", "the reload's metric", |answer| answer.body.contains(&metric(value)));
    };
    wait_for_metric(1);
    write_config(folder.path(), "[[check]]\nname = \"computer\"\nkind = \"compuper\"\n");
    let refused = daemon.request("POST", "/-/reload");
    assert_eq!(refused.status, 500);
    assert!(refused.body.contains("compuper") && refused.body.contains("siaga.toml:3:8"), "{}", refused.body);
    wait_for_metric(0);
    daemon.wait_for_check("computer", "ready", "");
    write_config(folder.path(), &format!("{COMPUTER}[[check]]\nname = \"second\"\nkind = \"computer\"\n"));
    daemon.signal(rustix::process::Signal::HUP);
    daemon.wait_for("/api/v1/checks/second", "the new check", |answer| answer.status == 200);
    wait_for_metric(1);
    daemon.stop();
}

#[test]
fn a_config_that_was_emptied_or_cannot_be_read_in_time_is_not_taken_and_the_room_answers_meanwhile() {
    let folder = room(COMPUTER);
    let file = folder.path().join("siaga.toml");
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("computer", "ready", "");
    // As a full disk, or a program that was killed while it wrote, leaves one.
    std::fs::rename(&file, folder.path().join("kept")).unwrap();
    std::fs::write(&file, "# nothing\n").unwrap();
    let reload = || output(siaga().args(["reload", "--lang", "en", "--state-dir"]).arg(folder.path().join("state")));
    let told = reload();
    assert!(told.0 == 2 && told.1.contains("the old one goes on:\nthere is nothing in it"), "{told:?}");
    assert!(daemon.log().contains("the new config is not used; the old one goes on\nthere is nothing in it"));
    let banner = "Berkas pengaturan yang terbaru tidak dipakai";
    daemon.wait_for("/?lang=id", "people are told", |answer| answer.body.contains(banner));
    assert_eq!(daemon.check("computer").0, "ready");
    let told = output(siaga().args(["config", "check"]).arg(&file));
    assert!(told.0 == 0 && told.1.contains("there is nothing in") && told.1.contains("0 checks, no error"), "{told:?}");
    // A pipe to which nobody writes: whoever opens it waits for ever.
    std::fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let told = reload();
    assert!(told.0 == 2 && told.1.contains("that is no file"), "{told:?}");
    // As a disk that does not answer: who has a lease on a file is waited for by whoever opens it (fcntl(2), F_SETLEASE), 45 s.
    std::fs::rename(folder.path().join("kept"), &file).unwrap();
    let mut holder = Leaseholder::of(&file);
    daemon.signal(rustix::process::Signal::HUP);
    let mut answers = 0;
    wait_until(|| {
        answers += usize::from(daemon.get("/readyz").body.contains("computer"));
        daemon.log().contains("siaga.toml within 5 s: its disk does not answer")
    });
    assert!(answers > 10, "{answers}");
    let told = reload();
    assert!(told.0 == 2 && told.1.contains("(2 attempts hang)"), "{told:?}");
    holder.end();
    let told = reload();
    assert!(told.0 == 0 && told.1.contains("was read anew and holds"), "{told:?}");
    assert_eq!(daemon.request("POST", "/-/reload").status, 200);
    // Each who asked stands in the audit, and how it ended.
    let audit = output(siaga().args(["audit", "--state-dir"]).arg(folder.path().join("state"))).1;
    let rows = |outcome: &str| audit.lines().filter(|row| row.contains("reload") && row.contains(outcome)).count();
    assert_eq!((rows("the new config holds"), rows("refused")), (2, 3), "{audit}");
    daemon.wait_for("/?lang=id", "it is well again", |answer| !answer.body.contains(banner));
    daemon.stop();
}

#[test]
fn a_reload_finds_the_daemon_by_its_config_and_is_a_signal_where_no_orders_are_taken() {
    let folder = room("");
    let (file, socket) = (folder.path().join("siaga.toml"), folder.path().join("own.sock"));
    let config = format!("{COMPUTER}[control]\nsocket = \"{}\"\n", socket.display());
    write_config(folder.path(), &config);
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("computer", "ready", "");
    let read = |count: usize| daemon.log().matches("the config was read anew").count() == count;
    let reload = |config: &std::path::Path, state: &str| {
        let mut command = siaga();
        command
            .args(["reload", "--lang", "en", "--config"])
            .arg(config)
            .arg("--state-dir")
            .arg(folder.path().join(state));
        command.env("MAINPID", daemon.pid().to_string());
        output(&mut command)
    };
    let told = reload(&file, "state");
    assert!(told.0 == 0 && told.1.contains("holds") && read(1), "{told:?}");
    // Of another file nothing is read, and the daemon's own is named.
    let new = folder.path().join("new.toml");
    std::fs::write(&new, &config).unwrap();
    let (told, own) = (reload(&new, "state"), file.display().to_string());
    assert!(told.0 == 2 && told.1.contains("Nothing was read") && told.1.contains(&own) && read(1), "{told:?}");
    // What the config says of the place cannot be read: the signal goes out, and the error is told.
    write_config(folder.path(), &format!("{config}nonsense = 1\n"));
    let told = reload(&file, "nothing_is_here");
    assert!(told.0 == 2 && told.1.contains("by SIGHUP") && told.1.contains("nonsense"), "{told:?}");
    wait_until(|| daemon.log().contains("the new config is not used"));
    // Nobody listens where a good one says: the signal is all there is.
    write_config(folder.path(), &config);
    let other = folder.path().join("other.toml");
    std::fs::write(&other, "[control]\nsocket = \"/nonexistent/control.sock\"\n").unwrap();
    let told = reload(&other, "nothing_is_here");
    assert!(told.0 == 0 && told.1.contains("by SIGHUP"), "{told:?}");
    wait_until(|| read(2));
    daemon.stop();
}

#[test]
fn a_reload_says_what_needs_a_start_until_the_file_says_again_what_is_in_force() {
    let folder = room(COMPUTER);
    let daemon = Daemon::start(folder.path());
    let mut reloads = 0;
    let mut warnings = |changed: &str| {
        write_config(folder.path(), &format!("{COMPUTER}{changed}"));
        let answer = daemon.request("POST", "/-/reload");
        let later = if changed.is_empty() { "" } else { "; from the next start on: [store]" };
        assert_eq!((answer.status, answer.body.trim_end()), (200, format!("reloaded{later}").as_str()));
        reloads += 1;
        // Said after the warning.
        wait_until(|| daemon.log().matches("the config was read anew").count() == reloads);
        daemon.log().matches("take effect only at a start").count()
    };
    assert_eq!(warnings(""), 0);
    assert_eq!(warnings("[store]\nretention_audit = \"30d\"\n"), 1);
    assert_eq!(warnings("[store]\nretention_audit = \"30d\"\n"), 2, "it is so still");
    assert_eq!(warnings(""), 2, "the file says what is in force");
    daemon.stop();
}

#[test]
fn who_shows_no_token_has_the_config_read_a_few_times_and_the_audit_keeps_what_others_did() {
    let folder = room(COMPUTER);
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("computer", "ready", "");
    let mut read = 0;
    let told = loop {
        let told = daemon.request("POST", "/-/reload");
        if told.status != 200 {
            break told;
        }
        read += 1;
        assert!(read < 50, "nobody is told to wait");
    };
    assert!(told.status == 503 && told.body.contains("try again in") && read >= 10, "{read}: {told:?}");
    let wait: Option<u64> =
        told.head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("retry-after: ")?.parse().ok());
    assert!(wait.is_some_and(|seconds| (1..=600).contains(&seconds)), "{told:?}");
    // Others wait for nothing, and each of theirs is a row; whoever had to wait has none.
    let reload = || output(siaga().args(["reload", "--lang", "en", "--state-dir"]).arg(folder.path().join("state")));
    assert_eq!(reload().0, 0);
    daemon.signal(rustix::process::Signal::HUP);
    wait_until(|| daemon.log().matches("the config was read anew").count() == read + 2);
    assert_eq!(daemon.request("POST", "/-/reload").status, 503);
    let audit = output(siaga().args(["audit", "--state-dir"]).arg(folder.path().join("state"))).1;
    assert_eq!(audit.lines().filter(|row| row.contains("reload")).count(), read + 1, "{audit}");
    daemon.stop();
}

#[test]
fn a_wall_clock_that_jumps_a_day_changes_no_verdict() {
    let folder = room(COMPUTER);
    let offset = folder.path().join("offset");
    std::fs::write(&offset, "+0").unwrap();
    let daemon = Daemon::start_by(siaga_by(&offset), folder.path());
    daemon.wait_for_check("computer", "ready", "");
    let before = daemon.get("/api/v1/readiness").json()["at"].as_str().unwrap().to_owned();
    for jump in ["+1d", "-1d"] {
        std::fs::write(&offset, jump).unwrap();
        let after = daemon.wait_for("/api/v1/readiness", "the clock has jumped", |answer| {
            answer.json()["at"].as_str().unwrap()[..10] != before[..10]
        });
        assert_eq!(said_of(&after.json(), "computer").0, "ready", "after {jump}");
        let at = daemon.get("/api/v1/checks/computer").json();
        let age = at["evidence"]["age_seconds"].as_f64().unwrap();
        assert!((0.0..60.0).contains(&age), "after {jump} the evidence is {age} s old");
    }
    daemon.stop();
}

#[test]
fn connections_held_open_do_not_silence_the_room() {
    let folder = room(COMPUTER);
    let daemon = Daemon::start(folder.path());
    let held: Vec<TcpStream> = (0..600).map(|_| TcpStream::connect(daemon.address()).unwrap()).collect();
    let mut half: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(daemon.address()).unwrap()).collect();
    for stream in &mut half {
        // Cut already, perhaps: the oldest make room.
        _ = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost:");
    }
    assert_eq!(daemon.get("/-/healthy").status, 200);
    assert!(daemon.get("/readyz").body.contains("computer"));
    drop((held, half));
    daemon.stop();
}

#[test]
fn two_daemons_do_not_share_a_state_folder() {
    let folder = room(COMPUTER);
    let first = Daemon::start(folder.path());
    let (code, text) = output(
        siaga()
            .args(["run", "--config"])
            .arg(folder.path().join("siaga.toml"))
            .arg("--state-dir")
            .arg(folder.path().join("state")),
    );
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("another siaga keeps its state"), "{text}");
    assert_eq!(first.get("/-/healthy").status, 200);
}

#[test]
fn what_cannot_be_printed_is_a_failure_and_a_reader_that_went_away_is_none() {
    for printed in [&["config", "print"][..], &["--help"], &["--version"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let status = siaga().args(printed).stdout(full).stderr(std::process::Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(3), "{printed:?}");
    }
    let (code, _) =
        output(Command::new("sh").args(["-c", &format!("{} config print | head -1", env!("CARGO_BIN_EXE_siaga"))]));
    assert_eq!(code, 0);
}
