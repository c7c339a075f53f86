//! A call without content: packets as a call would send them, and what their arrivals say of the way.
//!
//! It knows no protocol: who carries the packets (STAMP, a TURN server) fills a [`flow::Flow`] for each direction that can be
//! told apart and asks it for its [`flow::Figures`]. All of it is pure.

pub mod flow;
pub mod plan;
pub mod schedule;

pub use flow::{Fate, Figures, Flow, Packet};
pub use plan::Step;
pub use schedule::{Phase, Planned, Schedule};

use std::time::Duration;

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
