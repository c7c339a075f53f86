//! A thousand clients that hold connections and finish nothing, in the clear and over TLS, while others ask how the room is.
#![allow(clippy::print_stdout, reason = "what was measured is read with --nocapture")]

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;

use super::support::certificates::Authority;
use super::support::child::wait_until;
use super::support::daemon::{Answer, Daemon, room};
use super::support::namespace::{inside, ip};
use super::tokens::NOTHING;
use super::web_tls::issue;

/// How many hold connections.
const CROWD: u16 = 1000;

/// Where they come from, and where somebody else does.
const THEIRS: &str = "192.0.2.66";
const ANOTHERS: &str = "192.0.2.10";

/// When it counts as no answer. Not how fast it must be (`figures` asserts that, by hand), but what a supervisor's patience ends at, so that
/// a thousand clients would have made somebody restart the daemon; long enough for a machine that others keep busy.
const CEILING: Duration = Duration::from_secs(30);

/// What somebody does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Nothing at all.
    Silent,
    /// A head, a byte every so often.
    SlowHead,
    /// A body, a byte every so often.
    SlowBody,
    /// Asks for much, again and again, and reads nothing.
    ReadsNothing,
    /// Listens to what keeps pages true, and reads nothing.
    Streams,
    /// Begins to shake hands and does not go on.
    HalfShaken,
}

const HABITS: [Habit; 6] =
    [Habit::Silent, Habit::SlowHead, Habit::SlowBody, Habit::ReadsNothing, Habit::Streams, Habit::HalfShaken];

/// The pace of those who dawdle, and of those who were cut and come again.
const DAWDLE: Duration = Duration::from_millis(700);

async fn hold(address: SocketAddr, habit: Habit, tls: Option<Arc<ClientConfig>>) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    // Otherwise the kernel takes all that they do not read.
    socket.set_recv_buffer_size(4096)?;
    socket.bind(SocketAddr::new(THEIRS.parse::<IpAddr>().unwrap(), 0))?;
    let mut stream = socket.connect(address).await?;
    match (habit, tls) {
        (Habit::HalfShaken, _) => {
            stream.write_all(&[22, 3, 1, 2, 0, 1]).await?;
            stream.read_u8().await.map(drop)
        }
        (Habit::Silent, _) => stream.read_u8().await.map(drop),
        (_, None) => dawdle(stream, habit).await,
        (_, Some(tls)) => {
            let name = ServerName::try_from("siaga.example.net").unwrap();
            dawdle(TlsConnector::from(tls).connect(name, stream).await?, habit).await
        }
    }
}

async fn dawdle(mut stream: impl AsyncRead + AsyncWrite + Unpin, habit: Habit) -> std::io::Result<()> {
    let ask =
        |method: &str, path: &str, more: &str| format!("{method} {path} HTTP/1.1\r\nHost: 192.0.2.1\r\n{more}\r\n");
    let slowly = match habit {
        Habit::SlowHead => ask("GET", "/", &format!("X-Slow: {}\r\n", "x".repeat(4000))),
        Habit::SlowBody => {
            stream
                .write_all(
                    ask(
                        "POST",
                        "/login",
                        "Content-Length: 4000\r\nContent-Type: application/x-www-form-urlencoded\r\n",
                    )
                    .as_bytes(),
                )
                .await?;
            "x".repeat(4000)
        }
        Habit::ReadsNothing => loop {
            stream.write_all(ask("GET", "/api/v1/openapi.json", "").as_bytes()).await?;
            stream.flush().await?;
            tokio::time::sleep(DAWDLE).await;
        },
        _ => {
            stream.write_all(ask("GET", "/events", "").as_bytes()).await?;
            stream.flush().await?;
            // Long enough for any test; a cut connection is found out by a write.
            loop {
                tokio::time::sleep(DAWDLE * 10).await;
                stream.write_all(b"\r\n").await?;
            }
        }
    };
    for byte in slowly.bytes() {
        stream.write_all(&[byte]).await?;
        stream.flush().await?;
        tokio::time::sleep(DAWDLE).await;
    }
    Ok(())
}

/// All of them, each of whom comes again when cut, until it is dropped.
struct Crowd {
    _end: tokio::sync::oneshot::Sender<()>,
}

impl Crowd {
    fn come(address: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Self {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let tls = tls.cloned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                for number in 0..CROWD {
                    let (habit, tls) = (HABITS[usize::from(number) % HABITS.len()], tls.clone());
                    tokio::spawn(async move {
                        loop {
                            _ = hold(address, habit, tls.clone()).await;
                            tokio::time::sleep(DAWDLE).await;
                        }
                    });
                }
                _ = ended.await;
            });
        });
        Self { _end: end }
    }
}

/// Asks over a new connection from `source`, and how long that took, the handshake included.
#[allow(
    clippy::disallowed_methods,
    reason = "what is measured is how long somebody else waits; the code under test takes a Clock"
)]
fn ask(address: SocketAddr, source: &str, tls: Option<&Arc<ClientConfig>>) -> Duration {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
        tokio::time::timeout(CEILING, socket.connect(address)).await.expect("a connection in time").unwrap()
    });
    let mut stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(CEILING)).unwrap();
    let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    match tls {
        None => {
            stream.write_all(request).unwrap();
            stream.read_to_end(&mut answer).unwrap();
        }
        Some(tls) => {
            let name = ServerName::try_from("siaga.example.net").unwrap();
            let mut stream = StreamOwned::new(ClientConnection::new(Arc::clone(tls), name).unwrap(), stream);
            stream.write_all(request).unwrap();
            stream.read_to_end(&mut answer).unwrap();
        }
    }
    let took = began.elapsed();
    // The verdict of a room with nothing in it; not the word that it is full.
    assert!(answer.ends_with(b"\r\n\r\nunknown\n"), "{}", String::from_utf8_lossy(&answer));
    took
}

fn median(mut all: Vec<Duration>) -> (Duration, Duration) {
    all.sort_unstable();
    (all[all.len() / 2], all[all.len() - 1])
}

fn series(daemon: &Daemon, name: &str) -> f64 {
    let metrics = daemon.get("/metrics").body;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name}:\n{metrics}")).parse().unwrap()
}

/// Of each who asks, the medians and greatest times, while nobody else is there and while the crowd is.
fn measured(times: usize, tls: bool) -> Vec<(&'static str, Duration, Duration)> {
    ip(&[
        &format!("address replace {THEIRS}/32 dev lo"),
        &format!("address replace {ANOTHERS}/32 dev lo"),
        "address replace 192.0.2.1/32 dev lo",
    ]);
    // Two sockets a connection would not fit in the usual 1024 files.
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    rustix::process::setrlimit(
        rustix::process::Resource::Nofile,
        rustix::process::Rlimit { current: most.maximum, maximum: most.maximum },
    )
    .unwrap();
    let authority = Authority::new();
    let pair = issue(&authority, "one", 30);
    let sealed =
        format!("tls = {{ certificate_file = \"{}\", key_file = \"{}\" }}\n", pair.file.display(), pair.key.display());
    let folder = room(&format!(
        "{NOTHING}[web]\nlisten = \"0.0.0.0:0\"\nopen_to = \"everyone\"\n{}",
        if tls { &sealed } else { "" }
    ));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&authority.file).unwrap()).unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
    let client = Arc::new(client.with_root_certificates(roots).with_no_client_auth());
    let client = tls.then_some(&client);
    // With as many files as a service has, unless somebody says otherwise.
    let mut command = std::process::Command::new("prlimit");
    command.args(["--nofile=1024:1024", "--", env!("CARGO_BIN_EXE_siaga")]);
    let daemon = Daemon::start_by(command, folder.path());
    let port = daemon.address().port();
    let here = SocketAddr::new("127.0.0.1".parse().unwrap(), port);
    let outside = SocketAddr::new("192.0.2.1".parse().unwrap(), port);
    daemon.wait_for("/-/ready", "the first round", |answer| answer.status == 200);
    let series_of = |what: &'static str, address, source, tls: Option<&Arc<ClientConfig>>| {
        let (median, greatest) = median((0..times).map(|_| ask(address, source, tls)).collect());
        (what, median, greatest)
    };
    let mut all = vec![series_of("alone, on this machine", here, "127.0.0.1", client)];
    let crowd = Crowd::come(outside, client);
    wait_until(|| series(&daemon, "siaga_web_connections{from=\"elsewhere\"}") > 250.0);
    let turned_away = || {
        ["cut", "refused"]
            .map(|how| series(&daemon, &format!("siaga_web_connections_{how}_total{{from=\"elsewhere\"}}")))
    };
    wait_until(|| turned_away().iter().sum::<f64>() > f64::from(CROWD - 256));
    all.push(series_of("on this machine, in the clear", here, "127.0.0.1", None));
    all.push(series_of("on this machine", here, "127.0.0.1", client));
    all.push(series_of("from elsewhere, as one of many", outside, ANOTHERS, client));
    let open = series(&daemon, "siaga_web_connections{from=\"elsewhere\"}");
    assert!((200.0..=256.0).contains(&open), "{open} are open, and the places are 256");
    assert!(series(&daemon, "siaga_web_connections_refused_total{from=\"this_machine\"}") < 0.5);
    assert!(series(&daemon, "siaga_web_connections_cut_total{from=\"this_machine\"}") < 0.5);
    let files = series(&daemon, "process_open_fds");
    assert!(files < 700.0, "{files} files are open");
    println!(
        "resident {:.0} MB, files {files}, load {}",
        series(&daemon, "process_resident_memory_bytes") / 1e6,
        std::fs::read_to_string("/proc/loadavg").unwrap().trim()
    );
    println!("cut and refused by then: {:?}", turned_away());
    // When they are gone all is as before.
    drop(crowd);
    wait_until(|| series(&daemon, "siaga_web_connections{from=\"elsewhere\"}") < 0.5);
    assert_eq!(daemon.log().matches("more connections than a room has readers").count(), 1, "{}", daemon.log());
    daemon.stop();
    all
}

fn told(all: &[(&str, Duration, Duration)]) {
    for (what, median, greatest) in all {
        println!(
            "{what}: median {:.1} ms, greatest {:.1} ms",
            median.as_secs_f64() * 1e3,
            greatest.as_secs_f64() * 1e3
        );
    }
}

#[test]
fn a_thousand_who_hold_connections_in_the_clear_keep_nobody_from_the_answer() {
    if inside("slow_clients::a_thousand_who_hold_connections_in_the_clear_keep_nobody_from_the_answer") {
        told(&measured(41, false));
    }
}

#[test]
fn a_thousand_who_hold_connections_over_tls_keep_nobody_from_the_answer() {
    if inside("slow_clients::a_thousand_who_hold_connections_over_tls_keep_nobody_from_the_answer") {
        told(&measured(41, true));
    }
}

/// Three months of ten checks, hour by hour: what an outlook of a week has to read.
const HISTORY: &str = "INSERT INTO series (id, check_name, quantity, part)
     WITH RECURSIVE checks (id) AS (SELECT 1000 UNION ALL SELECT id + 1 FROM checks WHERE id < 1009)
     SELECT id, 'far' || id, 'icmp_rtt_seconds', '' FROM checks;
     INSERT INTO hours (hour, series, count, mean, min, max, minutes)
     WITH RECURSIVE hours_ago (hour) AS (SELECT 0 UNION ALL SELECT hour + 1 FROM hours_ago WHERE hour < 2200)
     SELECT CAST(strftime('%s', 'now') AS INTEGER) / 3600 - hour, id, 60, 0.02, 0.01, 0.1, zeroblob(60)
     FROM hours_ago CROSS JOIN series WHERE id >= 1000;";

/// The threads of a process.
fn threads(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok()).unwrap()
}

#[test]
fn many_who_ask_for_weeks_of_history_at_once_take_few_threads_and_keep_nobody_from_the_answer() {
    const ASKING: usize = 200;
    /// Those that are there anyway, four that read, four that wait for evidence, one that reckons.
    const FEW: usize = 24;
    let folder = room(NOTHING);
    // The daemon makes the file, and has closed it when it has gone.
    Daemon::start(folder.path()).stop();
    let file = folder.path().join("state/siaga.db");
    rusqlite::Connection::open(file).unwrap().execute_batch(HISTORY).unwrap();
    let daemon = Daemon::start(folder.path());
    daemon.wait_for("/-/ready", "the first round", |answer| answer.status == 200);
    // Each hour of a week, in each of the weeks that are looked back at.
    let day = jiff::SignedDuration::from_hours(24);
    let begins = siaga::clock::Clock::start().now().wall.checked_add(day * 3).unwrap();
    let ends = begins.checked_add(day * 7).unwrap();
    let request = format!(
        "GET /api/v1/readiness?start={begins:.0}&end={ends:.0} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    );
    // All are there before the first of them asks.
    let connect = |_| {
        let stream = std::net::TcpStream::connect(daemon.address()).unwrap();
        stream.set_read_timeout(Some(CEILING)).unwrap();
        stream
    };
    let mut all: Vec<_> = (0..ASKING).map(connect).collect();
    for stream in &mut all {
        stream.write_all(request.as_bytes()).unwrap();
    }
    let reading = std::thread::spawn(move || {
        let read = |mut stream: std::net::TcpStream| {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        all.into_iter().map(read).collect::<Vec<_>>()
    });
    let mut most = threads(daemon.pid());
    while !reading.is_finished() {
        ask(daemon.address(), "127.0.0.1", None);
        most = most.max(threads(daemon.pid()));
    }
    // A thread that has nothing to do is kept for ten seconds: what was missed in between shows now.
    most = most.max(threads(daemon.pid()));
    println!("{most} threads at most");
    assert!(most <= FEW, "{most} threads");
    let answers = reading.join().unwrap();
    let with_an_outlook = answers.iter().filter(|answer| answer.contains("\"weeks_asked\":13")).count();
    assert_eq!(with_an_outlook, ASKING, "{:?}", answers.iter().find(|answer| !answer.contains("weeks_asked")));
    // Those whose turn did not come in time are told so, and not that there was nothing.
    let told = |answer: &&String| answer.contains("\"error\":null") || answer.contains("did not answer within 1 s");
    assert_eq!(answers.iter().filter(told).count(), ASKING);
    let is_read = |answer: &Answer| answer.json()["outlook"]["error"].is_null();
    let path = format!("/api/v1/readiness?start={begins:.0}&end={ends:.0}");
    daemon.wait_for(&path, "history is read again", is_read);
    daemon.stop();
}

/// The figure that is wanted, for a release build and a quiet machine: `cargo test --release --test real -- --ignored slow_clients::figures`.
#[test]
#[ignore = "speed: by hand, on a quiet machine"]
fn figures() {
    if !inside("slow_clients::figures") {
        return;
    }
    for tls in [false, true] {
        let all = measured(201, tls);
        println!("{}", if tls { "over TLS" } else { "in the clear" });
        told(&all);
        for (what, median, _) in all {
            assert!(median < Duration::from_millis(10), "{what}: {median:?}");
        }
    }
}
