//! What was wrong with a question, as RFC 9457 problem details.

use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::acting::AttemptBody;
use super::booked::HolderBody;
use crate::domain::sheet::Unwritten;
use crate::domain::{Lang, Scope};
use crate::engine::slot::Refusal;

/// What a 401 says of how to come in (RFC 9110 §11.6.1); a page's too.
pub(super) const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"siaga\"");

/// A problem with a request (RFC 9457 §3.1). Its words are for whoever writes the client.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The kind of problem in words; the same each time.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong this time, and what would do.
    pub detail: String,
    /// What would have been allowed, where that is a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// Who holds the slot, where that is the problem.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<HolderBody>)]
    pub held_by: Box<[HolderBody]>,
    /// What became of each attempt to tell somebody, where that is the problem.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<AttemptBody>)]
    pub attempts: Box<[AttemptBody]>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            allowed: Vec::new(),
            held_by: Box::default(),
            attempts: Box::default(),
        }
    }

    /// The same with the list of what is allowed.
    #[must_use]
    pub fn allowing<T: ToString>(mut self, allowed: impl IntoIterator<Item = T>) -> Self {
        self.allowed = allowed.into_iter().map(|word| word.to_string()).collect();
        self
    }

    /// A test message that has not arrived everywhere.
    pub fn undelivered(attempts: Vec<AttemptBody>) -> Self {
        let failed = |one: &AttemptBody| {
            let receiver = one.receiver.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
            Some(format!("{receiver}{}", one.failed.as_ref()?))
        };
        let detail: Vec<_> = attempts.iter().filter_map(failed).collect();
        let title = "A receiver has not got the message";
        let kind = "urn:siaga:problem:undelivered";
        Self { attempts: attempts.into(), ..Self::new(StatusCode::BAD_GATEWAY, kind, title, detail.join("; ")) }
    }

    /// A query key that this path does not know, or one given twice.
    pub fn query(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:siaga:problem:query", "The query is not understood", detail)
    }

    /// A value that is not what its key needs.
    pub fn value(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:siaga:problem:value", "A value is not what its key needs", detail)
    }

    /// No such thing, under a path that names things.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "urn:siaga:problem:not-found", "There is no such thing", detail)
    }

    /// A method that this path does not take.
    pub fn method(detail: impl Into<String>) -> Self {
        let title = "This path does not take this method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "urn:siaga:problem:method", title, detail)
    }

    /// A request that does not say for whom it is.
    pub fn host(detail: impl Into<String>) -> Self {
        let title = "The request does not say for whom it is";
        Self::new(StatusCode::BAD_REQUEST, "urn:siaga:problem:host", title, detail)
    }

    /// A request in the clear where only TLS is spoken.
    pub fn in_clear(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:siaga:problem:in-clear", "TLS is spoken here", detail)
    }

    /// A request for a name that is not ours.
    pub fn misdirected(detail: impl Into<String>) -> Self {
        let title = "The request is for somebody else";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "urn:siaga:problem:misdirected", title, detail)
    }

    /// A request with more in it than any path here reads.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "urn:siaga:problem:too-large", "The body is too large", detail)
    }

    /// A body that is not what its path needs.
    pub fn body(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:siaga:problem:body", "The body is not understood", detail)
    }

    /// A body with a passcode in it.
    pub fn passcode(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:siaga:problem:passcode", "No passcode is taken", detail)
    }

    /// A slot that others hold.
    pub fn taken(held_by: Vec<HolderBody>) -> Self {
        let who = |holder: &HolderBody| match &holder.office {
            Some(office) => format!("{:?} ({office}) from {} until {}", holder.title, holder.start, holder.end),
            None => format!("{:?} from {} until {}", holder.title, holder.start, holder.end),
        };
        let detail = held_by.iter().map(who).collect::<Vec<_>>().join("; ");
        let detail = format!("the slot, with the time that the room needs between two meetings, is held by {detail}");
        let title = "Others hold the slot";
        Self { held_by: held_by.into(), ..Self::new(StatusCode::CONFLICT, "urn:siaga:problem:taken", title, detail) }
    }

    /// What is understood, and cannot be meant so.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        let title = "This cannot be meant so";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "urn:siaga:problem:unprocessable", title, detail)
    }

    /// Why something is not written into a run sheet.
    pub fn unwritten(why: &Unwritten) -> Self {
        let detail = why.told(Lang::En, &TimeZone::UTC);
        match why {
            Unwritten::NoSession => Self::not_found(detail),
            Unwritten::NoItem(there) => Self::not_found(detail).allowing(there),
            Unwritten::Passcode => Self::passcode(detail),
            Unwritten::NoName
            | Unwritten::NoReason
            | Unwritten::Until
            | Unwritten::AfterEnd(_)
            | Unwritten::Verdict
            | Unwritten::Long => Self::unprocessable(detail),
            Unwritten::Cancelled
            | Unwritten::Moved
            | Unwritten::Over
            | Unwritten::Begun
            | Unwritten::TrialUnderWay
            | Unwritten::NoTrial
            | Unwritten::NoOverride
            | Unwritten::Full => {
                let title = "The run sheet does not allow it now";
                Self::new(StatusCode::CONFLICT, "urn:siaga:problem:run-sheet", title, detail)
            }
        }
    }

    /// A session that was cancelled cannot be moved.
    pub fn cancelled() -> Self {
        let detail = "it was cancelled; PUT books it anew";
        Self::new(StatusCode::CONFLICT, "urn:siaga:problem:cancelled", "The session was cancelled", detail)
    }

    /// A session of a calendar that is followed is changed in that calendar.
    pub fn of_calendar(calendar: &str) -> Self {
        let detail = format!("it is of the calendar {calendar}, which is followed: change or delete it there");
        let title = "The session is of a calendar";
        Self::new(StatusCode::CONFLICT, "urn:siaga:problem:of-calendar", title, detail)
    }

    /// A session that has begun keeps its beginning.
    pub fn begun() -> Self {
        let detail = "it has begun, or was held: while it lasts its end can be moved, and calling it off ends it; another meeting takes another id";
        Self::new(StatusCode::CONFLICT, "urn:siaga:problem:begun", "The session has begun", detail)
    }

    /// Somebody asks for what they may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "urn:siaga:problem:forbidden", "This may not be asked from there", detail)
    }

    /// The agenda cannot be read or written now. Whether a wish will be granted is not known: it may be repeated.
    pub fn agenda(detail: impl Into<String>) -> Self {
        let title = "The agenda cannot be read or written now";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:siaga:problem:agenda", title, detail)
    }

    /// Who asks has not shown a token, or one that is not in force.
    pub fn no_token(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "urn:siaga:problem:no-token", "This needs a token", detail)
    }

    /// Who asks has shown a token that is not good for this; one of these scopes is.
    pub fn scope(scopes: &[Scope]) -> Self {
        let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        let (all, first) = (words.join(" or "), words.first().copied().unwrap_or_default());
        let detail = format!("this needs a token with the scope {all} (siaga token add NAME --scope {first})");
        let title = "This token is not good for that";
        Self::new(StatusCode::FORBIDDEN, "urn:siaga:problem:scope", title, detail).allowing(scopes)
    }

    /// Nobody can be known, because the tokens cannot be read.
    pub fn tokens() -> Self {
        let detail = "the tokens cannot be read; the daemon's log has why";
        let title = "Tokens cannot be read now";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:siaga:problem:tokens", title, detail)
    }

    /// A body of another kind than this path reads.
    pub fn media(detail: impl Into<String>) -> Self {
        let title = "The body is of another kind";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "urn:siaga:problem:media-type", title, detail)
    }

    /// A body that does not come.
    pub fn slow(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "urn:siaga:problem:slow", "The request came too slowly", detail)
    }

    /// What was ordered cannot be done now.
    pub fn unable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:siaga:problem:unable", "This cannot be done now", detail)
    }

    /// What was ordered holds, and would not outlive this process.
    pub fn not_kept(detail: impl Into<String>) -> Self {
        let title = "It holds now, but is not on the disk";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:siaga:problem:not-kept", title, detail)
    }

    /// History cannot be read now; the verdict can.
    pub fn history(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:siaga:problem:history", "History cannot be read now", detail)
    }

    /// Who asks has not shown that they may.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        let title = "Who asks has not shown that they may";
        Self::new(StatusCode::UNAUTHORIZED, "urn:siaga:problem:unauthorized", title, detail)
    }

    /// Not now; later perhaps.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:siaga:problem:unavailable", "Not now", detail)
    }

    /// A page could not be made; our own fault.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "urn:siaga:problem:internal", "Our own fault", detail)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::UnknownProfile { known, .. } => {
                let title = "There is no such profile";
                Self::new(StatusCode::NOT_FOUND, "urn:siaga:problem:unknown-profile", title, detail).allowing(known)
            }
            Refusal::Reversed { .. } => {
                let title = "The meeting ends before it begins";
                Self::new(StatusCode::BAD_REQUEST, "urn:siaga:problem:reversed-window", title, detail)
            }
            Refusal::Past { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "urn:siaga:problem:past-window", "The meeting is over", detail)
            }
        }
    }
}

impl From<PathRejection> for Problem {
    /// What is no text names nothing.
    fn from(rejection: PathRejection) -> Self {
        Self::not_found(rejection.body_text())
    }
}

impl From<BytesRejection> for Problem {
    /// A body that is longer than is read, or that broke off.
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Self::too_large(format!("no path here reads more than {} bytes", super::routes::BODY))
            }
            _ => Self::value(rejection.body_text()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        // For a page in its place (`astray`); no extension leaves the server.
        response.extensions_mut().insert(self);
        response
    }
}
