//! Who has come in at the page: a cookie that stands for a token, for a shift. In memory alone: after a restart people come in anew.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use subtle::ConstantTimeEq as _;

use crate::domain::{Mono, hex};

use super::door::Mark;

/// The cookie's name.
const COOKIE: &str = "siaga_session";

/// How long somebody is in: a long shift.
const LASTS: Duration = Duration::from_hours(12);

/// So many are in at once.
const MOST: usize = 64;

/// And so many by one token: its holder's telephone, computer and tablet, or a shift that shares one.
const EACH: usize = 8;

/// Those who have come in.
#[derive(Default)]
pub(super) struct Cookies(Mutex<Vec<Cookie>>);

struct Cookie {
    /// The hash of what the cookie says, so that looking it up tells nothing by its time.
    hash: [u8; 32],
    mark: Mark,
    until: Mono,
}

impl Cookies {
    /// Lets somebody in whose token is good; what their cookie says from now on. None without random numbers.
    pub(super) fn begin(&self, mark: Mark, now: Mono) -> Option<String> {
        let mut random = [0; 32];
        SystemRandom::new().fill(&mut random).ok()?;
        let said = hex(&random);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|cookie| cookie.until > now);
        if let Some(leaves) = who_leaves(&all, mark) {
            all.remove(leaves);
        }
        all.push(Cookie { hash: hash(&said), mark, until: now.after(LASTS) });
        Some(said)
    }

    /// Whose cookie it is.
    pub(super) fn find(&self, said: &str, now: Mono) -> Option<Mark> {
        let hash = hash(said);
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|cookie| cookie.hash == hash && cookie.until > now).map(|cookie| cookie.mark)
    }

    /// Somebody goes.
    pub(super) fn end(&self, said: &str) {
        let hash = hash(said);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|cookie| cookie.hash != hash);
    }
}

/// Who makes room for somebody with that token, if anybody has to: whoever came in first by it, once they have as many as one may or as
/// anybody has; else, where all places are taken, whoever came in first by a token that has most. So nobody loses their last place to one
/// who has some already.
fn who_leaves(all: &[Cookie], newcomer: Mark) -> Option<usize> {
    let has = |mark: Mark| all.iter().filter(|cookie| cookie.mark == mark).count();
    let own = has(newcomer);
    if own < EACH && all.len() < MOST {
        return None;
    }
    let most = all.iter().map(|cookie| has(cookie.mark)).max()?;
    let own_leaves = own >= EACH || own >= most;
    all.iter().position(|cookie| if own_leaves { cookie.mark == newcomer } else { has(cookie.mark) == most })
}

fn hash(said: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, said.as_bytes()).as_ref());
    hash
}

/// What stands in a form of somebody who is in, and nobody else can know: a page elsewhere cannot make such a form.
pub(super) fn form_key(said: &str) -> String {
    hex(&hash(&format!("form of {said}")))
}

/// Whether a form has it.
pub(super) fn is_form_key(shown: &str, said: &str) -> bool {
    form_key(said).as_bytes().ct_eq(shown.as_bytes()).into()
}

/// What the cookie says.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == COOKIE).map(|(_, said)| said)
}

/// The cookie that lets in, for this site's own pages alone and for no script; or, without anything to say, its end. One that was given
/// within TLS is shown within TLS alone (RFC 6265 §4.1.2.5).
pub(super) fn set_cookie(said: Option<&str>, within_tls: bool) -> HeaderValue {
    let lasts = if said.is_some() { LASTS.as_secs() } else { 0 };
    let (said, secure) = (said.unwrap_or_default(), if within_tls { "; Secure" } else { "" });
    let cookie = format!("{COOKIE}={said}; Path=/; Max-Age={lasts}; HttpOnly; SameSite=Strict{secure}");
    // Hexadecimal digits: nothing in it is no header.
    HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether a browser says that a page of another site asks (Fetch Metadata): it does over TLS and to this machine, and says nothing over
/// plain HTTP to another.
pub(super) fn is_by_another_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

/// Whether a form comes from a page of somebody else's, by the browser's own word (Fetch Metadata; RFC 6454 §7).
pub(super) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = said("sec-fetch-site") {
        return site != "same-origin";
    }
    let Some(origin) = said("origin") else { return false };
    let place = origin.split_once("://").map(|(_, place)| place);
    !place.zip(said("host")).is_some_and(|(place, host)| place.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_in_for_a_shift_until_they_go() {
        let (cookies, begun) = (Cookies::default(), Mono::from_elapsed(Duration::from_hours(1)));
        let first = cookies.begin(Mark([1; 32]), begun).unwrap();
        let second = cookies.begin(Mark([2; 32]), begun).unwrap();
        let is_in = |said: &str, at| cookies.find(said, at).map(|mark| mark.0[0]);
        assert_eq!((is_in(&first, begun), is_in(&second, begun)), (Some(1), Some(2)));
        assert_eq!((is_in("", begun), is_in(&first[1..], begun)), (None, None));
        assert_eq!(is_in(&first, begun.after(LASTS)), None);
        cookies.end(&first);
        assert_eq!((is_in(&first, begun), is_in(&second, begun)), (None, Some(2)));
        assert!(is_form_key(&form_key(&second), &second) && !is_form_key(&form_key(&first), &second));
        assert!(!is_form_key("", &second) && !is_form_key(&second, &second));
    }

    #[test]
    fn who_comes_in_again_and_again_makes_room_for_themselves_and_sends_nobody_away() {
        let (cookies, begun) = (Cookies::default(), Mono::from_elapsed(Duration::from_hours(1)));
        let comes = |number| cookies.begin(Mark([number; 32]), begun).unwrap();
        let are_in = |all: &[String]| all.iter().filter(|said| cookies.find(said, begun).is_some()).count();
        let staff: Vec<_> = (0..10).map(comes).collect();
        let many: Vec<_> = (0..1000).map(|_| comes(200)).collect();
        assert_eq!((are_in(&staff), are_in(&many), are_in(&many[1000 - EACH..])), (10, EACH, EACH));
        // All places are taken, by some who have as many as one may and by those who have one.
        let others: Vec<_> = (0..46).map(|number| comes(201 + number % 6)).collect();
        assert_eq!(are_in(&staff) + are_in(&many) + are_in(&others), MOST);
        let newcomer = [comes(100), comes(100)];
        assert_eq!((are_in(&staff), are_in(&newcomer)), (10, 2), "who has most makes room");
        assert_eq!(are_in(&many) + are_in(&others), MOST - 12);
        // Where nobody has more than one, one newcomer takes one place and no more.
        let cookies = Cookies::default();
        let all: Vec<_> = (0..64).map(|number| cookies.begin(Mark([number; 32]), begun).unwrap()).collect();
        for _ in 0..100 {
            cookies.begin(Mark([100; 32]), begun).unwrap();
        }
        let left: Vec<_> = all.iter().map(|said| cookies.find(said, begun).is_some()).collect();
        assert!(!left[0] && left[1..].iter().all(|is_in| *is_in), "{left:?}");
    }

    #[test]
    fn the_browsers_word_says_whose_page_a_form_is_of() {
        let elsewhere = |said: &[(&'static str, &str)]| {
            let said = said.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            is_from_elsewhere(&said.collect::<HeaderMap>())
        };
        assert!(!elsewhere(&[("host", "a.example")]), "a program says nothing");
        assert!(!elsewhere(&[("host", "a.example:1"), ("origin", "http://A.example:1")]));
        assert!(!elsewhere(&[
            ("host", "b.example"),
            ("origin", "http://a.example"),
            ("sec-fetch-site", "same-origin")
        ]));
        for origin in ["null", "http://b.example", "http://a.example", "http://a.example:2", "a.example:1", ""] {
            assert!(elsewhere(&[("host", "a.example:1"), ("origin", origin)]), "{origin}");
        }
        for site in ["cross-site", "same-site", "none"] {
            assert!(elsewhere(&[("host", "a"), ("origin", "http://a"), ("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others_and_no_script_sees_it() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=b; siaga_session=0f; c".parse().unwrap());
        assert_eq!(cookie(&headers), Some("0f"));
        assert_eq!(cookie(&HeaderMap::new()), None);
        let set = set_cookie(Some("0f"), false);
        assert_eq!(set, "siaga_session=0f; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
        assert!(set_cookie(Some("0f"), true).to_str().unwrap().ends_with("; SameSite=Strict; Secure"));
        assert!(set_cookie(None, true).to_str().unwrap().contains("Max-Age=0"));
    }
}
