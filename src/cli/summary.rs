//! `siaga summary`: a month's meetings for the office.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::ledger;
use super::paint::{note, say};
use crate::app::service;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{Lang, in_full};
use crate::engine::past::blame::Cause;
use crate::engine::past::ledger::Month;
use crate::report::month::{Beside, Provider, month};
use crate::report::{Report, month_page};
use crate::store::month_from;

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A page to print, without scripts.
    Html,
    /// For programs.
    Json,
    /// Comma-separated values (RFC 4180), a line a meeting.
    Csv,
}

/// What `siaga summary` can be told.
#[derive(Clone, Debug, Args)]
pub struct SummaryArgs {
    /// Which month, on the room's own clock; without it the running one.
    #[arg(long, value_name = "YYYY-MM", value_parser = ledger::parse_month)]
    month: Option<Month>,
    /// In which form.
    #[arg(long, value_name = "FORM", default_value = "html")]
    format: Form,
    /// Where the daemon keeps its state; without it, as for run.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Reads and writes it.
///
/// # Errors
/// If there is no database that can be read, or the month has not begun.
pub fn run(config: &Config, args: &SummaryArgs, lang: Lang) -> Result<u8, String> {
    let (now, zone) = (Clock::start().now().wall, &config.room.time_zone.0);
    let which = args.month.unwrap_or_else(|| Month::of(now, zone));
    let folder = service::state_dir(args.state_dir.clone())?;
    let agreed = ledger::agreed(config, None, None);
    let line = ledger::read(config, &folder, which, &agreed, now)?;
    let span = which.span(zone);
    let kept = month_from(&folder, span, now).map_err(|error| format!("{}{}", in_full(&error), error.hint()))?;
    let mut reports: Vec<Report> = Vec::new();
    let mut unread = 0;
    for link in &kept.reports {
        match serde_json::from_str(&link.filed.body) {
            Ok(report) if link.intact => reports.push(report),
            _ => unread += 1,
        }
    }
    if unread > 0 {
        note(&match lang {
            Lang::Id => {
                format!("siaga: {unread} laporan tidak seperti saat dibuat, atau tidak dapat dibaca; tidak dihitung")
            }
            Lang::En => {
                format!("siaga: {unread} reports are not what they were, or cannot be read; they are not counted")
            }
        });
    }
    let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let summary = month(
        &reports,
        Beside {
            room: config.room.name.0.to_string(),
            month: which.to_string(),
            made_at: whole.display_with_offset(zone.to_offset(whole)).to_string(),
            complete: span.1 <= now,
            unreported: kept.unreported + unread,
            cancelled: kept.cancelled,
            provider: Some(Provider {
                availability: line.provider_availability(),
                known_seconds: line.provider_known().as_secs(),
                outage_seconds: line.outage(|cause| cause == Cause::Provider).as_secs(),
                slow_hours: u64::try_from(line.slow.iter().filter(|slow| slow.ours.is_none()).count())
                    .unwrap_or(u64::MAX),
            }),
        },
    );
    say(&match args.format {
        Form::Html => month_page::page(&summary, config.room.title(), zone, lang)?,
        Form::Json => serde_json::to_string_pretty(&summary).map_err(|error| error.to_string())? + "\n",
        Form::Csv => month_page::csv(&summary),
    });
    Ok(0)
}
