//! What USB devices may say of themselves.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::probe::usb::fuzz::devices(bytes));
