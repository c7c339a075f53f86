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
        Self::held_to(pairs(uri)?, keys)
    }

    /// The same for a page: without what others append to a link on its way. A key that is mistyped stays an error there too: by `?profil=`
    /// a page would answer for another kind of meeting than was asked for.
    ///
    /// # Errors
    /// As [`Query::read`].
    pub fn of_page(uri: &Uri, keys: &[Key]) -> Result<Self, Problem> {
        let mut pairs = pairs(uri)?;
        pairs.retain(|(name, _)| !is_tail(name));
        Self::held_to(pairs, keys)
    }

    fn held_to(pairs: Vec<(String, String)>, keys: &[Key]) -> Result<Self, Problem> {
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

fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let axum::extract::Query(pairs) =
        axum::extract::Query::try_from_uri(uri).map_err(|error| Problem::query(error.to_string()))?;
    Ok(pairs)
}

/// What social networks, mailings and advertisements append to a link that is passed on.
const TAILS: [&str; 9] = ["_ga", "dclid", "fbclid", "gbraid", "gclid", "igsh", "igshid", "msclkid", "wbraid"];

fn is_tail(name: &str) -> bool {
    name.starts_with("utm_") || TAILS.contains(&name)
}

/// The beginning of what was given: a long mistake is not worth repeating in full.
pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= 64 { text.to_owned() } else { text.chars().take(64).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_by_a_link_that_was_passed_on_and_no_key_is_mistyped_unnoticed() {
        let (keys, uri) = ([once("profile"), once("lang")], |text: &'static str| Uri::from_static(text));
        for passed_on in ["/?fbclid=IwAR0", "/?profile=lecture&utm_source=wa&utm_medium=x&gclid=1&fbclid=a&fbclid=b"] {
            Query::of_page(&uri(passed_on), &keys).unwrap();
            assert!(Query::read(&uri(passed_on), &keys).is_err(), "a program's own mistake: {passed_on}");
        }
        let query = Query::of_page(&uri("/?fbclid=a&profile=lecture"), &keys).unwrap();
        assert_eq!(query.get("profile"), Some("lecture"));
        for key in ["lang", "down"] {
            let wordy = Uri::try_from(format!("/?{key}={}", "1".repeat(3000))).unwrap();
            let query = Query::read(&wordy, &[once(key)]).unwrap();
            let lang = crate::web::lang::choose(&query, &axum::http::HeaderMap::new(), crate::domain::Lang::Id).err();
            let told = lang.or_else(|| crate::web::past::ledger::rate(&query, "down").err()).unwrap();
            assert!(told.detail.len() < 400, "a long mistake is not repeated in full: {}", told.detail);
        }
        for mistaken in ["/?profil=lecture", "/?fbclid=a&profil=lecture", "/?lang=id&lang=en"] {
            assert!(Query::of_page(&uri(mistaken), &keys).is_err(), "{mistaken}");
        }
    }
}
