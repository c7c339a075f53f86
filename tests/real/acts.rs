//! What people do about alerts over HTTP, under the name of their token: against the real daemon with a real UPS server that fails.
//! Debian package: `nut-server`.

use std::path::Path;

use serde_json::{Value, json};

use super::crash_daemon::Desk;
use super::receivers::config;
use super::support::child::wait_until;
use super::support::daemon::{Answer, Daemon, room, write_config};
use super::support::upsd::Upsd;
use super::tokens::{made, revoke, shows};

/// A room whose UPS fails, with somebody who is told, and a daemon that has told it.
pub(crate) struct Failing {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) daemon: Daemon,
    pub(crate) upsd: Upsd,
    desk: Desk,
}

impl Failing {
    pub(crate) fn start() -> Self {
        Self::start_in(room(""), "")
    }

    /// The same in a folder of the test's own, with more in its config.
    pub(crate) fn start_in(folder: tempfile::TempDir, more: &str) -> Self {
        Self::start_with(folder, more, "OB LB")
    }

    /// The same with an UPS that says this.
    fn start_with(folder: tempfile::TempDir, more: &str, status: &str) -> Self {
        let (mut upsd, desk) = (Upsd::start(), Desk::start());
        let receiver =
            format!("[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n{more}", desk.address);
        write_config(folder.path(), &config(&upsd, &receiver));
        let daemon = Daemon::start(folder.path());
        daemon.wait_for_check("ups", "ready", "");
        upsd.set("ups.status", status);
        wait_until(|| desk.told().len() == 1);
        Self { folder, daemon, upsd, desk }
    }

    pub(crate) fn at(&self) -> &Path {
        self.folder.path()
    }

    /// The incident that is open, as somebody with this header sees it.
    pub(crate) fn incident(&self, headers: &str) -> Value {
        let answer = self.daemon.request_with("GET", "/api/v1/incidents?open=1", headers);
        answer.json().as_array().unwrap().first().cloned().unwrap_or_default()
    }

    fn events(&self) -> Vec<String> {
        self.desk.told().iter().map(|told| told["event"].as_str().unwrap().to_owned()).collect()
    }
}

/// A request with a body of JSON.
fn order(daemon: &Daemon, method: &str, path: &str, token: &str, body: &Value) -> Answer {
    let headers = format!("{}Content-Type: application/json\r\n", shows(token));
    daemon.send(method, path, &headers, &body.to_string())
}

/// Who did what, and what became of it.
pub(crate) fn audit(folder: &Path) -> Vec<[String; 5]> {
    let db = rusqlite::Connection::open(folder.join("state/siaga.db")).unwrap();
    let mut rows =
        db.prepare("SELECT actor, via, action, subject, coalesce(outcome, '') FROM audit ORDER BY id").unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]);
    rows.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// An hour from now, as programs write it.
fn in_an_hour(daemon: &Daemon) -> String {
    let at = daemon.get("/api/v1/readiness").json()["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    at.checked_add(jiff::SignedDuration::from_hours(1)).unwrap().to_string()
}

#[test]
fn who_sees_to_it_is_named_by_a_token_and_many_who_say_it_at_once_are_as_many_rows_as_people() {
    let mut room = Failing::start();
    let id = room.incident("")["id"].as_str().unwrap().to_owned();
    let ack = format!("/api/v1/incidents/{id}/ack");
    let (siti, budi) = (made(room.at(), "Siti", "operate", &[]), made(room.at(), "Budi", "operate", &[]));
    let (reads, gone) = (made(room.at(), "Tamu", "read,schedule", &[]), made(room.at(), "Lama", "operate", &[]));
    let short = made(room.at(), "Kemarin", "operate", &["--expires", "1ms"]);
    revoke(room.at(), "Lama");

    // Without a name nothing is noted.
    let said = json!({ "radio": true, "by": "Operator Satu" });
    let nobody = room.daemon.send("POST", &ack, "Content-Type: application/json\r\n", &said.to_string());
    assert_eq!((nobody.status, nobody.json()["type"].as_str()), (401, Some("urn:siaga:problem:no-token")));
    for token in [&gone, &short] {
        assert_eq!(order(&room.daemon, "POST", &ack, token, &said).status, 401);
    }
    assert_eq!(audit(room.at()), Vec::<[String; 5]>::new());
    let wrong_scope = order(&room.daemon, "POST", &ack, &reads, &said);
    assert_eq!((wrong_scope.status, &wrong_scope.json()["allowed"]), (403, &json!(["operate"])));
    for (body, why) in [
        (json!({ "radio": true }), "by is missing"),
        (json!({ "radio": true, "by": " " }), "by is no name"),
        (json!({ "radio": 1 }), "the body is not understood"),
        (json!({ "who": "me" }), "the body is not understood"),
    ] {
        let answer = order(&room.daemon, "POST", &ack, &siti, &body);
        assert!(answer.status == 400 && answer.body.contains(why), "{}", answer.body);
    }
    let text = room.daemon.send("POST", &ack, &format!("{}Content-Type: text/plain\r\n", shows(&siti)), "{}");
    assert_eq!(text.status, 415);
    let oversized = order(&room.daemon, "POST", &ack, &siti, &json!({ "by": "x".repeat(20_000) }));
    assert_eq!(oversized.status, 413);
    assert!(room.incident("")["acknowledged_at"].is_null());

    // Sixty-four at once, of two people in three ways: three acts.
    std::thread::scope(|scope| {
        for number in 0..64 {
            let (daemon, ack, said) = (&room.daemon, &ack, &said);
            let (token, body) = match number % 3 {
                0 => (&siti, said.clone()),
                1 => (&budi, said.clone()),
                _ => (&budi, json!({})),
            };
            scope.spawn(move || {
                let answer = order(daemon, "POST", ack, token, &body);
                assert_eq!(answer.status, 200, "{}", answer.body);
                assert!(!answer.json()["acknowledged_at"].is_null(), "{}", answer.body);
            });
        }
    });
    let rows = |folder: &Path| -> Vec<[String; 5]> {
        let mut rows = audit(folder);
        rows.sort();
        rows
    };
    let act = |who: &str, how: &str| {
        let done = format!("acknowledged {id}");
        [who, "token", "acknowledge", &format!("{id}{how}"), &done].map(str::to_owned)
    };
    let by_radio = " by radio, said by Operator Satu";
    let refused = ["Tamu", "token", "acknowledge", &id, "refused: not allowed"].map(str::to_owned);
    let expected = [act("Budi", ""), act("Budi", by_radio), act("Siti", by_radio), refused];
    assert_eq!(rows(room.at()), expected);
    wait_until(|| room.events() == ["incident_opened", "incident_acknowledged"]);

    // Who did stands in answers for those who may act, and nowhere else.
    let told = room.incident(&shows(&siti));
    assert_eq!(told["acknowledgements"].as_array().unwrap().len(), 3);
    assert!(told["acknowledgements"].to_string().contains("by radio, said by Operator Satu"), "{told}");
    assert!(room.incident("").get("acknowledgements").is_none());
    assert!(room.incident(&shows(&reads)).get("acknowledgements").is_none());

    // After a restart it is noted still, and the same said again is the same act.
    let Failing { folder, daemon, upsd, desk } = room;
    let log = daemon.stop();
    for name in ["Siti", "Budi", "Operator Satu", "Tamu"] {
        assert!(!log.contains(name), "{name}\n{log}");
    }
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("ups", "not_ready", "power.battery_low");
    room = Failing { folder, daemon, upsd, desk };
    assert!(!room.incident("")["acknowledged_at"].is_null());
    assert_eq!(order(&room.daemon, "POST", &ack, &siti, &said).status, 200);
    assert_eq!(rows(room.at()), expected);
    let unknown = order(&room.daemon, "POST", "/api/v1/incidents/power-1/ack", &siti, &json!({}));
    assert_eq!((unknown.status, &unknown.json()["allowed"]), (404, &json!([id])));

    // What is over keeps when it was acknowledged, and takes no more.
    room.upsd.set("ups.status", "OL");
    wait_until(|| room.incident("").is_null());
    // The judge says so before the disk has it.
    let over = || room.daemon.get("/api/v1/incidents?open=0").json();
    wait_until(|| over()[0]["id"] == *id);
    assert!(!over()[0]["acknowledged_at"].is_null(), "{}", over());
    assert_eq!(order(&room.daemon, "POST", &ack, &siti, &said).status, 404);
    assert!(rows(room.at()).contains(&act("Siti", by_radio)), "what was done stays done");
    let metrics = room.daemon.get("/metrics").body;
    assert!(!metrics.contains("Siti") && !metrics.contains("Operator"), "{metrics}");
}

#[test]
fn of_what_became_worse_nobody_saw_to_it_who_had_said_so_before() {
    let mut room = Failing::start_with(room(""), "", "OL RB");
    let (siti, budi) = (made(room.at(), "Siti", "operate", &[]), made(room.at(), "Budi", "operate", &[]));
    for sees_to_what_it_became in [true, false] {
        wait_until(|| room.incident("")["worst"] == "degraded");
        let id = room.incident("")["id"].as_str().unwrap().to_owned();
        let seen_to = |room: &Failing, token: &str| {
            assert_eq!(
                order(&room.daemon, "POST", &format!("/api/v1/incidents/{id}/ack"), token, &json!({})).status,
                200
            );
            assert!(!room.incident("")["acknowledged_at"].is_null());
        };
        seen_to(&room, &siti);
        room.upsd.set("ups.status", "OB LB");
        wait_until(|| room.incident("")["acknowledged_at"].is_null());
        if sees_to_what_it_became {
            seen_to(&room, &budi);
        }
        room.upsd.set("ups.status", "OL");
        let over = || room.daemon.request_with("GET", "/api/v1/incidents?open=0", &shows(&siti)).json()[0].clone();
        wait_until(|| over()["id"] == *id);
        let (told, all) = (over(), over()["acknowledgements"].clone());
        assert_eq!(all.as_array().unwrap().len(), if sees_to_what_it_became { 2 } else { 1 }, "{told}");
        assert_eq!(told["acknowledged_at"], all[1]["at"], "{told}");
        let page = room.daemon.get(&format!("/incidents/{id}?lang=en")).body;
        assert_eq!(page.matches("somebody sees to it").count(), usize::from(sees_to_what_it_became), "{page}");
        room.upsd.set("ups.status", "OL RB");
    }
}

#[test]
fn a_silence_has_an_author_a_reason_and_an_end_and_a_test_message_arrives() {
    let room = Failing::start();
    let (siti, reads) = (made(room.at(), "Siti <b>", "operate", &[]), made(room.at(), "Tamu", "read", &[]));
    let path = "/api/v1/silences";
    let wish = |reason: &str, end: &str| json!({ "component": "power", "reason": reason, "ends_at": end });
    let end = in_an_hour(&room.daemon);
    for (method, path) in
        [("GET", path), ("POST", path), ("DELETE", "/api/v1/silences/x"), ("POST", "/api/v1/alerts/test")]
    {
        assert_eq!(room.daemon.request(method, path).status, 401, "{method} {path}");
        assert_eq!(order(&room.daemon, method, path, &reads, &wish("x", &end)).status, 403, "{method} {path}");
    }
    for (body, why) in [
        (json!({ "reason": "battery" }), "missing field `ends_at`"),
        (json!({ "ends_at": end }), "missing field `reason`"),
        (wish(" ", &end), "Say why"),
        (wish("battery", "2020-01-01T00:00:00Z"), "a minute at least and 31 days at most"),
        (wish("battery", "2999-01-01T00:00:00Z"), "a minute at least and 31 days at most"),
        (wish("battery", "tomorrow"), "the body is not understood"),
        (json!({ "component": "coffee", "reason": "x", "ends_at": end }), "the body is not understood"),
    ] {
        let answer = order(&room.daemon, "POST", path, &siti, &body);
        assert!(answer.status == 400 && answer.body.contains(why), "{body}: {}", answer.body);
    }
    let silenced = order(&room.daemon, "POST", path, &siti, &wish("battery is replaced", &end));
    assert_eq!(silenced.status, 201, "{}", silenced.body);
    let made_one = silenced.json();
    assert_eq!((&made_one["author"], &made_one["component"]), (&json!("Siti <b>"), &json!("power")));
    let again = order(&room.daemon, "POST", path, &siti, &wish("battery is replaced", &end));
    assert_eq!((again.status, again.json()), (200, made_one.clone()));
    assert_eq!(order(&room.daemon, "GET", path, &siti, &json!({})).json(), json!([made_one]));
    assert_eq!(room.incident("")["silenced"], true);
    let one = format!("{path}/{}", made_one["id"].as_str().unwrap());
    assert_eq!(order(&room.daemon, "DELETE", &one, &siti, &json!({})).status, 204);
    assert_eq!(order(&room.daemon, "DELETE", &one, &siti, &json!({})).status, 404, "it holds no more");
    assert_eq!(room.incident("")["silenced"], false);
    assert_eq!(order(&room.daemon, "GET", path, &siti, &json!({})).json(), json!([]));

    let tested = order(&room.daemon, "POST", "/api/v1/alerts/test", &siti, &json!({}));
    assert_eq!(tested.json(), json!([{ "receiver": "desk", "arrived": true, "failed": null, "again": false }]));
    assert!(room.events().iter().any(|event| event == "test"), "{:?}", room.events());
    let missing = order(&room.daemon, "POST", "/api/v1/alerts/test", &siti, &json!({ "receivers": ["noc"] }));
    assert_eq!((missing.status, missing.json()["type"].as_str()), (502, Some("urn:siaga:problem:undelivered")));
    assert!(missing.json()["attempts"][0]["failed"].as_str().unwrap().contains("desk"), "{}", missing.body);

    let done: Vec<_> = audit(room.at()).into_iter().filter(|row| !row[4].starts_with("refused")).collect();
    let done: Vec<_> = done.iter().map(|row| [&*row[0], &*row[1], &*row[2], &*row[4]]).collect();
    let act = |action, outcome| ["Siti <b>", "token", action, outcome];
    assert_eq!(done, [act("silence", "silenced"), act("end_silence", "ended"), act("test_alert", "delivered")]);
    let log = room.daemon.stop();
    assert!(!log.contains("Siti") && !log.contains("battery is"), "{log}");
}

#[test]
fn what_the_disk_does_not_take_is_confirmed_to_nobody_and_holds() {
    let folder = room("");
    // Where the state folder would be, lies a file: the daemon goes on in memory.
    std::fs::write(folder.path().join("state"), "").unwrap();
    let room = Failing::start_in(folder, "[web]\nlisten = \"127.0.0.1:0\"\ntokens = \"tokens.toml\"\n");
    let siti = made(room.at(), "Siti", "operate", &[]);
    let id = room.incident("")["id"].as_str().unwrap().to_owned();
    let not_kept = |answer: &Answer| {
        assert_eq!((answer.status, answer.json()["type"].as_str()), (503, Some("urn:siaga:problem:not-kept")));
        assert!(answer.body.contains("is not on the disk yet"), "{}", answer.body);
    };
    let wish = json!({ "component": "power", "reason": "battery", "ends_at": in_an_hour(&room.daemon) });
    // Wished again it is the same one, and no more certain.
    for _ in 0..2 {
        not_kept(&order(&room.daemon, "POST", "/api/v1/silences", &siti, &wish));
        assert_eq!(room.incident("")["silenced"], true);
    }
    not_kept(&order(&room.daemon, "POST", &format!("/api/v1/incidents/{id}/ack"), &siti, &json!({})));
    for (lang, says) in [("id", "tidak dapat menulis ke disk"), ("en", "cannot write to its disk")] {
        let page = room.daemon.get(&format!("/?lang={lang}")).body;
        assert!(page.contains(says), "the page says nothing of it: {page}");
    }
    assert!(!room.incident("")["acknowledged_at"].is_null());
    room.daemon.kill();
}
