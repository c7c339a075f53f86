//! `siaga radio`: the phrases that are recorded, a test on the air, and the operators' own radio check.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::orders;
use super::paint::{note, say};
use crate::app::service;
use crate::clock::Clock;
use crate::config::Config as Main;
use crate::control::order::Order;
use crate::domain::{Lang, in_full};
use crate::named_file;
use crate::notify::Way;
use crate::radio::monitor::{Echo, Room};
use crate::radio::words::{self, Pause};
use crate::radio::{Config, Message, OnAir, Station, numbers, phrases, sound};
use crate::store::{Claim, ClaimError};

/// What `siaga radio` can do.
#[derive(Debug, Subcommand)]
pub enum RadioCommand {
    /// List the phrases to record, and which of them are missing in a folder. Exits with 1 if one is.
    Phrases(PhrasesArgs),
    /// Say a test message ON THE AIR and tell what was said: words, length, level, key. For a licensed channel only.
    Test(TestArgs),
    /// Note that the operators have called and heard each other by radio. Exits with 0 if it is noted, else with 2.
    Check(CheckArgs),
}

/// What `siaga radio phrases` can be told.
#[derive(Debug, Args)]
pub struct PhrasesArgs {
    /// The folder of clips: WAV, one file a phrase. Without it all phrases are listed.
    #[arg(long, value_name = "DIR")]
    clips: Option<PathBuf>,
    /// The station's name, the rooms' and others that are said often, to be recorded too (again for each).
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Print how to record them, in Indonesian, instead.
    #[arg(long)]
    guide: bool,
}

/// How to record phrases.
const GUIDE: &str = include_str!("../../config/radio/PANDUAN.md");

/// What `siaga radio test` can be told.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// A TOML file with the radio's table alone: frequency, licence, station, play, ptt … Without one it is the config's receiver
    /// of kind radio, by the daemon's mouth where one runs.
    radio: Option<PathBuf>,
    /// Which receiver, where the config has several of kind radio.
    #[arg(long, value_name = "NAME", conflicts_with = "radio")]
    receiver: Option<String>,
    /// Where the daemon listens; without it the socket that the config names, else where the unit or a daemon of this user has it.
    #[arg(long, value_name = "PATH", conflicts_with = "radio")]
    socket: Option<PathBuf>,
    /// Where the daemon keeps its state, if not where the unit or a daemon of this user does: its socket is there, and how much was
    /// said in the last hour.
    #[arg(long, value_name = "DIR", conflicts_with = "radio")]
    state_dir: Option<PathBuf>,
    /// Say it twice, as what matters is said: with two seconds of listening between.
    #[arg(long)]
    twice: bool,
}

impl TestArgs {
    /// Whether it needs no config.
    pub const fn has_file(&self) -> bool {
        self.radio.is_some()
    }
}

/// What `siaga radio check` can be told.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Who heard the call. It stands in the audit alone.
    #[arg(long, value_name = "NAME")]
    heard_by: String,
    /// Where the daemon listens; without it the socket that the config names, else where the unit or a daemon of this user has it.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Where the daemon keeps its state, if not where the unit or a daemon of this user does: its socket is there.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Lists phrases.
pub fn phrases(args: &PhrasesArgs) -> u8 {
    if args.guide {
        say(GUIDE);
        return 0;
    }
    let own = args.names.iter().map(|name| words::text(name, Pause::Word)).map(|part| (part.clip, part.text));
    let of_numbers = numbers::WORDS.iter().map(|word| ((*word).to_owned(), (*word).to_owned()));
    let mut groups: Vec<(&str, Vec<(String, String)>)> = phrases::ALL
        .iter()
        .map(|(group, all)| (*group, all.iter().map(|phrase| (phrase.clip(), phrase.0.to_owned())).collect()))
        .collect();
    groups.push(("bilangan", of_numbers.collect()));
    groups.push(("nama", own.collect()));
    let (mut out, mut missing, mut all) = (String::new(), 0, 0);
    for (group, phrases) in groups.iter().filter(|(_, phrases)| !phrases.is_empty()) {
        out.push_str(group);
        out.push('\n');
        for (clip, text) in phrases {
            all += 1;
            let found = args.clips.as_deref().map(|folder| sound::load(folder, clip));
            let state = match found {
                None => String::new(),
                Some(Ok(_)) => "ok  ".to_owned(),
                Some(Err(why)) => {
                    missing += 1;
                    format!("--  ({why}) ")
                }
            };
            _ = writeln!(out, "  {state}{clip}.wav  \"{text}\"");
        }
    }
    match &args.clips {
        None => _ = writeln!(out, "{all} phrases"),
        Some(folder) => _ = writeln!(out, "{missing} of {all} are missing in {}", folder.display()),
    }
    say(&out);
    u8::from(missing > 0)
}

/// Has the daemon note a radio check.
///
/// # Errors
/// If no daemon answers, or it ends in the middle.
pub async fn check(config: &Main, args: &CheckArgs, lang: Lang) -> Result<u8, String> {
    let order = Order::RadioCheck { heard_by: args.heard_by.clone(), lang };
    let socket = orders::named(&config.control, args.socket.as_deref(), args.state_dir.as_deref());
    orders::once(&config.control, socket.as_deref(), &order).await
}

/// Says a test message. Where a daemon runs it has the key in its hand, and says it.
///
/// # Errors
/// What is wrong with the file or the config, or why nothing was said.
pub async fn test(args: &TestArgs, config: Option<&Main>, lang: Lang) -> Result<u8, String> {
    service::start_log();
    match (&args.radio, config) {
        (Some(file), _) => said(args, read(file)?, Clock::start(), OnAir::default()).await,
        (None, Some(config)) => {
            let (name, radio) = receiver(config, args.receiver.as_deref())?;
            let socket = orders::named(&config.control, args.socket.as_deref(), args.state_dir.as_deref());
            if orders::is_there(&config.control, socket.as_deref()).await {
                if args.twice {
                    return Err("the daemon runs and holds the key; it says a test once (leave out --twice)".to_owned());
                }
                let order = Order::TestAlert { receivers: vec![name.to_owned()], lang };
                return orders::once(&config.control, socket.as_deref(), &order).await;
            }
            let folder = service::state_dir(args.state_dir.clone())?;
            // A daemon that does not listen holds the key too.
            let claim = Claim::take(&folder).map_err(|error| match error {
                ClaimError::Taken(folder) => format!(
                    "a daemon keeps its state in {} and holds the key; --socket says where it listens",
                    folder.display()
                ),
                other @ ClaimError::Folder(_) => in_full(&other),
            })?;
            let clock = Clock::start();
            let books = OnAir::open(&folder, clock);
            let code = said(args, radio.clone(), clock, books.clone()).await;
            if let Err(why) = books.kept().await {
                note(&format!("siaga: {why}"));
            }
            drop(claim);
            code
        }
        (None, None) => Err("no config says which radio".to_owned()),
    }
}

/// The config's radio, with its name.
fn receiver<'a>(config: &'a Main, name: Option<&str>) -> Result<(&'a str, &'a Config), String> {
    let mut radios = config.receivers.iter().filter_map(|receiver| match &receiver.way {
        Way::Radio(radio) => Some((&*receiver.name, radio)),
        _ => None,
    });
    match name {
        Some(name) => radios
            .find(|(known, _)| *known == name)
            .ok_or_else(|| format!("no receiver of kind radio is named {name:?}")),
        None => match (radios.next(), radios.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => {
                Err("the config has no receiver of kind radio; a TOML file with the radio's table can be given"
                    .to_owned())
            }
            (Some(_), Some(_)) => {
                Err("the config has several receivers of kind radio; --receiver says which".to_owned())
            }
        },
    }
}

async fn said(args: &TestArgs, config: Config, clock: Clock, on_air: OnAir) -> Result<u8, String> {
    let mut station = Station::start(config, clock, on_air, Room::free()).await;
    let sent = station.transmit(&Message::Test { twice: args.twice }).await.map_err(|error| in_full(&error))?;
    for transmission in &sent.transmissions {
        let (prepared, keyed) = (&transmission.prepared, transmission.keyed.as_secs_f64());
        say(&format!(
            "{}\n  {} words, {:.1} s, voice {:.1} dBFS, peak {:.1} dBFS, key down {keyed:.1} s, {} gaps\n",
            transmission.words,
            transmission.words.split_whitespace().count(),
            prepared.seconds,
            prepared.loudness,
            prepared.peak,
            transmission.dry
        ));
        if let Some((echo, why)) = &transmission.echo {
            let heard = match echo {
                Echo::Heard => "heard it",
                Echo::Uncertain => "may have heard it",
                Echo::Missed => "heard nothing",
            };
            say(&format!("  the second receiver {heard} ({why})\n"));
        }
        for clip in &prepared.synthesised {
            note(&format!("siaga: synthesised {clip}"));
        }
    }
    match &sent.unrepeated {
        None => Ok(0),
        Some(why) => Err(format!("it was said once and not repeated: {why}")),
    }
}

fn read(file: &Path) -> Result<Config, String> {
    let text = named_file::text(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut config: Config = toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    config.clips = config.clips.map(|clips| folder.join(clips));
    Ok(config)
}
