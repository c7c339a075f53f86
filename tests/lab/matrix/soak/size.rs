//! What is looked at after each row: how large the daemon is, and whether its answers are as old as they say.

use std::fmt;

use serde_json::Value;

use super::super::stage::Stage;

/// So much more of its own memory may be resident in the last third of a process's life than in the first, kB: caches of `SQLite`,
/// arenas of the allocator that a thread first uses late; or a tenth, if that is more. Pages of its program are not counted: they go when
/// memory is short, and come again.
const ALLOWED_KB: u64 = 3 * 1024;
/// So many descriptors and threads more may be open at the moment at which they are counted.
const ALLOWED: u64 = 3;
/// A moment is told to the second, and so is the guest's clock; and where that was set by the second alone, which is less than what one that
/// is steered may move, the moment keeps its name.
const TO_THE_SECOND: f64 = 3.1;

#[derive(Clone, Copy, Debug)]
struct Look {
    process: u32,
    anonymous_kb: u64,
    resident_kb: u64,
    descriptors: u64,
    threads: u64,
}

#[derive(Debug, Default)]
pub(super) struct Sizes {
    looks: Vec<Look>,
    /// How many evidences of checks were held against the clock.
    held: usize,
}

impl Sizes {
    pub(super) fn look(&mut self, stage: &Stage<'_>, process: u32) {
        let told = stage.lab.sh(&format!(
            "cd /proc/{process} && sed -n 's/^\\(RssAnon\\|VmRSS\\|Threads\\):[^0-9]*\\([0-9]*\\).*/\\1 \\2/p' status && ls fd | wc -l"
        ));
        let of = |name: &str| {
            let line = told.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name}: {told}")).trim().parse().unwrap()
        };
        let descriptors = told.lines().last().unwrap().trim().parse().unwrap();
        let (anonymous_kb, resident_kb, threads) = (of("RssAnon"), of("VmRSS"), of("Threads"));
        self.looks.push(Look { process, anonymous_kb, resident_kb, descriptors, threads });
        self.ages(stage);
    }

    /// Holds what is said against the clock: each evidence within its age or unknown, and its age true.
    fn ages(&mut self, stage: &Stage<'_>) {
        let wall = || stage.lab.sh("date +%s").parse::<f64>().unwrap();
        let before = wall();
        let answer: Value = serde_json::from_str(&stage.daemon.get("/api/v1/readiness").1).unwrap();
        let after = wall();
        let checks = answer["components"].as_array().unwrap().iter();
        for check in checks.flat_map(|component| component["checks"].as_array().unwrap()) {
            let (name, evidence) = (&check["name"], &check["evidence"]);
            let (Some(age), Some(allowed)) =
                (evidence["age_seconds"].as_f64(), evidence["allowed_age_seconds"].as_f64())
            else {
                continue;
            };
            assert!(age <= allowed || check["verdict"] == "unknown", "{name} is older than it may be: {check}");
            let at: jiff::Timestamp = evidence["at"].as_str().unwrap().parse().unwrap();
            let at = at.as_duration().as_secs_f64();
            let true_ages = before - at - TO_THE_SECOND..=after - at + TO_THE_SECOND;
            assert!(true_ages.contains(&age), "{name} says that it is {age} s old, and is {true_ages:?}");
            self.held += 1;
        }
    }

    /// Medians of the thirds of the last process's life: its own memory and all that is resident, kB, descriptors, threads.
    fn thirds(&self) -> [[u64; 4]; 3] {
        let last = self.looks.last().expect("it was looked at").process;
        let life: Vec<Look> = self.looks.iter().filter(|look| look.process == last).copied().collect();
        let third = (life.len() / 3).max(1);
        [0, 1, 2].map(|number| {
            let part = &life[(number * third).min(life.len() - 1)..((number + 1) * third).min(life.len()).max(1)];
            let median = |of: fn(&Look) -> u64| {
                let mut all: Vec<u64> = part.iter().map(of).collect();
                all.sort_unstable();
                all.get(all.len() / 2).copied().unwrap_or_default()
            };
            [
                median(|look| look.anonymous_kb),
                median(|look| look.resident_kb),
                median(|look| look.descriptors),
                median(|look| look.threads),
            ]
        })
    }

    /// Panics if it grew, or if little was looked at.
    pub(super) fn hold(&self) {
        let last = self.looks.last().expect("it was looked at").process;
        let looks = self.looks.iter().filter(|look| look.process == last).count();
        assert!(looks >= 9, "too short a life to say anything: {looks} looks");
        assert!(self.held >= self.looks.len(), "{} evidences in {} looks", self.held, self.looks.len());
        let [first, _, last] = self.thirds();
        assert!(
            last[0] <= first[0] + ALLOWED_KB.max(first[0] / 10),
            "its own memory, kB: {}, then {}",
            first[0],
            last[0]
        );
        assert!(last[2] <= first[2] + ALLOWED, "descriptors: {}, then {}", first[2], last[2]);
        assert!(last[3] <= first[3] + ALLOWED, "threads: {}, then {}", first[3], last[3]);
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} looks, {} evidences held against the clock; the last process, medians of its thirds:",
            self.looks.len(),
            self.held
        )?;
        for [anonymous, resident, descriptors, threads] in self.thirds() {
            writeln!(
                f,
                "  {anonymous} kB of its own, {resident} kB resident, {descriptors} descriptors, {threads} threads"
            )?;
        }
        Ok(())
    }
}
