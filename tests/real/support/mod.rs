//! What the tests stand on: real servers of their own, ended by their own handle.

pub(crate) mod browser;
pub(crate) mod cable;
pub(crate) mod call;
pub(crate) mod certificates;
pub(crate) mod child;
pub(crate) mod daemon;
pub(crate) mod dnsmasq;
pub(crate) mod golden;
pub(crate) mod impairment;
pub(crate) mod lease;
pub(crate) mod line;
pub(crate) mod namespace;
pub(crate) mod nginx;
pub(crate) mod on_air;
pub(crate) mod probe;
pub(crate) mod pulse;
pub(crate) mod radicale;
pub(crate) mod reflector;
pub(crate) mod rigctld;
pub(crate) mod site;
pub(crate) mod snapshot;
pub(crate) mod turnserver;
pub(crate) mod upsd;
pub(crate) mod wall_clock;
pub(crate) mod web;
