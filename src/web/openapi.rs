//! The API's own description, made from the handlers and bodies that serve it.
//!
//! It is made by a test and served from a file: the code that makes it is large, and the daemon need not carry it.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{ContentBuilder, Object, ObjectBuilder, PathItem, Ref, RefOr, Required, ResponseBuilder, Schema};

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
    modifiers(&Tokens, &Queries, &Forms)
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

const PROBLEM: &str = "application/problem+json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What is true of each path that reads a query: which languages there are, that a flag needs no value, and that a value may be none.
struct Queries;

impl utoipa::Modify for Queries {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        for operation in operations(api) {
            let mut any = false;
            for parameter in operation.parameters.iter_mut().flatten() {
                let RefOr::T(parameter) = parameter else { continue };
                if parameter.parameter_in != ParameterIn::Query {
                    continue;
                }
                any = true;
                let words = |words: &[&str]| {
                    let words = Some(words.iter().copied());
                    ObjectBuilder::new().schema_type(Type::String).enum_values(words).into()
                };
                if parameter.name == "lang" {
                    parameter.schema = Some(words(&["id", "en"]));
                } else if is_flag(parameter) {
                    parameter.schema = Some(words(&["", "1", "true", "0", "false"]));
                }
            }
            if any {
                refuses(operation, "400", "The query is not understood.");
            }
        }
    }
}

/// What is true of each path that a page's form is sent to.
struct Forms;

impl utoipa::Modify for Forms {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let posts =
            api.paths.paths.iter_mut().filter(|(path, _)| !path.starts_with("/api/") && !path.starts_with("/-/"));
        for operation in posts.filter_map(|(_, item)| item.post.as_mut()) {
            let fields =
                ObjectBuilder::new().additional_properties(Some(RefOr::T(Object::with_type(Type::String).into())));
            let form = RequestBodyBuilder::new()
                .description(Some("The fields of the page's form."))
                .content(FORM, ContentBuilder::new().schema(Some(fields)).build())
                .required(Some(Required::True));
            operation.request_body = Some(RefOr::T(form.build()));
            refuses(operation, "400", "The form is not understood.");
            refuses(operation, "408", "The form did not come in time.");
            refuses(operation, "413", "The form is too large.");
        }
    }
}

fn operations(api: &mut utoipa::openapi::OpenApi) -> impl Iterator<Item = &mut Operation> {
    api.paths.paths.values_mut().flat_map(|item: &mut PathItem| {
        let PathItem { get, put, post, delete, patch, .. } = item;
        [get, put, post, delete, patch].into_iter().filter_map(|operation: &mut Option<Operation>| operation.as_mut())
    })
}

fn is_flag(parameter: &Parameter) -> bool {
    let is = |kind: &SchemaType| match kind {
        SchemaType::Type(kind) => *kind == Type::Boolean,
        SchemaType::Array(kinds) => kinds.contains(&Type::Boolean),
        SchemaType::AnyValue => false,
    };
    matches!(&parameter.schema, Some(RefOr::T(Schema::Object(object))) if is(&object.schema_type))
}

/// Adds that a problem may be answered with a status, beside what is answered with it otherwise.
fn refuses(operation: &mut Operation, status: &str, why: &str) {
    let response = operation.responses.responses.entry(status.to_owned());
    let response = response.or_insert_with(|| ResponseBuilder::new().description(why).build().into());
    if let RefOr::T(response) = response {
        let problem = || ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build().into();
        response.content.entry(PROBLEM.to_owned()).or_insert_with(problem);
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
