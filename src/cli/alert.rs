//! `siaga alert`: what has to do with who is told.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::orders::Conversation;
use super::paint::{note, say};
use crate::config::Config;
use crate::control::order::{Order, Word};
use crate::domain::Lang;

/// What `siaga alert` can be told.
#[derive(Clone, Debug, Args)]
pub struct AlertArgs {
    #[command(subcommand)]
    command: AlertCommand,
    /// Where the daemon listens; without it the socket that the config names, else where the unit or a daemon of this user has it.
    #[arg(long, value_name = "PATH", global = true)]
    socket: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
enum AlertCommand {
    /// Have the running daemon send a test message, and see it arrive. Exits with 0 if all receivers have it, else with 2.
    Test {
        /// To whom, by their names in the config; without a name to all.
        #[arg(value_name = "RECEIVER")]
        receivers: Vec<String>,
    },
}

/// Asks, tells what happens, and gives the exit code.
///
/// # Errors
/// If no daemon answers, or it ends in the middle.
pub async fn run(config: &Config, args: &AlertArgs, lang: Lang) -> Result<u8, String> {
    let AlertCommand::Test { receivers } = &args.command;
    let order = Order::TestAlert { receivers: receivers.clone(), lang };
    let mut daemon = Conversation::begin(config, args.socket.as_deref(), &order).await?;
    let (mut answered, mut all_told) = (0, true);
    while let Some(word) = daemon.next().await? {
        match word {
            Word::Told { receiver, failed: None, .. } => {
                answered += 1;
                say(&match lang {
                    Lang::Id => format!("{receiver}: sampai\n"),
                    Lang::En => format!("{receiver}: arrived\n"),
                });
            }
            Word::Told { receiver, failed: Some(why), again } => {
                (answered, all_told) = (answered + 1, false);
                let (not, tried) = match lang {
                    Lang::Id => ("belum sampai", "dicoba lagi terus"),
                    Lang::En => ("not arrived", "it is tried again and again"),
                };
                note(&if again {
                    format!("{receiver}: {not} ({why}); {tried}")
                } else {
                    format!("{receiver}: {not} ({why})")
                });
            }
            Word::Refused { check, message } => {
                (answered, all_told) = (answered + 1, false);
                note(&check.map_or_else(|| format!("siaga: {message}"), |one| format!("siaga: {one}: {message}")));
            }
            Word::Begun { .. } | Word::Tested(_) => {}
        }
    }
    if answered == 0 || answered < receivers.len() && all_told {
        return Err("the daemon ended before all were told".to_owned());
    }
    Ok(if all_told { 0 } else { 2 })
}
