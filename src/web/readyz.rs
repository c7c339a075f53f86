//! `GET /readyz`: the room in plain text, a line a check, in the manner of Kubernetes' endpoints of that name.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::domain::snapshot::{CheckView, Judged, ProfileView};
use crate::domain::{CheckName, Lang, Now, Reason, Requirement, Snapshot, Verdict};
use crate::engine::revise::revise;

use super::problem::Problem;
use super::query::{self, Query, once, repeated};
use super::site::Site;
use super::{Voice, lang};

/// The room, for a load balancer or a person with curl.
///
/// 200 if it is ready or degraded, 503 if it is not ready or unknown. The first line is the verdict; then a line a check:
/// `[+]` ready, `[~]` degraded, `[-]` not ready, `[?]` unknown.
///
/// # Errors
/// A query that is not understood, an unknown profile, an unknown check to leave aside.
#[utoipa::path(get, path = "/readyz", params(
    ("verbose" = Option<bool>, Query, description = "Also tell remedies, times and ages."),
    ("exclude" = Option<Vec<String>>, Query, description = "Leave this check aside; may be repeated."),
    ("profile" = Option<String>, Query, description = "The kind of meeting; the one in force if not given."),
    ("lang" = Option<String>, Query, description = "`id` or `en`."),
), responses(
    (status = 200, description = "Ready or degraded.", body = String, content_type = "text/plain"),
    (status = 503, description = "Not ready or unknown.", body = String, content_type = "text/plain"),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "Unknown profile.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn readyz(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let query = Query::read(&uri, &[once("verbose"), repeated("exclude"), once("profile"), once("lang")])?;
    let voice = site.voice();
    let lang = lang::choose(&query, &headers, voice.lang)?;
    let verbose = query.flag("verbose")?.unwrap_or(false);
    let rendered = site.rendered();
    let snapshot = &rendered.believed;
    let question = crate::engine::slot::Question::new(snapshot, query.get("profile"), None, None, site.now())?;
    let view = &snapshot.profiles[question.profile()];
    let mut excluded = Vec::new();
    for name in query.all("exclude") {
        let known = snapshot.checks.iter().map(|check| check.spec.name.as_str());
        let place = known.clone().position(|other| other == name);
        excluded.push(place.ok_or_else(|| {
            Problem::value(format!("exclude names {:?}, and there is no such check", query::short(name)))
                .allowing(known)
        })?);
    }
    let revised;
    let view = if excluded.is_empty() {
        &**view
    } else {
        revised = revise(snapshot, view, |at, judged| (!excluded.contains(&at)).then(|| judged.clone()));
        &revised
    };
    let text = if verbose { long(snapshot, view, lang, &voice, site.now()) } else { short(snapshot, view, lang) };
    Ok(reply(view.verdict, Bytes::from(text), lang))
}

/// A text with the verdict's status.
pub(super) fn reply(verdict: Verdict, text: Bytes, lang: Lang) -> Response {
    let status = if verdict.is_usable() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.as_str())),
        (header::VARY, HeaderValue::from_static("accept-language")),
    ];
    (status, headers, text).into_response()
}

/// The short text: the verdict, and a line a check.
pub(super) fn short(snapshot: &Snapshot, view: &ProfileView, lang: Lang) -> String {
    let mut text = String::with_capacity(64 * (snapshot.checks.len() + 2));
    text.push_str(view.verdict.as_str());
    text.push('\n');
    lines(&mut text, snapshot, view, lang, |_, _| {});
    text
}

/// The long text: the short one with remedies, times and ages.
fn long(snapshot: &Snapshot, view: &ProfileView, lang: Lang, voice: &Voice, now: Now) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", view.verdict);
    let _ = writeln!(text, "room: {}", snapshot.room);
    let _ = writeln!(text, "profile: {}", view.profile.name);
    let _ = writeln!(text, "at: {}", voice.stamp(snapshot.at.wall));
    if let Some(cause) = &view.root_cause {
        let _ = writeln!(text, "root_cause: {cause}");
    }
    lines(&mut text, snapshot, view, lang, |text, line| {
        if let Some((check, _)) = line.check {
            let allowed = check.spec.fresh_for.as_secs_f64();
            let _ = match check.age(now) {
                Some(age) => writeln!(text, "    age: {:.1} s of {allowed} s", age.as_secs_f64()),
                None => writeln!(text, "    age: none of {allowed} s"),
            };
        }
        for reason in line.reasons {
            // Under its code: a line may have several.
            let _ = writeln!(text, "    {}:", reason.def.code);
            let _ = writeln!(text, "        since: {}", voice.stamp(reason.since));
            let _ = writeln!(text, "        remedy: {}", plain(&voice.remedy(reason, lang)));
        }
    });
    text
}

/// One line of the text, before it is written.
struct Line<'a> {
    name: &'a str,
    verdict: Verdict,
    reasons: &'a [Reason],
    check: Option<(&'a CheckView, &'a Judged)>,
}

fn lines(
    text: &mut String,
    snapshot: &Snapshot,
    view: &ProfileView,
    lang: Lang,
    more: impl Fn(&mut String, &Line<'_>),
) {
    if !view.reasons.is_empty() {
        let line = Line { name: "room", verdict: view.verdict, reasons: &view.reasons, check: None };
        write_line(text, &line, lang);
        more(text, &line);
    }
    for component in view.components.iter() {
        if !component.reasons.is_empty() {
            let name = component.component.as_str();
            let line = Line { name, verdict: component.verdict, reasons: &component.reasons, check: None };
            write_line(text, &line, lang);
            more(text, &line);
        }
        for at in &component.checks {
            let (check, judged) = (&*snapshot.checks[*at], &view.checks[*at]);
            let name = check.spec.name.as_str();
            let line = Line { name, verdict: judged.verdict, reasons: &judged.reasons, check: Some((check, judged)) };
            write_line(text, &line, lang);
            more(text, &line);
        }
    }
}

fn write_line(text: &mut String, line: &Line<'_>, lang: Lang) {
    text.push_str(mark(line.verdict));
    text.push_str(line.name);
    text.push(' ');
    text.push_str(line.verdict.as_str());
    if let Some((check, judged)) = line.check {
        if check.spec.requirement == Requirement::Advisory {
            text.push_str(" (advisory)");
        }
        if check.held.is_some() {
            text.push_str(" (held)");
        }
        if let Some(pending) = judged.pending {
            let _ = write!(text, " (pending {})", pending.to);
        }
        if let Some(cause) = judged.blocked_by.as_ref().map(CheckName::as_str) {
            let _ = write!(text, " (blocked by {cause})");
        }
    }
    for (place, reason) in line.reasons.iter().enumerate() {
        let lead = if place == 0 { " " } else { "; " };
        let _ = write!(text, "{lead}{}: {}", reason.def.code, plain(&reason.message(lang)));
        if let Some(detail) = reason.detail() {
            let _ = write!(text, " [{}]", plain(detail));
        }
    }
    text.push('\n');
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ready => "[+]",
        Verdict::Degraded => "[~]",
        Verdict::Unknown => "[?]",
        Verdict::NotReady => "[-]",
    }
}

/// One line of it: what a device calls itself may not begin a line of its own.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}
