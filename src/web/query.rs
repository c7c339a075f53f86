//! Reading a query: every key is known, each is given once, each value is what its key needs.

use axum::http::Uri;
use jiff::Timestamp;

use super::problem::Problem;
use crate::domain::instant;

/// A key that a path takes.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Whether it may be given more than once.
    pub repeats: bool,
}

/// A key that may be given once.
pub const fn once(name: &'static str) -> Key {
    Key { name, repeats: false }
}

/// A key that may be given more than once.
pub const fn repeated(name: &'static str) -> Key {
    Key { name, repeats: true }
}

/// A query whose keys are all known.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// The query of `uri`, for a path that takes `keys`.
    ///
    /// # Errors
    /// What it does not understand, naming the keys that it would.
    pub fn read(uri: &Uri, keys: &[Key]) -> Result<Self, Problem> {
        let axum::extract::Query(pairs) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| Problem::query(error.to_string()))?;
        let names = || keys.iter().map(|key| key.name);
        for (at, (name, _)) in pairs.iter().enumerate() {
            let Some(key) = keys.iter().find(|key| key.name == name) else {
                let known = names().collect::<Vec<_>>().join(", ");
                let known = if known.is_empty() { "none".to_owned() } else { known };
                return Err(
                    Problem::query(format!("unknown key {:?}; allowed are: {known}", short(name))).allowing(names())
                );
            };
            if !key.repeats && pairs[..at].iter().any(|(other, _)| other == name) {
                return Err(Problem::query(format!("{name:?} is given more than once")));
            }
        }
        Ok(Self(pairs))
    }

    /// The value of a key.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The values of a key that may be given more than once.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a flag is set: `?key`, `?key=1`, `?key=true`.
    ///
    /// # Errors
    /// A value that is neither yes nor no.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some("" | "1" | "true") => Ok(Some(true)),
            Some("0" | "false") => Ok(Some(false)),
            Some(other) => {
                let allowed = ["1", "true", "0", "false"];
                let detail = format!("{name} is {:?}; allowed are: {}", short(other), allowed.join(", "));
                Err(Problem::value(detail).allowing(allowed))
            }
        }
    }

    /// A moment in time.
    ///
    /// # Errors
    /// A text that is not RFC 3339 with an offset.
    pub fn moment(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        instant(text).map(Some).map_err(|why| {
            // The commonest mistake: in a query a bare `+` is a space (URL Standard, urlencoded parsing).
            let meant = text.rsplit_once(' ').map(|(time, offset)| format!("{time}+{offset}"));
            let is_plus = meant.is_some_and(|meant| instant(&meant).is_ok());
            let plus = if is_plus { "; in a query a plus sign is written %2B" } else { "" };
            Problem::value(format!("{name} is {:?}; {why}{plus}", short(text)))
        })
    }
}

/// The beginning of what was given: a long mistake is not worth repeating in full.
fn short(text: &str) -> String {
    if text.chars().count() <= 64 { text.to_owned() } else { text.chars().take(64).chain(['…']).collect() }
}
