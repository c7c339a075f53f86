//! What may come over the kernel's socket.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::probe::uevents_fuzz::uevent(bytes));
