//! Reading a query: every key is known, each is given once, each value is what its key needs.

use axum::http::Uri;
use jiff::Timestamp;

use super::problem::Problem;

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
        instant(text).map(Some).ok_or_else(|| {
            let pieces = jiff::fmt::temporal::Pieces::parse(text);
            if pieces.is_ok_and(|pieces| pieces.time().is_some() && pieces.offset().is_some()) {
                let last = Timestamp::MAX;
                return Problem::value(format!(
                    "{name} is {:?}, too far away; the last moment is {last:.0}",
                    short(text)
                ));
            }
            // The commonest mistake: in a query a bare `+` is a space (URL Standard, urlencoded parsing).
            let plus = if text.contains(' ') { "; in a query a plus sign is written %2B" } else { "" };
            Problem::value(format!(
                "{name} is {:?}; expected is RFC 3339 with an offset, such as 2026-11-24T09:00:00+07:00 or \
                 2026-11-24T02:00:00Z{plus}",
                short(text)
            ))
        })
    }
}

/// The instant that a text names, RFC 3339 with an offset. A zone behind it (RFC 9557) may not contradict the offset: whoever wrote
/// both may have meant either.
pub fn instant(text: &str) -> Option<Timestamp> {
    let moment: Timestamp = text.parse().ok()?;
    let pieces = jiff::fmt::temporal::Pieces::parse(text).ok()?;
    let agrees = pieces.time_zone_annotation().is_none() || text.parse::<jiff::ZonedDateTime>().is_ok();
    agrees.then_some(moment)
}

/// The beginning of what was given: a long mistake is not worth repeating in full.
fn short(text: &str) -> String {
    if text.chars().count() <= 64 { text.to_owned() } else { text.chars().take(64).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_may_not_contradict_the_offset() {
        for fine in [
            "2026-12-01T09:00:00+07:00",
            "2026-12-01T02:00:00Z",
            "2026-12-01T09:00:00+07:00[Asia/Pontianak]",
            "2026-12-01T02:00:00Z[Europe/Berlin]",
            "2026-12-01T09:00:00+07:00[u-ca=gregory]",
        ] {
            assert_eq!(instant(fine), "2026-12-01T02:00:00Z".parse().ok(), "{fine}");
        }
        let berlin = "2026-12-01T09:00:00+07:00[Europe/Berlin]";
        for wrong in [berlin, "2026-12-01T09:00:00+07:00[Mars/Olympus]", "2026-12-01T09:00:00", "2026-12-01", "9"] {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
    }
}
