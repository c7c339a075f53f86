//! What the tests stand on: real servers of their own, ended by their own handle.

pub(crate) mod daemon;
pub mod golden;
pub mod snapshot;
pub(crate) mod upsd;
pub mod web;
pub(crate) mod certificates;
pub(crate) mod child;
pub(crate) mod dnsmasq;
pub(crate) mod namespace;
pub(crate) mod nginx;
pub(crate) mod probe;
