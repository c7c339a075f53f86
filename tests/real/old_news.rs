//! What becomes of news while a receiver is away for days: a real store and a real spool for text messages, on tokio's own time, which
//! stands still while the disk is at work.

use std::path::Path;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use siaga::clock::Clock;
use siaga::domain::{GiveUp, Lang, Notification};
use siaga::notify::Schedule;
use siaga::notify::payload::{Addressed, Event, Letter};
use siaga::store::Batch;

use super::webhook::{Rig, notification, receiver_of};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Something to tell, decided at `at`.
fn news(key: &str, at: Timestamp) -> Notification {
    let letter = Letter {
        id: key,
        event: Event::Test,
        room: Addressed { name: "room_a", title: "Ruang A" },
        at,
        zone: &TimeZone::UTC,
        lang: Lang::Id,
        incident: None,
        alert: None,
    };
    Notification { payload: letter.json().into(), created_at: at, next_attempt_at: at, ..notification(key, "phones") }
}

/// When that which lies in the spool was decided, in its order.
fn sent(outbox: &Path) -> Vec<Timestamp> {
    let names = std::fs::read_dir(outbox).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let at = |name: String| {
        let stamp = name.strip_prefix("OUTC").unwrap_or_else(|| panic!("{name}"));
        let stamp = DateTime::strptime("%Y%m%d_%H%M%S", &stamp[..15]).unwrap();
        TimeZone::UTC.to_timestamp(stamp).unwrap()
    };
    let mut all: Vec<_> = names.map(at).collect();
    all.sort_unstable();
    all
}

#[tokio::test(start_paused = true)]
async fn while_a_receiver_is_away_for_days_no_more_than_a_day_waits_and_nothing_older_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (outbox, clock) = (folder.path().join("outbox"), Clock::on_tokio_time("2026-11-24T01:30:00Z".parse().unwrap()));
    let phones = receiver_of("phones", "sms", &format!("to = ['112']\noutbox = '{}'", outbox.display()));
    let schedule = Schedule::default();
    let rig = Rig::start_by(&folder.path().join("state"), vec![phones], schedule, clock).await;
    // An attempt, and so a look, comes at least so often.
    let pace = SignedDuration::try_from(schedule.longest.mul_f64(1.25)).unwrap();
    for n in 0..96 {
        let told = news(&format!("reminder-{n}"), clock.now().wall);
        rig.store.record(Batch { notifications: vec![told], ..Batch::default() }).await.unwrap();
        rig.poke.poke();
        // Their pace, on tokio's time.
        tokio::time::sleep(Duration::from_mins(30)).await;
        let oldest = rig.store.undelivered()[0].2;
        let age = clock.now().wall.duration_since(oldest);
        assert!(age <= DAY + pace, "after {n}: {age:?}");
    }
    std::fs::create_dir(&outbox).unwrap();
    let back = clock.now().wall;
    while !rig.store.undelivered().is_empty() {
        assert!(clock.now().wall.duration_since(back) < DAY, "{:?}", rig.counts());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let sent = sent(&outbox);
    assert!(sent[0] >= back - DAY, "{} is old news", sent[0]);
    assert!((47..=48).contains(&sent.len()), "what is no older than a day arrives: {}", sent.len());
    let counts = &rig.counts().receivers["phones"];
    assert_eq!(counts.given_up[&GiveUp::TooOld] + u64::try_from(sent.len()).unwrap(), 96);
    rig.stop().await;
}
