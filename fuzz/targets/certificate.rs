//! What a server may show as its certificate, or stand in the files of ours.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    siaga::probe::tls::fuzz::certificate(bytes);
    siaga::web::tls::fuzz::files(bytes);
});
