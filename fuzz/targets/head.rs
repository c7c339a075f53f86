//! What may stand in the head of a request.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::web::fuzz::head(bytes));
