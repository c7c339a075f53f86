//! `siaga report`: what became of a booked meeting, as the procedure wants it afterwards.

mod pdf;

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::orders;
use super::paint::{note, say};
use crate::app::agenda::house;
use crate::app::{recorder, service};
use crate::clock::Clock;
use crate::config::Config;
use crate::control::order::Order;
use crate::domain::link::LONGEST_EVALUATION;
use crate::domain::record::Around;
use crate::domain::{Lang, Verdict, in_full};
use crate::named_file;
use crate::report::page::{Content, Origin};
use crate::report::{self, Printed};
use crate::store::{RecordingError, kept_from, record_from, reports_from};

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A page to print, without scripts.
    Html,
    /// The same as PDF; needs Debian's weasyprint.
    Pdf,
    /// For programs.
    Json,
    /// Comma-separated values (RFC 4180).
    Csv,
}

/// What `siaga report` can be told.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// The session, by the scheduler's own id (GET /api/v1/sessions lists them).
    #[arg(value_name = "SESSION", required_unless_present = "verify")]
    session: Option<String>,
    /// Look whether all reports that were kept are as they were made, and list them; 2 if one is not.
    #[arg(long, conflicts_with_all = ["session", "format", "out"])]
    verify: bool,
    /// In which form.
    #[arg(long, value_name = "FORM", default_value = "html")]
    format: Form,
    /// Make it anew of what is stored now, though one was kept when the meeting's wrap-up was over.
    #[arg(long, conflicts_with = "verify")]
    anew: bool,
    /// Where to write it; without it, to standard output. A file that is there is not overwritten.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Put the text of this file (- for standard input) beside the report that is kept: what people have to say of the meeting, at
    /// most 6000 characters.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["verify", "format", "out", "anew"])]
    evaluation: Option<PathBuf>,
    /// Who wrote it, where another hands it in. It stands in the report.
    #[arg(long, value_name = "NAME", requires = "evaluation")]
    by: Option<String>,
    /// Where the daemon listens, for --evaluation; without it the socket that the config names, else where the unit or a daemon of this
    /// user has it.
    #[arg(long, value_name = "PATH", requires = "evaluation")]
    socket: Option<PathBuf>,
    /// Where the daemon keeps its state; without it, as for run.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl ReportArgs {
    /// The file whose text is to be put beside the report.
    pub fn evaluation(&self) -> Option<&Path> {
        self.evaluation.as_deref()
    }
}

/// Has the daemon put a text beside the report, and gives the exit code.
///
/// # Errors
/// If the text cannot be read, or no daemon answers.
pub async fn evaluate(config: &Config, args: &ReportArgs, file: &Path, lang: Lang) -> Result<u8, String> {
    let read = if file == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { named_file::text(file) };
    let text = read.map_err(|error| format!("{}: {error}", file.display()))?;
    // As the daemon counts.
    let written = text.trim().replace("\r\n", "\n").chars().count();
    if written > LONGEST_EVALUATION {
        return Err(format!(
            "{}: {written} characters; an evaluation has at most {LONGEST_EVALUATION}",
            file.display()
        ));
    }
    let session = args.session.clone().unwrap_or_default();
    let order = Order::Evaluate { session, text, by: args.by.clone(), lang };
    let socket = orders::named(&config.control, args.socket.as_deref(), args.state_dir.as_deref());
    orders::once(&config.control, socket.as_deref(), &order).await
}

/// Reads and writes it.
///
/// # Errors
/// If there is no such session, no database that can be read, nothing that makes PDF, or the file is there already.
pub fn run(config: &Config, args: &ReportArgs, lang: Lang) -> Result<u8, String> {
    let folder = service::state_dir(args.state_dir.clone())?;
    let Some(session) = &args.session else { return verify(&folder, config, lang) };
    let printed = printed(config, &folder, session, args.anew)?;
    match (&printed.origin, lang) {
        (Origin::Kept { number, .. }, Lang::Id) => note(&format!("siaga: laporan nomor {number}, seperti saat dibuat")),
        (Origin::Kept { number, .. }, Lang::En) => note(&format!("siaga: report number {number}, as it was made")),
        (Origin::Altered { number }, Lang::Id) => {
            note(&format!("siaga: laporan nomor {number} TIDAK seperti saat dibuat"));
        }
        (Origin::Altered { number }, Lang::En) => note(&format!("siaga: report number {number} is NOT as it was made")),
        (Origin::Unreadable { number, .. }, Lang::Id) => {
            note(&format!("siaga: laporan nomor {number} yang disimpan tidak terbaca; ini dibuat ulang"));
        }
        (Origin::Unreadable { number, .. }, Lang::En) => {
            note(&format!("siaga: the kept report number {number} cannot be read; this is made anew"));
        }
        (Origin::Fresh, _) => {}
    }
    let page = || {
        let Printed { report, evaluations, origin } = &printed;
        report::page::page(Content { report, evaluations, origin, title: config.room.title() }, lang)
    };
    let content = match args.format {
        Form::Html => page()?.into_bytes(),
        // On one line: indented, each minute of each picture would take six.
        Form::Json => (printed.json().to_string() + "\n").into_bytes(),
        Form::Csv => report::csv::csv(&printed.report, &printed.evaluations).into_bytes(),
        Form::Pdf => pdf::pdf(&page()?)?,
    };
    match &args.out {
        Some(file) => {
            write(file, &content)?;
            note(&format!("siaga: {}", file.display()));
        }
        None if args.format == Form::Pdf => {
            let mut out = std::io::stdout().lock();
            out.write_all(&content).and_then(|()| out.flush()).map_err(|error| format!("standard output: {error}"))?;
        }
        None => say(&String::from_utf8_lossy(&content)),
    }
    Ok(if matches!(printed.origin, Origin::Altered { .. } | Origin::Unreadable { intact: false, .. }) {
        Verdict::NotReady.exit_code()
    } else {
        0
    })
}

/// The report as it was kept, if it was; else made of what is stored.
fn printed(config: &Config, folder: &Path, session: &str, anew: bool) -> Result<Printed, String> {
    let kept = match kept_from(folder, session) {
        // An older database keeps none, which is no fault here.
        _ if anew => None,
        Err(RecordingError::Older { .. }) => None,
        Err(error) => return Err(format!("{}{}", in_full(&error), error.hint())),
        Ok(kept) => kept,
    };
    let origin = match kept.as_ref().map(Printed::of) {
        Some(Ok(printed)) => return Ok(printed),
        Some(Err(unread)) => unread.into(),
        None => Origin::Fresh,
    };
    let now = Clock::start().now().wall;
    let around = Around { before: config.agenda.preflight.0, after: config.agenda.wrap_up.0 };
    let record = record_from(folder, session, around, now, &recorder::catalogue())
        .map_err(|error| format!("{}{}", in_full(&error), error.hint()))?
        .ok_or_else(|| format!("there is no session {session:?} in {}", folder.display()))?;
    Ok(Printed { report: report::report(&record, house(config), now), evaluations: Vec::new(), origin })
}

/// Says which reports are kept, and whether their chain is whole.
fn verify(folder: &Path, config: &Config, lang: Lang) -> Result<u8, String> {
    let chain = reports_from(folder).map_err(|error| format!("{}{}", in_full(&error), error.hint()))?;
    for link in &chain.kept {
        let made = link.filed.made_at.to_zoned_datetime(config.room.time_zone.0.clone());
        let (made, kind) = (made.strftime("%Y-%m-%dT%H:%M:%S%:z"), link.filed.kind.as_str());
        say(&format!("{} {made} {kind} {} {}\n", link.seq, link.filed.session, link.hash));
    }
    for (number, id) in &chain.altered {
        note(&match lang {
            Lang::Id => format!("siaga: bukti {id} tidak seperti saat laporan nomor {number} dibuat"),
            Lang::En => format!("siaga: evidence {id} is not what it was when report number {number} was made"),
        });
    }
    let (count, newest) = (chain.kept.len(), chain.kept.last().map_or("–", |link| &link.hash));
    match (chain.broken, lang) {
        (None, Lang::Id) => note(&format!("siaga: {count} mata rantai, rantainya utuh; hash terbaru {newest}")),
        (None, Lang::En) => note(&format!("siaga: {count} links, the chain is whole; newest hash {newest}")),
        (Some(number), Lang::Id) => note(&format!(
            "siaga: nomor {number} tidak seperti saat dibuat, atau ada yang hilang sebelumnya; sesudahnya tidak ada yang terbukti"
        )),
        (Some(number), Lang::En) => note(&format!(
            "siaga: number {number} is not what it was, or one before it is missing; nothing after it is proven"
        )),
    }
    Ok(if chain.broken.is_some() || !chain.altered.is_empty() { Verdict::NotReady.exit_code() } else { 0 })
}

/// For its owner alone: it has people's names in it.
fn write(file: &Path, content: &[u8]) -> Result<(), String> {
    super::written::new(file, content, 0o600).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => format!("{} is there already; name another file, or move it away", file.display()),
        _ => format!("{} cannot be written: {error}", file.display()),
    })
}
