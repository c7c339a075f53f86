//! Many rooms, by what one real room exports: `make fleet` measures what a Prometheus makes of hundreds of them.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use siaga::clock::Clock;
use tokio::net::TcpListener;

use super::dashboards;
use super::everything::Everything;
use super::server::Prometheus;

/// Rooms, unless `SIAGA_ROOMS` says otherwise.
const ROOMS: usize = 500;
/// So often each is scraped before it is measured, unless `SIAGA_SCRAPES` says otherwise: five minutes of the shipped interval.
const SCRAPES: u64 = 20;
/// So often each query is asked.
const ASKED: usize = 21;

/// One line of a real room's exposition.
enum Line {
    /// `# HELP`, `# TYPE`, and what stays as it is.
    Same(String),
    /// A series, and how its value goes on.
    Series(String, Course, f64),
}

/// How a value goes on from scrape to scrape.
enum Course {
    /// A moment that is told as now: the judge has just spoken.
    Now,
    /// It grows.
    Counts,
    /// It wanders by some parts of a hundred, so that no scrape is like the one before: the hardest for a database of series.
    Wanders,
    /// One of several states: of the room that it was taken from in most rooms.
    Stays,
}

/// The exposition of a real room, as a pattern for others.
struct Pattern(Vec<Line>);

impl Pattern {
    fn of(body: &str) -> Self {
        let lines = body.lines().map(|line| {
            let Some((series, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else {
                return Line::Same(line.to_owned());
            };
            let name = series.split('{').next().unwrap_or_default();
            let value: f64 = value.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
            let course = match name {
                "siaga_snapshot_timestamp_seconds" | "siaga_check_last_observation_timestamp_seconds" => Course::Now,
                _ if name.ends_with("_total") => Course::Counts,
                _ if name.ends_with("_timestamp_seconds") || name.starts_with("siaga_limit_") => Course::Stays,
                _ if value.fract() != 0.0 || value > 100.0 => Course::Wanders,
                _ => Course::Stays,
            };
            Line::Series(series.to_owned(), course, value)
        });
        Self(lines.collect())
    }

    fn series(&self) -> usize {
        self.0.iter().filter(|line| matches!(line, Line::Series(..))).count()
    }

    /// What room `number` says at its scrape `turn`, `now` in seconds since 1970. Of ten rooms one is in use, and one is without power.
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    fn say(&self, number: usize, turn: u64, now: f64) -> String {
        let mut text = String::with_capacity(128 * 1024);
        let bad = number.is_multiple_of(10);
        for line in &self.0 {
            let (series, value) = match line {
                Line::Same(line) => {
                    text.push_str(line);
                    text.push('\n');
                    continue;
                }
                Line::Series(series, course, value) => {
                    let value = match course {
                        Course::Now => now,
                        Course::Counts => value + turn as f64 * 3.0,
                        Course::Wanders => value * (1.0 + ((number as u64 * 31 + turn * 17) % 97) as f64 / 1000.0),
                        Course::Stays if series.starts_with("siaga_room_in_use") => {
                            f64::from(u8::from(number % 10 == 1))
                        }
                        // The room that was taken is without power.
                        Course::Stays if series.starts_with("siaga_room_state") && !bad => {
                            f64::from(u8::from(series.contains("state=\"ready\"")))
                        }
                        Course::Stays => *value,
                    };
                    (series.replace("room=\"rapat_1\"", &format!("room=\"rapat_{number}\"")), value)
                }
            };
            _ = writeln!(text, "{series} {value}");
        }
        text
    }
}

/// One room of many.
#[derive(Clone)]
struct Room {
    pattern: Arc<Pattern>,
    number: usize,
    turn: Arc<AtomicU64>,
    clock: Clock,
}

async fn metrics(State(room): State<Room>) -> ([(&'static str, &'static str); 1], String) {
    let turn = room.turn.fetch_add(1, Ordering::Relaxed);
    let now = room.clock.now().wall.as_millisecond();
    #[allow(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay below 2^53")]
    let text = room.pattern.say(room.number, turn, now as f64 / 1e3);
    ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// Serves so many rooms from this one process, each at an address of its own on loopback; where.
async fn rooms(pattern: &Arc<Pattern>, count: usize) -> Vec<String> {
    let clock = Clock::start();
    let mut addresses = Vec::new();
    for number in 0..count {
        let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
        let listener = TcpListener::bind((Ipv4Addr::new(127, 100, high, low), 0)).await.unwrap();
        addresses.push(listener.local_addr().unwrap().to_string());
        let room = Room { pattern: Arc::clone(pattern), number, turn: Arc::default(), clock };
        let router = Router::new().route("/metrics", get(metrics)).with_state(room);
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    addresses
}

fn asked_for<T: std::str::FromStr>(variable: &str, otherwise: T) -> T {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// A number of Prometheus' own exposition; the sum where it has labels.
fn own(text: &str, name: &str) -> f64 {
    let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let values = text.lines().filter(of_name).filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum()
}

#[tokio::test]
#[ignore = "takes five minutes and more; `make fleet` runs it"]
async fn so_many_rooms_for_one_prometheus() {
    let (count, scrapes) = (asked_for("SIAGA_ROOMS", ROOMS), asked_for("SIAGA_SCRAPES", SCRAPES));
    let body = tokio::task::spawn_blocking(|| {
        let everything = Everything::start();
        let live = |answer: &crate::support::daemon::Answer| answer.body.contains("phase=\"live\"} 1");
        everything.daemon.wait_for("/metrics", "the meeting has begun", live).body
    });
    let body = body.await.unwrap();
    let pattern = Arc::new(Pattern::of(&body));
    let series = pattern.series();
    let addresses = rooms(&pattern, count).await;
    let prometheus = Prometheus::over_at_its_pace(&addresses);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().unwrap();
    let clock = Clock::start();
    let (mut begun, enough) = (None, format!("min(count_over_time(up{{job=\"siaga\"}}[1d])) >= {scrapes}"));
    let mut ticker = tokio::time::interval(Duration::from_secs(1));
    let patience = Duration::from_secs(60 + scrapes * 20);
    loop {
        ticker.tick().await;
        // From when all have been scraped once.
        if begun.is_none() && prometheus.holds(&client, &format!("count(up{{job=\"siaga\"}} == 1) == {count}")).await {
            begun = Some((clock.mono(), prometheus.own(&client).await));
        }
        if prometheus.holds(&client, &enough).await {
            break;
        }
        assert!(clock.elapsed() < patience, "not {scrapes} scrapes of {count} rooms within {patience:?}");
    }
    let (since, before) = begun.expect("all rooms answered at once, at some moment");
    let (span, after) = (clock.mono().since(since).as_secs_f64(), prometheus.own(&client).await);
    let rate = |name: &str| (own(&after, name) - own(&before, name)) / span;
    let (samples, cpu) = (rate("prometheus_tsdb_head_samples_appended_total"), rate("process_cpu_seconds_total"));
    let missed =
        prometheus.number(&client, "sum(count_over_time((up{job=\"siaga\"} == 0)[1d:15s])) or vector(0)").await;
    // Of the last two minutes: the first scrape of all makes their series.
    let lasted = |share: f64| {
        format!("quantile({share}, quantile_over_time({share}, scrape_duration_seconds{{job=\"siaga\"}}[2m]))")
    };
    let (usual, slow) =
        (prometheus.number(&client, &lasted(0.5)).await, prometheus.number(&client, &lasted(0.99)).await);
    let mut told = format!(
        "rooms {count}, series a room {series}, exposition a room {} kB\n\
         seconds {span:.0}, scrapes missed {missed}, a scrape {usual:.3} s (median), {slow:.3} s (99th percentile)\n\
         samples a second {samples:.0}, Prometheus' CPU {cpu:.3} cores\n\
         series in the head {:.0}, resident {:.0} MB, Go heap in use {:.0} MB\n\
         rule groups' slowest round {:.3} s, load of the machine {}\n",
        body.len() / 1000,
        own(&after, "prometheus_tsdb_head_series"),
        own(&after, "process_resident_memory_bytes") / 1e6,
        own(&after, "go_memstats_heap_inuse_bytes") / 1e6,
        prometheus.slowest_group(&client).await,
        std::fs::read_to_string("/proc/loadavg").unwrap().split(' ').next().unwrap(),
    );
    // Nine of ten are ready, and each is known. What was missed is told and not asserted: it is the machine's.
    for (query, rooms) in [("", count), (" == 0", count - count.div_ceil(10))] {
        let verdict = format!("siaga:room_verdict{{profile=\"zoom_group_720\"}}{query}");
        prometheus.answered(&client, &format!("count(count_over_time(({verdict})[5m:15s])) == {rooms}")).await;
    }
    for (place, query) in dashboards::of_the_fleet() {
        let mut times = Vec::new();
        for _ in 0..ASKED {
            let asked_at = clock.mono();
            prometheus.query(&client, &query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
            times.push(clock.mono().since(asked_at).as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        _ = writeln!(told, "{place}: median {:.1} ms, worst {:.1} ms", times[ASKED / 2], times[ASKED - 1]);
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench");
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(format!("{folder}/fleet_{count}.txt"), &told).unwrap();
    println!("{told}");
}
