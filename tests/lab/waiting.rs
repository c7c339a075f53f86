//! Waiting on a condition, with a deadline that allows for an emulated processor on a busy machine.

use std::time::{Duration, Instant};

/// How long anything may take in the guest before the test is wrong about it: what takes ten seconds on a real machine, times the
/// guest's slowness, which is five to thirty by the machine and the hour.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// Asks until there is an answer; panics with what `told` says when patience ends.
#[allow(clippy::disallowed_methods, reason = "a test's own deadline; the code under test takes a Clock")]
pub(crate) fn until<T>(what: &str, mut asked: impl FnMut() -> Option<T>, told: impl FnOnce() -> String) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = asked() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}; {}", told());
        // The pace of asking, not a way to synchronise.
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
