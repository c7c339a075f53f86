//! The line by the hour, and when anybody watched: on the disk, over restarts and jumps of the clock, and gone in time.

use super::super::{hourly, open as file, past, read, read_from, retention, sessions, sql, story};
use super::*;
use crate::domain::past::{hour_begins, hour_of};
use crate::domain::{Figure, Hour, Past, Run, Sample, Wanted};
use crate::engine::past::spans::{Span, spans};

static TRIP: Quantity = Quantity::gauge("stun_rtt_seconds", Unit::Seconds, "x").figure(Figure::RoundTrip);

const FIGURES: Catalogue =
    Catalogue { reason: CATALOGUE.reason, quantity: |name| (name == TRIP.name).then_some(&TRIP) };

fn opened(folder: &Path) -> Store {
    Store::open(claim(folder), Clock::start(), Retention::default(), FIGURES)
}

/// Seconds after the beginning of an hour, by both clocks.
fn at(seconds: i64) -> Now {
    let begin = hour_begins(hour_of(second(0)) + 1);
    let mono = Mono::ZERO.after(Duration::from_secs(u64::try_from(seconds + 86_400).unwrap()));
    Now { mono, wall: begin.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap() }
}

fn trip(check: &str, at: Now, value: f64, sample: impl Into<Option<Sample>>) -> Observation {
    let mut reading = Reading::default();
    reading.measure(&TRIP, value);
    reading.sample = sample.into();
    Observation::read(check.into(), at, Duration::from_millis(3), reading)
}

fn lost(sent: u32, lost: u32, outage: bool) -> Sample {
    Sample { sent, lost, outage }
}

fn everything(folder: &Path) -> Past {
    let subject = Subject::Component(Component::Internet);
    let wanted = Wanted {
        since: at(-7200).wall,
        until: at(7200).wall,
        hours: vec![(hour_of(at(-7200).wall), hour_of(at(7200).wall))],
        subjects: vec![subject],
    };
    read_from(folder, &wanted, &FIGURES).unwrap()
}

/// The hour that begins at zero, of one figure.
fn first(past: &Past, figure: Figure) -> &Hour {
    past.hours.iter().find(|hour| hour.hour == hour_of(at(0).wall) && hour.figure == figure).unwrap()
}

#[tokio::test]
async fn an_hour_is_the_sum_of_its_minutes_over_a_restart_too_and_is_read_while_the_daemon_runs() {
    let folder = folder();
    let store = opened(folder.path());
    // Ten minutes of an observation a second: 10 ms, but 300 ms for ten seconds of each minute.
    for second in 0..600 {
        let value = if second % 60 < 10 { 0.3 } else { 0.01 };
        store.observe(&trip("far-end", at(second), value, lost(10, u32::from(second < 60), false)));
    }
    store.observe(&trip("far-end", at(3600), 0.01, None));
    store.flush().await.unwrap();
    let while_running = everything(folder.path());
    assert_eq!(first(&while_running, Figure::RoundTrip).minutes.count(), 10);
    store.close().await.unwrap();

    let store = opened(folder.path());
    // The second part: an outage, whose packets are no loss, and a minute that is bad.
    for second in 1200..1320 {
        let sample = if second < 1260 { lost(10, 10, true) } else { lost(10, 5, false) };
        store.observe(&trip("far-end", at(second), 0.6, sample));
    }
    store.close().await.unwrap();
    let past = everything(folder.path());
    let trips = first(&past, Figure::RoundTrip);
    assert_eq!((trips.count, trips.minutes.count(), &trips.check), (720, 12, &CheckName::from("far-end")));
    let near = |told: f64, exact: f64| assert!((told / exact - 1.0).abs() < 0.0101, "{told} for {exact}");
    near(trips.minutes.quantile(50).unwrap(), 0.01);
    near(trips.minutes.quantile(95).unwrap(), 0.6);
    near(trips.mean, (600.0 / 6.0 * 0.3 + 500.0 * 0.01 + 120.0 * 0.6) / 720.0);
    let loss = first(&past, Figure::Loss);
    assert_eq!((loss.count, loss.minutes.count()), (6600, 11), "a minute of nothing but outage is none");
    near(loss.mean, (60.0 + 300.0) / 6600.0);
    near(loss.minutes.quantile(95).unwrap(), 0.5);
    let zeros = loss.minutes.quantile(50);
    assert_eq!(zeros, Some(0.0));
}

#[tokio::test]
async fn when_anybody_watched_is_known_over_restarts_and_jumps_of_the_clock() {
    let folder = folder();
    let store = opened(folder.path());
    for second in 0..100 {
        store.observe(&trip("far-end", at(second), 0.01, None));
    }
    // The machine sleeps for ten minutes; then the wall clock alone is put forward by half an hour.
    store.observe(&trip("far-end", at(700), 0.01, None));
    store.observe(&trip("far-end", Now { mono: at(701).mono, ..at(2501) }, 0.01, None));
    store.flush().await.unwrap();
    store.observe(&trip("far-end", Now { mono: at(741).mono, ..at(2541) }, 0.01, None));
    store
        .record(Batch { transitions: vec![Transition { at: at(50).wall, ..transition(0) }], ..Batch::default() })
        .await
        .unwrap();
    store.close().await.unwrap();
    let store = opened(folder.path());
    store.observe(&trip("far-end", at(2600), 0.01, None));
    store.close().await.unwrap();
    let past = everything(folder.path());
    let run = |from: i64, until: i64, fresh| Run { began: at(from).wall, until: at(until).wall, fresh };
    assert_eq!(
        past.runs,
        [run(0, 99, true), run(700, 700, false), run(2501, 2541, false), run(2600, 2600, true)],
        "what was written twice has grown, and is not there twice"
    );
    let [(_, changes)] = &past.changes[..] else { panic!("{:?}", past.changes) };
    assert_eq!(
        changes.iter().map(|change| (change.at, change.to)).collect::<Vec<_>>(),
        [(at(50).wall, Verdict::NotReady)]
    );
}

#[tokio::test]
async fn of_too_many_changes_the_last_that_is_read_is_not_carried_over_those_that_are_not() {
    let folder = folder();
    let store = opened(folder.path());
    let subject = Subject::Component(Component::Internet);
    let changes = (0..20_010).map(|n| {
        let (from, to) =
            if n % 2 == 0 { (Verdict::Ready, Verdict::NotReady) } else { (Verdict::NotReady, Verdict::Ready) };
        let at = at(0).wall + Duration::from_millis(n * 100);
        Transition { subject: subject.clone(), from, to, at, ..transition(0) }
    });
    store.record(Batch { transitions: changes.collect(), ..Batch::default() }).await.unwrap();
    for second in (0..7000).step_by(60) {
        store.observe(&trip("far-end", at(second), 0.01, None));
    }
    store.close().await.unwrap();
    let past = everything(folder.path());
    assert!(past.cut);
    let told = spans(&past.changes[0].1, &past.runs, (at(0).wall, at(6960).wall));
    let last = told.last().unwrap();
    assert_eq!((last.state, last.to), (Some(Verdict::Unknown), at(6960).wall), "{last:?}");
    assert_eq!(last.from, at(2000).wall);
}

#[tokio::test(start_paused = true)]
async fn what_something_is_it_still_is_where_the_wall_clock_was_set_back() {
    let folder = folder();
    let store = Store::open(claim(folder.path()), Clock::on_tokio_time(at(700).wall), Retention::default(), FIGURES);
    // It begins two hours ahead, says how it is, and is set right; a third thing changes after that.
    let ahead = |second: i64| Now { mono: at(second).mono, ..at(second + 7200) };
    let said =
        |check: &str, at: Now| Transition { subject: Subject::Check(check.into()), at: at.wall, ..transition(0) };
    store.observe(&trip("far-end", ahead(0), 0.01, None));
    store.observe(&trip("far-end", ahead(60), 0.01, None));
    let early = vec![said("first", ahead(1)), said("second", ahead(2))];
    store.record(Batch { transitions: early, ..Batch::default() }).await.unwrap();
    for second in 100..700 {
        store.observe(&trip("far-end", at(second), 0.01, None));
    }
    let well = Transition { from: Verdict::NotReady, to: Verdict::Ready, ..said("second", at(102)) };
    store.record(Batch { transitions: vec![well], ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
    let subjects = ["first", "second"].map(|check| Subject::Check(check.into())).to_vec();
    let wanted = Wanted { since: at(100).wall, until: at(699).wall, hours: Vec::new(), subjects };
    let past = read_from(folder.path(), &wanted, &FIGURES).unwrap();
    let told: Vec<_> =
        past.changes.iter().map(|(_, changes)| spans(changes, &past.runs, (wanted.since, wanted.until))).collect();
    let span = |from: i64, to: i64, state| Span { from: at(from).wall, to: at(to).wall, state: Some(state) };
    assert_eq!(told[0], [span(100, 699, Verdict::NotReady)]);
    assert_eq!(told[1], [span(100, 102, Verdict::Unknown), span(102, 699, Verdict::Ready)]);
}

#[tokio::test(start_paused = true)]
async fn a_new_file_knows_what_is_from_its_own_beginning_on_and_an_old_one_that_is_opened_again_goes_on() {
    for removed in [true, false] {
        let folder = folder();
        let clock = Clock::on_tokio_time(at(60).wall);
        let store = Store::open(claim(folder.path()), clock, Retention::default(), FIGURES);
        store.observe(&trip("far-end", at(0), 0.01, None));
        store.observe(&trip("far-end", at(30), 0.01, None));
        let said = Transition { at: at(1).wall, ..transition(0) };
        store.record(Batch { transitions: vec![said.clone()], ..Batch::default() }).await.unwrap();
        store.flush().await.unwrap();
        let names: &[&str] = if removed { &["-wal", "-shm", ""] } else { &[] };
        for name in names {
            std::fs::remove_file(folder.path().join(format!("siaga.db{name}"))).unwrap();
        }
        store.observe(&trip("far-end", at(60), 0.01, None));
        store.close().await.unwrap();
        let past = everything(folder.path());
        let began = at(if removed { 30 } else { 0 }).wall;
        assert_eq!(past.runs, [Run { began, until: at(60).wall, fresh: true }], "from where the other file ends");
        let [(_, changes)] = &past.changes[..] else { panic!("{:?}", past.changes) };
        let is = |change: &Transition| (change.at, change.from, change.to, change.settling);
        let expected = if removed { (clock.now().wall, Verdict::Unknown, said.to, true) } else { is(&said) };
        assert_eq!(changes.iter().map(is).collect::<Vec<_>>(), [expected]);
    }
}

/// A span that begins a process, or goes on `after` another.
fn watched(began: Timestamp, until: Timestamp, after: Option<Timestamp>) -> hourly::Watched {
    hourly::Watched { run: Run { began, until, fresh: after.is_none() }, after }
}

#[test]
fn what_was_said_goes_on_over_a_clock_set_forward_but_not_over_the_time_of_others() {
    let folder = folder();
    let db = file::open(&folder.path().join("siaga.db"), second(0)).unwrap();
    let put = |began: i64, after: Option<i64>| {
        hourly::put_run(&db, &watched(second(began), second(began), after.map(second))).unwrap();
        let fresh = "SELECT fresh FROM runs WHERE began = ?1";
        db.query_row(fresh, [micros(second(began))], |row| row.get::<_, bool>(0)).unwrap()
    };
    assert!(put(0, None));
    assert!(!put(7200, Some(0)));
    // A process of yesterday ran while the clock of this one was behind it.
    assert!(put(3600, None));
    assert!(put(9000, Some(0)));
    assert!(!put(7200, Some(0)), "it grows, and stays what it was");
}

#[test]
fn rows_hold_in_the_order_in_which_they_were_written_where_a_clock_was_set_back() {
    let folder = folder();
    let db = file::open(&folder.path().join("siaga.db"), second(0)).unwrap();
    let subject = Subject::Component(Component::Internet);
    let read = |since: i64, until: i64| {
        let wanted =
            Wanted { since: second(since), until: second(until), hours: vec![], subjects: vec![subject.clone()] };
        let past = past::read(&db, &FIGURES, &wanted, &|| false).unwrap().unwrap();
        let relative = |at: Timestamp| at.as_second() - second(0).as_second();
        let changes: Vec<_> = past.changes_of(&subject).iter().map(|change| (relative(change.at), change.to)).collect();
        (past.runs.iter().map(|run| relative(run.began)).collect::<Vec<_>>(), changes)
    };
    let say = |at: i64, to: Verdict| {
        let row = Transition { subject: subject.clone(), to, at: second(at), ..transition(0) };
        let batch = Batch { transitions: vec![row], ..Batch::default() };
        sql::apply(&db, &sql::Op::Record(batch)).unwrap();
    };
    let watch = |began: i64, until: i64| hourly::put_run(&db, &watched(second(began), second(until), None)).unwrap();
    // Yesterday's process; then a machine whose clock is seven hours ahead, until it is set back.
    watch(-90_000, -50_000);
    say(-89_990, Verdict::Degraded);
    watch(25_200, 25_260);
    say(25_200, Verdict::NotReady);
    watch(0, 40_000);
    say(80, Verdict::Ready);
    let ready = (80, Verdict::Ready);
    assert_eq!(read(0, 40_000), (vec![-90_000, 0], vec![(-89_990, Verdict::Degraded), ready]));
    // Of a span that begins before the hours that came twice, within them, and after them.
    for since in [100, 25_230, 30_000] {
        assert_eq!(read(since, 40_000), (vec![0], vec![ready]), "{since}");
    }
    // A subject of which the process has said nothing is known all the same.
    watch(50_000, 60_000);
    assert_eq!(read(50_010, 60_000), (vec![50_000], vec![ready]));
}

#[tokio::test]
async fn an_hour_has_room_for_so_many_figures_and_what_is_left_out_is_counted() {
    let folder = folder();
    let store = opened(folder.path());
    for check in 0..70 {
        store.observe(&trip(&format!("far-end-{check}"), at(0), 0.01, None));
    }
    store.close().await.unwrap();
    assert_eq!(everything(folder.path()).hours.len(), 64);
    let minutes: i64 =
        other_eyes(folder.path()).query_row("SELECT count(*) FROM minutes", [], |row| row.get(0)).unwrap();
    assert_eq!(minutes, 70, "the minutes are kept all the same");
    assert_eq!(store.health().borrow().dropped, 6);
}

#[test]
fn what_is_older_than_its_limit_goes_and_a_clock_that_jumps_takes_no_more() {
    let folder = folder();
    let db = file::open(&folder.path().join("siaga.db"), second(0)).unwrap();
    let now = hour_of(second(0));
    db.execute_batch("BEGIN").unwrap();
    for i in 0..700 {
        let hour = now - 24 * if i < 600 { 401 } else { 399 };
        db.execute("INSERT INTO hours VALUES (?1, ?2, 1, 0, 0, 0, x'')", [hour, i]).unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
    for age in [401, 399, -1] {
        let began = hour_begins(now - 24 * age);
        hourly::put_run(&db, &watched(began, began, None)).unwrap();
    }
    let prune = |days: i64| {
        let at = hour_begins(now + 24 * days);
        prune(&db, &Retention::default(), at)
    };
    assert_eq!(prune(-2000), 0, "a clock that begins in the past");
    assert_eq!([prune(0), prune(0), prune(0)], [501, 100, 0]);
    let count =
        |table: &str| -> i64 { db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap() };
    assert_eq!((count("hours"), count("runs")), (100, 2), "what was written ahead of the clock stays");
}

#[test]
fn what_was_said_before_the_oldest_change_that_is_kept_is_still_known() {
    let folder = folder();
    let db = file::open(&folder.path().join("siaga.db"), second(0)).unwrap();
    let day = |days: i64| second(days * 86_400);
    let internet = Subject::Component(Component::Internet);
    let power = Subject::Component(Component::Power);
    // One process has watched for 500 days.
    hourly::put_run(&db, &watched(day(-500), day(0), None)).unwrap();
    let say = |subject: &Subject, days: i64, to: Verdict| {
        let row = Transition { subject: subject.clone(), to, at: day(days), ..transition(0) };
        sql::apply(&db, &sql::Op::Record(Batch { transitions: vec![row], ..Batch::default() })).unwrap();
    };
    say(&internet, -499, Verdict::Ready);
    say(&Subject::Room, -499, Verdict::Ready);
    say(&power, -499, Verdict::NotReady);
    say(&power, -450, Verdict::Ready);
    say(&power, -10, Verdict::NotReady);
    let prune = || prune(&db, &Retention::default(), day(0));
    assert_eq!([prune(), prune()], [1, 0], "of the power what did not hold any more 400 days ago");
    for since in [-399, -30] {
        let subjects = vec![internet.clone(), Subject::Room, power.clone()];
        let wanted = Wanted { since: day(since), until: day(0), hours: vec![], subjects };
        let past = past::read(&db, &FIGURES, &wanted, &|| false).unwrap().unwrap();
        let said = |subject: &Subject| -> Vec<_> {
            past.changes_of(subject).iter().map(|change| (change.at, change.to)).collect()
        };
        assert_eq!(said(&internet), [(day(-499), Verdict::Ready)], "{since}");
        assert_eq!(said(&Subject::Room), [(day(-499), Verdict::Ready)], "{since}");
        assert_eq!(said(&power), [(day(-450), Verdict::Ready), (day(-10), Verdict::NotReady)], "{since}");
    }
}

/// How `SQLite` would go about it, with so many numbers to fill in.
fn plan(db: &rusqlite::Connection, query: &str, numbers: usize) -> String {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
    let at = micros(second(0));
    let rows = statement.query_map(rusqlite::params_from_iter(vec![at; numbers]), |row| row.get::<_, String>(3));
    rows.unwrap().map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_question_reads_its_own_rows_and_not_a_year() {
    let folder = folder();
    let db = file::open(&folder.path().join("siaga.db"), second(0)).unwrap();
    for (query, numbers) in [
        (past::HOURS, 3),
        (past::RUNS, 3),
        (past::PROCESS, 1),
        (past::BEFORE, 4),
        (past::CHANGES, 5),
        (story::CHANGES_OF, 4),
        (story::TOLD_OF, 2),
        (story::TOLD_TO, 2),
        (sessions::HAD_WORD, 1),
        (read::INCIDENTS, 4),
    ] {
        let plan = plan(&db, query, numbers);
        assert!(plan.contains("SEARCH") && !plan.contains("SCAN"), "{query}: {plan}");
    }
    for told in [story::TOLD_OF, story::TOLD_TO] {
        let plan = plan(&db, told, 2);
        assert!(!plan.contains("ORDER BY"), "the newest are read, and not all that are then sorted: {plan}");
    }
}

#[test]
fn what_is_too_old_is_found_without_reading_what_is_not() {
    let folder = folder();
    let db = file::open(&folder.path().join("siaga.db"), second(0)).unwrap();
    for (statement, _) in retention::limits(&Retention::default(), second(0)) {
        let plan = plan(&db, statement, 2);
        assert!(plan.contains("SEARCH") && !plan.contains("SCAN"), "{statement}: {plan}");
    }
}
