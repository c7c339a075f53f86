//! What a radio's server may answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::radio::ptt::fuzz::answers(bytes));
