//! `siaga drill`: practising what is done when something fails.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::orders;
use super::paint::say;
use crate::app::drill;
use crate::config::Config;
use crate::control::order::Order;
use crate::domain::{Lang, Period};

/// What `siaga drill` can be told.
#[derive(Clone, Debug, Args)]
pub struct DrillArgs {
    /// Which, or "end" for the end of the one that is under way.
    #[arg(value_name = "NAME", required_unless_present = "list")]
    name: Option<String>,
    /// List the drills that there are.
    #[arg(long)]
    list: bool,
    /// After how long it ends by itself: 1m to 30m.
    #[arg(long = "for", value_name = "TIME", default_value = "5m", value_parser = parse_period)]
    length: Period,
    /// Where the daemon listens; without it the socket that the config names, else where the unit or a daemon of this user has it.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Where the daemon keeps its state, if not where the unit or a daemon of this user does: its socket is there.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl DrillArgs {
    /// Whether no daemon is needed.
    pub const fn only_lists(&self) -> bool {
        self.list
    }
}

fn parse_period(text: &str) -> Result<Period, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// Lists the drills.
pub fn list(lang: Lang) {
    let mut out = String::new();
    for scene in &drill::ALL {
        _ = writeln!(out, "{:<18} {:<9} {}", scene.name, scene.component().as_str(), scene.title.in_lang(lang));
    }
    say(&out);
}

/// Asks, tells what happens, and gives the exit code.
///
/// # Errors
/// If no daemon answers, or it ends in the middle.
pub async fn run(config: &Config, args: &DrillArgs, lang: Lang) -> Result<u8, String> {
    let order = match args.name.clone().unwrap_or_default() {
        name if name == "end" => Order::EndDrill { lang },
        scene => Order::Drill { scene, seconds: args.length.0.as_secs(), lang },
    };
    let socket = orders::named(&config.control, args.socket.as_deref(), args.state_dir.as_deref());
    orders::once(&config.control, socket.as_deref(), &order).await
}
