//! A meeting on its way, in real time with short offsets: what changes is told once, over restarts, with its evidence.

use std::time::Duration;

use jiff::tz::{self, TimeZone};
use serde_json::{Value, json};

use super::{MINUTE, POWER_ALONE, Scheduler, ahead, meeting};
use crate::crash_daemon::Desk;
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room};
use crate::support::upsd::Upsd;

const SECOND: Duration = Duration::from_secs(1);

/// Words about sessions, as a desk heard them: each once, by its idempotency key. Who is killed between telling and writing down that
/// it was told tells it again.
fn about_sessions(desk: &Desk) -> Vec<Value> {
    let mut keys = std::collections::HashSet::new();
    let told = desk.told().into_iter().filter(|word| word["event"].as_str().unwrap().starts_with("session_"));
    told.filter(|word| keys.insert(word["id"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn what_changes_before_a_meeting_is_told_once_with_its_evidence_and_over_a_kill() {
    let (scheduler, crew) = (Desk::start(), Desk::start());
    let mut upsd = Upsd::start();
    let folder = room(&format!(
        "{}\n[agenda]\nrechecks = [\"40s\", \"20s\", \"10s\"]\npreflight = \"30s\"\nreceivers = [\"scheduler\"]\n\
         [[receiver]]\nname = \"scheduler\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n\
         [[receiver]]\nname = \"operator\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n",
        POWER_ALONE,
        scheduler.address,
        crew.address,
        upsd.address(),
    ));
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("ups", "ready", "");
    let (start, jadwal) = (ahead(SECOND * 60), Scheduler::of(folder.path()));
    let mut body = meeting("Rapat Dinkes", start, MINUTE * 60);
    body["crew"] = json!({
        "camera": { "person": "Sari", "receiver": "operator" },
        "sound": { "person": "Budi", "receiver": "operator" },
    });
    let booked = jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &body);
    assert_eq!(booked.status, 201, "{}", booked.body);
    assert_eq!(booked.json()["confirmed"]["verdict"], "ready", "{}", booked.body);
    // T-40s finds what was confirmed: nobody is told, and it is written down.
    let rechecks = |daemon: &Daemon| daemon.get("/api/v1/sessions/a").json()["rechecks"].clone();
    wait_until(|| rechecks(&daemon)[0]["before_seconds"] == 40);
    assert!(about_sessions(&scheduler).is_empty(), "{:?}", scheduler.told());
    // Preflight opens: the crew is told, by their own receiver, with their tasks and without their names.
    wait_until(|| about_sessions(&crew).len() == 1);
    let told = &about_sessions(&crew)[0];
    assert_eq!(told["event"], "session_preflight", "{told}");
    assert_eq!(told["session"]["tasks"], json!(["camera", "sound"]), "{told}");
    assert!(!told.to_string().contains("Sari"), "{told}");
    assert_eq!(daemon.get("/api/v1/agenda").json()["phase"], "preflight");
    // Mains fails with a battery for half of the meeting; the daemon is killed and begins again.
    upsd.set("battery.runtime", "1800");
    upsd.set("ups.status", "OB DISCHRG");
    daemon.wait_for_check("ups", "degraded", "power.on_battery");
    daemon.kill();
    let daemon = Daemon::start(folder.path());
    wait_until(|| about_sessions(&scheduler).len() == 1);
    let told = &about_sessions(&scheduler)[0];
    assert_eq!(told["event"], "session_changed", "{told}");
    let session = &told["session"];
    assert_eq!((&session["before_seconds"], &session["verdict"]), (&20.into(), &"not_ready".into()), "{told}");
    assert_eq!(session["confirmed_verdict"], "ready");
    let codes = session["reasons"].as_array().unwrap();
    assert!(codes.contains(&"power.runtime_short_on_battery".into()), "{told}");
    let evidence = session["evidence_id"].as_str().unwrap();
    let evidence = daemon.get(&format!("/api/v1/evidence/{evidence}")).json();
    assert_eq!(evidence["answer"]["verdict"], "not_ready", "{evidence:#}");
    // Mended before T-10s: that is told too, and then nothing more.
    upsd.set("battery.runtime", "3600");
    upsd.set("ups.status", "OL CHRG");
    wait_until(|| about_sessions(&scheduler).len() == 2);
    let told = about_sessions(&scheduler);
    assert_eq!((&told[1]["session"]["before_seconds"], &told[1]["session"]["verdict"]), (&10.into(), &"ready".into()));
    daemon.wait_for("/api/v1/agenda", "the meeting is live", |answer| answer.json()["phase"] == "live");
    // The agenda's phase is reckoned as it is asked for; that the room is in use is the judge's word, a turn of its loop later.
    let readiness =
        daemon.wait_for("/api/v1/readiness?session=a", "the room is in use", |answer| answer.json()["in_use"] == true);
    assert_eq!(readiness.json()["agenda"], "free", "{:#}", readiness.json());
    assert_eq!(rechecks(&daemon).as_array().unwrap().len(), 4, "T-40s, preflight, T-20s, T-10s");
    daemon.kill();
    let daemon = Daemon::start(folder.path());
    daemon.wait_for("/api/v1/agenda", "live after a kill too", |answer| answer.json()["phase"] == "live");
    daemon.wait_for_check("ups", "ready", "");
    assert_eq!((about_sessions(&scheduler).len(), about_sessions(&crew).len()), (2, 1), "each was told once");
    daemon.stop();
}

#[test]
fn the_battery_the_agenda_and_planned_work_are_in_the_answer_for_a_slot() {
    let mut upsd = Upsd::start();
    // Far ahead, and no farther than a meeting may be.
    let first = ahead(MINUTE * 60 * 24 * 300).to_zoned_datetime(TimeZone::fixed(tz::offset(7))).date();
    let day = |number| if number == 1 { first } else { first.tomorrow().unwrap() };
    let folder = room(&format!(
        "{}\n[[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n\
         [[maintenance]]\nname = \"genset\"\ncomponents = [\"power\"]\nfrom = \"{first}T08:00\"\nuntil = \"{first}T10:00\"\n",
        POWER_ALONE,
        upsd.address(),
    ));
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("ups", "ready", "");
    upsd.set("battery.runtime", "5400");
    upsd.set("ups.status", "OB DISCHRG");
    for (runtime, minutes, expected) in
        [("5400", 60, "degraded"), ("4950", 60, "degraded"), ("4500", 60, "not_ready"), ("1080", 30, "not_ready")]
    {
        upsd.set("battery.runtime", runtime);
        let usable = (0.8 * runtime.parse::<f64>().unwrap() - 300.0).max(0.0);
        let path = || format!("/api/v1/readiness?end={}", ahead(MINUTE * minutes));
        let answer = daemon.wait_for(&path(), "the runtime is seen", |answer| {
            let ups = answer.json()["components"][4]["checks"][0].clone();
            let measured = ups["measurements"].as_array().unwrap().iter().find(|one| one["part"] == "battery").cloned();
            measured.is_some_and(|one| (one["value"].as_f64().unwrap() - usable).abs() < 0.5)
        });
        assert_eq!(answer.json()["verdict"], expected, "{runtime} s for {minutes} min: {}", answer.body);
    }
    upsd.set("battery.runtime", "3600");
    upsd.set("ups.status", "OL");
    daemon.wait_for_check("ups", "ready", "");
    let slot = |number, from: &str, until: &str| {
        let day = day(number);
        daemon.get(&format!("/api/v1/readiness?start={day}T{from}:00%2B07:00&end={day}T{until}:00%2B07:00"))
    };
    let codes = |answer: &Value| -> Vec<String> {
        answer["reasons"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
    };
    let answer = slot(1, "09:00", "11:00");
    assert_eq!((answer.status, codes(&answer.json())), (503, vec!["agenda.maintenance".to_owned()]), "{}", answer.body);
    assert_eq!(answer.json()["planned"][0]["until"], format!("{first}T10:00:00+07:00"));
    assert_eq!(slot(1, "10:00", "11:00").json()["verdict"], "ready");
    let jadwal = Scheduler::of(folder.path());
    let body = meeting("Rapat Dinkes", format!("{}T09:00:00+07:00", day(2)).parse().unwrap(), MINUTE * 60);
    assert_eq!(jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &body).status, 201);
    let answer = slot(2, "10:20", "11:00");
    assert_eq!((answer.status, codes(&answer.json())), (503, vec!["agenda.taken".to_owned()]), "{}", answer.body);
    let json = answer.json();
    assert_eq!((&json["agenda"], &json["conflicts"][0]["id"]), (&"taken".into(), &"a".into()));
    assert!(json["summary"].as_str().unwrap().contains("Rapat Dinkes"), "{}", json["summary"]);
    assert_eq!(slot(2, "10:30", "11:00").json()["agenda"], "free");
    let own = daemon.get("/api/v1/readiness?session=a");
    assert_eq!((own.status, &own.json()["agenda"]), (200, &"free".into()), "{}", own.body);
    assert_eq!(daemon.get("/api/v1/readiness?session=b").status, 404);
    assert_eq!(daemon.get("/api/v1/readiness?session=a&profile=zoom_group_720").status, 400);
    daemon.stop();
}
