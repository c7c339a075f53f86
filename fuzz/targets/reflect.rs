//! The reflector under a storm of datagrams.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::reflect::fuzz::storm(bytes));
