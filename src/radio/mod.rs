//! Side door: the voice on the HT channel (two-way radio).

pub mod bands;
pub mod config;
pub mod guard;
pub mod message;
pub mod numbers;
pub mod phrases;
pub mod ptt;
pub mod words;

pub use config::Config;
pub use message::Message;
