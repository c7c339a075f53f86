//! `siaga radio`: the phrases that are recorded, and a test on the air.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::paint::{note, say};
use crate::app::service;
use crate::clock::Clock;
use crate::domain::in_full;
use crate::radio::words::{self, Pause};
use crate::radio::{Config, Message, OnAir, Station, numbers, phrases, sound};

/// What `siaga radio` can do.
#[derive(Debug, Subcommand)]
pub enum RadioCommand {
    /// List the phrases to record, and which of them are missing in a folder. Exits with 1 if one is.
    Phrases(PhrasesArgs),
    /// Say a test message ON THE AIR and tell what was said: words, length, level, key. For a licensed channel only.
    Test(TestArgs),
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
    /// A TOML file with the radio's table alone: frequency, licence, station, play, ptt …
    radio: PathBuf,
    /// Say it twice, as what matters is said: with two seconds of listening between.
    #[arg(long)]
    twice: bool,
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

/// Says a test message.
///
/// # Errors
/// What is wrong with the file, or why nothing was said.
pub async fn test(args: &TestArgs) -> Result<u8, String> {
    service::start_log();
    let config = read(&args.radio)?;
    let mut station = Station::start(config, Clock::start(), OnAir::default()).await;
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
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut config: Config = toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    config.clips = config.clips.map(|clips| folder.join(clips));
    Ok(config)
}
