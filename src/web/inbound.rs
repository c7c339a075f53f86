//! `POST /api/v1/alertmanager`: alerts of other systems, to be told by this room's receivers.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::Deserialize;

use super::door;
use super::given;
use super::problem::Problem;
use super::site::Site;
use crate::domain::plain::plain;
use crate::domain::{ForeignAlert, TakenAlerts, hex};

/// The most alerts of one message.
const ALERTS: usize = 64;

/// The longest line for people, characters.
const TEXT: usize = 300;

/// Why somebody may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEntry {
    /// The config takes none.
    Closed,
    /// The token is missing, or is not the one.
    Denied,
    /// The token that it is to be compared with cannot be read.
    Unreadable,
}

/// Who takes them.
pub trait Inbound: Send + Sync {
    /// Whether whoever shows `token` may send.
    fn admits<'a>(&'a self, token: Option<&'a str>) -> BoxFuture<'a, Result<(), NoEntry>>;

    /// Takes them; they are stored when this is done. The error is a text for a person.
    fn take(&self, alerts: Vec<ForeignAlert>) -> BoxFuture<'_, Result<TakenAlerts, String>>;
}

/// What Alertmanager sends (its documentation, `webhook_config`): version 4 of the message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    version: String,
    group_key: String,
    alerts: Vec<Sent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    status: String,
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    fingerprint: String,
}

/// Takes a webhook's message of Alertmanager (version 4).
///
/// # Errors
/// Who may not, what is not understood, and more than there is room for.
#[utoipa::path(post, path = "/api/v1/alertmanager", responses(
    (status = 200, description = "It is stored; told is what is new in it.", body = TakenAlerts),
    (status = 400, description = "It is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "The bearer token is missing or wrong.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "The config has no [inbound].", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "It is too large.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Too many are open, or it cannot be taken now.", body = Problem, content_type = "application/problem+json"),
), request_body(content = String, content_type = "application/json"))]
pub(super) async fn alertmanager(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<TakenAlerts>, Problem> {
    let shown = door::shown_by_sender(&headers);
    site.state.inbound.admits(shown.as_deref()).await.map_err(|no| match no {
        NoEntry::Closed => Problem::not_found("this room takes no alerts of others; its config has no [inbound]"),
        NoEntry::Denied => Problem::unauthorized("show the token of [inbound] secret_file as Authorization: Bearer"),
        NoEntry::Unreadable => Problem::unavailable("the token cannot be compared; the log has why"),
    })?;
    let taken = site.state.inbound.take(alerts(&body?)?).await.map_err(Problem::unavailable)?;
    if taken.refused > 0 {
        // Alertmanager tries again after a 5xx: by then others may be over.
        return Err(Problem::unavailable(format!("too many are open: {} were not taken", taken.refused)));
    }
    Ok(Json(taken))
}

/// The alerts in a message.
pub(super) fn alerts(body: &[u8]) -> Result<Vec<ForeignAlert>, Problem> {
    if given::is_array(body) {
        return Err(Problem::value(format!("this is no message of Alertmanager's webhook: {}", given::ARRAY)));
    }
    let message: Message = serde_json::from_slice(body)
        .map_err(|error| Problem::value(format!("this is no message of Alertmanager's webhook: {error}")))?;
    if message.version != "4" {
        return Err(Problem::value("only version 4 of Alertmanager's message is understood"));
    }
    if message.alerts.len() > ALERTS {
        return Err(Problem::too_large(format!("at most {ALERTS} alerts are taken at once; set max_alerts there")));
    }
    Ok(message.alerts.iter().map(|sent| read(&message.group_key, sent)).collect())
}

fn read(group: &str, sent: &Sent) -> ForeignAlert {
    let label = |name: &str| sent.labels.get(name).map(|text| line(text)).unwrap_or_default();
    let name = Some(label("alertname")).filter(|name| !name.is_empty()).unwrap_or_else(|| "alert".to_owned());
    let said = ["summary", "description", "message"].into_iter().filter_map(|key| sent.annotations.get(key));
    let said = said.map(|text| line(text)).find(|text| !text.is_empty());
    ForeignAlert {
        id: digest(&[group, &sent.fingerprint, &sent.starts_at.as_microsecond().to_string()]),
        severity: label("severity"),
        text: said.unwrap_or_else(|| name.clone()),
        name,
        since: sent.starts_at,
        ended_at: (sent.status == "resolved").then_some(sent.ends_at),
    }
}

/// One line of any text, not too long.
fn line(text: &str) -> String {
    let plain = plain(text).chars().take(TEXT).collect::<String>();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Thirty-two hexadecimal digits that tell alerts apart.
fn digest(parts: &[&str]) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        context.update(part.as_bytes());
        context.update(&[0]);
    }
    hex(&context.finish().as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_alert_is_the_same_and_its_text_is_one_line() {
        let sent = |from: &str, status: &str| -> Sent {
            serde_json::from_value(serde_json::json!({
                "status": status, "labels": {"alertname": "Suhu", "severity": "critical"},
                "annotations": {"description": "suhu\n  tinggi\u{7}"}, "startsAt": from,
                "endsAt": "2026-11-26T01:00:00Z", "fingerprint": "f1"
            }))
            .unwrap()
        };
        let first = read("g", &sent("2026-11-26T00:00:00Z", "firing"));
        assert_eq!((&*first.text, &*first.severity, first.ended_at), ("suhu tinggi", "critical", None));
        let over = read("g", &sent("2026-11-26T07:00:00+07:00", "resolved"));
        assert_eq!((&over.id, over.ended_at.is_some()), (&first.id, true));
        assert_ne!(read("g", &sent("2026-11-26T00:00:01Z", "firing")).id, first.id);
        assert_ne!(read("h", &sent("2026-11-26T00:00:00Z", "firing")).id, first.id);
    }
}
