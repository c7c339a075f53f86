//! The sheet's page, as people use it on a phone and as others would forge it. Debian package: `chromium`.

use std::process::Command;

use serde_json::{Value, json};

use super::super::{BARE, MINUTE, Scheduler, ahead, meeting};
use super::{NAMES, Staff, item, start};
use crate::support::browser::Browser;
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room};
use crate::tokens::made;

/// What stands in the page's own form against forgery.
fn key(page: &str) -> &str {
    page.split("name=\"key\" value=\"").nth(1).unwrap_or_default().split('"').next().unwrap()
}

fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        _ = write!(out, "%{byte:02X}");
        out
    })
}

#[test]
fn staff_tick_at_the_page_and_nobody_forges_that() {
    const EVIL: &str = "<script>window.hit=1</script>\"'><img src=x onerror=window.hit=1>";
    let folder = room(BARE);
    let at = folder.path();
    let daemon = start(at);
    let (jadwal, staff) = (Scheduler::of(at), Staff::of(at));
    let begins = ahead(MINUTE * 600);
    let mut body = meeting(EVIL, begins, MINUTE * 60);
    body["sites"] = json!([EVIL]);
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/a%2F1.x", &body).status, 201);
    let path = "/sessions/a%2F1%2Ex";
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let page = daemon.get(path);
    assert!(page.status == 200 && page.body.contains("Untuk mencatat, masuk dengan token"), "{}", page.body);
    assert!(key(&page.body).is_empty() && scripts(&page.body) == 1 && !page.body.contains("<img"), "{}", page.body);
    assert!(page.body.contains("<li><a href=\"/agenda?lang=id\" aria-current=\"true\">"), "{}", page.body);
    assert_eq!(daemon.get("/sessions/b").status, 404);
    let come_in = |token: &str| {
        let answer = daemon.send("POST", "/login", form, &format!("token={token}&next={}", encoded(path)));
        assert_eq!(answer.status, 303, "{}", answer.head);
        assert!(answer.head.contains(&format!("location: {path}?lang=id")), "back to the sheet: {}", answer.head);
        let set = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().to_owned();
        format!("Cookie: {}\r\n", set.split(';').next().unwrap())
    };
    let (cookie, guest) = (come_in(&staff.0), come_in(&made(at, "Tamu", "read", &[])));
    let read = daemon.request_with("GET", path, &guest).body;
    assert!(read.contains("Token ini tidak untuk mencatat") && !read.contains("name=\"act\""), "{read}");
    let page = daemon.request_with("GET", path, &cookie).body;
    let (own, others) = (key(&page).to_owned(), key(&read).to_owned());
    let start_of =
        |page: &str| page.split("name=\"start\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let hour = start_of(&page);
    let press = |cookie: &str, more: &str, key: &str, fields: &[(&str, &str)]| {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
        let fields = fields.concat();
        daemon.send(
            "POST",
            path,
            &format!("{form}{cookie}{more}"),
            &format!("key={key}&start={}{fields}", encoded(&hour)),
        )
    };
    let tick = [("act", "tick room"), ("by", "Petugas Satu")];
    // Nobody forges it: without coming in, without the key or with another's, from elsewhere, over the API by the cookie.
    assert_eq!(press("", "", &own, &tick).status, 401);
    assert_eq!((press(&cookie, "", "", &tick).status, press(&cookie, "", &others, &tick).status), (403, 403));
    assert_eq!(press(&cookie, "Origin: http://evil.example\r\n", &own, &tick).status, 403);
    assert_eq!(press(&guest, "", &others, &tick).status, 403);
    let by_cookie = format!("{cookie}Content-Type: application/json\r\n");
    let forged = json!({ "done": true, "by": "x" }).to_string();
    assert_eq!(daemon.send("POST", "/api/v1/sessions/a%2F1.x/runsheet/room", &by_cookie, &forged).status, 401);
    assert_eq!(press(&cookie, "", &own, &[("act", "paint room"), ("by", "x")]).status, 400);
    let nameless = press(&cookie, "", &own, &[("act", "tick room"), ("by", " ")]);
    assert!(nameless.status == 422 && nameless.body.contains("Isi nama yang melakukannya"), "{}", nameless.body);
    let oversized = press(&cookie, "", &own, &[("act", "tick room"), ("by", &EVIL.repeat(2))]);
    // What was refused stands as it was written, with the moment at which the rest was so.
    assert!(oversized.status == 422 && scripts(&oversized.body) == 0, "{}", oversized.body);
    assert!(oversized.body.contains("<p>Keadaan pada <strong>pukul ") && !oversized.body.contains("data-renewed="));
    assert_eq!(staff.sheet(&daemon, "a%2F1.x")["journal"], json!([]));

    // As people do it.
    let site = format!("tick attendance:{EVIL}");
    for fields in [
        &tick[..],
        &[("act", &site), ("by", "Petugas Dua")],
        &[("act", "begin_trial"), ("by", "Petugas Satu")],
        &[("act", "end_trial"), ("by", "Petugas Satu"), ("findings", "suara pelan\r\nkamera baik")],
        &[("act", "override"), ("by", "Petugas Satu"), ("reason", EVIL), ("verdict", "ready"), ("until", "start")],
    ] {
        let answer = press(&cookie, "", &own, fields);
        assert_eq!(answer.status, 303, "{fields:?}: {}", answer.body);
    }
    let page = daemon.request_with("GET", path, &cookie).body;
    for words in
        ["oleh Petugas Dua (dicatat oleh Siti)", "suara pelan<br>kamera baik", "dianggap: Siap", "Tanpa keputusan itu"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(scripts(&page) == 1 && !page.contains("<img"), "{page}");
    // In a word too, and not by the colour of an edge alone.
    let hand = "Yang diperiksa petugas <span class=\"degraded\"><span aria-hidden=\"true\">!</span> ";
    assert!(page.contains(hand), "{page}");
    let english = daemon.request_with("GET", &format!("{path}?lang=en"), &cookie).body;
    assert!(english.contains("Staff have decided to take this session for: Ready"), "{english}");
    // Each button says to whoever does not see the row what it is of, and begins with the word that is seen.
    let named = |page: &str| {
        let buttons = page.split("aria-label=\"").skip(1).filter_map(|rest| rest.split_once("\">"));
        let named =
            buttons.filter_map(|(name, rest)| name.strip_prefix(rest.split_once("</button>")?.0).map(str::to_owned));
        named.collect::<Vec<_>>()
    };
    for page in [&page, &english] {
        let all = named(page);
        let distinct = all.iter().collect::<std::collections::HashSet<_>>();
        assert!(all.len() == page.matches("value=\"tick ").count() + page.matches("value=\"untick ").count(), "{page}");
        assert!(all.len() > 6 && all.iter().all(|name| name.starts_with(": ")), "{all:?}");
        assert_eq!(distinct.len(), all.len() - page.matches("value=\"untick ").count(), "{all:?}");
    }
    let strange = daemon.get(path).body;
    assert!(NAMES.iter().all(|name| !strange.contains(name)) && !strange.contains("suara pelan"), "{strange}");
    // A page that was loaded before the meeting was moved writes nothing into its new sheet.
    let moved = json!({ "start": ahead(MINUTE * 700).to_string(), "end": ahead(MINUTE * 760).to_string() });
    assert_eq!(jadwal.send(&daemon, "PATCH", "/api/v1/sessions/a%2F1.x", &moved).status, 200);
    let stale = press(&cookie, "", &own, &tick);
    assert!(stale.status == 409 && stale.body.contains("dipindah waktunya"), "{}", stale.body);
    assert_eq!(staff.sheet(&daemon, "a%2F1.x")["journal"], json!([]));

    in_a_browser(&daemon, &format!("http://{}{path}", daemon.address()), &staff);
    let sheet = staff.sheet(&daemon, "a%2F1.x");
    assert_eq!(
        (&item(&sheet, "meeting")["state"], &item(&sheet, "room")["state"]),
        (&json!("done"), &json!("open")),
        "{sheet:#}"
    );
    let log = daemon.stop();
    assert!(NAMES.iter().all(|name| !log.contains(name)) && !log.contains("window.hit"), "{log}");
}

/// How many scripts a page names: its own, and none that somebody has written.
fn scripts(page: &str) -> usize {
    assert_eq!(page.matches("<script").count(), page.matches("<script src=\"/live.js\" defer>").count(), "{page}");
    page.matches("<script").count()
}

/// On a phone: in by the token, one check ticked; a return key in the name's field ticks none. What others write comes by itself.
fn in_a_browser(daemon: &Daemon, url: &str, staff: &Staff) {
    let token = &staff.0;
    let mut browser = Browser::start(Command::new("sh"), tempfile::tempdir().unwrap(), &[], "<title>begin</title>");
    browser.as_phone();
    let go = |browser: &mut Browser, script: &str, then: &str| {
        browser.look(script);
        let there = format!(
            "document.readyState == 'complete' && document.body?.innerText.includes({then:?}) ? \
             [innerWidth, document.documentElement.scrollWidth] : null"
        );
        let mut wide = Value::Null;
        wait_until(|| {
            wide = browser.look(&there);
            !wide.is_null()
        });
        assert_eq!(wide, json!([360, 360]), "{then}: nothing is beyond a phone's edge");
    };
    go(&mut browser, &format!("location.href = '{url}?lang=id'"), "Untuk mencatat");
    let come_in =
        format!("document.querySelector('#token').value = '{token}'; document.querySelector('form button').click()");
    go(&mut browser, &come_in, "Nama yang memeriksa");
    assert_eq!(browser.evaluate("document.querySelector('#by').value"), "Siti", "who has come in, most likely");
    assert_eq!(
        browser.evaluate("document.querySelector('#by').form.querySelector('button').disabled"),
        true,
        "a return key would press the first button (HTML, implicit submission): that one does nothing"
    );
    let tick = "document.querySelector('#by').value = 'Petugas Satu'; document.querySelector('button[value=\"tick meeting\"]').click()";
    go(&mut browser, tick, "oleh Petugas Satu (dicatat oleh Siti)");
    assert_eq!(browser.evaluate("typeof window.hit + document.images.length + document.scripts.length"), "undefined01");
    // Somebody else does something: it comes without loading, with its moment, and what was opened stays open.
    let post = |path: &str, body: &Value| {
        let answer = staff.post(daemon, &format!("a%2F1.x/{path}"), body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    post("trial", &json!({ "act": "begin", "by": "Petugas Dua" }));
    let clock =
        "[...document.querySelectorAll('main > p')].find(one => one.innerText.startsWith('Keadaan pada'))?.innerText";
    let before = browser.look(clock);
    assert!(before.as_str().is_some_and(|told| told.ends_with(" WIB.")), "{before}");
    browser.look("document.activeElement.blur(); window.kept = 1");
    browser.wait_for("document.querySelector('main details') != null");
    browser.look("document.querySelector('summary').focus(); document.querySelector('details').open = true");
    post("trial", &json!({ "act": "end", "by": "Petugas Dua", "findings": "gema" }));
    browser.wait_for("document.querySelector('main').innerText.includes('gema')");
    let kept = "[window.kept, document.querySelector('details').open, document.activeElement.tagName]";
    assert_eq!(browser.look(kept), json!([1, true, "SUMMARY"]));
    assert_ne!(browser.look(clock), before);
    assert!(!daemon.log().contains("Petugas Satu"));
}

#[test]
fn a_trial_that_was_forgotten_is_ended_at_the_page_when_the_meeting_is_over() {
    let folder = room(BARE);
    let at = folder.path();
    let daemon = start(at);
    let (jadwal, staff) = (Scheduler::of(at), Staff::of(at));
    let second = std::time::Duration::from_secs(1);
    let body = meeting("Rapat Dinkes", ahead(second * 5), second * 3);
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &body).status, 201);
    assert_eq!(staff.post(&daemon, "a/trial", &json!({ "act": "begin", "by": "Petugas Satu" })).status, 200);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = daemon.send("POST", "/login", form, &format!("token={}&next=%2Fsessions%2Fa", staff.0));
    let set = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = format!("Cookie: {}\r\n", set.split(';').next().unwrap());
    let acts = || {
        let page = daemon.request_with("GET", "/sessions/a", &cookie).body;
        let acts = page.split("name=\"act\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        (page.contains("Rapat ini sudah selesai"), acts.collect::<Vec<_>>())
    };
    assert!(acts().1.contains(&"tick room".to_owned()), "{:?}", acts());
    wait_until(|| acts().0);
    assert_eq!(acts().1, ["end_trial"]);
    let page = daemon.request_with("GET", "/sessions/a", &cookie).body;
    let hour = page.split("name=\"start\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields = format!("key={}&start={}&act=end_trial&by=Petugas&findings=baik", key(&page), encoded(hour));
    assert_eq!(daemon.send("POST", "/sessions/a", &format!("{form}{cookie}"), &fields).status, 303);
    assert_eq!(acts().1, Vec::<String>::new());
    assert_eq!(staff.sheet(&daemon, "a")["trials"][0]["findings"], "baik");
    daemon.stop();
}
