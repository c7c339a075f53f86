//! The examples for schedulers, run as a scheduler runs them.

use std::path::Path;
use std::process::Command;

use super::{MINUTE, POWER_ALONE, Scheduler, ahead};
use crate::support::daemon::{Daemon, room};
use crate::support::upsd::Upsd;

/// An example's exit code and what it printed.
fn run(example: &str, (url, token): (&str, &str), args: &[&str]) -> (i32, String) {
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
    // A question that is not understood, and no daemon: neither yes nor no.
    let (free, until) = slot(900);
    assert_eq!(hook(&[&free, &until, "cinema"]).0, 2);
    assert_eq!(book(&["2026-119", "Rapat", &free, &until, "cinema"]).0, 2);
    daemon.stop();
    assert_eq!(hook(&[&free, &until]).0, 2);
    assert_eq!(book(&["2026-119", "Rapat", &free, &until]).0, 2);
}
