//! What upsd, or whatever is at its port, may answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| siaga::probe::ups::fuzz::answer(text));
