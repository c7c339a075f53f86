//! `siaga week`: what the line was like in each hour of the week, over the weeks that are kept, as comma-separated values.

use std::path::PathBuf;

use clap::Args;

use super::ledger::far_ends;
use super::paint::{note, say};
use crate::app::{recorder, service};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::past::{hour_begins, hour_of};
use crate::domain::{Component, Lang, Subject, Text, Wanted, in_full};
use crate::engine::past::week::{HOURS, week};
use crate::store::read_from;
use crate::web::past::week::{self as rows, MOST, WEEKS};

/// What `siaga week` can be told.
#[derive(Clone, Debug, Args)]
pub struct WeekArgs {
    /// How many weeks back, up to a year.
    #[arg(long, value_name = "N", default_value_t = WEEKS, value_parser = clap::value_parser!(i64).range(1..=MOST))]
    weeks: i64,
    /// Where the daemon keeps its state; without it, as for run.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Reads and prints: a line an hour of the week, Monday midnight first, by the room's own clock.
///
/// # Errors
/// If there is no database that can be read.
pub fn run(config: &Config, args: &WeekArgs, lang: Lang) -> Result<u8, String> {
    let (now, zone) = (Clock::start().now().wall, &config.room.time_zone.0);
    let first = hour_of(now) - args.weeks * i64::from(HOURS);
    let checks = config.plan.checks.iter().map(|spec| Subject::Check(spec.name.clone()));
    let wanted = Wanted {
        since: hour_begins(first),
        until: now,
        hours: vec![(first, hour_of(now) + 1)],
        subjects: checks.chain([Subject::Component(Component::Internet)]).collect(),
    };
    let folder = service::state_dir(args.state_dir.clone())?;
    let past = read_from(&folder, &wanted, &recorder::catalogue())
        .map_err(|error| format!("{}{}", in_full(&error), error.hint()))?;
    if past.cut {
        let cut = Text::new("tidak lengkap: terlalu banyak catatan", "incomplete: too many records");
        note(&format!("siaga: {}", cut.in_lang(lang)));
    }
    let hours = week(&past, &far_ends(config, &past), zone, (wanted.since, now));
    say(&rows::csv(&hours));
    Ok(0)
}
