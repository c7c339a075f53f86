//! A page as PDF, by a program of its own.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::clock::Clock;

/// What makes PDF of a page (Debian package `weasyprint`).
const MAKER: &str = "weasyprint";
/// It needs a second or two; a machine that is busy needs longer.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(50);
/// So much of what it says is told, characters.
const SAID: usize = 300;

/// The page as PDF. The page names nothing that would have to be fetched, and there is nowhere that a relative name could lead to.
pub(super) fn pdf(page: &str) -> Result<Vec<u8>, String> {
    let said = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("there is no {MAKER}: sudo apt install weasyprint; or --format html, and print that")
        }
        _ => format!("{MAKER}: {error}"),
    };
    // In memory: nothing with people's names is left behind on a disk.
    let memory = || memfd_create("siaga-report", MemfdFlags::CLOEXEC).map(File::from);
    let files = memory().and_then(|input| Ok((input, memory()?, memory()?)));
    let (mut input, mut output, mut complaints) = files.map_err(|error| format!("memory for {MAKER}: {error}"))?;
    let filled = input.write_all(page.as_bytes()).and_then(|()| input.rewind());
    filled.map_err(|error| format!("a file for {MAKER}: {error}"))?;
    let copies = output.try_clone().and_then(|sink| Ok((sink, complaints.try_clone()?)));
    let (sink, errors) = copies.map_err(|error| error.to_string())?;
    let mut command = Command::new(MAKER);
    command.args(["--quiet", "--encoding", "utf-8", "--base-url", "about:blank", "-", "-"]);
    command.stdin(Stdio::from(input)).stdout(Stdio::from(sink)).stderr(Stdio::from(errors));
    let mut child = command.spawn().map_err(said)?;
    let clock = Clock::start();
    let until = clock.mono().after(PATIENCE);
    let ended = loop {
        match child.try_wait().map_err(said)? {
            Some(status) => break status,
            None if clock.mono() > until => {
                _ = child.kill();
                _ = child.wait();
                return Err(format!("{MAKER} did not end within {} s", PATIENCE.as_secs()));
            }
            None => std::thread::sleep(LOOK),
        }
    };
    if !ended.success() {
        let mut words = String::new();
        _ = complaints.rewind().and_then(|()| complaints.read_to_string(&mut words));
        // A Python program says last what went wrong.
        let last = words.trim().lines().last().unwrap_or_default();
        let last: String = last.chars().filter(|c| !c.is_control()).take(SAID).collect();
        return Err(format!("{MAKER} failed: {ended}: {last}"));
    }
    let mut content = Vec::new();
    let read = output.rewind().and_then(|()| output.read_to_end(&mut content));
    read.map_err(|error| format!("what {MAKER} wrote: {error}"))?;
    if content.starts_with(b"%PDF-") { Ok(content) } else { Err(format!("{MAKER} wrote no PDF")) }
}
