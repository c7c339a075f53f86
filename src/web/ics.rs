//! `/api/v1/agenda.ics`: the agenda for other people's calendars (RFC 5545).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarMethod, ICalendarProperty, ICalendarStatus,
    ICalendarTransparency,
};
use jiff::Timestamp;

use crate::domain::{Booking, Session};

use super::Voice;
use super::problem::Problem;
use super::query::Query;
use super::site::Site;

/// So many sessions are offered at most.
const OFFERED: u32 = 5000;

/// So long ago a meeting may have ended.
const PAST: std::time::Duration = std::time::Duration::from_hours(31 * 24);

/// The agenda as an iCalendar feed: of the last 31 days and all to come, cancelled ones as such. No person is named in it.
///
/// Calendar programs know a user and a password alone: here, and nowhere else, a token is taken as the password of HTTP Basic
/// (RFC 7617), whatever the user is called.
///
/// # Errors
/// A query that is not understood; a disk that cannot be read.
#[utoipa::path(get, path = "/api/v1/agenda.ics", security((), ("token" = ["read"]), ("password" = [])), responses(
    (status = 200, description = "The feed.", body = String, content_type = "text/calendar"),
    (status = 400, description = "The query is not understood.", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "No token, or one that is not in force, where the room is not open to all.", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The agenda cannot be read now.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn offered(State(site): State<Arc<Site>>, uri: Uri) -> Result<Response, Problem> {
    Query::read(&uri, &[])?;
    let now = site.now().wall;
    let since = now.saturating_sub(PAST).unwrap_or(Timestamp::MIN);
    let all = site.state.bookings.sessions((since, Timestamp::MAX), None, OFFERED).await.map_err(Problem::agenda)?;
    let room = site.state.snapshot.borrow().room.to_string();
    let text = offer(&all, &room, &site.voice(), now);
    let kind = HeaderValue::from_static("text/calendar; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

fn offer(sessions: &[Session], room: &str, voice: &Voice, now: Timestamp) -> String {
    let mut feed = ICalendarComponent::new(ICalendarComponentType::VCalendar);
    feed.add_property(ICalendarProperty::Version, "2.0");
    feed.add_property(ICalendarProperty::Prodid, concat!("-//Siaga//", env!("CARGO_PKG_VERSION"), "//EN"));
    feed.add_property(ICalendarProperty::Method, ICalendarMethod::Publish);
    feed.add_property(ICalendarProperty::Name, voice.title.as_str());
    let mut components = vec![feed];
    for session in sessions {
        let mut event = ICalendarComponent::new(ICalendarComponentType::VEvent);
        // Unique in the world: two rooms may have the same scheduler.
        event.add_uid(&format!("{}@{room}.siaga", session.id));
        event.add_dtstamp(utc(now));
        event.add_sequence(session.revision);
        event.add_property(ICalendarProperty::Dtstart, utc(session.start));
        event.add_property(ICalendarProperty::Dtend, utc(session.end));
        event.add_property(ICalendarProperty::Summary, session.title.as_str());
        event.add_property(ICalendarProperty::Location, voice.title.as_str());
        let (status, transparency) = match session.booking {
            Booking::Booked => (ICalendarStatus::Confirmed, ICalendarTransparency::Opaque),
            Booking::Cancelled => (ICalendarStatus::Cancelled, ICalendarTransparency::Transparent),
        };
        event.add_property(ICalendarProperty::Status, status);
        event.add_property(ICalendarProperty::Transp, transparency);
        if let Ok(place) = u32::try_from(components.len()) {
            components[0].component_ids.push(place);
            components.push(event);
        }
    }
    ICalendar { components }.to_string()
}

fn utc(moment: Timestamp) -> PartialDateTime {
    PartialDateTime::from_utc_timestamp(moment.as_second())
}
