//! `siaga survey`: is there enough internet at this place for a meeting, once, with a report of one page.

mod files;
mod keeping;
mod plan;
mod progress;
#[cfg(test)]
mod tests;
mod watch;

pub(super) use watch::TESTS;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::paint::{note, say};
use crate::clock::Clock;
use crate::config::{Config, Origin};
use crate::domain::{Lang, Period, SecretFile, Size};
use crate::probe::dial::FarUrl;
use crate::probe::stun::Server;
use crate::survey::report::{Both, Bytes};
use crate::survey::words::pick;
use crate::survey::{Asked, Report, Seen, page};
use plan::Planned;

/// The longest name of a place that a title takes.
const VENUE: usize = 120;

/// What `siaga survey` can be told.
#[derive(Clone, Debug, Args)]
pub struct SurveyArgs {
    /// The kind of meeting, by its name ("zoom_group_720"); without it all are judged, and the largest that fits is told.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Where this is ("Aula Kantor Camat"): the report's title.
    #[arg(long, value_name = "TEXT", value_parser = venue)]
    venue: Option<String>,
    /// A "siaga reflect" at a far end, "host" or "host:port" (10862): a call-like test by UDP.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = |text: &str| server(text, 10862))]
    far_end: Option<String>,
    /// A file with the key that it shares with us.
    #[arg(long, value_name = "FILE", requires = "far_end", value_parser = secret)]
    key_file: Option<String>,
    /// A file with the token by which it knows us, instead ("siaga token add … --scope reflect" at the far end).
    #[arg(long, value_name = "FILE", requires = "far_end", conflicts_with = "key_file", value_parser = secret)]
    token_file: Option<String>,
    /// A TURN server, "host" or "host:port" (3478): the same through a relay.
    #[arg(long, value_name = "HOST[:PORT]", requires_all = ["relay_user", "relay_password_file"], value_parser = |text: &str| server(text, 3478))]
    relay: Option<String>,
    /// For whom it relays.
    #[arg(long, value_name = "NAME", requires = "relay")]
    relay_user: Option<String>,
    /// A file with that one's password.
    #[arg(long, value_name = "FILE", requires = "relay", value_parser = secret)]
    relay_password_file: Option<String>,
    /// The file holds the secret that the server shares, and no password.
    #[arg(long, requires = "relay")]
    relay_shared_secret: bool,
    /// What to download; {bytes} in it stands for the number of bytes wanted.
    #[arg(long, value_name = "URL", requires = "up", value_parser = url)]
    down: Option<String>,
    /// Where to upload by POST.
    #[arg(long, value_name = "URL", requires = "down", value_parser = url)]
    up: Option<String>,
    /// The meeting's own server, "host" or "host:port" (443): its name, its certificate, its front page.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = |text: &str| server(text, 443))]
    server: Option<String>,
    /// Certificates to trust (PEM) instead of the machine's own, for the relay and the meeting's server.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The folder for the report; without it the one in which this is called.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// How long to watch before the tests, 1s to 1h.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration)]
    duration: Period,
    /// How much data the tests may take; where they might take more, nothing is measured.
    #[arg(long, value_name = "SIZE", default_value = "100 MB")]
    budget: Size,
    /// Keep the report where the daemon of this machine shows it (/surveys), too.
    #[arg(long)]
    keep: bool,
    /// Measure nothing: keep reports there that were made elsewhere (the JSON files of siaga survey).
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["keep", "remove", "venue", "profile"])]
    add: Vec<PathBuf>,
    /// Measure nothing: remove a report that is kept there, by its id.
    #[arg(long, value_name = "ID", conflicts_with_all = ["keep", "venue", "profile"])]
    remove: Option<String>,
    /// Where that daemon keeps its state (the service: /var/lib/siaga); without it, as for run.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Say nothing but the answer.
    #[arg(long, short)]
    quiet: bool,
}

/// It stands in pages and terminals.
fn venue(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.len() > VENUE || text.contains(char::is_control) {
        return Err(format!("the name of a place has 1 to {VENUE} bytes, and no control characters"));
    }
    Ok(text.to_owned())
}

fn server(text: &str, port: u16) -> Result<String, String> {
    Server::read(text, port).map(|_| text.trim().to_owned())
}

fn secret(text: &str) -> Result<String, &'static str> {
    SecretFile::try_from(text.to_owned()).map(|_| text.to_owned())
}

fn url(text: &str) -> Result<String, String> {
    match text.parse::<FarUrl>() {
        Ok(FarUrl::Named(_)) => Ok(text.to_owned()),
        Ok(FarUrl::Own) => Err("this very computer tells nothing of a place".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn duration(text: &str) -> Result<Period, String> {
    let period: Period = text.parse().map_err(|error| format!("{error}"))?;
    let allowed = Period(Duration::from_secs(1))..=Period(Duration::from_hours(1));
    if allowed.contains(&period) { Ok(period) } else { Err(format!("{period} is out of range; allowed is 1s to 1h")) }
}

impl SurveyArgs {
    fn asked(&self) -> Asked {
        Asked {
            far_end: self.far_end.clone(),
            key_file: self.key_file.clone(),
            token_file: self.token_file.clone(),
            relay: self.relay.clone(),
            relay_user: self.relay_user.clone(),
            relay_password_file: self.relay_password_file.clone(),
            relay_shared_secret: self.relay_shared_secret,
            rates: self.down.clone().zip(self.up.clone()),
            server: self.server.clone(),
            ca_file: self.ca_file.as_ref().map(|file| file.display().to_string()),
        }
    }

    fn tell(&self, text: &str) {
        if !self.quiet {
            note(text);
        }
    }
}

/// Watches, tests, writes the report, and says whether a meeting can be held here. Gives the exit code of that.
///
/// # Errors
/// If nobody can be asked, the tests might cost more than they may, or the report cannot be written.
pub async fn run(config: Config, origin: &Origin, args: &SurveyArgs, lang: Lang) -> Result<u8, String> {
    if let Some(id) = &args.remove {
        return keeping::remove(args.state_dir.clone(), id);
    }
    if !args.add.is_empty() {
        return keeping::add(args.state_dir.clone(), &args.add, lang);
    }
    let office = (*origin != Origin::BuiltIn).then_some(&config);
    let planned = plan::plan(&config, office.is_some(), &args.asked(), args.profile.as_deref())?;
    let at_most = Size(planned.tests().map(|(_, worst)| worst).sum());
    args.tell(&told_cost(&planned, at_most, lang));
    if at_most > args.budget {
        return Err(too_dear(at_most, args.budget));
    }
    // Before anything is spent on it.
    files::try_folder(&args.out)?;
    let kept_in = args.keep.then(|| keeping::folder(args.state_dir.clone())).transpose()?;
    let clock = Clock::start();
    let began_at = clock.now().wall;
    let zone = config.room.time_zone.0.clone();
    let id = files::name(args.venue.as_deref(), began_at, &zone);
    let watched = watch::watch(&planned, clock, args.duration.0, args.quiet, lang).await?;
    let remedies: BTreeMap<&'static str, Both> =
        config.remedies.iter().map(|(code, own)| (*code, Both { id: own.id.clone(), en: own.en.clone() })).collect();
    let report: Report = crate::survey::report(&Seen {
        id,
        venue: args.venue.clone(),
        zone,
        profile: args.profile.as_deref(),
        snapshot: &watched.snapshot,
        record: &watched.record,
        checks: &planned.line,
        remedies: &remedies,
        ended: watched.ended,
        began_at,
        ended_at: clock.now().wall,
        watched: watched.quiet_for,
        bytes: Bytes { at_most: at_most.0, used: watched.used },
    });
    say(&answer(&report, lang));
    for file in files::write(&args.out, &report, &page::page(&report, lang, None)?)? {
        args.tell(&format!("siaga: {} {}", pick(lang, "laporan di", "the report is in"), file.display()));
    }
    if let Some(folder) = kept_in {
        keeping::keep(&folder, &report)?;
        args.tell(&format!("siaga: {} /surveys/{}", pick(lang, "disimpan, tampil di", "kept, shown at"), report.id));
    }
    Ok(report.verdict.exit_code())
}

/// That they might cost more than they may. By the unit in which budgets are written, rounded up: so much lets them.
fn too_dear(at_most: Size, budget: Size) -> String {
    let tenths = at_most.0.div_ceil(100_000);
    format!("the tests may take up to {}.{} MB, and --budget says {budget}", tenths / 10, tenths % 10)
}

/// What the tests will cost at most, before they begin.
fn told_cost(planned: &Planned, at_most: Size, lang: Lang) -> String {
    let each: Vec<String> =
        planned.tests().map(|(name, worst)| format!("{name} {}", page::megabytes(worst, lang))).collect();
    let most = page::megabytes(at_most.0, lang);
    let each = if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) };
    match lang {
        Lang::Id => format!("siaga: uji memakai paling banyak {most}{each}; pengamatan menambah sedikit"),
        Lang::En => format!("siaga: the tests take {most} at most{each}; watching adds a little"),
    }
}

/// The answer, then what is beside it: the other meetings, what broke it off, what is not known.
fn answer(report: &Report, lang: Lang) -> String {
    let mut lines = vec![report.answer.in_lang(lang).to_owned()];
    if let Some(why) = &report.unfinished {
        lines.push(format!("{}: {}", pick(lang, "Tidak selesai", "Not finished"), why.in_lang(lang)));
    }
    if report.asked_profile.is_none() {
        lines.extend(report.profiles.iter().map(|meeting| {
            let limit =
                meeting.limit.as_ref().map_or(String::new(), |limit| format!(": {}", limit.words.in_lang(lang)));
            format!("  {} {}{limit}", meeting.name, page::held(meeting.verdict, lang))
        }));
    }
    if !report.not_measured.is_empty() {
        lines.push(format!("{}:", pick(lang, "Tidak terukur", "Not measured")));
        lines.extend(report.not_measured.iter().map(|missing| {
            let check = missing.check.as_ref().map_or(String::new(), |check| format!("{check}, "));
            format!("  {check}{}: {}", missing.what.in_lang(lang), missing.why.in_lang(lang))
        }));
    }
    lines.push(String::new());
    lines.join("\n")
}
