//! `siaga ledger`: a month of the line for the provider: outages, shortfalls, slow hours, and when nobody looked.

mod page;

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::paint::{note, say};
use crate::app::{recorder, reload, service};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{CheckName, Component, Lang, Level, Past, Rate, Subject, Text, in_full};
use crate::engine::past::ledger::{Agreed, Ledger, Month, Seen, ledger, wanted};
use crate::store::read_from;
use crate::web::past::csv;

/// What a check to one's own far end says of itself; its figures are not the line's.
const SELF: &str = "internet.far_end_is_self";

/// What `siaga ledger` can be told.
#[derive(Clone, Debug, Args)]
pub struct LedgerArgs {
    /// Which month, on the room's own clock; without it the running one.
    #[arg(long, value_name = "YYYY-MM", value_parser = parse_month)]
    month: Option<Month>,
    /// Write comma-separated values (RFC 4180). This is what is done without --html too.
    #[arg(long, conflicts_with = "html")]
    csv: bool,
    /// Write a page to print or to send, in HTML and without scripts.
    #[arg(long)]
    html: bool,
    /// The download that the provider sells ("50 Mbit/s"); without it, what the default profile needs.
    #[arg(long, value_name = "RATE")]
    down: Option<Rate>,
    /// The upload that the provider sells; without it, what the default profile needs.
    #[arg(long, value_name = "RATE")]
    up: Option<Rate>,
    /// Where the daemon keeps its state; without it, as for run.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

pub(super) fn parse_month(text: &str) -> Result<Month, String> {
    Month::parse(text).ok_or_else(|| format!("{text:?} is no month of a year from 2000 to 2999, such as 2026-11"))
}

/// What a month is held against: what the provider sells where that is said, else what the default profile needs.
pub(super) fn agreed(config: &Config, down: Option<Rate>, up: Option<Rate>) -> Agreed {
    let needed = reload::agreed(config);
    Agreed { down: down.map(|rate| rate.0).or(needed.down), up: up.map(|rate| rate.0).or(needed.up), ..needed }
}

/// The ledger of a month that has begun, read from the state folder `folder`.
///
/// # Errors
/// If there is no database that can be read, or the month has not begun.
pub(super) fn read(
    config: &Config,
    folder: &Path,
    month: Month,
    agreed: &Agreed,
    now: Timestamp,
) -> Result<Ledger, String> {
    let zone = &config.room.time_zone.0;
    let (begin, end) = month.span(zone);
    if begin >= now {
        return Err(format!("the month {month} has not begun"));
    }
    let (until, specs) = (end.min(now), &config.plan.checks);
    let checks = specs.iter().map(|spec| Subject::Check(spec.name.clone()));
    let wanted = wanted(begin, until, checks.chain([Subject::Component(Component::Internet)]).collect());
    let past = read_from(folder, &wanted, &recorder::catalogue())
        .map_err(|error| format!("{}{}", in_full(&error), error.hint()))?;
    let far = far_ends(config, &past);
    let seen: Vec<Seen> = specs.iter().map(|spec| Seen::of(spec, far.contains(&spec.name))).collect();
    Ok(ledger(&past, &seen, agreed, month, zone, now))
}

/// Reads and writes it.
///
/// # Errors
/// As of [`read`].
pub fn run(config: &Config, args: &LedgerArgs, lang: Lang) -> Result<u8, String> {
    let (now, zone) = (Clock::start().now().wall, &config.room.time_zone.0);
    let month = args.month.unwrap_or_else(|| Month::of(now, zone));
    let agreed = agreed(config, args.down, args.up);
    let ledger = read(config, &service::state_dir(args.state_dir.clone())?, month, &agreed, now)?;
    if ledger.times.known().is_zero() {
        let none = Text::new(
            "pada bulan ini internet tidak terukur sama sekali",
            "in this month the internet was not measured at all",
        );
        note(&format!("siaga: {}", none.in_lang(lang)));
    }
    if args.html {
        say(&page::page(&ledger, &agreed, config, lang, now)?);
    } else {
        say(&csv::csv(&ledger, zone, lang));
    }
    Ok(0)
}

/// The checks whose figures are the line's: not those of which the past says that they ask this very machine.
pub(super) fn far_ends(config: &Config, past: &Past) -> Vec<CheckName> {
    let is_self = |name: &CheckName| {
        past.changes_of(&Subject::Check(name.clone())).iter().any(|change| change.codes.contains(&SELF))
    };
    let far = config.plan.checks.iter().filter(|spec| {
        let stands_far = matches!(spec.level, Level::FarEnd | Level::Platform);
        // A backup is not what the provider of the line has sold.
        spec.component == Component::Internet && stands_far && spec.backup().is_none() && !is_self(&spec.name)
    });
    far.map(|spec| spec.name.clone()).collect()
}
