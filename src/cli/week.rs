//! `siaga week`: what the line was like in each hour of the week, over the weeks that are kept, as comma-separated values.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::ledger::far_ends;
use super::paint::{note, say};
use crate::app::{recorder, service};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::past::{hour_begins, hour_of};
use crate::domain::{Component, Lang, Subject, Text, Verdict, Wanted, in_full};
use crate::engine::past::week::{HOURS, Quantiles, WeekHour, week};
use crate::store::read_from;

/// What `siaga week` can be told.
#[derive(Clone, Debug, Args)]
pub struct WeekArgs {
    /// How many weeks back, up to a year.
    #[arg(long, value_name = "N", default_value_t = 13, value_parser = clap::value_parser!(i64).range(1..=53))]
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
    let mut out = String::from(HEAD);
    let hours = week(&past, &far_ends(config, &past), zone, (wanted.since, now));
    for (place, hour) in hours.iter().enumerate().take(usize::from(HOURS)) {
        _ = write!(out, "{},{}", place / 24 + 1, place % 24);
        line(&mut out, hour);
    }
    say(&out);
    Ok(0)
}

/// ISO 8601 weekdays: 1 is Monday. Minutes of the internet's verdicts; shares, seconds and bit/s; a p95 of a rate is what 95 of
/// 100 tests reached.
const HEAD: &str = "weekday,hour,ready_minutes,degraded_minutes,not_ready_minutes,unknown_minutes,not_measured_minutes,\
    loss_p50,loss_p95,loss_p99,round_trip_p50,round_trip_p95,round_trip_p99,down_p50,down_p95,down_p99,up_p50,up_p95,up_p99\r\n";

fn line(out: &mut String, hour: &WeekHour) {
    let minutes = |time: Duration| time.as_secs_f64() / 60.0;
    let times =
        [Verdict::Ready, Verdict::Degraded, Verdict::NotReady, Verdict::Unknown].map(|said| hour.times.of(said));
    for time in times.into_iter().chain([hour.times.unmeasured]) {
        _ = write!(out, ",{:.1}", minutes(time));
    }
    for (quantiles, places) in [(hour.loss, 4), (hour.round_trip, 4), (hour.down, 0), (hour.up, 0)] {
        match quantiles {
            Some(Quantiles { p50, p95, p99, .. }) => {
                _ = write!(out, ",{p50:.places$},{p95:.places$},{p99:.places$}");
            }
            None => out.push_str(",,,"),
        }
    }
    out.push_str("\r\n");
}
