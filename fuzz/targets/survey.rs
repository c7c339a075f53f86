//! What may lie among the surveys.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::survey::fuzz::kept(bytes));
