//! Ring three: the real thing on the other side, in real time, waiting on conditions and never on sleeps.
//!
//! One binary, so that it is linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod activation;
mod acts;
mod alerts;
mod answers;
mod bad_input;
mod bandwidth;
mod call;
mod capacity;
mod chaos;
mod command_line;
mod crash;
mod crash_daemon;
mod devices;
mod drill;
mod enroll;
mod far_end;
mod history;
mod http_tls_dns;
mod icmp;
mod impaired;
mod inbound;
mod ledger;
mod link;
mod live;
mod network;
mod notices;
mod once;
mod outlook;
mod page_forms;
mod pages;
mod ports;
mod prometheus;
mod pulse;
mod push;
mod radio;
mod receivers;
mod reflect;
mod relay;
mod repeated;
mod requests;
mod seat;
mod session_sound;
mod sessions;
mod stamp;
mod state_folder;
mod stun;
mod support;
mod survey;
mod tokens;
mod unit_file;
mod uplinks;
mod ups;
mod webhook;
