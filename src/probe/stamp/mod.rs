//! The Simple Two-way Active Measurement Protocol (RFC 8762), by which a path is measured against a reflector.

pub mod codec;
pub mod key;
pub mod moment;
