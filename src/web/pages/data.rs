//! `GET /data`: what tests and pushes have taken of each uplink today, and what they may.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::super::frame::{Frame, Renewed, answer};
use super::super::problem::Problem;
use super::super::sign_in::spoken;
use super::super::site::Site;
use crate::domain::reason::number;
use crate::domain::{Lang, Snapshot, Unit};

#[derive(Template)]
#[template(path = "data.html")]
struct Page {
    frame: Frame,
    uplinks: Vec<Line>,
    checks: Vec<(String, String)>,
}

struct Line {
    name: String,
    /// Whether it stands in where the usual one fails.
    backup: bool,
    metered: bool,
    used: String,
    budget: Option<Budget>,
}

/// What may be used in a day.
struct Budget {
    told: String,
    /// The share that is used, in hundredths, at most 100.
    hundredths: u32,
}

/// The budgets of data for people.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/data", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
pub(in super::super) async fn page(
    State(site): State<Arc<Site>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = spoken(&site, &uri, &headers)?;
    let frame = Frame::new(&site, "/data", lang, Renewed::Every(10));
    let rendered = site.rendered();
    let page =
        Page { frame, uplinks: uplinks(&site, &rendered.believed, lang), checks: checks(&rendered.believed, lang) };
    answer(&page, StatusCode::OK, lang)
}

fn uplinks(site: &Site, snapshot: &Snapshot, lang: Lang) -> Vec<Line> {
    let all = site.state.uplinks(snapshot).into_iter().map(|(uplink, used)| Line {
        name: uplink.name.to_string(),
        backup: uplink.backup.is_some(),
        metered: uplink.metered,
        used: number(used, Unit::Bytes, lang),
        budget: uplink.daily_budget.map(|budget| {
            #[allow(clippy::cast_precision_loss, reason = "exact for nine thousand terabytes")]
            let most = budget.0 as f64;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
            let hundredths = (used / most.max(1.0) * 100.0).clamp(0.0, 100.0).round() as u32;
            Budget { told: number(most, Unit::Bytes, lang), hundredths }
        }),
    });
    all.collect()
}

/// What each check's tests had taken on the day of its newest test.
fn checks(snapshot: &Snapshot, lang: Lang) -> Vec<(String, String)> {
    let day = |at: jiff::Timestamp| at.as_second().div_euclid(86_400);
    let all = snapshot.checks.iter().filter_map(|check| {
        let last = check.last.as_ref().filter(|last| day(last.at.wall) == day(snapshot.at.wall))?;
        let taken: Vec<f64> =
            last.reading.measurements.iter().filter(|one| one.quantity.of_budget).map(|one| one.value).collect();
        (!taken.is_empty()).then(|| (check.spec.name.to_string(), number(taken.iter().sum(), Unit::Bytes, lang)))
    });
    all.collect()
}
