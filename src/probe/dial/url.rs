//! Where an HTTP target is, as the config writes it.

use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::Scheme;
use serde::{Deserialize, Deserializer};

use crate::probe::OwnFarEnd;

/// An `http` or `https` address, or "self": the daemon's own far end on loopback.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum FarUrl {
    /// The daemon's own far end.
    #[default]
    Own,
    /// Somebody else.
    Named(Uri),
}

/// Why a text is no address of an HTTP target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no web address: write \"https://host/path\", \"http://host/path\" or \"self\"{hint}")]
pub struct UrlError {
    given: String,
    hint: &'static str,
}

impl FromStr for FarUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text == "self" {
            return Ok(Self::Own);
        }
        let because = |hint| UrlError { given: text.to_owned(), hint };
        let wrong = || because("");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let known = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
        // A password in an address would stand in logs and on the page.
        let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if known && !plain {
            return Err(because("; a name and a password (before \"@\") are not taken in it"));
        }
        let host = uri.host().is_some_and(|host| !host.is_empty());
        // hyper's own type takes any digits for a port.
        if uri.authority().is_some_and(|whole| beyond_ports(whole.as_str())) {
            return Err(because("; a port is 1 to 65535"));
        }
        if known && host { Ok(Self::Named(uri)) } else { Err(wrong()) }
    }
}

/// Whether a port stands in `authority` that is none (1 to 65535).
fn beyond_ports(authority: &str) -> bool {
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map(|(_, port)| port);
    port.is_some_and(|port| port.parse::<u16>().ok().is_none_or(|port| port == 0))
}

impl FarUrl {
    /// The address to use; `own_path` is what is asked of the own far end. `None` where the daemon runs none.
    pub(in crate::probe) fn of(&self, own: Option<&OwnFarEnd>, own_path: &str) -> Option<Uri> {
        match self {
            Self::Own => format!("http://{}{own_path}", own?.http).parse().ok(),
            Self::Named(uri) => Some(uri.clone()),
        }
    }
}

impl<'de> Deserialize<'de> for FarUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for FarUrl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FarUrl".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "a web address, or \"self\": the daemon's own far end",
            "examples": ["https://meet.example.net/", "self"],
            "pattern": "^(self|https?://.+)$"
        })
    }
}
