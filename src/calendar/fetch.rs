//! The text of a feed: from a file, or by one HTTP request.

use std::time::Duration;

use reqwest::header::ACCEPT;

use super::Config;
use crate::outbound;

/// The largest feed that is read, bytes: some ten thousand entries.
const LARGEST: usize = 8 * 1024 * 1024;

/// How long the whole of a request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no text. No address is in it: it is often a feed's only secret.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file cannot be read.
    #[error("its file cannot be read")]
    File(#[source] std::io::Error),
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

/// Reads the text.
///
/// # Errors
/// Why it could not be had.
pub async fn fetch(config: &Config) -> Result<String, FetchError> {
    let bytes = match (&config.file, &config.url) {
        (Some(file), _) => {
            let meta = tokio::fs::metadata(file).await.map_err(FetchError::File)?;
            // Before it is in memory.
            if meta.len() > LARGEST as u64 {
                return Err(FetchError::TooLarge);
            }
            tokio::fs::read(file).await.map_err(FetchError::File)?
        }
        (None, Some(url)) => tokio::time::timeout(PATIENCE, get(config, url.clone()))
            .await
            .map_err(|_| FetchError::Request(format!("not within {} s", PATIENCE.as_secs())))??,
        (None, None) => Vec::new(),
    };
    String::from_utf8(bytes).map_err(|_| FetchError::Encoding)
}

async fn get(config: &Config, url: reqwest::Url) -> Result<Vec<u8>, FetchError> {
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
