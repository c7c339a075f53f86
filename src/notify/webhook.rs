//! A receiver that is reached by an HTTP POST of the notification's JSON.

use std::fmt::Write as _;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use ring::hmac;
use serde::Deserialize;

use super::error::{DeliveryError, Failure, SetupError};
use super::{document, http, secret};
use crate::domain::{Notification, SecretFile, hex};

/// What belongs to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WebhookReceiver")]
pub struct Config {
    /// Where the JSON is posted: `http://` or `https://`, without a password in it.
    #[serde(deserialize_with = "super::url::url")]
    #[schemars(with = "String", url)]
    pub url: Url,
    /// A file with a secret that both sides know. With it each message carries `X-Siaga-Signature: sha256=…`, the
    /// HMAC-SHA-256 (RFC 2104) of the body in hexadecimal. The file is read at each delivery; white space at its end does
    /// not count. `credential:NAME` is the credential NAME of systemd (`LoadCredential=NAME:FILE` in the unit), for a file
    /// that only root can read.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub secret_file: Option<SecretFile>,
}

impl Config {
    /// The secrets that it names, by key.
    pub fn secrets(&mut self) -> impl Iterator<Item = (&'static str, &mut SecretFile)> {
        self.secret_file.iter_mut().map(|file| ("secret_file", file))
    }
}

/// A webhook, ready to deliver. It has contacted nobody yet.
#[derive(Clone, Debug)]
pub struct Ready {
    config: Config,
    client: Client,
}

impl Ready {
    /// Makes one ready.
    ///
    /// # Errors
    /// If the system's certificates cannot be loaded.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self { config: config.clone(), client: http::client()? })
    }

    /// Makes one attempt. It has arrived when the far end answers 2xx.
    ///
    /// # Errors
    /// Why it has not, and whether another attempt makes sense.
    pub async fn deliver(&self, notification: &Notification) -> Result<(), DeliveryError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("Idempotency-Key", key(&document::id(notification))?);
        if let Some(file) = &self.config.secret_file {
            headers
                .insert("X-Siaga-Signature", signature(&secret::read(file).await?, notification.payload.as_bytes())?);
        }
        let request = self.client.post(self.config.url.clone()).headers(headers).body(notification.payload.to_string());
        let response = http::send(request).await?;
        http::judge(response.status(), response.headers())
    }
}

/// A document's id as a header holds it. A key may hold what others have chosen (a session's id): what is not visible ASCII is
/// percent-encoded (RFC 3986 §2.1), and `%` itself, so that two ids never become one.
fn key(id: &str) -> Result<HeaderValue, DeliveryError> {
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            text.push(char::from(byte));
        } else {
            _ = write!(text, "%{byte:02X}");
        }
    }
    HeaderValue::from_str(&text).map_err(|error| DeliveryError::new(Failure::Refused, error.to_string()))
}

fn signature(secret: &[u8], body: &[u8]) -> Result<HeaderValue, DeliveryError> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
    let text = format!("sha256={}", hex(tag.as_ref()));
    HeaderValue::from_str(&text).map_err(|error| DeliveryError::new(Failure::Secret, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // RFC 4231 §4.3, test case 2.
        assert_eq!(
            signature(b"Jefe", b"what do ya want for nothing?").unwrap(),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn every_id_can_stand_in_a_header_and_no_two_become_one() {
        let told = |id: &str| key(id).unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            told("ruang.session.rapat<17>@dinas/2.65.confirmed.desk"),
            "ruang.session.rapat<17>@dinas/2.65.confirmed.desk"
        );
        assert_eq!(told("ruang.session.rapat-é.65.confirmed.desk"), "ruang.session.rapat-%C3%A9.65.confirmed.desk");
        assert_eq!(told("a b\n\u{7f}会"), "a%20b%0A%7F%E4%BC%9A");
        assert_eq!((told("rapat-%C3%A9"), told("100%")), ("rapat-%25C3%25A9".to_owned(), "100%25".to_owned()));
    }

    #[test]
    fn each_mistake_gets_its_own_words() {
        for (line, said) in [
            ("url = 'alerts.example.net'", "is not a URL"),
            ("url = 'ftp://alerts.example.net/'", "must begin with http:// or https://"),
            ("url = 'http://me:hidden@alerts.example.net/'", "must not hold a user or a password"),
            ("secret = 'x'", "unknown field `secret`, expected"),
        ] {
            let error = toml::from_str::<Config>(line).unwrap_err();
            let error = error.message();
            assert!(error.contains(said), "{line}: {error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
