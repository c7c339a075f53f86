//! `GET /api/v1/ledger`: a month of the line for the provider.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Form, answer, csv, far_ends, subjects};
use crate::domain::{Figure, Rate, Verdict};
use crate::engine::past::ledger::{Agreed, Ledger, Line, Month, RateLine, Seen, ledger as reckon, wanted};
use crate::web::Voice;
use crate::web::lang;
use crate::web::problem::Problem;
use crate::web::query::{Query, once, short};
use crate::web::site::Site;

/// A month of the line.
#[derive(Debug, Serialize, ToSchema)]
pub struct LedgerBody {
    /// Which, on the room's own clock.
    #[schema(example = "2026-11")]
    pub month: String,
    /// In which zone.
    #[schema(example = "Asia/Pontianak")]
    pub time_zone: String,
    /// From when is told.
    pub from: String,
    /// Until when: the month's end, or now.
    pub to: String,
    /// How long the internet was what.
    pub seconds: SecondsBody,
    /// Share of the measured time in which the internet was usable, whoever was at fault.
    pub available_share: Option<f64>,
    /// The same of the provider's part, in the time in which that could be judged.
    pub provider_available_share: Option<f64>,
    /// Outages, shortfalls and gaps, oldest first.
    pub lines: Vec<LineBody>,
    /// What tests said of the rates.
    pub rates: Vec<RateBody>,
    /// Hours with a test below the agreed rate, oldest first.
    pub slow_hours: Vec<SlowBody>,
    /// Whether there was more than is read at once, so that this is not all.
    pub incomplete: bool,
}

/// How long the internet was what, s.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondsBody {
    /// Ready.
    pub ready: u64,
    /// Degraded.
    pub degraded: u64,
    /// Not ready.
    pub not_ready: u64,
    /// Siaga watched and could not tell.
    pub unknown: u64,
    /// Siaga did not watch.
    pub not_measured: u64,
}

/// A line of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineBody {
    /// `outage`, `shortfall`, `unknown` or `not_measured`.
    pub what: &'static str,
    /// Whose part: `ours_power`, `ours_computer`, `ours_link`, `ours_gateway`, `provider`, `platform` or `unclear`.
    pub cause: Option<&'static str>,
    /// From when, within the month.
    pub from: String,
    /// Until when.
    pub to: String,
    /// How long, s.
    pub seconds: u64,
    /// Whether it was so before the month began.
    pub since_before_month: bool,
    /// Whether it goes on after what is told.
    pub goes_on: bool,
    /// Codes of the internet's reasons.
    pub reasons: Vec<&'static str>,
    /// The internet's checks that failed in it.
    pub checks: Vec<String>,
    /// Share of packets lost in the hours that it touches, outages aside.
    pub loss_ratio: Option<f64>,
    /// The median round trip in them.
    pub round_trip_seconds: Option<f64>,
    /// The least download in them.
    pub down_bits_per_second: Option<f64>,
    /// The least upload in them.
    pub up_bits_per_second: Option<f64>,
}

/// What tests said of a rate, bit/s.
#[derive(Debug, Serialize, ToSchema)]
pub struct RateBody {
    /// `down` or `up`.
    pub direction: &'static str,
    /// What was agreed.
    pub agreed_bits_per_second: Option<f64>,
    /// How many tests.
    pub tests: u64,
    /// The least.
    pub least_bits_per_second: Option<f64>,
    /// 95 of 100 minutes with a test reached it.
    pub p95_bits_per_second: Option<f64>,
    /// Half of them did.
    pub p50_bits_per_second: Option<f64>,
}

/// An hour with a test below the agreed rate.
#[derive(Debug, Serialize, ToSchema)]
pub struct SlowBody {
    /// When it begins.
    pub from: String,
    /// `down` or `up`.
    pub direction: &'static str,
    /// The least rate in it.
    pub least_bits_per_second: f64,
    /// Our own weakness within it, which may have made the test slow.
    pub ours: Option<&'static str>,
}

/// A month of the line: outages and shortfalls with their causes, slow hours, and the gaps in which nobody looked.
///
/// # Errors
/// A query that is not understood, a month that has not begun, history that cannot be read now.
#[utoipa::path(get, path = "/api/v1/ledger", params(
    ("month" = Option<String>, Query, description = "On the room's own clock (`2026-11`); the running one if not given."),
    ("down" = Option<String>, Query, description = "The download that was agreed (`50 Mbit/s`); what the default profile needs if not given."),
    ("up" = Option<String>, Query, description = "The upload that was agreed."),
    ("lang" = Option<String>, Query, description = "`id` or `en`, for the rows; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The month. As comma-separated values (RFC 4180) where `Accept` would rather have `text/csv`, and under `/api/v1/ledger.csv`.", body = LedgerBody),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "History cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(in crate::web) async fn ledger(
    State(site): State<Arc<Site>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::read(&uri, &[once("month"), once("down"), once("up"), once("lang")])?;
    let voice = site.voice();
    let lang = lang::choose(&query, &headers, voice.lang)?;
    let now = site.now().wall;
    let month = match query.get("month") {
        None => Month::of(now, &voice.zone),
        Some(text) => Month::parse(text).ok_or_else(|| {
            Problem::value("month is no month of a year from 2000 to 2999; expected is such as 2026-11")
        })?,
    };
    let (begin, end) = month.span(&voice.zone);
    if begin >= now {
        return Err(Problem::value(format!("the month {month} has not begun")));
    }
    let snapshot = Arc::clone(&site.rendered().believed);
    let agreed = Agreed {
        down: rate(&query, "down")?.or(voice.agreed.down),
        up: rate(&query, "up")?.or(voice.agreed.up),
        ..voice.agreed
    };
    let until = end.min(now);
    let wanted = wanted(begin, until, subjects(&snapshot));
    let zone = voice.zone.clone();
    let made = move |past| {
        let far = far_ends(&snapshot, &past);
        let seen = snapshot.checks.iter().map(|check| Seen::of(&check.spec, far.contains(&check.spec.name)));
        reckon(&past, &seen.collect::<Vec<_>>(), &agreed, month, &zone, now)
    };
    let ledger = site.of_past(wanted, made).await?;
    let form = Form::of(&uri, &headers);
    let body = LedgerBody::of(&ledger, &voice);
    Ok(answer(form, lang, &format!("ledger-{month}"), &body, || csv::csv(&ledger, &voice.zone, lang)))
}

/// A rate of the query, bit/s.
pub(in crate::web) fn rate(query: &Query, name: &str) -> Result<Option<f64>, Problem> {
    let read = |text: &str| short(text).parse::<Rate>().map_err(|error| Problem::value(format!("{name}: {error}")));
    Ok(query.get(name).map(read).transpose()?.map(|rate| rate.0))
}

impl LedgerBody {
    fn of(ledger: &Ledger, voice: &Voice) -> Self {
        let seconds = |verdict| ledger.times.of(verdict).as_secs();
        Self {
            month: ledger.month.to_string(),
            time_zone: voice.zone.iana_name().unwrap_or("UTC").to_owned(),
            from: voice.stamp(ledger.span.0),
            to: voice.stamp(ledger.span.1),
            seconds: SecondsBody {
                ready: seconds(Verdict::Ready),
                degraded: seconds(Verdict::Degraded),
                not_ready: seconds(Verdict::NotReady),
                unknown: seconds(Verdict::Unknown),
                not_measured: Duration::as_secs(&ledger.times.unmeasured),
            },
            available_share: ledger.availability(),
            provider_available_share: ledger.provider_availability(),
            lines: ledger.lines.iter().map(|line| LineBody::of(line, voice)).collect(),
            rates: ledger.rates.iter().map(RateBody::of).collect(),
            slow_hours: ledger
                .slow
                .iter()
                .map(|slow| SlowBody {
                    from: voice.stamp(slow.begins),
                    direction: direction(slow.figure),
                    least_bits_per_second: slow.least,
                    ours: slow.ours.map(crate::engine::past::blame::Cause::as_str),
                })
                .collect(),
            incomplete: ledger.cut,
        }
    }
}

impl LineBody {
    fn of(line: &Line, voice: &Voice) -> Self {
        Self {
            what: line.entry.as_str(),
            cause: line.entry.cause().map(crate::engine::past::blame::Cause::as_str),
            from: voice.stamp(line.from),
            to: voice.stamp(line.to),
            seconds: line.length().as_secs(),
            since_before_month: line.from_before,
            goes_on: line.goes_on,
            reasons: line.codes.clone(),
            checks: line.failing.iter().map(ToString::to_string).collect(),
            loss_ratio: line.measured.loss,
            round_trip_seconds: line.measured.round_trip,
            down_bits_per_second: line.measured.down,
            up_bits_per_second: line.measured.up,
        }
    }
}

impl RateBody {
    fn of(rate: &RateLine) -> Self {
        Self {
            direction: direction(rate.figure),
            agreed_bits_per_second: rate.agreed,
            tests: rate.tests,
            least_bits_per_second: rate.least,
            p95_bits_per_second: rate.quantiles.map(|quantiles| quantiles.p95),
            p50_bits_per_second: rate.quantiles.map(|quantiles| quantiles.p50),
        }
    }
}

const fn direction(figure: Figure) -> &'static str {
    if matches!(figure, Figure::Up) { "up" } else { "down" }
}
