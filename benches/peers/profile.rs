//! Where a process's time and memory go, for what misses its goal.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use siaga::clock::Clock;

use crate::process::Process;

/// How often a second of CPU time is looked at. By the clock of the CPU and not by its counters, which guests often lack.
const LOOKS: &str = "4999";
/// As long as it takes to see something.
pub(crate) const A_WHILE: Duration = Duration::from_mins(1);
/// perf is there by then, or is not coming.
const ATTACHED: Duration = Duration::from_secs(10);
/// So much of the whole is worth a line.
const SHARE: f64 = 0.02;
/// So many lines.
const LINES: usize = 14;

/// The functions that a process spends its CPU time in while `work` is done, its children's with them, by perf(1).
pub(crate) fn cpu(process: u32, folder: &Path, clock: Clock, work: impl FnOnce()) -> Result<Vec<String>, String> {
    let file = folder.join("perf.data");
    let told = |error: std::io::Error| format!("perf: {error}; make bench installs it");
    // Of another figure nothing may be taken for this one's.
    let _ = fs::remove_file(&file);
    let mut perf = Command::new("perf")
        .args([
            "record",
            "--quiet",
            "--event",
            "cpu-clock",
            "--freq",
            LOOKS,
            "--call-graph",
            "fp",
            "--pid",
            &process.to_string(),
            "--output",
        ])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(told)?;
    // It has its file just before it is attached; what it misses of the first milliseconds is no part of a share.
    let began = clock.mono();
    while !file.exists() && clock.mono().since(began) < ATTACHED && matches!(perf.try_wait(), Ok(None)) {
        sleep(Duration::from_millis(5));
    }
    work();
    // At an interrupt it writes down what it has.
    let _ = kill_process(Pid::from_child(&perf), Signal::INT);
    perf.wait().map_err(told)?;
    let mut report = Command::new("perf");
    report.args([
        "report",
        "--stdio",
        "--quiet",
        "--children",
        "--call-graph",
        "none",
        "--sort",
        "dso,symbol",
        "--input",
    ]);
    let out = report.arg(&file).stdin(Stdio::null()).output().map_err(told)?;
    let all: Vec<Spent> = String::from_utf8_lossy(&out.stdout).lines().filter_map(Spent::read).collect();
    if all.is_empty() {
        let why = String::from_utf8_lossy(&out.stderr);
        return Err(format!("perf saw nothing: {}", why.lines().last().unwrap_or("no samples")));
    }
    let kernel: f64 = all.iter().filter(|spent| spent.is_kernels).map(|spent| spent.alone).sum();
    let mut shown: Vec<(f64, String)> = all.iter().filter_map(Spent::shown).collect();
    shown.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let worth = shown.into_iter().filter(|(share, _)| *share >= SHARE).take(LINES);
    let first = (kernel, "in the kernel, all of it".to_owned());
    Ok(std::iter::once(first).chain(worth).map(|(share, what)| format!("{:.0} % {what}", share * 100.0)).collect())
}

/// A line of perf's report.
struct Spent {
    /// With all that it calls, as a share of the whole.
    with_called: f64,
    alone: f64,
    is_kernels: bool,
    file: String,
    function: String,
}

impl Spent {
    /// Two shares, the file, `[.]` or `[k]`, and the function, after which may come columns of what this machine does not count.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let mut share = || Some(words.next()?.strip_suffix('%')?.parse::<f64>().ok()? / 100.0);
        let (with_called, alone) = (share()?, share()?);
        let file = words.next()?.to_owned();
        let is_kernels = words.next()? == "[k]";
        let function: Vec<&str> = words.filter(|word| *word != "-").collect();
        // Backticks are the page's own; a generic function's types are longer than what they tell.
        let function = function.join(" ").replace('`', "'").chars().take(110).collect();
        Some(Self { with_called, alone, is_kernels, file, function })
    }

    /// Of the kernel the calls by what was asked of it, of others each function by itself: a release has no frame pointers by which
    /// more could be told.
    fn shown(&self) -> Option<(f64, String)> {
        if !self.is_kernels {
            return Some((self.alone, format!("{} `{}`", self.file, self.function)));
        }
        let call = self.function.strip_prefix("__x64_sys_").or_else(|| self.function.strip_prefix("__arm64_sys_"))?;
        Some((self.with_called, format!("in the kernel for `{call}`")))
    }
}

/// What is resident of a process and its children, by what it is: `smaps` of proc(5).
pub(crate) fn memory(process: &Process) -> Result<Vec<String>, String> {
    let mut kinds: BTreeMap<&'static str, u64> = BTreeMap::new();
    for pid in process.family() {
        let file = format!("/proc/{pid}/smaps");
        // A child may have ended meanwhile; the first is the process itself.
        let text = match fs::read_to_string(&file) {
            Err(error) if pid == process.id() => return Err(format!("{file}: {error}")),
            read => read.unwrap_or_default(),
        };
        let mut kind = "";
        for line in text.lines() {
            if let Some(kilobytes) = line.strip_prefix("Rss:") {
                let kilobytes = kilobytes.trim().trim_end_matches(" kB").parse().unwrap_or(0);
                *kinds.entry(kind).or_default() += kilobytes;
            } else if line.split_once('-').is_some_and(|(from, _)| u64::from_str_radix(from, 16).is_ok()) {
                kind = kind_of(line);
            }
        }
    }
    let mut all: Vec<(&str, u64)> = kinds.into_iter().filter(|(_, kilobytes)| *kilobytes > 0).collect();
    all.sort_by_key(|(_, kilobytes)| std::cmp::Reverse(*kilobytes));
    let lines = all.into_iter().map(|(kind, kilobytes)| format!("{kilobytes} kB {kind}"));
    Ok(lines.collect())
}

/// What a mapping is, by the line that begins it: its right, and its file.
fn kind_of(line: &str) -> &'static str {
    let words: Vec<&str> = line.split_whitespace().collect();
    let right = words.get(1).copied().unwrap_or_default();
    let name = words.get(5).copied().unwrap_or_default();
    match (name, right) {
        ("[heap]", _) => "heap, by brk",
        ("[stack]", _) => "the first thread's stack",
        ("", _) => "memory without a file: heap by mmap, stacks of threads",
        (name, right) if name.ends_with("/siaga") => match right {
            "r-xp" => "the program's own code",
            "rw-p" => "the program's own data",
            _ => "the program's own constants and relocations",
        },
        (name, _) if name.contains(".so") => "libraries",
        (name, _) if name.contains(".db") => "the database's index in shared memory",
        (name, _) if name.starts_with('/') => "other files",
        _ => "the kernel's own pages",
    }
}
