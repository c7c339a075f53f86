//! What a TURN server may send in a connection.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::probe::relay::fuzz::stream(bytes));
