//! What befalls the daemon itself, and the machine beneath it, while the room has a fault.

use rand::Rng as _;
use rand::rngs::StdRng;

use super::super::stage::Stage;

/// A control group of its own for the daemon, so that it alone can be short of memory; and a disk of its own, which can be filled.
const PREPARE: &str = "mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
    echo '+memory' > /sys/fs/cgroup/cgroup.subtree_control
    mkdir /sys/fs/cgroup/squeezed
    mount -t tmpfs -o size=24m state /run/siaga";

/// In its control group from its first page on: what it already had would stay another's.
const START: &str = "sh -c 'echo $$ > /sys/fs/cgroup/squeezed/cgroup.procs; \
    exec /built/siaga run --config /share/siaga.toml --state-dir /run/siaga'";

/// So much of what it has the daemon may keep while it is short of memory, per cent. There is nowhere to swap to: its program's pages
/// go, and are read again at each step, and each new page makes it wait.
const KEPT: u64 = 60;

/// By how much the clock is set, s: a leap, an hour, a time zone taken for UTC, a day that was missed, years.
const STEPS: [i64; 4] = [1, 3600, 25_200, 94_608_000];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hardship {
    /// SIGSTOP, and SIGCONT some seconds later.
    Stopped,
    /// The machine's wall clock, forwards or backwards; the next one sets it the other way, so that years do not add up.
    ClockSet,
    /// Less memory than it has, for some seconds.
    Squeezed,
    /// Not a byte more on the disk of its database, until the row is over.
    DiskFull,
    /// SIGKILL, and a start.
    Killed,
}

impl Hardship {
    pub(super) const ALL: [Self; 5] = [Self::Stopped, Self::ClockSet, Self::Squeezed, Self::DiskFull, Self::Killed];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped and continued",
            Self::ClockSet => "clock set",
            Self::Squeezed => "short of memory",
            Self::DiskFull => "disk of its database full",
            Self::Killed => "killed",
        }
    }
}

/// The daemon as what befalls it needs it.
pub(super) struct Watched {
    process: u32,
    /// By how much the clock was set, s.
    set: i64,
    full: bool,
}

impl Watched {
    /// Ends the stage's daemon and starts another, where it can be squeezed.
    pub(super) fn begin(stage: &Stage<'_>) -> Self {
        stage.end();
        stage.sh(PREPARE);
        let watched = Self { process: start(stage), set: 0, full: false };
        stage.daemon.ready();
        watched
    }

    pub(super) const fn process(&self) -> u32 {
        self.process
    }

    pub(super) fn befall(&mut self, stage: &Stage<'_>, hardship: Hardship, chance: &mut StdRng) {
        let (process, seconds) = (self.process, chance.random_range(1..6));
        match hardship {
            Hardship::Stopped => stage.sh(&format!("kill -STOP {process}; sleep {seconds}; kill -CONT {process}")),
            Hardship::ClockSet => {
                let step = STEPS[chance.random_range(0..STEPS.len())] * if chance.random_bool(0.5) { 1 } else { -1 };
                let step = if self.set == 0 { step } else { -self.set };
                // As a second begins: what is cut off of it would add up.
                stage.sh(&format!(
                    "s=$(date +%s); while [ $(date +%s) = $s ]; do :; done; date -s @$((s + 1 + ({step}))) >/dev/null"
                ));
                self.set += step;
            }
            Hardship::Squeezed => {
                let before = held_up(stage);
                stage.sh(&format!(
                    "cd /sys/fs/cgroup/squeezed
                     echo $(($(cat memory.current) * {KEPT} / 100)) > memory.high
                     sleep {seconds}
                     echo max > memory.high"
                ));
                assert!(held_up(stage) > before, "the kernel took no memory away");
            }
            Hardship::DiskFull => {
                stage.sh("head -c 40000000 /dev/zero > /run/siaga/full 2>/dev/null; df /run/siaga | grep -q 100%");
                self.full = true;
            }
            Hardship::Killed => {
                stage.sh(&format!("kill -9 {process}"));
                stage.lab.wait_for(&format!("! [ -d /proc/{process} ] || grep -q '^State:.Z' /proc/{process}/status"));
                self.process = start(stage);
            }
        }
    }

    /// Takes back what lasts until the row is over.
    pub(super) fn relieve(&mut self, stage: &Stage<'_>) {
        if std::mem::take(&mut self.full) {
            stage.sh("rm /run/siaga/full");
        }
        stage.daemon.wait_for("/metrics", "its store is well", |_, body| body.contains("\nsiaga_store_healthy 1\n"));
    }

    /// Nothing of it ended it: a daemon ends when one of its tasks does.
    pub(super) fn end(&self, stage: &Stage<'_>) {
        stage.sh(&format!("grep -q siaga /proc/{}/comm", self.process));
        stage.end();
    }
}

fn start(stage: &Stage<'_>) -> u32 {
    let process = stage.lab.spawn("siaga", START);
    stage.daemon.first_round();
    process
}

/// How often the kernel has made it wait for memory.
fn held_up(stage: &Stage<'_>) -> u64 {
    let events = stage.lab.sh("sed -n 's/^high //p' /sys/fs/cgroup/squeezed/memory.events");
    events.parse().unwrap()
}
