//! A receiver that is a topic of an ntfy server (docs.ntfy.sh/publish, "Publish as JSON").

use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};

use super::document::{Document, shortened};
use super::error::{DeliveryError, SetupError};
use super::http;
use crate::domain::{Notification, SecretFile};

/// The longest message, bytes: what is longer becomes an attachment, which some servers refuse.
const LONGEST: usize = 4096;

/// What belongs to a topic.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NtfyReceiver")]
pub struct Config {
    /// The server, as `https://ntfy.example.org`.
    #[serde(deserialize_with = "super::url::base")]
    #[schemars(with = "String", url)]
    pub url: Url,
    /// The topic.
    pub topic: String,
    /// A file with an access token, for a topic that not everybody may write to; read at each delivery.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token_file: Option<SecretFile>,
}

impl Config {
    /// The secrets that it names, by key.
    pub fn secrets(&mut self) -> impl Iterator<Item = (&'static str, &mut SecretFile)> {
        self.token_file.iter_mut().map(|file| ("token_file", file))
    }
}

/// A topic, ready to be written to. Nobody was contacted yet.
#[derive(Clone, Debug)]
pub struct Ready {
    config: Config,
    client: Client,
}

#[derive(Serialize)]
struct Publication<'a> {
    topic: &'a str,
    title: String,
    message: String,
    /// 1 (least) to 5.
    priority: u8,
}

impl Ready {
    /// Makes one ready.
    ///
    /// # Errors
    /// If the system's certificates cannot be loaded.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self { config: config.clone(), client: http::client()? })
    }

    /// Makes one attempt.
    ///
    /// # Errors
    /// Why it has not arrived, and whether another attempt makes sense.
    pub async fn deliver(&self, notification: &Notification) -> Result<(), DeliveryError> {
        let document = Document::of(notification)?;
        let publication = Publication {
            topic: &self.config.topic,
            title: document.subject(),
            message: shortened(&document.body(), LONGEST, "…", char::len_utf8),
            priority: 3 + document.urgency(),
        };
        let request = self.client.post(self.config.url.clone()).json(&publication);
        let request = http::with_token(request, self.config.token_file.as_ref()).await?;
        let response = http::send(request).await?;
        http::judge(response.status(), response.headers())
    }
}
