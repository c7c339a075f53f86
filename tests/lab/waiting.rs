//! Waiting on a condition, with a deadline that allows for an emulated processor on a busy machine.

use std::time::{Duration, Instant};

/// How long anything may take in the guest before the test is wrong about it: what takes ten seconds on a real machine, times the
/// guest's slowness, which is five to thirty by the machine and the hour.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// The pace of asking.
const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(500);

/// Asks until there is an answer; panics with what `told` says when patience ends.
#[allow(clippy::disallowed_methods, reason = "a test's own deadline; the code under test takes a Clock")]
pub(crate) fn until<T>(what: &str, mut asked: impl FnMut() -> Option<T>, told: impl FnOnce() -> String) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asking = Instant::now();
        if let Some(answer) = asked() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}; {}", told());
        // The pace of asking, not a way to synchronise: who is asked has twice as long, up to half a second, for
        // what it is asked about.
        std::thread::park_timeout((2 * asking.elapsed()).clamp(SHORTEST, LONGEST));
    }
}
