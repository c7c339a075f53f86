//! The store on real files.

mod damage;
mod failing;
mod history;
mod keeping;
mod pace;
mod past;
mod removed;
mod reports;
mod sessions;
mod sheets;
mod story;
mod told;
mod turns;
mod upgrade;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;

use super::rows::micros;
use super::{Batch, Catalogue, Claim, Health, Retention, Store, Wanted};
use crate::clock::Clock;
use crate::domain::{
    Arg, CheckName, Component, Incident, Margins, Mono, Notice, Notification, Now, Observation, Quantity, Reading,
    Reason, ReasonDef, Standing, Subject, Text, Transition, Unit, Verdict, Wish,
};

static RTT: Quantity = Quantity::gauge("icmp_rtt_seconds", Unit::Seconds, "x");
static PHASE: Quantity = Quantity::gauge("http_phase_seconds", Unit::Seconds, "x").by("phase");
static LOSS: ReasonDef = ReasonDef::new(
    "internet.loss_high",
    Text::new("{value} paket hilang ke {target}", "{value} of packets to {target} are lost"),
    Text::new("Periksa kabel", "Check the cable"),
);

const CATALOGUE: Catalogue = Catalogue {
    reason: |code| (code == LOSS.code).then_some(&LOSS),
    quantity: |name| [&RTT, &PHASE].into_iter().find(|quantity| quantity.name == name),
};

/// A catalogue of a version that knows nothing of what was written.
const EMPTY: Catalogue = Catalogue { reason: |_| None, quantity: |_| None };

fn open(folder: &Path) -> Store {
    Store::open(claim(folder), Clock::start(), Retention::default(), CATALOGUE)
}

/// What is wished, before anything has begun.
fn wanted(wish: Wish, margins: Margins, confirmed: Option<Notice>) -> Wanted {
    Wanted { wish, margins, now: Timestamp::MIN, wrap_up: Duration::ZERO, confirmed, act: None }
}

/// A store that was dropped, and not closed, has the folder until its thread has ended.
fn claim(folder: &Path) -> Claim {
    if let Ok(lock) = std::fs::File::create(folder.join("lock")) {
        lock.lock().unwrap();
    }
    Claim::take(folder).unwrap()
}

/// What is deleted by a clock that is believed: somebody watched by it a day ago.
fn prune(db: &rusqlite::Connection, keep: &Retention, now: Timestamp) -> usize {
    watched(db, now, 24);
    let gone = super::retention::prune(db, keep, now).unwrap();
    db.execute("DELETE FROM runs WHERE until - began = 86400000000 AND until = ?1", [micros(now)]).unwrap();
    gone
}

/// Somebody watched for so many hours, until `now`.
fn watched(db: &rusqlite::Connection, now: Timestamp, hours: i64) {
    let began = micros(now) - hours * 3_600_000_000;
    db.execute("INSERT OR REPLACE INTO runs VALUES (?1, ?2, 1)", [began, micros(now)]).unwrap();
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_040 + second).unwrap()
}

fn transition(at: i64) -> Transition {
    Transition {
        subject: Subject::Component(Component::Internet),
        profile: "standard".into(),
        from: Verdict::Ready,
        to: Verdict::NotReady,
        at: second(at),
        codes: vec![LOSS.code],
        settling: false,
    }
}

fn incident(id: &str, at: i64) -> Incident {
    Incident {
        id: id.to_owned(),
        component: Component::Internet,
        worst: Verdict::NotReady,
        verdict: Verdict::Degraded,
        reasons: vec![Reason {
            def: &LOSS,
            verdict: Verdict::Degraded,
            args: vec![("value", Arg::Number(0.25, Unit::Ratio)), ("target", "far.example.net".into())],
            since: second(at),
            blocked_by: Some(CheckName::from("gateway")),
        }],
        opened_at: second(at),
        closed_at: None,
        settling: false,
    }
}

/// Since when the internet is as it is.
fn stands(at: i64) -> Standing {
    Standing {
        subject: Subject::Component(Component::Internet),
        profile: "standard".into(),
        verdict: Verdict::Degraded,
        since: second(at),
        reasons: incident("internet-1", at).reasons,
    }
}

fn notification(key: &str, receiver: &str) -> Notification {
    Notification {
        key: key.into(),
        receiver: receiver.into(),
        incident: Some("internet-1".to_owned()),
        payload: r#"{"event":"incident_opened"}"#.into(),
        created_at: second(0),
        attempts: 0,
        next_attempt_at: second(0),
    }
}

fn notify(key: &str) -> Batch {
    Batch { notifications: vec![notification(key, "desk")], transitions: vec![transition(1)], ..Batch::default() }
}

fn observation(check: &str, wall: Timestamp, value: f64) -> Observation {
    let mut reading = Reading::default();
    reading.measure(&RTT, value);
    Observation::read(check.into(), Now { mono: Mono::ZERO, wall }, Duration::from_millis(3), reading)
}

/// Waits until the health is as wanted.
async fn until(store: &Store, wanted: impl Fn(&Health) -> bool) -> Health {
    let mut watched = store.health();
    let outcome = tokio::time::timeout(Duration::from_secs(20), watched.wait_for(|health| wanted(health))).await;
    let now = store.health().borrow().clone();
    outcome.unwrap_or_else(|_| panic!("the health stayed {now:?}")).unwrap().clone()
}

/// The file as anybody else sees it.
fn other_eyes(folder: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.join("siaga.db")).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn keys(store: &Store) -> Vec<Arc<str>> {
    super::lock(&store.0.waiting).all().into_iter().map(|waiting| waiting.key).collect()
}
