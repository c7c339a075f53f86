//! What a raw socket for echoes may be given.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::probe::icmp::fuzz::message(bytes));
