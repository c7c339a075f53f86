//! The text of a feed: from a file, or by one HTTP request.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;

use super::Config;
use crate::outbound;

/// The largest feed that is read, bytes: some ten thousand entries.
pub const LARGEST: usize = 8 * 1024 * 1024;

/// How long the whole of a request may take, and how long a file.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// So many redirects are followed.
const MAX_REDIRECTS: usize = 3;

/// Why there is no text. No address is in it: it is often a feed's only secret.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file cannot be read.
    #[error("its file cannot be read")]
    File(#[source] std::io::Error),
    /// A folder, a pipe or a device.
    #[error("its file cannot be read: that is no file")]
    NoFile,
    /// The token's file cannot be read.
    #[error("its token cannot be read: {0}")]
    Token(String),
    /// There was no answer.
    #[error("its server does not answer: {0}")]
    Request(String),
    /// The answer leads to where nobody goes.
    #[error("its server leads elsewhere, which is not followed: {0}")]
    Redirect(String),
    /// The answer was no feed.
    #[error("its server answers with status {0}")]
    Status(u16),
    /// It is larger than is read.
    #[error("it is larger than {} MiB", LARGEST / 1024 / 1024)]
    TooLarge,
    /// It is no text.
    #[error("it is not in UTF-8")]
    Encoding,
}

/// Reads the text in a file. It takes as long as the disk does, which may be for ever.
///
/// # Errors
/// Why it could not be had.
pub fn of_file(file: &Path) -> Result<String, FetchError> {
    let meta = std::fs::metadata(file).map_err(FetchError::File)?;
    // Whoever opens a pipe waits for somebody who writes to it, and a device may have no end.
    if !meta.is_file() {
        return Err(FetchError::NoFile);
    }
    // Before it is in memory; and it may grow while it is read.
    if meta.len() > LARGEST as u64 {
        return Err(FetchError::TooLarge);
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(file).map_err(FetchError::File)?;
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(FetchError::File)?;
    if bytes.len() > LARGEST { Err(FetchError::TooLarge) } else { text(bytes) }
}

/// Asks for the text behind the URL of a feed that has one.
///
/// # Errors
/// Why it could not be had.
pub async fn of_url(config: &Config, url: &Url) -> Result<String, FetchError> {
    let late = |_| FetchError::Request(format!("not within {} s", PATIENCE.as_secs()));
    text(tokio::time::timeout(PATIENCE, get(config, url.clone())).await.map_err(late)??)
}

fn text(bytes: Vec<u8>) -> Result<String, FetchError> {
    String::from_utf8(bytes).map_err(|_| FetchError::Encoding)
}

async fn get(config: &Config, url: Url) -> Result<Vec<u8>, FetchError> {
    let failed = |error: reqwest::Error| {
        let why = outbound::root(&error);
        if error.is_redirect() { FetchError::Redirect(why) } else { FetchError::Request(why) }
    };
    let client = outbound::certified(|| outbound::client().redirect(near_home()).build());
    let client = client.await.map_err(FetchError::Request)?;
    let mut request = client.get(url).header(ACCEPT, "text/calendar");
    if let Some(token) = &config.token_file {
        request = request.bearer_auth(outbound::secret_text(token).await.map_err(FetchError::Token)?);
    }
    let mut response = request.send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > LARGEST {
            return Err(FetchError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Follows a server where it may lead: within itself, and from https to another https server that is none of this network.
fn near_home() -> Policy {
    Policy::custom(|attempt| {
        let first = attempt.previous().first();
        match first.and_then(|first| refusal(first, attempt.url(), attempt.previous().len())) {
            Some(why) => attempt.error(why),
            None => attempt.follow(),
        }
    })
}

/// Why the redirect of this number is not followed to there; none, if it is. Whoever serves a calendar must not choose whom else this
/// machine asks: what it reaches, such as a router's page, is not all in everybody's reach.
fn refusal(configured: &Url, to: &Url, number: usize) -> Option<&'static str> {
    if number > MAX_REDIRECTS {
        return Some("it does so more than three times");
    }
    if to.origin() == configured.origin() {
        return None;
    }
    match (configured.scheme(), to.scheme()) {
        ("https", "https") if is_of_this_network(to) => Some("to an address of this network"),
        ("https", "https") => None,
        // To the same server in good order, as many have it.
        ("http", "https") if to.host() == configured.host() => None,
        ("https", _) => Some("from https to what is none"),
        _ => Some("to another server, for which the url in the config must begin with https://"),
    }
}

/// Whether a URL names this machine or its network by an address. What a name stands for is not looked up.
fn is_of_this_network(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => {
            let [a, b, ..] = v4.octets();
            // The last are those that a provider shares out (RFC 6598).
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || a == 0 || (a == 100 && b & 0xc0 == 64)
        }
        Ok(IpAddr::V6(v6)) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_unicast_link_local() || v6.is_unique_local()
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    /// A server that gives one answer after the other, with the heads of what it was asked.
    fn server(answers: impl FnOnce(u16) -> Vec<String>) -> (u16, Receiver<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, asked) = sync_channel(16);
        let answers = answers(port);
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                tell.send(lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        (port, asked)
    }

    fn moved(to: &str) -> String {
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    }

    const FEED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfeed";

    async fn fetched(port: u16) -> Result<String, FetchError> {
        let url = format!("http://127.0.0.1:{port}/secret");
        let config: Config = toml::from_str(&format!("name = \"office\"\nurl = \"{url}\"")).unwrap();
        of_url(&config, config.url.as_ref().unwrap()).await
    }

    #[tokio::test]
    async fn a_server_is_followed_within_itself_and_is_not_told_where_one_comes_from() {
        let (port, asked) = server(|port| vec![moved("/a"), moved(&format!("http://127.0.0.1:{port}/b")), FEED.into()]);
        assert_eq!(fetched(port).await.unwrap(), "feed");
        let asked: Vec<String> = asked.try_iter().collect();
        let first: Vec<&str> = asked.iter().map(|head| head.lines().next().unwrap()).collect();
        assert_eq!(first, ["GET /secret HTTP/1.1", "GET /a HTTP/1.1", "GET /b HTTP/1.1"]);
        assert!(asked.iter().all(|head| !head.to_ascii_lowercase().contains("referer")), "{asked:?}");
        let (port, _asked) = server(|_| vec![moved("/a"), moved("/b"), moved("/c"), moved("/d"), FEED.into()]);
        let error = fetched(port).await.unwrap_err().to_string();
        assert_eq!(error, "its server leads elsewhere, which is not followed: it does so more than three times");
    }

    #[tokio::test]
    async fn another_server_is_not_asked_for_a_feed_whose_address_is_not_encrypted() {
        let (other, asked_there) = server(|_| vec![FEED.into()]);
        let (port, _asked) = server(|_| vec![moved(&format!("http://127.0.0.1:{other}/router"))]);
        let error = fetched(port).await.unwrap_err();
        assert!(matches!(&error, FetchError::Redirect(why) if why.starts_with("to another server")), "{error}");
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
        assert!(asked_there.try_recv().is_err(), "it was asked");
    }

    #[test]
    fn from_https_another_server_is_followed_if_it_is_https_and_of_no_network_of_ours() {
        let is_followed =
            |from: &str, to: &str| refusal(&Url::parse(from).unwrap(), &Url::parse(to).unwrap(), 1).is_none();
        let https = "https://cal.example.org/a";
        for to in
            ["https://cal.example.org/b", "https://files.example.net/x", "https://192.0.2.1/", "https://[2001:db8::1]/"]
        {
            assert!(is_followed(https, to), "{to}");
        }
        for to in [
            "http://cal.example.org/a",
            "http://files.example.net/x",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://10.1.2.3/",
            "https://172.16.0.1:8443/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[::ffff:192.168.1.1]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://localhost/",
            "https://LOCALHOST:8443/",
            "https://a.localhost/",
        ] {
            assert!(!is_followed(https, to), "{to}");
        }
        // A calendar in the house is asked where the config says.
        assert!(is_followed("https://192.168.1.5/a", "https://192.168.1.5/b"));
        assert!(is_followed("http://192.168.1.5/a", "http://192.168.1.5/b"));
        assert!(is_followed("http://192.168.1.5/a", "https://192.168.1.5/a"));
        for to in
            ["http://192.168.1.5:81/", "https://192.168.1.6/", "https://cal.example.org/", "http://cal.example.org/"]
        {
            assert!(!is_followed("http://192.168.1.5/a", to), "{to}");
        }
    }

    #[test]
    fn what_is_no_file_is_not_opened_and_what_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RUSR).unwrap();
        for path in [at("pipe"), folder.path().to_owned(), "/dev/zero".into()] {
            assert!(matches!(of_file(&path), Err(FetchError::NoFile)), "{}", path.display());
        }
        std::fs::File::create(at("large")).unwrap().set_len(LARGEST as u64 + 1).unwrap();
        assert!(matches!(of_file(&at("large")), Err(FetchError::TooLarge)));
        std::fs::write(at("feed"), "feed").unwrap();
        assert_eq!(of_file(&at("feed")).unwrap(), "feed");
    }
}
