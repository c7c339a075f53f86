//! What a reflector, or somebody in its name, may answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::probe::stamp::fuzz::reply(bytes));
