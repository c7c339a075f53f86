//! `siaga audit`: who asked the daemon for what, and what became of it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::history::{Moment, parse_moment, shown};
use super::paint::{note, say};
use crate::app::service;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::plain::plain;
use crate::domain::{Lang, Text, in_full};
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
        let outcome = outcome.as_deref().unwrap_or(under_way);
        // As it was said, by whoever said it: no order to a terminal, and no line of its own.
        let line = plain(&format!("{actor} ({via})  {action} {subject}: {outcome}"));
        _ = writeln!(out, "{}  {line}", shown(at, zone));
    }
    say(&out);
    Ok(0)
}
