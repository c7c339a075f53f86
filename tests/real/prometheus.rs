//! `/metrics` and what is shipped for it, against the real Prometheus and promtool (Debian package `prometheus`).

mod dashboards;
mod everything;
mod exposition;
mod fleet;
mod scraped;
mod server;
mod upwards;

use std::io::Write as _;
use std::process::{Command, Stdio};

use siaga::domain::{Kind, Level};
use siaga::probe;

use crate::support::snapshot::{Room, check, troubled};

/// Runs promtool; what it says on both outputs, and whether it was content.
fn promtool(args: &[&str], stdin: &str) -> (bool, String) {
    let child = Command::new("promtool")
        .args(args)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config/prometheus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.expect("promtool is there (Debian package prometheus)");
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The troubled room, and beside it one check of each kind with one measurement of each quantity in the catalogue.
fn whole_catalogue() -> Room {
    let mut room = troubled();
    for kind in Kind::ALL.into_iter().filter(|kind| kind.component().is_some()) {
        let mut all = check(&format!("every_{kind}"), kind, Level::FarEnd);
        for quantity in probe::quantities(kind) {
            all = match quantity.part {
                Some(_) => all.measured_part(quantity, "a", 1.0).measured_part(quantity, "b", 2.0),
                None => all.measured(quantity, 1.0),
            };
        }
        room.checks.push(all);
    }
    room
}
