//! Whether the machine's clock follows a time server.
//!
//! The kernel knows (`adjtimex(2)`), but tells it by a call that no safe binding at hand offers. Two others know, for every time
//! service there is:
//! - `systemd-timesyncd` touches a file at each success. One read of its age, and the usual case on Debian.
//! - `systemd-timedated` calls `adjtimex` for whoever asks, whichever service steers the clock (chrony, ntpsec). Asked by
//!   `timedatectl`, in a child that can be killed, because it waits for the bus.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::ProbeError;
use crate::probe::child::{Program, Slot};

/// What is known of the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// It follows a time server.
    Synchronised,
    /// It runs free.
    Free,
    /// It cannot be told, and why.
    Unseen(String),
}

/// timesyncd asks its server every 2048 s at the longest (timesyncd.conf(5), `PollIntervalMaxSec=`): one miss is allowed.
const TRUSTED: Duration = Duration::from_secs(2 * 2048 + 60);

/// The system bus's socket below `/run` (D-Bus specification, "Well-known Message Bus Instances").
const BUS: &str = "dbus/system_bus_socket";

/// A bus that answers at all answers in 100 ms, and starts timedated in a second.
const DEADLINE: Duration = Duration::from_secs(3);

/// Whether timesyncd steered the clock lately, by its file below `run` (`/run`).
pub(super) fn timesyncd(run: &Path, now: Timestamp) -> bool {
    let touched = std::fs::metadata(run.join("systemd/timesync/synchronized")).and_then(|file| file.modified());
    touched
        .ok()
        .and_then(|touched| Timestamp::try_from(touched).ok())
        .is_some_and(|touched| now.duration_since(touched).unsigned_abs() <= TRUSTED)
}

/// Asks timedated, over the system's bus below `run` (`/run`). Without a bus nobody would answer, and no child is started to
/// find that out each time.
pub(super) async fn timedated(slot: &mut Slot, program: &Program, run: &Path) -> Clock {
    if !run.join(BUS).exists() {
        return Clock::Unseen(format!("there is no {}", run.join(BUS).display()));
    }
    let args = ["show", "--property=NTPSynchronized", "--value"].map(Into::into);
    understand(&slot.run(program, &args, DEADLINE).await)
}

fn understand(said: &Result<Vec<u8>, ProbeError>) -> Clock {
    match said.as_deref().map(<[u8]>::trim_ascii) {
        Ok(b"yes") => Clock::Synchronised,
        Ok(b"no") => Clock::Free,
        Ok(other) => Clock::Unseen(format!("timedatectl said {:?}", String::from_utf8_lossy(other))),
        Err(error) => Clock::Unseen(format!("timedatectl: {}", error.detail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ErrorKind;

    #[test]
    fn timesyncds_file_is_trusted_while_it_is_young() {
        let run = tempfile::tempdir().unwrap();
        let now = crate::clock::Clock::start().now().wall;
        assert!(!timesyncd(run.path(), now));
        std::fs::create_dir_all(run.path().join("systemd/timesync")).unwrap();
        std::fs::write(run.path().join("systemd/timesync/synchronized"), "").unwrap();
        assert!(timesyncd(run.path(), now));
        assert!(timesyncd(run.path(), now + Duration::from_hours(1)));
        assert!(!timesyncd(run.path(), now + Duration::from_hours(2)));
        assert!(!timesyncd(run.path(), now - Duration::from_hours(24)), "a clock that jumped a day follows nobody");
    }

    #[tokio::test]
    async fn without_a_bus_nobody_is_asked() {
        let run = tempfile::tempdir().unwrap();
        let asked = run.path().join("asked");
        let program = Program::other("/bin/sh", &["-c", &format!("echo > {}; echo yes", asked.display())]);
        let clock = timedated(&mut Slot::default(), &program, run.path()).await;
        assert!(matches!(clock, Clock::Unseen(why) if why.contains("system_bus_socket")));
        assert!(!asked.exists());
        std::fs::create_dir_all(run.path().join("dbus")).unwrap();
        std::fs::write(run.path().join(BUS), "").unwrap();
        assert_eq!(timedated(&mut Slot::default(), &program, run.path()).await, Clock::Synchronised);
        assert!(asked.exists());
    }

    #[test]
    fn timedateds_words_are_understood() {
        assert_eq!(understand(&Ok(b"yes\n".to_vec())), Clock::Synchronised);
        assert_eq!(understand(&Ok(b"no\n".to_vec())), Clock::Free);
        assert!(matches!(understand(&Ok(b"n/a".to_vec())), Clock::Unseen(_)));
        let error = ProbeError::new(ErrorKind::Gone, "no such program");
        assert_eq!(understand(&Err(error)), Clock::Unseen("timedatectl: no such program".into()));
    }
}
