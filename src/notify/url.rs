//! Addresses in a receiver's config.

use reqwest::Url;
use serde::{Deserialize, Deserializer, de::Error as _};

/// Reads an `http` or `https` URL without a password in it. No error repeats the text: a receiver's address is often its only secret.
pub(super) fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = Url::parse(&text).map_err(|error| {
        D::Error::custom(format!("this is not a URL ({error}); write one such as \"https://alert.example/siaga\""))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(D::Error::custom("a URL here must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(D::Error::custom("a URL in the config must not hold a user or a password; use a file for it"));
    }
    Ok(url)
}

/// Reads the URL of a place below which paths are asked: without a query, and with a slash at its end.
pub(super) fn base<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let mut url = url(deserializer)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(D::Error::custom("this is the beginning of addresses: nothing with ? or # belongs there"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}
