//! What `make fuzz` holds the reader of requests to. Compiled where assertions are.

use axum::body::Body;
use axum::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, Version};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::acts::{Choices, Ordered};
use super::booked::{self, SessionMove, SessionWish};
use super::frame::local;
use super::host::Hosts;
use super::pages::act::ordered;
use super::past::ledger::rate;
use super::problem::Problem;
use super::query::{Key, Query, once, repeated};
use super::reported::EvaluationWish;
use super::sessions::{cursor, place};
use super::sheet::body::{OverrideWish, TickWish, TrialWish};
use super::sign_in::{field, onward};
use super::{acting, cookies, door, given, inbound, lang};
use crate::domain::plain::is_unseen;
use crate::domain::{Lang, passcode};
use crate::engine::past::ledger::Month;

/// Whatever somebody sends to a path that reads a body.
///
/// # Panics
/// Where a reader does; where a session is taken that gives a passcode away, or that ends before it begins.
pub fn body(bytes: &[u8]) {
    let now = Timestamp::UNIX_EPOCH;
    if let Ok(wish) = booked::read::<SessionWish>(bytes)
        && let Ok(session) = wish.session("m-1", &["desk".into()], now)
    {
        assert!(session.start < session.end);
        assert!(!passcode::is_said(&session.title), "{:?}", session.title);
    }
    let _ = booked::read::<SessionMove>(bytes);
    for alert in inbound::alerts(bytes).unwrap_or_default() {
        let said = [&alert.name, &alert.text, &alert.severity];
        assert!(said.iter().all(|text| !text.chars().any(char::is_control)), "one line each: {alert:?}");
        assert_eq!(alert.id.len(), 32);
    }
    json::<acting::AcknowledgeBody>(bytes);
    json::<acting::WishBody>(bytes);
    json::<acting::TestBody>(bytes);
    json::<TickWish>(bytes);
    json::<TrialWish>(bytes);
    json::<OverrideWish>(bytes);
    json::<EvaluationWish>(bytes);
    if let Ok(text) = str::from_utf8(bytes)
        && let Some(name) = given::name(text)
    {
        assert!((1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control));
        assert_eq!(given::name(&name).as_deref(), Some(&*name));
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) {
    assert!(given::object::<T>(bytes).is_err() || !given::is_array(bytes), "an array is no object");
}

/// The longest that may be told of what was wrong: what was given is repeated in part.
const TOLD: usize = 2000;

/// Whatever somebody writes behind the question mark of an address, and the same as the form that a page sends: they are written alike.
///
/// # Panics
/// Where a reader does; where a key is taken that its path does not know, or twice where it may be there once; where a form leads to a
/// page that is not ours.
pub fn asked(bytes: &[u8]) {
    let paths: [&[Key]; 5] = [
        &[],
        &[once("lang"), once("weeks")],
        &[once("profile"), once("start"), once("end"), once("session"), once("strict"), once("lang")],
        &[once("verbose"), repeated("exclude"), once("profile"), once("lang")],
        &[once("month"), once("down"), once("up"), once("since"), once("until"), once("after"), once("lang")],
    ];
    if let Ok(uri) = Uri::try_from([b"/?", bytes].concat()) {
        for keys in paths {
            read(&uri, keys);
        }
        let _ = lang::asked(&uri, &HeaderMap::new(), Lang::Id);
    }
    let request = Request::post("/act").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let Ok(request) = request.body(Body::from(bytes.to_vec())) else { return };
    let Some(Ok(fields)) = given::fields(request).now_or_never() else { return };
    for lang in [Lang::Id, Lang::En] {
        if let Some((Ordered::Heard(by), _)) = ordered(&fields, &Choices::default(), lang) {
            assert!(!by.is_empty() && !by.contains(is_unseen), "{by:?}");
        }
        // Where somebody goes on who has come in.
        for next in [field(&fields, "next"), str::from_utf8(bytes).unwrap_or_default()] {
            let on = onward(local(next), lang);
            assert_eq!(on.status(), StatusCode::SEE_OTHER, "{next:?}");
            let to = on.headers().get(LOCATION).map(HeaderValue::as_bytes).unwrap_or_default();
            assert!(to.starts_with(b"/") && !to.starts_with(b"//") && !to.contains(&b'\\'), "{next:?}");
        }
    }
    let _ = cookies::is_form_key(field(&fields, "key"), "a cookie");
}

/// One query, for a path that takes these keys.
fn read(uri: &Uri, keys: &[Key]) {
    let (strict, lenient) = (Query::read(uri, keys), Query::of_page(uri, keys));
    let query = match (strict, lenient) {
        (Ok(query), Ok(_)) | (Err(_), Ok(query)) => query,
        (Ok(_), Err(why)) => panic!("a page takes less: {}", why.detail),
        (Err(why), Err(_)) => return told(&why),
    };
    for key in keys {
        assert!(key.repeats || query.all(key.name).count() <= 1, "{} is there twice", key.name);
        assert_eq!(query.all(key.name).next(), query.get(key.name));
        let tried = [query.flag(key.name).err(), query.moment(key.name).err(), rate(&query, key.name).err()];
        tried.iter().flatten().for_each(told);
        if let Ok(Some(rate)) = rate(&query, key.name) {
            assert!(rate.is_finite() && rate >= 0.0, "{rate}");
        }
    }
    if let Some(month) = query.get("month").and_then(Month::parse) {
        let (begin, end) = month.span(&jiff::tz::TimeZone::UTC);
        assert!(begin < end);
        assert_eq!(Month::parse(&month.to_string()), Some(month));
    }
    match query.get("after").map(place) {
        Some(Ok(after)) => assert_eq!(place(&cursor(&after)).ok(), Some(after)),
        Some(Err(why)) => told(&why),
        None => {}
    }
    if let Err(why) = lang::choose(&query, &HeaderMap::new(), Lang::Id) {
        told(&why);
    }
}

fn told(why: &Problem) {
    let all = [why.kind, why.title, &why.detail];
    assert!(all.iter().all(|text| text.len() <= TOLD && !text.chars().any(char::is_control)), "{}", why.detail);
}

/// Whatever somebody writes into the headers that are read before anybody is let in.
///
/// # Panics
/// Where a reader does.
pub fn head(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let mut headers = HeaderMap::new();
    for name in [ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, HOST] {
        headers.insert(name, value.clone());
    }
    let _ = (lang::preferred(&headers, Lang::Id), cookies::cookie(&headers), door::shows_something(&headers));
    let uri = Uri::try_from(bytes).unwrap_or_default();
    let _ = Hosts::default().refuse(&uri, &headers, Version::HTTP_11);
    let _ = Hosts::default().refuse(&Uri::default(), &headers, Version::HTTP_10);
}
