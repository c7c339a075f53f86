//! `siaga config`: print, check or describe the config.

use std::path::PathBuf;

use clap::Subcommand;

use super::paint::{note, say};
use super::{service_user, told};
use crate::clock::Clock;
use crate::config::{Config, Files, Origin};
use crate::domain::Lang;

/// What of the config is asked for.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the complete, commented config that this version ships.
    Print {
        /// Print the config that is used where there is no file, instead.
        #[arg(long)]
        built_in: bool,
        /// Print the kinds of meeting that are shipped, with the source of every figure, instead.
        #[arg(long, conflicts_with = "built_in")]
        profiles: bool,
    },
    /// Name every error of a config file, and exit with 1 if there is one.
    Check {
        /// The file; without it the one that the daemon would use.
        file: Option<PathBuf>,
        /// Only what would keep the daemon from starting: a certificate or a secret that is there and does not fit would not.
        #[arg(long)]
        starts: bool,
    },
    /// Print the JSON schema, for an editor.
    Schema,
}

/// Does it, and gives the exit code. `origin`: the config that is meant, where the command names none.
pub(super) fn run(command: &ConfigCommand, origin: impl FnOnce() -> Origin, color: bool) -> u8 {
    match command {
        ConfigCommand::Print { profiles: true, .. } => say(crate::config::PROFILES),
        ConfigCommand::Print { built_in: true, .. } => say(crate::config::DEFAULT),
        ConfigCommand::Print { .. } => say(crate::config::EXAMPLE),
        ConfigCommand::Schema => say(crate::config::SCHEMA),
        ConfigCommand::Check { file, starts } => {
            let origin = file.as_ref().map_or_else(origin, |file| Origin::File(file.clone()));
            match Config::load(&origin, if *starts { Files::Needed } else { Files::Tried }) {
                Ok(config) => {
                    for doubt in crate::app::reload::doubts(&config, Clock::start().now().wall) {
                        note(&format!("siaga: {doubt}"));
                    }
                    for doubt in &config.doubts {
                        note(&format!("siaga: {}", doubt.render(color)));
                    }
                    // By the config's own reader all is there for root.
                    let of_tokens = config.web.tokens.as_deref().filter(|_| !starts && service_user::reads(&origin));
                    if let Some(why) = of_tokens.and_then(|file| service_user::shut_out(file, Lang::En)) {
                        note(&format!("siaga: {why}"));
                    }
                    if let (Some(lacking), Origin::File(_)) = (lacking(&config), &origin) {
                        note(&format!(
                            "siaga: there is {lacking} in {origin}: nothing is watched and nobody is told; without a file the built-in config holds"
                        ));
                    }
                    let count = config.plan.checks.len();
                    let checks = if count == 1 { "check" } else { "checks" };
                    let zone = config.room.time_zone.0.iana_name().unwrap_or("UTC");
                    say(&format!("{origin}: {count} {checks}, no error; its hours are those of {zone}\n"));
                }
                Err(error) => {
                    note(&told(&error, color));
                    return 1;
                }
            }
        }
    }
    0
}

/// What is missing in a config by which nothing is watched and nobody is told.
const fn lacking(config: &Config) -> Option<&'static str> {
    if config.blank {
        Some("nothing")
    } else if config.plan.checks.is_empty() && config.receivers.is_empty() {
        Some("neither a check nor a receiver")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    #[test]
    fn a_config_that_watches_nothing_and_tells_nobody_is_as_good_as_empty() {
        let of = |text: &str| lacking(&Config::parse(&Source::new("test", text)).unwrap());
        assert_eq!(of("# nothing\n"), Some("nothing"));
        assert_eq!(of("[room]\nname = \"aula\"\n"), Some("neither a check nor a receiver"));
        assert_eq!(of("[[check]]\nname = \"pc\"\nkind = \"computer\"\n"), None);
        assert_eq!(of("[[receiver]]\nname = \"desk\"\nkind = \"command\"\ncommand = [\"/bin/true\"]\n"), None);
    }
}
