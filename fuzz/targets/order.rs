//! Whatever somebody says at the control socket: what is read is written as it was read.
#![no_main]

use siaga::control::order::{Order, Word};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(order) = Order::parse(bytes) {
        assert_eq!(Order::parse(&order.line()).expect("what was written can be read"), order);
        let _ = order.subject();
    }
    if let Ok(word) = Word::parse(bytes) {
        assert_eq!(Word::parse(&word.line()).expect("what was written can be read"), word);
    }
});
