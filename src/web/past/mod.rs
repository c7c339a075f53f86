//! The past of the line over HTTP: the ledger of a month, and the hours of the week. As JSON, or as the rows that the commands
//! print (RFC 4180), by the path's end or by what the reader's program would rather have.

pub mod csv;
pub mod ledger;
pub mod week;
pub mod words;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::State;
use super::outlook;
use super::problem::Problem;
use super::readiness::in_lang;
use super::site::Site;
use crate::domain::{CheckName, Component, Lang, Past, Snapshot, Subject, Wanted};

/// How long a reader waits for history. A year of it takes a fraction of that.
const PATIENCE: Duration = Duration::from_secs(5);

/// In which form to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

impl Form {
    /// The path's end says it, else what is rather accepted (RFC 9110 §12.5.1); JSON where both are as welcome.
    fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        // As the router has it.
        if uri.path().split_once('.').is_some_and(|(_, end)| end == "csv") {
            return Self::Csv;
        }
        let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let ranges: Vec<(String, f64)> = accepted
            .split(',')
            .filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let name = parts.next()?.to_ascii_lowercase();
                let quality = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse().ok()).unwrap_or(1.0);
                Some((name, quality))
            })
            .collect();
        // The most telling range of those that mean a form is the one that counts; of two as welcome, the form that was named.
        let welcome = |names: [&str; 3]| {
            let named = names.iter().zip([2, 1, 0]).find_map(|(name, telling)| {
                ranges.iter().find(|(range, _)| range == name).map(|(_, quality)| (*quality, telling))
            });
            named.unwrap_or((0.0, 0))
        };
        let (csv, json) =
            (welcome(["text/csv", "text/*", "*/*"]), welcome(["application/json", "application/*", "*/*"]));
        if csv.0 > 0.0 && csv > json { Self::Csv } else { Self::Json }
    }
}

/// An answer, of which rows are given by `csv` and kept under `name`.
fn answer(form: Form, lang: Lang, name: &str, body: &impl Serialize, csv: impl FnOnce() -> String) -> Response {
    let varies = [(header::VARY, HeaderValue::from_static("accept, accept-language"))];
    match form {
        Form::Json => (in_lang(lang), varies, axum::Json(body)).into_response(),
        Form::Csv => {
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
            let kept = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\""));
            let kept = (header::CONTENT_DISPOSITION, kept.unwrap_or(HeaderValue::from_static("attachment")));
            (in_lang(lang), varies, [kind, kept], csv()).into_response()
        }
    }
}

/// The internet's past and that of all checks.
fn subjects(snapshot: &Snapshot) -> Vec<Subject> {
    let checks = snapshot.checks.iter().map(|check| Subject::Check(check.spec.name.clone()));
    checks.chain([Subject::Component(Component::Internet)]).collect()
}

/// The checks whose figures are the line's, also by what the past says of them.
fn far_ends(snapshot: &Snapshot, past: &Past) -> Vec<CheckName> {
    let mut far = outlook::far_ends(snapshot);
    far.retain(|name| {
        let changes = past.changes_of(&Subject::Check(name.clone()));
        !changes.iter().any(|change| change.codes.contains(&outlook::SELF))
    });
    far
}

/// Reads the past within `patience`, and makes `made` of it beside the one thread that has everything else to do. One reader at a time, by
/// whichever of the daemon's addresses: what is large may not keep the small answers waiting, nor be in memory many times over.
///
/// # Errors
/// It cannot be read now, or not in time.
pub(super) async fn in_turn<T: Send + 'static>(
    state: &State,
    wanted: Wanted,
    patience: Duration,
    made: impl FnOnce(Past) -> T + Send + 'static,
) -> Result<T, Problem> {
    let (turns, evidence) = (Arc::clone(&state.crowd.long_reads), Arc::clone(&state.evidence));
    let reading = async {
        let turn = turns.lock_owned().await;
        // Of its own, so that the turn lasts as long as the reading, also where nobody waits for it any more.
        let read = tokio::spawn(async move {
            let past = evidence.past(wanted, patience).await.map_err(Problem::history)?;
            let made = tokio::task::spawn_blocking(move || made(past)).await;
            drop(turn);
            made.map_err(|error| Problem::internal(error.to_string()))
        });
        read.await.unwrap_or_else(|error| Err(Problem::internal(error.to_string())))
    };
    let late = || Problem::history(format!("the store did not answer within {} s", patience.as_secs()));
    tokio::time::timeout(patience, reading).await.unwrap_or_else(|_| Err(late()))
}

impl Site {
    /// The same within the time that a reader of history has.
    ///
    /// # Errors
    /// It cannot be read now, or not in time.
    async fn of_past<T: Send + 'static>(
        &self,
        wanted: Wanted,
        made: impl FnOnce(Past) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        in_turn(&self.state, wanted, PATIENCE, made).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_end_or_what_is_rather_accepted_says_the_form() {
        let of = |path: &str, accept: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(accept.map(|accept| (header::ACCEPT, HeaderValue::from_static(accept))));
            Form::of(&path.parse().unwrap(), &headers)
        };
        for accept in [
            None,
            Some("*/*"),
            Some("application/json"),
            Some("text/csv;q=0.5, application/json"),
            Some("text/csv;q=0.1, */*"),
            Some("text/csv;q=0, text/*;q=0.5"),
            Some("text/csv;q=0"),
            Some(""),
        ] {
            assert_eq!(of("/api/v1/ledger", accept), Form::Json, "{accept:?}");
            assert_eq!(of("/api/v1/ledger.csv?month=2026-11", accept), Form::Csv);
        }
        for accept in ["text/csv", "Text/CSV, application/json;q=0.9", "text/*, */*", "text/csv, */*;q=0.1"] {
            assert_eq!(of("/api/v1/ledger", Some(accept)), Form::Csv, "{accept}");
        }
    }
}
