//! What is answered to who asks in the clear, over a network, where only TLS is spoken. People who have typed the address are led on;
//! a program is told, since what it showed may have been read on the way.

use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;

use super::cookies::{self, Cookies};
use super::problem::Problem;

/// The answer; it says nothing of the room. A cookie of ours that was shown so is good no more.
pub(super) fn refuse<B>(request: &Request<B>, cookies: &Cookies) -> Response<axum::body::Body> {
    let shown = cookies::cookie(request.headers());
    if let Some(shown) = shown {
        cookies.end(shown);
    }
    let mut response = answer(request);
    if shown.is_some() {
        response.headers_mut().insert(header::SET_COOKIE, cookies::set_cookie(None, false));
    }
    response
}

fn answer<B>(request: &Request<B>) -> Response<axum::body::Body> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let place =
        host.map(|host| format!("https://{host}{}", request.uri().path_and_query().map_or("/", |path| path.as_str())));
    if request.method().is_safe()
        && !request.headers().contains_key(header::AUTHORIZATION)
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
    use crate::domain::Mono;
    use crate::web::door::Mark;

    fn request(method: &str, headers: &[(&str, &str)]) -> Request<()> {
        let begun = Request::builder().method(method).uri("/agenda?lang=en");
        headers.iter().fold(begun, |builder, (name, value)| builder.header(*name, *value)).body(()).unwrap()
    }

    fn asked(method: &str, headers: &[(&str, &str)]) -> (u16, Option<String>) {
        let answer = refuse(&request(method, headers), &Cookies::default());
        let location = answer.headers().get(header::LOCATION).map(|place| place.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location)
    }

    #[test]
    fn people_are_led_on_and_who_shows_a_token_is_told() {
        let host = ("host", "siaga.example.net:10153");
        let led_on = (307, Some("https://siaga.example.net:10153/agenda?lang=en".to_owned()));
        assert_eq!(asked("GET", &[host]), led_on);
        // Cookies know no ports: it may be that of another service on that machine.
        assert_eq!(asked("GET", &[host, ("cookie", "grafana_session=0f")]), led_on);
        assert_eq!(asked("GET", &[host, ("authorization", "Bearer x")]), (400, None));
        assert_eq!(asked("POST", &[host]), (400, None));
        assert_eq!(asked("GET", &[]), (400, None), "without a name there is nowhere to go");
    }

    #[test]
    fn a_cookie_that_was_shown_in_the_clear_is_good_no_more() {
        let cookies = Cookies::default();
        let said = cookies.begin(Mark([7; 32]), Mono::ZERO).unwrap();
        assert!(cookies.find(&said, Mono::ZERO).is_some());
        let host = ("host", "siaga.example.net:10153");
        let answer = refuse(&request("GET", &[host, ("cookie", &format!("siaga_session={said}"))]), &cookies);
        assert_eq!(answer.status(), 307);
        assert!(answer.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
        assert!(cookies.find(&said, Mono::ZERO).is_none());
    }
}
