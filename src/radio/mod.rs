//! Side door: the voice on the HT channel (two-way radio).
//!
//! ```text
//!   Message ──► words, twice ──► voice (a child: clips, espeak-ng, band, level) ──► the radio's sound card
//!                  station ────► guard (a child: holds the key, releases it whatever happens) ──► the radio's key
//! ```

pub mod airtime;
pub mod bands;
pub mod channel;
pub mod config;
pub mod guard;
pub mod held;
pub mod message;
pub mod monitor;
pub mod notice;
pub mod numbers;
pub mod phrases;
pub mod ptt;
pub mod sound;
pub mod speech;
pub mod station;
pub mod voice;
pub mod words;

pub use crate::probe::on_air::OnAir;
pub use config::Config;
pub use message::{Fault, Message, Session};
pub use station::{Sent, Station, TransmitError};
