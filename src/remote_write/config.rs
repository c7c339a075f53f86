//! `[remote_write]` in the config: where samples are pushed, how often, and how much is kept while that cannot be reached.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Url;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::pace::OVERHEAD;
use crate::domain::{Period, Rate, SecretFile, Size};

/// Where what `/metrics` says is pushed by Prometheus' remote write, for a room that no Prometheus reaches.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RemoteWrite")]
pub struct Config {
    /// The receiver's address, such as `https://prometheus.example.org/api/v1/write`, without a password in it.
    #[serde(deserialize_with = "url")]
    #[schemars(with = "String", url)]
    pub url: Url,
    /// How often samples are taken and pushed: 30 s, if left out. At most 30 s, since the shipped rules look back 45 s.
    #[serde(default = "interval")]
    pub interval: Period,
    /// How long one push may take, from the name's resolution to the answer: 30 s, if left out.
    #[serde(default = "timeout")]
    pub timeout: Period,
    /// A file with a bearer token (RFC 6750); read at each push. `credential:NAME` is one of systemd's.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token_file: Option<SecretFile>,
    /// Who we are for the receiver, where it asks for a password (RFC 7617); with `password_file`.
    #[serde(default)]
    pub user: Option<String>,
    /// A file with the password; read at each push. `credential:NAME` as elsewhere.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password_file: Option<SecretFile>,
    /// The label `job` of every series: what the shipped rules ask for ("siaga"), if left out.
    #[serde(default = "job")]
    pub job: String,
    /// The label `instance` of every series; the room's name, if left out.
    #[serde(default)]
    pub instance: Option<String>,
    /// More labels of every series, beside `job`, `instance` and `room`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How fast what was kept is delivered later, at most; while the room is in use it is two pushes an interval.
    #[serde(default = "rate")]
    pub rate: Rate,
    /// How much is kept on the disk while the receiver cannot be reached; the oldest goes first.
    #[serde(default = "buffer_size")]
    pub buffer_size: Size,
    /// How long it is kept; what is older is of no use to the receiver.
    #[serde(default = "buffer_age")]
    pub buffer_age: Period,
}

const fn interval() -> Period {
    Period(Duration::from_secs(30))
}

const fn timeout() -> Period {
    Period(Duration::from_secs(30))
}

fn job() -> String {
    "siaga".to_owned()
}

const fn rate() -> Rate {
    Rate(128e3)
}

const fn buffer_size() -> Size {
    Size(256_000_000)
}

const fn buffer_age() -> Period {
    Period(Duration::from_hours(7 * 24))
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    // Not repeated: what stands behind the host may be a key.
    let url = Url::parse(&text).map_err(|error| {
        D::Error::custom(format!(
            "url is no URL ({error}); write one such as \"https://prometheus.example.org/api/v1/write\""
        ))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(D::Error::custom("url must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(D::Error::custom(
            "a URL in the config must not hold a user or a password; use user and password_file",
        ));
    }
    Ok(url)
}

/// What a push of a usual room has, bytes.
const USUAL: u64 = 11_000;

/// The longest value of a label of the config's own.
const LONGEST: usize = 128;

/// The shipped rules look back 45 s: a room that says less often is none that they can judge.
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);

impl Config {
    /// The secrets that it names, by key.
    pub fn secrets(&mut self) -> impl Iterator<Item = (&'static str, &mut SecretFile)> {
        let token = self.token_file.iter_mut().map(|file| ("token_file", file));
        token.chain(self.password_file.iter_mut().map(|file| ("password_file", file)))
    }

    /// What the pushes of a usual room take a day.
    pub fn daily(&self) -> Size {
        let pushes = Duration::from_hours(24).as_millis() / self.interval.0.as_millis().max(1);
        Size(u64::try_from(pushes).unwrap_or(u64::MAX).saturating_mul(USUAL + OVERHEAD))
    }

    /// What does not fit together: the key, and why.
    pub fn misfit(&self) -> Option<(&'static str, String)> {
        let within = |key, what: Duration, least: Duration, most: Duration| {
            let words = || format!("{key} is {} to {}", Period(least), Period(most));
            (what < least || what > most).then(|| (key, words()))
        };
        let times = [
            within("interval", self.interval.0, Duration::from_millis(100), LONGEST_INTERVAL),
            within("timeout", self.timeout.0, Duration::from_millis(100), Duration::from_mins(5)),
            within("buffer_age", self.buffer_age.0, Duration::from_mins(1), Duration::from_hours(90 * 24)),
        ];
        if let Some(wrong) = times.into_iter().flatten().next() {
            return Some(wrong);
        }
        let said = |key, why: &str| Some((key, why.to_owned()));
        match (&self.token_file, &self.user, &self.password_file) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                return said("token_file", "either a token or a user with a password, not both");
            }
            (None, Some(_), None) => return said("user", "a user without password_file"),
            (None, None, Some(_)) => return said("password_file", "a password without a user"),
            _ => {}
        }
        if self
            .user
            .as_ref()
            .is_some_and(|user| user.is_empty() || user.contains(':') || user.contains(char::is_control))
        {
            return said("user", "a user has a name without a colon (RFC 7617 §2)");
        }
        if !(1_000_000..=10_000_000_000).contains(&self.buffer_size.0) {
            return said("buffer_size", "buffer_size is 1 MB to 10 GB");
        }
        if self.rate.0 < 8e3 {
            return said("rate", "rate is at least 8 kbit/s: a room makes some 3 kbit/s all the time");
        }
        let fits = |value: &str| !value.is_empty() && value.len() <= LONGEST && !value.contains(char::is_control);
        if !fits(&self.job) {
            return said("job", "a label's value is one line of 1 to 128 bytes");
        }
        if self.instance.as_deref().is_some_and(|instance| !fits(instance)) {
            return said("instance", "a label's value is one line of 1 to 128 bytes");
        }
        for (name, value) in &self.labels {
            if !is_label_name(name) || matches!(&**name, "room" | "job" | "instance") {
                let why = "a label has a name of letters, digits and _, which begins with a letter, and is neither room, job nor instance";
                return Some(("labels", format!("{name:?}: {why}")));
            }
            if !fits(value) {
                return Some(("labels", format!("{name:?}: a label's value is one line of 1 to 128 bytes")));
            }
        }
        None
    }

    /// The labels that every series gets which has none of that name, as Prometheus adds external labels.
    pub(super) fn external(&self, room: &str) -> Vec<(String, String)> {
        let mut all = self.labels.clone();
        all.insert("job".to_owned(), self.job.clone());
        all.insert("instance".to_owned(), self.instance.clone().unwrap_or_else(|| room.to_owned()));
        all.insert("room".to_owned(), room.to_owned());
        all.into_iter().collect()
    }
}

/// As Prometheus has it (`[a-zA-Z_][a-zA-Z0-9_]*`), but for those that begin with `_`, of which some are its own.
fn is_label_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= LONGEST
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
