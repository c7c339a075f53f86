//! `kill -9` in a loop during writes: what was acknowledged is there, whole, and everybody is told.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use siaga::clock::Clock;
use siaga::domain::{
    Component, Figure, Incident, Mono, Now, Observation, Quantity, Reading, Sample, Subject, Transition, Unit, Verdict,
};
use siaga::notify::{Poke, Schedule, Stats, deliver};
use siaga::store::{Batch, Catalogue, Claim, Kept, Retention, Store};

use crate::webhook::{Far, loopback, notification, receiver, until};

/// Where the child writes; set only by the parent, so that the child's test does nothing in a usual run.
const PLACE: &str = "SIAGA_TEST_CRASH_PLACE";
/// Where the child's receiver is.
const FAR: &str = "SIAGA_TEST_CRASH_FAR";
const KILLS: usize = 20;
const CATALOGUE: Catalogue = Catalogue { reason: |_| None, quantity: |_| None };

fn open(folder: &Path) -> Store {
    Store::open(Claim::take(folder).unwrap(), Clock::start(), Retention::default(), CATALOGUE)
}

/// The `n`th batch: a transition, an incident and a notification, each of which names `n`.
fn batch(n: u64) -> Batch {
    let at = Clock::start().now().wall;
    Batch {
        transitions: vec![Transition {
            subject: Subject::Check(format!("check-{n}").into()),
            profile: "standard".into(),
            from: Verdict::Ready,
            to: Verdict::NotReady,
            at,
            codes: vec![],
            settling: false,
        }],
        incidents: vec![Incident {
            id: format!("incident-{n}"),
            component: Component::Power,
            worst: Verdict::NotReady,
            verdict: Verdict::NotReady,
            reasons: vec![],
            opened_at: at,
            closed_at: None,
            settling: false,
        }],
        notifications: vec![notification(&format!("told-{n}"), "desk")],
        acts: vec![],
        standings: Vec::new(),
        ..Batch::default()
    }
}

/// The figure of the line that is kept by the hour.
static TRIP: Quantity = Quantity::gauge("stun_rtt_seconds", Unit::Seconds, "x").figure(Figure::RoundTrip);

/// What is observed in the `n`th minute.
fn observation(n: u64) -> Observation {
    let mono = Mono::ZERO.after(Duration::from_secs(60 * n));
    let wall = Timestamp::from_second(1_700_000_040 + 60 * i64::try_from(n).unwrap()).unwrap();
    let mut reading = Reading::default();
    reading.measure(&TRIP, 0.02);
    reading.sample = Some(Sample { sent: 10, lost: 1, outage: false });
    Observation::read("far-end".into(), Now { mono, wall }, Duration::ZERO, reading)
}

/// The child: records batch after batch, says each number once it is acknowledged, delivers meanwhile, and never ends by
/// itself.
///
/// In a usual run of the tests there is no place to write to, and this is over at once.
#[tokio::test]
async fn child_that_is_killed() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let far = std::env::var(FAR).unwrap().parse().unwrap();
    let store = open(Path::new(&place));
    let restored = store.restore().await.unwrap();
    let mut n = restored.open_incidents.len() as u64;
    let poke = Poke::default();
    let _delivering = tokio::spawn(deliver_to(far, store.clone(), poke.clone()));
    loop {
        store.observe(&observation(n));
        store.flush().await.unwrap();
        match store.record(batch(n)).await.unwrap() {
            // The name of the test stands before the first line; what matters is after the mark.
            Kept::OnDisk => writeln!(std::io::stdout(), "#{n}").unwrap(),
            Kept::InMemory => panic!("the disk is in order"),
        }
        poke.poke();
        n += 1;
    }
}

async fn deliver_to(far: SocketAddr, store: Store, poke: Poke) {
    let receivers = vec![receiver("desk", far, "")];
    deliver(store, receivers, Schedule::default(), Clock::start(), &poke, Stats::default()).await;
}

fn child(folder: &Path, far: SocketAddr) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_is_killed", "--nocapture"])
        .env(PLACE, folder)
        .env(FAR, far.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Lets a child write until it has acknowledged `acks` batches, waits `pause` more, kills it, and returns the last number
/// it acknowledged, if it came to that.
fn write_and_kill(folder: &Path, far: SocketAddr, acks: usize, pause: Duration) -> Option<u64> {
    let mut child = child(folder, far);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut number = || {
        lines.find_map(|line| line.unwrap().split_once('#').map(|(_, number)| number.trim().parse::<u64>().unwrap()))
    };
    let mut last = None;
    for _ in 0..acks {
        last = Some(number().expect("the child ended by itself"));
    }
    // Not to wait for anything: to let the kill fall anywhere within an opening, a commit, a checkpoint, a delivery.
    std::thread::sleep(pause);
    // std's kill is SIGKILL.
    child.kill().unwrap();
    // What it acknowledged between our last look and its end counts too.
    while let Some(more) = number() {
        last = Some(more);
    }
    child.wait().unwrap();
    last
}

fn numbers(db: &rusqlite::Connection, query: &str) -> Vec<u64> {
    let mut statement = db.prepare(query).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut all: Vec<u64> = rows.map(|name| name.unwrap().rsplit('-').next().unwrap().parse().unwrap()).collect();
    all.sort_unstable();
    all
}

/// An hour holds exactly the minutes that are stored: of each minute two figures, of the share lost one value of ten packets.
fn hours_are_whole(db: &rusqlite::Connection, stored: u64, kill: usize) {
    let of = |table: &str| -> Vec<(i64, i64, f64)> {
        let of_hour = format!(
            "SELECT {}, series, sum(count), sum(count * mean) FROM {table} GROUP BY 1, 2 ORDER BY 1, 2",
            if table == "minutes" { "minute / 60" } else { "hour" }
        );
        let mut statement = db.prepare(&of_hour).unwrap();
        statement
            .query_map([], |row| Ok((row.get(0)?, row.get(2)?, row.get(3)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    let (minutes, hours) = (of("minutes"), of("hours"));
    assert_eq!(minutes.len(), hours.len(), "after kill {kill}: {minutes:?}, {hours:?}");
    for (minute, hour) in minutes.iter().zip(&hours) {
        assert_eq!((minute.0, minute.1), (hour.0, hour.1), "after kill {kill}");
        assert!((minute.2 - hour.2).abs() < 1e-9, "after kill {kill}: {minute:?}, {hour:?}");
    }
    let in_hours = hours.iter().map(|hour| hour.1).sum::<i64>();
    // A minute that was flushed and whose batch was not recorded comes again, as a second part of itself.
    assert!(in_hours >= 11 * i64::try_from(stored).unwrap(), "after kill {kill}: {in_hours} of {stored} minutes");
    let (runs, longest): (i64, i64) = db
        .query_row("SELECT count(*), coalesce(max((until - began) / 60000000), 0) FROM runs", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(
        longest < i64::try_from(stored.max(1)).unwrap() + 1,
        "after kill {kill}: {runs} spans, the longest {longest} minutes"
    );
}

#[tokio::test]
async fn every_acknowledged_change_survives_kill_9_and_every_notification_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    let file = place.join("siaga.db");
    let far = Far::default();
    let (at, _server) = far.serve(loopback());
    let mut acknowledged = None;
    for kill in 0..KILLS {
        // Every fourth is killed while it opens the file; the others well into the writing.
        let acks = if kill % 4 == 3 { 0 } else { 1 + usize::from(rand::random::<u8>()) / 4 };
        let pause = Duration::from_micros(u64::from(rand::random::<u16>()) / if acks == 0 { 1 } else { 16 });
        let last = {
            let place = place.clone();
            tokio::task::spawn_blocking(move || write_and_kill(&place, at, acks, pause)).await.unwrap()
        };
        acknowledged = last.or(acknowledged);
        let db = rusqlite::Connection::open(&file).unwrap();
        let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "after kill {kill}");
        let transitions = numbers(&db, "SELECT name FROM transitions");
        let expected: Vec<u64> = (0..transitions.len() as u64).collect();
        assert_eq!(transitions, expected, "none is missing and none is double after kill {kill}");
        // One more than acknowledged may be stored: it was killed between the two. Never one less.
        let (stored, said) = (transitions.len() as u64, acknowledged.map_or(0, |last| last + 1));
        assert!(stored == said || stored == said + 1, "{said} acknowledged, {stored} stored after kill {kill}");
        // One that is stored and not acknowledged is stored for good, like the others.
        acknowledged = stored.checked_sub(1);
        assert_eq!(numbers(&db, "SELECT id FROM incidents"), expected, "whole after kill {kill}");
        assert_eq!(numbers(&db, "SELECT key FROM outbox"), expected, "whole after kill {kill}");
        hours_are_whole(&db, stored, kill);
    }
    let files: Vec<_> = std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!files.iter().any(|name| name.to_str().unwrap().contains("damaged")), "{files:?}");

    let store = open(&place);
    let stored = store.restore().await.unwrap().open_incidents.len();
    let delivering = tokio::spawn(deliver_to(at, store.clone(), Poke::default()));
    let expected: Vec<String> = (0..stored).map(|n| format!("told-{n}")).collect();
    let firsts = || {
        let mut seen = HashSet::new();
        far.taken().into_iter().filter(|key| seen.insert(key.clone())).collect::<Vec<_>>()
    };
    let firsts = until("told of all", firsts, |firsts| firsts.len() >= stored).await;
    assert_eq!(firsts, expected, "each at least once, in order");
    let again = far.taken().len() - stored;
    assert!(again <= KILLS, "only what was under way at a kill may come twice; {again} did");
    delivering.abort();
    _ = delivering.await;
    store.close().await.unwrap();
}
