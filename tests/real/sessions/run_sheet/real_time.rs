//! A sheet in real time: late, told, made up for, overridden, tried, run out; over a kill. Debian package: `nut-server`.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{POWER_ALONE, Scheduler, ahead, meeting};
use super::{NAMES, Staff, item, start};
use crate::crash_daemon::Desk;
use crate::support::child::{PATIENCE, wait_until, wait_within};
use crate::support::daemon::{Daemon, room};
use crate::support::upsd::Upsd;

const SECOND: Duration = Duration::from_secs(1);

/// What somebody was told of sheets, each once by its idempotency key: who is killed between telling and writing down that it was
/// told tells it again.
fn about_sheets(desk: &Desk) -> Vec<Value> {
    let mut keys = HashSet::new();
    let told = desk
        .told()
        .into_iter()
        .filter(|word| ["session_late", "session_made_up"].contains(&word["event"].as_str().unwrap()));
    told.filter(|word| keys.insert(word["id"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn a_sheet_goes_its_way_in_real_time_over_a_kill() {
    let (office, crew) = (Desk::start(), Desk::start());
    let upsd = Upsd::start();
    let hand = |key: &str, holds: &str, due: &str, more: &str| {
        format!(
            "[[run_sheet.item]]\nkey = \"{key}\"\nid = \"{key} siap\"\nen = \"{key} ready\"\nholds = \"{holds}\"\ndue = \"{due}\"\n{more}\n"
        )
    };
    let folder = room(&format!(
        "{POWER_ALONE}\n[agenda]\nrechecks = []\npreflight = \"150m\"\nwrap_up = \"2s\"\nreceivers = [\"office\"]\n{}{}{}\
         [[receiver]]\nname = \"office\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n\
         [[receiver]]\nname = \"operator\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"1s\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n",
        hand("room", "1h", "125s", "task = \"ruang\""),
        hand("site", "20s", "5s", "each_site = true\ntask = \"ruang\""),
        hand("spare", "1h", "125s", "task = \"gudang\"\nrequirement = \"advisory\""),
        office.address,
        crew.address,
        upsd.address(),
    ));
    let at = folder.path();
    let daemon = start(at);
    daemon.wait_for_check("ups", "ready", "");
    let (jadwal, staff) = (Scheduler::of(at), Staff::of(at));
    let mut body = meeting("Rapat Dinkes", ahead(SECOND * 150), SECOND * 20);
    body["sites"] = json!(["Camat Badau"]);
    body["crew"] = json!({ "ruang": { "person": "Petugas Ruang", "receiver": "operator" }, "gudang": { "person": "Petugas Dua" } });
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &body).status, 201);
    let sheet = |daemon: &Daemon| staff.sheet(daemon, "a");
    let said = |sheet: &Value| {
        [&sheet["verdict"], &sheet["machine"]["verdict"], &sheet["hand"]["verdict"]]
            .map(|one| one.as_str().unwrap_or("-").to_owned())
    };
    assert_eq!(said(&sheet(&daemon)), ["degraded", "ready", "degraded"]);
    // A trial, of which the minutes are told as they are recorded.
    let begun = staff.post(&daemon, "a/trial", &json!({ "act": "begin", "by": "Petugas Satu" }));
    assert_eq!(begun.status, 200, "{}", begun.body);
    let again = staff.post(&daemon, "a/trial", &json!({ "act": "begin", "by": "Petugas Dua" }));
    assert_eq!(again.status, 409, "{}", again.body);
    // One check is due: whoever has its task is told once, and nobody of the store, whose receiver is not known.
    wait_until(|| about_sheets(&crew).len() == 1);
    let told = &about_sheets(&crew)[0];
    let session = &told["session"];
    assert_eq!(
        (&told["event"], &session["items"], &session["tasks"]),
        (&json!("session_late"), &json!(["room siap"]), &json!(["ruang"])),
        "{told}"
    );
    assert_eq!(session["verdict"], "unknown", "{told}");
    let text = told["text"].as_str().unwrap();
    assert!(
        text.contains("untuk Rapat Dinkes") && text.contains("BELUM dicentang") && text.contains("Tugas: ruang"),
        "{text}"
    );
    assert_eq!(said(&sheet(&daemon)), ["unknown", "ready", "unknown"]);
    daemon.kill();
    let daemon = start(at);
    daemon.wait_for_check("ups", "ready", "");
    // Somebody answers for it until the start: shown, and nothing else changes.
    let begins = sheet(&daemon)["session"]["start"].clone();
    let decided = json!({ "verdict": "ready", "by": "Petugas Satu", "reason": "dicek lewat telepon", "until": begins });
    assert_eq!(staff.post(&daemon, "a/override", &decided).status, 200);
    assert_eq!(said(&sheet(&daemon)), ["ready", "ready", "unknown"]);
    let readiness = daemon.get("/api/v1/readiness?session=a").json();
    assert_eq!(
        (&readiness["verdict"], &readiness["run_sheet"]["verdict"], &readiness["run_sheet"]["hand"]),
        (&json!("ready"), &json!("ready"), &json!("unknown"))
    );
    assert_eq!(readiness["run_sheet"]["override"]["reason"], "dicek lewat telepon", "{readiness:#}");
    assert!(daemon.get("/").body.contains("dicek lewat telepon"), "shown where the room's verdict is");
    // Done: that is told too, once.
    assert_eq!(staff.post(&daemon, "a/runsheet/room", &json!({ "done": true, "by": "Petugas Dua" })).status, 200);
    wait_until(|| about_sheets(&crew).len() == 2);
    assert_eq!(about_sheets(&crew)[1]["event"], "session_made_up");
    // A tick that runs out before the start.
    assert_eq!(
        staff.post(&daemon, "a/runsheet/site:Camat%20Badau", &json!({ "done": true, "by": "Petugas Dua" })).status,
        200
    );
    assert_eq!(said(&sheet(&daemon))[2], "ready");
    wait_until(|| item(&sheet(&daemon), "site:Camat Badau")["state"] == "expired");
    // The first minute that is whole ends up to two after the trial began; ended, it says the same.
    let measured = |daemon: &Daemon| sheet(daemon)["trials"][0]["measured"].clone();
    wait_within(2 * PATIENCE, || measured(&daemon).as_array().is_some_and(|all| !all.is_empty()));
    let ended =
        staff.post(&daemon, "a/trial", &json!({ "act": "end", "by": "Petugas Satu", "findings": "semua baik" }));
    assert_eq!(ended.status, 200, "{}", ended.body);
    let figures = measured(&daemon);
    let volts = figures.as_array().unwrap().iter().find(|one| one["quantity"] == "ups_input_volts").unwrap();
    assert_eq!(
        (&volts["check"], &volts["unit"], &volts["min"]),
        (&json!("ups"), &json!("volts"), &volts["max"]),
        "{figures:#}"
    );
    // The last check becomes late too, as its own word; then the meeting begins, and the decision has ended by itself.
    wait_within(2 * PATIENCE, || about_sheets(&crew).len() == 3);
    assert_eq!(about_sheets(&crew)[2]["session"]["items"], json!(["site siap: Camat Badau"]));
    wait_until(|| daemon.get("/api/v1/agenda").json()["phase"] == "live");
    let live = sheet(&daemon);
    assert_eq!((&live["override"], said(&live)), (&Value::Null, ["unknown", "ready", "unknown"].map(str::to_owned)));
    assert_eq!(live["overrides"].as_array().unwrap().len(), 1);
    assert!(!daemon.get("/").body.contains("dicek lewat telepon"));
    assert_eq!(staff.post(&daemon, "a/trial", &json!({ "act": "begin", "by": "Petugas Satu" })).status, 409);
    // What is made up for in the meeting counts, and holds to its end.
    assert_eq!(
        staff.post(&daemon, "a/runsheet/site:Camat%20Badau", &json!({ "done": true, "by": "Petugas Dua" })).status,
        200
    );
    assert_eq!(said(&sheet(&daemon))[2], "ready");
    wait_until(|| daemon.get("/api/v1/agenda").json()["phase"] == "idle");
    let over = sheet(&daemon);
    assert_eq!(said(&over), ["-", "-", "ready"], "of a meeting that is over nothing is said any more");
    assert_eq!(measured(&daemon), figures);
    let tick = json!({ "done": true, "by": "Petugas Dua" });
    assert_eq!(staff.post(&daemon, "a/runsheet/room", &tick).status, 409);
    assert_eq!(about_sheets(&crew).len(), 4, "{:?}", about_sheets(&crew));
    assert_eq!(about_sheets(&office), Vec::<Value>::new());
    let (metrics, log) = (daemon.get("/metrics").body, daemon.stop());
    for word in [&NAMES[..], &["dicek lewat telepon", "semua baik", "Camat Badau"]].concat() {
        assert!(!log.contains(word) && !metrics.contains(word), "{word}\n{log}");
    }
    let told = serde_json::to_string(&crew.told()).unwrap();
    assert!(NAMES.iter().all(|name| !told.contains(name)), "{told}");
}
