//! `siaga init`: asks about the room, or takes the answers as flags, and gives the text of its config.

use std::io::{self, BufRead, Write};
use std::net::IpAddr;
use std::path::Path;

use crate::config::init::{Answers, left_out, render};
use crate::config::{Config, Errors, Source, Zone, is_title};
use crate::devices::default_gateways;
use crate::domain::{Kind, Lang, Text};
use crate::named_file;
use crate::notify::{Kind as ReceiverKind, Way};
use crate::probe::ProbeConfig;
use crate::probe::ports::platforms::{Platform, platforms};

mod kept;
#[cfg(test)]
mod tests;

/// Whether a file says what holds without one, as the package's does: nothing is lost where a room's config takes its place.
pub(super) fn says_nothing_yet(file: &Path) -> bool {
    let table = |text: &str| text.parse::<toml::Table>().ok();
    // A pipe or a device is written to, and not read: it may be this command's own output.
    let text = || if file.is_file() { named_file::text(file).ok() } else { None };
    let said = text().and_then(|text| table(&text));
    said.is_some() && said == table(crate::config::DEFAULT)
}

/// The questions, each with a flag of its own. What is given is not asked; "none" (or "tidak ada") answers a question
/// with nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct InitArgs {
    /// Ask nothing: take the default where no flag answers.
    #[arg(long, short)]
    pub yes: bool,
    /// Language of pages, messages and comments: id or en.
    #[arg(long, value_parser = language)]
    pub language: Option<Lang>,
    /// The room's short name: lower-case letters, digits, _ and -.
    #[arg(long)]
    pub name: Option<String>,
    /// The room's name for people.
    #[arg(long)]
    pub title: Option<String>,
    /// IANA name of the time zone.
    #[arg(long)]
    pub time_zone: Option<String>,
    /// zoom, teams, meet, webex, jitsi, bigbluebutton, h323 or audio_only.
    #[arg(long)]
    pub platform: Option<String>,
    /// The platform's own name (and :port), where it stands in your house (Jitsi, BigBlueButton, H.323).
    #[arg(long)]
    pub server: Option<String>,
    /// A far end: an address or name to echo, or stun:host:port. Give three, of three operators.
    #[arg(long = "far-end", value_delimiter = ',')]
    pub far_ends: Option<Vec<String>>,
    /// "auto", the router's address, or "none".
    #[arg(long)]
    pub gateway: Option<String>,
    /// "auto", the resolvers' addresses, or "none".
    #[arg(long = "resolver", value_delimiter = ',')]
    pub resolvers: Option<Vec<String>>,
    /// Base address of a far end that serves bandwidth tests, or "none".
    #[arg(long)]
    pub bandwidth: Option<String>,
    /// A far end that runs "siaga reflect", host or host:port, or "none".
    #[arg(long)]
    pub stamp: Option<String>,
    /// host:port of NUT's upsd, or "none".
    #[arg(long)]
    pub upsd: Option<String>,
    /// Whether a display hangs on this machine: yes or no.
    #[arg(long, value_parser = yes_or_no)]
    pub display: Option<bool>,
    /// Whether camera and microphone are tried for some seconds now and then while the room is free; nothing is kept: yes or no.
    #[arg(long, value_parser = yes_or_no)]
    pub try_devices: Option<bool>,
    /// Whether the room has two-way radios: yes or no.
    #[arg(long, value_parser = yes_or_no)]
    pub radio: Option<bool>,
    /// Where notifications are posted, or "none".
    #[arg(long)]
    pub webhook: Option<String>,
}

/// Why no config was made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The terminal cannot be read or written.
    #[error("cannot ask")]
    Ask(#[from] io::Error),
    /// The questions ended before all were answered.
    #[error("the answers ended before the questions did; give flags, or --yes to take the defaults")]
    NoMoreAnswers,
    /// A flag's answer is none of those possible.
    #[error("{0}")]
    Answer(String),
    /// The answers together make no sound config.
    #[error(transparent)]
    Config(#[from] Errors),
}

/// What comes of the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The config.
    pub text: String,
    /// Whether a webhook's address is in it, by which whoever knows it may write there.
    pub holds_address: bool,
}

/// This room's own routers, as the machine knows them.
pub(super) fn routers() -> Vec<IpAddr> {
    default_gateways(Path::new("/proc")).into_iter().map(|(via, _)| via).collect()
}

/// Asks on `output` what no flag answers, reads the answers from `input`, says what the answers leave out, and gives the
/// config's text, which is sound.
///
/// # Errors
/// The terminal fails, a flag's answer is impossible, or the answers together make no sound config.
pub fn run(
    args: &InitArgs,
    mut routers: Vec<IpAddr>,
    input: impl BufRead,
    output: impl Write,
) -> Result<Made, InitError> {
    let platforms = platforms();
    // Known before it is asked for.
    routers.extend(args.gateway.as_ref().and_then(|gateway| gateway.parse::<IpAddr>().ok()));
    let mut desk = Desk { lang: args.language.unwrap_or_default(), quiet: args.yes, routers, input, output };
    let answers = answers(args, platforms, &mut desk)?;
    let text = render(&answers);
    Config::parse(&Source::new("siaga init", text.as_str()))?;
    let left_out = left_out(&answers);
    if !left_out.is_empty() {
        let head = Text::new("Belum diperiksa atau diberitahukan:", "Not looked at, or not told, as answered:");
        writeln!(desk.output, "{}", head.in_lang(answers.language))?;
        for sentence in left_out {
            writeln!(desk.output, "  - {}", sentence.in_lang(answers.language))?;
        }
    }
    Ok(Made { text, holds_address: answers.webhook.is_some() })
}

fn answers<I: BufRead, O: Write>(
    args: &InitArgs,
    platforms: &[Platform],
    desk: &mut Desk<I, O>,
) -> Result<Answers, InitError> {
    let language = match args.language {
        Some(language) => language,
        None => {
            desk.ask(None, Text::new("Bahasa / language (id, en)", "Bahasa / language (id, en)"), "id", language)?
        }
    };
    desk.lang = language;
    let title =
        desk.ask(args.title.as_deref(), Text::new("Nama ruang", "The room's name"), "Ruang Media Center", |text| {
            is_title(text).map(|()| text.to_owned())
        })?;
    let name = desk.ask(
        args.name.as_deref(),
        Text::new("Nama singkat untuk API dan metrik", "A short name for API and metrics"),
        "media_center",
        |text| crate::config::RoomName::try_from(text.to_owned()).map(|name| name.0.to_string()),
    )?;
    let time_zone = desk.ask(
        args.time_zone.as_deref(),
        Text::new("Zona waktu (nama IANA)", "Time zone (IANA name)"),
        "Asia/Pontianak",
        |text| Zone::try_from(text.to_owned()).map(|_| text.to_owned()),
    )?;
    let names: Vec<_> = platforms.iter().map(|platform| platform.name.as_str()).collect();
    let names = names.join(", ");
    let question = match language {
        Lang::Id => format!("Tempat rapat ({names})"),
        Lang::En => format!("Where meetings are held ({names})"),
    };
    let platform = desk.ask_text(args.platform.as_deref(), &question, "zoom", |text| {
        let found = platforms.iter().find(|platform| platform.name == text).cloned();
        found.ok_or_else(|| match language {
            Lang::Id => format!("{text:?} tidak dikenal; yang dikenal: {names}"),
            Lang::En => format!("{text:?} is not known; known are {names}"),
        })
    })?;
    let server = if platform.web.is_empty() && platform.name != "audio_only" || args.server.is_some() {
        let question = Text::new("Alamat server rapat milik sendiri", "The name of your own meeting server");
        desk.ask(args.server.as_deref(), question, "none", |text| some(text).map(|text| host(&text)).transpose())?
    } else {
        None
    };
    let routers = desk.routers.clone();
    let far_ends = desk.ask_list(
        args.far_ends.as_deref(),
        Text::new(
            "Ujung jauh dari tiga operator, dipisah koma (alamat, atau stun:host:port)",
            "Far ends of three operators, separated by commas (an address, or stun:host:port)",
        ),
        "none",
        |far_end| {
            elsewhere(far_end, &routers)?;
            match far_end.strip_prefix("stun:") {
                Some(server) => fits(Kind::Stun, &[("server", server)]),
                None => fits(Kind::Icmp, &[("target", far_end)]),
            }
        },
    )?;
    let gateway =
        desk.ask(args.gateway.as_deref(), Text::new("Router ruangan ini", "This room's router"), "auto", |text| {
            optional(text, |gateway| {
                let by_hand: Vec<IpAddr> = gateway.parse().into_iter().collect();
                far_ends.iter().try_for_each(|far_end| elsewhere(far_end, &by_hand))?;
                fits(Kind::Icmp, &[("target", gateway)])
            })
        })?;
    let resolvers =
        desk.ask_list(args.resolvers.as_deref(), Text::new("Server DNS", "DNS resolvers"), "auto", |resolver| {
            fits(Kind::Dns, &[("query", "meet.example"), ("resolver", resolver)])
        })?;
    let bandwidth = desk.ask(
        args.bandwidth.as_deref(),
        Text::new("Ujung jauh untuk uji kecepatan (http://…)", "A far end for bandwidth tests (http://…)"),
        "none",
        |text| {
            optional(text, |base| {
                fits(Kind::Bandwidth, &[("down_url", &format!("{base}/down"))]).map_err(|_| {
                    format!("{base:?} is no web address; write one such as \"http://speed.example.net:10154\"")
                })
            })
        },
    )?;
    let stamp = desk.ask(
        args.stamp.as_deref(),
        Text::new("Ujung jauh yang menjalankan \"siaga reflect\"", "A far end that runs \"siaga reflect\""),
        "none",
        |text| optional(text, |reflector| fits(Kind::Stamp, &[("reflector", reflector)])),
    )?;
    let upsd = desk.ask(
        args.upsd.as_deref(),
        Text::new("Alamat upsd (NUT)", "Where upsd (NUT) listens"),
        "127.0.0.1:3493",
        |text| optional(text, |server| fits(Kind::Ups, &[("server", server)])),
    )?;
    let display = desk.ask_flag(
        args.display,
        Text::new("Ada layar atau proyektor di komputer ini?", "Is there a display on this machine?"),
        true,
    )?;
    let tried = desk.ask_flag(
        args.try_devices,
        Text::new(
            "Boleh mencoba kamera dan mikrofon beberapa detik selagi ruangan tidak dipakai? Tidak ada yang disimpan.",
            "May camera and microphone be tried for some seconds while the room is free? Nothing is kept.",
        ),
        true,
    )?;
    let radio = desk.ask_flag(args.radio, Text::new("Ada HT?", "Are there two-way radios?"), true)?;
    let webhook = desk.ask(
        args.webhook.as_deref(),
        Text::new("Alamat webhook untuk pemberitahuan", "Webhook for notifications"),
        "none",
        |text| optional(text, reachable),
    )?;
    Ok(Answers {
        language,
        name,
        title,
        time_zone,
        platform,
        server,
        far_ends,
        gateway,
        resolvers,
        bandwidth,
        stamp,
        upsd,
        display,
        tried,
        radio,
        webhook,
    })
}

/// Where questions are put and answers come from.
struct Desk<I, O> {
    lang: Lang,
    quiet: bool,
    /// No far end is one of these.
    routers: Vec<IpAddr>,
    input: I,
    output: O,
}

impl<I: BufRead, O: Write> Desk<I, O> {
    /// The answer that `given` (a flag) holds, else what a person says; asked again until `read` takes it.
    fn ask<T>(
        &mut self,
        given: Option<&str>,
        question: Text,
        default: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, InitError> {
        self.ask_text(given, question.in_lang(self.lang), default, read)
    }

    fn ask_text<T>(
        &mut self,
        given: Option<&str>,
        question: &str,
        default: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, InitError> {
        if let Some(text) = given.or(self.quiet.then_some(default)) {
            return read(text).map_err(InitError::Answer);
        }
        loop {
            write!(self.output, "{question} [{default}]: ")?;
            self.output.flush()?;
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                writeln!(self.output)?;
                return Err(InitError::NoMoreAnswers);
            }
            let line = line.trim();
            match read(if line.is_empty() { default } else { line }) {
                Ok(answer) => return Ok(answer),
                Err(message) => writeln!(self.output, "  {message}")?,
            }
        }
    }

    fn ask_list(
        &mut self,
        given: Option<&[String]>,
        question: Text,
        default: &str,
        fits: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Vec<String>, InitError> {
        let given = given.map(|all| all.join(","));
        self.ask(given.as_deref(), question, default, |text| {
            let Some(text) = some(text) else { return Ok(Vec::new()) };
            let said: Vec<_> = text.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
            let all: Vec<_> = said.iter().filter_map(|one| some(one)).collect();
            if let Some(none) = said.iter().find(|one| some(one).is_none()) {
                return Err(format!("{none:?} stands beside others; write it alone, or leave it out"));
            }
            all.iter().try_for_each(|one| fits(one))?;
            let twice = all.iter().enumerate().find(|(at, one)| all[..*at].iter().any(|other| same(other, one)));
            match twice {
                // In a group it would count as two.
                Some((_, one)) => Err(format!("{one:?} is given twice")),
                None => Ok(all),
            }
        })
    }

    fn ask_flag(&mut self, given: Option<bool>, question: Text, default: bool) -> Result<bool, InitError> {
        let word = |flag: bool| match (flag, self.lang) {
            (true, Lang::Id) => "ya",
            (false, Lang::Id) => "tidak",
            (true, Lang::En) => "yes",
            (false, Lang::En) => "no",
        };
        let (given, default) = (given.map(word), word(default));
        self.ask(given, question, default, yes_or_no)
    }
}

/// What was answered; nothing where the answer is that there is none.
fn some(text: &str) -> Option<String> {
    let none = ["", "-", "none", "tidak ada"];
    Some(text.trim()).filter(|text| !none.contains(text)).map(str::to_owned)
}

/// The same, if it fits.
fn optional(text: &str, fits: impl FnOnce(&str) -> Result<(), String>) -> Result<Option<String>, String> {
    let answer = some(text);
    answer.as_deref().map_or(Ok(()), fits).map(|()| answer)
}

/// Whether two answers name the same: names have no case (RFC 4343), and an address can be written in several ways.
fn same(one: &str, other: &str) -> bool {
    let address = |text: &str| text.parse::<std::net::IpAddr>().ok();
    match (address(one), address(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.')),
    }
}

/// Whether a far end is beyond the room's own line, as far as its name tells. The check could have this machine or the router too, and
/// would learn nothing of the line.
fn elsewhere(far_end: &str, routers: &[IpAddr]) -> Result<(), String> {
    let place = far_end.strip_prefix("stun:").unwrap_or(far_end);
    let address = place.parse().or_else(|_| place.parse().map(|socket: std::net::SocketAddr| socket.ip()));
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host).trim_end_matches('.').to_ascii_lowercase();
    if matches!(&*host, "gateway" | "auto") || address.as_ref().is_ok_and(|address| routers.contains(address)) {
        return Err(format!(
            "{far_end:?} is the room's own router: it answers while the line is dead, and would vouch for the internet; write an \
             address outside the room"
        ));
    }
    if host == "self"
        || host == "localhost"
        || host.ends_with(".localhost")
        || address.is_ok_and(|address: IpAddr| address.is_loopback())
    {
        return Err(format!("{far_end:?} is this machine, and no far end; write an address outside the room"));
    }
    Ok(())
}

/// The name in what people paste: the address of a front page is one too.
fn host(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let bare = bare.trim_end_matches('/');
    let (name, port) = bare.split_once(':').map_or((bare, None), |(name, port)| (name, Some(port)));
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let port = port.map_or(Ok(None), |port| port.parse::<std::num::NonZeroU16>().map(Some));
    match port {
        Ok(port) if !name.is_empty() && name.chars().all(fits) => {
            Ok(port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}")))
        }
        _ => Err(format!(
            "{text:?} is no name of a server; write one such as \"meet.example.org\" or \"meet.example.org:8443\""
        )),
    }
}

/// Whether a check of this kind could have these keys: the probe's own words if not, while the question still stands.
fn fits(kind: Kind, keys: &[(&str, &str)]) -> Result<(), String> {
    ProbeConfig::deserialize_as(kind, table(keys)).map(drop).map_err(|error| error.message().to_owned())
}

/// Whether a webhook could be there.
fn reachable(url: &str) -> Result<(), String> {
    let way = Way::deserialize_as(ReceiverKind::Webhook, table(&[("url", url)]));
    way.map(drop).map_err(|error| error.message().to_owned())
}

fn table(keys: &[(&str, &str)]) -> toml::Table {
    keys.iter().map(|(key, value)| ((*key).to_owned(), toml::Value::from(*value))).collect()
}

fn language(text: &str) -> Result<Lang, String> {
    Lang::parse(text).ok_or_else(|| "yang diterima / allowed are id, en".to_owned())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "y" | "ya" | "yes" => Ok(true),
        "t" | "tidak" | "n" | "no" => Ok(false),
        _ => Err("yang diterima / allowed are ya, tidak / yes, no".to_owned()),
    }
}
