//! What is looked at each second: how large the daemon is, and whether its answers are as old as they say.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use siaga::clock::Clock;

use crate::support::daemon::send;

/// How much more may be resident in the last third of a process's life than in the first, kB: caches of `SQLite` (2 MiB), arenas of
/// the allocator that a thread first uses late, and pages of code that a fault first needs; or a tenth, if that is more. A
/// leak of 3 kB/s shows in half an hour.
const ALLOWED_KB: u64 = 3 * 1024;
/// So many descriptors and threads more may be open: a connection, a reader of the database, a thread of the blocking pool, at the
/// moment at which it is counted.
const ALLOWED: u64 = 3;

/// One look.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: f64,
    pid: u32,
    resident_kb: u64,
    descriptors: u64,
    threads: u64,
}

/// All looks.
#[derive(Debug, Default)]
pub(super) struct Seen {
    looks: Vec<Look>,
    answers: usize,
    /// How many evidences of checks were held against the clock.
    held: usize,
    pub(super) wrong: Vec<String>,
}

/// Who looks.
pub(super) struct Watch<'a> {
    pub(super) clock: Clock,
    pub(super) pid: &'a AtomicU32,
    pub(super) address: &'a Mutex<SocketAddr>,
    /// Whether it is stopped or dead now, so that no answer can be had.
    pub(super) stopped: &'a AtomicBool,
    pub(super) over: &'a AtomicBool,
}

impl Watch<'_> {
    pub(super) fn watch(&self) -> Seen {
        let mut seen = Seen::default();
        while !self.over.load(Ordering::Acquire) {
            let pid = self.pid.load(Ordering::Acquire);
            seen.looks.extend(self.size(pid));
            if !self.stopped.load(Ordering::Acquire) {
                self.ask(&mut seen);
            }
            std::thread::park_timeout(Duration::from_secs(1));
        }
        seen
    }

    fn size(&self, pid: u32) -> Option<Look> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
        Some(Look {
            at: self.clock.elapsed().as_secs_f64(),
            pid,
            resident_kb: field("VmRSS:")?,
            descriptors: u64::try_from(descriptors).ok()?,
            threads: field("Threads:")?,
        })
    }

    /// Asks once, and holds what is said against the clocks: each evidence within its age or unknown, its age true, and the answer
    /// of now.
    fn ask(&self, seen: &mut Seen) {
        let before = self.clock.now().wall;
        let address = *self.address.lock().unwrap();
        let Ok(answer) = send(address, "GET", "/api/v1/readiness", "", "") else { return };
        let after = self.clock.now().wall;
        // Stopped in its middle, it may take as long as it is.
        let stopped = self.stopped.load(Ordering::Acquire);
        let Ok(answer) = serde_json::from_str::<serde_json::Value>(&answer.body) else { return };
        seen.answers += 1;
        let checks = answer["components"].as_array().into_iter().flatten();
        for check in checks.flat_map(|component| component["checks"].as_array().into_iter().flatten()) {
            let (name, evidence) = (&check["name"], &check["evidence"]);
            let (age, allowed) = (evidence["age_seconds"].as_f64(), evidence["allowed_age_seconds"].as_f64());
            let (Some(age), Some(allowed)) = (age, allowed) else { continue };
            if age > allowed && check["verdict"] != "unknown" {
                seen.wrong
                    .push(format!("{name} is {} by evidence of {age} s, allowed are {allowed} s", check["verdict"]));
            }
            let Some(at) = evidence["at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok()) else { continue };
            // The moment is told to the second.
            seen.held += 1;
            let least = before.duration_since(at).as_secs_f64() - 1.1;
            let most = after.duration_since(at).as_secs_f64() + 1.1;
            if !stopped && !(least..=most).contains(&age) {
                seen.wrong.push(format!("{name} says that it is {age} s old, and is {least} to {most} s"));
            }
        }
    }
}

/// Of the last process that lived: medians of its thirds, without its first minute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    seconds: f64,
    thirds: [(u64, u64, u64); 3],
}

impl Seen {
    pub(super) fn growth(&self) -> Growth {
        let last = self.looks.last().expect("it was looked at").pid;
        let began = self.looks.iter().find(|look| look.pid == last).map_or(0.0, |look| look.at);
        let life: Vec<Look> =
            self.looks.iter().filter(|look| look.pid == last && look.at > began + 60.0).copied().collect();
        assert!(life.len() >= 30, "too short a life to say anything: {} looks after its first minute", life.len());
        let third = life.len() / 3;
        let thirds = [0, 1, 2].map(|number| {
            let part = &life[number * third..(number + 1) * third];
            let median = |of: fn(&Look) -> u64| {
                let mut all: Vec<u64> = part.iter().map(of).collect();
                all.sort_unstable();
                all[all.len() / 2]
            };
            (median(|look| look.resident_kb), median(|look| look.descriptors), median(|look| look.threads))
        });
        Growth { seconds: life[life.len() - 1].at - life[0].at, thirds }
    }
}

impl Seen {
    /// Panics where little was looked at: then nothing wrong was found in nothing.
    pub(super) fn is_enough(&self) {
        let (looks, answers, held) = (self.looks.len(), self.answers, self.held);
        assert!(2 * answers >= looks, "{answers} answers in {looks} looks");
        assert!(held >= answers, "{held} evidences held against the clock in {answers} answers");
    }
}

impl Growth {
    /// Panics if it grew.
    pub(super) fn is_flat(&self) {
        let [first, _, last] = self.thirds;
        assert!(last.0 <= first.0 + ALLOWED_KB.max(first.0 / 10), "resident: {} kB, then {} kB", first.0, last.0);
        assert!(last.1 <= first.1 + ALLOWED, "descriptors: {}, then {}", first.1, last.1);
        assert!(last.2 <= first.2 + ALLOWED, "threads: {}, then {}", first.2, last.2);
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the last process, {:.0} s after its first minute; medians of its thirds:", self.seconds)?;
        for (resident, descriptors, threads) in self.thirds {
            writeln!(f, "  {resident} kB resident, {descriptors} descriptors, {threads} threads")?;
        }
        Ok(())
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = |of: fn(&Look) -> u64| self.looks.iter().map(of).max().unwrap_or_default();
        writeln!(
            f,
            "{} looks, {} answers with {} evidences held against the clock, {} wrong; at most {} kB, {} descriptors, {} threads",
            self.looks.len(),
            self.answers,
            self.held,
            self.wrong.len(),
            most(|look| look.resident_kb),
            most(|look| look.descriptors),
            most(|look| look.threads)
        )
    }
}
