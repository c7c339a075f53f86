//! The command line: one binary, the daemon and its side doors.
#![allow(clippy::doc_markdown, reason = "comments on arguments are the help, printed as they stand")]

pub mod alert;
pub mod audit;
pub mod check;
mod config;
pub mod drill;
pub mod enroll;
pub mod history;
pub mod init;
pub mod ledger;
pub mod listing;
pub mod orders;
pub mod paint;
pub mod platforms;
pub mod radio;
pub mod reasons;
pub mod reflect;
mod reload;
pub mod replay;
pub mod report;
mod seat;
mod service_user;
pub mod sheet;
pub mod status;
pub mod summary;
pub mod survey;
pub mod test;
pub mod token;
pub mod week;
mod written;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::clock::Clock;
use crate::config::{Config, Files, LoadError, Origin};
use crate::domain::reason::fill;
use crate::domain::{Lang, Text, in_full};
use crate::named_file;
use paint::{Color, note, say};

/// Exit code of a command that could not do its work: bad arguments, a bad config, a port in use. Monitoring plugins
/// read it as "unknown", which it is.
const FAILED: u8 = 3;

/// Is this video-conference room ready for this meeting, and if not, what must somebody go and do?
#[derive(Debug, Parser)]
#[command(name = "siaga", version, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Cli {
    /// The config file. Without it $SIAGA_CONFIG (set and not empty), else /etc/siaga/siaga.toml, else the built-in config,
    /// which contacts nobody outside this machine.
    #[arg(long, short, global = true, value_name = "FILE", help_heading = EVERYWHERE)]
    config: Option<PathBuf>,
    /// The language of what is printed: id or en. Without it, the config's.
    #[arg(long, global = true, value_name = "LANG", value_parser = parse_lang, help_heading = EVERYWHERE)]
    lang: Option<Lang>,
    /// When to colour: on a terminal (NO_COLOR is honoured), always, or never.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = EVERYWHERE)]
    color: Color,
    #[command(subcommand)]
    command: Command,
}

/// Above the options that every command has, apart from its own.
const EVERYWHERE: &str = "Options of every command";

const AFTER_HELP: &str = "\
Exit codes of check, status, sheet, test, survey and enroll --compare, as monitoring plugins have them: 0 ready, 1 degraded,
2 not ready, 3 unknown.
Begin with:  siaga devices   what is on this machine, ready to paste into the config
             siaga init      write a config for this room
             siaga check     one round, now
             siaga run       the daemon";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon in the foreground.
    Run(RunArgs),
    /// Do one round of everything and say whether the room is ready; where the daemon runs, of all but its own active tests.
    Check(check::CheckArgs),
    /// Ask the running daemon.
    Status(status::StatusArgs),
    /// Have the running daemon test active checks now: camera's picture, microphone, loudspeakers, line.
    Test(test::TestArgs),
    /// Say whether a meeting can be held at this place: watch its internet, test it, and write a report of one page.
    Survey(Box<survey::SurveyArgs>),
    /// What has to do with who is told: send a test message, say that somebody sees to an incident, ask for silence.
    Alert(alert::AlertArgs),
    /// Say who may act over HTTP, and at the page, and whom a reflector answers: make, show and revoke tokens.
    Token(token::TokenArgs),
    /// Practise a fault: who would be told of it is told, and that it is a drill. The room's verdict stays what it is.
    Drill(drill::DrillArgs),
    /// Have the running daemon read its own config anew; a bad one is not used, and everything wrong with it is told. Another than its own
    /// (--config) is refused.
    Reload(reload::ReloadArgs),
    /// Show who ordered, booked or wrote down what, and what became of it.
    Audit(audit::AuditArgs),
    /// Write a month of the line for the provider: outages, shortfalls, and when nobody looked.
    Ledger(ledger::LedgerArgs),
    /// What became of a month's meetings: were the verdicts right, what failed, what was lost.
    Summary(summary::SummaryArgs),
    /// Write the report of a booked meeting: page, PDF, JSON or CSV.
    Report(report::ReportArgs),
    /// Show the run sheet of a booked meeting, or write into it: ticks, trials, overrides.
    Sheet(Box<sheet::SheetArgs>),
    /// Write what the line was like in each hour of the week, as comma-separated values.
    Week(week::WeekArgs),
    /// Show what is on this machine, ready to paste into the config.
    Devices,
    /// Record the room's equipment while it is known to be good, or compare the room with what was recorded.
    Enroll(enroll::EnrollArgs),
    /// Ask about the room and write its config. Every question has a flag.
    Init {
        #[command(flatten)]
        answers: Box<init::InitArgs>,
        /// Where to write it; without it, to standard output.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Overwrite the file if it is there.
        #[arg(long)]
        force: bool,
    },
    /// Print, check or describe the config.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Play a scenario, or the recorded history, to the judge of the config, in no time, and show what the verdict would
    /// have been.
    #[command(override_usage = "siaga replay [OPTIONS] <SCENARIO>\n       siaga replay [OPTIONS] --history")]
    Replay {
        /// The scenario file.
        #[arg(required_unless_present = "history", conflicts_with = "history")]
        scenario: Option<PathBuf>,
        #[command(flatten)]
        history: history::HistoryArgs,
        /// Show the state at the end too.
        #[arg(long)]
        end: bool,
    },
    /// Report from the desktop session which microphone and loudspeaker it uses (a user service: siaga-seat).
    Seat {
        /// Where the daemon listens.
        #[arg(long, value_name = "PATH", default_value_os_t = crate::probe::seat::report::meeting_place())]
        socket: PathBuf,
    },
    /// Answer the path tests of other machines (STAMP, RFC 8762): the far end of a line, with limits. Reads no config.
    Reflect(reflect::ReflectArgs),
    /// The voice on the HT channel: the phrases to record, and a test on the air.
    #[command(subcommand)]
    Radio(radio::RadioCommand),
    /// List every reason that can be given, with its remedy.
    Reasons,
    /// List the ports of meeting platforms: who said so, when that was read, and what should be read again.
    Platforms,
    /// Hold the radio's key, and release it when the parent is gone (internal).
    #[command(hide = true)]
    RadioGuard {
        /// What is guarded.
        post: std::ffi::OsString,
    },
    /// Speak a transmission when told, and die with the parent (internal).
    #[command(hide = true)]
    RadioVoice {
        /// What is spoken.
        plan: std::ffi::OsString,
    },
    /// Say how loud the channel is (internal).
    #[command(hide = true)]
    RadioEar {
        /// Where it is heard.
        pcm: std::ffi::OsString,
    },
    /// Look at a device that can hang, for a parent that will not wait (internal).
    #[command(hide = true)]
    DeviceChild {
        /// What to look at.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<std::ffi::OsString>,
    },
}

/// What the daemon can be told beside its config.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Where state is kept. Without it $STATE_DIRECTORY, else $XDG_STATE_HOME/siaga, else ~/.local/state/siaga.
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

fn parse_lang(text: &str) -> Result<Lang, String> {
    Lang::parse(text).ok_or_else(|| format!("{text:?} is not a language that is spoken here; allowed are id, en"))
}

/// The command line as data, of which manual pages and completions are made.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command line. Gives the exit code; only `main` exits.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) => {
            if asked.use_stderr() {
                _ = asked.print();
                return ExitCode::from(FAILED);
            }
            paint::heed(asked.print().and_then(|()| std::io::stdout().flush()));
            return if paint::was_lost() { ExitCode::from(FAILED) } else { ExitCode::SUCCESS };
        }
    };
    // Before anything else: a parent waits with a deadline.
    if let Command::DeviceChild { args } = &cli.command {
        return crate::probe::child::main(args);
    }
    match &cli.command {
        Command::RadioGuard { post } => return crate::radio::guard::main(post),
        Command::RadioVoice { plan } => return crate::radio::voice::main(plan),
        Command::RadioEar { pcm } => return crate::radio::voice::listen(pcm),
        _ => {}
    }
    match cli.dispatch() {
        Ok(_) if paint::was_lost() => ExitCode::from(FAILED),
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            note(&format!("siaga: {why}"));
            ExitCode::from(FAILED)
        }
    }
}

impl Cli {
    fn dispatch(self) -> Result<u8, String> {
        let color = self.color.on_stdout();
        match &self.command {
            Command::Run(args) => {
                let (origin, config) = (self.origin(), self.load(Files::Needed)?);
                on_runtime(crate::app::run(origin, config, args.clone())).map(|()| 0)
            }
            Command::Check(args) => {
                let config = self.load(Files::NotAsked)?;
                let lang = self.lang(&config);
                on_runtime(check::run(config, args, lang, color))
            }
            Command::Status(args) => {
                let config = self.load_to_ask(args.shows_token())?;
                let lang = self.lang(&config);
                on_runtime(status::run(&config, args, lang, color))
            }
            Command::Test(args) => {
                let config = self.load_to_ask(false)?;
                let lang = self.lang(&config);
                on_runtime(test::run(&config, args, lang, color))
            }
            Command::Survey(args) => {
                let config = self.load(Files::NotAsked)?;
                let lang = self.lang(&config);
                on_runtime(survey::run(config, &self.origin(), args, lang))
            }
            Command::Alert(args) => {
                let config = self.load_to_ask(false)?;
                let lang = self.lang(&config);
                on_runtime(alert::run(&config, args, lang))
            }
            Command::Token(args) => {
                let config = self.load(Files::NotAsked)?;
                token::run(&config, &self.origin(), args, self.lang(&config))
            }
            Command::Drill(args) => {
                let config = self.load_to_ask(false)?;
                let lang = self.lang(&config);
                if args.only_lists() {
                    drill::list(lang);
                    return Ok(0);
                }
                on_runtime(drill::run(&config, args, lang))
            }
            Command::Week(args) => {
                let config = self.load(Files::NotAsked)?;
                let lang = self.lang(&config);
                week::run(&config, args, lang)
            }
            Command::Report(args) => {
                let config = self.load(Files::NotAsked)?;
                let lang = self.lang(&config);
                match args.evaluation() {
                    Some(file) => on_runtime(report::evaluate(&config, args, file, lang)),
                    None => report::run(&config, args, lang),
                }
            }
            Command::Summary(args) => {
                let config = self.load(Files::NotAsked)?;
                summary::run(&config, args, self.lang(&config))
            }
            Command::Sheet(args) => {
                let config = self.load_to_ask(args.shows_token())?;
                let lang = self.lang(&config);
                on_runtime(sheet::run(&config, args, lang, color))
            }
            Command::Ledger(args) => {
                let config = self.load(Files::NotAsked)?;
                let lang = self.lang(&config);
                ledger::run(&config, args, lang)
            }
            Command::Audit(args) => {
                let config = self.load(Files::NotAsked)?;
                audit::run(&config, args, self.lang(&config))
            }
            // Not by the config, which may be what is wrong.
            Command::Reload(args) => on_runtime(reload::run(
                args,
                self.named_config().as_deref(),
                || self.load(Files::NotAsked),
                self.lang.unwrap_or_default(),
            )),
            Command::Devices => on_runtime(async {
                say(&crate::devices::list(&crate::probe::Roots::default(), self.lang_at_least()).await.to_string());
                Ok(0)
            }),
            Command::Enroll(args) => {
                let config = self.load(Files::NotAsked)?;
                let lang = self.lang(&config);
                on_runtime(enroll::run(&config, args, lang))
            }
            Command::Init { answers, output, force } => self.init(answers, output.as_deref(), *force).map(|()| 0),
            Command::Config(command) => Ok(config::run(command, || self.origin(), self.color.on_stderr())),
            Command::Replay { scenario: Some(scenario), end, .. } => self.replay(scenario, *end, color),
            Command::Replay { scenario: None, history, end } => {
                let config = self.load(Files::NotAsked)?;
                let lang = self.lang(&config);
                history::run(config, history, *end, lang, color)
            }
            Command::Seat { socket } => on_runtime(seat::run(socket)),
            Command::Reflect(args) => on_runtime(reflect::run(args)),
            Command::Radio(radio::RadioCommand::Phrases(args)) => Ok(radio::phrases(args)),
            Command::Radio(radio::RadioCommand::Test(args)) => {
                let config = if args.has_file() { None } else { Some(self.load(Files::NotAsked)?) };
                on_runtime(radio::test(args, config.as_ref(), self.lang_at_least()))
            }
            Command::Radio(radio::RadioCommand::Check(args)) => {
                let config = self.load_to_ask(false)?;
                let lang = self.lang(&config);
                on_runtime(radio::check(&config, args, lang))
            }
            Command::Reasons => {
                say(&reasons::listing(self.lang_at_least()));
                Ok(0)
            }
            Command::Platforms => {
                let today = jiff::tz::Offset::UTC.to_datetime(Clock::start().now().wall).date();
                say(&platforms::listing(self.lang_at_least(), today));
                Ok(0)
            }
            Command::RadioGuard { .. }
            | Command::RadioVoice { .. }
            | Command::RadioEar { .. }
            | Command::DeviceChild { .. } => Ok(FAILED),
        }
    }

    /// Which config is meant.
    fn origin(&self) -> Origin {
        Origin::find(self.config.clone(), Self::config_variable())
    }

    /// The one that is named, so that it may not be this machine's usual one.
    fn named_config(&self) -> Option<PathBuf> {
        self.config.clone().or_else(Self::config_variable)
    }

    fn config_variable() -> Option<PathBuf> {
        // Not by clap, which takes what is set and empty for a flag without its value.
        std::env::var_os(crate::config::PATH_VARIABLE).filter(|said| !said.is_empty()).map(PathBuf::from)
    }

    fn load(&self, files: Files) -> Result<Config, String> {
        Config::load(&self.origin(), files).map_err(|error| told(&error, self.color.on_stderr()))
    }

    /// The same for who only asks the daemon. This machine's usual config may be for root's eyes and the daemon's, as the address of a
    /// webhook stands in it; where the unit has the daemon listen is known without. `shows_token`: not there, where anybody of this machine
    /// may listen if the daemon does not.
    fn load_to_ask(&self, shows_token: bool) -> Result<Config, String> {
        let is_usual = self.named_config().is_none() && !shows_token;
        match Config::load(&self.origin(), Files::NotAsked) {
            Err(LoadError::Read { path, source })
                if is_usual && source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                let lang = self.lang.unwrap_or_default();
                let file = [("file", path.display().to_string().into())];
                note(&format!("siaga: {}", fill(UNREAD.in_lang(lang), &file, lang)));
                Config::load(&Origin::BuiltIn, Files::NotAsked)
            }
            read => read,
        }
        .map_err(|error| told(&error, self.color.on_stderr()))
    }

    fn lang(&self, config: &Config) -> Lang {
        self.lang.unwrap_or(config.room.language)
    }

    /// The same for what needs no config, and works while one is being written.
    fn lang_at_least(&self) -> Lang {
        let config = || Config::load(&self.origin(), Files::NotAsked).ok();
        self.lang.or_else(|| config().map(|config| config.room.language)).unwrap_or_default()
    }

    fn init(&self, answers: &init::InitArgs, output: Option<&Path>, force: bool) -> Result<(), String> {
        if let Some(file) =
            output.filter(|file| !force && (file.is_file() || file.is_dir()) && !init::says_nothing_yet(file))
        {
            return Err(format!("{} is there already; --force overwrites it", file.display()));
        }
        let mut answers = answers.clone();
        answers.language = answers.language.or(self.lang);
        // Questions go to standard error, so that the config can go to a file or a pipe.
        let made = init::run(&answers, init::routers(), &mut std::io::stdin().lock(), &mut std::io::stderr().lock())
            .map_err(|error| in_full(&error))?;
        let Some(file) = output else {
            say(&made.text);
            return Ok(());
        };
        made.keep(file).map_err(|error| format!("{}: {error}", file.display()))?;
        note(&format!("siaga: wrote {0}; \"siaga --config {0} check\" tries it", file.display()));
        Ok(())
    }

    fn replay(&self, file: &Path, end: bool, color: bool) -> Result<u8, String> {
        use crate::probe::replay::{catalogue, scenario::Scenario};

        let config = self.load(Files::NotAsked)?;
        let lang = self.lang(&config);
        let text = named_file::text(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let scenario = Scenario::parse(&text, catalogue()).map_err(|error| format!("{}: {error}", file.display()))?;
        if scenario.steps.is_empty() {
            return Err(format!(
                "{}: nothing is observed in it, so nothing can be judged; write [[observe]]",
                file.display()
            ));
        }
        let profile = config.plan.profiles[config.plan.default_profile].name.clone();
        let title = config.room.title().to_owned();
        let outcome = replay::replay(config.plan, &scenario, Clock::start().now(), lang);
        say(&format!("{}\n{}", scenario.title, outcome.timeline));
        for name in &outcome.unknown {
            note(&format!("siaga: the config has no check {name:?}; its observations were left out"));
        }
        if end && let Some(room) = listing::Listing::of(&outcome.end, &profile, lang) {
            say(&format!("\n{}", room.titled(&title).text(lang, color)));
        }
        for unmet in &outcome.unmet {
            note(&format!("siaga: {unmet}"));
        }
        Ok(u8::from(!outcome.unmet.is_empty()))
    }
}

static UNREAD: Text = Text::new(
    "{file} tidak boleh dibaca pengguna ini; jadi daemon Siaga dihubungi di alamat bawaannya (127.0.0.1:10153, /run/siaga)",
    "{file} is not for this user to read; the daemon is asked where it is by default (127.0.0.1:10153, /run/siaga)",
);

/// What is wrong with a config, in full.
fn told(error: &LoadError, color: bool) -> String {
    match error {
        LoadError::Wrong(errors) => errors.render(color),
        LoadError::Read { source, .. } => format!("{error}: {source}"),
    }
}

/// Threads for what blocks. The unit lets the daemon have 256 tasks (`TasksMax`), in which it, its other threads (a handful) and all its
/// children (one for each camera, microphone and loudspeaker that is looked at, three for the radio, a command or two) must find room, so
/// half is theirs. On these threads the store has eight readers and waiters for evidence at most and one that waits for each receiver and
/// order; the others look up names, of which there is one for each check and receiver, and a few more while name servers are away, and read
/// files that the config names and the system's certificates, of which each holds one at most for each who needs it, while its disk does
/// not answer.
const BLOCKING: usize = 128;

/// Runs a future on the one-threaded runtime that everything here uses.
fn on_runtime<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING).build();
    let runtime = runtime.map_err(|error| format!("the runtime cannot start: {error}"))?;
    let result = runtime.block_on(future);
    // A blocking call that hangs (a name server, a dead mount) may not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}
