//! The API's own description, made from the handlers and bodies that serve it.
//!
//! It is made by a test and served from a file: the code that makes it is large, and the daemon need not carry it.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::{
    acting, daemon, ics, inbound, incident_page, kiosk, lists, live, page, pages, past, readiness, readyz, reported,
    sessions, sheet, sign_in, surveys, under_way,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Siaga",
        description = "Is this room ready for this meeting, from then until then, and if not, what must somebody go and do?"
    ),
    servers((url = "/")),
    paths(
        readyz::readyz,
        readiness::readiness,
        sessions::agenda,
        ics::offered,
        sessions::list,
        sessions::get,
        sessions::put,
        sessions::patch,
        sessions::cancel,
        sheet::api::get,
        sheet::api::tick,
        sheet::api::trial,
        sheet::api::answer_for,
        reported::json,
        reported::csv,
        reported::evaluate,
        lists::checks,
        lists::check,
        lists::evidence,
        lists::profiles,
        lists::incidents,
        lists::reasons,
        under_way::running,
        surveys::list,
        surveys::one,
        inbound::alertmanager,
        past::ledger::ledger,
        past::week::week,
        acting::acknowledge,
        acting::silences,
        acting::silence,
        acting::end_silence,
        acting::test_alert,
        daemon::metrics,
        daemon::healthy,
        daemon::ready,
        daemon::reload,
        page::page,
        pages::component::page,
        pages::incidents::page,
        pages::agenda::page,
        pages::act::page,
        pages::act::order,
        pages::radio::page,
        pages::data::page,
        pages::surveys::page,
        pages::surveys::one,
        pages::settings::page,
        kiosk::kiosk,
        live::script,
        live::events,
        incident_page::page,
        incident_page::note,
        sheet::page::page,
        sheet::forms::write,
        reported::page,
        sign_in::form,
        sign_in::come_in,
        sign_in::go,
    ),
    modifiers(&Tokens)
)]
struct Api;

/// By what who acts is known; where the config closes the room, who reads too.
struct Tokens;

impl utoipa::Modify for Tokens {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        // At the feed for calendars alone.
        components.add_security_scheme("password", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
    }
}

/// The description as an `OpenAPI` 3.1 document, in JSON: what [`document`] makes.
pub const SERVED: &str = include_str!("openapi.json");

/// Makes the description.
///
/// # Errors
/// What cannot be written as JSON; nothing should be.
pub fn document() -> Result<String, serde_json::Error> {
    let mut text = Api::openapi().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], SERVED).into_response()
}
