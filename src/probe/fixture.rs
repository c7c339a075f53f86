//! A machine that a test writes itself: folders that stand for `/proc`, `/sys` and `/dev`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;

use super::{Context, Requests, Roots};
use crate::clock::Clock;
use crate::domain::{Mono, Observation, Reading, Verdict};

/// Such a machine; gone when dropped.
pub(super) struct Machine {
    dir: tempfile::TempDir,
    /// Whether the room is in use.
    pub(super) in_use: watch::Sender<bool>,
}

impl Machine {
    /// One without any device.
    pub(super) fn bare() -> Self {
        let machine = Self { dir: tempfile::tempdir().unwrap(), in_use: watch::Sender::new(false) };
        for folder in ["proc", "sys/class", "dev"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        machine
    }

    /// A path on it: `sys/class/drm`.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Writes a file, with the folders it needs.
    pub(super) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Makes a symbolic link, with the folders it needs.
    pub(super) fn link(&self, path: &str, target: impl AsRef<std::path::Path>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// Removes a file or a folder with all that is in it.
    pub(super) fn remove(&self, path: &str) {
        let path = self.path(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    /// Where its files are.
    pub(super) fn roots(&self) -> Roots {
        Roots { proc: self.path("proc"), sys: self.path("sys"), dev: self.path("dev") }
    }

    /// A context for a probe that looks at it every few milliseconds.
    pub(super) fn context(&self) -> Context {
        Context {
            check: "device".into(),
            clock: Clock::start(),
            interval: Duration::from_millis(5),
            bad_for: Duration::from_secs(3),
            roots: self.roots(),
            in_use: self.in_use.subscribe(),
            requests: Requests::default(),
            not_before: Mono::ZERO,
            stands_until: Mono::ZERO,
            own_far_end: None,
            enrolled: Some(self.path("enrolled.toml")),
            egress: crate::probe::egress::Egress::default(),
            budget: super::budget::Budget::default(),
            desktop: super::seat::desktop::Desktop::default(),
            on_air: super::on_air::OnAir::default(),
            buses: super::usb::carried::Carried::default(),
            cards: super::audio::Seen::default(),
            board: super::board::Board::default(),
        }
    }
}

/// The codes found, with their verdicts, in the order found.
pub(super) fn found(observation: &Observation) -> Vec<(&'static str, Verdict)> {
    observation.reading.findings.iter().map(|finding| (finding.reason.code, finding.verdict)).collect()
}

/// The value of a quantity, and of a part of it where it has parts.
pub(super) fn value(reading: &Reading, quantity: &str, part: Option<&str>) -> Option<f64> {
    reading
        .measurements
        .iter()
        .find(|measurement| measurement.quantity.name == quantity && measurement.part.as_deref() == part)
        .map(|measurement| measurement.value)
}
