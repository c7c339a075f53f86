//! What `make fuzz` holds the reader of others' surveys to, and their page. Compiled where assertions are.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "it says what is wrong by panicking")]

use std::path::Path;

use super::kept::{is_id, parse};
use super::page::page;
use crate::domain::Lang;

/// Any file that lies among the surveys: what is read can be shown in both languages, and be written and read again.
///
/// # Panics
/// Where the reader or the page does, or where somebody's text is markup on the page.
pub fn kept(bytes: &[u8]) {
    let file = Path::new("survey.json");
    let Ok(report) = parse(file, bytes) else { return };
    assert!(is_id(&report.id));
    for lang in [Lang::Id, Lang::En] {
        let page = page(&report, lang, None).expect("what is read can be shown");
        assert!(!page.contains("<fuzz"), "{page}");
    }
    let again = serde_json::to_vec(&report).expect("what was read can be written");
    assert!(parse(file, &again).is_ok());
}
