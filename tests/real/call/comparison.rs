//! `make calls`: what Siaga says of a dozen lines before a call, and what the call's own browsers say of it; then a call with and
//! without Siaga watching. The tables go to target/bench/calls.md. Not part of `make test`: it takes twenty minutes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::room::Told;
use super::*;
use crate::support::call::End;

/// Which line or call the inner process is to make, and where its row goes.
const WHICH: &str = "SIAGA_CALLS_WHICH";
const ROW: &str = "SIAGA_CALLS_ROW";

/// Until the browsers have found what the line carries.
const WARM: Duration = Duration::from_secs(6);
const WATCHED: Duration = Duration::from_secs(30);

/// A line's row.
#[derive(Deserialize, Serialize)]
pub(super) struct Row {
    pub(super) told: Told,
    /// Of the call: here, far.
    pub(super) ends: [End; 2],
}

fn lines() -> Vec<(&'static str, Impairment)> {
    let clean = delayed(15);
    let loss = |loss| Impairment { loss, ..clean };
    let rate = |rate, queue| Impairment { rate: Some((rate, queue)), ..clean };
    let jitter = |overtaking| Impairment { jitter: MS * 40, overtaking, ..clean };
    vec![
        ("nothing", clean),
        ("jitter 40 ms in order", jitter(false)),
        ("jitter 40 ms overtaking", jitter(true)),
        ("loss 1 %", loss(Loss::Random(0.01))),
        ("loss 3 %", loss(Loss::Random(0.03))),
        ("loss 8 %", loss(Loss::Random(0.08))),
        ("loss 5 % in runs of 6", loss(Loss::Bursts(0.05, 6.0))),
        ("2 Mbit/s", rate(2e6, MS * 200)),
        ("1 Mbit/s", rate(1e6, MS * 200)),
        ("6 Mbit/s, queue of 1 s", rate(6e6, MS * 1000)),
        ("delay 150 ms each way", delayed(150)),
        ("delay 400 ms each way", delayed(400)),
    ]
}

/// What became of a row in a process of its own.
pub(super) fn run<T: DeserializeOwned>(test: &str, which: usize) -> Result<T, String> {
    let row = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--include-ignored", "--nocapture"]);
    let output = command.env(WHICH, which.to_string()).env(ROW, row.path()).output().unwrap();
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    serde_json::from_slice(&fs::read(row.path()).unwrap()).map_err(|_| told)
}

/// The inner process's side of it: which row, if any.
pub(super) fn which() -> Option<usize> {
    std::env::var(WHICH).ok().map(|which| which.parse().unwrap())
}

/// Hands a row out.
pub(super) fn hand_out(row: &impl Serialize) {
    fs::write(PathBuf::from(std::env::var(ROW).unwrap()), serde_json::to_vec(row).unwrap()).unwrap();
}

#[test]
#[ignore = "make calls"]
fn a_dozen_lines() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    fs::create_dir_all(&folder).unwrap();
    let (mut rows, mut failed) = (Vec::new(), String::new());
    for (number, (name, _)) in lines().into_iter().enumerate() {
        match run::<Row>("call::comparison::one_line", number) {
            Ok(row) => rows.push((name, row)),
            Err(told) => _ = writeln!(failed, "\n{name}: failed.\n\n```text\n{told}\n```"),
        }
    }
    let text = format!("{}{failed}\n{}", table::of_lines(&rows), beside::pairs());
    let file = folder.join("calls.md");
    fs::write(&file, text).unwrap();
    assert!(failed.is_empty(), "see {}:\n{failed}", file.display());
}

/// One of them; without being told which, none.
#[test]
#[ignore = "a part of make calls"]
fn one_line() {
    let Some(number) = which() else { return };
    if !namespace::inside("call::comparison::one_line") {
        return;
    }
    let (_, bad) = lines().swap_remove(number);
    let _line = Line::lay(bad, bad, 3);
    let room = Room::open_with_bandwidth(None);
    let told = room.told();
    // Its test is over, and what it does to a call is the pairs' to show.
    drop(room);
    let mut call = Call::begin(PICTURE);
    call.watch(WARM);
    let ends = call.watch(WATCHED);
    hand_out(&Row { told, ends });
}
