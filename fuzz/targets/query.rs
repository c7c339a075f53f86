//! What may stand in the query of a request, or in a form.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::web::fuzz::asked(bytes));
