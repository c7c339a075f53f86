//! Prometheus Remote-Write 1.0: what `/metrics` says is pushed at an interval to a Prometheus that cannot reach the room, kept on the
//! disk while the line is down, and delivered in its order afterwards.
//!
//! ```text
//! /metrics' families ──every interval──▶ samples ──▶ body (protobuf, snappy) ──▶ queue ◀──▶ remote_write.db, on a thread of its own
//!                                                                                │ oldest first, one at a time
//!                                                                                └──▶ POST ──▶ 2xx: next; 5xx, 429: again; else: dropped
//! ```
//!
//! What is pushed is written first (one fsync an interval) and marked after. A `kill -9` at any instruction costs the sample that was
//! not written yet; the one that was under way may come twice, as the same samples of the same moment, which Prometheus takes for one.

mod buffer;
mod config;
mod file;
mod labels;
mod pace;
mod post;
mod pusher;
mod queue;
mod stats;
#[cfg(test)]
mod tests;
mod wire;

pub use config::Config;
pub use post::Failure;
pub use pusher::{End, Line, Parts, run};
pub use queue::{Dropped, Unkept};
pub use stats::{Counts, Stats};
