//! `siaga status`: ask the running daemon.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use reqwest::RequestBuilder;
use serde_json::Value;

use super::listing::Listing;
use super::paint::say;
use crate::config::Config;
use crate::domain::{Lang, Verdict, instant};
use crate::named_file;

/// How long the daemon gets to answer: it answers from memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// What `siaga status` can be told.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Where the daemon listens; without it the config's first address on this machine, else its first.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The profile to judge by; without it the one in force.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// From when (RFC 3339); without it now.
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Until when (RFC 3339).
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// A file whose first line is a token, where the room is not open to everybody.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A PEM file with the certificates to trust over TLS, instead of the machine's own.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print the daemon's JSON as it came.
    #[arg(long)]
    json: bool,
}

impl StatusArgs {
    /// Whether a token is shown to whoever the config says.
    pub fn shows_token(&self) -> bool {
        self.token_file.is_some() && self.url.is_none()
    }
}

/// Asks, prints, and gives the exit code of the verdict.
///
/// # Errors
/// If the daemon does not answer, or refuses the question.
pub async fn run(config: &Config, args: &StatusArgs, lang: Lang, color: bool) -> Result<u8, String> {
    let base = args.url.clone().unwrap_or_else(|| address(config));
    let url = format!("{}/api/v1/readiness", base.trim_end_matches('/')).parse::<reqwest::Url>().ok();
    let mut url = url.filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(|| {
        format!("--url {base:?} is no address of a daemon; write one such as \"http://127.0.0.1:10153\"")
    })?;
    url.query_pairs_mut().append_pair("lang", lang.as_str());
    for (flag, moment) in [("--start", &args.start), ("--end", &args.end)] {
        // The daemon's words are for whoever writes a query.
        if let Some(moment) = moment {
            instant(moment).map_err(|why| format!("{flag} is {moment:?}; {why}"))?;
        }
    }
    for (key, value) in [("profile", &args.profile), ("start", &args.start), ("end", &args.end)] {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(key, value);
        }
    }
    let client = client(args.ca_file.as_deref(), PATIENCE)?;
    let answer = showing(client.get(url), args.token_file.as_deref())?.send().await;
    let answer = answer.map_err(|error| format!("{}; \"siaga check\" needs no daemon", unanswered(&base, &error)))?;
    let unnamed = answer.status() == reqwest::StatusCode::UNAUTHORIZED;
    let text = answer.text().await.map_err(|error| format!("{base}: {}", root(&error)))?;
    let body: Value = serde_json::from_str(&text).map_err(|error| format!("{base} is not siaga: {error}"))?;
    let Some(verdict) = body["verdict"].as_str().and_then(Verdict::parse) else {
        let detail = body["detail"].as_str().or(body["title"].as_str()).unwrap_or("it gave no verdict");
        if unnamed {
            return Err(format!("{base}: {detail}; here: --token-file FILE"));
        }
        return Err(format!("{base}: {detail}"));
    };
    if args.json {
        say(&format!("{text}\n"));
    } else {
        let room: Listing = serde_json::from_value(body)
            .map_err(|error| format!("{base} answers as another version of siaga does ({error}); --json shows it"))?;
        say(&room.text(lang, color));
    }
    Ok(verdict.exit_code())
}

/// Where the config's daemon is asked: at the first of its addresses that is on this machine, where it answers in the clear too, else at
/// its first.
pub(super) fn address(config: &Config) -> String {
    let web = &config.web;
    let is_here = |at: &&SocketAddr| at.ip().is_loopback() || at.ip().is_unspecified();
    match (web.listen.iter().find(is_here), web.listen.first()) {
        (None, Some(first)) if web.tls.is_some() => format!("https://{first}"),
        (None, Some(first)) => format!("http://{first}"),
        (Some(here), _) => format!("http://{here}"),
        (None, None) => String::new(),
    }
}

/// Who asks the daemon; over TLS it trusts the certificates in `ca_file`, or else those that the machine trusts.
///
/// # Errors
/// A file that cannot be read, or has no certificate in it.
pub(super) fn client(ca_file: Option<&Path>, patience: Duration) -> Result<reqwest::Client, String> {
    crate::install_crypto();
    let mut builder = reqwest::Client::builder().no_proxy().timeout(patience);
    if let Some(file) = ca_file {
        let mut text = Vec::new();
        let read = named_file::open(file).and_then(|mut opened| opened.read_to_end(&mut text));
        read.map_err(|error| format!("{}: {error}", file.display()))?;
        let trusted = reqwest::Certificate::from_pem_bundle(&text)
            .map_err(|error| format!("{}: {}", file.display(), root(&error)))?;
        if trusted.is_empty() {
            return Err(format!("{} has no certificate in it", file.display()));
        }
        builder = builder.tls_certs_only(trusted);
    }
    builder.build().map_err(|error| error.to_string())
}

/// The same request with the token that stands in the first line of a file.
///
/// # Errors
/// A file that cannot be read, or has no token in its first line.
pub(super) fn showing(request: RequestBuilder, token_file: Option<&Path>) -> Result<RequestBuilder, String> {
    let Some(file) = token_file else { return Ok(request) };
    let text = named_file::text(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.is_empty() {
        return Err(format!("{}: its first line is empty, and is to be a token", file.display()));
    }
    Ok(request.bearer_auth(token))
}

/// That nobody answers there, or not as they were asked.
pub(super) fn unanswered(base: &str, error: &reqwest::Error) -> String {
    let why = root(error);
    if error.is_timeout() {
        return format!(
            "{base} does not answer in time ({why}): the daemon there hangs or has far too much to do, or a firewall drops what it is asked"
        );
    }
    match why.as_str() {
        tls if tls.contains("certificate") => {
            format!("{base} answers, and its certificate is not trusted ({tls}); --ca-file FILE says whom to trust")
        }
        clear if clear.contains("InvalidContentType") => {
            format!("{base} answers, and not over TLS ({clear}); ask by http://")
        }
        _ => format!(
            "no daemon answers at {base} ({why}); \"siaga run\" starts one, and one that runs listens elsewhere only from its next start on"
        ),
    }
}

/// The innermost cause: what reqwest itself says is only that the request failed.
pub(super) fn root(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SecretFile;
    use crate::named_file::tests::told_of_a_pipe;
    use crate::probe::{enrolled, stamp};

    #[test]
    fn no_command_waits_for_a_writer_of_a_pipe_that_it_is_named() {
        let whom = || client(None, PATIENCE).unwrap().get("http://127.0.0.1/");
        for told in [
            told_of_a_pipe(|pipe| client(Some(pipe), PATIENCE).unwrap_err()),
            told_of_a_pipe(move |pipe| showing(whom(), Some(pipe)).unwrap_err()),
            told_of_a_pipe(|pipe| crate::domain::in_full(&enrolled::read(pipe).unwrap_err())),
            told_of_a_pipe(|pipe| stamp::key::read(&SecretFile::Path(pipe.to_owned())).unwrap_err()),
            told_of_a_pipe(|pipe| stamp::key::read_token(&SecretFile::Path(pipe.to_owned())).unwrap_err()),
        ] {
            assert!(
                told.as_deref().is_some_and(|told| told.contains("/pipe") && told.ends_with(": it is no file")),
                "{told:?}"
            );
        }
        assert_eq!(told_of_a_pipe(crate::cli::init::says_nothing_yet), Some(false));
    }

    #[test]
    fn a_file_whose_first_line_is_empty_has_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let show = || showing(client(None, PATIENCE).unwrap().get("http://127.0.0.1/"), Some(&file));
        for empty in ["", "\n", "  \nsgt_x\n"] {
            std::fs::write(&file, empty).unwrap();
            let why = show().unwrap_err();
            assert!(why.contains("token: its first line is empty"), "{why}");
        }
        std::fs::write(&file, "sgt_x\n").unwrap();
        assert!(show().is_ok());
    }

    #[tokio::test]
    async fn a_daemon_that_hangs_is_another_trouble_than_one_that_is_not_there() {
        let place = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", place.local_addr().unwrap());
        let client = client(None, Duration::from_millis(200)).unwrap();
        let ask = async || unanswered(&base, &client.get(&base).send().await.unwrap_err());
        let hangs = ask().await;
        assert!(hangs.contains("does not answer in time") && !hangs.contains("siaga run"), "{hangs}");
        drop(place);
        let away = ask().await;
        assert!(away.contains("no daemon answers") && away.contains("siaga run"), "{away}");
    }
}
