//! What cannot be read for a while, and what is not worth its way any more.

use std::sync::Arc;

use super::super::{Config, End, Line, Parts, Stats, Unkept, run};
use super::*;

/// A queue that begins on a disk which holds four rows and is away for so many seconds, a row taken in each; what was pushed in which
/// order, and how many rows the disk gave back too late.
fn away_for(seconds: i64, bytes: usize) -> (Vec<i64>, usize) {
    let row = |at| Row { at, samples: 1, body: vec![0; bytes].into() };
    let (mut disk, mut queue) = (Disk::default(), Queue::default());
    disk.obey(&kept((1..5).map(row).collect()), Health::Good);
    let (mut now, mut pushed) = (Mono::from_elapsed(SECOND * 1000), Vec::new());
    for second in 0..seconds + 20 {
        now = now.after(SECOND);
        let health = if second < seconds { Health::Away } else { Health::Good };
        if health == Health::Away {
            queue.push(row(5 + second));
        }
        if let Some(work) = queue.work(now) {
            let answer = disk.obey(&work, health);
            queue.answered(&answer, now);
        }
        if let Some(row) = queue.begin() {
            pushed.push(row.at);
            queue.done(None);
        }
    }
    (pushed, queue.lost().iter().filter(|(why, _)| *why == Dropped::Overtaken).count())
}

#[test]
fn a_disk_that_is_away_for_a_moment_is_waited_for_and_one_that_stays_away_is_not() {
    let (pushed, overtaken) = away_for(30, 100);
    assert_eq!(
        (&pushed[..6], overtaken),
        (&[1, 2, 3, 4, 5, 6][..], 0),
        "what is older comes first, and nothing is lost"
    );
    let (pushed, overtaken) = away_for(90, 100);
    assert_eq!((&pushed[..3], overtaken), (&[5, 6, 7][..], 4));
    let (pushed, _) = away_for(30, 1 << 18);
    assert_eq!(pushed[..3], [5, 6, 7], "the memory was nearly full before");
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_has_what_it_had() {
    let folder = tempfile::tempdir().unwrap();
    large_rows(folder.path(), 3);
    let in_the_way = folder.path().join(format!("{}-wal", file::FILE));
    std::fs::create_dir(&in_the_way).unwrap();
    let (buffer, empty) = (buffer(folder.path(), 1 << 30), tempfile::tempdir().unwrap());
    let answer = buffer.ask(kept(vec![row(ago(9))])).await.unwrap();
    assert!(answer.fault.is_some() && answer.unseen && answer.head.is_none(), "{answer:?}");
    std::fs::remove_dir(&in_the_way).unwrap();
    let answer = buffer.ask(kept(vec![row(ago(9))])).await.unwrap();
    assert_eq!((answer.fault, answer.unseen, answer.pending.rows), (None, false, 4));
    // Where nothing was ever kept, nothing is waited for.
    let nowhere = self::buffer(&empty.path().join("state"), 1 << 30);
    let answer = nowhere.ask(kept(vec![row(ago(9))])).await.unwrap();
    assert!(answer.fault.is_some() && !answer.unseen, "{answer:?}");
}

#[tokio::test]
async fn what_waits_for_a_budget_goes_when_it_is_no_longer_worth_its_way_on_the_disk_and_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let buffer = buffer(folder.path(), 1 << 20);
    let rows = [7200, 5400, 1800, 9].map(|seconds| row(ago(seconds)));
    assert_eq!(buffer.ask(kept(rows.to_vec())).await.unwrap().pending.rows, 4);
    let answer = buffer.ask(Work { horizon: Some(ago(3600)), ..Work::default() }).await.unwrap();
    assert_eq!((answer.gone.too_old.rows, answer.pending.rows), (2, 2));
    assert_eq!(answer.head.unwrap().1, rows[2]);

    let mut queue = Queue::default();
    for row in &rows {
        queue.push(row.clone());
    }
    queue.let_go_before(rows[2].at);
    assert_eq!((queue.lost(), queue.oldest()), (vec![(Dropped::TooOld, 3); 2], Some(rows[2].at)));
    let work = queue.work(Mono::from_elapsed(SECOND)).unwrap();
    assert_eq!((work.horizon, work.keep.len()), (Some(rows[2].at), 2), "and the disk is told");
    queue.let_go_before(rows[3].at + 1);
    assert_eq!(queue.lost(), [], "what is in the disk's hands stays");
}

#[test]
fn what_the_disk_does_not_take_or_does_not_answer_for_is_for_whoever_pushes_next() {
    let now = Mono::from_elapsed(SECOND * 1000);
    let in_its_hands = || {
        let mut queue = Queue::default();
        (1..4).for_each(|at| queue.push(row(at)));
        let work = queue.work(now).unwrap();
        (queue, work)
    };
    let (mut queue, _) = in_its_hands();
    queue.push(row(4));
    assert_eq!(queue.unkept().rows, [row(1), row(2), row(3), row(4)], "the disk stands still: it may fail yet");
    let (mut queue, work) = in_its_hands();
    let answer = Disk::default().obey(&work, Health::Away);
    queue.answered(&answer, now);
    assert!(queue.work(now).is_none() && queue.last_work().is_none(), "it is tried again later");
    assert_eq!(queue.unkept().rows, [row(1), row(2), row(3)]);
    assert_eq!(queue.unkept().samples(), 0);
}

/// A line on which nothing may leave.
struct Spent;

impl Line for Spent {
    fn leave(&self, _bytes: u64) -> bool {
        false
    }

    fn give_back(&self, _bytes: u64) {}

    fn is_limited(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn what_the_disk_did_not_take_goes_from_one_to_the_next_and_is_counted_where_none_follows() {
    let folder = tempfile::tempdir().unwrap();
    // Where the folder would be, lies a file.
    std::fs::write(folder.path().join("state"), "").unwrap();
    let (taken, mut looked) = tokio::sync::mpsc::channel(9);
    let gather = move || {
        let gauge = prometheus::Gauge::new("siaga_test", "A figure.").unwrap();
        _ = taken.try_send(());
        prometheus::core::Collector::collect(&gauge)
    };
    let (_in_use, in_use) = tokio::sync::watch::channel(false);
    let parts = Parts {
        gather: Arc::new(gather),
        in_use,
        line: Arc::new(Spent),
        folder: folder.path().join("state"),
        folder_made_anew: Arc::default(),
        stats: Stats::default(),
        clock: Clock::start(),
    };
    let config: Config = toml::from_str("url = \"http://127.0.0.1:9/\"").unwrap();
    let mut unkept = Unkept::default();
    for round in 1..3 {
        let ends = async {
            looked.recv().await.unwrap();
            End::Config
        };
        let (_, left) = run(parts.clone(), config.clone(), "room", std::mem::take(&mut unkept), ends).await;
        unkept = left;
        assert_eq!(unkept.rows.len(), round, "{unkept:?}");
        // Of one moment there is one row.
        while unkept.rows.last().is_some_and(|newest| parts.clock.now().wall.as_millisecond() <= newest.at) {}
    }
    parts.stats.off(&unkept);
    let counts = parts.stats.counts();
    assert_eq!((counts.pending, counts.dropped.get(&Dropped::NotKept)), (0, Some(&unkept.samples())));
    assert!(unkept.samples() >= 2, "{unkept:?}");
}

#[test]
fn what_was_pushed_before_a_reload_has_overtaken_what_the_disk_gives_back_after_it() {
    let mut now = Mono::from_elapsed(SECOND * 1000);
    let (mut disk, mut before) = (Disk::default(), Queue::default());
    disk.obey(&kept(vec![row(1)]), Health::Good);
    // The disk is given up: what is newer goes from memory.
    let mut pushed = Vec::new();
    for second in 0..90 {
        now = now.after(SECOND);
        before.push(row(2 + second));
        if let Some(work) = before.work(now) {
            let answer = disk.obey(&work, Health::Away);
            before.answered(&answer, now);
        }
        pushed.extend(before.begin().map(|row| row.at));
        before.done(None);
    }
    assert!(pushed.first() == Some(&2), "{pushed:?}");
    let left = before.unkept();
    let overtaken = |unkept: Unkept| {
        let (mut disk, mut after, mut now) = (disk.clone(), Queue::default(), now);
        after.go_on(unkept);
        for _ in 0..9 {
            now = now.after(SECOND * 60);
            if let Some(work) = after.work(now) {
                let answer = disk.obey(&work, Health::Good);
                after.answered(&answer, now);
            }
        }
        after.lost()
    };
    assert_eq!(overtaken(left.clone()), [(Dropped::Overtaken, row(1).samples)]);
    assert_eq!(overtaken(left.for_another()), [], "another receiver has none of what was pushed to this one");
}
