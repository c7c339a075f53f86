//! `siaga test`: ask the running daemon for a test of active checks, now.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::listing::{Line, Why};
use super::paint::{note, say};
use crate::app::service;
use crate::config::Config;
use crate::control::SOCKET;
use crate::control::order::{LONGEST, Order, Tested, Word};
use crate::domain::{Lang, Verdict};
use crate::peer;

/// Where the daemon's unit has it listen.
const USUAL: &str = "/run/siaga";

/// How long the daemon may be silent: more than it gives a test itself.
const PATIENCE: Duration = Duration::from_mins(4);

/// What `siaga test` can be told.
#[derive(Clone, Debug, Args)]
pub struct TestArgs {
    /// The checks to test, by their names in the config: bandwidth, frames, microphone, loopback.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Where the daemon listens; without it the socket that the config names, else where the unit or a daemon of this user has it.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// What was measured too.
    #[arg(long, short)]
    verbose: bool,
}

/// Asks, tells what happens, and gives the exit code of the worst that was found; what was not tested is unknown.
///
/// # Errors
/// If no daemon answers, or it ends in the middle.
pub async fn run(config: &Config, args: &TestArgs, lang: Lang, color: bool) -> Result<u8, String> {
    let socket = args.socket.clone().unwrap_or_else(|| place(config));
    let lost = |error: std::io::Error| format!("{}: {error}", socket.display());
    let daemon = UnixStream::connect(&socket).await.map_err(|error| {
        format!(
            "no daemon listens at {} ({error}); \"siaga run\" starts one, --socket names another place",
            socket.display()
        )
    })?;
    let (hears, mut says) = daemon.into_split();
    says.write_all(&Order::Test { checks: args.names.clone(), lang }.line()).await.map_err(lost)?;
    let (mut hears, mut line) = (BufReader::new(hears), Vec::new());
    let (mut worst, mut answered, mut refused) = (Verdict::Ready, 0, false);
    loop {
        line.clear();
        let more = tokio::time::timeout(PATIENCE, peer::line(&mut hears, &mut line, LONGEST)).await;
        if !more.map_err(|_| format!("{}: the daemon says nothing", socket.display()))?.map_err(lost)? {
            break;
        }
        match Word::parse(&line).map_err(|error| format!("another version of siaga runs: {error}"))? {
            Word::Begun { check } => note(&format!("{check} …")),
            Word::Tested(tested) => {
                answered += 1;
                worst = worst.max(tested.verdict);
                say(&told(&tested, args.verbose, lang, color));
            }
            Word::Refused { check, message } => {
                answered += 1;
                refused |= check.is_none();
                worst = worst.max(Verdict::Unknown);
                note(&check.map_or_else(|| format!("siaga: {message}"), |check| format!("siaga: {check}: {message}")));
            }
        }
    }
    if answered < args.names.len() && !refused {
        return Err("the daemon ended before all was tested".to_owned());
    }
    Ok(worst.exit_code())
}

/// Where a daemon most likely listens.
fn place(config: &Config) -> PathBuf {
    let usual = || Some(Path::new(USUAL).join(SOCKET)).filter(|path| path.exists());
    let own = || service::state_dir(None).ok().map(|folder| folder.join(SOCKET));
    config.control.socket.clone().or_else(usual).or_else(own).unwrap_or_else(|| Path::new(USUAL).join(SOCKET))
}

fn told(tested: &Tested, verbose: bool, lang: Lang, color: bool) -> String {
    let line = Line {
        name: tested.name.clone(),
        kind: tested.kind.clone(),
        verdict: tested.verdict,
        reasons: tested
            .reasons
            .iter()
            .map(|why| Why {
                verdict: why.verdict,
                message: why.message.clone(),
                detail: why.detail.clone(),
                remedy: why.remedy.clone(),
                blocked_by: None,
            })
            .collect(),
    };
    let mut text = line.text(lang, color);
    if verbose {
        text.extend(tested.measured.iter().map(|measured| format!("    {measured}\n")));
    }
    if tested.decided != tested.verdict {
        let decided = tested.decided.title(lang);
        _ = match lang {
            Lang::Id => writeln!(text, "    Belum diputuskan: masih dinilai \"{decided}\" sampai dilihat sekali lagi"),
            Lang::En => writeln!(text, "    Not decided yet: still \"{decided}\" until it is seen once more"),
        };
    }
    text
}
