//! Telling people: what is told to whom ([`policy`]), in what words ([`payload`]), by what way ([`webhook`]), until it has
//! arrived ([`mod@deliver`]).
//!
//! ```text
//! incident ──policy──▶ notifications ──(stored by the outbox's owner)──▶ one task a receiver ──▶ webhook
//! ```

pub mod config;
pub mod deliver;
pub mod error;
pub mod payload;
pub mod policy;
pub mod stats;
pub mod webhook;

pub use config::Config;
pub use deliver::{Poke, Receiver, Schedule, deliver};
pub use error::{DeliveryError, Failure};
pub use policy::{Change, Policy, Withheld};
pub use stats::Stats;
