//! An error in one line.

use std::error::Error;

/// An error and its sources in one line: many a library's error alone says nothing. What is said already is not said again.
pub fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn every_cause_is_said_once() {
        let layer = |text, below: Option<Layer>| Layer(text, below.map(Box::new));
        let error = layer("sending: refused", Some(layer("refused", Some(layer("port 1", None)))));
        assert_eq!(in_full(&error), "sending: refused: port 1");
    }
}
