//! What is given is found again, after a restart too, and in time it goes.

use serde_json::json;

use super::super::{Kept, retention};
use super::*;
use crate::domain::{Act, ErrorKind, Finding, GiveUp, Outbox, Period, ProbeError, Sample};

#[tokio::test]
async fn a_batch_is_read_back_as_it_was_given_and_an_incident_is_updated_not_doubled() {
    let folder = folder();
    let store = open(folder.path());
    // Found at the start; later it is news, and its end must be told by whoever comes after.
    let mut changed = Incident { settling: true, ..incident("internet-1", 1) };
    let batch = Batch {
        transitions: vec![transition(1), Transition { subject: Subject::Room, ..transition(2) }],
        incidents: vec![changed.clone(), incident("internet-0", 0)],
        standings: vec![],
        notifications: vec![],
        acts: vec![],
        told: vec![],
        silences: vec![],
        ..Batch::default()
    };
    assert_eq!(store.record(batch.clone()).await.unwrap(), Kept::OnDisk);
    let stored = store.transitions(second(0), second(10), 10).await.unwrap();
    assert_eq!(stored, [batch.transitions[1].clone(), batch.transitions[0].clone()], "newest first");
    assert_eq!(store.transitions(second(2), second(3), 10).await.unwrap().len(), 1, "since is in, until is not");
    assert_eq!(store.incidents(true, 10).await.unwrap(), [changed.clone(), incident("internet-0", 0)]);

    changed.settling = false;
    store.record(Batch { incidents: vec![changed.clone()], ..Batch::default() }).await.unwrap();
    assert!(!store.incidents(true, 1).await.unwrap()[0].settling);
    changed.closed_at = Some(second(9));
    changed.verdict = Verdict::Ready;
    store.record(Batch { incidents: vec![changed.clone()], ..Batch::default() }).await.unwrap();
    assert_eq!(store.incidents(true, 10).await.unwrap(), [incident("internet-0", 0)]);
    assert_eq!(store.incidents(false, 1).await.unwrap(), [changed]);
}

#[tokio::test]
async fn incidents_of_a_clock_that_was_ahead_come_last() {
    let folder = folder();
    let store = open(folder.path());
    let far = |id: &str, opened_at: &str| Incident {
        opened_at: opened_at.parse().unwrap(),
        closed_at: Some("2999-12-01T00:00:00Z".parse().unwrap()),
        ..incident(id, 0)
    };
    let ahead = [far("power-1", "2999-01-01T00:00:00Z"), far("power-2", "2999-02-01T00:00:00Z")];
    let incidents = [ahead.as_slice(), &[incident("internet-0", 0), incident("internet-1", 1)]].concat();
    store.record(Batch { incidents, ..Batch::default() }).await.unwrap();
    let told = |limit| {
        let store = store.clone();
        async move {
            let found = store.incidents(false, limit).await.unwrap();
            found.into_iter().map(|incident| incident.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(told(9).await, ["internet-1", "internet-0", "power-2", "power-1"]);
    assert_eq!(told(3).await, ["internet-1", "internet-0", "power-2"]);
    assert_eq!(told(2).await, ["internet-1", "internet-0"]);
}

#[tokio::test]
async fn a_restart_gives_back_observations_with_their_age_and_open_incidents() {
    let folder = folder();
    let clock = Clock::start();
    let before = clock.now().wall.checked_sub(Duration::from_mins(10)).unwrap();
    // Rows are cut to microseconds.
    let before = Timestamp::from_microsecond(before.as_microsecond()).unwrap();
    let mut full = observation("far-end", before, 0.012);
    full.reading.measure_part(&PHASE, "tls", 0.5);
    full.reading.find(Finding::new(&LOSS, Verdict::Degraded).with("target", "far.example.net"));
    full.reading.sample = Some(Sample { sent: 10, lost: 3, outage: true });
    full.reading.in_use = Some(false);
    full.error = Some(ProbeError::new(ErrorKind::Stale, "the driver is away"));
    let store = open(folder.path());
    store.observe(&observation("far-end", second(0), 9.0));
    store.observe(&full);
    let ahead = clock.now().wall.checked_add(Duration::from_hours(24)).unwrap();
    store.observe(&observation("from-tomorrow", ahead, 1.0));
    store.record(Batch { incidents: vec![incident("internet-1", 1)], ..Batch::default() }).await.unwrap();
    let of_a_check = Standing { subject: Subject::Check("far-end".into()), reasons: Vec::new(), ..stands(2) };
    for standings in [vec![stands(1), of_a_check.clone()], vec![stands(3)]] {
        store.record(Batch { standings, ..Batch::default() }).await.unwrap();
    }
    store.close().await.unwrap();

    let restored = open(folder.path()).restore().await.unwrap();
    assert_eq!(restored.standings, [of_a_check, stands(3)], "the newest of each");
    assert_eq!(restored.open_incidents, [incident("internet-1", 1)]);
    assert_eq!(restored.skipped, 1, "an observation from tomorrow has no age that could be known");
    let [(last, age)] = &restored.observations[..] else { panic!("{:?}", restored.observations) };
    assert_eq!((&last.reading, &last.error, last.took), (&full.reading, &full.error, full.took));
    assert_eq!(last.at.wall, before);
    assert!((600..660).contains(&age.as_secs()), "{age:?}");

    let unknowing =
        Store::open(claim(folder.path()), Clock::start(), Retention::default(), EMPTY).restore().await.unwrap();
    assert!(unknowing.observations.is_empty(), "half an observation could look better than it was");
    assert_eq!(unknowing.open_incidents[0].reasons, [], "an incident must stay, or it would never close");
    assert_eq!(unknowing.skipped, 4, "two observations and two reasons");
}

#[tokio::test]
async fn minutes_are_found_by_quantity_and_part_and_merge_over_a_restart() {
    let folder = folder();
    let store = open(folder.path());
    let minute = |n: i64| Timestamp::from_second(1_700_000_040 + n * 60).unwrap();
    for value in [1.0, 2.0, 6.0] {
        store.observe(&observation("far-end", minute(0), value));
    }
    let mut parts = observation("web", minute(1), 5.0);
    parts.reading.measure_part(&PHASE, "dns", 0.1);
    parts.reading.measure_part(&PHASE, "tls", 0.2);
    store.observe(&parts);
    store.close().await.unwrap();

    let store = open(folder.path());
    store.observe(&observation("far-end", minute(0), 11.0));
    store.observe(&observation("far-end", minute(7), 1.0));
    store.flush().await.unwrap();
    let rows = store.minutes("far-end", RTT.name, minute(-100_000), minute(5)).await.unwrap();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.at, row.count, row.min, row.max, row.mean), (minute(0), 4, 1.0, 11.0, 5.0));
    assert_eq!((row.p50, row.p95), (2.0, 6.0), "those of the part with more values");
    assert_eq!(store.minutes("far-end", RTT.name, minute(0), minute(0)).await.unwrap(), []);
    assert_eq!(store.minutes("far-end", RTT.name, minute(0), minute(100_000)).await.unwrap().len(), 2);
    let phases = store.minutes("web", PHASE.name, minute(1), minute(2)).await.unwrap();
    let parts: Vec<_> = phases.iter().map(|row| (row.part.as_deref().unwrap(), row.max)).collect();
    assert_eq!(parts, [("dns", 0.1), ("tls", 0.2)]);
}

#[tokio::test]
async fn evidence_is_found_after_a_restart_and_asking_again_does_not_grow_the_disk() {
    let folder = folder();
    let store = open(folder.path());
    store.restore().await.unwrap();
    let answer = |verdict: &str| json!({ "room": "Ruang Media Center", "verdict": verdict });
    let question = json!({ "profile": "standard" });
    let id = store.put_evidence(7, second(7), &question, || answer("ready")).await.unwrap();
    for _ in 0..100 {
        let again = store.put_evidence(7, second(7), &question, || panic!("it is stored already")).await.unwrap();
        assert_eq!(again, id);
    }
    let other = json!({ "profile": "webinar" });
    let second_id = store.put_evidence(7, second(8), &other, || answer("degraded")).await.unwrap();
    let next = store.put_evidence(8, second(9), &question, || answer("unknown")).await.unwrap();
    assert!(second_id != id && next != id);
    store.close().await.unwrap();

    let store = open(folder.path());
    store.restore().await.unwrap();
    let found = store.evidence(&second_id).await.unwrap().unwrap();
    assert_eq!((found.at, &found.question, &found.answer), (second(8), &other, &answer("degraded")));
    let found = store.evidence(&id).await.unwrap().unwrap();
    assert_eq!((found.at, &found.question, &found.answer), (second(7), &question, &answer("ready")));
    assert_eq!(store.evidence("no such thing").await.unwrap(), None);
    // The same number in another process is another snapshot.
    let later = store.put_evidence(7, second(99), &question, || answer("ready")).await.unwrap();
    assert_ne!(later, id);
    let db = other_eyes(folder.path());
    let count: i64 = db.query_row("SELECT count(*) FROM evidence", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 4);
}

#[tokio::test]
async fn the_outbox_keeps_order_and_state_over_a_restart() {
    let folder = folder();
    let store = open(folder.path());
    for key in ["a", "b", "c"] {
        store.record(notify(key)).await.unwrap();
    }
    let elsewhere = Batch { notifications: vec![notification("z", "pager")], ..Batch::default() };
    store.record(elsewhere.clone()).await.unwrap();
    store.record(elsewhere).await.unwrap();
    assert_eq!(store.receivers().await, ["desk".into(), "pager".into()]);
    store.failed("a", "refused", second(99)).await;
    let head = store.next("desk").await.unwrap();
    assert_eq!((&*head.key, head.attempts, head.next_attempt_at), ("a", 1, second(99)), "those behind wait for it");
    store.close().await.unwrap();

    let store = open(folder.path());
    store.restore().await.unwrap();
    let head = store.next("desk").await.unwrap();
    assert_eq!((&*head.key, head.attempts, head.next_attempt_at), ("a", 1, second(99)));
    store.delivered("a", None).await;
    store.given_up("b", GiveUp::Refused, "404").await;
    assert_eq!(&*store.next("desk").await.unwrap().key, "c");
    store.close().await.unwrap();

    let store = open(folder.path());
    store.restore().await.unwrap();
    assert_eq!(keys(&store), ["c".into(), "z".into()]);
    let (why, error): (String, String) = other_eyes(folder.path())
        .query_row("SELECT given_up, last_error FROM outbox WHERE key = 'b'", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!((why.as_str(), error.as_str()), ("refused", "404"));
}

#[test]
fn what_is_older_than_its_limit_goes_a_little_at_a_time_and_the_rest_stays() {
    let folder = folder();
    let path = folder.path().join("siaga.db");
    let now = second(0);
    let db = super::super::open::open(&path, now).unwrap();
    let day = |days: i64| now.as_microsecond() - days * 86_400_000_000;
    db.execute_batch("BEGIN").unwrap();
    for i in 0..1200 {
        db.execute(
            "INSERT INTO transitions (at, subject, profile, old, new, codes, settling)
             VALUES (?1, 'room', 'p', 'ready', 'ready', '[]', 0)",
            [day(if i < 1000 { 401 } else { 399 })],
        )
        .unwrap();
        db.execute(
            "INSERT INTO minutes VALUES (?1, ?2, 1, 0, 0, 0, 0, 0)",
            [day(if i < 10 { 31 } else { 29 }) / 60_000_000, i],
        )
        .unwrap();
    }
    for (key, done) in [("waiting", None), ("old", Some(day(91))), ("new", Some(day(89)))] {
        db.execute(
            "INSERT INTO outbox (key, receiver, payload, created_at, next_attempt_at, done_at)
             VALUES (?1, 'desk', '{}', ?2, 0, ?3)",
            rusqlite::params![key, day(500), done],
        )
        .unwrap();
    }
    for (n, age) in [(1, 89), (2, 91), (4, 1), (20_004, 0)] {
        db.execute("INSERT INTO evidence VALUES (?1, ?1, ?2, '{}', '{}')", [n, day(age)]).unwrap();
    }
    for (id, closed) in [("open", None), ("old", Some(day(401)))] {
        db.execute(
            "INSERT INTO incidents VALUES (?1, 'power', 'ready', 'ready', '[]', ?2, ?3, 0)",
            rusqlite::params![id, day(900), closed],
        )
        .unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
    let prune = || prune(&db, &Retention::default(), now);
    assert_eq!(prune(), 500 + 10 + 1 + 1 + 3, "of the evidence one by age and two by number");
    assert_eq!(prune(), 499, "the newest of those stays, and says what was until there are others");
    assert_eq!(prune(), 0);
    let count =
        |table: &str| -> i64 { db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap() };
    let left = ["transitions", "minutes", "outbox", "incidents", "evidence"].map(count);
    assert_eq!(left, [201, 1190, 2, 1, 1]);
}

#[test]
fn a_clock_that_jumps_takes_only_what_is_beyond_its_limit_by_the_clock() {
    let folder = folder();
    let now = second(0);
    let db = super::super::open::open(&folder.path().join("siaga.db"), now).unwrap();
    let day = |days: i64| now.as_microsecond() + days * 86_400_000_000;
    // Written before, by, and after a clock that was two days ahead for a while.
    for at in [-8, -6, -5, 0, 2] {
        let row = rusqlite::params!["far-end", day(at)];
        db.execute("INSERT INTO observations VALUES (?2, ?1, '{}', 0, ?2, ?2)", row).unwrap();
    }
    let keep = Retention::default();
    let prune = |days: i64| prune(&db, &keep, Timestamp::from_microsecond(day(days)).unwrap());
    assert_eq!(prune(-2000), 0, "a clock that begins in the past, as one without a battery does");
    assert_eq!(prune(0), 1, "of eight days ago");
    assert_eq!(prune(1), 0, "at seven days old to the day nothing goes yet");
    assert_eq!(prune(2), 1, "a jump of two days costs two days");
    assert_eq!(prune(0), 0, "set back: what was written ahead of it stays");
    let left: i64 = db.query_row("SELECT count(*) FROM observations", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 3);
    assert_eq!(prune(9), 2, "and goes in its own time");
}

#[test]
fn by_a_clock_that_nobody_watched_by_nothing_is_deleted_for_its_age() {
    let folder = folder();
    let now = second(0);
    let db = super::super::open::open(&folder.path().join("siaga.db"), now).unwrap();
    let day = |days: i64| now.as_microsecond() + days * 86_400_000_000;
    watched(&db, now, 24 * 40);
    for (id, start) in [("held", -10), ("booked", 10)] {
        let row = rusqlite::params![id, day(start), day(start) + 3_600_000_000];
        db.execute("INSERT INTO observations VALUES (?2, ?1, '{}', 0, ?3, ?3)", row).unwrap();
    }
    for n in [1, 30_000] {
        db.execute("INSERT INTO evidence VALUES (?1, ?1, ?2, '{}', '{}')", [n, day(0)]).unwrap();
    }
    // A month ahead, and years: what was watched until now was another clock's week.
    for ahead in [31, 1500] {
        let wrong = Timestamp::from_microsecond(day(ahead)).unwrap();
        assert_eq!(
            retention::prune(&db, &Retention::default(), wrong).unwrap(),
            usize::from(ahead == 31),
            "by number alone"
        );
        watched(&db, wrong, 23);
        assert_eq!(retention::prune(&db, &Retention::default(), wrong).unwrap(), 0, "{ahead} days ahead");
    }
    assert_eq!(
        retention::prune(&db, &Retention::default(), now).unwrap(),
        1,
        "of ten days ago, when it is right again"
    );
    let weeks = Timestamp::from_microsecond(day(60)).unwrap();
    watched(&db, weeks, 24);
    assert_eq!(retention::prune(&db, &Retention::default(), weeks).unwrap(), 1, "after weeks in which it was off");
}

#[test]
fn every_unit_is_read_back() {
    // No unit may be missing from the list of words: a new one does not compile until it is counted here.
    let place = |unit: Unit| match unit {
        Unit::Seconds => 0,
        Unit::Ratio => 1,
        Unit::Bytes => 2,
        Unit::BitsPerSecond => 3,
        Unit::Volts => 4,
        Unit::Hertz => 5,
        Unit::Celsius => 6,
        Unit::DecibelMilliwatts => 7,
        Unit::Count => 8,
        Unit::Flag => 9,
        Unit::Timestamp => 10,
        Unit::Decibels => 11,
        Unit::Score => 12,
    };
    let places: Vec<usize> = super::super::rows::UNITS.into_iter().map(place).collect();
    assert_eq!(places, (0..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_act_is_written_when_it_comes_and_again_with_its_outcome_and_goes_when_it_is_old() {
    let folder = folder();
    let store = open(folder.path());
    let act = |key: &str, at, outcome: Option<&str>| Act {
        key: key.into(),
        at: second(at),
        actor: crate::domain::Actor { name: "sari".into(), via: crate::domain::Via::Local },
        action: "test",
        subject: "microphone".into(),
        outcome: outcome.map(str::to_owned),
    };
    let write = async |act: Act| {
        let batch = Batch { acts: vec![act], ..Batch::default() };
        assert_eq!(store.record(batch).await.unwrap(), Kept::OnDisk);
    };
    write(act("a", 1, None)).await;
    write(act("b", 2, Some("refused: not allowed"))).await;
    write(act("a", 1, Some("ready"))).await;
    let rows = || -> Vec<(i64, String, Option<String>)> {
        let db = other_eyes(folder.path());
        let mut rows = db.prepare("SELECT at, actor, outcome FROM audit ORDER BY id").unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        rows.query_map([], row).unwrap().map(Result::unwrap).collect()
    };
    let row = |at, outcome: &str| (micros(second(at)), "sari".to_owned(), Some(outcome.to_owned()));
    assert_eq!(rows(), [row(1, "ready"), row(2, "refused: not allowed")]);
    // The same act again: what was done stays done, and what was refused is done yet.
    for act in
        [act("a", 3, None), act("a", 3, Some("refused: too soon")), act("b", 4, None), act("b", 4, Some("ready"))]
    {
        write(act).await;
    }
    assert_eq!(rows(), [row(1, "ready"), row(4, "ready")]);
    let db = rusqlite::Connection::open(folder.path().join("siaga.db")).unwrap();
    let keep = Retention { audit: Period(Duration::from_secs(10)), ..Retention::default() };
    assert_eq!(prune(&db, &keep, second(12)), 1);
    assert_eq!(rows(), [row(4, "ready")]);
}

#[tokio::test]
async fn what_is_too_old_goes_faster_than_anybody_has_it_written() {
    let folder = folder();
    let keep = Retention { audit: Period(Duration::from_secs(10)), ..Retention::default() };
    let store = Store::open(claim(folder.path()), Clock::start(), keep, CATALOGUE);
    store.restore().await.unwrap();
    let db = other_eyes(folder.path());
    db.execute_batch(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000)
         INSERT INTO audit (key, at, actor, via, action, subject) SELECT n, 0, 'sari', 'local', 'test', 'line' FROM n",
    )
    .unwrap();
    watched(&db, Clock::start().now().wall, 24);
    let left = || db.query_row("SELECT count(*) FROM audit", [], |row| row.get::<_, i64>(0)).unwrap();
    // At five hundred each ten seconds it would be three minutes.
    let gone = async {
        while left() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), gone).await.unwrap_or_else(|_| panic!("{} are left", left()));
}

#[tokio::test]
async fn its_files_are_their_owners_alone_whoever_made_the_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let open_to_all = |path: &Path| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    open_to_all(folder.path());
    // One that an earlier version made, for everybody to read.
    std::fs::write(folder.path().join("siaga.db"), "").unwrap();
    open_to_all(&folder.path().join("siaga.db"));
    let store = open(folder.path());
    store.restore().await.unwrap();
    for name in ["siaga.db", "siaga.db-wal", "siaga.db-shm"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
    store.close().await.unwrap();
}

/// Whoever copies the file after the daemon's end has all of it: what pages have read keeps nothing in the log beside it.
#[tokio::test]
async fn what_is_closed_is_whole_in_its_file_also_where_it_was_read() {
    let folder = folder();
    let store = open(folder.path());
    store.record(Batch { incidents: vec![incident("internet-1", 1)], ..Batch::default() }).await.unwrap();
    assert_eq!(store.incidents(true, 10).await.unwrap().len(), 1);
    // A person at the file, who goes on reading.
    let onlooker = rusqlite::Connection::open(folder.path().join("siaga.db")).unwrap();
    let count =
        |db: &rusqlite::Connection| db.query_row("SELECT count(*) FROM incidents", [], |row| row.get::<_, i64>(0));
    assert_eq!(count(&onlooker), Ok(1));
    store.close().await.unwrap();
    let copy = folder.path().join("copy.db");
    std::fs::copy(folder.path().join("siaga.db"), &copy).unwrap();
    assert_eq!(count(&rusqlite::Connection::open(copy).unwrap()), Ok(1));
    drop(onlooker);

    let store = open(folder.path());
    store.flush().await.unwrap();
    assert_eq!(store.incidents(true, 10).await.unwrap().len(), 1);
    store.close().await.unwrap();
    assert!(!folder.path().join("siaga.db-wal").exists());
}

#[test]
fn what_is_free_is_given_back_a_megabyte_at_a_time_and_a_little_is_kept() {
    let folder = folder();
    let db = super::super::open::open(&folder.path().join("siaga.db"), second(0)).unwrap();
    for n in 0..20 {
        db.execute("INSERT INTO evidence VALUES (?1, ?1, 0, '{}', printf('%409600d', ?1))", [n]).unwrap();
    }
    db.execute("DELETE FROM evidence", []).unwrap();
    let free = || db.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0)).unwrap();
    let mut before = free();
    assert!(before > retention::KEEP_FREE + 2 * retention::GIVE_BACK, "{before}");
    while before > retention::KEEP_FREE {
        retention::give_back(&db).unwrap();
        assert_eq!(free(), before - retention::GIVE_BACK);
        before = free();
    }
    retention::give_back(&db).unwrap();
    assert_eq!(free(), before);
}
