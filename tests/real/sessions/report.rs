//! The report of a meeting in which the power failed, made of what a real daemon stored, also over its end. Debian packages:
//! `nut-server`, `weasyprint`, `poppler-utils`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use super::{POWER_ALONE, Scheduler, ahead, meeting};
use crate::crash_daemon::Desk;
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room, siaga};
use crate::support::upsd::Upsd;
use crate::tokens;

fn report(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = siaga();
    command.arg("report").args(arguments).arg("--config").arg(folder.join("siaga.toml"));
    command.arg("--state-dir").arg(folder.join("state")).output().unwrap()
}

fn told(folder: &Path, arguments: &[&str]) -> String {
    let output = report(folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(folder: &Path, arguments: &[&str], why: &str) {
    let output = report(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty() && said.contains(why), "{why}: {said}");
}

/// It is whole, and whoever changes a letter of a report breaks it.
fn the_chain_holds(folder: &Path) {
    let verify = || report(folder, &["--verify", "--lang", "en"]);
    let output = verify();
    let (rows, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && said.contains("1 links, the chain is whole"), "{said}");
    assert!(rows.lines().count() == 1 && rows.contains(" a "), "{rows}");
    let db = rusqlite::Connection::open(folder.join("state/siaga.db")).unwrap();
    let body: String = db.query_row("SELECT body FROM reports", [], |row| row.get(0)).unwrap();
    let kept: Value = serde_json::from_str(&body).unwrap();
    assert!(kept["complete"] == true && kept["incidents"].as_array().unwrap().len() == 1, "{kept:#}");
    let change = |from: &str, to: &str| {
        db.execute("UPDATE reports SET body = replace(body, ?1, ?2)", [from, to]).unwrap();
    };
    change("Petugas Kamera", "Petugas Lain");
    let output = verify();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("number 1 is not what it was"), "{said}");
    // Whoever prints it is told too, and what is printed says so.
    let output = report(folder, &["a"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(2) && page.contains("TIDAK seperti saat dibuat"), "{page}");
    change("Petugas Lain", "Petugas Kamera");
    assert!(verify().status.success());
    // The evidence of its looks is held to what it was too.
    let named = kept["looks"].as_array().unwrap().iter().find(|look| look["evidence_sha256"].is_string()).unwrap();
    let (id, altered) =
        (named["evidence_id"].as_str().unwrap(), "UPDATE evidence SET answer = answer || ' ' WHERE id = ?1");
    db.execute(altered, [id]).unwrap();
    let output = verify();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains(&format!("evidence {id} is not what it was")), "{said}");
    db.execute("UPDATE evidence SET answer = rtrim(answer) WHERE id = ?1", [id]).unwrap();
    assert!(verify().status.success());
}

/// People write of it, over HTTP and by hand; it stands in the chain, and in what is printed.
fn it_is_evaluated(folder: &Path) {
    let operator = tokens::made(folder, "rani", "operate", &[]);
    let daemon = Daemon::start(folder);
    let headers = format!("Content-Type: application/json\r\n{}", tokens::shows(&operator));
    let write = |headers: &str, id: &str, body: &Value| {
        let path = format!("/api/v1/sessions/{id}/evaluation");
        daemon.send("POST", &path, headers, &body.to_string())
    };
    let said = json!({ "text": "Listrik padam tiga detik.\nGenset <terlambat>.", "by": "Kepala Seksi" });
    let json_alone = "Content-Type: application/json\r\n";
    assert_eq!(write(json_alone, "a", &said).status, 401);
    let scheduler = format!("{json_alone}{}", tokens::shows(&tokens::made(folder, "lain", "schedule", &[])));
    assert_eq!(write(&scheduler, "a", &said).status, 403);
    assert_eq!(write(&headers, "b", &said).status, 404);
    assert_eq!(write(&headers, "a", &json!({ "text": "Passcode: 82Kq1 salah" })).status, 400);
    let reader = tokens::shows(&tokens::made(folder, "prometheus", "read", &[]));
    assert_eq!(
        daemon.request_with("GET", "/api/v1/sessions/a/report", &reader).status,
        403,
        "names are not for whoever reads"
    );
    for wrong in
        [json!({}), json!({ "text": "\u{7}" }), json!({ "text": "x".repeat(6001) }), json!({ "text": "x", "by": "" })]
    {
        assert_eq!(write(&headers, "a", &wrong).status, 400, "{wrong}");
    }
    for _ in 0..2 {
        let kept = write(&headers, "a", &said);
        assert!(kept.status == 200 && kept.json()["report"] == 1, "{}", kept.body);
    }
    std::fs::write(folder.join("evaluasi.txt"), "Ditulis dengan tangan").unwrap();
    let file = folder.join("evaluasi.txt").display().to_string();
    told(folder, &["a", "--evaluation", &file]);
    refused(folder, &["b", "--evaluation", &file], "Belum ada laporan rapat b");
    std::fs::write(folder.join("evaluasi.txt"), "é".repeat(6001)).unwrap();
    refused(folder, &["a", "--evaluation", &file], "6001 characters; an evaluation has at most 6000");

    // Who reads it shows a token, where reading is open to all too.
    let path = "/api/v1/sessions/a/report";
    assert_eq!(daemon.request_with("GET", path, "").status, 401);
    let page = daemon.request_with("GET", "/sessions/a/report", "");
    assert!(page.status == 401 && page.body.contains("<form") && !page.body.contains("Petugas"), "{}", page.body);
    let read = daemon.request_with("GET", path, &headers).json();
    let written = read["evaluations"].as_array().unwrap();
    assert_eq!(written.len(), 2, "the same is kept once: {written:#?}");
    assert_eq!((&written[0]["by"], &written[0]["via"]), (&json!("Kepala Seksi"), &json!("token")));
    assert_eq!(written[1]["text"], "Ditulis dengan tangan");
    let page = daemon.request_with("GET", "/sessions/a/report?lang=en", &headers);
    assert!(page.status == 200 && page.body.contains("Genset &#60;terlambat&#62;."), "{}", page.body);
    assert!(page.body.contains("Kepala Seksi, ") && page.body.contains("; number 1, SHA-256 "), "{}", page.body);
    let rows = daemon.request_with("GET", "/api/v1/sessions/a/report.csv", &headers);
    assert!(rows.status == 200 && rows.body.contains("\r\nevaluation,"), "{}", rows.body);
    assert_eq!(daemon.request_with("GET", "/api/v1/sessions/b/report", &headers).status, 404);
    // A meeting that was held stays what it was: its report stands under its id.
    let (to, until) = (ahead(Duration::from_hours(9)).to_string(), ahead(Duration::from_hours(10)).to_string());
    let moved = json!({ "start": to, "end": until });
    let other = meeting("Rapat lain", ahead(Duration::from_hours(9)), Duration::from_hours(1));
    for (method, body) in [("DELETE", Value::Null), ("PATCH", moved), ("PUT", other)] {
        let answer = daemon.send(method, "/api/v1/sessions/a", &scheduler, &body.to_string());
        assert!(answer.status == 409 && answer.body.contains(":begun"), "{method}: {}", answer.body);
    }
    let log = daemon.log();
    assert!(!log.contains("Kepala Seksi") && !log.contains("Genset"), "{log}");
    daemon.stop();
    let output = report(folder, &["--verify"]);
    let rows = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success() && rows.lines().count() == 3, "{output:?}");
}

/// It was confirmed as ready, and was not.
fn it_is_in_its_month(folder: &Path) {
    let mut command = siaga();
    command.args(["summary", "--format", "json", "--config"]).arg(folder.join("siaga.toml"));
    let output = command.arg("--state-dir").arg(folder.join("state")).output().unwrap();
    let month: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(month["outcomes"]["missed"] == 1 && month["lost_seconds"].as_u64().unwrap() > 0, "{month:#}");
    assert!(month["unreported"] == 0 && month["components"]["power"]["in_meeting"] == 1, "{month:#}");
}

#[test]
fn a_meeting_with_a_power_cut_is_reported_as_it_was_and_no_more() {
    let mut upsd = Upsd::start();
    let desk = Desk::start();
    let folder = room(&format!(
        "{POWER_ALONE}\n[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n[agenda]\npreflight = \"10s\"\nwrap_up = \"2s\"\nrechecks = []\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n",
        desk.address,
        upsd.address()
    ));
    let at = folder.path();
    let jadwal = Scheduler::of(at);
    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "ready", "");
    let mut wish = meeting("Rapat <Dinkes>", ahead(Duration::from_secs(14)), Duration::from_secs(20));
    wish["office"] = json!("Dinas Kesehatan");
    wish["letter"] = json!("=005/17/2026");
    wish["crew"] = json!({ "kamera": { "person": "Petugas Kamera" } });
    let booked = jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &wish);
    assert_eq!(booked.status, 201, "{}", booked.body);
    refused(at, &["b"], "there is no session \"b\"");
    assert!(told(at, &["a"]).contains("Sementara: "), "before it is over it says so");

    let phase = |name: &str| wait_until(|| daemon.log().contains(&format!("phase=\"{name}\"")));
    phase("live");
    upsd.set("ups.status", "OB LB");
    daemon.wait_for_check("ups", "not_ready", "");
    // A power cut that lasts.
    let until = ahead(Duration::from_secs(3));
    wait_until(|| ahead(Duration::ZERO) >= until);
    // What it knows is on the disk: the report does not need the one that saw it. (Of one that is killed the last seconds count as
    // not watched.)
    daemon.stop();
    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "not_ready", "");
    upsd.set("ups.status", "OL");
    daemon.wait_for_check("ups", "ready", "");
    wait_until(|| daemon.log().contains("phase=\"wrap_up\""));
    wait_until(|| daemon.log().contains("phase=\"idle\""));
    wait_until(|| daemon.log().contains("a meeting's report is kept"));
    let reported = || {
        let told = desk.told().into_iter().filter(|word| word["event"] == "session_reported");
        told.map(|word| (word["id"].as_str().unwrap().to_owned(), word["text"].as_str().unwrap().to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    wait_until(|| reported().len() == 1);
    let text = reported().into_values().next().unwrap();
    assert!(text.contains("gangguan: UPS dan stabilizer") && text.contains("siaga report a"), "{text}");
    assert!(!text.contains("Petugas"), "{text}");
    // Another process finds it kept, and keeps no second one.
    daemon.kill();
    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "ready", "");
    daemon.stop();
    assert_eq!(reported().len(), 1, "it is told once, whatever is restarted");
    the_chain_holds(at);
    it_is_evaluated(at);
    it_is_in_its_month(at);

    let made: Value = serde_json::from_str(&told(at, &["a", "--format", "json"])).unwrap();
    assert!(made["complete"] == true && made["cut"] == false, "{made:#}");
    assert!(made["kept"]["number"] == 1 && made["kept"]["intact"] == true, "{made:#}");
    let anew: Value = serde_json::from_str(&told(at, &["a", "--format", "json", "--anew"])).unwrap();
    let same = ["session", "procedure", "looks", "held", "components", "incidents", "quality", "not_measured"];
    assert!(anew["kept"].is_null() && same.iter().all(|part| anew[part] == made[part]), "{anew:#}");
    assert_eq!(made["session"]["crew"]["kamera"], "Petugas Kamera");
    let incidents = made["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!((&incidents[0]["component"], &incidents[0]["worst"]), (&json!("power"), &json!("not_ready")));
    assert!(incidents[0]["cause"][0].as_str().unwrap().contains("baterai"), "{}", incidents[0]);
    assert!(incidents[0]["to"].is_string());
    let parts: Vec<_> = made["components"].as_array().unwrap().iter().map(|part| &part["component"]).collect();
    assert_eq!(parts, ["power"], "of what the room does without nothing is told");
    let procedure = &made["procedure"];
    assert!(procedure["confirmed_at"].is_string() && procedure["opened_at"].is_string(), "{procedure}");
    assert_eq!((&procedure["at_start"], &procedure["limit_seconds"]), (&json!("ready"), &json!(10)));
    let held = |part: &str| made["held"][part].as_u64().unwrap();
    let all = ["ready", "degraded", "not_ready", "unknown", "not_measured"].map(held);
    // Each part is cut to whole seconds.
    assert!((16..=20).contains(&all.iter().sum::<u64>()) && held("ready") > 0 && held("not_ready") > 0, "{all:?}");

    let page = told(at, &["a"]);
    for words in [
        "Rapat &#60;Dinkes&#62;",
        "Dinas Kesehatan",
        "Petugas Kamera",
        "UPS dan stabilizer: Tidak siap",
        "Kepala Bidang",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("Sementara") && !page.contains("<script") && !page.contains("http"), "{page}");
    assert!(told(at, &["a", "--lang", "en"]).contains("Report of a meeting: "));
    let rows = told(at, &["a", "--format", "csv"]);
    assert!(rows.contains("\r\nincident,") && rows.contains("\r\ncrew,,,,,,kamera,Petugas Kamera\r\n"), "{rows}");

    let file = at.join("laporan.pdf");
    let pdf = file.display().to_string();
    told(at, &["a", "--format", "pdf", "--out", &pdf]);
    let text =
        Command::new("pdftotext").arg(&file).arg("-").output().expect("pdftotext: install Debian's poppler-utils");
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("Laporan rapat: Rapat <Dinkes>") && text.contains("Kepala Dinas"), "{text}");
    refused(at, &["a", "--format", "pdf", "--out", &pdf], "is there already; name another file");
    let mut without = siaga();
    without.args(["report", "a", "--format", "pdf", "--config"]).arg(at.join("siaga.toml")).env("PATH", "/nowhere");
    let output = without.arg("--state-dir").arg(at.join("state")).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("sudo apt install weasyprint"), "{output:?}");
}

/// Who signs it reads what was wrong then, in either language, and no sentence with holes.
#[test]
fn what_was_found_when_a_meeting_was_booked_is_told_in_the_words_of_that_moment() {
    let mut upsd = Upsd::start();
    let folder = room(&format!(
        "{POWER_ALONE}\n[agenda]\nrechecks = []\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n",
        upsd.address()
    ));
    let at = folder.path();
    let jadwal = Scheduler::of(at);
    let daemon = Daemon::start(at);
    upsd.set("ups.load", "180");
    daemon.wait_for_check("ups", "degraded", "power.load_high");
    let (start, long) = (ahead(Duration::from_mins(9)), Duration::from_mins(9));
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &meeting("Rapat", start, long)).status, 201);
    upsd.set("ups.load", "170");
    let made: Value = serde_json::from_str(&told(at, &["a", "--format", "json"])).unwrap();
    let look = &made["looks"][0];
    let id = look["evidence_id"].as_str().unwrap();
    let kept = daemon.get(&format!("/api/v1/evidence/{id}")).json();
    daemon.stop();
    let said = kept["answer"]["said"].as_array().unwrap();
    for (words, lang) in [(&look["words"][0], "id"), (&look["words"][1], "en")] {
        let words: Vec<&str> = words.as_array().unwrap().iter().map(|words| words.as_str().unwrap()).collect();
        assert_eq!(words, said.iter().map(|said| said[lang].as_str().unwrap()).collect::<Vec<_>>());
        assert!(!words.is_empty() && words.iter().all(|words| !words.contains(['…', '{'])), "{words:?}");
    }
    let power =
        kept["answer"]["components"].as_array().unwrap().iter().find(|part| part["component"] == "power").unwrap();
    let answered = &power["checks"][0]["reasons"][0]["message"];
    assert!(said.iter().any(|said| said["id"] == *answered), "{kept:#}");
}

/// The daemon is killed in a meeting and comes back when it is over: what nobody saw is told as such, in the report that is kept too.
#[test]
fn what_nobody_saw_of_a_meeting_is_not_left_out_of_the_report_that_is_kept() {
    let upsd = Upsd::start();
    let folder = room(&format!(
        "{POWER_ALONE}\n[agenda]\npreflight = \"10s\"\nwrap_up = \"1s\"\nrechecks = []\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n",
        upsd.address()
    ));
    let at = folder.path();
    let jadwal = Scheduler::of(at);
    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "ready", "");
    let (start, long) = (ahead(Duration::from_secs(3)), Duration::from_secs(8));
    let end = start.checked_add(long).unwrap();
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &meeting("Rapat", start, long)).status, 201);
    wait_until(|| daemon.log().contains("phase=\"live\""));
    daemon.kill();
    wait_until(|| ahead(Duration::ZERO) > end.checked_add(Duration::from_secs(2)).unwrap());
    let daemon = Daemon::start(at);
    wait_until(|| daemon.log().contains("a meeting's report is kept"));
    daemon.stop();
    let made: Value = serde_json::from_str(&told(at, &["a", "--format", "json"])).unwrap();
    let held = |part: &str| made["held"][part].as_u64().unwrap();
    assert!(made["kept"]["number"] == 1 && held("not_measured") >= 5, "{made:#}");
    let all: u64 = ["ready", "degraded", "not_ready", "unknown", "not_measured"].map(held).iter().sum();
    assert_eq!(all, 8, "each second of it is told of: {made:#}");
    assert!(made["not_measured"].as_array().unwrap().iter().any(|one| one["why"] == "not_watched"), "{made:#}");
}
