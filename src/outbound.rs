//! What all have in common that ask a server which the config names: the client, how far it is led elsewhere, why it failed, and the
//! secret that it shows.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Client, ClientBuilder, StatusCode};

use crate::domain::{SecretFile, in_full};
use crate::named_file;

/// Redirects followed on the same host.
const MAX_REDIRECTS: usize = 3;

/// A client that knows the system's certificates: files, whose disk may not answer. One at a time waits for it, for seconds.
///
/// # Errors
/// If they cannot be read.
pub async fn certified<F>(client: F) -> Result<Client, String>
where
    F: FnOnce() -> Result<Client, reqwest::Error> + Send + 'static,
{
    named_file::read(Path::new("the system's certificates"), |_| client().map_err(|error| in_full(&error))).await
}

/// A client that contacts nobody yet. It keeps no connection: what is asked seldom would find it dead just when it is needed.
pub fn client() -> ClientBuilder {
    // The one crypto provider of this program; whoever comes second finds it installed, which is as good.
    _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("siaga/", env!("CARGO_PKG_VERSION")))
        // The config names whom is asked; the environment has no say in it.
        .no_proxy()
        // An address may be a secret, of which whoever it leads to is told nothing.
        .referer(false)
        .pool_max_idle_per_host(0)
}

/// Follows only what keeps a POST one (RFC 9110 §15.4.8 and §15.4.9: 307, 308) and stays at the same host, scheme and port: after a
/// 302 the client would ask with a GET, and its 200 would pass for a delivery.
pub fn posts_stay_posts() -> Policy {
    Policy::custom(follow)
}

fn follow(attempt: Attempt<'_>) -> Action {
    let keeps = matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if keeps && same && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
}

/// The innermost cause: what happened, without the URL, which may hold a token.
pub fn root(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else { return "the connection failed".to_owned() };
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// For how long a server asks to be left alone (RFC 9110 §10.2.3). The other form, a date, is left aside: it would trust two clocks to
/// agree.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// What a file holds, without the white space at its end. Read at each use: a file that is changed counts from then on.
///
/// # Errors
/// Why there is no secret, its disk not answering in time included, with the file's place and nothing of what it holds.
pub async fn secret(said: &SecretFile) -> Result<Vec<u8>, String> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let file = said.place(folder.as_deref())?;
    let mut secret = named_file::read(&file, named_file::bytes).await?;
    secret.truncate(secret.trim_ascii_end().len());
    if secret.is_empty() { Err(format!("{}: it is empty", file.display())) } else { Ok(secret) }
}

/// The same as one line of text, for a secret that stands in a header, a path or a dialogue.
///
/// # Errors
/// As of [`secret`], and if it is more than a line.
pub async fn secret_text(said: &SecretFile) -> Result<String, String> {
    match String::from_utf8(secret(said).await?) {
        Ok(text) if text.chars().all(|c| !c.is_control()) => Ok(text),
        // Nothing of it is repeated.
        _ => Err("the secret is not one line of text".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named_file::tests::while_it_hangs;

    #[test]
    fn a_secret_on_a_disk_that_does_not_answer_holds_one_thread_however_often_it_is_compared() {
        let (told, others) = while_it_hangs(|file| async move { secret(&SecretFile::Path(file)).await });
        assert!(others, "no thread is left for others");
        for told in told {
            let told = told.unwrap().unwrap_err();
            assert!(told.contains("does not answer"), "{told}");
        }
    }
}
