//! The report of a meeting over HTTP, and what people write of it. It has people's names in it: it is told to those who act or book.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::Lang;

use super::acts::{Acts, to_its_end};
use super::bookings::Form;
use super::door::Caller;
use super::given;
use super::problem::Problem;
use super::query::Query;
use super::readiness::in_lang;
use super::sheet;
use super::sign_in::{self, spoken};
use super::site::Site;

/// What somebody writes of a meeting.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default, expecting = "an object")]
pub(super) struct EvaluationWish {
    /// The text: at most 6000 characters, lines are kept.
    pub text: String,
    /// Who wrote it, where the token's holder hands it in. It stands in the report.
    pub by: Option<String>,
}

/// Where it was put.
#[derive(Serialize, ToSchema)]
pub(super) struct EvaluationBody {
    /// The number of the report that it stands beside.
    pub report: i64,
}

/// The report of a session: as it was kept when its wrap-up was over, with what was written of it since; before that, as it stands
/// (`complete` is false, `kept` is null). Schema `siaga.report`, version 2.
///
/// # Errors
/// Without a token; an unknown id; a disk that cannot be read.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/report", security(("token" = ["operate"]), ("token" = ["schedule"])), params(
    ("id" = String, Path, description = "The scheduler's own id."),
), responses(
    (status = 200, description = "The report. As comma-separated values (RFC 4180) under `report.csv`, as a page to print under `/sessions/{id}/report`.", body = Object),
    (status = 401, description = "Without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is good for neither acting nor booking.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no session of this id.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn json(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    Query::read(&uri, &[])?;
    let text = read(&site, &caller, id, Form::Json).await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response())
}

/// The same as comma-separated values (RFC 4180).
///
/// # Errors
/// As of the report itself.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/report.csv", security(("token" = ["operate"]), ("token" = ["schedule"])), params(
    ("id" = String, Path, description = "The scheduler's own id."),
), responses(
    (status = 200, description = "The rows.", body = String, content_type = "text/csv"),
    (status = 401, description = "Without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is good for neither acting nor booking.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no session of this id.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn csv(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    Query::read(&uri, &[])?;
    let text = read(&site, &caller, id, Form::Csv).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"report.csv\"")),
    ];
    Ok((headers, text).into_response())
}

/// The same as a page to print.
///
/// # Errors
/// As of the report itself.
#[utoipa::path(get, path = "/sessions/{id}/report", security(("token" = ["operate"]), ("token" = ["schedule"])), params(
    ("id" = String, Path, description = "The scheduler's own id."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The page.", body = String, content_type = "text/html"),
    (status = 401, description = "Nobody has come in; the form to do so.", body = String, content_type = "text/html"),
    (status = 403, description = "The token is good for neither acting nor booking.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no session of this id.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = spoken(&site, &uri, &headers)?;
    let text = match read(&site, &caller, id, Form::Page(lang)).await {
        Err(problem) if problem.status == 401 => return sign_in::instead(&site, &uri, &headers),
        read => read?,
    };
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    Ok((in_lang(lang), kind, text).into_response())
}

async fn read(
    site: &Site,
    caller: &Caller,
    id: Result<Path<String>, PathRejection>,
    form: Form,
) -> Result<String, Problem> {
    let Path(id) = id?;
    // As the run sheet's names: a token that only reads the room is not enough, and where reading is open to all one is asked for.
    caller.needs_one_of(&sheet::READ_NAMES)?;
    let found = site.state.bookings.report(&id, form).await.map_err(Problem::agenda)?;
    found.ok_or_else(|| Problem::not_found("there is no session of this id; GET /api/v1/sessions lists them"))
}

/// Puts what somebody writes of a meeting beside its report, in the same chain of hashes. What stands there is never changed: who
/// has more to say writes again. The same text by the same person is kept once.
///
/// # Errors
/// Without a token for acting; a meeting whose report is not made yet; a text that is none.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/evaluation", security(("token" = ["operate"])), params(
    ("id" = String, Path, description = "The scheduler's own id."),
), request_body = EvaluationWish, responses(
    (status = 200, description = "It is on the disk.", body = EvaluationBody),
    (status = 400, description = "The body is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "Without a token that is in force.", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The token is not good for acting.", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No report of such a meeting is kept (yet).", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot be written down now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn evaluate(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let who = caller.actor(&site, "evaluate", &id).await?;
    Query::read(request.uri(), &[])?;
    let EvaluationWish { text, by } = given::json(request).await?;
    let order = move |acts: Arc<dyn Acts>| async move { acts.evaluate(who, id, text, by, Lang::En).await };
    let report = to_its_end(&site.state.acts, order).await?;
    Ok((StatusCode::OK, Json(EvaluationBody { report })).into_response())
}
