//! `GET /components/{component}`: one component, with all that its checks measure, the limits, and the last hours as pictures.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use jiff::Timestamp;

use super::super::frame::{Frame, Renewed, answer};
use super::super::lang;
use super::super::page::{Part, Teller};
use super::super::problem::Problem;
use super::super::query::{Query, once};
use super::super::site::Site;
use super::super::telling::length;
use super::in_time;
use crate::domain::reason::number;
use crate::domain::record::Series;
use crate::domain::snapshot::CheckView;
use crate::domain::{Component, Lang, Limit, Measurement, Profile, Rule, Test, Unit};
use crate::plot::Plot;

/// How far back the pictures reach, and in which steps: what a page can carry.
const HOURS: i64 = 6;
const STEP: i64 = 5;
/// Pictures on one page; a check's own has all of its.
const PICTURES: usize = 8;

#[derive(Template)]
#[template(path = "component.html")]
struct Page {
    frame: Frame,
    part: Part,
    checks: Vec<Measured>,
    pictures: Vec<Picture>,
    /// Whether what was measured before could be read.
    remembered: bool,
    hours: i64,
}

/// What a check measures.
struct Measured {
    name: String,
    kind: &'static str,
    interval: String,
    fresh_for: String,
    /// Its last error, in English, for IT staff.
    error: Option<String>,
    rows: Vec<Row>,
    /// Whether its own pictures are shown, and nobody else's.
    chosen: bool,
}

struct Row {
    name: String,
    help: &'static str,
    value: String,
    limits: String,
}

struct Picture {
    title: String,
    /// Drawn here: all text in it is escaped.
    svg: String,
}

/// One component for people.
///
/// # Errors
/// A query that is not understood, an unknown component or check.
#[utoipa::path(get, path = "/components/{component}", params(
    ("component" = Component, Path, description = "Which."),
    ("check" = Option<String>, Query, description = "All pictures of this check, and of no other."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The page.", body = String, content_type = "text/html"),
    (status = 404, description = "No such component, or no such check of it.", body = Problem, content_type = "application/problem+json"),
))]
pub(in super::super) async fn page(
    State(site): State<Arc<Site>>,
    component: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path(word) = component?;
    let query = Query::of_page(&uri, &[once("check"), once("lang")])?;
    let lang = lang::choose(&query, &headers, site.voice().lang)?;
    let Some(component) = Component::ALL.into_iter().find(|component| component.as_str() == word) else {
        return Err(Problem::not_found("there is no such component").allowing(Component::ALL.map(Component::as_str)));
    };
    let frame = Frame::new(&site, &format!("/components/{component}"), lang, Renewed::Every(10));
    let (rendered, voice, now) = (site.rendered(), site.voice(), site.now());
    let snapshot = &rendered.believed;
    let view = snapshot.current();
    let Some(told) = view.components.iter().find(|told| told.component == component) else {
        return Err(Problem::not_found("the room has no such component"));
    };
    let teller = Teller { snapshot, view, lang, voice: &voice, now, state: &site.state };
    let checks: Vec<&CheckView> = told.checks.iter().map(|at| &*snapshot.checks[*at]).collect();
    let chosen = query.get("check");
    if let Some(name) = chosen.filter(|name| checks.iter().all(|check| check.spec.name.as_str() != *name)) {
        let known = checks.iter().map(|check| check.spec.name.to_string());
        return Err(Problem::not_found(format!("the component has no check {name:?}")).allowing(known));
    }
    let since = now.wall.checked_sub(jiff::SignedDuration::from_hours(HOURS)).unwrap_or(now.wall);
    let mut series: Option<Vec<Series>> = Some(Vec::new());
    for check in checks.iter().filter(|check| chosen.is_none_or(|name| check.spec.name.as_str() == name)) {
        let room = PICTURES.saturating_sub(series.as_ref().map_or(0, Vec::len));
        if room == 0 {
            break;
        }
        // One of each check at first, so that a room with many far ends shows something of all.
        let room = if chosen.is_some() { PICTURES * 2 } else { room.min(2) };
        let steps = site.state.history.steps(&check.spec, (since, now.wall), STEP, chosen.is_some(), room);
        match (in_time(steps).await, &mut series) {
            (Some(steps), Some(all)) => all.extend(steps),
            (None, _) => series = None,
            (_, None) => {}
        }
        if series.is_none() {
            break;
        }
    }
    let remembered = series.is_some();
    let troubles: Vec<(Timestamp, Timestamp)> = snapshot
        .incidents
        .iter()
        .filter(|incident| incident.component == component)
        .map(|incident| (incident.opened_at, incident.closed_at.unwrap_or(now.wall)))
        .collect();
    let draw = |series: &Series| {
        let title = title(series, lang);
        let value = |value| number(value, series.quantity.unit, lang);
        let plot = Plot {
            points: &series.points,
            step: STEP * 60,
            span: (since, now.wall),
            marks: &[],
            troubles: &troubles,
            zone: &voice.zone,
            clock: if lang == Lang::Id { "%H.%M" } else { "%H:%M" },
            title: title.clone(),
            value: &value,
        };
        Picture { title, svg: plot.svg() }
    };
    let page = Page {
        frame,
        part: teller.part(told),
        checks: checks.iter().map(|check| measured(check, &view.profile, lang, chosen)).collect(),
        pictures: series.unwrap_or_default().iter().map(draw).collect(),
        remembered,
        hours: HOURS,
    };
    answer(&page, StatusCode::OK, lang)
}

fn measured(check: &CheckView, profile: &Profile, lang: Lang, chosen: Option<&str>) -> Measured {
    let spec = &check.spec;
    let all = check.last.iter().flat_map(|last| &last.reading.measurements);
    let mut rows: Vec<Row> = all
        .map(|one| Row {
            name: one.title(lang),
            help: one.quantity.help,
            value: in_words(one.value, one.quantity.unit, lang),
            limits: limits(&spec.rules, one, profile, lang),
        })
        .collect();
    if let Some(loss) = check.loss {
        let rule = spec.loss.map(|rule| [rule.degraded, rule.not_ready].map(|limit| of(limit, profile)));
        let told = |value| number(value, Unit::Ratio, lang);
        let [degraded, not_ready] = rule.unwrap_or_default();
        rows.push(Row {
            name: if lang == Lang::Id { "Paket hilang" } else { "Packets lost" }.to_owned(),
            help: "Share of the newest packets that were lost, with Wilson's 95 % interval.",
            value: format!(
                "{} ({} – {}; {}/{})",
                told(loss.ratio),
                told(loss.low),
                told(loss.high),
                loss.lost,
                loss.sent
            ),
            limits: both(">", degraded.map(told), not_ready.map(told)),
        });
    }
    Measured {
        name: spec.name.to_string(),
        kind: spec.kind.as_str(),
        interval: length(spec.interval, lang),
        fresh_for: length(spec.fresh_for, lang),
        error: check.last.as_ref().and_then(|last| last.error.as_ref()).map(ToString::to_string),
        rows,
        chosen: chosen == Some(spec.name.as_str()),
    }
}

fn in_words(value: f64, unit: Unit, lang: Lang) -> String {
    match unit {
        Unit::Flag => match (value > 0.5, lang) {
            (true, Lang::Id) => "ya".to_owned(),
            (true, Lang::En) => "yes".to_owned(),
            (false, Lang::Id) => "tidak".to_owned(),
            (false, Lang::En) => "no".to_owned(),
        },
        _ => number(value, unit, lang).trim_end().to_owned(),
    }
}

/// Beyond what a measurement is degraded, and beyond what not ready.
fn limits(rules: &[Rule], one: &Measurement, profile: &Profile, lang: Lang) -> String {
    let concerns = |rule: &&Rule| {
        *rule.quantity == *one.quantity && rule.part.is_none_or(|part| one.part.as_deref() == Some(part))
    };
    let told = rules.iter().filter(concerns).map(|rule| {
        let words = |limit| of(limit, profile).map(|value| in_words(value, one.quantity.unit, lang));
        match rule.test {
            Test::Above => both(">", words(rule.degraded), words(rule.not_ready)),
            Test::Below => both("<", words(rule.degraded), words(rule.not_ready)),
            // Short of what is needed nothing is known.
            Test::AtLeast => words(rule.degraded).map(|need| format!("? < {need}")).unwrap_or_default(),
        }
    });
    let told: Vec<String> = told.filter(|told| !told.is_empty()).collect();
    told.join("; ")
}

fn both(sign: &str, degraded: Option<String>, not_ready: Option<String>) -> String {
    let told = [("!", degraded), ("✕", not_ready)]
        .into_iter()
        .filter_map(|(mark, limit)| Some(format!("{mark} {sign} {}", limit?)));
    told.collect::<Vec<_>>().join(", ")
}

fn of(limit: Limit, profile: &Profile) -> Option<f64> {
    match limit {
        Limit::None => None,
        Limit::Fixed(value) => Some(value),
        Limit::Profile(limit) => profile.limit(limit),
        Limit::ThereAndBack(limit) => profile.limit(limit).map(|one| 1.0 - (1.0 - one) * (1.0 - one)),
    }
}

/// What a picture of a series is called.
fn title(series: &Series, lang: Lang) -> String {
    let part = series.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
    format!("{} ({}{part})", series.quantity.title(lang), series.check)
}
