//! `siaga replay --history`: the recorded observations, judged by another config. What would have been, beside what was.

mod compare;
mod play;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::listing::Listing;
use super::paint::{note, say};
use super::replay::told;
use crate::app::{recorder, service};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{Lang, Period, Requirement, Verdict, in_full, instant};
use crate::store::{Recorded, Recording};
use compare::Difference;
use play::Played;

/// Without any observation of any check for this long, nobody watched: a daemon keeps one of each check a minute.
const UNWATCHED: Duration = Duration::from_secs(150);

/// What `siaga replay --history` can be told.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// Play what the daemon has recorded, instead of a scenario. What a number did between two recorded observations
    /// (one a minute, and both sides of every change) is not seen.
    #[arg(long)]
    history: bool,
    /// From when: a length of time back from now (24h, 7d), or a moment (RFC 3339).
    #[arg(long, value_name = "TIME", default_value = "24h", requires = "history", value_parser = parse_moment)]
    since: Moment,
    /// Until when; without it, the newest that is recorded.
    #[arg(long, value_name = "TIME", requires = "history", value_parser = parse_moment)]
    until: Option<Moment>,
    /// Where the daemon keeps its state; without it, as for run.
    #[arg(long, value_name = "DIR", requires = "history")]
    state_dir: Option<PathBuf>,
}

/// A moment, as people say it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Moment {
    Ago(Duration),
    At(Timestamp),
}

impl Moment {
    /// That moment, if it is `now`.
    pub(super) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(by) => now.checked_sub(by).unwrap_or(Timestamp::MIN),
        }
    }
}

pub(super) fn parse_moment(text: &str) -> Result<Moment, String> {
    let period = text.parse::<Period>().map(|period| Moment::Ago(period.0));
    period.or_else(|_| instant(text).map(Moment::At)).map_err(|_| {
        format!("{text:?} is neither a length of time, such as 24h, nor a moment, such as 2026-12-01T09:00:00+07:00")
    })
}

/// Reads, plays, prints.
///
/// # Errors
/// If there is no database that can be read, or nothing is recorded in that span.
pub fn run(config: Config, args: &HistoryArgs, end: bool, lang: Lang, color: bool) -> Result<u8, String> {
    let now = Clock::start().now();
    let since = args.since.before(now.wall);
    let until = args.until.map_or(Timestamp::MAX, |until| until.before(now.wall));
    if until <= since {
        return Err(format!("--until ({until}) is not after --since ({since})"));
    }
    let folder = service::state_dir(args.state_dir.clone())?;
    let recording = Recording::read(&folder, (since, until), &recorder::catalogue())
        .map_err(|error| format!("{}{}", in_full(&error), error.hint()))?;
    let zone = config.room.time_zone.0.clone();
    let Some((first, last)) = recording.span() else {
        let until = args.until.map_or_else(|| "now".to_owned(), |_| shown(until, &zone));
        return Err(format!(
            "nothing was recorded in {} from {} until {until}; --since looks further back, as far as [store] \
             retention_observations reaches",
            folder.display(),
            shown(since, &zone)
        ));
    };
    let begin = if recording.before.is_empty() { first } else { since };
    let until = if args.until.is_some() { until.min(now.wall) } else { last };
    let profile = config.plan.profiles[config.plan.default_profile].name.clone();
    let names: Vec<String> = config.plan.checks.iter().map(|check| check.name.as_str().to_owned()).collect();
    let title = config.room.title().to_owned();
    let played = play::play(config.plan, &recording, (begin, until), now.mono);

    for (at, event) in &played.events {
        if let Some(line) = told(event, lang) {
            say(&format!("{}  {line}\n", shown(*at, &zone)));
        }
    }
    let gaps = unwatched(&recording, (begin, until));
    say(&format!("\n{}", summary(&played, (begin, until), &gaps, &profile, &zone)));
    let differences = compare::differences(&recording.room, &played.room, (begin, until), &gaps);
    say(&format!("\n{}", told_differences(&differences, &zone)));
    if end && let Some(room) = Listing::of(&played.end, &profile, lang) {
        say(&format!("\n{}", room.titled(&title).text(lang, color)));
    }
    tell_omissions(&recording, &names);
    Ok(0)
}

/// Names what could not be played.
fn tell_omissions(recording: &Recording, configured: &[String]) {
    let recorded: BTreeSet<&str> =
        recording.before.iter().chain(&recording.within).map(|seen| seen.observation.check.as_str()).collect();
    for name in recorded.iter().filter(|name| !configured.iter().any(|known| known == *name)) {
        note(&format!("siaga: the config has no check {name:?}; its observations were left out"));
    }
    for name in configured.iter().filter(|name| !recorded.contains(name.as_str())) {
        note(&format!("siaga: nothing is recorded of the check {name:?}; it was unknown all along"));
    }
    if recording.skipped > 0 {
        note(&format!("siaga: {} observations are of words that this version does not know", recording.skipped));
    }
}

/// The spans in which nobody watched.
fn unwatched(recording: &Recording, (begin, end): (Timestamp, Timestamp)) -> Vec<(Timestamp, Timestamp)> {
    let seen = recording.within.iter().map(|recorded: &Recorded| recorded.observation.at.wall);
    let mut gaps = Vec::new();
    let mut last = begin;
    for at in seen.chain([end]) {
        if at.duration_since(last) > SignedDuration::try_from(UNWATCHED).unwrap_or(SignedDuration::MAX) {
            gaps.push((last, at));
        }
        last = last.max(at);
    }
    gaps
}

fn summary(
    played: &Played,
    (begin, end): (Timestamp, Timestamp),
    gaps: &[(Timestamp, Timestamp)],
    profile: &str,
    zone: &TimeZone,
) -> String {
    let mut out = format!(
        "played {} recorded observations, {} until {} ({}), profile {profile}\n",
        played.count,
        shown(begin, zone),
        shown(end, zone),
        length(end.duration_since(begin).unsigned_abs())
    );
    let mut line = |name: &str, times: [Duration; 4], advisory: bool| {
        let total: Duration = times.iter().sum();
        let shares: Vec<String> = Verdict::ALL
            .into_iter()
            .zip(times)
            .map(|(verdict, time)| {
                let percent = if total.is_zero() { 0.0 } else { 100.0 * time.as_secs_f64() / total.as_secs_f64() };
                format!("{verdict} {} ({percent:.1} %)", length(time))
            })
            .collect();
        let note = if advisory { "  [advisory]" } else { "" };
        _ = writeln!(out, "{name:<9} {}{note}", shares.join("  "));
    };
    line("room", played.times, false);
    for view in played.end.current().components.iter() {
        if !view.checks.is_empty() || (view.requirement == Requirement::Required && !view.absent) {
            let times = played.components.get(&view.component).copied().unwrap_or_default();
            line(view.component.as_str(), times, view.requirement == Requirement::Advisory);
        }
    }
    for (from, to) in gaps {
        let lasted = length(to.duration_since(*from).unsigned_abs());
        _ = writeln!(out, "nobody watched from {} until {} ({lasted})", shown(*from, zone), shown(*to, zone));
    }
    out
}

fn told_differences(differences: &[Difference], zone: &TimeZone) -> String {
    if differences.is_empty() {
        return "the room would have been as it was recorded\n".to_owned();
    }
    let mut out = String::from("where the room would have been different:\n");
    for difference in differences {
        let recorded = difference.recorded.map_or("nothing", Verdict::as_str);
        let lasted = length(difference.to.duration_since(difference.from).unsigned_abs());
        _ = writeln!(
            out,
            "{} until {} ({lasted}): recorded {recorded}, would have been {}",
            shown(difference.from, zone),
            shown(difference.to, zone),
            difference.replayed
        );
    }
    out
}

/// A moment in the room's own time.
pub(super) fn shown(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f %Z").to_string()
}

/// A length of time in its two greatest units.
fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{:.1}s", time.as_secs_f64()),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, ..) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}
