//! Files that hold what was once looked at and found right.

use std::path::Path;

/// Compares `text` with `tests/golden/NAME`. With `SIAGA_GOLDEN=write` the file is written instead, to be looked at and
/// committed.
pub(crate) fn hold(name: &str, text: &str) {
    hold_file(&format!("tests/golden/{name}"), text);
}

/// The same with any file of this repository.
pub(crate) fn hold_file(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var("SIAGA_GOLDEN").is_ok_and(|word| word == "write") {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = golden.lines().zip(text.lines()).enumerate().find(|(_, (old, new))| old != new);
    if let Some((line, (old, new))) = differing {
        panic!("{name} line {}:\n  was {old}\n  now {new}\nlook at it; then SIAGA_GOLDEN=write cargo test", line + 1);
    }
    let (old, new) = (golden.lines().count(), text.lines().count());
    assert!(golden == text, "{name} had {old} lines and has {new}; look at it; then SIAGA_GOLDEN=write cargo test");
}
