//! What the tests stand on: real servers of their own, ended by their own handle.

pub(crate) mod upsd;
pub mod golden;
pub mod snapshot;
pub mod web;
pub(crate) mod daemon;
