//! What a display, or the cable to it, may say.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| siaga::probe::display::fuzz::edid(bytes));
