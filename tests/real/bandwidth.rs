//! The bandwidth probe against nginx (download) and a small server of the test's own (upload).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use siaga::domain::{ErrorKind, Verdict};
use siaga::probe::bandwidth::{Config, Probe};
use siaga::probe::budget::Budget;
use siaga::probe::{Context, OwnFarEnd};
use tokio::sync::watch;

use crate::support::cable;
use crate::support::child::free_port;
use crate::support::namespace::inside;
use crate::support::nginx::Nginx;
use crate::support::probe::{context, findings, soon, value};

const SELF: (&str, Verdict) = ("internet.far_end_is_self", Verdict::Degraded);
const UNKNOWN: Verdict = Verdict::Unknown;

/// A far end that counts who is there.
pub(crate) struct FarEnd {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Requests begun since the start.
    begun: AtomicUsize,
    /// Requests under way now.
    now: watch::Sender<usize>,
    /// Uploads under way now, and the most there ever were at once.
    up_now: AtomicUsize,
    up_most: AtomicUsize,
    /// How many bytes a second an upload is read at, at most; 0 for as fast as it comes.
    up_rate: usize,
}

/// A request under way; it ends when its connection does.
struct Visit(Arc<Seen>);

impl Visit {
    fn begin(seen: &Arc<Seen>) -> Self {
        seen.begun.fetch_add(1, Ordering::SeqCst);
        seen.now.send_modify(|now| *now += 1);
        Self(Arc::clone(seen))
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.now.send_modify(|now| *now -= 1);
    }
}

impl FarEnd {
    async fn start(up_rate: usize) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), up_rate).await
    }

    /// On the far side of a cable or a line.
    pub(crate) fn across() -> Self {
        cable::at_far_end(|tell| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tell.send(Self::start_at(cable::FAR, 0).await).unwrap();
                std::future::pending::<()>().await;
            });
        })
    }

    async fn start_at(at: IpAddr, up_rate: usize) -> Self {
        let seen = Arc::new(Seen { up_rate, ..Seen::default() });
        let app = Router::new()
            .route("/down", get(down))
            .route("/endless", get(endless))
            .route("/small", get(|| async { "a page" }))
            .route("/up", post(up))
            .route("/broken", post(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
            .with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind((at, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn chunks(visit: Visit, count: usize) -> Body {
    let chunk = Bytes::from(vec![7; 50_000]);
    let stream = futures_util::stream::iter(0..count).map(move |_| {
        _ = &visit;
        Ok::<_, std::io::Error>(chunk.clone())
    });
    Body::from_stream(stream)
}

/// 20 MB.
async fn down(State(seen): State<Arc<Seen>>) -> Body {
    chunks(Visit::begin(&seen), 400)
}

/// One chunk, and then nothing for ever.
async fn endless(State(seen): State<Arc<Seen>>) -> Body {
    let visit = Visit::begin(&seen);
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"first"))]);
    let rest = futures_util::stream::pending().map(move |()| {
        _ = &visit;
        Ok(Bytes::new())
    });
    Body::from_stream(first.chain(rest))
}

/// Reads everything, no faster than the line that it plays, and answers then.
async fn up(State(seen): State<Arc<Seen>>, body: Body) -> StatusCode {
    let _visit = Visit::begin(&seen);
    seen.up_most.fetch_max(seen.up_now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    let mut body = body.into_data_stream();
    while let Some(Ok(chunk)) = body.next().await {
        if seen.up_rate > 0 {
            #[allow(clippy::cast_precision_loss, reason = "small numbers")]
            let time = chunk.len() as f64 / seen.up_rate as f64;
            tokio::time::sleep(Duration::from_secs_f64(time)).await;
        }
    }
    seen.up_now.fetch_sub(1, Ordering::SeqCst);
    StatusCode::OK
}

/// Settings for `down` and `up`, with whatever `rest` says.
pub(crate) fn config(down: &str, up: &str, rest: &str) -> Config {
    toml::from_str(&format!("down_url = \"{down}\"\nup_url = \"{up}\"\n{rest}")).unwrap()
}

/// A room that nobody uses, and the means to use it. Each test has a check, and so a ledger, of its own.
fn room(check: &str) -> (watch::Sender<bool>, Context) {
    let in_use = watch::Sender::new(false);
    let context = context(check, Duration::from_hours(1), &in_use);
    (in_use, context)
}

/// Whether nothing comes of `what` for a while: a fault may slip through here on a slow day, but no good probe fails.
async fn quiet<T>(what: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(200), what).await.is_err()
}

#[tokio::test]
async fn known_rates_are_found_and_not_the_kernels_buffers() {
    // nginx gives 1 MB/s, and the upload is read at 500 kB/s while the kernel would take megabytes at once.
    let nginx = Nginx::start(&[(None, "limit_rate 1m; location / { }")]);
    std::fs::write(nginx.root().join("file"), vec![7; 20_000_000]).unwrap();
    let far_end = FarEnd::start(500_000).await;
    let (_in_use, context) = room("known_rates");
    let down_url = format!("http://127.0.0.1:{}/file", nginx.port(0));
    let mut probe = Probe::new(config(&down_url, &far_end.url("/up"), ""), context);
    let observation = soon(probe.next()).await;
    assert_eq!(findings(&observation), [SELF]);
    // A server that pauses may be told from a full line, or not.
    let rate = |way, quantity| {
        value(&observation, quantity, None).or(value(&observation, "bandwidth_at_least_bits_per_second", Some(way)))
    };
    let down = rate("down", "bandwidth_down_bits_per_second").unwrap();
    let up = rate("up", "bandwidth_up_bits_per_second").unwrap();
    // Buffers, and bits taken for bytes, would show as more or as an eighth. Less by half is what a busy machine sustains: with
    // a load of nine on two processors 5.5 Mbit/s of the 8.4 were seen.
    // nginx counts by whole seconds, and gives the bytes of one at once: they may count over half a second.
    assert!((3e6..18e6).contains(&down), "{down} for 8.4 Mbit/s");
    assert!((1.5e6..5.5e6).contains(&up), "{up} for 4 Mbit/s");
    let used = value(&observation, "bandwidth_used_bytes_total", None).unwrap();
    assert!(used > 500_000.0 && used < 10_000_000.0, "{used}: three seconds each way at most");
}

#[tokio::test]
async fn our_own_far_end_is_measured_without_any_bound() {
    let far_end = FarEnd::start(0).await;
    let (_in_use, mut context) = room("own_far_end");
    context.own_far_end = Some(Arc::new(OwnFarEnd { stun: far_end.address, http: far_end.address }));
    let observation = soon(Probe::new(Config::default(), context).next()).await;
    assert_eq!(findings(&observation), [SELF]);
    assert!(value(&observation, "bandwidth_up_bits_per_second", None).unwrap() > 1e6);
    let used = value(&observation, "bandwidth_used_bytes_total", None).unwrap();
    assert!(used <= 40_100_000.0, "{used}");
}

#[tokio::test]
async fn what_is_half_done_or_impossible_is_no_result() {
    let far_end = FarEnd::start(0).await;
    let cases = [
        ("/down", "/broken", "", "siaga.bandwidth_half", ErrorKind::Protocol),
        ("/down", "/missing", "", "siaga.bandwidth_half", ErrorKind::Protocol),
        ("/missing", "/up", "", "siaga.bandwidth_failed", ErrorKind::Protocol),
        ("/small", "/up", "", "siaga.bandwidth_failed", ErrorKind::Protocol),
        ("/down", "/up", "line_rate = \"64 kbit/s\"", "siaga.bandwidth_implausible", ErrorKind::Protocol),
        // After its first bytes it gives nothing more: a rate of zero.
        ("/endless", "/up", "duration = \"500ms\"", "siaga.bandwidth_implausible", ErrorKind::Protocol),
    ];
    for (place, (down, up, rest, reason, kind)) in cases.into_iter().enumerate() {
        let (_in_use, context) = room(&format!("no_result_{place}"));
        let observation = soon(Probe::new(config(&far_end.url(down), &far_end.url(up), rest), context).next()).await;
        assert_eq!(findings(&observation), [(reason, UNKNOWN)], "{down} {up}: {:?}", observation.error);
        assert_eq!(observation.error.as_ref().unwrap().kind, kind, "{down} {up}");
        let measured = |quantity| value(&observation, quantity, None);
        assert_eq!(measured("bandwidth_down_bits_per_second"), None, "{down} {up}");
        assert_eq!(measured("bandwidth_up_bits_per_second"), None, "{down} {up}");
        // What it has cost counts all the same.
        assert_eq!(measured("bandwidth_used_today_bytes"), measured("bandwidth_used_bytes_total"), "{down} {up}");
    }
    let dead = format!("http://127.0.0.1:{}/", free_port());
    let (_in_use, context) = room("no_result_dead");
    let observation = soon(Probe::new(config(&dead, &dead, ""), context).next()).await;
    assert_eq!(findings(&observation), [("siaga.bandwidth_failed", UNKNOWN)]);
    assert_eq!(observation.error.unwrap().kind, ErrorKind::Refused);
}

#[tokio::test]
async fn a_room_in_use_is_left_alone() {
    let far_end = FarEnd::start(0).await;
    let (in_use, context) = room("left_alone");
    let settings = config(&far_end.url("/endless"), &far_end.url("/up"), "duration = \"60s\"\nmin_gap = \"0s\"");
    let mut probe = Probe::new(settings, context);
    let mut under_way = far_end.seen.now.subscribe();

    in_use.send_replace(true);
    let mut test = pin!(probe.next());
    assert!(quiet(&mut test).await, "it waits for the room");
    assert_eq!(far_end.seen.begun.load(Ordering::SeqCst), 0);

    // Free: it begins. In use again: the connection ends at once, with nothing told.
    in_use.send_replace(false);
    soon(async {
        tokio::select! {
            observation = &mut test => panic!("{observation:?}"),
            outcome = under_way.wait_for(|now| *now == 1) => { outcome.unwrap(); }
        }
    })
    .await;
    in_use.send_replace(true);
    soon(async {
        tokio::select! {
            observation = &mut test => panic!("{observation:?}"),
            outcome = under_way.wait_for(|now| *now == 0) => { outcome.unwrap(); }
        }
    })
    .await;
    assert_eq!(far_end.seen.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn never_two_at_once() {
    let far_end = FarEnd::start(2_000_000).await;
    let budget = Budget::default();
    let one = |check: &str| {
        let (in_use, context) = room(check);
        let context = Context { budget: budget.clone(), ..context };
        // Ended by its bytes: a busy machine may take longer for a first answer than a short test lasts.
        let settings = config(&far_end.url("/down"), &far_end.url("/up"), "duration = \"20s\"\nmax_bytes = \"1 MB\"");
        async move {
            let observation = soon(Probe::new(settings, context).next()).await;
            drop(in_use);
            observation
        }
    };
    let (first, second, third) = tokio::join!(one("at_once_1"), one("at_once_2"), one("at_once_3"));
    for observation in [first, second, third] {
        assert_eq!(findings(&observation), [SELF], "{:?}", observation.error);
    }
    assert_eq!(far_end.seen.up_most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn gap_and_daily_budget_are_kept() {
    let far_end = FarEnd::start(0).await;
    let in_use = watch::Sender::new(false);
    let budget = Budget::default();
    let at_once = |check| Context { budget: budget.clone(), ..context(check, Duration::from_millis(1), &in_use) };
    let rest = "max_bytes = \"1 MB\"\ndaily_budget = \"3 MB\"\nmin_gap = \"0s\"";
    let mut probe = Probe::new(config(&far_end.url("/down"), &far_end.url("/up"), rest), at_once("budget"));
    assert_eq!(findings(&soon(probe.next()).await), [SELF]);
    // No observation: the result of before stands as long as it is fresh.
    let begun = far_end.seen.begun.load(Ordering::SeqCst);
    assert!(quiet(probe.next()).await);
    // A reload makes a new probe, and no new budget; it has no result of its own that could stand.
    let mut reloaded = Probe::new(config(&far_end.url("/down"), &far_end.url("/up"), rest), at_once("budget"));
    assert_eq!(findings(&soon(reloaded.next()).await), [("siaga.bandwidth_budget_spent", UNKNOWN)]);

    // Nor does it shorten the gap.
    let wide = || Probe::new(config(&far_end.url("/missing"), &far_end.url("/up"), ""), at_once("gap"));
    let first = soon(wide().next()).await;
    assert_eq!(findings(&first), [("siaga.bandwidth_failed", UNKNOWN)]);
    assert!(quiet(wide().next()).await);
    assert_eq!(far_end.seen.begun.load(Ordering::SeqCst), begun);
}

/// On a line of 8 Mbit/s with a queue of 300 ms, whoever comes meanwhile waits for the queue; with a short one, nobody does.
#[test]
fn what_a_transfer_does_to_the_delay_is_told_beside_the_empty_line() {
    if !inside("bandwidth::what_a_transfer_does_to_the_delay_is_told_beside_the_empty_line") {
        return;
    }
    cable::lay();
    let far_end = FarEnd::across();
    cable::shape("8mbit", 300);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = |name| {
        runtime.block_on(async {
            let (_in_use, context) = room(name);
            let probe = Probe::new(config(&far_end.url("/down"), &far_end.url("/up"), "max_bytes = \"5 MB\""), context);
            let observation = soon({ probe }.next()).await;
            assert_eq!(findings(&observation), []);
            observation
        })
    };
    let full = test("queue");
    // Not so short that it drops the first packet of most connections: then there would be no delay to tell.
    cable::shape("8mbit", 25);
    let short = test("short_queue");
    for direction in ["down", "up"] {
        let told = |of, quantity: &str| {
            value(of, quantity, Some(direction)).unwrap_or_else(|| panic!("{direction}: no {quantity}: {of:?}"))
        };
        let (idle, loaded) =
            (told(&full, "bandwidth_idle_delay_seconds"), told(&full, "bandwidth_loaded_delay_seconds"));
        assert!(loaded > 0.1 && loaded - idle > 0.1, "{direction}: {loaded} beside {idle}");
        let rpm = told(&full, "bandwidth_round_trips_per_minute");
        assert!(rpm < 600.0, "{direction}: {rpm} round trips a minute through a queue of 300 ms");
        let loaded = told(&short, "bandwidth_loaded_delay_seconds");
        assert!(loaded < 0.1, "{direction}: {loaded} with a short queue");
    }
    let grade = |of| {
        let given = |grade: &&&str| value(of, "bandwidth_added_delay_grade", Some(grade)) == Some(1.0);
        *["A+", "A", "B", "C", "D", "F"].iter().find(given).unwrap()
    };
    assert!(["C", "D", "F"].contains(&grade(&full)), "{}", grade(&full));
    assert!(["A+", "A", "B"].contains(&grade(&short)), "{}", grade(&short));
}
