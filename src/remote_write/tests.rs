//! What holds whatever happens: the body's bytes, the order, the counts, the limits of the file.

mod away;

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::buffer::{Answer, Buffer, Id, Pending, Row, Work};
use super::file::{self, Gone, Limits};
use super::labels::{Labels, STALE, Sample, ended};
use super::queue::{Dropped, Queue};
use super::wire;
use crate::clock::Clock;
use crate::domain::Mono;

const SECOND: Duration = Duration::from_secs(1);

/// Any message of protobuf as its fields: the number, and either eight bytes, a varint, or what has a length. It knows nothing of ours.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    Varint(u64),
    Fixed(u64),
    Bytes(Vec<u8>),
}

fn fields(mut rest: &[u8]) -> Vec<(u64, Field)> {
    fn varint(rest: &mut &[u8]) -> u64 {
        let end = rest.iter().position(|byte| byte & 0x80 == 0).expect("a varint ends");
        let (all, after) = rest.split_at(end + 1);
        *rest = after;
        all.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f))
    }
    let mut all = Vec::new();
    while !rest.is_empty() {
        let tag = varint(&mut rest);
        let field = match tag & 7 {
            0 => Field::Varint(varint(&mut rest)),
            1 => {
                let (bytes, after) = rest.split_at(8);
                rest = after;
                Field::Fixed(u64::from_le_bytes(bytes.try_into().unwrap()))
            }
            2 => {
                let length = usize::try_from(varint(&mut rest)).unwrap();
                let (bytes, after) = rest.split_at(length);
                rest = after;
                Field::Bytes(bytes.to_vec())
            }
            other => panic!("wire type {other}"),
        };
        all.push((tag >> 3, field));
    }
    all
}

/// A body as the receiver reads it: each series' labels, and the bits and the moment of its one sample.
fn read(body: &[u8]) -> Vec<(Labels, u64, i64)> {
    let request = snap::raw::Decoder::new().decompress_vec(body).unwrap();
    let inner = |field: Field| match field {
        Field::Bytes(bytes) => fields(&bytes),
        other => panic!("{other:?}"),
    };
    let text = |field: &Field| match field {
        Field::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{other:?}"),
    };
    let series = fields(&request).into_iter().map(|(number, series)| {
        assert_eq!(number, 1);
        let (mut labels, mut samples) = (Labels::new(), Vec::new());
        for (number, part) in inner(series) {
            let part = inner(part);
            match (number, &part[..]) {
                (1, [(1, name), (2, value)]) => labels.push((text(name), text(value))),
                (2, [(1, Field::Fixed(bits)), (2, Field::Varint(at))]) => samples.push((*bits, at.cast_signed())),
                other => panic!("{other:?}"),
            }
        }
        let [(bits, at)] = samples[..] else { panic!("{samples:?}") };
        (labels, bits, at)
    });
    series.collect()
}

fn some_labels() -> impl Strategy<Value = Labels> {
    proptest::collection::btree_map("[a-z_]{1,200}", "\\PC{1,40}", 1..6).prop_map(|all| all.into_iter().collect())
}

proptest! {
    #[test]
    fn a_body_is_read_back_by_a_reader_that_knows_protobuf_alone(
        all in proptest::collection::vec((some_labels(), any::<u64>()), 0..40),
        gone in proptest::collection::vec(some_labels(), 0..9),
        at in any::<i64>(),
    ) {
        let samples: Vec<_> =
            all.iter().map(|(labels, bits)| Sample { labels: labels.clone(), value: f64::from_bits(*bits) }).collect();
        let body = wire::body(&samples, &gone, at).unwrap();
        let there = all.iter().map(|(labels, bits)| (labels.clone(), *bits, at));
        let expected: Vec<_> = there.chain(gone.iter().map(|labels| (labels.clone(), STALE, at))).collect();
        prop_assert_eq!(read(&body), expected);
        let mut live: Vec<_> = all.iter().filter(|(_, bits)| *bits != STALE).map(|(labels, _)| labels.clone()).collect();
        live.sort_unstable();
        prop_assert_eq!(wire::series_of(&body), Some(live));
    }

    #[test]
    fn what_is_no_body_is_read_as_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        _ = wire::series_of(&bytes);
        let packed = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
        _ = wire::series_of(&packed);
    }
}

#[test]
fn a_series_that_is_gone_has_ended() {
    let labels = |name: &str| vec![("__name__".to_owned(), name.to_owned())];
    let now = [Sample { labels: labels("b"), value: 1.0 }, Sample { labels: labels("d"), value: 1.0 }];
    assert_eq!(ended(&[labels("a"), labels("b"), labels("c")], &now), [labels("a"), labels("c")]);
}

fn row(at: i64) -> Row {
    Row { at, samples: 3, body: vec![u8::try_from(at % 251).unwrap(); 100].into() }
}

/// A disk as the queue sees it.
#[derive(Clone, Default)]
struct Disk {
    rows: VecDeque<(i64, Row)>,
    next: i64,
    sent: i64,
}

/// How it does what it is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Health {
    Good,
    /// It takes nothing, and gives what it has.
    Full,
    /// It is not there.
    Away,
}

impl Disk {
    fn obey(&mut self, work: &Work, health: Health) -> Answer {
        if let Some(sent) = work.sent {
            self.sent = self.sent.max(sent.row);
        }
        if health == Health::Away {
            let unseen = self.rows.iter().any(|(id, _)| *id > self.sent);
            let pending = if unseen { self.pending() } else { Pending::default() };
            return Answer { fault: Some("away".to_owned()), unseen, pending, ..Answer::default() };
        }
        if health == Health::Good {
            for row in &work.keep {
                self.next += 1;
                self.rows.push_back((self.next, row.clone()));
            }
        }
        self.rows.retain(|(id, _)| *id > self.sent);
        let pending = self.pending();
        let head = self.rows.front().map(|(id, row)| (Id { file: 1, row: *id }, row.clone()));
        let fault = (health == Health::Full).then(|| "full".to_owned());
        Answer { fault, pending, head, ..Answer::default() }
    }

    fn pending(&self) -> Pending {
        Pending {
            rows: i64::try_from(self.rows.len()).unwrap(),
            samples: self.rows.iter().map(|(_, row)| row.samples).sum(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Take,
    Ask(Health),
    Answer,
    Begin,
    Arrive,
    Refuse,
    Again,
    Kill,
}

fn step(kills: bool) -> impl Strategy<Value = Step> {
    let health = if kills {
        Just(Health::Good).boxed()
    } else {
        prop_oneof![Just(Health::Good), Just(Health::Full), Just(Health::Away)].boxed()
    };
    let last = if kills { Step::Kill } else { Step::Again };
    prop_oneof![
        4 => Just(Step::Take),
        4 => health.prop_map(Step::Ask),
        4 => Just(Step::Answer),
        4 => Just(Step::Begin),
        4 => Just(Step::Arrive),
        1 => Just(Step::Refuse),
        2 => Just(Step::Again),
        1 => Just(last),
    ]
}

/// Runs steps, then lets all go well until nothing waits; what arrived in its order, what was dropped, and how much was taken.
fn run(steps: &[Step]) -> (Vec<i64>, Vec<(Dropped, i64)>, i64, i64) {
    let (mut disk, mut queue, mut arrived) = (Disk::default(), Queue::default(), Vec::new());
    let (mut asked, mut under_way, mut lost, mut taken, mut killed) = (None, None::<Row>, Vec::new(), 0, 0);
    let mut now = Mono::from_elapsed(SECOND * 1000);
    let calm: Vec<Step> =
        [Step::Ask(Health::Good), Step::Answer, Step::Begin, Step::Arrive].repeat(steps.len() * 2 + 8);
    for step in steps.iter().chain(&calm).copied() {
        now = now.after(SECOND);
        match step {
            Step::Take => {
                taken += 1;
                queue.push(row(taken));
            }
            Step::Ask(health) => {
                if let Some(work) = queue.work(now) {
                    asked = Some(disk.obey(&work, health));
                }
            }
            Step::Answer => {
                if let Some(answer) = asked.take() {
                    queue.answered(&answer, now);
                }
            }
            Step::Begin => under_way = queue.begin().or(under_way),
            Step::Arrive => {
                if let Some(row) = under_way.take() {
                    arrived.push(row.at);
                    queue.done(None);
                }
            }
            Step::Refuse => {
                if under_way.take().is_some() {
                    queue.done(Some(Dropped::Refused));
                }
            }
            Step::Again => {
                if under_way.take().is_some() {
                    queue.again();
                }
            }
            Step::Kill => {
                let written = disk.rows.back().map_or(arrived.last().copied().unwrap_or_default(), |(_, row)| row.at);
                killed += taken - written.max(arrived.last().copied().unwrap_or_default());
                lost.extend(queue.lost());
                queue = Queue::default();
                (asked, under_way) = (None, None);
            }
        }
        lost.extend(queue.lost());
    }
    assert_eq!(queue.pending(), Pending::default(), "all is over");
    (arrived, lost, taken, killed)
}

proptest! {
    #[test]
    fn a_disk_that_comes_and_goes_costs_no_order_and_every_sample_is_accounted_for(
        steps in proptest::collection::vec(step(false), 1..120),
    ) {
        let (arrived, lost, taken, _) = run(&steps);
        prop_assert!(arrived.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", arrived);
        let gone: i64 = lost.iter().map(|(_, samples)| samples).sum();
        prop_assert_eq!(i64::try_from(arrived.len()).unwrap() * 3 + gone, taken * 3, "{:?} {:?}", arrived, lost);
    }

    #[test]
    fn a_kill_at_any_step_costs_what_was_not_written_and_repeats_at_most_the_last(
        steps in proptest::collection::vec(step(true), 1..120),
    ) {
        let (mut arrived, lost, taken, killed) = run(&steps);
        prop_assert!(arrived.windows(2).all(|pair| pair[0] <= pair[1]), "{:?}", arrived);
        arrived.dedup();
        // What was refused, and not told to the disk at the kill, is offered again.
        let refused: i64 = lost.iter().map(|(_, samples)| samples / 3).sum();
        let there = i64::try_from(arrived.len()).unwrap();
        prop_assert!(there >= taken - killed - refused, "{:?} of {}, {} killed, {} refused", arrived, taken, killed, refused);
    }
}

#[test]
fn memory_is_bounded_and_the_oldest_goes() {
    let mut queue = Queue::default();
    let body = vec![0_u8; 1 << 20];
    for at in 1..=9 {
        queue.push(Row { at, samples: 1, body: body.clone().into() });
    }
    assert_eq!(queue.lost(), vec![(Dropped::MemoryFull, 1); 5]);
    assert_eq!((queue.pending().rows, queue.oldest()), (4, Some(6)));
}

fn buffer(folder: &std::path::Path, size: u64) -> Buffer {
    Buffer::start(folder.to_owned(), size, Duration::from_hours(24), Clock::start())
}

/// The moment `ago` seconds ago, ms since 1970.
fn ago(seconds: i64) -> i64 {
    Clock::start().now().wall.as_millisecond() - seconds * 1000
}

fn kept(rows: Vec<Row>) -> Work {
    Work { keep: rows, ..Work::default() }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_kill_and_what_was_sent_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = buffer(folder.path(), 1 << 20);
    let rows: Vec<Row> = (0..5).map(|n| row(ago(50 - n))).collect();
    let answer = first.ask(kept(rows.clone())).await.unwrap();
    assert_eq!((answer.fault, answer.pending.rows), (None, 5));
    let (id, head) = answer.head.unwrap();
    assert_eq!(head, rows[0]);
    let answer = first.ask(Work { sent: Some(id), ..Work::default() }).await.unwrap();
    assert_eq!(answer.head.as_ref().map(|(_, row)| row), Some(&rows[1]));
    // As it is at this very moment, its log unfolded: what a killed process leaves.
    let left = tempfile::tempdir().unwrap();
    for name in [file::FILE.to_owned(), format!("{}-wal", file::FILE)] {
        std::fs::copy(folder.path().join(&name), left.path().join(&name)).unwrap();
    }
    let second = buffer(left.path(), 1 << 20);
    let answer = second.ask(Work::default()).await.unwrap();
    assert_eq!((answer.fault, answer.pending), (None, Pending { rows: 4, samples: 12 }));
    assert_eq!((answer.head.unwrap().1, answer.newest), (rows[1].clone(), Some(rows[4].clone())));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(left.path().join(file::FILE)).unwrap().permissions(),
    );
    assert_eq!(mode & 0o077, 0, "nobody else's");
}

#[tokio::test]
async fn the_newest_stays_when_all_was_sent_and_numbers_are_not_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let buffer = buffer(folder.path(), 1 << 20);
    let (id, last) = buffer.ask(kept(vec![row(ago(9))])).await.unwrap().head.unwrap();
    let answer = buffer.ask(Work { sent: Some(id), ..Work::default() }).await.unwrap();
    assert_eq!((answer.head, answer.pending), (None, Pending::default()));
    drop(buffer);
    let buffer = self::buffer(folder.path(), 1 << 20);
    let answer = buffer.ask(kept(vec![row(ago(8))])).await.unwrap();
    assert_eq!((answer.newest, answer.pending.rows), (Some(last), 1));
    assert!(answer.head.unwrap().0.row > id.row);
}

#[tokio::test]
async fn age_and_size_take_the_oldest_but_not_what_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let buffer = buffer(folder.path(), 1_000_000);
    let old: Vec<Row> = (0..3).map(|n| row(ago(90_000 - n))).collect();
    let answer = buffer.ask(kept(old.into_iter().chain([row(ago(9))]).collect())).await.unwrap();
    assert_eq!((answer.gone.too_old, answer.pending.rows), (Pending { rows: 3, samples: 9 }, 1));
    let (busy, under_way) = answer.head.unwrap();

    let began = ago(8);
    let large = |n: i64| Row { at: began + n, samples: 7, body: vec![u8::try_from(n).unwrap(); 60_000].into() };
    let mut gone = Gone::default();
    for n in 0..40 {
        let answer = buffer.ask(Work { keep: vec![large(n)], busy: Some(busy), ..Work::default() }).await.unwrap();
        assert_eq!(answer.fault, None);
        gone.no_room.rows += answer.gone.no_room.rows;
        assert_eq!(answer.head.as_ref().map(|(_, row)| row), Some(&under_way));
        assert_eq!(answer.pending.rows, n + 2 - gone.no_room.rows);
    }
    assert!((20..30).contains(&gone.no_room.rows), "{gone:?}");
    let answer = buffer.ask(Work { sent: Some(busy), ..Work::default() }).await.unwrap();
    assert_eq!(answer.head.unwrap().1.at, large(gone.no_room.rows).at, "the oldest went");
    let size = std::fs::metadata(folder.path().join(file::FILE)).unwrap().len();
    assert!(size < 1_200_000, "{size}");
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_a_removed_one_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file::FILE), "no database at all, and long enough to be read as one".repeat(99))
        .unwrap();
    let buffer = buffer(folder.path(), 1 << 20);
    let answer = buffer.ask(kept(vec![row(ago(9))])).await.unwrap();
    assert_eq!((answer.fault, answer.pending.rows), (None, 1));
    let aside = |name: &std::ffi::OsStr| name.to_string_lossy().contains(".damaged-");
    assert!(std::fs::read_dir(folder.path()).unwrap().any(|entry| aside(&entry.unwrap().file_name())));

    // Only the file: the folder is ours still.
    let (lost, _) = answer.head.unwrap();
    std::fs::remove_file(folder.path().join(file::FILE)).unwrap();
    let answer = buffer.ask(Work { keep: vec![row(ago(8))], sent: Some(lost), ..Work::default() }).await.unwrap();
    assert_eq!((answer.fault, answer.pending.rows), (None, 1), "a number of the old file means nothing in the new one");

    // The folder: another daemon's perhaps, until the store says that it is ours.
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let buffer = self::buffer(&state, 1 << 20);
    assert_eq!(buffer.ask(kept(vec![row(ago(7))])).await.unwrap().fault, None);
    std::fs::rename(&state, folder.path().join("gone")).unwrap();
    std::fs::create_dir(&state).unwrap();
    assert!(buffer.ask(kept(vec![row(ago(6))])).await.unwrap().fault.is_some());
    let answer = buffer.ask(Work { anew: true, ..kept(vec![row(ago(5))]) }).await.unwrap();
    assert_eq!((answer.fault, answer.pending.rows), (None, 1));
}

/// A file with that many rows of some pages each, closed.
fn large_rows(folder: &std::path::Path, count: i64) {
    let limits = Limits { size: 1 << 30, horizon: 0, busy: None };
    let rows: Vec<Row> =
        (0..count).map(|n| Row { at: ago(900 - n), samples: 7, body: vec![7; 13_000].into() }).collect();
    file::File::open(folder).unwrap().write(&rows, 0, limits).unwrap();
}

#[tokio::test]
async fn a_page_that_is_lost_costs_what_was_kept_and_nothing_that_comes() {
    let made = tempfile::tempdir().unwrap();
    large_rows(made.path(), 6);
    let whole = std::fs::read(made.path().join(file::FILE)).unwrap();
    let mut set_aside = 0;
    for page in 1..whole.len() / 4096 {
        let mut torn = whole.clone();
        torn[page * 4096..][..4096].fill(0);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(file::FILE), torn).unwrap();
        let buffer = buffer(folder.path(), 1 << 30);
        // Whatever is found on the way to its end, it is found once.
        let mut work = kept(vec![row(ago(9))]);
        let mut faults = 0;
        loop {
            let answer = buffer.ask(work.clone()).await.unwrap();
            faults += usize::from(answer.fault.is_some());
            assert!(faults < 2, "page {page}: {:?}", answer.fault);
            match answer.head {
                Some((sent, _)) => work = Work { sent: Some(sent), ..Work::default() },
                None if answer.fault.is_some() => {}
                None => break,
            }
        }
        let last = row(ago(8));
        let answer = buffer.ask(kept(vec![last.clone()])).await.unwrap();
        assert_eq!(
            (answer.fault, answer.pending.rows, answer.head.map(|(_, row)| row)),
            (None, 1, Some(last)),
            "page {page}"
        );
        let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        set_aside += names.filter(|name| name.to_string_lossy().contains(".damaged-")).count();
    }
    assert!(set_aside > 10, "{set_aside}");
}

#[test]
fn what_an_outage_took_is_given_back_a_little_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    large_rows(folder.path(), 200);
    let mut file = file::File::open(folder.path()).unwrap();
    file.write(&[], 200, Limits { size: 1 << 30, horizon: 0, busy: None }).unwrap();
    let eyes = rusqlite::Connection::open(folder.path().join(file::FILE)).unwrap();
    let free = || eyes.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0)).unwrap();
    let before = free();
    file.shrink().unwrap();
    assert_eq!(free(), before - 64);
}
