//! `siaga alert`: what has to do with who is told.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::orders::{self, Conversation};
use super::paint::{note, say};
use crate::config::Config;
use crate::control::order::{Order, Word};
use crate::domain::{Component, Lang, Period};

/// What `siaga alert` can be told.
#[derive(Clone, Debug, Args)]
pub struct AlertArgs {
    #[command(subcommand)]
    command: AlertCommand,
    /// Where the daemon listens; without it the socket that the config names, else where the unit or a daemon of this user has it.
    #[arg(long, value_name = "PATH", global = true)]
    socket: Option<PathBuf>,
    /// Where the daemon keeps its state, if not where the unit or a daemon of this user does: its socket is there.
    #[arg(long, value_name = "DIR", global = true)]
    state_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
enum AlertCommand {
    /// Have the running daemon send a test message, and see it arrive. Exits with 0 if all receivers have it, else with 2.
    Test {
        /// To whom, by their names in the config; without a name to all.
        #[arg(value_name = "RECEIVER")]
        receivers: Vec<String>,
    },
    /// Note that somebody sees to an incident: reminders and escalation end, and who heard of it hears that too.
    Ack {
        /// The incident's id, as /api/v1/incidents has it, or of a drill /api/v1/running; without one the only one that is open.
        #[arg(value_name = "INCIDENT")]
        incident: Option<String>,
        /// It was said by radio; then it is told who said so.
        #[arg(long, requires = "by")]
        radio: bool,
        /// Who said so, where another writes it down. It stands in the audit and in the meeting's report.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Tell nobody of a component for a while. What is measured, judged and shown stays; that it is over is told all the same.
    /// Exits with 2 if it holds and the disk has not taken it: it is lost if the daemon ends before that. So do ack and unsilence.
    Silence {
        /// Of which component; without one of all.
        #[arg(long, value_name = "COMPONENT", value_parser = parse_component)]
        component: Option<Component>,
        /// For how long: 30m, 2h, 1d.
        #[arg(long = "for", value_name = "TIME", value_parser = parse_period)]
        length: Period,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// End a silence before its time.
    Unsilence {
        /// Which, by its id.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Show the silences that hold.
    Silences,
}

fn parse_component(word: &str) -> Result<Component, String> {
    let known = Component::ALL.into_iter().find(|component| component.as_str() == word);
    known.ok_or_else(|| {
        let all: Vec<_> = Component::ALL.iter().map(|component| component.as_str()).collect();
        format!("unknown component; known are {}", all.join(", "))
    })
}

fn parse_period(text: &str) -> Result<Period, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// Asks, tells what happens, and gives the exit code.
///
/// # Errors
/// If no daemon answers, or it ends in the middle.
pub async fn run(config: &Config, args: &AlertArgs, lang: Lang) -> Result<u8, String> {
    let order = match args.command.clone() {
        AlertCommand::Test { receivers } => Order::TestAlert { receivers, lang },
        AlertCommand::Ack { incident, radio, by } => Order::Acknowledge { incident, radio, by, lang },
        AlertCommand::Silence { component, length, reason } => {
            Order::Silence { component, seconds: length.0.as_secs(), reason, lang }
        }
        AlertCommand::Unsilence { id } => Order::EndSilence { id, lang },
        AlertCommand::Silences => Order::Silences { lang },
    };
    let socket = orders::named(&config.control, args.socket.as_deref(), args.state_dir.as_deref());
    let mut daemon = Conversation::begin(&config.control, socket.as_deref(), &order).await?;
    let (mut answered, mut wanted, mut all_told) = (0, 1, true);
    while let Some(word) = daemon.next().await? {
        match word {
            Word::Told { receiver, failed: None, .. } => {
                answered += 1;
                say(&match lang {
                    Lang::Id => format!("{receiver}: sampai\n"),
                    Lang::En => format!("{receiver}: arrived\n"),
                });
            }
            Word::Told { receiver, failed: Some(why), again, .. } => {
                (answered, all_told) = (answered + 1, false);
                let (not, tried) = match lang {
                    Lang::Id => ("belum sampai", "terus dicoba lagi"),
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
            Word::Done { message, unkept } => {
                answered += 1;
                all_told &= orders::done(&message, unkept.as_deref());
            }
            // The daemon's config says who all are, and not this file, which may be another by now.
            Word::Telling { receivers } => wanted = receivers,
            Word::Begun { .. } | Word::Tested(_) => {}
        }
    }
    if answered < wanted && all_told {
        return Err("the daemon ended in the middle".to_owned());
    }
    Ok(if all_told { 0 } else { 2 })
}
