//! `siaga report`: what became of a booked meeting, as the procedure wants it afterwards.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::{Args, ValueEnum};
use rustix::fs::{MemfdFlags, memfd_create};

use super::paint::{note, say};
use crate::app::{recorder, service};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::record::Around;
use crate::domain::{Lang, Verdict, in_full};
use crate::report;
use crate::store::{record_from, reports_from};

/// What makes PDF of a page (Debian package `weasyprint`).
const MAKER: &str = "weasyprint";
/// It needs a second or two; a machine that is busy needs longer.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(50);

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A page to print, without scripts.
    Html,
    /// The same as PDF; needs Debian's weasyprint.
    Pdf,
    /// For programs.
    Json,
    /// Comma-separated values (RFC 4180).
    Csv,
}

/// What `siaga report` can be told.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// The session, by the scheduler's own id (GET /api/v1/sessions lists them).
    #[arg(value_name = "SESSION", required_unless_present = "verify")]
    session: Option<String>,
    /// Look whether all reports that were kept are as they were made, and list them; 2 if one is not.
    #[arg(long, conflicts_with_all = ["session", "format", "out"])]
    verify: bool,
    /// In which form.
    #[arg(long, value_name = "FORM", default_value = "html")]
    format: Form,
    /// Where to write it; without it, to standard output. A file that is there is not overwritten.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the daemon keeps its state; without it, as for run.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Reads and writes it.
///
/// # Errors
/// If there is no such session, no database that can be read, nothing that makes PDF, or the file is there already.
pub fn run(config: &Config, args: &ReportArgs, lang: Lang) -> Result<u8, String> {
    let (now, zone) = (Clock::start().now().wall, &config.room.time_zone.0);
    let around = Around { before: config.agenda.preflight.0, after: config.agenda.wrap_up.0 };
    let folder = service::state_dir(args.state_dir.clone())?;
    let Some(session) = &args.session else { return verify(&folder, config, lang) };
    let record = record_from(&folder, session, around, now, &recorder::catalogue())
        .map_err(|error| format!("{}{}", in_full(&error), error.hint()))?
        .ok_or_else(|| format!("there is no session {session:?} in {}", folder.display()))?;
    let absent = &config.plan.absent;
    let house = report::House { room: &config.room.name.0, zone, limit: around.before, absent };
    let made = report::report(&record, house, now);
    let page = || report::page::page(&made, &record, config.room.title(), zone, lang);
    let content = match args.format {
        Form::Html => page()?.into_bytes(),
        Form::Json => (serde_json::to_string_pretty(&made).map_err(|error| error.to_string())? + "\n").into_bytes(),
        Form::Csv => report::csv::csv(&made).into_bytes(),
        Form::Pdf => pdf(&page()?)?,
    };
    match &args.out {
        Some(file) => {
            write(file, &content)?;
            note(&format!("siaga: {}", file.display()));
        }
        None if args.format == Form::Pdf => {
            let mut out = std::io::stdout().lock();
            out.write_all(&content).and_then(|()| out.flush()).map_err(|error| format!("standard output: {error}"))?;
        }
        None => say(String::from_utf8_lossy(&content).trim_end()),
    }
    Ok(0)
}

/// Says which reports are kept, and whether their chain is whole.
fn verify(folder: &Path, config: &Config, lang: Lang) -> Result<u8, String> {
    let chain = reports_from(folder).map_err(|error| format!("{}{}", in_full(&error), error.hint()))?;
    for (number, filed, hash) in &chain.kept {
        let made = filed.made_at.to_zoned_datetime(config.room.time_zone.0.clone());
        say(&format!("{number} {} {} {hash}", made.strftime("%Y-%m-%dT%H:%M:%S%:z"), filed.session));
    }
    let (count, newest) = (chain.kept.len(), chain.kept.last().map_or("–", |(_, _, hash)| hash));
    match (chain.broken, lang) {
        (None, Lang::Id) => note(&format!("siaga: {count} laporan, semua seperti saat dibuat; hash terbaru {newest}")),
        (None, Lang::En) => note(&format!("siaga: {count} reports, all as they were made; newest hash {newest}")),
        (Some(number), Lang::Id) => note(&format!(
            "siaga: laporan nomor {number} tidak seperti saat dibuat, atau ada yang hilang sebelumnya; sesudahnya tidak ada yang terbukti"
        )),
        (Some(number), Lang::En) => note(&format!(
            "siaga: report number {number} is not what it was, or one before it is missing; nothing after it is proven"
        )),
    }
    Ok(if chain.broken.is_some() { Verdict::NotReady.exit_code() } else { 0 })
}

/// For its owner alone: it has people's names in it.
fn write(file: &Path, content: &[u8]) -> Result<(), String> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(file);
    let written = opened.and_then(|mut out| out.write_all(content).and_then(|()| out.sync_all()));
    written.map_err(|error| format!("{} cannot be written: {error}", file.display()))
}

/// The page as PDF, by a program of its own that has a deadline. The page names nothing that would have to be fetched.
fn pdf(page: &str) -> Result<Vec<u8>, String> {
    let said = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("there is no {MAKER}: sudo apt install weasyprint; or --format html, and print that")
        }
        _ => format!("{MAKER}: {error}"),
    };
    // In memory: nothing with people's names is left behind on a disk.
    let memory = || memfd_create("siaga-report", MemfdFlags::CLOEXEC).map(File::from);
    let files = memory().and_then(|output| Ok((output, memory()?)));
    let (mut output, mut input) = files.map_err(|error| format!("memory for {MAKER}: {error}"))?;
    let filled = input.write_all(page.as_bytes()).and_then(|()| std::io::Seek::rewind(&mut input));
    filled.map_err(|error| format!("a file for {MAKER}: {error}"))?;
    let sink = output.try_clone().map_err(|error| error.to_string())?;
    let mut command = Command::new(MAKER);
    command.args(["--quiet", "--encoding", "utf-8", "-", "-"]).stdin(Stdio::from(input)).stdout(Stdio::from(sink));
    let mut child = command.stderr(Stdio::null()).spawn().map_err(said)?;
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
        return Err(format!("{MAKER} failed: {ended}"));
    }
    let mut content = Vec::new();
    let read = std::io::Seek::rewind(&mut output).and_then(|()| std::io::Read::read_to_end(&mut output, &mut content));
    read.map_err(|error| format!("what {MAKER} wrote: {error}"))?;
    if content.starts_with(b"%PDF-") { Ok(content) } else { Err(format!("{MAKER} wrote no PDF")) }
}
