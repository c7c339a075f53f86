//! The children of this process that were killed and may still hang in the kernel, by the devices on which they hang.
//!
//! It is the process that has them, not the probe that started them: a probe that is built anew after a reload or a panic must
//! not send a second child after the first.

use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::watch;

use super::Program;

/// What a child works on: a program, and the devices it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct On {
    program: Program,
    devices: Vec<OsString>,
}

impl On {
    /// What `program` works on when it is told `args`: [`super::main`] says which of them are devices. Another program's errand
    /// is one with the whole of its arguments.
    pub(super) fn of(program: &Program, args: &[OsString]) -> Self {
        let devices = match args {
            [what, path, ..] if what == "camera" || what == "frames" => vec![path.clone()],
            [what, pcms @ ..] if what == crate::probe::microphone::CHILD || what == crate::probe::loopback::CHILD => {
                pcms.to_vec()
            }
            _ => vec![args.join(std::ffi::OsStr::new(" "))],
        };
        Self { program: program.clone(), devices }
    }

    fn meets(&self, other: &Self) -> bool {
        self.program == other.program && self.devices.iter().any(|device| other.devices.contains(device))
    }
}

/// Each with what closes once the kernel has let it go.
static LEFT_BEHIND: Mutex<Vec<(On, watch::Receiver<()>)>> = Mutex::new(Vec::new());

fn that_meet(on: &On) -> Vec<watch::Receiver<()>> {
    let mut all = LEFT_BEHIND.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|(_, hangs)| hangs.has_changed().is_ok());
    all.iter().filter(|(other, _)| other.meets(on)).map(|(_, hangs)| hangs.clone()).collect()
}

/// Whether one hangs on the same. Looks without waiting.
pub(super) fn hangs(on: &On) -> bool {
    !that_meet(on).is_empty()
}

/// Waits that long for all that hang on the same; whether they are gone.
pub(super) async fn gone(on: &On, within: Duration) -> bool {
    let all = that_meet(on);
    let gone = async {
        for mut hangs in all {
            // Nothing is ever sent: it ends when the other end is dropped.
            _ = hangs.changed().await;
        }
    };
    // A machine that stood still ends the wait and the child at once: who was to reap it may not have had its turn.
    tokio::time::timeout(within, gone).await.is_ok() || {
        tokio::task::yield_now().await;
        that_meet(on).is_empty()
    }
}

/// Keeps a child that was killed in mind until it is reaped.
pub(super) fn remember(on: On, mut child: Child) {
    // Where the runtime has ended, so does this process; the kernel hands what is left of it to another.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let (reaped, hangs) = watch::channel(());
    LEFT_BEHIND.lock().unwrap_or_else(PoisonError::into_inner).push((on, hangs));
    runtime.spawn(async move {
        _ = child.wait().await;
        drop(reaped);
    });
}
