//! The report's two files: their name, and that nothing is ever overwritten.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand::Rng as _;

use crate::cli::written;
use crate::survey::Report;

/// As any file that somebody makes.
const MODE: u32 = 0o666;

/// The longest part of a place's name that a file's takes.
const PLACE: usize = 40;

/// A name that was never given before: the place, the hour, and a random end.
pub(super) fn name(venue: Option<&str>, at: Timestamp, zone: &TimeZone) -> String {
    let when = at.to_zoned_datetime(zone.clone()).strftime("%Y%m%d-%H%M%S").to_string();
    let end: u32 = rand::rng().random();
    format!("{}-{when}-{end:08x}", place(venue.unwrap_or_default()))
}

/// A place's name as part of a file's: small letters, digits and hyphens.
fn place(venue: &str) -> String {
    let mut out = String::new();
    for letter in venue.chars() {
        if letter.is_ascii_alphanumeric() {
            out.push(letter.to_ascii_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.truncate(PLACE);
    let out = out.trim_matches('-');
    if out.is_empty() { "venue".to_owned() } else { out.to_owned() }
}

/// Whether a file can be made there at all.
///
/// # Errors
/// If not, and why.
pub(super) fn try_folder(folder: &Path) -> Result<(), String> {
    let file = folder.join(format!(".siaga-survey-{:08x}", rand::rng().random::<u32>()));
    let made = OpenOptions::new().write(true).create_new(true).open(&file).and_then(|_| std::fs::remove_file(&file));
    made.map_err(|error| format!("no report can be written to {}: {error}", folder.display()))
}

/// Writes both, and gives their names.
///
/// # Errors
/// If one cannot be written, or is there already.
pub(super) fn write(folder: &Path, report: &Report, page: &str) -> Result<[PathBuf; 2], String> {
    let json = serde_json::to_string_pretty(report).map_err(|error| error.to_string())? + "\n";
    let file = |ending: &str| folder.join(format!("survey-{}.{ending}", report.id));
    let files = [file("html"), file("json")];
    let [first, second] = &files;
    let write = |file: &Path, text: &str| {
        written::new(file, text.as_bytes(), MODE).map_err(|error| format!("{}: {error}", file.display()))
    };
    write(first, page)?;
    // Both or none: one without the other is half a report.
    write(second, &json).inspect_err(|_| _ = std::fs::remove_file(first))?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_places_name_becomes_one_of_a_file_and_no_two_are_alike() {
        assert_eq!(place("Aula Kantor Camat"), "aula-kantor-camat");
        assert_eq!(place("../../etc/\u{e9}\u{e8} <b>"), "etc-b");
        for empty in ["", "…", "///"] {
            assert_eq!(place(empty), "venue");
        }
        assert!(place(&"x-".repeat(99)).len() <= PLACE);
        let (at, zone) = ("2026-11-26T06:30:05Z".parse().unwrap(), TimeZone::fixed(jiff::tz::offset(7)));
        let (one, other) = (name(Some("Balai"), at, &zone), name(Some("Balai"), at, &zone));
        assert!(one.starts_with("balai-20261126-133005-") && one != other, "{one} {other}");
    }
}
