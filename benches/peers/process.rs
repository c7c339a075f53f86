//! A process of the bench's own: started, watched through `/proc`, ended by its own handle.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use siaga::clock::Clock;

/// The kernel counts CPU time for `/proc/PID/stat` in these (proc(5); `USER_HZ` is 100 on every Linux in use).
const TICKS_PER_SECOND: f64 = 100.0;

/// A running process, ended when dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    clock: Clock,
}

impl Process {
    /// Starts it; what it prints goes to a file under `folder`.
    pub(crate) fn start(name: &str, command: &mut Command, folder: &Path, clock: Clock) -> Result<Self, String> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let both = file.try_clone().map_err(|error| error.to_string())?;
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(both)
            .spawn()
            .map_err(|error| format!("{program} does not start: {error}; make bench installs it"))?;
        Ok(Self { name: name.to_owned(), child, log, clock })
    }

    /// Waits until `condition` holds; an error if the process ends first or `within` passes.
    pub(crate) fn wait_until<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut condition: impl FnMut() -> Option<T>,
    ) -> Result<T, String> {
        let began = self.clock.mono();
        loop {
            if let Some(value) = condition() {
                return Ok(value);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("{} ended with {status} before {what}: {}", self.name, self.last_words()));
            }
            if self.clock.mono().since(began) > within {
                return Err(format!("{}: not {what} within {within:?}: {}", self.name, self.last_words()));
            }
            sleep(Duration::from_millis(1));
        }
    }

    /// CPU time of it, its children and theirs since it began, s: user and system, ended threads included, by the process's
    /// own clock (`clock_getcpuclockid(3)`, to the nanosecond); of ended children as their parent counts them, to 10 ms.
    pub(crate) fn cpu(&self) -> Result<f64, String> {
        let own = self.child.id();
        let mut seconds = cpu_clock(own).ok_or_else(|| self.gone())?;
        for pid in self.family() {
            if pid != own {
                // One that ended meanwhile is in its parent's account of ended children.
                seconds += cpu_clock(pid).unwrap_or(0.0);
            }
            seconds += Stat::read(pid).map_or(0.0, |stat| stat.ended_children);
        }
        Ok(seconds)
    }

    /// Resident memory of it, its children and theirs, bytes: `VmRSS` of proc(5).
    pub(crate) fn memory(&self) -> Result<f64, String> {
        let kilobytes: f64 = self
            .family()
            .into_iter()
            .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok())
            .filter_map(|status| {
                let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
                line.trim().trim_end_matches(" kB").parse::<f64>().ok()
            })
            .sum();
        if kilobytes > 0.0 { Ok(kilobytes * 1024.0) } else { Err(self.gone()) }
    }

    /// Its pid.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How many threads it has, its children not counted: `Threads` of proc(5).
    pub(crate) fn threads(&self) -> Result<f64, String> {
        self.said("status", "Threads:")
    }

    /// What it has had written to disks, bytes, its children not counted: `write_bytes` of proc(5).
    pub(crate) fn written(&self) -> Result<f64, String> {
        self.said("io", "write_bytes:")
    }

    /// A number that `/proc` says of it.
    fn said(&self, file: &str, label: &str) -> Result<f64, String> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).map_err(|_| self.gone())?;
        let value = text.lines().find_map(|line| line.strip_prefix(label)?.trim().parse().ok());
        value.ok_or_else(|| format!("/proc says nothing of {label}"))
    }

    fn gone(&self) -> String {
        format!("{} is gone: {}", self.name, self.last_words())
    }

    /// Its pid and those of all that it started.
    pub(crate) fn family(&self) -> BTreeSet<u32> {
        let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .filter_map(|pid| Some((pid, Stat::read(pid)?.parent)))
            .collect();
        let mut family = BTreeSet::from([self.child.id()]);
        loop {
            let more: Vec<u32> = parents
                .iter()
                .filter(|(pid, parent)| family.contains(parent) && !family.contains(pid))
                .map(|(pid, _)| *pid)
                .collect();
            if more.is_empty() {
                return family;
            }
            family.extend(more);
        }
    }

    /// The end of what it printed.
    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(3).collect();
        if lines.is_empty() {
            "it said nothing".to_owned()
        } else {
            lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
        }
    }
}

impl Drop for Process {
    /// Asks it to end, then makes it.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let began = self.clock.mono();
            while matches!(self.child.try_wait(), Ok(None)) && self.clock.mono().since(began) < Duration::from_secs(5) {
                sleep(Duration::from_millis(5));
            }
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Runs a command to its end; what CPU time it took, s.
pub(crate) fn cpu_of(command: &mut Command) -> Result<f64, String> {
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    // Ended, but not yet taken away: its clock can still be read.
    let ended = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
    let waited = rustix::process::waitid(rustix::process::WaitId::Pid(Pid::from_child(&child)), ended);
    let cpu = cpu_clock(child.id());
    let status = child.wait().map_err(|error| error.to_string())?;
    waited.map_err(|error| error.to_string())?;
    cpu.filter(|_| status.success()).ok_or_else(|| format!("it ended with {status}"))
}

/// What is wanted of `/proc/PID/stat`.
struct Stat {
    parent: u32,
    /// CPU time of its ended and awaited children, s.
    ended_children: f64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is a name in parentheses that may hold anything, parentheses too; from the third on proc(5)
        // counts plainly: the parent is the fourth, cutime and cstime are the 16th and 17th.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |place: usize| fields.get(place - 3).and_then(|field| field.parse::<u64>().ok());
        let ticks = u32::try_from(number(16)? + number(17)?).ok()?;
        Some(Self { parent: u32::try_from(number(4)?).ok()?, ended_children: f64::from(ticks) / TICKS_PER_SECOND })
    }
}

/// CPU time of a process's threads, ended ones included, s; `None` if there is no such process.
pub(crate) fn cpu_clock(pid: u32) -> Option<f64> {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).ok()?);
    let time = nix::time::clock_getcpuclockid(pid).ok()?.now().ok()?;
    Some(Duration::from(time).as_secs_f64())
}
