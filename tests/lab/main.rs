//! Ring three, the hardware lab: the daemon in a guest of QEMU, whose kernel is Debian's own and whose cameras, sound cards and
//! lines fail on command.
//!
//! One guest a test, restored from a snapshot of its memory in about half a second and killed by its own handle. No KVM, no
//! root: the guest's processor is emulated, five to thirty times slower than this one, so tests wait on conditions with long
//! deadlines and assert no speed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod beside;
mod brought;
#[path = "../package/built.rs"]
#[allow(dead_code, reason = "the package's own tests ask for more of it")]
mod built;
mod cameras;
mod clock;
mod control;
mod daemon;
mod displays;
mod enroll;
mod equipment;
mod events;
mod far;
mod frames;
mod guest;
mod hearing;
mod image;
mod line;
mod machine;
mod matrix;
mod package;
mod power;
mod power_cut;
mod pressure;
mod qmp;
mod radio;
mod radio_chip;
mod radio_key;
mod reflect;
mod sandbox;
mod sandbox_line;
mod sandbox_told;
mod seat;
mod service;
mod sound;
mod supervision;
mod typed;
mod unit;
mod usb_bus;
mod usb_device;
mod waiting;
mod web_tls;
