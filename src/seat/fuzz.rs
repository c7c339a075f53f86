//! What `make fuzz` holds the reader of `pactl`'s answers to. Compiled where assertions are.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "it says what is wrong by panicking")]

use serde::de::DeserializeOwned;

use super::pactl::report;
use crate::probe::seat::report::Report;

/// Five lines: the server, its sources, its sinks, who records and who plays; what is no such thing is none. Names in them are those
/// of programs and devices, thus anybody's.
///
/// # Panics
/// Where the reader does, or where its report is not the same once it has gone to the daemon and was cut there.
pub fn answers(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let told = report(
        &next(&mut lines),
        &next::<Vec<_>>(&mut lines),
        &next::<Vec<_>>(&mut lines),
        &next::<Vec<_>>(&mut lines),
        &next::<Vec<_>>(&mut lines),
    );
    let heard = Report::parse(&told.line()).expect("what was written can be read");
    assert_eq!(Report::parse(&heard.line()).expect("and again"), heard);
}

fn next<'a, T: Default + DeserializeOwned>(lines: &mut impl Iterator<Item = &'a [u8]>) -> T {
    lines.next().and_then(|line| serde_json::from_slice(line).ok()).unwrap_or_default()
}
