//! Calendars of others: an iCalendar feed (RFC 5545), in a file or behind a URL, read into meetings with their instants.
//!
//! ```text
//! file, URL ──fetch──▶ text ──calcard──▶ components ──read──▶ events ──expand──▶ meetings in a span of time
//! ```
//!
//! Of an entry its times, its title and whether it takes place are read, and nothing else: what is in descriptions, places and
//! attendees (people, links, passcodes) never enters the daemon.

mod bulk;
mod event;
mod expand;
mod fetch;
mod zones;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use serde::Deserialize;

use crate::domain::session::FARTHEST_AHEAD;
use crate::domain::{Period, SecretFile};

pub use bulk::MOST_PARTS;
pub use expand::{Entry, MOST, ReadError, Reading, Unread, of_nameless, read};
pub use fetch::{FetchError, LARGEST, PATIENCE, of_file, of_url};

/// One feed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CalendarEntry")]
pub struct Config {
    /// Unique; the source of its sessions, and the beginning of their ids: lower-case letters, digits, `_` and `-`.
    #[schemars(with = "String")]
    pub name: Arc<str>,
    /// A file; or `url`.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// Where it is had by HTTP; or `file`.
    #[serde(default, deserialize_with = "url")]
    #[schemars(with = "Option<String>", url)]
    pub url: Option<Url>,
    /// A file with a bearer token, where the server asks for one.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token_file: Option<SecretFile>,
    /// The kind of its meetings; the default profile, if left out.
    #[serde(default)]
    pub profile: Option<String>,
    /// How often it is read.
    #[serde(default = "interval")]
    pub interval: Period,
}

const fn interval() -> Period {
    Period(Duration::from_mins(5))
}

fn url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    use serde::de::Error as _;
    let text = String::deserialize(deserializer)?;
    // The text is not repeated: a feed's address is often its only secret.
    let url = Url::parse(&text).map_err(|error| D::Error::custom(format!("url is no URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(D::Error::custom("url must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(D::Error::custom("a URL in the config must not hold a user or a password; use token_file"));
    }
    Ok(Some(url))
}

impl Config {
    /// What does not fit together: the key, and why.
    pub fn misfit(&self) -> Option<(&'static str, &'static str)> {
        match (&self.file, &self.url) {
            (Some(_), Some(_)) => Some(("file", "either file or url, not both")),
            (None, None) => Some(("name", "where? either file or url")),
            _ if self.interval.0 < Duration::from_secs(1) => Some(("interval", "interval is at least 1s")),
            _ => None,
        }
    }
}

/// How far ahead meetings of a feed are taken.
pub const AHEAD: Duration = FARTHEST_AHEAD.unsigned_abs();

/// How far back: a meeting that goes on may be said to have ended, and is in its feed with that end.
pub const BEHIND: Duration = Duration::from_hours(24);

/// The span whose meetings are of use at `now`.
pub fn span(now: Timestamp) -> (Timestamp, Timestamp) {
    (now.saturating_sub(BEHIND).unwrap_or(Timestamp::MIN), now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX))
}
