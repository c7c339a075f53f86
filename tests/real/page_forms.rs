//! The button "diterima lewat HT", as people press it: in a real browser, and as others would forge it.
//! Debian packages: `chromium`, `nut-server`.

use std::process::Command;

use super::acts::{Failing, audit};
use super::support::browser::Browser;
use super::support::child::wait_until;
use super::support::daemon::Answer;
use super::tokens::{made, revoke, shows};

/// A name that would be a script where it is not only shown.
const EVIL: &str = "<script>window.hit=1</script>\"'><img src=x onerror=window.hit=1>";

/// The value of a header of an answer.
pub(super) fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let value = |line: &'a str| line.split_once(": ").filter(|(said, _)| said.eq_ignore_ascii_case(name));
    answer.head.lines().find_map(value).map_or("", |(_, value)| value)
}

/// What stands in the page's own form against forgery.
pub(super) fn key(page: &str) -> &str {
    page.split("name=\"key\" value=\"").nth(1).unwrap_or_default().split('"').next().unwrap()
}

pub(super) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        _ = write!(out, "%{byte:02X}");
        out
    })
}

#[test]
fn somebody_comes_in_by_a_token_and_writes_down_who_said_it_and_nobody_forges_that() {
    let mut room = Failing::start();
    let id = room.incident("")["id"].as_str().unwrap().to_owned();
    let (siti, reads) = (made(room.at(), "Siti \"<b>\"", "operate", &[]), made(room.at(), "Tamu", "read", &[]));
    let path = format!("/incidents/{id}");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let come_in = |token: &str, more: &str| {
        room.daemon.send("POST", "/login", &format!("{form}{more}"), &format!("token={token}&next={}", encoded(&path)))
    };
    let home = room.daemon.get("/").body;
    assert!(home.contains(&format!("<a href=\"{path}?lang=id\"><strong>Diterima lewat HT</strong></a>")), "{home}");
    let page = room.daemon.get(&path);
    assert!(page.body.contains("Untuk mencatat, masuk dengan token") && key(&page.body).is_empty(), "{}", page.body);
    let unknown = room.daemon.get("/incidents/power-1");
    assert!(unknown.status == 404 && unknown.body.contains("Tidak ada gangguan dengan id itu"), "{}", unknown.body);

    // Who has no token that is in force does not come in, and neither does whom a page of somebody else's sends.
    assert_eq!((come_in("", "").status, come_in(&format!("{siti}x"), "").status), (401, 401));
    for elsewhere in ["Origin: http://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        let refused = come_in(&siti, elsewhere);
        assert_eq!((refused.status, header(&refused, "set-cookie")), (403, ""), "{elsewhere}");
    }
    let cookie_of = |token: &str| {
        let answer = come_in(token, &format!("Origin: http://{}\r\n", room.daemon.address()));
        assert_eq!((answer.status, header(&answer, "location")), (303, &*format!("{path}?lang=id")));
        let set = header(&answer, "set-cookie").to_owned();
        assert!(set.contains("; HttpOnly; SameSite=Strict") && !set.contains(token), "{set}");
        format!("Cookie: {}\r\n", set.split(';').next().unwrap())
    };
    let (in_as_siti, in_as_guest) = (cookie_of(&siti), cookie_of(&reads));
    let guest = room.daemon.request_with("GET", &path, &in_as_guest).body;
    assert!(guest.contains("Token ini tidak untuk mencatat") && !guest.contains("name=\"by\""), "{guest}");
    let page = room.daemon.request_with("GET", &path, &in_as_siti).body;
    assert!(page.contains("Dicatat oleh: <strong>Siti &#34;&#60;b&#62;&#34;</strong>"), "{page}");

    // A forged form notes nothing: without the key, with another's, from elsewhere, over the API by the cookie.
    let press = |cookie: &str, more: &str, key: &str, by: &str| {
        let body = format!("key={key}&by={}", encoded(by));
        room.daemon.send("POST", &format!("{path}/ack"), &format!("{form}{cookie}{more}"), &body)
    };
    let (own, others) = (key(&page), key(&guest));
    assert!(own.len() == 64 && own != others);
    assert_eq!(press("", "", own, "x").status, 401);
    assert_eq!((press(&in_as_siti, "", "", "x").status, press(&in_as_siti, "", others, "x").status), (403, 403));
    assert_eq!(press(&in_as_siti, "Origin: http://evil.example\r\n", own, "x").status, 403);
    assert_eq!(press(&in_as_guest, "", others, "x").status, 403);
    let api = format!("/api/v1/incidents/{id}/ack");
    assert_eq!(room.daemon.request_with("POST", &api, &in_as_siti).status, 401);
    let nameless = press(&in_as_siti, "", own, " ");
    assert!(nameless.status == 400 && nameless.body.contains("Isi nama yang menerima"), "{}", nameless.body);
    assert!(page.contains("data-renewed=") && !nameless.body.contains("data-renewed="), "what is to be mended stays");
    // Too long to be a name: it comes back in the form, as text.
    let oversized = press(&in_as_siti, "", own, &EVIL.repeat(2));
    assert!(oversized.status == 400 && !oversized.body.contains("<script>"), "{}", oversized.body);
    assert!(room.incident("")["acknowledged_at"].is_null());

    // In a browser, as people do.
    let mut browser = Browser::start(Command::new("sh"), tempfile::tempdir().unwrap(), &[], "<title>begin</title>");
    browser.as_phone();
    let go = |browser: &mut Browser, script: &str, then: &str| {
        browser.look(script);
        // In one look: between two a page may load itself anew.
        let there = format!(
            "document.readyState == 'complete' && document.body?.innerText.includes({then:?}) ? \
             [innerWidth, document.documentElement.scrollWidth] : null"
        );
        let mut wide = serde_json::Value::Null;
        wait_until(|| {
            wide = browser.look(&there);
            !wide.is_null()
        });
        assert_eq!(wide, serde_json::json!([360, 360]), "{then}: nothing is beyond a phone's edge");
    };
    let at = format!("http://{}", room.daemon.address());
    // Its own preference is English.
    go(&mut browser, &format!("location.href = '{at}/?lang=id'"), "Diterima lewat HT");
    // That page loads itself anew, and has no such link in that moment; pressed twice, it would be gone for anew.
    let follow = "(link => { if (link) { link.dataset.pressed = 1; link.click() } })\
                 (document.querySelector('main li a:not([data-pressed]):has(strong)'))";
    wait_until(|| {
        browser.look(follow);
        browser.look("document.body?.innerText.includes('Untuk mencatat')") == true
    });
    go(&mut browser, "", "Untuk mencatat");
    go(
        &mut browser,
        &format!("document.querySelector('#token').value = '{siti}'; document.querySelector('form button').click()"),
        "Dicatat oleh: Siti \"<b>\"",
    );
    let by = serde_json::to_string(EVIL).unwrap();
    go(
        &mut browser,
        &format!("document.querySelector('#by').value = {by}; document.querySelector('form button').click()"),
        "sudah diterima pukul",
    );
    assert_eq!(browser.evaluate(&format!("document.body.innerText.includes({by})")), true, "it is shown as text");
    assert_eq!(browser.evaluate("typeof window.hit + document.images.length + document.scripts.length"), "undefined01");
    assert_eq!(browser.evaluate("document.cookie"), "", "no script sees it");
    go(&mut browser, &format!("location.href = '{at}{path}?lang=en'"), "somebody sees to it, since");
    go(&mut browser, "document.querySelector('form[action^=\"/logout\"] button').click()", "Room:");
    go(&mut browser, &format!("location.href = '{at}{path}?lang=en'"), "sign in with your token");

    let done: Vec<_> = audit(room.at()).into_iter().filter(|row| !row[4].starts_with("refused")).collect();
    let subject = format!("{id} by radio, said by {EVIL}");
    assert_eq!(
        done,
        [["Siti \"<b>\"", "token", "acknowledge", &subject, &format!("acknowledged {id}")].map(str::to_owned)]
    );
    // Who may not know sees that somebody does, and not who.
    for page in [room.daemon.get("/").body, room.daemon.get(&path).body] {
        assert!(
            page.contains("sudah diterima pukul") && !page.contains("Siti") && !page.contains("window.hit"),
            "{page}"
        );
    }
    // Who goes is out, and so is whose token is revoked.
    revoke(room.at(), "Siti \"<b>\"");
    let out = room.daemon.request_with("GET", &path, &in_as_siti).body;
    assert!(out.contains("masuk dengan token") && !out.contains("Siti"), "{out}");
    assert_eq!(press(&in_as_siti, "", own, "x").status, 401);
    assert_eq!(room.daemon.request_with("GET", "/", &shows(&siti)).status, 401);
    // When it is over the same is told to the same people.
    let in_as_rani = cookie_of(&made(room.at(), "Rani", "operate", &[]));
    room.upsd.set("ups.status", "OL");
    // Its story follows as soon as its end is on the disk.
    let is_told = |page: &str| page.contains("Gangguan ini sudah selesai") && page.contains("gangguan selesai");
    room.daemon.wait_for(&path, "it is over", |answer| is_told(&answer.body));
    let over = room.daemon.request_with("GET", &path, &in_as_rani).body;
    assert!(over.contains("lewat HT (dicatat oleh Siti &#34;") && over.contains("ada yang menerima"), "{over}");
    for cookie in ["", &in_as_guest] {
        let page = room.daemon.request_with("GET", &path, cookie).body;
        assert!(page.contains("ada yang menerima") && !page.contains("Siti"), "{page}");
    }
    let log = room.daemon.stop();
    assert!(!log.contains("Siti") && !log.contains("window.hit"), "{log}");
}
