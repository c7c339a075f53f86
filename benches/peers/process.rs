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

    /// CPU time of it, its children and theirs since it began, s, to 10 ms: user and system, ended children included.
    pub(crate) fn cpu(&self) -> Result<f64, String> {
        let mut ticks = 0_u64;
        for pid in self.family() {
            // One that ended meanwhile is in its parent's account of ended children.
            let Some(stat) = Stat::read(pid) else { continue };
            ticks += stat.ticks;
        }
        #[allow(clippy::cast_precision_loss, reason = "exact below 2^53 ticks")]
        let seconds = ticks as f64 / TICKS_PER_SECOND;
        if ticks == 0 && Stat::read(self.child.id()).is_none() {
            return Err(format!("{} is gone: {}", self.name, self.last_words()));
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
        if kilobytes > 0.0 {
            Ok(kilobytes * 1024.0)
        } else {
            Err(format!("{} is gone: {}", self.name, self.last_words()))
        }
    }

    /// Its pid and those of all that it started.
    fn family(&self) -> BTreeSet<u32> {
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

/// What is wanted of `/proc/PID/stat`.
struct Stat {
    parent: u32,
    ticks: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is a name in parentheses that may hold anything, parentheses too; from the third on proc(5)
        // counts plainly: the parent is the fourth, utime, stime, cutime and cstime are the 14th to 17th.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |place: usize| fields.get(place - 3).and_then(|field| field.parse::<u64>().ok());
        let ticks = (14..=17).map(number).sum::<Option<u64>>()?;
        Some(Self { parent: u32::try_from(number(4)?).ok()?, ticks })
    }
}
