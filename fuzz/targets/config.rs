//! Any text as the config: it is read, or all that is wrong with it is told with its place.
#![no_main]

use std::sync::Arc;

use siaga::config::{Config, Source};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let source = Arc::new(Source { path: "siaga.toml".to_owned(), text: text.to_owned() });
    if let Err(errors) = Config::parse(&source) {
        assert!(!errors.problems().is_empty());
        assert!(!errors.render(true).is_empty());
    }
});
