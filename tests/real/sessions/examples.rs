//! The examples for schedulers, run as a scheduler runs them.

use std::path::Path;
use std::process::Command;

use super::{MINUTE, POWER_ALONE, Scheduler, ahead};
use crate::support::daemon::{Daemon, room};
use crate::support::nginx::Nginx;
use crate::support::radicale::{Radicale, USER};
use crate::support::upsd::Upsd;
use crate::tokens::made;

/// An example's exit code and what it printed.
pub(super) fn run(example: &str, (url, token): (&str, &str), args: &[&str]) -> (i32, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_siaga")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(root.join("config/examples").join(example));
    command.args(args).env("SIAGA_URL", url).env("SIAGA_TOKEN", token).env("PATH", path).env_remove("SIAGA_CONFIG");
    let told = command.output().unwrap();
    let text = [told.stdout, told.stderr].concat();
    (told.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn a_hook_and_a_client_confirm_refuse_and_leave_it_open() {
    let upsd = Upsd::start();
    let folder = room(&format!(
        "{POWER_ALONE}\n[[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n",
        upsd.address(),
    ));
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("ups", "ready", "");
    let (url, jadwal) = (format!("http://{}", daemon.address()), Scheduler::of(folder.path()));
    let slot = |minutes: u32| (ahead(MINUTE * minutes).to_string(), ahead(MINUTE * (minutes + 60)).to_string());
    let (start, end) = slot(600);
    let hook = |args: &[&str]| run("booking-hook.sh", (&url, &jadwal.0), args);
    let book = |args: &[&str]| run("book.py", (&url, &jadwal.0), args);
    let (code, said) = hook(&[&start, &end]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = book(&["2026-117", "Rapat Dinkes", &start, &end]);
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("booked; the room is ready, evidence "), "{said}");
    let (code, said) = book(&["2026-117", "Rapat Dinkes", &start, &end]);
    assert_eq!(code, 0, "the same again: {said}");
    // The slot is held now: both say no, and by whom.
    let (code, said) = hook(&[&start, &end]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("Rapat Dinkes"), "{said}");
    let (code, said) = book(&["2026-118", "Rapat lain", &start, &end]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("Rapat Dinkes"), "{said}");
    assert_eq!(daemon.get("/api/v1/sessions/2026-118").status, 404, "nothing of it was booked");
    // A question that is not understood, and no daemon: neither yes nor no. What asking again does not mend is another thing.
    let (free, until) = slot(900);
    assert_eq!(hook(&[&free, &until, "cinema"]).0, 2);
    let wrong = |args: &[&str], says: &str| {
        let (code, said) = book(args);
        assert_eq!(code, 3, "{args:?}: {said}");
        assert!(said.contains(says) && !said.contains("Traceback"), "{args:?}: {said}");
    };
    wrong(&["2026-119", "Rapat", &free, &until, "cinema"], "cinema");
    wrong(&["2026-119", "Rapat", &until, &free], "not after the start");
    wrong(&["2026-119", "Rapat, passcode: 82kq1", &free, &until], "passcode");
    wrong(&["2026-119", "Rapat", &free], "book.py ID TITLE START END");
    wrong(&[], "book.py ID TITLE START END");
    let (code, said) = run("book.py", (&url, "siaga_x"), &["2026-119", "Rapat", &free, &until]);
    assert!(code == 3 && said.contains("401"), "{said}");
    let reads = made(folder.path(), "Pembaca", "read", &[]);
    let (code, said) = run("book.py", (&url, &reads), &["2026-119", "Rapat", &free, &until]);
    assert!(code == 3 && said.contains("schedule"), "{said}");
    assert_eq!(daemon.get("/api/v1/sessions/2026-119").status, 404, "nothing of it was booked");
    daemon.stop();
    assert_eq!(hook(&[&free, &until]).0, 2);
    assert_eq!(book(&["2026-119", "Rapat", &free, &until]).0, 2);
    // A proxy in front of a daemon that has gone: its page is no answer.
    let gone = format!("location / {{ proxy_pass {url}; }}");
    let nginx = Nginx::start(&[(None, &gone)]);
    let (code, said) =
        run("book.py", (&format!("http://127.0.0.1:{}", nginx.port(0)), &jadwal.0), &["a", "R", &free, &until]);
    assert!(code == 2 && said.contains("502: the answer is not siaga's") && !said.contains("Traceback"), "{said}");
}

/// A booking, as an office writes it.
fn entry(uid: &str, title: &str, status: &str, minutes: u32) -> String {
    let at = |minutes| ahead(MINUTE * minutes).strftime("%Y%m%dT%H%M%SZ").to_string();
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//kantor//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20261101T000000Z\r\n\
         DTSTART:{}\r\nDTEND:{}\r\nSUMMARY:{title}\r\nSTATUS:{status}\r\nCOMMENT:dari kantor\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        at(minutes),
        at(minutes + 60)
    )
}

#[test]
fn a_calendar_is_the_scheduler_and_each_booking_says_why_it_is_confirmed_or_not() {
    let (mut upsd, radicale) = (Upsd::start(), Radicale::start());
    let folder = room(&format!(
        "{POWER_ALONE}\n[[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n",
        upsd.address(),
    ));
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("ups", "ready", "");
    let (url, jadwal) = (format!("http://{}", daemon.address()), Scheduler::of(folder.path()));
    let follow = |confirm: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(root.join("config/examples/caldav.py"));
        command.arg(radicale.url()).env("SIAGA_URL", &url).env("SIAGA_TOKEN", &jadwal.0).env("CONFIRM", confirm);
        let told = command.env("CALDAV_USER", USER.0).env("CALDAV_PASSWORD", USER.1).output().unwrap();
        (told.status.code().unwrap(), String::from_utf8([told.stdout, told.stderr].concat()).unwrap())
    };
    let put = |name: &str, text: &str| {
        let answer = radicale.send("PUT", name, text);
        assert!((200..300).contains(&answer.status), "{}", answer.body);
    };
    let booked = || {
        let all = daemon.get("/api/v1/sessions").json();
        let of = |one: &serde_json::Value| {
            (one["title"].as_str().unwrap().to_owned(), one["state"].as_str().unwrap().to_owned())
        };
        all.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let is = |name: &str, status: &str, says: &str| {
        let text = radicale.entry(name);
        assert!(text.contains(&format!("STATUS:{status}")), "{text}");
        assert!(text.contains("COMMENT:dari kantor"), "the office's own words are gone: {text}");
        assert!(text.lines().any(|line| line.starts_with("COMMENT:Siaga: ") && line.contains(says)), "{text}");
    };

    // Two offices want one slot; the room is ready. The first has it, the other hears who.
    put("a.ics", &entry("a@kantor", "Rapat Dinkes", "TENTATIVE", 60));
    put("b.ics", &entry("b@kantor", "Rapat Bappeda", "TENTATIVE", 90));
    // With nothing confirmed by itself, the verdict stands there all the same.
    assert_eq!(follow("").0, 0);
    is("a.ics", "TENTATIVE", "Siap");
    assert_eq!(booked(), []);
    let (code, said) = follow("ready");
    assert_eq!(code, 0, "{said}");
    is("a.ics", "CONFIRMED", "Siap");
    is("b.ics", "TENTATIVE", "Rapat Dinkes");
    assert_eq!(booked(), [("Rapat Dinkes".to_owned(), "booked".to_owned())]);

    // Nothing new: nothing is written, neither here nor there.
    let (before, of_b) = (radicale.entry("a.ics"), radicale.entry("b.ics"));
    assert_eq!(follow("ready"), (0, String::new()));
    assert_eq!((radicale.entry("a.ics"), radicale.entry("b.ics")), (before, of_b));

    // A room that is not ready: why, and what to do; confirmed when it is mended.
    upsd.set("ups.status", "OB LB");
    daemon.wait_for_check("ups", "not_ready", "");
    put("c.ics", &entry("c@kantor", "Rapat Camat", "TENTATIVE", 3));
    assert_eq!(follow("ready").0, 0);
    is("c.ics", "TENTATIVE", "\\n- ");
    upsd.set("ups.status", "OL");
    daemon.wait_for_check("ups", "ready", "");

    // Cancelled in the calendar, or taken out of it, is given back, and the other office has the slot.
    put("a.ics", &entry("a@kantor", "Rapat Dinkes", "CANCELLED", 60));
    assert!((200..300).contains(&radicale.send("DELETE", "c.ics", "").status));
    let (code, said) = follow("ready");
    assert_eq!(code, 0, "{said}");
    is("b.ics", "CONFIRMED", "Siap");
    let held = booked();
    assert!(held.contains(&("Rapat Bappeda".to_owned(), "booked".to_owned())), "{held:?}");
    assert!(held.contains(&("Rapat Dinkes".to_owned(), "cancelled".to_owned())), "{held:?}");

    // What Siaga does not take is told in the entry, once, and not in what is printed.
    put("e.ics", &entry("e@kantor", "Rapat Camat\\, passcode: 82kq1", "TENTATIVE", 300));
    let turned = entry("f@kantor", "Rapat terbalik", "TENTATIVE", 400);
    put("f.ics", &turned.replace("DTSTART", "DTX").replace("DTEND", "DTSTART").replace("DTX", "DTEND"));
    let (code, said) = follow("ready");
    assert!(code == 0 && said.contains("(…): tentative") && !said.contains("82kq1"), "{said}");
    is("e.ics", "TENTATIVE", "judul memuat kode sandi");
    is("f.ics", "TENTATIVE", "selesai lebih dulu daripada mulai");
    assert_eq!(follow("ready"), (0, String::new()));
    // A series is not asked about, and a daemon that does not answer changes nothing.
    put("d.ics", &entry("d@kantor", "Apel", "TENTATIVE", 500).replace("SUMMARY", "RRULE:FREQ=WEEKLY\r\nSUMMARY"));
    assert_eq!(follow("ready").0, 0);
    is("d.ics", "TENTATIVE", "satu per satu");
    let before = radicale.entry("b.ics");
    daemon.stop();
    assert_eq!(follow("ready").0, 2);
    assert_eq!(radicale.entry("b.ics"), before);
}
