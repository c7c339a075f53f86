//! `siaga test`: ask the running daemon for a test of active checks, now.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::listing::{Line, Why};
use super::orders::{self, Conversation};
use super::paint::{note, say};
use crate::config::Config;
use crate::control::order::{Order, Tested, Word};
use crate::domain::{Kind, Lang, Requirement, Verdict};
use crate::probe::defaults;

/// What `siaga test` can be told.
#[derive(Clone, Debug, Args)]
pub struct TestArgs {
    /// The checks to test, by their names in the config.
    #[arg(required = true, value_name = "NAME", help = which())]
    names: Vec<String>,
    /// Where the daemon listens; without it the socket that the config names, else where the unit or a daemon of this user has it.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Where the daemon keeps its state, if not where the unit or a daemon of this user does: its socket is there.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// What was measured too.
    #[arg(long, short)]
    verbose: bool,
}

/// What can be asked for: checks of the kinds that are active.
fn which() -> String {
    let active = Kind::ALL.into_iter().filter(|kind| defaults(*kind).active).map(Kind::as_str);
    format!("The checks to test, by their names in the config; of the kinds {}", active.collect::<Vec<_>>().join(", "))
}

/// Asks, tells what happens, and gives the exit code of the worst that was found; what was not tested is unknown.
///
/// # Errors
/// If no daemon answers, or it ends in the middle.
pub async fn run(config: &Config, args: &TestArgs, lang: Lang, color: bool) -> Result<u8, String> {
    let order = Order::Test { checks: args.names.clone(), lang };
    let socket = orders::named(&config.control, args.socket.as_deref(), args.state_dir.as_deref());
    let mut daemon = Conversation::begin(&config.control, socket.as_deref(), &order).await?;
    let (mut worst, mut answered, mut refused) = (Verdict::Ready, 0, false);
    while let Some(word) = daemon.next().await? {
        match word {
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
            Word::Telling { .. } | Word::Told { .. } | Word::Done { .. } => {}
        }
    }
    if answered < args.names.len() && !refused {
        return Err("the daemon ended before all was tested".to_owned());
    }
    Ok(worst.exit_code())
}

fn told(tested: &Tested, verbose: bool, lang: Lang, color: bool) -> String {
    let line = Line {
        requirement: Requirement::default(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_help_names_each_kind_that_can_be_asked_for_and_no_other() {
        #[derive(clap::Parser)]
        struct Asked {
            #[command(flatten)]
            _test: TestArgs,
        }
        let help = Asked::command().term_width(0).render_help().to_string();
        let kinds = help.split_once("of the kinds ").unwrap().1.lines().next().unwrap();
        let named: Vec<&str> = kinds.split(", ").collect();
        for kind in Kind::ALL {
            assert_eq!(named.contains(&kind.as_str()), defaults(kind).active, "{kind:?}: {kinds}");
        }
        for kind in ["bandwidth", "stamp", "relay", "frames", "microphone", "loopback"] {
            assert!(named.contains(&kind), "{kind}: {kinds}");
        }
    }
}
