//! Any text as the config: it is read, or all that is wrong with it is told with its place.
#![no_main]

use siaga::config::{Config, Source};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let source = Source::new("siaga.toml", text);
    if let Err(errors) = Config::parse(&source) {
        assert!(!errors.problems().is_empty());
        assert!(!errors.render(true).is_empty());
    }
});
