//! Telling people: what is told to whom ([`policy`]), in what words ([`payload`]), by what way ([`kinds`]), until it has
//! arrived ([`mod@deliver`]).
//!
//! ```text
//! incident ──policy──▶ notifications ──(stored by the outbox's owner)──▶ one task a receiver ──▶ its way
//! ```

pub mod alertmanager;
pub mod command;
pub mod config;
pub mod deliver;
mod document;
pub mod email;
pub mod error;
mod http;
pub mod inbound;
pub mod kinds;
pub mod late;
pub mod meeting;
pub mod ntfy;
pub mod payload;
pub mod policy;
pub mod radio;
pub mod roll_call;
pub mod room;
pub mod routes;
mod secret;
pub mod sms;
pub mod spoken;
pub mod stats;
pub mod telegram;
mod url;
pub mod webhook;

pub use config::Config;
pub use deliver::{Poke, Receiver, Schedule, deliver};
pub use error::{DeliveryError, Failure, SetupError};
pub use inbound::Inbound;
pub use kinds::{Kind, Way};
pub use policy::{Change, Policy, Unsaid, Withheld};
pub use roll_call::RollCall;
pub use stats::Stats;
