//! `GET /api/v1/outlook/week`: what the line was like in each hour of the week, and its rows.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Form, answer, far_ends, subjects};
use crate::domain::past::{hour_begins, hour_of};
use crate::domain::{Verdict, Wanted};
use crate::engine::past::week::{HOURS, Quantiles, WeekHour, week as reckon};
use crate::web::lang;
use crate::web::problem::Problem;
use crate::web::query::{Query, once};
use crate::web::site::Site;

/// Weeks, unless asked for others: as far as figures by the minute are kept.
pub(crate) const WEEKS: i64 = 13;
/// Weeks at most: a year.
pub(crate) const MOST: i64 = 53;

/// The hours of the week over some weeks.
#[derive(Debug, Serialize, ToSchema)]
pub struct WeekBody {
    /// Over how many weeks.
    pub weeks_asked: i64,
    /// In which zone the hours are.
    #[schema(example = "Asia/Pontianak")]
    pub time_zone: String,
    /// From when.
    pub from: String,
    /// Until when: now.
    pub to: String,
    /// 168 hours, Monday midnight first.
    pub hours: Vec<WeekHourBody>,
    /// Whether there was more than is read at once, so that this is not all.
    pub incomplete: bool,
}

/// An hour of the week, all weeks together.
#[derive(Debug, Serialize, ToSchema)]
pub struct WeekHourBody {
    /// 1 is Monday, 7 is Sunday (ISO 8601).
    pub weekday: usize,
    /// 0 to 23: the hour that begins then.
    pub hour: usize,
    /// Minutes in which the internet was ready.
    pub ready_minutes: f64,
    /// Degraded.
    pub degraded_minutes: f64,
    /// Not ready.
    pub not_ready_minutes: f64,
    /// Siaga watched and could not tell.
    pub unknown_minutes: f64,
    /// Siaga did not watch.
    pub not_measured_minutes: f64,
    /// Share of packets lost, outages aside.
    pub loss_ratio: Option<QuantilesBody>,
    /// Round trip to far ends.
    pub round_trip_seconds: Option<QuantilesBody>,
    /// Download of tests.
    pub down_bits_per_second: Option<QuantilesBody>,
    /// Upload of tests.
    pub up_bits_per_second: Option<QuantilesBody>,
}

/// How a figure was spread over the minutes. Of a rate the smaller is the worse.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct QuantilesBody {
    /// Half of the minutes were not worse.
    pub p50: f64,
    /// 95 of 100 were not worse.
    pub p95: f64,
    /// 99 of 100 were not worse.
    pub p99: f64,
    /// Over how many minutes.
    pub minutes: u64,
}

/// What the line was like in each hour of the week.
///
/// # Errors
/// A query that is not understood, history that cannot be read now.
#[utoipa::path(get, path = "/api/v1/outlook/week", params(
    ("weeks" = Option<i64>, Query, description = "How many weeks back, 1 to 53; 13 if not given."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; it changes nothing of the figures."),
), responses(
    (status = 200, description = "The hours. As comma-separated values (RFC 4180) where `Accept` would rather have `text/csv`, and under `/api/v1/outlook/week.csv`.", body = WeekBody),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "History cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(in crate::web) async fn week(
    State(site): State<Arc<Site>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::read(&uri, &[once("weeks"), once("lang")])?;
    let voice = site.voice();
    let lang = lang::choose(&query, &headers, voice.lang)?;
    let weeks = match query.get("weeks") {
        None => WEEKS,
        Some(text) => text
            .parse()
            .ok()
            .filter(|weeks| (1..=MOST).contains(weeks))
            .ok_or_else(|| Problem::value(format!("weeks is no number from 1 to {MOST}")))?,
    };
    let now = site.now().wall;
    let first = hour_of(now) - weeks * i64::from(HOURS);
    let snapshot = Arc::clone(&site.rendered().believed);
    let since = hour_begins(first);
    let wanted = Wanted { since, until: now, hours: vec![(first, hour_of(now) + 1)], subjects: subjects(&snapshot) };
    let zone = voice.zone.clone();
    let made = move |past| {
        let far = far_ends(&snapshot, &past);
        (reckon(&past, &far, &zone, (since, now)), past.cut)
    };
    let (hours, incomplete) = site.of_past(wanted, made).await?;
    let body = WeekBody {
        weeks_asked: weeks,
        time_zone: voice.zone.iana_name().unwrap_or("UTC").to_owned(),
        from: voice.stamp(since),
        to: voice.stamp(now),
        hours: hours.iter().enumerate().map(|(place, hour)| WeekHourBody::of(place, hour)).collect(),
        incomplete,
    };
    Ok(answer(Form::of(&uri, &headers), lang, "week", &body, || csv(&hours)))
}

fn minutes(time: Duration) -> f64 {
    time.as_secs_f64() / 60.0
}

impl WeekHourBody {
    fn of(place: usize, hour: &WeekHour) -> Self {
        let told = |of: Option<Quantiles>| {
            of.map(|Quantiles { p50, p95, p99, minutes }| QuantilesBody { p50, p95, p99, minutes })
        };
        let said = |verdict| minutes(hour.times.of(verdict));
        Self {
            weekday: place / 24 + 1,
            hour: place % 24,
            ready_minutes: said(Verdict::Ready),
            degraded_minutes: said(Verdict::Degraded),
            not_ready_minutes: said(Verdict::NotReady),
            unknown_minutes: said(Verdict::Unknown),
            not_measured_minutes: minutes(hour.times.unmeasured),
            loss_ratio: told(hour.loss),
            round_trip_seconds: told(hour.round_trip),
            down_bits_per_second: told(hour.down),
            up_bits_per_second: told(hour.up),
        }
    }
}

/// ISO 8601 weekdays: 1 is Monday. Minutes of the internet's verdicts; shares, seconds and bit/s; a p95 of a rate is what 95 of
/// 100 tests reached.
const HEAD: &str = "weekday,hour,ready_minutes,degraded_minutes,not_ready_minutes,unknown_minutes,not_measured_minutes,\
    loss_p50,loss_p95,loss_p99,round_trip_p50,round_trip_p95,round_trip_p99,down_p50,down_p95,down_p99,up_p50,up_p95,up_p99\r\n";

/// A line an hour of the week, Monday midnight first.
pub(crate) fn csv(hours: &[WeekHour]) -> String {
    let mut out = String::from(HEAD);
    for (place, hour) in hours.iter().enumerate().take(usize::from(HOURS)) {
        _ = write!(out, "{},{}", place / 24 + 1, place % 24);
        line(&mut out, hour);
    }
    out
}

fn line(out: &mut String, hour: &WeekHour) {
    let times =
        [Verdict::Ready, Verdict::Degraded, Verdict::NotReady, Verdict::Unknown].map(|said| hour.times.of(said));
    for time in times.into_iter().chain([hour.times.unmeasured]) {
        _ = write!(out, ",{:.1}", minutes(time));
    }
    for (quantiles, places) in [(hour.loss, 4), (hour.round_trip, 4), (hour.down, 0), (hour.up, 0)] {
        match quantiles {
            Some(Quantiles { p50, p95, p99, .. }) => {
                _ = write!(out, ",{p50:.places$},{p95:.places$},{p99:.places$}");
            }
            None => out.push_str(",,,"),
        }
    }
    out.push_str("\r\n");
}
