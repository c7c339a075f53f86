//! In which language to answer.

use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::{HeaderMap, Uri};

use crate::domain::Lang;

use super::problem::Problem;
use super::query::{Query, short};

/// The language of an answer: what `?lang=` says, else what the reader's program prefers, else the room's own.
///
/// # Errors
/// A `lang` that Siaga does not speak.
pub fn choose(query: &Query, headers: &HeaderMap, default: Lang) -> Result<Lang, Problem> {
    match query.get("lang") {
        None => Ok(preferred(headers, default)),
        Some(code) => Lang::parse(code).ok_or_else(|| {
            Problem::value(format!("lang is {:?}; allowed are: id, en", short(code))).allowing(["id", "en"])
        }),
    }
}

/// The language of an answer in the place of one whose other keys nobody has read: as [`choose`] has it, without refusing any.
pub fn asked(uri: &Uri, headers: &HeaderMap, default: Lang) -> Lang {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
    let said = pairs.ok().and_then(|pairs| pairs.0.into_iter().find(|(key, _)| key == "lang"));
    said.and_then(|(_, code)| Lang::parse(&code)).unwrap_or_else(|| preferred(headers, default))
}

/// What `Accept-Language` (RFC 9110 §12.5.4) prefers of the languages spoken here, else `default`.
pub fn preferred(headers: &HeaderMap, default: Lang) -> Lang {
    let Some(text) = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) else { return default };
    let mut best = (0.0, default);
    for range in text.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let code = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse().ok()).unwrap_or(1.0);
        let primary = code.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let lang = match primary.as_str() {
            // RFC 9110 §12.5.4: `*` is any language not named otherwise; ours is the room's own.
            "*" => Some(default),
            // `in` is what old programs call Indonesian (withdrawn from ISO 639 in 1989).
            "in" => Some(Lang::Id),
            other => Lang::parse(other),
        };
        if let Some(lang) = lang.filter(|_| quality > best.0) {
            best = (quality, lang);
        }
    }
    best.1
}
