//! `siaga audit`: who asked the daemon for what, and what became of it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;

use super::history::{Moment, parse_moment, shown};
use super::paint::{note, say};
use crate::app::service;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::plain::plain;
use crate::domain::{Lang, Text, in_full, instant};
use crate::store::{Asked, asked};

/// What `siaga audit` can be told.
#[derive(Clone, Debug, Args)]
pub struct AuditArgs {
    /// From when: a length of time back from now (24h, 7d), or a moment (RFC 3339).
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = parse_moment)]
    since: Moment,
    /// Where the daemon keeps its state; without it, as for run.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Reads and prints, a line a request: when, who, what, of which check, what became of it.
///
/// # Errors
/// If there is no database that can be read.
pub fn run(config: &Config, args: &AuditArgs, lang: Lang) -> Result<u8, String> {
    let since = args.since.before(Clock::start().now().wall);
    let folder = service::state_dir(args.state_dir.clone())?;
    let rows = asked(&folder, since).map_err(|error| format!("{}{}", in_full(&error), error.hint()))?;
    let zone = &config.room.time_zone.0;
    if rows.is_empty() {
        let none = Text::new("tidak ada permintaan sejak", "nobody has asked for anything since");
        note(&format!("siaga: {}: {} {}", folder.display(), none.in_lang(lang), shown(since, zone)));
    }
    let mut out = String::new();
    for Asked { at, actor, via, action, subject, outcome } in rows {
        let under_way = Text::new("belum selesai, atau terputus", "under way, or cut off").in_lang(lang);
        let outcome = outcome.map_or_else(|| under_way.to_owned(), |outcome| on_the_clock(&outcome, zone));
        let subject = on_the_clock(&subject, zone);
        // As it was said, by whoever said it: no order to a terminal, and no line of its own.
        let line = plain(&format!("{actor} ({via})  {action} {subject}: {outcome}"));
        _ = writeln!(out, "{}  {line}", shown(at, zone));
    }
    say(&out);
    Ok(0)
}

/// The same text with the moments in it as the room's own clock shows them: rows have them in UTC.
fn on_the_clock(text: &str, zone: &TimeZone) -> String {
    let word = |word: &str| {
        // What stands behind a moment is no part of it.
        let (said, rest) = word.split_at(word.trim_end_matches([':', ',', ';', '.', ')']).len());
        let clock =
            |at: jiff::Timestamp| at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.f %Z").to_string();
        instant(said).map_or_else(|_| word.to_owned(), |at| clock(at) + rest)
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_in_a_row_is_told_on_the_rooms_clock_and_all_else_as_it_stands() {
        let zone = TimeZone::get("Asia/Pontianak").unwrap();
        for (row, told) in [
            (
                "a1: 2026-11-29T13:00:00Z to 2026-11-29T14:30:00.5Z",
                "a1: 2026-11-29 20:00:00 WIB to 2026-11-29 21:30:00.5 WIB",
            ),
            ("until 2026-11-29T13:00:00Z: moved,  x", "until 2026-11-29 20:00:00 WIB: moved,  x"),
            ("rapat-2026-11-29 by 2026-11-29", "rapat-2026-11-29 by 2026-11-29"),
        ] {
            assert_eq!(on_the_clock(row, &zone), told);
        }
    }
}
