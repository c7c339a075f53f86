//! The whole path in real time, from the booking to the report, twice: with a scheduler in Python that speaks HTTP and Bahasa
//! Indonesia, and with one in shell that asks the command line and speaks English. Debian packages: `nut-server`, `curl`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::examples::run;
use super::{POWER_ALONE, Scheduler, ahead};
use crate::crash_daemon::Desk;
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room};
use crate::support::upsd::Upsd;
use crate::tokens;

const SECOND: Duration = Duration::from_secs(1);

/// A slot as a scheduler writes it.
type Slot = (Timestamp, Timestamp);

/// How a scheduler books: its exit code and what it printed.
type Book = fn(&Daemon, &str, &str, Slot) -> (i32, String);

/// By the example in Python.
fn in_python(daemon: &Daemon, token: &str, id: &str, (start, end): Slot) -> (i32, String) {
    let url = format!("http://{}", daemon.address());
    run("book.py", (&url, token), &[id, "Rapat Dinkes", &start.to_string(), &end.to_string()])
}

/// By the hook in shell, and by `curl` where that says yes.
fn in_shell(daemon: &Daemon, token: &str, id: &str, (start, end): Slot) -> (i32, String) {
    let url = format!("http://{}", daemon.address());
    let (code, said) = run("booking-hook.sh", (&url, token), &[&start.to_string(), &end.to_string()]);
    if code != 0 {
        return (code, said);
    }
    let body = format!(r#"{{"title":"Rapat Dinkes","profile":"zoom_group_720","start":"{start}","end":"{end}"}}"#);
    let put = Command::new("curl")
        .args(["-sS", "--fail-with-body", "-X", "PUT", "-H", "Content-Type: application/json", "-H"])
        .args([&format!("Authorization: Bearer {token}"), "-d", &body, &format!("{url}/api/v1/sessions/{id}")])
        .output()
        .expect("curl: install Debian's curl");
    (i32::from(!put.status.success()), String::from_utf8(put.stdout).unwrap())
}

#[test]
fn from_a_booking_in_python_to_a_report_in_indonesian() {
    let page = whole_path(in_python, "id");
    for words in
        ["Laporan rapat: Rapat Dinkes", "Suara pelan.", "UPS dan stabilizer: Tidak siap", "Listrik padam sebentar."]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[test]
fn from_a_booking_in_shell_to_a_report_in_english() {
    let page = whole_path(in_shell, "en");
    for words in [
        "Report of a meeting: Rapat Dinkes",
        "Suara pelan.",
        "UPS and stabilizer: Not ready",
        "Listrik padam sebentar.",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

fn config(scheduler: &Desk, upsd: &Upsd) -> String {
    format!(
        "{POWER_ALONE}\n[agenda]\nset_up = \"1s\"\ntear_down = \"1s\"\npreflight = \"30s\"\nwrap_up = \"2s\"\n\
         rechecks = [\"25s\", \"12s\"]\nreceivers = [\"scheduler\"]\n\
         [[run_sheet.item]]\nkey = \"room\"\nid = \"Ruangan siap\"\nen = \"Room prepared\"\nholds = \"1h\"\ndue = \"1s\"\n\
         [[receiver]]\nname = \"scheduler\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n",
        scheduler.address,
        upsd.address(),
    )
}

/// Waits until the scheduler is told so much of the meeting, and gives it.
fn told(desk: &Desk, event: &str, nth: usize) -> Value {
    let all = || -> Vec<Value> { desk.told().into_iter().filter(|word| word["event"] == event).collect() };
    wait_until(|| all().len() > nth);
    all().swap_remove(nth)
}

/// Books, is refused, confirms, fails, is told, repaired, tried, held with a power cut, reported, evaluated: gives the report's page.
fn whole_path(book: Book, lang: &str) -> String {
    let (desk, mut upsd) = (Desk::start(), Upsd::start());
    let folder = room(&config(&desk, &upsd));
    let at: &Path = folder.path();
    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "ready", "");
    let jadwal = Scheduler::of(at).0;
    let operator = tokens::made(at, "rani", "operate", &[]);
    let headers = format!("Content-Type: application/json\r\n{}", tokens::shows(&operator));
    let write = |path: &str, body: &Value| {
        let answer = daemon.send("POST", &format!("/api/v1/sessions/a/{path}"), &headers, &body.to_string());
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    };

    // Booked and confirmed; what overlaps is refused, and by whom is said.
    let slot = (ahead(SECOND * 40), ahead(SECOND * 52));
    let (code, said) = book(&daemon, &jadwal, "a", slot);
    assert_eq!(code, 0, "{said}");
    let (code, said) = book(&daemon, &jadwal, "b", (slot.0.checked_add(SECOND * 5).unwrap(), slot.1));
    assert!(code == 1 && said.contains("Rapat Dinkes"), "{code}: {said}");
    let confirmed = &daemon.get("/api/v1/sessions/a").json()["confirmed"];
    assert_eq!(confirmed["verdict"], "ready");

    // The equipment fails before the first recheck, which tells; the second tells that it is repaired.
    upsd.set("ups.status", "OB LB");
    let failed = told(&desk, "session_changed", 0);
    assert_eq!(
        (&failed["session"]["before_seconds"], &failed["session"]["verdict"]),
        (&json!(25), &json!("not_ready"))
    );
    upsd.set("ups.status", "OL");
    daemon.wait_for_check("ups", "ready", "");
    write("trial", &json!({ "act": "begin", "by": "Petugas Satu" }));
    write("runsheet/room", &json!({ "done": true, "by": "Petugas Dua" }));
    write("trial", &json!({ "act": "end", "by": "Petugas Satu", "findings": "Suara pelan." }));
    let mended = told(&desk, "session_changed", 1);
    assert_eq!((&mended["session"]["before_seconds"], &mended["session"]["verdict"]), (&json!(12), &json!("ready")));

    // Live, with a power cut.
    wait_until(|| daemon.get("/api/v1/agenda").json()["phase"] == "live");
    upsd.set("ups.status", "OB LB");
    daemon.wait_for_check("ups", "not_ready", "");
    let until = ahead(SECOND * 2);
    wait_until(|| ahead(Duration::ZERO) >= until);
    upsd.set("ups.status", "OL");
    daemon.wait_for_check("ups", "ready", "");
    told(&desk, "session_reported", 0);
    write("evaluation", &json!({ "text": "Listrik padam sebentar.", "by": "Kepala Seksi" }));

    // All of it is in the report.
    let report = daemon.request_with("GET", "/api/v1/sessions/a/report", &headers).json();
    let looks: Vec<_> = report["looks"].as_array().unwrap().iter().map(|look| &look["verdict"]).collect();
    assert_eq!(looks.first(), Some(&&json!("ready")), "{report:#}");
    assert!(looks.contains(&&json!("not_ready")) && looks.last() == Some(&&json!("ready")), "{looks:?}");
    assert_eq!(report["procedure"]["at_start"], "ready", "{report:#}");
    assert!(report["held"]["not_ready"].as_u64().unwrap() > 0, "{report:#}");
    let power = report["incidents"].as_array().unwrap().iter().filter(|one| one["component"] == "power").count();
    assert_eq!(power, 2, "one before the meeting and one in it: {report:#}");
    assert_eq!(report["evaluations"].as_array().unwrap().len(), 1);
    assert_eq!(report["run_sheet"]["trials"].as_array().unwrap().len(), 1, "{report:#}");
    let page = daemon.request_with("GET", &format!("/sessions/a/report?lang={lang}"), &headers);
    assert_eq!(page.status, 200);
    // And people find it: among the meetings that are over, and from the run sheet.
    for path in ["/agenda", "/sessions/a"] {
        let found = daemon.get(&format!("{path}?lang={lang}")).body;
        assert!(found.contains(&format!("href=\"/sessions/a/report?lang={lang}\"")), "{path}: {found}");
    }
    let log = daemon.stop();
    assert!(!log.contains("Petugas") && !log.contains("Kepala Seksi"), "{log}");
    page.body
}
