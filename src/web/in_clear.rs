//! What is answered to who asks in the clear, over a network, where only TLS is spoken. People who have typed the address are led on;
//! a program is told, since what it showed may have been read on the way.

use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;

use super::door;
use super::problem::Problem;

/// The answer; it says nothing of the room.
pub(super) fn refuse<B>(request: &Request<B>) -> Response<axum::body::Body> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let place =
        host.map(|host| format!("https://{host}{}", request.uri().path_and_query().map_or("/", |path| path.as_str())));
    if request.method().is_safe()
        && !door::shows_something(request.headers())
        && let Some(place) = place.and_then(|place| HeaderValue::try_from(place).ok())
    {
        // Not for good (RFC 9110 §15.4.8): the config may say otherwise tomorrow.
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, place)]).into_response();
    }
    let detail = "TLS is spoken here: ask by https://. What was sent went in the clear; a token in it may have been read on the way";
    Problem::in_clear(detail).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, headers: &[(&str, &str)]) -> (u16, Option<String>) {
        let builder =
            headers.iter().fold(Request::builder().method(method).uri("/agenda?lang=en"), |builder, (name, value)| {
                builder.header(*name, *value)
            });
        let answer = refuse(&builder.body(()).unwrap());
        let location = answer.headers().get(header::LOCATION).map(|place| place.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location)
    }

    #[test]
    fn people_are_led_on_and_what_shows_a_secret_is_told() {
        let host = ("host", "siaga.example.net:10153");
        assert_eq!(asked("GET", &[host]), (307, Some("https://siaga.example.net:10153/agenda?lang=en".to_owned())));
        assert_eq!(asked("GET", &[host, ("authorization", "Bearer x")]), (400, None));
        assert_eq!(asked("GET", &[host, ("cookie", "siaga_session=0f")]), (400, None));
        assert_eq!(asked("POST", &[host]), (400, None));
        assert_eq!(asked("GET", &[]), (400, None), "without a name there is nowhere to go");
    }
}
