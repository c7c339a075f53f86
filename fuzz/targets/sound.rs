//! What the session's sound server may tell.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::seat::fuzz::answers(bytes));
