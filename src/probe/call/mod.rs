//! A call without content: packets as a call would send them, and what their arrivals say of the way.
//!
//! It knows no protocol: who carries the packets (STAMP, a TURN server) is driven by their plan, fills a [`flow::Flow`] for each
//! direction that can be told apart and asks it for its [`flow::Figures`]. All but the driving is pure.

pub(crate) mod drive;
pub mod flow;
pub mod offer;
pub mod plan;
pub mod schedule;

pub use flow::{Fate, Figures, Flow, Packet};
pub use plan::Step;
pub use schedule::{Phase, Planned, Schedule};

use std::time::Duration;

use crate::domain::{ErrorKind, ProbeError};

/// What comes later than this after the last packet is lost (RFC 7680 §2.8.2 wants it said); and where nothing at all comes for
/// so long, nobody is there.
pub const LATE: Duration = Duration::from_secs(2);
/// A packet that leaves so late shows a computer that is too busy: what comes meanwhile would overflow the socket, and be taken
/// for loss.
pub const BUSY: Duration = Duration::from_millis(150);
/// Why a test is given up then.
const TOO_BUSY: &str = "this computer is too busy to send in time";

/// What a test that is given up ends with.
pub fn given_up() -> ProbeError {
    ProbeError::new(ErrorKind::Internal, TOO_BUSY)
}

/// Whether a test was given up: nothing was learnt of the line, not even that it cannot be measured.
pub fn is_given_up(error: &ProbeError) -> bool {
    error.kind == ErrorKind::Internal && error.detail == TOO_BUSY
}

/// The value of rank ⌈share × n⌉ (the nearest rank, as everywhere here); `None` of nothing.
pub fn quantile(sorted: &[Duration], share: f64) -> Option<Duration> {
    #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
    let rank = (share * sorted.len() as f64).ceil();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float is cut to the range")]
    sorted.get((rank as usize).clamp(1, sorted.len().max(1)) - 1).copied()
}

/// The median; `None` of nothing.
pub fn median(mut all: Vec<Duration>) -> Option<Duration> {
    all.sort_unstable();
    quantile(&all, 0.5)
}
