//! `siaga sheet`: the run sheet of a session, read over HTTP and written into over the control socket.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::orders;
use super::paint::{say, verdict};
use crate::clock::Clock;
use crate::config::Config;
use crate::control::order::Order;
use crate::domain::sheet::{SheetAct, SheetWish};
use crate::domain::{Finest, Lang, Period, Requirement, Text, Verdict, on_the_day};
use crate::engine::sheet::Standing;

/// How long the daemon gets to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `siaga sheet` can be told.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Exit: of the sheet as it is shown that of its verdict (0 ready, 1 degraded, 2 not ready, 3 unknown); \
    of an act 0 if it is written down, 2 if it is refused, or holds and the disk has not taken it, 3 if no daemon answers."
)]
pub struct SheetArgs {
    /// The session, by the scheduler's own id (GET /api/v1/sessions lists them).
    #[arg(value_name = "SESSION")]
    session: String,
    #[command(subcommand)]
    command: Option<SheetCommand>,
    /// Where the daemon answers, to show the sheet; without it the config's first address on this machine, else its first.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A file whose first line is a token, to show the sheet where the room is not open to everybody.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A PEM file with the certificates to trust over TLS, instead of the machine's own.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print the daemon's JSON as it came.
    #[arg(long)]
    json: bool,
    /// Where the daemon listens; without it the socket that the config names, else where the unit or a daemon of this user has it.
    #[arg(long, value_name = "PATH", global = true)]
    socket: Option<PathBuf>,
    /// Where the daemon keeps its state, if not where the unit or a daemon of this user does: its socket is there.
    #[arg(long, value_name = "DIR", global = true)]
    state_dir: Option<PathBuf>,
}

impl SheetArgs {
    /// Whether a token is shown to whoever the config says.
    pub fn shows_token(&self) -> bool {
        self.token_file.is_some() && self.url.is_none()
    }
}

#[derive(Clone, Debug, Subcommand)]
enum SheetCommand {
    /// Tick a check. Without a command the sheet is shown, and the exit code is that of its verdict.
    Tick {
        /// As the sheet names it: room, "attendance:Camat Badau".
        #[arg(value_name = "ITEM")]
        item: String,
        #[command(flatten)]
        who: ByWhom,
    },
    /// Take a tick back.
    Untick {
        /// As the sheet names it.
        #[arg(value_name = "ITEM")]
        item: String,
        #[command(flatten)]
        who: ByWhom,
    },
    /// Begin a trial, or end the one that is under way.
    Trial {
        /// Which of both.
        #[arg(value_name = "ACT")]
        act: TrialAct,
        /// What was found, when it ends.
        #[arg(long, value_name = "TEXT")]
        findings: Option<String>,
        #[command(flatten)]
        who: ByWhom,
    },
    /// Say for what the session is taken until then, whatever was found; what was found stays and is shown beside it.
    #[command(group = ArgGroup::new("time").args(["until", "length", "end"]).required(true))]
    Override {
        /// For what: ready, degraded or not_ready.
        #[arg(long, value_name = "VERDICT", value_parser = parse_verdict, required_unless_present = "end")]
        verdict: Option<Verdict>,
        /// Until when (RFC 3339), at most the session's end.
        #[arg(long, value_name = "TIME")]
        until: Option<Timestamp>,
        /// For how long: 30m, 2h; at most until the session's end.
        #[arg(long = "for", value_name = "LENGTH", value_parser = parse_period)]
        length: Option<Period>,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// End the one that holds instead.
        #[arg(long, conflicts_with = "verdict")]
        end: bool,
        #[command(flatten)]
        who: ByWhom,
    },
}

/// Who has done it.
#[derive(Clone, Args)]
struct ByWhom {
    /// Who has done it, or answers for it. It stands on the sheet, in the report and in the audit alone.
    #[arg(long, value_name = "NAME")]
    by: String,
}

impl std::fmt::Debug for ByWhom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByWhom")
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TrialAct {
    Begin,
    End,
}

fn parse_verdict(word: &str) -> Result<Verdict, String> {
    let known = Verdict::parse(word).filter(|verdict| *verdict != Verdict::Unknown);
    known.ok_or_else(|| "allowed are ready, degraded, not_ready".to_owned())
}

fn parse_period(text: &str) -> Result<Period, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// Shows the sheet, or has something written into it. Gives the exit code: of the sheet that of its verdict; of something to be
/// written 0, and 2 if it is refused.
///
/// # Errors
/// If no daemon answers, or there is no such session.
pub async fn run(config: &Config, args: &SheetArgs, lang: Lang, color: bool) -> Result<u8, String> {
    let Some(command) = &args.command else { return show(config, args, lang, color).await };
    let (by, act) = act(command.clone())?;
    let order = Order::RunSheet { wish: SheetWish { session: Arc::from(&*args.session), start: None, by, act }, lang };
    let socket = orders::named(&config.control, args.socket.as_deref(), args.state_dir.as_deref());
    orders::once(&config.control, socket.as_deref(), &order).await
}

/// By whom what is to be written.
///
/// # Errors
/// What does not go together, though each of it could be said.
fn act(command: SheetCommand) -> Result<(String, SheetAct), String> {
    Ok(match command {
        SheetCommand::Tick { item, who } => (who.by, SheetAct::Tick { item }),
        SheetCommand::Untick { item, who } => (who.by, SheetAct::Untick { item }),
        SheetCommand::Trial { act: TrialAct::Begin, findings: Some(_), .. } => {
            return Err("a trial that begins has found nothing yet; --findings goes with \"trial end\"".to_owned());
        }
        SheetCommand::Trial { act: TrialAct::Begin, findings: None, who } => (who.by, SheetAct::BeginTrial),
        SheetCommand::Trial { act: TrialAct::End, findings, who } => {
            (who.by, SheetAct::EndTrial { findings: findings.unwrap_or_default() })
        }
        SheetCommand::Override { reason, who, end: true, .. } => (who.by, SheetAct::EndOverride { reason }),
        SheetCommand::Override { verdict, until, length, reason, who, .. } => {
            let after =
                length.map(|length| Clock::start().now().wall.saturating_add(length.0).unwrap_or(Timestamp::MAX));
            let until = until.or(after).ok_or("until when? --for or --until says it")?;
            let verdict = verdict.ok_or("for what is the session to be taken? --verdict says it")?;
            (who.by, SheetAct::Override { verdict, reason, until })
        }
    })
}

/// The sheet, as the daemon tells it. The fields have the names that the API gives them.
#[derive(Deserialize)]
struct Told {
    session: Session,
    verdict: Option<Verdict>,
    machine: Option<Machine>,
    hand: Hand,
    #[serde(rename = "override")]
    overridden: Option<Override>,
    trials: Vec<Trial>,
}

#[derive(Deserialize)]
struct Session {
    title: String,
    start: Timestamp,
    end: Timestamp,
}

#[derive(Deserialize)]
struct Machine {
    summary: String,
}

#[derive(Deserialize)]
struct Hand {
    items: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    item: String,
    title: String,
    site: Option<String>,
    requirement: Requirement,
    state: Standing,
    late: bool,
    due_at: Timestamp,
    until: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Override {
    verdict: Verdict,
    reason: String,
    until: Timestamp,
}

#[derive(Deserialize)]
struct Trial {
    from: Timestamp,
    to: Option<Timestamp>,
    #[serde(default)]
    under_way: bool,
}

async fn show(config: &Config, args: &SheetArgs, lang: Lang, color: bool) -> Result<u8, String> {
    let base = args.url.clone().unwrap_or_else(|| super::status::address(config));
    let url = base.parse::<reqwest::Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let mut url = url.ok_or_else(|| {
        format!("--url {base:?} is no address of a daemon; write one such as \"http://127.0.0.1:10153\"")
    })?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["api", "v1", "sessions", &args.session, "runsheet"]);
    }
    url.query_pairs_mut().append_pair("lang", lang.as_str());
    let client = super::status::client(args.ca_file.as_deref(), PATIENCE)?;
    let answer = super::status::showing(client.get(url), args.token_file.as_deref())?.send().await;
    let answer = answer.map_err(|error| super::status::unanswered(&base, &error))?;
    let (ok, unnamed) = (answer.status().is_success(), answer.status() == reqwest::StatusCode::UNAUTHORIZED);
    let text = answer.text().await.map_err(|error| format!("{base}: {error}"))?;
    if !ok {
        let body: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let detail = body["detail"].as_str().or(body["title"].as_str()).unwrap_or("it is not siaga");
        let here = if unnamed { "; here: --token-file FILE" } else { "" };
        return Err(format!("{base}: {detail}{here}"));
    }
    // Of what is over or called off nothing is said.
    let code = |verdict: Option<Verdict>| verdict.unwrap_or(Verdict::Unknown).exit_code();
    if args.json {
        say(&format!("{text}\n"));
        let told: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        return Ok(code(serde_json::from_value(told["verdict"].clone()).ok()));
    }
    let told: Told = serde_json::from_str(&text)
        .map_err(|error| format!("{base} answers as another version of siaga does ({error}); --json shows it"))?;
    say(&told.text(&config.room.time_zone.0, lang, color));
    Ok(code(told.verdict))
}

impl Told {
    fn text(&self, zone: &TimeZone, lang: Lang, color: bool) -> String {
        let said = |id, en| Text::new(id, en).in_lang(lang);
        let clock = |moment: &Timestamp| on_the_day(*moment, zone, lang, Finest::Minute);
        let mut out = String::new();
        let Session { title, start, end } = &self.session;
        let word = self.verdict.map_or_else(
            || said("sudah lewat atau dibatalkan", "over or cancelled").to_owned(),
            |one| verdict(one, lang, color),
        );
        _ = writeln!(out, "{title}, {} – {}: {word}", clock(start), clock(end));
        if let Some(Override { verdict: taken, reason, until }) = &self.overridden {
            let (decided, until_when) = (said("keputusan petugas", "override"), said("sampai", "until"));
            let (taken, until) = (verdict(*taken, lang, color), clock(until));
            _ = writeln!(out, "  {decided}: {taken}, {until_when} {until}: {reason}");
        }
        if let Some(Machine { summary }) = &self.machine {
            _ = writeln!(out, "  {}: {summary}", said("diukur", "measured"));
        }
        for item in &self.hand.items {
            let mark = if item.state == Standing::Done { "[x]" } else { "[ ]" };
            let site = item.site.as_ref().map(|site| format!(": {site}")).unwrap_or_default();
            let state = match (item.state, item.late, &item.until) {
                (Standing::Done, _, Some(until)) => {
                    format!("{} {}", said("berlaku sampai", "holds until"), clock(until))
                }
                (_, true, _) => format!("{} ({})", said("TERLAMBAT", "LATE"), clock(&item.due_at)),
                (Standing::Expired, ..) => said("sudah kedaluwarsa", "too long ago").to_owned(),
                _ => format!("{} {}", said("paling lambat", "due"), clock(&item.due_at)),
            };
            let noted = match item.requirement {
                Requirement::Advisory => said(" (hanya dicatat)", " (only noted)"),
                Requirement::Required => "",
            };
            _ = writeln!(out, "  {mark} {}: {}{site}; {state}{noted}", item.item, item.title);
        }
        for trial in &self.trials {
            let end = match &trial.to {
                Some(to) => clock(to),
                None if trial.under_way => said("sedang berjalan", "under way").to_owned(),
                None => said("belum diakhiri", "not ended yet").to_owned(),
            };
            _ = writeln!(out, "  {}: {} – {end}", said("uji coba", "trial"), clock(&trial.from));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Asked {
        #[command(flatten)]
        sheet: SheetArgs,
    }

    fn asked(words: &[&str]) -> Result<SheetAct, String> {
        let words = ["sheet", "rapat-1"].iter().chain(words).chain(&["--by", "Petugas Satu"]);
        act(Asked::try_parse_from(words).unwrap().sheet.command.unwrap()).map(|(_, act)| act)
    }

    #[test]
    fn findings_are_taken_of_a_trial_that_ends_and_not_thrown_away_of_one_that_begins() {
        let end = |findings: &str| Ok(SheetAct::EndTrial { findings: findings.to_owned() });
        assert_eq!(asked(&["trial", "end", "--findings", "suara pelan"]), end("suara pelan"));
        assert_eq!(asked(&["trial", "end"]), end(""));
        assert_eq!(asked(&["trial", "begin"]), Ok(SheetAct::BeginTrial));
        let why = asked(&["trial", "begin", "--findings", "suara pelan"]).unwrap_err();
        assert!(why.contains("trial end"), "{why}");
    }
}
