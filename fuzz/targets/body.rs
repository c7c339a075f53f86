//! What may be sent to a path that reads a body.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::web::fuzz::body(bytes));
