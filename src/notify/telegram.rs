//! A receiver that is a Telegram chat: the Bot API's `sendMessage` (core.telegram.org/bots/api#sendmessage).

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde::{Deserialize, Serialize};

use super::document::{Document, shortened};
use super::error::{DeliveryError, Failure, SetupError};
use super::{http, secret};
use crate::domain::{Notification, SecretFile};

/// The longest message, in UTF-16 code units ("1-4096 characters after entities parsing").
const LONGEST: usize = 4096;

/// What the API says with a 400 of the chat, or of the bot's rights in it, and not of the message: somebody may mend it. A group
/// that has become a supergroup has another number since then.
const OF_THE_PLACE: [&str; 6] = [
    "chat not found",
    "upgraded to a supergroup",
    "not enough rights",
    "have no rights",
    "administrator rights",
    "CHAT_WRITE_FORBIDDEN",
];

/// What belongs to a Telegram chat.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TelegramReceiver")]
pub struct Config {
    /// The chat: its number (a group's is negative), or `@name` of a channel.
    pub chat: String,
    /// A file with the bot's token, as its maker was given it; read at each delivery. `credential:NAME` as elsewhere.
    #[schemars(with = "String")]
    pub token_file: SecretFile,
    /// The API's address: Telegram's own, unless you run a server of your own.
    #[serde(default = "api", deserialize_with = "super::url::base")]
    #[schemars(with = "String", url)]
    pub url: Url,
}

#[allow(clippy::expect_used, reason = "a constant that a test reads")]
fn api() -> Url {
    Url::parse("https://api.telegram.org/").expect("a URL")
}

impl Config {
    /// The secrets that it names, by key.
    pub fn secrets(&mut self) -> impl Iterator<Item = (&'static str, &mut SecretFile)> {
        std::iter::once(("token_file", &mut self.token_file))
    }
}

/// A chat, ready to be written to. Nobody was contacted yet.
#[derive(Clone, Debug)]
pub struct Ready {
    config: Config,
    client: Client,
}

#[derive(Serialize)]
struct Message<'a> {
    chat_id: &'a str,
    text: String,
    /// What is over or a test makes no sound.
    disable_notification: bool,
}

/// What the API answers (core.telegram.org/bots/api#making-requests).
#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

impl Ready {
    /// Makes one ready.
    ///
    /// # Errors
    /// If the system's certificates cannot be loaded.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self { config: config.clone(), client: http::client()? })
    }

    /// Makes one attempt. Telegram knows no idempotency key: an answer that is lost on its way makes a second message.
    ///
    /// # Errors
    /// Why it has not arrived, and whether another attempt makes sense.
    pub async fn deliver(&self, notification: &Notification) -> Result<(), DeliveryError> {
        let document = Document::of(notification)?;
        let token = secret::read_text(&self.config.token_file).await?;
        let is_of_a_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_');
        let url = self.config.url.join(&format!("./bot{token}/sendMessage"));
        let Some(url) = url.ok().filter(|_| token.chars().all(is_of_a_token)) else {
            return Err(DeliveryError::new(Failure::Secret, "the file does not hold a bot's token"));
        };
        let message = Message {
            chat_id: &self.config.chat,
            text: shortened(&document.body(), LONGEST, "…", char::len_utf16),
            disable_notification: document.urgency() == 0,
        };
        let response = http::send(self.client.post(url).json(&message)).await?;
        let (status, judged) = (response.status(), http::judge(response.status(), response.headers()));
        let Err(error) = judged else { return Ok(()) };
        let answer = serde_json::from_slice(&http::body(response).await).unwrap_or_default();
        Err(judge(error, status, &answer))
    }
}

/// The general judgement, made exact by what Telegram says beside the status.
fn judge(error: DeliveryError, status: StatusCode, answer: &Answer) -> DeliveryError {
    let is_the_place = OF_THE_PLACE.iter().any(|words| answer.description.contains(words));
    let failure = if error.failure == Failure::Refused && is_the_place { Failure::Denied } else { error.failure };
    let said: String = answer.description.chars().filter(|c| !c.is_control()).take(200).collect();
    DeliveryError {
        failure,
        detail: if said.is_empty() { error.detail } else { format!("it answered {status}: {said}") },
        retry_after: answer.parameters.retry_after.map(Duration::from_secs).or(error.retry_after),
        withheld: None,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    #[test]
    fn the_address_that_is_built_in_is_one() {
        assert_eq!(api().as_str(), "https://api.telegram.org/");
    }

    #[test]
    fn what_telegram_says_beside_the_status_counts() {
        let judged = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            judge(http::judge(status, &HeaderMap::new()).unwrap_err(), status, &serde_json::from_str(body).unwrap())
        };
        let slow = judged(
            429,
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}"#,
        );
        assert_eq!((slow.failure, slow.retry_after), (Failure::Unavailable, Some(Duration::from_secs(35))));
        let gone = judged(400, r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#);
        assert_eq!(gone.failure, Failure::Denied);
        let moved = judged(
            400,
            r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001}}"#,
        );
        assert_eq!(moved.failure, Failure::Denied, "the config names the old number; the message waits");
        let bad = judged(400, r#"{"ok":false,"error_code":400,"description":"Bad Request: message text is empty"}"#);
        assert_eq!(bad.failure, Failure::Refused);
        assert_eq!(judged(401, "{}").failure, Failure::Denied);
    }
}
