//! Whether somebody has a camera open, and who, learnt without touching it.
//!
//! `VIDIOC_REQBUFS(0)` would tell (`EBUSY`), but it takes the queue for an instant, and a call that starts in that instant
//! fails. So two things are looked at instead, and neither is the camera:
//! - the USB interface's `power/runtime_status`. uvcvideo wakes the interface for whoever opens the camera (kernels before 6.16)
//!   or streams from it (since then), and lets it sleep at once after; microphone and buttons are other interfaces. Anybody
//!   may read it, but it names nobody.
//! - the links in `/proc/PID/fd` of the processes that this one may look into: all as root, else those of its own user.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::nodes::Node;
use crate::probe::Roots;

/// Who has a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe) enum Holder {
    /// Nobody.
    Nobody,
    /// The process of this name.
    Process(String),
    /// Somebody, who cannot be seen.
    Unseen,
    /// It cannot be seen whether anybody has.
    Unknown,
}

impl Holder {
    /// Whether the camera is in use; `None` where it cannot be seen.
    pub(in crate::probe) const fn in_use(&self) -> Option<bool> {
        match self {
            Self::Nobody => Some(false),
            Self::Process(_) | Self::Unseen => Some(true),
            Self::Unknown => None,
        }
    }
}

/// What a child of this process has a camera open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) enum Purpose {
    /// To ask it what it can.
    Question,
    /// To look at its pictures.
    Look,
}

/// The cameras (their folders in sysfs) that children of this process have open now, each once a child.
static OURS: Mutex<Vec<(PathBuf, Purpose)>> = Mutex::new(Vec::new());

/// A camera that a child of this process has open. While this lives, that it is awake tells of nobody else: the room would seem
/// in use by our own look at it.
pub(in crate::probe) struct Ours(PathBuf, Purpose);

impl Ours {
    /// The camera that has `node`: its other nodes are awake with it.
    pub(in crate::probe) fn claim(node: &Node, purpose: Purpose) -> Self {
        OURS.lock().unwrap_or_else(PoisonError::into_inner).push((node.device.clone(), purpose));
        Self(node.device.clone(), purpose)
    }

    /// Whether a child has it for this purpose.
    pub(in crate::probe) fn has(node: &Node, purpose: Purpose) -> bool {
        let ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
        ours.iter().any(|(device, of)| *device == node.device && *of == purpose)
    }

    fn has_any(node: &Node) -> bool {
        Self::has(node, Purpose::Question) || Self::has(node, Purpose::Look)
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = ours.iter().position(|(device, purpose)| (device, *purpose) == (&self.0, self.1)) {
            ours.swap_remove(place);
        }
    }
}

/// Who has `node`, the daemon's own children aside.
pub(in crate::probe) fn of(node: &Node, roots: &Roots) -> Holder {
    // Before and after: looking into all processes takes a while, in which a child of ours may begin or end.
    let ours = Ours::has_any(node);
    let power = std::fs::read_to_string(node.device.join("power/runtime_status")).unwrap_or_default();
    let awake = match power.trim() {
        // The cheap way out, in a room where nothing happens.
        "suspended" => return Holder::Nobody,
        // Other buses' devices are often awake for good.
        "active" => node.usb.is_some(),
        _ => false,
    };
    match (opener(&node.path, &roots.proc), awake) {
        (Seen::By(name), _) => Holder::Process(name),
        // A second stream is refused while ours runs, so that nobody has one.
        _ if ours || Ours::has_any(node) => Holder::Nobody,
        (_, true) => Holder::Unseen,
        (Seen::Nobody, false) => Holder::Nobody,
        (Seen::Partly, false) => Holder::Unknown,
    }
}

enum Seen {
    By(String),
    /// All processes were looked into.
    Nobody,
    /// None of those that could be looked into.
    Partly,
}

fn opener(path: &Path, proc: &Path) -> Seen {
    let Ok(entries) = std::fs::read_dir(proc) else { return Seen::Partly };
    let mut seen = Seen::Nobody;
    for pid in entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()) {
        let folder = proc.join(pid.to_string());
        let mut fds = match std::fs::read_dir(folder.join("fd")) {
            Ok(fds) => fds.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok()),
            // It has ended meanwhile, and holds nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(_) => {
                seen = Seen::Partly;
                continue;
            }
        };
        if fds.any(|target| target == path) && parent(&folder) != Some(std::process::id()) {
            let name = std::fs::read_to_string(folder.join("comm")).unwrap_or_default();
            return Seen::By(name.trim().to_owned());
        }
    }
    seen
}

/// The parent of a process: the second field after its name in brackets (`proc_pid_stat(5)`).
fn parent(folder: &Path) -> Option<u32> {
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
