//! Siaga answers one question for a video-conference room: is it ready for this meeting, from then until then, and
//! if not, what must somebody go and do?
//!
//! The floors, from the ground up: [`domain`] (data and its laws), [`engine`] (the judge, pure), the hands
//! ([`probe`] and its siblings, which touch the world and do not name each other), and the shell (`cli`, `app`).
//! `README.md` has the map.
#![forbid(unsafe_code)]

pub mod app;
pub mod calendar;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod devices;
pub mod domain;
pub mod engine;
pub mod enroll;
pub mod far_end;
pub mod named_file;
pub mod notify;
pub mod outbound;
pub mod peer;
pub mod plot;
pub mod probe;
pub mod radio;
pub mod reflect;
pub mod remote_write;
pub mod report;
pub mod seat;
pub mod store;
pub mod survey;
pub mod tokens;
pub mod web;
pub mod whole_file;

/// Makes ring the process's provider of TLS cryptography. reqwest and rustls are built without one of their own, so that
/// there is one and it builds with a C compiler alone. Calling it again does nothing.
pub fn install_crypto() {
    // The error is the provider that is there already.
    _ = rustls::crypto::ring::default_provider().install_default();
}
