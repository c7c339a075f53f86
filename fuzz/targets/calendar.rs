//! Any text as somebody's calendar: what is taken of it lies in the span that was asked for, in order, and is not more than is taken.
#![no_main]

use std::sync::atomic::AtomicBool;

use jiff::tz::TimeZone;
use siaga::calendar::{MOST, read, span};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let span = span("2026-11-27T00:00:00Z".parse().expect("a moment"));
    let whole = format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{text}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
    for text in [text, &whole] {
        let Ok(reading) = read(text, &TimeZone::UTC, span, &AtomicBool::new(false)) else { continue };
        assert!(reading.entries.len() <= MOST);
        assert!(reading.entries.is_sorted());
        for entry in &reading.entries {
            assert!(entry.start < entry.end, "{entry:?}");
            assert!(entry.start < span.1 && span.0 < entry.end, "{entry:?}");
        }
    }
});
