//! The outlook: what weeks of recorded hours say of a meeting that is days away, told by the real daemon, and counted nowhere.

use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use siaga::clock::Clock;
use siaga::domain::past::{hour_begins, hour_of};
use siaga::domain::{
    Component, Figure, Mono, Now, Observation, Quantity, Reading, Sample, Subject, Transition, Unit, Verdict,
};
use siaga::store::{Batch, Catalogue, Claim, Retention, Store};

use crate::support::daemon::{Daemon, room, siaga};

/// As the probe declares it.
static TRIP: Quantity = Quantity::gauge("icmp_rtt_seconds", Unit::Seconds, "x").figure(Figure::RoundTrip);
const CATALOGUE: Catalogue = Catalogue { reason: |_| None, quantity: |_| None };
const HOUR: i64 = 3600;
const WEEK: i64 = 168;

/// A room with an internet that is as a scenario says, and nothing else.
fn config(folder: &Path) -> String {
    let file = folder.join("scenario.toml");
    format!(
        "[components]\ncomputer = {{ absent = true }}\npower = {{ absent = true }}\naudio = {{ absent = true }}\n\
         video = {{ absent = true }}\nradio = {{ absent = true }}\n\
         [[check]]\nname = \"far\"\nkind = \"replay\"\ncomponent = \"internet\"\nfile = \"{}\"\nrepeat = true\n\
         interval = \"100ms\"\nfresh_for = \"5s\"\n",
        file.display()
    )
}

const WELL: &str = "title = \"Well\"\n[[observe]]\ncheck = \"far\"\nat = \"0s\"\nevery = \"100ms\"\nuntil = \"2s\"\n";
const BLIND: &str = "title = \"Blind\"\n[[observe]]\ncheck = \"far\"\nat = \"0s\"\nevery = \"100ms\"\nuntil = \"2s\"\n\
     findings = [{ reason = \"siaga.replay_failed\", verdict = \"unknown\" }]\n";

/// Records an hour of each of some weeks before `slot`, as the daemon would have: packets, round trips of so many seconds, and
/// outages of ten minutes.
async fn record(folder: &Path, check: &str, slot: i64, weeks: &[(i64, f64, bool)]) {
    let store = Store::open(Claim::take(folder).unwrap(), Clock::start(), Retention::default(), CATALOGUE);
    let first = hour_begins(slot - 20 * WEEK);
    let internet = |at, to| Transition {
        subject: Subject::Component(Component::Internet),
        profile: "x".into(),
        from: Verdict::Unknown,
        to,
        at,
        codes: vec![],
        settling: false,
    };
    for (back, trip, outage) in weeks {
        let begins = hour_begins(slot - back * WEEK);
        let at = |second: i64| begins.checked_add(SignedDuration::from_secs(second)).unwrap();
        for second in (0..HOUR).step_by(30) {
            let mut reading = Reading::default();
            reading.measure(&TRIP, *trip);
            reading.sample = Some(Sample { sent: 30, lost: 0, outage: false });
            let wall = at(second);
            let since = Duration::try_from(wall.duration_since(first)).unwrap();
            let now = Now { mono: Mono::ZERO.after(since), wall };
            store.observe(&Observation::read(check.into(), now, Duration::ZERO, reading));
        }
        let mut transitions = vec![internet(at(0), Verdict::Ready)];
        if *outage {
            transitions.extend([internet(at(600), Verdict::NotReady), internet(at(1200), Verdict::Ready)]);
        }
        store.record(Batch { transitions, ..Batch::default() }).await.unwrap();
    }
    store.close().await.unwrap();
}

/// The answer for that hour, once the daemon has said so of the room.
fn asked(daemon: &Daemon, slot: i64, verdict: &str) -> Value {
    daemon.wait_for_check("far", verdict, if verdict == "ready" { "" } else { "siaga.replay_failed" });
    daemon.get(&format!("/api/v1/readiness?lang=en&start={}&end={}", hour_begins(slot), hour_begins(slot + 1))).json()
}

/// Three days from now.
fn slot() -> i64 {
    hour_of(Clock::start().now().wall) + 72
}

#[tokio::test]
async fn weeks_of_history_are_told_for_the_same_hour_and_change_no_verdict() {
    let (folder, slot) = (room(""), slot());
    let at = folder.path();
    std::fs::write(at.join("scenario.toml"), WELL).unwrap();
    crate::support::daemon::write_config(at, &config(at));
    // Two bad weeks of six; and one twenty weeks ago, which is too long ago to count.
    let weeks = [
        (20, 9.0, true),
        (6, 0.02, false),
        (5, 5.0, false),
        (4, 0.02, false),
        (3, 0.02, true),
        (2, 0.02, false),
        (1, 0.02, false),
    ];
    record(&at.join("state"), "far", slot, &weeks).await;
    let daemon = Daemon::start(at);
    let answer = asked(&daemon, slot, "ready");
    assert_eq!((&answer["basis"], &answer["verdict"]), (&json!("outlook"), &json!("ready")), "{answer:#}");
    let outlook = &answer["outlook"];
    assert_eq!(outlook["nine_in_ten"], "not_ready", "{outlook:#}");
    let zone = jiff::tz::TimeZone::get("Asia/Pontianak").unwrap();
    let local = zone.to_datetime(hour_begins(slot));
    let weekday = local.date().weekday().to_monday_one_offset();
    assert_eq!(outlook["hours_of_week"], json!([{ "weekday": weekday, "hour": local.hour() }]));
    assert_eq!(outlook["time_zone"], "Asia/Pontianak");
    assert_eq!((&outlook["weeks_asked"], &outlook["weeks_measured"]), (&json!(13), &json!(6)));
    let hours = json!({ "ready": 4, "degraded": 0, "not_ready": 2, "unknown": 0, "not_measured": 0 });
    assert_eq!(outlook["hours"], hours);
    let shortfalls = json!([
        { "what": "outage", "verdict": "not_ready", "hours": 1 },
        { "what": "round_trip", "verdict": "not_ready", "hours": 1 },
    ]);
    assert_eq!(outlook["shortfalls"], shortfalls);
    // An hour's last observation is half a minute before its end.
    let share = outlook["outage_share"].as_f64().unwrap();
    assert!((share - 600.0 / (6.0 * 3570.0)).abs() < 1e-6, "{share}");
    let trip = &outlook["round_trip_seconds"];
    let near =
        |of: &Value, exact: f64| assert!((of.as_f64().unwrap() / exact - 1.0).abs() < 0.0101, "{of} for {exact}");
    near(&trip["p50"], 0.02);
    near(&trip["p95"], 5.0);
    assert_eq!(trip["minutes"], 360);
    assert_eq!(outlook["loss_ratio"]["p99"], 0.0);
    assert!(outlook["down_bits_per_second"].is_null(), "nothing was tested");
    assert_eq!((&outlook["error"], &outlook["incomplete"]), (&Value::Null, &json!(false)));
    let summary = outlook["summary"].as_str().unwrap();
    assert!(
        summary.contains("By 6 weeks") && summary.contains("in 4 of 6 of these hours (outage 1, long delay 1)"),
        "{summary}"
    );
    // Nobody has to believe it of now.
    let live = daemon.get("/api/v1/readiness").json();
    assert_eq!((&live["basis"], &live["outlook"]), (&json!("live"), &Value::Null));
    // Another hour of the same day has no history.
    let other = asked(&daemon, slot + 5, "ready");
    assert_eq!(other["outlook"]["nine_in_ten"], "unknown", "{other:#}");
    let stored = daemon.get(&format!("/api/v1/evidence/{}", answer["evidence_id"].as_str().unwrap())).json();
    assert_eq!(stored["answer"]["outlook"], *outlook, "what was told can be looked up");
    // People read it too.
    let url = format!("http://{}", daemon.address());
    let times = [hour_begins(slot).to_string(), hour_begins(slot + 1).to_string()];
    let status = siaga()
        .args(["status", "--lang", "id", "--url", &url, "--start", &times[0], "--end", &times[1], "--config"])
        .arg(at.join("siaga.toml"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(text.contains("dalam 4 dari 6 jam (putus 1, jeda panjang 1)"), "{text}");
    // All hours of the week, while the daemon runs: 168 of them, of which one was measured.
    let week = siaga()
        .args(["week", "--state-dir"])
        .arg(at.join("state"))
        .arg("--config")
        .arg(at.join("siaga.toml"))
        .output()
        .unwrap();
    let text = String::from_utf8(week.stdout).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert!(rows.len() == 169 && rows.iter().all(|row| row.len() == 19), "{text}");
    let place = usize::from(weekday.unsigned_abs() - 1) * 24 + usize::from(local.hour().unsigned_abs());
    let row = &rows[place + 1];
    assert_eq!(row[..2], [weekday.to_string(), local.hour().to_string()]);
    // Six weeks of 59.5 minutes, ten of them out; and two kinds of round trips.
    assert_eq!((row[2], row[4]), ("347.0", "10.0"), "{row:?}");
    assert_eq!((row[7], row[13]), ("0.0000", ""), "{row:?}");
    let trips: Vec<f64> = row[10..12].iter().map(|value| value.parse().unwrap()).collect();
    assert!((trips[0] - 0.02).abs() < 0.0003 && (trips[1] - 5.0).abs() < 0.051, "{row:?}");
    let measured = rows[1..].iter().filter(|row| !row[10].is_empty() && row[..2] != rows[place + 1][..2]);
    assert!(measured.count() <= 1, "but for the hour in which this test runs: {text}");
    daemon.stop();
}

#[tokio::test]
async fn a_good_history_makes_nothing_better_than_it_is_known_to_be() {
    let (folder, slot) = (room(""), slot());
    let at = folder.path();
    std::fs::write(at.join("scenario.toml"), BLIND).unwrap();
    crate::support::daemon::write_config(at, &config(at));
    let weeks: Vec<_> = (1..=6).rev().map(|back| (back, 0.02, false)).collect();
    record(&at.join("state"), "far", slot, &weeks).await;
    let daemon = Daemon::start(at);
    let answer = asked(&daemon, slot, "unknown");
    assert_eq!(
        (&answer["verdict"], &answer["outlook"]["nine_in_ten"]),
        (&json!("unknown"), &json!("ready")),
        "{answer:#}"
    );
    assert_eq!(answer["decision"], "provisional");
    daemon.stop();
}

#[tokio::test]
async fn the_daemons_own_far_end_says_nothing_of_the_line() {
    let (folder, slot) = (room(""), slot());
    let at = folder.path();
    crate::support::daemon::write_config(at, "[[check]]\nname = \"stun\"\nkind = \"stun\"\nserver = \"self\"\n");
    let weeks: Vec<_> = (1..=6).rev().map(|back| (back, 0.02, false)).collect();
    record(&at.join("state"), "stun", slot, &weeks).await;
    let daemon = Daemon::start(at);
    daemon.wait_for_check("stun", "degraded", "internet.far_end_is_self");
    let answer = daemon.get(&format!("/api/v1/readiness?start={}", hour_begins(slot))).json();
    let outlook = &answer["outlook"];
    assert_eq!((&outlook["nine_in_ten"], &outlook["hours"]["unknown"]), (&json!("unknown"), &json!(6)), "{outlook:#}");
    assert!(outlook["round_trip_seconds"].is_null(), "{outlook:#}");
    assert!(outlook["summary"].as_str().unwrap().starts_with("Belum cukup riwayat"), "{outlook:#}");
    daemon.stop();
}
