//! What a STUN or TURN server may answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::probe::stun::fuzz::datagram(bytes));
