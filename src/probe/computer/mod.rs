//! `computer`: can this machine carry a meeting? Processor, pressure, memory, disks, heat, clock.

mod catalogue;
mod mounts;
mod pressure;
#[cfg(test)]
mod tests;
mod timekeeping;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::StatVfs;
use sysinfo::{Components, System};

use super::aside::{Aside, Late};
use super::child::{Program, Slot};
use super::range::{share, within};
use super::{Context, Defaults};
use crate::domain::check::LossRule;
use crate::domain::{
    ErrorKind, Finding, Level, Limit, Mono, Observation, ProbeError, Reading, Rule, Size, Test, Verdict,
};
use catalogue as cat;
pub use catalogue::{ERRORS, QUANTITIES, REASONS};
use timekeeping::Clock;

/// A machine's load is a matter of seconds: looked at every 5 s (a millisecond of work), bad only after 20 s, because every
/// program that starts fills a processor for some, and good again after a minute.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(5),
    fresh_for: Duration::from_secs(30),
    bad_for: Duration::from_secs(20),
    good_for: Duration::from_mins(1),
    active: false,
};

/// A local disk that is alive answers `statfs` from memory; the coldest one spins up in some seconds, but is not asked to.
const DEADLINE: Duration = Duration::from_secs(2);

/// How often timedated is asked. Each time the bus starts it anew, which the journal tells; a clock that has lost its server is right for
/// hours. One that runs free is asked for sooner: somebody mends it, and looks here.
const CLOCK_EVERY: Duration = Duration::from_mins(10);
const FREE_CLOCK_EVERY: Duration = Duration::from_mins(1);

/// The share of a file system's inodes under which it is degraded, and the one that is none: the smallest part of a file system has more.
const FEW_INODES: f64 = 0.01;
const NO_INODES: f64 = 1e-10;

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Processor time in use (0 to 1) above which it is degraded. A video call leaves a healthy machine half idle.
    #[serde(deserialize_with = "share")]
    pub cpu_degraded: f64,
    /// Share of time (0 to 1) in which work waited for a processor, above which it is degraded: sound stutters before a
    /// processor looks full.
    #[serde(deserialize_with = "share")]
    pub cpu_pressure_degraded: f64,
    /// Share of time (0 to 1) in which work waited for memory, above which it is degraded: the machine swaps.
    #[serde(deserialize_with = "share")]
    pub memory_pressure_degraded: f64,
    /// Memory still available, under which it is degraded. A browser in a call takes about this much more as it goes on.
    pub memory_degraded: Size,
    /// Memory still available, under which it is not ready: the kernel is about to end programs.
    pub memory_not_ready: Size,
    /// Mount points to watch: that they are mounted, can be written, and have space. Remote ones are not asked for space.
    pub mounts: Vec<PathBuf>,
    /// Free space under which a mount is degraded.
    pub disk_degraded: Size,
    /// Free space under which a mount is not ready: programs fail to save anything.
    pub disk_not_ready: Size,
    /// Temperature of any sensor (°C) above which it is degraded: processors slow themselves down from about 95.
    #[serde(deserialize_with = "celsius")]
    pub temperature_degraded: f64,
    /// Temperature of any sensor (°C) above which it is not ready: machines switch themselves off from about there.
    #[serde(deserialize_with = "celsius")]
    pub temperature_not_ready: f64,
    /// Sensors to leave out, by the names that the measurements have for them (`"nct6779 AUXTIN0"`): an input of the board's to which
    /// nothing is connected reads anything.
    pub sensors_left_out: Vec<String>,
}

/// What a sensor of a working machine can read.
fn celsius<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, 0.0..=150.0)
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cpu_degraded: 0.9,
            cpu_pressure_degraded: 0.4,
            memory_pressure_degraded: 0.1,
            memory_degraded: Size(500_000_000),
            memory_not_ready: Size(100_000_000),
            mounts: vec!["/".into()],
            disk_degraded: Size(1_000_000_000),
            disk_not_ready: Size(100_000_000),
            temperature_degraded: 90.0,
            temperature_not_ready: 110.0,
            sensors_left_out: Vec::new(),
        }
    }
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    pub fn level(&self) -> Level {
        Level::Computer
    }

    /// The limits to which its measurements are held.
    pub fn rules(&self) -> Vec<Rule> {
        let rule = |quantity, test, degraded, not_ready, reason| Rule {
            quantity,
            part: None,
            test,
            degraded: Limit::Fixed(degraded),
            not_ready,
            reason,
        };
        let pressure = |part, limit, reason| Rule {
            part: Some(part),
            ..rule(&cat::PRESSURE, Test::Above, limit, Limit::None, reason)
        };
        let (memory, disk) = ((self.memory_degraded, self.memory_not_ready), (self.disk_degraded, self.disk_not_ready));
        let hottest = Limit::Fixed(self.temperature_not_ready);
        vec![
            rule(&cat::CPU, Test::Above, self.cpu_degraded, Limit::None, &cat::CPU_HIGH),
            pressure("cpu", self.cpu_pressure_degraded, &cat::CPU_PRESSURE_HIGH),
            pressure("memory", self.memory_pressure_degraded, &cat::MEMORY_PRESSURE_HIGH),
            rule(&cat::MEMORY, Test::Below, bytes(memory.0), Limit::Fixed(bytes(memory.1)), &cat::MEMORY_LOW),
            rule(&cat::DISK_FREE, Test::Below, bytes(disk.0), Limit::Fixed(bytes(disk.1)), &cat::DISK_LOW),
            rule(&cat::INODES_FREE, Test::Below, FEW_INODES, Limit::Fixed(NO_INODES), &cat::INODES_LOW),
            rule(&cat::TEMPERATURE, Test::Above, self.temperature_degraded, hottest, &cat::TEMPERATURE_HIGH),
        ]
    }

    /// Pairs of keys whose limits are in the wrong order.
    pub(super) fn crossed(&self) -> Vec<(&'static str, &'static str)> {
        let pairs = [
            ("memory_degraded", "memory_not_ready", self.memory_degraded.0 < self.memory_not_ready.0),
            ("disk_degraded", "disk_not_ready", self.disk_degraded.0 < self.disk_not_ready.0),
            ("temperature_degraded", "temperature_not_ready", self.temperature_degraded > self.temperature_not_ready),
        ];
        pairs.into_iter().filter(|(.., crossed)| *crossed).map(|(milder, worse, _)| (milder, worse)).collect()
    }

    /// The loss decision.
    pub fn loss(&self) -> Option<LossRule> {
        None
    }
}

#[allow(clippy::cast_precision_loss, reason = "nobody counts single bytes of a petabyte")]
const fn bytes(size: Size) -> f64 {
    size.0 as f64
}

/// A probe of this kind.
pub struct Probe {
    config: Config,
    context: Context,
    /// `/run`
    run: PathBuf,
    system: Option<System>,
    /// When processor times were read last: usage is a difference.
    cpu_read: Option<Mono>,
    disks: BTreeMap<PathBuf, Aside<rustix::io::Result<StatVfs>>>,
    sensors: fn() -> Vec<(String, f32)>,
    temperatures: Aside<BTreeMap<String, f32>>,
    /// Whether a sensor that answered last was above a limit.
    is_hot: bool,
    timedatectl: Program,
    timedated: Slot,
    clock: Option<(Mono, Clock)>,
    ticker: Option<tokio::time::Interval>,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        Self {
            config,
            context,
            run: "/run".into(),
            system: None,
            cpu_read: None,
            disks: BTreeMap::new(),
            sensors,
            temperatures: Aside::default(),
            is_hot: false,
            timedatectl: Program::other("timedatectl", &[]),
            timedated: Slot::default(),
            clock: None,
            ticker: None,
        }
    }

    /// Waits until the next observation is due and makes it.
    pub async fn next(&mut self) -> Observation {
        self.ticker.get_or_insert_with(|| self.context.ticker()).tick().await;
        let began = self.context.clock.mono();
        match self.look().await {
            Ok(reading) => self.context.read(began, reading),
            Err(error) => self.context.failed(began, error, &ERRORS),
        }
    }

    async fn look(&mut self) -> Result<Reading, ProbeError> {
        let mut reading = Reading::default();
        self.load(&mut reading)?;
        for resource in pressure::RESOURCES {
            if let Some(some) = pressure::some(&self.context.roots.proc, resource) {
                reading.measure_part(&cat::PRESSURE, resource, some);
            }
        }
        self.mounts(&mut reading).await?;
        self.heat(&mut reading).await;
        self.clock(&mut reading).await;
        let restart = self.run.join("reboot-required").exists();
        reading.measure(&cat::RESTART_PENDING, f64::from(u8::from(restart)));
        if restart {
            // It takes nothing from the meeting that comes: shown, and no more.
            reading.find(Finding::new(&cat::RESTART, Verdict::Ready));
        }
        Ok(reading)
    }

    /// No sensor, no measurement: many machines have none. A sensor behind a stuck disk or bus hangs as the disk does, and says nothing of a
    /// machine that was cool; one that was too hot is not well for that.
    async fn heat(&mut self, reading: &mut Reading) {
        let sensors = self.sensors;
        match self.temperatures.run(DEADLINE, move || hottest(sensors())).await {
            Ok(mut read) => {
                read.retain(|label, _| !self.config.sensors_left_out.contains(label));
                let limit = self.config.temperature_degraded;
                self.is_hot = read.values().any(|celsius| f64::from(*celsius) > limit);
                for (label, celsius) in read {
                    reading.measure_part(&cat::TEMPERATURE, &label, f64::from(celsius));
                }
            }
            Err(Late) if self.is_hot => {
                let detail = "a sensor was too hot, and does not answer now";
                reading.find(Finding::new(&cat::UNREADABLE, Verdict::Unknown).with("detail", detail));
            }
            Err(Late) => {}
        }
    }

    fn load(&mut self, reading: &mut Reading) -> Result<(), ProbeError> {
        let system = match &mut self.system {
            Some(system) => system,
            none => none.insert(System::new().map_err(|error| internal(format!("cannot read the system: {error}")))?),
        };
        system.refresh_memory();
        let now = self.context.clock.mono();
        let apart = self.cpu_read.map(|before| now.since(before));
        // Below its own minimum sysinfo would tell the figure of before.
        if apart.is_none_or(|apart| apart >= sysinfo::MINIMUM_CPU_UPDATE_INTERVAL) {
            system.refresh_cpu_usage();
            self.cpu_read = Some(now);
            if apart.is_some() {
                reading.measure(&cat::CPU, f64::from(system.global_cpu_usage()) / 100.0);
            }
        }
        if system.total_memory() > 0 {
            reading.measure(&cat::MEMORY, bytes(Size(system.available_memory())));
        }
        Ok(())
    }

    async fn mounts(&mut self, reading: &mut Reading) -> Result<(), ProbeError> {
        if self.config.mounts.is_empty() {
            return Ok(());
        }
        // The machine's own mounts, by its first process: those of a service are read-only where its sandbox makes them so
        // (`ProtectSystem=`). Where other people's processes are hidden (`hidepid=`), our own must do.
        let proc = &self.context.roots.proc;
        let text = std::fs::read(proc.join("1/mountinfo"))
            .or_else(|_| std::fs::read(proc.join("self/mountinfo")))
            .map_err(|error| internal(format!("self/mountinfo: {error}")))?;
        let mounts = mounts::parse(&text);
        for point in &self.config.mounts {
            let name = point.to_string_lossy();
            let told = |reason, verdict| Finding::new(reason, verdict).with("mount", &*name);
            let Some(mount) = mounts::at(&mounts, point) else {
                reading.find(told(&cat::MOUNT_MISSING, Verdict::Degraded));
                continue;
            };
            reading.measure_part(&cat::DISK_READ_ONLY, &name, f64::from(u8::from(mount.read_only)));
            if mount.read_only {
                reading.find(told(&cat::READ_ONLY, Verdict::NotReady));
            }
            if mounts::is_remote(&mounts, point) {
                reading.find(told(&cat::MOUNT_REMOTE, Verdict::Ready));
                continue;
            }
            let asked = point.clone();
            let disk = self.disks.entry(point.clone()).or_default();
            match disk.run(DEADLINE, move || rustix::fs::statvfs(&asked)).await {
                Ok(Ok(space)) => {
                    reading.measure_part(&cat::DISK_FREE, &name, free(&space));
                    if let Some(share) = inodes(&space) {
                        reading.measure_part(&cat::INODES_FREE, &name, share);
                    }
                }
                Ok(Err(error)) => {
                    let detail = format!("{name}: {error}");
                    reading.find(Finding::new(&cat::UNREADABLE, Verdict::Unknown).with("detail", detail));
                }
                Err(Late) => reading.find(told(&cat::DISK_UNANSWERING, Verdict::Degraded)),
            }
        }
        Ok(())
    }

    async fn clock(&mut self, reading: &mut Reading) {
        let now = self.context.clock.now();
        if timekeeping::timesyncd(&self.run, now.wall) {
            self.clock = Some((now.mono, Clock::Synchronised));
        } else if self.clock.as_ref().is_none_or(|(asked, said)| now.mono >= asked.after(again(said))) {
            let clock = timekeeping::timedated(&mut self.timedated, &self.timedatectl, &self.run).await;
            self.clock = Some((now.mono, clock));
        }
        match &self.clock {
            Some((_, Clock::Synchronised)) => reading.measure(&cat::CLOCK_SYNCHRONISED, 1.0),
            Some((_, Clock::Free)) => {
                reading.measure(&cat::CLOCK_SYNCHRONISED, 0.0);
                reading.find(Finding::new(&cat::CLOCK_FREE, Verdict::Degraded));
            }
            Some((_, Clock::Unseen(detail))) => {
                reading.find(Finding::new(&cat::CLOCK_UNSEEN, Verdict::Ready).with("detail", detail.as_str()));
            }
            None => {}
        }
    }
}

fn internal(detail: String) -> ProbeError {
    ProbeError::new(ErrorKind::Internal, detail)
}

/// What a program without special rights may still write, B.
#[allow(clippy::cast_precision_loss, reason = "nobody counts single bytes of a petabyte")]
fn free(space: &StatVfs) -> f64 {
    space.f_bavail as f64 * space.f_frsize as f64
}

/// The share of its inodes that a program without special rights may still use; nothing of a file system that makes them as it needs them
/// (btrfs).
#[allow(clippy::cast_precision_loss, reason = "a share needs no more digits")]
fn inodes(space: &StatVfs) -> Option<f64> {
    (space.f_files > 0).then(|| space.f_favail as f64 / space.f_files as f64)
}

/// How soon timedated is asked after it has said this.
const fn again(said: &Clock) -> Duration {
    match said {
        Clock::Free | Clock::Unseen(_) => FREE_CLOCK_EVERY,
        Clock::Synchronised => CLOCK_EVERY,
    }
}

/// What no part of a computer that runs has, °C. An input to which nothing is connected has it for ever: the end of a chip's range
/// (+127, -128), or whatever a floating pin gives. lm-sensors leaves it to a config's `ignore`, as `sensors_left_out` does for what
/// lies within; netdata, which told millions of degrees, holds readings to a range too. Silicon is made for 125 °C at most.
const IMPOSSIBLE: (f32, f32) = (-40.0, 125.0);

/// Each sensor with what it reads, °C.
fn sensors() -> Vec<(String, f32)> {
    let Ok(components) = Components::new_with_refreshed_list() else { return Vec::new() };
    let read = |component: &sysinfo::Component| Some((component.label().to_owned(), component.temperature()?));
    components.iter().filter_map(read).collect()
}

/// What is a reading at all. Sensors of one label count as one: the hottest.
fn hottest(sensors: Vec<(String, f32)>) -> BTreeMap<String, f32> {
    let mut hottest: BTreeMap<String, f32> = BTreeMap::new();
    for (label, celsius) in sensors {
        if celsius > IMPOSSIBLE.0 && celsius < IMPOSSIBLE.1 {
            let entry = hottest.entry(label).or_insert(celsius);
            *entry = entry.max(celsius);
        }
    }
    hottest
}
