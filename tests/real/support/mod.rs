//! What the tests stand on: real servers of their own, ended by their own handle.

pub(crate) mod upsd;
