//! `siaga token`: who may act over HTTP, and whom a reflector answers.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::history::shown;
use super::paint::{note, say, was_lost};
use super::service_user;
use crate::app::{door, service};
use crate::clock::Clock;
use crate::config::{Config, Origin};
use crate::domain::reason::fill;
use crate::domain::{Lang, Period, Scope, Text, in_full};
use crate::tokens::{self, Token};

/// What `siaga token` can be told.
#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
    /// Where the daemon keeps its state; without it, as for run. Not asked where the config names the tokens' file.
    #[arg(long, value_name = "DIR", global = true)]
    state_dir: Option<PathBuf>,
    /// The tokens' file itself, such as that of a reflector (siaga reflect --tokens), instead of the daemon's.
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "state_dir")]
    tokens: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and print it, this once: only its hash is kept. The running daemon knows it at once.
    Add {
        /// Who will hold it: their acts stand under this name in the audit.
        #[arg(value_name = "NAME")]
        name: String,
        /// What it is good for: read, schedule, operate; may be repeated, and each is good for reading too. reflect: to be
        /// answered by a reflector, and nothing else.
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_delimiter = ',', value_parser = parse_scope)]
        scopes: Vec<Scope>,
        /// For how long it is good: 12h, 90d, at most ten years (3650d); without it until it is revoked.
        #[arg(long, value_name = "TIME", value_parser = parse_period)]
        expires: Option<Period>,
    },
    /// Show whose tokens there are.
    List,
    /// Make an end to a token. The running daemon refuses it from then on.
    Revoke {
        /// Whose.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

fn parse_scope(word: &str) -> Result<Scope, String> {
    Scope::parse(word).ok_or_else(|| {
        let all = Scope::ALL.map(Scope::as_str).join(", ");
        format!("unknown scope; known are {all}")
    })
}

fn parse_period(text: &str) -> Result<Period, String> {
    let period: Period = text.parse().map_err(|error| format!("{error}"))?;
    if period.0.is_zero() { Err("it would have expired already".to_owned()) } else { Ok(period) }
}

/// What to say to somebody who touches another file than the service's, where there is a service.
pub(super) fn services(file: &Path) -> Option<&'static Text> {
    services_at(file, Path::new(service_user::STATE))
}

/// The same, of a service that keeps its state there.
pub(super) fn services_at(file: &Path, service: &Path) -> Option<&'static Text> {
    (!file.starts_with(service) && service.is_dir()).then_some(&NOT_ITS)
}

/// Makes, shows, revokes.
///
/// # Errors
/// If the file cannot be read or written, or the change is refused.
pub fn run(config: &Config, origin: &Origin, args: &TokenArgs, lang: Lang) -> Result<u8, String> {
    let folder = || service::state_dir(args.state_dir.clone());
    let named = args.tokens.as_ref().or(config.web.tokens.as_ref());
    let file = match named {
        Some(file) => file.clone(),
        None => door::place(config, &folder()?),
    };
    let elsewhere = (named.is_none() && args.state_dir.is_none()).then(|| services(&file)).flatten();
    let in_its_folder = |error: String| match (&elsewhere, file.parent().is_some_and(Path::is_dir)) {
        (None, false) if named.is_none() => format!(
            "{error}; has siaga run with this state folder? --state-dir names another one (the service's: {})",
            service_user::STATE
        ),
        _ => error,
    };
    // What the config names may lie where root alone writes, and is the daemon's to read.
    let is_named = config.web.tokens.as_ref() == Some(&file);
    let lent = service_user::group().filter(|_| is_named);
    let is_the_daemons = (is_named && service_user::reads(origin)) || (named.is_none() && service_user::has(&file));
    let shut_out = || {
        if let Some(why) = service_user::shut_out(&file, lang).filter(|_| is_the_daemons) {
            note(&format!("siaga: {why}"));
        }
    };
    let now = Clock::start().now().wall;
    // Which file it is must not stay a guess: a daemon that reads another never learns of the token.
    note(&format!("siaga: {}", file.display()));
    if let Some(hint) = &elsewhere {
        note(&format!("siaga: {}", hint.in_lang(lang)));
    }
    match &args.command {
        TokenCommand::Add { name, scopes, expires } => {
            let lasts = expires.map(|period| period.0);
            let made = tokens::change_lent(&file, lent, |tokens| tokens.add(name, scopes, now, lasts));
            let made = made.map_err(|error| in_its_folder(in_full(&error)))?;
            shut_out();
            note(SHOWN_ONCE.in_lang(lang));
            if args.tokens.is_none() && Scope::Reflect.is_in(scopes) {
                note(OF_NO_REFLECTOR.in_lang(lang));
            }
            // To standard output alone, so that it can go to where it is needed without passing anybody's eyes.
            say(&format!("{made}\n"));
            if was_lost() {
                let text = LOST.in_lang(lang);
                note(&fill(text, &[("name", name.clone().into())], lang));
            }
        }
        TokenCommand::List => {
            let (tokens, _) = tokens::read_to_tend(&file).map_err(|error| in_full(&error))?;
            shut_out();
            if tokens.all().is_empty() {
                note(NONE.in_lang(lang));
            }
            let zone = &config.room.time_zone.0;
            say(&tokens.all().iter().fold(String::new(), |mut out, token| {
                let Token { name, scopes, made_at, expires_at, .. } = token;
                let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
                let end = match expires_at {
                    Some(end) if token.has_expired(now) => format!(", {} {}", EXPIRED.in_lang(lang), shown(*end, zone)),
                    Some(end) => format!(", {} {}", UNTIL.in_lang(lang), shown(*end, zone)),
                    None => String::new(),
                };
                let made = SINCE.in_lang(lang);
                _ = writeln!(out, "{name}: {} ({made} {}{end})", scopes.join(", "), shown(*made_at, zone));
                out
            }));
        }
        TokenCommand::Revoke { name } => {
            let revoked = tokens::change(&file, |tokens| tokens.revoke(name));
            revoked.map_err(|error| in_its_folder(in_full(&error)))?;
            shut_out();
            note(REVOKED.in_lang(lang));
        }
    }
    Ok(0)
}

static SHOWN_ONCE: Text = Text::new(
    "siaga: token ini hanya ditampilkan sekali; simpan sekarang",
    "siaga: this token is shown this once; keep it now",
);
static LOST: Text = Text::new(
    "siaga: token itu sudah dibuat tetapi tidak tertulis ke mana-mana: cabut dengan \"siaga token revoke {name}\", lalu buat lagi",
    "siaga: the token was made and written nowhere: revoke it by \"siaga token revoke {name}\" and make another",
);
static OF_NO_REFLECTOR: Text = Text::new(
    "siaga: reflector membaca berkasnya sendiri (siaga reflect --tokens); untuk itu: siaga token --tokens BERKAS add …",
    "siaga: a reflector reads a file of its own (siaga reflect --tokens); for it: siaga token --tokens FILE add …",
);
static NONE: Text = Text::new("siaga: belum ada token", "siaga: there is no token");
static NOT_ITS: Text = Text::new(
    "layanan (systemd) tidak membaca berkas itu; untuk layanan: --state-dir /var/lib/siaga",
    "the service (systemd) does not read that file; for the service: --state-dir /var/lib/siaga",
);
static REVOKED: Text = Text::new("siaga: token dicabut", "siaga: the token is revoked");
static SINCE: Text = Text::new("sejak", "since");
static UNTIL: Text = Text::new("sampai", "until");
static EXPIRED: Text = Text::new("kedaluwarsa", "expired");
