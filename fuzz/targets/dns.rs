//! What a resolver, or somebody in its name, may answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::probe::dns::fuzz::answer(bytes));
