//! What a camera may send.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::probe::frames::fuzz::frames(bytes));
