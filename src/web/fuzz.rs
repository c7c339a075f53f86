//! What `make fuzz` holds the reader of requests to. Compiled where assertions are.

use axum::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, HOST};
use axum::http::{HeaderMap, HeaderValue, Uri, Version};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::booked::{self, SessionMove, SessionWish};
use super::host::Hosts;
use super::sheet::body::{OverrideWish, TickWish, TrialWish};
use super::{acting, cookies, door, given, inbound, lang};
use crate::domain::{Lang, passcode};

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
    if let Ok(text) = str::from_utf8(bytes)
        && let Some(name) = given::name(text)
    {
        assert!((1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control));
        assert_eq!(given::name(&name).as_deref(), Some(&*name));
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) {
    let _ = serde_json::from_slice::<T>(bytes);
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
