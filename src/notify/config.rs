//! `[[receiver]]` in the config.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::domain::{Lang, Period, SecretFile};

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Receiver")]
pub struct Config {
    /// A name of your choice, unique among receivers; it stands in metrics and in the log.
    #[serde(deserialize_with = "name")]
    pub name: Arc<str>,
    /// How it is reached.
    pub kind: Kind,
    /// Where the JSON is posted: `http://` or `https://`, without a password in it.
    #[serde(deserialize_with = "url")]
    #[schemars(with = "String", url)]
    pub url: Url,
    /// A file with a secret that both sides know. With it each message carries `X-Siaga-Signature: sha256=…`, the
    /// HMAC-SHA-256 (RFC 2104) of the body in hexadecimal. The file is read at each delivery; white space at its end does
    /// not count. `credential:NAME` is the credential NAME of systemd (`LoadCredential=NAME:FILE` in the unit), for a file
    /// that only root can read.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub secret_file: Option<SecretFile>,
    /// The language of the messages; the room's, if left out.
    #[serde(default)]
    pub language: Option<Lang>,
    /// How long one attempt may take, from the name's resolution to the answer.
    #[serde(default = "timeout")]
    pub timeout: Period,
}

/// How a receiver is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ReceiverKind")]
pub enum Kind {
    /// An HTTP POST of JSON.
    Webhook,
}

fn timeout() -> Period {
    // A satellite's line under load answers in three seconds; twice that and something to spare.
    Period(Duration::from_secs(10))
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        return Err(D::Error::custom(format!(
            "a receiver's name has 1 to 64 of the characters a-z A-Z 0-9 - _ . and {name:?} does not"
        )));
    }
    Ok(name.into())
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = Url::parse(&text).map_err(|error| {
        D::Error::custom(format!("{text:?} is not a URL ({error}); write one such as \"https://alert.example/siaga\""))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(D::Error::custom(format!("{text:?} must begin with http:// or https://")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The text is not repeated: it has a password in it.
        return Err(D::Error::custom("a URL in the config must not hold a user or a password; use secret_file"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn a_receiver_is_read_with_its_defaults() {
        let config = read("name = 'desk'\nkind = 'webhook'\nurl = 'https://alerts.example.net/siaga?room=1'").unwrap();
        assert_eq!((&*config.name, config.kind, config.language), ("desk", Kind::Webhook, None));
        assert_eq!(config.timeout, Period(Duration::from_secs(10)));
        assert_eq!(config.secret_file, None);
    }

    #[test]
    fn each_mistake_gets_its_own_words() {
        let with = |line: &str| {
            let mut lines = vec!["name = 'desk'", "kind = 'webhook'", "url = 'http://alerts.example.net/'"];
            let key = line.split(' ').next().unwrap();
            lines.retain(|known| !known.starts_with(key));
            lines.push(line);
            read(&lines.join("\n")).unwrap_err()
        };
        for (line, said) in [
            ("url = 'alerts.example.net'", "is not a URL"),
            ("url = 'ftp://alerts.example.net/'", "must begin with http:// or https://"),
            ("url = 'http://me:hidden@alerts.example.net/'", "must not hold a user or a password"),
            ("name = ''", "1 to 64"),
            ("name = 'two\\nlines'", "1 to 64"),
            ("kind = 'pigeon'", "unknown variant `pigeon`, expected `webhook`"),
            ("language = 'fr'", "unknown variant `fr`"),
            ("timeout = 10", "a length of time as a string"),
            ("secret = 'x'", "unknown field `secret`, expected one of"),
        ] {
            let error = with(line);
            assert!(error.contains(said), "{line}: {error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
