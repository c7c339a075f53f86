//! The run sheet with the real daemon: over HTTP and over the control socket, over kills. Debian package: `nut-server`.

mod page;
mod real_time;

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use super::{BARE, MINUTE, POWER_ALONE, Scheduler, ahead, meeting};
use crate::acts::audit;
use crate::support::daemon::{Answer, Daemon, room, siaga};
use crate::support::upsd::Upsd;
use crate::tokens::{made, shows};

/// People whose names may stand in no log, metric or label.
const NAMES: [&str; 4] = ["Petugas Satu", "Petugas Dua", "Siti", "Petugas Ruang"];

/// Somebody of the staff at a program.
struct Staff(String);

impl Staff {
    fn of(folder: &Path) -> Self {
        Self(made(folder, "Siti", "operate", &[]))
    }

    fn headers(&self) -> String {
        format!("Content-Type: application/json\r\n{}", shows(&self.0))
    }

    fn post(&self, daemon: &Daemon, path: &str, body: &Value) -> Answer {
        daemon.send("POST", &format!("/api/v1/sessions/{path}"), &self.headers(), &body.to_string())
    }

    fn sheet(&self, daemon: &Daemon, id: &str) -> Value {
        let answer = daemon.request_with("GET", &format!("/api/v1/sessions/{id}/runsheet"), &self.headers());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }
}

/// Waits until the agenda was read after a start.
fn start(folder: &Path) -> Daemon {
    let daemon = Daemon::start(folder);
    daemon.wait_for("/api/v1/agenda", "the agenda is known", |answer| answer.json()["known"] == true);
    daemon
}

/// One of the sheet's items.
fn item<'a>(sheet: &'a Value, name: &str) -> &'a Value {
    let items = sheet["hand"]["items"].as_array().unwrap();
    items.iter().find(|item| item["item"] == name).unwrap_or_else(|| panic!("no {name} in {sheet:#}"))
}

/// What stands on it whenever it is asked.
fn lasting(mut sheet: Value) -> Value {
    sheet["at"].take();
    sheet["machine"].take();
    sheet
}

#[test]
fn a_kill_between_any_two_steps_of_a_sheet_loses_nothing_and_who_may_not_writes_nothing() {
    let folder = room(BARE);
    let at = folder.path();
    let mut daemon = start(at);
    let (jadwal, staff) = (Scheduler::of(at), Staff::of(at));
    let begins = ahead(MINUTE * 600);
    let mut body = meeting("Rapat Dinkes", begins, MINUTE * 60);
    body["sites"] = json!(["Camat Badau", "Camat/Selimbau"]);
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/a%2F1", &body).status, 201);

    // Who shows nothing, or the scheduler, writes nothing; anybody reads what was done, and not by whom.
    let (tick, by) = (json!({ "done": true, "by": "Petugas Satu" }), "Petugas Satu");
    let path = "/api/v1/sessions/a%2F1/runsheet/room";
    let nobody = daemon.send("POST", path, "Content-Type: application/json\r\n", &tick.to_string());
    assert_eq!((nobody.status, nobody.json()["type"].as_str()), (401, Some("urn:siaga:problem:no-token")));
    let wrong = jadwal.send(&daemon, "POST", path, &tick);
    assert_eq!((wrong.status, &wrong.json()["allowed"]), (403, &json!(["operate"])));
    let (until, late) = (begins.to_string(), begins.checked_add(MINUTE * 61).unwrap().to_string());
    let refused = [
        ("b/runsheet/room", tick.clone(), 404, "not-found", "no session"),
        ("a%2F1/runsheet/door", tick.clone(), 404, "not-found", "attendance:Camat Badau"),
        ("a%2F1/runsheet/attendance", tick.clone(), 404, "not-found", "attendance:Camat Badau"),
        ("a%2F1/runsheet/room", json!({ "done": true }), 422, "unprocessable", "Say who"),
        ("a%2F1/runsheet/room", json!({ "done": true, "by": " \n" }), 422, "unprocessable", "Say who"),
        ("a%2F1/runsheet/room", json!({ "by": by }), 422, "unprocessable", "done is missing"),
        ("a%2F1/runsheet/room", json!({ "done": 1, "by": by }), 400, "value", "not understood"),
        ("a%2F1/runsheet/meeting", json!({ "done": true, "by": by, "passcode": "82kq1" }), 400, "value", "passcode"),
        ("a%2F1/trial", json!({ "act": "end", "by": by, "findings": "" }), 409, "run-sheet", "No trial"),
        ("a%2F1/trial", json!({ "by": by }), 422, "unprocessable", "act is missing"),
        ("a%2F1/trial", json!({ "act": "begin", "by": by, "findings": "x" }), 422, "unprocessable", "nothing yet"),
        ("a%2F1/override", json!({ "verdict": "ready", "by": by, "reason": "x" }), 422, "unprocessable", "until"),
        ("a%2F1/override", json!({ "verdict": "ready", "by": by, "until": until }), 422, "unprocessable", "Say why"),
        (
            "a%2F1/override",
            json!({ "verdict": "unknown", "by": by, "reason": "x", "until": until }),
            422,
            "unprocessable",
            "ready, degraded or not_ready",
        ),
        (
            "a%2F1/override",
            json!({ "verdict": "ready", "by": by, "reason": "x", "until": late }),
            422,
            "unprocessable",
            "at most",
        ),
        (
            "a%2F1/override",
            json!({ "verdict": "ready", "by": by, "reason": "passcode: 82kq1", "until": until }),
            400,
            "passcode",
            "takes none",
        ),
        ("a%2F1/override", json!({ "by": by, "reason": "x" }), 409, "run-sheet", "No override"),
    ];
    for (path, body, status, kind, said) in refused {
        let answer = staff.post(&daemon, path, &body);
        let told = answer.json();
        assert_eq!(answer.status, status, "{path} {body}: {told}");
        assert_eq!(told["type"], format!("urn:siaga:problem:{kind}"), "{path} {body}: {told}");
        assert!(told.to_string().contains(said) && !told.to_string().contains("82kq1"), "{path} {body}: {told}");
    }
    let empty = staff.sheet(&daemon, "a%2F1");
    assert_eq!((&empty["journal"], &empty["hand"]["verdict"]), (&json!([]), &json!("degraded")));
    // In a room in which nothing is looked at nothing is known.
    assert_eq!((&empty["verdict"], &empty["together"]), (&json!("unknown"), &json!("unknown")));
    assert_eq!(daemon.get("/api/v1/sessions/b/runsheet").status, 404);

    let steps = [
        ("a%2F1/runsheet/room", tick.clone()),
        ("a%2F1/runsheet/attendance:Camat%20Badau", json!({ "done": true, "by": "Petugas Dua" })),
        ("a%2F1/runsheet/attendance:Camat%2FSelimbau", tick.clone()),
        ("a%2F1/runsheet/meeting", tick.clone()),
        ("a%2F1/trial", json!({ "act": "begin", "by": "Petugas Satu" })),
        ("a%2F1/trial", json!({ "act": "end", "by": "Petugas Dua", "findings": "suara pelan\nkamera baik" })),
        ("a%2F1/runsheet/trial", tick.clone()),
        ("a%2F1/runsheet/room", json!({ "done": false, "by": "Petugas Dua" })),
        ("a%2F1/override", json!({ "verdict": "ready", "by": by, "reason": "ruang pengganti", "until": until })),
        ("a%2F1/override", json!({ "by": by, "reason": "ruangan sudah siap" })),
        ("a%2F1/runsheet/room", tick),
    ];
    let mut seen = Value::Null;
    for (count, (path, body)) in steps.into_iter().enumerate() {
        let answer = staff.post(&daemon, path, &body);
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.body);
        let sheet = lasting(staff.sheet(&daemon, "a%2F1"));
        assert_eq!(lasting(answer.json()), sheet, "{path}");
        assert_eq!(sheet["journal"].as_array().unwrap().len(), count + 1, "rows are only added");
        daemon.kill();
        daemon = start(at);
        seen = lasting(staff.sheet(&daemon, "a%2F1"));
        assert_eq!(seen, sheet, "after a kill: {path}");
    }
    // Only what is noted is left: by hand all is well.
    assert_eq!(seen["hand"]["verdict"], "ready", "{seen:#}");
    let selimbau = item(&seen, "attendance:Camat/Selimbau");
    assert_eq!(
        (&selimbau["by"], &selimbau["written_by"], &selimbau["site"]),
        (&json!(by), &json!("Siti"), &json!("Camat/Selimbau"))
    );
    let trial = &seen["trials"][0];
    assert_eq!((&trial["by"], &trial["ended_by"]), (&json!(by), &json!("Petugas Dua")));
    assert_eq!(trial["findings"], "suara pelan\nkamera baik");
    assert_eq!((&seen["override"], &seen["overrides"][0]["reason"]), (&Value::Null, &json!("ruang pengganti")));
    let strange = daemon.get("/api/v1/sessions/a%2F1/runsheet");
    assert!(
        strange.body.contains("\"done\"") && NAMES.iter().all(|name| !strange.body.contains(name)),
        "{}",
        strange.body
    );
    assert!(!strange.body.contains("suara pelan"));

    // The audit has each under the token's name, with who said so; what was refused too.
    let rows = audit(at);
    let done: Vec<_> = rows.iter().filter(|row| row[4] == "written down").collect();
    assert_eq!(done.len(), 11, "{rows:#?}");
    assert!(done.iter().all(|row| row[0] == "Siti" && row[1] == "token"), "{done:#?}");
    assert_eq!(done[1][3], "a/1 attendance:Camat Badau, said by Petugas Dua");
    assert!(rows.iter().any(|row| row[0] == "jadwal" && row[4] == "refused: not allowed"), "{rows:#?}");
    assert!(rows.iter().any(|row| row[4] == "refused: a passcode" && row[3].ends_with(": (…)")), "{rows:#?}");
    assert!(
        rows.iter().all(|row| !row[3].contains("82kq1")),
        "what is refused as a passcode stands nowhere: {rows:#?}"
    );
    // Moved, it has a new sheet; cancelled, none is written.
    let moved = json!({ "start": ahead(MINUTE * 700).to_string(), "end": ahead(MINUTE * 760).to_string() });
    assert_eq!(jadwal.send(&daemon, "PATCH", "/api/v1/sessions/a%2F1", &moved).status, 200);
    assert_eq!(staff.sheet(&daemon, "a%2F1")["journal"], json!([]));
    assert_eq!(jadwal.send(&daemon, "DELETE", "/api/v1/sessions/a%2F1", &Value::Null).status, 200);
    let cancelled = staff.post(&daemon, "a%2F1/runsheet/room", &json!({ "done": true, "by": by }));
    assert_eq!((cancelled.status, cancelled.json()["type"].as_str()), (409, Some("urn:siaga:problem:run-sheet")));
    assert_eq!(staff.sheet(&daemon, "a%2F1")["verdict"], Value::Null);
    let (metrics, log) = (daemon.get("/metrics").body, daemon.stop());
    for name in NAMES {
        assert!(!log.contains(name) && !metrics.contains(name), "{name}\n{log}");
    }
}

fn sheet(folder: &Path, daemon: &Daemon, arguments: &[&str]) -> Output {
    let mut command = siaga();
    command
        .args(["sheet", "--lang", "en", "--config"])
        .arg(folder.join("siaga.toml"))
        .arg("--state-dir")
        .arg(folder.join("state"));
    command.arg("--url").arg(format!("http://{}", daemon.address())).args(arguments).output().unwrap()
}

#[test]
fn on_the_machine_itself_the_sheet_is_read_and_written_by_a_command() {
    let upsd = Upsd::start();
    let check =
        format!("[[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ngood_for = \"0s\"\n", upsd.address());
    let folder = room(&format!("{POWER_ALONE}\n{check}"));
    let at = folder.path();
    let daemon = start(at);
    daemon.wait_for_check("ups", "ready", "");
    let jadwal = Scheduler::of(at);
    let begins = ahead(MINUTE * 600);
    let mut body = meeting("Rapat Dinkes", begins, MINUTE * 60);
    body["sites"] = json!(["Camat Badau"]);
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/a%2F1", &body).status, 201);
    let told = |arguments: &[&str], code: i32| {
        let output = sheet(at, &daemon, arguments);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        text
    };
    let text = told(&["a/1"], 1);
    assert!(text.contains("Rapat Dinkes") && text.contains("[ ] attendance:Camat Badau"), "{text}");
    assert!(told(&["b"], 3).contains("There is no session of this id"));
    let by = ["--by", "Petugas Satu"];
    for item in ["room", "attendance:Camat Badau", "meeting", "trial"] {
        assert!(told(&[&["a/1", "tick", item][..], &by].concat(), 0).contains("Written down"));
    }
    assert!(told(&["a/1", "tick", "room"], 3).contains("--by"), "without a name nothing is done");
    assert!(told(&["a/1", "tick", "room", "--by", " "], 2).contains("Say who has done it"));
    assert!(told(&[&["a/1", "tick", "door"][..], &by].concat(), 2).contains("those that there are: room"));
    assert!(told(&["a/1"], 0).contains("[x] attendance:Camat Badau"));
    told(&[&["a/1", "untick", "trial"][..], &by].concat(), 0);
    told(&[&["a/1", "trial", "begin"][..], &by].concat(), 0);
    assert!(told(&[&["a/1", "trial", "begin"][..], &by].concat(), 2).contains("A trial is under way"));
    told(&[&["a/1", "trial", "end", "--findings", "baik"][..], &by].concat(), 0);
    let decide = ["a/1", "override", "--verdict", "not_ready", "--for", "1h", "--reason", "kunci hilang"];
    told(&[&decide[..], &by].concat(), 0);
    let text = told(&["a/1"], 2);
    assert!(text.contains("override: Not ready") && text.contains("kunci hilang"), "{text}");
    told(&[&["a/1", "override", "--end", "--reason", "kunci ada"][..], &by].concat(), 0);
    // One that would outlast the meeting is told when that ends, on the room's clock and as --until takes it.
    let outlasts = ["a/1", "override", "--verdict", "ready", "--for", "24h", "--reason", "kunci ada"];
    let text = told(&[&outlasts[..], &by].concat(), 2);
    let end = begins.checked_add(MINUTE * 60).unwrap();
    let clock = end.in_tz("Asia/Pontianak").unwrap().strftime("%-d %B %Y at %H:%M %Z").to_string();
    let end = jiff::Timestamp::from_second(end.as_second()).unwrap();
    let end = end.display_with_offset(jiff::tz::Offset::from_hours(7).unwrap()).to_string();
    assert!(text.contains(&format!("at most until the session's end: {clock} ({end})")), "{text}");
    assert!(told(&["a/1"], 1).contains(&format!(" – {clock}: ")));
    let text = told(&[&["a/1", "override", "--verdict", "ready", "--reason", "x"][..], &by].concat(), 3);
    assert!(text.contains("--for") && text.contains("--until"), "{text}");
    told(&[&outlasts[..4], &["--until", &end, "--for", "1h", "--reason", "x"], &by].concat(), 3);
    let help = String::from_utf8(siaga().args(["sheet", "--help"]).output().unwrap().stdout).unwrap();
    assert!(help.contains("2 if it is refused"), "{help}");
    assert_eq!(
        serde_json::from_str::<Value>(&told(&["a/1", "--json"], 1)).unwrap()["overrides"][0]["verdict"],
        "not_ready"
    );
    let done = audit(at).into_iter().filter(|row| row[1] == "local" && row[4] == "written down").count();
    assert_eq!(done, 9, "{:#?}", audit(at));
    let log = daemon.stop();
    assert!(!log.contains("Petugas Satu") && !log.contains("kunci"), "{log}");
}
