//! What a seat's agent, or whoever is at its socket, may say: what is read is written as it was read.
#![no_main]

use siaga::probe::seat::order::Order;
use siaga::probe::seat::report::Report;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(report) = Report::parse(bytes) {
        assert_eq!(Report::parse(&report.line()).expect("what was written can be read"), report);
    }
    if let Ok(order) = Order::parse(bytes) {
        assert_eq!(Order::parse(&order.line()).expect("what was written can be read"), order);
    }
});
