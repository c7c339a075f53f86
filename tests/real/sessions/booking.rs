//! What is booked, refused, moved and cancelled; and that a kill between any two steps loses nothing.

use serde_json::{Value, json};

use super::{BARE, MINUTE, Scheduler, ahead, meeting};
use crate::support::daemon::{Daemon, room, siaga};
use crate::tokens;

const LIST: &str = "/api/v1/sessions?since=2000-01-01T00:00:00Z";

/// Waits until the agenda was read after a start.
fn start(folder: &std::path::Path) -> Daemon {
    let daemon = Daemon::start(folder);
    daemon.wait_for("/api/v1/agenda", "the agenda is known", |answer| answer.json()["known"] == true);
    daemon
}

#[test]
fn a_kill_between_any_two_steps_loses_nothing() {
    let folder = room(BARE);
    let mut daemon = start(folder.path());
    let jadwal = Scheduler::of(folder.path());
    let at = |minutes| ahead(MINUTE * minutes);
    let first = meeting("Rapat Dinkes", at(600), MINUTE * 60);
    let later = at(900);
    let moved = json!({ "start": later.to_string(), "end": later.checked_add(MINUTE * 90).unwrap().to_string() });
    let beside = meeting("Rapat Kominfo", at(665), MINUTE * 30);
    let steps: [(&str, &str, Value, u16); 9] = [
        ("PUT", "a", first.clone(), 201),
        ("PUT", "a", first, 200),
        // 65 minutes after the beginning of one of 60: nearer than the two quarters that the room needs.
        ("PUT", "b", beside.clone(), 409),
        ("PATCH", "a", moved.clone(), 200),
        ("PATCH", "a", moved, 200),
        ("PUT", "b", beside, 201),
        ("DELETE", "b", Value::Null, 200),
        ("DELETE", "b", Value::Null, 200),
        ("DELETE", "c", Value::Null, 404),
    ];
    let mut seen = json!([]);
    for (method, id, body, status) in steps {
        let answer = jadwal.send(&daemon, method, &format!("/api/v1/sessions/{id}"), &body);
        assert_eq!(answer.status, status, "{method} {id}: {}", answer.body);
        if status == 409 {
            let held_by = &answer.json()["held_by"];
            assert_eq!((&held_by[0]["id"], &held_by[0]["title"]), (&"a".into(), &"Rapat Dinkes".into()), "{held_by}");
        }
        let list = daemon.get(LIST).json();
        daemon.kill();
        daemon = start(folder.path());
        let after = daemon.get(LIST).json();
        assert_eq!(after, list, "after {method} {id}");
        seen = after;
    }
    let said: Vec<_> = seen.as_array().unwrap().iter().map(|one| (&one["id"], &one["state"])).collect();
    assert_eq!(said, [(&"b".into(), &"cancelled".into()), (&"a".into(), &"booked".into())]);
    let confirmed = &daemon.get("/api/v1/sessions/a").json()["confirmed"];
    let evidence = confirmed["evidence_id"].as_str().unwrap();
    let evidence = daemon.get(&format!("/api/v1/evidence/{evidence}")).json();
    assert_eq!(evidence["answer"]["agenda"], "free", "{evidence:#}");
    assert_eq!(evidence["answer"]["verdict"], confirmed["verdict"], "{evidence:#}");
    daemon.stop();
    // Who changed what is known afterwards, once for each change; what changed nothing has no row.
    let audit =
        siaga().args(["audit", "--lang", "en", "--state-dir"]).arg(folder.path().join("state")).output().unwrap();
    let audit = String::from_utf8(audit.stdout).unwrap();
    let rows: Vec<_> = audit.lines().filter(|line| line.contains("jadwal")).collect();
    let told = |action: &str, id: &str| rows.iter().any(|row| row.contains(&format!(" {action} ")) && row.contains(id));
    assert!(told("book", "a: ") && told("move", "a: ") && told("book", "b: ") && told("cancel", "b"), "{audit}");
    assert_eq!(rows.len(), 4, "{audit}");
}

#[test]
fn what_makes_no_sense_is_refused_and_no_passcode_is_taken() {
    let folder =
        room(&format!("{BARE}\n[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n"));
    let daemon = start(folder.path());
    let jadwal = Scheduler::of(folder.path());
    let whole = || meeting("Rapat", ahead(MINUTE * 600), MINUTE * 60);
    let with = |field: &str, value: Value| {
        let mut body = whole();
        body[field] = value;
        body
    };
    let far = ahead(MINUTE * 60 * 24 * 40).to_string();
    let slipped = meeting("Rapat", "2926-12-01T00:00:00Z".parse().unwrap(), MINUTE * 60);
    let refused = [
        (with("passcode", json!("82kq1")), 400, "passcode", "\"passcode\""),
        (with("meeting_id", json!("987 6543 2100")), 400, "passcode", "\"meeting_id\""),
        (with("title", json!("Rapat, passcode: 82kq1")), 400, "passcode", "title"),
        (with("platform", json!("https://zoom.us/j/98765432100?pwd=QnJkZz09")), 400, "passcode", "platform"),
        (with("sites", json!(["Camat", "kata sandi 445566"])), 400, "passcode", "sites"),
        (with("venue", json!({ "name": "Aula", "pin": "1" })), 400, "passcode", "\"pin\""),
        (with("colour", json!("red")), 400, "body", "unknown field `colour`"),
        (with("venue", json!({ "name": "Aula", "floor": 1 })), 400, "body", "unknown field `floor`"),
        (with("title", json!("")), 400, "value", "title"),
        (with("title", json!("a\nb")), 400, "value", "title"),
        (with("title", json!("\u{200b}\u{200b}")), 400, "value", "title"),
        (with("title", json!("Rapat ID 812 3456 7890 Pass 82kq1")), 400, "passcode", "title"),
        (
            with("start", json!("2026-12-01T09:00:00+07:00[Europe/Berlin]")),
            400,
            "value",
            "the zone behind it has another offset",
        ),
        (with("end", json!("9999-12-31T20:00:00Z")), 400, "value", "too far away"),
        (slipped, 400, "value", "at most 400 days ahead"),
        (with("start", json!("2026-11-24T09:00:00")), 400, "value", "RFC 3339"),
        (with("end", json!("2020-01-01T00:00:00Z")), 400, "reversed-window", "not after"),
        (with("end", json!(far)), 400, "value", "31 days"),
        (with("profile", json!("cinema")), 404, "unknown-profile", "cinema"),
        (with("crew", json!({ "camera": { "person": "Sari", "receiver": "nobody" } })), 400, "value", "nobody"),
        (json!({ "title": "Rapat" }), 400, "body", "missing field"),
        (json!([]), 400, "body", "an object is expected"),
    ];
    for (body, status, kind, said) in refused {
        let answer = jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &body);
        let told = answer.json();
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert_eq!(told["type"], format!("urn:siaga:problem:{kind}"), "{body}: {told}");
        assert!(told["detail"].as_str().unwrap().contains(said), "{body}: {told}");
        assert!(!answer.body.contains("82kq1") && !answer.body.contains("445566"), "it is not repeated: {told}");
    }
    let past = meeting("Rapat", "2020-01-01T00:00:00Z".parse().unwrap(), MINUTE);
    assert_eq!(
        jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &past).json()["type"],
        "urn:siaga:problem:past-window"
    );
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/a%20b", &whole()).status, 400);
    // A page in a browser says where it comes from.
    let origin = format!("Origin: http://example.org\r\n{}", jadwal.headers());
    let from_a_page = daemon.send("PUT", "/api/v1/sessions/a", &origin, &whole().to_string());
    assert_eq!(from_a_page.status, 403);
    assert_eq!(daemon.get(LIST).json(), json!([]), "nothing of it was booked");
    assert!(!daemon.log().contains("82kq1"));
    let mut full = whole();
    full["office"] = "Dinas Kesehatan".into();
    full["letter"] = "005/123/2026".into();
    full["platform"] = "zoom".into();
    full["venue"] = json!({ "name": "Aula Kantor Camat", "survey": "survey-aula-20261126-133005-1f2e3d4c" });
    full["sites"] = json!(["Camat Badau", "Camat Selimbau"]);
    full["crew"] = json!({ "camera": { "person": "Sari", "receiver": "desk" }, "radio": { "person": "Budi" } });
    full["contact"] = "humas@example.org".into();
    let answer = jadwal.send(&daemon, "PUT", "/api/v1/sessions/2026-117%40example.org", &full);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let told = jadwal.get(&daemon, "/api/v1/sessions/2026-117@example.org");
    for field in ["title", "office", "letter", "platform", "venue", "sites", "crew", "contact", "profile"] {
        assert_eq!(told[field], full[field], "{field}");
    }
    assert!(!daemon.log().contains("Sari"), "no name is logged");
    daemon.stop();
}

#[test]
fn a_meeting_is_moved_by_its_beginning_or_its_end_alone_and_of_one_that_was_cancelled_nothing_else_is_said() {
    let folder = room(BARE);
    let daemon = start(folder.path());
    let jadwal = Scheduler::of(folder.path());
    let (begins, ends) = (ahead(MINUTE * 600), ahead(MINUTE * 660));
    let send = |method: &str, body: &Value| jadwal.send(&daemon, method, "/api/v1/sessions/a", body);
    assert_eq!(send("PATCH", &json!({ "end": ends.to_string() })).status, 404);
    assert_eq!(send("PUT", &meeting("Rapat", begins, MINUTE * 60)).status, 201);
    let stands = || {
        let told = daemon.get("/api/v1/sessions/a").json();
        ["start", "end"].map(|field| told[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap())
    };
    let (earlier, later) = (ahead(MINUTE * 570), ahead(MINUTE * 700));
    assert_eq!(send("PATCH", &json!({ "end": later.to_string() })).status, 200);
    assert_eq!(stands(), [begins, later]);
    assert_eq!(send("PATCH", &json!({ "start": earlier.to_string() })).status, 200);
    assert_eq!(stands(), [earlier, later]);
    for (wrong, kind) in [
        (json!({}), "body"),
        (json!({ "start": later.to_string() }), "reversed-window"),
        (json!({ "end": "2020-01-01T00:00:00Z" }), "reversed-window"),
        (json!({ "start": "2020-01-01T00:00:00Z" }), "value"),
    ] {
        let answer = send("PATCH", &wrong);
        assert_eq!(
            (answer.status, &answer.json()["type"]),
            (400, &json!(format!("urn:siaga:problem:{kind}"))),
            "{wrong}"
        );
    }
    assert_eq!(stands(), [earlier, later], "nothing of it was taken");
    // Cancelled, and another holds its slot: it is the cancelling that is told.
    assert_eq!(send("DELETE", &Value::Null).status, 200);
    let other = meeting("Rapat lain", begins, MINUTE * 60);
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/b", &other).status, 201);
    let asked = daemon.get("/api/v1/readiness?session=a");
    assert_eq!((asked.status, &asked.json()["type"]), (409, &json!("urn:siaga:problem:cancelled")), "{}", asked.body);
    assert_eq!(send("PATCH", &json!({ "end": later.to_string() })).json()["type"], "urn:siaga:problem:cancelled");
    let zone = daemon.get("/api/v1/readiness?start=2026-12-01T09:00:00%2B07:00[Europe/Berlin]");
    assert_eq!(zone.status, 400, "{}", zone.body);
    daemon.stop();
}

#[test]
fn who_schedules_books_and_nobody_else_does_or_reads_names() {
    let folder = room(BARE);
    let daemon = start(folder.path());
    let mut body = meeting("Rapat", ahead(MINUTE * 600), MINUTE * 60);
    body["crew"] = json!({ "camera": { "person": "Sari" } });
    body["contact"] = "humas@example.org".into();
    let jadwal = Scheduler::of(folder.path());
    let staff = tokens::made(folder.path(), "Budi", "operate", &[]);
    let by = |headers: &str, method: &str| daemon.send(method, "/api/v1/sessions/a", headers, &body.to_string());
    for method in ["PUT", "PATCH", "DELETE"] {
        assert_eq!(by("", method).status, 401, "{method}");
        assert_eq!(by(&tokens::shows(&staff), method).status, 403, "{method}");
    }
    let booked = jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &body);
    assert_eq!(booked.status, 201, "{}", booked.body);
    assert_eq!(booked.json()["crew"]["camera"]["person"], "Sari");
    let strange = daemon.get("/api/v1/sessions/a");
    assert!(!strange.body.contains("Sari") && !strange.body.contains("humas"), "{}", strange.body);
    assert_eq!(jadwal.get(&daemon, "/api/v1/sessions/a")["contact"], "humas@example.org");
    // One that is revoked is good for nothing from then on.
    tokens::revoke(folder.path(), "jadwal");
    assert_eq!(jadwal.send(&daemon, "DELETE", "/api/v1/sessions/a", &Value::Null).status, 401);
    assert_eq!(daemon.get("/api/v1/sessions/a").json()["state"], "booked");
    daemon.stop();
}

#[test]
fn who_asks_in_a_loop_takes_no_evidence_from_a_booking_and_another_sites_page_takes_none_at_all() {
    let folder = room(BARE);
    let scheduler = Scheduler::of(folder.path());
    let daemon = Daemon::start(folder.path());
    let asks = |minute: u32, headers: &str| {
        let path = format!("/api/v1/readiness?end={}", ahead(MINUTE * (100 + minute)));
        daemon.request_with("GET", &path, headers).json()
    };
    let by_a_page = asks(0, "Origin: http://example.com\r\nSec-Fetch-Site: cross-site\r\n");
    assert!(by_a_page["evidence_id"].is_null(), "{by_a_page}");
    assert!(by_a_page["evidence_error"].as_str().unwrap().contains("another site"), "{by_a_page}");
    let mut minute = 0;
    daemon.wait_for("/-/healthy", "readers have used up theirs", |_| {
        minute += 1;
        asks(minute, "")["evidence_error"].as_str().is_some_and(|why| why.contains("more different answers"))
    });
    assert!(minute > 100, "{minute}");
    let rapat = meeting("Rapat", ahead(MINUTE * 400), MINUTE * 30);
    let booked = scheduler.send(&daemon, "PUT", "/api/v1/sessions/rapat", &rapat).json();
    assert!(booked["confirmed"]["evidence_id"].is_string(), "{booked}");
    daemon.stop();
}
