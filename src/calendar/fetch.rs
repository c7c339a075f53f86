//! The text of a feed: from a file, or by one HTTP request.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::ACCEPT;

use super::Config;
use crate::outbound;

/// The largest feed that is read, bytes: some ten thousand entries.
pub const LARGEST: usize = 8 * 1024 * 1024;

/// How long the whole of a request may take, and how long a file.
pub const PATIENCE: Duration = Duration::from_secs(30);

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
    let failed = |error: reqwest::Error| FetchError::Request(outbound::root(&error));
    let client = outbound::client().redirect(reqwest::redirect::Policy::limited(3)).build().map_err(failed)?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
